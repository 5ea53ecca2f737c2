//! The rows of one sensor that wait for their turn, in the order in which they will have it.
//!
//! Logs come nearly in order, so that what waits is kept as runs of neighbours in a batch: a run that is in order takes
//! as much work as a single row.

use std::collections::VecDeque;
use std::io;

use catspaw_records::Nanos;
use prefetch_index::prefetch_index;

use super::fold::{Batches, Limits};
use super::parse::{Batch, Ordered};
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

#[derive(Debug, Default)]
pub(super) struct Stream {
    /// In order: none begins before the one before it ends.
    runs: VecDeque<Run>,
    /// Rows that have their turn before the last of the runs, in the order in which they came: they are put among the runs
    /// together, for each that is put there alone would move those behind it.
    back: Vec<Run>,
}

impl Stream {
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The moment of the next row, of one that is settled.
    pub(super) fn next(&self) -> Option<Nanos> {
        self.runs.front().map(|run| run.key)
    }

    /// The batch of the next row.
    pub(super) fn next_batch(&self) -> Option<u64> {
        self.runs.front().map(|run| run.batch)
    }

    /// Takes rows that are in order and in time, if they come after all that wait.
    pub(super) fn append(&mut self, batch: u64, (row, end): (u32, u32), Ordered { first, last, .. }: Ordered) -> bool {
        if self.runs.back().is_some_and(|before| before.last > first) {
            return false;
        }
        self.runs.push_back(Run { key: first, last, late: false, batch, row, end });
        true
    }

    /// Takes one row, whose turn is after all whose turn is no later.
    pub(super) fn insert(&mut self, (key, late): (Nanos, bool), (batch, row): (u64, u32)) {
        let new = Run { key, last: key, late, batch, row, end: row + 1 };
        match self.runs.back() {
            Some(last) if key < last.last => self.back.push(new),
            _ => self.push(new),
        }
    }

    /// Takes what comes after all the runs.
    fn push(&mut self, new: Run) {
        if let Some(before) = self.runs.back_mut()
            && !(new.late || before.late)
            && (before.batch, before.end) == (new.batch, new.row)
        {
            (before.last, before.end) = (new.last, new.end);
        } else {
            self.runs.push_back(new);
        }
    }

    /// Puts what came out of order where its turn is, in one pass over the runs from there on.
    pub(super) fn settle(&mut self, batches: &Batches) {
        let mut back = std::mem::take(&mut self.back);
        back.sort_by_key(|row| row.key);
        let Some(first) = back.first() else { return };
        let mut later = self.runs.split_off(self.runs.partition_point(|run| run.last <= first.key));
        for row in back {
            while let Some(mut run) = later.pop_front_if(|run| run.key <= row.key) {
                let rest = run.split_behind(row.key, batches);
                self.push(run);
                if let Some(rest) = rest {
                    later.push_front(rest);
                }
            }
            self.push(row);
        }
        self.runs.append(&mut later);
    }

    /// Has the first rows of the run behind the first fetched.
    #[inline]
    pub(super) fn fetch_next(&self, batches: &Batches) {
        if let Some(next) = self.runs.get(1)
            && let Some(batch) = batches.batch(next.batch)
        {
            let rows = batch.rows(next.row, next.end);
            (0..rows.len().min(AHEAD)).for_each(|at| prefetch_index(rows, at));
        }
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
        let Some(run) = self.runs.front_mut() else { return Ok(0) };
        let rows = batch.rows(run.row, run.end);
        let mut taken = 0;
        for (at, row) in rows.iter().enumerate() {
            prefetch_index(rows, at + AHEAD);
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
            self.runs.pop_front();
        }
        Ok(taken as usize)
    }
}

