//! Time stamps as logs write them.

use jiff::civil;
use jiff::tz::Offset;

use crate::fields::value;
use crate::{Clock, Nanos};

/// A number before a month's name that is none of these is no year.
const YEARS: std::ops::RangeInclusive<i16> = 1990..=2100;

/// A stamp to the minute, and its zone in minutes east of UTC where it says one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Minute {
    pub(super) year: Option<i16>,
    pub(super) month: i8,
    pub(super) day: i8,
    pub(super) hour: i8,
    pub(super) minute: i8,
    pub(super) zone: Option<i16>,
}

/// A stamp as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) minute: Minute,
    pub(super) second: i8,
    pub(super) nanos: u32,
    /// Where the seconds stand, and how many digits of a part of one follow a sign behind them.
    pub(crate) seconds: Option<(usize, usize)>,
    /// The width of what it may mean, in nanoseconds.
    pub(crate) resolution: u32,
}

/// A date and a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i16,
    pub(crate) month: i8,
    pub(crate) day: i8,
    pub(crate) hour: i8,
    pub(crate) minute: i8,
    pub(crate) second: i8,
    pub(crate) nanos: u32,
    /// Minutes east of UTC, where it says so.
    pub(crate) zone: Option<i16>,
}

impl Written {
    /// What somebody else has read; `None` for a second that no minute has.
    pub(crate) fn new(civil: Civil, resolution: u32) -> Option<Self> {
        let Civil { year, month, day, hour, minute, second, nanos, zone } = civil;
        let minute = Minute { year: Some(year), month, day, hour, minute, zone };
        (0..=60).contains(&second).then_some(Self { minute, second, nanos, seconds: None, resolution })
    }

    /// A moment that needs no clock, as a stamp of `resolution`.
    pub(crate) fn of_moment(at: Nanos, resolution: u32) -> Option<Self> {
        let time = utc(at)?;
        let (year, month, day) = (time.year(), time.month(), time.day());
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        let nanos = u32::try_from(time.subsec_nanosecond()).ok()?;
        Self::new(Civil { year, month, day, hour, minute, second, nanos, zone: Some(0) }, resolution)
    }

    /// The same stamp, known to be in UTC by a word behind it.
    pub(crate) fn in_utc(mut self) -> Self {
        self.minute.zone = Some(0);
        self
    }

    /// The same stamp in the zone that another says.
    pub(crate) fn in_zone_of(mut self, other: &Self) -> Self {
        self.minute.zone = self.minute.zone.or(other.minute.zone);
        self
    }

    /// The same stamp, so many minutes east of UTC.
    pub(crate) fn east(mut self, minutes: i16) -> Self {
        self.minute.zone = self.minute.zone.or(Some(minutes));
        self
    }

    /// The same stamp at the second and the part of it that stand at `at`, with so many digits of one.
    #[inline]
    pub(crate) fn at_seconds(mut self, text: &[u8], at: usize, digits: usize) -> Option<Self> {
        (self.second, self.nanos) = parse_seconds(text, at, digits)?;
        Some(self)
    }

    /// The same stamp, which stands so much further on in its line.
    fn moved_by(mut self, by: usize) -> Self {
        self.seconds = self.seconds.map(|(second, digits)| (second + by, digits));
        self
    }

    /// Whether it says its year.
    pub(crate) fn has_year(&self) -> bool {
        self.minute.year.is_some()
    }

    /// Whether it says no zone that is known.
    pub(crate) fn has_no_zone(&self) -> bool {
        self.minute.zone.is_none()
    }

    /// How far east of UTC the zone is that it says, in minutes.
    pub(crate) fn said_zone(&self) -> Option<i16> {
        self.minute.zone
    }

    /// The date that it has on `clock`.
    pub(crate) fn date(&self, clock: &Clock) -> Option<civil::Date> {
        clock.date_of(self.minute.year, self.minute.month, self.minute.day)
    }
}

/// The date and time of a moment.
pub(super) fn utc(at: Nanos) -> Option<civil::DateTime> {
    jiff::Timestamp::from_nanosecond(i128::from(at.0)).ok().map(|at| Offset::UTC.to_datetime(at))
}

