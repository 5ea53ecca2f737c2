//! What pairs add up to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use catspaw_records::{Days, Endpoint, Nanos, Place, RecordId};
use catspaw_relay::{Basis, Learned, Leg, LegPair, RETRY, SmtpEnds, Topology};

/// Records that are shown.
pub(crate) const EXAMPLES: usize = 20;

/// SMTP connections that nobody answered and whose first try is remembered.
const UNANSWERED: usize = 1 << 16;

/// What pairs add up to.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    /// Distinct outbound legs with payload.
    pub(crate) relayed: u64,
    /// Distinct outbound legs without.
    pub(crate) refused: u64,
    /// Relayed legs that delivered mail; where packets were read, messages.
    pub(crate) delivered: u64,
    /// SMTP legs that are over, of which the evidence does not say how they ended.
    pub(crate) untold: u64,
    /// How the SMTP legs to hosts inside ended, which the host's tally of what goes outside lacks.
    pub(crate) inward_ends: SmtpEnds,
    /// Recipients for whom they were taken, where packets were read.
    pub(crate) recipients: u64,
    /// Legs with mail that went on where nothing can be seen.
    pub(crate) hidden: u64,
    /// Pairs of which the same payload, request, message or envelope was seen on both legs.
    pub(crate) proven: u64,
    /// Payload of the relayed legs.
    pub(crate) bytes: u64,
    /// Opening of the first relayed leg, end of the last.
    pub(crate) span: Option<(Nanos, Nanos)>,
    /// Sessions and payload of the inbound legs by client.
    pub(crate) clients: HashMap<IpAddr, (u64, u64)>,
    /// Sessions and payload of the outbound legs by target.
    pub(crate) targets: HashMap<Endpoint, (u64, u64)>,
    /// Those of pairs of which the same was seen on both legs.
    pub(crate) proven_targets: HashSet<Endpoint>,
    /// Relayed, refused, delivered by day.
    pub(crate) daily: BTreeMap<i32, (u64, u64, u64)>,
    /// Places of the first pairs' records.
    pub(crate) places: Vec<Place>,
    /// The device's timers: a leg that one of them ended was over before.
    pub(crate) timers: Learned,
    last_outbound: Option<(RecordId, Nanos)>,
    /// When SMTP connections that nobody answered were first tried.
    unanswered: HashMap<(Endpoint, Endpoint), Nanos>,
    /// Inbound legs whose payload is counted: one may be carried on by several.
    inbound: HashSet<(RecordId, Nanos)>,
}

impl Sums {
    /// Adds a pair. Pairs of one outbound leg come one after another, so that it counts once.
    pub(crate) fn add(&mut self, pair: &LegPair, delivered_from: i64, days: &mut Days) {
        let out = &pair.outbound;
        let key = (out.id, out.start.at);
        let new = self.last_outbound.replace(key) != Some(key);
        let date = days.of(out.start.at);
        if pair.basis == Basis::Order {
            let counts = u64::from(new && !self.is_further_try(out));
            self.refused += counts;
            self.daily.entry(date).or_default().1 += counts;
            return;
        }
        if pair.basis == Basis::Content {
            self.proven += 1;
            self.proven_targets.insert(out.peer);
        }
        // Whoever sits behind a tunnel is not seen.
        if pair.topology != Topology::Backconnect {
            let client = self.clients.entry(pair.inbound.peer.addr).or_default();
            let first = self.inbound.insert((pair.inbound.id, pair.inbound.start.at));
            *client = (client.0 + 1, client.1 + if first { payload(&pair.inbound) } else { 0 });
        }
        self.show([&pair.inbound, out]);
        if new {
            self.add_target(out);
            self.untold += u64::from(out.smtp && out.is_untold());
            if out.inward {
                self.inward_ends.take(out);
            }
            let delivered = delivered(out, delivered_from).unwrap_or(0);
            self.recipients += recipients(out);
            self.hidden += u64::from(is_hidden(out));
            self.relayed += 1;
            self.delivered += delivered;
            self.bytes += payload(out);
            let day = self.daily.entry(date).or_default();
            *day = (day.0 + 1, day.1, day.2 + delivered);
            self.stretch(out);
        }
    }

