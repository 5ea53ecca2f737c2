//! Copies of one letter. A letter for several goes out on several connections at once, and what came in explains or does not
//! explain all of them alike: what one has shown the others do not show again.

use std::collections::VecDeque;

use catspaw_records::Nanos;
use serde::{Deserialize, Serialize};

use crate::leg::{Leg, Size};

/// Copies of a letter go out within so many nanoseconds.
pub(crate) const TOGETHER: i64 = 2 * Nanos::SECOND;
/// They differ by their recipients' names and, in totals, by what their servers answer.
pub(crate) const ALIKE: i64 = 16;
/// Letters that are kept.
pub(crate) const KEPT: usize = 64;

/// The letters that went out last, copies left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Letters(VecDeque<Letter>);

/// A letter that went out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Letter {
    at: Nanos,
    size: Size,
    /// How likely another is alike that has nothing to do with it.
    by_chance: f64,
}

/// How a letter lies to those that went out before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    /// Whether it is a copy of one.
    pub(crate) copy: bool,
    /// How likely it was to be taken for one by its size alone.
    pub(crate) by_chance: f64,
    /// Nanoseconds since the queue was run before, and a little more, for what came while it was may not have gone with it.
    pub(crate) since_run: i64,
}

impl Letters {
    /// Where what was sent on a leg lies.
    pub(crate) fn place(&self, leg: &Leg, size: Size) -> Place {
        let at = leg.start.at;
        let beside = || self.0.iter().filter(|other| other.at.since(at).abs() <= TOGETHER);
        let is_like = |other: &Letter| other.size.minus(size).is_some_and(|d| d.total().abs() <= ALIKE);
        let by_chance = beside().map(|other| other.by_chance).sum::<f64>().min(1.0);
        Place { copy: beside().any(is_like), by_chance, since_run: self.since_run(at) }
    }

    /// Keeps a letter of a size whose density is `density`, for a byte.
    pub(crate) fn keep(&mut self, leg: &Leg, size: Size, density: f64) {
        self.0.push_back(Letter { at: leg.start.at, size, by_chance: (2 * ALIKE + 1) as f64 * density });
        if self.0.len() > KEPT {
            self.0.pop_front();
        }
    }

    /// A run's letters follow one another without a pause.
    fn since_run(&self, at: Nanos) -> i64 {
        let mut gaps: Vec<i64> = self.0.iter().map(|other| at.since(other.at)).filter(|gap| *gap >= 0).collect();
        gaps.sort_unstable();
        let follows = |(one, next): (i64, i64)| next - one <= TOGETHER;
        let steps = std::iter::once(0).chain(gaps.iter().copied()).zip(gaps.iter().copied());
        let own = steps.take_while(|step| follows(*step)).count();
        let Some(&last) = gaps.get(own) else { return i64::MAX };
        let before = gaps[own..].windows(2).take_while(|step| follows((step[0], step[1]))).last();
        before.map_or(last, |step| step[1]) + TOGETHER
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
            let place = letters.place(&leg, size);
            if !place.copy {
                letters.keep(&leg, size, 0.001);
            }
            place.copy
        };
        assert_eq!([is_copy(100, 4000), is_copy(100, 5000), is_copy(101, 4007)], [false, false, true]);
        assert_eq!([is_copy(99, 5000), is_copy(100, 5040), is_copy(200, 4000)], [true, false, false]);
        (0..80).for_each(|other| _ = is_copy(300, 100 * other));
        assert!(!is_copy(300, 0), "no more is kept than the last ones");
    }

    #[test]
    fn it_is_said_beforehand_how_likely_one_is_taken_for_a_copy() {
        let mut letters = Letters::default();
        letters.keep(&sent(100), size(4000), 0.001);
        letters.keep(&sent(101), size(9000), 0.002);
        let by_chance = |second| letters.place(&sent(second), size(600)).by_chance;
        assert!(
            (by_chance(102) - 0.099).abs() < 1e-9 && (by_chance(103) - 0.066).abs() < 1e-9 && by_chance(104) == 0.0
        );
    }

    #[test]
    fn a_run_of_a_queue_begins_after_a_pause() {
        let mut letters = Letters::default();
        let since_run = |letters: &Letters, second| letters.place(&sent(second), size(600)).since_run;
        assert_eq!(since_run(&letters, 200), i64::MAX);
        for second in [101, 100, 102, 110, 112] {
            letters.keep(&sent(second), size(4000), 0.001);
        }
        let began = |second: i64| second * Nanos::SECOND + TOGETHER;
        assert_eq!([112, 114, 115].map(|second| since_run(&letters, second)), [began(12), began(14), began(5)]);
    }
}