/// The stamp at the front and its length: `Mar  4 16:05:00`, `Mar 04 2003 16:05:00.123`, `2003 Mar 04 16:05:00`, RFC 3339, what ctime
/// and `date` write, or seconds since 1970 with six digits behind the point.
#[inline]
pub(crate) fn parse_written(text: &[u8]) -> Option<(Written, usize)> {
    match text.first()? {
        b'A'..=b'W' => parse_month_first(text).or_else(|| parse_behind_weekday(text)),
        b'0'..=b'9' => parse_year_first(text).or_else(|| parse_digits_first(text)),
        _ => None,
    }
}

#[inline]
fn parse_month_first(text: &[u8]) -> Option<(Written, usize)> {
    let month = parse_month(text)?;
    let mut at = 3 + spaces(text, 3)?;
    let day = match two_digits(text, at) {
        Some(day) => {
            at += 2;
            day
        }
        None => {
            let day = text.get(at).filter(|byte| byte.is_ascii_digit())?;
            at += 1;
            (day - b'0') as i8
        }
    };
    // `Mar 4, 2003 @ 16:05:00.000` is Kibana's.
    at += usize::from(text.get(at) == Some(&b','));
    at += spaces(text, at)?;
    let mut year = None;
    if text.get(at + 2) != Some(&b':') {
        year = Some(four_digits(text, at)?);
        at += 4;
        at += spaces(text, at)?;
        at += if text[at..].starts_with(b"@ ") { 2 } else { 0 };
    }
    let minute = Minute { year, month, day, hour: 0, minute: 0, zone: None };
    let (mut written, end) = parse_time(text, at, minute)?;
    // `Mar  4 16:05:00 2003 fw`: where nothing else follows it, it is who wrote the line.
    if year.is_none()
        && let [b' ', b'1' | b'2', _, _, _, b']', ..] | [b' ', b'1' | b'2', _, _, _, b' ', b'0'..=b'z', ..] =
            text[end..]
        && text.get(end + 6) != Some(&b':')
        && let Some(year) = four_digits(text, end + 1).filter(|year| YEARS.contains(year))
    {
        written.minute.year = Some(year);
        return Some((written, end + 5));
    }
    Some((written, end))
}

/// What else begins with a digit.
#[cold]
fn parse_digits_first(text: &[u8]) -> Option<(Written, usize)> {
    parse_year_before(text).or_else(|| parse_day_first(text)).or_else(|| parse_epoch(text))
}

/// `2003-03-04T16:05:00.123Z`; a space, a tab or a comma may stand for the `T`, `/` or `.` for `-` then, and the zone may be missing.
fn parse_year_first(text: &[u8]) -> Option<(Written, usize)> {
    // What is shorter is none: with this said, nothing below is looked for beyond the end.
    text.first_chunk::<19>()?;
    let year = Some(four_digits(text, 0)?);
    let (month, day) = (two_digits(text, 5)?, two_digits(text, 8)?);
    match (text[4], text[7], text.get(10)?) {
        (b'-', b'-', b'T' | b't' | b' ' | b'\t' | b',')
        | (b'/', b'/', b' ')
        | (b'.', b'.', b' ')
        | (b':', b':', b'-') => {}
        _ => return None,
    }
    let (mut written, mut at) = parse_time(text, 11, Minute { year, month, day, hour: 0, minute: 0, zone: None })?;
    if let Some((zone, len)) = parse_zone(&text[at..]).or_else(|| parse_hours(&text[at..])) {
        written.minute.zone = Some(zone);
        at += len;
    }
    Some((written, at))
}

/// `04 Mar 2003 16:05:00`, `04-Mar-2003 16:05:00`, and `04/Mar/2003:16:05:00` of NCSA's servers.
fn parse_day_first(text: &[u8]) -> Option<(Written, usize)> {
    let digits = text.iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
    let day = match digits {
        1 => (text[0] - b'0') as i8,
        2 => two_digits(text, 0)?,
        _ => return None,
    };
    let (between, month) = (*text.get(digits)?, parse_month(text.get(digits + 1..)?)?);
    let at = digits + 4;
    let year = Some(four_digits(text, at + 1)?);
    match (between, text.get(at)?, text.get(at + 5)?) {
        (b' ', b' ', b' ') | (b'-', b'-', b' ') | (b'/', b'/', b':') => {}
        _ => return None,
    }
    parse_time(text, at + 6, Minute { year, month, day, hour: 0, minute: 0, zone: None })
}

