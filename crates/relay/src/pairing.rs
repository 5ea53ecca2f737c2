//! Which outbound leg carries which inbound leg on: the joint assignment, and the model that it learns.
//!
//! The assignment serves pairs and counts, never the verdict.

use serde::{Deserialize, Serialize};

use crate::assign::{Assignment, Edge};
use crate::histogram::{Histogram, overhead_prior, size_prior};
use crate::leg::{Leg, Size};
use crate::spread::{Distance, Spread};

/// Probability per second of a start or an end that has nothing to do with the other leg.
const UNRELATED: f64 = 1.0 / 60.0;
/// Share of pairs whose sizes fit no mode (a leg cut short by a reset, lost packets).
const ODD: f64 = 0.02;
/// Payload of a full segment on Ethernet, with and without TCP time stamps.
const SEGMENTS: [i64; 2] = [1448, 1460];
/// Rounds of assignment and learning; it has settled after three on all captures.
const ROUNDS: usize = 4;
/// A pair without payload is only said where leaving it out would cost this much (natural logarithm).
pub const CLEAR_MARGIN: f64 = 3.0;

/// What the pairs of one service have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    overheads: Histogram,
    /// Sizes of inbound legs whose outbound leg carried nothing: the request and the refusal.
    refusals: Histogram,
    lags: Spread,
    ends: Spread,
    /// Pairs whose outbound leg has the client's source port (dante does that), and pairs that were asked.
    same_port: (f64, f64),
    /// Outbound legs with payload that were paired, and that might have been.
    share: (f64, f64),
}

impl Default for Model {
    fn default() -> Self {
        Self {
            overheads: Histogram::default(),
            refusals: Histogram::default(),
            lags: Spread::prior(Distance::Lag),
            ends: Spread::prior(Distance::End),
            same_port: (0.02, 1.0),
            share: (1.0, 2.0),
        }
    }
}

impl Model {
    /// This, knowing the overheads that the test has learned on its way.
    #[must_use]
    pub fn with_overheads(mut self, overheads: &Histogram) -> Self {
        if self.overheads.total() == 0.0 {
            self.overheads = overheads.clone();
        }
        self
    }

    /// Natural logarithm of how much likelier the two legs are as a pair than by chance; `None` where they cannot be.
    fn score(&self, inbound: &Leg, outbound: &Leg, background: &Histogram) -> Option<f64> {
        let resolution = i64::from(outbound.start.resolution.max(inbound.start.resolution));
        let mut score = (self.lags.density(inbound.lag_to(outbound, 0), resolution) / UNRELATED).ln();
        score += (self.share.0 / (self.share.1 - self.share.0 + 1.0)).ln();
        score += self.port_score(inbound, outbound);
        score += self.end_score(inbound, outbound, resolution);
        match (inbound.size(), outbound.size()) {
            (Some(i), Some(_)) if i.total() == 0 => return None,
            (Some(i), Some(o)) if o.total() > 0 => score += self.overhead_score(i, o, background),
            (Some(i), _) => score += (self.refusals.mixture(i, size_prior(i)) / size_prior(i)).ln(),
            (None, _) => {}
        }
        Some(score)
    }

    fn overhead_score(&self, inbound: Size, outbound: Size, background: &Histogram) -> f64 {
        let difference = inbound.minus(outbound);
        let mut fit = self.overheads.mixture(difference, overhead_prior(difference));
        if !difference.directed {
            for segment in SEGMENTS {
                for times in [-2, -1, 1, 2] {
                    let moved = Size { up: difference.up + times * segment, ..difference };
                    fit += ODD * self.overheads.mixture(moved, 0.0);
                }
            }
        }
        let null = background.mixture(outbound, size_prior(outbound));
        ((1.0 - ODD) * fit / null + ODD).ln()
    }

    fn port_score(&self, inbound: &Leg, outbound: &Leg) -> f64 {
        let same = self.same_port.0 / self.same_port.1;
        if inbound.peer.port == outbound.own.port { (same * 30_000.0).ln() } else { (1.0 - same).max(0.001).ln() }
    }

    fn end_score(&self, inbound: &Leg, outbound: &Leg, resolution: i64) -> f64 {
        let (Some(i), Some(o)) = (inbound.end, outbound.end) else { return 0.0 };
        if i.ending.is_timer() || o.ending.is_timer() {
            return 0.0;
        }
        (self.ends.density(o.at.since(i.at), resolution) / UNRELATED).max(0.02).ln()
    }

