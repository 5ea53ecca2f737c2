//! Legs that are carried on together: a client that keeps its connection to a web proxy and asks several servers. Then
//! it is the sums that are conserved.

use std::collections::BTreeMap;

use crate::histogram::size_prior;
use crate::leg::Size;
use crate::pairing::{Inbound, Match, Model, Outbound};

/// Legs beside the first that are tried together.
const TOGETHER: usize = 3;
/// Legs that are tried at all.
const TRIED: usize = 10;
/// How much better a sum must fit than the first pair alone, beyond the number of sums that were tried (natural
/// logarithm).
const CLEARLY: f64 = 3.0;

/// Looks for groups among legs that the one-to-one assignment has left alone.
pub(crate) struct Groups<'a> {
    inbound: &'a [Inbound<'a>],
    outbound: &'a [Outbound<'a>],
    models: &'a [Model],
}

impl<'a> Groups<'a> {
    pub(crate) fn new(inbound: &'a [Inbound<'a>], outbound: &'a [Outbound<'a>], models: &'a [Model]) -> Self {
        Self { inbound, outbound, models }
    }

    /// Adds to `matches`, which are one to one, the lone outbound legs that make a pair's bytes add up, but for those `left_out`.
    pub(crate) fn extend(&self, matches: &mut Vec<Match>, left_out: &[usize]) {
        let mut lone: Vec<bool> = self.outbound.iter().map(|out| out.leg.has_payload()).collect();
        left_out.iter().for_each(|&out| lone[out] = false);
        for m in matches.iter() {
            lone[m.outbound] = false;
        }
        let mut more = Vec::new();
        for m in matches.iter() {
            for at in self.others(m, &lone) {
                lone[at] = false;
                more.push(Match { outbound: at, ..*m });
            }
        }
        matches.extend(more);
    }

    /// The lone outbound legs that the pair's inbound leg caused too, going by the sums.
    fn others(&self, m: &Match, lone: &[bool]) -> Vec<usize> {
        let (Some(i), Some(o)) = (self.inbound[m.inbound].leg.size(), self.outbound[m.outbound].leg.size()) else {
            return Vec::new();
        };
        if o.total() == 0 {
            return Vec::new();
        }
        let outs = self.outs_of(m, lone);
        let sizes: Vec<Size> = outs.iter().filter_map(|&at| self.outbound[at].leg.size()).collect();
        let fit = |outbound: Size, parts| self.fit(m, i, outbound, parts);
        let Some(alone) = fit(o, 1) else { return Vec::new() };
        let best = best_sum(&sizes, |sum, parts| fit(o.plus(sum)?, parts + 1));
        chosen(best, alone, &outs)
    }

    /// How well `inbound` and `outbound` bytes fit as those of `parts` requests with the service's usual overhead each;
    /// `None` where they cannot be compared.
    fn fit(&self, m: &Match, inbound: Size, outbound: Size, parts: usize) -> Option<f64> {
        // By chance the larger side has any size that there is.
        let larger = if inbound.total() > outbound.total() { inbound } else { outbound };
        let null = size_prior(larger);
        let model = &self.models[self.inbound[m.inbound].service];
        let difference = inbound.minus(outbound)?.share(parts);
        // A pair alone does not vouch for itself: it was learned from by the test and by the assignment.
        let own = [difference; 2];
        Some(model.difference_score((inbound, outbound), difference, null, if parts == 1 { &own } else { &[] }))
    }

    /// Lone outbound legs that the pair's inbound leg may have caused.
    fn outs_of(&self, m: &Match, lone: &[bool]) -> Vec<usize> {
        let inbound = self.inbound[m.inbound].leg;
        let started = |at: &usize| self.outbound[*at].leg.start.at;
        let later =
            (m.outbound + 1..self.outbound.len()).take_while(|at| inbound.end.is_none_or(|end| started(at) <= end.at));
        let earlier = (0..m.outbound).rev().take_while(|at| started(at) >= inbound.start.at);
        earlier
            .chain(later)
            .filter(|&at| lone[at] && self.outbound[at].candidates.contains(&m.inbound))
            .take(TRIED)
            .collect()
    }
}

/// The subset of up to [`TOGETHER`] of `sizes` whose sum fits best: its score, its members, how many were tried.
fn best_sum(sizes: &[Size], fit: impl Fn(Size, usize) -> Option<f64>) -> Option<(f64, Vec<usize>, usize)> {
    let mut best: Option<(f64, Vec<usize>)> = None;
    let mut tried = 0;
    let mut level: BTreeMap<Vec<usize>, Size> = BTreeMap::new();
    for parts in 1..=TOGETHER {
        let mut next = BTreeMap::new();
        for (at, &size) in sizes.iter().enumerate() {
            if parts == 1 {
                next.insert(vec![at], size);
            }
            for (members, sum) in level.iter().filter(|(members, _)| members.last().is_some_and(|&last| last < at)) {
                if let Some(sum) = sum.plus(size) {
                    next.insert([members.as_slice(), &[at]].concat(), sum);
                }
            }
        }
        for (members, &sum) in &next {
            tried += 1;
            let Some(score) = fit(sum, parts) else { continue };
            if best.as_ref().is_none_or(|(most, _)| score > *most) {
                best = Some((score, members.clone()));
            }
        }
        level = next;
    }
    best.map(|(score, members)| (score, members, tried))
}

/// The legs of the best sum, where it is clearly better than the pair alone.
fn chosen(best: Option<(f64, Vec<usize>, usize)>, alone: f64, legs: &[usize]) -> Vec<usize> {
    match best {
        Some((score, members, tried)) if score - alone > CLEARLY + (tried as f64).ln() => {
            members.into_iter().map(|at| legs[at]).collect()
        }
        _ => Vec::new(),
    }
}
