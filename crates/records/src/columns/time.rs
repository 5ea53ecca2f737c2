//! Times and spans as a log writes them.

use std::fmt;

use crate::fields::value;
use crate::syslog::timekeeper::Timekeeper;
use crate::syslog::written::{Civil, Written, parse_month, parse_zone};
use crate::{Nanos, SensorId};

/// What a number of a time or a span counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds, with a fraction or without.
    Seconds,
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Nanoseconds.
    Nanos,
}

impl Unit {
    /// All of them, with the names that a map gives them.
    pub const ALL: [(Self, &'static str); 4] =
        [(Self::Seconds, "s"), (Self::Millis, "ms"), (Self::Micros, "us"), (Self::Nanos, "ns")];

    pub(super) fn nanos(self) -> i64 {
        match self {
            Self::Seconds => Nanos::SECOND,
            Self::Millis => 1_000_000,
            Self::Micros => 1_000,
            Self::Nanos => 1,
        }
    }

    /// A number of them, with what the last digit counts.
    fn parse(self, text: &[u8]) -> Option<(i64, u32)> {
        let point = text.iter().position(|byte| *byte == b'.').unwrap_or(text.len());
        let whole = i64::try_from(value::number(&text[..point])?).ok()?.checked_mul(self.nanos())?;
        let Some(fraction) = text.get(point + 1..) else { return Some((whole, self.nanos() as u32)) };
        // `12.` is a number that was cut off.
        let first = fraction.first()?;
        if !first.is_ascii_digit() || !fraction.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let (mut nanos, mut digit) = (0, self.nanos());
        for byte in fraction {
            digit /= 10;
            nanos += i64::from(byte - b'0') * digit;
        }
        Some((whole.checked_add(nanos)?, digit.max(1) as u32))
    }

    /// A span of them, or hours, minutes and seconds with colons, with what its last digit counts. `Some(None)` where it is
    /// negative: nobody knows how long it was.
    pub(super) fn parse_span(self, text: &[u8]) -> Option<Option<(i64, u32)>> {
        if let Some(number) = value::number(text) {
            let span = i64::try_from(number).ok()?.checked_mul(self.nanos())?;
            // What is whole seconds in such a unit was counted in seconds.
            let were_seconds = matches!(self, Self::Micros | Self::Nanos) && span % Nanos::SECOND == 0;
            let digit = if were_seconds { Nanos::SECOND as u32 } else { coarse(self.nanos() as u32) };
            return Some(Some((span, digit)));
        }
        if let Some(positive) = text.strip_prefix(b"-") {
            return self.parse_span(positive).filter(Option::is_some).map(|_| None);
        }
        if text.contains(&b':') {
            let mut parts = text.rsplitn(3, |byte| *byte == b':');
            let (last, resolution) = Self::Seconds.parse(parts.next()?)?;
            let mut sum = last;
            for sixty in [60, 3_600] {
                let Some(part) = parts.next() else { break };
                let part = i64::try_from(value::number(part)?).ok()?;
                sum = sum.checked_add(part.checked_mul(sixty * Nanos::SECOND)?)?;
            }
            return Some(Some((sum, coarse(resolution))));
        }
        self.parse(text).map(|(span, resolution)| Some((span, coarse(resolution))))
    }
}

/// Why a time could not be read, where it is not written so.
pub(super) const UNLIKE: &str = "the time is not written as the map says";

/// How a log writes its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Times {
    /// As it turns out: RFC 3339 and what is like it, or seconds and their parts since 1970, told apart by their digits.
    Auto,
    /// A number since 1970.
    Epoch(Unit),
    /// By a pattern of strptime's.
    Pattern(Pattern),
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("\"auto\""),
            Self::Epoch(unit) => {
                let unit = Unit::ALL.iter().find(|(own, _)| own == unit).map_or("", |(_, name)| name);
                if unit == "s" { f.write_str("\"epoch\"") } else { write!(f, "\"epoch-{unit}\"") }
            }
            Self::Pattern(pattern) => write!(f, "{:?}", pattern.text),
        }
    }
}

