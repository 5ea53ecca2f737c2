//! One port of a host, and whether what comes in there is carried on.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use catspaw_records::{AppProto, Nanos};
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::copies::Letters;
use crate::design::{BEYOND_ENOUGH, Beyond};
use crate::exchange::Recent;
use crate::histogram::Histogram;
use crate::inbound::InboundLegs;
use crate::leg::{Leg, Size};
use crate::mail::LETTER;
use crate::pairing::Model;
use crate::proof::Proofs;
use crate::rare::Rare;
use crate::test::{Candidate, Gap, Inbound, Test, raise};

/// Inbound legs that are weighed for one outbound leg: those opened last before it.
const CANDIDATES: usize = 64;
/// Shifts in time of the second look, nanoseconds: the outbound legs are moved this much earlier, so that what they
/// still fit is coincidence. Primes, so that no beat of the traffic hits several.
const SHIFTS: [i64; 3] = [61 * Nanos::SECOND, 127 * Nanos::SECOND, 251 * Nanos::SECOND];
/// A mail server hands on within this, or it is not looked for.
pub(crate) const LONGEST_QUEUE: i64 = 300 * Nanos::SECOND;
/// From this ratio on (natural logarithm) pairs are made as those of a mail server.
const QUEUES: f64 = 4.6;
/// One in so many of the mails that it may have handed on must have gone out after its client had gone.
const HANDED_ON_AFTER: u64 = 5;
/// A relay that reaches inwards calls so many hosts inside for one client.
const REACHED_LEAST: usize = 8;
/// Clients of a service for whom that is noted.
const CLIENTS: usize = 1024;
/// The key by which legs are ordered: opening, then the order in which the fold met them.
pub(crate) type Key = (Nanos, u64);

/// The moment at which the evidence was enough.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conviction {
    /// When, in the time of the merge.
    pub at: Nanos,
    /// Inbound legs with payload whose totals were known by then.
    pub sessions: u64,
}

/// How a service may carry on what comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Hypothesis {
    /// While the client is connected.
    AtOnce,
    /// Mail, which may be handed on after the client has gone.
    StoreAndForward,
    /// While the client is connected, to hosts inside.
    Inward,
}

impl Hypothesis {
    /// Its share of the error that the owner allows, fixed before any data; what is left is direct spam's
    /// ([`crate::spam::SHARE`]).
    #[must_use]
    pub fn share(self) -> f64 {
        match self {
            Self::AtOnce => 0.71,
            Self::StoreAndForward => 0.09,
            Self::Inward => 0.02,
        }
    }
}

/// The test of a service and its second look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tests {
    /// What is tested.
    pub hypothesis: Hypothesis,
    test: Test,
    shifted: [Test; SHIFTS.len()],
    /// What is left of the evidence without what the service's design explains.
    beyond: Beyond,
    /// Of stored mail: what went out last.
    letters: Rare<Letters>,
    /// The largest natural logarithm of the ratio so far.
    pub largest: Option<f64>,
    /// The largest that a shifted copy reached.
    pub largest_shifted: Option<f64>,
    /// Outbound legs that entered.
    pub taken: u64,
    /// When it was enough.
    pub conviction: Option<Conviction>,
}

/// One port that inbound legs with payload came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// The port.
    pub port: u16,
    /// Its place among the host's services, from 1: its weight is fixed by this before its own data.
    pub rank: u32,
    /// Inbound legs that are not final.
    pub(crate) legs: InboundLegs,
    /// Inbound legs with payload whose total is known.
    pub sessions: u64,
    /// The last of them.
    pub(crate) recent: Recent,
    /// What its pairs have in common.
    pub(crate) model: Model,
    /// The test of what no declared relay covers, and of what one covers.
    pub tests: [Option<Box<Tests>>; 2],
    /// The same for mail that is handed on after it was taken in.
    pub mail: [Option<Box<Tests>>; 2],
    /// The test of what goes to hosts inside and is not declared.
    pub inward: Option<Box<Tests>>,
    /// What was seen to be carried on: of what no declared relay covers, and of what one covers.
    pub proofs: [Proofs; 2],
    /// Inbound legs by the protocol in which their clients asked for something and the host played along.
    pub spoken: BTreeMap<AppProto, u64>,
    /// Whether a request in origin form was handed on as it came.
    pub(crate) hands_pages_on: bool,
    /// Mail sent that may hand on what came in, and how much of it when no client was there any more.
    handed_on: (u64, u64),
    /// Hosts inside that were called while a client was connected, by the client that came last.
    reached: BTreeMap<IpAddr, BTreeSet<IpAddr>>,
}

