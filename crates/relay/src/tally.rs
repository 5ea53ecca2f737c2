//! What is counted of a host per day.

use std::collections::{BTreeMap, VecDeque};

use catspaw_records::{Ending, Endpoint, Nanos};
use foldhash::HashMap;
use serde::{Deserialize, Serialize};

use crate::daily::{Daily, Day};
use crate::leg::{Direction, Leg};
use crate::slots::Slots;

/// Retries of one five-tuple within this time are one attempt.
pub const RETRY: i64 = 180 * Nanos::SECOND;
/// Ports whose inbound attempts are counted one by one; a scan of all ports ends here.
const PORTS: usize = 1024;
/// Unanswered attempts that are remembered to know their retries.
const RECENT: usize = 16_384;

/// Counts of one host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Outbound, the whole host's.
    pub outbound: Daily,
    /// Inbound, by port.
    pub inbound: BTreeMap<u16, Daily>,
    /// Inbound attempts at ports beyond the cap.
    pub ports_dropped: u64,
    /// Sizes of SMTP connections that ended by FINs, in eighths of an octave.
    pub smtp_sizes: BTreeMap<u16, u64>,
    /// Outbound SMTP connections that are over: of how many it is known how they ended, and of how many not.
    pub smtp_ends: SmtpEnds,
    /// Outbound attempts by time.
    pub outbound_slots: Slots,
    /// Inbound attempts by time, at ports that have answered one, from then on.
    pub inbound_slots: BTreeMap<u16, Slots>,
    recent: HashMap<(Direction, u16, Endpoint), (Nanos, i32)>,
    recent_order: VecDeque<(Nanos, Direction, u16, Endpoint)>,
}

/// Of how many connections it is known how they ended, and of how many not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmtpEnds {
    /// Known: by FINs, a reset, a timer, or by the packets of their mail.
    pub told: u64,
    /// Unknown.
    pub untold: u64,
}

impl SmtpEnds {
    /// Whether connections are over, and nobody says of any of them how it ended.
    #[must_use]
    pub fn are_untold(&self) -> bool {
        self.untold > 0 && self.told == 0
    }

    /// Both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { told: self.told + other.told, untold: self.untold + other.untold }
    }

    /// Adds an SMTP connection, if it is over and there was one: that nobody answered says nothing of the others.
    pub fn take(&mut self, leg: &Leg) {
        if leg.smtp && leg.end.is_some_and(|end| end.answered && end.ending != Ending::Open) {
            *if leg.is_untold() { &mut self.untold } else { &mut self.told } += 1;
        }
    }
}

impl Tally {
    /// Takes a leg that has ended, or that is still open at the end of the evidence; `day` is that of its opening.
    pub fn take(&mut self, direction: Direction, leg: &Leg, day: i32) {
        let answered = leg.end.is_none_or(|end| end.answered);
        let tuple = (direction, leg.own.port, leg.peer);
        match self.recent.get(&tuple).copied() {
            Some((first, _)) if leg.start.at.since(first) > RETRY => self.count_new(direction, leg, day, answered),
            // A retry of an attempt that is counted already: it counts as answered if one of its tries was.
            Some((_, counted)) => {
                if answered {
                    self.recent.remove(&tuple);
                    self.uncount(direction, leg, counted);
                    self.count(direction, leg, counted, true);
                }
                return;
            }
            None => self.count_new(direction, leg, day, answered),
        }
        if !answered {
            self.remember(tuple, leg.start.at, day);
        }
    }

    fn remember(&mut self, tuple: (Direction, u16, Endpoint), at: Nanos, day: i32) {
        self.recent.insert(tuple, (at, day));
        self.recent_order.push_back((at, tuple.0, tuple.1, tuple.2));
        while let Some(&(old, direction, port, peer)) = self.recent_order.front() {
            if at.since(old) <= 2 * RETRY && self.recent_order.len() <= RECENT {
                break;
            }
            self.recent_order.pop_front();
            if self.recent.get(&(direction, port, peer)).is_some_and(|&(first, _)| first == old) {
                self.recent.remove(&(direction, port, peer));
            }
        }
    }

