//! Which mail that went out is which that came in. A message may be handed on after its client has gone, and to several
//! servers: an outbound leg has one cause at most, an inbound leg any number of effects. So each outbound leg is given
//! to the inbound leg that explains it best, where one clearly does.

use crate::histogram::Histogram;
use crate::pairing::{CLEAR_MARGIN, Inbound, Match, Model, Outbound};
use crate::talk::{Fit, MOST};

/// Rounds of pairing and learning.
const ROUNDS: usize = 4;
/// A connection with less payload is none on which mail was handed over: a server that sends the client away says and hears
/// as much.
pub(crate) const NOTHING: i64 = 128;
/// A leg whose size tells nothing (a transaction in which every recipient was refused) is paired only where the second
/// best would be so much worse (natural logarithm).
const CLEARLY: f64 = 0.5;

/// Pairs mail, starting from `models` (one for each service). Sorted by outbound leg; a leg that stays alone is not there.
pub(crate) fn pair_mail(inbound: &[Inbound<'_>], outbound: &[Outbound<'_>], models: &[Model]) -> Vec<Match> {
    let mut background = Histogram::default();
    let mut learned = models.to_vec();
    let mut matches = Vec::new();
    for _ in 0..ROUNDS {
        let now = best(inbound, outbound, &learned, &background);
        if now == matches {
            break;
        }
        matches = now;
        (learned, background) = learn(inbound, outbound, models, &matches);
    }
    matches
}

fn best(inbound: &[Inbound<'_>], outbound: &[Outbound<'_>], models: &[Model], background: &Histogram) -> Vec<Match> {
    let mut matches = Vec::new();
    for (number, out) in outbound.iter().enumerate() {
        let best_handed = out.handed.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let score = |(candidate, &at): (usize, &usize)| {
            let Inbound { service, leg } = inbound[at];
            let size = models[service].mail_size_score(leg, out.leg, background);
            // It says which of them, and not whether any.
            let handed = out.handed.get(candidate).map_or(0.0, |handed| handed - best_handed);
            (models[service].mail_time_score(leg, out.leg) + size + handed, size, at)
        };
        let mut scored: Vec<(f64, f64, usize)> = out.candidates.iter().enumerate().map(score).collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.2.cmp(&b.2)));
        let Some(&(score, size, at)) = scored.first() else { continue };
        let second = scored.get(1).map(|second| second.0);
        // It was called for one of these: only for which is open, if there are several.
        let addressed = out.fit == Fit::Addressed;
        let alone = if addressed { f64::NEG_INFINITY } else { 0.0 };
        let margin = score - second.map_or(alone, |second| second.max(alone));
        let said = if addressed { margin > CLEARLY } else { score > 0.0 && is_clear(out, size, margin, best_handed) };
        if said {
            matches.push(Match { inbound: at, outbound: number, margin });
        }
    }
    matches
}

/// Whether the best candidate is clearly that: by its size, or because the next one is clearly worse.
fn is_clear(out: &Outbound<'_>, size: f64, margin: f64, best_handed: f64) -> bool {
    // Unless it was opened as soon as mail had been taken.
    let nothing = out.leg.size().is_some_and(|size| size.total() < NOTHING) && best_handed <= -MOST;
    let least = if nothing { CLEAR_MARGIN } else { CLEARLY };
    !out.leg.has_payload() || (size > 0.0 && !nothing) || margin > least
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
            Some(_) if out.fit == Fit::Addressed => {}
            Some(Inbound { service, leg }) => learned[service].learn_mail(leg, out.leg),
            None => {
                if let Some(size) = out.leg.size().filter(|size| size.total() > 0) {
                    background.add(size.upload(), 1.0);
                }
            }
        }
    }
    (learned, background)
}
