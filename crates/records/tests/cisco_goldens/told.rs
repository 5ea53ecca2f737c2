//! What the reader makes of one line, by the names that goldens have.

use catspaw_records::{
    Block, Clock, Endpoint, Event, HashSeed, LineSink, Place, Record, RecordId, TranslationKind, Unparsed, YearHint,
    cisco,
};
use jiff::tz::TimeZone;

use crate::collected::Golden;

/// What became of a line.
pub(crate) enum Told {
    Read(Box<Record>, String),
    /// It says nothing that is used.
    Skipped(String),
    Refused {
        kind: &'static str,
        why: &'static str,
    },
}

#[derive(Default)]
struct One(Option<Told>);

impl LineSink for One {
    fn record(&mut self, record: &Record, sensor: &[u8]) {
        assert!(self.0.is_none(), "a line is one record");
        self.0 = Some(Told::Read(Box::new(*record), String::from_utf8_lossy(sensor).into_owned()));
    }

    fn skipped(&mut self, sensor: &[u8]) {
        assert!(self.0.is_none(), "a line is passed over once");
        self.0 = Some(Told::Skipped(String::from_utf8_lossy(sensor).into_owned()));
    }

    fn unparsed(&mut self, unparsed: Unparsed) {
        assert!(self.0.is_none(), "a line is refused once");
        self.0 = Some(Told::Refused { kind: unparsed.kind, why: unparsed.why });
    }
}

/// Reads a golden's line, by the clock that its project had.
pub(crate) fn read(golden: &Golden) -> Told {
    let zone = TimeZone::get(golden.zone).expect("a zone");
    let mut reader = cisco::Reader::new(Clock::new(zone, YearHint::First(golden.year)));
    let mut one = One::default();
    let block = Block::new(golden.line.as_bytes(), Place { file: 0, line: 1 });
    reader.read(block, HashSeed(1), &mut one);
    one.0.expect("no line is lost")
}

impl Told {
    /// What it says under a golden's name; `None` where it says nothing of that kind.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let (record, sensor) = match self {
            Self::Read(record, sensor) => (record, sensor),
            Self::Skipped(sensor) => return (name == "sensor").then(|| sensor.clone()),
            Self::Refused { .. } => return None,
        };
        let (first, second) = ends(record)?;
        Some(match name {
            "first" => first.addr.to_string(),
            "first port" => first.port.to_string(),
            "second" => second.addr.to_string(),
            "second port" => second.port.to_string(),
            "proto" => proto(record)?,
            "sensor" => sensor.clone(),
            "at" => (record.known.at.0 / 1_000_000).to_string(),
            "number" => number(record)?,
            "bytes" => bytes(record)?,
            _ => return None,
        })
    }
}

/// The ends in the order in which the line names them: that of whoever sent and of whom it was for, but of a connection
/// that was opened from inside the other way round.
fn ends(record: &Record) -> Option<(Endpoint, Endpoint)> {
    match record.event {
        Event::Opened(opened) if opened.inside.orig == Some(true) => Some((opened.resp, opened.orig)),
        Event::Opened(opened) => Some((opened.orig, opened.resp)),
        Event::Closed(closed) => Some((closed.first, closed.second)),
        Event::Denied(denied) => Some((denied.orig, denied.resp)),
        Event::Translation(translation) => Some((translation.real, translation.mapped)),
        Event::Whole(whole) => Some((whole.orig, whole.resp)),
        Event::Content(_) | Event::Burst(_) => None,
    }
}

fn proto(record: &Record) -> Option<String> {
    let proto = match record.event {
        Event::Opened(opened) => opened.proto,
        Event::Closed(closed) => closed.proto,
        Event::Denied(denied) => denied.proto,
        Event::Whole(whole) => whole.proto,
        Event::Translation(translation) => match translation.kind {
            TranslationKind::Port(proto) => proto,
            TranslationKind::OneToOne | TranslationKind::Static | TranslationKind::Block { .. } => return None,
        },
        Event::Content(_) | Event::Burst(_) => return None,
    };
    Some(proto.to_string())
}

fn number(record: &Record) -> Option<String> {
    let id = match record.event {
        Event::Opened(opened) => opened.id,
        Event::Closed(closed) => closed.id,
        _ => return None,
    };
    match id {
        RecordId::Device(number) => Some(number.to_string()),
        RecordId::Uid(_) => None,
    }
}

fn bytes(record: &Record) -> Option<String> {
    match record.event {
        Event::Closed(closed) => closed.bytes.map(|bytes| bytes.total().to_string()),
        Event::Whole(whole) => whole.bytes.map(|bytes| bytes.total().to_string()),
        _ => None,
    }
}
