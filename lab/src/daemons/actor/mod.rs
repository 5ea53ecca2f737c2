//! The lab's own clients and servers: one process for each namespace, a thread for each connection.

mod client;
mod mail;
mod names;
mod opaque;
mod server;
mod web;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

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
    // The beginning is said when everybody is ready.
    let mut line = [0; 24];
    io::stdin().read_exact(&mut line)?;
    let begin = std::str::from_utf8(&line).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(tasks.begin);
    let mut calls = tasks.calls;
    calls.sort_by_key(|call| call.at);
    let mut running = Vec::new();
    for call in calls {
        clock::sleep_until(begin + call.at * 1000);
        let events = events.clone();
        running.push(thread::Builder::new().stack_size(256 << 10).spawn(move || client::call(&call, &events))?);
    }
    for call in running {
        call.join().map_err(|_| io::Error::other("a call panicked"))?;
    }
    writeln!(io::stdout(), "done")?;
    io::stdin().read_to_end(&mut Vec::new())?;
    // What is said last is still on its way.
    thread::sleep(Duration::from_millis(50));
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
