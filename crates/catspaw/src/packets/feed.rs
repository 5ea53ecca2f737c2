//! The flow workers as one source of records in the order in which they became known.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use catspaw_engine::Settings;
use catspaw_records::{Alert, Event, Nanos, Record, RecordId};
use catspaw_rules::Ruleset;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::block::{Dropped, PacketBlock};
use super::captures::{CaptureRead, Captures};
use super::track::{AtOnce, Given, RECORDS, TIMER, Worker};

/// Blocks that wait for each worker.
const QUEUE: usize = 2;

/// Stretches of packets that are handed on together: what comes after costs some for each time.
const STRETCHES: usize = 6;

/// How packets are tracked.
#[derive(Clone)]
pub(crate) struct Tracking {
    pub(crate) settings: Arc<Settings>,
    pub(crate) threads: usize,
    /// Whether checksums are looked at.
    pub(crate) verify: bool,
    /// What is held against packets, if anything is.
    pub(crate) rules: Option<Arc<Ruleset>>,
}

/// What a block of packets gave.
#[derive(Debug, Default)]
pub(crate) struct Flows {
    pub(crate) records: Vec<Record>,
    /// Which of them became known first, second, ...: they are large, so that this is sorted and they are not.
    pub(crate) order: Vec<u32>,
    /// In the same order; those of one packet in the order of the rules.
    pub(crate) alerts: Vec<Alert>,
    /// What was left out, by why.
    pub(crate) dropped: Dropped,
    /// The latest stamp so far: nothing that is known earlier comes after.
    pub(crate) reached: Nanos,
}

/// Where flows come from.
pub(crate) enum Feed {
    /// All in the caller's thread.
    Inline { captures: Box<Captures>, worker: Worker, ended: bool },
    /// A reader and several workers.
    Threads(Threads),
}

/// A message to a worker.
#[derive(Clone)]
enum Work {
    Block(u64, Arc<PacketBlock>),
    End(u64),
}

/// What a worker made of it.
struct Tracked {
    number: u64,
    given: Given,
    block: Option<Arc<PacketBlock>>,
}

pub(crate) struct Threads {
    workers: usize,
    results: Receiver<Tracked>,
    spare: Sender<PacketBlock>,
    counts: Receiver<Vec<CaptureRead>>,
    on_disk: Arc<AtomicU64>,
    next: u64,
    waiting: BTreeMap<u64, Vec<Tracked>>,
}

impl Feed {
    /// Begins to read `captures`.
    pub(crate) fn start<'scope>(
        scope: &'scope thread::Scope<'scope, '_>,
        captures: Captures,
        tracking: &Tracking,
    ) -> Self {
        let workers = tracking.threads.max(1);
        let worker = |n| Worker::new(n, workers, tracking);
        if workers == 1 {
            let captures = Box::new(captures);
            return Self::Inline { captures, worker: worker(0), ended: false };
        }
        let (done, results) = bounded(workers * (QUEUE + 1));
        let mut queues = Vec::new();
        for n in 0..workers {
            let (blocks, queue) = bounded(QUEUE);
            queues.push(blocks);
            let (worker, done) = (worker(n), done.clone());
            scope.spawn(move || work(worker, &queue, &done));
        }
        let (spare, spares) = unbounded();
        let (count, counts) = bounded(1);
        let on_disk = captures.on_disk();
        scope.spawn(move || {
            let read = read(captures.shared(), &queues, &spares);
            // Nobody asks where the run was given up.
            let _ = count.send(read);
        });
        Self::Threads(Threads { workers, results, spare, counts, on_disk, next: 0, waiting: BTreeMap::new() })
    }

    /// What the next block gave; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<Flows> {
        match self {
            Self::Inline { ended: true, .. } => None,
            Self::Inline { captures, worker, ended } => {
                let mut given = Given::with_room(RECORDS);
                let mut stretches = 0;
                while stretches < STRETCHES
                    && given.records.len() < RECORDS
                    && captures.stretch(&mut AtOnce { worker, given: &mut given })
                {
                    stretches += 1;
                }
                if stretches == 0 {
                    *ended = true;
                    return Some(Flows::of(vec![worker.finish()], Nanos::MAX));
                }
                worker.advance(captures.reached(), &mut given);
                Some(Flows::of(vec![given], captures.reached()))
            }
            Self::Threads(threads) => threads.next(),
        }
    }

    /// Bytes read from the disk so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        let on_disk = match self {
            Self::Inline { captures, .. } => captures.on_disk(),
            Self::Threads(threads) => Arc::clone(&threads.on_disk),
        };
        on_disk.load(Ordering::Relaxed)
    }

    /// What was read of each file, after the end.
    pub(crate) fn finish(self) -> Vec<CaptureRead> {
        match self {
            Self::Inline { captures, .. } => captures.finish(),
            Self::Threads(threads) => threads.counts.recv().unwrap_or_default(),
        }
    }
}