impl Times {
    /// The moment that a text means, and the width of what it may mean.
    pub(super) fn parse(&self, text: &[u8], times: &mut Timekeeper) -> Result<(Nanos, u32), &'static str> {
        let civil = |written: Option<Written>, times: &mut Timekeeper| {
            let written = written.ok_or(UNLIKE)?;
            if !written.has_year() {
                return Err("the time has no year");
            }
            let at = times.resolve(SensorId(0), &written).ok_or("the time does not exist")?;
            Ok((at, coarse(written.resolution)))
        };
        match self {
            Self::Pattern(pattern) => match pattern.parse(text).ok_or(UNLIKE)? {
                Parsed::Epoch(seconds) => Ok((Nanos::from_secs(seconds), Nanos::SECOND as u32)),
                Parsed::Civil(written) => civil(Some(written), times),
            },
            Self::Epoch(unit) => {
                let (at, resolution) = unit.parse(text).ok_or(UNLIKE)?;
                Ok((Nanos(at), coarse(resolution)))
            }
            // No number has such: it is sooner told than that all are digits.
            Self::Auto if matches!(text.get(4), Some(b'-' | b'/')) => civil(times.parse_civil(text), times),
            Self::Auto if text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.') => {
                Self::Epoch(guess(text)).parse(text, times)
            }
            Self::Auto => civil(times.parse_civil(text), times),
        }
    }
}

/// What a number since 1970 counts: seconds have ten digits from 2001 to 2286.
fn guess(text: &[u8]) -> Unit {
    match text.iter().position(|byte| *byte == b'.').unwrap_or(text.len()) {
        ..=11 => Unit::Seconds,
        12..=14 => Unit::Millis,
        15..=17 => Unit::Micros,
        _ => Unit::Nanos,
    }
}

/// Many writers leave out noughts at the end, so that digits say only what is finer than a second, and how much.
fn coarse(resolution: u32) -> u32 {
    match resolution {
        0..=1 => 1,
        2..=1_000 => 1_000,
        1_001..=999_999_999 => 1_000_000,
        _ => Nanos::SECOND as u32,
    }
}

/// A pattern of strptime's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: Box<str>,
    items: Vec<Item>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Byte(u8),
    Space,
    Year,
    ShortYear,
    Month,
    MonthName,
    Day,
    DayName,
    Hour,
    HalfDay,
    Minute,
    Second,
    Fraction,
    Zone,
    ZoneName,
    Epoch,
}

enum Parsed {
    Epoch(i64),
    Civil(Written),
}

impl Pattern {
    /// A pattern as strptime has it: `%Y %y %m %d %e %b %B %a %A %H %I %p %M %S %f %z %Z %s %T %R %F %D %%`.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn new(text: &str) -> Result<Self, String> {
        let mut items = Vec::new();
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            match byte {
                b'%' => match bytes.next() {
                    Some(letter) => items.extend(of_letter(letter).ok_or_else(|| {
                        format!(
                            "%{} is none of %Y %y %m %d %e %b %B %a %A %H %I %p %M %S %f %z %Z %s %T %R %F %D %%",
                            char::from(letter)
                        )
                    })?),
                    None => return Err("a letter is missing behind the last %".to_owned()),
                },
                b' ' | b'\t' => items.push(Item::Space),
                byte => items.push(Item::Byte(byte)),
            }
        }
        let has = |item: Item| items.contains(&item);
        let is_date = (has(Item::Year) || has(Item::ShortYear))
            && (has(Item::Month) || has(Item::MonthName))
            && has(Item::Day)
            && has(Item::Hour)
            && has(Item::Minute);
        if !is_date && !has(Item::Epoch) {
            return Err("a time has a year, a month, a day, hours and minutes, or is %s".to_owned());
        }
        Ok(Self { text: text.into(), items })
    }

    fn parse(&self, text: &[u8]) -> Option<Parsed> {
        let mut civil = Civil { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0, nanos: 0, zone: None };
        let (mut rest, mut resolution, mut afternoon, mut epoch) = (text, Nanos::SECOND as u32, None, None);
        for item in &self.items {
            match item {
                Item::Byte(byte) => rest = rest.strip_prefix(&[*byte])?,
                Item::Space => rest = rest.trim_ascii_start(),
                Item::Year => civil.year = digits(&mut rest, 4, 4)? as i16,
                Item::ShortYear => {
                    let year = digits(&mut rest, 2, 2)? as i16;
                    civil.year = year + if year < 70 { 2000 } else { 1900 };
                }
                Item::Month => civil.month = digits(&mut rest, 1, 2)? as i8,
                Item::MonthName => {
                    civil.month = parse_month(rest)?;
                    skip_letters(&mut rest);
                }
                Item::Day => {
                    rest = rest.trim_ascii_start();
                    civil.day = digits(&mut rest, 1, 2)? as i8;
                }
                Item::DayName => skip_letters(&mut rest),
                Item::Hour => {
                    rest = rest.trim_ascii_start();
                    civil.hour = digits(&mut rest, 1, 2)? as i8;
                }
                Item::HalfDay => {
                    let (half, behind) = rest.split_first_chunk::<2>()?;
                    afternoon = Some(match half.map(|byte| byte.to_ascii_uppercase()) {
                        [b'A', b'M'] => false,
                        [b'P', b'M'] => true,
                        _ => return None,
                    });
                    rest = behind;
                }
                Item::Minute => civil.minute = digits(&mut rest, 2, 2)? as i8,
                Item::Second => civil.second = digits(&mut rest, 2, 2)? as i8,
                Item::Fraction => {
                    let before = rest.len();
                    let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                    let value = digits(&mut rest, 1, 9)?;
                    let scale = 10u32.pow(9 - (before - rest.len()) as u32);
                    (civil.nanos, resolution) = (value * scale, scale);
                    // What is finer than a nanosecond is left out.
                    rest = rest.get(len.saturating_sub(9)..)?;
                }
                Item::Zone => {
                    let (zone, len) = parse_zone(rest)?;
                    civil.zone = Some(zone);
                    rest = &rest[len..];
                }
                Item::ZoneName => {
                    let len = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
                    if !matches!(&rest[..len], b"UTC" | b"GMT" | b"Z") {
                        return None;
                    }
                    civil.zone = Some(0);
                    rest = &rest[len..];
                }
                Item::Epoch => {
                    let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                    epoch = Some(i64::try_from(value::number(&rest[..len])?).ok()?);
                    rest = &rest[len..];
                }
            }
        }
        if !rest.is_empty() {
            return None;
        }
        if let Some(afternoon) = afternoon {
            if !(1..=12).contains(&civil.hour) {
                return None;
            }
            civil.hour = civil.hour % 12 + if afternoon { 12 } else { 0 };
        }
        Some(match epoch {
            Some(seconds) => Parsed::Epoch(seconds),
            None => Parsed::Civil(Written::new(civil, resolution)?),
        })
    }
}

