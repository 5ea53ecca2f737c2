//! Linux's connection tracking: what `conntrack -E` prints, and ulogd2's NFCT.
//!
//! An event has the connection's tuple as it came and as it is answered, so that what was translated stands in both: the
//! answer comes from whom it really went to, and goes to whom it seemed to come from. Bytes are from the IP header on, where
//! `net.netfilter.nf_conntrack_acct` has them counted. `-o timestamp` says when; `net.netfilter.nf_conntrack_timestamp` how
//! long it lived (`delta-time`).

use memchr::memmem;
use xxhash_rust::xxh3::xxh3_64;

use super::session::{Course, Session, answered, parse_another, parse_end, parse_proto, reckon_start};
use super::{Header, Line, Why};
use crate::end::End;
use crate::fields::{Pairs, first, value, words};
use crate::reckon::{Sent, payload};
use crate::{Ending, Event, Inside, Nanos, Proto, RecordId, SensorId, Stamp};

/// The sensor of a machine that is not named.
pub(super) const UNNAMED: &[u8] = b"conntrack";

/// The width of its own stamps, in nanoseconds.
pub(super) const RESOLUTION: u32 = 1_000;

/// As far may a header's stamp be from the event's own, in nanoseconds: beyond, the header is of another zone.
const SAME_CLOCK: i64 = 60 * Nanos::SECOND;

/// What happened to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    New,
    Update,
    Destroy,
}

const EVENTS: [(&[u8], What); 3] = [(b"[NEW]", What::New), (b"[UPDATE]", What::Update), (b"[DESTROY]", What::Destroy)];

/// One way of a connection, as it is written there.
#[derive(Clone, Copy, Default)]
struct Way<'a> {
    src: &'a [u8],
    dst: &'a [u8],
    sport: &'a [u8],
    dport: &'a [u8],
    packets: &'a [u8],
    bytes: &'a [u8],
}

/// Whether a line is an event, or one of the kernel's table.
pub(super) fn is_line(line: &[u8]) -> bool {
    let sources = memmem::find_iter(line, b"src=").count() + memmem::find_iter(line, b"SRC=").count();
    sources >= 2 && (body(line).is_some() || memmem::find(line, b" sport=").is_some())
}

/// Where the event begins.
pub(super) fn body(line: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'[', line).find(|at| EVENTS.iter().any(|(word, _)| line[*at..].starts_with(word)))
}

/// An event from its word on. `head` is what stands before it.
pub(super) fn parse<'a>(text: &[u8], head: &[u8], header: Header<'a>, event: &mut Event) -> Result<Line<'a>, Why> {
    let Header { known, name, own } = header;
    let (word, what) = EVENTS.iter().find(|(word, _)| text.starts_with(word)).ok_or("no event")?;
    if *what == What::Update {
        return Ok(Line::Skipped { name });
    }
    let own_stamp = if head.first() == Some(&b'[') { None } else { stamp(head, name) };
    let known = own_stamp.map_or(known, Ok).map_err(|_| "no stamp: conntrack prints one with -o timestamp")?;
    let told = Told::of(&text[word.len()..]);
    let known = told.ended(known);
    let session = told.session()?;
    match what {
        What::New => session.opened(known, event),
        _ => session.whole(told.course(session.proto, session.orig, known)?, event),
    }
    Ok(Line::Said { known, name, own })
}

/// The moment that stands before an event.
pub(super) fn stamp(head: &[u8], name: &[u8]) -> Option<Stamp> {
    epoch(head).map(|at| Stamp { at, resolution: RESOLUTION, sensor: SensorId::of(name) })
}

/// `[1711468800.123456]` before an event.
pub(super) fn epoch(head: &[u8]) -> Option<Nanos> {
    let text = head.trim_ascii_end().strip_suffix(b"]")?;
    value::seconds(&text[text.iter().rposition(|byte| *byte == b'[')? + 1..]).map(Nanos)
}

