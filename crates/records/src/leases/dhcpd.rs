//! ISC's `dhcpd.leases`: `lease ADDRESS { starts ...; ends ...; hardware ethernet ...; client-hostname "..."; }`. Its
//! times are UTC, or `epoch` seconds.

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{Entry, Holder, Lease, Line, Says, parse_mac, parse_name};
use crate::Nanos;

/// Reads lines in the order of the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Reader {
    /// The lease that is being read.
    open: Option<Open>,
    /// How deep in braces that are no lease's.
    other: u32,
}

#[derive(Clone, Debug)]
struct Open {
    addr: IpAddr,
    lease: Lease,
    /// Whether the address lies ready for somebody (free, backup), or must not be given (abandoned).
    idle: bool,
}

/// The address of the line that begins a lease.
pub(super) fn parse_beginning(line: &str) -> Option<IpAddr> {
    let mut words = line.trim_start().strip_prefix("lease ")?.split_whitespace();
    let addr = words.next()?.parse().ok()?;
    (words.next() == Some("{")).then_some(addr)
}

impl Reader {
    /// Takes a line; the entry that is complete with it.
    ///
    /// # Errors
    /// Where it is wrong: why.
    pub(super) fn line(&mut self, line: &str) -> Line {
        let line = line.trim();
        let Some(open) = &mut self.open else {
            self.outside(line);
            return Ok(None);
        };
        if line == "}" {
            return Ok(self.open.take().map(Open::into_entry));
        }
        let (word, rest) = line.trim_end_matches(';').split_once(' ').unwrap_or((line, ""));
        if word == "lease" {
            // The one before was cut off.
            self.open = None;
            self.outside(line);
            return Err("a lease that does not end");
        }
        open.take(word, rest)?;
        Ok(None)
    }

    /// A line that stands in no lease.
    fn outside(&mut self, line: &str) {
        if let (0, Some(addr)) = (self.other, parse_beginning(line)) {
            self.open = Some(Open::new(addr));
        } else if !line.starts_with('#') {
            self.other = self.other.saturating_add(u32::from(line.ends_with('{')));
            self.other = self.other.saturating_sub(u32::from(line == "}"));
        }
    }
}

impl Open {
    fn new(addr: IpAddr) -> Self {
        let lease = Lease { from: Nanos::MIN, to: Nanos::MAX, holder: Holder::default() };
        Self { addr, lease, idle: false }
    }

    fn take(&mut self, word: &str, rest: &str) -> Result<(), &'static str> {
        let Lease { from, to, holder } = &mut self.lease;
        match word {
            "starts" => *from = parse_time(rest).ok_or("starts is no time")?,
            "ends" if rest == "never" => *to = Nanos::MAX,
            "ends" => *to = parse_time(rest).ok_or("ends is no time")?,
            "hardware" => holder.mac = rest.split_once(' ').and_then(|(_, mac)| parse_mac(mac)).map(Into::into),
            "client-hostname" => holder.name = parse_name(rest).map(Into::into),
            "binding" => self.idle = matches!(rest, "state free" | "state backup" | "state abandoned"),
            _ => {}
        }
        Ok(())
    }

    /// A lease that was never given is written down, too.
    fn into_entry(self) -> Entry {
        let given = !self.idle || self.lease.holder.mac.is_some();
        let Lease { from, to, .. } = self.lease;
        let says = if given && from < to { Says::Held(self.lease) } else { Says::Nobodys { from } };
        Entry { addr: self.addr, says }
    }
}

/// `2 2003/03/04 16:05:00`, or `epoch 1046793900; # ...`.
fn parse_time(text: &str) -> Option<Nanos> {
    if let Some(rest) = text.strip_prefix("epoch ") {
        let seconds = rest.split([';', ' ']).next()?.parse().ok()?;
        return Some(Nanos::from_secs(seconds));
    }
    let (_, moment) = text.split_once(' ')?;
    let moment = moment.trim().replace('/', "-");
    let in_utc = || TimeZone::UTC.to_timestamp(moment.parse::<DateTime>().ok()?).ok();
    // A hand that mends such a file may write an offset.
    let at = moment.parse::<Timestamp>().ok().or_else(in_utc)?;
    i64::try_from(at.as_nanosecond()).ok().map(Nanos)
}
