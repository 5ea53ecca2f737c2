//! The header of the line before, for the next line has nearly always the same, but for the seconds.

use super::header::Header;
use crate::{Nanos, SensorId, Stamp};

/// How long a header may be and still be kept.
const LONGEST: usize = 96;

/// A header that was read and resolved.
#[derive(Clone, Debug)]
pub(super) struct Memo {
    head: [u8; LONGEST],
    len: usize,
    /// Where the two digits of the seconds stand.
    second_at: usize,
    /// Where the record's own text begins.
    own: usize,
    /// Where the sensor's name stands; `None` for a sensor that is not named.
    name: Option<(usize, usize)>,
    /// The beginning of the minute.
    minute: Nanos,
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
    /// Keeps a header whose stamp means `stamp`, if it is of the usual kind: short, and to the second.
    pub(super) fn of(head: &[u8], header: &Header<'_>, stamp: Stamp) -> Option<Self> {
        let second_at = header.second_at?;
        let second = two_digits(head, second_at)?;
        let mut kept = [0; LONGEST];
        kept.get_mut(..head.len())?.copy_from_slice(head);
        let name = header.name.map(|(from, to)| (from, to));
        let minute = stamp.at.plus(-second * Nanos::SECOND);
        Some(Self { head: kept, len: head.len(), second_at, own: header.own, name, minute, sensor: stamp.sensor })
    }

    /// What the header of `line` means, if it is the kept one with other seconds, and how long it is.
    #[inline]
    pub(super) fn recall<'a>(&self, line: &'a [u8]) -> Option<(Known<'a>, usize)> {
        let head = line.get(..self.len)?;
        let kept = &self.head[..self.len];
        let after = self.second_at + 2;
        if line.get(self.len) != Some(&b'%')
            || head[..self.second_at] != kept[..self.second_at]
            || head[after..] != kept[after..]
        {
            return None;
        }
        let second = two_digits(head, self.second_at).filter(|second| *second <= 60)?;
        let at = self.minute.plus(second * Nanos::SECOND);
        let stamp = Stamp { at, resolution: 1_000_000_000, sensor: self.sensor };
        let name = self.name.map_or(super::header::UNNAMED, |(from, to)| &head[from..to]);
        Some((Known { stamp, name, own: self.own }, self.len))
    }
}

#[inline]
fn two_digits(text: &[u8], at: usize) -> Option<i64> {
    let [tens, ones] = *text.get(at..at + 2)? else { return None };
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens * 10 + ones))
}
