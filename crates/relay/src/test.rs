//! The test martingale of one service: does it carry its inbound legs on?
//!
//! One factor per outbound leg. Under the null (the outbound sizes of this host are what its own past makes of them,
//! whatever came in) each factor has an expectation of at most one whatever was seen before, so the product is a
//! test martingale and `1/product` bounds the p-value at every moment (Ville). Everything in a factor is fixed by
//! what was known before the outbound leg's total was; only then is it learned from.

use catspaw_records::Nanos;
use serde::{Deserialize, Serialize};

use crate::copies::{ALIKE, Place};
use crate::exchange::{Calls, Exchange, ITSELF, ITSELF_PRESCRIBED, Recent};
use crate::histogram::{Histogram, Marginals, is_prescribed, mail_prior, overhead_prior, size_prior};
use crate::leg::Size;
use crate::queue::{Beliefs, Queue};
use crate::rare::Rare;
use crate::spread::{Distance, Spread};

/// Shares of relayed traffic among the host's outbound legs that are tried side by side.
pub(crate) const SHARES: [f64; 5] = [0.02, 0.1, 0.3, 0.6, 0.9];
/// No outbound leg is worth more than this factor: one page that is served and fetched in the same size is a coincidence
/// however improbable its size, so that a verdict always stands on several.
const MOST: f64 = 1000.0;
/// A candidate that contributes less is not compared with others: that could only make it less.
const WORTH_A_LOOK: f64 = 0.02;
/// Weight of a candidate whose end says nothing, of one that is still open though the outbound leg has ended some seconds
/// ago, and the least of one that ended at another time; in the densities (per second) of ends.
const UNKNOWN_END: f64 = 0.1;
const STILL_OPEN: f64 = 0.03;
const APART: f64 = 0.001;
/// After so many days without a leg that could be tested the evidence is dropped: it is not the same host any more.
const IDLE_DAYS: i32 = 30;
/// Days over which the error of thirty days is spent: half on the first, the rest evenly.
const DAYS: f64 = 30.0;

/// An inbound leg that may have caused an outbound one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    /// Which leg it is.
    pub(crate) key: (Nanos, u64),
    /// Nanoseconds from its opening to that of the outbound leg.
    pub(crate) lag: i64,
    /// How its end lies to that of the outbound leg.
    pub(crate) gap: Gap,
    /// What it carried; `None` while its total is not known.
    pub(crate) size: Option<Size>,
}

/// How an inbound leg's end lies to an outbound leg's, as far as that is known when the outbound leg's turn comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gap {
    /// Nanoseconds from the inbound leg's end to the outbound leg's.
    Apart(i64),
    /// One of them was ended by a timer, which says nothing of when the parties ended it.
    Timer,
    /// The inbound leg is still open.
    Open,
}

/// The inbound legs of the host, as far as they are known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inbound<'a> {
    /// Sizes of all of them.
    pub(crate) sizes: &'a Histogram,
    /// The last ones of the service.
    pub(crate) recent: &'a Recent,
}

/// State of the test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Test {
    overheads: Histogram,
    sizes: Histogram,
    directions: Marginals,
    matched_sizes: Histogram,
    lags: Spread,
    ends: Spread,
    /// The last outbound legs.
    calls: Calls,
    /// Of stored mail.
    queue: Rare<Queue>,
    /// The product for each share.
    capital: Capital<{ SHARES.len() }>,
}

impl Default for Test {
    fn default() -> Self {
        Self {
            overheads: Histogram::default(),
            sizes: Histogram::default(),
            directions: Marginals::default(),
            matched_sizes: Histogram::default(),
            lags: Spread::prior(Distance::Lag),
            ends: Spread::prior(Distance::End),
            calls: Calls::default(),
            queue: Rare::default(),
            capital: Capital::default(),
        }
    }
}

impl Test {
    /// A test of what is handed on after it was taken in: candidates' lags run from their ends.
    pub(crate) fn of_queue() -> Self {
        Self { lags: Spread::prior(Distance::Queue), ..Self::default() }
    }

    /// The overheads that it has learned.
    pub(crate) fn overheads(&self) -> &Histogram {
        &self.overheads
    }

    /// Natural logarithm of the ratio: the mean over the shares.
    pub(crate) fn log_ratio(&self) -> f64 {
        log_mean(&self.capital.logs())
    }

