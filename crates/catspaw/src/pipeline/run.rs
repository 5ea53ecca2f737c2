//! The coordinator: reads files in step with one another, has their blocks parsed, and hands them to the shards in a
//! fixed order.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::thread;

use catspaw_engine::Settings;
use catspaw_records::{Days, HashSeed, Nanos};
use catspaw_relay::Config;
use catspaw_rules::Ruleset;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use jiff::tz::TimeZone;

use super::active::{Active, Content, Work};
use super::clocks::Clocks;
use super::fold::{Folded, Folder, Message, ROUND, Watermarks};
use super::gathered::{FileRead, Gathered};
use super::parse::{Batch, Scratch, parse, parse_watched, sort_flows};
use super::parts::{follow_parts, take_parts};
use super::restrict::Restriction;
use super::route::Home;
use super::rows::Wanted;
use super::shard::Lanes;
use super::survey::{Looked, Stamps, Surveyed, follow_new_year, survey};
use super::witness::{self, Witness, Witnesses};
use crate::args::Checksums;
use crate::columns::Maps;
use crate::indicators::Signatures;
use crate::input::{BlockReader, Buffer, Source};
use crate::packets::{self, CaptureRead, Captures, Feed, Tracking};

/// What waits for a worker weighs half as much as it folds in one go, so that all others go on meanwhile: in units of so many
/// rows ([`Batch::weight`]).
const UNIT: usize = 4096;
const UNITS: usize = ROUND / UNIT / 2;

/// Batches on their way to one worker.
struct Queue {
    batches: Sender<Message>,
    /// Holds a token for each unit that waits.
    waiting: Sender<()>,
}

impl Queue {
    /// Sends a batch as soon as there is room for it; `false` where the worker is gone.
    fn send(&self, message: Message) -> bool {
        (0..units(&message)).all(|_| self.waiting.send(()).is_ok()) && self.batches.send(message).is_ok()
    }
}

fn units((batch, _): &Message) -> usize {
    batch.weight().div_ceil(UNIT).clamp(1, UNITS)
}

/// How to read.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) home: Home,
    pub(crate) config: Arc<Config>,
    pub(crate) restriction: Arc<Restriction>,
    pub(crate) stamps: Stamps,
    pub(crate) maps: Arc<Maps>,
    pub(crate) days: Days,
    /// Whether days are those of the zone that the logs say, where that is one.
    pub(crate) days_of_logs: bool,
    pub(crate) threads: usize,
    /// Nanoseconds that the merge waits for a record that comes out of order.
    pub(crate) wait: i64,
    pub(crate) connections: Wanted,
    /// Whether all addresses of ours are wanted.
    pub(crate) ours: bool,
    pub(crate) seed: HashSeed,
    pub(crate) signatures: Arc<Signatures>,
    /// Whether packets with a wrong checksum are left out.
    pub(crate) checksums: Checksums,
    /// What is held against packets, if anything is.
    pub(crate) rules: Option<Arc<Ruleset>>,
    /// What is to be done about the clocks of several sensors.
    pub(crate) clocks: Clocks,
}

struct Job {
    number: u64,
    file: u32,
    work: Work,
    /// Openings with hashes below are looked for.
    below: u64,
}

struct Done {
    number: u64,
    batch: Batch,
    buffer: Option<Buffer>,
    witnesses: Vec<Witness>,
}

