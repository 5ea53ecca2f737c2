//! One record of evidence: what a line, a flow or a connection says.

use std::fmt;
use std::hash::Hasher;
use std::net::{IpAddr, Ipv4Addr};

use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::fields::places::{self, Places};
use crate::{Burst, Bytes, ConnState, Content, Ending, Endpoint, Nanos, Proto, Stamp, Uid};

/// Whose clock and whose ids: a firewall by its name in the syslog header, a Zeek node.
///
/// A hash of the name, so that it is the same whatever the order in which files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SensorId(pub u64);

impl SensorId {
    /// The sensor called `name`.
    #[must_use]
    pub fn of(name: &[u8]) -> Self {
        Self(xxh3_64(name))
    }

    /// The hash in hexadecimal.
    #[must_use]
    pub fn hex(self) -> String {
        format!("{:016x}", self.0)
    }
}

/// A key of this run, mixed into hashes of text that came from outside, so that nobody can prepare collisions.
#[derive(Clone, Copy, Debug)]
pub struct HashSeed(pub u64);

impl HashSeed {
    /// The fingerprint by which the same record, given twice, is known.
    #[must_use]
    pub fn fingerprint(self, text: &[u8]) -> u64 {
        // What is the same in every run would let two texts be made that no seed tells apart.
        let mut hasher = FoldHasher::with_seed(self.0, SharedSeed::global_random());
        hasher.write(text);
        hasher.finish()
    }
}

/// Where a record stands: the file by its number in the run, the line (from 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Number of the file in the run.
    pub file: u32,
    /// Line, from 1; for packets and flows their number.
    pub line: u64,
}

/// How a witness names a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RecordId {
    /// A number of the device's, reused after a reboot or an overflow.
    Device(u64),
    /// A name that is unique of itself (Zeek's `uid`).
    Uid(Uid),
}

/// Which ends of a connection the record itself marks as ours: the interface in syslog, `local_orig` in Zeek.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Inside {
    /// The originator (of a [`Closed`]: the first end) is inside; `None` where the record does not say.
    pub orig: Option<bool>,
    /// The responder (of a [`Closed`]: the second end) is inside; `None` where the record does not say.
    pub resp: Option<bool>,
}

/// A connection was opened (302013, 302015): what the witness knows then. Whoever watches packets says so at the
/// SYN ACK that answers ([`Record::known`]) and gives the SYN's moment as `start`; of a name's look-up over UDP at the first
/// answer, with the moment of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// The witness's name of it; whatever else is said of the connection is said by this name.
    pub id: RecordId,
    /// The transport.
    pub proto: Proto,
    /// When it began, on the clock of [`Record::known`] and never after that; for syslog the same.
    pub start: Stamp,
    /// Who opened it, by its real address.
    pub orig: Endpoint,
    /// Whom it went to, by its real address.
    pub resp: Endpoint,
    /// The originator as the other side saw it, where the record says (equal where nothing is translated).
    pub mapped_orig: Option<Endpoint>,
    /// The responder as the other side saw it.
    pub mapped_resp: Option<Endpoint>,
    /// Which ends are ours by the record itself.
    pub inside: Inside,
}

/// A connection ended (302014, 302016). It does not say who opened it: everything that has a direction (`inside`, the
/// directions of `bytes`, `ending`) is told as if the first end had. Whoever knows that it was the second takes
/// [`Closed::turned`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// The witness's name of it, as in its [`Opened`].
    pub id: RecordId,
    /// The transport.
    pub proto: Proto,
    /// The end that the record names first (the less trusted interface).
    pub first: Endpoint,
    /// The end that it names second.
    pub second: Endpoint,
    /// Which ends are ours by the record itself (`orig`: first, `resp`: second).
    pub inside: Inside,
    /// Its life in nanoseconds, as the device says it.
    pub duration: i64,
    /// When it ended, where the witness came to know that only later; `None`: at [`Record::known`].
    pub ended: Option<Stamp>,
    /// What it carried.
    pub bytes: Option<Bytes>,
    /// How it ended: a reset by the first end is `ResetByOrig`.
    pub ending: Ending,
}

impl Closed {
    /// The same told from the other end: its second end is the first of this, and all that has a direction is exchanged.
    #[must_use]
    pub fn turned(self) -> Self {
        Self {
            first: self.second,
            second: self.first,
            inside: Inside { orig: self.inside.resp, resp: self.inside.orig },
            bytes: self.bytes.map(Bytes::turned),
            ending: self.ending.turned(),
            ..self
        }
    }
}

