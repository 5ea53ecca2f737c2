//! How far a sensor's clock has come in a file: what a record is late against.
//!
//! The latest stamp so far, unless that is one of a few that run far ahead of those before and after them: a single
//! line with a wrong year would make everything after it late.

use catspaw_records::Nanos;

/// A stamp so much later than the one before it is believed only when others say so, too.
const FAR: i64 = 24 * 3600 * Nanos::SECOND;
/// As many records believe one another.
const ENOUGH: u32 = 4;

/// How far a clock has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    /// The latest stamp that is believed; [`Nanos::MIN`] where none is yet.
    latest: Nanos,
    /// A stamp that is far ahead of it, and how many records agree.
    ahead: Option<(Nanos, u32)>,
}

impl Default for Reach {
    fn default() -> Self {
        Self { latest: Nanos::MIN, ahead: None }
    }
}

fn far(later: Nanos, earlier: Nanos) -> bool {
    later.since(earlier) > FAR
}

impl Reach {
    /// What a record of `known` is late against; [`Nanos::MIN`] where nothing tells.
    pub(crate) fn before(&self, known: Nanos) -> Nanos {
        match self.ahead {
            Some((high, _)) if !far(high, known) => high,
            _ => self.latest,
        }
    }

    /// Whether nothing from `known` on is late against it.
    pub(crate) fn is_no_later_than(&self, known: Nanos) -> bool {
        self.ahead.is_none() && self.latest <= known
    }

    /// Takes a record.
    pub(crate) fn see(&mut self, known: Nanos) {
        self.take(known, 1);
    }

    /// Goes on with what the next block, seen by itself, has come to.
    pub(crate) fn follow(&mut self, next: &Self) {
        if next.latest != Nanos::MIN {
            self.take(next.latest, ENOUGH);
        }
        if let Some((high, records)) = next.ahead {
            self.take(high, records);
        }
    }

    /// How far the records are complete, but for what the merge waits.
    pub(crate) fn reached(&self) -> Option<Nanos> {
        match self.ahead {
            Some((high, _)) if self.latest == Nanos::MIN => Some(high),
            _ => (self.latest != Nanos::MIN).then_some(self.latest),
        }
    }

    fn take(&mut self, known: Nanos, records: u32) {
        let Some((high, before)) = self.ahead else { return self.take_near(known, records) };
        if far(high, known) {
            // It did not last.
            self.ahead = None;
            self.take_near(known, records);
        } else if far(known, high) && self.latest == Nanos::MIN {
            self.latest = high;
            self.ahead = None;
            self.take_near(known, records);
        } else {
            self.agree(high.max(known), before.saturating_add(records));
        }
    }

    fn take_near(&mut self, known: Nanos, records: u32) {
        if self.latest == Nanos::MIN || far(known, self.latest) {
            self.agree(known, records);
        } else {
            self.latest = self.latest.max(known);
        }
    }

    fn agree(&mut self, high: Nanos, records: u32) {
        if records >= ENOUGH {
            (self.latest, self.ahead) = (self.latest.max(high), None);
        } else {
            self.ahead = Some((high, records));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    /// What the last of records at `seconds` is late against, however they are cut into blocks.
    fn late_against(seconds: &[i64]) -> Option<i64> {
        let (last, before) = seconds.split_last().unwrap();
        let last = Nanos::from_secs(*last);
        let whole = before.iter().fold(Reach::default(), |mut reach, &at| {
            reach.see(Nanos::from_secs(at));
            reach
        });
        for cut in 0..=before.len() {
            let mut reach = Reach::default();
            for block in [&before[..cut], &before[cut..]] {
                let mut own = Reach::default();
                block.iter().for_each(|&at| own.see(Nanos::from_secs(at)));
                reach.follow(&own);
            }
            assert_eq!(reach.before(last), whole.before(last), "cut at {cut}");
        }
        Some(whole.before(last)).filter(|&at| at != Nanos::MIN).map(|at| at.0 / Nanos::SECOND)
    }

    #[test]
    fn a_clock_set_back_makes_late_what_follows() {
        assert_eq!(late_against(&[7200, 0]), Some(7200));
        assert_eq!(late_against(&[7200, 7201, 7202, 7203, 7204, 0, 1, 2]), Some(7204));
        let days = [9 * DAY, 9 * DAY + 1, 9 * DAY + 2, 9 * DAY + 3, 0];
        assert_eq!(late_against(&days), Some(9 * DAY + 3));
    }

    #[test]
    fn a_few_stamps_far_ahead_make_nothing_late() {
        let year = 366 * DAY;
        assert_eq!(late_against(&[10, year, 11]), Some(10));
        assert_eq!(late_against(&[10, 11, 12, 13, year, year + 1, 14]), Some(13));
        assert_eq!(late_against(&[year, 10]), None, "one against one: nobody knows");
        assert_eq!(late_against(&[year, 10, 11, 12, 13, 14]), Some(13));
    }

    #[test]
    fn a_gap_is_believed_when_the_log_goes_on_behind_it() {
        let week = 7 * DAY;
        let on = [0, 1, 2, 3, 4, week, week + 1, week + 2, week + 3, 5];
        assert_eq!(late_against(&on), Some(week + 3));
    }
}
