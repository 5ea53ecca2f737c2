//! A moment as a person writes it on the command line: `--at`, `--since`, `--until`.

use catspaw_records::Nanos;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};

/// What would be understood, for the error message.
const FORMS: &str = "a moment is 2003-03-04T16:05:00Z, 2003-03-04, \"2003-03-04 16:05[:00]\" in --timezone, or as mail has it, \
                     \"Tue, 4 Mar 2003 17:05:00 +0100\"";
/// What may stand behind a day or a time that is in no other zone.
const UTC: [&str; 4] = ["UTC", "GMT", "Z", "z"];

/// Reads RFC 3339, a mail's `Date:` (RFC 5322), or a day (its beginning), or a day and a time in `zone`.
///
/// # Errors
/// Where it is none of these, or names a moment that does not exist in `zone` or exists twice: what is wrong, and what
/// would be understood.
pub(crate) fn parse(text: &str, zone: &TimeZone) -> Result<Nanos, String> {
    let text = text.trim();
    let unknown = || format!("{text:?} is none: {FORMS}");
    if let Ok(at) = jiff::fmt::rfc2822::parse(text) {
        return nanos(at.timestamp()).ok_or_else(unknown);
    }
    let in_utc = UTC.iter().find_map(|utc| text.strip_suffix(utc)).map(str::trim_end);
    let zone = if in_utc.is_some() { &TimeZone::UTC } else { zone };
    let text = in_utc.unwrap_or(text);
    let (day, rest) = text.split_at_checked(10).ok_or_else(unknown)?;
    let day = parse_day(day).ok_or_else(unknown)?;
    if rest.is_empty() {
        // A day that begins in the gap of a change of clocks begins behind it.
        let start = day.to_zoned(zone.clone()).map_err(|_| unknown())?;
        return nanos(start.timestamp()).ok_or_else(unknown);
    }
    let rest = rest.strip_prefix(['T', 't', ' ']).ok_or_else(unknown)?;
    let (time, offset) = rest.split_at(rest.find(['+', '-']).unwrap_or(rest.len()));
    let at = day.to_datetime(parse_time(time.trim_end()).ok_or_else(unknown)?);
    let at = match offset {
        "" => in_zone(at, zone).map_err(|why| format!("{text:?} {why}: write it with its offset, as {at}+01:00"))?,
        _ if in_utc.is_some() => return Err(unknown()),
        offset => nanos(format!("{at}{offset}").parse().map_err(|_| unknown())?),
    };
    at.ok_or_else(unknown)
}

/// For how long a moment lasts that [`parse`] reads, in nanoseconds: whoever writes no time means the whole day, whoever writes no seconds the
/// whole minute, and whoever writes no fraction the whole second.
pub(crate) fn width(text: &str) -> i64 {
    let time = text.trim().get(10..).unwrap_or_default();
    if jiff::fmt::rfc2822::parse(text).is_ok() {
        return if time.matches(':').count() > 1 { Nanos::SECOND } else { 60 * Nanos::SECOND };
    }
    if !time.contains(':') {
        return 86_400 * Nanos::SECOND;
    }
    // An offset has a colon of its own.
    let time = time.split(['+', '-']).next().unwrap_or_default();
    let fraction = time.split(['.', ',']).nth(1).unwrap_or_default();
    match time.matches(':').count() {
        1 => 60 * Nanos::SECOND,
        // Many write noughts for what they do not know.
        _ if fraction.bytes().all(|byte| !matches!(byte, b'1'..=b'9')) => Nanos::SECOND,
        _ => 1,
    }
}

fn parse_day(text: &str) -> Option<Date> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else { return None };
    let digits = [y1, y2, y3, y4, m1, m2, d1, d2].iter().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// `16:05`, `16:05:00` or `16:05:00.25`.