/// `2003 Mar 04 16:05:00`.
#[cold]
fn parse_year_before(text: &[u8]) -> Option<(Written, usize)> {
    let year = four_digits(text, 0).filter(|year| YEARS.contains(year))?;
    let at = 4 + spaces(text, 4)?;
    let (mut written, len) = parse_month_first(&text[at..]).filter(|(written, _)| !written.has_year())?;
    written.minute.year = Some(year);
    Some((written.moved_by(at), at + len))
}

/// `Mon Mar  4 16:05:00 2003` of ctime, `Mon Mar  4 04:05:00 PM CET 2003` of `date`, `Mon 2003-03-04 16:05:00` of systemd.
#[cold]
fn parse_behind_weekday(text: &[u8]) -> Option<(Written, usize)> {
    const DAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
    let day = text.get(..3).filter(|day| DAYS.contains(day))?.len();
    // RFC 5322 has a comma there.
    let mut at = day + usize::from(text.get(day) == Some(&b','));
    at += spaces(text, at)?;
    if text.get(at)?.is_ascii_digit() {
        let (written, len) = parse_year_first(&text[at..]).or_else(|| parse_day_first(&text[at..]))?;
        return Some((written.moved_by(at), at + len));
    }
    let (written, len) = parse_month_first(&text[at..])?;
    let mut written = written.moved_by(at);
    at += len;
    let half = text.get(at..).unwrap_or_default();
    if half.starts_with(b" AM") || half.starts_with(b" PM") {
        let hour = written.minute.hour;
        written.minute.hour = (1..=12).contains(&hour).then(|| hour % 12 + if half[1] == b'P' { 12 } else { 0 })?;
        at += 3;
    }
    if !written.has_year()
        && let Some((zone, year, len)) = parse_year_behind(&text[at..])
    {
        (written.minute.zone, written.minute.year) = (zone, Some(year));
        at += len;
    }
    Some((written, at))
}

/// ` 2003` or ` CET 2003`: the zone where the word tells it, the year, and its length.
fn parse_year_behind(text: &[u8]) -> Option<(Option<i16>, i16, usize)> {
    let mut at = spaces(text, 0)?;
    let word = text[at..].split(|byte| *byte == b' ').next()?;
    let mut zone = None;
    if !word.first()?.is_ascii_digit() {
        zone = match word {
            // `date` has no abbreviation for some zones.
            [b'+' | b'-', ..] => Some(parse_offset(word)?),
            _ if (3..=5).contains(&word.len()) && word.iter().all(u8::is_ascii_uppercase) => {
                zone_name(word).and_then(|is_utc| is_utc.then_some(0))
            }
            _ => return None,
        };
        at += word.len();
        at += spaces(text, at)?;
    }
    let year = four_digits(text, at)?;
    matches!(text.get(at + 4), None | Some(b' ' | b'\t' | b':' | b']')).then_some((zone, year, at + 4))
}

