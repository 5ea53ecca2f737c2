//! Parts of one log: what a file's first lines mean may follow from the last ones of the file before. A collector writes
//! `last message repeated 3 times` of a line that a rotation has put there, and a stamp in the hour that autumn repeats means
//! one or the other by what stands before it. Of other files nothing is read here.

use std::collections::{BTreeMap, HashMap};

use catspaw_records::{Nanos, Reader, SensorId};
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::survey::{Stamps, Surveyed, Unknown, earliest, first_records};
use crate::input::Problem;

/// A part follows the one before within so many nanoseconds, where clocks are set back: by an hour.
const FAR: i64 = 3600 * Nanos::SECOND;
/// Collectors write of repetitions every ten minutes at the latest.
const REPEATED: i64 = 900 * Nanos::SECOND;
/// Lines are a little out of order.
const SLACK: i64 = 60 * Nanos::SECOND;
/// Files that are looked at for each: those that begin nearest before it.
const NEAREST: usize = 4;

/// A file whose beginning depends on the one before.
struct Later {
    number: usize,
    head: Vec<u8>,
}

/// How a file ends.
struct End {
    /// Behind its last line.
    reader: Reader,
    /// The moment of its last record.
    last: Nanos,
}

/// A file that goes on where another has ended, after `gap` nanoseconds.
struct Joint {
    gap: i64,
    /// Which of those whose beginning depends on another.
    later: usize,
    reader: Reader,
    first: BTreeMap<SensorId, Nanos>,
}

/// Finds the later parts of logs among files that nobody knows by themselves: of columns without the line that names them, for
/// one. What is to be said of the others.
pub(crate) fn take_parts(unknown: Vec<Unknown>, files: &mut Vec<Surveyed>, stamps: &Stamps) -> Vec<Problem> {
    let known = files.len();
    let mut problems = Vec::new();
    for file in unknown {
        match files[..known].iter().find_map(|other| file.part_of(&other.reader, stamps)) {
            Some(part) => files.push(part),
            None => problems.push(file.problem),
        }
    }
    problems
}

/// Lets files that are the later parts of a log go on where the part before has ended, where they must.
pub(crate) fn follow_parts(files: &mut [Surveyed], zone: &TimeZone) {
    let begins_again = |file: &Surveyed| file.repeats || is_repeated(zone, file.rank.0);
    let mut later = Vec::new();
    for (number, file) in files.iter_mut().enumerate().filter(|(_, file)| begins_again(file)) {
        let head = match &mut file.open {
            Some(blocks) => Some(blocks.head().to_vec()),
            None => file.source.open().ok().map(|mut blocks| blocks.head().to_vec()),
        };
        later.extend(head.map(|head| Later { number, head }));
    }
    let mut ends = HashMap::new();
    while !later.is_empty() {
        // The soonest first: what a file's stamps mean says where it ends, and so what goes on from there.
        if let Some(Joint { later: index, reader, first, .. }) = soonest(&later, files, &mut ends) {
            let file = &mut files[later.swap_remove(index).number];
            (file.rank.0, file.reader, file.first) = (earliest(&first), reader, first);
        } else if let Some(index) = (0..later.len()).min_by_key(|&index| files[later[index].number].rank) {
            // It is the first there is.
            later.swap_remove(index);
        }
    }
}

/// The file that goes on soonest after another whose own beginning is known.
fn soonest(later: &[Later], files: &[Surveyed], ends: &mut HashMap<usize, Option<End>>) -> Option<Joint> {
    let mut best: Option<Joint> = None;
    for (index, Later { number, head }) in later.iter().enumerate() {
        let file = &files[*number];
        let is_known = |other: &usize| !later.iter().any(|later| later.number == *other);
        // It is read once more, so that it must be a file.
        let may_be_before = |other: &usize| {
            let before = &files[*other];
            before.open.is_none() && before.reader.format() == file.reader.format()
        };
        let mut before: Vec<usize> = (0..files.len()).filter(is_known).filter(may_be_before).collect();
        let begins = file.rank.0.plus(FAR + SLACK);
        before.retain(|other| file.first.is_empty() || files[*other].rank.0 <= begins);
        before.sort_by_key(|other| std::cmp::Reverse(files[*other].rank));
        for other in before.into_iter().take(NEAREST) {
            let Some(end) = ends.entry(other).or_insert_with(|| end_of(&files[other])) else { continue };
            let mut reader = file.reader.clone();
            reader.go_on_from(&end.reader);
            let first = first_records(&reader, head, Nanos::min);
            let gap = earliest(&first).since(end.last);
            let same = first.keys().any(|sensor| files[other].first.contains_key(sensor));
            let is_next = same && (-SLACK..=if file.repeats { REPEATED } else { FAR }).contains(&gap);
            if is_next && best.as_ref().is_none_or(|best| gap < best.gap) {
                best = Some(Joint { gap, later: index, reader, first });
            }
        }
    }
    best
}

fn end_of(file: &Surveyed) -> Option<End> {
    let mut blocks = file.source.open().ok()?;
    let mut reader = file.reader.clone();
    let mut last = None;
    while let Some(block) = blocks.next_whole(Vec::new(), |lines| reader.whole(lines)) {
        let before = reader.clone();
        reader.advance(block.bytes());
        last = Some((before, block));
    }
    let (before, block) = last?;
    let moments = first_records(&before, block.bytes(), Nanos::max);
    Some(End { reader, last: moments.values().copied().max()? })
}

/// Whether the clocks of a zone show a moment's time twice.
fn is_repeated(zone: &TimeZone, at: Nanos) -> bool {
    let at = jiff::Timestamp::from_nanosecond(i128::from(at.0));
    at.is_ok_and(|at| {
        matches!(zone.to_ambiguous_timestamp(zone.to_datetime(at)).offset(), AmbiguousOffset::Fold { .. })
    })
}
