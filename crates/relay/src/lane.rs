//! The fold over what one sensor saw of one host.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use catspaw_records::{
    Burst, Bytes, Closed, Content, Days, Denied, Ending, Endpoint, Event, HostKey, Nanos, Opened, Place, Proto, Record,
    RecordId, SensorId, Side, Stamp, Translation, Utterance, Whole,
};
use foldhash::{HashMap, HashSet};
use serde::{Deserialize, Serialize};

use crate::attempts::{Attempt, Beats};
use crate::backconnect::{Tunnels, may_be_tunnel};
use crate::config::{Config, Topology};
use crate::content::{Contents, Shown};
use crate::histogram::Histogram;
use crate::leg::{Direction, End, Leg, Size};
use crate::opens::Opens;
use crate::outbound::OutboundLegs;
use crate::pending::{self, Final};
use crate::rare::Rare;
use crate::service::{Conviction, Due, Key, Service};
use crate::sink::{Brief, Connection, LegPair, Said, Sink};
use crate::spam::Spam;
use crate::tally::Tally;
use crate::timers::Timers;
use crate::translations::Translations;

/// Log time between two assignments.
const STRIDE: i64 = 3600 * Nanos::SECOND;
/// Services of a host that are tested.
const SERVICES: usize = 256;
/// Legs of a host that wait for the horizon; beyond, the assignment is made early.
const PENDING: usize = 65_536;
/// The same of inbound legs; more than may be open at once, so that an early assignment always makes room.
const PENDING_INBOUND: usize = 4 * OPEN;
/// Outside addresses of the host that are remembered.
const PUBLIC: usize = 64;
/// Connections of a host that may be open at once; beyond, the oldest eighth is given up.
const OPEN: usize = 65_536;

/// Ports at which mail is taken in.
const MAIL: [u16; 3] = [25, 465, 587];
/// The port at which names are looked up.
const DNS: u16 = 53;

/// Version of the state of a [`Lane`]: to be kept beside it wherever it is put away, and changed with its layout.
pub const STATE_VERSION: u32 = 16;

/// A record as one host sees it.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// The moment of the merge: never before that of the observation before it (of this host and sensor).
    pub key: Nanos,
    /// Whether it came later than the merge waits: it counts, but is no evidence.
    pub late: bool,
    /// The record.
    pub record: &'a Record,
    /// Which of its ends is the host.
    pub side: Side,
    /// Whether the other end is ours too: then it is no leg of a relay between outsiders.
    pub peer_inside: bool,
    /// Whether this host is the one that gives the connection to the sink (a record between two of ours is seen twice).
    pub owner: bool,
}

/// What goes with every observation.
#[derive(Debug)]
pub struct Context<'a> {
    /// How to judge.
    pub config: &'a Config,
    /// Civil days of the report.
    pub days: &'a mut Days,
    /// The host.
    pub host: HostKey,
    /// Whose records.
    pub sensor: SensorId,
}

/// Observations came in an order that the merge must not give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfOrder {
    /// The moment of the observation.
    pub key: Nanos,
    /// That of the one before it.
    pub last: Nanos,
}

/// A connection by the witness's name of it; by protocol too, for some devices number each by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Name(Proto, RecordId);

/// A number is hashed as one.
impl Hash for Name {
    fn hash<H: Hasher>(&self, to: &mut H) {
        match self.1 {
            RecordId::Device(id) => to.write_u64(id),
            RecordId::Uid(uid) => uid.hash(to),
        }
    }
}

/// A connection whose opening was seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Open {
    opened: Opened,
    order: u64,
    place: Place,
    side: Side,
    peer_inside: bool,
    owner: bool,
    late: bool,
}

