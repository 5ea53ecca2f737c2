//! The outbound legs that are not final.

use std::collections::{BTreeSet, VecDeque};

use catspaw_records::Nanos;
use serde::{Deserialize, Serialize};

use crate::leg::Leg;
use crate::service::Key;

/// Ended legs, in the order in which their ends became known: most hosts only ever append and let go at the front.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct OutboundLegs {
    legs: VecDeque<(Key, Leg)>,
    /// How many of the first have had their turn in the tests.
    settled: usize,
}

impl OutboundLegs {
    /// Takes a leg whose end has just become known.
    pub(crate) fn push(&mut self, key: Key, leg: Leg) {
        self.legs.push_back((key, leg));
    }

    pub(crate) fn len(&self) -> usize {
        self.legs.len()
    }

    /// The next leg whose end was known `settle` nanoseconds before `now`, and when its time was up. It has its turn once.
    #[inline]
    pub(crate) fn next_settled(&mut self, settle: i64, now: Nanos) -> Option<(&Leg, Nanos)> {
        let (_, leg) = self.legs.get(self.settled)?;
        let due = leg.end.map_or(Nanos::MIN, |end| end.known.plus(settle));
        if due >= now && now != Nanos::MAX {
            return None;
        }
        self.settled += 1;
        Some((leg, due))
    }

    /// All of them, by their keys.
    pub(crate) fn by_key(&self) -> Vec<(Key, &Leg)> {
        let mut legs: Vec<(Key, &Leg)> = self.legs.iter().map(|(key, leg)| (*key, leg)).collect();
        legs.sort_unstable_by_key(|&(key, _)| key);
        legs
    }

    /// Their keys.
    pub(crate) fn keys(&self) -> BTreeSet<Key> {
        self.legs.iter().map(|&(key, _)| key).collect()
    }

    /// Lets go of those that are not to be kept.
    pub(crate) fn retain(&mut self, keeps: impl Fn(&Key, &Leg) -> bool) {
        while self.legs.pop_front_if(|(key, leg)| !keeps(key, leg)).is_some() {
            self.settled = self.settled.saturating_sub(1);
        }
        if self.legs.iter().all(|(key, leg)| keeps(key, leg)) {
            return;
        }
        let (mut at, before) = (0, self.settled);
        let settled = &mut self.settled;
        self.legs.retain(|(key, leg)| {
            let kept = keeps(key, leg);
            *settled -= usize::from(!kept && at < before);
            at += 1;
            kept
        });
    }
}

#[cfg(test)]
mod tests {
    use catspaw_records::{Ending, Endpoint, RecordId, SensorId, Stamp};

    use super::*;
    use crate::leg::End;

    fn leg(known: i64) -> Leg {
        let point = Endpoint { addr: std::net::IpAddr::from([192, 0, 2, 1]), port: 1 };
        let (at, known) = (Nanos(known), Nanos(known));
        Leg {
            id: RecordId::Device(1),
            peer: point,
            own: point,
            start: Stamp { at: Nanos(0), resolution: 1, sensor: SensorId(0) },
            opened: None,
            end: Some(End { at, known, order: 1, ending: Ending::Fins, answered: true, size: None }),
            smtp: false,
            mailed: None,
            inward: false,
            places: [None, None],
        }
    }

    #[test]
    fn each_leg_has_its_turn_once_whatever_is_let_go() {
        let mut legs = OutboundLegs::default();
        (0..10).for_each(|n| legs.push((Nanos(n), 9 - n as u64), leg(n)));
        let turn = |legs: &mut OutboundLegs, now| {
            let mut due = Vec::new();
            while let Some((_, at)) = legs.next_settled(5, Nanos(now)) {
                due.push(at.0 - 5);
            }
            due
        };
        assert_eq!(turn(&mut legs, 8), [0, 1, 2], "what is due now is not past");
        legs.retain(|&(start, _), _| start.0 != 0 && start.0 != 2 && start.0 != 5);
        assert_eq!(turn(&mut legs, 11), [3, 4]);
        assert_eq!(turn(&mut legs, i64::MAX), [6, 7, 8, 9]);
        assert_eq!(legs.by_key().iter().map(|(key, _)| key.0.0).collect::<Vec<_>>(), [1, 3, 4, 6, 7, 8, 9]);
        assert_eq!((legs.len(), legs.keys().len()), (7, 7));
    }
}
