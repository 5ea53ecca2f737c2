//! What the reader of the owner's TOML keeps to, whatever he has written, and what he has mapped.

use std::path::Path;

use catspaw_records::{Block, Clock, HashSeed, LineSink, Place, Reader, Record, Sniffed, Unparsed, YearHint};
use jiff::tz::TimeZone;

use super::Settings;
use crate::args::ScanArgs;
use crate::columns::Maps;
use crate::indicators::Signatures;

const NAME: &str = "own.toml";

/// TOML up to the first zero byte, as a configuration, as signatures and as maps of columns, and behind it a log that the maps
/// are for: what is wrong is said with its place, and what is not can be used on whatever the log holds.
pub fn settings(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let (text, log) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let Ok(text) = std::str::from_utf8(text) else { return };
    let path = Path::new(NAME);
    let args = ScanArgs { config: Some(path.into()), ..ScanArgs::default() };
    check_place(text, Settings::of(args, text).map(drop));
    check_place(text, Signatures::parse(path, text).map(drop));
    let maps = Maps::of(&[(path, text.to_owned())]);
    if let Ok(maps) = &maps {
        let clock = Clock::new(TimeZone::UTC, YearHint::First(2003));
        match maps.sniff(log, &clock) {
            Sniffed::Evidence(reader) => {
                check_reader(&reader, log);
                check_words(maps.doubts(&reader, log).into_iter().chain(maps.lack(&reader, log)));
            }
            Sniffed::Other(_) => check_words(maps.nearest(log, &clock)),
        }
    }
    check_place(text, maps.map(drop));
}

/// What is wrong stands in the text, but for options that contradict one another: these are named.
fn check_place(text: &str, read: Result<(), String>) {
    let Err(error) = read else { return };
    let Some(place) = error.strip_prefix(NAME).and_then(|rest| rest.strip_prefix(':')) else {
        assert!(error.starts_with("--"), "{error:?}");
        return;
    };
    let mut numbers = place.splitn(3, ':');
    let mut number = || numbers.next().and_then(|number| number.parse::<usize>().ok()).expect("a number");
    let (line, column) = (number(), number());
    let lines: Vec<&str> = text.split('\n').collect();
    assert!((1..=lines.len()).contains(&line), "{error:?}");
    assert!((1..=lines[line - 1].chars().count() + 1).contains(&column), "{error:?}");
    assert!(numbers.next().is_some_and(|why| !why.trim().is_empty()), "{error:?}");
}

/// What is said of a log can be shown, whatever it holds.
fn check_words(said: impl IntoIterator<Item = String>) {
    said.into_iter().for_each(|said| assert!(!said.chars().any(char::is_control), "{said:?}"));
}

/// Where a block ends changes nothing.
fn check_reader(reader: &Reader, log: &[u8]) {
    let whole = said(reader.clone(), &[log]);
    let middle = log[..log.len() / 2].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    assert_eq!(whole, said(reader.clone(), &[&log[..middle], &log[middle..]]), "cut at {middle}");
}

fn said(mut reader: Reader, blocks: &[&[u8]]) -> Said {
    let (mut said, mut line) = (Said::default(), 1);
    for bytes in blocks {
        reader.read(Block::new(bytes, Place { file: 0, line }), HashSeed(0), &mut said);
        line += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
    }
    said
}

#[derive(Debug, Default, PartialEq)]
struct Said {
    records: Vec<Record>,
    skipped: usize,
    unparsed: Vec<Unparsed>,
}

impl LineSink for Said {
    fn record(&mut self, record: &Record, _: &[u8]) {
        self.records.push(*record);
    }

    fn skipped(&mut self, _: &[u8]) {
        self.skipped += 1;
    }

    fn unparsed(&mut self, unparsed: Unparsed) {
        self.unparsed.push(unparsed);
    }
}
