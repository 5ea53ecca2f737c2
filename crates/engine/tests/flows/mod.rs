//! What the tests of flows share: captures to records, and where captures are.
#![allow(dead_code, reason = "each test crate uses a part")]
#![allow(clippy::disallowed_methods, reason = "a test opens the files whose bytes the crate is given")]
#![allow(clippy::print_stderr, reason = "a test that has nothing to read says so")]

pub(crate) mod wire;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use catspaw_engine::capture::{Frame, Reader};
use catspaw_engine::decode::{self, Decoder};
use catspaw_engine::flow::Tracker;
use catspaw_engine::{Output, Settings};
use catspaw_records::{Event, Opened, Place, Record, SensorId, Whole};
use flate2::read::MultiGzDecoder;

/// What a tracker gave.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) records: Vec<Record>,
    pub(crate) dropped: BTreeMap<&'static str, u64>,
}

impl Output for Told {
    fn record(&mut self, record: Record) {
        let last = self.records.last().map_or(record.known.at, |last| last.known.at);
        assert!(last <= record.known.at, "records come in the order in which they became known: {record:?}");
        self.records.push(record);
    }

    fn dropped(&mut self, what: &'static str, count: u64) {
        *self.dropped.entry(what).or_default() += count;
    }
}

impl Told {
    pub(crate) fn wholes(&self) -> impl Iterator<Item = &Whole> {
        self.records.iter().filter_map(|record| match &record.event {
            Event::Whole(whole) => Some(whole),
            _ => None,
        })
    }

    pub(crate) fn opened(&self) -> impl Iterator<Item = &Opened> {
        self.records.iter().filter_map(|record| match &record.event {
            Event::Opened(opened) => Some(opened),
            _ => None,
        })
    }
}

/// Settings under which 10.0.0.0/8 and 172.16.0.0/12 are ours.
pub(crate) fn settings() -> Arc<Settings> {
    let is_inside = |addr: IpAddr| matches!(addr, IpAddr::V4(addr) if addr.is_private());
    Arc::new(Settings { sensor: SensorId(1), resolution: 1000, is_inside: Arc::new(is_inside) })
}

/// Follows the flows of a capture.
pub(crate) fn follow(bytes: &[u8], verify: bool) -> Told {
    let (mut told, mut reader, mut decoder) = (Told::default(), Reader::new(), Decoder::new());
    let mut tracker = Tracker::new(settings());
    let read = reader.read(bytes, &mut |frame: Frame<'_>| {
        let Some(located) = decoder.locate(&frame, &mut |what, count| told.dropped(what, count)) else { return };
        let place = Place { file: 0, line: frame.number };
        let packet = decode::packet(&located.ip, frame.at, place, verify).expect("a packet was found");
        tracker.packet(&packet, &mut told);
    });
    assert!(read.is_ok(), "a capture");
    tracker.finish(&mut told);
    told
}

/// A folder of the data beside the repository; `None`, and a word about it, where it is not there.
pub(crate) fn shared(folder: &str) -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(folder);
    if !root.exists() {
        eprintln!("{} is not there: nothing tested", root.display());
        return None;
    }
    Some(root)
}

/// A file's content, unpacked by its name.
pub(crate) fn content(path: &Path) -> Vec<u8> {
    let raw = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => {
            let mut bytes = Vec::new();
            MultiGzDecoder::new(raw.as_slice()).read_to_end(&mut bytes).expect("a whole gzip file");
            bytes
        }
        Some("zst") => zstd::decode_all(raw.as_slice()).expect("a whole zstd file"),
        _ => raw,
    }
}

/// Lines of a table with a header, as columns by name. A line of Zeek's header may precede.
pub(crate) fn table(text: &str) -> Vec<BTreeMap<&str, &str>> {
    let mut names: Vec<&str> = Vec::new();
    let mut rows = Vec::new();
    for line in text.lines() {
        if let Some(fields) = line.strip_prefix("#fields\t") {
            names = fields.split('\t').collect();
        } else if line.starts_with('#') || line.is_empty() {
        } else if names.is_empty() {
            names = line.split('\t').collect();
        } else {
            rows.push(names.iter().copied().zip(line.split('\t')).collect());
        }
    }
    rows
}
