//! Which addresses are ours, beside what a rule says: where they are to be replaced, all of them must be known.

use std::collections::BTreeSet;
use std::net::IpAddr;

use catspaw_records::{Event, Record, Side};

use super::route::Route;

/// Addresses of one shard.
const ADDRESSES: usize = 65_536;

/// As whom the outside sees a host, where a record says it.
pub(super) fn mapped(record: &Record, route: &Route) -> Option<IpAddr> {
    match &record.event {
        Event::Opened(opened) if route.side == Side::Orig => opened.mapped_orig.map(|end| end.addr),
        Event::Opened(opened) => opened.mapped_resp.map(|end| end.addr),
        Event::Whole(whole) => whole.mapped()[route.side.index()].map(|end| end.addr),
        Event::Translation(translation) => Some(translation.mapped.addr),
        Event::Closed(_) | Event::Denied(_) | Event::Content(_) | Event::Burst(_) => None,
    }
}

/// Collects the addresses that hosts of ours have, inside and as the outside sees them.
#[derive(Debug, Default)]
pub(crate) struct Ours {
    /// Whether they are wanted at all.
    wanted: bool,
    /// Those found.
    pub(crate) addresses: BTreeSet<IpAddr>,
    /// Those that did not fit in.
    pub(crate) beyond: u64,
}

impl Ours {
    /// Empty.
    pub(crate) fn new(wanted: bool) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// Takes what a record says.
    pub(crate) fn note(&mut self, record: &Record, route: &Route) {
        if !self.wanted || !route.ours {
            return;
        }
        for addr in [Some(route.host.addr()), mapped(record, route)].into_iter().flatten() {
            if self.addresses.len() < ADDRESSES || self.addresses.contains(&addr) {
                self.addresses.insert(addr);
            } else {
                self.beyond += 1;
            }
        }
    }
}
