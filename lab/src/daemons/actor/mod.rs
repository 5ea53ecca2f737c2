//! The lab's own clients and servers: one process for each namespace, a thread for each connection.

mod app;
mod client;
mod jump;
mod mail;
mod names;
mod news;
mod opaque;
mod pipe;
mod program;
mod server;
mod veil;
mod web;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use super::clock;
use super::task::{Event, Side, Tasks};

/// Where events are written, by all threads.
#[derive(Clone, Debug)]
pub(super) struct Events(Arc<Mutex<File>>);

impl Events {
    fn tell(&self, side: Side, token: &str, ends: (SocketAddr, SocketAddr), outcome: &str, accepted: u32) {
        let (src, dst) = (plain(ends.0), plain(ends.1));
        let (token, outcome) = (token.to_owned(), outcome.to_owned());
        let event = Event { side, at: clock::now(), token, src, dst, outcome, accepted };
        let line = serde_json::to_string(&event).unwrap_or_default() + "\n";
        if let Ok(mut file) = self.0.lock()
            && let Err(why) = file.write_all(line.as_bytes())
        {
            _ = writeln!(io::stderr(), "events: {why}");
        }
    }
}

/// An IPv4 address that a socket for both writes as one of IPv6, as itself.
fn plain(end: SocketAddr) -> SocketAddr {
    SocketAddr::new(end.ip().to_canonical(), end.port())
}

/// `catspaw-lab actor TASKS EVENTS`: says `ready` when it listens, makes its calls, and ends when its input does.
pub(super) fn run(tasks: &Path, events: &Path) -> io::Result<()> {
    let tasks: Tasks = serde_json::from_slice(&fs::read(tasks)?)?;
    let events = Events(Arc::new(Mutex::new(OpenOptions::new().create(true).append(true).open(events)?)));
    for server in &tasks.servers {
        server::listen(server, tasks.seed, &events)?;
    }
    writeln!(io::stdout(), "ready")?;
    // The beginning, in microseconds since 1970, is said when everybody is ready.
    let mut line = [0; 24];
    io::stdin().read_exact(&mut line)?;
    let begin: u64 = String::from_utf8_lossy(&line).trim().parse().map_err(io::Error::other)?;
    let mut calls = tasks.calls;
    calls.sort_by_key(|call| call.at);
    let programs = program::start(tasks.programs, begin);
    let mut running = Vec::new();
    for call in calls {
        clock::sleep_until(begin + call.at * 1000);
        let events = events.clone();
        running.push(thread::Builder::new().stack_size(256 << 10).spawn(move || client::call(&call, &events))?);
    }
    for call in running {
        call.join().map_err(|_| io::Error::other("a call panicked"))?;
    }
    for program in programs {
        program.join().map_err(|_| io::Error::other("a program's thread panicked"))??;
    }
    writeln!(io::stdout(), "done")?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// `length` bytes that look like nothing, the same for the same seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut rng = crate::rng::Rng::new(seed, length as u64);
    let mut bytes: Vec<u8> = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&rng.next().to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A number from a token, by which what is sent for it differs from what is sent for any other.
fn seed_of(token: &str) -> u64 {
    token.bytes().fold(0, |seed, byte| crate::rng::mix(seed ^ u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::daemons::task::{Call, Job, MailManner, Server, Service, Way};

    /// Calls a server on this machine; gives the events of both.
    fn meet(service: Service, job: Job) -> Vec<Event> {
        let path = std::env::temp_dir().join(format!("catspaw-lab-{}-{service:?}-events", std::process::id()));
        let events = Events(Arc::new(Mutex::new(File::create(&path).unwrap())));
        // Somebody else could take the port in between, but nobody does.
        let at = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        server::listen(&Server { at, service }, 1, &events).unwrap();
        let token = "tk00c0ffee".to_owned();
        let call = Call {
            at: 0,
            from: None,
            way: Way::Direct,
            to: at,
            job,
            domains: Vec::new(),
            token,
            patience: 5000,
            key: String::new(),
        };
        client::call(&call, &events);
        let text = fs::read_to_string(&path).unwrap();
        fs::remove_file(&path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn both_ends_tell_of_the_same_token_and_connection() {
        let mail = Job::Mail { messages: 2, bytes: 3000, recipients: 2 };
        let cases = [
            (Service::Mail(MailManner::Accept), mail, "delivered", 2),
            (Service::Mail(MailManner::RefuseRecipients), mail, "rejected-550", 0),
            (Service::Web, Job::Web { pages: 3, bytes: 70_000, pause: 1 }, "ok", 0),
            (Service::Opaque, Job::Opaque { rounds: 3, up: 40_000, down: 32_768, pause: 1 }, "ok", 0),
        ];
        for (service, job, outcome, accepted) in cases {
            let events = meet(service, job);
            let (served, called): (Vec<_>, Vec<_>) = events.iter().partition(|event| event.side == Side::Server);
            assert_eq!((&*called[0].outcome, called[0].accepted), (outcome, accepted), "{service:?}");
            assert_eq!(served.iter().map(|event| event.accepted).sum::<u32>(), accepted, "{service:?}");
            let same = |event: &&Event| {
                (&event.token, event.src, event.dst) == (&called[0].token, called[0].src, called[0].dst)
            };
            assert!(!served.is_empty() && served.iter().all(same), "{service:?}: {events:?}");
        }
    }

    #[test]
    fn who_refuses_at_once_has_seen_no_token() {
        let events =
            meet(Service::Mail(MailManner::RefuseGreeting), Job::Mail { messages: 1, bytes: 9, recipients: 1 });
        let told: Vec<_> = events.iter().map(|event| (event.side, &*event.outcome)).collect();
        assert_eq!(told, [(Side::Client, "greeting-554")]);
    }
}
