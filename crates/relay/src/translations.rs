//! What a host was called outside: the addresses that a device translated it to, and when.

use std::collections::BTreeMap;
use std::net::IpAddr;

use catspaw_records::{Nanos, Translation, TranslationKind};
use serde::{Deserialize, Serialize};

/// Translations of a host that are remembered after they were torn down; beyond, the oldest goes.
const PAST: usize = 256;
/// Translations of a host that may stand at once.
const STANDING: usize = 256;

/// An address that was the host's for a time. One-to-one and static only: a port is a connection's, not a host's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The address outside.
    pub mapped: IpAddr,
    /// Whether it is configured rather than given when the host first needs one.
    pub fixed: bool,
    /// When it was built; `None`: before the evidence begins, nobody knows when.
    pub built: Option<Nanos>,
    /// When the device tore it down; `None` while it stands.
    pub until: Option<Nanos>,
    /// Its life in nanoseconds, as the device said at its end.
    pub duration: Option<i64>,
}

impl Slot {
    /// Whether it may have stood at `at`: of a stamp of a second both its ends count.
    #[must_use]
    pub fn stood_at(&self, at: Nanos) -> bool {
        self.built.is_none_or(|built| built <= at) && self.until.is_none_or(|until| at <= until)
    }
}

/// The slots of one host, as one device wrote them down.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Translations {
    standing: BTreeMap<(IpAddr, bool), Option<Nanos>>,
    past: Vec<Slot>,
    /// Those that were forgotten because there were too many.
    pub dropped: u64,
}

impl Translations {
    /// Takes what the device said at `at`. Ports are not kept.
    pub fn take(&mut self, translation: &Translation, at: Nanos) {
        let fixed = match translation.kind {
            TranslationKind::OneToOne => false,
            TranslationKind::Static => true,
            TranslationKind::Port(_) | TranslationKind::Block { .. } => return,
        };
        let key = (translation.mapped.addr, fixed);
        match translation.torn_down {
            None => self.build(key, at),
            Some(duration) => self.tear_down(key, at, duration),
        }
    }

    fn build(&mut self, key: (IpAddr, bool), at: Nanos) {
        if let Some(&before) = self.standing.get(&key) {
            // Its end was not logged: it was over by now at the latest.
            self.keep(Slot { mapped: key.0, fixed: key.1, built: before, until: Some(at), duration: None });
        } else if self.standing.len() >= STANDING {
            self.dropped += 1;
            return;
        }
        self.standing.insert(key, Some(at));
    }

    fn tear_down(&mut self, key: (IpAddr, bool), at: Nanos, duration: Option<i64>) {
        let by_life = duration.map(|life| at.plus(-life));
        let built = self.standing.remove(&key).flatten().or(by_life);
        self.keep(Slot { mapped: key.0, fixed: key.1, built, until: Some(at), duration });
    }

    fn keep(&mut self, slot: Slot) {
        if self.past.len() >= PAST {
            self.past.remove(0);
            self.dropped += 1;
        }
        self.past.push(slot);
    }

    /// Every slot that is known, those that still stand last.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        let standing = self.standing.iter().map(|(&(mapped, fixed), &built)| Slot {
            mapped,
            fixed,
            built,
            until: None,
            duration: None,
        });
        self.past.iter().copied().chain(standing)
    }

    /// The slot that stood at `at`: of several the one that was built last, and one that was given before one that is
    /// configured, which nobody keeps open.
    #[must_use]
    pub fn standing_at(&self, at: Nanos) -> Option<Slot> {
        self.slots().filter(|slot| slot.stood_at(at)).max_by_key(|slot| (!slot.fixed, slot.built))
    }
}

#[cfg(test)]
mod tests {
    use catspaw_records::Endpoint;

    use super::*;

    fn end(addr: &str) -> Endpoint {
        Endpoint { addr: addr.parse().expect("an address"), port: 0 }
    }

    fn said(mapped: &str, torn_down: Option<Option<i64>>) -> Translation {
        Translation { kind: TranslationKind::OneToOne, real: end("10.0.0.2"), mapped: end(mapped), torn_down }
    }

    fn secs(at: i64) -> Nanos {
        Nanos::from_secs(at)
    }

    #[test]
    fn a_slot_that_was_built_before_the_log_began_tells_when_at_its_end() {
        let mut slots = Translations::default();
        slots.take(&said("192.0.2.7", Some(Some(500 * Nanos::SECOND))), secs(600));
        slots.take(&said("192.0.2.8", Some(None)), secs(700));
        assert_eq!(slots.standing_at(secs(300)).map(|slot| slot.built), Some(Some(secs(100))));
        let all: Vec<Slot> = slots.slots().collect();
        assert_eq!((all[1].built, all[1].duration), (None, None), "the device did not say how long");
        assert_eq!(slots.standing_at(secs(701)), None);
    }

    #[test]
    fn a_lost_teardown_ends_a_slot_when_it_is_built_again() {
        let mut slots = Translations::default();
        slots.take(&said("192.0.2.7", None), secs(100));
        slots.take(&said("192.0.2.7", None), secs(900));
        let ends: Vec<_> = slots.slots().map(|slot| (slot.built, slot.until)).collect();
        assert_eq!(ends, [(Some(secs(100)), Some(secs(900))), (Some(secs(900)), None)]);
    }

    #[test]
    fn what_the_cap_leaves_out_is_counted() {
        let mut slots = Translations::default();
        for n in 0..PAST as i64 + 3 {
            slots.take(&said("192.0.2.7", Some(Some(Nanos::SECOND))), secs(10 * n));
        }
        assert_eq!((slots.slots().count(), slots.dropped), (PAST, 3));
    }
}
