//! Leases by address.

use std::collections::HashMap;
use std::net::IpAddr;

use catspaw_records::Nanos;

use super::Owner;

/// As many leases are kept; the others are counted.
const KEPT: usize = 1 << 21;

/// A lease as its server wrote it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    /// [`Nanos::MIN`] where nobody says.
    pub(super) from: Nanos,
    /// [`Nanos::MAX`] where it does not end, or nobody says.
    pub(super) to: Nanos,
    pub(super) mac: Option<Box<str>>,
    pub(super) name: Option<Box<str>>,
}

/// What a server's log says of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It is given to somebody, or still his.
    Given { mac: Box<str>, name: Option<Box<str>> },
    /// It is free again.
    Free,
}

/// All leases.
#[derive(Debug, Default)]
pub(super) struct Leases {
    by_address: HashMap<IpAddr, Vec<Lease>>,
    /// Of logs, in no order until [`Leases::finish`].
    said: HashMap<IpAddr, Vec<(Nanos, Said)>>,
    kept: usize,
    /// How many there was no room for.
    pub(super) dropped: u64,
}

impl Leases {
    pub(super) fn add(&mut self, addr: IpAddr, lease: Lease) {
        if self.has_room() {
            self.by_address.entry(addr.to_canonical()).or_default().push(lease);
        }
    }

    pub(super) fn say(&mut self, addr: IpAddr, at: Nanos, said: Said) {
        if self.has_room() {
            self.said.entry(addr.to_canonical()).or_default().push((at, said));
        }
    }

    fn has_room(&mut self) -> bool {
        let room = self.kept < KEPT;
        self.kept += usize::from(room);
        self.dropped += u64::from(!room);
        room
    }

    /// Everything was read: what logs say becomes leases. One that is given on ends the one before it.
    pub(super) fn finish(&mut self) {
        for (addr, mut said) in std::mem::take(&mut self.said) {
            said.sort_by_key(|(at, _)| *at);
            let leases = self.by_address.entry(addr).or_default();
            let mut open: Option<Lease> = None;
            for (at, said) in said {
                let (mac, name) = match said {
                    Said::Given { mac, name } => (mac, name),
                    Said::Free => {
                        leases.extend(open.take().map(|lease| Lease { to: at, ..lease }));
                        continue;
                    }
                };
                match &mut open {
                    Some(lease) if lease.mac.as_ref() == Some(&mac) => lease.name = name.or(lease.name.take()),
                    _ => {
                        leases.extend(open.take().map(|lease| Lease { to: at, ..lease }));
                        open = Some(Lease { from: at, to: Nanos::MAX, mac: Some(mac), name });
                    }
                }
            }
            leases.extend(open);
        }
    }

    /// Who had `addr` at `at`: by the lease that was given last.
    pub(super) fn of(&self, addr: IpAddr, at: Nanos) -> Option<Owner> {
        let leases = self.by_address.get(&addr.to_canonical())?.iter();
        let lease = leases.filter(|lease| lease.from <= at && at < lease.to).max_by_key(|lease| lease.from)?;
        Some(Owner {
            mac: lease.mac.as_deref().map(str::to_owned),
            user: None,
            name: lease.name.as_deref().map(str::to_owned),
        })
    }
}
