//! A connection as the correlator sees it: from the host's own side.

use catspaw_records::{ByteCount, ByteKind, Bytes, Ending, Endpoint, Nanos, Place, RecordId, Stamp, Transaction};
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
/// one total in `up` where the witness gives only that. What was counted goes with it: the difference of unlike counts says
/// nothing of what was carried on, so that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Bytes from the originator, or the total.
    pub up: i64,
    /// Bytes from the responder; 0 where only a total is known.
    pub down: i64,
    /// Whether `up` and `down` are two directions.
    pub directed: bool,
    /// What was counted.
    pub kind: ByteKind,
}

impl Size {
    /// Of a count. Counts beyond what any connection carries are clamped, so that differences cannot overflow.
    #[must_use]
    pub fn of(bytes: Bytes) -> Self {
        let clamp = |n: u64| n.min(1 << 48) as i64;
        let kind = bytes.kind;
        match bytes.count {
            ByteCount::Directed { orig, resp } => Self { up: clamp(orig), down: clamp(resp), directed: true, kind },
            ByteCount::Total(total) => Self { up: clamp(total), down: 0, directed: false, kind },
        }
    }

    /// What the originator sent, where that is known apart: of mail only this is handed on, the answers are not.
    #[must_use]
    pub fn upload(self) -> Self {
        Self { down: 0, directed: false, ..self }
    }

    /// Both directions.
    #[must_use]
    pub fn total(self) -> i64 {
        self.up + self.down
    }

    /// What is left of `self` when `other` has been carried on. Compared by direction only where both legs are; `None`
    /// where other things were counted, which is evidence neither way.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        self.with(other, |a, b| a - b)
    }

    /// Both legs' worth together; `None` where other things were counted.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        self.with(other, i64::saturating_add)
    }

    fn with(self, other: Self, both: impl Fn(i64, i64) -> i64) -> Option<Self> {
        if self.kind != other.kind {
            return None;
        }
        Some(if self.directed && other.directed {
            Self { up: both(self.up, other.up), down: both(self.down, other.down), ..self }
        } else {
            Self { up: both(self.total(), other.total()), down: 0, directed: false, ..self }
        })
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
    /// When it happened, as the witness tells it (a firewall's time-out is the last packet plus the timer).
    pub at: Nanos,
    /// When it became known, in the time of the merge; never before it happened.
    pub known: Nanos,
    /// The same in the order of the fold.
    pub order: u64,
    /// How.
    pub ending: Ending,
    /// Whether the other side answered, as far as the witness knows it.
    pub answered: bool,
    /// What it carried; `None` where the witness does not say.
    pub size: Option<Size>,
}

/// What the mail transactions of a leg add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailed {
    /// Messages that the far side took.
    pub messages: u32,
    /// Recipients that it took for them.
    pub recipients: u32,
    /// Whether a transaction was begun, be it in vain.
    pub tried: bool,
    /// Whether it went on where nothing can be seen (STARTTLS).
    pub hidden: bool,
}

impl Mailed {
    /// Adds a transaction.
    pub(crate) fn take(&mut self, mail: &Transaction) {
        self.tried = true;
        if mail.delivered {
            self.messages = self.messages.saturating_add(1);
            self.recipients = self.recipients.saturating_add(mail.accepted);
        }
    }
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
    /// Its place in the order of the fold where the opening was a record of its own: this says what came first where the
    /// stamps leave it open.
    pub opened: Option<u64>,
    /// How it ended; `None` while it is open.
    pub end: Option<End>,
    /// Whether the witness's own word for the application is SMTP, or its port is 25.
    pub smtp: bool,
    /// What mail it delivered, where its packets were read.
    pub mailed: Option<Mailed>,
    /// Whether it goes to a host of ours.
    pub inward: bool,
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

    /// Whether the witness says that it is over and not how, and no packets of its mail were read either.
    #[must_use]
    pub fn is_untold(&self) -> bool {
        self.mailed.is_none() && self.end.is_some_and(|end| end.ending == Ending::Unknown)
    }

    /// The latest moment at which it may have been opened.
    #[must_use]
    pub fn start_latest(&self) -> Nanos {
        self.start.at.plus(i64::from(self.start.resolution) - 1)
    }

    /// Whether this leg may have been opened before `later` was: by the stamps as far as they tell, and where they do
    /// not by the order of the records, if both openings are records.
    #[must_use]
    pub fn opened_before(&self, later: &Self) -> bool {
        match (self.opened, later.opened) {
            (Some(a), Some(b)) if later.may_start_in(self.start.at, self.start.resolution) => {
                a < b || self.is_numbered_before(later)
            }
            _ => self.start.at <= later.start_latest(),
        }
    }