/// A whole connection in one record (a Zeek `conn` line, a flow, an attempt that nobody answered), or the end of one whose
/// [`Opened`] had the same id and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whole {
    /// The witness's name of it.
    pub id: RecordId,
    /// The transport.
    pub proto: Proto,
    /// Who opened it.
    pub orig: Endpoint,
    /// Whom it went to.
    pub resp: Endpoint,
    /// Which ends are ours by the record itself.
    pub inside: Inside,
    /// Its first packet.
    pub start: Stamp,
    /// Its life in nanoseconds, which says when it ended ([`Whole::ended`]); `None` where the witness does not say (an
    /// attempt without an answer).
    pub duration: Option<i64>,
    /// What it carried; `None` where the witness does not say.
    pub bytes: Option<Bytes>,
    /// How it ended.
    pub ending: Ending,
    /// Whether the responder answered; `None` where the witness does not say.
    pub answered: Option<bool>,
    /// Zeek's word for how it went; `None` of other witnesses.
    pub state: Option<ConnState>,
    /// The application protocol as the witness recognised it (`smtp`, `http`, `socks`, ...).
    pub service: Option<Uid>,
    /// Zeek's history of flags.
    pub history: Option<Uid>,
    /// What else the witness says of it.
    pub beside: Beside,
}

/// What some witnesses say beside. No witness says both, and every record is as large as the largest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Beside {
    /// Nothing.
    Nothing,
    /// Packets were counted.
    Counted(Counters),
    /// Originator and responder as the other side saw them; `None` where the witness does not say of one.
    Mapped([Option<Endpoint>; 2]),
}

/// What a witness of packets counts beside the payload, under Zeek's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Packets of the originator.
    pub orig_pkts: u64,
    /// Their bytes with the IP headers.
    pub orig_ip_bytes: u64,
    /// Packets of the responder.
    pub resp_pkts: u64,
    /// Their bytes with the IP headers.
    pub resp_ip_bytes: u64,
    /// Bytes of payload, both ways, that were sent and not captured.
    pub missed_bytes: u64,
}

impl Whole {
    /// What was counted beside the payload; `None` where the witness does not say.
    #[must_use]
    pub fn counters(&self) -> Option<Counters> {
        match self.beside {
            Beside::Counted(counters) => Some(counters),
            Beside::Nothing | Beside::Mapped(_) => None,
        }
    }

    /// Originator and responder as the other side saw them, where the witness says so.
    #[must_use]
    pub fn mapped(&self) -> [Option<Endpoint>; 2] {
        match self.beside {
            Beside::Mapped(mapped) => mapped,
            Beside::Nothing | Beside::Counted(_) => [None; 2],
        }
    }

    /// When it ended, whenever that became known: `duration` after its start where it has one, else at `known`
    /// ([`Record::known`]).
    #[must_use]
    pub fn ended(&self, known: Stamp) -> Stamp {
        self.duration.map_or(known, |duration| Stamp { at: self.start.at.plus(duration), ..self.start })
    }
}

/// A connection attempt, or a stray packet, that the device refused (106001, 106015, 106023), or several of one five-tuple
/// that it tells of in one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denied {
    /// The transport.
    pub proto: Proto,
    /// Who sent it.
    pub orig: Endpoint,
    /// Whom it was for; behind NAT this is the public address.
    pub resp: Endpoint,
    /// Whether it asked for a new connection (a SYN); a stray ACK or FIN (106015) does not.
    pub attempt: bool,
    /// How many were refused: the hit count of 106100, a collector's `message repeated N times`.
    pub count: u64,
    /// Over how many seconds up to [`Record::known`]; 0 where it was at that moment.
    pub over: u32,
}

impl Denied {
    /// When the first of them was refused, at the earliest, of a record that became `known` then.
    #[must_use]
    pub fn since(&self, known: Nanos) -> Nanos {
        known.plus(-i64::from(self.over) * Nanos::SECOND)
    }
}

/// What a translation maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TranslationKind {
    /// One address, for as long as it is used (305009/305010 dynamic).
    OneToOne,
    /// One address, by configuration (305009/305010 static).
    Static,
    /// One address and port (305011/305012).
    Port(Proto),
    /// A block of one address's ports, from that of [`Translation::mapped`] to this one (305014/305015, and what carriers'
    /// NAT logs).
    Block {
        /// Of which protocol; `None`: of all that have ports.
        proto: Option<Proto>,
        /// The last port.
        last: u16,
    },
}