/// What one sensor saw of one host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lane {
    order: u64,
    last: Option<Nanos>,
    /// Connections whose opening was seen, and whose end was not.
    open: Opens<Name, Open>,
    /// Connections that were given up because too many were open: when their end comes, they have counted.
    given_up: HashSet<Name>,
    /// Ports that have shown payload.
    pub services: BTreeMap<u16, Box<Service>>,
    /// Sizes of inbound legs with payload.
    inbound_sizes: Histogram,
    /// Outbound legs that are not final.
    outbound: OutboundLegs,
    next_assignment: Option<Nanos>,
    ranks: u32,
    /// How often each local port closed connections whose opening was not seen.
    closed_ports: HashMap<u16, u32>,
    /// Whether it sends mail by itself: what no declaration covers, and what one covers.
    pub spam: [Option<Box<Spam>>; 2],
    /// Inbound connections with payload from inside at ports of mail.
    mail_inside: u64,
    /// Whether it had an outbound connection that may be a tunnel's.
    pub may_tunnel: bool,
    /// What may be a tunnel's, by its packets.
    pub tunnels: Tunnels,
    /// What was said on its connections.
    contents: Rare<Contents>,
    /// Counts.
    pub tally: Tally,
    /// Addresses the host was seen as outside.
    pub public: BTreeSet<IpAddr>,
    /// How often one was seen that was not remembered because there were too many.
    pub public_dropped: u64,
    /// Which of them were its own, and when.
    pub translations: Translations,
    /// What its connections say of the device's timers.
    pub timers: Timers,
    /// Which answered attempts were given away.
    pub beats: Beats,
    /// Ports with payload that were not tested because there were too many.
    pub services_dropped: u64,
    /// Outbound legs that carried nothing and were let go because there were too many.
    pub empty_dropped: u64,
    /// Assignments that were made early because too many legs waited.
    pub hurried: u64,
    /// Openings that were given up because too many connections were open.
    pub open_dropped: u64,
    /// Whether the device tells of connections by its own numbers: of TCP, of UDP.
    numbered: [bool; 2],
    /// Connections that it told of by another name beside that.
    pub told_twice: u64,
    /// Natural logarithm of the largest mean of the services' ratios so far.
    pub largest: Option<f64>,
}

impl Lane {
    /// Takes an observation.
    ///
    /// # Errors
    /// Where it is earlier than the one before it.
    pub fn observe(
        &mut self,
        ctx: &mut Context<'_>,
        seen: Observation<'_>,
        sink: &mut impl Sink,
    ) -> Result<(), OutOfOrder> {
        if let Some(last) = self.last.filter(|&last| seen.key < last) {
            return Err(OutOfOrder { key: seen.key, last });
        }
        self.last = Some(seen.key);
        self.order += 1;
        self.settle(ctx, seen.key);
        self.tunnels.settle(ctx, seen.key, sink);
        self.assign_when_due(ctx, seen.key, sink);
        match &seen.record.event {
            Event::Opened(Opened { id, proto, .. }) | Event::Whole(Whole { id, proto, .. })
                if self.is_told_twice(*id, *proto) => {}
            Event::Opened(opened) => self.opened(ctx, seen, opened, sink),
            Event::Closed(closed) => self.closed(ctx, seen, closed, sink),
            Event::Whole(whole) => self.whole(ctx, seen, whole, sink),
            Event::Denied(denied) => self.denied(ctx, seen, denied, sink),
            Event::Translation(translation) => self.translated(seen, translation),
            Event::Content(content) => self.said(ctx, seen, content),
            Event::Burst(burst) => self.burst(ctx.config, seen, burst),
        }
        Ok(())
    }

    /// Whether the device has a number for this connection, too: an FTD may tell of one both as a firewall (302013) and as
    /// Snort (430003), and it must not count as two. The firewall is first to know of it.
    #[inline]
    fn is_told_twice(&mut self, id: RecordId, proto: Proto) -> bool {
        let of_proto = match proto {
            Proto::Tcp => &mut self.numbered[0],
            Proto::Udp => &mut self.numbered[1],
            Proto::Icmp | Proto::Other(_) => return false,
        };
        let numbered = matches!(id, RecordId::Device(_));
        *of_proto |= numbered;
        let twice = *of_proto && !numbered;
        self.told_twice += u64::from(twice);
        twice
    }

    /// Inbound sessions with payload at ports of mail, from outside and from inside: a mail server has them.
    #[must_use]
    pub fn mail_taken_in(&self) -> u64 {
        let outside: u64 = MAIL.iter().filter_map(|port| self.services.get(port)).map(|service| service.sessions).sum();
        outside + self.mail_inside
    }

    /// Whether the evidence against one of its services was enough.
    #[must_use]
    pub fn is_convicted(&self) -> bool {
        let tried = |s: &Service| {
            [false, true].iter().any(|&a| s.proven(a).is_some() || s.tried(a).any(|tests| tests.conviction.is_some()))
        };
        self.services.values().any(|service| tried(service))
            || self.spam.iter().flatten().any(|spam| spam.all.caught.is_some())
    }

    /// Whether the connection that ends here is open, so that its opening was observed.
    #[must_use]
    pub fn has_open(&self, closed: &Closed) -> bool {
        self.open.get(&Name(closed.proto, closed.id)).is_some_and(|open| open.is_of(closed))
    }

    /// Whether a connection of this name is open.
    #[must_use]
    pub fn has_opened(&self, proto: Proto, id: RecordId) -> bool {
        self.open.get(&Name(proto, id)).is_some()
    }

