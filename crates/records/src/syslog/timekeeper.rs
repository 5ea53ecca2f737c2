//! The moments that stamps mean.

use jiff::civil;
use jiff::tz::{Offset, TimeZone};

use super::day::Day;
use super::header::{self, Header};
use super::written::{Minute, Written, utc};
use crate::{Clock, Nanos, SensorId};

/// A [`Clock`] and the last minute that it resolved: a log repeats one for hundreds of lines.
#[derive(Clone, Debug)]
pub(crate) struct Timekeeper {
    clock: Clock,
    last: Option<(Minute, Nanos)>,
    /// Whether a date was followed.
    moved: bool,
    /// The day of a moment, if the clock has followed that and nothing since.
    day: Option<i64>,
    /// The last date that was read with its zone.
    read: Day,
    /// The last header that was read.
    header: header::Last,
}

impl Timekeeper {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, last: None, moved: false, day: None, read: Day::default(), header: header::Last::default() }
    }

    /// The same, before any stamp, whose first one is of this year if it has none.
    pub(crate) fn of_year(self, year: i16) -> Self {
        Self::new(self.clock.of_year(year))
    }

    /// The same clock, of which [`Timekeeper::has_moved`] tells whether it follows a date from here on.
    pub(crate) fn at_rest(&self) -> Self {
        Self { last: None, moved: false, ..self.clone() }
    }

    pub(crate) fn has_moved(&self) -> bool {
        self.moved
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Goes on from `date`.
    pub(crate) fn follow(&mut self, date: civil::Date) {
        self.clock.follow(date);
        self.last = None;
        self.day = None;
        self.moved = true;
    }

    /// Goes on from the date, in UTC, of a moment that needs no clock: to tell a year, that is near enough in any zone.
    #[inline]
    pub(crate) fn follow_moment(&mut self, at: Nanos) {
        let day = at.0.div_euclid(86_400 * Nanos::SECOND);
        if self.day == Some(day) {
            // It is there already.
            self.moved = true;
        } else {
            self.follow_day(at);
            self.day = Some(day);
        }
    }

    #[cold]
    fn follow_day(&mut self, at: Nanos) {
        if let Some(date) = utc(at).map(civil::DateTime::date) {
            self.follow(date);
        }
    }

    /// What stands before a message.
    #[inline]
    pub(crate) fn decode_header<'a>(&mut self, head: &'a [u8]) -> Header<'a> {
        self.header.decode(head)
    }

    /// RFC 3339, and the same with a space for its `T`, with slashes, with `UTC` behind it, or without a zone.
    #[inline]
    pub(crate) fn parse_civil(&mut self, text: &[u8]) -> Option<Written> {
        self.read.parse(text)
    }

    /// The moment of a stamp of `source`; `None` for a date or time that does not exist.
    #[inline]
    pub(crate) fn resolve(&mut self, source: SensorId, written: &Written) -> Option<Nanos> {
        let base = match self.last {
            // Nothing was resolved in between, so the year that it was given still follows.
            Some((minute, base)) if minute == written.minute => base,
            _ => self.resolve_minute(source, written.minute)?,
        };
        Some(base.plus(i64::from(written.second) * Nanos::SECOND + i64::from(written.nanos)))
    }

    fn resolve_minute(&mut self, source: SensorId, minute: Minute) -> Option<Nanos> {
        (self.last, self.day) = (None, None);
        let Minute { year, month, day, hour, minute: of_hour, zone } = minute;
        // A time that does not exist moves the clock to its date, and a date that does not exist moves nothing.
        self.moved |= self.clock.date_of(year, month, day).is_some();
        let base = match zone {
            None => {
                let base = self.clock.resolve_of(source, (year, month, day), (hour, of_hour, 0))?;
                if self.clock.is_ambiguous() {
                    return Some(base);
                }
                base
            }
            Some(zone) => {
                let date = self.clock.date_of(year, month, day)?;
                self.clock.follow(date);
                let offset = Offset::from_seconds(i32::from(zone) * 60).ok()?;
                let time = civil::Time::new(hour, of_hour, 0, 0).ok()?;
                let at = TimeZone::fixed(offset).to_timestamp(date.to_datetime(time)).ok()?;
                Nanos(i64::try_from(at.as_nanosecond()).ok()?)
            }
        };
        self.last = Some((minute, base));
        Some(base)
    }
}

#[cfg(test)]
mod tests {
    use super::super::written::parse_written;
    use super::*;
    use crate::YearHint;

    #[test]
    fn the_minute_that_is_kept_does_not_outlive_another() {
        let mut keeper = Timekeeper::new(Clock::new(TimeZone::UTC, YearHint::First(2003)));
        let mut at =
            |text: &str| keeper.resolve(SensorId(0), &parse_written(text.as_bytes())?.0).map(|at| at.0 / 1_000_000_000);
        assert_eq!(at("Mar  4 16:05:00"), Some(1_046_793_900));
        assert_eq!(at("Mar  4 2010 16:05:00"), Some(1_267_718_700));
        assert_eq!(at("Mar  4 16:05:01"), Some(1_267_718_701), "a stamp without year follows the one before it");
        assert_eq!(at("Mar  4 16:75:01"), None);
        assert_eq!(at("Mar  4 16:05:02"), Some(1_267_718_702));
    }
}
