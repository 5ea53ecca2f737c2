//! The year of stamps that have none, where nobody said it: later stamps of the same file may.

use catspaw_records::{Block, HashSeed, LineSink, Nanos, Place, Reader, Record, Unparsed};
use jiff::civil::Date;
use jiff::tz::Offset;

use super::survey::{Looked, Stamps, Surveyed, survey};
use crate::columns::Maps;
use crate::input::{Buffer, Source};

/// How a file's stamps come to their years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Year {
    /// They say them, or there is none.
    Said,
    /// The first have none, and this is what later ones of the same file make of it.
    Followed(i16),
    /// None says it.
    Guessed,
}

/// Two years with the same days: what a stamp means in both, it says itself.
const YEARS: [i16; 2] = [1980, 1984];

/// As much of a file's end is looked at to tell whether its stamps say their year there.
const TAIL: u64 = 64 << 10;

impl Year {
    /// Of the file that `reader` is for, which begins with the lines that are `shown`.
    pub(super) fn of(source: &Source, reader: &Reader, shown: &[u8]) -> Self {
        let mut looking = Looking::new(reader);
        match looking.look(shown) {
            // One stamp of another year among many without one is a clock that was not set, or forged.
            Some(Self::Followed(_)) if ends_with_a_year(source, reader) == Some(false) => return Self::Guessed,
            Some(year) => return year,
            None if !looking.begun => return Self::Said,
            None => {}
        }
        let ends_with_one = ends_with_a_year(source, reader) == Some(true);
        let found = if ends_with_one { look_through(source, reader) } else { None };
        found.unwrap_or(Self::Guessed)
    }
}

/// The year of a file's first stamp by all of the file, where what was read of it contradicts a guess; and whether it is one still.
pub(super) fn of_contradicted(source: &Source, stamps: &Stamps, maps: &Maps) -> Option<(i16, bool)> {
    let Ok(Looked::Log(log)) = survey(source.clone(), 0, stamps, maps) else { return None };
    match said_by_others(source, &log.reader) {
        Some(year) => Some((year, false)),
        None => before_it_was_written(source, *log).map(|year| (year, true)),
    }
}

/// The year that later stamps of the file say.
fn said_by_others(source: &Source, reader: &Reader) -> Option<i16> {
    if ends_with_a_year(source, reader) == Some(false) {
        return None;
    }
    match look_through(source, reader)? {
        Year::Followed(year) => Some(year),
        Year::Said | Year::Guessed => None,
    }
}

/// The year of a file's first stamp that was guessed, where its last one would be after the file was written: the year before. (A log of
/// autumn and winter begins on a day that this year has seen already.)
fn before_it_was_written(source: &Source, log: Surveyed) -> Option<i16> {
    let (guessed, mut reader, mut last) = (log.guessed_year?, log.reader, None);
    let (mut blocks, mut buffer) = (source.open().ok()?, Buffer::default());
    while let Some(block) = blocks.next_whole(buffer, |lines| reader.whole(lines)) {
        last = moments(&mut reader, block.bytes()).last().copied().or(last);
        buffer = block.into_buffer();
    }
    last.filter(|last| *last >= log.written_by).map(|_| guessed - 1)
}

/// Whether the last stamp of a file says its year itself; `None` where that cannot be looked at, as in a pipe (which must not be opened
/// twice) or a packed file.
fn ends_with_a_year(source: &Source, reader: &Reader) -> Option<bool> {
    let size = source.size()?;
    source.open().ok().filter(|blocks| blocks.is_seekable())?;
    let mut blocks = source.open_from(size.saturating_sub(TAIL)).ok()?;
    blocks.head().rsplit(|byte| *byte == b'\n').find_map(|line| {
        let [one, other] = YEARS.map(|year| moments(&mut reader.clone().of_year(year), line));
        Some(one.first()? == other.first()?)
    })
}

fn look_through(source: &Source, reader: &Reader) -> Option<Year> {
    let mut blocks = source.open().ok()?;
    let (mut looking, mut buffer) = (Looking::new(reader), Buffer::default());
    while let Some(block) = blocks.next_whole(buffer, |lines| reader.whole(lines)) {
        if let Some(year) = looking.look(block.bytes()) {
            return Some(year);
        }
        buffer = block.into_buffer();
    }
    None
}

/// A file that is read in two years at once, up to the first stamp that is of neither.
struct Looking {
    readers: [Reader; 2],
    /// Whether a record was met.
    begun: bool,
    /// The last moment whose year was not known, in the first of the two years.
    last: Option<Nanos>,
}

impl Looking {
    fn new(reader: &Reader) -> Self {
        Self { readers: YEARS.map(|year| reader.clone().of_year(year)), begun: false, last: None }
    }

    fn look(&mut self, lines: &[u8]) -> Option<Year> {
        let [one, other] = self.readers.each_mut().map(|reader| moments(reader, lines));
        let said = one.iter().zip(&other).position(|(one, other)| one == other);
        self.begun |= !one.is_empty();
        let Some(at) = said else {
            self.last = one.last().copied().or(self.last);
            return None;
        };
        let Some(before) = one[..at].last().copied().or(self.last) else { return Some(Year::Said) };
        Some(first_year(before, one[at]).map_or(Year::Guessed, Year::Followed))
    }
}

/// The year of a file's first stamp, where it goes on from one that would be `before` in the first of the two years to one that says
/// itself that it is of `said`: nearest to each other, as all that follow on one another.
fn first_year(before: Nanos, said: Nanos) -> Option<i16> {
    let date = |at: Nanos| -> Option<Date> {
        let at = jiff::Timestamp::from_nanosecond(i128::from(at.0)).ok()?;
        Some(Offset::UTC.to_datetime(at).date())
    };
    let (before, said) = (date(before)?, date(said)?);
    let years = (-1..=1).filter_map(|more| before.with().year(said.year() + more).build().ok());
    let nearest = years.min_by_key(|date| (*date - said).get_days().unsigned_abs())?;
    Some(YEARS[0] + nearest.year() - before.year())
}

/// When what `lines` say became known, in their order.
fn moments(reader: &mut Reader, lines: &[u8]) -> Vec<Nanos> {
    let mut moments = Moments(Vec::new());
    let whole = memchr::memrchr(b'\n', lines).map_or(lines, |end| &lines[..=end]);
    reader.read(Block::new(whole, Place { file: 0, line: 1 }), HashSeed(0), &mut moments);
    moments.0
}

struct Moments(Vec<Nanos>);

impl LineSink for Moments {
    fn record(&mut self, record: &Record, _: &[u8]) {
        self.0.push(record.known_at());
    }

    fn skipped(&mut self, _: &[u8]) {}

    fn unparsed(&mut self, _: Unparsed) {}
}
