//! Runs the binary in a directory of its own.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// A directory with evidence.
pub(crate) struct Place {
    directory: tempfile::TempDir,
}

/// What a run said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// With one file.
    pub(crate) fn with(name: &str, content: impl AsRef<[u8]>) -> Self {
        let place = Self::new();
        place.write(name, content);
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_catspaw"));
        command.current_dir(self.path()).arg("scan").args(arguments).env("COLUMNS", "100").env_remove("NO_COLOR");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn scan(&self, arguments: &[&str]) -> Said {
        Said::of(self.command(arguments))
    }

    pub(crate) fn scan_input(&self, arguments: &[&str], input: &[u8]) -> Said {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        // It may have ended without reading all of it.
        _ = child.stdin.take().unwrap().write_all(input);
        Said::from(child.wait_with_output().unwrap())
    }

    /// The JSON report of a run that gave one.
    pub(crate) fn report(&self, arguments: &[&str]) -> Value {
        let said = self.scan(&[arguments, &["--format", "json"]].concat());
        assert!(matches!(said.status, Some(0 | 1)), "{said:?}");
        serde_json::from_str(&said.out).unwrap()
    }

    /// The rows of `--connections`.
    pub(crate) fn connections(&self, arguments: &[&str]) -> Vec<Value> {
        let said = self.scan(&[arguments, &["--connections", "rows.jsonl", "--format", "json"]].concat());
        assert!(matches!(said.status, Some(0 | 1)), "{said:?}");
        self.read("rows.jsonl").lines().map(|row| serde_json::from_str(row).unwrap()).collect()
    }
}

impl Said {
    fn of(mut command: Command) -> Self {
        Self::from(command.output().unwrap())
    }

    /// That the run failed, and gave no report; what it said.
    #[track_caller]
    pub(crate) fn failed(&self) -> &str {
        assert_eq!((self.status, self.out.as_str()), (Some(2), ""), "{self:?}");
        &self.err
    }
}

impl From<std::process::Output> for Said {
    fn from(output: std::process::Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { status: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}