fn of_letter(letter: u8) -> Option<Vec<Item>> {
    use Item::*;
    let (dash, slash, colon) = (Byte(b'-'), Byte(b'/'), Byte(b':'));
    Some(match letter {
        b'Y' => vec![Year],
        b'y' => vec![ShortYear],
        b'm' => vec![Month],
        b'b' | b'B' | b'h' => vec![MonthName],
        b'd' | b'e' => vec![Day],
        b'a' | b'A' => vec![DayName],
        b'H' | b'k' | b'I' | b'l' => vec![Hour],
        b'p' => vec![HalfDay],
        b'M' => vec![Minute],
        b'S' => vec![Second],
        b'f' => vec![Fraction],
        b'z' => vec![Zone],
        b'Z' => vec![ZoneName],
        b's' => vec![Epoch],
        b'T' => vec![Hour, colon, Minute, colon, Second],
        b'R' => vec![Hour, colon, Minute],
        b'F' => vec![Year, dash, Month, dash, Day],
        b'D' => vec![Month, slash, Day, slash, ShortYear],
        b'n' | b't' => vec![Space],
        b'%' => vec![Byte(b'%')],
        _ => return None,
    })
}

/// A number of so many digits.
fn digits(rest: &mut &[u8], least: usize, most: usize) -> Option<u32> {
    let len = rest.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    if len < least {
        return None;
    }
    let (digits, behind) = rest.split_at(len);
    *rest = behind;
    u32::try_from(value::number(digits)?).ok()
}