    /// Whether this leg may still have been open when `later`, shifted by `shift` nanoseconds, was opened.
    #[must_use]
    pub fn open_at_start_of(&self, later: &Self, shift: i64) -> bool {
        let Some(end) = self.end else { return true };
        let resolution = self.start.resolution;
        match later.opened {
            Some(opened) if shift == 0 && self.opened.is_some() => {
                if later.may_start_in(end.at, resolution) {
                    opened < end.order
                } else {
                    later.start.at < end.at
                }
            }
            _ => end.at.plus(i64::from(resolution)) >= later.start.at.plus(shift),
        }
    }

    /// Whether the device counted this connection not long before `later`: lines may have been put out of order on their way.
    fn is_numbered_before(&self, later: &Self) -> bool {
        /// Connections of a second or so. Numbers that are places in a table, which are used again, lie farther apart mostly.
        const NEAR: u64 = 1 << 10;
        matches!((self.id, later.id), (RecordId::Device(a), RecordId::Device(b)) if a < b && b - a < NEAR)
    }

    /// Whether the stamps leave open that this leg started in the same moment as what is stamped `at`.
    fn may_start_in(&self, at: Nanos, resolution: u32) -> bool {
        at <= self.start_latest() && self.start.at < at.plus(i64::from(resolution))
    }

    /// Nanoseconds from this leg's opening to that of `later`, as the middle of what the stamps allow; at least 0.
    #[must_use]
    pub fn lag_to(&self, later: &Self, shift: i64) -> i64 {
        later.start.at.plus(shift).since(self.start.at).max(0)
    }
}

#[cfg(test)]
mod tests {
    use catspaw_records::SensorId;

    use super::*;

    const MICRO: u32 = 1000;

    /// A leg of a packet engine, opened at `start`, known as number `opened`, ended at `end`, known as number `order`.
    fn leg(start: i64, opened: u64, end: i64, order: u64) -> Leg {
        let point = Endpoint { addr: std::net::IpAddr::from([192, 0, 2, 1]), port: 1 };
        let (at, known) = (Nanos(end), Nanos(end));
        Leg {
            id: RecordId::Device(opened),
            peer: point,
            own: point,
            start: Stamp { at: Nanos(start), resolution: MICRO, sensor: SensorId(0) },
            opened: Some(opened),
            end: Some(End { at, known, order, ending: Ending::Fins, answered: true, size: None }),
            smtp: false,
            mailed: None,
            inward: false,
            places: [None, None],
        }
    }

    #[test]
    fn the_order_of_the_records_counts_only_where_the_stamps_leave_it_open() {
        // The second was opened later, but its SYN ACK came first.
        let (first, second) = (leg(0, 9, 90_000, 20), leg(10_000, 5, 80_000, 19));
        assert!(first.opened_before(&second) && !second.opened_before(&first));
        // In the same microsecond their order is all there is.
        let (first, second) = (leg(0, 9, 90_000, 20), leg(0, 5, 80_000, 19));
        assert!(second.opened_before(&first) && !first.opened_before(&second));
    }

    #[test]
    fn an_end_counts_when_it_happened_not_when_it_was_known() {
        let ended = leg(0, 1, 50_000, 9);
        assert!(!ended.open_at_start_of(&leg(60_000, 5, 90_000, 10), 0), "known as open, but over");
        assert!(ended.open_at_start_of(&leg(40_000, 11, 90_000, 12), 0), "open, though its end was known first");
        assert!(ended.open_at_start_of(&leg(50_000, 8, 90_000, 10), 0));
        assert!(!ended.open_at_start_of(&leg(50_000, 10, 90_000, 11), 0));
    }

    #[test]
    fn unlike_counts_have_no_difference() {
        let size = |kind, count| Size::of(Bytes { kind, count });
        let payload = size(ByteKind::Payload, ByteCount::Directed { orig: 30, resp: 50 });
        let less = size(ByteKind::Payload, ByteCount::Total(70));
        let frames = size(ByteKind::Frame, ByteCount::Total(70));
        assert_eq!((payload.minus(frames), payload.plus(frames)), (None, None));
        assert_eq!(payload.minus(less).map(Size::total), Some(10));
        assert_eq!(payload.plus(payload).map(|both| (both.up, both.down)), Some((60, 100)));
    }
}
