//! Far ends that a host holds connections to, and which of its other connections each of them is the cause of.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use catspaw_records::{Burst, Endpoint, Nanos, RecordId, Side};
use foldhash::HashMap;
use serde::{Deserialize, Serialize};

use super::cause::{Cause, comes, likelier};
use super::evidence::{Evidence, LONGEST_REACH, asked, follows};
use super::train::{Run, Train};
use crate::config::{Config, Topology};
use crate::lane::Context;
use crate::leg::Leg;
use crate::service::Conviction;
use crate::sink::{Basis, LegPair, Sink};
use crate::test::raise;

/// What tunnels have of the error of a host.
pub const SHARE: f64 = 0.1;
/// A connection that has lived so long, in nanoseconds, may be a tunnel's. (The engine tells all of such a one's runs.)
const LONG_LIVED: i64 = 3 * Nanos::SECOND;
/// Far ends of a host that are tested at once.
const ENDS: usize = 64;
/// Connections to one far end that are remembered, the last ones.
const CONNECTIONS: usize = 16;
/// Connections of a host that may have been caused by a tunnel, and what waits for its turn.
const WAITING: usize = 65_536;
/// Far ends that one connection may have been caused by.
const CAUSES: usize = 8;
/// Look-ups that are remembered, and nanoseconds from an answer to the opening that it was asked for.
const LOOKUPS: usize = 32;
const AFTER_LOOKUP: i64 = 20_000_000;
/// Runs that come on one connection with shorter pauses are one arrival, so that it does not matter in which pieces they are
/// read and sent on; but none lasts longer, so that what went up is known when its turn comes.
const PAUSE: i64 = 20_000_000;
const LASTS: i64 = Nanos::SECOND;
/// As many connections must have followed, and of what they brought so much and a third must have gone up (of tunnels that
/// were measured two thirds and more had).
const FOLLOWED_LEAST: u64 = 5;
const RETURNED_LEAST: u64 = 3;
/// Of so many of them it must be known what they sent, and of two thirds it must have come down meanwhile: whoever sits at the far
/// end of a tunnel says what is sent. A crawler that goes on when its page is stored, or a device that is told to ask somebody, says
/// it itself.
const SAID_LEAST: u64 = 3;
/// So many times likelier as the tunnel's a connection is paired with it.
const LIKELIER: f64 = 2.0;

/// A far end that the host dialled, and what speaks for its being the cause of the host's other connections.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its place among the host's in the order in which an opening might first have followed them, by the second in which it
    /// was: its weight is fixed by this before what counts, which is the moment within that second.
    pub rank: Option<u32>,
    /// The last connections to it.
    connections: VecDeque<Leg>,
    train: Train,
    evidence: Evidence,
    /// When something was last seen of it.
    last: Nanos,
    /// Outbound legs with payload whose total became known meanwhile.
    pub sessions: u64,
    /// Outbound legs that were opened meanwhile, and how many of them at once after something had come down.
    pub followed: (u64, u64),
    /// What arrived on those, and how much of it went up at once in about its size.
    pub returned: (u64, u64),
    /// Those of them of which it is known what they sent, and how many of these no more than had come down meanwhile.
    pub told: (u64, u64),
    /// Natural logarithm of the largest ratio so far, as it is weighed.
    pub largest: Option<f64>,
    /// When it was enough.
    pub conviction: Option<Conviction>,
}

/// What is looked at when the runs around it are known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Due {
    Opened { id: RecordId, peer: IpAddr, at: Nanos },
    Asked { id: RecordId, peer: IpAddr, run: Run },
    Arrived { id: RecordId, peer: IpAddr },
    Ended(Leg),
}

/// The far ends of a host, and what waits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tunnels {
    ends: BTreeMap<Endpoint, Candidate>,
    ranks: u32,
    waiting: VecDeque<(Nanos, Due)>,
    causes: HashMap<RecordId, Vec<Cause>>,
    /// What has arrived on connections and waits for its turn, the earliest first.
    arrivals: HashMap<RecordId, VecDeque<Run>>,
    /// When a name was asked for, and when that was answered.
    lookups: VecDeque<(Nanos, Nanos)>,
    /// When a far end last made room for another.
    let_go: Option<Nanos>,
    /// Far ends, openings and runs that were left out because there were too many.
    pub dropped: u64,
}

