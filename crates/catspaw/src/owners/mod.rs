//! Who is behind one of our addresses: by DHCP leases among the evidence, then the owner's table, then a command of the
//! owner's.

mod command;
mod configured;
mod csv;
mod dhcpd;
mod kea;
mod lease;
mod report;
mod sift;
mod syslog;
mod table;

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

/// The usual form of a MAC address, `00:11:22:aa:bb:cc`; `None` of what is none.
fn parse_mac(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let written = text.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '-' | '.'));
    // Some write 0:1:2:a:b:c.
    let groups: Vec<&str> = text.split([':', '-']).collect();
    if written && groups.len() == 6 && groups.iter().all(|group| (1..=2).contains(&group.len())) {
        let groups: Vec<String> = groups.iter().map(|group| format!("{group:0>2}").to_ascii_lowercase()).collect();
        return Some(groups.join(":"));
    }
    (written && digits.len() == 12).then(|| {
        let pairs: Vec<String> =
            digits.as_bytes().chunks(2).map(|p| String::from_utf8_lossy(p).to_lowercase()).collect();
        pairs.join(":")
    })
}

/// A name that says something, without quotes and control characters, and not too long to show.
fn parse_name(text: &str) -> Option<String> {
    let text = text.trim().trim_matches('"');
    let shown: String = text.chars().filter(|c| !c.is_control()).take(255).collect();
    (!shown.is_empty() && shown != "*" && shown != "-").then_some(shown)
}

#[cfg(test)]
mod tests;