    /// What was said on its connections, where that was read.
    #[must_use]
    pub fn contents(&self) -> Option<&Contents> {
        self.contents.get()
    }

    /// The moment of the last observation.
    #[must_use]
    pub fn last_seen(&self) -> Option<Nanos> {
        self.last
    }

    /// The evidence ends: what is open stays open, and everything is final.
    pub fn finish(&mut self, ctx: &mut Context<'_>, sink: &mut impl Sink) {
        let mut open = std::mem::take(&mut self.open).into_values();
        open.sort_by_key(|open| open.order);
        for open in open {
            self.give_up(ctx, &open, Nanos::MAX, sink);
        }
        self.settle(ctx, Nanos::MAX);
        self.tunnels.settle(ctx, Nanos::MAX, sink);
        self.assign(ctx, Nanos::MAX, sink);
    }

    fn opened(&mut self, ctx: &mut Context<'_>, seen: Observation<'_>, opened: &Opened, sink: &mut impl Sink) {
        if self.open.get(&Name(opened.proto, opened.id)).is_some_and(|open| open.is_again(opened)) {
            return;
        }
        let open = Open {
            opened: *opened,
            order: self.order,
            place: seen.record.place,
            side: seen.side,
            peer_inside: seen.peer_inside,
            owner: seen.owner,
            late: seen.late,
        };
        if !self.given_up.is_empty() {
            self.given_up.remove(&Name(opened.proto, opened.id));
        }
        self.see_mapped([opened.orig, opened.resp], [opened.mapped_orig, opened.mapped_resp], seen.side);
        if let Some(before) = self.open.insert(Name(opened.proto, opened.id), open) {
            // The device reused the number: the end of the earlier connection was not logged.
            self.forget_inbound(&before);
            self.give_up(ctx, &before, seen.key, sink);
        }
        match seen.side {
            Side::Resp if open.counts() => {
                let (_, leg) = open.leg();
                if let Some(service) = self.services.get_mut(&leg.own.port) {
                    service.legs.insert((leg.start.at, open.order), leg);
                }
            }
            Side::Orig if !open.late && !self.tunnels.is_idle() => match opened.proto {
                Proto::Tcp if !open.peer_inside => self.tunnels.opened(&open.leg().1, seen.key, ctx.config.settle),
                Proto::Udp if opened.resp.port == DNS => {
                    self.tunnels.looked_up(opened.start.at, seen.record.known.at);
                }
                _ => {}
            },
            _ => {}
        }
        if self.open.len() > OPEN {
            self.drop_oldest_open(ctx, seen.key, sink);
        }
    }

    fn drop_oldest_open(&mut self, ctx: &mut Context<'_>, key: Nanos, sink: &mut impl Sink) {
        let mut oldest: Vec<(u64, Name)> = self.open.iter().map(|(&id, open)| (open.order, id)).collect();
        oldest.sort_unstable();
        for (_, id) in oldest.into_iter().take(OPEN / 8) {
            let Some(open) = self.open.remove_if(&id, |_| true) else { continue };
            self.open_dropped += 1;
            self.forget_inbound(&open);
            self.give_up(ctx, &open, key, sink);
            if self.given_up.len() < OPEN {
                self.given_up.insert(id);
            }
        }
    }

    /// A connection whose end is not in the evidence: it counts, and is printed without an end.
    fn give_up(&mut self, ctx: &mut Context<'_>, open: &Open, key: Nanos, sink: &mut impl Sink) {
        let (direction, leg) = open.leg();
        self.tunnels.forget(leg.id);
        if open.opened.proto == Proto::Tcp && !open.peer_inside {
            self.count(ctx, direction, &leg, sink);
        }
        if open.owner {
            let Opened { orig, resp, .. } = open.opened;
            sink.connection(Brief { ends: [orig.addr, resp.addr], proto: open.opened.proto, ended: None }, || {
                Connection {
                    key,
                    start: open.opened.start,
                    said: Said::Built(open.opened, None),
                    places: [Some(open.place), None],
                    late: open.late,
                }
            });
        }
    }

    fn closed(&mut self, ctx: &mut Context<'_>, seen: Observation<'_>, closed: &Closed, sink: &mut impl Sink) {
        self.timers.see(closed.ending, closed.duration);
        let id = Name(closed.proto, closed.id);
        let Some(open) = self.open.remove_if(&id, |open| open.is_of(closed)) else {
            if !self.given_up.remove(&id) {
                self.closed_alone(ctx, seen, closed, sink);
            }
            return;
        };
        let turned = open.opened.orig == closed.second;
        let (ending, bytes) = match turned {
            true => (closed.ending.turned(), closed.bytes.map(Bytes::turned)),
            false => (closed.ending, closed.bytes),
        };
        let ended = closed.ended.unwrap_or(seen.record.known);
        let end = self.end(seen.key, ended.at, ending, bytes);
        let said = || Said::Built(open.opened, Some(if turned { closed.turned() } else { *closed }));
        self.ended_after_opening(ctx, seen, &open, (end, false), said, sink);
    }

