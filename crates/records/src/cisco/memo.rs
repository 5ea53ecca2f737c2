//! The header of the line before, for the next line has nearly always the same, but for the seconds.

use super::header::{Header, UNNAMED};
use crate::{Nanos, SensorId, Stamp};

/// A header that was read and resolved.
#[derive(Clone, Debug)]
pub(super) struct Memo {
    /// Its text; empty where nothing is kept.
    head: Vec<u8>,
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
    pub(super) fn new() -> Self {
        Self { head: Vec::new(), second_at: 0, own: 0, name: None, minute: Nanos(0), sensor: SensorId(0) }
    }

    pub(super) fn forget(&mut self) {
        self.head.clear();
    }

    /// Keeps a header whose stamp means `stamp`, if it is of the usual kind: short, and to the second.
    pub(super) fn keep(&mut self, head: &[u8], header: &Header<'_>, stamp: Stamp) {
        const LONGEST: usize = 256;
        self.head.clear();
        let second = header.second_at.and_then(|at| Some((at, two_digits(head, at)?)));
        let Some((second_at, second)) = second.filter(|_| head.len() <= LONGEST) else { return };
        self.head.extend_from_slice(head);
        self.second_at = second_at;
        self.own = header.own;
        self.name = header.name;
        self.minute = stamp.at.plus(-second * Nanos::SECOND);
        self.sensor = stamp.sensor;
    }

    /// What the header of `line` means, if it is the kept one with other seconds, and how long it is.
    #[inline]
    pub(super) fn recall<'a>(&self, line: &'a [u8]) -> Option<(Known<'a>, usize)> {
        let len = self.head.len();
        let (head, rest) = line.split_at_checked(len)?;
        let after = self.second_at + 2;
        if len == 0
            || rest.first() != Some(&b'%')
            || head.get(..self.second_at) != self.head.get(..self.second_at)
            || head.get(after..) != self.head.get(after..)
        {
            return None;
        }
        let second = two_digits(head, self.second_at).filter(|second| *second <= 60)?;
        let at = self.minute.plus(second * Nanos::SECOND);
        let stamp = Stamp { at, resolution: 1_000_000_000, sensor: self.sensor };
        let name = self.name.map_or(UNNAMED, |(from, to)| &head[from..to]);
        Some((Known { stamp, name, own: self.own }, len))
    }
}

#[inline]
fn two_digits(text: &[u8], at: usize) -> Option<i64> {
    let [tens, ones] = *text.get(at..at + 2)? else { return None };
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens * 10 + ones))
}
