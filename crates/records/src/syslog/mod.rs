//! What stands before a message in syslog, whoever wrote it: priorities, stamps, names.

mod day;
pub(crate) mod header;
pub(crate) mod other;
pub(crate) mod timekeeper;
pub(crate) mod written;

use jiff::civil::Date;
use memchr::memrchr;

use crate::Clock;
use written::Written;

/// What a block's last stamp tells of its date.
pub(crate) enum LastStamp {
    /// There is no stamp.
    None,
    /// It has a year.
    Dated(Date),
    /// Its year is that of the stamps before it.
    WithoutYear,
}

/// Looks for the last stamp in `lines`; `written_of` tells a line's.
pub(crate) fn last_stamp(mut lines: &[u8], clock: &Clock, written_of: impl Fn(&[u8]) -> Option<Written>) -> LastStamp {
    while !lines.is_empty() {
        let body = lines.strip_suffix(b"\n").unwrap_or(lines);
        let start = memrchr(b'\n', body).map_or(0, |newline| newline + 1);
        let line = &body[start..];
        match written_of(line.strip_suffix(b"\r").unwrap_or(line))
            .map(|written| (written.has_year(), written.date(clock)))
        {
            Some((false, _)) => return LastStamp::WithoutYear,
            Some((true, Some(date))) => return LastStamp::Dated(date),
            // A date that does not exist moves no clock.
            Some((true, None)) | None => lines = &lines[..start],
        }
    }
    LastStamp::None
}
