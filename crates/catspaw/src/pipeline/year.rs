//! The year of stamps that have none, where nobody said it: later stamps of the same file may.

use catspaw_records::{Block, HashSeed, LineSink, Nanos, Place, Reader, Record, Unparsed};
use jiff::civil::Date;
use jiff::tz::Offset;
use memchr::memchr;

use super::survey::{Looked, Stamps, survey};
use crate::columns::Maps;
use crate::input::Source;

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
        if let Some(year) = looking.look(shown) {
            return year;
        }
        if !looking.begun {
            return Self::Said;
        }
        let found = ends_with_a_year(source, reader).then(|| look_through(source, reader)).flatten();
        found.unwrap_or(Self::Guessed)
    }
}

/// The year of a file's first stamp by all of the file, where what was read of it contradicts a guess.
pub(super) fn of_contradicted(source: &Source, stamps: &Stamps, maps: &Maps) -> Option<i16> {
    let Ok(Looked::Log(log)) = survey(source.clone(), 0, stamps, maps) else { return None };
    match look_through(source, &log.reader)? {
        Year::Followed(year) => Some(year),
        Year::Said | Year::Guessed => None,
    }
}

/// Whether stamps at the end of a file that is not packed say their year.
fn ends_with_a_year(source: &Source, reader: &Reader) -> bool {
    let tail = || {
        let from = source.open().ok().filter(|blocks| blocks.is_seekable()).and(source.size())?.checked_sub(TAIL)?;
        let mut blocks = source.open_from(from).ok()?;
        let tail = blocks.head();
        Some(tail[memchr(b'\n', tail)? + 1..].to_vec())
    };
    tail().is_some_and(|tail| {
        let [one, other] = YEARS.map(|year| moments(&mut reader.clone().of_year(year), &tail));
        one.iter().zip(&other).any(|(one, other)| one == other)
    })
}

fn look_through(source: &Source, reader: &Reader) -> Option<Year> {
    let mut blocks = source.open().ok()?;
    let (mut looking, mut buffer) = (Looking::new(reader), Vec::new());
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
        match said {
            Some(at) => {
                let before = one[..at].last().copied().or(self.last);
                Some(
                    before
                        .map_or(Year::Said, |before| first_year(before, one[at]).map_or(Year::Guessed, Year::Followed)),
                )
            }
            None => {
                self.last = one.last().copied().or(self.last);
                None
            }
        }
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
    reader.read(Block { bytes: whole, first: Place { file: 0, line: 1 } }, HashSeed(0), &mut moments);
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
