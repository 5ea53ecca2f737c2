//! What is done about the clocks of several sensors: they are compared as the evidence is read, and where one is off it is read
//! once more.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::{fmt, io};

use catspaw_records::{LineSink, Place, Record, Unparsed};

use super::gathered::Gathered;
use super::offsets::{Offsets, are_several};
use super::run::{Options, run};
use super::survey::Surveyed;
use super::witness::{self, Witness};
use super::year;
use crate::input::Source;
use crate::packets;

/// What is to be done about them.
#[derive(Clone, Debug, Default)]
pub(crate) enum Clocks {
    /// To compare them where the beginnings of the files have more than one.
    #[default]
    Unknown,
    /// To compare them.
    Several,
    /// To set them right.
    Off(Arc<Offsets>),
}

impl Clocks {
    /// Whether they are to be compared.
    pub(super) fn are_compared(&self, captures: &[packets::Opened], logs: &[Surveyed]) -> bool {
        match self {
            Self::Unknown => {
                let sensors: BTreeSet<_> = logs.iter().flat_map(|log| log.first.keys()).collect();
                sensors.len() + usize::from(!captures.is_empty()) > 1
            }
            Self::Several => true,
            Self::Off(_) => false,
        }
    }
}

/// A sink between a reader and the one that takes its records: it moves them, or looks for what others may have seen, too.
#[derive(Debug)]
pub(super) struct Watched<'a, S> {
    pub(super) sink: &'a mut S,
    pub(super) clocks: &'a Clocks,
    /// Openings with hashes below are looked for.
    pub(super) below: u64,
    pub(super) witnesses: Vec<Witness>,
}

impl<S: LineSink> LineSink for Watched<'_, S> {
    fn record(&mut self, record: &Record, sensor: &[u8]) {
        let mut record = *record;
        if let Clocks::Off(offsets) = self.clocks {
            offsets.correct(&mut record);
        }
        if self.below > 0 {
            witness::see(&record, self.below, &mut self.witnesses);
        }
        self.sink.record(&record, sensor);
    }

    fn skipped(&mut self, sensor: &[u8]) {
        self.sink.skipped(sensor);
    }

    fn unparsed(&mut self, unparsed: Unparsed) {
        self.sink.unparsed(unparsed);
    }

    fn lost(&mut self, place: Place, messages: u64) {
        self.sink.lost(place, messages);
    }

    fn broken(&mut self, unparsed: Unparsed, column: usize, value: Option<fmt::Arguments<'_>>) {
        self.sink.broken(unparsed, column, value);
    }
}

/// Says of which year a file's first stamps are, where that was guessed and other stamps of the file contradict it. Whether any was.
fn say_years(sources: &mut [Source], gathered: &Gathered, options: &Options) -> bool {
    let mut said = false;
    for (&number, _) in gathered.files.iter().filter(|(_, file)| file.contradicts_its_year()) {
        let source = &mut sources[number as usize];
        if let Some((year, is_guess)) = year::of_contradicted(source, &options.stamps, &options.maps) {
            source.say_year(year, is_guess);
            said = true;
        }
    }
    said
}

/// Reads all of `sources`; once more where a file's later stamps say another year than its first were taken to be of, or where
/// the clocks of several sensors are apart, and can be set right. `progress` is told the bytes read from the disk.
///
/// # Errors
/// Where a temporary file fails. What is wrong with the evidence is in the result.
pub(crate) fn read(sources: &[Source], mut options: Options, mut progress: impl FnMut(u64)) -> io::Result<Gathered> {
    let again = sources.iter().all(|source| source.size().is_some());
    let mut gathered = run(sources.to_vec(), &options, &mut progress)?;
    let mut dated = sources.to_vec();
    if again && say_years(&mut dated, &gathered, &options) {
        drop(gathered);
        gathered = run(dated.clone(), &options, &mut progress)?;
    }
    let sources = dated;
    if gathered.witnesses.is_none() && again && are_several(&gathered.files) {
        // That there are several was not to be seen at the beginning.
        drop(gathered);
        options.clocks = Clocks::Several;
        gathered = run(sources.to_vec(), &options, &mut progress)?;
    }
    let Some(witnesses) = gathered.witnesses.take() else { return Ok(gathered) };
    let mut offsets = Offsets::estimate(witnesses, &gathered);
    offsets.corrected = again && !offsets.off.is_empty();
    if offsets.corrected {
        drop(gathered);
        options.clocks = Clocks::Off(Arc::new(offsets.clone()));
        gathered = run(sources.to_vec(), &options, &mut progress)?;
    }
    gathered.offsets = offsets;
    Ok(gathered)
}
