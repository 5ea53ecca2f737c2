//! `-oG`, and the like of it that masscan writes: a host in a line, its fields between tabs.

use std::io::BufRead;

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use super::line::Lines;
use super::{Host, Port, Said, Scan, TEXT, cut, parse_epoch};
use crate::{Nanos, Place, Unparsed};

/// What an unparsed line was taken for.
const KIND: &str = "nmap-grepable";
/// Lines at a file's beginning by which it is known.
const FIRST: usize = 64;

/// Whether it is one. nmap's normal output (`-oN`) begins in the same way, and so does every file of `-oA`.
pub(super) fn sniff(text: &[u8]) -> bool {
    let lines = || text.split(|&byte| byte == b'\n').take(FIRST).map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines().any(|line| host_fields(line).is_some())
        || (lines().next().is_some_and(|line| header_time(line, " scan initiated ", " as: ").is_some())
            && lines().all(|line| line.is_empty() || line.starts_with(b"#")))
}

pub(super) fn read(input: impl BufRead, file: u32, zone: &TimeZone, said: &mut impl FnMut(Said)) -> Scan {
    let mut lines = Lines::new(input);
    // Of hosts that were cut out of a scan (`grep open`) nobody knows where it ended.
    let mut scan = Scan { complete: true, ..Scan::default() };
    while let Some(line) = lines.next() {
        let mut unparsed = |why| {
            said(Said::Unparsed(Unparsed { place: Place { file, line: line.number }, kind: KIND, why }));
        };
        if line.too_long {
            unparsed("a line longer than 8 MiB");
        }
        if line.text.starts_with(b"#") {
            read_comment(line.text, zone, &mut scan);
        } else if !line.text.is_empty() {
            match parse_host(line.text) {
                Ok(host) => said(Said::Host(host)),
                Err(why) => unparsed(why),
            }
        }
    }
    scan
}

fn read_comment(line: &[u8], zone: &TimeZone, scan: &mut Scan) {
    let moment = |time: Option<&str>| time.and_then(|time| parse_time(time, zone));
    if let Some(time) = header_time(line, " scan initiated ", " as: ") {
        scan.complete = false;
        scan.started = scan.started.into_iter().chain(moment(Some(time))).min();
    }
    let done = [" done at ", " run completed at "].into_iter().find_map(|words| header_time(line, words, " -- "));
    if done.is_some() {
        scan.complete = true;
        scan.finished = scan.finished.into_iter().chain(moment(done)).max();
    }
}

/// What stands between `words` and `end` in nmap's own comments (or after them).
fn header_time<'a>(line: &'a [u8], words: &str, end: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(line.get(..line.len().min(TEXT))?).ok()?.strip_prefix("# ")?;
    let (program, rest) = text.split_once(words)?;
    let known = ["nmap", "masscan"].iter().any(|name| program.to_ascii_lowercase().starts_with(name));
    known.then(|| rest.split_once(end).map_or(rest, |(time, _)| time))
}

/// `Sun Nov 22 17:08:27 2020`; old ones end in `; 1 IP address ...`.
fn parse_time(text: &str, zone: &TimeZone) -> Option<Nanos> {
    let text = text.split([';', '-']).next()?.trim();
    let time: DateTime = strtime::parse("%a %b %e %H:%M:%S %Y", text).ok()?.to_datetime().ok()?;
    Some(Nanos::from_secs(zone.to_timestamp(time).ok()?.as_second()))
}

/// The fields of a line that is one of a host.
fn host_fields(line: &[u8]) -> Option<impl Iterator<Item = (&[u8], &[u8])>> {
    let fields = line.split(|&byte| byte == b'\t').filter_map(|field| {
        let colon = memchr::memmem::find(field, b": ")?;
        Some((&field[..colon], &field[colon + 2..]))
    });
    let is_host = |&(name, _): &(&[u8], &[u8])| name == b"Host";
    let is_field = |&(name, _): &(&[u8], &[u8])| matches!(name, b"Ports" | b"Status" | b"Protocols");
    let known = fields.clone().take(2).any(|field| is_host(&field)) && fields.clone().any(|field| is_field(&field));
    known.then_some(fields)
}

fn parse_host(line: &[u8]) -> Result<Host, &'static str> {
    let fields = host_fields(line).ok_or("a line that is none of a host")?;
    let mut host = Host::default();
    for (name, value) in fields {
        let value = String::from_utf8_lossy(value);
        match name {
            b"Host" => {
                let (address, rest) = value.split_once(' ').unwrap_or((&value, ""));
                host.addresses.push(address.parse().map_err(|_| "an address that is none")?);
                let name = rest.trim().trim_start_matches('(').trim_end_matches(')');
                host.names.extend(Some(cut(name, TEXT)).filter(|name| !name.is_empty()));
            }
            b"Timestamp" => host.at = parse_epoch(value.trim()),
            b"Ports" => parse_ports(&value, &mut host)?,
            _ => {}
        }
    }
    Ok(host)
}

/// `port/state/protocol/owner/service/rpc/version/, ...`: a comma may stand in a version, a slash may not.
fn parse_ports(text: &str, host: &mut Host) -> Result<(), &'static str> {
    for entry in text.split(", ") {
        let mut parts = entry.trim().split('/');
        let number = parts.next().unwrap_or("");
        let Some(state) = parts.next() else { continue };
        let protocol = parts.next();
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) || protocol.is_none() {
            continue;
        }
        let number: u16 = number.parse().map_err(|_| "a port beyond 65535")?;
        if state != "open" || protocol != Some("tcp") {
            continue;
        }
        let mut rest = parts.skip(1);
        let (service, version) = (rest.next().unwrap_or(""), rest.nth(1).unwrap_or(""));
        let mut port = Port::default();
        port.product(&[version]);
        // Without a version, the name may be the table's, which says the port's number again and nothing more.
        if !version.is_empty() {
            port.service = cut(service, TEXT);
        }
        host.open.insert(number, port);
    }
    Ok(())
}
