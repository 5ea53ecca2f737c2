//! Which files are leases, and what is in them.

use std::collections::BTreeMap;

use catspaw_records::{Nanos, Place, Sniffed, Unparsed};

use super::Owners;
use super::dhcpd::{Dhcpd, parse_beginning};
use super::kea::{self, Kea};
use super::lease::{Lease, Leases};
use super::syslog::{DhcpSyslog, is_lease};
use super::{parse_mac, parse_name};
use crate::input::{Problem, Source, Summary};
use crate::pipeline::Stamps;

/// Lines at the beginning of a file by which it is told what it is.
const SNIFFED: usize = 200;
/// The name that index files begin with.
const INDEX: &[u8] = crate::trace::INDEX_MAGIC;

/// A file of leases that was read.
#[derive(Debug)]
pub(crate) struct LeaseFile {
    pub(crate) source: Source,
    pub(crate) format: &'static str,
    pub(crate) records: u64,
    pub(crate) skipped: u64,
    /// By reason: how many lines, and the first.
    pub(crate) unparsed: BTreeMap<&'static str, (u64, Vec<u64>)>,
    /// The earliest and the latest beginning of a lease.
    pub(crate) span: Option<(Nanos, Nanos)>,
    pub(crate) summary: Summary,
}

/// Reads a kind of file line by line.
#[derive(Debug)]
enum LeaseReader {
    Syslog(DhcpSyslog),
    Dhcpd(Dhcpd),
    Kea(Kea),
    Dnsmasq,
}

/// Takes the files of leases out of `sources` and reads them; the indexes of `trace` that lie beside logs are left out.
pub(crate) fn sift(sources: &mut Vec<Source>, owners: &mut Owners, stamps: &Stamps) -> (Vec<LeaseFile>, Vec<Problem>) {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    sources.retain(|source| {
        // A pipe can be read once only, and logs are what comes through pipes.
        if source.size().is_none() {
            return true;
        }
        let Ok(mut blocks) = source.open() else { return true };
        let head = blocks.head();
        if head.starts_with(INDEX) {
            return source.named();
        }
        let Some(kind) = kind_of(head) else { return true };
        let mut reader = match kind {
            Kind::Syslog => LeaseReader::Syslog(DhcpSyslog::new(stamps.clock(blocks.written()))),
            Kind::Dhcpd => LeaseReader::Dhcpd(Dhcpd::default()),
            Kind::Kea => LeaseReader::Kea(Kea::default()),
            Kind::Dnsmasq => LeaseReader::Dnsmasq,
        };
        let mut counts = Counts::default();
        let mut buffer = Vec::new();
        while let Some(block) = blocks.next(buffer) {
            for (place, line) in block.lines(0).lines() {
                let line = String::from_utf8_lossy(line);
                let said = reader.line(&line, &mut owners.leases);
                counts.add(place, said);
            }
            buffer = block.into_buffer();
        }
        let Counts { records, skipped, unparsed, span } = counts;
        let mut summary = blocks.finish();
        problems.extend(summary.problem.take());
        let format = kind.name();
        files.push(LeaseFile { source: source.clone(), format, records, skipped, unparsed, span, summary });
        false
    });
    owners.leases.finish();
    (files, problems)
}

impl Owners {
    /// How many leases there was no room for.
    pub(crate) fn dropped(&self) -> u64 {
        self.leases.dropped
    }
}

#[derive(Debug, Default)]
struct Counts {
    records: u64,
    skipped: u64,
    unparsed: BTreeMap<&'static str, (u64, Vec<u64>)>,
    span: Option<(Nanos, Nanos)>,
}

