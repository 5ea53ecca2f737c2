//! What is counted of a host per day.

use std::collections::{BTreeMap, VecDeque};

use catspaw_records::{Endpoint, Nanos};
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
    /// Outbound attempts by time.
    pub outbound_slots: Slots,
    /// Inbound attempts by time, at ports that have answered one, from then on.
    pub inbound_slots: BTreeMap<u16, Slots>,
    recent: HashMap<(Direction, u16, Endpoint), (Nanos, i32)>,
    recent_order: VecDeque<(Nanos, Direction, u16, Endpoint)>,
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
