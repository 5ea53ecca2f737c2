//! Logs that other projects test their readers on, where a copy lies beside the repository: every line is understood or
//! refused with a reason, and where their readers say who talked to whom, ours says the same.
#![expect(clippy::disallowed_methods, reason = "a test reads files that stand beside the repository")]
#![expect(clippy::print_stdout, reason = "says that there was nothing to test on")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use catspaw_records::{Block, Clock, Endpoint, Event, HashSeed, LineSink, Place, Record, Unparsed, YearHint, cisco};
use jiff::tz::TimeZone;
use serde_json::Value;

/// The messages that the reader understands.
const UNDERSTOOD: [&str; 11] =
    ["106001", "106015", "106023", "302013", "302014", "302015", "302016", "305009", "305010", "305011", "305012"];

#[derive(Default)]
struct Seen {
    records: Vec<(Record, String)>,
    skipped: u64,
    unparsed: Vec<Unparsed>,
}

impl LineSink for Seen {
    fn record(&mut self, record: Record, sensor: &[u8]) {
        self.records.push((record, String::from_utf8_lossy(sensor).into_owned()));
    }

    fn skipped(&mut self, _: &[u8]) {
        self.skipped += 1;
    }

    fn unparsed(&mut self, unparsed: Unparsed) {
        self.unparsed.push(unparsed);
    }
}

fn read(text: &[u8]) -> Seen {
    let mut reader = cisco::Reader::new(Clock::new(TimeZone::UTC, YearHint::First(2016)));
    let mut seen = Seen::default();
    reader.read(Block { bytes: text, first: Place { file: 0, line: 1 } }, HashSeed(1), &mut seen);
    seen
}

/// The content of a file of the collection, or `None` (and a word about it) where there is no copy.
fn collected(path: &str) -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/cisco").join(path);
    let text = fs::read_to_string(&path).ok();
    if text.is_none() {
        println!("not tested, for there is no {}", path.display());
    }
    text
}

/// Reads a log and asserts that no line is lost; the reasons of what is unparsed, by kind.
fn read_all(log: &str) -> (Seen, BTreeMap<(&'static str, &'static str), usize>) {
    let seen = read(log.as_bytes());
    let lines = log.lines().filter(|line| !line.trim_end().is_empty()).count();
    assert_eq!(seen.records.len() + seen.skipped as usize + seen.unparsed.len(), lines);
    let understood = |line: &&str| UNDERSTOOD.iter().any(|id| line.contains(&format!("-{id}:")));
    assert_eq!(seen.records.len() + seen.unparsed.len(), log.lines().filter(understood).count(), "in scope");
    let mut reasons = BTreeMap::new();
    for unparsed in &seen.unparsed {
        *reasons.entry((unparsed.kind, unparsed.why)).or_default() += 1;
    }
    (seen, reasons)
}

#[test]
fn metron() {
    let Some(log) = collected("metron/asa_raw") else { return };
    let (seen, reasons) = read_all(&log);
    // One line has a stray bracket before an address (`DMZ-Inside:[10.`): it names none.
    assert_eq!(reasons, BTreeMap::from([(("302014", "no address (a name?)"), 1)]));
    assert!(seen.records.iter().all(|(record, _)| record.known.resolution == 1_000_000_000));
}

#[test]
fn cribl() {
    let Some(log) = collected("cribl/asa_samples.log") else { return };
    let (seen, reasons) = read_all(&log);
    assert_eq!(reasons, BTreeMap::new());
    assert!(seen.records.iter().any(|(_, sensor)| sensor == "SNL-ASA-VPN-A01"));
    assert!(seen.records.iter().any(|(_, sensor)| sensor == "localhost"), "and not CiscoASA[999]");
}

/// What a record says of who sent to whom, in the order in which it names them.
fn ends(record: &Record) -> Option<(Endpoint, Endpoint)> {
    match record.event {
        // Metron's source is always the end that is named first.
        Event::Opened(opened) if opened.inside.orig == Some(true) => Some((opened.resp, opened.orig)),
        Event::Opened(opened) => Some((opened.orig, opened.resp)),
        Event::Closed(closed) => Some((closed.first, closed.second)),
        Event::Denied(denied) => Some((denied.orig, denied.resp)),
        Event::Translation(translation) => Some((translation.real, translation.mapped)),
        Event::Whole(_) | Event::Content(_) | Event::Burst(_) => None,
    }
}

#[test]
fn metrons_goldens() {
    let Some(goldens) = collected("metron/asa_parsed") else { return };
    let mut compared = 0;
    for golden in goldens.lines() {
        let golden: Value = serde_json::from_str(golden).expect("a golden is an object");
        let line = golden["original_string"].as_str().expect("a golden has its line");
        let Some((record, sensor)) = read(line.as_bytes()).records.pop() else { continue };
        let (first, second) = ends(&record).expect("a record of two ends");
        // Known difference: for translations (305011, 305012) Metron takes the real address as a source of its own
        // and drops the mapped one. It has half of what the line says; we are right.
        let translation = matches!(record.event, Event::Translation(_));
        for (end, addr, port) in [(first, "ip_src_addr", "ip_src_port"), (second, "ip_dst_addr", "ip_dst_port")] {
            if translation && golden.get(addr).is_none() {
                continue;
            }
            assert_eq!(golden[addr].as_str(), Some(end.addr.to_string().as_str()), "{line}");
            assert_eq!(golden[port].as_u64(), Some(u64::from(end.port)), "{line}");
        }
        assert_eq!(golden["timestamp"].as_i64(), Some(record.known.at.0 / 1_000_000), "{line}");
        if let Some(host) = golden["syslog_host"].as_str() {
            assert_eq!(sensor, host, "{line}");
        }
        compared += 1;
    }
    assert!(compared > 70, "{compared} goldens compared");
}

/// Messages that stand as string literals in other projects' tests: some without a header and even without the `%`.
/// They get a header.
fn literals(source: &str) -> Vec<String> {
    let messages = source.lines().filter_map(|line| {
        let from = line.find("ASA-").or_else(|| line.find("PIX-")).or_else(|| line.find("FTD-"))?;
        let (tag, text) = line[from..].split_once(": ")?;
        if tag.len() != "ASA-6-302013".len() || !tag.ends_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let text = text.trim_end_matches([' ', '}', ';', ')', ',']).trim_end_matches(['"', '\'']);
        let text = text.replace("\\\\", "\\").replace("\\\"", "\"");
        Some(format!("Jan  1 2016 00:00:00 fw : %{tag}: {text}"))
    });
    messages.collect()
}

#[test]
fn messages_in_the_tests_of_others() {
    for (path, records, unparsed) in [
        ("haskell-asa/Main.hs", 10, vec![]),
        ("sc4s/test_cisco_asa.py", 1, vec![]),
        ("logstash-patterns/firewalls_spec.rb", 3, vec![]),
        // One has an address with an octet of 256.
        ("metron/BasicAsaParserTest.java", 5, vec![("106023", "no address (a name?)")]),
    ] {
        let Some(source) = collected(path) else { continue };
        let (seen, reasons) = read_all(&literals(&source).join("\n"));
        assert_eq!(reasons.into_keys().collect::<Vec<_>>(), unparsed, "{path}");
        assert!(seen.records.len() >= records, "{path}: {} records", seen.records.len());
    }
}
