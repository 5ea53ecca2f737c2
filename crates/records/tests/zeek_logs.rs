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
    fn record(&mut self, record: &Record, sensor: &[u8]) {
        assert_eq!(sensor, b"zeek");
        self.records.push(*record);
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
    assert!(matches!(*reader, Reader::ZeekConn(_)));
    let mut sink = Sink::default();
    reader.read(Block::new(bytes, Place { file: 0, line: 1 }), HashSeed(0), &mut sink);
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
        "rita-misc/json_with_all_fields/dns.log",
        "rita-misc/text_file/conn.log",
        "zat/json/ssl.log",
        "zat/json/weird.log",
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

#[test]
fn json_is_read_to_the_last_line_and_broken_lines_are_named() {
    for (name, broken) in [
        ("zat/json/conn.log", &[][..]),
        ("rita-misc/json_with_all_fields/conn.log", &[][..]),
        ("rita-misc/json_with_all_fields/open_conn.log", &[]),
        (
            "rita-misc/truncated/conn_json.log",
            &[(3, "id.orig_p is not a port"), (4, "JSON: the line ends within the object: cut off?")],
        ),
    ] {
        let Some(bytes) = log(name) else { continue };
        let sink = read(&bytes);
        assert_eq!(sink.unparsed, broken, "{name}");
        assert_eq!((sink.records.len(), sink.skipped), (data_lines(&bytes) - broken.len(), 0), "{name}");
    }
}

/// A TSV log of Zeek's as Zeek would have written it in JSON.
fn as_json(tsv: &[u8], is_nested: bool) -> String {
    let text = String::from_utf8_lossy(tsv);
    let (mut names, mut types, mut json) = (Vec::new(), Vec::new(), String::new());
    for line in text.lines() {
        let mut columns = line.split('\t');
        match columns.next() {
            Some("#fields") => names = columns.collect(),
            Some("#types") => types = columns.collect(),
            Some(first) if !first.starts_with('#') => {
                let mut object = serde_json::Map::new();
                for ((name, kind), value) in names.iter().zip(&types).zip(line.split('\t')) {
                    let value = match (*kind, value) {
                        (_, "-") => continue,
                        ("bool", value) => (value == "T").into(),
                        ("count" | "port", value) => value.parse::<u64>().expect("a number").into(),
                        ("time" | "interval", value) => value.parse::<f64>().expect("a number").into(),
                        ("set[string]", _) => serde_json::json!([]),
                        (_, "(empty)") => "".into(),
                        (_, value) => value.into(),
                    };
                    match name.strip_prefix("id.").filter(|_| is_nested) {
                        Some(part) => object.entry("id").or_insert_with(|| serde_json::json!({}))[part] = value,
                        None => _ = object.insert((*name).to_owned(), value),
                    }
                }
                json += &serde_json::Value::from(object).to_string();
                json.push('\n');
            }
            _ => {}
        }
    }
    json
}

#[test]
fn json_of_a_log_says_what_its_tsv_says() {
    for name in ["m57-2009/conn.log.gz", "zat/conn.log", "rita-proxy/conn.log"] {
        let Some(tsv) = log(name) else { continue };
        let said = |bytes: &[u8]| -> Vec<_> {
            let sink = read(bytes);
            assert_eq!(sink.unparsed, [], "{name}");
            sink.records.iter().map(|record| (record.known, record.event)).collect()
        };
        let expected = said(&tsv);
        for is_nested in [false, true] {
            let json = said(as_json(&tsv, is_nested).as_bytes());
            assert_eq!(json.len(), expected.len(), "{name}");
            for (json, tsv) in json.iter().zip(&expected) {
                assert_eq!(json, tsv, "{name}");
            }
        }
    }
}