    /// Takes a pair.
    pub fn learn(&mut self, inbound: &Leg, outbound: &Leg) {
        let resolution = i64::from(outbound.start.resolution.max(inbound.start.resolution));
        self.lags.add(inbound.lag_to(outbound, 0), resolution, 1.0);
        self.same_port.1 += 1.0;
        self.same_port.0 += f64::from(u8::from(inbound.peer.port == outbound.own.port));
        if let (Some(i), Some(o)) = (inbound.end, outbound.end)
            && !i.ending.is_timer()
            && !o.ending.is_timer()
        {
            self.ends.add(o.at.since(i.at), resolution, 1.0);
        }
        match (inbound.size(), outbound.size()) {
            (Some(i), Some(o)) if o.total() > 0 => self.overheads.add(i.minus(o), 1.0),
            (Some(i), _) => self.refusals.add(i, 1.0),
            (None, _) => {}
        }
    }

    /// Takes that an outbound leg might have been one of this service's, and whether it was.
    pub fn learn_share(&mut self, paired: bool) {
        self.share.1 += 1.0;
        self.share.0 += f64::from(u8::from(paired));
    }
}

/// An inbound leg that may be paired.
#[derive(Clone, Copy, Debug)]
pub struct Inbound<'a> {
    /// Which model it belongs to.
    pub service: usize,
    /// The leg.
    pub leg: &'a Leg,
}

/// An outbound leg and the inbound legs that were open when it started.
#[derive(Clone, Debug)]
pub struct Outbound<'a> {
    /// The leg.
    pub leg: &'a Leg,
    /// Indices of inbound legs.
    pub candidates: Vec<usize>,
}

/// A pair that the assignment made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// Index of the inbound leg.
    pub inbound: usize,
    /// What the whole would lose without it, in natural logarithms.
    pub margin: f64,
}

/// Pairs `outbound` with `inbound`, starting from `models` (one for each service). `None` for a leg that stays alone.
#[must_use]
pub fn pair(inbound: &[Inbound<'_>], outbound: &[Outbound<'_>], models: &[Model]) -> Vec<Option<Match>> {
    let mut background = Histogram::default();
    let mut learned = models.to_vec();
    let mut columns: Vec<Option<usize>> = Vec::new();
    for round in 1.. {
        let edges = edges(inbound, outbound, &learned, &background);
        let solved = Assignment::solve(&edges, inbound.len());
        let now: Vec<Option<usize>> = (0..outbound.len()).map(|row| solved.column_of(row)).collect();
        if round == ROUNDS || now == columns {
            return (0..outbound.len())
                .map(|row| now[row].map(|inbound| Match { inbound, margin: solved.margin(row) }))
                .collect();
        }
        columns = now;
        (learned, background) = refit(inbound, outbound, models, &columns);
    }
    Vec::new()
}

fn edges(inbound: &[Inbound<'_>], outbound: &[Outbound<'_>], models: &[Model], background: &Histogram) -> Vec<Vec<Edge>> {
    outbound
        .iter()
        .map(|out| {
            out.candidates
                .iter()
                .filter_map(|&column| {
                    let Inbound { service, leg } = inbound[column];
                    let score = models[service].score(leg, out.leg, background)?;
                    Some(Edge { column, score })
                })
                .collect()
        })
        .collect()
}

fn refit(
    inbound: &[Inbound<'_>],
    outbound: &[Outbound<'_>],
    models: &[Model],
    columns: &[Option<usize>],
) -> (Vec<Model>, Histogram) {
    let mut learned = models.to_vec();
    let mut background = Histogram::default();
    for (out, column) in outbound.iter().zip(columns) {
        let mut services: Vec<usize> = out.candidates.iter().map(|&c| inbound[c].service).collect();
        services.sort_unstable();
        services.dedup();
        let own = column.map(|c| inbound[c].service);
        if out.leg.has_payload() {
            for service in services {
                learned[service].learn_share(own == Some(service));
            }
        }
        match (column, out.leg.size()) {
            (Some(column), _) => learned[inbound[*column].service].learn(inbound[*column].leg, out.leg),
            (None, Some(size)) if size.total() > 0 => background.add(size, 1.0),
            (None, _) => {}
        }
    }
    (learned, background)
}
