//! How long the engine's first stages take for a packet: `cargo run --release -p catspaw-engine --example decode_speed FILE`.
//!
//! The file is an unpacked capture; its first megabytes are read, as much as a block that the driver has just read into
//! the processor's cache. Each stage is timed alone, the best of many runs.
#![expect(clippy::print_stdout, reason = "it is there to print")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "it is the caller: it opens the file and times"
)]

use std::hint::black_box;
use std::io::Read;
use std::time::Instant;

use catspaw_engine::capture::{Frame, Reader};
use catspaw_engine::decode::{self, Decoder, Located};
use catspaw_records::Place;

const RUNS: usize = 200;
/// Bytes of the file that are used.
const BLOCK: usize = 1 << 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("which capture?")?;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(BLOCK as u64).read_to_end(&mut bytes)?;
    let mut frames = Vec::new();
    let used = Reader::new().read(&bytes, &mut |frame| frames.push(frame))?;
    let located = locate(&frames);
    println!("{} frames, {} packets, {used} bytes", frames.len(), located.len());
    time("read", frames.len(), || {
        let mut wire = 0;
        _ = Reader::new().read(&bytes, &mut |frame| wire += u64::from(frame.wire_len));
        wire
    });
    time("locate", frames.len(), || {
        let mut decoder = Decoder::new();
        frames.iter().filter_map(|frame| decoder.locate(frame, &mut |_, _| {})).map(|found| found.hash & 1).sum()
    });
    for (name, verify) in [("packet", false), ("packet with checksums", true)] {
        time(name, located.len(), || located.iter().map(|(frame, found)| read(frame, found, verify)).sum());
    }
    Ok(())
}

fn locate<'a>(frames: &[Frame<'a>]) -> Vec<(Frame<'a>, Located<'a>)> {
    let mut decoder = Decoder::new();
    let found = |frame: &Frame<'a>| decoder.locate(frame, &mut |_, _| {}).map(|found| (*frame, found));
    frames.iter().filter_map(found).collect()
}

fn read(frame: &Frame<'_>, found: &Located<'_>, verify: bool) -> u64 {
    let place = Place { file: 0, line: frame.number };
    let packet = black_box(decode::packet(&found.ip, frame.at, place, verify));
    packet.map_or(0, |packet| u64::from(packet.payload_len) + u64::from(packet.bad_checksum))
}

/// Prints the nanoseconds that each of `count` things takes.
fn time(name: &str, count: usize, mut run: impl FnMut() -> u64) {
    let best = (0..RUNS).map(|_| {
        let start = Instant::now();
        black_box(run());
        start.elapsed()
    });
    let best = best.min().unwrap_or_default();
    println!("{name}: {:.1} ns", best.as_nanos() as f64 / count.max(1) as f64);
}
