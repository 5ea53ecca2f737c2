//! Zeek's `conn.log`, as TSV and as JSON.
//!
//! A file of TSV says itself how it is written: header lines (`#separator`, `#path`, `#fields`, ...) may stand anywhere,
//! since rotated logs are often concatenated, and each changes how the lines after it are read. That header is all
//! the state there is. A line of JSON says all by itself, wherever it stands.

mod header;
mod json;
mod line;

use std::sync::Arc;

use jiff::tz::TimeZone;
use memchr::{memchr, memmem};

use self::header::{Header, Section};
use crate::fields::json::Shape;
use crate::fields::{Bad, value};
use crate::others;
use crate::syslog::other;
use crate::syslog::timekeeper::Timekeeper;
use crate::{Block, Clock, ConnState, HashSeed, LineSink, Place, Record, Unparsed, YearHint};

/// The sensor's name where no column says one.
const SENSOR: &[u8] = b"zeek";

/// What an unparsed line was taken for.
const KIND: &str = "zeek-conn";

/// Lines with an object that are looked at for JSON of connections: logs of all kinds may come in one stream.
const SNIFFED: usize = 200;

/// Reads `conn.log`.
#[derive(Clone, Debug)]
pub struct Reader {
    /// Shared, so that the clone that each block is read with costs nothing.
    header: Arc<Header>,
    /// That at the front of its file, which later parts of the log may lack.
    front: Arc<Header>,
    /// Whether it was taken for JSON, so that a line may have something before its object (syslog).
    is_json: bool,
    /// Stamps of JSON may be civil times, in UTC.
    times: Timekeeper,
}

impl Reader {
    /// A reader, where the first bytes of a file are those of a Zeek conn log, or of several Zeek logs one of which
    /// is conn.
    #[must_use]
    pub fn sniff(head: &[u8]) -> Option<Self> {
        let text_start = head.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
        if head[text_start] != b'#' {
            let block = Block::new(head, Place { file: 0, line: 1 });
            memchr(b'{', head)?;
            let mut objects = block.lines().filter(|(_, line)| line.contains(&b'{')).take(SNIFFED);
            let is_json = objects.any(|(_, line)| json::is_conn(line));
            return is_json.then(|| Self::new(true));
        }
        let mut probe = Header::default();
        let is_conn = header_lines(head).any(|line| {
            probe.update(line);
            probe.is_conn()
        });
        let mut front = Header::default();
        let lines = Block::new(head, Place { file: 0, line: 1 }).lines();
        lines.take_while(|(_, line)| line[0] == b'#').for_each(|(_, line)| front.update(line));
        is_conn.then(|| Self { front: Arc::new(front), ..Self::new(false) })
    }

    /// A reader of lines that have these columns, of which another file has the header: most of those at the front are understood.
    pub(crate) fn of_a_part(&self, head: &[u8]) -> Option<Self> {
        let lines = || Block::new(head, Place { file: 0, line: 1 }).lines().take(SNIFFED);
        let is_understood = |&(place, line): &(Place, &[u8])| {
            line::parse(&self.front, line, HashSeed(0), &mut Record::at(place)).is_ok()
        };
        let fits = self.front.is_conn() && 2 * lines().filter(is_understood).count() > lines().count();
        fits.then(|| Self { header: Arc::clone(&self.front), ..self.clone() })
    }

    /// Whether both take the same of a line without a header for the same.
    pub(crate) fn reads_as(&self, other: &Self) -> bool {
        self.front == other.front && self.is_json == other.is_json
    }

    fn new(is_json: bool) -> Self {
        // Civil times of JSON always have a year.
        let clock = Clock::new(TimeZone::UTC, YearHint::First(1970));
        let header = Arc::new(Header::default());
        Self { front: Arc::clone(&header), header, is_json, times: Timekeeper::new(clock) }
    }

