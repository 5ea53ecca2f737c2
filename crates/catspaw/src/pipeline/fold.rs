//! The folds of one worker's hosts, and up to where they may go.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use catspaw_records::{HostKey, Nanos, SensorId};

use super::parse::Batch;
use super::rows::Rows;
use super::run::Options;
use super::shard::{Lanes, Shard, Taking};

/// Up to which moment the records of each sensor are complete.
///
/// They never go back: what was released is folded, and what comes for a moment before is late.
#[derive(Clone, Debug)]
pub(super) struct Watermarks {
    pub(super) others: Nanos,
    /// Those that are further.
    pub(super) by_sensor: BTreeMap<SensorId, Nanos>,
}

impl Default for Watermarks {
    fn default() -> Self {
        Self { others: Nanos::MIN, by_sensor: BTreeMap::new() }
    }
}

impl Watermarks {
    /// After the end of the evidence.
    pub(super) fn at_end() -> Self {
        Self { others: Nanos::MAX, ..Self::default() }
    }

    pub(super) fn of(&self, sensor: SensorId) -> Nanos {
        self.by_sensor.get(&sensor).map_or(self.others, |&own| own.max(self.others))
    }
}

/// What one worker's shards have at the end.
pub(super) type Folded = (Vec<(usize, Lanes)>, Rows);

/// A batch, and up to where what came by then is complete.
pub(super) type Message = (Arc<Batch>, Arc<Watermarks>);

/// One worker's shards.
pub(super) struct Folder<'a> {
    options: &'a Options,
    worker: usize,
    workers: usize,
    shards: Vec<(usize, Shard)>,
    rows: Rows,
    released: Arc<Watermarks>,
}

impl<'a> Folder<'a> {
    pub(super) fn new(worker: usize, workers: usize, options: &'a Options) -> Self {
        let own = (worker..HostKey::SHARDS).step_by(workers);
        let shard = |n| {
            let (config, restriction) = (Arc::clone(&options.config), Arc::clone(&options.restriction));
            (n, Shard::new(config, restriction, options.days.clone(), options.ours))
        };
        let (shards, rows) = (own.map(shard).collect(), Rows::new(options.connections));
        Self { options, worker, workers, shards, rows, released: Arc::default() }
    }

    pub(super) fn take(&mut self, (batch, watermarks): &Message) -> io::Result<()> {
        let taking = Taking { batch, wait: self.options.wait, released: &self.released, watermarks };
        for entry in &batch.entries {
            let shard = usize::from(entry.shard);
            if shard % self.workers == self.worker
                && let Some((_, shard)) = self.shards.get_mut(shard / self.workers)
            {
                shard.take(&mut self.rows, entry, &taking)?;
            }
        }
        for (_, shard) in &mut self.shards {
            shard.release(&mut self.rows, watermarks)?;
        }
        self.released = Arc::clone(watermarks);
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<Folded> {
        let mut lanes = Vec::new();
        for (number, shard) in self.shards {
            lanes.push((number, shard.finish(&mut self.rows)?));
        }
        Ok((lanes, self.rows))
    }
}