    /// A connection whose opening was seen has ended; `smtp` where the witness recognised that in it.
    fn ended_after_opening(
        &mut self,
        ctx: &mut Context<'_>,
        seen: Observation<'_>,
        open: &Open,
        (end, smtp): (End, bool),
        said: impl FnOnce() -> Said,
        sink: &mut impl Sink,
    ) {
        let late = open.late || seen.late;
        let (direction, mut leg) = open.leg();
        leg.end = Some(end);
        leg.smtp |= smtp;
        leg.places[1] = Some(seen.record.place);
        if open.opened.proto == Proto::Tcp
            && let Some(contents) = self.contents.get_mut().filter(|contents| !contents.is_empty())
        {
            contents.ended(direction, (leg.start.at, open.order), end);
        }
        if direction == Direction::Outbound && leg.smtp {
            leg.mailed = self.contents.get().and_then(|contents| contents.mailed_by((leg.start.at, open.order)));
        }
        if open.owner {
            let ended = Some((end.ending, end.size.is_some()));
            sink.connection(Brief { ends: [leg.own.addr, leg.peer.addr], proto: open.opened.proto, ended }, || {
                Connection { key: seen.key, start: leg.start, said: said(), places: leg.places, late }
            });
        }
        if late {
            self.forget_inbound(open);
        }
        if open.opened.proto == Proto::Tcp {
            self.ended(ctx, (seen.key, late), direction, ((leg.start.at, open.order), leg), sink);
        }
    }

    /// A teardown whose opening is not in the evidence. It began its duration before, and the port that repeats is
    /// the service.
    fn closed_alone(&mut self, ctx: &mut Context<'_>, seen: Observation<'_>, closed: &Closed, sink: &mut impl Sink) {
        let (own, peer) = match seen.side {
            Side::Orig => (closed.first, closed.second),
            Side::Resp => (closed.second, closed.first),
        };
        let direction = self.guess_direction(own.port, peer.port);
        let second_opened = (direction == Direction::Outbound) == (seen.side == Side::Resp);
        let closed = if second_opened { closed.turned() } else { *closed };
        let ended = closed.ended.unwrap_or(seen.record.known);
        // The duration is cut to whole seconds too, so that the start is known to two.
        let resolution = ended.resolution.saturating_mul(2);
        let start =
            Stamp { at: ended.at.plus(-closed.duration).plus(-i64::from(ended.resolution)), resolution, ..ended };
        let leg = Leg {
            id: closed.id,
            peer,
            own,
            start,
            opened: None,
            end: Some(self.end(seen.key, ended.at, closed.ending, closed.bytes)),
            smtp: direction == Direction::Outbound && peer.port == 25,
            mailed: None,
            inward: seen.peer_inside,
            places: [None, Some(seen.record.place)],
        };
        if seen.owner {
            let ended = Some((closed.ending, closed.bytes.is_some()));
            sink.connection(Brief { ends: [own.addr, peer.addr], proto: closed.proto, ended }, || Connection {
                key: seen.key,
                start,
                said: Said::TornDown(closed),
                places: [None, Some(seen.record.place)],
                late: seen.late,
            });
        }
        if closed.proto == Proto::Tcp {
            self.ended(ctx, (seen.key, seen.late), direction, ((start.at, self.order), leg), sink);
        }
    }

    fn guess_direction(&mut self, own: u16, peer: u16) -> Direction {
        for port in [own, peer] {
            if self.closed_ports.len() < PENDING || self.closed_ports.contains_key(&port) {
                let times = self.closed_ports.entry(port).or_default();
                *times = times.saturating_add(1);
            }
        }
        let times = |port: u16| self.closed_ports.get(&port).copied().unwrap_or(0);
        match (own < 1024, peer < 1024) {
            (true, false) => Direction::Inbound,
            (false, true) => Direction::Outbound,
            _ if times(own) > times(peer) => Direction::Inbound,
            _ => Direction::Outbound,
        }
    }

