//! A first look at every file: what it is, and where its records begin in time.

use std::collections::BTreeMap;
use std::sync::Arc;

use catspaw_engine::capture;
use catspaw_records::cisco::Names;
use catspaw_records::{
    Block, Clock, HashSeed, LineSink, Nanos, Place, Reader, Record, SensorId, Sniffed, Unparsed, YearHint,
    is_of_programs, nmap,
};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use xxhash_rust::xxh3::xxh3_64;

use super::ahead::{Passed, read_on};
use super::parse::Rank;
use super::year::Year;
use crate::columns::Maps;
use crate::input::{BlockReader, Problem, Source, What};
use crate::packets::Opened;

/// Days between the first stamps of two files from which on they are not taken for parts of one log.
const NEW_LOG: i32 = 60;

/// How stamps without year or zone are read, and names in the place of addresses.
#[derive(Clone, Debug)]
pub(crate) struct Stamps {
    /// The zone of stamps that do not say.
    pub(crate) zone: TimeZone,
    /// The year of the first stamp of a file that does not say; otherwise no stamp is after the file was written.
    pub(crate) year: Option<i16>,
    /// What a device calls addresses.
    pub(crate) names: Arc<Names>,
}

impl Stamps {
    /// For the stamps of a file that was written then.
    pub(crate) fn clock(&self, written: std::time::SystemTime) -> Clock {
        let hint = match self.year {
            Some(year) => YearHint::First(year),
            None => YearHint::NotAfter(day_after(written, &self.zone)),
        };
        Clock::new(self.zone.clone(), hint)
    }

    /// The moment at which a day is over.
    fn end_of(&self, day: Date) -> Nanos {
        let end = day.tomorrow().ok().and_then(|next| next.to_zoned(self.zone.clone()).ok());
        end.and_then(|end| i64::try_from(end.timestamp().as_nanosecond()).ok()).map_or(Nanos::MAX, Nanos)
    }

    /// The year of a moment; `None` of the beginning of time.
    fn year_of(&self, at: Nanos) -> Option<i16> {
        let at = jiff::Timestamp::from_nanosecond(i128::from(at.0)).ok().filter(|_| at != Nanos::MIN)?;
        Some(self.zone.to_datetime(at).year())
    }
}

/// The day after a file was written: a clock may be a zone ahead.
fn day_after(written: std::time::SystemTime, zone: &TimeZone) -> Date {
    let timestamp = jiff::Timestamp::try_from(written).unwrap_or(jiff::Timestamp::MAX);
    let date = zone.to_datetime(timestamp).date();
    date.tomorrow().unwrap_or(date)
}

/// A file that is evidence.
pub(crate) struct Surveyed {
    pub(crate) source: Source,
    /// Kept open where it cannot be opened again (a pipe).
    pub(crate) open: Option<BlockReader>,
    pub(crate) reader: Reader,
    /// The year that was taken for stamps without one, where nobody said it.
    pub(crate) guessed_year: Option<i16>,
    /// Before when it was written.
    pub(crate) written_by: Nanos,
    /// The zone that its stamps name, where it is not known which of several that is.
    pub(crate) zone: Option<String>,
    /// How far east of UTC the zone is that its stamps say, in minutes.
    pub(crate) said_zone: Option<i16>,
    /// What is to be said of it before it is read.
    pub(crate) remarks: Vec<Problem>,
    /// No record of it is expected before this moment, less what the merge waits.
    pub(crate) rank: Rank,
    /// The sensors of its first lines, and when each begins.
    pub(super) first: BTreeMap<SensorId, Nanos>,
    /// Whether its first line tells of a line that stands before it.
    pub(super) repeats: bool,
    /// What was counted before the lines that told what it is, where these are not read again.
    pub(crate) passed: Option<Passed>,
}

/// What a file is.
pub(crate) enum Looked {
    /// Records in the order of time.
    Log(Box<Surveyed>),
    /// Packets.
    Capture(Opened),
    /// A scan.
    Scan(nmap::Form, Source, BlockReader),
    /// What tells nobody by itself what it is.
    Unknown(Unknown),
}

