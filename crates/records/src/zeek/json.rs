//! One line of `conn.log` as JSON: Zeek's own, Corelight's, and those of shippers that put the ends into an object.

use super::header::Slot;
use super::line::{Columns, Fields};
use crate::fields::json::{Broken, Shape, object};
use crate::fields::{Bad, value};
use crate::syslog::timekeeper::Timekeeper;
use crate::syslog::written::parse_written;
use crate::{HashSeed, Nanos, Record, SensorId};

/// Zeek's log that is read; Corelight's `conn_long` tells of the same connections while they last.
const CONN: &[u8] = b"conn";

/// Zeek counts time in doubles and writes as many digits as they have; TSV has microseconds.
const MICROSECOND: i64 = 1_000;

/// A line's values by what they are, and which log it is of.
struct Line<'a> {
    fields: Fields<'a>,
    path: Option<&'a [u8]>,
}

/// The number of `_path`, behind those of the slots.
const PATH: u8 = Slot::COUNT as u8;

impl<'a> Line<'a> {
    fn of(line: &'a [u8], shape: &mut Shape) -> Result<Self, Broken> {
        let mut said = Self { fields: [&[]; Slot::COUNT], path: None };
        let start = object(line);
        let number = |path: &[u8]| match path {
            b"_path" => PATH,
            // As the writer of Zeek's plugin for Kafka tags it: `{"conn": {"ts": ...}}`.
            _ => Slot::of(path.strip_prefix(b"conn.").unwrap_or(path)) as u8,
        };
        let told = shape.each(&line[start..], number, |number, value| {
            let Some(text) = value.single() else { return };
            match said.fields.get_mut(usize::from(number)) {
                Some(field) => *field = text,
                None => said.path = Some(text),
            }
        });
        for slot in [Slot::LocalOrig, Slot::LocalResp] {
            said.fields[slot as usize] = bool(said.fields[slot as usize]);
        }
        told.map(|_| said).map_err(|broken| Broken { at: start + broken.at, ..broken })
    }

    /// Whether it tells of a connection; where `_path` does not say, by what no other log has together.
    fn is_conn(&self) -> bool {
        const TELLING: [Slot; 4] = [Slot::OrigH, Slot::RespH, Slot::Proto, Slot::ConnState];
        let has = |slot: &Slot| !self.fields[*slot as usize].is_empty();
        self.path.map_or_else(|| TELLING.iter().all(has), |path| path == CONN)
    }
}

/// As TSV writes it.
fn bool(text: &[u8]) -> &[u8] {
    match text {
        b"true" => b"T",
        b"false" => b"F",
        other => other,
    }
}

/// Whether a line is one of this log.
pub(super) fn is_conn(line: &[u8]) -> bool {
    Line::of(line, &mut Shape::unlearned()).is_ok_and(|said| said.is_conn())
}

/// Whether it says itself which other log it is of.
pub(super) fn is_other(line: &[u8]) -> bool {
    Line::of(line, &mut Shape::unlearned()).is_ok_and(|said| said.path.is_some_and(|path| path != CONN))
}

/// Puts into `record` what a line says; `false` where it is of another log.
pub(super) fn parse(
    line: &[u8],
    seed: HashSeed,
    (times, shape): (&mut Timekeeper, &mut Shape),
    record: &mut Record,
) -> Result<bool, Bad> {
    let said = Line::of(line, shape).map_err(|Broken { at, why }| Bad { at: Some(at), len: 0, why })?;
    if !said.is_conn() {
        return Ok(false);
    }
    let columns = Columns { header: None, fields: &said.fields };
    let start = moment(columns.text(Slot::Ts), times).ok_or("ts is neither a number of seconds nor a time")?;
    let duration = columns.optional(Slot::Duration, duration, "duration is not seconds")?.flatten();
    columns.record((start, duration), line, seed, record)?;
    Ok(true)
}

/// `json_timestamps`: seconds, whole milliseconds, or a civil time in UTC.
fn moment(text: &[u8], times: &mut Timekeeper) -> Option<i64> {
    /// As many digits as seconds have in the year 5138.
    const MILLISECONDS: usize = 12;
    if text.get(4) == Some(&b'-') {
        let (written, len) = parse_written(text)?;
        return times.resolve(SensorId(0), &written).filter(|_| len == text.len()).map(|at| at.0);
    }
    let whole = text.iter().position(|byte| *byte == b'.').unwrap_or(text.len());
    if whole >= MILLISECONDS {
        let millis = i64::try_from(value::number(&text[..whole])?).ok()?;
        return millis.checked_mul(Nanos::SECOND / 1_000);
    }
    seconds(text)
}

/// Seconds, to the microsecond.
fn seconds(text: &[u8]) -> Option<i64> {
    let exact = if text.iter().any(|byte| matches!(byte, b'e' | b'E')) {
        let seconds: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
        let nanos = seconds * Nanos::SECOND as f64;
        (0.0..i64::MAX as f64).contains(&nanos).then_some(nanos as i64)?
    } else {
        value::seconds(text)?
    };
    Some(exact.checked_add(MICROSECOND / 2)? / MICROSECOND * MICROSECOND)
}

/// A span of seconds; unknown where it is negative, as in TSV.
fn duration(text: &[u8]) -> Option<Option<i64>> {
    match text.strip_prefix(b"-") {
        Some(positive) => seconds(positive).map(|_| None),
        None => seconds(text).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Clock, YearHint};

    #[test]
    fn every_form_of_a_stamp_is_the_same_moment() {
        let mut times = Timekeeper::new(Clock::new(jiff::tz::TimeZone::UTC, YearHint::First(1970)));
        let mut at = |text: &str| moment(text.as_bytes(), &mut times);
        const AT: i64 = 1_672_843_056_913_000_000;
        for text in [
            "1672843056.913",
            "1672843056.9130001",
            "1672843056.9129999",
            "1672843056913",
            "1672843056913.0",
            "1.672843056913e9",
            "2023-01-04T14:37:36.913Z",
            "2023-01-04T14:37:36.913000Z",
            "2023-01-04T14:37:36.913",
        ] {
            assert_eq!(at(text), Some(AT), "{text}");
        }
        for text in ["", "today", "-1.0", "2023-01-04", "2023-01-04T14:37:36Zulu", "1e400", "NaN"] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_to_the_microsecond() {
        assert_eq!(duration(b"0.0012309551239013672"), Some(Some(1_231_000)));
        assert_eq!(duration(b"1.9073486328125e-6"), Some(Some(2_000)));
        assert_eq!(duration(b"3"), Some(Some(3_000_000_000)));
        assert_eq!((duration(b"-0.5"), duration(b"-5e-7"), duration(b"x")), (Some(None), Some(None), None));
    }
}
