//! The header of the line before, for the next line has nearly always the same, but for the seconds and parts of them.

use wide::u8x16;

use crate::syslog::header::{Header, mask_seconds};
use crate::syslog::written::parse_seconds;
use crate::{Nanos, SensorId, Stamp};

/// The sensor of a message that names none.
pub(super) const UNNAMED: &[u8] = b"cisco";

/// How long a header may be with the `%` behind it and still be kept.
const LONGEST: usize = 64;

/// A header that was read and resolved.
#[derive(Clone, Debug)]
pub(super) struct Memo {
    /// Its text and the tag's `%`, and ones where the text of another line must be the same: everywhere but in the
    /// seconds and their parts. Sixteen bytes at a time, for that is less work than to compare what is before and behind the seconds.
    text: [(u8x16, u8x16); LONGEST / 16],
    /// How long the header is; none where nothing is kept.
    len: usize,
    /// Where the two digits of the seconds stand.
    second_at: usize,
    /// How many digits of a part of a second follow a sign behind them.
    digits: usize,
    /// Where the record's own text begins.
    own: usize,
    /// Where the sensor's name stands; `None` for a sensor that is not named.
    name: Option<(usize, usize)>,
    /// The beginning of the minute.
    minute: Nanos,
    /// The width of what a stamp may mean, in nanoseconds.
    resolution: u32,
    sensor: SensorId,
}

/// What a header means.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) stamp: Stamp,
    pub(super) name: &'a [u8],
    pub(super) own: usize,
}

impl Memo {
    pub(super) fn new() -> Self {
        Self {
            text: [(u8x16::ZERO, u8x16::ZERO); LONGEST / 16],
            len: 0,
            second_at: 0,
            digits: 0,
            own: 0,
            name: None,
            minute: Nanos(0),
            resolution: 0,
            sensor: SensorId(0),
        }
    }

    pub(super) fn forget(&mut self) {
        self.len = 0;
    }

    /// Keeps a header whose stamp means `stamp`, if it is short, as nearly all are.
    pub(super) fn keep(&mut self, head: &[u8], header: &Header<'_>, stamp: Stamp) {
        self.forget();
        let Some((second_at, digits)) = header.seconds().filter(|_| head.len() < LONGEST) else { return };
        let Some(within) = within_minute(head, second_at, digits) else { return };
        let (mut text, mut mask) = ([0; LONGEST], [0; LONGEST]);
        text[..head.len()].copy_from_slice(head);
        text[head.len()] = b'%';
        mask[..=head.len()].fill(0xff);
        mask_seconds(&mut mask, (second_at, digits));
        for (kept, (text, mask)) in self.text.iter_mut().zip(sixteens(&text).zip(sixteens(&mask))) {
            *kept = (text & mask, mask);
        }
        self.len = head.len();
        self.second_at = second_at;
        self.digits = digits;
        self.own = header.own;
        self.name = header.name;
        self.minute = stamp.at.plus(-within);
        self.resolution = stamp.resolution;
        self.sensor = stamp.sensor;
    }

    /// How far into its minute the header of `line` is, in nanoseconds, if it is the kept one but for that, and what stands behind its `%`.
    #[inline(always)]
    pub(super) fn fits<'a>(&self, line: &'a [u8]) -> Option<(i64, &'a [u8])> {
        // Few lines are shorter than the longest header.
        let text: &[u8; LONGEST] = line.first_chunk().filter(|_| self.len > 0)?;
        let kept = self.text.iter().zip(sixteens(text));
        if kept.fold(u8x16::ZERO, |other, ((kept, mask), text)| other | (*kept ^ (text & *mask))) != u8x16::ZERO {
            return None;
        }
        Some((within_minute(line, self.second_at, self.digits)?, line.get(self.len + 1..)?))
    }

    /// What the header of `line` means, if it is the kept one at another moment of its minute, and what stands behind its `%`.
    #[inline(always)]
    pub(super) fn recall<'a>(&self, line: &'a [u8]) -> Option<(Known<'a>, &'a [u8])> {
        let (within, rest) = self.fits(line)?;
        let stamp = Stamp { at: self.minute.plus(within), resolution: self.resolution, sensor: self.sensor };
        let name = self.name.map_or(UNNAMED, |(from, to)| &line[from..to]);
        Some((Known { stamp, name, own: self.own }, rest))
    }
}

#[inline(always)]
fn sixteens(text: &[u8; LONGEST]) -> impl Iterator<Item = u8x16> {
    text.as_chunks::<16>().0.iter().map(|bytes| u8x16::new(*bytes))
}

/// How far into a minute the stamp is whose seconds stand at `second_at` with so many digits of a part of one, in nanoseconds.
#[inline(always)]
fn within_minute(text: &[u8], second_at: usize, digits: usize) -> Option<i64> {
    let (second, nanos) = parse_seconds(text, second_at, digits)?;
    Some(i64::from(second) * Nanos::SECOND + i64::from(nanos))
}
