//! Records as they wait for their turn: packed, those of one shard together.
//!
//! A record that a block of lines made is folded some minutes of the evidence later, when a hundred thousand others have
//! been made. What it then takes to fetch it is much of what it costs, so that the records of syslog, of which there are
//! most, wait in a quarter of their size. The others wait as they are.

use std::net::{IpAddr, Ipv4Addr};

use catspaw_records::{
    ByteCount, ByteKind, Bytes, Closed, Denied, Ending, Endpoint, Event, HostKey, Inside, Nanos, Opened, Place, Proto,
    Record, RecordId, SensorId, Side, Stamp, Translation, TranslationKind,
};

use super::route::{Route, Way};

/// One copy of a record in a batch: one line of a processor's cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Row {
    /// When it became known.
    pub(super) known: Nanos,
    fingerprint: u64,
    body: Body,
    /// Lines from the batch's first to its own.
    line: u32,
    /// Which of the batch's sensors it is of: those of which there are more are counted as not understood.
    pub(super) sensor: u16,
    /// Seconds from when it became known to what it is late against.
    ahead: u8,
    way: Way,
}

/// Two ends with IPv4 addresses.
#[derive(Clone, Copy, Debug)]
struct Ends {
    addrs: [u32; 2],
    ports: [u16; 2],
}

/// What a record says.
#[derive(Clone, Copy, Debug)]
enum Body {
    /// Of syslog, where both ends are mapped.
    Opened {
        id: u64,
        proto: Proto,
        ends: Ends,
        mapped: Ends,
        inside: Inside,
    },
    /// The same where none is.
    OpenedUnmapped {
        id: u64,
        proto: Proto,
        ends: Ends,
        inside: Inside,
    },
    /// Of syslog, with a total and a duration in seconds.
    Closed {
        id: u64,
        proto: Proto,
        ends: Ends,
        inside: Inside,
        duration: u32,
        bytes: u64,
        ending: Ending,
    },
    Denied {
        proto: Proto,
        ends: Ends,
        attempt: bool,
        count: u64,
        over: u32,
    },
    Translation {
        kind: TranslationKind,
        ends: Ends,
        torn_down: Option<Option<i64>>,
    },
    /// Any other: its place among the batch's [`Other`]s, and what it is late against.
    Other {
        other: u32,
        before: Nanos,
    },
}

/// A record that is not packed, and whose it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Other {
    /// Its place among the batch's records.
    pub(super) record: u32,
    host: HostKey,
}

/// The rest of what a batch's rows say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest<'a> {
    /// The first line of the block.
    pub(super) first: Place,
    /// The records that are not packed.
    pub(super) records: &'a [Record],
    pub(super) others: &'a [Other],
}

/// The width of the stamps of what is packed.
const SECOND: u32 = 1_000_000_000;

impl Row {
    /// Stands in a list until it is packed there.
    pub(super) const BLANK: Self = Self {
        known: Nanos(0),
        fingerprint: 0,
        body: Body::Other { other: 0, before: Nanos(0) },
        line: 0,
        sensor: 0,
        ahead: 0,
        way: Way::NONE,
    };

    /// Makes this the copy of `record` that goes this way, if it can be packed. `first` is the block's first line, `sensor` its
    /// sensor's place, `before` what the record is late against.
    #[inline]
    pub(super) fn pack(&mut self, record: &Record, way: Way, first: u64, sensor: u16, before: Nanos) -> Option<()> {
        let known = record.known.at;
        if record.known.resolution != SECOND {
            return None;
        }
        self.body.pack(record)?;
        self.line = u32::try_from(record.place.line.wrapping_sub(first)).ok()?;
        self.ahead =
            if before <= known { 0 } else { seconds(before.since(known)).and_then(|n| u8::try_from(n).ok())? };
        (self.known, self.fingerprint, self.sensor, self.way) = (known, record.fingerprint, sensor, way);
        Some(())
    }

