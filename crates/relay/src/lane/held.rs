//! Connections that are open, in few bytes: of every connection that syslog tells of there is one until its end.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU64;

use catspaw_records::{Closed, Endpoint, Inside, Nanos, Opened, Place, Proto, RecordId, SensorId, Side, Stamp};
use serde::{Deserialize, Serialize};

use super::open::{Name, Open};
use crate::opens::Named;
use crate::packed::{both, from_seconds, halves};

const SECOND: i64 = Nanos::SECOND;
/// What the upper half of a packed opening's state says, from its lowest bit: that it is one (always set), the host's side,
/// the flags of [`Open`], whether its ends are mapped, the protocol (two bits), and of both ends whether they are inside (two bits
/// each).
const PACKED: u32 = 1;
const RESP: u32 = 1 << 1;
const PEER_INSIDE: u32 = 1 << 2;
const OWNER: u32 = 1 << 3;
const LATE: u32 = 1 << 4;
const MAPPED: u32 = 1 << 5;
const PROTO: u32 = 6;
const ORIG_INSIDE: u32 = 8;
const RESP_INSIDE: u32 = 10;
const FILE: u32 = 12;
/// Files whose connections are packed.
const FILES: u32 = 1 << 20;
const PROTOS: [Proto; 3] = [Proto::Tcp, Proto::Udp, Proto::Icmp];

/// An open connection, packed where that is possible.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Held {
    /// One that syslog tells of.
    Packed(Packed),
    /// Any other.
    Whole(Box<Open>),
}

/// One that syslog tells of: with a number and a stamp to the second, between IPv4 addresses that are both mapped or neither.
///
/// Its words: id; real addresses; mapped addresses; ports, the real ones first; place in the order of the fold and line; sensor.
/// Then the start in seconds, flags, and file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Packed([u64; 6], NonZeroU64);

impl Held {
    pub(super) fn new(open: Open) -> Self {
        Packed::pack(&open).map_or_else(|| Self::Whole(Box::new(open)), Self::Packed)
    }

    #[inline]
    pub(super) fn open(&self) -> Open {
        match self {
            Self::Packed(packed) => packed.open(),
            Self::Whole(open) => **open,
        }
    }

    /// [`Open::is_of`].
    #[inline]
    pub(super) fn is_of(&self, closed: &Closed) -> bool {
        match self {
            Self::Packed(packed) => packed.is_of(closed),
            Self::Whole(open) => open.is_of(closed),
        }
    }

    /// [`Open::counts`] of an inbound connection.
    #[inline]
    pub(super) fn counts_inbound(&self) -> bool {
        match self {
            Self::Packed(packed) => {
                let flags = packed.flags();
                flags & (RESP | PEER_INSIDE | LATE) == RESP && flags >> PROTO & 3 == 0
            }
            Self::Whole(open) => open.side == Side::Resp && open.counts(),
        }
    }
}

impl Named<Name> for Held {
    #[inline]
    fn is_called(&self, name: &Name) -> bool {
        match self {
            Self::Packed(packed) => {
                name.1 == RecordId::Device(packed.0[0]) && PROTOS.get(packed.proto()) == Some(&name.0)
            }
            Self::Whole(_) => self.name() == *name,
        }
    }

    fn name(&self) -> Name {
        let Opened { proto, id, .. } = self.open().opened;
        Name(proto, id)
    }
}

impl Packed {
    #[inline]
    fn pack(open: &Open) -> Option<Self> {
        let Open { opened, order, place, side, peer_inside, owner, late } = open;
        let &Opened { id: RecordId::Device(id), proto, start, orig, resp, mapped_orig, mapped_resp, inside } = opened
        else {
            return None;
        };
        let proto = PROTOS.iter().position(|&known| known == proto)? as u32;
        let (addrs, ports) = ends(orig, resp)?;
        let (mapped, mapped_ports) = match (mapped_orig, mapped_resp) {
            (Some(orig), Some(resp)) => ends(orig, resp)?,
            (None, None) => (0, 0),
            _ => return None,
        };
        if place.file >= FILES || i64::from(start.resolution) != SECOND || start.at.0 % SECOND != 0 {
            return None;
        }
        let short = |n: u64| u32::try_from(n).ok();
        let set = |is: bool, flag: u32| if is { flag } else { 0 };
        let flags = PACKED
            | set(*side == Side::Resp, RESP)
            | set(*peer_inside, PEER_INSIDE)
            | set(*owner, OWNER)
            | set(*late, LATE)
            | set(mapped_orig.is_some(), MAPPED)
            | proto << PROTO
            | told(inside.orig) << ORIG_INSIDE
            | told(inside.resp) << RESP_INSIDE
            | place.file << FILE;
        let second = u32::try_from(start.at.0 / SECOND).ok()?;
        let state = NonZeroU64::new(both(second, flags))?;
        let words = [
            id,
            addrs,
            mapped,
            u64::from(ports) | u64::from(mapped_ports) << 32,
            both(short(*order)?, short(place.line)?),
            start.sensor.0,
        ];
        Some(Self(words, state))
    }

    #[inline]
    fn is_of(&self, closed: &Closed) -> bool {
        let own = (self.0[1], halves(self.0[3]).0);
        PROTOS.get(self.proto()) == Some(&closed.proto)
            && (ends(closed.first, closed.second) == Some(own) || ends(closed.second, closed.first) == Some(own))
    }

    fn flags(&self) -> u32 {
        halves(self.1.get()).1
    }

    fn proto(&self) -> usize {
        (self.flags() >> PROTO & 3) as usize
    }

