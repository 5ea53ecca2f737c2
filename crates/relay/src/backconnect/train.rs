//! What went up and down a far end's connections lately, as runs of payload.

use std::collections::VecDeque;

use catspaw_records::{Asked, Burst, Nanos, Side};
use serde::{Deserialize, Serialize};

/// Nanoseconds of it that are kept: an opening is known a round trip after its SYN, and looked at when the runs around it
/// are known.
const KEPT: i64 = 10 * Nanos::SECOND;
/// Runs one way that are kept at most.
const RUNS: usize = 4096;
/// Runs before a moment that are looked at for one that still lasts then: connections to one far end overlap.
const OVERLAP: usize = 8;

/// A run of payload one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) first: Nanos,
    pub(super) last: Nanos,
    pub(super) bytes: u32,
}

impl Run {
    /// Of a burst.
    pub(super) fn of(burst: &Burst) -> Self {
        Self { first: burst.first, last: burst.last.max(burst.first), bytes: burst.bytes }
    }

    /// Of what a burst answers.
    pub(super) fn asked(asked: &Asked) -> Self {
        Self { first: asked.first, last: asked.last.max(asked.first), bytes: asked.bytes }
    }
}

/// Runs one way, by their beginnings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Way {
    runs: VecDeque<Run>,
    /// Before this some are missing.
    whole_from: Option<Nanos>,
}

impl Way {
    fn put(&mut self, run: Run, now: Nanos) {
        let place = self.runs.iter().rev().take_while(|kept| kept.first > run.first).count();
        self.runs.insert(self.runs.len() - place, run);
        self.drop_old(now);
        if self.runs.len() > RUNS {
            self.whole_from = self.runs.pop_front().map(|run| run.last);
        }
    }

    fn drop_old(&mut self, now: Nanos) {
        while self.runs.front().is_some_and(|run| run.last.plus(KEPT) < now) {
            self.runs.pop_front();
        }
    }

    /// Places of the runs that began from `from` to `to`.
    fn between(&self, from: Nanos, to: Nanos) -> (usize, usize) {
        let first = self.runs.partition_point(|run| run.first < from);
        (first, self.before(to).max(first))
    }

    fn bytes(&self, from: Nanos, to: Nanos) -> u64 {
        let (first, end) = self.between(from, to);
        self.runs.range(first..end).map(|run| u64::from(run.bytes)).sum()
    }

    fn before(&self, at: Nanos) -> usize {
        self.runs.partition_point(|run| run.first <= at)
    }
}

/// What went up and down a far end's connections, seen from the host that dialled them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Train {
    up: Way,
    down: Way,
    /// Bytes that came down in all.
    came: u64,
    since: Nanos,
}

impl Train {
    /// Nothing yet.
    pub(super) fn from(since: Nanos) -> Self {
        Self { up: Way::default(), down: Way::default(), came: 0, since }
    }

    /// Takes a run.
    pub(super) fn take(&mut self, from: Side, run: Run, now: Nanos) {
        match from {
            Side::Orig => self.up.put(run, now),
            Side::Resp => {
                self.came += u64::from(run.bytes);
                self.down.put(run, now);
            }
        }
    }

    /// Lets go of what nothing that comes from `now` on can be held against.
    pub(super) fn rest(&mut self, now: Nanos) {
        for way in [&mut self.up, &mut self.down] {
            way.drop_old(now);
            way.runs.shrink_to_fit();
        }
    }

    /// Whether anything that is known went either way lately.
    pub(super) fn is_silent(&self, now: Nanos) -> bool {
        [&self.up, &self.down].iter().all(|way| way.runs.back().is_none_or(|run| run.last.plus(KEPT) < now))
    }

    /// Whether what came down since `from` is known.
    pub(super) fn knows_from(&self, from: Nanos, now: Nanos) -> bool {
        let whole = [&self.up, &self.down].into_iter().all(|way| way.whole_from.is_none_or(|whole| whole < from));
        whole && self.since <= from && from.plus(KEPT) >= now
    }

    /// Whether something came down at most `reach` nanoseconds before `at`.
    pub(super) fn came_down_before(&self, at: Nanos, reach: i64) -> bool {
        let end = self.down.before(at);
        self.down.runs.range(end.saturating_sub(OVERLAP)..end).any(|run| at <= run.last.plus(reach))
    }

    /// Of how much of the time from `from` to `to` that is so.
    pub(super) fn covered(&self, from: Nanos, to: Nanos, reach: i64) -> f64 {
        let first = self.down.before(from).saturating_sub(OVERLAP);
        let (mut at, mut covered) = (from, 0);
        for run in self.down.runs.range(first..).take_while(|run| run.first < to) {
            let (begin, end) = (run.first.max(at), run.last.plus(reach).min(to));
            if end > begin {
                covered += end.since(begin);
                at = end;
            }
        }
        covered as f64 / to.since(from).max(1) as f64
    }

