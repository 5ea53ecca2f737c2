//! What a run gathered, and of which files.

use std::borrow::Cow;
use std::collections::BTreeMap;

use catspaw_records::{Nanos, SensorId};
use jiff::tz::TimeZone;

use super::ahead::Passed;
use super::offsets::Offsets;
use super::parse::{Batch, Lost, PLACES, SensorCount, UnparsedCount};
use super::rows::{Counted, Rows};
use super::shard::Lanes;
use super::strangers::Strangers;
use super::witness::Witnesses;
use crate::alerts::Alerts;
use crate::indicators::Scans;
use crate::input::{LONG_LINE, Problem, Source, Summary};
use crate::packets::{self, CaptureRead, Dropped};

/// What was read of one file.
#[derive(Debug)]
pub(crate) struct FileRead {
    pub(crate) source: Source,
    pub(crate) format: Cow<'static, str>,
    /// The year that was taken for stamps without one, where nobody said it.
    pub(crate) guessed_year: Option<i16>,
    /// Before when it was written.
    pub(crate) written_by: Nanos,
    /// The zone that its stamps name, where it is not known which of several that is.
    pub(crate) zone: Option<String>,
    pub(crate) bytes: u64,
    /// Where some of its lines begin, where it can be read from there: their numbers, and the bytes before them.
    pub(crate) marks: Vec<(u64, u64)>,
    /// Of a capture: packets of which it holds a part alone.
    pub(crate) cut: u64,
    pub(crate) sensors: BTreeMap<SensorId, SensorCount>,
    pub(crate) unparsed: BTreeMap<(&'static str, &'static str), UnparsedCount>,
    /// What syslog servers say that they lost.
    pub(crate) lost: Lost,
}

/// What a run gathered.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// By number of the file.
    pub(crate) files: BTreeMap<u32, FileRead>,
    /// By virtual shard.
    pub(crate) lanes: Vec<Lanes>,
    /// By worker.
    pub(crate) rows: Vec<Rows>,
    /// Connections put together.
    pub(crate) counted: Counted,
    pub(crate) problems: Vec<Problem>,
    /// The zone whose days are counted by, where the logs say one and the owner none.
    pub(crate) zone: Option<TimeZone>,
    /// What the tables of flows left out, by why.
    pub(crate) dropped: Dropped,
    /// TCP connections in packets: those of which one side was heard alone, and the others.
    pub(crate) heard: (u64, u64),
    /// What scans found.
    pub(crate) scans: Scans,
    /// What rules said.
    pub(crate) alerts: Alerts,
    /// Records without an end of ours.
    pub(crate) strangers: Strangers,
    /// What several sensors may both have seen, where there are several.
    pub(super) witnesses: Option<Witnesses>,
    /// How far their clocks are apart.
    pub(crate) offsets: Offsets,
}

type Span = (Nanos, Nanos);

/// From the earlier beginning to the later end.
fn both(one: Span, other: Span) -> Span {
    (one.0.min(other.0), one.1.max(other.1))
}

/// Whether so much lies between a beginning and an end that a date stands for several days.
pub(crate) fn is_of_years((first, last): Span) -> bool {
    last.since(first) > 366 * 24 * 3600 * Nanos::SECOND
}

impl Gathered {
    /// What was read of each file's sensors, but for scans, which have none.
    pub(crate) fn sensors(&self) -> impl Iterator<Item = &SensorCount> {
        self.files.values().filter(|file| !file.is_scan()).flat_map(|file| file.sensors.values())
    }

    /// The captures, with their numbers.
    pub(crate) fn captures(&self) -> Vec<(u32, Source)> {
        let captures = self.files.iter().filter(|(_, file)| file.is_capture());
        captures.map(|(&number, file)| (number, file.source.clone())).collect()
    }
}

impl FileRead {
    /// Of a file of which nothing is read yet.
    pub(crate) fn new(source: Source, format: impl Into<Cow<'static, str>>) -> Self {
        Self {
            source,
            format: format.into(),
            guessed_year: None,
            written_by: Nanos::MAX,
            zone: None,
            bytes: 0,
            marks: Vec::new(),
            cut: 0,
            sensors: BTreeMap::new(),
            unparsed: BTreeMap::new(),
            lost: Lost::default(),
        }
    }

    /// Whether it is a scan, and no log of what went by.
    pub(crate) fn is_scan(&self) -> bool {
        self.format.starts_with("nmap-")
    }

    /// Lines that say nothing that is used.
    pub(crate) fn skipped(&self) -> u64 {
        self.sensors.values().map(|sensor| sensor.skipped).sum()
    }

    /// Whether it holds packets.
    pub(crate) fn is_capture(&self) -> bool {
        self.format.starts_with("pcap")
    }

    /// Whether stamps without a year were taken to be of one that others of its stamps contradict: no log of stamps without a year
    /// is of more than a year, nor of what came after it was written.
    pub(crate) fn contradicts_its_year(&self) -> bool {
        let contradict = |span: Span| is_of_years(span) || span.1 >= self.written_by;
        self.guessed_year.is_some()
            && self.sensors.values().filter_map(|sensor| sensor.span).reduce(both).is_some_and(contradict)
    }

    pub(super) fn add(&mut self, batch: &Batch) {
        for (&sensor, count) in &batch.sensors {
            let own = self.sensors.entry(sensor).or_default();
            own.name.clone_from(&count.name);
            own.records += count.records;
            own.skipped += count.skipped;
            own.inside += count.inside;
            own.misplaced.add_all(&count.misplaced);
            own.span = own.span.into_iter().chain(count.span).reduce(both);
        }
        self.add_unparsed(&batch.unparsed);
        self.lost.add_all(&batch.lost);
    }

    /// Counts what stood before the lines that told what it is.
    pub(super) fn pass(&mut self, passed: &Passed) {
        if let Some((name, skipped)) = &passed.skipped {
            let own = self.sensors.entry(SensorId::of(name.as_bytes())).or_default();
            own.name.clone_from(name);
            own.skipped += skipped;
        }
        self.add_unparsed(&passed.unparsed);
        self.lost.add_all(&passed.lost);
    }

    fn add_unparsed(&mut self, unparsed: &BTreeMap<(&'static str, &'static str), UnparsedCount>) {
        for (&kind, count) in unparsed {
            let own = self.unparsed.entry(kind).or_insert_with(|| UnparsedCount {
                count: 0,
                lines: Vec::new(),
                ..count.clone()
            });
            own.count += count.count;
            own.lines.extend(&count.lines);
            own.lines.truncate(PLACES);
        }
    }

    /// Of a capture the records are packets.
    pub(super) fn captured(&mut self, read: &CaptureRead) {
        self.bytes = read.bytes;
        let own = self.sensors.entry(packets::sensor()).or_default();
        own.name = packets::SENSOR.to_owned();
        own.records = read.packets + read.duplicates;
        own.skipped = read.skipped;
        own.duplicates = read.duplicates;
        own.late = read.late;
        own.span = read.span;
        self.cut = read.cut;
    }

    /// Takes what is known behind its last block.
    pub(crate) fn finish(&mut self, summary: &Summary) {
        self.bytes = summary.on_disk;
        if summary.long_lines > 0 {
            let lines = summary.long_line_places.iter().copied().take(PLACES).collect();
            self.unparsed
                .insert(("line", LONG_LINE), UnparsedCount { count: summary.long_lines, lines, ..Default::default() });
        }
    }
}
