//! Dates without a calendar library: days since 1970 and back, after Howard Hinnant's `days_from_civil`.

/// A second, in the microseconds that the lab counts in.
pub(crate) const SECOND: u64 = 1_000_000;
/// A minute.
pub(crate) const MINUTE: u64 = 60 * SECOND;
/// An hour.
pub(crate) const HOUR: u64 = 60 * MINUTE;
/// A day.
pub(crate) const DAY: u64 = 24 * HOUR;

/// The months as syslog writes them.
pub(crate) const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// An hour of the calendar, in UTC. Years from 1970 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// The year.
    pub year: u32,
    /// The month, from 1.
    pub month: u32,
    /// The day of the month, from 1.
    pub day: u32,
    /// The hour, from 0.
    pub hour: u32,
}

impl Civil {
    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn micros(self) -> u64 {
        let year = u64::from(self.year) - u64::from(self.month <= 2);
        let era = year / 400;
        let year_of_era = year % 400;
        let shifted = u64::from((self.month + 9) % 12);
        let day_of_year = (153 * shifted + 2) / 5 + u64::from(self.day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        (era * 146_097 + day_of_era - 719_468) * DAY + u64::from(self.hour) * HOUR
    }

    /// The hour in which `micros` lies.
    #[must_use]
    pub fn of(micros: u64) -> Self {
        let days = micros / DAY + 719_468;
        let era = days / 146_097;
        let day_of_era = days % 146_097;
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        Self {
            year: (year_of_era + era * 400 + u64::from(month <= 2)) as u32,
            month: month as u32,
            day: (day_of_year - (153 * shifted + 2) / 5 + 1) as u32,
            hour: (micros % DAY / HOUR) as u32,
        }
    }
}

/// `2003-03-04`.
pub(crate) fn date(micros: u64) -> String {
    let Civil { year, month, day, .. } = Civil::of(micros);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `16:05:00`.
pub(crate) fn time_of_day(micros: u64) -> String {
    let seconds = micros % DAY / SECOND;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// `2003-03-04T16:05:00Z`.
pub(crate) fn rfc3339(micros: u64) -> String {
    format!("{}T{}Z", date(micros), time_of_day(micros))
}

#[cfg(test)]
mod tests {
    use super::{Civil, rfc3339};

    #[test]
    fn dates_go_there_and_back() {
        for (year, month, day) in [(1970, 1, 1), (2000, 2, 29), (2003, 3, 4), (2003, 12, 31), (2100, 3, 1)] {
            let civil = Civil { year, month, day, hour: 5 };
            assert_eq!(Civil::of(civil.micros() + 3_599_999_999), civil);
        }
        let evening = Civil { year: 2003, month: 3, day: 3, hour: 18 }.micros();
        assert_eq!(evening, 1_046_714_400_000_000);
        assert_eq!(rfc3339(evening), "2003-03-03T18:00:00Z");
    }
}
