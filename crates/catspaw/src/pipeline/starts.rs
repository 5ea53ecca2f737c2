//! Logs whose lines stand in the order in which connections began, as a `conn.log` that was sorted does: by when each became
//! known, which is its end, nearly all would be late behind the first long one.
//!
//! Such a file has come as far as the connections that began. What became known long after it began is kept back until
//! then, apart from the others of its block, which wait for little more than the merge does.

use std::collections::BTreeMap;

use catspaw_records::{Event, Nanos, Record};

/// As many are kept back at once: who has more open is no network.
const MOST: usize = 1 << 20;
/// A beginning that stands so much behind another is out of their order.
const BACK: i64 = 600 * Nanos::SECOND;
/// Of this many that are late, none but one may be out of the order of beginnings.
const LATE: u64 = 10;

/// In which order a file's lines stand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Order {
    /// Whether in that of beginnings; else in that in which they became known.
    pub(super) by_starts: bool,
    /// Nanoseconds that the merge waits for a record that comes out of order.
    pub(super) wait: i64,
}

impl Order {
    /// How far a record brings its file.
    pub(super) fn moment(self, record: &Record) -> Nanos {
        if self.by_starts { begun(record) } else { record.known_at() }
    }

    /// Whether a record is kept back.
    pub(super) fn keeps_back(self, record: &Record) -> bool {
        self.by_starts && record.known_at() > begun(record).plus(self.wait)
    }
}

/// When what a record tells of began.
pub(super) fn begun(record: &Record) -> Nanos {
    match &record.event {
        Event::Whole(whole) => whole.start.at.min(record.known_at()),
        _ => record.known_at(),
    }
}

/// How a sensor's records stand by their beginnings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Beginnings {
    /// The earliest and the latest.
    span: Option<(Nanos, Nanos)>,
    records: u64,
    /// How many stand far behind a later one.
    back: u64,
}

impl Beginnings {
    pub(super) fn see(&mut self, begun: Nanos) {
        let (first, last) = self.span.unwrap_or((begun, begun));
        self.back += u64::from(begun < last.plus(-BACK));
        self.records += 1;
        self.span = Some((first.min(begun), last.max(begun)));
    }

    /// Goes on with the next block's.
    pub(super) fn follow(&mut self, next: &Self) {
        let Some((first, last)) = next.span else { return };
        // How much of its span lies behind what was before, and so about as many of its records.
        let behind = self.span.map_or(0, |(_, before)| before.plus(-BACK).since(first)).max(0) as f64;
        let share = if behind > 0.0 { (behind / last.since(first) as f64).min(1.0) } else { 0.0 };
        self.back += next.back.max((share * next.records as f64).ceil() as u64);
        self.records += next.records;
        self.span = Some(self.span.map_or((first, last), |(one, other)| (one.min(first), other.max(last))));
    }

    /// Whether its records are in the order of these, and `late` of them are in no other.
    pub(crate) fn are_the_order(&self, late: u64) -> bool {
        (LATE..=self.records).contains(&late) && self.back < late / LATE
    }
}

/// What one sensor's records keep back: by when they became known, and the order of the file.
#[derive(Debug, Default)]
pub(super) struct KeptBack {
    records: BTreeMap<(Nanos, u64), Record>,
    taken: u64,
    /// Whether there were more than are kept: then nothing is any more.
    full: bool,
}

impl KeptBack {
    pub(super) fn keep(&mut self, record: Record) {
        self.records.insert((record.known_at(), self.taken), record);
        self.taken += 1;
        self.full |= self.records.len() > MOST;
    }

    /// Gives back those that became known by `upto`.
    pub(super) fn take(&mut self, upto: Nanos) -> Vec<Record> {
        if self.full || upto == Nanos::MAX {
            return std::mem::take(&mut self.records).into_values().collect();
        }
        let later = self.records.split_off(&(upto.plus(1), 0));
        std::mem::replace(&mut self.records, later).into_values().collect()
    }

    /// Whether the file has come as far as what is given back.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::Row;
    use super::*;

    fn of(blocks: &[&[i64]]) -> Beginnings {
        blocks.iter().fold(Beginnings::default(), |mut all, block| {
            let mut own = Beginnings::default();
            block.iter().for_each(|second| own.see(Nanos::from_secs(*second)));
            all.follow(&own);
            all
        })
    }

    #[test]
    fn what_was_kept_back_comes_in_its_turn_and_of_one_moment_in_the_order_of_the_file() {
        let mut kept = KeptBack::default();
        for (line, second) in (1..).zip([50, 20, 30, 20, 90]) {
            let mut record = Row::blank();
            record.place.line = line;
            record.known.at = Nanos::from_secs(second);
            kept.keep(record);
        }
        let mut lines = |upto| kept.take(upto).iter().map(|record| record.place.line).collect::<Vec<_>>();
        assert_eq!((lines(Nanos::from_secs(19)), lines(Nanos::from_secs(30))), (vec![], vec![2, 4, 3]));
        assert_eq!((lines(Nanos::from_secs(50)), lines(Nanos::MAX)), (vec![1], vec![5]));
    }

    #[test]
    fn beginnings_are_the_order_where_few_of_them_stand_back() {
        let sorted: Vec<i64> = (0..400).map(|n| 10 * n).collect();
        assert!(of(&[&sorted]).are_the_order(300) && of(&[&sorted[..7], &sorted[7..]]).are_the_order(300));
        assert!(!of(&[&sorted]).are_the_order(9), "of a few nothing is said");
        assert!(!of(&[&sorted]).are_the_order(401) && !of(&[]).are_the_order(300), "others are late");
        // A clock that was set back by an hour: what follows is late by either.
        let back: Vec<i64> = sorted.iter().chain(&sorted[40..]).copied().collect();
        for cut in [1, 200, 400, 401, 500] {
            assert!(!of(&[&back[..cut], &back[cut..]]).are_the_order(300), "{cut}");
        }
        // As Zeek writes it, each connection stands where it ended.
        let ends: Vec<i64> = (0..400).map(|n| if n % 8 == 0 { 10 * n - 700 } else { 10 * n }).collect();
        assert!(!of(&[&ends]).are_the_order(100));
    }
}