/// A translation was built or torn down (305009-305012), or a block of ports given to a host and taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Translation {
    /// What it maps.
    pub kind: TranslationKind,
    /// The address inside (port 0 for whole addresses).
    pub real: Endpoint,
    /// The address outside (port 0 for whole addresses).
    pub mapped: Endpoint,
    /// `None`: built. Otherwise torn down after this many nanoseconds; `Some(None)` where the device does not say.
    pub torn_down: Option<Option<i64>>,
}

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A connection was opened.
    Opened(Opened),
    /// A connection ended.
    Closed(Closed),
    /// A whole connection.
    Whole(Whole),
    /// Something was refused.
    Denied(Denied),
    /// A translation was built or torn down.
    Translation(Translation),
    /// Something was said on a connection whose packets were read.
    Content(Content),
    /// Payload went one way on such a connection.
    Burst(Burst),
}

/// One record of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When it became known: the stamp of a syslog line, `ts + duration` of a Zeek conn line. What it tells of may have
    /// happened before, and says itself when.
    pub known: Stamp,
    /// Where it stands.
    pub place: Place,
    /// Fingerprint of its text, by which a second copy is known.
    pub fingerprint: u64,
    /// What it says.
    pub event: Event,
}

/// A place that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unparsed {
    /// Where.
    pub place: Place,
    /// What kind of record it was taken for (a `message_id`, a format), short and from a fixed set.
    pub kind: &'static str,
    /// Why it could not be read, in a few words that name the field.
    pub why: &'static str,
}

/// Takes what a reader makes of lines.
///
/// The caller owns the buffers; a reader only appends.
pub trait LineSink {
    /// A record was understood. `sensor` is its sensor's name as the evidence writes it.
    fn record(&mut self, record: &Record, sensor: &[u8]);
    /// A line is evidence of this kind but says nothing that is used (another message id, a comment).
    fn skipped(&mut self, sensor: &[u8]);
    /// A line could not be read.
    fn unparsed(&mut self, unparsed: Unparsed);
    /// A line, which is skipped, says that so many messages were lost on the way to the log; 0 where it does not say how many.
    fn lost(&mut self, _place: Place, _messages: u64) {}
    /// The same of a line that is in order up to `column` (from 1), with what stands there and what should, where that is a value.
    fn broken(&mut self, unparsed: Unparsed, _column: usize, _value: Option<fmt::Arguments<'_>>) {
        self.unparsed(unparsed);
    }
}

/// A stretch of whole lines of one file, and where it starts.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// The bytes: whole lines, the last one possibly without its newline at the end of the file.
    pub bytes: &'a [u8],
    /// The place of the first line.
    pub first: Place,
    /// What [`line_ends`] found, where it was asked.
    ends: Option<&'a [u32]>,
}

/// Appends to `ends` where the newlines of `bytes` are, which are fewer than 4 GiB.
pub fn line_ends(bytes: &[u8], ends: &mut Vec<u32>) {
    places::each_of_all(b'\n', bytes, |end| ends.push(end as u32));
}

impl<'a> Block<'a> {
    /// These lines, of which the first stands there.
    #[must_use]
    pub fn new(bytes: &'a [u8], first: Place) -> Self {
        Self { bytes, first, ends: None }
    }

    /// The same, of which it is known where all lines end ([`line_ends`]): whoever goes through them need not look for that again.
    #[must_use]
    pub fn with_ends(self, ends: &'a [u32]) -> Self {
        debug_assert!(Places::new(b'\n', self.bytes).eq(ends.iter().map(|&end| end as usize)), "other lines' ends");
        Self { ends: Some(ends), ..self }
    }

    /// Its lines with their places, without `\n` or `\r\n`; empty lines are left out but counted.
    #[inline]
    pub fn lines(self) -> impl Iterator<Item = (Place, &'a [u8])> {
        let ends = match self.ends {
            Some(known) => Ends::Known(known.iter()),
            None => Ends::Unknown(Places::new(b'\n', self.bytes)),
        };
        Lines { bytes: self.bytes, ends, start: 0, place: self.first }
    }
}

/// Where lines end.
enum Ends<'a> {
    Known(std::slice::Iter<'a, u32>),
    Unknown(Places<'a>),
}

impl Iterator for Ends<'_> {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        match self {
            Self::Known(ends) => ends.next().map(|&end| end as usize),
            Self::Unknown(places) => places.next(),
        }
    }
}

/// See [`Block::lines`].
struct Lines<'a> {
    bytes: &'a [u8],
    ends: Ends<'a>,
    /// Where the next line begins.
    start: usize,
    place: Place,
}

impl<'a> Iterator for Lines<'a> {
    type Item = (Place, &'a [u8]);

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        while self.start < self.bytes.len() {
            let end = self.ends.next().unwrap_or(self.bytes.len());
            let (line, place) = (self.bytes.get(self.start..end)?, self.place);
            self.start = end + 1;
            self.place.line += 1;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.is_empty() {
                return Some((place, line));
            }
        }
        None
    }
}

