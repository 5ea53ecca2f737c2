//! Times to the second or finer that have a date before them, in the forms of RFC 3339 and what is like it.

use super::written::{Minute, Written, parse_written, parse_zone};
use crate::digits::{eight_of, others_of_eight, parse_decimal};

/// RFC 3339, and the same with a space for its `T`, with slashes, with `UTC` behind it, or without a zone.
pub(super) fn parse_civil(text: &[u8]) -> Option<Written> {
    let mut dashed = [0; 64];
    let text = match text {
        [_, _, _, _, b'/', _, _, b'/', ..] => {
            let dashed = dashed.get_mut(..text.len())?;
            dashed.copy_from_slice(text);
            (dashed[4], dashed[7]) = (b'-', b'-');
            dashed
        }
        _ => text,
    };
    let (written, len) = parse_written(text)?;
    let rest = &text[len..];
    match rest.trim_ascii() {
        b"" => Some(written),
        b"UTC" | b"GMT" | b"Z" => Some(written.east(0)),
        zone => {
            let (minutes, len) = parse_zone(zone)?;
            (len == zone.len()).then(|| written.east(minutes))
        }
    }
}

/// The day of the stamp before, for the next one has nearly always the same, and the same zone behind its time of day.
#[derive(Clone, Debug, Default)]
pub(super) struct Day(Option<Box<Kept>>);

#[derive(Clone, Debug)]
struct Kept {
    /// All that stands before the time of day.
    date: [u8; 11],
    /// All that stands behind it, and how long that is.
    zone: (u64, usize),
    /// What both mean.
    minute: Minute,
}

/// A text in its parts.
struct Parts {
    date: [u8; 11],
    zone: (u64, usize),
    time: [i8; 3],
    nanos: u32,
    resolution: u32,
}

impl Day {
    /// What [`parse_civil`] says of a text.
    #[inline]
    pub(super) fn parse(&mut self, text: &[u8]) -> Option<Written> {
        let parts = Parts::of(text);
        if let (Some(parts), Some(kept)) = (&parts, &self.0)
            && parts.date == kept.date
            && parts.zone == kept.zone
        {
            let [hour, minute, second] = parts.time;
            return Some(Written {
                minute: Minute { hour, minute, ..kept.minute },
                second,
                nanos: parts.nanos,
                seconds: None,
                resolution: parts.resolution,
            });
        }
        let written = parse_civil(text)?;
        // Of what begins with a weekday the hour may depend on what stands behind it.
        let parts = parts.filter(|parts| parts.date[0].is_ascii_digit());
        self.0 = parts.map(|Parts { date, zone, .. }| Box::new(Kept { date, zone, minute: written.minute }));
        Some(Written { seconds: None, ..written })
    }
}

impl Parts {
    #[inline]
    fn of(text: &[u8]) -> Option<Self> {
        let (date, rest) = text.split_first_chunk()?;
        let (time, rest) = rest.split_first_chunk()?;
        let (nanos, resolution, len) = fraction(rest)?;
        let zone = &rest[len..];
        (zone.len() <= 8).then_some(Self {
            date: *date,
            zone: (eight_of(zone), zone.len()),
            time: parse_clock(*time)?,
            nanos,
            resolution,
        })
    }
}

/// `16:05:00`.
#[inline]
fn parse_clock(text: [u8; 8]) -> Option<[i8; 3]> {
    const COLONS: u64 = 0x0000_8000_0080_0000;
    let [h, hour, first, m, minute, second_colon, s, second] = text;
    if others_of_eight(u64::from_le_bytes(text)) != COLONS || first != b':' || second_colon != b':' {
        return None;
    }
    let two = |tens: u8, ones: u8| ((tens & 15) * 10 + (ones & 15)) as i8;
    let time = [two(h, hour), two(m, minute), two(s, second)];
    (time[2] <= 60).then_some(time)
}

/// Nanoseconds, the width of the last digit, and the length of a fraction with its point, if there is one.
#[inline]
fn fraction(text: &[u8]) -> Option<(u32, u32, usize)> {
    const SECOND: u32 = 1_000_000_000;
    if let [b'.' | b',', b'0'..=b'9', ..] = text {
        let (number, len) = parse_decimal(&text[1..])?;
        // Of more digits than nanoseconds have, the last ones are left out by whoever reads one by one.
        let width = SECOND / 10_u32.pow(u32::try_from(len).ok().filter(|len| *len <= 9)?);
        return Some((u32::try_from(number).ok()? * width, width, len + 1));
    }
    Some((0, SECOND, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_changes_no_time() {
        let texts = [
            "2003-03-04T16:05:00Z",
            "2003-03-04T16:05:01Z",
            "2003-03-04T16:06:01.5Z",
            "2003-03-04T16:06:01.123456789Z",
            "2003-03-04T16:06:01.1234567891Z",
            "2003-03-04T16:06:01,25Z",
            "2003-03-04T16:06:01.Z",
            "2003-03-04T16:06:61Z",
            "2003-03-04T1x:06:01Z",
            "2003-03-04T16.06:01Z",
            "2003-03-04T99:99:60Z",
            "2003-03-04T16:06:01",
            "2003-03-04T16:06:01+0000",
            "2003-03-04T16:06:01.509+0000",
            "2003-03-04T16:06:01+01:00",
            "2003-03-04T16:06:01-01:00",
            "2003-03-04 16:06:01 UTC",
            "2003-03-04 16:06:02  UTC ",
            "2003-03-04 16:06:02 +01:00 x",
            "2003-03-05T00:00:00Z",
            "2003/03/05 00:00:00",
            "2003/03/05 00:00:01",
            "2003-03-05 00:00:01",
            "2004-03-05 00:00:01",
            "Tue Mar  4 04:05:00 AM 2003",
            "Tue Mar  4 12:05:00 AM 2003",
            "Tue Mar  4 12:05:00 2003",
            "Tue Mar  4 12:05:01 2004",
            "Mar  4 2003 16:05:00",
            "1046793900.123456",
            "2003-03-04",
            "",
        ];
        let mut day = Day::default();
        for before in texts {
            for text in texts {
                day.parse(before.as_bytes());
                let expected = parse_civil(text.as_bytes()).map(|written| Written { seconds: None, ..written });
                assert_eq!(day.parse(text.as_bytes()), expected, "{text} behind {before}");
            }
        }
    }
}
