//! What of the evidence is looked at, where that is not all of it: `--since`, `--until`, `--host`, `--ports`.
//!
//! Applied before the fold, in its order, so that neither threads nor splits change what is left. A connection belongs to
//! its opening: its end is looked at where its opening was.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use catspaw_records::{
    Closed, Content, Endpoint, Event, HostKey, Nanos, Proto, Record, RecordId, SensorId, Side, Utterance,
};
use catspaw_relay::{Lane, Network};

use super::ours::mapped;
use super::route::Route;

/// Openings of one shard that are remembered as not looked at, so that their ends are not either.
const REMEMBERED: usize = 65_536;
/// Hosts of one shard of which it is remembered that they were seen as an address that was asked for.
const SEEN_AS: usize = 64;

/// What is looked at. The default is everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Restriction {
    /// Connections opened from here on.
    pub(crate) since: Option<Nanos>,
    /// Connections opened before this.
    pub(crate) until: Option<Nanos>,
    /// These hosts of ours; empty: all.
    pub(crate) hosts: Vec<Network>,
    /// Inbound connections at these ports, and whatever the hosts that were asked there opened; empty: all.
    pub(crate) ports: Vec<RangeInclusive<u16>>,
}

impl Restriction {
    /// Whether everything is looked at.
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a host is among those named.
    pub(crate) fn names(&self, host: IpAddr) -> bool {
        self.hosts.is_empty() || self.hosts.iter().any(|net| net.contains(host))
    }

    /// Whether a port is among those listed.
    pub(crate) fn asks(&self, port: u16) -> bool {
        self.ports.is_empty() || self.ports.iter().any(|range| range.contains(&port))
    }

    /// Whether a connection opened then is looked at.
    pub(crate) fn spans(&self, opening: Nanos) -> bool {
        self.since.is_none_or(|since| opening >= since) && self.until.is_none_or(|until| opening < until)
    }

    /// Whether a connection is one of `is_looked_at`'s hosts: what they opened, and what came to them at the ports.
    pub(crate) fn shows(&self, (orig, resp): (Endpoint, Endpoint), is_looked_at: impl Fn(IpAddr) -> bool) -> bool {
        if self.hosts.is_empty() && self.ports.is_empty() {
            return true;
        }
        is_looked_at(orig.addr) || (is_looked_at(resp.addr) && self.asks(resp.port))
    }
}

type Name = (HostKey, SensorId, Proto, RecordId);

/// Holds one shard's records to a [`Restriction`].
#[derive(Debug, Default)]
pub(crate) struct Filter {
    restriction: Arc<Restriction>,
    /// Whether anything is not looked at.
    restricts: bool,
    /// Openings that are not looked at, with their ends: a device reuses its numbers.
    passed_over: HashMap<Name, (Endpoint, Endpoint)>,
    /// The hosts that the outside sees as an address that was asked for, behind that.
    pub(crate) seen_as: BTreeSet<(IpAddr, IpAddr)>,
    /// Openings that could not be remembered: their ends may be taken for connections whose opening is not in the evidence.
    pub(crate) forgotten: u64,
}

/// Whether a record is looked at, and whether it makes its host one that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Not at all.
    Away,
    /// Yes, for what it may say of others.
    Along,
    /// Yes.
    At,
}

impl Filter {
    /// A filter.
    pub(crate) fn new(restriction: Arc<Restriction>) -> Self {
        Self { restricts: !restriction.is_none(), restriction, ..Self::default() }
    }

    /// Whether everything is looked at.
    pub(crate) fn is_none(&self) -> bool {
        !self.restricts
    }

    /// Looks at a record in its turn; `lane` is its host's fold as far as there is one.
    pub(crate) fn look(&mut self, record: &Record, route: &mut Route, lane: Option<&Lane>) -> Look {
        let sensor = record.known.sensor;
        self.note_mapped(record, route);
        let look = match &record.event {
            // Whose a public address is must be known of all hosts, and says nothing of the ports at which they are asked.
            Event::Translation(_) if self.restriction.ports.is_empty() && self.is_named(route) => return Look::At,
            Event::Translation(_) => return Look::Along,
            Event::Denied(denied) => return self.at_denied(route, denied.since(record.known_at()), denied.resp.port),
            Event::Opened(opened) => {
                let name = (route.host, sensor, opened.proto, opened.id);
                self.passed_over.remove(&name);
                let look = self.at_connection(route, opened.start.at, opened.orig, opened.resp);
                if look == Look::Away {
                    self.remember(name, (opened.orig, opened.resp));
                }
                look
            }
            Event::Closed(closed) => self.at_end(record, route, lane, closed),
            Event::Whole(whole) => self.at_connection(route, whole.start.at, whole.orig, whole.resp),
            // A name may have been looked up for any connection of the host's.
            Event::Content(Content { said: Utterance::Resolves { .. } | Utterance::Exchanges { .. }, .. }) => {
                return if self.is_named(route) { Look::Along } else { Look::Away };
            }
            // What is asked for was decided by the connection's opening.
            Event::Content(content) => at_open(lane, content.proto, content.id),
            Event::Burst(burst) => at_open(lane, Proto::Tcp, burst.id),
        };
        if look != Look::Away && route.side == Side::Resp && !route.owner {
            // The other copy may have been passed over; then this one stands for the record.
            let other = match &record.event {
                Event::Opened(opened) => opened.orig.addr,
                Event::Closed(closed) => closed.first.addr,
                Event::Whole(whole) => whole.orig.addr,
                Event::Content(content) => content.orig.addr,
                Event::Burst(burst) => burst.orig.addr,
                Event::Denied(_) | Event::Translation(_) => return look,
            };
            route.owner = !self.restriction.names(other);
        }
        look
    }

