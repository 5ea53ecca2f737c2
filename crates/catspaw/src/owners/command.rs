//! A command of the owner's that says who is behind an address.

use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::net::IpAddr;
use std::process::{self, Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use catspaw_records::Nanos;
use jiff::tz::TimeZone;

use super::{Owner, Table};
use crate::report::rfc3339;

/// It has so long to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// More of an answer is not read.
const ANSWER: u64 = 1 << 20;

/// The command, its words as they are configured; `{address}` and `{at}` stand for what is asked.
#[derive(Debug)]
pub(crate) struct Command {
    words: Vec<String>,
    zone: TimeZone,
    /// What it has answered.
    answers: Mutex<HashMap<(IpAddr, Nanos), Option<Owner>>>,
    /// Whether it was said that it does not.
    warned: AtomicBool,
}

impl Command {
    /// `words` is the program and its arguments: no shell reads them.
    pub(crate) fn new(words: Vec<String>, zone: TimeZone) -> Self {
        Self { words, zone, answers: Mutex::default(), warned: AtomicBool::new(false) }
    }

    /// Asks it; what it was asked before it is not asked again.
    pub(super) fn of(&self, host: IpAddr, at: Nanos) -> Option<Owner> {
        let mut answers = self.answers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(owner) = answers.get(&(host, at)) {
            return owner.clone();
        }
        let owner = match self.ask(host, at) {
            Ok(owner) => owner,
            Err(why) => {
                if !self.warned.swap(true, Ordering::Relaxed) {
                    _ = writeln!(io::stderr(), "warning: owners.command: {}: {why}: taken as no answer", self.words[0]);
                }
                None
            }
        };
        answers.insert((host, at), owner.clone());
        owner
    }

    fn ask(&self, host: IpAddr, at: Nanos) -> Result<Option<Owner>, String> {
        let (address, moment) = (host.to_string(), rfc3339(at));
        let fill = |word: &String| word.replace("{address}", &address).replace("{at}", &moment);
        let mut command = process::Command::new(&self.words[0]);
        command.args(self.words[1..].iter().map(fill));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let answer = answer(&mut child);
        // It may have ended already; whatever it has started is its own.
        _ = child.kill();
        child.wait().map_err(|error| error.to_string())?;
        let Some(answer) = answer else { return Err(format!("no answer in {} seconds", PATIENCE.as_secs())) };
        if answer.trim().is_empty() {
            return Ok(None);
        }
        let table = Table::parse(&answer, &self.zone, false);
        Ok(table.map_err(|(line, why)| format!("line {line} of its answer: {why}"))?.of(host, at))
    }
}

/// All that it prints, once it has ended; `None` where that takes too long.
fn answer(child: &mut Child) -> Option<String> {
    let deadline = Instant::now() + PATIENCE;
    let stdout = child.stdout.take()?;
    let (send, receive) = mpsc::channel();
    // Somebody whom it started may hold its output open: this thread is not waited for.
    thread::spawn(move || {
        let mut bytes = Vec::new();
        _ = stdout.take(ANSWER).read_to_end(&mut bytes);
        _ = send.send(bytes);
    });
    let bytes = receive.recv_timeout(PATIENCE).ok()?;
    while child.try_wait().ok()?.is_none() {
        if Instant::now() >= deadline {
            return None;
        }
        // The standard library cannot wait for a child for so long and no longer; it has closed its output and ends at once.
        thread::sleep(Duration::from_millis(5));
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
