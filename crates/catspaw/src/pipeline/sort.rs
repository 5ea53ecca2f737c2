//! Rows in order, however many there are: sorted runs, on disk beyond a bound, and their merge.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::spill::Spill;

/// Rows of one run; some 30 MB.
const RUN: usize = 100_000;

/// A row with the key by which it is sorted.
pub(crate) trait Sorted {
    /// The key: a total order that says nothing of where a record stood in which file.
    type Key: Ord;

    /// This row's.
    fn key(&self) -> Self::Key;
}

/// Sorts rows.
#[derive(Debug)]
pub(crate) struct Sorter<T> {
    runs: Vec<Spill<T>>,
    current: Vec<T>,
}

impl<T> Default for Sorter<T> {
    fn default() -> Self {
        Self { runs: Vec::new(), current: Vec::new() }
    }
}

impl<T: Sorted + Serialize + DeserializeOwned + Clone> Sorter<T> {
    /// Takes a row.
    ///
    /// # Errors
    /// Where a temporary file fails.
    pub(crate) fn push(&mut self, row: T) -> io::Result<()> {
        self.current.push(row);
        if self.current.len() >= RUN {
            self.end_run()?;
        }
        Ok(())
    }

    fn end_run(&mut self) -> io::Result<()> {
        self.current.sort_by_key(Sorted::key);
        let mut run = Spill::default();
        self.current.drain(..).try_for_each(|row| run.push(&row))?;
        self.runs.push(run);
        Ok(())
    }

    /// Gives every row in order. May be done again.
    ///
    /// # Errors
    /// Where a temporary file fails, or `give` does.
    pub(crate) fn for_each(&mut self, mut give: impl FnMut(T) -> io::Result<()>) -> io::Result<()> {
        self.current.sort_by_key(Sorted::key);
        let mut rows = Vec::new();
        for run in &mut self.runs {
            rows.push(run.rows()?);
        }
        let mut rest = self.current.iter().cloned();
        let last = rows.len();
        let mut next = |run: usize| -> io::Result<Option<T>> {
            if run == last { Ok(rest.next()) } else { rows[run].next().transpose() }
        };
        let mut heads: Vec<Option<T>> = Vec::new();
        let mut heap = BinaryHeap::new();
        for run in 0..=last {
            let row = next(run)?;
            heap.extend(row.as_ref().map(|row| Reverse((row.key(), run))));
            heads.push(row);
        }
        while let Some(Reverse((_, run))) = heap.pop() {
            let following = next(run)?;
            heap.extend(following.as_ref().map(|row| Reverse((row.key(), run))));
            if let Some(row) = std::mem::replace(&mut heads[run], following) {
                give(row)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Sorted for u64 {
        type Key = Self;

        fn key(&self) -> Self {
            *self
        }
    }

    #[test]
    fn rows_come_back_sorted_and_twice() {
        let mut sorter = Sorter::default();
        let many = 2 * RUN as u64 + 11;
        // 13 does not divide `many`, so that this is a permutation.
        (0..many).try_for_each(|n| sorter.push(n * 13 % many)).unwrap();
        for _ in 0..2 {
            let mut back = Vec::new();
            let mut take = |n| {
                back.push(n);
                Ok(())
            };
            sorter.for_each(&mut take).unwrap();
            assert!(back.iter().copied().eq(0..many));
        }
    }
}
