//! Whose a record is: which of its ends are ours, and which host's fold it goes to.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

pub(crate) use catspaw_records::is_private;
use catspaw_records::{Event, HostKey, Inside, Record, Side};
use catspaw_relay::Network;

use super::strangers::network_of;

/// Which addresses are ours.
#[derive(Clone, Debug, Default)]
pub(crate) struct Home {
    /// As the owner says; empty: the private ranges and what a record itself marks as inside.
    pub(crate) nets: Vec<Network>,
    /// Addresses of machines that are known by another of theirs: by IPv4, where the owner says what IPv6 address they have.
    pub(crate) machines: Arc<HashMap<IpAddr, IpAddr>>,
}

impl Home {
    /// Whether an end is ours. Decided by the record alone, never by later ones.
    #[must_use]
    #[inline]
    pub(crate) fn is_inside(&self, addr: IpAddr, mark: Option<bool>) -> bool {
        if self.nets.is_empty() {
            return mark == Some(true) || is_private(addr);
        }
        self.net(addr).is_some()
    }

    /// The first of the owner's networks that an address is in.
    fn net(&self, addr: IpAddr) -> Option<&Network> {
        self.nets.iter().find(|net| net.contains(addr))
    }

    /// Whose an address is, where that is known by another.
    #[inline]
    pub(super) fn other(&self, addr: &IpAddr) -> Option<HostKey> {
        if self.machines.is_empty() { None } else { self.machines.get(addr).copied().map(HostKey::Address) }
    }
}

/// The ranges that are never routed on the internet (RFC 1918, 6598, 3927, 4193, 4291): ours where nobody says what is.
pub(crate) const PRIVATE: [&str; 9] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "127.0.0.0/8",
    "fc00::/7",
    "fe80::/10",
    "::1/128",
];

/// The way of a record to one host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    /// The host.
    pub(crate) host: HostKey,
    /// Which end of the record it is.
    pub(crate) side: Side,
    /// Whether the other end is ours too, or neither is: then it is no leg between us and the outside.
    pub(crate) peer_inside: bool,
    /// Whether the host is ours.
    pub(crate) ours: bool,
    /// Whether this copy stands for the record in counts and tables.
    pub(crate) owner: bool,
}

/// A [`Route`] but for the host, as flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way(u8);

impl Way {
    pub(super) const NONE: Self = Self(0);
    const RESP: u8 = 1;
    const PEER_INSIDE: u8 = 2;
    const OURS: u8 = 4;
    const OWNER: u8 = 8;

    #[inline]
    pub(super) fn side(self) -> Side {
        if self.0 & Self::RESP == 0 { Side::Orig } else { Side::Resp }
    }

    /// The address at its end.
    #[inline]
    pub(super) fn addr(self, record: &Record) -> &IpAddr {
        let (orig, resp, _) = ends(record);
        if self.0 & Self::RESP == 0 { orig } else { resp }
    }

    /// Whether the host is ours.
    #[inline]
    pub(super) fn is_ours(self) -> bool {
        self.0 & Self::OURS != 0
    }

    #[inline]
    pub(super) fn route(self, host: HostKey) -> Route {
        let has = |flag: u8| self.0 & flag != 0;
        let (peer_inside, owner) = (has(Self::PEER_INSIDE), has(Self::OWNER));
        Route { host, side: self.side(), peer_inside, ours: self.is_ours(), owner }
    }
}

/// The ways of a record's copies: one for each end that is ours; one to nobody's fold where none is.
#[inline]
pub(super) fn route(record: &Record, home: &Home) -> (Way, Option<Way>) {
    const BOTH: u8 = Way::OURS | Way::PEER_INSIDE;
    let (orig, resp, inside) = ends(record);
    let way = match (home.is_inside(*orig, inside.orig), home.is_inside(*resp, inside.resp)) {
        (true, true) => BOTH,
        (true, false) => Way::OURS,
        (false, true) => Way::OURS | Way::RESP,
        // It may be for an address of ours behind NAT.
        (false, false) if matches!(record.event, Event::Denied(_)) => Way::RESP,
        // Whoever it is, both records of one connection must meet.
        (false, false) if orig <= resp => Way::PEER_INSIDE,
        (false, false) => Way::PEER_INSIDE | Way::RESP,
    };
    (Way(way | Way::OWNER), (way == BOTH && orig != resp).then_some(Way(BOTH | Way::RESP)))
}

