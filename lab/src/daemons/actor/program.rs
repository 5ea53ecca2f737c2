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

/// Runs each in a thread of its own.
pub(super) fn start(programs: Vec<Program>, begin: u64) -> Vec<JoinHandle<()>> {
    let run = |program: Program| {
        thread::spawn(move || {
            clock::sleep_until(begin + program.at * 1000);
            let said = match run(&program) {
                Ok(said) => said,
                Err(why) => why.to_string(),
            };
            _ = writeln!(io::stderr(), "{}: {said}", program.words.join(" "));
        })
    };
    programs.into_iter().map(run).collect()
}

/// Its words go where the actor's go.
fn run(program: &Program) -> io::Result<String> {
    let [name, words @ ..] = program.words.as_slice() else { return Err(io::Error::other("no program")) };
    let mut child = Command::new(name).args(words).stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let patience = Duration::from_millis(program.patience);
    if let Some(status) = ended(&mut child, patience)? {
        return Ok(status.to_string());
    }
    signal_to(child.id(), "TERM");
    if let Some(status) = ended(&mut child, GRACE)? {
        return Ok(format!("told to end, {status}"));
    }
    child.kill()?;
    child.wait()?;
    Ok("killed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::run;
    use crate::daemons::task::Program;

    #[test]
    fn a_program_ends_by_itself_or_is_told_to() {
        let said = |script: &str, patience| {
            let words = ["sh", "-c", script].map(str::to_owned).to_vec();
            run(&Program { at: 0, words, patience }).unwrap()
        };
        assert_eq!(said("exit 3", 60_000), "exit status: 3");
        assert_eq!(said("exec sleep 60", 100), "told to end, signal: 15 (SIGTERM)");
        assert!(run(&Program { at: 0, words: Vec::new(), patience: 1 }).is_err());
    }
}