    /// Takes one outbound leg of size `size` (known to within `resolution` nanoseconds in time) with the inbound
    /// legs that were open when it started, on civil day `day`. Of a letter it is said how it lies to others.
    ///
    /// Where few letters go out together, copies are left out. Whatever else the host sends has then a size outside of theirs, and is
    /// as much likelier than the null says as theirs are likely by it: by that its ratio is made smaller. Where many go out together
    /// that would cost too much: copies are taken, and may speak against and not for, as what they copy has spoken already.
    /// Gives back the logarithms of the factors by which the alternatives were multiplied, if it was taken.
    pub(crate) fn take(
        &mut self,
        (size, place): (Size, Option<&Place<'_>>),
        resolution: i64,
        candidates: &[Candidate],
        inbound: Inbound<'_>,
        day: i32,
    ) -> Option<[f64; SHARES.len()]> {
        self.spend(day);
        let chance = place.and_then(|place| self.chance_of_a_copy(place, inbound.sizes));
        let is_copy = place.is_some_and(|place| place.copy);
        if is_copy && chance.is_some() {
            return None;
        }
        let null = self.null(size, place, candidates, inbound.sizes);
        let beliefs = place.map(|place| self.queue.make().beliefs(candidates, (&self.lags, resolution), place));
        let weights = self.weights(resolution, candidates, beliefs.as_ref());
        let ratios: Vec<f64> =
            candidates.iter().zip(&weights).map(|(c, &w)| self.ratio(size, c, w, null, inbound.recent)).collect();
        let explained: f64 = weights.iter().zip(&ratios).map(|(w, r)| w * r).sum();
        let worth = if is_copy { explained.min(1.0) } else { explained * (1.0 - chance.unwrap_or(0.0)) };
        let share = self.believed_share();
        let factors = SHARES.map(|pi| (1.0 - pi + pi * worth).min(MOST).ln());
        self.capital.multiply(factors);
        if is_copy {
            return Some(factors);
        }
        if let Some(beliefs) = beliefs {
            self.queue.make().judge(&beliefs, &ratios, share);
        }
        self.learn(size, resolution, candidates, &weights, &ratios, share / (1.0 - share + share * explained));
        Some(factors)
    }

    /// How likely a letter is, whatever it is, to be as long as one that goes out together with it, by the witness that finds it
    /// likeliest; `None` where copies are not left out.
    fn chance_of_a_copy(&self, place: &Place<'_>, inbound: &Histogram) -> Option<f64> {
        let witnesses = [&self.sizes, &self.matched_sizes, place.sizes, inbound];
        let near = |size: Size| {
            let prior = (2 * ALIKE + 1) as f64 * size_prior(Size { up: size.up - ALIKE, ..size });
            witnesses.iter().map(|witness| witness.share_near(size, ALIKE)).fold(prior, f64::max)
        };
        let beside = place.beside.as_ref()?;
        Some(beside.iter().map(|&size| near(size)).sum::<f64>().min(1.0))
    }

    /// How likely an outbound leg of this size is anyway. Five witnesses, and the one that finds it likeliest counts:
    /// the host's outbound sizes, each direction of them on its own, those of them that looked like a relay's, of letters those of
    /// copies too, and the sizes of what came in by other legs (what a server serves and what it fetches often come from one
    /// catalogue).
    fn null(&self, size: Size, place: Option<&Place<'_>>, candidates: &[Candidate], inbound: &Histogram) -> f64 {
        let prior = size_prior(size);
        let own: Vec<Size> = candidates.iter().filter_map(|c| c.size).collect();
        self.sizes
            .sharpest(size, prior)
            .max(self.directions.sharpest(size))
            .max(self.matched_sizes.sharpest(size, prior))
            .max(place.map_or(0.0, |place| place.sizes.sharpest(size, 0.0)))
            .max(inbound.repeats_without(size, &own))
    }

    /// How much likelier the outbound size is as this candidate's than as the host's own, or as another leg's.
    fn ratio(&self, size: Size, candidate: &Candidate, weight: f64, null: f64, recent: &Recent) -> f64 {
        candidate.size.map_or(1.0, |inbound| {
            let Some(difference) = inbound.minus(size) else { return 1.0 };
            let fit = self.overheads.mixture(difference, self.prior(difference));
            if weight * fit < WORTH_A_LOOK * null {
                return fit / null;
            }
            let exchange = Exchange { recent, calls: &self.calls, uploads: self.lags.is_of_queue() };
            let key = candidate.key;
            let at_random = if exchange.uploads || is_prescribed(difference) {
                let learned = |difference| self.overheads.learned(difference);
                exchange.at_random(learned, ITSELF_PRESCRIBED, key, inbound, size).max(fit / exchange.most(key))
            } else {
                let believed = |difference| self.overheads.mixture(difference, self.prior(difference));
                exchange.at_random(believed, ITSELF, key, inbound, size)
            };
            fit / null.max(at_random).max(exchange.alike(&self.overheads, key, inbound, size))
        })
    }

    fn prior(&self, difference: Size) -> f64 {
        if self.lags.is_of_queue() { mail_prior(difference) } else { overhead_prior(difference) }
    }

    /// How much each candidate is meant, going by time alone (both legs of a session begin and end together), or of mail by
    /// `beliefs` of its queue.
    fn weights(&self, resolution: i64, candidates: &[Candidate], beliefs: Option<&Beliefs>) -> Vec<f64> {
        if let (Some(beliefs), Some(queue)) = (beliefs, self.queue.get()) {
            return queue.weights(beliefs);
        }
        let weight = |c: &Candidate| self.lags.density(c.lag, resolution) * self.end_weight(c.gap, resolution);
        normal(candidates.iter().map(weight).collect())
    }

    fn end_weight(&self, gap: Gap, resolution: i64) -> f64 {
        match gap {
            Gap::Apart(nanos) => self.ends.density(nanos, resolution).max(APART),
            Gap::Timer => UNKNOWN_END,
            Gap::Open => STILL_OPEN,
        }
    }

    /// The mean share, weighted by how well each has done so far.
    fn believed_share(&self) -> f64 {
        let logs = self.capital.logs();
        let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if top == f64::NEG_INFINITY {
            return 0.5;
        }
        let (mut sum, mut share) = (0.0, 0.0);
        for (log, pi) in logs.iter().zip(SHARES) {
            let weight = if log - top < NOTHING { 0.0 } else { (log - top).exp() };
            sum += weight;
            share += weight * pi;
        }
        share / sum
    }

    fn learn(
        &mut self,
        size: Size,
        resolution: i64,
        candidates: &[Candidate],
        weights: &[f64],
        ratios: &[f64],
        factor: f64,
    ) {
        self.sizes.add(size, 1.0);
        self.directions.add(size);
        self.keep(size, candidates, weights);
        let mut matched = 0.0;
        for ((candidate, weight), ratio) in candidates.iter().zip(weights).zip(ratios) {
            let Some(difference) = candidate.size.and_then(|inbound| inbound.minus(size)) else { continue };
            let responsibility = factor * weight * ratio;
            if responsibility > 0.01 {
                if let Some(queue) = self.queue.get_mut() {
                    queue.handed_on(candidate.key, responsibility);
                }
                self.overheads.add(difference, responsibility);
                self.lags.add(candidate.lag, resolution, responsibility);
                if let Gap::Apart(nanos) = candidate.gap {
                    self.ends.add(nanos, resolution, responsibility);
                }
                matched += responsibility;
            }
        }
        if matched > 0.0 {
            self.matched_sizes.add(size, matched);
        }
    }

    fn keep(&mut self, size: Size, candidates: &[Candidate], weights: &[f64]) {
        let known = candidates.iter().zip(weights).filter(|(candidate, _)| candidate.size.is_some());
        if let Some((cause, _)) = known.max_by(|a, b| a.1.total_cmp(b.1)) {
            self.calls.keep(cause.key, size);
        }
    }

    /// Puts in the capital of a new day; after thirty idle ones the evidence is dropped.
    fn spend(&mut self, day: i32) {
        if self.capital.is_idle_on(day) {
            *self = Self { lags: self.lags.afresh(), ..Self::default() };
        }
        self.capital.spend(day);
    }
}

/// Weights that add up to one.
pub(crate) fn normal(mut weights: Vec<f64>) -> Vec<f64> {
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= sum);
    weights
}