impl Tunnels {
    /// The far ends that the evidence is enough against, strongest first.
    #[must_use]
    pub fn convicted(&self, enough: f64) -> Vec<(Endpoint, &Candidate)> {
        let strength = |candidate: &Candidate| candidate.largest.unwrap_or(f64::NEG_INFINITY);
        let guilty = |candidate: &Candidate| candidate.conviction.is_some() && strength(candidate) >= enough;
        let mut found: Vec<_> = self.ends().filter(|(_, candidate)| guilty(candidate)).collect();
        found.sort_by(|a, b| strength(b.1).total_cmp(&strength(a.1)).then(a.0.cmp(&b.0)));
        found
    }

    /// All that are tested.
    pub(crate) fn ends(&self) -> impl Iterator<Item = (Endpoint, &Candidate)> {
        self.ends.iter().map(|(&far, candidate)| (far, candidate))
    }

    /// Whether there is anything that a connection of the host may be held against.
    pub(crate) fn is_idle(&self) -> bool {
        self.ends.is_empty()
    }

    /// The host asked for a name.
    pub(crate) fn looked_up(&mut self, asked: Nanos, answered: Nanos) {
        if self.is_idle() {
            return;
        }
        if self.lookups.len() >= LOOKUPS {
            self.lookups.pop_front();
        }
        self.lookups.push_back((asked, answered));
    }

    /// The host opened a connection, which is known `now`.
    pub(crate) fn opened(&mut self, leg: &Leg, now: Nanos, settle: i64) {
        if self.is_idle() {
            return;
        }
        // What follows the tunnel at once is then the look-up, and the opening follows its answer.
        let answer =
            |&&(_, answered): &&(Nanos, Nanos)| answered <= leg.start.at && leg.start.at <= answered.plus(AFTER_LOOKUP);
        let at = self.lookups.iter().rev().find(answer).map_or(leg.start.at, |&(asked, _)| asked);
        self.wait(now.plus(settle), Due::Opened { id: leg.id, peer: leg.peer.addr, at });
    }

    /// Payload went one way on connection `leg` of the host.
    pub(crate) fn burst(&mut self, leg: &Leg, burst: &Burst, now: Nanos, settle: i64) {
        let run = Run::of(burst);
        let long = run.last.since(leg.start.at) >= LONG_LIVED;
        if long && !self.ends.contains_key(&leg.peer) {
            // All that passes since it is so old is told, and was taken unless its far end was let go of meanwhile.
            let old = leg.start.at.plus(LONG_LIVED);
            let since = if self.let_go.is_some_and(|at| old <= at) { run.first } else { old.min(run.first) };
            self.consider(leg.peer, since, now);
        }
        if let Some(candidate) = self.ends.get_mut(&leg.peer) {
            candidate.remember(leg);
            candidate.train.take(burst.from, run, now);
            candidate.last = now;
        }
        let others = self.ends.len() > usize::from(self.ends.contains_key(&leg.peer));
        if !others {
            return;
        }
        let due = now.plus(settle);
        match burst.from {
            Side::Orig => _ = self.wait(due, Due::Asked { id: leg.id, peer: leg.peer.addr, run }),
            Side::Resp => {
                if let Some(asked) = &burst.asked {
                    self.wait(due, Due::Asked { id: leg.id, peer: leg.peer.addr, run: Run::asked(asked) });
                }
                self.arrived(leg, run, due);
            }
        }
    }

    fn arrived(&mut self, leg: &Leg, run: Run, due: Nanos) {
        let arrivals = self.arrivals.entry(leg.id).or_default();
        if let Some(last) = arrivals.back_mut()
            && run.first.since(last.last) <= PAUSE
            && run.last.since(last.first) <= LASTS
        {
            last.last = last.last.max(run.last);
            last.bytes = last.bytes.saturating_add(run.bytes);
            return;
        }
        arrivals.push_back(run);
        if !self.wait(due, Due::Arrived { id: leg.id, peer: leg.peer.addr }) {
            self.arrivals.remove(&leg.id);
        }
    }

