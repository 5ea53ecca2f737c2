//! The timers of a device, learned from the durations that it repeats: no two devices have the same.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::RangeFrom;

use catspaw_records::{Ending, Nanos};
use serde::{Deserialize, Serialize};

use crate::leg::Leg;

/// Distinct durations that are kept of each kind: the shortest, for a timer is the shortest life that it can end.
const DURATIONS: usize = 64;
/// Teardowns that must agree.
const AGREE: u64 = 3;
/// A duration is cut to whole seconds, and so may miss by one.
const NEAR: u32 = 1;
const MINUTE: u32 = 60;

/// How often connections of each duration ended by a timer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timers {
    /// Nobody answered: in seconds, for the timer is all of such a life.
    embryonic: BTreeMap<u32, u64>,
    /// Half closed and idle: in whole minutes, as these timers are configured; a life comes before the timer.
    half_closed: BTreeMap<u32, u64>,
    idle: BTreeMap<u32, u64>,
}

/// What was learned, in nanoseconds; `None` where too few teardowns agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// How long the device waits for an answer (`SYN Timeout`).
    pub embryonic: Option<i64>,
    /// How long it keeps a connection that one side has closed (`FIN Timeout`).
    pub half_closed: Option<i64>,
    /// How long it keeps one that is idle.
    pub idle: Option<i64>,
}

impl Timers {
    /// Takes a teardown and the life that the device says it ends.
    pub fn see(&mut self, ending: Ending, duration: i64) {
        let Ok(seconds) = u32::try_from(duration / Nanos::SECOND) else { return };
        match ending {
            Ending::NoAnswer => count(&mut self.embryonic, seconds, 1),
            Ending::HalfClosed => count(&mut self.half_closed, seconds / MINUTE, 1),
            Ending::Idle => count(&mut self.idle, seconds / MINUTE, 1),
            _ => {}
        }
    }

    /// Adds what another host's connections say of the same device.
    pub fn merge(&mut self, other: &Self) {
        let both = [
            (&mut self.embryonic, &other.embryonic),
            (&mut self.half_closed, &other.half_closed),
            (&mut self.idle, &other.idle),
        ];
        for (own, others) in both {
            others.iter().for_each(|(&duration, &times)| count(own, duration, times));
        }
    }

    /// What they agree on.
    #[must_use]
    pub fn learned(&self) -> Learned {
        let seconds = |n: u32| i64::from(n) * Nanos::SECOND;
        Learned {
            embryonic: repeated(&self.embryonic, NEAR, 0..).map(seconds),
            half_closed: repeated(&self.half_closed, 0, 1..).map(|minutes| seconds(minutes * MINUTE)),
            idle: repeated(&self.idle, 0, 1..).map(|minutes| seconds(minutes * MINUTE)),
        }
    }
}

fn count(durations: &mut BTreeMap<u32, u64>, duration: u32, times: u64) {
    *durations.entry(duration).or_default() += times;
    if durations.len() > DURATIONS {
        durations.pop_last();
    }
}

/// The duration in `range` that most teardowns have, if it stands out: three of them, and twice as many as have any
/// other.
fn repeated(durations: &BTreeMap<u32, u64>, near: u32, range: RangeFrom<u32>) -> Option<u32> {
    let possible = || durations.range(range.clone());
    let (&duration, _) = possible().max_by_key(|&(&duration, &times)| (times, Reverse(duration)))?;
    let about: u64 =
        durations.range(duration.saturating_sub(near)..=duration.saturating_add(near)).map(|(_, times)| times).sum();
    let other = possible().filter(|&(&other, _)| other.abs_diff(duration) > near).map(|(_, &times)| times).max();
    (about >= AGREE && about >= 2 * other.unwrap_or(0)).then_some(duration)
}

impl Learned {
    /// The last packet of a leg that has ended: its end, less the timer where the device ended it (a life that is
    /// shorter was not ended by that); where that timer is not known, no earlier moment is known than its opening. `None` while
    /// it is open.
    #[must_use]
    pub fn last_packet(&self, leg: &Leg) -> Option<Nanos> {
        let end = leg.end?;
        let timer = match end.ending {
            Ending::NoAnswer => self.embryonic,
            Ending::HalfClosed => self.half_closed,
            Ending::Idle => self.idle,
            _ => None,
        };
        if timer.is_none() && end.ending.is_timer() {
            return Some(leg.start.at);
        }
        let before = end.at.plus(-timer.unwrap_or(0));
        Some(if before >= leg.start.at.plus(-i64::from(leg.start.resolution)) {
            before.max(leg.start.at)
        } else {
            end.at
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timers(of: &[(Ending, i64, u64)]) -> Timers {
        let mut timers = Timers::default();
        for &(ending, seconds, times) in of {
            (0..times).for_each(|_| timers.see(ending, seconds * Nanos::SECOND));
        }
        timers
    }

    #[test]
    fn a_duration_beyond_all_bounds_is_no_timer_that_breaks_anything() {
        let longest = timers(&[(Ending::NoAnswer, i64::from(u32::MAX), 3), (Ending::Idle, i64::from(u32::MAX), 3)]);
        assert!(longest.learned().embryonic.is_some());
    }

    #[test]
    fn each_device_has_its_own() {
        let of_2003 = timers(&[(Ending::NoAnswer, 121, 40), (Ending::NoAnswer, 120, 3), (Ending::Fins, 7, 90)]);
        let of_today = timers(&[(Ending::NoAnswer, 30, 6), (Ending::Idle, 3601, 2), (Ending::Idle, 3669, 1)]);
        assert_eq!(of_2003.learned(), Learned { embryonic: Some(121 * Nanos::SECOND), ..Learned::default() });
        assert_eq!(of_today.learned().embryonic, Some(30 * Nanos::SECOND));
        assert_eq!(of_today.learned().idle, None, "two are no custom");
    }

    #[test]
    fn a_life_before_the_timer_is_no_part_of_it() {
        let lives = [600, 600, 601, 614, 609, 640, 0, 0, 0, 0, 0, 0, 0, 700, 4000];
        let of: Vec<_> = lives.iter().map(|&seconds| (Ending::HalfClosed, seconds, 1)).collect();
        assert_eq!(timers(&of).learned().half_closed, Some(600 * Nanos::SECOND));
    }

    #[test]
    fn durations_that_agree_on_nothing_teach_nothing() {
        let of: Vec<_> = (1..60).map(|n| (Ending::NoAnswer, 5 * n, 3)).collect();
        assert_eq!(timers(&of).learned(), Learned::default());
    }
}
