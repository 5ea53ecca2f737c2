//! Other programs: run to their end, or kept running and ended by their id.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

/// How often one looks whether something has happened.
const LOOK: Duration = Duration::from_millis(20);

/// Runs a program to its end; its words on standard error are the error.
pub(super) fn run(program: &str, words: &[&str]) -> io::Result<String> {
    let shown = || format!("{program} {}", words.join(" "));
    let output = Command::new(program).args(words).stdin(Stdio::null()).output();
    let output = output.map_err(|why| io::Error::other(format!("{}: {why}", shown())))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("{}: {}: {}", shown(), output.status, why.trim())));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A program that goes on until it is told to stop.
#[derive(Debug)]
pub(super) struct Running {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    output: Option<BufReader<ChildStdout>>,
    log: std::path::PathBuf,
}

impl Running {
    /// Starts `words` in namespace `space`; what it says goes to `log`, and what an actor says, to us.
    pub(super) fn start<W: AsRef<OsStr>>(
        space: &str,
        name: &str,
        words: &[W],
        log: &Path,
        actor: bool,
    ) -> io::Result<Self> {
        let file = File::create(log)?;
        let mut command = Command::new("ip");
        command.args(["netns", "exec", space]).args(before_others()).args(words).stderr(file.try_clone()?);
        if actor {
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
        } else {
            command.stdin(Stdio::null()).stdout(file);
        }
        let mut child = command.spawn().map_err(|why| io::Error::other(format!("{name}: {why}")))?;
        let (input, output) = (child.stdin.take(), child.stdout.take().map(BufReader::new));
        Ok(Self { name: name.to_owned(), child, input, output, log: log.to_owned() })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a word of an actor.
    pub(super) fn expect(&mut self, word: &str) -> io::Result<()> {
        let mut line = String::new();
        if let Some(output) = &mut self.output {
            output.read_line(&mut line)?;
        }
        if line.trim() == word { Ok(()) } else { Err(self.failed(&format!("said {line:?} for {word:?}"))) }
    }

    /// The same, no longer than `patience`: then it is ended.
    pub(super) fn expect_within(&mut self, word: &str, patience: Duration) -> io::Result<()> {
        let (tell, told) = std::sync::mpsc::channel::<()>();
        let id = self.id();
        // A read cannot be given up; what it reads from can.
        let watch = thread::spawn(move || {
            if told.recv_timeout(patience).is_err_and(|why| why == std::sync::mpsc::RecvTimeoutError::Timeout) {
                signal_to(id, "KILL");
            }
        });
        let said = self.expect(word);
        drop(tell);
        _ = watch.join();
        said
    }

    /// Tells an actor something.
    pub(super) fn say(&mut self, words: &str) -> io::Result<()> {
        self.input.as_mut().map_or(Ok(()), |input| input.write_all(words.as_bytes()))
    }

    /// Waits until it listens on a TCP port.
    pub(super) fn listens(&mut self, port: u16, patience: Duration) -> io::Result<()> {
        self.await_listener(port, patience, |id| {
            let table = |name| fs::read_to_string(format!("/proc/{id}/net/{name}"));
            Ok(table("tcp").unwrap_or_default() + &table("tcp6").unwrap_or_default())
        })
    }

    /// Waits until somebody in namespace `space` does.
    pub(super) fn opens(&mut self, (space, port): (&str, u16), patience: Duration) -> io::Result<()> {
        let command = ["netns", "exec", space, "cat", "/proc/net/tcp", "/proc/net/tcp6"];
        self.await_listener(port, patience, |_| run("ip", &command))
    }

    fn await_listener(
        &mut self,
        port: u16,
        patience: Duration,
        tables: impl Fn(u32) -> io::Result<String>,
    ) -> io::Result<()> {
        let (began, end) = (Instant::now(), format!(":{port:04X}"));
        let listening = |line: &str| {
            let mut words = line.split_whitespace().skip(1);
            words.next().is_some_and(|own| own.ends_with(&end)) && words.nth(1) == Some("0A")
        };
        while began.elapsed() < patience {
            if let Some(status) = self.child.try_wait()? {
                return Err(self.failed(&status.to_string()));
            }
            if tables(self.id())?.lines().any(listening) {
                return Ok(());
            }
            thread::sleep(LOOK);
        }
        Err(self.failed(&format!("does not listen on {port}")))
    }

    /// Waits until it has ended by itself.
    pub(super) fn ends(&mut self, patience: Duration) -> io::Result<()> {
        match ended(&mut self.child, patience)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(self.failed(&status.to_string())),
            None => Err(self.failed("does not end")),
        }
    }

    /// An error where it has ended by itself, though it was to go on.
    pub(super) fn goes_on(&mut self) -> io::Result<()> {
        self.child.try_wait()?.map_or(Ok(()), |status| Err(self.failed(&format!("ended by itself ({status})"))))
    }

    fn failed(&self, why: &str) -> io::Error {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let last: Vec<&str> = log.lines().rev().take(4).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        io::Error::other(format!("{}: {why}: {}", self.name, last.join(" | ")))
    }

    /// Sends it a signal, and waits until it is gone.
    pub(super) fn stop(&mut self, signal: &str, patience: Duration) -> io::Result<()> {
        self.input = None;
        signal_to(self.id(), signal);
        if ended(&mut self.child, patience)?.is_some() {
            return Ok(());
        }
        self.child.kill()?;
        self.child.wait()?;
        Err(io::Error::other(format!("{} did not end by itself", self.name)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.input = None;
        if matches!(self.child.try_wait(), Ok(None)) {
            _ = self.child.kill();
            _ = self.child.wait();
        }
    }
}

/// What has a program run before everything else on the machine, where that is allowed: a busy machine would make a relay slow
/// that is not.
fn before_others() -> &'static [&'static str] {
    const WORDS: [&str; 3] = ["chrt", "-r", "1"];
    static ALLOWED: OnceLock<bool> = OnceLock::new();
    let allowed = ALLOWED.get_or_init(|| run(WORDS[0], &[&WORDS[1..], &["true"]].concat()).is_ok());
    if *allowed { &WORDS } else { &[] }
}

/// Waits until a program has ended, no longer than `patience`.
pub(super) fn ended(child: &mut Child, patience: Duration) -> io::Result<Option<ExitStatus>> {
    let began = Instant::now();
    while began.elapsed() < patience {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(LOOK);
    }
    Ok(None)
}

/// The shell's own `kill`: there is no other without a package.
pub(super) fn signal_to(id: u32, signal: &str) {
    _ = Command::new("sh").args(["-c", &format!("kill -{signal} {id}")]).stderr(Stdio::null()).status();
}