/// A network of fewer bits is nobody's: `0.0.0.0/0` holds all.
const SHORT: u8 = 8;

/// Records that look as if the networks that the owner names were not his.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Misplaced {
    /// Both ends are in them, not in the same one, and one is public at least.
    pub(crate) both: u64,
    /// A public end is in them, and the other, which is private, is not: by its range.
    pub(crate) private: BTreeMap<Network, u64>,
    /// Of each public network of his: how many ends are in it, and of how many of these the record itself says that they are
    /// outside, and that the other end is inside.
    pub(crate) public: BTreeMap<Network, (u64, u64)>,
}

impl Misplaced {
    /// Takes a record. Where the owner has named nothing, nothing is.
    #[inline]
    pub(super) fn see(&mut self, record: &Record, home: &Home) {
        if !(home.nets.is_empty() || matches!(record.event, Event::Translation(_))) {
            self.look(record, home);
        }
    }

    fn look(&mut self, record: &Record, home: &Home) {
        let (&orig, &resp, inside) = ends(record);
        let ends = [orig, resp].map(|addr| (home.net(addr), is_private(addr)));
        for (end, marks) in ends.iter().zip([(inside.orig, inside.resp), (inside.resp, inside.orig)]) {
            if let (Some(net), false) = end {
                let (ends, outside) = self.public.entry(**net).or_default();
                *ends += 1;
                *outside += u64::from(marks == (Some(false), Some(true)));
            }
        }
        let private = match ends.map(|(net, is_private)| (net.is_some(), is_private)) {
            [(true, one), (true, other)] => {
                let within = |net: &Network| net.bits() >= SHORT && net.contains(orig) && net.contains(resp);
                self.both += u64::from(!(one && other || home.nets.iter().any(within)));
                return;
            }
            [(true, false), (false, true)] => resp,
            [(false, true), (true, false)] => orig,
            _ => return,
        };
        if let Some(range) = network_of(private) {
            *self.private.entry(range).or_default() += 1;
        }
    }

    /// Takes those of another part.
    pub(crate) fn add_all(&mut self, other: &Self) {
        self.both += other.both;
        other.private.iter().for_each(|(range, count)| *self.private.entry(*range).or_default() += count);
        for (net, (ends, outside)) in &other.public {
            let own = self.public.entry(*net).or_default();
            *own = (own.0 + ends, own.1 + outside);
        }
    }
}

/// By reference: an address is written in pieces, and a copy of all of it would wait for them.
#[inline(always)]
fn ends(record: &Record) -> (&IpAddr, &IpAddr, Inside) {
    let nowhere = Inside::default();
    match &record.event {
        Event::Opened(opened) => (&opened.orig.addr, &opened.resp.addr, opened.inside),
        Event::Closed(closed) => (&closed.first.addr, &closed.second.addr, closed.inside),
        Event::Whole(whole) => (&whole.orig.addr, &whole.resp.addr, whole.inside),
        Event::Content(content) => (&content.orig.addr, &content.resp.addr, content.inside),
        Event::Burst(burst) => (&burst.orig.addr, &burst.resp.addr, burst.inside),
        Event::Denied(denied) => (&denied.orig.addr, &denied.resp.addr, nowhere),
        Event::Translation(translation) => (&translation.real.addr, &translation.real.addr, nowhere),
    }
}

#[cfg(test)]
mod tests {
    use catspaw_records::{Closed, Denied, Ending, Endpoint, Nanos, Place, Proto, RecordId, SensorId, Stamp};

    use super::*;

