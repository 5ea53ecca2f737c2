//! The fold over what one sensor saw of one host.

mod ended;
mod held;
mod open;
mod said;
mod settled;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use catspaw_records::{
    Closed, Days, Denied, Endpoint, Event, HostKey, Nanos, Opened, Proto, Record, RecordId, SensorId, Side,
    Translation, Whole,
};
use foldhash::{HashMap, HashSet};
use prefetch_index::prefetch_index;
use serde::{Deserialize, Serialize};

use self::held::Held;
use self::open::Name;
use crate::attempts::{Attempt, Beats};
use crate::backconnect::Tunnels;
use crate::config::Config;
use crate::content::Contents;
use crate::design::TAKES_MAIL;
use crate::histogram::Histogram;
use crate::opens::Opens;
use crate::outbound::OutboundLegs;
use crate::rare::Rare;
use crate::service::Service;
use crate::sink::Sink;
use crate::spam::Spam;
use crate::tally::Tally;
use crate::timers::Timers;
use crate::translations::Translations;

/// Log time between two assignments.
const STRIDE: i64 = 3600 * Nanos::SECOND;
/// The same as long as there is no service: then nothing is paired, and what is final is let go. Most hosts never have one.
const BRIEF_STRIDE: i64 = STRIDE / 6;
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

/// The port at which names are looked up.
const DNS: u16 = 53;

/// Version of the state of a [`Lane`]: to be kept beside it wherever it is put away, and changed with its layout.
pub const STATE_VERSION: u32 = 27;

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

/// What one sensor saw of one host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lane {
    order: u64,
    last: Option<Nanos>,
    /// Connections whose opening was seen, and whose end was not.
    open: Opens<Name, Held>,
    /// Connections that were given up because too many were open: when their end comes, they have counted.
    given_up: HashSet<Name>,
    /// Ports that have shown payload.
    pub services: BTreeMap<u16, Box<Service>>,
    /// When the first of them was known: what was due before has had its turn.
    served_since: Option<Nanos>,
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
    /// Inbound connections at ports of mail, from wherever, that are long enough for a letter.
    pub letters_in: u64,
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

    /// Has what nearly every observation touches fetched from memory, for it is soon observed.
    pub fn fetch(&self) {
        fn one<T>(field: &T) {
            prefetch_index(std::slice::from_ref(field), 0);
        }
        one(&self.last);
        one(&self.tunnels);
        one(&self.beats);
        one(&self.outbound);
        one(&self.tally.outbound);
        one(&self.tally.outbound_slots);
        one(&self.tally.smtp_ends);
        one(&self.translations);
        one(&self.order);
        one(&self.open);
        one(&self.public);
        one(&self.timers);
        one(&self.numbered);
    }

    /// The same of what lies behind that, once it has come.
    pub fn fetch_rest(&self) {
        self.open.fetch();
        self.outbound.fetch();
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
        let outside: u64 =
            TAKES_MAIL.iter().filter_map(|port| self.services.get(port)).map(|service| service.sessions).sum();
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
        self.open.get(&Name(closed.proto, closed.id)).is_some_and(|held| held.open().is_of(closed))
    }

    /// Whether a connection of this name is open.
    #[must_use]
    pub fn has_opened(&self, proto: Proto, id: RecordId) -> bool {
        self.open.get(&Name(proto, id)).is_some()
    }

    /// Whether what it sent may be asked for once everything is known: the legs that a tunnel carries, and the mail of a
    /// host that sends it by itself.
    #[must_use]
    pub fn may_be_asked(&self) -> bool {
        let caught = |spam: &Spam| spam.all.caught.is_some() || spam.alone.caught.is_some();
        self.may_tunnel || !self.tunnels.is_idle() || self.spam.iter().flatten().any(|spam| caught(spam))
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
        let mut open: Vec<_> = std::mem::take(&mut self.open).into_values().iter().map(Held::open).collect();
        open.sort_by_key(|open| open.order);
        for open in open {
            self.give_up(ctx, &open, Nanos::MAX, sink);
        }
        self.settle(ctx, Nanos::MAX);
        self.tunnels.settle(ctx, Nanos::MAX, sink);
        self.assign(ctx, Nanos::MAX, sink);
    }

    fn see_mapped(&mut self, real: &Endpoint, mapped: &Option<Endpoint>) {
        if let Some(mapped) = mapped {
            self.see_outside(&real.addr, &mapped.addr);
        }
    }

    fn see_outside(&mut self, real: &IpAddr, mapped: &IpAddr) {
        if mapped == real || self.public.contains(mapped) {
            return;
        }
        if self.public.len() < PUBLIC {
            self.public.insert(*mapped);
        } else {
            self.public_dropped += 1;
        }
    }

    fn translated(&mut self, seen: Observation<'_>, translation: &Translation) {
        let (real, mapped, at) = (translation.real.addr, translation.mapped.addr, seen.record.known.at);
        self.see_outside(&real, &mapped);
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
}