    /// The same of one that cannot, which has a place among the batch's others.
    pub(super) fn refer(record: &Record, way: Way, other: u32, sensor: u16, before: Nanos) -> Self {
        Self {
            known: record.known.at,
            fingerprint: record.fingerprint,
            body: Body::Other { other, before },
            line: 0,
            sensor,
            ahead: 0,
            way,
        }
    }

    /// What it is late against, by what stands before it in its block; the moment at which it became known, where that is
    /// no earlier.
    #[inline]
    pub(super) fn before(&self) -> Nanos {
        match self.body {
            Body::Other { before, .. } => before.max(self.known),
            _ => self.known.plus(i64::from(self.ahead) * Nanos::SECOND),
        }
    }

    /// The record, made again if it was packed, and the way it goes. `None` where it is none of that batch's.
    #[inline]
    pub(super) fn unpack<'a>(
        &self,
        sensor: SensorId,
        rest: Rest<'a>,
        Unpacked { record, route }: &'a mut Unpacked,
    ) -> Option<(&'a Record, &'a mut Route)> {
        if let Body::Other { other, .. } = self.body {
            let other = rest.others.get(other as usize)?;
            *route = self.way.route(other.host);
            return Some((rest.records.get(other.record as usize)?, route));
        }
        record.known = Stamp { at: self.known, resolution: SECOND, sensor };
        record.place = Place { file: rest.first.file, line: rest.first.line.wrapping_add(self.line.into()) };
        record.fingerprint = self.fingerprint;
        // Made once more: what was just written would be waited for.
        let start = Stamp { at: self.known, resolution: SECOND, sensor };
        let host = self.body.unpack(self.way.side(), start, &mut record.event)?;
        *route = self.way.route(host);
        Some((record, route))
    }
}

/// What rows are unpacked into, one after the other: handed up by value, it would be copied, and the copy would wait for each of its
/// parts.
pub(super) struct Unpacked {
    record: Record,
    route: Route,
}

impl Unpacked {
    pub(super) fn new() -> Self {
        let addr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let (kind, nowhere, torn_down) = (TranslationKind::Static, Endpoint { addr, port: 0 }, None);
        let record = Record {
            known: Stamp { at: Nanos(0), resolution: 0, sensor: SensorId(0) },
            place: Place { file: 0, line: 0 },
            fingerprint: 0,
            event: Event::Translation(Translation { kind, real: nowhere, mapped: nowhere, torn_down }),
        };
        Self { record, route: Way::NONE.route(HostKey::Address(addr)) }
    }
}

/// Whole seconds.
fn seconds(nanos: i64) -> Option<u32> {
    (nanos % Nanos::SECOND == 0).then(|| u32::try_from(nanos / Nanos::SECOND).ok())?
}

impl Other {
    pub(super) fn new(record: u32, host: HostKey) -> Self {
        Self { record, host }
    }
}

impl Body {
    /// Packs what `record` says; `None` where it does not fit.
    #[inline]
    fn pack(&mut self, record: &Record) -> Option<()> {
        match &record.event {
            Event::Opened(opened) => {
                let &Opened { id: RecordId::Device(id), proto, start, inside, .. } = opened else { return None };
                let ends = Ends::pack(&opened.orig, &opened.resp)?;
                if start != record.known {
                    return None;
                }
                *self = match (&opened.mapped_orig, &opened.mapped_resp) {
                    (None, None) => Self::OpenedUnmapped { id, proto, ends, inside },
                    (Some(orig), Some(resp)) => {
                        Self::Opened { id, proto, ends, mapped: Ends::pack(orig, resp)?, inside }
                    }
                    _ => return None,
                };
            }
            Event::Closed(closed) => {
                let &Closed { id: RecordId::Device(id), proto, inside, duration, ended: None, bytes, ending, .. } =
                    closed
                else {
                    return None;
                };
                let Some(Bytes { kind: ByteKind::PayloadRetransmitted, count: ByteCount::Total(bytes) }) = bytes else {
                    return None;
                };
                let (ends, duration) = (Ends::pack(&closed.first, &closed.second)?, seconds(duration)?);
                *self = Self::Closed { id, proto, ends, inside, duration, bytes, ending };
            }
            Event::Translation(translation) => {
                let Translation { kind, real, mapped, torn_down } = translation;
                let ends = Ends::pack(real, mapped)?;
                *self = Self::Translation { kind: *kind, ends, torn_down: *torn_down };
            }
            Event::Denied(Denied { proto, orig, resp, attempt, count, over }) => {
                let ends = Ends::pack(orig, resp)?;
                *self = Self::Denied { proto: *proto, ends, attempt: *attempt, count: *count, over: *over };
            }
            Event::Whole(_) | Event::Content(_) | Event::Burst(_) => return None,
        }
        Some(())
    }