    /// Whoever asks for a public address is to be told whose it is.
    fn note_mapped(&mut self, record: &Record, route: &Route) {
        if self.restriction.hosts.is_empty() || !route.ours || self.seen_as.len() >= SEEN_AS {
            return;
        }
        let addr = route.host.addr();
        let asked_for = mapped(record, route).filter(|mapped| *mapped != addr && self.restriction.names(*mapped));
        self.seen_as.extend(asked_for.map(|mapped| (mapped, addr)));
    }

    fn is_named(&self, route: &Route) -> bool {
        route.ours && self.restriction.names(route.host.addr())
    }

    fn at_denied(&self, route: &Route, at: Nanos, port: u16) -> Look {
        let outbound = route.ours && route.side == Side::Orig;
        match () {
            () if !self.restriction.spans(at) || !(outbound || self.restriction.asks(port)) => Look::Away,
            // Behind NAT it names a public address, whose host is not known here.
            () if outbound || !self.is_named(route) => Look::Along,
            () => Look::At,
        }
    }

    /// A connection opened at `opening`.
    fn at_connection(&self, route: &Route, opening: Nanos, orig: Endpoint, resp: Endpoint) -> Look {
        let only = &self.restriction;
        let all_hosts = only.hosts.is_empty() && only.ports.is_empty();
        if !only.spans(opening) || !(all_hosts || self.is_named(route)) {
            return Look::Away;
        }
        // What a host sends to itself comes as one copy.
        let inbound = route.side == Side::Resp || orig.addr == resp.addr;
        match inbound {
            true if only.asks(resp.port) => Look::At,
            true => Look::Away,
            // Which hosts are asked is known in the end.
            false if only.ports.is_empty() => Look::At,
            false => Look::Along,
        }
    }

    fn at_end(&mut self, record: &Record, route: &Route, lane: Option<&Lane>, closed: &Closed) -> Look {
        let name = (route.host, record.known.sensor, closed.proto, closed.id);
        let ends = (closed.first, closed.second);
        if self.passed_over.get(&name).is_some_and(|&own| own == ends || own == (ends.1, ends.0)) {
            self.passed_over.remove(&name);
            return Look::Away;
        }
        if lane.is_some_and(|lane| lane.has_open(closed)) {
            return Look::Along;
        }
        // Its opening is not in the evidence.
        let ended = closed.ended.unwrap_or(record.known);
        let opening = ended.at.plus(-closed.duration).plus(-i64::from(ended.resolution));
        let (own, peer) = match route.side {
            Side::Orig => (closed.first, closed.second),
            Side::Resp => (closed.second, closed.first),
        };
        let asked = self.restriction.asks(own.port);
        let inbound = asked || (own.port < 1024 && peer.port >= 1024);
        let route = &Route { side: if inbound { Side::Resp } else { Side::Orig }, ..*route };
        self.at_connection(route, opening, peer, own)
    }

    /// Takes out of a host's fold what is not asked for: which way a teardown without an opening went is a guess.
    pub(crate) fn strip(&self, lane: &mut Lane) {
        lane.services.retain(|&port, _| self.restriction.asks(port));
        lane.tally.inbound.retain(|&port, _| self.restriction.asks(port));
    }

    fn remember(&mut self, name: Name, ends: (Endpoint, Endpoint)) {
        if self.passed_over.len() < REMEMBERED {
            self.passed_over.insert(name, ends);
        } else {
            self.forgotten += 1;
        }
    }
}

/// Something about a connection whose opening was looked at, and said whether it was asked for, or was not.
fn at_open(lane: Option<&Lane>, proto: Proto, id: RecordId) -> Look {
    if lane.is_some_and(|lane| lane.has_opened(proto, id)) { Look::Along } else { Look::Away }
}
