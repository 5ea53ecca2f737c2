//! Copies of one letter. A letter for several goes out on several connections at once, and what came in explains or does not
//! explain all of them alike: what one has shown the others do not show again. But a copy is told by its size, and to leave out
//! what has a certain size is to choose; so the test pays beforehand for each that is left, or lets copies in ([`crate::test`]).

use std::collections::VecDeque;

use catspaw_records::Nanos;
use serde::{Deserialize, Serialize};

use crate::histogram::Histogram;
use crate::leg::{Leg, Size};

/// Copies of a letter go out within so many nanoseconds.
pub(crate) const TOGETHER: i64 = 2 * Nanos::SECOND;
/// They differ by their recipients' names and, in totals, by what their servers answer.
pub(crate) const ALIKE: i64 = 16;
/// Letters that are kept.
pub(crate) const KEPT: usize = 64;
/// So many different letters go out together at most where copies are left out: what that costs is the sum over them.
const FEW: usize = 8;

/// What went out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Letters {
    /// The last letters, each once.
    last: VecDeque<Letter>,
    /// Sizes of all, copies too.
    sizes: Histogram,
}

/// A letter and its copies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Letter {
    first: Nanos,
    last: Nanos,
    size: Size,
}

/// How a letter lies to those that went out before.
#[derive(Clone, Debug)]
pub(crate) struct Place<'a> {
    /// Whether it is a copy of one that went out together with it.
    pub(crate) copy: bool,
    /// Sizes of those that went out together with it, where they are few.
    pub(crate) beside: Option<Vec<Size>>,
    /// Nanoseconds since the queue was run before, and a little more, for what came while it was may not have gone with it.
    pub(crate) since_run: i64,
    /// Sizes of all that went out, copies too.
    pub(crate) sizes: &'a Histogram,
}

impl Letter {
    fn is_beside(&self, at: Nanos) -> bool {
        at.since(self.last) <= TOGETHER && self.first.since(at) <= TOGETHER
    }

    fn is_like(&self, size: Size) -> bool {
        self.size.minus(size).is_some_and(|difference| difference.total().abs() <= ALIKE)
    }
}

impl Letters {
    /// Where what was sent on a leg lies.
    pub(crate) fn place(&self, leg: &Leg, size: Size) -> Place<'_> {
        let at = leg.start.at;
        let beside = || self.last.iter().filter(|letter| letter.is_beside(at));
        Place {
            copy: beside().any(|letter| letter.is_like(size)),
            beside: (beside().count() <= FEW).then(|| beside().map(|letter| letter.size).collect()),
            since_run: self.since_run(at),
            sizes: &self.sizes,
        }
    }

    /// Keeps what was sent on a leg.
    pub(crate) fn keep(&mut self, leg: &Leg, size: Size) {
        let at = leg.start.at;
        self.sizes.add(size, 1.0);
        if let Some(letter) = self.last.iter_mut().find(|letter| letter.is_beside(at) && letter.is_like(size)) {
            (letter.first, letter.last) = (letter.first.min(at), letter.last.max(at));
            return;
        }
        self.last.push_back(Letter { first: at, last: at, size });
        if self.last.len() > KEPT {
            self.last.pop_front();
        }
    }

    /// A run's letters follow one another without a pause: back through the run that goes on at `at`, and the one before it.
    fn since_run(&self, at: Nanos) -> i64 {
        let mut before: Vec<&Letter> = self.last.iter().filter(|letter| letter.first <= at).collect();
        before.sort_unstable_by_key(|letter| std::cmp::Reverse(letter.last));
        let mut began = at;
        let mut runs = 0;
        for letter in before {
            if began.since(letter.last) > TOGETHER {
                runs += 1;
                if runs > 1 {
                    break;
                }
            }
            began = began.min(letter.first);
        }
        if runs == 0 { i64::MAX } else { at.since(began) + TOGETHER }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use catspaw_records::{ByteKind, Endpoint, RecordId, SensorId, Stamp};

    use super::*;

    fn sent(second: i64) -> Leg {
        let point = Endpoint { addr: IpAddr::from([192, 0, 2, 1]), port: 25 };
        let start = Stamp { at: Nanos::from_secs(second), resolution: 1000, sensor: SensorId(0) };
        let (id, opened, end, places) = (RecordId::Device(1), None, None, [None, None]);
        Leg { id, peer: point, own: point, start, opened, end, smtp: true, mailed: None, inward: false, places }
    }

    fn size(up: i64) -> Size {
        Size { up, down: 0, directed: false, kind: ByteKind::Payload }
    }

    #[test]
    fn what_is_as_long_and_goes_out_at_once_is_a_copy() {
        let mut letters = Letters::default();
        let mut is_copy = |second: i64, up: i64| {
            let (leg, size) = (sent(second), size(up));
            let copy = letters.place(&leg, size).copy;
            letters.keep(&leg, size);
            copy
        };
        assert_eq!([is_copy(100, 4000), is_copy(100, 5000), is_copy(101, 4007)], [false, false, true]);
        assert_eq!([is_copy(99, 5000), is_copy(100, 5040), is_copy(200, 4000)], [true, false, false]);
        (0..80).for_each(|other| _ = is_copy(300, 100 * other));
        assert!(!is_copy(300, 0), "no more is kept than the last ones");
    }

    #[test]
    fn copies_go_on_as_long_as_they_follow_one_another() {
        let mut letters = Letters::default();
        let mut is_copy = |second: i64| {
            let copy = letters.place(&sent(second), size(4000)).copy;
            letters.keep(&sent(second), size(4000));
            copy
        };
        assert_eq!([100, 102, 104, 106, 109].map(&mut is_copy), [false, true, true, true, false]);
    }

    #[test]
    fn those_that_go_out_together_are_known_where_they_are_few() {
        let mut letters = Letters::default();
        letters.keep(&sent(100), size(4000));
        letters.keep(&sent(101), size(9000));
        let beside = |letters: &Letters, second| letters.place(&sent(second), size(600)).beside;
        assert_eq!(beside(&letters, 102), Some(vec![size(4000), size(9000)]));
        assert_eq!([103, 104].map(|second| beside(&letters, second)), [Some(vec![size(9000)]), Some(vec![])]);
        (0..7).for_each(|other| letters.keep(&sent(101), size(100 * other)));
        assert_eq!((beside(&letters, 102), beside(&letters, 103).map(|sizes| sizes.len())), (None, Some(8)));
    }

    #[test]
    fn a_run_of_a_queue_begins_after_a_pause() {
        let mut letters = Letters::default();
        let since_run = |letters: &Letters, second| letters.place(&sent(second), size(600)).since_run;
        assert_eq!(since_run(&letters, 200), i64::MAX);
        for second in [101, 100, 102, 110, 112] {
            letters.keep(&sent(second), size(4000 + 100 * second));
        }
        let began = |second: i64| second * Nanos::SECOND + TOGETHER;
        assert_eq!([112, 114, 115].map(|second| since_run(&letters, second)), [began(12), began(14), began(5)]);
    }
}
