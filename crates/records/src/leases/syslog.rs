//! What ISC dhcpd and dnsmasq write to syslog: DHCPACK, DHCPRELEASE, DHCPEXPIRE.

use std::net::IpAddr;

use super::{Entry, Holder, Line, Says, parse_mac, parse_name};
use crate::syslog::timekeeper::Timekeeper;
use crate::syslog::written::parse_written;
use crate::{Clock, Nanos, SensorId};

/// Reads lines in the order of the log.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    time: Timekeeper,
}

/// Whether a line tells of a lease.
pub(super) fn is_lease(line: &str) -> bool {
    program(line).is_some_and(|message| parse_message(message).is_some())
}

/// What the program wrote, where that is a DHCP server.
fn program(line: &str) -> Option<&str> {
    let at = line.find("dhcpd").or_else(|| line.find("dnsmasq-dhcp"))?;
    let (_, message) = line[at..].split_once(": ")?;
    // dnsmasq may number its transactions.
    let message = message.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
    message.starts_with("DHCP").then_some(message)
}

impl Reader {
    pub(super) fn new(clock: Clock) -> Self {
        Self { time: Timekeeper::new(clock) }
    }

    /// Takes a line. `Ok(None)` where it says nothing that is used.
    ///
    /// # Errors
    /// Where it is wrong: why.
    pub(super) fn line(&mut self, line: &str) -> Line {
        // Lines of other programs, too: the year follows from the stamps in between.
        let at = parse_stamp(line, &mut self.time);
        let Some((addr, holder)) = program(line).and_then(parse_message) else { return Ok(None) };
        let at = at.ok_or("no stamp")?;
        let says = match holder {
            Some(holder) => Says::Given { at, holder },
            None => Says::Freed { at },
        };
        Ok(Some(Entry { addr, says }))
    }
}

/// `DHCPACK on ADDR to MAC (NAME) via IFC` and its like of ISC; `DHCPACK(IFC) ADDR MAC [NAME]` of dnsmasq. The address,
/// and whose it is; nobody's where it is free again.
fn parse_message(message: &str) -> Option<(IpAddr, Option<Holder>)> {
    let (what, rest) = message.split_once(' ')?;
    let (what, dnsmasq) = match what.split_once('(') {
        Some((what, _)) => (what, true),
        None => (what, false),
    };
    let given = match what {
        "DHCPACK" => true,
        "DHCPRELEASE" | "DHCPEXPIRE" | "DHCPDECLINE" => false,
        _ => return None,
    };
    let mut words = rest.split_whitespace();
    let addr_word = if dnsmasq { words.next()? } else { words.nth(1)? };
    let addr: IpAddr = addr_word.parse().ok()?;
    if !given {
        return Some((addr, None));
    }
    let mac = loop {
        // An answer to DHCPINFORM has the address after `to` and the hardware address in parentheses.
        if let Some(mac) = parse_mac(words.next()?.trim_matches(['(', ')'])) {
            break mac;
        }
    };
    let name = match (words.next(), dnsmasq) {
        (Some(word), true) => parse_name(word),
        (Some(word), false) => word.strip_prefix('(').and_then(|word| word.strip_suffix(')')).and_then(parse_name),
        (None, _) => None,
    };
    Some((addr, Some(Holder { mac: Some(mac.into()), name: name.map(Into::into) })))
}

/// A stamp as syslog has it, behind a priority (and a version).
fn parse_stamp(line: &str, time: &mut Timekeeper) -> Option<Nanos> {
    let text = match line.strip_prefix('<') {
        Some(rest) => rest.split_once('>')?.1.trim_start_matches("1 "),
        None => line,
    };
    let (written, _) = parse_written(text.as_bytes())?;
    time.resolve(SensorId(0), &written)
}
