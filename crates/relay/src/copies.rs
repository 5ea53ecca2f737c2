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

/// The letters that went out last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Letters(VecDeque<(Nanos, Size)>);

impl Letters {
    /// Takes what was sent on a leg, and whether it is a copy of another letter.
    pub(crate) fn is_copy(&mut self, leg: &Leg, size: Size) -> bool {
        let at = leg.start.at;
        let is_like = |other: Size| other.minus(size).is_some_and(|difference| difference.total().abs() <= ALIKE);
        let copy = self.0.iter().any(|&(other, sent)| other.since(at).abs() <= TOGETHER && is_like(sent));
        self.0.push_back((at, size));
        if self.0.len() > KEPT {
            self.0.pop_front();
        }
        copy
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use catspaw_records::{ByteKind, Endpoint, RecordId, SensorId, Stamp};

    use super::*;

    #[test]
    fn what_is_as_long_and_goes_out_at_once_is_a_copy() {
        let mut letters = Letters::default();
        let mut is_copy = |second: i64, up: i64| {
            let point = Endpoint { addr: IpAddr::from([192, 0, 2, 1]), port: 25 };
            let start = Stamp { at: Nanos::from_secs(second), resolution: 1000, sensor: SensorId(0) };
            let (id, opened, end, places) = (RecordId::Device(1), None, None, [None, None]);
            let leg = Leg {
                id,
                peer: point,
                own: point,
                start,
                opened,
                end,
                smtp: true,
                mailed: None,
                inward: false,
                places,
            };
            letters.is_copy(&leg, Size { up, down: 0, directed: false, kind: ByteKind::Payload })
        };
        assert_eq!([is_copy(100, 4000), is_copy(100, 5000), is_copy(101, 4007)], [false, false, true]);
        assert_eq!([is_copy(99, 5000), is_copy(100, 5040), is_copy(200, 4000)], [true, false, false]);
        (0..80).for_each(|other| _ = is_copy(300, 100 * other));
        assert!(!is_copy(300, 0), "no more is kept than the last ones");
    }
}
