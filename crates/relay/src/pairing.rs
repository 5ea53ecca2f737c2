//! Which outbound leg carries which inbound leg on: the joint assignment, and the model that it learns.
//!
//! The assignment serves pairs and counts, never the verdict.

use std::collections::BTreeMap;

use catspaw_records::ByteKind;
use serde::{Deserialize, Serialize};

use crate::assign::{Assignment, Edge, Edges};
use crate::groups::Groups;
use crate::habits::Habits;
use crate::histogram::{Histogram, mail_prior, overhead_prior, size_prior};
use crate::leg::{Leg, Size};
use crate::service::queued_for;
use crate::spread::{Distance, Spread};
use crate::talk::Fit;

/// Probability per second of a start or an end that has nothing to do with the other leg.
pub(crate) const UNRELATED: f64 = 1.0 / 60.0;
/// Share of pairs whose sizes fit no mode (a leg cut short by a reset, lost packets).
const ODD: f64 = 0.05;
/// Share of mail whose size says nothing of what came in: every recipient was refused, so that nothing was handed over.
const UNLIKE: f64 = 0.15;
/// Payload of a full segment on Ethernet, with and without TCP time stamps.
const SEGMENTS: [i64; 2] = [1448, 1460];
/// Legs that both ended as they should, and whose sizes say so much against it (natural logarithm), are no pair: nothing was cut short.
const UNFIT: f64 = -2.5;
/// Scores below are not told apart where something was said.
const LEAST_SCORE: f64 = -50.0;
/// Rounds of assignment and learning; it has settled after three on all captures.
const ROUNDS: usize = 4;
/// A pair without payload is only said where leaving it out would cost this much (natural logarithm).
pub(crate) const CLEAR_MARGIN: f64 = 3.0;

/// What the pairs of one service have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Model {
    overheads: Histogram,
    /// Sizes of inbound legs whose outbound leg carried nothing: the request and the refusal.
    refusals: Histogram,
    lags: Spread,
    ends: Spread,
    /// Of mail: from the inbound leg's end to the outbound leg's opening.
    queue: Spread,
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
            lags: Spread::prior(Distance::Lag).lightly(),
            ends: Spread::prior(Distance::End),
            queue: Spread::prior(Distance::Queue).lightly(),
            same_port: (0.02, 1.0),
            share: (1.0, 2.0),
        }
    }
}

impl Model {
    /// Share of pairs whose outbound leg has the client's source port.
    pub(crate) fn same_ports(&self) -> f64 {
        self.same_port.0 / self.same_port.1
    }

    /// This, with the overheads that the service's test has learned on its way.
    pub(crate) fn with_overheads(mut self, overheads: &Histogram) -> Self {
        self.overheads = overheads.clone();
        self
    }

    /// Natural logarithm of how much likelier the two legs are as a pair than by chance; `None` where they cannot be.
    fn score(&self, inbound: &Leg, outbound: &Leg, background: &Histogram, before: Before<'_>) -> Option<f64> {
        let resolution = i64::from(outbound.start.resolution.max(inbound.start.resolution));
        let mut score = (self.lag_density(inbound, outbound) / UNRELATED).ln();
        score += (self.share.0 / (self.share.1 - self.share.0 + 1.0)).ln();
        score += self.port_score(inbound, outbound);
        score += self.end_score(inbound, outbound, resolution);
        match (inbound.size(), outbound.size()) {
            (Some(i), Some(_)) if i.total() == 0 => return None,
            (Some(i), Some(o)) if o.total() > 0 => score += self.overhead_score(i, o, background, before),
            (Some(i), _) => {
                let own = before.size();
                score += (self.refusals.mixture_without(i, size_prior(i), own.as_slice()) / size_prior(i)).ln();
            }
            (None, _) => {}
        }
        Some(score)
    }

    /// Probability per second of the lag between the legs.
    fn lag_density(&self, inbound: &Leg, outbound: &Leg) -> f64 {
        let resolution = i64::from(outbound.start.resolution.max(inbound.start.resolution));
        self.lags.density(inbound.lag_to(outbound, 0), resolution)
    }

