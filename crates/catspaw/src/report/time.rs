//! Moments and days as the report writes them.

use catspaw_records::Nanos;
use jiff::Timestamp;
use jiff::civil;

/// RFC 3339 in UTC, with as many digits of the second as are needed: whole for syslog, six for Zeek.
#[must_use]
pub(crate) fn rfc3339(at: Nanos) -> String {
    let timestamp = Timestamp::from_nanosecond(i128::from(at.0)).unwrap_or_default();
    timestamp.to_string()
}

/// A civil day, counted from 1970-01-01.
#[must_use]
pub(crate) fn date(day: i32) -> String {
    let epoch = civil::date(1970, 1, 1);
    epoch.checked_add(jiff::Span::new().days(day)).map_or_else(|_| "-".to_owned(), |date| date.to_string())
}
