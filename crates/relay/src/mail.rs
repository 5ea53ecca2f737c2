//! Which mail that went out is which that came in. A message may be handed on after its client has gone, and to several
//! servers: an outbound leg has one cause at most, an inbound leg any number of effects. So each outbound leg is given
//! to the inbound leg that explains it best, where one clearly does.

use std::collections::{BTreeMap, BTreeSet};

use catspaw_records::Nanos;

use crate::copies::{ALIKE, KEPT, TOGETHER};
use crate::histogram::Histogram;
use crate::inbound::LOOKED_AT;
use crate::leg::{Leg, Size};
use crate::pairing::{CLEAR_MARGIN, Inbound, Match, Model, Outbound, mail_difference};
use crate::refused::{self, Refused};
use crate::talk::{Fit, MOST};

/// Rounds of pairing and learning.
const ROUNDS: usize = 4;
/// A connection with less payload is none on which mail was handed over: a server that sends the client away says and hears
/// as much.
const NOTHING: i64 = 128;
/// A leg whose size tells nothing (a transaction in which every recipient was refused) is paired only where the second
/// best would be so much worse (natural logarithm).
const CLEARLY: f64 = 0.5;
/// A connection with as much payload may have carried a letter, so that its size tells which: where every recipient is refused there
/// is less.
pub const LETTER: i64 = 512;
/// Outbound legs beyond the first, and inbound legs that have any, that are assumed beforehand.
const FURTHER: (f64, f64) = (1.0, 3.0);

/// Pairs mail, starting from `models` (one for each service). Sorted by outbound leg; a leg that stays alone is not there.
pub(crate) fn pair_mail(inbound: &[Inbound<'_>], outbound: &[Outbound<'_>], models: &[Model]) -> Vec<Match> {
    let mut background = Histogram::default();
    let mut learned = models.to_vec();
    let mut matches = Vec::new();
    for _ in 0..ROUNDS {
        let now = best(inbound, outbound, (&learned, &background), &Habits::of(&matches, inbound, outbound));
        if now == matches {
            break;
        }
        matches = now;
        (learned, background) = learn(inbound, outbound, models, &matches);
    }
    matches
}

/// What an assignment says of how letters are handed on.
#[derive(Clone, Debug)]
struct Habits {
    /// Natural logarithm of how many outbound legs beyond the first an inbound one has.
    further: f64,
    /// The same of legs on which nobody took a letter that others took.
    refused: f64,
    /// Natural logarithm of how many outbound legs that may have carried a letter have a cause, for each that has none.
    caused: f64,
    /// The cause of each outbound leg.
    causes: Vec<Option<usize>>,
    /// The differences that were learned from, of each inbound leg: one letter does not vouch for itself, however often it went out.
    learned: BTreeMap<usize, Vec<Size>>,
    /// What was sent on legs that had no cause, with their openings, in order.
    lone: Vec<(Nanos, Size)>,
}

impl Habits {
    fn of(matches: &[Match], inbound: &[Inbound<'_>], outbound: &[Outbound<'_>]) -> Self {
        let mut causes = vec![None; outbound.len()];
        let mut learned: BTreeMap<usize, Vec<Size>> = BTreeMap::new();
        for m in matches {
            causes[m.outbound] = Some(m.inbound);
            let out = &outbound[m.outbound];
            let difference = mail_difference(inbound[m.inbound].leg, out.leg).filter(|_| teaches(out));
            let learned = learned.entry(m.inbound).or_default();
            learned.extend(difference.filter(|_| learned.len() < KEPT));
        }
        let alone = outbound.iter().zip(&causes).filter(|(_, cause)| cause.is_none() && !matches.is_empty());
        let mut lone: Vec<(Nanos, Size)> =
            alone.filter_map(|(out, _)| Some((out.leg.start.at, sent(out.leg)?))).collect();
        lone.sort_by_key(|(start, _)| *start);
        let letters = outbound.iter().zip(&causes).filter(|(out, _)| is_letter(out));
        let (caused, alone): (Vec<_>, Vec<_>) = letters.partition(|(_, cause)| cause.is_some());
        let handed_on: BTreeSet<usize> = caused.iter().filter_map(|(_, cause)| **cause).collect();
        let refused = outbound.iter().zip(&causes).filter(|(out, _)| !is_letter(out));
        let refused = refused.filter(|(_, cause)| cause.is_some_and(|at| handed_on.contains(&at))).count();
        let rate = |further: usize| ((further as f64 + FURTHER.0) / (handed_on.len() as f64 + FURTHER.1)).min(1.0).ln();
        Self {
            further: rate(caused.len() - handed_on.len()),
            refused: rate(refused),
            caused: ((caused.len() as f64 + 1.0) / (alone.len() as f64 + 1.0)).ln(),
            causes,
            learned,
            lone,
        }
    }