    /// What arrived on a connection, the earliest that has not had its turn.
    fn next_arrival(&mut self, id: RecordId) -> Option<Run> {
        let arrivals = self.arrivals.get_mut(&id)?;
        let run = arrivals.pop_front();
        if arrivals.is_empty() {
            self.arrivals.remove(&id);
        }
        run
    }

    /// A connection of the host is over.
    pub(crate) fn ended(&mut self, leg: &Leg, now: Nanos, settle: i64) {
        if self.is_idle() {
            return;
        }
        if leg.opened.is_none() {
            // Nobody answered.
            self.opened(leg, now, settle);
        }
        for candidate in self.ends.values_mut() {
            candidate.sessions += u64::from(leg.has_payload());
        }
        if let Some(candidate) = self.ends.get_mut(&leg.peer)
            && let Some(own) = candidate.connections.iter_mut().find(|own| own.id == leg.id)
        {
            *own = *leg;
        }
        if !self.wait(now.plus(settle), Due::Ended(*leg)) {
            self.forget(leg.id);
        }
    }

    /// A connection of the host whose end will not be told, or not be looked at.
    pub(crate) fn forget(&mut self, id: RecordId) {
        self.causes.remove(&id);
    }

    /// Lets go of what nothing that comes from `now` on can be held against.
    pub(crate) fn rest(&mut self, ctx: &mut Context<'_>, now: Nanos, sink: &mut impl Sink) {
        self.settle(ctx, now, sink);
        self.lookups = VecDeque::new();
        self.ends.values_mut().for_each(|candidate| candidate.train.rest(now));
    }

    /// Whether there was room.
    fn wait(&mut self, due: Nanos, what: Due) -> bool {
        let room = self.waiting.len() < WAITING;
        if room {
            self.waiting.push_back((due, what));
        } else {
            self.dropped += 1;
        }
        room
    }

    /// Takes up a far end. Where there are too many the one that was silent longest makes room.
    fn consider(&mut self, far: Endpoint, since: Nanos, now: Nanos) {
        if self.ends.len() >= ENDS {
            let innocent = self.ends.iter().filter(|(_, candidate)| candidate.conviction.is_none());
            let silent = innocent.min_by_key(|(far, candidate)| (candidate.last, **far)).map(|(&far, _)| far);
            let Some(silent) = silent else { return };
            let evidence = self.ends.remove(&silent).map(|candidate| candidate.evidence.log_ratio());
            self.dropped += u64::from(evidence.is_some_and(|log| log > 0.0));
            self.let_go = Some(now);
            // What it was the cause of says nothing of a later one of the same name.
            self.causes.values_mut().for_each(|causes| causes.retain(|cause| cause.far != silent));
        }
        self.ends.insert(far, Candidate::new(since));
    }

    /// Takes what is due before `now`.
    #[inline]
    pub(crate) fn settle(&mut self, ctx: &mut Context<'_>, now: Nanos, sink: &mut impl Sink) {
        if !self.waiting.is_empty() {
            self.settle_due(ctx, now, sink);
        }
    }

    fn settle_due(&mut self, ctx: &mut Context<'_>, now: Nanos, sink: &mut impl Sink) {
        while let Some(&(due, what)) = self.waiting.front() {
            if due >= now && now != Nanos::MAX {
                return;
            }
            self.waiting.pop_front();
            let day = ctx.days.of(due);
            match what {
                Due::Opened { id, peer, at } => self.take_opening(id, peer, at, (due, day), ctx.config),
                Due::Asked { id, peer, run } => self.take_asked(id, peer, run, (due, day), ctx.config),
                Due::Arrived { id, peer } => self.take_arrival(id, peer, (due, day), ctx.config),
                Due::Ended(leg) => self.pair(ctx, &leg, due, sink),
            }
        }
    }

