//! The table of flows and its timers, both bounded.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use catspaw_records::Nanos;
use foldhash::HashMap;

use super::conn::Flow;
use super::key::Key;

/// Flows of one shard; beyond, an eighth of them is given up: those that were never answered first, then the idlest.
pub(super) const FLOWS: usize = 8192;
/// Timers of flows that are gone, for each flow that is there, before they are swept.
const STALE: usize = 3;

/// Where a flow stands in the table.
pub(super) type Slot = usize;

/// Moment, number of the flow, its slot: timers of one moment go by the age of their flows.
type Timer = Reverse<(Nanos, u64, Slot)>;

/// What a timer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// A run of payload has ended.
    Run(Slot, Nanos),
    /// A flow is over.
    Flow(Slot, Nanos),
}

/// Flows by their ends.
pub(super) struct Table {
    /// No timer asks before this.
    wakes: Nanos,
    by_key: HashMap<Key, Slot>,
    slots: Vec<Option<Flow>>,
    free: Vec<Slot>,
    /// When a flow may be over.
    deadlines: BinaryHeap<Timer>,
    /// When a run of payload may have ended.
    pauses: BinaryHeap<Timer>,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            wakes: Nanos::MAX,
            by_key: HashMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            deadlines: BinaryHeap::new(),
            pauses: BinaryHeap::new(),
        }
    }
}

impl Table {
    #[inline]
    pub(super) fn find(&self, key: &Key) -> Option<Slot> {
        self.by_key.get(key).copied()
    }

    #[inline]
    pub(super) fn get(&self, slot: Slot) -> Option<&Flow> {
        self.slots.get(slot)?.as_ref()
    }

    #[inline]
    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Flow> {
        self.slots.get_mut(slot)?.as_mut()
    }

    pub(super) fn is_full(&self) -> bool {
        self.by_key.len() >= FLOWS
    }

    /// Puts a flow in, whose key none has yet.
    pub(super) fn insert(&mut self, flow: Flow) -> Slot {
        let (key, slot) = (flow.key, self.free.pop().unwrap_or(self.slots.len()));
        match self.slots.get_mut(slot) {
            Some(place) => *place = Some(flow),
            None => self.slots.push(Some(flow)),
        }
        self.by_key.insert(key, slot);
        slot
    }

    /// Takes a flow out.
    pub(super) fn remove(&mut self, slot: Slot) -> Option<Flow> {
        let flow = self.slots.get_mut(slot)?.take()?;
        self.by_key.remove(&flow.key);
        self.free.push(slot);
        self.sweep();
        Some(flow)
    }

    /// The flows that are the first to be given up.
    pub(super) fn least_used(&self) -> Vec<Slot> {
        let flows = self.slots.iter().enumerate().filter_map(|(slot, flow)| Some((slot, flow.as_ref()?)));
        let mut by_use: Vec<_> =
            flows.map(|(slot, flow)| (flow.is_answered(), flow.deadline, flow.number, slot)).collect();
        let first = FLOWS / 8;
        if by_use.len() > first {
            by_use.select_nth_unstable(first);
            by_use.truncate(first);
        }
        by_use.sort_unstable();
        by_use.into_iter().map(|(.., slot)| slot).collect()
    }

    /// All flows, the oldest first.
    pub(super) fn by_age(&self) -> Vec<Slot> {
        let mut flows: Vec<_> =
            self.slots.iter().enumerate().filter_map(|(slot, flow)| Some((flow.as_ref()?.number, slot))).collect();
        flows.sort_unstable();
        flows.into_iter().map(|(_, slot)| slot).collect()
    }

    /// Sees to it that timers ask when the flow and its run may be over, now that a packet of it came.
    #[inline]
    pub(super) fn arm(&mut self, slot: Slot, now: Nanos) {
        let Some(flow) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        flow.deadline = now.plus(flow.patience());
        if flow.deadline < flow.asked_at {
            flow.asked_at = flow.deadline;
            self.wakes = self.wakes.min(flow.deadline);
            self.deadlines.push(Reverse((flow.deadline, flow.number, slot)));
        }
        if let Some(ends) = flow.bursts.ends()
            && !std::mem::replace(&mut flow.bursts.is_awaited, true)
        {
            self.wakes = self.wakes.min(ends);
            self.pauses.push(Reverse((ends, flow.number, slot)));
        }
    }

    /// What is over at `now`, the earliest first: one at a time, for what the caller makes of it may matter to the
    /// next.
    #[inline]
    pub(super) fn due(&mut self, now: Nanos) -> Option<Due> {
        if now < self.wakes { None } else { self.next_due(now) }
    }

    fn next_due(&mut self, now: Nanos) -> Option<Due> {
        loop {
            let flow = self.deadlines.peek().map(|timer| timer.0.0);
            let run = self.pauses.peek().map(|timer| timer.0.0);
            let first = flow.into_iter().chain(run).min().unwrap_or(Nanos::MAX);
            if first > now || flow.is_none() && run.is_none() {
                self.wakes = first;
                return None;
            }
            let due = if run == Some(first) { self.next_pause() } else { self.next_deadline() };
            if due.is_some() {
                return due;
            }
        }
    }

    fn next_pause(&mut self) -> Option<Due> {
        let Reverse((at, number, slot)) = self.pauses.pop()?;
        let flow = self.slots.get_mut(slot)?.as_mut().filter(|flow| flow.number == number)?;
        match flow.bursts.ends() {
            Some(ends) if ends > at => self.pauses.push(Reverse((ends, number, slot))),
            Some(ends) => {
                flow.bursts.is_awaited = false;
                return Some(Due::Run(slot, ends));
            }
            None => flow.bursts.is_awaited = false,
        }
        None
    }

    fn next_deadline(&mut self) -> Option<Due> {
        let Reverse((at, number, slot)) = self.deadlines.pop()?;
        let flow = self.slots.get_mut(slot)?.as_mut().filter(|flow| flow.number == number)?;
        if flow.deadline <= at {
            return Some(Due::Flow(slot, flow.deadline));
        }
        if flow.asked_at == at {
            flow.asked_at = flow.deadline;
            self.deadlines.push(Reverse((flow.deadline, number, slot)));
        }
        None
    }

    /// Drops timers of flows that are gone, where they are most of them.
    fn sweep(&mut self) {
        let (slots, most) = (&self.slots, self.by_key.len() * STALE + 64);
        for timers in [&mut self.deadlines, &mut self.pauses] {
            if timers.len() > most {
                timers.retain(|Reverse((_, number, slot))| {
                    slots.get(*slot).and_then(Option::as_ref).is_some_and(|flow| flow.number == *number)
                });
            }
        }
    }

    /// Flows and timers.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.by_key.len(), self.deadlines.len() + self.pauses.len())
    }

    /// Places for flows.
    #[cfg(test)]
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }
}