/// Reads all of `sources`, once. `progress` is told the bytes read from the disk.
///
/// # Errors
/// Where a temporary file fails. What is wrong with the evidence is in the result.
pub(super) fn run(sources: Vec<Source>, options: &Options, progress: impl FnMut(u64)) -> io::Result<Gathered> {
    let mut gathered = Gathered::default();
    let mut pending = Vec::new();
    let (mut captures, mut unknown) = (Vec::new(), Vec::new());
    for (number, source) in sources.into_iter().enumerate() {
        match survey(source, number as u32, &options.stamps, &options.maps) {
            Ok(Looked::Log(mut surveyed)) => {
                gathered.problems.append(&mut surveyed.remarks);
                pending.push(*surveyed);
            }
            Ok(Looked::Capture(capture)) => captures.push(capture),
            Ok(Looked::Scan(form, source, blocks)) => {
                let opened = (source, blocks, number as u32);
                let (read, problem) = gathered.scans.read(form, opened, &options.stamps.zone, &options.signatures);
                gathered.files.insert(number as u32, read);
                gathered.problems.extend(problem);
            }
            Ok(Looked::Unknown(file)) => unknown.push(file),
            Err(problem) => gathered.problems.push(problem),
        }
    }
    gathered.problems.extend(take_parts(unknown, &mut pending, &options.stamps));
    follow_new_year(&mut pending, &options.stamps, &options.maps);
    follow_parts(&mut pending, &options.stamps.zone);
    if options.clocks.are_compared(&captures, &pending) {
        gathered.witnesses = Some(Witnesses::default());
    }
    if let Clocks::Off(offsets) = &options.clocks {
        for surveyed in &mut pending {
            surveyed.rank.0 = offsets.earliest(&surveyed.first).unwrap_or(surveyed.rank.0);
        }
    }
    gathered.zone = said_zone(&pending).filter(|_| options.days_of_logs);
    let days = gathered.zone.clone().map_or_else(|| options.days.clone(), Days::new);
    let options = &Options { days, ..options.clone() };
    // The earliest is taken from the end.
    pending.sort_by_key(|surveyed| std::cmp::Reverse(surveyed.rank));
    let folded = match options.threads {
        0 | 1 => alone(captures, pending, options, &mut gathered, progress),
        threads => together(threads, captures, pending, options, &mut gathered, progress),
    };
    folded.map(|folded| {
        let (lanes, rows): (Vec<_>, Vec<_>) = folded.into_iter().unzip();
        let mut lanes: Vec<(usize, Lanes)> = lanes.into_iter().flatten().collect();
        lanes.sort_by_key(|&(number, _)| number);
        gathered.lanes = lanes.into_iter().map(|(_, lanes)| lanes).collect();
        gathered.counted = rows.iter().map(|rows| rows.counted).sum();
        gathered.rows = rows;
        gathered
    })
}

/// The zone that the earliest log says of which one says any, if it is not UTC: where a log is split changes nothing.
fn said_zone(pending: &[Surveyed]) -> Option<TimeZone> {
    let said = pending.iter().filter(|surveyed| surveyed.said_zone.is_some());
    let minutes = said.min_by_key(|surveyed| surveyed.rank)?.said_zone.filter(|minutes| *minutes != 0)?;
    let offset = jiff::tz::Offset::from_seconds(i32::from(minutes) * 60).ok()?;
    Some(TimeZone::fixed(offset))
}

/// All of it in this thread.
fn alone(
    captures: Vec<packets::Opened>,
    pending: Vec<Surveyed>,
    options: &Options,
    gathered: &mut Gathered,
    progress: impl FnMut(u64),
) -> io::Result<Vec<Folded>> {
    let mut folder = Folder::new(0, 1, options);
    thread::scope(|scope| {
        let mut coordinator = Coordinator::new(pending, options, gathered);
        coordinator.track(scope, captures);
        coordinator.run_alone(&mut folder, progress)
    })?;
    Ok(vec![folder.finish()?])
}

