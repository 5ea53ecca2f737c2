//! Other programs, run once at their moment.

use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::daemons::clock;
use crate::daemons::process::{ended, signal_to};
use crate::daemons::task::Program;

/// How long a program may take to end when it is told to.
const GRACE: Duration = Duration::from_secs(2);

/// Runs each in a thread of its own. What it says of each goes where the actor's words go.
pub(super) fn start(programs: Vec<Program>, begin: u64) -> Vec<JoinHandle<io::Result<()>>> {
    let run = |program: Program| {
        thread::spawn(move || {
            clock::sleep_until(begin + program.at * 1000);
            let ended = run(&program).map_err(|why| io::Error::other(format!("{}: {why}", program.words.join(" "))));
            if let Err(why) = &ended {
                _ = writeln!(io::stderr(), "{why}");
            }
            ended
        })
    };
    programs.into_iter().map(run).collect()
}

/// An error where it did not do what it was to: nothing, to its end, or until it was told to end.
fn run(program: &Program) -> io::Result<()> {
    let [name, words @ ..] = program.words.as_slice() else { return Err(io::Error::other("no program")) };
    let mut child = Command::new(name).args(words).stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let patience = Duration::from_millis(program.patience);
    if let Some(status) = ended(&mut child, patience)? {
        let meant = status.success() && !program.goes_on;
        return if meant { Ok(()) } else { Err(io::Error::other(format!("ended by itself ({status})"))) };
    }
    signal_to(child.id(), "TERM");
    if ended(&mut child, GRACE)?.is_none() {
        child.kill()?;
        child.wait()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::run;
    use crate::daemons::task::Program;

    #[test]
    fn a_program_ends_when_it_is_to_or_has_failed() {
        let said = |script: &str, patience, goes_on| {
            let words = ["sh", "-c", script].map(str::to_owned).to_vec();
            run(&Program { at: 0, words, patience, goes_on }).map_err(|why| why.to_string())
        };
        assert_eq!(said("exit 0", 60_000, false), Ok(()));
        assert_eq!(said("exec sleep 60", 100, true), Ok(()));
        assert_eq!(said("exec sleep 60", 100, false), Ok(()));
        assert_eq!(said("exit 3", 60_000, false), Err("ended by itself (exit status: 3)".to_owned()));
        assert_eq!(said("exit 0", 60_000, true), Err("ended by itself (exit status: 0)".to_owned()));
        let nothing = Program { at: 0, words: Vec::new(), patience: 1, goes_on: false };
        assert!(run(&nothing).is_err());
    }
}
