//! Logs of connections that somebody else has named the columns of: a [`Map`] says which column or key is which of our
//! fields, and the reader asks it.
//!
//! A map is compiled once ([`Spec`]); nothing is allocated for a line. Delimited text, `key=value` and JSON are read, each
//! split by [`crate::fields`].

mod doubt;
mod field;
mod lack;
mod line;
mod map;
mod misfit;
mod names;
mod time;
mod values;

use std::sync::Arc;

pub use doubt::doubts;
pub use field::{Field, Meaning};
pub use lack::Lack;
pub use map::{Form, Map, Spec};
pub use misfit::misfit;
pub use time::{Pattern, Times, Unit};

use self::lack::shown;
use self::line::Line;
use crate::cisco::Names;
use crate::fields::Bad;
use crate::others;
use crate::syslog::other;
use crate::syslog::timekeeper::Timekeeper;
use crate::{Block, Clock, HashSeed, LineSink, Place, Record, Unparsed};

/// What an unparsed line was taken for.
const KIND: &str = "columns";

/// Lines at the front of a file among which one must be of the map.
const SNIFFED: usize = 200;

/// A header of more columns is none.
const COLUMNS: usize = 1_000;

/// Reads a log by a map.
#[derive(Clone, Debug)]
pub struct Reader {
    map: Arc<Map>,
    /// What each column is, where the log is delimited.
    columns: Option<Arc<Columns>>,
    /// As it is before any line.
    times: Timekeeper,
    /// What the lines of Cisco's devices among its own may call an address.
    called: Arc<Names>,
}

/// The columns of a delimited log.
#[derive(Debug, PartialEq, Eq)]
struct Columns {
    /// The line that names them, to be known when it comes again; empty where none does.
    header: Box<[u8]>,
    /// The number of each one's name in the map ([`names::NONE`] where that has no use for it).
    names: Box<[u8]>,
    /// The numbers among them, a bit for each.
    there: u64,
}

impl Columns {
    fn new(header: &[u8], names: Box<[u8]>) -> Self {
        let there = names.iter().filter(|number| usize::from(**number) < names::MOST);
        Self { header: header.into(), there: there.fold(0, |there, number| there | 1 << number), names }
    }
}

impl Reader {
    /// A reader, where the first bytes of a file are those of a log that `map` is for.
    #[must_use]
    pub fn sniff(map: &Arc<Map>, head: &[u8], clock: Clock) -> Option<Self> {
        let mut reader =
            Self { map: Arc::clone(map), columns: None, times: Timekeeper::new(clock), called: Arc::default() };
        let head = head.strip_prefix(crate::BOM).unwrap_or(head);
        if !map.may_be_in(head) {
            return None;
        }
        let lines = Block::new(head, Place { file: 0, line: 1 }).lines().map(|(_, line)| line);
        let is_json = matches!(map.form(), Form::Json);
        // Other programs' lines may stand between objects.
        let mut lines = lines.filter(|line| !is_json || line.contains(&b'{')).take(SNIFFED);
        match map.form() {
            Form::Delimited { separator, header: None } => {
                let columns = lines.find_map(|line| header(map, *separator, line))?;
                reader.columns = Some(Arc::new(columns));
                Some(reader)
            }
            Form::Delimited { header: Some(names), .. } => {
                let names = names.iter().map(|name| map.names().number(name.as_bytes())).collect();
                reader.columns = Some(Arc::new(Columns::new(b"", names)));
                // Nothing but what stands in the columns tells that it is one.
                let understood = |line: &Line<'_>| line.is_understood(&mut reader.times.clone()).is_ok();
                lines.any(|text| reader.finds(text, understood)).then_some(reader)
            }
            Form::Pairs { .. } | Form::Json => {
                lines.any(|text| reader.finds(text, |line| line.has_all())).then_some(reader)
            }
        }
    }

    /// The same reader, which knows what addresses names stand for.
    #[must_use]
    pub(crate) fn with_names(self, called: Arc<Names>) -> Self {
        Self { called, ..self }
    }

    /// The same reader, to which the first stamp is of this year if it has none.
    pub(crate) fn of_year(self, year: i16) -> Self {
        Self { times: self.times.of_year(year), ..self }
    }