    /// What was sent on lone legs that were opened when `leg` was, and so may be copies of the same letter: they do not keep one
    /// another alone.
    fn lone_beside(&self, leg: &Leg) -> Vec<Size> {
        let (at, Some(own)) = (leg.start.at, sent(leg)) else { return Vec::new() };
        let from = self.lone.partition_point(|(start, _)| *start < at.plus(-TOGETHER));
        let beside = self.lone[from..].iter().take_while(|(start, _)| *start <= at.plus(TOGETHER)).take(LOOKED_AT);
        let sizes = beside.map(|(_, size)| *size);
        sizes.filter(|size| size.minus(own).is_some_and(|d| d.total().abs() <= ALIKE)).take(KEPT).collect()
    }
}

/// An inbound leg that may be the cause, by its number; what speaks for it, and what its size alone does.
#[derive(Clone, Copy, Debug)]
struct Scored {
    at: usize,
    score: f64,
    size: f64,
}

/// What was sent on a leg, where it is known that it carried anything.
fn sent(leg: &Leg) -> Option<Size> {
    leg.size().filter(|size| size.total() > 0).map(Size::upload)
}

/// Whether the leg may have carried a letter.
fn is_letter(out: &Outbound<'_>) -> bool {
    out.leg.size().is_none_or(|size| size.total() >= LETTER)
}

/// Whether nothing but its moment says whose mail was refused on it.
fn is_refused(out: &Outbound<'_>) -> bool {
    !is_letter(out) && out.fit != Fit::Addressed && out.handed.is_empty()
}

/// Whether something is learned from whose mail it was.
fn teaches(out: &Outbound<'_>) -> bool {
    is_letter(out) && out.fit != Fit::Addressed
}

