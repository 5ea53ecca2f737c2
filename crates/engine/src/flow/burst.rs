//! Runs of payload one way.

use catspaw_records::{Nanos, Side};

/// A pause of so many nanoseconds ends a run.
const PAUSE: i64 = 1_000_000;
/// So many bytes end it, too.
const LARGEST: u32 = 16 << 10;
/// Runs that are told of every connection.
const FIRST: u32 = 32;
/// A connection that has lived so long, in nanoseconds, is told to its end.
const LONG_LIVED: i64 = 3 * Nanos::SECOND;

/// A run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) from: Side,
    pub(super) bytes: u32,
    pub(super) first: Nanos,
    pub(super) last: Nanos,
}

/// The runs of one connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bursts {
    open: Option<Run>,
    told: u32,
}

impl Bursts {
    /// Payload came. Gives the run that it ended, if that is to be told.
    #[inline]
    pub(super) fn take(&mut self, from: Side, bytes: u32, at: Nanos, age: i64) -> Option<Run> {
        if let Some(run) = &mut self.open
            && run.from == from
            && at.since(run.last) < PAUSE
            && run.bytes.saturating_add(bytes) <= LARGEST
        {
            run.bytes += bytes;
            run.last = at;
            return None;
        }
        let ended = self.finish(age);
        self.open = Some(Run { from, bytes, first: at, last: at });
        ended
    }

    /// No more will come.
    pub(super) fn finish(&mut self, age: i64) -> Option<Run> {
        let run = self.open.take().filter(|_| self.told < FIRST || age >= LONG_LIVED)?;
        self.told = self.told.saturating_add(1);
        Some(run)
    }
}
