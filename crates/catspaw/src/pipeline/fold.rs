//! The folds of one worker's hosts, and up to where they may go.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;

use catspaw_records::{HostKey, Nanos, SensorId};
use foldhash::HashSet;

use super::parse::Batch;
use super::reach::Reach;
use super::rows::Rows;
use super::run::Options;
use super::shard::{Lanes, Shard};

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

/// As much is folded in one go ([`Batch::weight`]): shard after shard, so that what is kept of a host is fetched once for several
/// of its rows, and little enough to be soon over.
pub(super) const ROUND: usize = 1 << 20;

/// The batches in which rows wait.
#[derive(Debug, Default)]
pub(super) struct Batches {
    /// The number of the first.
    first: u64,
    /// With the rows that wait; none of those in which none does any more.
    kept: VecDeque<Option<(Arc<Batch>, usize)>>,
}

impl Batches {
    /// Keeps one of which so many rows wait, and gives its number.
    pub(super) fn keep(&mut self, batch: &Arc<Batch>, waiting: usize) -> u64 {
        self.kept.push_back((waiting > 0).then(|| (Arc::clone(batch), waiting)));
        self.first + self.kept.len() as u64 - 1
    }

    fn place(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.first)?).ok()
    }

    /// A batch of which rows wait.
    pub(super) fn batch(&self, number: u64) -> Option<&Batch> {
        Some(&self.kept.get(self.place(number)?)?.as_ref()?.0)
    }

    /// So many rows of a batch wait no longer.
    pub(super) fn done(&mut self, number: u64, rows: usize) {
        let Some(kept) = self.place(number).and_then(|place| self.kept.get_mut(place)) else { return };
        if let Some((_, waiting)) = kept {
            *waiting -= rows;
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
pub(super) struct Folder {
    shards: Vec<(usize, Shard)>,
    rows: Rows,
    batches: Batches,
    released: Arc<Watermarks>,
    /// What is folded in the next round, and how much that is.
    round: Vec<Taking>,
    due: usize,
}

/// A batch, with what goes with each of its rows.
pub(super) struct Taking {
    pub(super) batch: Arc<Batch>,
    /// Its number.
    pub(super) number: u64,
    /// By the place of the sensor.
    pub(super) limits: Vec<Limits>,
}

/// What a record of one sensor in a batch is held against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How far the sensor had come in the file before the batch.
    pub(super) before: Reach,
    /// Up to where its records before this batch were complete.
    pub(super) released: Nanos,
    /// Up to where they are with it.
    pub(super) upto: Nanos,
}

impl Folder {
    pub(super) fn new(worker: usize, workers: usize, options: &Options) -> Self {
        let own = (worker..HostKey::SHARDS).step_by(workers);
        let shard = |n| {
            let (config, restriction) = (Arc::clone(&options.config), Arc::clone(&options.restriction));
            (n, Shard::new(config, restriction, options.days.clone(), (options.ours, options.wait)))
        };
        let (shards, rows) = (own.map(shard).collect(), Rows::new(options.connections));
        Self { shards, rows, batches: Batches::default(), released: Arc::default(), round: Vec::new(), due: 0 }
    }

    pub(super) fn take(&mut self, (batch, watermarks): Message) -> io::Result<()> {
        let limits = |&sensor: &SensorId| Limits {
            before: batch.before.get(&sensor).copied().unwrap_or_default(),
            released: self.released.of(sensor),
            upto: watermarks.of(sensor),
        };
        let limits = batch.named.iter().map(limits).collect();
        self.released = Arc::clone(&watermarks);
        let own: usize = self.shards.iter().map(|&(shard, _)| batch.of_shard(shard).1.len()).sum();
        let number = self.batches.keep(&batch, own);
        // Of all workers' shards, so that the rounds are the same however many there are.
        self.due += batch.weight();
        // What is known to be in order waits for nothing.
        let at_once = batch.in_order;
        self.round.push(Taking { batch, number, limits });
        if at_once || self.due >= ROUND { self.fold() } else { Ok(()) }
    }

    /// Folds what was taken since the last time.
    fn fold(&mut self) -> io::Result<()> {
        // What a batch says of its shards lies together, and a shard takes most of it without looking at a row.
        for taking in &self.round {
            for (number, shard) in &mut self.shards {
                shard.take(*number, &mut self.rows, &mut self.batches, taking)?;
            }
        }
        // What is folded as it comes, little by little, is there already.
        let is_round = self.due >= ROUND;
        for (_, shard) in &mut self.shards {
            if is_round {
                shard.fetch();
            }
            shard.release(&mut self.rows, &mut self.batches, &self.released)?;
        }
        self.round.clear();
        self.due = 0;
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<Folded> {
        self.fold()?;
        let mut lanes = Vec::new();
        for (number, shard) in self.shards {
            lanes.push((number, shard.finish(&mut self.rows, &mut self.batches)?));
        }
        let ours = lanes.iter().flat_map(|(_, lanes): &(usize, Lanes)| &lanes.lanes);
        let asked: HashSet<(HostKey, SensorId)> =
            ours.filter(|(.., lane)| lane.may_be_asked()).map(|&(host, sensor, _)| (host, sensor)).collect();
        self.rows.sent.keep(|&host, &sensor| asked.contains(&(host, sensor)))?;
        Ok((lanes, self.rows))
    }
}