    fn whole(&mut self, ctx: &mut Context<'_>, seen: Observation<'_>, whole: &Whole, sink: &mut impl Sink) {
        let end = self.end(seen.key, whole.ended(seen.record.known).at, whole.ending, whole.bytes);
        let end = End { answered: whole.answered.unwrap_or(end.answered), ..end };
        let smtp = whole.service.is_some_and(|service| service.as_str() == "smtp");
        let mapped = whole.mapped();
        self.see_mapped([whole.orig, whole.resp], mapped, seen.side);
        if let Some(open) = self.open.remove_if(&Name(whole.proto, whole.id), |open| open.is_whole(whole)) {
            let [orig, resp] = [open.opened.mapped_orig, open.opened.mapped_resp];
            let mapped = [orig.or(mapped[0]), resp.or(mapped[1])];
            return self.ended_after_opening(
                ctx,
                seen,
                &open,
                (end, smtp),
                || Said::Whole { whole: *whole, mapped },
                sink,
            );
        }
        if seen.owner {
            let ended = Some((whole.ending, whole.bytes.is_some()));
            sink.connection(Brief { ends: [whole.orig.addr, whole.resp.addr], proto: whole.proto, ended }, || {
                Connection {
                    key: seen.key,
                    start: whole.start,
                    said: Said::Whole { whole: *whole, mapped },
                    places: [Some(seen.record.place), None],
                    late: seen.late,
                }
            });
        }
        let (direction, own, peer) = match seen.side {
            Side::Orig => (Direction::Outbound, whole.orig, whole.resp),
            Side::Resp => (Direction::Inbound, whole.resp, whole.orig),
        };
        let leg = Leg {
            id: whole.id,
            peer,
            own,
            start: whole.start,
            opened: None,
            end: Some(end),
            smtp: peer.port == 25 || smtp,
            mailed: self.contents.get().filter(|contents| contents.seen).map(|_| Default::default()),
            inward: seen.peer_inside,
            places: [Some(seen.record.place), None],
        };
        if whole.proto == Proto::Tcp {
            self.ended(ctx, (seen.key, seen.late), direction, ((leg.start.at, self.order), leg), sink);
        }
    }

    /// An end at `at` that is known from now (`key`) on.
    fn end(&self, key: Nanos, at: Nanos, ending: Ending, bytes: Option<Bytes>) -> End {
        let size = bytes.map(Size::of);
        let empty = size.is_some_and(|size| size.total() == 0);
        let reset = matches!(ending, Ending::ResetByOrig | Ending::ResetByResp | Ending::Reset);
        let answered = ending != Ending::NoAnswer && !(reset && empty);
        End { at, known: key, order: self.order, ending, answered, size }
    }

    /// A TCP leg within the house: that mail comes in this way marks a mail server; what goes out this way may be carried
    /// on for somebody outside.
    fn ended_inside(&mut self, late: bool, direction: Direction, (key, leg): (Key, Leg)) {
        match direction {
            Direction::Inbound => {
                self.mail_inside += u64::from(MAIL.contains(&leg.own.port) && leg.has_payload());
            }
            Direction::Outbound if !late && !self.services.is_empty() => {
                self.outbound.push(key, leg);
            }
            Direction::Outbound => {}
        }
    }

    /// A TCP leg is complete.
    fn ended(
        &mut self,
        ctx: &mut Context<'_>,
        (now, late): (Nanos, bool),
        direction: Direction,
        (key, leg): (Key, Leg),
        sink: &mut impl Sink,
    ) {
        if leg.inward {
            return self.ended_inside(late, direction, (key, leg));
        }
        self.count(ctx, direction, &leg, sink);
        if late {
            return;
        }
        match direction {
            Direction::Inbound => self.inbound_ended(key, leg),
            Direction::Outbound => {
                self.may_tunnel |= may_be_tunnel(&leg);
                self.tunnels.ended(&leg, now, ctx.config.settle);
                sink.sent(ctx.host, ctx.sensor, &leg);
                self.outbound.push(key, leg);
            }
        }
    }

    fn inbound_ended(&mut self, key: Key, leg: Leg) {
        let port = leg.own.port;
        if !leg.has_payload() {
            if let Some(service) = self.services.get_mut(&port) {
                service.legs.remove(&key);
            }
            return;
        }
        if let Some(size) = leg.size() {
            self.inbound_sizes.add(size, 1.0);
        }
        let spoken = self.contents.get().and_then(|contents| contents.protocol(key));
        if let Some(service) = self.serve(port) {
            service.sessions += 1;
            leg.size().into_iter().for_each(|size| service.recent.keep(key, size));
            service.legs.insert(key, leg);
            if let Some(protocol) = spoken {
                *service.spoken.entry(protocol).or_default() += 1;
            }
        }
    }