    fn take_opening(&mut self, id: RecordId, peer: IpAddr, at: Nanos, (due, day): (Nanos, i32), config: &Config) {
        let mut causes = Vec::new();
        for (&far, candidate) in self.ends.iter_mut().filter(|(far, _)| far.addr != peer) {
            let Some(factor) = follows(&candidate.train, at, due) else { continue };
            if candidate.rank.is_none() && factor.might {
                self.ranks += 1;
                candidate.rank = Some(self.ranks);
            }
            if candidate.rank.is_some() {
                candidate.evidence.opening(factor, day);
                candidate.followed.0 += 1;
                candidate.followed.1 += u64::from(factor.fits);
                candidate.weigh(due, config);
            }
            if factor.fits && causes.len() < CAUSES {
                let before = candidate.train.came_before(at.plus(-LONGEST_REACH));
                let cause = Cause::by_arrivals(far, likelier(factor.ratio));
                causes.push(Cause { followed: true, before, ..cause });
            }
        }
        if causes.is_empty() {
            return;
        }
        if self.causes.len() >= WAITING {
            self.dropped += 1;
        } else {
            self.causes.insert(id, causes);
        }
    }

    fn take_asked(&mut self, id: RecordId, peer: IpAddr, run: Run, (due, day): (Nanos, i32), config: &Config) {
        let causes = self.causes.get_mut(&id).into_iter().flatten().filter(|cause| cause.followed);
        for cause in causes {
            let Some(candidate) = self.ends.get_mut(&cause.far) else { continue };
            cause.sent += u64::from(run.bytes);
            if let Some(ratio) = asked(&candidate.train, run, due) {
                cause.log += comes(ratio);
                candidate.evidence.asked(ratio, (&mut cause.worth, day));
                let came = candidate.train.came_before(run.last).saturating_sub(cause.before);
                candidate.tell(&mut cause.told, cause.sent <= came);
                candidate.weigh(due, config);
            }
        }
        self.note_asked(id, peer, run, due);
    }

    /// What was asked on a connection that did not follow: what opened it may have been late, and it serves pairs alone.
    fn note_asked(&mut self, id: RecordId, peer: IpAddr, run: Run, due: Nanos) {
        let room = self.causes.len() < WAITING;
        let others = self.ends.iter().filter(|(far, candidate)| far.addr != peer && !candidate.train.is_silent(due));
        for (&far, candidate) in others {
            let cause = self.causes.get_mut(&id).and_then(|causes| causes.iter_mut().find(|cause| cause.far == far));
            if cause.as_ref().is_some_and(|cause| cause.followed) {
                continue;
            }
            let Some(ratio) = asked(&candidate.train, run, due) else { continue };
            if let Some(cause) = cause {
                cause.log += comes(ratio);
            } else if ratio > 0.0 && room {
                let causes = self.causes.entry(id).or_default();
                if causes.len() < CAUSES {
                    causes.push(Cause::by_arrivals(far, likelier(0.0) + comes(ratio)));
                }
            }
        }
    }

    fn take_arrival(&mut self, id: RecordId, peer: IpAddr, (due, day): (Nanos, i32), config: &Config) {
        let Some(run) = self.next_arrival(id) else { return };
        let room = self.causes.len() < WAITING;
        let others =
            self.ends.iter_mut().filter(|(far, candidate)| far.addr != peer && !candidate.train.is_silent(due));
        for (&far, candidate) in others {
            let cause = self.causes.get_mut(&id).and_then(|causes| causes.iter_mut().find(|cause| cause.far == far));
            let Some(cause) = cause else {
                let arrival = candidate.evidence.arrival(&candidate.train, run, due, None);
                if let Some(arrival) = arrival.filter(|arrival| arrival.fits && room) {
                    let log = likelier(0.0) + arrival.likelier.ln();
                    let causes = self.causes.entry(id).or_default();
                    if causes.len() < CAUSES {
                        causes.push(Cause::by_arrivals(far, log));
                    }
                }
                continue;
            };
            let counted = cause.followed.then_some((&mut cause.worth, day));
            let Some(arrival) = candidate.evidence.arrival(&candidate.train, run, due, counted) else { continue };
            cause.log += arrival.likelier.ln();
            if cause.followed {
                candidate.returned.0 += 1;
                candidate.returned.1 += u64::from(arrival.fits);
                candidate.weigh(due, config);
            }
        }
    }

