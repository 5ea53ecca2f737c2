//! When something happened, and how well that is known.

use jiff::civil;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::SensorId;

/// Nanoseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Nanos(pub i64);

impl Nanos {
    /// One second.
    pub const SECOND: i64 = 1_000_000_000;
    /// Later than any stamp.
    pub const MAX: Self = Self(i64::MAX);
    /// Earlier than any stamp.
    pub const MIN: Self = Self(i64::MIN);

    /// From whole seconds, saturating.
    #[must_use]
    pub fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(Self::SECOND))
    }

    /// This moved by `by` nanoseconds, saturating.
    #[must_use]
    pub fn plus(self, by: i64) -> Self {
        Self(self.0.saturating_add(by))
    }

    /// Nanoseconds from `earlier` to this.
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Seconds since the epoch, as the tables print it.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / Self::SECOND as f64
    }
}

/// A moment as one sensor saw it: it lies in `[at, at + resolution)` of that sensor's clock.
///
/// Stamps of two sensors can only be compared where the offset between their clocks is known; the order of two
/// stamps of one sensor within one resolution is the order in which the sensor wrote them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// The earliest moment it may mean.
    pub at: Nanos,
    /// The width of the interval in nanoseconds: a second for PIX syslog, a microsecond for Zeek.
    pub resolution: u32,
    /// Whose clock.
    pub sensor: SensorId,
}

/// How a reader turns a stamp without year or zone into a moment. One for each source of stamps (file and sensor),
/// fed in the order of the file.
#[derive(Clone, Debug)]
pub struct Clock {
    zone: TimeZone,
    hint: YearHint,
    /// The last minute that was converted: logs repeat it for thousands of lines.
    cached: Option<(civil::DateTime, Nanos)>,
    last: Option<civil::Date>,
}

/// Which year a stamp without one means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum YearHint {
    /// The first stamp is of this year (`--year`); later ones follow across New Year.
    First(i16),
    /// No stamp is later than this date (the day after the file was last written).
    NotAfter(civil::Date),
}

impl Clock {
    /// A clock for stamps in `zone` that may lack a year.
    #[must_use]
    pub fn new(zone: TimeZone, hint: YearHint) -> Self {
        Self { zone, hint, cached: None, last: None }
    }

    /// Goes on from a date that was seen elsewhere (the end of a block that another thread parses).
    pub fn follow(&mut self, date: civil::Date) {
        self.last = Some(date);
    }

    /// The date that a stamp without year would have now; see [`Clock::resolve`].
    #[must_use]
    pub fn date_of(&self, year: Option<i16>, month: i8, day: i8) -> Option<civil::Date> {
        match year {
            Some(year) => civil::Date::new(year, month, day).ok(),
            None => self.guess_year(month, day),
        }
    }

    /// The moment of a civil time; `year` is `None` where the stamp has none. `None` for a date that does not exist
    /// (30 February, or 29 February of the year that follows from the hint).
    pub fn resolve(
        &mut self,
        year: Option<i16>,
        month: i8,
        day: i8,
        hour: i8,
        minute: i8,
        second: i8,
    ) -> Option<Nanos> {
        let date = self.date_of(year, month, day)?;
        self.last = Some(date);
        if !(0..=60).contains(&second) {
            return None;
        }
        let minute_start = date.at(0, 0, 0, 0).with().hour(hour).minute(minute).build().ok()?;
        let base = match self.cached {
            Some((cached, base)) if cached == minute_start => base,
            _ => {
                let timestamp = self.zone.to_ambiguous_timestamp(minute_start).compatible().ok()?;
                let base = Nanos(i64::try_from(timestamp.as_nanosecond()).ok()?);
                self.cached = Some((minute_start, base));
                base
            }
        };
        Some(base.plus(i64::from(second) * Nanos::SECOND))
    }

    /// The year that puts the date nearest to the stamp before it; for the first stamp, the hint decides.
    fn guess_year(&self, month: i8, day: i8) -> Option<civil::Date> {
        let Some(last) = self.last else {
            return match self.hint {
                YearHint::First(year) => civil::Date::new(year, month, day).ok(),
                YearHint::NotAfter(limit) => (0..8).find_map(|back| {
                    civil::Date::new(limit.year() - back, month, day).ok().filter(|date| *date <= limit)
                }),
            };
        };
        if last.month() == month {
            return civil::Date::new(last.year(), month, day).ok();
        }
        (-1..=1)
            .filter_map(|offset| civil::Date::new(last.year() + offset, month, day).ok())
            .min_by_key(|date| (*date - last).get_days().unsigned_abs())
    }
}

/// Which civil day a moment falls on, in the zone that the report counts by.
#[derive(Clone, Debug)]
pub struct Days {
    zone: TimeZone,
    /// The day that was asked for last, and its bounds.
    cached: Option<(Nanos, Nanos, i32)>,
}

impl Days {
    /// Days of `zone`.
    #[must_use]
    pub fn new(zone: TimeZone) -> Self {
        Self { zone, cached: None }
    }

    /// The day of `at`, counted from 1970-01-01.
    pub fn of(&mut self, at: Nanos) -> i32 {
        if let Some((from, to, day)) = self.cached
            && (from..to).contains(&at)
        {
            return day;
        }
        let date = self.date(at);
        let day = (date - civil::date(1970, 1, 1)).get_days();
        let bound = |date: civil::Date| {
            self.zone
                .to_ambiguous_timestamp(date.at(0, 0, 0, 0))
                .compatible()
                .ok()
                .and_then(|t| i64::try_from(t.as_nanosecond()).ok())
                .map(Nanos)
        };
        if let (Some(from), Some(to)) = (bound(date), date.tomorrow().ok().and_then(bound)) {
            self.cached = Some((from, to, day));
        }
        day
    }

    fn date(&self, at: Nanos) -> civil::Date {
        let timestamp = jiff::Timestamp::from_nanosecond(i128::from(at.0)).unwrap_or_default();
        self.zone.to_datetime(timestamp).date()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(hint: YearHint) -> Clock {
        Clock::new(TimeZone::UTC, hint)
    }

    #[test]
    fn a_stamp_without_year_follows_the_stamps_before_it() {
        let mut clock = utc(YearHint::First(2003));
        assert_eq!(clock.resolve(None, 12, 31, 23, 59, 59), Some(Nanos::from_secs(1_072_915_199)));
        assert_eq!(clock.resolve(None, 1, 1, 0, 0, 0), Some(Nanos::from_secs(1_072_915_200)));
        assert_eq!(clock.resolve(None, 12, 31, 23, 59, 59), Some(Nanos::from_secs(1_072_915_199)));
    }

    #[test]
    fn without_a_year_option_no_stamp_is_in_the_future() {
        let mut clock = utc(YearHint::NotAfter(civil::date(2004, 2, 1)));
        assert_eq!(clock.resolve(None, 3, 4, 0, 0, 0), Some(Nanos::from_secs(1_046_736_000)));
    }

    #[test]
    fn a_date_that_does_not_exist_is_refused() {
        let mut clock = utc(YearHint::First(2003));
        assert_eq!(clock.resolve(None, 2, 30, 0, 0, 0), None);
        assert_eq!(clock.resolve(Some(2003), 2, 29, 0, 0, 0), None);
        assert_eq!(clock.resolve(Some(2004), 2, 29, 24, 0, 0), None);
    }
}
