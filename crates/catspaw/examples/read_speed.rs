//! How fast each reader reads, without anything being done about what it reads: `cargo xtask bench readers`.
//!
//! `read_speed ROUNDS MAP.toml LOG...` prints a line for each log: its path, its format, bytes, records, lines skipped, lines not
//! parsed, nanoseconds of the processor. The logs are read in turn, in as many rounds, and the best of each counts.
#![expect(clippy::print_stdout, reason = "it is there to print")]

use std::hint::black_box;
use std::path::Path;

use catspaw::fuzzed::sniff;
use catspaw_records::{Block, Clock, HashSeed, LineSink, Place, Reader, Record, Sniffed, Unparsed, YearHint};
use jiff::tz::TimeZone;

/// What a reader is given at once in a scan, too.
const BLOCK: usize = 1 << 20;
/// What is looked at to tell what a file is.
const HEAD: usize = 64 << 10;

/// Counts, and does no more with a record than to have it made.
#[derive(Default)]
struct Counts {
    records: u64,
    skipped: u64,
    unparsed: u64,
}

impl LineSink for Counts {
    fn record(&mut self, record: &Record, sensor: &[u8]) {
        black_box((record, sensor));
        self.records += 1;
    }

    fn skipped(&mut self, _: &[u8]) {
        self.skipped += 1;
    }

    fn unparsed(&mut self, _: Unparsed) {
        self.unparsed += 1;
    }
}

struct Log {
    path: String,
    bytes: Vec<u8>,
    reader: Reader,
    counts: Counts,
    best: u64,
}

impl Log {
    fn open(path: String, map: (&Path, &str)) -> Result<Self, Box<dyn std::error::Error>> {
        let bytes = std::fs::read(&path)?;
        let clock = Clock::new(TimeZone::UTC, YearHint::First(2003));
        let Sniffed::Evidence(reader) = sniff(map, &bytes[..bytes.len().min(HEAD)], clock)? else {
            return Err(format!("{path}: of no kind that is known").into());
        };
        Ok(Self { path, bytes, reader: *reader, counts: Counts::default(), best: u64::MAX })
    }

    fn read(&mut self) -> Result<(), Box<dyn std::error::Error>> {
        let mut reader = self.reader.clone();
        self.counts = Counts::default();
        let blocks = blocks(&self.bytes);
        let began = on_processor()?;
        for block in blocks {
            reader.read(block, HashSeed(1), &mut self.counts);
        }
        self.best = self.best.min(on_processor()? - began);
        Ok(())
    }
}

fn blocks(mut bytes: &[u8]) -> Vec<Block<'_>> {
    let (mut blocks, mut first) = (Vec::new(), Place { file: 0, line: 1 });
    while !bytes.is_empty() {
        let len = bytes.len().min(BLOCK);
        let len = memchr::memrchr(b'\n', &bytes[..len]).map_or(len, |end| end + 1);
        let (block, behind) = bytes.split_at(len);
        blocks.push(Block::new(block, first));
        first.line += memchr::memchr_iter(b'\n', block).count() as u64;
        bytes = behind;
    }
    blocks
}

/// How long this thread has been on a processor, in nanoseconds: what others do there meanwhile does not count.
fn on_processor() -> Result<u64, Box<dyn std::error::Error>> {
    // Of a thread that runs the kernel counts what it ran up to its last tick, some milliseconds ago, or up to when it gave way.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let rounds: u32 = args.next().ok_or("how many rounds?")?.parse()?;
    let map = args.next().ok_or("which map of columns?")?;
    let text = std::fs::read_to_string(&map)?;
    let mut logs = args.map(|path| Log::open(path, (Path::new(&map), &text))).collect::<Result<Vec<_>, _>>()?;
    for _ in 0..rounds {
        logs.iter_mut().try_for_each(Log::read)?;
    }
    for Log { path, bytes, reader, counts: Counts { records, skipped, unparsed }, best } in &logs {
        let (format, bytes) = (reader.format(), bytes.len());
        println!("{path}\t{format}\t{bytes}\t{records}\t{skipped}\t{unparsed}\t{best}");
    }
    Ok(())
}