/// Stands in a record until its stamp is put there.
pub(crate) const UNKNOWN: Stamp = Stamp { at: Nanos(0), resolution: 0, sensor: SensorId(0) };

/// Stands in a record until its event is put there.
pub(crate) const NOTHING: Event = {
    let nowhere = Endpoint { addr: IpAddr::V4(Ipv4Addr::UNSPECIFIED), port: 0 };
    Event::Denied(Denied { proto: Proto::Other(0), orig: nowhere, resp: nowhere, attempt: false, count: 1, over: 0 })
};

impl Record {
    /// A record at `place` that says nothing yet. It is large: whoever reads it writes into it.
    #[inline]
    pub(crate) fn at(place: Place) -> Self {
        Self { known: UNKNOWN, place, fingerprint: 0, event: NOTHING }
    }

    /// The moment it became known.
    #[must_use]
    pub fn known_at(&self) -> Nanos {
        self.known.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ByteCount, ByteKind};

    /// The lines of a block, split as one would without knowing how it is done.
    fn split(bytes: &[u8]) -> Vec<(u64, &[u8])> {
        let lines = (1..).zip(bytes.split(|byte| *byte == b'\n'));
        lines
            .map(|(n, line)| (n, line.strip_suffix(b"\r").unwrap_or(line)))
            .filter(|(_, line)| !line.is_empty())
            .collect()
    }

    #[test]
    fn lines_of_every_length_are_told_with_their_places() {
        let first = Place { file: 3, line: 1 };
        for len in 0..200 {
            for ends in ["\n", "\r\n", "\r", "\n\n\n", "", "\r\r\n"] {
                for bytes in [
                    format!("{}{ends}{}{ends}x", "a".repeat(len), "b".repeat(len / 2)),
                    format!("{ends}{}{ends}", "c".repeat(len)),
                ] {
                    let mut lines = Block::new(bytes.as_bytes(), first).lines();
                    let told: Vec<_> = lines.by_ref().map(|(place, line)| (place.line, line)).collect();
                    assert_eq!(told, split(bytes.as_bytes()), "{len} {ends:?}");
                    assert!(lines.next().is_none(), "what has ended stays so");
                    let mut ends = Vec::new();
                    line_ends(bytes.as_bytes(), &mut ends);
                    let known = Block::new(bytes.as_bytes(), first).with_ends(&ends).lines();
                    assert!(known.map(|(place, line)| (place.line, line)).eq(told), "{len} {ends:?}");
                }
            }
        }
    }

    #[test]
    fn no_text_shares_its_fingerprint_with_one_that_is_nearly_the_same() {
        let seed = HashSeed(7);
        for len in 1..300_usize {
            let text: Vec<u8> = (0..len).map(|at| (at * 7 % 251) as u8).collect();
            let print = seed.fingerprint(&text);
            assert_ne!(print, seed.fingerprint(&text[1..]), "{len}");
            for at in 0..len {
                let mut other = text.clone();
                other[at] ^= 1;
                assert_ne!(print, seed.fingerprint(&other), "{len} {at}");
            }
        }
        // Eight bytes that make the hash's own constant nought hide the eight that they are multiplied with.
        let mut one = [b'x'; 48];
        one[32..40].copy_from_slice(&0xc0ac_29b7_c97c_50dd_u64.to_le_bytes());
        let mut other = one;
        other[0] = b'y';
        for seed in 0..9 {
            assert_ne!(HashSeed(seed).fingerprint(&one), HashSeed(seed).fingerprint(&other));
        }
    }

    #[test]
    fn what_has_a_direction_turns_with_the_ends() {
        let end = |port| Endpoint { addr: IpAddr::from([192, 0, 2, 1]), port };
        let bytes = |orig, resp| Bytes { kind: ByteKind::Payload, count: ByteCount::Directed { orig, resp } };
        let closed = Closed {
            id: RecordId::Device(7),
            proto: Proto::Tcp,
            first: end(1),
            second: end(2),
            inside: Inside { orig: Some(false), resp: Some(true) },
            duration: 5,
            ended: None,
            bytes: Some(bytes(10, 20)),
            ending: Ending::ResetByOrig,
        };
        let turned = closed.turned();
        assert_eq!((turned.first, turned.second), (end(2), end(1)));
        assert_eq!(turned.inside, Inside { orig: Some(true), resp: Some(false) });
        assert_eq!((turned.bytes, turned.ending), (Some(bytes(20, 10)), Ending::ResetByResp));
        assert_eq!(turned.turned(), closed);
        let total = Bytes { kind: ByteKind::Payload, count: ByteCount::Total(30) };
        assert_eq!((total.turned(), Ending::Fins.turned()), (total, Ending::Fins));
    }
}
