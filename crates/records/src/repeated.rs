//! The hour that clocks show twice when summer time ends.
//!
//! A stamp in it means two moments. Which one follows from the order of the log: a source whose stamps have come to 02:59 and
//! are at 02:00 again is in the hour's second pass. What is a little out of order is not.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::{Nanos, SensorId};

/// A stamp that is further back than this is no line out of order: as long as the merge waits by default, and half as long
/// again.
const BACK: i64 = 900 * Nanos::SECOND;
/// Sources that are told apart; of more, the others are taken for one.
const SOURCES: usize = 256;

/// How far each source has come in the repeated hour that it met last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repeated {
    sources: Vec<(SensorId, Pass)>,
}

#[derive(Clone, Copy, Debug)]
struct Pass {
    /// The latest stamp of this pass, by its first meaning.
    latest: Nanos,
    second: bool,
}

impl Repeated {
    /// Which of two moments a stamp of `source` means, `before` being the last that anybody's stamp meant.
    pub(crate) fn choose(&mut self, source: SensorId, (first, second): (Nanos, Nanos), before: Option<Nanos>) -> Nanos {
        let known = self.sources.iter().position(|(known, _)| *known == source);
        let at = known.or_else(|| (self.sources.len() >= SOURCES).then_some(SOURCES - 1)).unwrap_or_else(|| {
            self.sources.push((source, Pass { latest: Nanos::MIN, second: false }));
            self.sources.len() - 1
        });
        let Some((_, pass)) = self.sources.get_mut(at) else { return first };
        if pass.latest == Nanos::MIN || first.since(pass.latest).abs() > second.since(first) {
            // Another year's, or the first that is met: whoever has come to its end already is in the second pass.
            let over = before.is_some_and(|before| second.since(before).abs() < BACK);
            *pass = Pass { latest: first, second: over };
        } else if first < pass.latest.plus(-BACK) && !pass.second {
            *pass = Pass { latest: first, second: true };
        } else {
            pass.latest = pass.latest.max(first);
        }
        if pass.second { second } else { first }
    }
}

/// Whether clocks of `zone` are set back within a day of `date`.
pub(crate) fn is_near(zone: &TimeZone, date: Date) -> bool {
    const DAY: i64 = 86_400;
    let Ok(midnight) = zone.to_ambiguous_timestamp(date.at(0, 0, 0, 0)).compatible() else { return false };
    let Ok(from) = Timestamp::from_second(midnight.as_second() - DAY) else { return false };
    let next =
        zone.following(from).take_while(|change| change.timestamp().as_second() < midnight.as_second() + 2 * DAY);
    let mut offset = zone.to_offset(from);
    next.fold(false, |near, change| {
        let back = change.offset() < offset;
        offset = change.offset();
        near || back
    })
}

/// Whether the clocks of a zone show the time of a moment twice.
#[must_use]
pub fn is_repeated(zone: &TimeZone, at: Nanos) -> bool {
    let at = Timestamp::from_nanosecond(i128::from(at.0));
    at.is_ok_and(|at| meanings(zone, zone.to_datetime(at)).is_some())
}

/// The two moments that a time means where it is repeated.
pub(crate) fn meanings(zone: &TimeZone, time: DateTime) -> Option<(Nanos, Nanos)> {
    let ambiguous = zone.to_ambiguous_timestamp(time);
    if !matches!(ambiguous.offset(), AmbiguousOffset::Fold { .. }) {
        return None;
    }
    let nanos = |at: Timestamp| i64::try_from(at.as_nanosecond()).ok().map(Nanos);
    Some((nanos(ambiguous.earlier().ok()?)?, nanos(ambiguous.later().ok()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2003-10-26: 02:00 to 03:00 in summer time, and again.
    const FIRST: i64 = 1_067_126_400;

    fn passes(minutes: &[i64]) -> Vec<i64> {
        let mut repeated = Repeated::default();
        let meanings = |minute| {
            let first = Nanos::from_secs(FIRST + 60 * minute);
            (first, first.plus(3600 * Nanos::SECOND))
        };
        let choose = |&minute: &i64| repeated.choose(SensorId(1), meanings(minute), None);
        let chosen: Vec<Nanos> = minutes.iter().map(choose).collect();
        chosen.iter().map(|at| (at.0 / Nanos::SECOND - FIRST) / 60).collect()
    }

    #[test]
    fn what_has_come_to_the_end_and_begins_again_is_the_second_pass() {
        assert_eq!(passes(&[0, 30, 59, 0, 30, 59]), [0, 30, 59, 60, 90, 119]);
        assert_eq!(
            passes(&[50, 44, 51, 59, 3, 1, 20, 10]),
            [50, 44, 51, 59, 63, 61, 80, 70],
            "out of order by minutes"
        );
    }

    #[test]
    fn a_day_on_which_clocks_are_set_back_is_known() {
        let zone = TimeZone::get("Europe/Berlin").expect("a zone");
        let near = |day| is_near(&zone, jiff::civil::date(2003, 10, day));
        assert_eq!([24, 25, 26, 27, 28].map(near), [false, true, true, true, false]);
        assert!(!is_near(&zone, jiff::civil::date(2003, 3, 30)), "set forward");
        assert!(!is_near(&TimeZone::UTC, jiff::civil::date(2003, 10, 26)));
        let time = jiff::civil::date(2003, 10, 26).at(2, 0, 0, 0);
        assert_eq!(meanings(&zone, time), Some((Nanos::from_secs(FIRST), Nanos::from_secs(FIRST + 3600))));
        assert_eq!(meanings(&zone, jiff::civil::date(2003, 10, 26).at(3, 0, 0, 0)), None);
    }
}
