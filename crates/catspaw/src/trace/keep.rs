//! Where indexes are kept, and how they are made and brought up to date.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use catspaw_records::{
    Block, Clock, HashSeed, LineSink, Nanos, Place, Reader, Record, Sniffed, Unparsed, YearHint, sniff,
};
use tempfile::NamedTempFile;
use xxhash_rust::xxh3::xxh3_64;

use super::index::{Index, Unusable, Writer};
use super::log::{Change, LogState, Seen};
use super::read::read;
use super::uses::{Open, Uses};
use crate::input::{BlockReader, Problem, Source, What};
use crate::pipeline::{Lost, Stamps, Surveyed};

/// What index files are called behind the name of their log.
const SUFFIX: &str = "catspaw-index";

/// How indexes are made.
pub(crate) struct Keeper {
    pub(crate) stamps: Stamps,
    /// What the owner's maps of columns say, hashed.
    pub(crate) maps: u64,
    /// What a device's configuration says of names, hashed.
    pub(crate) names: u64,
    pub(crate) threads: usize,
    /// Where the user wants them.
    pub(crate) folder: Option<PathBuf>,
}

/// A log that can be asked.
pub(crate) struct Log {
    pub(crate) source: Source,
    pub(crate) index: Index,
    /// Where it is kept; `None` where it is not.
    pub(crate) kept: Option<PathBuf>,
    /// Whether it was made, or brought up to date, just now.
    pub(crate) made: bool,
    pub(crate) guessed_year: Option<i16>,
    reader: Reader,
    first: Nanos,
}

impl Keeper {
    /// The index of a log, as new as the log. What is wrong with the log goes to `problems`.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(crate) fn log(
        &self,
        mut surveyed: Surveyed,
        problems: &mut Vec<Problem>,
        progress: impl FnMut(u64),
    ) -> Result<Log, String> {
        let (open, first, reader) = (surveyed.open.take(), surveyed.rank.0, surveyed.reader.clone());
        let source = surveyed.source.clone();
        let places = if open.is_some() { Vec::new() } else { self.places(&source) };
        let seen = source.path().filter(|_| open.is_none()).and_then(|path| Seen::of(path).ok());
        let mut grown = None;
        for place in &places {
            let Some((seen, Ok(index))) = seen.as_ref().zip(regular(place).map(Index::open)) else { continue };
            match seen.change(&index.directory.log, &self.stamps_text(&reader), first) {
                Change::Same => {
                    let kept = Some(place.clone());
                    let guessed_year = surveyed.guessed_year;
                    return Ok(Log { source, index, kept, made: false, guessed_year, reader, first });
                }
                Change::Grown => grown = Some((index, place.clone())),
                Change::Another => {}
            }
            break;
        }
        let passed = surveyed.passed.as_ref().map(|passed| (passed.unparsed(), passed.lost)).unwrap_or_default();
        let mut log = Making { keeper: self, source: &source, first, reader: &reader, passed, problems };
        let made = match grown {
            Some((old, place)) => match log.extend(&old, &place, seen.as_ref()) {
                Ok(made) => made,
                // Nothing in the old one is needed.
                Err(Unusable) => log.make(open, &places, progress),
            },
            None => log.make(open, &places, progress),
        };
        let (index, kept) =
            made.map_err(|error| format!("the index of {} cannot be written: {error}", source.name()))?;
        Ok(Log { source, index, kept, made: true, guessed_year: surveyed.guessed_year, reader, first })
    }

    /// Makes an index again that turned out to be damaged.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(crate) fn again(&self, log: &mut Log, problems: &mut Vec<Problem>) -> Result<(), String> {
        let places = self.places(&log.source);
        let Log { source, reader, first, .. } = &*log;
        let mut making = Making { keeper: self, source, first: *first, reader, passed: Default::default(), problems };
        let (index, kept) = making
            .make(None, &places, |_| {})
            .map_err(|error| format!("the index of {} cannot be written: {error}", log.source.name()))?;
        (log.index, log.kept, log.made) = (index, kept, true);
        Ok(())
    }

    /// How a log is read: an index that was made another way is another's.
    fn stamps_text(&self, reader: &Reader) -> String {
        let stamps = format!("{} {:?}", self.stamps.zone.iana_name().unwrap_or("fixed"), self.stamps.year);
        match reader {
            Reader::Columns(_) => format!("{stamps} {} {:016x}", reader.format(), self.maps),
            Reader::Cisco(_) if self.names != 0 => format!("{stamps} names {:016x}", self.names),
            _ => stamps,
        }
    }

    /// Where the index of a log may be, the best place first.
    fn places(&self, source: &Source) -> Vec<PathBuf> {
        let Some(path) = source.path() else { return Vec::new() };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let elsewhere = |folder: &Path| {
            let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
            let number = xxh3_64(whole.as_os_str().as_encoded_bytes());
            folder.join(format!("{name}-{number:016x}.{SUFFIX}"))
        };
        if let Some(folder) = &self.folder {
            return vec![elsewhere(folder)];
        }
        let beside = path.with_file_name(format!("{name}.{SUFFIX}"));
        let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute()).or(home);
        [Some(beside), cache.map(|cache| elsewhere(&cache.join("catspaw")))].into_iter().flatten().collect()
    }
}