/// So many rows are fetched before their turn: all of them are long out of the processor's caches, and to wait for one takes a fifth
/// of what is done with it.
const AHEAD: usize = 8;

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
    /// Whether none of the rows is late, which are in order and were so in their block, and of which this is when the first became
    /// known.
    pub(super) fn are_in_time(&self, first: Nanos) -> bool {
        first >= self.released && self.before.is_no_later_than(first)
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use catspaw_records::{Block, Clock, HashSeed, HostKey, Place, YearHint, cisco};

    use super::super::parse::{Scratch, parse};
    use super::super::reach::Reach;
    use super::super::route::Home;
    use super::*;

    const HOST: &str = "10.0.0.5";
    const WAIT: i64 = 10 * Nanos::SECOND;

    /// A batch of denials of one host at so many seconds of an hour.
    fn batch(seconds: &[u32], before: &Limits) -> (Batch, usize) {
        let line = |(n, second): (usize, &u32)| {
            let (minute, second) = (second / 60, second % 60);
            format!(
                "Mar 04 2003 12:{minute:02}:{second:02} pix %PIX-4-106023: Deny tcp src outside:192.0.2.1/{n} dst inside:{HOST}/25 by access-group \"a\"\n"
            )
        };
        let text: String = seconds.iter().enumerate().map(line).collect();
        let clock = Clock::new(jiff::tz::TimeZone::UTC, YearHint::First(2003));
        let reader = catspaw_records::Reader::Cisco(cisco::Reader::new(clock));
        let block = Block::new(text.as_bytes(), Place { file: 0, line: 1 });
        let batch = parse(reader, block, HashSeed(0), &Home::default(), &mut Scratch::default());
        let shard = HostKey::Address(HOST.parse().unwrap()).shard();
        let rows = batch.of_shard(shard).1;
        assert_eq!(rows.len(), seconds.len());
        let late = |row: &Row| before.place(row, WAIT).1;
        let in_time = batch.ordered(shard).is_some_and(|ordered| before.are_in_time(ordered.first));
        assert!(!in_time || !rows.iter().any(late));
        (batch, shard)
    }

    /// All rows of batches with such seconds, in the order of their turns, given in parts that end at each of `ends`; and
    /// whether a whole batch was taken as one run.
    fn turns(batches: &[Vec<u32>], ends: &[i64]) -> (Vec<(Nanos, u64, u32)>, bool) {
        let mut kept = Batches::default();
        let mut limits = Limits { before: Reach::default(), released: Nanos::MIN, upto: Nanos::MIN };
        let (mut stream, mut expected, mut as_one) = (Stream::default(), Vec::new(), false);
        for seconds in batches {
            let (batch, shard) = batch(seconds, &limits);
            let number = kept.keep(&Arc::new(batch), seconds.len());
            let (first, rows) = kept.batch(number).unwrap().of_shard(shard);
            let ordered = kept.batch(number).unwrap().ordered(shard);
            let ordered = ordered.filter(|ordered| limits.are_in_time(ordered.first));
            let range = (first, first + rows.len() as u32);
            let mut reach = Reach::default();
            let placed: Vec<_> = rows.iter().map(|row| (limits.place(row, WAIT), row.known)).collect();
            placed.iter().for_each(|&(_, known)| reach.see(known));
            if ordered.is_some_and(|ordered| stream.append(number, range, ordered)) {
                as_one = true;
            } else {
                for (at, &(when, _)) in (first..).zip(&placed) {
                    stream.insert(when, (number, at));
                }
            }
            expected.extend((first..).zip(&placed).map(|(at, &((key, _), _))| (key, number, at)));
            limits.before.follow(&reach);
        }
        expected.sort_by_key(|&(key, ..)| key);
        stream.settle(&kept);
        let mut given = Vec::new();
        let noon = 1_046_779_200;
        for before in ends.iter().map(|end| Nanos::from_secs(noon + end)).chain([Nanos::MAX]) {
            while let Some((_, upto)) = next_due(&[&mut stream], before) {
                let number = stream.next_batch().unwrap();
                let batch = kept.batch(number).unwrap();
                let from = stream.runs.front().unwrap().row;
                let taken = stream.take_before(upto, batch, |(key, _), _| {
                    given.push((key, number, 0));
                    Ok(())
                });
                let taken = taken.unwrap();
                assert!(taken > 0, "what is due is taken");
                let begins = given.len() - taken;
                (from..).zip(&mut given[begins..]).for_each(|(row, (.., at))| *at = row);
            }
            assert!(given.iter().all(|&(key, ..)| key < before));
        }
        assert_eq!(given, expected);
        (given, as_one)
    }

    #[test]
    fn rows_have_their_turns_in_the_order_of_their_moments_and_then_of_the_file() {
        // In order; a few seconds back and forth; a clock that is set back and comes to where it was; all of one second.
        let ordered = vec![vec![1, 2, 2, 3], vec![3, 9, 20], vec![30, 31]];
        assert!(turns(&ordered, &[2, 3, 4, 25]).1);
        let jumbled = vec![vec![5, 4, 6, 6, 5], vec![7, 5, 12, 3, 8], vec![9, 13, 13, 12], vec![14, 15, 16]];
        assert!(turns(&jumbled, &[5, 6, 9, 13]).1, "the last batch is in order");
        let back = vec![vec![100, 101, 102], vec![3, 4, 5], vec![99, 100, 103]];
        turns(&back, &[4, 101]);
        assert!(turns(&[vec![7; 9], vec![7; 9]], &[7, 8]).1);
        let mut state = 1_u32;
        let mut random = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) % below
        };
        for _ in 0..200 {
            let mut batches = Vec::new();
            for n in 0..4 {
                let jitter = [1, 4, 30][random(3) as usize];
                batches.push((0..random(12) + 1).map(|at| 20 * n + at + random(jitter)).collect());
            }
            turns(&batches, &[i64::from(random(90)), 90]);
        }
    }

    #[test]
    fn rows_in_any_order_are_settled_together() {
        // To put each in its place alone, moving what is behind it, takes a minute.
        const MANY: u32 = 1 << 19;
        let (mut stream, batches) = (Stream::default(), Batches::default());
        // An odd factor makes this a permutation.
        for row in 0..MANY {
            let key = row.wrapping_mul(0x9E37_79B1) % MANY;
            stream.insert((Nanos(i64::from(key)), false), (0, 2 * row));
        }
        stream.settle(&batches);
        assert_eq!(stream.runs.len(), MANY as usize);
        assert!(stream.runs.iter().map(|run| run.key.0).eq(0..i64::from(MANY)));
    }

    #[test]
    fn of_several_streams_the_first_has_its_turn_first() {
        let stream = |key: i64| {
            let mut stream = Stream::default();
            stream.insert((Nanos(key), false), (0, 0));
            stream
        };
        let (mut a, mut b) = (stream(5), stream(5));
        assert_eq!(next_due(&[&mut a, &mut b], Nanos(9)), Some((0, Nanos(6))));
        let mut c = stream(4);
        assert_eq!(next_due(&[&mut a, &mut c, &mut b], Nanos(9)), Some((1, Nanos(5))));
        assert_eq!(next_due(&[&mut a, &mut b], Nanos(5)), None);
    }
}
