//! Which mail that went out is which that came in. A message may be handed on after its client has gone, and to several
//! servers: an outbound leg has one cause at most, an inbound leg any number of effects. So each outbound leg is given
//! to the inbound leg that explains it best, where one clearly does.

use crate::histogram::Histogram;
use crate::pairing::{Inbound, Match, Model, Outbound};

/// Rounds of pairing and learning.
const ROUNDS: usize = 4;
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
        let margin = score - scored.get(1).map_or(0.0, |second| second.0.max(0.0));
        if score > 0.0 && (size > 0.0 || !out.leg.has_payload() || margin > CLEARLY) {
            matches.push(Match { inbound: at, outbound: number, margin });
        }
    }
    matches
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