/// A file of which nobody knows by itself what it is: it may be the later part of a log that others know.
pub(crate) struct Unknown {
    source: Source,
    file: u32,
    /// What is to be said of it, if it is not.
    pub(super) problem: Problem,
}

impl Unknown {
    /// A later part of the one log among those that differ whose reader understands it.
    ///
    /// # Errors
    /// What is to be said of it, where none does, or several.
    pub(super) fn part_of(self, logs: &[&Surveyed], stamps: &Stamps) -> Result<Surveyed, Problem> {
        let Ok(mut blocks) = self.source.open() else { return Err(self.problem) };
        let clock = stamps.clock(blocks.written());
        let head = blocks.head();
        let mut fitting = logs.iter().filter_map(|log| Some((log, log.reader.of_a_part(head, clock.clone())?)));
        match (fitting.next(), fitting.next()) {
            (Some((_, reader)), None) => {
                let reader = reader.with_names(&stamps.names);
                Ok(Surveyed::new(self.source.clone(), self.file, reader, (head, head)))
            }
            (Some((one, _)), Some((other, _))) => {
                let both = [one, other].map(|log| log.source.name());
                Err(self.source.problem(What::Undecided(both)))
            }
            (None, _) => Err(self.problem),
        }
    }
}

impl Surveyed {
    /// A file that begins with `head`, of which the lines that are `shown` told what it is.
    fn new(source: Source, file: u32, reader: Reader, (head, shown): (&[u8], &[u8])) -> Self {
        let first = first_records(&reader, shown, Nanos::min);
        let rank = (earliest(&first), xxh3_64(shown), file);
        let repeats = reader.begins_with_a_repetition(head);
        Self {
            source,
            open: None,
            reader,
            guessed_year: None,
            written_by: Nanos::MAX,
            zone: None,
            said_zone: None,
            remarks: Vec::new(),
            rank,
            first,
            repeats,
            passed: None,
        }
    }
}

/// Looks at `source`, which is number `file` of the run.
pub(crate) fn survey(mut source: Source, file: u32, stamps: &Stamps, maps: &Maps) -> Result<Looked, Problem> {
    let mut blocks = source.open()?;
    let clock = stamps.clock(blocks.written());
    let head = blocks.head();
    if head.is_empty() {
        return Err(blocks.finish().problem.unwrap_or_else(|| source.problem(What::Empty)));
    }
    if let Some(form) = nmap::Form::sniff(head) {
        return Ok(Looked::Scan(form, source, blocks));
    }
    if capture::sniff(head) {
        return Ok(Looked::Capture(Opened::new(source, file, blocks)));
    }
    let head = head.to_vec();
    let mut passed = None;
    let mut reader = match maps.sniff(source.sample().unwrap_or(&head), &clock) {
        Sniffed::Evidence(reader) => Ok(*reader),
        Sniffed::Other(name) => Err(name),
    };
    if reader.is_err()
        && is_of_programs(&head)
        && let Some((told, before)) = read_on(&mut source, &mut blocks, |lines| maps.reader(lines, &clock))
    {
        (reader, passed) = (Ok(told), before);
    }
    let shown = source.sample().unwrap_or(&head);
    let mut reader = match reader {
        Ok(reader) => reader.with_names(&stamps.names),
        Err(name) => {
            let is_text = name.starts_with("of no kind");
            let unfit = is_text.then(|| maps.nearest(shown, &clock)).flatten();
            let problem = source.problem(unfit.map_or(What::NotEvidence(name), What::Unfit));
            return match blocks.size() {
                Some(_) => Ok(Looked::Unknown(Unknown { source, file, problem })),
                // A pipe is read once.
                None => Err(problem),
            };
        }
    };
    let lack = maps.lack(&reader, shown).into_iter();
    let remarks = lack.chain(maps.doubts(&reader, shown)).map(|said| source.problem(What::Doubtful(said))).collect();
    let mut is_guessed = false;
    if stamps.year.is_none() {
        let (said, is_guess) = match source.year() {
            Some((year, is_guess)) => (Year::Followed(year), is_guess),
            None => (Year::of(&source, &reader, shown), false),
        };
        is_guessed = is_guess || said == Year::Guessed;
        if let Year::Followed(year) = said {
            reader = reader.of_year(year);
        }
    }
    let mut surveyed = Surveyed::new(source.clone(), file, reader, (&head, shown));
    (surveyed.remarks, surveyed.passed) = (remarks, passed);
    surveyed.guessed_year = stamps.year_of(surveyed.rank.0).filter(|_| is_guessed);
    let zone = surveyed.reader.named_zone(shown).filter(|_| stamps.zone == TimeZone::UTC);
    surveyed.zone = zone.map(|zone| String::from_utf8_lossy(zone).into_owned());
    surveyed.said_zone = surveyed.reader.said_zone(shown);
    surveyed.written_by = stamps.end_of(day_after(blocks.written(), &stamps.zone));
    // A regular file is opened again when its turn comes: a directory may hold more files than may be open.
    surveyed.open = blocks.size().is_none().then_some(blocks);
    Ok(Looked::Log(Box::new(surveyed)))
}

