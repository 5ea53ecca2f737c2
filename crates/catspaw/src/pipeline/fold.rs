//! The folds of one worker's hosts, and up to where they may go.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;

use catspaw_records::{HostKey, Nanos, Record, SensorId};

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

/// Where a record that waits is: the number of its batch, and which of its records it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    pub(super) batch: u64,
    pub(super) record: u32,
}

/// The batches in which records wait: a record is large, and is not moved.
#[derive(Debug, Default)]
pub(super) struct Batches {
    /// The number of the first.
    first: u64,
    /// With the records that wait; none of those in which none does any more.
    kept: VecDeque<Option<(Arc<Batch>, usize)>>,
}

impl Batches {
    /// The number of the next batch.
    fn next(&self) -> u64 {
        self.first + self.kept.len() as u64
    }

    /// Keeps it as long as `waiting` records of it wait.
    fn keep(&mut self, batch: &Arc<Batch>, waiting: usize) {
        self.kept.push_back((waiting > 0).then(|| (Arc::clone(batch), waiting)));
        self.let_go();
    }

    fn place(&self, at: Kept) -> Option<usize> {
        usize::try_from(at.batch.checked_sub(self.first)?).ok()
    }

    pub(super) fn record(&self, at: Kept) -> Option<&Record> {
        let (batch, _) = self.kept.get(self.place(at)?)?.as_ref()?;
        batch.records.get(at.record as usize)
    }

    /// A record waits no longer.
    pub(super) fn done(&mut self, at: Kept) {
        let Some(kept) = self.place(at).and_then(|place| self.kept.get_mut(place)) else { return };
        if let Some((_, waiting)) = kept {
            *waiting -= 1;
            if *waiting == 0 {
                *kept = None;
                self.let_go();
            }
        }
    }

    fn let_go(&mut self) {
        while self.kept.pop_front_if(|kept| kept.is_none()).is_some() {
            self.first += 1;
        }
    }
}

/// One worker's shards.
pub(super) struct Folder<'a> {
    options: &'a Options,
    worker: usize,
    workers: usize,
    shards: Vec<(usize, Shard)>,
    rows: Rows,
    batches: Batches,
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
        Self { options, worker, workers, shards, rows, batches: Batches::default(), released: Arc::default() }
    }

    pub(super) fn take(&mut self, (batch, watermarks): &Message) -> io::Result<()> {
        let (number, wait) = (self.batches.next(), self.options.wait);
        let taking = Taking { batch, number, wait, released: &self.released, watermarks };
        let mut waiting = 0;
        for entry in &batch.entries {
            let shard = usize::from(entry.shard);
            if shard % self.workers == self.worker
                && let Some((_, shard)) = self.shards.get_mut(shard / self.workers)
            {
                waiting += usize::from(shard.take(&mut self.rows, entry, &taking)?);
            }
        }
        self.batches.keep(batch, waiting);
        for (_, shard) in &mut self.shards {
            shard.release(&mut self.rows, &mut self.batches, watermarks)?;
        }
        self.released = Arc::clone(watermarks);
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<Folded> {
        let mut lanes = Vec::new();
        for (number, shard) in self.shards {
            lanes.push((number, shard.finish(&mut self.rows, &mut self.batches)?));
        }
        Ok((lanes, self.rows))
    }
}
