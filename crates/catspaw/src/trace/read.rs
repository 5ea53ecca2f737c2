//! Reads a log into spans: blocks are parsed side by side, and their records taken in the order of the log.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::Ordering;
use std::thread;

use catspaw_records::{Event, HashSeed, LineSink, Nanos, Place, Reader, Record, SensorId, Unparsed};
use crossbeam_channel::{Receiver, Sender, bounded};

use super::index::Writer;
use super::uses::Uses;
use crate::input::{BlockReader, Buffer, Summary, TextBlock};
use crate::pipeline::Lost;

/// What was read.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) lines: u64,
    pub(crate) records: u64,
    pub(crate) unparsed: u64,
    pub(crate) lost: Lost,
    /// The earliest and the latest moment of a record.
    pub(crate) span: Option<(Nanos, Nanos)>,
    pub(crate) summary: Summary,
    /// Whether it is no longer unpacked than on the disk.
    pub(crate) plain: bool,
}

struct Job {
    number: u64,
    block: TextBlock,
    reader: Reader,
}

struct Done {
    number: u64,
    collected: Collected,
    buffer: Buffer,
}

/// What a block says.
#[derive(Default)]
struct Collected {
    records: Vec<Record>,
    /// Records, those that say nothing of who had an address among them.
    understood: u64,
    unparsed: u64,
    lost: Lost,
    span: Option<(Nanos, Nanos)>,
    sensors: BTreeMap<SensorId, String>,
    last: Option<(Vec<u8>, SensorId)>,
}

impl LineSink for Collected {
    fn record(&mut self, record: &Record, sensor: &[u8]) {
        let at = record.known_at();
        self.understood += 1;
        self.span = Some(self.span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
        if matches!(record.event, Event::Denied(_)) {
            return;
        }
        let id = record.known.sensor;
        if self.last.as_ref().is_none_or(|(last, known)| *known != id || last != sensor) {
            self.last = Some((sensor.to_vec(), id));
            self.sensors.entry(id).or_insert_with(|| String::from_utf8_lossy(sensor).into_owned());
        }
        self.records.push(*record);
    }

    fn skipped(&mut self, _: &[u8]) {}

    fn unparsed(&mut self, _: Unparsed) {
        self.unparsed += 1;
    }

    fn lost(&mut self, place: Place, messages: u64) {
        self.lost.add(place, messages);
    }
}

/// Reads all that is left of a log, whose first line here is number `first_line`. `progress` is told the bytes.
///
/// # Errors
/// Where the index cannot be written.
pub(crate) fn read(
    mut blocks: BlockReader,
    mut reader: Reader,
    first_line: u64,
    threads: usize,
    (uses, writer): (&mut Uses, &mut Writer),
    mut progress: impl FnMut(u64),
) -> io::Result<Read> {
    let (jobs, job_queue) = bounded::<Job>(threads + 2);
    let (done, done_queue) = bounded::<Done>(threads + 2);
    let mut lines = first_line - 1;
    let (mut records, mut unparsed, mut span) = (0, 0, None::<(Nanos, Nanos)>);
    let mut lost = Lost::default();
    thread::scope(|scope| {
        // Dropped at the end, so that the threads end.
        let jobs = jobs;
        for _ in 0..threads {
            let (queue, done) = (job_queue.clone(), done.clone());
            scope.spawn(move || parse_jobs(&queue, &done, first_line));
        }
        drop((job_queue, done));
        let mut order = Order { queue: done_queue, next: 0, waiting: BTreeMap::new() };
        let (mut sent, mut at_end, mut buffers) = (0, false, Vec::new());
        loop {
            while !at_end && sent - order.next < threads as u64 + 2 {
                let buffer = buffers.pop().unwrap_or_default();
                let Some(block) = blocks.next_whole(buffer, |lines| reader.whole(lines)) else {
                    at_end = true;
                    break;
                };
                let job = Job { number: sent, reader: reader.clone(), block };
                reader.advance(job.block.lines(0));
                lines = first_line - 1 + job.block.next_line - 1;
                sent += 1;
                if jobs.send(job).is_err() {
                    return Err(io::Error::other("a thread ended"));
                }
                progress(blocks.progress().on_disk.load(Ordering::Relaxed));
            }
            if order.next == sent {
                return Ok(());
            }
            let Done { collected, buffer, .. } =
                order.next().ok_or_else(|| io::Error::other("a thread ended before its work"))?;
            buffers.push(buffer);
            records += collected.understood;
            unparsed += collected.unparsed;
            lost.add_all(&collected.lost);
            span = span.into_iter().chain(collected.span).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
            for record in &collected.records {
                let name = || collected.sensors.get(&record.known.sensor).cloned().unwrap_or_default();
                uses.take(record, name);
                uses.ended().try_for_each(|span| writer.push(span))?;
            }
        }
    })?;
    let progress = blocks.progress();
    let plain = progress.on_disk.load(Ordering::Relaxed) == progress.content.load(Ordering::Relaxed);
    Ok(Read { lines, records, unparsed, lost, span, summary: blocks.finish(), plain })
}

fn parse_jobs(queue: &Receiver<Job>, done: &Sender<Done>, first_line: u64) {
    for Job { number, block, mut reader } in queue {
        let mut collected = Collected::default();
        let mut lines = block.lines(0);
        lines.first.line += first_line - 1;
        // Nobody looks for second copies here: they say the same of the same host.
        reader.read(lines, HashSeed(0), &mut collected);
        if done.send(Done { number, collected, buffer: block.into_buffer() }).is_err() {
            return;
        }
    }
}

/// What is done, in the order of the jobs.
struct Order {
    queue: Receiver<Done>,
    next: u64,
    waiting: BTreeMap<u64, Done>,
}

impl Order {
    fn next(&mut self) -> Option<Done> {
        loop {
            if let Some(done) = self.waiting.remove(&self.next) {
                self.next += 1;
                return Some(done);
            }
            let done = self.queue.recv().ok()?;
            self.waiting.insert(done.number, done);
        }
    }
}
