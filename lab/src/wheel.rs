//! A queue of things that are due, by the second.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::civil::SECOND;

/// Seconds that the ring holds: a bit more than the hour for which the device's longest timers run.
const SLOTS: u64 = 4096;

/// A calendar queue: a ring of seconds, and a heap for what is due later than the ring reaches.
///
/// Nearly everything is due within the hour, so that pushing is an append and taking a sort of a few hundred entries.
pub(crate) struct Wheel<T> {
    slots: Vec<Vec<(u64, T)>>,
    now: u64,
    far: BinaryHeap<Reverse<(u64, u64, T)>>,
    pushed: u64,
}

impl<T: Copy + Ord> Wheel<T> {
    /// Nothing due, from `start` (microseconds) on.
    pub(crate) fn new(start: u64) -> Self {
        let slots = std::iter::repeat_with(Vec::new).take(SLOTS as usize).collect();
        Self { slots, now: start / SECOND, far: BinaryHeap::new(), pushed: 0 }
    }

    /// Makes `item` due at `at`, not before the second that is being taken.
    pub(crate) fn push(&mut self, at: u64, item: T) {
        let second = (at / SECOND).max(self.now);
        if second < self.now + SLOTS {
            self.slots[(second % SLOTS) as usize].push((at, item));
        } else {
            self.pushed += 1;
            self.far.push(Reverse((at, self.pushed, item)));
        }
    }

    /// Puts what is due in `second` into `batch`, in order of time and then of pushing.
    pub(crate) fn take(&mut self, second: u64, batch: &mut Vec<(u64, T)>) {
        self.now = second;
        while let Some(&Reverse((at, _, item))) = self.far.peek()
            && at / SECOND < second + SLOTS
        {
            self.far.pop();
            self.slots[(at / SECOND % SLOTS) as usize].push((at, item));
        }
        batch.clear();
        batch.append(&mut self.slots[(second % SLOTS) as usize]);
        batch.sort_by_key(|entry| entry.0);
    }
}

#[cfg(test)]
mod tests {
    use super::{SECOND, Wheel};

    #[test]
    fn everything_comes_out_in_order() {
        let mut wheel = Wheel::new(0);
        let due = [5, 3, 3, 10_000, 4_096, 70_000, 4_097, 10_000];
        for (number, second) in due.into_iter().enumerate() {
            wheel.push(second * SECOND + 1, number);
        }
        let (mut out, mut batch) = (Vec::new(), Vec::new());
        for second in 0..80_000 {
            wheel.take(second, &mut batch);
            out.extend(batch.iter().map(|entry| entry.1));
        }
        assert_eq!(out, [1, 2, 0, 4, 6, 3, 7, 5]);
    }
}