impl Threads {
    fn next(&mut self) -> Option<Flows> {
        while self.waiting.get(&self.next).is_none_or(|tracked| tracked.len() < self.workers) {
            let tracked = self.results.recv().ok()?;
            self.waiting.entry(tracked.number).or_default().push(tracked);
        }
        let tracked = self.waiting.remove(&self.next)?;
        self.next += 1;
        let (mut given, blocks): (Vec<Given>, Vec<_>) = tracked.into_iter().map(|one| (one.given, one.block)).unzip();
        let blocks: Vec<Arc<PacketBlock>> = blocks.into_iter().flatten().collect();
        let reached = blocks.first().map_or(Nanos::MAX, |block| block.reached);
        if let Some((given, block)) = given.first_mut().zip(blocks.first()) {
            given.dropped.add_all(&block.dropped);
        }
        // The last of the workers' handles gives the block's memory back, unless the reader still has one.
        if let Some(block) = blocks.into_iter().filter_map(Arc::into_inner).last() {
            // The reader may have come to its end.
            let _ = self.spare.send(block);
        }
        Some(Flows::of(given, reached))
    }
}

impl Flows {
    /// Merges what the workers gave. Records of one moment come in the order of the packets that brought them, and those
    /// that timers brought by their connections' names; those of one connection stay in their order.
    fn of(mut given: Vec<Given>, reached: Nanos) -> Self {
        let mut flows = Self { reached, ..Self::default() };
        let mut alerts = Vec::new();
        for one in &mut given {
            alerts.append(&mut one.alerts);
            flows.dropped.add_all(&one.dropped);
        }
        alerts.sort_by_key(|(trigger, alert)| (alert.known, *trigger, (*trigger == TIMER).then_some(alert.id)));
        flows.alerts = alerts.into_iter().map(|(_, alert)| alert).collect();
        // Those of packets are in order already, as the sort sees.
        let (mut order, mut timers) = (Vec::with_capacity(given.iter().map(|one| one.records.len()).sum()), Vec::new());
        for mut one in given {
            for (record, trigger) in one.records.iter().zip(one.triggers) {
                let at = (order.len() + timers.len()) as u32;
                match trigger {
                    TIMER => timers.push((record.known.at, trigger, name(record), at)),
                    _ => order.push((record.known.at, trigger, 0, at)),
                }
            }
            if flows.records.is_empty() {
                flows.records = one.records;
            } else {
                flows.records.append(&mut one.records);
            }
        }
        order.append(&mut timers);
        order.sort();
        flows.order = order.into_iter().map(|(.., at)| at).collect();
        flows
    }
}

/// The number of its connection.
fn name(record: &Record) -> u64 {
    let id = match &record.event {
        Event::Opened(opened) => opened.id,
        Event::Closed(closed) => closed.id,
        Event::Whole(whole) => whole.id,
        Event::Content(content) => content.id,
        Event::Burst(burst) => burst.id,
        Event::Denied(_) | Event::Translation(_) => return 0,
    };
    match id {
        RecordId::Device(number) => number,
        // Packets have no other names.
        RecordId::Uid(_) => 0,
    }
}

fn read(mut captures: Captures, queues: &[Sender<Work>], spares: &Receiver<PacketBlock>) -> Vec<CaptureRead> {
    let mut number = 0;
    let tell = |work: Work| queues.iter().all(|queue| queue.send(work.clone()).is_ok());
    while let Some(block) = captures.next(spares.try_recv().unwrap_or_default(), queues.len()) {
        if !tell(Work::Block(number, Arc::new(block))) {
            return Vec::new();
        }
        number += 1;
    }
    tell(Work::End(number));
    captures.finish()
}

fn work(mut worker: Worker, queue: &Receiver<Work>, done: &Sender<Tracked>) {
    for work in queue {
        let tracked = match work {
            Work::Block(number, block) => Tracked { number, given: worker.take(&block), block: Some(block) },
            Work::End(number) => Tracked { number, given: worker.finish(), block: None },
        };
        if done.send(tracked).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_block_came_to_is_known_whoever_still_holds_it() {
        let ((spare, spares), (done, results)) = (unbounded(), unbounded());
        let (_count, counts) = bounded(1);
        let (on_disk, waiting) = (Arc::default(), BTreeMap::new());
        let mut threads = Threads { workers: 2, results, spare, counts, on_disk, next: 0, waiting };
        for number in 0..2 {
            let mut block = PacketBlock::default();
            block.reached = Nanos(7);
            block.dropped.add("frames", 3);
            let block = Arc::new(block);
            let reader = (number == 0).then(|| Arc::clone(&block));
            for block in [Arc::clone(&block), block] {
                done.send(Tracked { number, given: Given::default(), block: Some(block) }).unwrap();
            }
            let flows = threads.next().unwrap();
            assert_eq!((flows.reached, flows.dropped.iter().next()), (Nanos(7), Some(("frames", 3))));
            assert_eq!(spares.try_recv().is_ok(), reader.is_none(), "nobody needs it any more");
        }
    }
}
