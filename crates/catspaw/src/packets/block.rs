//! Packets on their way from the reader to the flow workers.

use std::collections::BTreeMap;
use std::ops::Range;

use catspaw_engine::decode;
use catspaw_records::{Nanos, Place};

/// Virtual flow shards: tables, caps and evictions are per shard, so that the number of threads changes nothing.
pub(super) const SHARDS: usize = 64;

/// The virtual shard of a flow of this hash.
pub(super) fn shard_of(hash: u64) -> u8 {
    (hash % SHARDS as u64) as u8
}

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

/// Takes packets in the order of time.
pub(super) trait Takes {
    /// A packet; `start` is where it lies in the buffer that [`Takes::keep`] gets, where it lies there.
    fn packet(&mut self, stamp: (Nanos, Place), packet: &decode::Located<'_>, start: Option<usize>);

    /// Something was left out.
    fn dropped(&mut self, what: &'static str, count: u64);

    /// The buffer in which packets lie that were given. Whoever still needs them takes it, and leaves another with what is at
    /// `rest` at its beginning.
    fn keep(&mut self, _buffer: &mut Vec<u8>, _rest: Range<usize>) -> bool {
        false
    }

    /// Whether it has enough for now.
    fn is_full(&self) -> bool;
}

/// A block of packets that had to be copied is full with so many bytes.
const COPIED: usize = 1 << 20;

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
    bytes: Vec<u8>,
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

    fn add(&mut self, (at, place): (Nanos, Place), hash: u64, (start, len): (usize, usize), apart: bool) {
        let shard = shard_of(hash);
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

    /// The packets of one worker.
    pub(super) fn packets(&self, worker: usize) -> impl Iterator<Item = (&Located, &[u8])> {
        self.by_worker.get(worker).into_iter().flatten().map(|located| {
            let bytes = if located.apart { &self.apart } else { &self.bytes };
            let (start, len) = (located.start as usize, located.len as usize);
            (located, bytes.get(start..start + len).unwrap_or_default())
        })
    }
}

impl Takes for PacketBlock {
    #[inline]
    fn packet(&mut self, stamp: (Nanos, Place), packet: &decode::Located<'_>, start: Option<usize>) {
        let place = (start.unwrap_or(self.apart.len()), packet.ip.len());
        if start.is_none() {
            self.apart.extend_from_slice(&packet.ip);
        }
        self.add(stamp, packet.hash, place, start.is_none());
    }

    fn dropped(&mut self, what: &'static str, count: u64) {
        self.dropped.add(what, count);
    }

    fn keep(&mut self, buffer: &mut Vec<u8>, rest: Range<usize>) -> bool {
        std::mem::swap(buffer, &mut self.bytes);
        let rest = self.bytes.get(rest).unwrap_or_default();
        buffer.resize(buffer.len().max(rest.len()), 0);
        buffer[..rest.len()].copy_from_slice(rest);
        true
    }

    fn is_full(&self) -> bool {
        self.apart.len() >= COPIED
    }
}
