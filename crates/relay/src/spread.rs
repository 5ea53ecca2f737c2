//! How two moments of a pair lie to each other: the lag between its starts, the gap between its ends.

use catspaw_records::Nanos;
use serde::{Deserialize, Serialize};

/// Which distance is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Distance {
    /// From the inbound leg's opening to the outbound leg's.
    Lag,
    /// From the inbound leg's end to the outbound leg's; negative where the outbound leg ended first.
    End,
    /// From the inbound leg's end to the outbound leg's opening: what a mail server takes to hand a message on; negative
    /// where it does so while its client is still there.
    Queue,
}

/// A bin up to `.0` milliseconds (from the one before it) and the weight that is believed before anything was seen.
type Bin = (i64, f64);

/// Measured proxies start within half a second, look-ups of names and busy hosts within ten; the rest is keep-alive.
const LAG: [Bin; 15] = [
    (60, 1.6),
    (120, 1.6),
    (250, 2.0),
    (500, 2.0),
    (1000, 1.4),
    (2000, 0.8),
    (3000, 0.4),
    (5000, 0.4),
    (10_000, 0.3),
    (20_000, 0.2),
    (60_000, 0.2),
    (300_000, 0.1),
    (900_000, 0.05),
    (3_600_000, 0.03),
    (14_400_000, 0.02),
];
/// Measured pairs end within a quarter of a second, a kept server leg some 19 s later, stragglers within a minute.
const END: [Bin; 15] = [
    (-60_000, 0.05),
    (-5000, 0.2),
    (-2000, 0.2),
    (-1000, 0.3),
    (-250, 0.8),
    (-50, 2.0),
    (50, 3.0),
    (250, 2.0),
    (1000, 0.8),
    (2000, 0.3),
    (5000, 0.2),
    (15_000, 0.2),
    (25_000, 0.3),
    (60_000, 0.2),
    (3_600_000, 0.05),
];
/// A message is handed on while the client is there, or after it has gone: up to 5 s, 15 s, a minute and five minutes
/// later, each as likely.
const QUEUE: [Bin; 15] = [
    (-60_000, 0.1),
    (-5000, 0.4),
    (-1000, 1.2),
    (-250, 1.2),
    (0, 1.2),
    (250, 1.0),
    (1000, 1.2),
    (2000, 0.8),
    (5000, 1.6),
    (8000, 0.5),
    (15_000, 1.2),
    (30_000, 0.6),
    (60_000, 1.2),
    (120_000, 0.4),
    (300_000, 1.2),
];
/// What is left of what is believed beforehand where moments only say which of several legs is meant.
const LIGHTLY: f64 = 0.2;
const BINS: usize = LAG.len();

/// Weighted counts of distances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    distance: Distance,
    counts: [f64; BINS],
}

impl Spread {
    /// What is believed before anything was seen.
    pub(crate) fn prior(distance: Distance) -> Self {
        Self { distance, counts: bins(distance).map(|(_, weight)| weight) }
    }

    /// The same, believed less.
    pub(crate) fn lightly(self) -> Self {
        Self { counts: self.counts.map(|count| count * LIGHTLY), ..self }
    }

    /// Whether it is about what is stored and then handed on.
    pub(crate) fn is_of_queue(&self) -> bool {
        self.distance == Distance::Queue
    }

    /// Without what was learned.
    pub(crate) fn afresh(&self) -> Self {
        Self::prior(self.distance)
    }

    /// Takes a distance of `nanos`, known to within `resolution`, with weight `weight`.
    pub(crate) fn add(&mut self, nanos: i64, resolution: i64, weight: f64) {
        let (from, to) = self.range(nanos, resolution);
        let share = weight / (to - from + 1) as f64;
        for count in &mut self.counts[from..=to] {
            *count += share;
        }
    }

    /// Probability per second of a distance of `nanos` known to within `resolution`.
    pub(crate) fn density(&self, nanos: i64, resolution: i64) -> f64 {
        self.density_without(nanos, resolution, 0.0)
    }

    /// The same, as if this distance had not been taken with weight `own`.
    pub(crate) fn density_without(&self, nanos: i64, resolution: i64, own: f64) -> f64 {
        let total = self.counts.iter().sum::<f64>() - own;
        let (from, to) = self.range(nanos, resolution);
        let mass = self.counts[from..=to].iter().sum::<f64>() - own;
        let bins = bins(self.distance);
        let start = match (from, self.distance) {
            (0, Distance::Lag) => 0,
            (0, Distance::End | Distance::Queue) => -3_600_000,
            _ => bins[from - 1].0,
        };
        mass / total / ((bins[to].0 - start) as f64 / 1000.0)
    }

    /// The bins that a distance may lie in: stamps of one second's resolution blur it by a second each way.
    fn range(&self, nanos: i64, resolution: i64) -> (usize, usize) {
        let bins = bins(self.distance);
        let millis = |ns: i64| ns.div_euclid(Nanos::SECOND / 1000);
        let of = |ms: i64| bins.iter().position(|&(edge, _)| ms < edge).unwrap_or(BINS - 1);
        let blur = if resolution > Nanos::SECOND / 100 { resolution } else { 0 };
        let least = if self.distance == Distance::Lag { 0 } else { i64::MIN };
        (of(millis(nanos.saturating_sub(blur)).max(least)), of(millis(nanos.saturating_add(blur)).max(least)))
    }
}

const fn bins(distance: Distance) -> [Bin; BINS] {
    match distance {
        Distance::Lag => LAG,
        Distance::End => END,
        Distance::Queue => QUEUE,
    }
}