/// The work shared out: blocks to whoever is free, hosts by their shard.
fn together(
    threads: usize,
    captures: Vec<packets::Opened>,
    pending: Vec<Surveyed>,
    options: &Options,
    gathered: &mut Gathered,
    progress: impl FnMut(u64),
) -> io::Result<Vec<Folded>> {
    let (jobs, job_queue) = bounded::<Job>(threads + 2);
    let (done, done_queue) = bounded::<Done>(threads + 2);
    thread::scope(|scope| {
        for _ in 0..threads {
            let (queue, done) = (job_queue.clone(), done.clone());
            scope.spawn(move || {
                let mut scratch = Scratch::default();
                for job in queue {
                    if done.send(work_off(job, options, &mut scratch)).is_err() {
                        return;
                    }
                }
            });
        }
        drop((job_queue, done));
        let mut workers = Vec::new();
        let mut shards = Vec::new();
        for worker in 0..threads {
            let (batches, queue) = unbounded::<Message>();
            let (waiting, tokens) = bounded(UNITS);
            shards.push(Queue { batches, waiting });
            workers.push(scope.spawn(move || {
                let mut folder = Folder::new(worker, threads, options);
                queue.into_iter().try_for_each(|message| {
                    tokens.iter().take(units(&message)).for_each(drop);
                    folder.take(message)
                })?;
                folder.finish()
            }));
        }
        let mut coordinator = Coordinator::new(pending, options, gathered);
        coordinator.track(scope, captures);
        coordinator.run(jobs, &done_queue, &shards, progress);
        drop(shards);
        let join =
            |w: thread::ScopedJoinHandle<'_, _>| w.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        workers.into_iter().map(join).collect()
    })
}

fn work_off(Job { number, file, work, below }: Job, options: &Options, scratch: &mut Scratch) -> Done {
    let (seed, home, clocks) = (options.seed, &options.home, &options.clocks);
    let (batch, witnesses, buffer) = match work {
        Work::Lines(block, reader) => {
            let lines = block.lines(file);
            let (batch, witnesses) = match below > 0 || matches!(clocks, Clocks::Off(_)) {
                true => parse_watched(reader, lines, seed, home, (clocks, below), scratch),
                false => (parse(reader, lines, seed, home, scratch), Vec::new()),
            };
            (batch, witnesses, Some(block.into_buffer()))
        }
        Work::Flows(flows) => {
            let mut witnesses = Vec::new();
            if below > 0 {
                flows.records.iter().for_each(|record| witness::see(record, below, &mut witnesses));
            }
            (sort_flows(flows, file, home, scratch), witnesses, None)
        }
    };
    Done { number, batch, buffer, witnesses }
}

struct Coordinator<'a> {
    options: &'a Options,
    /// Files whose turn has not come, the earliest last.
    pending: Vec<Surveyed>,
    active: Vec<Active>,
    next_job: u64,
    next_done: u64,
    waiting: BTreeMap<u64, Done>,
    watermarks: Watermarks,
    buffers: Vec<Buffer>,
    /// Bytes of files that are finished.
    read_before: u64,
    gathered: &'a mut Gathered,
}

impl<'a> Coordinator<'a> {
    fn new(pending: Vec<Surveyed>, options: &'a Options, gathered: &'a mut Gathered) -> Self {
        Self {
            options,
            pending,
            active: Vec::new(),
            next_job: 0,
            next_done: 0,
            waiting: BTreeMap::new(),
            watermarks: Watermarks::default(),
            buffers: Vec::new(),
            read_before: 0,
            gathered,
        }
    }

    fn run_alone(&mut self, folder: &mut Folder, mut progress: impl FnMut(u64)) -> io::Result<()> {
        let mut scratch = Scratch::default();
        loop {
            self.open_due();
            if let Some(job) = self.read_next() {
                let message = self.take(work_off(job, self.options, &mut scratch));
                folder.take(message)?;
                progress(self.bytes_read());
            } else if self.active.is_empty() && self.pending.is_empty() {
                return Ok(());
            }
            self.close_ended();
        }
    }

    fn run(&mut self, jobs: Sender<Job>, done: &Receiver<Done>, shards: &[Queue], mut progress: impl FnMut(u64)) {
        let mut scratch = Scratch::default();
        loop {
            self.open_due();
            if self.in_flight() < self.options.threads + 2
                && let Some(job) = self.read_next()
            {
                if let Work::Flows(_) = job.work {
                    // It takes less than to have somebody else do it.
                    let done = work_off(job, self.options, &mut scratch);
                    self.waiting.insert(done.number, done);
                } else if jobs.send(job).is_err() {
                    return;
                }
                progress(self.bytes_read());
            } else if self.in_flight() > 0 {
                // One at a time: what is read next must not depend on which thread is quicker.
                let Some(next) = self.await_next(done) else { return };
                let message = self.take(next);
                for shard in shards {
                    // A worker that is gone has failed; its error is found when it is joined.
                    if !shard.send(message.clone()) {
                        return;
                    }
                }
            } else if self.active.is_empty() && self.pending.is_empty() {
                return;
            }
            self.close_ended();
        }
    }