    /// Of how much of the time from `from` to `to` as many bytes as `least` came down from `reach` before it to `lasts` behind it.
    pub(super) fn share_with(&self, least: u64, (from, to): (Nanos, Nanos), (reach, lasts): (i64, i64)) -> f64 {
        let (first, end) = self.down.between(from.plus(-reach), to.plus(lasts));
        let mut steps: Vec<(Nanos, i64)> = Vec::with_capacity(2 * (end - first));
        for run in self.down.runs.range(first..end) {
            let bytes = i64::from(run.bytes);
            steps.extend([(run.first.plus(-lasts).max(from), bytes), (run.first.plus(reach).min(to), -bytes)]);
        }
        steps.sort_unstable();
        let (mut at, mut came, mut share) = (from, 0, 0);
        for (step, bytes) in steps {
            share += if came >= least as i64 { step.since(at) } else { 0 };
            (at, came) = (step, came + bytes);
        }
        share as f64 / to.since(from).max(1) as f64
    }

    /// Bytes that came down before `at`, which lies in what is kept ([`Self::knows_from`]).
    pub(super) fn came_before(&self, at: Nanos) -> u64 {
        let first = self.down.runs.partition_point(|run| run.first < at);
        let later = self.down.runs.range(first..).map(|run| u64::from(run.bytes)).sum();
        self.came.saturating_sub(later)
    }

    /// Bytes of the runs up that began from `from` to `to`.
    pub(super) fn went_up(&self, from: Nanos, to: Nanos) -> u64 {
        self.up.bytes(from, to)
    }

    /// The same of the runs down.
    pub(super) fn came_down(&self, from: Nanos, to: Nanos) -> u64 {
        self.down.bytes(from, to)
    }

    /// How many runs up began from `from` to `to`.
    pub(super) fn runs_up(&self, from: Nanos, to: Nanos) -> usize {
        let (first, end) = self.up.between(from, to);
        end - first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn run(first: i64, last: i64, bytes: u32) -> Run {
        Run { first: Nanos(first * MS), last: Nanos(last * MS), bytes }
    }

    #[test]
    fn time_that_overlapping_runs_cover_counts_once() {
        let mut train = Train::from(Nanos(0));
        for down in [run(100, 110, 5), run(105, 120, 5), run(500, 500, 5)] {
            train.take(Side::Resp, down, down.last);
        }
        let covered = train.covered(Nanos(0), Nanos(1000 * MS), 10 * MS);
        assert!((covered - 0.04).abs() < 1e-9, "{covered}");
        assert!(train.came_down_before(Nanos(129 * MS), 10 * MS));
        assert!(!train.came_down_before(Nanos(131 * MS), 10 * MS));
        assert!(!train.came_down_before(Nanos(499 * MS), 10 * MS));
    }

    #[test]
    fn time_in_which_so_much_came_counts_what_came_together() {
        let mut train = Train::from(Nanos(0));
        for down in [run(100, 100, 5), run(104, 104, 5), run(500, 500, 8)] {
            train.take(Side::Resp, down, down.last);
        }
        let share = |least, lasts| train.share_with(least, (Nanos(0), Nanos(1000 * MS)), (10 * MS, lasts * MS));
        assert!((share(8, 0) - 0.016).abs() < 1e-9, "6 ms of both and 10 ms of the third: {}", share(8, 0));
        assert!((share(5, 2) - 0.028).abs() < 1e-9, "16 ms of either and 12 ms of the third: {}", share(5, 2));
        assert!(share(11, 0).abs() < 1e-9);
    }

    #[test]
    fn runs_that_are_known_out_of_order_are_kept_in_order() {
        let mut train = Train::from(Nanos(0));
        for up in [run(20, 20, 1), run(10, 10, 2), run(30, 30, 4)] {
            train.take(Side::Orig, up, Nanos(40 * MS));
        }
        assert_eq!(train.went_up(Nanos(10 * MS), Nanos(20 * MS)), 3);
        assert_eq!(train.went_up(Nanos(11 * MS), Nanos(30 * MS)), 5);
    }

    #[test]
    fn what_a_cap_left_out_is_not_taken_for_silence() {
        let mut train = Train::from(Nanos(0));
        for n in 0..5000 {
            train.take(Side::Resp, run(n, n, 1), Nanos(n * MS));
        }
        assert!(!train.knows_from(Nanos(500 * MS), Nanos(5000 * MS)));
        assert!(train.knows_from(Nanos(1000 * MS), Nanos(5000 * MS)));
    }
}