    /// Puts what was packed into `event`, and gives the end of it that is on `side`; `None` of what was not. An event is large: handed
    /// up by value, it would be copied, and the copy would wait for each of its parts.
    #[inline(always)]
    fn unpack(&self, side: Side, start: Stamp, event: &mut Event) -> Option<HostKey> {
        match self {
            &Self::Opened { id, proto, ends, mapped, inside } => {
                *event = opened((id, proto, start), ends, Some(mapped), inside);
                Some(ends.on(side))
            }
            &Self::OpenedUnmapped { id, proto, ends, inside } => {
                *event = opened((id, proto, start), ends, None, inside);
                Some(ends.on(side))
            }
            &Self::Closed { id, proto, ends, inside, duration, bytes, ending } => {
                *event = Event::Closed(Closed {
                    id: RecordId::Device(id),
                    proto,
                    first: ends.end(0),
                    second: ends.end(1),
                    inside,
                    duration: i64::from(duration) * Nanos::SECOND,
                    ended: None,
                    bytes: Some(Bytes { kind: ByteKind::PayloadRetransmitted, count: ByteCount::Total(bytes) }),
                    ending,
                });
                Some(ends.on(side))
            }
            &Self::Denied { proto, ends, attempt, count, over } => {
                let (orig, resp) = (ends.end(0), ends.end(1));
                *event = Event::Denied(Denied { proto, orig, resp, attempt, count, over });
                Some(ends.on(side))
            }
            &Self::Translation { kind, ends, torn_down } => {
                *event = Event::Translation(Translation { kind, real: ends.end(0), mapped: ends.end(1), torn_down });
                Some(ends.on(Side::Orig))
            }
            Self::Other { .. } => None,
        }
    }
}

#[inline(always)]
fn opened((id, proto, start): (u64, Proto, Stamp), ends: Ends, mapped: Option<Ends>, inside: Inside) -> Event {
    Event::Opened(Opened {
        id: RecordId::Device(id),
        proto,
        start,
        orig: ends.end(0),
        resp: ends.end(1),
        mapped_orig: mapped.map(|mapped| mapped.end(0)),
        mapped_resp: mapped.map(|mapped| mapped.end(1)),
        inside,
    })
}

impl Ends {
    #[inline]
    fn pack(a: &Endpoint, b: &Endpoint) -> Option<Self> {
        let (IpAddr::V4(a_addr), IpAddr::V4(b_addr)) = (a.addr, b.addr) else { return None };
        Some(Self { addrs: [a_addr.to_bits(), b_addr.to_bits()], ports: [a.port, b.port] })
    }

    #[inline]
    fn end(self, at: usize) -> Endpoint {
        Endpoint { addr: Ipv4Addr::from_bits(self.addrs[at]).into(), port: self.ports[at] }
    }

    #[inline]
    fn on(self, side: Side) -> HostKey {
        HostKey::Address(Ipv4Addr::from_bits(self.addrs[side.index()]).into())
    }
}

#[cfg(test)]
mod tests {
    use super::super::route::{Home, route};
    use super::*;

    const FIRST: Place = Place { file: 2, line: 10 };
    const SENSOR: SensorId = SensorId(5);