    /// A connection is over, and so is what can be said of its cause.
    fn pair(&mut self, ctx: &Context<'_>, leg: &Leg, due: Nanos, sink: &mut impl Sink) {
        let causes = self.causes.remove(&leg.id).unwrap_or_default();
        for cause in causes.iter().filter(|cause| cause.followed) {
            if let Some(candidate) = self.ends.get_mut(&cause.far) {
                candidate.over(leg, *cause, due, ctx.config);
            }
        }
        if self.ends.get(&leg.peer).is_some_and(Candidate::is_over) {
            self.ends.remove(&leg.peer);
        }
        let likeliest = causes.iter().filter(|cause| cause.log >= LIKELIER.ln()).max_by(|a, b| a.log.total_cmp(&b.log));
        let Some(far) = likeliest.map(|cause| cause.far) else { return };
        let Some(tunnel) = self.ends.get(&far).and_then(|candidate| candidate.connection_at(leg)) else { return };
        sink.pair(LegPair {
            host: ctx.host,
            sensor: ctx.sensor,
            topology: Topology::Backconnect,
            port: far.port,
            authorised: ctx.config.covers_tunnel(ctx.host.addr(), far),
            key: due,
            basis: if leg.has_payload() { Basis::Bytes } else { Basis::Order },
            clear: true,
            inbound: tunnel,
            outbound: *leg,
        });
    }
}

impl Candidate {
    fn new(since: Nanos) -> Self {
        Self {
            rank: None,
            connections: VecDeque::new(),
            train: Train::from(since),
            evidence: Evidence::default(),
            last: since,
            sessions: 0,
            followed: (0, 0),
            returned: (0, 0),
            told: (0, 0),
            largest: None,
            conviction: None,
        }
    }

    fn remember(&mut self, leg: &Leg) {
        if self.connections.iter().any(|own| own.id == leg.id) {
            return;
        }
        if self.connections.len() >= CONNECTIONS {
            self.connections.pop_front();
        }
        self.connections.push_back(*leg);
    }

    /// The connection to it that was opened last before `leg`, of those that were open then.
    fn connection_at(&self, leg: &Leg) -> Option<Leg> {
        let open = |own: &&Leg| own.opened_before(leg) && own.open_at_start_of(leg, 0);
        self.connections.iter().filter(open).max_by_key(|own| (own.start.at, own.id)).copied()
    }

    /// Whether no connection to it is open, and nothing has followed it.
    fn is_over(&self) -> bool {
        self.rank.is_none() && self.connections.iter().all(|own| own.end.is_some())
    }

    /// A connection that followed is over.
    fn over(&mut self, leg: &Leg, mut cause: Cause, now: Nanos, config: &Config) {
        let Some((end, size)) = leg.end.zip(leg.size()) else { return };
        if !size.directed || !self.train.knows_from(end.at, now) {
            return;
        }
        let came = self.train.came_before(end.at).saturating_sub(cause.before);
        self.tell(&mut cause.told, size.up.max(0).unsigned_abs() <= came);
        self.weigh(now, config);
    }

    /// What a connection sent so far had come down, or had not; once more than that it is more to its end.
    fn tell(&mut self, told: &mut Option<bool>, came: bool) {
        match *told {
            None => {
                self.told.0 += 1;
                self.told.1 += u64::from(came);
            }
            Some(true) if !came => self.told.1 = self.told.1.saturating_sub(1),
            Some(_) => return,
        }
        *told = Some(came);
    }

    fn weigh(&mut self, now: Nanos, config: &Config) {
        let rank = f64::from(self.rank.unwrap_or(u32::MAX));
        let log = self.evidence.log_ratio() + SHARE.ln() - (rank * (rank + 1.0)).ln();
        raise(&mut self.largest, log);
        let (followed, (arrived, returned), (known, told)) = (self.followed.1, self.returned, self.told);
        let says = known >= SAID_LEAST && 3 * told >= 2 * known;
        let returns = returned >= RETURNED_LEAST && 3 * returned >= arrived;
        let as_a_rule = followed >= FOLLOWED_LEAST && returns && says;
        if self.conviction.is_none() && log >= -config.alpha.ln() && as_a_rule {
            // Those that were opened are known, though their totals may not be yet.
            self.conviction = Some(Conviction { at: now, sessions: self.sessions.max(followed) });
        }
    }
}