    /// The service at a port that has shown payload; `None` where there are too many.
    fn serve(&mut self, port: u16) -> Option<&mut Service> {
        if !self.services.contains_key(&port) {
            if self.services.len() >= SERVICES {
                self.services_dropped += 1;
                return None;
            }
            self.ranks += 1;
            let legs = self.open_inbound().filter(|(_, leg)| leg.own.port == port).collect();
            self.services.insert(port, Box::new(Service::new(port, self.ranks, legs)));
        }
        self.services.get_mut(&port).map(Box::as_mut)
    }

    /// Something was said on a connection. What comes from a client inside is no evidence of a relay between outsiders.
    fn said(&mut self, ctx: &Context<'_>, seen: Observation<'_>, content: &Content) {
        if let Utterance::Resolves { name, addr } = content.said {
            if seen.side == Side::Orig {
                self.contents.make().resolved(name, addr);
            }
            return;
        }
        if let Utterance::Exchanges { name, host } = content.said {
            if seen.side == Side::Orig {
                self.contents.make().exchanges(name, host);
            }
            return;
        }
        let Some(open) = self.open.get(&Name(content.proto, content.id)).copied() else { return };
        let (direction, leg) = open.leg();
        let inbound = direction == Direction::Inbound;
        if open.late || seen.late || open.opened.proto != Proto::Tcp || (inbound && open.peer_inside) {
            return;
        }
        if !inbound && self.services.is_empty() && !self.says_without_service(&leg, &content.said) {
            return;
        }
        let full = self.services.len() >= SERVICES && !self.services.contains_key(&leg.own.port);
        if inbound && (full || self.serve(leg.own.port).is_none()) {
            return;
        }
        let wanted = self.services.values().any(|service| service.proofs[0].conviction.is_none());
        let leg = (direction, (leg.start.at, open.order), leg);
        for shown in self.contents.make().take(leg, &content.said, seen.record.known.at, wanted) {
            self.prove(ctx, shown, seen.key);
        }
        if let Some(service) = self.contents.make().handed_on.take().and_then(|port| self.services.get_mut(&port)) {
            service.hands_pages_on = true;
        }
    }

    /// Payload went one way on a connection.
    fn burst(&mut self, config: &Config, seen: Observation<'_>, burst: &Burst) {
        if seen.side != Side::Orig {
            return;
        }
        let open = self.open.get(&Name(Proto::Tcp, burst.id)).filter(|open| open.counts() && !seen.late);
        if let Some((_, leg)) = open.map(Open::leg) {
            self.tunnels.burst(&leg, burst, seen.key, config.settle);
        }
    }

    /// Whether what an outbound leg said counts though nothing has come in that it could carry on: then only mail does, and
    /// that the host makes such requests by itself is kept in mind.
    fn says_without_service(&mut self, leg: &Leg, said: &Utterance) -> bool {
        self.contents.make().see(said);
        match said {
            Utterance::Mails(_) => true,
            Utterance::Encrypts { .. } => leg.smtp,
            Utterance::Fetches { digest, .. } => {
                self.contents.make().made_unasked(*digest, leg.peer.addr);
                false
            }
            _ => false,
        }
    }

    /// A session was seen to be carried on.
    fn prove(&mut self, ctx: &Context<'_>, shown: Shown, now: Nanos) {
        let (key, leg) = shown.inbound;
        let authorised = ctx.config.covers(leg.own, leg.peer.addr, shown.target);
        let Some(service) = self.services.get_mut(&leg.own.port) else { return };
        let serves_pages = service.serves_pages();
        let Service { legs, proofs, sessions, .. } = &mut **service;
        let conviction = Conviction { at: now, sessions: *sessions };
        let is_known = |key: &Key| legs.get(key).is_none_or(|leg| leg.end.is_some());
        proofs[usize::from(authorised)].take((key, shown.thing), serves_pages, conviction, is_known);
    }

    /// Inbound legs that are open: at ports that have shown no payload yet they are kept nowhere else.
    fn open_inbound(&self) -> impl Iterator<Item = (Key, Leg)> {
        let inbound = self.open.iter().map(|(_, open)| open).filter(|open| open.side == Side::Resp && open.counts());
        inbound.map(|open| {
            let (_, leg) = open.leg();
            ((leg.start.at, open.order), leg)
        })
    }

    fn forget_inbound(&mut self, open: &Open) {
        let (direction, leg) = open.leg();
        if direction == Direction::Inbound
            && open.counts()
            && let Some(service) = self.services.get_mut(&leg.own.port)
        {
            service.legs.remove(&(leg.start.at, open.order));
        }
    }