/// All that an event says.
#[derive(Default)]
struct Told<'a> {
    proto: &'a [u8],
    state: &'a [u8],
    ways: [Way<'a>; 2],
    unreplied: bool,
    lived: &'a [u8],
    /// When it began and ended, in nanoseconds since 1970, as VyOS writes them.
    span: [&'a [u8]; 2],
}

impl<'a> Told<'a> {
    fn of(text: &'a [u8]) -> Self {
        let mut told = Self::default();
        let (mut ways, rest) = match told.usual(text) {
            Some(rest) => (2, rest),
            None => {
                told = Self::default();
                (0, text)
            }
        };
        for (key, value) in Pairs::new(b' ', rest) {
            let Some(value) = value else {
                told.word(key, ways == 0);
                continue;
            };
            // Each way begins with its source.
            if matches!(key, b"src" | b"SRC") {
                ways += 1;
            }
            told.put(key, value, usize::max(ways, 1) - 1);
        }
        told
    }

    /// Takes both ways of a connection that has ports, and what stands before them, if they are written as conntrack does; gives
    /// what follows. That is most lines, and looking for what comes next is quicker than to ask what has come.
    fn usual(&mut self, text: &'a [u8]) -> Option<&'a [u8]> {
        let first = memchr::memchr(b'=', text)?.checked_sub(b" src".len())?;
        for word in words(&text[..first]) {
            self.word(word, true);
        }
        let mut rest = &text[first..];
        for way in &mut self.ways {
            way.src = eat(b" src=", &mut rest)?;
            way.dst = eat(b" dst=", &mut rest)?;
            way.sport = eat(b" sport=", &mut rest)?;
            way.dport = eat(b" dport=", &mut rest)?;
            if rest.starts_with(b" packets=") {
                way.packets = eat(b" packets=", &mut rest)?;
                way.bytes = eat(b" bytes=", &mut rest)?;
            }
            if let Some(behind) = rest.strip_prefix(b" [UNREPLIED]")
                && matches!(behind.first(), None | Some(b' '))
            {
                self.unreplied = true;
                rest = behind;
            }
        }
        Some(rest)
    }

    #[inline]
    fn put(&mut self, key: &[u8], value: &'a [u8], way: usize) {
        let Some(way) = self.ways.get_mut(way) else { return };
        // By length first: a list is gone through one by one.
        let slot = match key.len() {
            3 => match key {
                b"src" | b"SRC" => &mut way.src,
                b"dst" | b"DST" => &mut way.dst,
                b"SPT" => &mut way.sport,
                b"DPT" => &mut way.dport,
                _ => return,
            },
            4 => match key {
                b"PKTS" => &mut way.packets,
                b"stop" => &mut self.span[1],
                _ => return,
            },
            5 => match key {
                b"sport" => &mut way.sport,
                b"dport" => &mut way.dport,
                b"start" => &mut self.span[0],
                b"bytes" | b"BYTES" => &mut way.bytes,
                b"PROTO" => &mut self.proto,
                _ => return,
            },
            7 => match key {
                b"packets" => &mut way.packets,
                _ => return,
            },
            10 => match key {
                b"delta-time" => &mut self.lived,
                _ => return,
            },
            _ => return,
        };
        *slot = value;
    }

    /// `tcp 6 120 SYN_SENT` before the first way; `[UNREPLIED]` between or behind.
    fn word(&mut self, word: &'a [u8], before: bool) {
        if word == b"[UNREPLIED]" {
            self.unreplied = true;
        } else if before && word.first().is_some_and(u8::is_ascii_lowercase) && self.proto.is_empty() {
            // The family stands before the protocol with `-o extended`.
            if !matches!(word, b"ipv4" | b"ipv6") {
                self.proto = word;
            }
        } else if before && word.first().is_some_and(u8::is_ascii_uppercase) && !word.ends_with(b":") {
            self.state = word;
        }
    }

    fn session(&self) -> Result<Session, Why> {
        let proto = parse_proto(self.proto).ok_or("no protocol")?;
        let [there, back] = self.ways;
        let ends = [[there.src, there.sport], [there.dst, there.dport]];
        let orig = parse_end(proto, ends[0]).ok_or("a source that is no address and port")?;
        let dst = parse_end(proto, ends[1]).ok_or("a destination that is no address and port")?;
        let resp = parse_another(proto, [back.src, back.sport], (ends[1], dst))
            .ok_or("an answer's source that is no address and port")?;
        let to = parse_another(proto, [back.dst, back.dport], (ends[0], orig))
            .ok_or("an answer's destination that is no address and port")?;
        Ok(Session {
            id: RecordId::Device(tuple_id(proto, orig, dst)),
            proto,
            orig,
            resp,
            mapped: [(to != orig).then_some(to), (resp != dst).then_some(dst)],
            inside: Inside::default(),
        })
    }

    /// When the event was: by its own clock, where that is written beside it and is the header's, else as `known`.
    fn ended(&self, known: Stamp) -> Stamp {
        let own = moment(self.span[1]).filter(|at| at.since(known.at).saturating_abs() <= SAME_CLOCK);
        own.map_or(known, |at| Stamp { at, resolution: 1, ..known })
    }

    /// How long it lived by that clock.
    fn lived(&self) -> Option<i64> {
        let [begun, ended] = self.span.map(moment);
        Some(ended?.since(begun?)).filter(|lived| *lived >= 0)
    }

    fn course(&self, proto: Proto, orig_end: End, known: Stamp) -> Result<Course, Why> {
        let (start, duration) = match (self.lived(), value::number(self.lived)) {
            (Some(lived), _) => (Stamp { at: known.at.plus(-lived), ..known }, Some(lived)),
            (_, Some(seconds)) => {
                let (start, duration) = reckon_start(known, seconds).ok_or("delta-time is too long")?;
                (start, Some(duration))
            }
            (_, None) => (known, None),
        };
        let counted = |way: Way<'_>| {
            Some(Sent { bytes: value::number(way.bytes)?, packets: value::number(way.packets), link: None })
        };
        let counts = counted(self.ways[0]).zip(counted(self.ways[1]));
        Ok(Course {
            start,
            duration,
            bytes: counts.map(|(orig, resp)| payload(proto, orig_end.addr, orig, resp)),
            ending: self.ending(),
            answered: if self.unreplied {
                Some(false)
            } else {
                counts.and_then(|(orig, resp)| answered(proto, orig_end.addr, orig, resp))
            },
            service: None,
        })
    }

    /// By the state in which the kernel forgot it, which later versions of conntrack print. All but a reset are the end plus a
    /// timer of that state's, so that both legs of a relay have it.
    fn ending(&self) -> Ending {
        match self.state {
            _ if self.unreplied => Ending::NoAnswer,
            b"TIME_WAIT" | b"LAST_ACK" => Ending::Fins,
            b"CLOSE" => Ending::Reset,
            b"FIN_WAIT" | b"CLOSE_WAIT" => Ending::HalfClosed,
            b"ESTABLISHED" => Ending::Idle,
            b"SYN_SENT" | b"SYN_RECV" | b"SYN_SENT2" => Ending::NoAnswer,
            _ => Ending::Unknown,
        }
    }
}

/// Nanoseconds since 1970.
fn moment(text: &[u8]) -> Option<Nanos> {
    value::number(text).and_then(|nanos| i64::try_from(nanos).ok()).map(Nanos)
}

/// The value behind `key`, if the text goes on with that.
#[inline]
fn eat<'a>(key: &[u8], rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let text = rest.strip_prefix(key).filter(|text| text.first() != Some(&b'"'))?;
    let (value, behind) = text.split_at(first(b' ', text, text.len()).unwrap_or(text.len()));
    *rest = behind;
    Some(value)
}

/// A connection's number: events have none unless conntrack is asked for it.
pub(super) fn tuple_id(proto: Proto, orig: End, resp: End) -> u64 {
    let mut bytes = [0; 38];
    for (part, end) in bytes.chunks_exact_mut(18).zip([orig, resp]) {
        part.copy_from_slice(&end.to_bytes());
    }
    (bytes[36], bytes[37]) = match proto {
        Proto::Tcp => (0, 6),
        Proto::Udp => (0, 17),
        Proto::Icmp => (0, 1),
        Proto::Other(number) => (1, number),
    };
    xxh3_64(&bytes)
}