    /// The next block in the order of the jobs.
    fn await_next(&mut self, done: &Receiver<Done>) -> Option<Done> {
        loop {
            if let Some(next) = self.waiting.remove(&self.next_done) {
                self.next_done += 1;
                return Some(next);
            }
            let next = done.recv().ok()?;
            self.waiting.insert(next.number, next);
        }
    }

    fn in_flight(&self) -> usize {
        self.active.iter().map(|active| active.in_flight).sum()
    }

    fn bytes_read(&self) -> u64 {
        self.read_before + self.active.iter().map(|active| active.content.bytes_read()).sum::<u64>()
    }

    /// Opens the files whose records may be due: those that begin before what the open ones have come to.
    fn open_due(&mut self) {
        while let Some(next) = self.pending.last() {
            let begins = next.rank.0.plus(-self.options.wait);
            let reached = self.active.iter().map(Active::reached).min();
            if reached.is_some_and(|reached| begins > reached) {
                return;
            }
            let Some(mut next) = self.pending.pop() else { return };
            match next.open.take().map_or_else(|| next.source.open(), Ok) {
                Ok(blocks) => self.activate(blocks, next),
                Err(problem) => self.gathered.problems.push(problem),
            }
        }
    }

    /// Begins with the captures, all as one.
    fn track<'scope>(&mut self, scope: &'scope thread::Scope<'scope, '_>, files: Vec<packets::Opened>) {
        for opened in &files {
            self.gathered.files.insert(opened.file, FileRead::new(opened.source.clone(), opened.format));
        }
        let Some(file) = files.iter().map(|opened| opened.file).min() else { return };
        let captures = Captures::new(files, self.options.wait);
        let rank = (captures.begins(), 0, file);
        let home = self.options.home.clone();
        let settings = Settings {
            sensor: packets::sensor(),
            resolution: 1,
            is_inside: Arc::new(move |addr| home.is_inside(addr, None)),
        };
        let verify = self.options.checksums.are_checked(|| captures.are_checksums_right());
        let tracking = Tracking {
            settings: Arc::new(settings),
            threads: self.options.threads,
            verify,
            rules: self.options.rules.clone(),
        };
        let content = Content::Packets(Box::new(Feed::start(scope, captures, &tracking)));
        self.active.push(Active { file, content, rank, wait: 0, reach: BTreeMap::new(), in_flight: 0, ended: false });
    }

    fn activate(&mut self, blocks: BlockReader, surveyed: Surveyed) {
        let Surveyed { source, reader, guessed_year, written_by, zone, rank, passed, .. } = surveyed;
        let file = rank.2;
        let mut read = FileRead { guessed_year, written_by, zone, ..FileRead::new(source, reader.format()) };
        passed.iter().for_each(|passed| read.pass(passed));
        self.gathered.files.insert(file, read);
        let (content, wait) = (Content::Lines(Box::new((blocks, reader))), self.options.wait);
        self.active.push(Active { file, content, rank, wait, reach: BTreeMap::new(), in_flight: 0, ended: false });
    }

    /// The next block of the file that is furthest behind. Several files are read in step: one block each is on its
    /// way, so that what the merge holds stays small.
    fn read_next(&mut self) -> Option<Job> {
        let alone = self.active.iter().filter(|active| !active.ended).count() == 1;
        let active = self
            .active
            .iter_mut()
            .filter(|active| !active.ended && (alone || active.in_flight == 0))
            .min_by_key(|active| active.reached())?;
        let Some(mut work) = active.content.next(&mut self.buffers) else {
            active.ended = true;
            return None;
        };
        if let (Work::Flows(flows), Some(rules)) = (&mut work, &self.options.rules) {
            let alerts = std::mem::take(&mut flows.alerts);
            self.gathered.alerts.take(alerts, rules, &self.options.restriction);
        }
        if let (Work::Lines(block, _), Content::Lines(lines)) = (&work, &active.content)
            && lines.0.is_seekable()
            && let Some(file) = self.gathered.files.get_mut(&active.file)
        {
            file.marks.extend(block.marks());
        }
        active.in_flight += 1;
        let number = self.next_job;
        self.next_job += 1;
        let below = self.gathered.witnesses.as_ref().map_or(0, Witnesses::below);
        Some(Job { number, file: active.file, work, below })
    }

    /// Takes a parsed block in its turn and says up to which moment the shards may go on.
    fn take(&mut self, done: Done) -> (Arc<Batch>, Arc<Watermarks>) {
        let Done { mut batch, buffer, witnesses, .. } = done;
        self.buffers.extend(buffer);
        if let Some(all) = &mut self.gathered.witnesses {
            all.take(&witnesses);
        }
        if let Some(active) = self.active.iter_mut().find(|active| active.file == batch.file) {
            active.in_flight -= 1;
            batch.rank = active.rank;
            for (&sensor, count) in batch.sensors.iter().filter(|(_, count)| count.reach.reached().is_some()) {
                let reach = active.reach.entry(sensor).or_default();
                batch.before.insert(sensor, *reach);
                reach.follow(&count.reach);
            }
        }
        if let Some(file) = self.gathered.files.get_mut(&batch.file) {
            file.add(&batch);
        }
        self.gathered.strangers.add_all(&batch.strangers);
        self.gathered.dropped.add_all(&batch.dropped);
        self.gathered.heard.0 += batch.heard.0;
        self.gathered.heard.1 += batch.heard.1;
        self.advance_watermarks();
        (Arc::new(batch), Arc::new(self.watermarks.clone()))
    }

    fn advance_watermarks(&mut self) {
        let next = self.pending.last().map_or(Nanos::MAX, |surveyed| surveyed.rank.0);
        let next = next.plus(-self.options.wait);
        let reached: Vec<Nanos> = self.active.iter().map(|active| active.reached().plus(-active.wait)).collect();
        let others = reached.iter().copied().fold(next, Nanos::min);
        let Watermarks { others: all, by_sensor } = &mut self.watermarks;
        *all = others.max(*all);
        for sensor in self.active.iter().flat_map(|active| active.reach.keys().copied()) {
            let of = |(active, &reached): (&Active, &Nanos)| {
                active.reached_by(sensor).map_or(reached, |own| own.plus(-active.wait))
            };
            let own = self.active.iter().zip(&reached).map(of).fold(next, Nanos::min);
            let before = by_sensor.entry(sensor).or_insert(own);
            *before = own.max(*before);
        }
        by_sensor.retain(|_, own| *own > *all);
    }

    fn close_ended(&mut self) {
        while let Some(at) = self.active.iter().position(|active| active.ended && active.in_flight == 0) {
            let active = self.active.remove(at);
            match active.content {
                Content::Lines(lines) => {
                    let summary = lines.0.finish();
                    self.read_before += summary.on_disk;
                    if let Some(file) = self.gathered.files.get_mut(&active.file) {
                        file.finish(&summary);
                    }
                    self.gathered.problems.extend(summary.problem);
                }
                Content::Packets(feed) => feed.finish().into_iter().for_each(|read| self.captured(read)),
            }
        }
    }
}

impl Coordinator<'_> {
    /// Takes what was read of a capture.
    fn captured(&mut self, read: CaptureRead) {
        self.read_before += read.bytes;
        if let Some(file) = self.gathered.files.get_mut(&read.file) {
            file.captured(&read);
        }
        self.gathered.problems.extend(read.problems);
    }
}
