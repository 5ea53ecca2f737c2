//! Parts of one log: what a file's first lines mean may follow from the last ones of the file before. A collector writes
//! `last message repeated 3 times` of a line that a rotation has put there, and a stamp in the hour that autumn repeats means
//! one or the other by what stands before it. Of other files nothing is read here.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use catspaw_records::{Nanos, Reader, SensorId, is_repeated};
use jiff::tz::TimeZone;

use super::parse::Rank;
use super::survey::{Stamps, Surveyed, Unknown, earliest, first_records};
use crate::input::{Buffer, Problem};

/// A part follows the one before within so many nanoseconds, where clocks are set back: by an hour.
const FAR: i64 = 3600 * Nanos::SECOND;
/// Collectors write of repetitions every ten minutes at the latest.
const REPEATED: i64 = 900 * Nanos::SECOND;
/// Lines are a little out of order.
const SLACK: i64 = 60 * Nanos::SECOND;
/// Files of its devices that are looked at for each: those that begin nearest before it.
const NEAREST: usize = 4;

/// A file whose beginning depends on the one before, while that is looked for.
struct Later {
    /// Its first lines, up to one that is a record whatever stands before.
    front: Vec<u8>,
    /// It begins no later than this.
    latest: Nanos,
    /// Files that begin nearest before it, of those that are known so far.
    nearest: Vec<Rank>,
    /// Where one of them ended, and when this began, read behind it.
    tried: Option<(Nanos, Nanos)>,
    /// Where it goes on soonest.
    joint: Option<Joint>,
}

/// How a file ends.
struct End {
    /// Behind its last line.
    reader: Reader,
    /// The moment of its last record.
    last: Nanos,
}

/// How a file goes on where another has ended, after `gap` nanoseconds.
struct Joint {
    gap: i64,
    reader: Reader,
    first: BTreeMap<SensorId, Nanos>,
}

/// Finds the later parts of logs among files that nobody knows by themselves: of columns without the line that names them, for
/// one. What is to be said of the others.
pub(crate) fn take_parts(unknown: Vec<Unknown>, files: &mut Vec<Surveyed>, stamps: &Stamps) -> Vec<Problem> {
    if unknown.is_empty() {
        return Vec::new();
    }
    let mut different: Vec<&Surveyed> = Vec::new();
    for file in &*files {
        if !different.iter().any(|other| other.reader.reads_parts_as(&file.reader)) {
            different.push(file);
        }
    }
    let (mut parts, mut problems) = (Vec::new(), Vec::new());
    for file in unknown {
        match file.part_of(&different, stamps) {
            Ok(part) => parts.push(part),
            Err(problem) => problems.push(problem),
        }
    }
    files.extend(parts);
    problems
}

/// Lets files that are the later parts of a log go on where the part before has ended, where they must.
pub(crate) fn follow_parts(files: &mut [Surveyed], zone: &TimeZone) {
    let begins_again = |file: &Surveyed| file.repeats || is_repeated(zone, file.rank.0);
    let mut waiting = BTreeMap::new();
    for (number, file) in files.iter_mut().enumerate().filter(|(_, file)| begins_again(file)) {
        waiting.extend(head_of(file).map(|head| (number, Later::new(file, &head, zone))));
    }
    if waiting.is_empty() {
        return;
    }
    let mut known: Vec<usize> = (0..files.len()).filter(|number| !waiting.contains_key(number)).collect();
    known.sort_by_key(|&number| Reverse(files[number].rank));
    let mut ends = HashMap::new();
    for (&number, later) in &mut waiting {
        known.iter().for_each(|&before| later.ask(number, before, files, &mut ends));
    }
    while let Some(number) = soonest(&waiting, files) {
        // Where nothing is before it, it is the first there is.
        if let Some(Joint { reader, first, .. }) = waiting.remove(&number).and_then(|later| later.joint) {
            let file = &mut files[number];
            (file.rank.0, file.reader, file.first) = (earliest(&first), reader, first);
        }
        for (&later_number, later) in &mut waiting {
            later.ask(later_number, number, files, &mut ends);
        }
    }
}

/// The file that goes on soonest after another whose own beginning is known: what a file's stamps mean says where it ends, and
/// so what goes on from there. Where none does, the one that begins first.
fn soonest(waiting: &BTreeMap<usize, Later>, files: &[Surveyed]) -> Option<usize> {
    let gap = |later: &Later| later.joint.as_ref().map_or(i64::MAX, |joint| joint.gap);
    waiting.iter().min_by_key(|&(&number, later)| (gap(later), files[number].rank)).map(|(&number, _)| number)
}