    /// Adds an SMTP connection of a host that sends by itself.
    pub(crate) fn add_mail(&mut self, leg: &Leg, delivered_from: i64, days: &mut Days) {
        self.untold += u64::from(leg.is_untold());
        let delivered = delivered(leg, delivered_from).unwrap_or(0);
        self.recipients += recipients(leg);
        self.hidden += u64::from(is_hidden(leg));
        if !self.is_further_try(leg) {
            self.add_target(leg);
        }
        self.stretch(leg);
        self.delivered += delivered;
        self.daily.entry(days.of(leg.start.at)).or_default().2 += delivered;
        self.show([leg]);
    }

    /// Whether nobody answered, as little as a moment before: a record of each try is one session.
    fn is_further_try(&mut self, leg: &Leg) -> bool {
        let answered = leg.end.is_none_or(|end| end.answered);
        let first = self.unanswered.get(&(leg.own, leg.peer)).copied();
        if answered || first.is_some_and(|first| leg.start.at.since(first) <= RETRY) {
            return !answered;
        }
        if self.unanswered.len() >= UNANSWERED {
            self.unanswered.clear();
        }
        self.unanswered.insert((leg.own, leg.peer), leg.start.at);
        false
    }

    /// Whether most sessions go to ports that `are`.
    pub(crate) fn mostly_goes(&self, are: impl Fn(u16) -> bool) -> bool {
        let count = |there: bool| -> u64 {
            let targets = self.targets.iter().filter(|(target, _)| are(target.port) == there);
            targets.map(|(_, (sessions, _))| sessions).sum()
        };
        count(true) >= count(false)
    }

    fn show<'a>(&mut self, legs: impl IntoIterator<Item = &'a Leg>) {
        let room = EXAMPLES - self.places.len();
        self.places.extend(legs.into_iter().flat_map(|leg| leg.places).flatten().take(room));
    }

    fn add_target(&mut self, out: &Leg) {
        let target = self.targets.entry(out.peer).or_default();
        *target = (target.0 + 1, target.1 + payload(out));
    }

    fn stretch(&mut self, out: &Leg) {
        let end = self.timers.last_packet(out).unwrap_or(out.start.at);
        self.span = Some(self.span.map_or((out.start.at, end), |(a, b)| (a.min(out.start.at), b.max(end))));
    }

    /// Adds the sums of another service of the same host, but for the places.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.relayed += other.relayed;
        self.refused += other.refused;
        self.delivered += other.delivered;
        self.untold += other.untold;
        self.inward_ends = self.inward_ends.plus(other.inward_ends);
        self.recipients += other.recipients;
        self.hidden += other.hidden;
        self.proven += other.proven;
        self.bytes += other.bytes;
        self.span = match (self.span, other.span) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        for (&addr, &(sessions, bytes)) in &other.clients {
            let client = self.clients.entry(addr).or_default();
            *client = (client.0 + sessions, client.1 + bytes);
        }
        for (&end, &(sessions, bytes)) in &other.targets {
            let target = self.targets.entry(end).or_default();
            *target = (target.0 + sessions, target.1 + bytes);
        }
        self.proven_targets.extend(&other.proven_targets);
        for (&day, &(relayed, refused, delivered)) in &other.daily {
            let row = self.daily.entry(day).or_default();
            *row = (row.0 + relayed, row.1 + refused, row.2 + delivered);
        }
    }
}

fn payload(leg: &Leg) -> u64 {
    leg.size().map_or(0, |size| size.total().max(0) as u64)
}

fn is_hidden(leg: &Leg) -> bool {
    leg.mailed.is_some_and(|mailed| mailed.hidden)
}

fn recipients(leg: &Leg) -> u64 {
    leg.mailed.map_or(0, |mailed| mailed.recipients.into())
}

/// How many messages an outbound leg delivered, where packets were read; else 1 where it is a mail that went through. `None`
/// where the view cannot know (it has no end, nobody says which, or was encrypted).
#[must_use]
pub(crate) fn delivered(out: &Leg, from: i64) -> Option<u64> {
    if !out.smtp {
        return Some(0);
    }
    if let Some(mailed) = out.mailed {
        return (!mailed.hidden || mailed.messages > 0).then_some(mailed.messages.into());
    }
    out.end?;
    let is_enough = out.size().is_some_and(|size| size.total() >= from);
    if is_enough && out.is_untold() {
        return None;
    }
    Some(u64::from(out.completed() && is_enough))
}
