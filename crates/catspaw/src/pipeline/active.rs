//! The files that are being read, and how far they have come.

use std::collections::BTreeMap;

use catspaw_records::{Nanos, Reader, SensorId};

use super::parse::Rank;
use super::reach::Reach;
use crate::input::{BlockReader, Buffer, TextBlock};
use crate::packets::{Feed, Flows};

/// A file that is being read; all captures together are one.
pub(super) struct Active {
    pub(super) file: u32,
    pub(super) content: Content,
    pub(super) rank: Rank,
    /// Nanoseconds that the merge waits for a record of it that comes out of order.
    pub(super) wait: i64,
    pub(super) reach: BTreeMap<SensorId, Reach>,
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
    pub(super) fn next(&mut self, buffers: &mut Vec<Buffer>) -> Option<Work> {
        match self {
            Self::Lines(lines) => {
                let (blocks, reader) = &mut **lines;
                let block = blocks.next_whole(buffers.pop().unwrap_or_default(), |lines| reader.whole(lines))?;
                let before = reader.clone();
                reader.advance(block.lines(0));
                Some(Work::Lines(block, before))
            }
            Self::Packets(feed) => feed.next().map(Work::Flows),
        }
    }
}

impl Active {
    /// How far the file has come; before its first block is parsed, where it begins.
    pub(super) fn reached(&self) -> Nanos {
        self.reach.values().filter_map(Reach::reached).min().unwrap_or(self.rank.0)
    }

    /// The same of one sensor, if it has any record.
    pub(super) fn reached_by(&self, sensor: SensorId) -> Option<Nanos> {
        self.reach.get(&sensor).and_then(Reach::reached)
    }
}