/// Ratios of alternatives that are tried side by side, and the capital that each day brings: a relay that starts on day
/// twelve is judged as if the days before had not used its evidence up. The sum over thirty days is one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Capital<const N: usize> {
    /// Natural logarithm of the product for each alternative, capital not yet spent left out.
    #[serde(with = "logs")]
    logs: [f64; N],
    days: u32,
    last_day: Option<i32>,
}

impl<const N: usize> Default for Capital<N> {
    fn default() -> Self {
        Self { logs: [f64::NEG_INFINITY; N], days: 0, last_day: None }
    }
}

impl<const N: usize> Capital<N> {
    /// Natural logarithms of the products.
    pub(crate) fn logs(&self) -> [f64; N] {
        self.logs
    }

    /// Multiplies each by a factor of the logarithm `factors`.
    pub(crate) fn multiply(&mut self, factors: [f64; N]) {
        for (log, factor) in self.logs.iter_mut().zip(factors) {
            *log += factor;
        }
    }

    fn is_idle_on(&self, day: i32) -> bool {
        self.last_day.is_some_and(|last| day - last > IDLE_DAYS)
    }

    /// Puts in the capital of day `day`, once. Gives back whether what was there was dropped, after thirty idle days.
    pub(crate) fn spend(&mut self, day: i32) -> bool {
        if self.last_day.is_some_and(|last| last >= day) {
            return false;
        }
        let idle = self.is_idle_on(day);
        if idle {
            *self = Self::default();
        }
        self.last_day = Some(day);
        let capital: f64 = if self.days == 0 { 0.5 } else { 0.5 / (DAYS - 1.0) };
        for log in &mut self.logs {
            *log = log_sum(*log, capital.ln());
        }
        self.days = self.days.saturating_add(1);
        idle
    }
}

