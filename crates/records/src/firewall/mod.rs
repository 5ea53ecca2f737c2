//! Logs of firewalls that write whole sessions: one dialect each, and what they share.
//!
//! A line is read by itself. All that is kept between lines is the date that stamps without a year follow, where a dialect
//! has such.

mod blocks;
mod conntrack;
mod fortigate;
mod junos;
mod netfilter;
mod packet;
mod panos;
mod pf;
mod session;

use std::sync::{Arc, LazyLock};

use memchr::memmem::Finder;

use crate::cisco::Names;
use crate::fields::Cef;
use crate::others;
use crate::record::NOTHING;
use crate::syslog::header::decode_header;
use crate::syslog::other;
use crate::syslog::timekeeper::Timekeeper;
use crate::syslog::written::Written;
use crate::syslog::{LastStamp, last_stamp};
use crate::{Block, Clock, Event, HashSeed, LineSink, Record, SensorId, Stamp, Unparsed};

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
    /// Juniper SRX.
    Junos,
    /// Linux's connection tracking.
    Conntrack,
    /// Linux's LOG of packets.
    Netfilter,
    /// pf of pfSense and OPNsense.
    Pf,
    /// Port blocks of carriers' NAT.
    Blocks,
}

/// What a line says beside its event.
enum Line<'a> {
    /// An event, when it became known, whose it is, and the line from where on it is the device's own.
    Said { known: Stamp, name: &'a [u8], own: &'a [u8] },
    /// Nothing that is used.
    Skipped { name: &'a [u8] },
}

/// What syslog's header says of a line.
struct Header<'a> {
    /// When it was written.
    known: Result<Stamp, Why>,
    /// Who wrote it.
    name: &'a [u8],
    /// The line from where on it is the device's own.
    own: &'a [u8],
}