    /// The same of the gap between their ends.
    fn end_density(&self, inbound: &Leg, outbound: &Leg) -> f64 {
        let resolution = i64::from(outbound.start.resolution.max(inbound.start.resolution));
        let ends = inbound.end.zip(outbound.end);
        ends.map_or(UNRELATED, |(i, o)| self.ends.density(o.at.since(i.at), resolution))
    }

    fn overhead_score(&self, inbound: Size, outbound: Size, background: &Histogram, before: Before<'_>) -> f64 {
        let alone = matches!(before, Before::Alone);
        let null = background.mixture_without(outbound, size_prior(outbound), &[outbound][..usize::from(alone)]);
        let learned = before.size().and_then(|inbound| inbound.minus(outbound));
        let legs = (inbound, outbound);
        let score = |difference| {
            // The test has learned from it, too.
            let own = [difference, learned.unwrap_or(difference)];
            self.difference_score(legs, difference, null, &own[..1 + usize::from(learned.is_some())])
        };
        // Counts of unlike things speak neither for nor against a pair.
        inbound.minus(outbound).map_or(0.0, score)
    }

    /// Natural logarithm of how much likelier the difference of two legs is as a pair's than at `null`, by what was learned from
    /// pairs other than those with the differences `left_out`.
    pub(crate) fn difference_score(
        &self,
        (inbound, outbound): (Size, Size),
        difference: Size,
        null: f64,
        left_out: &[Size],
    ) -> f64 {
        let mut fit = self.overheads.mixture_without(difference, overhead_prior(difference), left_out);
        if !difference.directed {
            for segment in SEGMENTS {
                for times in [-2_i64, -1, 1, 2] {
                    // What came twice is in what came.
                    let longer = if times < 0 { outbound } else { inbound };
                    if longer.total() < (times.abs() + 1) * segment {
                        continue;
                    }
                    let moved = Size { up: difference.up + times * segment, ..difference };
                    fit += ODD * self.overheads.mixture(moved, 0.0);
                }
            }
        }
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

    /// Takes the difference of a pair, unless it fits so badly that it is more likely no pair alone: what came in on one
    /// leg and went out on several would teach nonsense.
    fn learn_overhead(
        &mut self,
        inbound: &Leg,
        outbound: &Leg,
        previous: &Self,
        background: &Histogram,
        before: Before,
    ) {
        let (Some(i), Some(o)) = (inbound.size(), outbound.size()) else { return };
        if o.total() > 0
            && previous.overhead_score(i, o, background, before) > 0.0
            && let Some(difference) = i.minus(o)
        {
            self.overheads.add(difference, 1.0);
        }
    }

    /// What the moments say of mail (natural logarithm of how much likelier as a pair), by pairs other than this one, which may
    /// have been `learned` from.
    pub(crate) fn mail_time_score(&self, inbound: &Leg, outbound: &Leg, learned: bool) -> f64 {
        let resolution = i64::from(outbound.start.resolution.max(inbound.start.resolution));
        let own = f64::from(u8::from(learned));
        let queued = self.queue.density_without(queued_for(inbound, outbound, 0), resolution, own);
        let lagged = self.lags.density_without(inbound.lag_to(outbound, 0), resolution, own);
        (queued.max(lagged) / UNRELATED).ln()
    }

    /// What the sizes say of mail, by pairs other than those of the inbound leg, with the differences `own` (to which this one's is
    /// added), and by background without the sizes `copies`; 0 where one is not known, or nothing was sent.
    pub(crate) fn mail_size_score(
        &self,
        inbound: &Leg,
        outbound: &Leg,
        (background, copies): (&Histogram, &[Size]),
        own: &mut Vec<Size>,
    ) -> f64 {
        let (Some(difference), Some(o)) = (mail_difference(inbound, outbound), outbound.size()) else { return 0.0 };
        let o = o.upload();
        let null = background.mixture_without(o, size_prior(o), copies);
        // The test has learned from this one, too.
        own.push(difference);
        let fit = self.overheads.mixture_without(difference, mail_prior(difference), own);
        ((1.0 - UNLIKE) * fit / null + UNLIKE).ln()
    }

    /// Takes a pair of mail.
    pub(crate) fn learn_mail(&mut self, inbound: &Leg, outbound: &Leg) {
        let resolution = i64::from(outbound.start.resolution.max(inbound.start.resolution));
        self.queue.add(queued_for(inbound, outbound, 0), resolution, 1.0);
        self.lags.add(inbound.lag_to(outbound, 0), resolution, 1.0);
        if let Some(difference) = mail_difference(inbound, outbound) {
            self.overheads.add(difference, 1.0);
        }
    }

    /// Takes a pair, but for its difference.
    pub(crate) fn learn(&mut self, inbound: &Leg, outbound: &Leg) {
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
            (Some(_), Some(o)) if o.total() > 0 => {}
            (Some(i), _) => self.refusals.add(i, 1.0),
            (None, _) => {}
        }
    }

