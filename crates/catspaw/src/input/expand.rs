//! From paths to files.

use std::collections::HashSet;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use super::{Problem, Source, What};

/// What the paths on a command line come to.
#[derive(Debug, Default)]
pub(crate) struct Expanded {
    /// What to read, in the order of the command line, directories by name.
    pub(crate) sources: Vec<Source>,
    /// What cannot be read.
    pub(crate) problems: Vec<Problem>,
}

/// Finds the files behind `paths`: files, directories with all that is below them, and `-`, standard input, which
/// is read once however often it is named.
pub(crate) fn expand<P: AsRef<Path>>(paths: &[P]) -> Expanded {
    let mut search = Search::default();
    for path in paths {
        search.named(path.as_ref());
    }
    search.found
}

#[derive(Default)]
struct Search {
    found: Expanded,
    /// Directories that were searched, by their one true name: links may lead in a circle, or many ways to one place.
    searched: HashSet<PathBuf>,
    standard_input: bool,
}

impl Search {
    fn named(&mut self, path: &Path) {
        if path.as_os_str() == "-" {
            if !std::mem::replace(&mut self.standard_input, true) {
                self.found.sources.push(Source::standard_input());
            }
            return;
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.named_directory(path),
            // A pipe or a device that was named is read like a file: `catspaw scan <(...)`.
            Ok(_) => self.found.sources.push(Source::file(path.to_owned(), true)),
            Err(error) => self.problem(path, true, error),
        }
    }

    fn named_directory(&mut self, path: &Path) {
        let (sources, problems) = (self.found.sources.len(), self.found.problems.len());
        let again = !self.directory(path, true);
        if !again && self.found.sources.len() == sources && self.found.problems.len() == problems {
            self.found.problems.push(problem(path, true, What::NoFile));
        }
    }

    /// Searches a directory; `false` where that was done before.
    fn directory(&mut self, path: &Path, named: bool) -> bool {
        let found = fs::canonicalize(path).and_then(|true_name| {
            let first_time = self.searched.insert(true_name);
            if first_time { entries(path).map(Some) } else { Ok(None) }
        });
        match found {
            Ok(Some(entries)) => entries.iter().for_each(|entry| self.met(entry)),
            Ok(None) => return false,
            Err(error) => self.problem(path, named, error),
        }
        true
    }

    fn met(&mut self, entry: &DirEntry) {
        let path = entry.path();
        let kind = match entry.file_type() {
            Ok(kind) if kind.is_symlink() => fs::metadata(&path).map(|metadata| metadata.file_type()),
            kind => kind,
        };
        match kind {
            Ok(kind) if kind.is_dir() => {
                self.directory(&path, false);
            }
            Ok(kind) if kind.is_file() => self.found.sources.push(Source::file(path, false)),
            // A pipe that nobody writes to would hold up everything.
            Ok(_) => self.found.problems.push(problem(&path, false, What::Special)),
            Err(error) => self.problem(&path, false, error),
        }
    }

    fn problem(&mut self, path: &Path, named: bool, error: io::Error) {
        self.found.problems.push(problem(path, named, What::from_opening(error)));
    }
}

/// The entries of a directory by name, so that a run does not depend on the order of the disk.
fn entries(path: &Path) -> io::Result<Vec<DirEntry>> {
    let mut entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(DirEntry::file_name);
    Ok(entries)
}

fn problem(path: &Path, named: bool, what: What) -> Problem {
    Problem { path: path.to_string_lossy().into_owned(), named, what }
}

impl What {
    /// What it means that something could not be opened.
    pub(super) fn from_opening(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            _ => Self::Unreadable(error),
        }
    }
}
