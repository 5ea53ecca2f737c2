//! The outbound legs that are not final.

use std::collections::{BTreeSet, VecDeque};

use catspaw_records::{Nanos, SensorId};
use prefetch_index::prefetch_index;
use serde::{Deserialize, Serialize};

use crate::leg::Leg;
use crate::packed::EndedLeg;
use crate::service::Key;

/// So many are fetched before their turn.
const AHEAD: usize = 8;

/// Ended legs, in the order in which their ends became known: most hosts only ever append and let go at the front.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct OutboundLegs {
    legs: VecDeque<EndedLeg>,
    /// How many of the first have had their turn in the tests.
    settled: usize,
    /// How many of the others are of mail.
    mail: usize,
}

impl OutboundLegs {
    /// Takes a leg whose end has just become known.
    pub(crate) fn push(&mut self, leg: EndedLeg) {
        if self.legs.len() == self.legs.capacity() {
            // Little by little: of tens of thousands of hosts twice the room is much.
            self.legs.reserve_exact(self.legs.len() / 4 + 4);
        }
        self.mail += usize::from(leg.is_smtp());
        self.legs.push_back(leg);
    }

    /// Has the first and the last fetched from memory.
    pub(crate) fn fetch(&self) {
        let (before, after) = self.legs.as_slices();
        prefetch_index(before, 0);
        let last = if after.is_empty() { before } else { after };
        prefetch_index(last, last.len().saturating_sub(1));
    }

    /// Whether mail has its turn yet to come.
    #[inline]
    pub(crate) fn has_mail_to_settle(&self) -> bool {
        self.mail > 0
    }

    pub(crate) fn len(&self) -> usize {
        self.legs.len()
    }

    /// The next leg whose end was known `settle` nanoseconds before `now`, and when its time was up. It has its turn once.
    #[inline]
    pub(crate) fn next_settled(&mut self, settle: i64, now: Nanos) -> Option<(&EndedLeg, Nanos)> {
        let leg = self.legs.get(self.settled)?;
        let due = leg.known().map_or(Nanos::MIN, |known| known.plus(settle));
        if due >= now && now != Nanos::MAX {
            return None;
        }
        self.settled += 1;
        self.mail -= usize::from(leg.is_smtp());
        Some((leg, due))
    }

    /// All of them, of what `sensor` saw, by their keys.
    pub(crate) fn by_key(&self, sensor: SensorId) -> Vec<(Key, Leg)> {
        let mut legs: Vec<(Key, Leg)> = self.legs.iter().map(|leg| (leg.key(), leg.leg(sensor))).collect();
        legs.sort_unstable_by_key(|&(key, _)| key);
        legs
    }

    /// Their keys.
    pub(crate) fn keys(&self) -> BTreeSet<Key> {
        self.legs.iter().map(EndedLeg::key).collect()
    }

    /// Lets go of the first, as far as they are not to be kept.
    pub(crate) fn let_go(&mut self, keeps: impl Fn(&EndedLeg) -> bool) {
        while let Some(leg) = self.legs.pop_front_if(|leg| !keeps(leg)) {
            // They were written an hour of the log ago.
            prefetch_index(self.legs.as_slices().0, AHEAD);
            self.mail -= usize::from(self.settled == 0 && leg.is_smtp());
            self.settled = self.settled.saturating_sub(1);
        }
    }

    /// Lets go of those that are not to be kept.
    pub(crate) fn retain(&mut self, keeps: impl Fn(&EndedLeg) -> bool) {
        self.let_go(&keeps);
        if self.legs.iter().all(&keeps) {
            return;
        }
        let (mut at, before) = (0, self.settled);
        let Self { settled, mail, .. } = self;
        self.legs.retain(|leg| {
            let kept = keeps(leg);
            if !kept && at < before {
                *settled -= 1;
            } else if !kept {
                *mail -= usize::from(leg.is_smtp());
            }
            at += 1;
            kept
        });
    }
}

#[cfg(test)]
mod tests {
    use catspaw_records::{Ending, Endpoint, RecordId, Stamp};

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
        let mail = |n| Leg { smtp: [1, 5, 8].contains(&n), ..leg(n) };
        (0..10).for_each(|n| legs.push(EndedLeg::new((Nanos(n), 9 - n as u64), &mail(n), SensorId(0))));
        let turn = |legs: &mut OutboundLegs, now| {
            let mut due = Vec::new();
            while let Some((_, at)) = legs.next_settled(5, Nanos(now)) {
                due.push(at.0 - 5);
            }
            due
        };
        assert_eq!(turn(&mut legs, 8), [0, 1, 2], "what is due now is not past");
        assert_eq!(legs.mail, 2);
        legs.retain(|leg| ![0, 2, 5].contains(&leg.key().0.0));
        assert_eq!(turn(&mut legs, 11), [3, 4]);
        assert!(legs.has_mail_to_settle(), "the letter that is left");
        assert_eq!(turn(&mut legs, i64::MAX), [6, 7, 8, 9]);
        assert!(!legs.has_mail_to_settle());
        assert_eq!(legs.by_key(SensorId(0)).iter().map(|(key, _)| key.0.0).collect::<Vec<_>>(), [1, 3, 4, 6, 7, 8, 9]);
        assert_eq!((legs.len(), legs.keys().len()), (7, 7));
    }
}