/// A log whose index is being made.
struct Making<'a> {
    keeper: &'a Keeper,
    source: &'a Source,
    first: Nanos,
    reader: &'a Reader,
    /// Lines that nobody knows, and messages that were lost, before those that told what it is, where these are not read again.
    passed: (u64, Lost),
    problems: &'a mut Vec<Problem>,
}

impl Making<'_> {
    /// Reads the whole log.
    fn make(
        &mut self,
        open: Option<BlockReader>,
        places: &[PathBuf],
        progress: impl FnMut(u64),
    ) -> io::Result<(Index, Option<PathBuf>)> {
        let blocks = match open.map_or_else(|| self.source.open(), Ok) {
            Ok(blocks) => blocks,
            Err(problem) => {
                let why = problem.why();
                return Err(io::Error::other(why));
            }
        };
        let (target, place) = create(places, self.source)?;
        let mut writer = Writer::new(target.file()?)?;
        let mut uses = Uses::new(Open::default(), Vec::new());
        let read = read(blocks, self.reader.clone(), 1, self.keeper.threads, (&mut uses, &mut writer), progress)?;
        let let_go = uses.let_go;
        let (unparsed, mut lost) = self.passed;
        lost.add_all(&read.lost);
        let whole = !matches!(read.summary.problem.as_ref().map(|problem| &problem.what), Some(What::LastLine));
        let state = LogState {
            goes_on: whole && read.plain && matches!(self.reader, Reader::Cisco(_) | Reader::Firewall(_)),
            lines: read.lines,
            records: read.records,
            unparsed: read.unparsed + unparsed,
            lost,
            span: read.span,
            let_go,
            ..self.state(read.summary.on_disk)
        };
        self.problems.extend(read.summary.problem);
        let (spans, open, sensors) = uses.finish();
        writer.finish(spans, &open, sensors, state)?;
        target.keep(place)
    }

    /// Reads what has come to a log since.
    fn extend(
        &mut self,
        old: &Index,
        place: &Path,
        seen: Option<&Seen>,
    ) -> Result<io::Result<(Index, Option<PathBuf>)>, Unusable> {
        let known = &old.directory.log;
        let last_line = seen.and_then(|seen| seen.last_line(known.size)).ok_or(Unusable)?;
        let reader = self.reader_after(&last_line, known).ok_or(Unusable)?;
        let blocks = self.source.open_from(known.size).map_err(|_| Unusable)?;
        let (target, place) = create(&[place.to_owned()], self.source)?;
        let mut writer = Writer::new(target.file()?)?;
        writer.copy(old)?;
        let mut uses = Uses::new(old.open_uses()?, old.directory.sensors.clone());
        let first_line = known.lines + 1;
        let read = read(blocks, reader, first_line, self.keeper.threads, (&mut uses, &mut writer), |_| {})?;
        let whole = !matches!(read.summary.problem.as_ref().map(|problem| &problem.what), Some(What::LastLine));
        let mut lost = known.lost;
        lost.add_all(&read.lost);
        let state = LogState {
            goes_on: whole,
            lines: read.lines,
            records: known.records + read.records,
            unparsed: known.unparsed + read.unparsed,
            lost,
            span: known.span.into_iter().chain(read.span).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))),
            let_go: known.let_go + uses.let_go,
            ..self.state(known.size + read.summary.on_disk)
        };
        self.problems.extend(read.summary.problem);
        let (spans, open, sensors) = uses.finish();
        Ok(writer.finish(spans, &open, sensors, state).and_then(|()| target.keep(place)))
    }

    /// A reader that goes on behind `last_line`: by its stamp it knows the year.
    fn reader_after(&self, last_line: &[u8], known: &LogState) -> Option<Reader> {
        if !self.reader.goes_on_from_a_line() {
            return None;
        }
        let zone = &self.keeper.stamps.zone;
        let (_, last) = known.span?;
        let at = jiff::Timestamp::from_nanosecond(i128::from(last.0)).ok()?;
        let year = zone.to_datetime(at).year();
        let readers = [year, year - 1, year + 1].into_iter().filter_map(|year| {
            match sniff(last_line, Clock::new(zone.clone(), YearHint::First(year))) {
                // The last line may be another program's, or another device's.
                Sniffed::Evidence(reader) if reader.format() == self.reader.format() => {
                    Some(reader.with_names(&self.keeper.stamps.names))
                }
                _ => None,
            }
        });
        let block = Block::new(last_line, Place { file: 0, line: 1 });
        // Round New Year the last line may be of another year than the latest record.
        let far = |reader: &Reader| {
            let mut moment = Moment(None);
            reader.clone().read(block, HashSeed(0), &mut moment);
            moment.0.map_or(0, |at| at.since(last).saturating_abs())
        };
        let mut reader = readers.min_by_key(far)?;
        reader.advance(block);
        Some(reader)
    }

    /// What the log is now, of which `size` bytes were read; of a pipe nothing.
    fn state(&self, size: u64) -> LogState {
        let now = self.source.path().and_then(|path| Seen::of(path).ok());
        let state = now.and_then(|seen| seen.state(size.min(seen.size)).ok()).unwrap_or_default();
        LogState { stamps: self.keeper.stamps_text(self.reader), first: self.first, ..state }
    }
}