fn skip_letters(rest: &mut &[u8]) {
    let len = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    *rest = &rest[len..];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Clock, YearHint};
    use jiff::tz::TimeZone;

    const AT: i64 = 1_046_793_900_000_000_000;

    fn at(times: &Times, text: &str) -> Result<(i64, u32), &'static str> {
        // Ten hours ahead.
        let zone = TimeZone::fixed(jiff::tz::offset(10));
        let mut keeper = Timekeeper::new(Clock::new(zone, YearHint::First(2003)));
        times.parse(text.as_bytes(), &mut keeper).map(|(at, resolution)| (at.0, resolution))
    }

    #[test]
    fn a_time_is_told_by_its_looks() {
        const SECOND: u32 = 1_000_000_000;
        for (text, since, resolution) in [
            ("1046793900", 0, SECOND),
            ("1046793900.5", 500_000_000, 1_000_000),
            ("1046793900.000123", 123_000, 1_000),
            ("1046793900123", 123_000_000, 1_000_000),
            ("1046793900000123", 123_000, 1_000),
            ("1046793900000000123", 123, 1),
            ("2003-03-04T16:05:00Z", 0, SECOND),
            ("2003-03-04T16:05:00.120Z", 120_000_000, 1_000_000),
            ("2003-03-04T16:05:00.123456789Z", 123_456_789, 1),
            ("2003-03-04T17:05:00+01:00", 0, SECOND),
            ("2003-03-04T17:05:00.5+0100", 500_000_000, 1_000_000),
            ("2003-03-04 16:05:00 UTC", 0, SECOND),
            ("2003-03-04 17:05:00 +0100", 0, SECOND),
            ("2003-03-05 02:05:00", 0, SECOND),
            ("2003/03/05 02:05:00,25", 250_000_000, 1_000_000),
            ("2003/03/04 16:05:00 GMT", 0, SECOND),
            ("Mar  4 2003 16:05:00 UTC", 0, SECOND),
        ] {
            assert_eq!(at(&Times::Auto, text), Ok((AT + since, resolution)), "{text}");
        }
        for text in ["", "now", "2003-03-04", "2003-03-04 16:05:00 EDT", "12.", "1.2.3", "2003/03/04", "-5"] {
            assert_eq!(at(&Times::Auto, text), Err("the time is not written as the map says"), "{text}");
        }
        assert_eq!(at(&Times::Auto, "Mar  4 16:05:00"), Err("the time has no year"));
        assert_eq!(at(&Times::Auto, "2003-02-29 16:05:00"), Err("the time does not exist"));
        assert_eq!(at(&Times::Epoch(Unit::Millis), "1046793900000.5"), Ok((AT + 500_000, 1_000_000)));
    }

    #[test]
    fn a_pattern_says_what_stands_where() {
        for (pattern, text) in [
            ("%Y-%m-%dT%H:%M:%S%z", "2003-03-04T16:05:00Z"),
            ("%d/%b/%Y:%H:%M:%S %z", "04/Mar/2003:16:05:00 +0000"),
            ("%a %b %e %H:%M:%S %Y", "Wed Mar  5 02:05:00 2003"),
            ("%A, %d %B %Y %I:%M:%S %p %Z", "Tuesday, 04 March 2003 04:05:00 PM UTC"),
            ("%m/%d/%y %I:%M %p", "3/5/03 2:05 AM"),
            ("%D %T", "03/05/03 02:05:00"),
            ("%F %R", "2003-03-05 02:05"),
            ("[%s]", "[1046793900]"),
            ("%Y%m%d%H%M%S", "20030305020500"),
        ] {
            assert_eq!(at(&Times::Pattern(Pattern::new(pattern).unwrap()), text).map(|at| at.0), Ok(AT), "{pattern}");
        }
        let fraction = Times::Pattern(Pattern::new("%F %T.%f").unwrap());
        assert_eq!(at(&fraction, "2003-03-05 02:05:00.25"), Ok((AT + 250_000_000, 1_000_000)));
        assert_eq!(at(&fraction, "2003-03-05 02:05:00.1234567891"), Ok((AT + 123_456_789, 1)));
        for text in
            ["2003-03-05 02:05:00", "2003-03-05 02:05:00.", "2003-03-05 02:05:00.5 more", "2003-13-05 02:05:61.5"]
        {
            assert!(at(&fraction, text).is_err(), "{text}");
        }
        for (pattern, says) in
            [("%Y-%m-%d", "hours"), ("%Q", "%Q is none of"), ("%H:%M %", "behind the last %"), ("%b %d %T", "year")]
        {
            assert!(Pattern::new(pattern).unwrap_err().contains(says), "{pattern}");
        }
    }

    #[test]
    fn spans_have_units_or_colons() {
        let span = |unit: Unit, text: &str| unit.parse_span(text.as_bytes());
        assert_eq!(span(Unit::Seconds, "1.5"), Some(Some((1_500_000_000, 1_000_000))));
        assert_eq!(span(Unit::Seconds, "12"), Some(Some((12_000_000_000, 1_000_000_000))));
        assert_eq!(span(Unit::Millis, "12"), Some(Some((12_000_000, 1_000_000))));
        assert_eq!(span(Unit::Micros, "12"), Some(Some((12_000, 1_000))));
        assert_eq!(span(Unit::Nanos, "12"), Some(Some((12, 1))));
        assert_eq!(span(Unit::Nanos, "24000000000"), Some(Some((24_000_000_000, 1_000_000_000))));
        assert_eq!(span(Unit::Micros, "0"), Some(Some((0, 1_000_000_000))));
        assert_eq!(span(Unit::Millis, "2000"), Some(Some((2_000_000_000, 1_000_000))));
        assert_eq!(span(Unit::Millis, "1:02:03"), Some(Some((3_723_000_000_000, 1_000_000_000))));
        assert_eq!(span(Unit::Seconds, "02:03.5"), Some(Some((123_500_000_000, 1_000_000))));
        assert_eq!(span(Unit::Seconds, "-1"), Some(None));
        for text in ["", "x", "1:x", "1.", ".5", "--1", "1.5x", "99999999999999999999", "9223372036854775807"] {
            assert_eq!(span(Unit::Seconds, text), None, "{text}");
        }
    }
}
