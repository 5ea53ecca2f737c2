//! What is said of the clocks of several sensors.

use std::collections::BTreeMap;

use catspaw_records::{Nanos, SensorId};

use super::Names;
use super::incident::Case;
use super::model::Incident;
use crate::pipeline::{Offset, Offsets};

/// By such steps the zones of the world differ.
const ZONE: i64 = 900 * Nanos::SECOND;
/// And by no more than this.
const FAR: i64 = 26 * 3600 * Nanos::SECOND;
/// What is off by whole days has a wrong date.
const DAY: i64 = 24 * 3600 * Nanos::SECOND;
/// Stamps of a second may miss by one.
const NEAR: i64 = 2 * Nanos::SECOND;
/// So many clocks are told of one by one.
const LISTED: usize = 16;

/// `1:00:00`, without a sign.
fn written(nanos: i64) -> String {
    let seconds = (nanos.unsigned_abs() + Nanos::SECOND as u64 / 2) / Nanos::SECOND as u64;
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn direction(ahead: i64) -> &'static str {
    if ahead > 0 { "ahead of" } else { "behind" }
}

/// Whether it is another zone's time.
fn is_zone(ahead: i64) -> bool {
    let beyond = ahead.rem_euclid(ZONE);
    let whole_days = ahead.rem_euclid(DAY);
    whole_days.min(DAY - whole_days) > NEAR && ahead.abs() <= FAR && beyond.min(ZONE - beyond) < NEAR
}

/// One sentence for each clock that is off, and for each that could not be compared.
#[must_use]
pub(super) fn sentences(offsets: &Offsets, names: &Names) -> Vec<String> {
    let off = offsets
        .off
        .iter()
        .map(|(&sensor, offset)| (names.sensor(sensor), off(names, sensor, offset, offsets.corrected)));
    // In the order of names, whatever the hashes are.
    let off: BTreeMap<&str, String> = off.collect();
    let unsteady = offsets.unsteady.iter().map(|&(first, second, seen)| {
        format!(
            "The clocks of {} and {} are apart, but not always by as much, by {seen} connections that both saw opening: was one \
             of them set meanwhile? Nothing was corrected.",
            names.sensor(first),
            names.sensor(second),
        )
    });
    let mut all: Vec<String> = off.into_values().chain(unsteady).collect();
    if let Some(more) = all.len().checked_sub(LISTED).filter(|&more| more > 0) {
        all.truncate(LISTED);
        all.push(format!("Of {more} more clocks the like is to be said: `clock_offset` has what was corrected."));
    }
    all
}

fn off(names: &Names, sensor: SensorId, offset: &Offset, corrected: bool) -> String {
    let Offset { ahead, of, by } = offset;
    let why = match is_zone(*ahead) {
        true => "another time zone, or daylight saving on one of them, explains it",
        false => "no time zone explains it: one of them was not set",
    };
    let then = match corrected {
        true => "What is said here of what it saw is corrected by that; its own lines have its own stamps.",
        false => {
            "Its times are left as they are: to correct them the evidence is read twice, and standard input or a pipe can be \
             read once."
        }
    };
    format!(
        "The clock of {} is {} {} that of {}, as {} of {} connections show that two sensors saw opening (to within {}\u{a0}s); {why}. \
         {then}",
        names.sensor(sensor),
        written(*ahead),
        direction(*ahead),
        names.sensor(*of),
        by.agree,
        by.seen,
        by.within.div_euclid(Nanos::SECOND),
    )
}

/// Says of an incident whose times were corrected that they were.
pub(super) fn tell(incident: &mut Incident, case: &Case<'_>, offsets: &Offsets, names: &Names) {
    let Some(sensor) = case.lane.map(|(sensor, _)| sensor).filter(|_| offsets.corrected) else { return };
    let Some(Offset { ahead, of, .. }) = offsets.off.get(&sensor) else { return };
    incident.why.push(format!(
        "All times are by the clock of {}; that of {}, which saw this host, is {} {} it, and so are the stamps of the records \
         shown.",
        names.sensor(*of),
        names.sensor(sensor),
        written(*ahead),
        direction(*ahead),
    ));
}

/// Seconds that a sensor's clock is ahead, as far as it was corrected.
pub(super) fn offset(offsets: &Offsets, sensor: SensorId) -> f64 {
    let off = offsets.off.get(&sensor).filter(|_| offsets.corrected);
    off.map_or(0.0, |offset| offset.ahead as f64 / Nanos::SECOND as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_and_quarters_are_zones_and_nothing_else_is() {
        let seconds = |n: i64| n * Nanos::SECOND;
        for ahead in [3600, -3600, 3599, 3601, 19_800, -20_700, 7 * 3600] {
            assert!(is_zone(seconds(ahead)), "{ahead}");
        }
        for ahead in [3, 62, 3570, 3603, -17, 86_400 * 365, 0] {
            assert!(!is_zone(seconds(ahead)), "{ahead}");
        }
        assert_eq!((written(seconds(-3600)), written(seconds(93_784))), ("1:00:00".to_owned(), "26:03:04".to_owned()));
    }
}
