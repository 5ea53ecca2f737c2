//! How far apart the clocks of several sensors are, and what is done about it.
//!
//! What two sensors both saw opening says how far apart they are: by the median of the differences, where most of them lie
//! close to one another. One of the sensors that hang together so is believed, and what the others say is moved to its clock
//! before it is merged. So the evidence is read a second time, but only where a clock is off.

use std::collections::{BTreeMap, BTreeSet};

use catspaw_records::{Event, Nanos, Record, SensorId};

use super::gathered::{FileRead, Gathered};
use super::witness::{Witness, Witnesses};
use crate::packets;

/// Connections that must have been seen by both.
pub(super) const ENOUGH: usize = 8;
/// Of which so many hundredths must agree,
const AGREE: usize = 75;
/// to within so much: a clock that nobody sets gains or loses some seconds a day.
const SPREAD: i64 = 120 * Nanos::SECOND;
/// What is less is no more than stamps of a second may differ by.
const LEAST: i64 = 2 * Nanos::SECOND;
/// Sensors of one connection that are compared.
const SENSORS: usize = 16;

/// How far a sensor's clock is from that of the one that is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offset {
    /// Nanoseconds that it is ahead.
    pub(crate) ahead: i64,
    /// Of whom; where others lie between, their steps are added.
    pub(crate) of: SensorId,
    /// By which sensor's witnesses it is known.
    pub(crate) by: Apart,
}

/// What two sensors' witnesses say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Apart {
    /// The median of how far the second is ahead of the first.
    ahead: i64,
    /// Connections that both saw opening, once each.
    pub(crate) seen: u64,
    /// Those that agree,
    pub(crate) agree: u64,
    /// to within so many nanoseconds.
    pub(crate) within: i64,
}

/// The clocks that were compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offsets {
    /// Those that are off.
    pub(crate) off: BTreeMap<SensorId, Offset>,
    /// Two that saw the same connections, but at no one distance: a clock was set meanwhile.
    pub(crate) unsteady: Vec<(SensorId, SensorId, u64)>,
    /// Whether what they say was moved.
    pub(crate) corrected: bool,
}

impl Offsets {
    /// By what was seen.
    pub(super) fn estimate(witnesses: Witnesses, gathered: &Gathered) -> Self {
        let (mut steps, mut unsteady) = (Vec::new(), Vec::new());
        for ((first, second), differences) in differences(&witnesses.into_sorted()) {
            let seen = differences.len() as u64;
            match apart(differences) {
                Some(apart) => steps.push((first, second, apart)),
                None if seen >= ENOUGH as u64 => unsteady.push((first, second, seen)),
                None => {}
            }
        }
        // Those with most witnesses first: what they have joined the others need not.
        steps.sort_by_key(|&(first, second, apart)| (std::cmp::Reverse(apart.agree), first, second));
        let mut off = BTreeMap::new();
        for group in groups(&steps) {
            off.extend(group.off(gathered));
        }
        let joined: BTreeSet<SensorId> = steps.iter().flat_map(|&(first, second, _)| [first, second]).collect();
        unsteady.retain(|(first, second, _)| !joined.contains(first) || !joined.contains(second));
        Self { off, unsteady, corrected: false }
    }

    /// Moves a record to the clock that is believed.
    pub(super) fn correct(&self, record: &mut Record) {
        let Some(ahead) = self.off.get(&record.known.sensor).map(|offset| offset.ahead) else { return };
        let told = match &mut record.event {
            Event::Opened(opened) => Some(&mut opened.start.at),
            Event::Closed(closed) => closed.ended.as_mut().map(|ended| &mut ended.at),
            Event::Whole(whole) => Some(&mut whole.start.at),
            // What is said in packets: those are never moved.
            Event::Denied(_) | Event::Translation(_) | Event::Content(_) | Event::Burst(_) => None,
        };
        for at in [Some(&mut record.known.at), told].into_iter().flatten() {
            *at = at.plus(-ahead);
        }
    }

    /// The earliest of some sensors' first moments.
    pub(super) fn earliest(&self, first: &BTreeMap<SensorId, Nanos>) -> Option<Nanos> {
        first.iter().map(|(sensor, at)| at.plus(-self.off.get(sensor).map_or(0, |offset| offset.ahead))).min()
    }
}

/// Whether so many records of more than one sensor were read that their clocks can be compared.
pub(super) fn are_several(files: &BTreeMap<u32, FileRead>) -> bool {
    let mut records: BTreeMap<SensorId, u64> = BTreeMap::new();
    for (&sensor, count) in files.values().filter(|file| !file.is_scan()).flat_map(|file| &file.sensors) {
        *records.entry(sensor).or_default() += count.records;
    }
    records.values().filter(|&&records| records >= ENOUGH as u64).count() > 1
}

/// A beginning that is reckoned from an end and a length in whole seconds is off by no more.
const RECKONED: i64 = 2 * Nanos::SECOND;

/// A connection by its real ends, as the one sensor and the other know them, and the difference.
type Pair = ((u64, u64), i64);

type Differences = BTreeMap<(SensorId, SensorId), Vec<i64>>;

