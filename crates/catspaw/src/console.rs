//! What every command says and how it ends: standard error and the exit status.

use std::io::{self, IsTerminal as _, Write};
use std::process::ExitCode;

use crate::input::{Problem, Severity};
use crate::report::text::{self, READABLE};

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
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).filter(|columns| *columns > 0);
    let seen = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    asked.or_else(seen).unwrap_or(80).clamp(40, 400)
}

/// Says something on standard error; where that is closed there is nobody to say it to.
pub(crate) fn complain(kind: &str, what: &str) {
    let limit = io::stderr().is_terminal().then(width);
    _ = writeln!(io::stderr(), "{}", set(&format!("{kind}: {what}"), limit));
}

/// A message in lines of at most `limit` columns. What follows its first line (a piece of a file with a mark below it, a command to
/// copy) stays as it is.
fn set(said: &str, limit: Option<usize>) -> String {
    let (first, rest) = said.find('\n').map_or((said, ""), |end| said.split_at(end));
    let lines = limit.map_or_else(|| vec![first.to_owned()], |limit| text::lines(first, limit.min(READABLE)));
    lines.join("\n") + rest
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_fits_the_terminal_but_for_what_is_to_be_copied() {
        let said = "error: no record has an end in --home-net\n  try: --home-net 10.0.0.0/8,172.16.0.0/12";
        assert_eq!(set(said, None), said);
        assert_eq!(set(said, Some(80)), said);
        let narrow = "error: no record has\nan end in --home-net\n  try: --home-net 10.0.0.0/8,172.16.0.0/12";
        assert_eq!(set(said, Some(20)), narrow);
        let long = "word ".repeat(60);
        assert!(set(&long, Some(400)).lines().all(|line| line.len() <= READABLE), "no line is too long to read");
        assert_eq!(set(&long, None), long);
    }
}
