//! What scans found, of all files together.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufReader;
use std::net::IpAddr;

use catspaw_records::nmap::{Form, Host, Said};
use catspaw_records::{Nanos, SensorId, Unparsed};
use jiff::tz::TimeZone;

use super::Signatures;
use crate::input::{BlockReader, Problem, Source, What};
use crate::pipeline::{FileRead, PLACES, SensorCount};
use crate::report::Indicator;

/// Hosts that are kept; beyond, those with the lowest addresses, whatever the order of the files is.
const HOSTS: usize = 1 << 16;
/// Open ports of a host. Where more answer, something before it answers for them all, and they say nothing.
const OPEN: usize = 1024;
/// What is kept of a host that its ports say of themselves.
const SIGNS: usize = 64;
/// The sensor.
const NAME: &str = "nmap";

/// What scans found.
#[derive(Debug, Default)]
pub(crate) struct Scans {
    hosts: BTreeMap<IpAddr, Answers>,
    /// Files that were scans to their end of which all was understood, or had a host in them.
    pub(crate) files: u64,
    /// Hosts that the cap dropped.
    pub(crate) hosts_dropped: u64,
}

/// What answered at a host.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    open: BTreeSet<u16>,
    /// What ports said of themselves, or scripts of them.
    signs: BTreeSet<Indicator>,
}

impl Scans {
    /// Reads a file, which is number `file` of the run. What can be wrong with it as a whole is beside it.
    pub(crate) fn read(
        &mut self,
        form: Form,
        (source, mut blocks, file): (Source, BlockReader, u32),
        zone: &TimeZone,
        signatures: &Signatures,
    ) -> (FileRead, Option<Problem>) {
        let mut read = FileRead::new(source, form.format());
        let mut count = SensorCount { name: NAME.to_owned(), ..SensorCount::default() };
        let mut span = None;
        let scan = form.read(BufReader::new(&mut blocks), file, zone, &mut |said| match said {
            Said::Unparsed(Unparsed { place, kind, why }) => {
                let own = read.unparsed.entry((kind, why)).or_default();
                own.count += 1;
                own.lines.extend(Some(place.line).filter(|_| own.lines.len() < PLACES));
            }
            Said::Host(host) if host.open.is_empty() => count.skipped += 1,
            Said::Host(host) => {
                count.records += 1;
                span = host.at.into_iter().fold(span, widen);
                self.take(&host, signatures);
            }
        });
        count.span = scan.started.into_iter().chain(scan.finished).fold(span, widen);
        let hosts = count.records + count.skipped;
        self.files += u64::from(scan.complete && read.unparsed.is_empty() || hosts > 0);
        read.sensors.insert(SensorId::of(NAME.as_bytes()), count);
        let problem = (!scan.complete).then(|| read.source.problem(What::ScanCutOff));
        let summary = blocks.finish();
        read.bytes = summary.on_disk;
        (read, summary.problem.or(problem))
    }

    fn take(&mut self, host: &Host, signatures: &Signatures) {
        for &address in &host.addresses {
            let answers = self.hosts.entry(address).or_default();
            answers.open.extend(host.open.keys());
            while answers.open.len() > OPEN + 1 {
                answers.open.pop_last();
            }
            for (number, port) in &host.open {
                let banner = signatures.banner(port).map(|name| ("proxy-banner", name.to_owned()));
                let script = signatures.script(port).map(|id| ("open-proxy", format!("by nmap's {id}")));
                let signs = banner.into_iter().chain(script);
                answers.signs.extend(
                    signs.map(|(kind, what)| Indicator {
                        kind: kind.to_owned(),
                        detail: format!("{number}/tcp, {what}"),
                    }),
                );
            }
            while answers.signs.len() > SIGNS {
                answers.signs.pop_last();
            }
        }
        while self.hosts.len() > HOSTS {
            self.hosts.pop_last();
            self.hosts_dropped += 1;
        }
    }

    /// What is known of each address.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = (IpAddr, &Answers)> {
        self.hosts.iter().map(|(&address, answers)| (address, answers))
    }
}

impl Answers {
    /// The open ports; none where something answers for all of them.
    pub(crate) fn open(&self) -> Option<&BTreeSet<u16>> {
        (self.open.len() <= OPEN).then_some(&self.open)
    }

    /// What ports said of themselves, or scripts of them; nothing where something answers for all of them.
    pub(crate) fn signs(&self) -> impl Iterator<Item = &Indicator> {
        self.signs.iter().filter(|_| self.open.len() <= OPEN)
    }
}

fn widen(span: Option<(Nanos, Nanos)>, at: Nanos) -> Option<(Nanos, Nanos)> {
    Some(span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))))
}