/// Of connections that each of two sensors saw opening once, how much later the second did.
fn differences(witnesses: &[Witness]) -> Differences {
    let mut differences: BTreeMap<(SensorId, SensorId), Vec<Pair>> = BTreeMap::new();
    for same in witnesses.chunk_by(|a, b| a.ends == b.ends) {
        let once: Vec<Witness> = same.chunk_by(|a, b| a.sensor == b.sensor).filter_map(once).take(SENSORS).collect();
        for (number, first) in once.iter().enumerate() {
            for second in &once[number + 1..] {
                let pair = ((first.real, second.real), second.at.since(first.at));
                differences.entry((first.sensor, second.sensor)).or_default().push(pair);
            }
        }
    }
    // Of a translated connection real ends and mapped ones meet.
    let each_once = |mut pairs: Vec<Pair>| {
        pairs.sort_unstable();
        pairs.dedup();
        pairs.into_iter().map(|(_, difference)| difference).collect()
    };
    differences.into_iter().map(|(sensors, pairs)| (sensors, each_once(pairs))).collect()
}

/// When one sensor saw a connection opening, in the order of the moments. Ends that meet again are those of several
/// connections, or of one that was tried again, unless it is the end that tells of the beginning once more (a firewall's that
/// logs both): it cannot say it as well as the opening, which is not earlier.
fn once(of_sensor: &[Witness]) -> Option<Witness> {
    let (first, last) = (of_sensor.first()?, of_sensor.last()?);
    (last.at.since(first.at) <= RECKONED).then_some(*last)
}

/// The median of the closest differences that are most of all.
fn apart(mut differences: Vec<i64>) -> Option<Apart> {
    differences.sort_unstable();
    let most = (differences.len() * AGREE).div_ceil(100);
    if differences.len() < ENOUGH {
        return None;
    }
    let width =
        |window: &&[i64]| window.last().zip(window.first()).map_or(0, |(last, first)| last.saturating_sub(*first));
    let closest = differences.windows(most).min_by_key(width)?;
    if width(&closest) > SPREAD {
        return None;
    }
    let ahead = *closest.get(closest.len() / 2)?;
    let within = width(&closest).max(Nanos::SECOND);
    let agree =
        differences.iter().filter(|difference| difference.abs_diff(ahead) <= within.unsigned_abs()).count() as u64;
    Some(Apart { ahead, seen: differences.len() as u64, agree, within })
}

/// Sensors that hang together: how far each is ahead of the first, and by what.
struct Group {
    sensors: BTreeMap<SensorId, (i64, Apart)>,
}

/// The groups, each put together by the steps in their order.
fn groups(steps: &[(SensorId, SensorId, Apart)]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for &(first, second, apart) in steps {
        let of = |sensor| groups.iter().position(|group| group.sensors.contains_key(&sensor));
        match (of(first), of(second)) {
            (None, None) => {
                groups.push(Group { sensors: BTreeMap::from([(first, (0, apart)), (second, (apart.ahead, apart))]) })
            }
            (Some(at), None) => {
                let ahead = groups[at].ahead(first).saturating_add(apart.ahead);
                groups[at].sensors.insert(second, (ahead, apart));
            }
            (None, Some(at)) => {
                let ahead = groups[at].ahead(second).saturating_sub(apart.ahead);
                groups[at].sensors.insert(first, (ahead, apart));
            }
            (Some(at), Some(other)) if at != other => {
                let by =
                    groups[at].ahead(first).saturating_add(apart.ahead).saturating_sub(groups[other].ahead(second));
                let moved = std::mem::take(&mut groups[other].sensors);
                let moved =
                    moved.into_iter().map(|(sensor, (ahead, apart))| (sensor, (ahead.saturating_add(by), apart)));
                groups[at].sensors.extend(moved);
            }
            // Those with more witnesses have said it.
            (Some(_), Some(_)) => {}
        }
    }
    groups
}

impl Group {
    fn ahead(&self, sensor: SensorId) -> i64 {
        self.sensors.get(&sensor).map_or(0, |(ahead, _)| *ahead)
    }

    /// Those that are off the clock that is believed: that of packets, then of Zeek, whose stamps need no zone; then that on
    /// which most agree, and of two that which said more.
    fn off(&self, gathered: &Gathered) -> Vec<(SensorId, Offset)> {
        let agree =
            |ahead: i64| self.sensors.values().filter(|(other, _)| other.abs_diff(ahead) < LEAST as u64).count();
        let believed = self.sensors.iter().map(|(&sensor, &(ahead, _))| {
            (clock_of(sensor, gathered), agree(ahead), records(sensor, gathered), std::cmp::Reverse(sensor))
        });
        let Some((.., std::cmp::Reverse(of))) = believed.max() else { return Vec::new() };
        let zero = self.ahead(of);
        let offset = |(&sensor, &(ahead, by)): (&SensorId, &(i64, Apart))| {
            (sensor, Offset { ahead: ahead.saturating_sub(zero), of, by })
        };
        let is_off = |(sensor, offset): &(SensorId, Offset)| {
            offset.ahead.unsigned_abs() >= LEAST as u64 && clock_of(*sensor, gathered) < Clock::Packets
        };
        self.sensors.iter().map(offset).filter(is_off).collect()
    }
}

/// What stamps are, the most reliable last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Clock {
    /// What a device wrote, often by a zone that it does not say.
    Written,
    /// Seconds since 1970.
    Epoch,
    /// Those of captures, by which packets are found again.
    Packets,
}

fn clock_of(sensor: SensorId, gathered: &Gathered) -> Clock {
    if sensor == packets::sensor() {
        return Clock::Packets;
    }
    let seen = gathered.files.values().filter(|file| file.sensors.contains_key(&sensor));
    let formats: BTreeSet<&str> = seen.map(|file| &*file.format).collect();
    if formats.contains("zeek-conn") { Clock::Epoch } else { Clock::Written }
}

fn records(sensor: SensorId, gathered: &Gathered) -> u64 {
    gathered.files.values().filter_map(|file| file.sensors.get(&sensor)).map(|count| count.records).sum()
}
