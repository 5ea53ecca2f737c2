//! How long flows take for a packet: `cargo run --release -p catspaw-engine --example flow_speed FILE`.
//!
//! The file is an unpacked capture. Its packets are read into memory, and given to trackers as the driver gives them:
//! 64 of them, spread by the flows' hashes. Timed are the headers alone, and the headers and the flows, the best of
//! some runs.
#![expect(clippy::print_stdout, reason = "it is there to print")]
#![expect(clippy::disallowed_methods, reason = "it is the caller: it opens the file and times")]
#![expect(clippy::disallowed_types, reason = "it is the caller: it opens the file and times")]

use std::hint::black_box;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use catspaw_engine::capture::{Frame, Reader};
use catspaw_engine::decode::{self, Decoder};
use catspaw_engine::flow::Tracker;
use catspaw_engine::{Output, Settings};
use catspaw_records::{Nanos, Place, Record, SensorId};

const RUNS: usize = 5;
const SHARDS: u64 = 64;

/// Counts what it is told.
#[derive(Default)]
struct Counted {
    records: u64,
}

impl Output for Counted {
    fn record(&mut self, record: Record) {
        black_box(&record);
        self.records += 1;
    }

    fn dropped(&mut self, _: &'static str, _: u64) {}
}

/// An IP packet in the file: when, where, and its flow's hash.
struct At {
    at: Nanos,
    from: usize,
    len: usize,
    hash: u64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("which capture?")?;
    let bytes = std::fs::read(path)?;
    let (mut packets, mut decoder) = (Vec::new(), Decoder::new());
    Reader::new().read(&bytes, &mut |frame: Frame<'_>| {
        let Some(found) = decoder.locate(&frame, &mut |_, _| {}) else { return };
        // Those that were put together of fragments lie nowhere; they are few.
        if let Some(from) = found.offset_in(&bytes) {
            packets.push(At { at: frame.at, from, len: found.ip.len(), hash: found.hash });
        }
    })?;
    println!("{} packets", packets.len());
    time("headers", &packets, &bytes, None);
    let records = time("headers and flows", &packets, &bytes, Some(&settings()));
    println!("{records} records");
    Ok(())
}

fn settings() -> Arc<Settings> {
    let is_inside = |addr: IpAddr| matches!(addr, IpAddr::V4(addr) if addr.is_private());
    Arc::new(Settings { sensor: SensorId(1), resolution: 1000, is_inside: Arc::new(is_inside) })
}

/// Prints the nanoseconds that a packet takes, and gives how many records there were.
fn time(name: &str, packets: &[At], bytes: &[u8], settings: Option<&Arc<Settings>>) -> u64 {
    let mut told = Counted::default();
    let best = (0..RUNS).map(|_| {
        told = Counted::default();
        let mut trackers: Vec<_> =
            settings.iter().flat_map(|s| (0..SHARDS).map(|_| Tracker::new(Arc::clone(s)))).collect();
        let start = Instant::now();
        for (packet, number) in packets.iter().zip(1..) {
            let place = Place { file: 0, line: number };
            let ip = &bytes[packet.from..packet.from + packet.len];
            let Some(read) = decode::packet(ip, packet.at, place, false) else { continue };
            black_box(&read);
            if let Some(tracker) = trackers.get_mut((packet.hash % SHARDS) as usize) {
                tracker.packet(&read, &mut told);
            }
        }
        trackers.iter_mut().for_each(|tracker| tracker.finish(&mut told));
        start.elapsed()
    });
    let best = best.min().unwrap_or_default();
    println!("{name}: {:.1} ns", best.as_nanos() as f64 / packets.len().max(1) as f64);
    told.records
}
