//! One worker's flow shards.

use std::sync::Arc;

use catspaw_engine::flow::Tracker;
use catspaw_engine::{Output, decode};
use catspaw_records::{Alert, Nanos, Place, Record};

use super::block::{Dropped, PacketBlock, SHARDS};
use super::feed::Tracking;

/// What timers bring comes after all that packets of the same moment bring.
pub(super) const TIMER: Place = Place { file: u32::MAX, line: u64::MAX };

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
        let mut given = Given::default();
        for (located, ip) in block.packets(self.worker) {
            let Some(packet) = decode::packet(ip, located.at, located.place, self.verify) else {
                given.dropped("packets with a broken header", 1);
                continue;
            };
            let Some(tracker) = self.trackers.get_mut(usize::from(located.shard) / self.workers) else { continue };
            // What timers bring is theirs, wherever blocks begin and end.
            tracker.advance(packet.at, &mut given);
            given.trigger = located.place;
            tracker.packet(&packet, &mut given);
            given.trigger = TIMER;
        }
        self.advance(block.reached, &mut given);
        given
    }

    fn advance(&mut self, now: Nanos, given: &mut Given) {
        self.trackers.iter_mut().for_each(|tracker| tracker.advance(now, given));
    }

    /// The evidence ends.
    pub(super) fn finish(&mut self) -> Given {
        let mut given = Given::default();
        self.trackers.iter_mut().for_each(|tracker| tracker.finish(&mut given));
        given
    }
}