/// An outbound leg whose turn it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due<'a> {
    /// The leg.
    pub(crate) leg: &'a Leg,
    /// What it carried.
    pub(crate) size: Size,
    /// Sizes of the host's inbound legs.
    pub(crate) inbound: &'a Histogram,
    /// Of mail: the first ports of the host that seem to have sent it.
    pub(crate) passed: [Option<u16>; 2],
    /// Civil day of the moment at which its total was known.
    pub(crate) day: i32,
    /// The moment of the merge.
    pub(crate) now: Nanos,
}

impl Tests {
    fn of(hypothesis: Hypothesis) -> Self {
        let new = || match hypothesis {
            Hypothesis::AtOnce | Hypothesis::Inward => Test::default(),
            Hypothesis::StoreAndForward => Test::of_queue(),
        };
        Self {
            hypothesis,
            test: new(),
            shifted: std::array::from_fn(|_| new()),
            beyond: Beyond::default(),
            letters: Rare::default(),
            largest: None,
            largest_shifted: None,
            taken: 0,
            conviction: None,
        }
    }

    /// Takes one outbound leg with the inbound legs at `port` that may have caused it, and with those that might have if it had been
    /// opened earlier.
    fn take(
        &mut self,
        port: u16,
        due: Due<'_>,
        (candidates, shifted): (&[Candidate], &[Vec<Candidate>]),
        inbound: Inbound<'_>,
    ) {
        let resolution = i64::from(due.leg.start.resolution);
        let stored = self.hypothesis == Hypothesis::StoreAndForward;
        let size = if stored { due.size.upload() } else { due.size };
        let place = stored.then(|| self.letters.make().place(due.leg, size));
        for (test, candidates) in self.shifted.iter_mut().zip(shifted).filter(|(_, candidates)| !candidates.is_empty())
        {
            test.take((size, place.as_ref()), resolution, candidates, inbound, due.day);
            raise(&mut self.largest_shifted, test.log_ratio());
        }
        if !candidates.is_empty() {
            if let Some(factors) = self.test.take((size, place.as_ref()), resolution, candidates, inbound, due.day) {
                self.taken += 1;
                let peer = due.leg.peer;
                // What reaches inwards is judged by how many are reached.
                if self.hypothesis != Hypothesis::Inward {
                    self.beyond.take(port, (peer.addr, peer.port), factors, due.day);
                }
            }
            raise(&mut self.largest, self.test.log_ratio());
        }
        if stored {
            self.letters.make().keep(due.leg, size);
        }
    }

    /// Whether the ratio is now large enough for a weight whose natural logarithm is `log_weight`, and larger than coincidence
    /// ever made it.
    fn are_enough(&self, log_weight: f64, alpha: f64) -> bool {
        let Some(ratio) = self.latest() else { return false };
        ratio + log_weight >= -alpha.ln() && self.largest_shifted.is_none_or(|shifted| ratio > shifted)
    }

    /// The differences between inbound and outbound legs that it has seen most often, up and down (in `up` alone where there are
    /// only totals), and their shares.
    #[must_use]
    pub fn overheads(&self) -> Vec<((i64, i64), f64)> {
        self.test.overheads().modes(8)
    }

    /// Natural logarithm of the ratio now.
    #[must_use]
    pub fn latest(&self) -> Option<f64> {
        (self.taken > 0).then(|| self.test.log_ratio())
    }
}

impl Service {
    /// A service that has just shown its first payload.
    pub(crate) fn new(port: u16, rank: u32, legs: InboundLegs) -> Self {
        Self {
            port,
            rank,
            legs,
            sessions: 0,
            recent: Recent::default(),
            model: Model::default(),
            tests: [None, None],
            mail: [None, None],
            inward: None,
            proofs: Default::default(),
            spoken: BTreeMap::new(),
            hands_pages_on: false,
            handed_on: (0, 0),
            reached: BTreeMap::new(),
        }
    }