/// Those of [`Dialect::words`].
static WORDS: LazyLock<[Vec<Finder<'static>>; Dialect::ALL.len()]> =
    LazyLock::new(|| Dialect::ALL.map(|dialect| dialect.words().map(Finder::new).collect()));

/// Reads one of the dialects.
#[derive(Clone, Debug)]
pub struct Reader {
    dialect: Dialect,
    time: Timekeeper,
    /// What the lines of Cisco's devices among its own may call an address.
    names: Arc<Names>,
}

impl Dialect {
    /// All of them, in the order in which they are tried.
    pub const ALL: [Self; 7] =
        [Self::PanOs, Self::FortiGate, Self::Junos, Self::Conntrack, Self::Netfilter, Self::Pf, Self::Blocks];

    /// Its name in the report's `evidence`.
    #[must_use]
    pub fn format(self) -> &'static str {
        match self {
            Self::PanOs => "pan-os",
            Self::FortiGate => "fortigate",
            Self::Junos => "junos",
            Self::Conntrack => "conntrack",
            Self::Netfilter => "netfilter",
            Self::Pf => "pf",
            Self::Blocks => "nat-blocks",
        }
    }

    /// Whose a line is. The strings of JSON may hold the lines of any device; whose objects these are, only FortiGate is asked.
    pub(crate) fn of(line: &[u8]) -> Option<Self> {
        if line.first() == Some(&b'{') || others::is_json(line) {
            return fortigate::is_object(line).then_some(Self::FortiGate);
        }
        Self::ALL.into_iter().find(|dialect| dialect.is_line(line))
    }

    /// Whether a line is one of its own.
    pub(crate) fn is_line(self, line: &[u8]) -> bool {
        let is_line = self.is_its_line(line);
        debug_assert!(!is_line || self.may_be_in(line), "{self:?}");
        is_line
    }

    fn is_its_line(self, line: &[u8]) -> bool {
        if let Some(cef) = self.maker().and_then(|_| Cef::parse(line)) {
            return Some(cef.vendor) == self.maker();
        }
        match self {
            Self::PanOs => panos::is_line(line),
            Self::FortiGate => fortigate::is_line(line),
            Self::Conntrack => conntrack::is_line(line),
            Self::Netfilter => netfilter::is_line(line),
            Self::Junos | Self::Pf | Self::Blocks => self.body(line).is_some(),
        }
    }

    /// Whether lines have anything of what one of its own must have, which is asked of many at once.
    fn may_be_in(self, lines: &[u8]) -> bool {
        WORDS[self as usize].iter().any(|word| word.find(lines).is_some())
    }

    /// A line of its own has one of these, whatever its form.
    fn words(self) -> impl Iterator<Item = &'static [u8]> {
        let of_others: &[&[u8]] = match self {
            Self::PanOs => &panos::TYPES,
            Self::FortiGate => &[b"logid", b"log_id"],
            Self::Junos => &[b"RT_"],
            Self::Conntrack => &[b"src=", b"SRC="],
            Self::Netfilter => &[b" SRC="],
            Self::Pf => &[b"filterlog"],
            Self::Blocks => &[blocks::PORT_BLOCK, b"CEF:", b"|A10|", b" VRF "],
        };
        of_others.iter().copied().chain(self.maker())
    }

    /// Who makes it, in CEF, which is one of the forms of its lines.
    fn maker(self) -> Option<&'static [u8]> {
        match self {
            Self::PanOs => Some(panos::MAKER),
            Self::FortiGate => Some(fortigate::MAKER),
            Self::Junos | Self::Conntrack | Self::Netfilter | Self::Pf | Self::Blocks => None,
        }
    }

    /// Where the message begins in a line of a dialect whose stamps stand in syslog's header.
    fn body(self, line: &[u8]) -> Option<usize> {
        match self {
            Self::PanOs | Self::FortiGate => None,
            Self::Junos => junos::body(line),
            Self::Conntrack => conntrack::body(line),
            Self::Netfilter => netfilter::body(line),
            Self::Pf => pf::body(line),
            Self::Blocks => blocks::body(line),
        }
    }

    /// The part of what stands before the message that is syslog's.
    fn syslog(self, head: &[u8]) -> &[u8] {
        match self {
            Self::Netfilter => netfilter::syslog(head),
            Self::Pf => pf::syslog(head),
            _ => head,
        }
    }

    /// The sensor of a device that its header does not name.
    fn unnamed(self) -> &'static [u8] {
        match self {
            Self::PanOs | Self::FortiGate => b"",
            Self::Junos => junos::UNNAMED,
            Self::Conntrack => conntrack::UNNAMED,
            Self::Netfilter => netfilter::UNNAMED,
            Self::Pf => pf::UNNAMED,
            Self::Blocks => blocks::UNNAMED,
        }
    }

    fn parse<'a>(self, line: &'a [u8], time: &mut Timekeeper, event: &mut Event) -> Result<Line<'a>, Why> {
        let cef = self.maker().and_then(|maker| Cef::parse(line).filter(|cef| cef.vendor == maker));
        match (self, &cef) {
            (Self::PanOs, Some(cef)) => return panos::parse_cef(cef, &line[cef.start..], time, event),
            (Self::PanOs, None) => return panos::parse(line, time, event),
            (Self::FortiGate, Some(cef)) => return fortigate::parse_cef(cef, line, time, event),
            (Self::FortiGate, None) => return fortigate::parse(line, time, event),
            _ => {}
        }
        let Some(body) = self.body(line) else { return Err(self.why_not(line)) };
        let (head, text) = line.split_at(body);
        let header = self.header(line, head, time);
        match self {
            Self::Conntrack => conntrack::parse(text, head, header, event),
            Self::Netfilter => netfilter::parse(text, head, header, event),
            Self::Junos => junos::parse(text, header, event),
            Self::Pf => pf::parse(text, header, event),
            _ => blocks::parse(text, header, event),
        }
    }

    /// Why a line without a message of its own cannot be read.
    fn why_not(self, line: &[u8]) -> Why {
        if self.is_line(line) {
            "no stamp: a table says what is open, and not when"
        } else {
            "no message of such a device"
        }
    }

    /// What syslog's header says. Whatever the message is, its stamp moves the clock.
    fn header<'a>(self, line: &'a [u8], head: &'a [u8], time: &mut Timekeeper) -> Header<'a> {
        if self == Self::Conntrack && head.first() == Some(&b'[') {
            // Its own stamp, which has nothing of syslog's before it.
            let name = self.unnamed();
            let known = conntrack::stamp(head, name).ok_or("no stamp");
            if let Ok(known) = known {
                time.follow_moment(known.at);
            }
            return Header { known, name, own: line };
        }
        let header = time.decode_header(self.syslog(head));
        let is_none = header.sensor.is_empty() || self == Self::Netfilter && netfilter::is_no_host(header.sensor, head);
        let name = if is_none { self.unnamed() } else { header.sensor };
        let sensor = SensorId::of(name);
        let known = header.written.ok_or("no stamp").and_then(|written| {
            let at = time.resolve(sensor, &written).ok_or("a stamp that is no date")?;
            Ok(Stamp { at, resolution: written.resolution, sensor })
        });
        Header { known, name, own: &line[header.own..] }
    }

    /// The stamp of a line whose clock other lines follow.
    fn written_of(self, line: &[u8]) -> Option<Written> {
        let head = &line[..self.body(line)?];
        if self == Self::Conntrack && head.first() == Some(&b'[') {
            Written::of_moment(conntrack::epoch(head)?, conntrack::RESOLUTION)
        } else {
            decode_header(self.syslog(head)).written
        }
    }

    /// Gives a line to `sink`, if it is one of its own: says why it is none. `record`, which says where it stands, is written into.
    #[inline]
    pub(crate) fn read_own(
        self,
        line: &[u8],
        time: &mut Timekeeper,
        seed: HashSeed,
        record: &mut Record,
        sink: &mut impl LineSink,
    ) -> Result<(), Why> {
        let place = record.place;
        match self.parse(line, time, &mut record.event) {
            Ok(Line::Said { known, name, own }) => {
                record.known = known;
                record.fingerprint = seed.fingerprint(own.trim_ascii_end());
                sink.record(record, name);
            }
            Ok(Line::Skipped { name }) => sink.skipped(name),
            Err(why) if self.is_line(line) => sink.unparsed(Unparsed { place, kind: self.format(), why }),
            Err(why) => return Err(why),
        }
        Ok(())
    }

    /// A reader of it, whose stamps `clock` resolves where they do not say their zone.
    #[must_use]
    pub fn reader(self, clock: Clock) -> Reader {
        Reader { dialect: self, time: Timekeeper::new(clock), names: Arc::default() }
    }
}

