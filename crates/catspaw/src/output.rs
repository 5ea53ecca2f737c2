//! Files that a run writes: whole or not at all, and never over what it reads.

use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file that is being written. Until [`Output::keep`] what was there before is there still.
#[derive(Debug)]
pub(crate) struct Output {
    path: PathBuf,
    target: Target,
}

#[derive(Debug)]
enum Target {
    /// A new file beside the old one, which takes its name in the end.
    Beside(NamedTempFile),
    /// What is no regular file (a pipe, a device) is written as it comes.
    Itself(File),
}

/// What must not be written over, and what is written already.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    files: Vec<(u64, u64)>,
    outputs: Vec<PathBuf>,
}

impl Taken {
    /// Nothing may be written over the file at `path`.
    pub(crate) fn protect(&mut self, path: &Path) {
        self.files.extend(fs::metadata(path).ok().filter(Metadata::is_file).map(|m| (m.dev(), m.ino())));
    }

    /// Nor over the file that standard input comes from.
    pub(crate) fn protect_standard_input(&mut self) {
        self.protect(Path::new("/dev/stdin"));
    }

    /// Opens what `option` names for writing.
    ///
    /// # Errors
    /// Where it is read or written already, or cannot be written.
    pub(crate) fn create(&mut self, option: &str, path: &Path) -> Result<Output, String> {
        if path.as_os_str() == "-" {
            return Err(format!("{option} -: standard output has the report: name a file, or /dev/stderr"));
        }
        let there = fs::metadata(path).ok();
        let is_taken = there.as_ref().is_some_and(|m| self.files.contains(&(m.dev(), m.ino())));
        let unwritten = |e: &io::Error| format!("{}: cannot be written: {e}", path.display());
        let resolved = resolve(path).map_err(|e| unwritten(&e))?;
        if is_taken || self.outputs.contains(&resolved) {
            let path = path.display();
            return Err(format!(
                "{option} {path}: this file is read or written already, and would be lost: name another"
            ));
        }
        let target = match there {
            Some(there) if !there.is_file() => File::create(path).map(Target::Itself),
            _ => beside(&resolved).map(Target::Beside),
        };
        let target = target.map_err(|e| unwritten(&e))?;
        self.outputs.push(resolved.clone());
        Ok(Output { path: resolved, target })
    }
}

impl Output {
    /// Where it will be.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What to write to.
    pub(crate) fn file(&self) -> &File {
        match &self.target {
            Target::Beside(file) => file.as_file(),
            Target::Itself(file) => file,
        }
    }

    /// It is complete: it takes its name.
    ///
    /// # Errors
    /// Where it cannot be renamed.
    pub(crate) fn keep(self) -> Result<(), String> {
        match self.target {
            Target::Beside(file) => file
                .persist(&self.path)
                .map(drop)
                .map_err(|e| format!("{}: cannot be written: {}", self.path.display(), e.error)),
            Target::Itself(_) => Ok(()),
        }
    }
}

/// The path with its links followed, also where there is no file yet.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    if let Ok(there) = path.canonicalize() {
        return Ok(there);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or_else(|| io::Error::other("it names no file"))?;
    Ok(folder.canonicalize()?.join(name))
}

fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    // As any new file: what the umask leaves.
    tempfile::Builder::new().prefix(".catspaw-").permissions(Permissions::from_mode(0o666)).tempfile_in(folder)
}