    /// When what was said on its legs was enough, without any statistics.
    #[must_use]
    pub fn proven(&self, authorised: bool) -> Option<Conviction> {
        self.proofs[usize::from(authorised)].conviction
    }

    /// Whether it is a web server's, though it may call others for what it serves: most of its clients ask in HTTP for pages of its
    /// own, or such a request was handed on, which a proxy has no target for.
    #[must_use]
    pub fn serves_pages(&self) -> bool {
        let pages = self.spoken.get(&AppProto::Http).copied().unwrap_or(0);
        self.hands_pages_on || 2 * pages > self.spoken.values().sum::<u64>()
    }

    /// Natural logarithm of its weight among the host's services: 1/(k(k+1)) for the k-th.
    #[must_use]
    pub fn log_weight(&self) -> f64 {
        let k = f64::from(self.rank);
        -(k * (k + 1.0)).ln()
    }

    /// Its tests of what no declared relay covers, or of what one covers.
    pub fn tried(&self, authorised: bool) -> impl Iterator<Item = &Tests> {
        let slot = usize::from(authorised);
        let inward = self.inward.as_ref().filter(|_| !authorised && self.most_reached() >= REACHED_LEAST);
        [self.tests[slot].as_ref(), self.mail[slot].as_ref(), inward].into_iter().flatten().map(|tests| &**tests)
    }

    /// The most hosts inside that were called for one client. One or a few are what a reverse proxy or a load balancer
    /// calls.
    #[must_use]
    pub fn most_reached(&self) -> usize {
        self.reached.values().map(BTreeSet::len).max().unwrap_or(0)
    }

    /// Natural logarithms of its tests' largest ratios, with the weights that they have among all that is tried on the
    /// host.
    pub fn weighed(&self, authorised: bool) -> impl Iterator<Item = (&Tests, f64)> {
        let weight = self.log_weight();
        self.tried(authorised).filter_map(move |t| Some((t, t.largest? + weight + t.hypothesis.share().ln())))
    }

    /// Whether what convicted it is enough without the legs that its design explains: those to the few addresses that it always calls
    /// ([`FIXED_TARGETS`](crate::FIXED_TARGETS)), and, where its `port_explains` them, mail that goes on as mail or DNS to DNS.
    #[must_use]
    pub fn exceeds_design(&self, authorised: bool, port_explains: bool) -> bool {
        let convicted = self.tried(authorised).filter(|tests| tests.conviction.is_some());
        convicted.filter_map(|tests| tests.beyond.largest(port_explains)).any(|largest| largest >= BEYOND_ENOUGH)
    }

    /// Whether nothing shows that it carries on anything but mail, which it stores.
    #[must_use]
    pub fn carries_only_mail(&self, authorised: bool) -> bool {
        let convicted = |tests: &Option<Box<Tests>>| tests.as_ref().is_some_and(|tests| tests.conviction.is_some());
        let slot = usize::from(authorised);
        convicted(&self.mail[slot])
            && !convicted(&self.tests[slot])
            && !convicted(&self.inward)
            && self.proven(authorised).is_none()
    }

    /// Share of its pairs whose outbound leg has the client's source port.
    #[must_use]
    pub fn same_ports(&self) -> f64 {
        self.model.same_ports()
    }

    /// Whether what it takes in is mail that it hands on when it pleases, as far as can be told: nothing that is decided by
    /// it convicts anybody.
    pub(crate) fn queues(&self) -> bool {
        if self.spoken.contains_key(&AppProto::Smtp) {
            return true;
        }
        let (all, after) = self.handed_on;
        // Whoever is only passed through is there as long as what he sends; mail that is handed on within a second or so
        // follows at once as well, and then it is the clients that have gone which tell.
        self.may_queue() && (best(&self.mail) > best(&self.tests) || after * HANDED_ON_AFTER >= all)
    }

    /// Whether what it takes in may be such mail.
    pub(crate) fn may_queue(&self) -> bool {
        self.spoken.contains_key(&AppProto::Smtp) || best(&self.mail) > QUEUES
    }

    /// Notes whether the mail that is sent may hand on what came in, and whether only what came from clients that have gone.
    fn note_mail(&mut self, leg: &Leg, passed_elsewhere: bool) {
        let open = self.is_open_for(leg);
        if !open && passed_elsewhere {
            return;
        }
        let stored = open || self.may_explain(leg);
        self.handed_on.0 += u64::from(stored);
        self.handed_on.1 += u64::from(stored && !open);
    }