    fn see_mapped(&mut self, real: [Endpoint; 2], mapped: [Option<Endpoint>; 2], side: Side) {
        if let Some(mapped) = mapped[side.index()] {
            self.see_outside(real[side.index()].addr, mapped.addr);
        }
    }

    fn see_outside(&mut self, real: IpAddr, mapped: IpAddr) {
        if mapped == real || self.public.contains(&mapped) {
            return;
        }
        if self.public.len() < PUBLIC {
            self.public.insert(mapped);
        } else {
            self.public_dropped += 1;
        }
    }

    fn translated(&mut self, seen: Observation<'_>, translation: &Translation) {
        let (real, mapped, at) = (translation.real.addr, translation.mapped.addr, seen.record.known.at);
        self.see_outside(real, mapped);
        if mapped != real && !seen.late {
            self.translations.take(translation, at);
            self.beats.watch(at);
        }
    }

    /// Refused by the device before it could become a connection.
    fn denied(&mut self, ctx: &Context<'_>, seen: Observation<'_>, denied: &Denied, sink: &mut impl Sink) {
        if seen.side == Side::Resp
            && !seen.peer_inside
            && let Some(attempt) = Attempt::denied(denied, ctx.sensor, seen.record.known.at)
        {
            self.beats.watch(seen.record.known.at);
            sink.attempt(attempt);
        }
    }

    /// Counts a connection with the outside.
    fn count(&mut self, ctx: &mut Context<'_>, direction: Direction, leg: &Leg, sink: &mut impl Sink) {
        self.tally.take(direction, leg, ctx.days.of(leg.start.at));
        if direction == Direction::Inbound {
            let attempt = Attempt::of(ctx.host, ctx.sensor, leg);
            if self.beats.gives(&attempt, ctx.config) {
                sink.attempt(attempt);
            }
        }
    }

    /// Takes the outbound legs whose settle time has passed before `now` into the tests.
    fn settle(&mut self, ctx: &mut Context<'_>, now: Nanos) {
        while let Some((leg, due)) = self.outbound.next_settled(ctx.config.settle, now) {
            if self.services.is_empty() && !leg.smtp {
                continue;
            }
            let leg = *leg;
            if leg.smtp && !leg.inward {
                self.sends_mail(ctx, &leg, due);
            }
            let Some(size) = leg.size().filter(|size| size.total() > 0) else { continue };
            let day = ctx.days.of(due);
            for service in self.services.values_mut() {
                service.take(Due { leg: &leg, size, inbound: &self.inbound_sizes, day, now: due }, ctx.config);
            }
            self.raise();
        }
    }

    fn sends_mail(&mut self, ctx: &mut Context<'_>, leg: &Leg, due: Nanos) {
        let covered = ctx.config.covers_mail(leg.own.addr, leg.peer.addr);
        let explained = self.services.values().any(|service| service.may_explain(leg));
        let day = ctx.days.of(due);
        self.spam[usize::from(covered)].get_or_insert_default().take(leg, explained, due, day, ctx.config);
    }

    fn raise(&mut self) {
        let logs: Vec<f64> = self
            .services
            .values()
            .flat_map(|s| s.tried(false).filter_map(|t| Some(t.latest()? + s.log_weight() + t.hypothesis.share().ln())))
            .collect();
        if logs.is_empty() {
            return;
        }
        let mean = crate::test::log_mean(&logs) + (logs.len() as f64).ln();
        crate::test::raise(&mut self.largest, mean);
    }

    /// Makes room: legs that carried nothing go first, for no test uses them; most hosts that open so many scan.
    fn drop_empty(&mut self) {
        let before = self.outbound.len();
        self.outbound.retain(|_, leg| leg.has_payload() || leg.smtp);
        self.empty_dropped += (before - self.outbound.len()) as u64;
    }

    fn assign_when_due(&mut self, ctx: &mut Context<'_>, now: Nanos, sink: &mut impl Sink) {
        if self.outbound.len() > PENDING {
            self.drop_empty();
        }
        let crowded = self.is_crowded();
        if crowded {
            // What waits for its factor would be gone before its turn.
            self.settle(ctx, Nanos::MAX);
            self.hurried += 1;
        }
        let next = *self.next_assignment.get_or_insert(Nanos((now.0.div_euclid(STRIDE) + 1).saturating_mul(STRIDE)));
        if now >= next || crowded {
            self.next_assignment = Some(Nanos((now.0.div_euclid(STRIDE) + 1).saturating_mul(STRIDE)));
            self.assign(ctx, now, sink);
        }
    }

