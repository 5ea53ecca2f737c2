//! Who is behind one of our addresses: by DHCP leases among the evidence, then the owner's table, then a command of the
//! owner's.

mod command;
mod configured;
mod lease;
mod report;
mod sift;
mod table;

use std::collections::HashMap;
use std::net::IpAddr;

use catspaw_records::Nanos;

use self::command::Command;
pub(crate) use self::configured::Configured;
use self::lease::Leases;
pub(crate) use self::report::list;
pub(crate) use self::sift::{LeaseFile, sift};
use self::table::Table;
pub(crate) use crate::report::Owner;

/// Everything that says who is behind an address.
#[derive(Debug, Default)]
pub(crate) struct Owners {
    leases: Leases,
    table: Table,
    command: Option<Command>,
}

impl Owners {
    /// What the owner configured.
    pub(crate) fn new(table: Table, command: Option<Command>) -> Self {
        Self { leases: Leases::default(), table, command }
    }

    /// Addresses of a machine that is known by another: the first by the second.
    pub(crate) fn machines(&self) -> HashMap<IpAddr, IpAddr> {
        self.table.machines()
    }

    /// Who was behind `host` at `at`; `None` where nobody says.
    ///
    /// The first that knows the machine says it; those behind it only fill what it leaves open, and only where they
    /// speak of the same machine: a table that is out of date would put one person's name to another's machine.
    pub(crate) fn of(&self, host: IpAddr, at: Nanos) -> Option<Owner> {
        let mut owner = self.leases.of(host, at);
        complete(&mut owner, || self.table.of(host, at));
        complete(&mut owner, || self.command.as_ref()?.of(host, at));
        owner
    }
}

fn complete(owner: &mut Option<Owner>, more: impl FnOnce() -> Option<Owner>) {
    match owner {
        None => *owner = more(),
        Some(Owner { mac: Some(_), user: Some(_), name: Some(_) }) => {}
        Some(known) => {
            let Some(more) = more() else { return };
            if let (Some(mac), Some(other)) = (&known.mac, &more.mac)
                && !mac.eq_ignore_ascii_case(other)
            {
                return;
            }
            known.mac = known.mac.take().or(more.mac);
            known.user = known.user.take().or(more.user);
            known.name = known.name.take().or(more.name);
        }
    }
}

#[cfg(test)]
mod tests;