    /// Whether one of its clients was there when `leg` was opened.
    pub(crate) fn is_open_for(&self, leg: &Leg) -> bool {
        self.before(leg, 0, 0).any(|(_, inbound)| could_cause(inbound, leg, 0))
    }

    /// Whether its tests speak for its having sent this: with a client there where it carries on at once, and up to some minutes later
    /// where it stores.
    pub(crate) fn seems_to_cause(&self, leg: &Leg) -> bool {
        let (at_once, stored) = (best(&self.tests), best(&self.mail));
        at_once.max(stored) > QUEUES && if at_once >= stored { self.is_open_for(leg) } else { self.may_explain(leg) }
    }

    /// Whether one of its inbound legs may be why `leg` was opened, at once or some minutes later.
    pub(crate) fn may_explain(&self, leg: &Leg) -> bool {
        self.before(leg, 0, LONGEST_QUEUE).any(|(_, inbound)| could_be_stored(inbound, leg, 0))
    }

    /// The inbound legs that were opened last before an outbound one, moved by `shift`, and that were over no more than
    /// `over` nanoseconds before it; the latest first.
    fn before(&self, leg: &Leg, shift: i64, over: i64) -> impl Iterator<Item = (&Key, &Leg)> {
        self.legs.opened_before(leg.start_latest().plus(shift), leg.start.at.plus(shift).plus(-over))
    }

    /// Takes one outbound leg into all tests.
    pub(crate) fn take(&mut self, due: Due<'_>, config: &Config) {
        if due.leg.inward {
            self.reach(&due, config);
            return self.take_into(Hypothesis::Inward, false, due, config);
        }
        if due.leg.smtp {
            self.note_mail(due.leg, due.passed.iter().flatten().any(|port| *port != self.port));
        }
        for authorised in [false, true] {
            if authorised && !config.declares(due.leg.own.addr) {
                continue;
            }
            self.take_into(Hypothesis::AtOnce, authorised, due, config);
            // Where nothing was handed over, nothing is told of what came in.
            if due.leg.smtp && due.size.total() >= LETTER && !self.is_decided(authorised) {
                self.take_into(Hypothesis::StoreAndForward, authorised, due, config);
            }
        }
    }

    /// Whether it is convicted of carrying on at once, and better so than of storing: then the weaker hypothesis is not
    /// followed any more.
    fn is_decided(&self, authorised: bool) -> bool {
        let slot = usize::from(authorised);
        let (Some(at_once), stored) = (self.tests[slot].as_deref(), self.mail[slot].as_deref()) else { return false };
        at_once.conviction.is_some() && stored.and_then(Tests::latest) < at_once.latest()
    }

    /// Notes which host inside was called, and for whom it may have been.
    fn reach(&mut self, due: &Due<'_>, config: &Config) {
        let client = self.before(due.leg, 0, 0).map(|(_, inbound)| inbound).find(|inbound| {
            let declared = config.covers(inbound.own, inbound.peer.addr, due.leg.peer.addr);
            could_cause(inbound, due.leg, 0) && !declared
        });
        let Some(client) = client.map(|inbound| inbound.peer.addr) else { return };
        if self.reached.len() < CLIENTS || self.reached.contains_key(&client) {
            let hosts = self.reached.entry(client).or_default();
            if hosts.len() < REACHED_LEAST {
                hosts.insert(due.leg.peer.addr);
            }
        }
    }

    fn slot(&mut self, hypothesis: Hypothesis, authorised: bool) -> &mut Option<Box<Tests>> {
        match hypothesis {
            Hypothesis::AtOnce => &mut self.tests[usize::from(authorised)],
            Hypothesis::StoreAndForward => &mut self.mail[usize::from(authorised)],
            Hypothesis::Inward => &mut self.inward,
        }
    }

