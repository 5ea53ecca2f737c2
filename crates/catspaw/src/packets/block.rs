//! Packets on their way from the reader to the flow workers.

use std::collections::BTreeMap;

use catspaw_records::{Nanos, Place};

/// Virtual flow shards: tables, caps and evictions are per shard, so that the number of threads changes nothing.
pub(super) const SHARDS: usize = 64;

/// What was left out, by why: one of a fixed set of reasons.
#[derive(Debug, Default)]
pub(crate) struct Dropped(BTreeMap<&'static str, u64>);

impl Dropped {
    /// Counts `count` more.
    pub(crate) fn add(&mut self, what: &'static str, count: u64) {
        *self.0.entry(what).or_default() += count;
    }

    /// Counts what others have.
    pub(crate) fn add_all(&mut self, others: &Self) {
        others.iter().for_each(|(what, count)| self.add(what, count));
    }

    /// Reasons and counts, in the order of the reasons.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(&what, &count)| (what, count))
    }
}

/// Where an IP packet lies in its block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Located {
    pub(super) at: Nanos,
    pub(super) place: Place,
    start: u32,
    len: u32,
    /// Whether it lies in `apart`.
    apart: bool,
    pub(super) shard: u8,
}

/// A stretch of packets in the order of time.
#[derive(Debug, Default)]
pub(crate) struct PacketBlock {
    /// The capture file's own bytes, which packets are taken from where they lie.
    pub(super) bytes: Vec<u8>,
    /// Packets that were put together of fragments, or come from files that are read at once.
    apart: Vec<u8>,
    /// By virtual shard's worker.
    by_worker: Vec<Vec<Located>>,
    /// The latest stamp so far.
    pub(super) reached: Nanos,
    /// What the reader left out, by why.
    pub(super) dropped: Dropped,
}

impl PacketBlock {
    /// Makes it empty, for so many workers.
    pub(super) fn clear(&mut self, workers: usize) {
        self.apart.clear();
        self.by_worker.resize_with(workers, Vec::new);
        self.by_worker.iter_mut().for_each(Vec::clear);
        self.dropped = Dropped::default();
    }

    /// Adds a packet that lies in `bytes` from `start` on.
    pub(super) fn add_here(&mut self, (at, place): (Nanos, Place), hash: u64, start: usize, len: usize) {
        self.add((at, place), hash, (start, len), false);
    }

    /// Adds a copy of a packet.
    pub(super) fn add_copy(&mut self, stamp: (Nanos, Place), hash: u64, ip: &[u8]) {
        let start = self.apart.len();
        self.apart.extend_from_slice(ip);
        self.add(stamp, hash, (start, ip.len()), true);
    }

    fn add(&mut self, (at, place): (Nanos, Place), hash: u64, (start, len): (usize, usize), apart: bool) {
        let shard = (hash % SHARDS as u64) as u8;
        let worker = usize::from(shard) % self.by_worker.len().max(1);
        let located = Located { at, place, start: start as u32, len: len as u32, apart, shard };
        if let Some(packets) = self.by_worker.get_mut(worker) {
            packets.push(located);
        }
    }

    /// Whether it holds nothing to be told.
    pub(super) fn is_empty(&self) -> bool {
        self.by_worker.iter().all(Vec::is_empty) && self.dropped.iter().next().is_none()
    }

    /// Bytes that were copied.
    pub(super) fn copied(&self) -> usize {
        self.apart.len()
    }

    /// The packets of one worker.
    pub(super) fn packets(&self, worker: usize) -> impl Iterator<Item = (&Located, &[u8])> {
        self.by_worker.get(worker).into_iter().flatten().map(|located| {
            let bytes = if located.apart { &self.apart } else { &self.bytes };
            let (start, len) = (located.start as usize, located.len as usize);
            (located, bytes.get(start..start + len).unwrap_or_default())
        })
    }
}
