//! The legs that are not final: paired again and again until their horizon has passed, then given away.

use std::collections::{BTreeMap, BTreeSet};

use catspaw_records::{Nanos, SensorId};

use crate::content::Contents;
use crate::inbound::LOOKED_AT;
use crate::leg::Leg;
use crate::mail::{LETTER, pair_mail};
use crate::outbound::OutboundLegs;
use crate::pairing::{CLEAR_MARGIN, Inbound, Match, Model, Outbound, Pairing};
use crate::service::{Key, LONGEST_QUEUE, Service, could_be_stored, could_cause};
use crate::sink::Basis;
use crate::talk::Fit;

/// Inbound legs that one outbound leg may be paired with.
const EDGES: usize = 32;
/// A service that seems to pass mail through stores it, if then one in so many letters more has a cause.
const MORE_LETTERS: usize = 10;

/// A pair that is final.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Final<'a> {
    /// Client to host.
    pub(crate) inbound: &'a Leg,
    /// Host to target.
    pub(crate) outbound: &'a Leg,
    /// Whether it is clear enough to be said.
    pub(crate) clear: bool,
    /// What shows it.
    pub(crate) basis: Basis,
}

/// What is pending, in a form that can be paired.
#[derive(Default)]
struct Pending<'a> {
    inbound: Vec<Inbound<'a>>,
    in_keys: Vec<(u16, Key)>,
    outbound: Vec<Outbound<'a>>,
    out_keys: Vec<Key>,
    /// The same of mail that a server has stored and then handed on.
    mail: Vec<Outbound<'a>>,
    mail_keys: Vec<Key>,
    /// Of `mail`, by its place in `outbound`: what may as well be passed through by a service that stores nothing.
    either: Vec<(usize, Outbound<'a>)>,
    /// Outbound legs that were seen to carry something of inbound ones on, which are named.
    linked: Vec<(Key, &'a Leg, Vec<usize>)>,
    /// Of each service, whether it stores mail.
    stores: Vec<bool>,
    /// The pairs of `outbound` and of `mail`.
    matches: Vec<Match>,
    mailed: Vec<Match>,
}

/// What was decided.
#[derive(Default)]
struct Decided {
    /// Inbound legs whose pairs were given away.
    done_in: BTreeSet<(u16, Key)>,
    /// Legs whose pairs may still change.
    kept_in: BTreeSet<(u16, Key)>,
    kept_out: BTreeSet<Key>,
    /// The models with what was given away.
    models: Vec<Model>,
}

/// Pairs what is pending of what `sensor` saw, gives away the pairs whose legs are final, and drops the legs that are.
pub(crate) fn settle(
    services: &mut BTreeMap<u16, Box<Service>>,
    (outbound, sensor): (&mut OutboundLegs, SensorId),
    contents: &Contents,
    is_final: impl Fn(Option<Nanos>) -> bool,
    give: impl FnMut(Final<'_>),
) {
    if services.is_empty() {
        // They lie in the order in which their ends became known.
        return outbound.let_go(|leg| !is_final(leg.known()));
    }
    let legs = outbound.by_key(sensor);
    let is_leg_final = |leg: &Leg| is_final(leg.end.map(|end| end.known));
    let decided = Pending::of(services, &legs, contents).decide(services, &is_leg_final, give);
    outbound.retain(|leg| decided.kept_out.contains(&leg.key()) || !is_final(leg.known()));
    for (service, model) in services.values_mut().zip(decided.models) {
        let port = service.port;
        service.model = model;
        service.legs.retain(|&key, leg| {
            let own = (port, key);
            // An outbound leg may end an hour after its inbound one (a firewall's timer): that one waits for it.
            !decided.done_in.contains(&own)
                && (decided.kept_in.contains(&own) || leg.end.is_none() || !is_leg_final(leg))
        });
    }
}

impl<'a> Pending<'a> {
    fn of(services: &'a BTreeMap<u16, Box<Service>>, outbound: &'a [(Key, Leg)], contents: &Contents) -> Self {
        let stores: Vec<bool> = services.values().map(|service| service.queues()).collect();
        let may_store: Vec<bool> = services.values().map(|service| service.may_queue()).collect();
        let by_tests = Self::paired(services, outbound, contents, stores);
        if by_tests.stores == may_store {
            return by_tests;
        }
        // A letter for several goes out on several legs, and soon enough for its client to be there still: the tests, which look at
        // one leg at a time, do not tell it from what is passed through.
        let stored = Self::paired(services, outbound, contents, may_store);
        let ((before, letters), (now, _)) = (by_tests.letters(), stored.letters());
        if now > before + letters / MORE_LETTERS { stored } else { by_tests }
    }

    /// What is pending with its pairs, if these services store mail.
    fn paired(
        services: &'a BTreeMap<u16, Box<Service>>,
        outbound: &'a [(Key, Leg)],
        contents: &Contents,
        stores: Vec<bool>,
    ) -> Self {
        let mut pending = Self { stores, ..Self::default() };
        let mut firsts = Vec::with_capacity(services.len());
        for (number, service) in services.values().enumerate() {
            firsts.push(pending.inbound.len());
            pending.in_keys.extend(service.legs.iter().map(|(&key, _)| (service.port, key)));
            pending.inbound.extend(service.legs.iter().map(|(_, leg)| Inbound { service: number, leg }));
        }
        for &(key, ref leg) in outbound {
            pending.add(services, &firsts, contents, (key, leg));
        }
        let models: Vec<Model> =
            services.values().zip(&pending.stores).map(|(service, &stores)| service.starting_model(stores)).collect();
        pending.pair(&models);
        pending.mailed = pair_mail(&pending.inbound, &pending.mail, &models);
        pending
    }

    /// Pairs what is passed through, and makes mail of what may be that and fits no client of a service that passes through.
    fn pair(&mut self, models: &[Model]) {
        if self.outbound.is_empty() {
            return;
        }
        let either = std::mem::take(&mut self.either);
        let pairing = Pairing::of(&self.inbound, &self.outbound, models);
        self.matches = pairing.matches();
        let fits = self.fitted();
        let over: BTreeMap<usize, Outbound<'a>> = either.into_iter().filter(|(at, _)| !fits.contains(at)).collect();
        if !over.is_empty() {
            let places: Vec<usize> = over.keys().copied().collect();
            self.matches = pairing.matches_without(&places);
            self.hand_over(over);
        }
    }

    /// The outbound legs whose pairs are likelier than none by what they carried.
    fn fitted(&self) -> BTreeSet<usize> {
        let fits = |m: &&Match| match self.outbound[m.outbound].leg.has_payload() {
            true => m.size_score > 0.0,
            false => m.margin >= CLEAR_MARGIN,
        };
        self.matches.iter().filter(fits).map(|m| m.outbound).collect()
    }

    /// Makes mail of outbound legs, which are in no pair, by their places.
    fn hand_over(&mut self, mut over: BTreeMap<usize, Outbound<'a>>) {
        let gone: Vec<usize> = over.keys().copied().collect();
        self.matches.iter_mut().for_each(|m| m.outbound -= gone.partition_point(|&at| at < m.outbound));
        let mut mail: Vec<_> = self.mail_keys.drain(..).zip(self.mail.drain(..)).collect();
        let outbound = std::mem::take(&mut self.out_keys).into_iter().zip(std::mem::take(&mut self.outbound));
        for (at, (key, out)) in outbound.enumerate() {
            match over.remove(&at) {
                Some(out) => mail.push((key, out)),
                None => {
                    self.out_keys.push(key);
                    self.outbound.push(out);
                }
            }
        }
        mail.sort_by_key(|(key, _)| *key);
        (self.mail_keys, self.mail) = mail.into_iter().unzip();
    }

    /// How many letters were sent that have a cause, and how many in all.
    fn letters(&self) -> (usize, usize) {
        let is_letter = |out: &&Outbound<'_>| out.leg.smtp && out.leg.size().is_some_and(|size| size.total() >= LETTER);
        let paired = |matches: &[Match], legs: &[Outbound<'_>]| {
            let legs = matches.iter().map(|m| m.outbound).collect::<BTreeSet<_>>().into_iter().map(|out| &legs[out]);
            legs.filter(is_letter).count()
        };
        let caused = paired(&self.matches, &self.outbound) + paired(&self.mailed, &self.mail);
        (caused, self.outbound.iter().chain(&self.mail).filter(is_letter).count())
    }

    /// Adds an outbound leg with the inbound legs that it may carry on. What was said goes first: a message or a request
    /// that came in and went out, then where the client asked to be connected with; only the rest is left to statistics.
    fn add(
        &mut self,
        services: &BTreeMap<u16, Box<Service>>,
        firsts: &[usize],
        contents: &Contents,
        (key, leg): (Key, &'a Leg),
    ) {
        let place = |inbound| {
            let mut of_each = services.values().zip(firsts);
            of_each.find_map(|(service, first)| Some(first + service.legs.place(&inbound).ok()?))
        };
        let linked: Vec<usize> = contents.links(key).filter_map(place).collect();
        if !linked.is_empty() {
            self.linked.push((key, leg, linked));
            return;
        }
        let at_once = self.fitting(services, firsts, contents, (key, leg), false);
        let best = at_once.iter().map(|(fit, _)| *fit).max().unwrap_or(Fit::Never);
        if best <= Fit::Addressed && leg.smtp && self.stores.contains(&true) {
            let stored = self.fitting(services, firsts, contents, (key, leg), true);
            let addressed = stored.iter().any(|(fit, _)| *fit == Fit::Addressed);
            let fit = if addressed { Fit::Addressed } else { Fit::Open };
            let mut candidates = those_that_fit(&stored, fit);
            candidates.truncate(EDGES);
            if !candidates.is_empty() {
                let before = |&at: &usize| contents.mailed_before(self.in_keys[at].1, leg);
                let handed = if contents.seen { candidates.iter().map(before).collect() } else { Vec::new() };
                let mail = Outbound { leg, candidates, handed, fit };
                let of_passing = |&at: &usize| !self.stores[self.inbound[at].service];
                let passed: Vec<usize> = those_that_fit(&at_once, best).into_iter().filter(of_passing).collect();
                if fit == Fit::Addressed || best < Fit::Open || passed.is_empty() {
                    self.mail.push(mail);
                    self.mail_keys.push(key);
                } else {
                    self.either.push((self.outbound.len(), mail));
                    self.outbound.push(Outbound { leg, candidates: passed, handed: Vec::new(), fit: best });
                    self.out_keys.push(key);
                }
                return;
            }
        }
        if best > Fit::Never {
            let candidates = those_that_fit(&at_once, best);
            let handed = match best {
                Fit::Carried => candidates.iter().map(|&at| contents.handed_over(self.in_keys[at].1, key)).collect(),
                _ => Vec::new(),
            };
            self.outbound.push(Outbound { leg, candidates, handed, fit: best });
            self.out_keys.push(key);
        }
    }

    /// The inbound legs that an outbound leg may have been caused by, and how well what was said fits: of each service those
    /// opened last before it. Of mail that was `stored`, those of services that store it, though they have ended.
    fn fitting(
        &self,
        services: &BTreeMap<u16, Box<Service>>,
        firsts: &[usize],
        contents: &Contents,
        (key, leg): (Key, &Leg),
        stored: bool,
    ) -> Vec<(Fit, usize)> {
        // Whom mail was for is known long after others have come in.
        let most = if stored && contents.seen { LOOKED_AT } else { EDGES };
        let over = if stored { LONGEST_QUEUE } else { 0 };
        let mut found = Vec::new();
        for ((service, first), stores) in services.values().zip(firsts).zip(&self.stores) {
            if stored && !stores {
                continue;
            }
            let places = service.legs.places(leg.start_latest(), leg.start.at.plus(-over)).map(|place| first + place);
            let near = places.filter(|&at| {
                let inbound = self.inbound[at].leg;
                if stored { stored_by(inbound, leg) } else { could_cause(inbound, leg, 0) }
            });
            let fits = near.take(most).map(|at| (contents.fit(self.in_keys[at].1, (key, leg)), at));
            found.extend(fits.filter(|(fit, _)| *fit != Fit::Never));
        }
        found
    }

    fn decide(
        &self,
        services: &BTreeMap<u16, Box<Service>>,
        is_final: &impl Fn(&Leg) -> bool,
        mut give: impl FnMut(Final<'_>),
    ) -> Decided {
        let mut decided =
            Decided { models: services.values().map(|s| s.model.clone()).collect(), ..Decided::default() };
        self.decide_linked(is_final, &mut decided, &mut give);
        self.decide_mail(is_final, &mut decided, &mut give);
        let matches = &self.matches;
        let open = self.open(matches, is_final);
        let mut ins: BTreeMap<usize, usize> = BTreeMap::new();
        let mut outs: BTreeMap<usize, usize> = BTreeMap::new();
        for m in matches {
            *ins.entry(m.inbound).or_default() += 1;
            *outs.entry(m.outbound).or_default() += 1;
        }
        for m in matches {
            let (key, service) = (self.in_keys[m.inbound], self.inbound[m.inbound].service);
            let (inbound, outbound) = (self.inbound[m.inbound].leg, self.outbound[m.outbound].leg);
            if open.contains(&m.outbound) {
                decided.kept_in.insert(key);
                decided.kept_out.insert(self.out_keys[m.outbound]);
                continue;
            }
            decided.done_in.insert(key);
            // Of legs that are carried on together only the sums tell the overhead.
            if ins[&m.inbound] == 1 && outs[&m.outbound] == 1 {
                decided.models[service].learn(inbound, outbound);
            }
            let clear = outbound.has_payload() || m.margin >= CLEAR_MARGIN;
            give(Final { inbound, outbound, clear, basis: basis(outbound, self.outbound[m.outbound].fit) });
        }
        self.learn_shares(&mut decided.models, matches, |out| is_final(self.outbound[out].leg) && !open.contains(&out));
        decided
    }

    /// What a request or a message ties together, without a doubt: each inbound leg waits until all of it is final.
    fn decide_linked(&self, is_final: &impl Fn(&Leg) -> bool, decided: &mut Decided, give: &mut impl FnMut(Final<'_>)) {
        for (key, outbound, causes) in &self.linked {
            if !is_final(outbound) {
                decided.kept_in.extend(causes.iter().map(|&at| self.in_keys[at]));
                decided.kept_out.insert(*key);
                continue;
            }
            for &at in causes {
                give(Final {
                    inbound: self.inbound[at].leg,
                    outbound,
                    clear: true,
                    basis: basis(outbound, Fit::Carried),
                });
            }
        }
    }

    /// Mail: each outbound leg by itself, for an inbound one may have any number of them. An inbound leg is kept until it
    /// is final itself, as long as it may have further ones.
    fn decide_mail(&self, is_final: &impl Fn(&Leg) -> bool, decided: &mut Decided, give: &mut impl FnMut(Final<'_>)) {
        for m in &self.mailed {
            let (inbound, outbound) = (self.inbound[m.inbound].leg, self.mail[m.outbound].leg);
            if !is_final(outbound) {
                decided.kept_in.insert(self.in_keys[m.inbound]);
                decided.kept_out.insert(self.mail_keys[m.outbound]);
                continue;
            }
            if self.mail[m.outbound].fit != Fit::Addressed {
                decided.models[self.inbound[m.inbound].service].learn_mail(inbound, outbound);
            }
            let clear = outbound.has_payload() || m.margin >= CLEAR_MARGIN;
            give(Final { inbound, outbound, clear, basis: basis(outbound, Fit::Open) });
        }
    }

    /// Outbound legs that are not final, or that share an inbound leg with one that is not.
    fn open(&self, matches: &[Match], is_final: &impl Fn(&Leg) -> bool) -> BTreeSet<usize> {
        let mut open: BTreeSet<usize> = (0..self.outbound.len()).filter(|&o| !is_final(self.outbound[o].leg)).collect();
        loop {
            let waiting: BTreeSet<usize> =
                matches.iter().filter(|m| open.contains(&m.outbound)).map(|m| m.inbound).collect();
            let before = open.len();
            open.extend(matches.iter().filter(|m| waiting.contains(&m.inbound)).map(|m| m.outbound));
            if open.len() == before {
                return open;
            }
        }
    }

    fn learn_shares(&self, models: &mut [Model], matches: &[Match], done: impl Fn(usize) -> bool) {
        let mut own = vec![None; self.outbound.len()];
        for m in matches {
            own[m.outbound] = Some(self.inbound[m.inbound].service);
        }
        for (number, out) in self.outbound.iter().enumerate() {
            if done(number) && out.leg.has_payload() {
                for service in out.services(&self.inbound) {
                    models[service].learn_share(own[number] == Some(service));
                }
            }
        }
    }
}

/// What shows that a pair is one.
fn basis(outbound: &Leg, fit: Fit) -> Basis {
    match fit {
        _ if !outbound.has_payload() => Basis::Order,
        Fit::Carried => Basis::Content,
        Fit::Never | Fit::Open | Fit::Addressed | Fit::Target => Basis::Bytes,
    }
}

/// Whether the inbound leg brought something that may have been handed on by the outbound one.
fn stored_by(inbound: &Leg, outbound: &Leg) -> bool {
    (inbound.end.is_none() || inbound.has_payload()) && could_be_stored(inbound, outbound, 0)
}

/// The places of those that fit just so well.
fn those_that_fit(found: &[(Fit, usize)], fit: Fit) -> Vec<usize> {
    let mut places = Vec::with_capacity(found.len());
    places.extend(found.iter().filter(|(own, _)| *own == fit).map(|(_, at)| at));
    places
}

#[cfg(test)]
mod tests {
    use catspaw_records::{ByteKind, Ending, Endpoint, RecordId, Stamp};

    use super::*;
    use crate::leg::{End, Size};

    const SECOND: i64 = Nanos::SECOND;

    /// A leg with the `peer`th of the others, that carried something, open from one second to another.
    fn leg(peer: u8, (start, end): (i64, i64)) -> (Key, Leg) {
        let [start, end] = [start, end].map(|second| Nanos(second * SECOND));
        let point = |last| Endpoint { addr: [192, 0, 2, last].into(), port: 25 };
        let size = Some(Size { up: 900, down: 0, directed: false, kind: ByteKind::Payload });
        let leg = Leg {
            id: RecordId::Device(u64::from(peer)),
            peer: point(peer),
            own: point(200),
            start: Stamp { at: start, resolution: 1, sensor: SensorId(0) },
            opened: None,
            end: Some(End { at: end, known: end, order: 1, ending: Ending::Fins, answered: true, size }),
            smtp: true,
            mailed: None,
            inward: false,
            places: [None, None],
        };
        ((start, u64::from(peer)), leg)
    }

    #[test]
    fn candidates_are_those_of_their_own_service() {
        let first = [leg(1, (10, 11)), leg(2, (20, 90)), leg(3, (95, 96))];
        let second = [leg(4, (30, 31)), leg(5, (40, 99)), leg(6, (45, 90)), leg(7, (70, 99))];
        let services: BTreeMap<u16, Box<Service>> = [(1080, first.to_vec()), (3128, second.to_vec())]
            .into_iter()
            .map(|(port, legs)| (port, Box::new(Service::new(port, 1, legs.into_iter().collect()))))
            .collect();
        let calls = [leg(100, (50, 60)), leg(101, (97, 98))];
        let causes = |stores: [bool; 2]| {
            let pending = Pending::paired(&services, &calls, &Contents::default(), stores.to_vec());
            let of = |outs: &[Outbound<'_>]| -> Vec<Vec<u64>> {
                let key = |&at: &usize| {
                    let (port, key) = pending.in_keys[at];
                    assert!(std::ptr::eq(pending.inbound[at].leg, services[&port].legs.get(&key).unwrap()));
                    key.1
                };
                outs.iter().map(|out| out.candidates.iter().map(key).collect()).collect()
            };
            (of(&pending.outbound), of(&pending.mail))
        };
        // Of each service those that were open, the latest first.
        assert_eq!(causes([false, false]), (vec![vec![2, 6, 5], vec![7, 5]], vec![]));
        // What a service stores may go out when it has ended: of mail, of the one that stores it.
        assert_eq!(causes([false, true]), (vec![], vec![vec![6, 5, 4], vec![7, 6, 5, 4]]));
        // And as well be passed through by one that stores nothing, whose client fits.
        assert_eq!(causes([true, false]), (vec![vec![6, 5], vec![7, 5]], vec![]));
    }
}
