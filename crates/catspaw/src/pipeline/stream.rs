//! The rows of one sensor that wait for their turn, in the order in which they will have it.
//!
//! Logs come nearly in order, so that what waits is kept as runs of neighbours in a batch: a run that is in order takes
//! as much work as a single row.

use std::collections::VecDeque;
use std::io;

use catspaw_records::Nanos;

use super::fold::{Batches, Limits};
use super::parse::Batch;
use super::row::Row;

/// A record that is late by no more waits until the clock comes to where it was.
const WAITS: i64 = 24 * 3600 * Nanos::SECOND;

/// Rows that stand side by side in a batch, none of which has its turn before the one before it.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// The moment of the merge of the first. Of rows that are not late it is when they became known.
    key: Nanos,
    /// That of the last.
    last: Nanos,
    /// Whether it is one row, which is late.
    late: bool,
    batch: u64,
    row: u32,
    end: u32,
}

/// Runs in order: none begins before the one before it ends.
#[derive(Debug, Default)]
pub(super) struct Stream(VecDeque<Run>);

impl Stream {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The moment of the next row.
    pub(super) fn next(&self) -> Option<Nanos> {
        self.0.front().map(|run| run.key)
    }

    /// The batch of the next row.
    pub(super) fn next_batch(&self) -> Option<u64> {
        self.0.front().map(|run| run.batch)
    }

    /// Takes rows that are in order and in time, if they come after all that wait.
    pub(super) fn append(&mut self, batch: u64, row: u32, rows: &[Row]) -> bool {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return true };
        if self.0.back().is_some_and(|before| before.last > first.known) {
            return false;
        }
        let end = row + rows.len() as u32;
        self.0.push_back(Run { key: first.known, last: last.known, late: false, batch, row, end });
        true
    }

    /// Takes one row, after all whose turn is no later.
    pub(super) fn insert(&mut self, (key, late): (Nanos, bool), (batch, row): (u64, u32), batches: &Batches) {
        let runs = &mut self.0;
        let new = Run { key, last: key, late, batch, row, end: row + 1 };
        if let Some(before) = runs.back_mut()
            && before.last <= key
        {
            if !late && !before.late && before.batch == batch && before.end == row {
                (before.last, before.end) = (key, new.end);
            } else {
                runs.push_back(new);
            }
            return;
        }
        let at = runs.partition_point(|run| run.key <= key);
        if let Some(rest) = at.checked_sub(1).and_then(|at| runs.get_mut(at)?.split_behind(key, batches)) {
            runs.insert(at, rest);
        }
        runs.insert(at, new);
    }

    /// Gives `fold` the rows before `before` that the first run has, and how many there were.
    ///
    /// # Errors
    /// Where `fold` fails.
    #[inline]
    pub(super) fn take_before(
        &mut self,
        before: Nanos,
        batch: &Batch,
        mut fold: impl FnMut((Nanos, bool), &Row) -> io::Result<()>,
    ) -> io::Result<usize> {
        let Some(run) = self.0.front_mut() else { return Ok(0) };
        let rows = batch.rows(run.row, run.end);
        let mut taken = 0;
        for row in rows {
            let key = if run.late { run.key } else { row.known };
            if key >= before {
                run.key = key;
                break;
            }
            fold((key, run.late), row)?;
            taken += 1;
        }
        run.row += taken;
        if taken as usize == rows.len() {
            self.0.pop_front();
        }
        Ok(taken as usize)
    }
}

impl Run {
    /// Cuts off the rows whose turn is later than `key`, if there are any.
    fn split_behind(&mut self, key: Nanos, batches: &Batches) -> Option<Self> {
        if self.last <= key {
            return None;
        }
        let rows = batches.batch(self.batch)?.rows(self.row, self.end);
        let kept = rows.partition_point(|row| row.known <= key);
        let (last, next) = (rows.get(kept.checked_sub(1)?)?, rows.get(kept)?);
        let row = self.row + kept as u32;
        let rest = Self { key: next.known, row, ..*self };
        (self.last, self.end) = (last.known, row);
        Some(rest)
    }
}

impl Limits {
    /// Whether none of these rows is late, which are in order and were so in their block.
    pub(super) fn are_in_time(&self, rows: &[Row]) -> bool {
        rows.first().is_some_and(|first| first.known >= self.released && self.before.is_no_later_than(first.known))
    }

    /// The moment of the merge of a row, and whether it is late.
    pub(super) fn place(&self, row: &Row, wait: i64) -> (Nanos, bool) {
        let (known, released) = (row.known, self.released);
        let latest = row.before().max(self.before.before(known));
        let late = latest != Nanos::MIN && known < latest.plus(-wait) || known < released;
        let key = match late {
            false => known,
            // In the order of the file, as long as that ends soon; a clock that was set back by more does not
            // come to its latest stamp again, and what waits for it would fill the memory.
            true if latest.since(known) <= WAITS && latest >= released => latest,
            true => latest.plus(-wait).max(released).plus(-1),
        };
        (key, late)
    }
}

/// The place of the stream whose next row has its turn first, if that is before `upto`; and up to which moment that stream's
/// rows come before those of the others. Of two rows of one moment the first stream's comes first.
pub(super) fn next_due(streams: &[&mut Stream], upto: Nanos) -> Option<(usize, Nanos)> {
    let keys = || streams.iter().enumerate().filter_map(|(at, stream)| Some((at, stream.next()?)));
    let (due, _) = keys().filter(|&(_, key)| key < upto).min_by_key(|&(_, key)| key)?;
    let others = keys().filter(|&(at, _)| at != due).map(|(at, key)| if at < due { key } else { key.plus(1) });
    Some((due, others.fold(upto, Nanos::min)))
}
