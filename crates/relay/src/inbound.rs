//! The inbound legs of a service that are not final.

use std::collections::{BTreeMap, VecDeque};

use catspaw_records::Nanos;
use serde::{Deserialize, Serialize};

use crate::leg::Leg;
use crate::service::Key;

/// Inbound legs that are looked at to find those that may have caused an outbound one.
pub(crate) const LOOKED_AT: usize = 512;

/// Open ones, and ended ones with payload.
///
/// For each outbound leg hundreds of them are looked at, of which few were open then; what tells that lies together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct InboundLegs {
    legs: BTreeMap<Key, Leg>,
    /// Their keys in order, and up to when each may have been open.
    keys: VecDeque<Key>,
    open_until: VecDeque<Nanos>,
}

impl InboundLegs {
    /// Takes a leg, in place of the one with its key.
    pub(crate) fn insert(&mut self, key: Key, leg: Leg) {
        let until = leg.end.map_or(Nanos::MAX, |end| end.at.plus(i64::from(leg.start.resolution)));
        self.legs.insert(key, leg);
        match self.place(&key) {
            Ok(at) => self.open_until[at] = until,
            Err(at) => {
                self.keys.insert(at, key);
                self.open_until.insert(at, until);
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &Key) {
        self.legs.remove(key);
        if let Ok(at) = self.place(key) {
            self.keys.remove(at);
            self.open_until.remove(at);
        }
    }

    /// Lets go of those that are not to be kept.
    pub(crate) fn retain(&mut self, keeps: impl Fn(&Key, &Leg) -> bool) {
        let before = self.legs.len();
        self.legs.retain(|key, leg| keeps(key, leg));
        if self.legs.len() < before {
            let mut left = self.keys.iter().map(|key| self.legs.contains_key(key));
            self.open_until.retain(|_| left.next().unwrap_or_default());
            self.keys = self.legs.keys().copied().collect();
        }
    }

    /// Where a key stands among all, or would stand.
    pub(crate) fn place(&self, key: &Key) -> Result<usize, usize> {
        // Most are the latest.
        if self.keys.back().is_none_or(|last| last < key) {
            return Err(self.keys.len());
        }
        self.keys.binary_search(key)
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Leg> {
        self.legs.get(key)
    }

    pub(crate) fn contains_key(&self, key: &Key) -> bool {
        self.legs.contains_key(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.legs.len()
    }

    /// All of them, by their keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Key, &Leg)> {
        self.legs.iter()
    }

    /// Of the legs that were opened last up to a moment those that may have been open at another, the latest first.
    pub(crate) fn opened_before(&self, upto: Nanos, open_at: Nanos) -> impl Iterator<Item = (&Key, &Leg)> {
        let keys = self.places(upto, open_at).filter_map(|place| self.keys.get(place));
        keys.filter_map(|key| Some((key, self.legs.get(key)?)))
    }

    /// Where those stand among all ([`InboundLegs::iter`]).
    #[inline]
    pub(crate) fn places(&self, upto: Nanos, open_at: Nanos) -> impl Iterator<Item = usize> {
        let end = self.keys.partition_point(|key| *key <= (upto, u64::MAX));
        let looked_at = self.open_until.range(..end).enumerate().rev().take(LOOKED_AT);
        looked_at.filter(move |(_, until)| **until >= open_at).map(|(place, _)| place)
    }
}

impl FromIterator<(Key, Leg)> for InboundLegs {
    fn from_iter<I: IntoIterator<Item = (Key, Leg)>>(legs: I) -> Self {
        let mut all = Self::default();
        legs.into_iter().for_each(|(key, leg)| all.insert(key, leg));
        all
    }
}

#[cfg(test)]
mod tests {
    use catspaw_records::{Ending, Endpoint, RecordId, SensorId, Stamp};

    use super::*;
    use crate::leg::End;

    fn leg(start: i64, end: Option<i64>) -> Leg {
        let point = Endpoint { addr: std::net::IpAddr::from([192, 0, 2, 1]), port: 1 };
        let ended =
            |at| End { at: Nanos(at), known: Nanos(at), order: 1, ending: Ending::Fins, answered: true, size: None };
        Leg {
            id: RecordId::Device(1),
            peer: point,
            own: point,
            start: Stamp { at: Nanos(start), resolution: 10, sensor: SensorId(0) },
            opened: None,
            end: end.map(ended),
            smtp: false,
            mailed: None,
            inward: false,
            places: [None, None],
        }
    }

    #[test]
    fn those_that_may_have_been_open_are_found_and_no_others() {
        // In no order; 40 is open, and ends later.
        let mut legs: InboundLegs = [(70, 80), (10, 20), (30, 95), (50, 51)]
            .into_iter()
            .map(|(s, e)| ((Nanos(s), 0), leg(s, Some(e))))
            .collect();
        legs.insert((Nanos(40), 3), leg(40, None));
        let open = |legs: &InboundLegs, upto, at| {
            legs.opened_before(Nanos(upto), Nanos(at))
                .map(|(key, leg)| {
                    assert_eq!(key.0, leg.start.at);
                    key.0.0
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(open(&legs, 60, 61), [50, 40, 30], "to within the stamps");
        assert_eq!(open(&legs, 60, 62), [40, 30]);
        assert_eq!(open(&legs, 70, 90), [70, 40, 30]);
        legs.insert((Nanos(40), 3), leg(40, Some(45)));
        assert_eq!(open(&legs, 100, 62), [70, 30]);
        legs.remove(&(Nanos(70), 0));
        assert_eq!((open(&legs, 100, 62), open(&legs, 100, 56)), (vec![30], vec![50, 30]));
        legs.retain(|key, _| key.0 != Nanos(10));
        assert_eq!((open(&legs, 100, 62), open(&legs, 100, 56)), (vec![30], vec![50, 30]));
        assert_eq!((open(&legs, 100, 0), legs.len()), (vec![50, 40, 30], 3));
        assert!(legs.contains_key(&(Nanos(40), 3)) && legs.get(&(Nanos(10), 0)).is_none());
        let all: Vec<i64> = legs.iter().map(|(key, _)| key.0.0).collect();
        let places: Vec<i64> = legs.places(Nanos(100), Nanos(0)).map(|place| all[place]).collect();
        assert_eq!(places, [50, 40, 30], "what stands at a place is the leg of that place");
    }

    #[test]
    fn so_many_are_looked_at() {
        let legs: InboundLegs =
            (0..2 * LOOKED_AT as i64).map(|n| ((Nanos(n), 0), leg(n, (n > 600).then_some(n)))).collect();
        let found = |at| legs.opened_before(Nanos(1000), Nanos(at)).count();
        assert_eq!(found(2000), 600 - (1000 - LOOKED_AT as i64) as usize);
        assert_eq!(found(0), LOOKED_AT);
    }
}
