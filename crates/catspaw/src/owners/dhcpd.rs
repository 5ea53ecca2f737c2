//! ISC's `dhcpd.leases`: `lease ADDRESS { starts ...; ends ...; hardware ethernet ...; client-hostname "..."; }`. Its
//! times are UTC, or `epoch` seconds.

use std::net::IpAddr;

use catspaw_records::Nanos;
use jiff::tz::TimeZone;

use super::lease::{Lease, Leases};
use super::{parse_mac, parse_name};
use crate::moment;

/// The lease that is being read.
#[derive(Debug, Default)]
pub(super) struct Dhcpd {
    lease: Option<(IpAddr, Lease, Option<String>)>,
    /// How deep in braces that are no lease's.
    other: u32,
}

/// The address of the line that begins a lease.
pub(super) fn parse_beginning(line: &str) -> Option<IpAddr> {
    let mut words = line.trim_start().strip_prefix("lease ")?.split_whitespace();
    let addr = words.next()?.parse().ok()?;
    (words.next() == Some("{")).then_some(addr)
}

impl Dhcpd {
    /// Takes a line; the moment at which a lease that is complete with it began.
    ///
    /// # Errors
    /// Where it is wrong: why.
    pub(super) fn line(&mut self, line: &str, leases: &mut Leases) -> Result<Option<Nanos>, &'static str> {
        let line = line.trim();
        let Some((addr, lease, state)) = &mut self.lease else {
            if let (0, Some(addr)) = (self.other, parse_beginning(line)) {
                let lease = Lease { from: Nanos::MIN, to: Nanos::MAX, mac: None, name: None };
                self.lease = Some((addr, lease, None));
            } else if !line.starts_with('#') {
                self.other += u32::from(line.ends_with('{'));
                self.other = self.other.saturating_sub(u32::from(line == "}"));
            }
            return Ok(None);
        };
        if line == "}" {
            // A lease that was never given (free, backup) is written down, too.
            let given = !matches!(state.as_deref(), Some("free" | "backup" | "abandoned")) || lease.mac.is_some();
            let (addr, lease) = (*addr, lease.clone());
            self.lease = None;
            let from = lease.from;
            if given && lease.from < lease.to {
                leases.add(addr, lease);
            }
            return Ok(Some(from));
        }
        let (word, rest) = line.trim_end_matches(';').split_once(' ').unwrap_or((line, ""));
        match word {
            "starts" => lease.from = parse_time(rest).ok_or("starts is no time")?,
            "ends" if rest == "never" => lease.to = Nanos::MAX,
            "ends" => lease.to = parse_time(rest).ok_or("ends is no time")?,
            "hardware" => lease.mac = rest.split_once(' ').and_then(|(_, mac)| parse_mac(mac)).map(Into::into),
            "client-hostname" => lease.name = parse_name(rest).map(Into::into),
            "binding" => *state = rest.strip_prefix("state ").map(str::to_owned),
            "lease" => {
                // The one before was cut off.
                self.lease = None;
                self.line(line, leases)?;
                return Err("a lease that does not end");
            }
            _ => {}
        }
        Ok(None)
    }
}

/// `2 2003/03/04 16:05:00`, or `epoch 1046793900; # ...`.
fn parse_time(text: &str) -> Option<Nanos> {
    if let Some(rest) = text.strip_prefix("epoch ") {
        let seconds = rest.split([';', ' ']).next()?.parse().ok()?;
        return Some(Nanos::from_secs(seconds));
    }
    let (_, moment) = text.split_once(' ')?;
    moment::parse(&moment.replace('/', "-"), &TimeZone::UTC).ok()
}