    fn is_crowded(&self) -> bool {
        let inbound = || self.services.values().map(|service| service.legs.len()).sum::<usize>();
        self.outbound.len() > PENDING || (!self.services.is_empty() && inbound() > PENDING_INBOUND)
    }

    /// Lets go of what nothing that comes from `now` on can change or use: most hosts are seen now and then, and their
    /// last legs would be kept to the end. No result depends on whether it is called.
    pub fn rest(&mut self, ctx: &mut Context<'_>, now: Nanos, sink: &mut impl Sink) {
        let idle = ctx.config.horizon.max(STRIDE).saturating_add(ctx.config.settle);
        let rests = self.last.is_some_and(|last| last.plus(idle) < now);
        if rests {
            self.tunnels.rest(ctx, now, sink);
        }
        if rests && self.services.is_empty() && self.open_inbound().next().is_none() {
            self.settle(ctx, now);
            self.outbound = OutboundLegs::default();
            if let Some(contents) = self.contents.get_mut() {
                contents.keep(|_| false, |_| false);
            }
        }
    }

    /// Pairs what is pending, gives away what is final at `now`, and keeps the rest for the next time.
    fn assign(&mut self, ctx: &Context<'_>, now: Nanos, sink: &mut impl Sink) {
        let crowded = self.is_crowded();
        let convicted = |s: &Service| [false, true].iter().any(|&a| s.tried(a).any(|t| t.conviction.is_some()));
        let hands_mail_on = self.contents.get().is_some_and(|contents| contents.hands_mail_on);
        let writes_mail_anew = !hands_mail_on && self.services.values().any(|service| convicted(service));
        if writes_mail_anew || self.contents.get().is_some() {
            self.contents.make().writes_mail_anew = writes_mail_anew;
        }
        let nothing = Contents::default();
        let contents = self.contents.get().unwrap_or(&nothing);
        let horizon = ctx.config.horizon;
        let is_final =
            |leg: &Leg| now == Nanos::MAX || crowded || leg.end.is_some_and(|end| end.known.plus(horizon) <= now);
        pending::settle(&mut self.services, &mut self.outbound, contents, is_final, |pair| {
            let Final { inbound, outbound, clear, basis } = pair;
            sink.pair(LegPair {
                host: ctx.host,
                sensor: ctx.sensor,
                topology: Topology::Forward,
                port: inbound.own.port,
                authorised: ctx.config.covers(inbound.own, inbound.peer.addr, outbound.peer.addr),
                key: now,
                basis,
                clear,
                inbound: *inbound,
                outbound: *outbound,
            });
        });
        if let Some(contents) = self.contents.get_mut().filter(|contents| !contents.is_empty()) {
            let (services, outbound) = (&self.services, self.outbound.keys());
            let waits = |key: &Key| services.values().any(|service| service.legs.contains_key(key));
            contents.keep(waits, |key| outbound.contains(key));
        }
    }
}

impl Open {
    /// Whether the teardown is that of this connection: numbers are reused.
    fn is_of(&self, closed: &Closed) -> bool {
        let ends = (closed.first, closed.second);
        let own = (self.opened.orig, self.opened.resp);
        self.opened.proto == closed.proto && (ends == own || ends == (own.1, own.0))
    }

    /// Whether the record is of this connection, too.
    fn is_whole(&self, whole: &Whole) -> bool {
        let opened = &self.opened;
        (opened.proto, opened.orig, opened.resp) == (whole.proto, whole.orig, whole.resp)
    }

    /// Whether its opening is told once more, as PAN-OS does whenever it recognises another application in a session.
    fn is_again(&self, opened: &Opened) -> bool {
        let first = &self.opened;
        (first.orig, first.resp, first.start) == (opened.orig, opened.resp, opened.start)
    }

    /// Whether it is evidence of a relay between outsiders.
    fn counts(&self) -> bool {
        self.opened.proto == Proto::Tcp && !self.peer_inside && !self.late
    }

    fn leg(&self) -> (Direction, Leg) {
        let (direction, own, peer): (_, Endpoint, Endpoint) = match self.side {
            Side::Orig => (Direction::Outbound, self.opened.orig, self.opened.resp),
            Side::Resp => (Direction::Inbound, self.opened.resp, self.opened.orig),
        };
        let leg = Leg {
            id: self.opened.id,
            peer,
            own,
            start: self.opened.start,
            opened: Some(self.order),
            end: None,
            smtp: direction == Direction::Outbound && peer.port == 25,
            mailed: None,
            inward: self.peer_inside,
            places: [Some(self.place), None],
        };
        (direction, leg)
    }
}