    /// Takes that an outbound leg might have been one of this service's, and whether it was.
    pub(crate) fn learn_share(&mut self, paired: bool) {
        self.share.1 += 1.0;
        self.share.0 += f64::from(u8::from(paired));
    }
}

/// What was sent to the host, less what it sent on, where that is known and anything was.
pub(crate) fn mail_difference(inbound: &Leg, outbound: &Leg) -> Option<Size> {
    let (i, o) = (inbound.size()?.upload(), outbound.size()?.upload());
    i.minus(o).filter(|_| o.up > 0)
}

/// What was learned of an outbound leg in the round before, which is left out where it is scored: a pair does not vouch for itself,
/// nor for another in its place, nor does a leg that was left alone against all its pairs.
#[derive(Clone, Copy, Debug)]
enum Before<'a> {
    /// It was a pair with this inbound leg.
    Paired(&'a Leg),
    /// It stayed alone.
    Alone,
    /// There was none.
    Nothing,
}

impl<'a> Before<'a> {
    /// Of outbound leg `row`, going by the assignment of the round before.
    fn of(columns: &[Option<usize>], row: usize, inbound: &[Inbound<'a>]) -> Self {
        match columns.get(row) {
            Some(Some(column)) => Self::Paired(inbound[*column].leg),
            Some(None) => Self::Alone,
            None => Self::Nothing,
        }
    }

    /// What the inbound leg carried that it was a pair with.
    fn size(self) -> Option<Size> {
        match self {
            Self::Paired(inbound) => inbound.size(),
            Self::Alone | Self::Nothing => None,
        }
    }
}

/// An inbound leg that may be paired.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inbound<'a> {
    /// Which model it belongs to.
    pub(crate) service: usize,
    /// The leg.
    pub(crate) leg: &'a Leg,
}

/// An outbound leg and the inbound legs that were open when it started.
#[derive(Clone, Debug)]
pub(crate) struct Outbound<'a> {
    /// The leg.
    pub(crate) leg: &'a Leg,
    /// Indices of inbound legs.
    pub(crate) candidates: Vec<usize>,
    /// What the moments at which both legs carried the same, or the one brought mail, say of each, in natural logarithms; empty
    /// where none is known.
    pub(crate) handed: Vec<f64>,
    /// How well what was said fits, the same of all candidates.
    pub(crate) fit: Fit,
}

/// A pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Match {
    /// Index of the inbound leg.
    pub(crate) inbound: usize,
    /// Index of the outbound leg.
    pub(crate) outbound: usize,
    /// What the whole would lose without it, in natural logarithms.
    pub(crate) margin: f64,
    /// What the sizes say of it, in natural logarithms; 0 where one is not known.
    pub(crate) size_score: f64,
}