    /// A record of two addresses.
    fn record(event: fn(Endpoint, Endpoint) -> Event, orig: &str, resp: &str) -> Record {
        let end = |addr: &str| Endpoint { addr: addr.parse().expect("an address"), port: 25 };
        let known = Stamp { at: Nanos(0), resolution: 1, sensor: SensorId(0) };
        Record { known, place: Place { file: 0, line: 1 }, fingerprint: 0, event: event(end(orig), end(resp)) }
    }

    fn denied(orig: Endpoint, resp: Endpoint) -> Event {
        Event::Denied(Denied { proto: Proto::Tcp, orig, resp, attempt: true, count: 1, over: 0 })
    }

    fn closed(first: Endpoint, second: Endpoint) -> Event {
        let (id, inside, ending) = (RecordId::Device(1), Inside::default(), Ending::Fins);
        Event::Closed(Closed {
            id,
            proto: Proto::Tcp,
            first,
            second,
            inside,
            duration: 0,
            ended: None,
            bytes: None,
            ending,
        })
    }

    #[test]
    fn each_end_of_ours_has_a_copy() {
        let home = Home::default();
        let (inside, other, outside, stranger) = ("10.0.0.1", "10.0.0.2", "192.0.2.1", "192.0.2.2");
        // By event and ends: the side, whether the peer is inside, whether it is ours, and whether it has a second copy.
        for (event, orig, resp, expected) in [
            (denied as fn(_, _) -> _, inside, outside, (Side::Orig, false, true, false)),
            (denied, outside, inside, (Side::Resp, false, true, false)),
            (denied, inside, other, (Side::Orig, true, true, true)),
            (denied, inside, inside, (Side::Orig, true, true, false)),
            // It may be for an address of ours behind NAT.
            (denied, outside, stranger, (Side::Resp, false, false, false)),
            (denied, stranger, outside, (Side::Resp, false, false, false)),
            // Both records of one connection meet.
            (closed, outside, stranger, (Side::Orig, true, false, false)),
            (closed, stranger, outside, (Side::Resp, true, false, false)),
            (closed, outside, outside, (Side::Orig, true, false, false)),
            (closed, other, inside, (Side::Orig, true, true, true)),
        ] {
            let record = record(event, orig, resp);
            let (first, second) = route(&record, &home);
            let addr = |text: &str| text.parse::<IpAddr>().expect("an address");
            let taken = first.route(HostKey::Address(*first.addr(&record)));
            let is_resp = taken.side == Side::Resp;
            assert_eq!((taken.side, taken.peer_inside, taken.ours, second.is_some()), expected, "{record:?}");
            assert_eq!((taken.host.addr(), taken.owner), (addr(if is_resp { resp } else { orig }), true), "{record:?}");
            if let Some(second) = second {
                let taken = second.route(HostKey::Address(*second.addr(&record)));
                let all = (taken.side, taken.peer_inside, taken.ours, taken.owner, taken.host.addr());
                assert_eq!(all, (Side::Resp, true, true, false, addr(resp)), "{record:?}");
            }
        }
    }

    #[test]
    fn the_private_ranges_are_those_that_are_listed() {
        let nets = PRIVATE.map(|net| Network::parse(net).expect("a network"));
        for text in [
            "10.0.0.0",
            "10.255.255.255",
            "11.0.0.0",
            "172.15.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.168.0.0",
            "192.169.0.0",
            "100.63.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "100.128.0.0",
            "169.253.255.255",
            "169.254.0.0",
            "169.255.0.0",
            "127.0.0.1",
            "128.0.0.0",
            "fbff::",
            "fc00::",
            "fdff::",
            "fe00::",
            "fe7f::",
            "fe80::",
            "febf::",
            "fec0::",
            "::",
            "::1",
            "::2",
        ] {
            let addr: IpAddr = text.parse().expect("an address");
            assert_eq!(is_private(addr), nets.iter().any(|net| net.contains(addr)), "{addr}");
        }
    }
}
