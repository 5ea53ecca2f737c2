//! How often something happened, by time, in a bounded number of slots: for a picture of it.

use catspaw_records::Nanos;
use serde::{Deserialize, Serialize};

/// Slots that are kept. Beyond, they become wider.
const SLOTS: usize = 192;
/// Widths in seconds, each a multiple of the one before it; beyond the last they double.
const WIDTHS: [i64; 12] = [5, 15, 30, 60, 300, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400];

/// Counts in slots of equal width. Each slot begins at a multiple of the width, so that what is counted depends on the
/// moments alone and not on their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slots {
    /// Seconds.
    width: i64,
    /// Number of the first slot, counted from 1970.
    first: i64,
    counts: Vec<u32>,
}

impl Default for Slots {
    fn default() -> Self {
        Self { width: WIDTHS[0], first: 0, counts: Vec::new() }
    }
}

impl Slots {
    /// Counts what happened at `at`.
    pub fn add(&mut self, at: Nanos) {
        let second = at.0.div_euclid(Nanos::SECOND);
        let slot = second.div_euclid(self.width);
        if let Some(count) = usize::try_from(slot - self.first).ok().and_then(|at| self.counts.get_mut(at)) {
            *count = count.saturating_add(1);
            return;
        }
        if self.counts.is_empty() {
            self.first = second.div_euclid(self.width);
        }
        while self.spread_with(second) > SLOTS as u64 {
            self.widen();
        }
        let slot = second.div_euclid(self.width);
        if slot < self.first {
            let missing = (self.first - slot) as usize;
            self.counts.splice(0..0, std::iter::repeat_n(0, missing));
            self.first = slot;
        }
        let at = (slot - self.first) as usize;
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        self.counts[at] = self.counts[at].saturating_add(1);
    }

    /// How many slots there would be with `second`.
    fn spread_with(&self, second: i64) -> u64 {
        let slot = second.div_euclid(self.width);
        let last = self.first + (self.counts.len() as i64 - 1).max(0);
        slot.max(last).abs_diff(slot.min(self.first)) + 1
    }

    /// Makes the slots as wide as the next width.
    pub fn widen(&mut self) {
        let wider = WIDTHS.into_iter().find(|&width| width > self.width).unwrap_or(self.width.saturating_mul(2));
        let factor = wider / self.width;
        let (mut to, mut before) = (0, self.first.rem_euclid(factor));
        let mut wide = 0;
        for at in 0..self.counts.len() {
            let count = self.counts[at];
            // What is there yet has been taken, for no slot moves back.
            self.counts[to] = if to < wide { self.counts[to].saturating_add(count) } else { count };
            wide = to + 1;
            before += 1;
            if before == factor {
                (to, before) = (wide, 0);
            }
        }
        self.counts.truncate(wide);
        (self.width, self.first) = (wider, self.first.div_euclid(factor));
    }

    /// Both together.
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        let mut other = other.clone();
        if self.counts.is_empty() || other.counts.is_empty() {
            return if self.counts.is_empty() { other } else { self };
        }
        loop {
            let (from, to) = (self.first.min(other.first), self.range().end.max(other.range().end));
            match self.width.cmp(&other.width) {
                std::cmp::Ordering::Less => self.widen(),
                std::cmp::Ordering::Greater => other.widen(),
                std::cmp::Ordering::Equal if to.abs_diff(from) > SLOTS as u64 => self.widen(),
                std::cmp::Ordering::Equal => {
                    let sum = |slot| u32::try_from(self.count(slot) + other.count(slot)).unwrap_or(u32::MAX);
                    return Self { width: self.width, first: from, counts: (from..to).map(sum).collect() };
                }
            }
        }
    }

    /// Seconds of one slot.
    #[must_use]
    pub fn width(&self) -> i64 {
        self.width
    }

    /// Number of the first slot and the one behind the last, counted from 1970; empty where nothing was counted.
    #[must_use]
    pub fn range(&self) -> std::ops::Range<i64> {
        self.first..self.first + self.counts.len() as i64
    }

    /// What a slot has.
    #[must_use]
    pub fn count(&self, slot: i64) -> u64 {
        let at = usize::try_from(slot.saturating_sub(self.first)).ok();
        at.and_then(|at| self.counts.get(at)).map_or(0, |&count| count.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(seconds: &[i64]) -> Slots {
        let mut slots = Slots::default();
        seconds.iter().for_each(|&second| slots.add(Nanos::from_secs(second)));
        slots
    }

    #[test]
    fn any_order_gives_the_same() {
        let mut seconds: Vec<i64> = (0..500).map(|n| n * n * 7919 % 400_000 - 5000).collect();
        let one = slots(&seconds);
        seconds.reverse();
        assert_eq!(one, slots(&seconds));
        seconds.sort_unstable();
        assert_eq!(one, slots(&seconds));
        assert_eq!(one.range().map(|slot| one.count(slot)).sum::<u64>(), 500);
    }

    #[test]
    fn two_add_up_to_what_they_would_be_together() {
        let (a, b) = ([0, 70, 4000], [-90_000, 65, 65, 12_000]);
        let both = slots(&[&a[..], &b[..]].concat());
        assert_eq!(slots(&a).with(&slots(&b)), both);
        assert_eq!(slots(&b).with(&slots(&a)), both);
        assert_eq!(slots(&a).with(&Slots::default()), slots(&a));
    }

    #[test]
    fn slots_are_as_narrow_as_their_number_allows() {
        assert_eq!(slots(&[0, 4, 5]).range(), 0..2);
        assert_eq!((slots(&[0, 4, 5]).count(0), slots(&[0, 4, 5]).count(7)), (2, 0));
        assert_eq!(slots(&[0, 191 * 5]).width(), 5);
        assert_eq!(slots(&[0, 192 * 5]).width(), 15);
        assert_eq!(slots(&[0, 30 * 3600]).width(), 900);
        let far = slots(&[9_000_000_000, 0, -9_000_000_000]);
        assert!(far.range().count() <= SLOTS);
        assert_eq!(far.range().map(|slot| far.count(slot)).sum::<u64>(), 3);
    }
}