/// Takes out the pairs whose legs both ended as they should, and whose sizes say so much against it: nothing was cut short. They must be
/// those of the payload, each byte once, by directions; what is reckoned, or holds what came twice, differs for other reasons. Legs that
/// are carried on together are judged together.
fn drop_unfit(matches: &mut Vec<Match>, inbound: &[Inbound<'_>], outbound: &[Outbound<'_>]) {
    let mut legs: BTreeMap<usize, usize> = BTreeMap::new();
    matches.iter().for_each(|m| *legs.entry(m.inbound).or_default() += 1);
    matches.retain(|m| {
        let out = &outbound[m.outbound];
        let whole = inbound[m.inbound].leg.completed() && out.leg.completed();
        let exact = out.leg.size().is_some_and(|size| size.directed && size.kind == ByteKind::Payload);
        legs[&m.inbound] > 1 || out.fit >= Fit::Target || !whole || !exact || m.size_score > UNFIT
    });
}

impl Outbound<'_> {
    /// The services of its candidates.
    pub(crate) fn services(&self, inbound: &[Inbound<'_>]) -> Vec<usize> {
        let mut services: Vec<usize> = self.candidates.iter().map(|&c| inbound[c].service).collect();
        services.sort_unstable();
        services.dedup();
        services
    }
}

/// The outbound legs with the inbound ones that carry them best, and what was learned on the way there.
#[derive(Debug)]
pub(crate) struct Pairing<'a> {
    inbound: &'a [Inbound<'a>],
    outbound: &'a [Outbound<'a>],
    learned: Vec<Model>,
    background: Histogram,
    /// The columns of the round before, from which that was learned.
    before: Vec<Option<usize>>,
    solved: Assignment,
}

impl<'a> Pairing<'a> {
    /// Assigns and learns by turns, starting from `models` (one for each service).
    pub(crate) fn of(inbound: &'a [Inbound<'a>], outbound: &'a [Outbound<'a>], models: &[Model]) -> Self {
        let mut background = Histogram::default();
        let mut learned = models.to_vec();
        let mut habits = Habits::default();
        let mut columns: Vec<Option<usize>> = Vec::new();
        let mut round = 0;
        loop {
            round += 1;
            let edges = edges(inbound, outbound, (&learned, &habits, &background), &columns);
            let solved = Assignment::solve(edges, inbound.len());
            let now: Vec<Option<usize>> = (0..outbound.len()).map(|row| solved.column_of(row)).collect();
            if round == ROUNDS || now == columns {
                return Self { inbound, outbound, learned, background, before: columns, solved };
            }
            let before = std::mem::replace(&mut columns, now);
            let paired = outbound.iter().zip(&columns).enumerate();
            habits = Habits::of(paired.filter_map(|(number, (out, column))| {
                let Inbound { service, leg } = inbound[(*column)?];
                Some((service, leg, (number, out.leg)))
            }));
            (learned, background) = refit(inbound, outbound, (models, &learned, &background), (&before, &columns));
        }
    }

    /// The pairs, sorted by outbound leg; a leg that stays alone is not there.
    pub(crate) fn matches(&self) -> Vec<Match> {
        self.matches_of(&self.solved, &[])
    }

    /// The same by what was learned, where the outbound legs `left_out`, which are sorted, have other causes.
    pub(crate) fn matches_without(&self, left_out: &[usize]) -> Vec<Match> {
        self.matches_of(&self.solved.without(left_out), left_out)
    }

    fn matches_of(&self, solved: &Assignment, left_out: &[usize]) -> Vec<Match> {
        let matched = |row| {
            let column = solved.column_of(row)?;
            let (margin, size_score) = (solved.margin(row), self.size_score(row, column));
            Some(Match { inbound: column, outbound: row, margin, size_score })
        };
        let mut matches: Vec<Match> = (0..self.outbound.len()).filter_map(matched).collect();
        Groups::new(self.inbound, self.outbound, &self.learned).extend(&mut matches, left_out);
        drop_unfit(&mut matches, self.inbound, self.outbound);
        matches.sort_by_key(|m| (m.outbound, m.inbound));
        matches
    }

    /// What the sizes say of a pair; 0 where one is not known.
    fn size_score(&self, row: usize, column: usize) -> f64 {
        let Inbound { service, leg } = self.inbound[column];
        let sizes = leg.size().zip(self.outbound[row].leg.size()).filter(|(_, o)| o.total() > 0);
        let before = Before::of(&self.before, row, self.inbound);
        sizes.map_or(0.0, |(i, o)| self.learned[service].overhead_score(i, o, &self.background, before))
    }
}