impl Later {
    fn new(file: &Surveyed, head: &[u8], zone: &TimeZone) -> Self {
        const LINES: usize = 512;
        let tells = |front: &&[u8]| !first_records(&file.reader, front, Nanos::min).is_empty();
        let fronts = std::iter::successors(Some(LINES), |len| Some(2 * len)).take_while(|&len| len < head.len());
        let whole_lines = |len| memchr::memrchr(b'\n', &head[..len]).map_or(&head[..0], |end| &head[..=end]);
        let front = fronts.map(whole_lines).find(tells).unwrap_or(head);
        let late = if is_repeated(zone, file.rank.0) { FAR } else { 0 };
        // Without a record of its own it may begin at any time.
        let latest = if file.first.is_empty() { Nanos::MAX } else { file.rank.0.plus(late + SLACK) };
        Self { front: front.to_vec(), latest, nearest: Vec::new(), tried: None, joint: None }
    }

    /// Whether file `number`, which this is, goes on where `before` has ended, whose own beginning is known.
    fn ask(&mut self, number: usize, before: usize, files: &mut [Surveyed], ends: &mut HashMap<usize, Option<End>>) {
        let (file, other) = (&files[number], &files[before]);
        if other.rank.0 > self.latest || !may_follow(file, other) || !self.is_near(other.rank) {
            return;
        }
        let Some(end) = ends.entry(before).or_insert_with(|| end_of(other)) else { return };
        let most = if file.repeats { REPEATED } else { FAR };
        // Most files end at quite another time: neither are they read behind each, nor held against all of the head.
        if self.is_known_to_be_far(end.last, most) {
            return;
        }
        let mut reader = file.reader.clone();
        reader.go_on_from(&end.reader);
        let front = first_records(&reader, &self.front, Nanos::min);
        self.tried = front.values().copied().min().map(|begins| (end.last, begins)).or(self.tried);
        if !(-SLACK..=most + SLACK).contains(&earliest(&front).since(end.last)) {
            return;
        }
        let Some(head) = head_of(&mut files[number]) else { return };
        let first = first_records(&reader, &head, Nanos::min);
        let gap = earliest(&first).since(end.last);
        let is_same = shares_a_sensor(&first, &files[before].first);
        let is_sooner = self.joint.as_ref().is_none_or(|joint| gap < joint.gap);
        if is_same && is_sooner && (-SLACK..=most).contains(&gap) {
            self.joint = Some(Joint { gap, reader, first });
        }
    }

    /// Whether another try says that this cannot begin within `most` after `last`. Of what stands before it only the year depends,
    /// which within a month is the same, and the pass of the hour that is repeated.
    fn is_known_to_be_far(&self, last: Nanos, most: i64) -> bool {
        const MONTH: i64 = 30 * 24 * 3600 * Nanos::SECOND;
        self.tried.is_some_and(|(other, begins)| {
            let is_near = (-SLACK - FAR..=most + SLACK + FAR).contains(&begins.since(last));
            last.since(other).abs() < MONTH && !is_near
        })
    }

    /// Whether a file of this rank is among those that begin nearest before, and from now on it is.
    fn is_near(&mut self, rank: Rank) -> bool {
        if self.nearest.len() == NEAREST {
            let Some(farthest) = (0..NEAREST).min_by_key(|&at| self.nearest[at]) else { return false };
            if self.nearest[farthest] > rank {
                return false;
            }
            self.nearest.swap_remove(farthest);
        }
        self.nearest.push(rank);
        true
    }
}

/// Whether a file may go on where `before` has ended, by what both are.
fn may_follow(file: &Surveyed, before: &Surveyed) -> bool {
    // It is read once more, so that it must be a file.
    before.open.is_none()
        && (file.first.is_empty() || shares_a_sensor(&file.first, &before.first))
        && before.reader.format() == file.reader.format()
}

fn shares_a_sensor(one: &BTreeMap<SensorId, Nanos>, other: &BTreeMap<SensorId, Nanos>) -> bool {
    one.keys().any(|sensor| other.contains_key(sensor))
}

/// A file's first lines once more; of one that begins with other programs' lines those that tell what it is, unless the first of
/// all says something of the file before.
fn head_of(file: &mut Surveyed) -> Option<Vec<u8>> {
    if let Some(sample) = file.source.sample().filter(|_| !file.repeats) {
        return Some(sample.to_vec());
    }
    match &mut file.open {
        Some(blocks) => Some(blocks.head().to_vec()),
        None => file.source.open().ok().map(|mut blocks| blocks.head().to_vec()),
    }
}

fn end_of(file: &Surveyed) -> Option<End> {
    let mut blocks = file.source.open().ok()?;
    let mut reader = file.reader.clone();
    let mut last = None;
    while let Some(block) = blocks.next_whole(Buffer::default(), |lines| reader.whole(lines)) {
        let before = reader.clone();
        reader.advance(block.lines(0));
        last = Some((before, block));
    }
    let (before, block) = last?;
    let moments = first_records(&before, block.bytes(), Nanos::max);
    Some(End { reader, last: moments.values().copied().max()? })
}