impl Counts {
    fn add(&mut self, place: Place, said: Result<Option<Nanos>, &'static str>) {
        match said {
            Ok(Some(at)) => {
                self.records += 1;
                let known = at != Nanos::MIN;
                let span = self.span.map_or((at, at), |(first, last)| (first.min(at), last.max(at)));
                self.span = if known { Some(span) } else { self.span };
            }
            Ok(None) => self.skipped += 1,
            Err(why) => {
                let Unparsed { place, why, .. } = Unparsed { place, kind: "lease", why };
                let (count, lines) = self.unparsed.entry(why).or_default();
                *count += 1;
                if lines.len() < 3 {
                    lines.push(place.line);
                }
            }
        }
    }
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Syslog,
    Dhcpd,
    Kea,
    Dnsmasq,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Syslog => "dhcp-syslog",
            Self::Dhcpd => "dhcpd-leases",
            Self::Kea => "kea-leases",
            Self::Dnsmasq => "dnsmasq-leases",
        }
    }
}

/// Tells by the beginning of a file what leases it holds, if any.
pub(super) fn kind_of(head: &[u8]) -> Option<Kind> {
    if head.contains(&0) {
        return None;
    }
    let head = &head[..head.len().min(64 << 10)];
    let text = String::from_utf8_lossy(head);
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty()).take(SNIFFED);
    let first = lines().next()?;
    if kea::is_header(first) {
        return Some(Kind::Kea);
    }
    if lines().any(|line| parse_beginning(line).is_some()) {
        return Some(Kind::Dhcpd);
    }
    // The last line of a head may be cut off.
    let whole = lines().count().saturating_sub(1).max(1);
    if lines().take(whole).all(|line| parse_dnsmasq(line).is_ok()) && parse_dnsmasq(first).is_ok_and(|l| l.is_some()) {
        return Some(Kind::Dnsmasq);
    }
    let clock = catspaw_records::Clock::new(jiff::tz::TimeZone::UTC, catspaw_records::YearHint::First(2000));
    let is_log = || matches!(catspaw_records::sniff(head, clock), Sniffed::Evidence(_));
    (text.lines().any(is_lease) && !is_log()).then_some(Kind::Syslog)
}

impl LeaseReader {
    fn line(&mut self, line: &str, leases: &mut Leases) -> Result<Option<Nanos>, &'static str> {
        match self {
            Self::Syslog(reader) => reader.line(line, leases),
            Self::Dhcpd(reader) => reader.line(line, leases),
            Self::Kea(reader) => reader.line(line, leases),
            Self::Dnsmasq => {
                let Some((addr, lease)) = parse_dnsmasq(line)? else { return Ok(None) };
                leases.add(addr, lease);
                Ok(Some(Nanos::MIN))
            }
        }
    }
}

/// A line of dnsmasq's leases file: `EXPIRY MAC ADDRESS NAME CLIENT-ID`. It does not say when the lease began. `None` of
/// the server's own DUID and of IPv6, which has no MAC there.
fn parse_dnsmasq(line: &str) -> Result<Option<(std::net::IpAddr, Lease)>, &'static str> {
    let words: Vec<&str> = line.split_whitespace().collect();
    if words.first() == Some(&"duid") {
        return Ok(None);
    }
    let [expiry, mac, addr, name, ..] = words[..] else { return Err("fewer than four fields") };
    let expiry: i64 = expiry.parse().map_err(|_| "an expiry that is no number")?;
    let addr: std::net::IpAddr = addr.parse().map_err(|_| "no address")?;
    if addr.is_ipv6() {
        return Ok(None);
    }
    // A type may stand before it: 06-00:11:22:33:44:55.
    let mac = mac.split_once('-').filter(|(kind, _)| kind.len() == 2 && mac.contains(':')).map_or(mac, |(_, mac)| mac);
    let mac = parse_mac(mac).ok_or("no hardware address")?;
    let to = if expiry == 0 { Nanos::MAX } else { Nanos::from_secs(expiry) };
    Ok(Some((addr, Lease { from: Nanos::MIN, to, mac: Some(mac.into()), name: parse_name(name).map(Into::into) })))
}