fn edges(
    inbound: &[Inbound<'_>],
    outbound: &[Outbound<'_>],
    (models, habits, background): (&[Model], &Habits, &Histogram),
    before: &[Option<usize>],
) -> Edges {
    let mut edges = Edges::default();
    for (number, out) in outbound.iter().enumerate() {
        let before = Before::of(before, number, inbound);
        let edge = |(at, &column): (usize, &usize)| {
            let Inbound { service, leg } = inbound[column];
            let model = &models[service];
            let as_any = (|| model.lag_density(leg, out.leg), || model.end_density(leg, out.leg));
            let own = habits.score(service, leg, (number, out.leg), as_any);
            let score = model.score(leg, out.leg, background, before).map(|score| score + own);
            let handed = out.handed.get(at).copied().unwrap_or_default();
            Some(Edge { column, score: said(out.fit, score)? + handed })
        };
        edges.push(out.candidates.iter().enumerate().filter_map(edge));
    }
    edges
}

/// The score with what was said: that weighs more than all statistics, which then only choose between several clients that
/// asked for the same.
fn said(fit: Fit, score: Option<f64>) -> Option<f64> {
    match fit {
        Fit::Never => None,
        Fit::Open | Fit::Addressed => score,
        Fit::Target => Some(score.unwrap_or(LEAST_SCORE).max(LEAST_SCORE) + 2.0 * -LEAST_SCORE),
        Fit::Carried => Some(score.unwrap_or(LEAST_SCORE).max(LEAST_SCORE) + 4.0 * -LEAST_SCORE),
    }
}

/// Learns from an assignment: from `start` on, and by the lights of the models and the background that it was made with.
fn refit(
    inbound: &[Inbound<'_>],
    outbound: &[Outbound<'_>],
    (start, previous, past): (&[Model], &[Model], &Histogram),
    (before, columns): (&[Option<usize>], &[Option<usize>]),
) -> (Vec<Model>, Histogram) {
    let mut learned = start.to_vec();
    let mut background = Histogram::default();
    for (row, (out, column)) in outbound.iter().zip(columns).enumerate() {
        let own = column.map(|c| inbound[c].service);
        if out.leg.has_payload() {
            for service in out.services(inbound) {
                learned[service].learn_share(own == Some(service));
            }
        }
        match (column, out.leg.size()) {
            (Some(column), _) => {
                let Inbound { service, leg } = inbound[*column];
                learned[service].learn(leg, out.leg);
                let before = Before::of(before, row, inbound);
                learned[service].learn_overhead(leg, out.leg, &previous[service], past, before);
            }
            (None, Some(size)) if size.total() > 0 => background.add(size, 1.0),
            (None, _) => {}
        }
    }
    (learned, background)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(up: i64) -> Size {
        Size { up, down: 0, directed: false, kind: ByteKind::PayloadRetransmitted }
    }

    #[test]
    fn a_segment_that_came_twice_is_in_what_came() {
        let mut model = Model::default();
        (0..30).for_each(|_| model.overheads.add(total(274), 1.0));
        let score = |inbound, outbound| {
            let legs = (total(inbound), total(outbound));
            model.overhead_score(legs.0, legs.1, &Histogram::default(), Before::Nothing)
        };
        // Two full segments came twice on the outbound leg.
        assert!(score(20_000 + 274, 20_000 + 2 * 1448) > 0.0);
        assert!(score(97, 97 - 274 + 2 * 1448) < -2.0, "it carried no more than they are");
        assert!(score(20_000 + 274 + 1460, 20_000) > 0.0);
        assert!(score(1460 + 290, 16) < -2.0);
    }
}
