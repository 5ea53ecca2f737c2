//! When something happened, and how well that is known.

use jiff::civil;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::SensorId;
use crate::repeated::{self, Repeated};

/// A device whose clock was not set yet counts from one of these days, at midnight; Cisco's do.
const NOT_SET: [(i8, i8); 2] = [(1, 1), (3, 1)];
/// Days from one stamp to the next of a log that goes on.
const GOES_ON: i32 = 2;

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
    /// The last moment that was resolved.
    last_at: Option<Nanos>,
    repeated: Repeated,
    /// Whether the last time that was resolved is shown twice.
    ambiguous: bool,
    /// The date of a clock that is not set, as long as it shows that.
    not_set: Option<civil::Date>,
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
        Self {
            zone,
            hint,
            cached: None,
            last: None,
            last_at: None,
            repeated: Repeated::default(),
            ambiguous: false,
            not_set: None,
        }
    }

    /// The same clock, before any stamp, whose first one is of this year if it has none.
    #[must_use]
    pub fn of_year(self, year: i16) -> Self {
        Self::new(self.zone, YearHint::First(year))
    }

    /// Goes on from a date that was seen elsewhere (the end of a block that another thread parses).
    pub fn follow(&mut self, date: civil::Date) {
        self.last = Some(date);
        self.not_set = None;
    }

    /// Whether what a time of day means on `date`, or the day before or after, depends on the stamps before it.
    #[must_use]
    pub fn may_repeat(&self, date: civil::Date) -> bool {
        repeated::is_near(&self.zone, date)
    }

    /// The same of the day of a moment.
    #[must_use]
    pub fn may_repeat_at(&self, at: Nanos) -> bool {
        let at = jiff::Timestamp::from_nanosecond(i128::from(at.0));
        at.is_ok_and(|at| self.may_repeat(self.zone.to_datetime(at).date()))
    }

    /// Whether the time that was resolved last is one that the zone's clocks show twice: it may mean another moment next time.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        self.ambiguous
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
        self.resolve_of(SensorId(0), (year, month, day), (hour, minute, second))
    }

    /// The same of one of several sources whose stamps come mixed: each repeats the hour in which summer time ends when its
    /// own stamps do.
    pub fn resolve_of(
        &mut self,
        source: SensorId,
        (year, month, day): (Option<i16>, i8, i8),
        (hour, minute, second): (i8, i8, i8),
    ) -> Option<Nanos> {
        let date = match self.unset_date(year, month, day, hour) {
            Some(date) => date,
            None => {
                let date = self.date_of(year, month, day)?;
                self.follow(date);
                date
            }
        };
        if !(0..=60).contains(&second) {
            return None;
        }
        let minute_start = date.at(0, 0, 0, 0).with().hour(hour).minute(minute).build().ok()?;
        let base = match self.cached {
            Some((cached, base)) if cached == minute_start => base,
            _ => self.resolve_minute(source, minute_start)?,
        };
        self.last_at = Some(base);
        Some(base.plus(i64::from(second) * Nanos::SECOND))
    }

    fn resolve_minute(&mut self, source: SensorId, time: civil::DateTime) -> Option<Nanos> {
        self.cached = None;
        let meanings = repeated::meanings(&self.zone, time);
        self.ambiguous = meanings.is_some();
        if let Some(meanings) = meanings {
            return Some(self.repeated.choose(source, meanings, self.last_at));
        }
        let timestamp = self.zone.to_ambiguous_timestamp(time).compatible().ok()?;
        let base = Nanos(i64::try_from(timestamp.as_nanosecond()).ok()?);
        self.cached = Some((time, base));
        Some(base)
    }

    /// The date of a stamp without a year that a device wrote before its clock was set. That is one from the past: the log
    /// goes on after it where it was, and must not wait for it.
    fn unset_date(&mut self, year: Option<i16>, month: i8, day: i8, hour: i8) -> Option<civil::Date> {
        if year.is_some() || !NOT_SET.contains(&(month, day)) {
            return None;
        }
        if let Some(date) = self.not_set {
            return Some(date).filter(|date| (date.month(), date.day()) == (month, day));
        }
        let nearest = self.guess_year(month, day).filter(|_| hour == 0)?;
        let date = match self.last {
            // Perhaps the log begins so: what follows will tell.
            None => nearest,
            Some(last) if (nearest - last).get_days() <= GOES_ON => return None,
            Some(_) => civil::Date::new(nearest.year() - 1, month, day).ok()?,
        };
        self.not_set = Some(date);
        Some(date)
    }

    /// The year that puts the date nearest to the stamp before it; for the first stamp, the hint decides.
    fn guess_year(&self, month: i8, day: i8) -> Option<civil::Date> {
        let near = |last: civil::Date| {
            let years = (-1..=1).filter_map(move |offset| civil::Date::new(last.year() + offset, month, day).ok());
            years.min_by_key(|date| (*date - last).get_days().unsigned_abs())
        };
        if let Some(last) = self.last {
            return if last.month() == month { civil::Date::new(last.year(), month, day).ok() } else { near(last) };
        }
        // Where the log began as a clock that was not set would, that is believed of the days about it.
        let goes_on =
            |date: &civil::Date| self.not_set.is_some_and(|first| (*date - first).get_days().abs() <= GOES_ON);
        if let Some(date) = self.not_set.and_then(near).filter(goes_on) {
            return Some(date);
        }
        match self.hint {
            YearHint::First(year) => civil::Date::new(year, month, day).ok(),
            YearHint::NotAfter(limit) => (0..8)
                .find_map(|back| civil::Date::new(limit.year() - back, month, day).ok().filter(|date| *date <= limit)),
        }
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
    fn a_clock_that_was_not_set_yet_moves_no_year() {
        let mut clock = utc(YearHint::First(2003));
        let mut date = |month, day, hour| {
            let at = clock.resolve(None, month, day, hour, 0, 12)?;
            Some(jiff::Timestamp::from_second(at.0 / Nanos::SECOND).ok()?.to_string()[..10].to_owned())
        };
        // A log may begin so.
        assert_eq!(date(3, 1, 0).as_deref(), Some("2003-03-01"));
        assert_eq!(date(11, 15, 14).as_deref(), Some("2003-11-15"));
        assert_eq!(date(3, 1, 0).as_deref(), Some("2003-03-01"));
        assert_eq!(date(3, 1, 1).as_deref(), Some("2003-03-01"), "as long as it shows that day");
        assert_eq!(date(11, 15, 15).as_deref(), Some("2003-11-15"));
        assert_eq!(date(12, 31, 23).as_deref(), Some("2003-12-31"));
        assert_eq!(date(1, 1, 0).as_deref(), Some("2004-01-01"), "a new year is one");
        assert_eq!(date(12, 31, 23).as_deref(), Some("2003-12-31"), "a line that is late");
        assert_eq!(date(1, 1, 0).as_deref(), Some("2004-01-01"));
        assert_eq!(date(2, 28, 23).as_deref(), Some("2004-02-28"));
        assert_eq!(date(3, 1, 0).as_deref(), Some("2004-03-01"));
        let mut begins = utc(YearHint::First(2004));
        assert_eq!(begins.resolve(None, 1, 1, 0, 0, 0), Some(Nanos::from_secs(1_072_915_200)));
        assert_eq!(begins.resolve(None, 12, 31, 23, 59, 59), Some(Nanos::from_secs(1_072_915_199)));
        assert_eq!(begins.resolve(None, 1, 1, 0, 0, 1), Some(Nanos::from_secs(1_072_915_201)));
    }

    #[test]
    fn a_date_that_does_not_exist_is_refused() {
        let mut clock = utc(YearHint::First(2003));
        assert_eq!(clock.resolve(None, 2, 30, 0, 0, 0), None);
        assert_eq!(clock.resolve(Some(2003), 2, 29, 0, 0, 0), None);
        assert_eq!(clock.resolve(Some(2004), 2, 29, 24, 0, 0), None);
    }
}
