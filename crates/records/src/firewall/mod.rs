//! Logs of firewalls that write whole sessions: one dialect each, and what they share.
//!
//! A line is read by itself. All that is kept between lines is the date that stamps without a year follow, where a dialect
//! has such.

mod fortigate;
mod panos;
mod session;

use crate::syslog::written::Timekeeper;
use crate::{Block, Clock, Event, HashSeed, LineSink, Place, Record, SensorId, Stamp, Unparsed};
use session::NOTHING;

/// Why something could not be read, in a few words that name the field.
type Why = &'static str;

/// How much of a file is looked at to tell what it is.
const SNIFFED: usize = 64 * 1024;

/// Whose log it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Palo Alto Networks PAN-OS.
    PanOs,
    /// Fortinet FortiGate.
    FortiGate,
}

/// What a line says beside its event.
enum Line<'a> {
    /// An event, when it became known, whose it is, and the line from where on it is the device's own.
    Said { known: Stamp, name: &'a [u8], own: &'a [u8] },
    /// Nothing that is used.
    Skipped { name: &'a [u8] },
}

/// Reads one of the dialects.
#[derive(Clone, Debug)]
pub struct Reader {
    dialect: Dialect,
    time: Timekeeper,
}

impl Dialect {
    /// All of them, in the order in which they are tried.
    pub const ALL: [Self; 2] = [Self::PanOs, Self::FortiGate];

    /// Its name in the report's `evidence`.
    #[must_use]
    pub fn format(self) -> &'static str {
        match self {
            Self::PanOs => "pan-os",
            Self::FortiGate => "fortigate",
        }
    }

    /// Whether a line is one of its own.
    fn is_line(self, line: &[u8]) -> bool {
        match self {
            Self::PanOs => panos::is_line(line),
            Self::FortiGate => fortigate::is_line(line),
        }
    }

    fn parse<'a>(self, line: &'a [u8], time: &mut Timekeeper, event: &mut Event) -> Result<Line<'a>, Why> {
        match self {
            Self::PanOs => panos::parse(line, time, event),
            Self::FortiGate => fortigate::parse(line, time, event),
        }
    }

    /// A reader of it, whose stamps `clock` resolves where they do not say their zone.
    #[must_use]
    pub fn reader(self, clock: Clock) -> Reader {
        Reader { dialect: self, time: Timekeeper::new(clock) }
    }
}

impl Reader {
    /// A reader of a file that begins with `head`, if that is one of the dialects. The file must not be JSON, whose strings
    /// may hold such lines.
    #[must_use]
    pub fn sniff(head: &[u8], clock: &Clock) -> Option<Self> {
        let head = &head[..head.len().min(SNIFFED)];
        let mut lines = head.split(|byte| *byte == b'\n').filter(|line| !matches!(line.first(), None | Some(b'{')));
        let dialect = lines.find_map(|line| Dialect::ALL.into_iter().find(|dialect| dialect.is_line(line)))?;
        Some(dialect.reader(clock.clone()))
    }

    /// The format's name in the report's `evidence`.
    #[must_use]
    pub fn format(&self) -> &'static str {
        self.dialect.format()
    }

    /// Parses a block into `sink`.
    pub fn read(&mut self, block: Block<'_>, seed: HashSeed, sink: &mut impl LineSink) {
        for (place, line) in block.lines() {
            self.read_line(place, line, seed, sink);
        }
    }

    fn read_line(&mut self, place: Place, line: &[u8], seed: HashSeed, sink: &mut impl LineSink) {
        let known = Stamp { at: crate::Nanos(0), resolution: 0, sensor: SensorId(0) };
        let mut record = Record { known, place, fingerprint: 0, event: NOTHING };
        match self.dialect.parse(line, &mut self.time, &mut record.event) {
            Ok(Line::Said { known, name, own }) => {
                record.known = known;
                record.fingerprint = seed.fingerprint(own.trim_ascii_end());
                sink.record(record, name);
            }
            Ok(Line::Skipped { name }) => sink.skipped(name),
            Err(why) => sink.unparsed(Unparsed { place, kind: self.dialect.format(), why }),
        }
    }

    /// Moves over a block without parsing it: every stamp of these dialects has a year, so that none follows another.
    pub fn advance(&mut self, _block: &[u8]) {}
}

#[cfg(test)]
mod tests;
