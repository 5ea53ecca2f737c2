//! Whom a public address named, at a time, by what one device said.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use catspaw_records::{HostKey, Nanos, SensorId};
use catspaw_relay::{Lane, Slot};

use crate::pipeline::Lanes;

/// The hosts behind some addresses.
#[derive(Debug, Default)]
pub(super) struct Named {
    slots: HashMap<(SensorId, IpAddr), Vec<(HostKey, Slot)>>,
    users: HashMap<(SensorId, IpAddr), BTreeSet<HostKey>>,
    /// Devices of which not every address of every host is known.
    incomplete: HashSet<SensorId>,
}

impl Named {
    /// Of the addresses `asked` alone.
    #[must_use]
    pub(super) fn of(shards: &[Lanes], asked: &HashSet<(SensorId, IpAddr)>) -> Self {
        let mut named = Self::default();
        for (host, sensor, lane) in shards.iter().flat_map(|shard| &shard.lanes) {
            named.add(*host, *sensor, lane, asked);
        }
        named.slots.values_mut().for_each(|slots| end_lost(slots));
        named
    }

    fn add(&mut self, host: HostKey, sensor: SensorId, lane: &Lane, asked: &HashSet<(SensorId, IpAddr)>) {
        if lane.public_dropped > 0 || lane.translations.dropped > 0 {
            self.incomplete.insert(sensor);
        }
        let has_traffic = !lane.tally.outbound.is_empty() || !lane.tally.inbound.is_empty();
        let own = has_traffic.then(|| host.addr());
        for addr in lane.public.iter().copied().chain(own).filter(|&addr| asked.contains(&(sensor, addr))) {
            self.users.entry((sensor, addr)).or_default().insert(host);
        }
        for slot in lane.translations.slots().filter(|slot| asked.contains(&(sensor, slot.mapped))) {
            self.slots.entry((sensor, slot.mapped)).or_default().push((host, slot));
        }
    }

    /// The one host that the address named at `at`: whose it was just then, else the only one that ever used it.
    #[must_use]
    pub(super) fn host(&self, address: (SensorId, IpAddr), at: Nanos) -> Option<HostKey> {
        let slots = self.slots.get(&address).into_iter().flatten();
        let then: BTreeSet<HostKey> = slots.filter(|(_, slot)| slot.stood_at(at)).map(|&(host, _)| host).collect();
        if !then.is_empty() {
            return only(&then);
        }
        if self.incomplete.contains(&address.0) {
            return None;
        }
        self.users.get(&address).and_then(only)
    }
}

fn only(hosts: &BTreeSet<HostKey>) -> Option<HostKey> {
    hosts.first().copied().filter(|_| hosts.len() == 1)
}

/// An address that is given out again has come back, whether or not its teardown was logged.
fn end_lost(slots: &mut [(HostKey, Slot)]) {
    let mut next: BTreeMap<Nanos, HostKey> = BTreeMap::new();
    for (host, slot) in slots.iter().filter(|(_, slot)| !slot.fixed) {
        if let Some(built) = slot.built {
            next.insert(built, *host);
        }
    }
    for (_, slot) in slots.iter_mut().filter(|(_, slot)| !slot.fixed && slot.until.is_none()) {
        let after = slot.built.map_or(Nanos::MIN, |built| built.plus(1));
        slot.until = next.range(after..).next().map(|(&built, _)| built);
    }
}

#[cfg(test)]
mod tests {
    use catspaw_records::{Endpoint, Translation, TranslationKind};

    use super::*;

    const DEVICE: SensorId = SensorId(1);
    const OUTSIDE: &str = "192.0.2.7";

    fn host(last: u8) -> HostKey {
        HostKey::Address([10, 0, 0, last].into())
    }

    /// Who used the address from when to when: the end missing where it was not logged, both where only connections
    /// show it.
    fn named(of: &[(u8, Option<i64>, Option<i64>)]) -> Named {
        named_by(TranslationKind::OneToOne, of)
    }

    fn named_by(kind: TranslationKind, of: &[(u8, Option<i64>, Option<i64>)]) -> Named {
        let end = |addr: &str| Endpoint { addr: addr.parse().unwrap(), port: 0 };
        let mut lanes: BTreeMap<u8, Lane> = BTreeMap::new();
        for &(last, from, until) in of {
            let lane = lanes.entry(last).or_default();
            let mapped = end(OUTSIDE);
            lane.public.insert(mapped.addr);
            let said = Translation { kind, real: end("10.0.0.1"), mapped, torn_down: None };
            if let Some(from) = from {
                lane.translations.take(&said, Nanos::from_secs(from));
            }
            if let Some(until) = until {
                let life = from.map(|from| (until - from) * Nanos::SECOND);
                let torn = Translation { torn_down: Some(life), ..said };
                lane.translations.take(&torn, Nanos::from_secs(until));
            }
        }
        let lanes = lanes.into_iter().map(|(last, lane)| (host(last), DEVICE, Box::new(lane))).collect();
        let shard = Lanes { lanes, ..Lanes::default() };
        Named::of(&[shard], &HashSet::from([(DEVICE, OUTSIDE.parse().unwrap())]))
    }

    fn at(named: &Named, seconds: i64) -> Option<HostKey> {
        named.host((DEVICE, OUTSIDE.parse().unwrap()), Nanos::from_secs(seconds))
    }

    #[test]
    fn an_address_of_a_pool_is_whose_it_was_just_then() {
        let pool = named(&[(1, Some(100), Some(200)), (2, Some(300), Some(400))]);
        assert_eq!((at(&pool, 150), at(&pool, 350)), (Some(host(1)), Some(host(2))));
        assert_eq!((at(&pool, 50), at(&pool, 250), at(&pool, 500)), (None, None, None), "between two, it names nobody");
    }

    #[test]
    fn the_only_host_that_ever_had_an_address_is_meant_when_it_has_it_no_more() {
        let one = named(&[(1, Some(100), Some(200))]);
        assert_eq!((at(&one, 50), at(&one, 900)), (Some(host(1)), Some(host(1))));
        let by_connections = named(&[(1, None, None)]);
        assert_eq!(at(&by_connections, 900), Some(host(1)));
        let two = named(&[(1, None, None), (2, None, None)]);
        assert_eq!(at(&two, 900), None, "two hosts behind one address");
    }

    #[test]
    fn a_configured_address_names_its_host_at_any_time() {
        let fixed = named_by(TranslationKind::Static, &[(1, Some(100), None), (2, None, None)]);
        assert_eq!((at(&fixed, 100), at(&fixed, 9_000_000)), (Some(host(1)), Some(host(1))));
    }

    #[test]
    fn a_lost_teardown_does_not_keep_an_address() {
        let lost = named(&[(1, Some(100), None), (2, Some(300), Some(400))]);
        assert_eq!((at(&lost, 299), at(&lost, 350)), (Some(host(1)), Some(host(2))));
    }
}