    fn take_into(&mut self, hypothesis: Hypothesis, authorised: bool, due: Due<'_>, config: &Config) {
        let candidates = self.candidates(hypothesis, authorised, due, 0, config);
        if candidates.is_empty() && self.slot(hypothesis, authorised).is_none() {
            return;
        }
        let shifted: Vec<_> =
            SHIFTS.iter().map(|&shift| self.candidates(hypothesis, authorised, due, -shift, config)).collect();
        let (log_weight, sessions, port) = (self.log_weight() + hypothesis.share().ln(), self.sessions, self.port);
        let recent = std::mem::take(&mut self.recent);
        let inbound = Inbound { sizes: due.inbound, recent: &recent };
        let tests = self.slot(hypothesis, authorised).get_or_insert_with(|| Box::new(Tests::of(hypothesis)));
        tests.take(port, due, (&candidates, &shifted), inbound);
        if tests.conviction.is_none() && tests.are_enough(log_weight, config.alpha) {
            tests.conviction = Some(Conviction { at: due.now, sessions });
        }
        self.recent = recent;
    }

    /// The inbound legs that may have caused `due`, moved by `shift`, the latest first.
    fn candidates(
        &self,
        hypothesis: Hypothesis,
        authorised: bool,
        due: Due<'_>,
        shift: i64,
        config: &Config,
    ) -> Vec<Candidate> {
        let queued = hypothesis == Hypothesis::StoreAndForward;
        let declared = config.declares(due.leg.own.addr);
        self.before(due.leg, shift, if queued { LONGEST_QUEUE } else { 0 })
            .filter(|(_, inbound)| match hypothesis {
                Hypothesis::AtOnce | Hypothesis::Inward => could_cause(inbound, due.leg, shift),
                Hypothesis::StoreAndForward => could_be_stored(inbound, due.leg, shift),
            })
            .filter(|(_, inbound)| {
                !declared || config.covers(inbound.own, inbound.peer.addr, due.leg.peer.addr) == authorised
            })
            .take(CANDIDATES)
            .map(|(&key, inbound)| Candidate {
                key,
                lag: if queued { queued_for(inbound, due.leg, shift) } else { inbound.lag_to(due.leg, shift) },
                gap: if queued { Gap::Timer } else { gap(inbound, due.leg, shift) },
                size: if queued { inbound.size().map(Size::upload) } else { inbound.size() },
            })
            .collect()
    }

    /// The overheads that its test has learned: that of mail where it `stores` what it hands on.
    pub(crate) fn starting_model(&self, stores: bool) -> Model {
        let tests = if stores { &self.mail } else { &self.tests };
        let test = tests.iter().flatten().max_by_key(|tests| tests.taken);
        match test {
            Some(tests) => self.model.clone().with_overheads(tests.test.overheads()),
            None => self.model.clone(),
        }
    }
}

/// The natural logarithm of the largest ratio now.
fn best(tests: &[Option<Box<Tests>>; 2]) -> f64 {
    tests.iter().flatten().filter_map(|tests| tests.latest()).fold(f64::NEG_INFINITY, f64::max)
}

/// Whether the inbound leg may have caused the outbound one, moved by `shift`: it was open, and it is not the same
/// party at both ends.
pub(crate) fn could_cause(inbound: &Leg, outbound: &Leg, shift: i64) -> bool {
    inbound.peer.addr != outbound.peer.addr
        && (shift != 0 || inbound.opened_before(outbound))
        && inbound.open_at_start_of(outbound, shift)
}

/// Whether the outbound leg, moved by `shift`, may hand on mail that the inbound one brought.
pub(crate) fn could_be_stored(inbound: &Leg, outbound: &Leg, shift: i64) -> bool {
    inbound.peer.addr != outbound.peer.addr
        && (shift != 0 || inbound.opened_before(outbound))
        && inbound.end.is_none_or(|end| outbound.start.at.plus(shift).since(end.at) <= LONGEST_QUEUE)
}

/// Nanoseconds from the inbound leg's end to the opening of the outbound one, moved by `shift`; negative where the client
/// was still there, and 0 where it still is.
pub(crate) fn queued_for(inbound: &Leg, outbound: &Leg, shift: i64) -> i64 {
    inbound.end.map_or(0, |end| outbound.start.at.plus(shift).since(end.at))
}

fn gap(inbound: &Leg, outbound: &Leg, shift: i64) -> Gap {
    match (inbound.end, outbound.end) {
        (Some(i), Some(o)) if i.ending.is_timer() || o.ending.is_timer() => Gap::Timer,
        (Some(i), Some(o)) => Gap::Apart(o.at.plus(shift).since(i.at)),
        _ => Gap::Open,
    }
}
