//! Which files are leases, and what is in them.

use std::collections::BTreeMap;
use std::time::SystemTime;

use catspaw_records::leases::{Form, Said};
use catspaw_records::{Nanos, Reader, Unparsed, is_of_programs};

use super::Owners;
use super::lease::Leases;
use crate::input::{Buffer, Problem, Source, Summary};
use crate::pipeline::Stamps;

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
    /// Whether it is a log of connections, too: whoever reads that counts its bytes and its other lines.
    pub(crate) mixed: bool,
    pub(crate) summary: Summary,
}

/// Reads the files of leases among `sources`. Those that are nothing else are taken out; the indexes of `trace` that lie beside
/// logs are left out.
pub(crate) fn sift(sources: &mut Vec<Source>, owners: &mut Owners, stamps: &Stamps) -> (Vec<LeaseFile>, Vec<Problem>) {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    sources.retain_mut(|source| {
        // A pipe can be opened once only.
        let is_pipe = source.size().is_none();
        let mut blocks = match source.open() {
            Ok(blocks) => blocks,
            Err(problem) => {
                if is_pipe {
                    source.put_back(Err(problem));
                }
                return true;
            }
        };
        let head = blocks.head();
        if head.starts_with(INDEX) {
            return source.named();
        }
        let later = || {
            let begins = !is_pipe && is_of_programs(head) && !is_log(head, stamps);
            (begins && has_leases(source)).then_some(Form::Syslog)
        };
        let Some(form) = Form::sniff(head).or_else(later) else {
            if is_pipe {
                source.put_back(Ok(blocks));
            }
            return true;
        };
        let mut mixed = form == Form::Syslog && is_log(head, stamps);
        if mixed && is_pipe {
            // Nor read twice, and the connections are what it is named for.
            source.put_back(Ok(blocks));
            return true;
        }
        let mut reader = form.reader(stamps.clock(blocks.written()));
        let mut counts = Counts::default();
        let mut buffer = Buffer::default();
        while let Some(block) = blocks.next(buffer) {
            reader.read(block.lines(0), &mut |said| counts.add(said, &mut owners.leases));
            if let (Form::Syslog, false) = (form, mixed || is_pipe)
                && let Some(sample) = block.samples().find(|sample| is_log(sample, stamps))
            {
                source.show(sample);
                mixed = true;
            }
            buffer = block.into_buffer();
        }
        let Counts { records, skipped, unparsed, span } = counts;
        let mut summary = blocks.finish();
        problems.extend(summary.problem.take().filter(|_| !mixed));
        let format = form.format();
        files.push(LeaseFile { source: source.clone(), format, records, skipped, unparsed, span, mixed, summary });
        mixed
    });
    owners.leases.finish();
    (files, problems)
}

/// Whether these lines are of a log of connections.
fn is_log(lines: &[u8], stamps: &Stamps) -> bool {
    Reader::sniff(lines, stamps.clock(SystemTime::UNIX_EPOCH)).is_some()
}

/// Whether a file that begins with other programs' lines has leases further on.
fn has_leases(source: &Source) -> bool {
    let Ok(mut blocks) = source.open() else { return false };
    let mut buffer = Buffer::default();
    while let Some(block) = blocks.next(buffer) {
        // Most lines are of programs that never say the word.
        let may = |sample: &&[u8]| memchr::memmem::find(sample, b"DHCP").is_some();
        if block.samples().filter(may).any(|sample| Form::sniff(sample) == Some(Form::Syslog)) {
            return true;
        }
        buffer = block.into_buffer();
    }
    false
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
    fn add(&mut self, said: Said, leases: &mut Leases) {
        match said {
            Said::Entry(entry) => {
                self.records += 1;
                if let Some(at) = entry.at() {
                    let (first, last) = self.span.unwrap_or((at, at));
                    self.span = Some((first.min(at), last.max(at)));
                }
                leases.add(entry);
            }
            Said::Skipped => self.skipped += 1,
            Said::Unparsed(Unparsed { place, why, .. }) => {
                let (count, lines) = self.unparsed.entry(why).or_default();
                *count += 1;
                if lines.len() < 3 {
                    lines.push(place.line);
                }
            }
        }
    }
}
