//! Real Zeek logs, where they are at hand: beside the repository, in `../shared/data/zeek`.
#![allow(clippy::print_stderr, reason = "a test that has nothing to read says so")]
#![allow(clippy::disallowed_methods, reason = "a test opens the files whose bytes the crate is given")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::PathBuf;

use catspaw_records::{
    Block, Clock, ConnState, Event, HashSeed, LineSink, Place, Proto, Reader, Record, Sniffed, Unparsed, Whole,
    YearHint, sniff,
};
use flate2::read::MultiGzDecoder;

#[derive(Default)]
struct Sink {
    records: Vec<Record>,
    skipped: usize,
    unparsed: Vec<(u64, &'static str)>,
}

impl LineSink for Sink {
    fn record(&mut self, record: Record, sensor: &[u8]) {
        assert_eq!(sensor, b"zeek");
        self.records.push(record);
    }
    fn skipped(&mut self, _sensor: &[u8]) {
        self.skipped += 1;
    }
    fn unparsed(&mut self, unparsed: Unparsed) {
        self.unparsed.push((unparsed.place.line, unparsed.why));
    }
}

impl Sink {
    fn wholes(&self) -> impl Iterator<Item = &Whole> {
        self.records.iter().filter_map(|record| match &record.event {
            Event::Whole(whole) => Some(whole),
            _ => None,
        })
    }
}

/// The bytes of a log, unpacked; `None`, and a word about it, where the logs are not there.
fn log(name: &str) -> Option<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/zeek").join(name);
    if !path.exists() {
        eprintln!("{} is not there: nothing tested", path.display());
        return None;
    }
    let raw = fs::read(&path).expect("a readable log");
    if !name.ends_with(".gz") {
        return Some(raw);
    }
    let mut bytes = Vec::new();
    MultiGzDecoder::new(raw.as_slice()).read_to_end(&mut bytes).expect("a whole gzip file");
    Some(bytes)
}

fn sniffed(bytes: &[u8]) -> Sniffed {
    let clock = Clock::new(jiff::tz::TimeZone::UTC, YearHint::First(2003));
    sniff(&bytes[..bytes.len().min(64 << 10)], clock)
}

fn read(bytes: &[u8]) -> Sink {
    let Sniffed::Evidence(mut reader) = sniffed(bytes) else {
        panic!("not taken for evidence");
    };
    assert!(matches!(reader, Reader::ZeekConn(_)));
    let mut sink = Sink::default();
    reader.read(Block { bytes, first: Place { file: 0, line: 1 } }, HashSeed(0), &mut sink);
    sink
}

fn data_lines(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty() && line[0] != b'#').count()
}

#[test]
fn whole_logs_are_read_to_the_last_line() {
    let logs = [
        "m57-2009/conn.log.gz",
        "zat/conn.log",
        "zat/conn_date_issue.log",
        "rita-proxy/conn.log",
        "rita-misc/open_conns/open/conn.log",
        "rita-misc/open_conns/open/open_conn.log",
        "rita-misc/open_conns/closed/conn.log",
    ];
    for name in logs {
        let Some(bytes) = log(name) else { continue };
        let sink = read(&bytes);
        assert_eq!(sink.unparsed, [], "{name}");
        assert_eq!((sink.records.len(), sink.skipped), (data_lines(&bytes), 0), "{name}");
    }
}

#[test]
fn an_office_of_2009_is_what_its_log_says() {
    let Some(bytes) = log("m57-2009/conn.log.gz") else { return };
    let sink = read(&bytes);
    let mut states = BTreeMap::new();
    for whole in sink.wholes() {
        *states.entry(whole.state.expect("a state").name()).or_insert(0usize) += 1;
    }
    let text = String::from_utf8_lossy(&bytes);
    for (state, count) in states {
        assert_eq!(text.matches(&format!("\t{state}\t")).count(), count, "{state}");
    }
    let first = sink.wholes().next().expect("a record");
    assert_eq!(first.start.at.0, 1_258_531_221_486_539_000);
    assert_eq!((first.proto, first.state, first.duration), (Proto::Udp, Some(ConnState::Sf), Some(163_820_000)));
    assert_eq!(first.bytes.map(|bytes| bytes.total()), Some(601));
}

#[test]
fn a_log_that_was_cut_off_loses_its_last_line_only() {
    let Some(bytes) = log("rita-misc/truncated/conn.log") else { return };
    let sink = read(&bytes);
    let last = bytes.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    assert_eq!(sink.unparsed, [(last, "fewer fields than #fields names: cut off?")]);
    assert_eq!(sink.records.len(), data_lines(&bytes) - 1);
}

#[test]
fn what_is_no_conn_log_is_not_taken_for_one() {
    let others = [
        "rita-misc/truncated/conn_top.log",
        "rita-misc/truncated/conn_json.log",
        "rita-misc/json_with_all_fields/conn.log",
        "rita-misc/text_file/conn.log",
        "rita-misc/has_unknown_field/http.log",
        "rita-proxy/dns.log",
        "rita-proxy/tunnel.log",
        "zat/dhcp.log",
        "m57-2009/http.log.gz",
    ];
    for name in others {
        let Some(bytes) = log(name) else { continue };
        assert!(matches!(sniffed(&bytes), Sniffed::Other(_)), "{name}");
    }
}
