//! Which files are leases.

use super::{Form, dhcpd, dnsmasq, kea, syslog};

/// Lines at the beginning of a file by which it is told what it is.
const SNIFFED: usize = 200;

/// See [`Form::sniff`].
pub(super) fn sniff(head: &[u8]) -> Option<Form> {
    if head.contains(&0) {
        return None;
    }
    let head = &head[..head.len().min(64 << 10)];
    let text = String::from_utf8_lossy(head);
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty()).take(SNIFFED);
    let first = lines().next()?;
    if kea::is_header(first) {
        return Some(Form::Kea);
    }
    if lines().any(|line| dhcpd::parse_beginning(line).is_some()) {
        return Some(Form::Dhcpd);
    }
    let parse = dnsmasq::parse_line;
    // The last line of a head may be cut off.
    let whole = lines().count().saturating_sub(1).max(1);
    if lines().take(whole).all(|line| parse(line).is_ok()) && parse(first).is_ok_and(|entry| entry.is_some()) {
        return Some(Form::Dnsmasq);
    }
    text.lines().any(syslog::is_lease).then_some(Form::Syslog)
}