fn parse_time(text: &str) -> Option<Time> {
    let bytes = text.as_bytes();
    let form = bytes.get(2) == Some(&b':') && matches!(bytes.get(5), None | Some(b':')) && bytes.len() != 6;
    form.then(|| text.parse().ok()).flatten()
}

fn in_zone(at: DateTime, zone: &TimeZone) -> Result<Option<Nanos>, &'static str> {
    let ambiguous = zone.to_ambiguous_timestamp(at);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => Ok(ambiguous.compatible().ok().and_then(nanos)),
        AmbiguousOffset::Gap { .. } => Err("does not exist in --timezone, where clocks were put forward"),
        AmbiguousOffset::Fold { .. } => Err("exists twice in --timezone, where clocks were put back"),
    }
}

fn nanos(at: Timestamp) -> Option<Nanos> {
    i64::try_from(at.as_nanosecond()).ok().map(Nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").unwrap()
    }

    #[test]
    fn every_form_names_the_same_moment() {
        let at = Ok(Nanos::from_secs(1_046_793_900));
        for text in ["2003-03-04T16:05:00Z", "2003-03-04t17:05:00+01:00", " 2003-03-04 16:05:00.000Z "] {
            assert_eq!(parse(text, &berlin()), at, "{text}");
        }
        for text in
            ["2003-03-04 16:05 UTC", "2003-03-04T16:05:00 GMT", "2003-03-04 16:05:00 Z", "2003-03-04 17:05 +01:00"]
        {
            assert_eq!(parse(text, &berlin()), at, "{text}");
        }
        for text in ["Tue, 4 Mar 2003 17:05:00 +0100 (CET)", "4 Mar 2003 16:05:00 GMT", "04 Mar 2003 16:05 +0000"] {
            assert_eq!(parse(text, &berlin()), at, "{text}");
        }
        for text in ["2003-03-04 17:05", "2003-03-04 17:05:00", "2003-03-04T17:05:00"] {
            assert_eq!(parse(text, &berlin()), at, "{text}");
        }
        assert_eq!(parse("2003-03-04 16:05:00.5", &TimeZone::UTC), at.map(|at| at.plus(Nanos::SECOND / 2)));
    }

    #[test]
    fn a_day_begins_at_its_midnight_in_the_zone() {
        assert_eq!(parse("2003-03-04", &TimeZone::UTC), Ok(Nanos::from_secs(1_046_736_000)));
        assert_eq!(parse("2003-03-04", &berlin()), Ok(Nanos::from_secs(1_046_732_400)));
        for text in ["2003-03-04 UTC", "2003-03-04Z"] {
            assert_eq!(parse(text, &berlin()), Ok(Nanos::from_secs(1_046_736_000)), "{text}");
        }
    }

    #[test]
    fn a_moment_that_is_none_or_two_is_refused() {
        for text in ["2003-03-30 02:30", "2003-10-26 02:30"] {
            let why = parse(text, &berlin()).unwrap_err();
            assert!(why.contains("write it with its offset"), "{why}");
            assert!(parse(text, &TimeZone::UTC).is_ok(), "{text}");
        }
        assert_eq!(parse("2003-10-26T02:30:00+01:00", &berlin()), Ok(Nanos::from_secs(1_067_131_800)));
    }

    #[test]
    fn what_is_no_moment_is_refused_with_what_would_be() {
        for text in [
            "",
            "yesterday",
            "2003-02-30",
            "2003-03-04 24:00",
            "2003-03-04 16",
            "2003-03-04 16:05:",
            "2003-03-04 1605",
            "2003-03-04x16:05",
            "2003-03-04T16:05:00+",
            "2003-03-04T16:05:00Zulu",
            "2003-03-04 16:05+01:00 UTC",
            "2003-03-04 16:05 CET",
            "UTC",
            "20030304T160500",
            "2003-03-0é 16:05",
            "9999-12-31",
            "1046793900",
        ] {
            let why = parse(text, &TimeZone::UTC).unwrap_err();
            assert!(why.contains(FORMS), "{why}");
        }
    }
}