    /// Whether it was taken for JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.is_json
    }

    /// Parses a block into `sink`.
    pub fn read(&mut self, block: Block<'_>, seed: HashSeed, sink: &mut impl LineSink) {
        let block_end = block.bytes.as_ptr_range().end;
        let mut shape = Shape::default();
        for (place, line) in block.lines() {
            if line[0] == b'#' {
                Arc::make_mut(&mut self.header).update(line);
                continue;
            }
            if self.is_json || line[0] == b'{' {
                self.read_json(place, line, &mut shape, seed, sink);
                continue;
            }
            match self.header.section() {
                Section::Other => sink.skipped(SENSOR),
                Section::Unreadable(why) => unparsed(place, why, sink),
                Section::Conn => {
                    let whole = line.as_ptr_range().end != block_end || !self.header.ends_in_use();
                    if whole {
                        self.read_line(place, line, seed, sink);
                    } else {
                        unparsed(place, "cut off: no line end after the last field", sink);
                    }
                }
            }
        }
    }

    fn read_json(&mut self, place: Place, line: &[u8], shape: &mut Shape, seed: HashSeed, sink: &mut impl LineSink) {
        let mut record = Record::at(place);
        match json::parse(line, seed, (&mut self.times, shape), &mut record) {
            Ok(true) => sink.record(&record, SENSOR),
            Ok(false) => sink.skipped(SENSOR),
            Err(_) if !others::is_json(line) && other::skip(place, line, sink) => {}
            Err(Bad { at: Some(at), why, .. }) => sink.broken(Unparsed { place, kind: KIND, why }, at + 1, None),
            Err(Bad { at: None, why, .. }) => unparsed(place, why, sink),
        }
    }

    fn read_line(&self, place: Place, line: &[u8], seed: HashSeed, sink: &mut impl LineSink) {
        let mut record = Record::at(place);
        match line::parse(&self.header, line, seed, &mut record) {
            Ok(()) => sink.record(&record, SENSOR),
            Err(why) => unparsed(place, why, sink),
        }
    }

    /// Moves over a block without parsing it.
    pub fn advance(&mut self, block: Block<'_>) {
        for line in header_lines(block.bytes) {
            Arc::make_mut(&mut self.header).update(line);
        }
    }
}

/// Whether the first line is one of connections as Zeek writes them unless told otherwise, whose header is missing.
pub(crate) fn lacks_header(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\n').find(|line| !line.is_empty()).unwrap_or_default();
    let columns: Vec<&[u8]> = line.split(|byte| *byte == b'\t').collect();
    let [ts, _uid, orig, orig_port, resp, resp_port, proto, _, _, _, _, state, ..] = columns[..] else { return false };
    value::seconds(ts).is_some()
        && [orig, resp].iter().all(|text| value::address(text).is_some())
        && [orig_port, resp_port].iter().all(|text| value::number(text).is_some())
        && proto.iter().all(u8::is_ascii_lowercase)
        && ConnState::parse(state).is_some()
}

/// Gives a line to `sink` which stands in another's file, if it is JSON of a connection, or of another of Zeek's logs.
pub(crate) fn read_other(place: Place, line: &[u8], seed: HashSeed, sink: &mut impl LineSink) -> bool {
    let is_ours = json::is_conn(line) || json::is_other(line);
    if is_ours {
        Reader::new(true).read_json(place, line, &mut Shape::unlearned(), seed, sink);
    }
    is_ours
}

fn unparsed(place: Place, why: &'static str, sink: &mut impl LineSink) {
    sink.unparsed(Unparsed { place, kind: KIND, why });
}

/// The lines of `bytes` that begin with `#`, without their ends.
fn header_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let first = bytes.starts_with(b"#").then_some(0);
    let later = memmem::find_iter(bytes, b"\n#").map(|newline| newline + 1);
    first.into_iter().chain(later).map(|start| {
        let rest = &bytes[start..];
        let line = &rest[..memchr(b'\n', rest).unwrap_or(rest.len())];
        line.strip_suffix(b"\r").unwrap_or(line)
    })
}

#[cfg(test)]
mod tests;