/// Every letter is handed on, if it is, a first time, and only some again; so the legs whose sizes tell most choose first, and an
/// inbound leg that has an effect already is as much less likely to be the cause of another as its habits say.
fn best(
    inbound: &[Inbound<'_>],
    outbound: &[Outbound<'_>],
    (models, background): (&[Model], &Histogram),
    habits: &Habits,
) -> Vec<Match> {
    let mut scored: Vec<(usize, Vec<Scored>)> = outbound
        .iter()
        .enumerate()
        .map(|(number, out)| (number, candidates(inbound, (number, out), (models, background), habits)))
        .filter(|(_, candidates)| !candidates.is_empty())
        .collect();
    let refused = scored.extract_if(.., |(number, _)| is_refused(&outbound[*number]));
    let refused: Vec<Refused> =
        refused.map(|(number, causes)| as_refused(number, &outbound[number], &causes, habits)).collect();
    scored.sort_by(|a, b| sureness(&b.1).total_cmp(&sureness(&a.1)).then(a.0.cmp(&b.0)));
    let mut causes = BTreeSet::new();
    let mut matches = Vec::new();
    for (number, mut candidates) in scored {
        for candidate in candidates.iter_mut().filter(|candidate| causes.contains(&candidate.at)) {
            candidate.score += habits.further;
        }
        let Some(found) = choose(&outbound[number], candidates) else { continue };
        causes.insert(found.0);
        matches.push(Match { inbound: found.0, outbound: number, margin: found.1, size_score: 0.0 });
    }
    refused::extend(&mut matches, &refused, outbound, habits.refused);
    matches.retain(|m| !is_refused(&outbound[m.outbound]) || m.margin > least_margin(&outbound[m.outbound]));
    matches.sort_by_key(|m| m.outbound);
    matches
}

/// What speaks for each as the one that a refused letter came by, but for its size, which does not.
fn as_refused(number: usize, out: &Outbound<'_>, causes: &[Scored], habits: &Habits) -> Refused {
    let caused = caused(out, habits);
    let causes = causes.iter().map(|&Scored { at, score, size }| (at, score - size - caused)).collect();
    Refused { number, causes, caused }
}

/// What speaks for each. What was taken for the cause and learned from does not vouch for itself.
fn candidates(
    inbound: &[Inbound<'_>],
    (number, out): (usize, &Outbound<'_>),
    (models, background): (&[Model], &Histogram),
    habits: &Habits,
) -> Vec<Scored> {
    let best_handed = best_handed(out);
    let before = habits.causes[number];
    let caused = caused(out, habits);
    let copies = habits.lone_beside(out.leg);
    let learned = before.filter(|_| teaches(out)).and_then(|at| mail_difference(inbound[at].leg, out.leg));
    let mut own = Vec::new();
    let score = |(candidate, &at): (usize, &usize)| {
        let Inbound { service, leg } = inbound[at];
        own.clear();
        own.extend(habits.learned.get(&at).into_iter().flatten());
        own.extend(learned.filter(|_| before != Some(at)));
        let size = models[service].mail_size_score(leg, out.leg, (background, &copies), &mut own);
        // It says which of them, and not whether any.
        let handed = out.handed.get(candidate).map_or(0.0, |handed| handed - best_handed);
        let learned = before == Some(at) && teaches(out);
        let time = models[service].mail_time_score(leg, out.leg, learned);
        Scored { at, score: time + size + handed + caused, size }
    };
    out.candidates.iter().enumerate().map(score).collect()
}

/// What speaks for its having any cause. Of what nobody answered it is not known that it was for anybody.
fn caused(out: &Outbound<'_>, habits: &Habits) -> f64 {
    if out.leg.has_payload() { habits.caused } else { 0.0 }
}

fn best_handed(out: &Outbound<'_>) -> f64 {
    out.handed.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// How much the sizes tell.
fn sureness(candidates: &[Scored]) -> f64 {
    let best = candidates.iter().max_by(|a, b| a.score.total_cmp(&b.score));
    best.map_or(f64::NEG_INFINITY, |best| best.size)
}

/// The inbound leg that explains `out`, where one clearly does, and the margin.
fn choose(out: &Outbound<'_>, mut candidates: Vec<Scored>) -> Option<(usize, f64)> {
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.at.cmp(&b.at)));
    let &Scored { at, score, size } = candidates.first()?;
    let second = candidates.get(1).map(|second| second.score);
    // It was called for one of these: only for which is open, if there are several.
    let addressed = out.fit == Fit::Addressed;
    let alone = if addressed { f64::NEG_INFINITY } else { 0.0 };
    let margin = score - second.map_or(alone, |second| second.max(alone));
    let said = if addressed { margin > CLEARLY } else { score > 0.0 && is_clear(out, size, margin, best_handed(out)) };
    said.then_some((at, margin))
}

/// Whether the best candidate is clearly that: by its size, or because the next one is clearly worse.
fn is_clear(out: &Outbound<'_>, size: f64, margin: f64, best_handed: f64) -> bool {
    // Unless it was opened as soon as mail had been taken.
    let nothing = out.leg.size().is_some_and(|size| size.total() < NOTHING) && best_handed <= -MOST;
    let least = if nothing { CLEAR_MARGIN } else { CLEARLY };
    !out.leg.has_payload() || (size > 0.0 && !nothing) || margin > least
}

/// How much worse the next best must be for a refused letter to be paired.
fn least_margin(out: &Outbound<'_>) -> f64 {
    if out.leg.has_payload() { CLEARLY } else { 0.0 }
}

fn learn(
    inbound: &[Inbound<'_>],
    outbound: &[Outbound<'_>],
    start: &[Model],
    matches: &[Match],
) -> (Vec<Model>, Histogram) {
    let mut learned = start.to_vec();
    let mut background = Histogram::default();
    let mut cause: Vec<Option<usize>> = vec![None; outbound.len()];
    for m in matches {
        cause[m.outbound] = Some(m.inbound);
    }
    for (out, cause) in outbound.iter().zip(cause) {
        match cause.map(|at| inbound[at]) {
            Some(_) if !teaches(out) => {}
            Some(Inbound { service, leg }) => learned[service].learn_mail(leg, out.leg),
            None => {
                if let Some(size) = sent(out.leg) {
                    background.add(size, 1.0);
                }
            }
        }
    }
    (learned, background)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use catspaw_records::{ByteKind, Ending, Endpoint, RecordId, SensorId, Stamp};

    use super::*;
    use crate::leg::End;

    /// A connection from second `from` to second `to` that carried `up` bytes and some answers.
    fn leg(number: u64, from: i64, to: i64, up: i64) -> Leg {
        let point = |last: u64| Endpoint { addr: IpAddr::from([192, 0, 2, last as u8]), port: 25 };
        let size = Size { up, down: 160, directed: true, kind: ByteKind::Payload };
        let at = Nanos::from_secs(to);
        Leg {
            id: RecordId::Device(number),
            peer: point(number),
            own: point(200),
            start: Stamp { at: Nanos::from_secs(from), resolution: 1000, sensor: SensorId(0) },
            opened: None,
            end: Some(End { at, known: at, order: number, ending: Ending::Fins, answered: true, size: Some(size) }),
            smtp: true,
            mailed: None,
            inward: false,
            places: [None, None],
        }
    }

    /// Letters come in every other second and go out together every twenty, but that of the `refused` one nothing is handed over.
    fn causes(refused: usize) -> Vec<Option<usize>> {
        let length = |n: usize| 2000 + (n as i64 * 7919) % 9000;
        let ins: Vec<Leg> = (0..40).map(|n| leg(n as u64, 2 * n as i64, 2 * n as i64 + 1, length(n))).collect();
        let outs: Vec<Leg> = (0..40)
            .map(|n| {
                let (at, up) = (20 * (n as i64 / 10 + 1), if n == refused { 138 } else { length(n) + 217 });
                leg(100 + n as u64, at, at + 1, up)
            })
            .collect();
        let inbound: Vec<Inbound<'_>> = ins.iter().map(|leg| Inbound { service: 0, leg }).collect();
        let outbound: Vec<Outbound<'_>> = outs
            .iter()
            .map(|leg| {
                let before = (0..ins.len()).filter(|&n| ins[n].end.is_some_and(|end| end.at <= leg.start.at));
                Outbound { leg, candidates: before.collect(), handed: Vec::new(), fit: Fit::Open }
            })
            .collect();
        let mut causes = vec![None; outs.len()];
        for m in pair_mail(&inbound, &outbound, &[Model::default()]) {
            causes[m.outbound] = Some(m.inbound);
        }
        causes
    }

    #[test]
    fn a_connection_that_tells_nothing_is_of_the_letter_that_was_not_handed_on_yet() {
        for refused in [5, 11, 39] {
            assert_eq!(causes(refused), (0..40).map(Some).collect::<Vec<_>>());
        }
    }
}
