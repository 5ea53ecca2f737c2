//! A connection as the correlator sees it: from the host's own side.

use catspaw_records::{ByteCount, Bytes, Ending, Endpoint, Nanos, Place, RecordId, Stamp};
use serde::{Deserialize, Serialize};

/// Which way a leg goes, seen from the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Direction {
    /// Somebody connected to the host.
    Inbound,
    /// The host connected to somebody.
    Outbound,
}

/// What a leg carried, in the form in which two legs are compared: payload up (from whoever opened it) and down, or
/// one total in `up` where the witness gives only that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Bytes from the originator, or the total.
    pub up: i64,
    /// Bytes from the responder; 0 where only a total is known.
    pub down: i64,
    /// Whether `up` and `down` are two directions.
    pub directed: bool,
}

impl Size {
    /// Of a count. Counts beyond what any connection carries are clamped, so that differences cannot overflow.
    #[must_use]
    pub fn of(bytes: Bytes) -> Self {
        let clamp = |n: u64| n.min(1 << 48) as i64;
        match bytes.count {
            ByteCount::Directed { orig, resp } => Self { up: clamp(orig), down: clamp(resp), directed: true },
            ByteCount::Total(total) => Self { up: clamp(total), down: 0, directed: false },
        }
    }

    /// Both directions.
    #[must_use]
    pub fn total(self) -> i64 {
        self.up + self.down
    }

    /// What is left of `self` when `other` has been carried on. Compared by direction only where both legs are.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        if self.directed && other.directed {
            Self { up: self.up - other.up, down: self.down - other.down, directed: true }
        } else {
            Self { up: self.total() - other.total(), down: 0, directed: false }
        }
    }

    /// Both legs' worth together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        if self.directed && other.directed {
            Self { up: self.up + other.up, down: self.down + other.down, directed: true }
        } else {
            Self { up: self.total() + other.total(), down: 0, directed: false }
        }
    }
}

impl Size {
    /// An even share of it: what each of `parts` legs would have.
    #[must_use]
    pub fn share(self, parts: usize) -> Self {
        let parts = parts.max(1) as i64;
        Self { up: self.up.div_euclid(parts), down: self.down.div_euclid(parts), ..self }
    }
}

/// How a leg ended, once that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// When, as the witness logged it (a time-out's end is the last packet plus the timer).
    pub at: Nanos,
    /// When it became known, in the order of the fold.
    pub order: u64,
    /// How.
    pub ending: Ending,
    /// Whether the other side answered, as far as the witness knows it.
    pub answered: bool,
    /// What it carried; `None` where the witness does not say.
    pub size: Option<Size>,
}

/// One leg.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leg {
    /// The witness's name of the connection.
    pub id: RecordId,
    /// The other side.
    pub peer: Endpoint,
    /// The host's own end.
    pub own: Endpoint,
    /// When it was opened.
    pub start: Stamp,
    /// Its place in the order of the fold where the opening was a record of its own: within one resolution this,
    /// not the stamp, says what came first.
    pub opened: Option<u64>,
    /// How it ended; `None` while it is open.
    pub end: Option<End>,
    /// Whether the witness's own word for the application is SMTP, or its port is 25.
    pub smtp: bool,
    /// Where the opening stands and where the end.
    pub places: [Option<Place>; 2],
}

impl Leg {
    /// What it carried, where that is known.
    #[must_use]
    pub fn size(&self) -> Option<Size> {
        self.end.and_then(|end| end.size)
    }

    /// Whether it is known to have carried payload.
    #[must_use]
    pub fn has_payload(&self) -> bool {
        self.size().is_some_and(|size| size.total() > 0)
    }

    /// Whether it ended by FINs from both sides: what 2003 counted as completed.
    #[must_use]
    pub fn completed(&self) -> bool {
        self.end.is_some_and(|end| end.ending == Ending::Fins)
    }

    /// The latest moment at which it may have been opened.
    #[must_use]
    pub fn start_latest(&self) -> Nanos {
        self.start.at.plus(i64::from(self.start.resolution) - 1)
    }

    /// Whether this leg may have been opened before `later` was: by the order of the records where both openings are
    /// records, else by the stamps as far as they tell.
    #[must_use]
    pub fn opened_before(&self, later: &Self) -> bool {
        match (self.opened, later.opened) {
            (Some(a), Some(b)) => a < b,
            _ => self.start.at <= later.start_latest(),
        }
    }

    /// Whether this leg may still have been open when `later`, shifted by `shift` nanoseconds, was opened.
    #[must_use]
    pub fn open_at_start_of(&self, later: &Self, shift: i64) -> bool {
        let Some(end) = self.end else { return true };
        match later.opened {
            Some(opened) if shift == 0 && self.opened.is_some() => opened < end.order,
            _ => end.at.plus(i64::from(self.start.resolution)) >= later.start.at.plus(shift),
        }
    }

    /// Nanoseconds from this leg's opening to that of `later`, as the middle of what the stamps allow; at least 0.
    #[must_use]
    pub fn lag_to(&self, later: &Self, shift: i64) -> i64 {
        later.start.at.plus(shift).since(self.start.at).max(0)
    }
}
