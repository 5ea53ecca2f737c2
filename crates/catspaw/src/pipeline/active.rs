//! The files that are being read, and how far they have come.

use std::collections::BTreeMap;

use catspaw_records::{Nanos, Reader, Record, SensorId};

use super::parse::Rank;
use super::reach::Reach;
use super::starts::KeptBack;
use crate::input::{BlockReader, TextBlock};
use crate::packets::{Feed, Flows};

/// A file that is being read; all captures together are one.
pub(super) struct Active {
    pub(super) file: u32,
    pub(super) content: Content,
    pub(super) rank: Rank,
    /// Nanoseconds that the merge waits for a record of it that comes out of order.
    pub(super) wait: i64,
    pub(super) reach: BTreeMap<SensorId, Reach>,
    /// Whether its lines stand in the order in which connections began, and what they keep back then.
    pub(super) by_starts: bool,
    pub(super) kept_back: BTreeMap<SensorId, KeptBack>,
    pub(super) in_flight: usize,
    pub(super) ended: bool,
}

/// What it holds.
pub(super) enum Content {
    Lines(Box<(BlockReader, Reader)>),
    Packets(Box<Feed>),
}

/// What is to be made records of, or to be sorted by shard.
pub(super) enum Work {
    Lines(TextBlock, Reader),
    Flows(Flows),
}

impl Content {
    /// Bytes read from the disk.
    pub(super) fn bytes_read(&self) -> u64 {
        match self {
            Self::Lines(lines) => lines.0.progress().on_disk.load(std::sync::atomic::Ordering::Relaxed),
            Self::Packets(feed) => feed.bytes_read(),
        }
    }

    /// The next piece of work, in a buffer of one before.
    pub(super) fn next(&mut self, buffers: &mut Vec<Vec<u8>>) -> Option<Work> {
        match self {
            Self::Lines(lines) => {
                let (blocks, reader) = &mut **lines;
                let block = blocks.next_whole(buffers.pop().unwrap_or_default(), |lines| reader.whole(lines))?;
                let before = reader.clone();
                reader.advance(block.bytes());
                Some(Work::Lines(block, before))
            }
            Self::Packets(feed) => feed.next().map(Work::Flows),
        }
    }
}

impl Active {
    /// One of which nothing is read yet.
    pub(super) fn new(content: Content, rank: Rank, wait: i64) -> Self {
        Self {
            file: rank.2,
            content,
            rank,
            wait,
            reach: BTreeMap::new(),
            by_starts: false,
            kept_back: BTreeMap::new(),
            in_flight: 0,
            ended: false,
        }
    }

    /// Keeps back what a batch does (`kept_back`), and gives back what its turn comes for: what became known by as far as the file has come,
    /// and the merge waits, so that of one moment it comes before what began later; all of it at the end of the file.
    pub(super) fn give_back(&mut self, kept_back: Vec<Record>, at_end: bool) -> Vec<(SensorId, Vec<Record>, bool)> {
        for record in kept_back {
            self.kept_back.entry(record.known.sensor).or_default().keep(record);
        }
        let given = self.kept_back.iter_mut().map(|(&sensor, kept)| {
            let reached = self.reach.get(&sensor).and_then(Reach::reached).map(|reached| reached.plus(self.wait));
            let upto = if at_end { Nanos::MAX } else { reached.unwrap_or(Nanos::MIN) };
            (sensor, kept.take(upto), kept.is_full())
        });
        given.filter(|(_, records, _)| !records.is_empty()).collect()
    }

    /// How far the file has come; before its first block is parsed, where it begins.
    pub(super) fn reached(&self) -> Nanos {
        self.reach.values().filter_map(Reach::reached).min().unwrap_or(self.rank.0)
    }

    /// The same of one sensor, if it has any record.
    pub(super) fn reached_by(&self, sensor: SensorId) -> Option<Nanos> {
        self.reach.get(&sensor).and_then(Reach::reached)
    }
}