/// When a line was written.
struct Moment(Option<Nanos>);

impl LineSink for Moment {
    fn record(&mut self, record: &Record, _: &[u8]) {
        self.0 = Some(record.known_at());
    }

    fn skipped(&mut self, _: &[u8]) {}

    fn unparsed(&mut self, _: Unparsed) {}
}

/// The file that becomes the index when it is whole.
enum Target {
    Kept(NamedTempFile),
    /// There is no place to keep it in.
    Passing(File),
}

impl Target {
    fn file(&self) -> io::Result<File> {
        match self {
            Self::Kept(file) => file.as_file().try_clone(),
            Self::Passing(file) => file.try_clone(),
        }
    }

    fn keep(self, place: Option<PathBuf>) -> io::Result<(Index, Option<PathBuf>)> {
        let unusable = |Unusable| io::Error::other("what was written cannot be read again");
        match (self, place) {
            (Self::Kept(file), Some(place)) => {
                let file = file.persist(&place).map_err(|error| error.error)?;
                Ok((Index::open(file).map_err(unusable)?, Some(place)))
            }
            (Self::Kept(file), None) => Ok((Index::open(file.into_file()).map_err(unusable)?, None)),
            (Self::Passing(file), _) => Ok((Index::open(file).map_err(unusable)?, None)),
        }
    }
}

/// A file in the first place that can be written to. Who may read the log may read its index, and nobody else.
fn create(places: &[PathBuf], log: &Source) -> io::Result<(Target, Option<PathBuf>)> {
    let mode =
        log.path().and_then(|path| fs::metadata(path).ok()).map_or(0o600, |log| log.permissions().mode() & 0o666);
    for (at, place) in places.iter().enumerate() {
        let Some(folder) = place.parent().map(|f| if f.as_os_str().is_empty() { Path::new(".") } else { f }) else {
            continue;
        };
        // The first is beside the log, or where the user said.
        let there = (at > 0 || places.len() == 1).then(|| fs::create_dir_all(folder));
        if there.is_none_or(|made| made.is_ok())
            && let Ok(file) = tempfile::Builder::new()
                .prefix(".catspaw-")
                .permissions(Permissions::from_mode(mode | 0o600))
                .tempfile_in(folder)
        {
            return Ok((Target::Kept(file), Some(place.clone())));
        }
    }
    Ok((Target::Passing(tempfile::tempfile()?), None))
}

/// The file, if it is one: a pipe in its place would wait for ever.
fn regular(place: &Path) -> Option<File> {
    let is_file = fs::metadata(place).is_ok_and(|metadata| metadata.is_file());
    is_file.then(|| File::open(place).ok()).flatten()
}