/// `1046793900.123456`, as `journalctl -o short-unix` has it; others have more digits or fewer behind the point.
#[cold]
fn parse_epoch(text: &[u8]) -> Option<(Written, usize)> {
    const WHOLE: usize = "1046793900.".len();
    let whole = text.get(..WHOLE).filter(|whole| whole.ends_with(b"."))?;
    let digits = text[whole.len()..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let len = WHOLE + digits;
    let ends = (3..=9).contains(&digits) && matches!(text.get(len), None | Some(b' '));
    let at = value::seconds(text.get(..len).filter(|_| ends)?)?;
    Some((Written::of_moment(Nanos(at), 10_u32.pow(9 - digits as u32))?, len))
}

/// No zone has a longer name (`America/Argentina/ComodRivadavia`).
const LONGEST_ZONE: usize = 32;

/// Whether a word behind a stamp is its zone; `Some(true)` for UTC. Other abbreviations mean several zones each, so
/// they only tell us that this is no host.
#[inline]
pub(crate) fn zone_name(word: &[u8]) -> Option<bool> {
    if word.len() > 4 {
        // Nearly every name of a device is longer than a zone, or in small letters.
        return (word.len() <= LONGEST_ZONE && word[0].is_ascii_uppercase() && is_long_zone(word)).then_some(false);
    }
    if word.len() < 3 || !word.iter().all(u8::is_ascii_uppercase) {
        return None;
    }
    match word {
        b"UTC" | b"GMT" => Some(true),
        b"WET" | b"WEST" | b"CET" | b"CEST" | b"MET" | b"MEST" | b"EET" | b"EEST" | b"MSK" | b"MSD" | b"BST"
        | b"IST" | b"EST" | b"EDT" | b"CST" | b"CDT" | b"MST" | b"MDT" | b"PST" | b"PDT" | b"AKST" | b"AKDT"
        | b"HST" | b"JST" | b"KST" | b"SGT" | b"HKT" | b"AEST" | b"AEDT" | b"NZST" | b"NZDT" | b"BRT" | b"SAST"
        | b"AST" | b"ADT" | b"NST" | b"NDT" | b"ART" | b"CLT" | b"CLST" | b"COT" | b"PET" | b"VET" | b"AMT"
        | b"WAT" | b"CAT" | b"EAT" | b"GST" | b"IRST" | b"IRDT" | b"PKT" | b"NPT" | b"ICT" | b"WIB" | b"WITA"
        | b"PHT" | b"MYT" | b"AWST" | b"ACST" | b"ACDT" => Some(false),
        _ => None,
    }
}

/// What else an owner may have called his zone so that it is no device's name: `MSK/MSD`, `PST8PDT`, `Europe/Berlin`, and `UTC+3`, which
/// is east of UTC to some and west to others.
#[cold]
fn is_long_zone(word: &[u8]) -> bool {
    const AREAS: [&[u8]; 9] =
        [b"Africa", b"America", b"Antarctica", b"Asia", b"Atlantic", b"Australia", b"Europe", b"Indian", b"Pacific"];
    let counted = word.strip_prefix(b"UTC").or_else(|| word.strip_prefix(b"GMT"));
    let is_counted =
        counted.is_some_and(|offset| matches!(offset, [b'+' | b'-', b'0'..=b'9']) || parse_offset(offset).is_some());
    let parts = || word.split(|byte| *byte == b'/');
    let is_place = parts().count() > 1 && parts().next().is_some_and(|area| AREAS.contains(&area));
    let are_both = parts().count() == 2 && parts().all(|part| part.len() <= 4 && zone_name(part).is_some());
    is_counted || is_place || are_both || [&b"EST5EDT"[..], b"CST6CDT", b"MST7MDT", b"PST8PDT"].contains(&word)
}

/// A word that is so many minutes east of UTC: `+0100`, `-08:00`, `-8:00`, `+01`.
#[inline]
pub(crate) fn parse_offset(word: &[u8]) -> Option<i16> {
    match word {
        [sign @ (b'+' | b'-'), hour @ b'0'..=b'9', b':', tens, ones] => {
            parse_offset(&[*sign, b'0', *hour, *tens, *ones])
        }
        [b'+' | b'-', _, _] => parse_hours(word).map(|(minutes, _)| minutes),
        [b'+' | b'-', ..] => parse_whole_zone(word),
        _ => None,
    }
}

/// The moment of a stamp that says everything: `2003-03-04T16:05:00Z`.
pub(crate) fn parse_rfc3339(text: &[u8]) -> Option<Nanos> {
    let at: jiff::Timestamp = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some(Nanos(i64::try_from(at.as_nanosecond()).ok()?))
}

/// `16:05:00`, `16:05:00.123456`.
#[inline]
fn parse_time(text: &[u8], at: usize, minute: Minute) -> Option<(Written, usize)> {
    let (hour, of_hour, second) = (two_digits(text, at)?, two_digits(text, at + 3)?, two_digits(text, at + 6)?);
    if text[at + 2] != b':' || text[at + 5] != b':' || second > 60 {
        return None;
    }
    let minute = Minute { hour, minute: of_hour, ..minute };
    let mut written = Written { minute, second, nanos: 0, seconds: Some((at + 6, 0)), resolution: 1_000_000_000 };
    let mut end = at + 8;
    if has_fraction(&text[end..]) {
        end += 1;
        while let Some(digit) = text.get(end).filter(|byte| byte.is_ascii_digit()) {
            // What is finer than a nanosecond is left out.
            written.resolution /= 10;
            written.nanos += u32::from(digit - b'0') * written.resolution;
            end += 1;
        }
        written.resolution = written.resolution.max(1);
        written.seconds = Some((at + 6, end - (at + 9)));
    }
    Some((written, end))
}

/// The second that two digits at `at` say, if any minute has it, and the nanoseconds that `digits` more say behind a sign.
#[inline]
pub(crate) fn parse_seconds(text: &[u8], at: usize, digits: usize) -> Option<(i8, u32)> {
    let second = two_digits(text, at).filter(|second| *second <= 60)?;
    let mut nanos = 0;
    if digits > 0 {
        let mut unit = 1_000_000_000;
        for digit in text.get(at + 3..)?.get(..digits)? {
            unit /= 10;
            nanos += u32::from(digit.checked_sub(b'0').filter(|digit| *digit <= 9)?) * unit;
        }
    }
    Some((second, nanos))
}

/// Whether a part of a second follows. Behind a comma there may be another column, too, with a date or an address.
#[inline]
fn has_fraction(text: &[u8]) -> bool {
    match text {
        [b'.', b'0'..=b'9', ..] => true,
        [b',', b'0'..=b'9', rest @ ..] => {
            let behind = rest.iter().position(|byte| !byte.is_ascii_digit()).map_or(&rest[..0], |end| &rest[end..]);
            !matches!(behind, [b'.', b'0'..=b'9', ..] | [b'-', _, _, b'-', ..])
        }
        _ => false,
    }
}

/// `Z`, `+01:00` or `-0130`: minutes east of UTC, and its length.
pub(crate) fn parse_zone(text: &[u8]) -> Option<(i16, usize)> {
    let sign = match text.first()? {
        b'Z' | b'z' => return Some((0, 1)),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = i16::from(two_digits(text, 1)?);
    let colon = usize::from(text.get(3) == Some(&b':'));
    let minutes = i16::from(two_digits(text, 3 + colon)?);
    Some((sign * (hours * 60 + minutes), 5 + colon))
}

/// `+01` with nothing of a number behind it: minutes east of UTC, and its length.
fn parse_hours(text: &[u8]) -> Option<(i16, usize)> {
    let (hours, rest) = text.split_first_chunk::<3>()?;
    let [sign @ (b'+' | b'-'), tens, ones] = *hours else { return None };
    let ends = !matches!(rest.first(), Some(b'0'..=b'9' | b'-' | b':'));
    parse_zone(&[sign, tens, ones, b'0', b'0']).filter(|_| ends).map(|(minutes, _)| (minutes, 3))
}

/// [`parse_zone`] of what is all of a word.
fn parse_whole_zone(word: &[u8]) -> Option<i16> {
    parse_zone(word).filter(|(_, len)| *len == word.len()).map(|(minutes, _)| minutes)
}

#[inline]
pub(crate) fn parse_month(text: &[u8]) -> Option<i8> {
    let [a, b, c, ..] = *text else { return None };
    Some(match &[a, b, c] {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    })
}

/// How many spaces stand at `at`; `None` for none.
#[inline]
fn spaces(text: &[u8], at: usize) -> Option<usize> {
    let count = text.get(at..)?.iter().take_while(|byte| **byte == b' ').count();
    (count > 0).then_some(count)
}

#[inline]
fn two_digits(text: &[u8], at: usize) -> Option<i8> {
    let [tens, ones] = *text.get(at..at + 2)? else { return None };
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| (tens * 10 + ones) as i8)
}

#[inline]
fn four_digits(text: &[u8], at: usize) -> Option<i16> {
    Some(i16::from(two_digits(text, at)?) * 100 + i16::from(two_digits(text, at + 2)?))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::super::timekeeper::Timekeeper;
    use super::*;
    use crate::{SensorId, YearHint};

    fn moment(text: &str) -> Option<(i64, u32, usize)> {
        let (written, len) = parse_written(text.as_bytes())?;
        let mut keeper = Timekeeper::new(Clock::new(TimeZone::UTC, YearHint::First(2003)));
        Some((keeper.resolve(SensorId(0), &written)?.0, written.resolution, len))
    }

    #[test]
    fn every_form_means_the_same_moment() {
        const AT: i64 = 1_046_793_900_000_000_000;
        for text in [
            "Mar  4 16:05:00 pix",
            "Mar 4 16:05:00 pix",
            "Mar 04 16:05:00 pix",
            "Mar 04 2003 16:05:00: %PIX",
            "Mar  4 2003 16:05:00 pix",
            "2003 Mar 04 16:05:00 UTC pix",
            "2003  Mar  4 16:05:00 pix",
            "2003-03-04T16:05:00Z pix",
            "2003-03-04 16:05:00 pix",
            "2003/03/04 16:05:00 pix",
            "2003-03-04T17:05:00+01:00 pix",
            "2003-03-04T14:35:00-0130 pix",
            "Tue Mar  4 16:05:00 2003 pix",
            "Tue Mar  4 16:05:00 2003: %PIX",
            "Tue Mar  4 16:05:00 2003] DROP",
            "Mar  4 16:05:00 2003 pix",
            "Tue Mar 04 16:05:00 2003",
            "Tue Mar  4 16:05:00 pix",
            "Tue Mar  4 16:05:00 CET 2003 pix",
            "Tue Mar  4 04:05:00 PM UTC 2003 pix",
            "Tue Mar  4 17:05:00 +01 2003 pix",
            "Tue Mar  4 21:35:00 +0530 2003 pix",
            "Tue 2003-03-04 16:05:00 UTC pix",
            "Tue, 04 Mar 2003 16:05:00 pix",
            "04 Mar 2003 16:05:00 pix",
            "4-Mar-2003 16:05:00 pix",
            "04/Mar/2003:16:05:00] pix",
            "2003.03.04 16:05:00 pix",
            "2003:03:04-16:05:00 utm",
            "2003-03-04,16:05:00,2003-03-04,16:05:00,10.1.1.1",
            "2003-03-04,16:05:00,10.1.1.1",
            "2003-03-04T17:05:00+01 pix",
        ] {
            assert_eq!(moment(text).map(|(at, resolution, _)| (at, resolution)), Some((AT, 1_000_000_000)), "{text}");
        }
        assert_eq!(moment("2001 Mar 04 16:05:00").map(|(at, ..)| at), Some(983_721_900_000_000_000));
        assert_eq!(moment("1046793900.123456 pix"), Some((AT + 123_456_000, 1_000, 17)));
        assert_eq!(moment("1046793900.123456789 pix"), Some((AT + 123_456_789, 1, 20)));
        assert_eq!(moment("Tue Mar  4 12:05:00 AM UTC 2010 pix"), Some((1_267_661_100_000_000_000, 1_000_000_000, 31)));
        // What stands there is a name, and no year.
        assert_eq!(moment("Tue Mar  4 16:05:00 2003pix").map(|(_, _, len)| len), Some(19));
        assert_eq!(moment("2003-03-04T16:05:00.123Z"), Some((AT + 123_000_000, 1_000_000, 24)));
        assert_eq!(moment("Mar  4 2003 16:05:00.5: "), Some((AT + 500_000_000, 100_000_000, 22)));
        assert_eq!(moment("Mar  4 16:05:00.1234567899 "), Some((AT + 123_456_789, 1, 26)));
        assert_eq!(moment("Mar 4, 2003 @ 16:05:00.250\""), Some((AT + 250_000_000, 1_000_000, 26)));
    }

    #[test]
    fn what_is_no_stamp_is_refused() {
        for text in [
            "",
            "M",
            "Mar",
            "Mar ",
            "Mar 4",
            "Mar  4 16:05",
            "Mar  4 16:05:0",
            "Mar  4 16:05:61",
            "Max  4 16:05:00",
            "Mar  4 20x3 16:05:00",
            "2003-03-04",
            "2003-03-04T",
            "2003/03/04T16:05:00",
            "192.0.2.1 ",
            "Mar  x 16:05:00",
            "1234 Mar 04 16:05:00",
            "2003 Mar 04 2003 16:05:00",
            "2003 Mar",
            "2003 ",
            "Tus Mar  4 16:05:00 2003",
            "004 Mar 2003 16:05:00",
            "04 Mar 2003:16:05:00",
            "04-Max-2003 16:05:00",
            "04/Mar",
            "Tue",
            "Tue Mar",
            "Tue Mar  4 13:05:00 PM UTC 2003",
            "1046793900.12 ",
            "1046793900.1234567890 ",
            "104679390.1234567 ",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
        assert_eq!(moment("Feb 30 16:05:00"), None);
        assert_eq!(moment("Feb 28 24:05:00"), None);
    }
}
