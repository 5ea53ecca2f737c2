//! Which of the letters that wait goes out next. That says nothing of whether any of them does, but the surer it is which is meant,
//! the more its size tells. A letter goes out a first time and seldom again; and it goes after some time, or when its queue is run
//! and all goes that has come since the last time. Which of the two is so shows in how well either foretold the letters before.

use std::collections::VecDeque;

use catspaw_records::Nanos;
use serde::{Deserialize, Serialize};

use crate::copies::Place;
use crate::spread::Spread;
use crate::test::{Candidate, normal};

/// A letter that has gone out is so much less likely than others to be what goes out next, copies left out: of 888 that were handed
/// on in the captures and in the lab 8 went out again more than two seconds later.
const AGAIN: f64 = 0.01;
/// Letters whose going out is remembered, where it is as likely as this.
const HANDED_ON: usize = 128;
const LIKELY: f64 = 0.1;
/// How much less likely one is that was there when the queue was run before, or whose client went after this run had begun: in the
/// lab's queues, of five seeds, 1 of 161 letters that were surely handed on was.
const MISSED: f64 = 0.02;

/// What is learned of a queue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Queue {
    /// How likely it is of each of the last letters that it has gone out.
    handed_on: VecDeque<((Nanos, u64), f64)>,
    /// Natural logarithms of how well each belief foretold what went out.
    trust: [f64; 2],
}

/// How much each candidate is meant by each belief; the weights of one add up to one.
pub(crate) type Beliefs = [Vec<f64>; 2];

impl Queue {
    /// What is believed of the candidates of a letter at `place`, whose moments are known to within `resolution` nanoseconds: by how
    /// long they have waited, and by what a run of the queue takes along.
    pub(crate) fn beliefs(
        &self,
        candidates: &[Candidate],
        (lags, resolution): (&Spread, i64),
        place: &Place<'_>,
    ) -> Beliefs {
        let first: Vec<f64> = candidates.iter().map(|candidate| self.first(candidate.key)).collect();
        let blur = if resolution > Nanos::SECOND / 100 { resolution } else { 0 };
        let run = -blur..=place.since_run.saturating_add(blur);
        let by_lag = |candidate: &Candidate| lags.density(candidate.lag, resolution);
        let by_run = |candidate: &Candidate| if run.contains(&candidate.lag) { 1.0 } else { MISSED };
        let of = |belief: &dyn Fn(&Candidate) -> f64| {
            normal(candidates.iter().zip(&first).map(|(candidate, first)| belief(candidate) * first).collect())
        };
        [of(&by_lag), of(&by_run)]
    }

    /// What follows from both, each by how much it is trusted.
    pub(crate) fn weights(&self, [by_lag, by_run]: &Beliefs) -> Vec<f64> {
        let trust = 1.0 / (1.0 + (self.trust[1] - self.trust[0]).exp());
        by_lag.iter().zip(by_run).map(|(lag, run)| trust * lag + (1.0 - trust) * run).collect()
    }

    /// Learns from a letter whose candidates explain it by `ratios`, if the share `share` of letters has a cause at all, how much
    /// the `beliefs` of it are to be trusted.
    pub(crate) fn judge(&mut self, beliefs: &Beliefs, ratios: &[f64], share: f64) {
        for (trust, belief) in self.trust.iter_mut().zip(beliefs) {
            let mean: f64 = belief.iter().zip(ratios).map(|(weight, ratio)| weight * ratio).sum();
            *trust += (1.0 - share + share * mean).ln();
        }
    }

    /// Notes how likely it is that a letter has gone out as the cause of what was looked at.
    pub(crate) fn handed_on(&mut self, key: (Nanos, u64), likely: f64) {
        if likely < LIKELY {
            return;
        }
        let before =
            self.handed_on.iter().position(|(other, _)| *other == key).and_then(|at| self.handed_on.remove(at));
        let likely = (before.map_or(0.0, |(_, before)| before) + likely).min(1.0);
        self.handed_on.push_back((key, likely));
        if self.handed_on.len() > HANDED_ON {
            self.handed_on.pop_front();
        }
    }

    /// How much less likely it is because it may have gone out.
    fn first(&self, key: (Nanos, u64)) -> f64 {
        let gone = self.handed_on.iter().find(|(other, _)| *other == key).map_or(0.0, |(_, likely)| *likely);
        1.0 - gone * (1.0 - AGAIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histogram::Histogram;
    use crate::spread::Distance;
    use crate::test::Gap;

    /// Letters that came in so many seconds before.
    fn waiting(seconds: &[i64]) -> Vec<Candidate> {
        let of = |(number, &second): (usize, &i64)| {
            let lag = second * Nanos::SECOND;
            Candidate { key: (Nanos(0), number as u64), lag, gap: Gap::Timer, size: None }
        };
        seconds.iter().enumerate().map(of).collect()
    }

    #[test]
    fn a_queue_that_is_run_takes_along_what_has_come_since() {
        let (lags, candidates) = (Spread::prior(Distance::Queue), waiting(&[1, 9, 18, 30]));
        let sizes = Histogram::default();
        let place = &Place { copy: false, beside: None, since_run: 20 * Nanos::SECOND, sizes: &sizes };
        let mut queue = Queue::default();
        let before = queue.weights(&queue.beliefs(&candidates, (&lags, 1000), place));
        for at in [2, 1, 2] {
            let mut ratios = [0.1; 4];
            ratios[at] = 50.0;
            let beliefs = queue.beliefs(&candidates, (&lags, 1000), place);
            queue.judge(&beliefs, &ratios, 0.5);
        }
        let after = queue.weights(&queue.beliefs(&candidates, (&lags, 1000), place));
        assert!(after.iter().take(3).all(|weight| (0.25..0.5).contains(weight)), "{after:?}");
        assert!(after[2] > 1.5 * before[2] && after[3] < 0.02, "{before:?} {after:?}");
    }

    #[test]
    fn what_has_gone_out_is_hardly_meant_again() {
        let (lags, candidates) = (Spread::prior(Distance::Queue), waiting(&[3, 3]));
        let sizes = Histogram::default();
        let place = &Place { copy: false, beside: None, since_run: i64::MAX, sizes: &sizes };
        let mut queue = Queue::default();
        let weight = |queue: &Queue| queue.weights(&queue.beliefs(&candidates, (&lags, 1000), place))[0];
        assert!((weight(&queue) - 0.5).abs() < 1e-9);
        queue.handed_on(candidates[0].key, 0.5);
        assert!((0.3..0.4).contains(&weight(&queue)), "{}", weight(&queue));
        queue.handed_on(candidates[0].key, 0.9);
        assert!(weight(&queue) < 0.02, "{}", weight(&queue));
    }
}
