//! Which files are leases.

use super::{Form, dhcpd, dnsmasq, kea, syslog};

/// Lines at the beginning of a file by which it is told what it is.
const SNIFFED: usize = 200;

/// See [`Form::sniff`].
pub(super) fn sniff(head: &[u8]) -> Option<Form> {
    let head = &head[..head.len().min(64 << 10)];
    let text = String::from_utf8_lossy(head);
    // A capture of such syslog holds its lines, too, and other bytes before them; a log may have zeros where its host crashed.
    let is_text = |line: &&str| line.bytes().all(|byte| byte >= b' ' || byte == b'\t');
    let in_syslog = || text.lines().filter(is_text).any(syslog::is_lease).then_some(Form::Syslog);
    if head.contains(&0) {
        let first = text.lines().find(|line| !line.trim().is_empty());
        return first.filter(is_text).and_then(|_| in_syslog());
    }
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
    in_syslog()
}
