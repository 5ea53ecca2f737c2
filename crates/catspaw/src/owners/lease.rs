//! Leases by address.

use std::collections::HashMap;
use std::net::IpAddr;

use catspaw_records::Nanos;
use catspaw_records::leases::{Entry, Holder, Lease, Says};

use super::Owner;

/// As many leases are kept; the others are counted.
const KEPT: usize = 1 << 21;

/// All leases.
#[derive(Debug, Default)]
pub(super) struct Leases {
    by_address: HashMap<IpAddr, Vec<Lease>>,
    /// Of logs, in no order until [`Leases::finish`]: from when it is whose, or free.
    said: HashMap<IpAddr, Vec<(Nanos, Option<Holder>)>>,
    kept: usize,
    /// How many there was no room for.
    pub(super) dropped: u64,
}

impl Leases {
    pub(super) fn add(&mut self, entry: Entry) {
        let addr = entry.addr.to_canonical();
        match entry.says {
            Says::Held(lease) if self.has_room() => self.by_address.entry(addr).or_default().push(lease),
            Says::Given { at, holder } if self.has_room() => {
                self.said.entry(addr).or_default().push((at, Some(holder)));
            }
            Says::Freed { at } if self.has_room() => self.said.entry(addr).or_default().push((at, None)),
            Says::Held(_) | Says::Given { .. } | Says::Freed { .. } | Says::Nobodys { .. } => {}
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
            for (at, holder) in said {
                let Some(holder) = holder else {
                    leases.extend(open.take().map(|lease| Lease { to: at, ..lease }));
                    continue;
                };
                match &mut open {
                    Some(Lease { holder: known, .. }) if known.mac == holder.mac => {
                        known.name = holder.name.or(known.name.take());
                    }
                    _ => {
                        leases.extend(open.take().map(|lease| Lease { to: at, ..lease }));
                        open = Some(Lease { from: at, to: Nanos::MAX, holder });
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
        let text = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
        Some(Owner { mac: text(&lease.holder.mac), user: None, name: text(&lease.holder.name) })
    }
}
