//! What every command says and how it ends: standard error and the exit status.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::input::{Problem, Severity};

/// The run failed.
const FAILED: u8 = 2;
/// Something is to be looked at: incidents, an answer that is not clear.
const LOOK: u8 = 1;

/// The exit status of a command that is done, and whether there is something to be looked at.
pub(crate) fn exit(done: Result<bool, String>) -> ExitCode {
    match done {
        Ok(look) => ExitCode::from(if look { LOOK } else { 0 }),
        Err(why) => {
            complain("error", &why);
            ExitCode::from(FAILED)
        }
    }
}

/// The columns of the terminal; `COLUMNS` where it is set, 80 where nobody knows.
pub(crate) fn width() -> usize {
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let seen = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    asked.or_else(seen).unwrap_or(80).clamp(40, 400)
}

/// Says something on standard error; where that is closed there is nobody to say it to.
pub(crate) fn complain(kind: &str, what: &str) {
    _ = writeln!(io::stderr(), "{kind}: {what}");
}

/// Says what is wrong with files, in the words that `shown` makes of it.
pub(crate) fn tell(problems: &[Problem], quiet: bool, shown: impl Fn(String) -> String) {
    for problem in problems {
        match problem.severity() {
            Severity::Error => complain("error", &shown(problem.to_string())),
            Severity::Warning if quiet => {}
            Severity::Warning => complain("warning", &shown(problem.to_string())),
        }
    }
}