    fn day(&mut self, direction: Direction, port: u16, day: i32) -> Option<&mut Day> {
        match direction {
            Direction::Outbound => Some(self.outbound.of(day)),
            Direction::Inbound if self.inbound.len() >= PORTS && !self.inbound.contains_key(&port) => {
                self.ports_dropped += 1;
                None
            }
            Direction::Inbound => Some(self.inbound.entry(port).or_default().of(day)),
        }
    }

    /// An attempt that is no retry.
    fn count_new(&mut self, direction: Direction, leg: &Leg, day: i32, answered: bool) {
        self.count(direction, leg, day, answered);
        let port = leg.own.port;
        match direction {
            Direction::Outbound => self.outbound_slots.add(leg.start.at),
            // What scans ask for has no picture.
            Direction::Inbound if !answered && !self.inbound_slots.contains_key(&port) => {}
            Direction::Inbound if !self.inbound.contains_key(&port) => {}
            Direction::Inbound => self.inbound_slots.entry(port).or_default().add(leg.start.at),
        }
    }

    fn count(&mut self, direction: Direction, leg: &Leg, day: i32, answered: bool) {
        let completed = leg.smtp && leg.completed();
        if let Some(counts) = self.day(direction, leg.own.port, day) {
            counts.established += u64::from(answered);
            counts.unanswered += u64::from(!answered);
            if direction == Direction::Outbound && leg.smtp {
                counts.smtp += 1;
                counts.smtp_completed += u64::from(completed);
            }
        }
        if direction == Direction::Outbound {
            self.smtp_ends.take(leg);
        }
        if direction == Direction::Outbound
            && completed
            && let Some(size) = leg.size()
        {
            *self.smtp_sizes.entry(size_class(size.total())).or_default() += 1;
        }
    }

    fn uncount(&mut self, direction: Direction, leg: &Leg, day: i32) {
        let smtp = direction == Direction::Outbound && leg.smtp;
        let counts = match direction {
            Direction::Outbound => self.outbound.get_mut(day),
            Direction::Inbound => self.inbound.get_mut(&leg.own.port).and_then(|days| days.get_mut(day)),
        };
        if let Some(counts) = counts {
            counts.unanswered = counts.unanswered.saturating_sub(1);
            counts.smtp = counts.smtp.saturating_sub(u64::from(smtp));
        }
    }
}

/// The size's class: eighths of an octave.
#[must_use]
pub fn size_class(bytes: i64) -> u16 {
    ((bytes.max(1) as f64).log2() * 8.0) as u16
}

#[cfg(test)]
mod tests {
    use catspaw_records::{RecordId, SensorId, Stamp};

    use super::*;
    use crate::leg::End;

    #[test]
    fn ends_are_told_of_smtp_that_is_over() {
        let end = Endpoint { addr: std::net::Ipv4Addr::new(192, 0, 2, 1).into(), port: 25 };
        let leg = |smtp, ending, answered| Leg {
            id: RecordId::Device(1),
            peer: end,
            own: end,
            start: Stamp { at: Nanos(0), resolution: 1, sensor: SensorId(0) },
            opened: None,
            end: Some(End { at: Nanos(1), known: Nanos(1), order: 1, ending, answered, size: None }),
            smtp,
            mailed: None,
            inward: false,
            places: [None; 2],
        };
        let mut ends = SmtpEnds::default();
        let nothing = [(false, Ending::Fins, true), (true, Ending::Open, true), (true, Ending::NoAnswer, false)];
        for (smtp, ending, answered) in nothing {
            ends.take(&leg(smtp, ending, answered));
        }
        ends.take(&Leg { end: None, ..leg(true, Ending::Fins, true) });
        assert_eq!((ends, ends.are_untold()), (SmtpEnds::default(), false));
        ends.take(&leg(true, Ending::Unknown, true));
        assert_eq!((ends, ends.are_untold()), (SmtpEnds { told: 0, untold: 1 }, true));
        ends.take(&leg(true, Ending::Reset, true));
        assert_eq!((ends, ends.are_untold()), (SmtpEnds { told: 1, untold: 1 }, false));
        ends.take(&Leg { mailed: Some(crate::leg::Mailed::default()), ..leg(true, Ending::Unknown, true) });
        assert_eq!(ends, SmtpEnds { told: 2, untold: 1 });
    }
}