    #[inline]
    fn open(&self) -> Open {
        let Self([id, addrs, mapped, ports, orders, sensor], state) = *self;
        let (second, flags) = halves(state.get());
        let (order, line) = halves(orders);
        let has = |flag: u32| flags & flag != 0;
        let (ports, mapped_ports) = halves(ports);
        let [orig, resp] = both_ends(addrs, ports);
        let (mapped_orig, mapped_resp) = match both_ends(mapped, mapped_ports) {
            [orig, resp] if has(MAPPED) => (Some(orig), Some(resp)),
            _ => (None, None),
        };
        let start = Stamp { at: from_seconds(second), resolution: SECOND as u32, sensor: SensorId(sensor) };
        let inside = Inside { orig: tells(flags >> ORIG_INSIDE), resp: tells(flags >> RESP_INSIDE) };
        let proto = PROTOS.get(self.proto()).copied().unwrap_or(Proto::Tcp);
        Open {
            opened: Opened { id: RecordId::Device(id), proto, start, orig, resp, mapped_orig, mapped_resp, inside },
            order: order.into(),
            place: Place { file: flags >> FILE, line: line.into() },
            side: if has(RESP) { Side::Resp } else { Side::Orig },
            peer_inside: has(PEER_INSIDE),
            owner: has(OWNER),
            late: has(LATE),
        }
    }
}

/// Two ends' addresses, and their ports.
#[inline]
fn ends(a: Endpoint, b: Endpoint) -> Option<(u64, u32)> {
    let (IpAddr::V4(a_addr), IpAddr::V4(b_addr)) = (a.addr, b.addr) else { return None };
    Some((both(a_addr.to_bits(), b_addr.to_bits()), u32::from(a.port) | u32::from(b.port) << 16))
}

/// The other way round.
#[inline]
fn both_ends(addrs: u64, ports: u32) -> [Endpoint; 2] {
    let (a, b) = halves(addrs);
    [(a, ports as u16), (b, (ports >> 16) as u16)]
        .map(|(addr, port)| Endpoint { addr: Ipv4Addr::from_bits(addr).into(), port })
}

/// What may not be told, in two bits.
fn told(inside: Option<bool>) -> u32 {
    inside.map_or(0, |inside| 2 | u32::from(inside))
}

fn tells(bits: u32) -> Option<bool> {
    (bits & 2 != 0).then_some(bits & 1 != 0)
}

#[cfg(test)]
mod tests {
    use catspaw_records::Ending;

    use super::*;

    fn open(n: u64) -> Open {
        let end = |addr: [u8; 4], port| Endpoint { addr: addr.into(), port };
        let told = [None, Some(false), Some(true)];
        let mapped = !n.is_multiple_of(3);
        let start =
            Stamp { at: Nanos::from_secs(1_046_793_900 + n as i64), resolution: 1_000_000_000, sensor: SensorId(n) };
        Open {
            opened: Opened {
                id: RecordId::Device(n << 40 | 7),
                proto: PROTOS[n as usize % 3],
                start,
                orig: end([10, 0, 0, n as u8], 65_535 - n as u16),
                resp: end([198, 51, 100, 200 + n as u8], n as u16),
                mapped_orig: mapped.then(|| end([203, 0, 113, n as u8], 1024 + n as u16)),
                mapped_resp: mapped.then(|| end([198, 51, 100, 200 + n as u8], 9)),
                inside: Inside { orig: told[n as usize % 3], resp: told[n as usize / 3 % 3] },
            },
            order: 77 * n,
            place: Place { file: 300 * n as u32, line: 1 << n },
            side: if n.is_multiple_of(2) { Side::Orig } else { Side::Resp },
            peer_inside: n % 4 > 1,
            owner: n % 8 > 3,
            late: n % 5 == 1,
        }
    }

    fn closed(proto: Proto, first: Endpoint, second: Endpoint) -> Closed {
        let (id, inside, ending) = (RecordId::Device(7), Inside::default(), Ending::Fins);
        Closed { id, proto, first, second, inside, duration: 0, ended: None, bytes: None, ending }
    }

    #[test]
    fn what_comes_back_is_what_went_in_packed_or_not() {
        let with = |n, change: &dyn Fn(&mut Open)| {
            let mut open = open(n);
            change(&mut open);
            open
        };
        let mut opens: Vec<Open> = (0..20).map(open).collect();
        opens.extend([
            with(1, &|open| open.opened.proto = Proto::Other(47)),
            with(2, &|open| open.opened.mapped_orig = None),
            with(3, &|open| open.opened.resp.addr = "2001:db8::7".parse().unwrap()),
            with(4, &|open| open.opened.start.at = Nanos(7)),
            with(5, &|open| open.opened.start.resolution = 1000),
            with(6, &|open| open.place.line = 1 << 32),
            with(7, &|open| open.place.file = FILES),
            with(8, &|open| open.order = 1 << 32),
        ]);
        for (number, open) in opens.into_iter().enumerate() {
            let held = Held::new(open);
            assert_eq!(matches!(held, Held::Packed(_)), number < 20, "{number}");
            assert_eq!(held.open(), open);
            assert_eq!(held.counts_inbound(), open.side == Side::Resp && open.counts());
            let Opened { orig, resp, .. } = open.opened;
            for (first, second) in [(orig, resp), (resp, orig), (orig, orig), (resp, Endpoint { port: 9, ..orig })] {
                for proto in [Proto::Tcp, open.opened.proto] {
                    let closed = closed(proto, first, second);
                    assert_eq!(held.is_of(&closed), open.is_of(&closed), "{number}: {closed:?}");
                }
            }
            let Opened { proto, id, .. } = open.opened;
            assert!(held.name() == Name(proto, id) && held.is_called(&Name(proto, id)));
            assert!(!held.is_called(&Name(proto, RecordId::Device(1))));
            assert!(!held.is_called(&Name(Proto::Other(1), id)));
        }
        assert_eq!(size_of::<Held>(), 56);
    }
}