    /// What syslog tells of, which is packed, each kind with and without what it may lack.
    fn events(known: Stamp) -> Vec<Event> {
        let end = |n: u8, port| Endpoint { addr: [10, 0, 0, n].into(), port };
        let (id, proto, orig, resp) = (RecordId::Device(1 << 40), Proto::Tcp, end(1, 65_535), end(2, 25));
        let inside = Inside { orig: Some(true), resp: None };
        let opened = |mapped_orig, mapped_resp| {
            Event::Opened(Opened { id, proto, start: known, orig, resp, mapped_orig, mapped_resp, inside })
        };
        let bytes = Some(Bytes { kind: ByteKind::PayloadRetransmitted, count: ByteCount::Total(1 << 50) });
        let (duration, ending) = (7200 * Nanos::SECOND, Ending::ResetByOrig);
        let translation =
            |kind, torn_down| Event::Translation(Translation { kind, real: orig, mapped: end(9, 1024), torn_down });
        vec![
            opened(Some(end(7, 1)), Some(end(8, 2))),
            opened(None, None),
            Event::Closed(Closed {
                id,
                proto,
                first: orig,
                second: resp,
                inside,
                duration,
                ended: None,
                bytes,
                ending,
            }),
            Event::Denied(Denied { proto: Proto::Other(47), orig, resp, attempt: true, count: 1 << 40, over: 300 }),
            translation(TranslationKind::Port(Proto::Udp), Some(Some(42))),
            translation(TranslationKind::Static, None),
        ]
    }

    #[test]
    fn what_is_unpacked_is_what_was_packed() {
        let known = Stamp { at: Nanos(77 * Nanos::SECOND), resolution: SECOND, sensor: SENSOR };
        let (mut unpacked, rest) = (Unpacked::new(), Rest { first: FIRST, records: &[], others: &[] });
        for _ in 0..2 {
            for event in events(known) {
                let record = Record { known, place: Place { line: 4711, ..FIRST }, fingerprint: 99, event };
                let (way, _) = route(&record, &Home::default());
                let mut row = Row::BLANK;
                row.pack(&record, way, FIRST.line, 3, Nanos(80 * Nanos::SECOND)).expect("packed");
                assert_eq!((row.sensor, row.before()), (3, Nanos(80 * Nanos::SECOND)));
                let (again, taken) = row.unpack(SENSOR, rest, &mut unpacked).expect("unpacked");
                assert_eq!(*again, record);
                assert_eq!((taken.host.addr(), taken.owner), (*way.addr(&record), true));
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_referred_to() {
        let known = Stamp { at: Nanos(900 * Nanos::SECOND), resolution: SECOND, sensor: SENSOR };
        for event in events(known) {
            let record = Record { known, place: FIRST, fingerprint: 99, event };
            let (way, _) = route(&record, &Home::default());
            let fits = |record: &Record, before| {
                let mut row = Row::BLANK;
                row.pack(record, way, FIRST.line, 0, before).is_some()
            };
            assert!(fits(&record, known.at) && fits(&record, known.at.plus(255 * Nanos::SECOND)));
            assert!(!fits(&record, known.at.plus(256 * Nanos::SECOND)), "too late");
            assert!(!fits(&record, known.at.plus(1)), "by less than a second");
            assert!(
                !fits(&Record { place: Place { line: FIRST.line + (1 << 32), ..FIRST }, ..record }, known.at),
                "too far"
            );
            assert!(!fits(&Record { known: Stamp { resolution: 1, ..known }, ..record }, known.at), "a finer stamp");
            // Written over what was packed in part, it is found among the others.
            let (before, host) = (known.at.plus(256 * Nanos::SECOND), HostKey::Address(*way.addr(&record)));
            let mut row = Row::BLANK;
            assert!(row.pack(&record, way, FIRST.line, 0, before).is_none());
            row = Row::refer(&record, way, 0, 4, before);
            let rest = Rest { first: FIRST, records: &[record], others: &[Other::new(0, host)] };
            let mut unpacked = Unpacked::new();
            let (again, taken) = row.unpack(SENSOR, rest, &mut unpacked).expect("referred to");
            assert_eq!((*again, taken.host, row.sensor, row.before()), (record, host, 4, before));
        }
    }

    #[test]
    fn a_row_is_one_line_of_the_cache() {
        assert_eq!(size_of::<Row>(), 64);
    }
}