/// Arrays of any length, as lists.
mod logs {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer, const N: usize>(logs: &[f64; N], to: S) -> Result<S::Ok, S::Error> {
        logs.as_slice().serialize(to)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>, const N: usize>(from: D) -> Result<[f64; N], D::Error> {
        let logs = Vec::<f64>::deserialize(from)?;
        logs.try_into().map_err(|_| D::Error::custom("another number of alternatives"))
    }
}

/// The exponential of less than this is 0, and takes long to find out.
const NOTHING: f64 = -750.0;
/// That of less than this is too small to be seen beside 1.
const UNSEEN: f64 = -40.0;

fn log_sum(a: f64, b: f64) -> f64 {
    let top = a.max(b);
    let less = a.min(b) - top;
    if top == f64::NEG_INFINITY || less < UNSEEN { top } else { top + (1.0 + less.exp()).ln() }
}

/// Keeps the larger.
pub(crate) fn raise(largest: &mut Option<f64>, value: f64) {
    *largest = Some(largest.map_or(value, |largest| largest.max(value)));
}

/// Logarithm of the mean of what `logs` are the logarithms of.
pub(crate) fn log_mean(logs: &[f64]) -> f64 {
    logs.iter().copied().fold(f64::NEG_INFINITY, log_sum) - (logs.len() as f64).ln()
}

#[cfg(test)]
mod tests {
    use catspaw_records::ByteKind;

    use super::*;

    fn size(up: i64) -> Size {
        Size { up, down: 0, directed: false, kind: ByteKind::PayloadRetransmitted }
    }

    /// Takes a session of a SOCKS relay on each day from `from` on.
    fn sessions(test: &mut Test, from: i32, count: i32) {
        let (sizes, mut recent) = (Histogram::default(), Recent::default());
        for day in from..from + count {
            let out = 1000 + i64::from(day) * 7919 % 30_011;
            let key = (Nanos::from_secs(i64::from(day) * 86_400), 0);
            let inbound = Candidate { key, lag: 0, gap: Gap::Apart(0), size: Some(size(out + 25)) };
            recent.keep(key, size(out + 25));
            let known = Inbound { sizes: &sizes, recent: &recent };
            test.take((size(out), None), 1_000_000_000, &[inbound], known, day);
        }
    }

    #[test]
    fn evidence_runs_on_over_days_and_is_dropped_after_thirty_idle_ones() {
        let mut test = Test::default();
        sessions(&mut test, 0, 8);
        let before = test.log_ratio();
        assert!(before > 10.0, "{before}");
        sessions(&mut test, 8 + 29, 1);
        assert!(test.log_ratio() > before, "{}", test.log_ratio());
        sessions(&mut test, 38 + 31, 1);
        assert!(test.log_ratio() < 5.0, "{}", test.log_ratio());
    }

    /// Natural logarithm of the largest ratio while 12 pieces go out and others come in: each of 1 to 8 blocks, and a header.
    fn largest_of_pieces(seed: u64) -> f64 {
        let mut state = seed;
        let mut below = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % n) as i64
        };
        let mut piece = || size(65_536 * (1 + below(8)) + 400 + below(240));
        let (mut test, mut sizes, mut recent) = (Test::default(), Histogram::default(), Recent::default());
        let mut largest = f64::NEG_INFINITY;
        for n in 0..12 {
            let (came, went, key) = (piece(), piece(), (Nanos::from_secs(n * 60), 0));
            sizes.add(came, 1.0);
            recent.keep(key, came);
            let candidate = Candidate { key, lag: 0, gap: Gap::Apart(0), size: Some(came) };
            test.take((went, None), 1_000_000_000, &[candidate], Inbound { sizes: &sizes, recent: &recent }, 0);
            largest = largest.max(test.log_ratio());
        }
        largest
    }

    #[test]
    fn pieces_of_one_size_that_meet_are_no_evidence() {
        let hosts: Vec<f64> = (0..2000).map(largest_of_pieces).collect();
        let reaching = |ratio: f64| hosts.iter().filter(|largest| **largest >= ratio.ln()).count();
        // Nearly as rare as claimed, for a host that always has one piece coming in when another goes out.
        assert!(reaching(1e4) <= 10 && reaching(1e6) == 0, "{} and {} of 2000", reaching(1e4), reaching(1e6));
    }
}
