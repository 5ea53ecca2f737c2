//! One worker's flow shards.

use std::sync::Arc;

use catspaw_engine::flow::Tracker;
use catspaw_engine::{Output, Packet, decode};
use catspaw_records::{Alert, Nanos, Place, Record};

use super::block::{Dropped, PacketBlock, SHARDS, Takes, shard_of};
use super::feed::Tracking;

/// What timers bring comes after all that packets of the same moment bring.
pub(super) const TIMER: Place = Place { file: u32::MAX, line: u64::MAX };

const BROKEN: &str = "packets with a broken header";

/// Records that are enough to be handed on.
pub(super) const RECORDS: usize = 512;

/// What the packets of a block gave.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) records: Vec<Record>,
    /// The packet that brought each, [`TIMER`] where none did.
    pub(super) triggers: Vec<Place>,
    /// With the packet that brought it, or [`TIMER`].
    pub(super) alerts: Vec<(Place, Alert)>,
    pub(super) dropped: Dropped,
    trigger: Place,
}

impl Given {
    /// With room for so many records.
    pub(super) fn with_room(records: usize) -> Self {
        Self { records: Vec::with_capacity(records), triggers: Vec::with_capacity(records), ..Self::default() }
    }
}

impl Default for Given {
    fn default() -> Self {
        Self {
            records: Vec::new(),
            triggers: Vec::new(),
            alerts: Vec::new(),
            dropped: Dropped::default(),
            trigger: TIMER,
        }
    }
}

impl Output for Given {
    fn record(&mut self, record: Record) {
        self.records.push(record);
        self.triggers.push(self.trigger);
    }

    fn alert(&mut self, alert: Alert) {
        self.alerts.push((self.trigger, alert));
    }

    fn dropped(&mut self, what: &'static str, count: u64) {
        self.dropped.add(what, count);
    }
}

fn tracker(with: &Tracking) -> Tracker {
    let tracker = Tracker::new(Arc::clone(&with.settings));
    match &with.rules {
        Some(rules) => tracker.with_rules(Arc::clone(rules)),
        None => tracker,
    }
}

/// The shards of one worker.
pub(crate) struct Worker {
    worker: usize,
    workers: usize,
    verify: bool,
    trackers: Vec<Tracker>,
}

impl Worker {
    pub(super) fn new(worker: usize, workers: usize, with: &Tracking) -> Self {
        let own = (worker..SHARDS).step_by(workers.max(1));
        Self { worker, workers, verify: with.verify, trackers: own.map(|_| tracker(with)).collect() }
    }

    /// Takes its packets of a block, and lets its timers come to where the block does.
    pub(super) fn take(&mut self, block: &PacketBlock) -> Given {
        let mut given = Given::with_room(RECORDS / 2);
        for (located, ip) in block.packets(self.worker) {
            match decode::packet(ip, located.at, located.place, self.verify) {
                Some(packet) => self.packet(located.shard, &packet, &mut given),
                None => given.dropped(BROKEN, 1),
            }
        }
        self.advance(block.reached, &mut given);
        given
    }

    #[inline]
    fn packet(&mut self, shard: u8, packet: &Packet<'_>, given: &mut Given) {
        let Some(tracker) = self.trackers.get_mut(usize::from(shard) / self.workers) else { return };
        // What timers bring is theirs, wherever blocks begin and end.
        tracker.advance(packet.at, given);
        given.trigger = packet.place;
        tracker.packet(packet, given);
        given.trigger = TIMER;
    }

    /// Lets timers come to `now`.
    pub(super) fn advance(&mut self, now: Nanos, given: &mut Given) {
        self.trackers.iter_mut().for_each(|tracker| tracker.advance(now, given));
    }

    /// The evidence ends.
    pub(super) fn finish(&mut self) -> Given {
        let mut given = Given::default();
        self.trackers.iter_mut().for_each(|tracker| tracker.finish(&mut given));
        given
    }
}

/// A worker that takes all packets as they are found.
pub(super) struct AtOnce<'a> {
    pub(super) worker: &'a mut Worker,
    pub(super) given: &'a mut Given,
}

impl Takes for AtOnce<'_> {
    #[inline]
    fn packet(&mut self, (at, place): (Nanos, Place), packet: &decode::Located<'_>, _: Option<usize>) {
        match packet.packet(at, place, self.worker.verify) {
            Some(read) => self.worker.packet(shard_of(packet.hash), &read, self.given),
            None => self.given.dropped(BROKEN, 1),
        }
    }

    fn dropped(&mut self, what: &'static str, count: u64) {
        self.given.dropped(what, count);
    }

    fn is_full(&self) -> bool {
        self.given.records.len() >= RECORDS
    }
}