/// A log of stamps without a year that was split at or after New Year: its later files are of the year after `--year`.
/// Taken to be one where a file begins in December, another in January, and a gap of some months lies between the files
/// that follow on January and those before December.
pub(crate) fn follow_new_year(files: &mut [Surveyed], stamps: &Stamps, maps: &Maps) {
    let (Some(year), zone) = (stamps.year, &stamps.zone) else { return };
    let date = |file: &Surveyed| {
        let first = jiff::Timestamp::from_nanosecond(i128::from(file.rank.0.0)).ok()?;
        Some(zone.to_datetime(first).date()).filter(|date| date.year() == year)
    };
    let mut dates: Vec<Date> = files.iter().filter_map(date).collect();
    dates.sort_unstable();
    let turns = dates.first().is_some_and(|d| d.month() == 1) && dates.last().is_some_and(|d| d.month() == 12);
    let gap = dates.windows(2).find(|pair| (pair[1] - pair[0]).get_days() >= NEW_LOG);
    let Some(last_after) = gap.filter(|_| turns).map(|pair| pair[0]) else { return };
    let next = Stamps { year: Some(year + 1), ..stamps.clone() };
    for file in files.iter_mut().filter(|file| file.open.is_none()) {
        if date(file).is_some_and(|date| date <= last_after)
            && let Ok(Looked::Log(moved)) = survey(file.source.clone(), file.rank.2, &next, maps)
        {
            // Where the stamps have a year, it is what it was.
            *file = *moved;
        }
    }
}

/// The earliest moment of a record of each sensor in the head; or another that `take` chooses of two.
pub(super) fn first_records(
    reader: &Reader,
    head: &[u8],
    take: fn(Nanos, Nanos) -> Nanos,
) -> BTreeMap<SensorId, Nanos> {
    let mut first = First { moments: BTreeMap::new(), take };
    let whole = memchr::memrchr(b'\n', head).map_or(head, |end| &head[..=end]);
    reader.clone().read(Block::new(whole, Place { file: 0, line: 1 }), HashSeed(0), &mut first);
    first.moments
}

/// Of all; the beginning of time where there is none.
pub(super) fn earliest(first: &BTreeMap<SensorId, Nanos>) -> Nanos {
    first.values().copied().min().unwrap_or(Nanos::MIN)
}

struct First {
    moments: BTreeMap<SensorId, Nanos>,
    take: fn(Nanos, Nanos) -> Nanos,
}

impl LineSink for First {
    fn record(&mut self, record: &Record, _: &[u8]) {
        let at = record.known_at();
        let first = self.moments.entry(record.known.sensor).or_insert(at);
        *first = (self.take)(at, *first);
    }

    fn skipped(&mut self, _: &[u8]) {}

    fn unparsed(&mut self, _: Unparsed) {}
}