    /// A reader of lines that have these columns, of which others have the names: most of those at the front that tell of a
    /// connection, or should, are understood.
    pub(crate) fn of_a_part(&self, head: &[u8]) -> Option<Self> {
        let columns = self.columns.as_deref()?;
        let (mut understood, mut broken) = (0, 0);
        let mut line = Line::new(&self.map);
        let lines = Block::new(head, Place { file: 0, line: 1 }).lines().take(SNIFFED);
        for (place, text) in lines.filter(|(_, text)| !is_about(Some(columns), text)) {
            let split = line.read(Some(columns), text);
            let mut record = Record::at(place);
            match split.and_then(|()| line.record(HashSeed(0), &mut self.times.clone(), &mut record)) {
                Ok((true, _)) => understood += 1,
                Ok((false, _)) => {}
                Err(_) => broken += 1,
            }
        }
        (understood > broken).then(|| self.clone())
    }

    /// Whether both take the same of a line for the same.
    pub(crate) fn reads_as(&self, other: &Self) -> bool {
        let names = self.columns.as_ref().map(|columns| &columns.names);
        Arc::ptr_eq(&self.map, &other.map) && names == other.columns.as_ref().map(|columns| &columns.names)
    }

    /// The map.
    #[must_use]
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// Parses a block into `sink`.
    pub fn read(&mut self, block: Block<'_>, seed: HashSeed, sink: &mut impl LineSink) {
        let block_end = block.bytes.as_ptr_range().end;
        let map = Arc::clone(&self.map);
        let columns = self.columns.clone();
        let columns = columns.as_deref();
        let mut times = self.times.clone();
        let mut line = Line::new(&map);
        let is_json = matches!(map.form(), Form::Json);
        let mut record = Record::at(block.first);
        for (place, text) in block.lines() {
            let text = text.strip_prefix(crate::BOM).filter(|text| !text.is_empty()).unwrap_or(text);
            if is_about(columns, text) {
                continue;
            }
            record.place = place;
            let said = match line.read(columns, text) {
                // A number that was cut off is another number.
                Ok(()) if text.as_ptr_range().end == block_end && line.ends_in_use() => {
                    Err(Bad::from("cut off: no line end after the last value"))
                }
                Ok(()) => line.record(seed, &mut times, &mut record),
                Err(bad) => Err(bad),
            };
            if times.clock().is_ambiguous() {
                // In the hour that autumn repeats a time is the first of the two: each line stands for itself, whatever was
                // read before it.
                times = self.times.clone();
            }
            match said {
                Ok((true, sensor)) => sink.record(&record, sensor),
                Ok((false, sensor)) => sink.skipped(sensor),
                Err(_) if others::read(place, text, &self.times, &self.called, seed, sink) => {}
                Err(_) if is_json && !others::is_json(text) && other::skip(place, text, sink) => {}
                Err(Bad { at: Some(at), len, why }) => {
                    let value = shown(&text[at..at + len]);
                    let unparsed = Unparsed { place, kind: KIND, why };
                    match why {
                        _ if len == 0 => sink.broken(unparsed, at + 1, None),
                        time::UNLIKE => {
                            let times = &map.times;
                            sink.broken(
                                unparsed,
                                at + 1,
                                Some(format_args!("{value:?}, and the map has time = {times}")),
                            );
                        }
                        _ => sink.broken(unparsed, at + 1, Some(format_args!("{value:?}"))),
                    }
                }
                Err(Bad { at: None, why, .. }) => sink.unparsed(Unparsed { place, kind: KIND, why }),
            }
        }
    }

    /// Moves over a block without parsing it: what the columns are is known from the front of the file.
    pub fn advance(&mut self, _block: Block<'_>) {}

    /// Whether a line can be split, and is as it should be.
    fn finds(&self, text: &[u8], is: impl Fn(&Line<'_>) -> bool) -> bool {
        let mut line = Line::new(&self.map);
        line.read(self.columns.as_deref(), text).is_ok() && is(&line)
    }
}

/// Whether a line of delimited text is no data: the header, again where logs were joined, or a comment.
#[inline]
fn is_about(columns: Option<&Columns>, text: &[u8]) -> bool {
    let is_header = |columns: &Columns| !columns.header.is_empty() && *text == *columns.header;
    columns.is_some_and(|columns| text[0] == b'#' || is_header(columns))
}

/// The columns that a line names, where it names all that the map is known by.
fn header(map: &Map, separator: u8, text: &[u8]) -> Option<Columns> {
    let mut seen = [false; names::MOST];
    let number = |name: &[u8]| {
        let number = map.names().number(name);
        // A name that stands twice counts where it stands first.
        let again = seen.get_mut(usize::from(number)).is_some_and(|seen| std::mem::replace(seen, true));
        if again { names::NONE } else { number }
    };
    let columns: Box<[u8]> = lack::columns(separator, text).map(number).collect();
    map.has_all(|number| columns.contains(&number)).then(|| Columns::new(text, columns))
}

#[cfg(test)]
mod tests;