impl Reader {
    /// A reader of a file that begins with `head`, if that is one of the dialects.
    #[must_use]
    pub fn sniff(head: &[u8], clock: &Clock) -> Option<Self> {
        let head = &head[..head.len().min(SNIFFED)];
        if !Dialect::ALL.iter().any(|dialect| dialect.may_be_in(head)) {
            return None;
        }
        let mut lines = head.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let dialect = lines.find_map(Dialect::of)?;
        Some(dialect.reader(clock.clone()))
    }

    /// The same reader, which knows what addresses names stand for.
    #[must_use]
    pub(crate) fn with_names(self, names: Arc<Names>) -> Self {
        Self { names, ..self }
    }

    /// The same reader, before any line, to which the first stamp is of this year if it has none.
    pub(crate) fn of_year(self, year: i16) -> Self {
        Self { time: self.time.of_year(year), ..self }
    }

    /// How far east of UTC the zone is that syslog's stamp before a line says, in minutes.
    pub(crate) fn said_zone(&self, line: &[u8]) -> Option<i16> {
        // Conntrack's own stamps are seconds since 1970, of no zone.
        let is_epoch = self.dialect == Dialect::Conntrack && line.first() == Some(&b'[');
        self.dialect.written_of(line)?.said_zone().filter(|_| !is_epoch)
    }

    /// Goes on where `before` has come to.
    pub(crate) fn go_on_from(&mut self, before: &Self) {
        self.time = before.time.clone();
    }

    /// The format's name in the report's `evidence`.
    #[must_use]
    pub fn format(&self) -> &'static str {
        self.dialect.format()
    }

    /// Parses a block into `sink`.
    pub fn read(&mut self, block: Block<'_>, seed: HashSeed, sink: &mut impl LineSink) {
        let mut record = Record::at(block.first);
        for (place, line) in block.lines() {
            record.place = place;
            self.read_line(line, seed, &mut record, sink);
        }
    }

    /// Gives a line to `sink`: its own, or else whosever it is.
    #[inline]
    fn read_line(&mut self, line: &[u8], seed: HashSeed, record: &mut Record, sink: &mut impl LineSink) {
        let (dialect, place) = (self.dialect, record.place);
        if let Err(why) = dialect.read_own(line, &mut self.time, seed, record, sink)
            && !others::read(place, line, &self.time, &self.names, seed, sink)
            && !other::skip(place, line, sink)
        {
            sink.unparsed(Unparsed { place, kind: dialect.format(), why });
        }
    }

    /// Moves over a block without parsing it: all that is kept is the date that stamps without a year follow, and how far
    /// each device has come in an hour that is repeated. Those of PAN-OS and FortiGate stand in their lines: the last one is
    /// read for the date that other devices' stamps follow, and all of them on those days.
    pub fn advance(&mut self, block: Block<'_>) {
        let dialect = self.dialect;
        if matches!(dialect, Dialect::PanOs | Dialect::FortiGate) {
            if self.ends_near_repeated(block.bytes) {
                let mut event = NOTHING;
                for (_, line) in block.lines() {
                    let _ = dialect.parse(line, &mut self.time, &mut event);
                }
            } else {
                self.follow_last(block.bytes);
            }
            return;
        }
        match last_stamp(block.bytes, self.time.clock(), |line| dialect.written_of(line)) {
            LastStamp::None => {}
            LastStamp::Dated(date) if !self.time.clock().may_repeat(date) => self.time.follow(date),
            LastStamp::Dated(_) | LastStamp::WithoutYear => {
                for (_, line) in block.lines() {
                    if let Some(body) = dialect.body(line) {
                        dialect.header(line, &line[..body], &mut self.time);
                    }
                }
            }
        }
    }
}

impl Reader {
    /// Goes on from the last date of a block.
    fn follow_last(&mut self, block: &[u8]) {
        let mut event = NOTHING;
        for line in block.rsplit(|byte| *byte == b'\n') {
            let mut time = self.time.at_rest();
            let _ = self.dialect.parse(line.strip_suffix(b"\r").unwrap_or(line), &mut time, &mut event);
            if time.has_moved() {
                self.time = time;
                return;
            }
        }
    }

    /// Whether the last session of a block became known on a day about the end of summer time.
    fn ends_near_repeated(&self, block: &[u8]) -> bool {
        let (mut time, mut event) = (self.time.clone(), NOTHING);
        let mut lines = block.rsplit(|byte| *byte == b'\n');
        let known = lines.find_map(|line| match self.dialect.parse(line, &mut time, &mut event) {
            Ok(Line::Said { known, .. }) => Some(known.at),
            _ => None,
        });
        known.is_some_and(|at| self.time.clock().may_repeat_at(at))
    }
}

#[cfg(test)]
mod tests;
