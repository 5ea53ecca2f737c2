//! Capture files as one sequence of packets in the order of time.

mod disorder;
mod frames;

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use catspaw_engine::capture::{self, Frame, LinkType};
use catspaw_engine::decode::{self, Decoder};
use catspaw_records::{Nanos, Place};
use xxhash_rust::xxh3::xxh3_64;

use disorder::Disorder;
pub(crate) use frames::Framed;

use super::block::{PacketBlock, Takes};
use crate::input::{BlockReader, Problem, Source, What};

/// How much of a file is read at once. Larger ones are slower: they fall out of the cache.
const READ: usize = 256 << 10;
/// The same where packets go to other threads: handing over costs more than the cache gives.
const SHARED: usize = 640 << 10;
/// The same where a frame is longer.
const LONG: usize = capture::LONGEST + SHARED;
/// Packets of the beginning whose checksums are looked at, as many as Suricata does.
const CHECKED: u32 = 1000;
/// Frames of one moment among which second copies are looked for.
const SAME_MOMENT: usize = 4096;

/// A capture file whose beginning was looked at.
pub(crate) struct Opened {
    pub(crate) source: Source,
    pub(crate) file: u32,
    pub(crate) format: &'static str,
    /// Kept open where it cannot be opened again (a pipe).
    pub(crate) open: Option<BlockReader>,
    /// The earliest moment of its first packets.
    pub(crate) begins: Nanos,
    /// Whether no more than a tenth of its first packets have a wrong checksum.
    right_checksums: bool,
    /// Whether its first packets are not in the order of time.
    is_disordered: bool,
}

/// What was read of one capture file.
#[derive(Debug)]
pub(crate) struct CaptureRead {
    pub(crate) file: u32,
    /// Packets, also those that hold no IP.
    pub(crate) packets: u64,
    /// Those that hold no IP, or what is not read.
    pub(crate) skipped: u64,
    /// Second copies of a packet that another file holds.
    pub(crate) duplicates: u64,
    /// Those of which the capture holds a part alone.
    pub(crate) cut: u64,
    /// Those that come after later ones that had been taken already: they count as of the latest moment so far, or, where they are later
    /// than the merge waits, as of a clock that was set back.
    pub(crate) late: u64,
    pub(crate) span: Option<(Nanos, Nanos)>,
    /// Bytes on disk.
    pub(crate) bytes: u64,
    pub(crate) problems: Vec<Problem>,
}

/// All capture files of a run.
pub(crate) struct Captures {
    /// Those whose turn has not come, the earliest last.
    pending: Vec<Opened>,
    open: Vec<Open>,
    decoder: Decoder,
    wait: i64,
    /// How much is read at once.
    read_size: usize,
    /// The latest stamp so far: a packet that is stamped a little earlier counts as of this moment.
    clock: Nanos,
    /// Frames of the current moment, where several files are open.
    seen: Vec<(u32, u64)>,
    seen_at: Nanos,
    read: Vec<CaptureRead>,
    /// Bytes read from the disk so far; another thread may look.
    on_disk: Arc<AtomicU64>,
}

/// Where a frame lies in its file's buffer.
#[derive(Clone, Copy)]
struct FrameAt {
    at: Nanos,
    number: u64,
    link: LinkType,
    start: usize,
    len: usize,
    wire_len: u32,
}

/// A file that is being read.
struct Open {
    content: BlockReader,
    reader: capture::Reader,
    buffer: Vec<u8>,
    filled: usize,
    /// Bytes of the buffer that are frames.
    used: usize,
    frames: Vec<FrameAt>,
    next: usize,
    at_end: bool,
    read: CaptureRead,
    /// What puts its frames in order, since they were seen not to be.
    disorder: Option<Disorder>,
    /// The moment of the latest frame that was read, of a file that is in order so far.
    latest: Nanos,
}

impl Opened {
    /// Of a file that `blocks` is the beginning of.
    pub(crate) fn new(source: Source, file: u32, mut blocks: BlockReader) -> Self {
        let head = blocks.head();
        let mut reader = capture::Reader::new();
        let mut decoder = Decoder::new();
        let (mut begins, mut latest, mut is_disordered) = (None::<Nanos>, Nanos::MIN, false);
        let (mut checked, mut wrong) = (0, 0);
        // What is wrong with it is told when it is read.
        let _ = reader.read(head, &mut |frame: Frame<'_>| {
            begins = Some(begins.map_or(frame.at, |begins| begins.min(frame.at)));
            is_disordered |= frame.at < latest;
            latest = latest.max(frame.at);
            let located = decoder.locate(&frame, &mut |_, _| {});
            let place = Place { file, line: frame.number };
            let packet = located.as_ref().and_then(|located| decode::packet(&located.ip, frame.at, place, true));
            if let Some(packet) = packet.filter(|_| checked < CHECKED) {
                checked += 1;
                wrong += u32::from(packet.bad_checksum);
            }
        });
        let format = reader.format();
        // A regular file is opened again when its turn comes: a directory may hold more files than may be open.
        let open = blocks.size().is_none().then_some(blocks);
        Self {
            source,
            file,
            format,
            open,
            begins: begins.unwrap_or(Nanos::MIN),
            right_checksums: wrong * 10 <= checked,
            is_disordered,
        }
    }
}

impl Captures {
    /// The files in the order of their beginnings. What is stamped up to `wait` nanoseconds before the latest is put in order, or else
    /// taken as of the latest moment so far.
    pub(crate) fn new(mut files: Vec<Opened>, wait: i64) -> Self {
        files.sort_by_key(|file| std::cmp::Reverse((file.begins, file.file)));
        Self {
            pending: files,
            open: Vec::new(),
            decoder: Decoder::new(),
            wait,
            read_size: READ,
            clock: Nanos::MIN,
            seen: Vec::new(),
            seen_at: Nanos::MIN,
            read: Vec::new(),
            on_disk: Arc::default(),
        }
    }

    /// The same, for threads that share the packets.
    pub(super) fn shared(self) -> Self {
        Self { read_size: SHARED, ..self }
    }

    /// Whether no more than a tenth of the first packets have a wrong checksum.
    pub(crate) fn are_checksums_right(&self) -> bool {
        self.pending.last().is_none_or(|file| file.right_checksums)
    }

    /// When the first packet was captured.
    pub(crate) fn begins(&self) -> Nanos {
        self.pending.last().map_or(Nanos::MIN, |file| file.begins)
    }

    /// The next packets, in `block` where that is one of before; `None` at the end.
    pub(super) fn next(&mut self, mut block: PacketBlock, workers: usize) -> Option<PacketBlock> {
        block.clear(workers);
        while block.is_empty() {
            if !self.stretch(&mut block) {
                return None;
            }
        }
        block.reached = self.clock;
        Some(block)
    }

    /// Gives the packets of a stretch, which may be none; false at the end.
    pub(super) fn stretch(&mut self, to: &mut impl Takes) -> bool {
        self.refill();
        self.open_due();
        match self.open.as_slice() {
            [] if self.pending.is_empty() => return false,
            [] => {}
            [_] if self.is_alone() => self.take_all(to),
            _ => self.merge(to),
        }
        true
    }

    /// The latest stamp so far.
    pub(super) fn reached(&self) -> Nanos {
        self.clock
    }

    /// Bytes read from the disk so far.
    pub(crate) fn on_disk(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.on_disk)
    }

    /// What was read of each file, after the end.
    pub(crate) fn finish(self) -> Vec<CaptureRead> {
        self.read
    }

    /// Opens the files that begin before what the open ones hold ends.
    fn open_due(&mut self) {
        while let Some(next) = self.pending.last() {
            let held = self.open.iter().filter_map(Open::ends).max();
            if held.is_some_and(|held| next.begins > held) {
                return;
            }
            let Some(next) = self.pending.pop() else { return };
            let read = CaptureRead::of(next.file);
            let disorder = next.is_disordered.then(Disorder::default);
            match next.open.map_or_else(|| next.source.open(), Ok) {
                Ok(content) => {
                    let mut open = Open::new(content, read, disorder);
                    // Its first frames say whether the next file is due, too.
                    open.fill(self.read_size, self.wait);
                    self.open.push(open);
                }
                Err(problem) => self.read.push(CaptureRead { problems: vec![problem], ..read }),
            }
        }
    }

    /// Reads on where a file's frames are used up, and closes those that are at their end.
    fn refill(&mut self) {
        for open in &mut self.open {
            if open.next == open.frames.len() && !open.at_end {
                open.fill(self.read_size, self.wait);
            }
        }
        while let Some(ended) = self.open.iter().position(|open| open.at_end && open.next == open.frames.len()) {
            self.read.push(self.open.remove(ended).finish());
        }
        let open = self.open.iter().map(|open| open.content.progress().on_disk.load(Ordering::Relaxed)).sum::<u64>();
        let finished = self.read.iter().map(|read| read.bytes).sum::<u64>();
        self.on_disk.store(open + finished, Ordering::Relaxed);
    }

    /// Whether no other file has packets between those of the open one.
    fn is_alone(&self) -> bool {
        let ends = self.open.first().and_then(Open::ends);
        self.pending.last().is_none_or(|next| ends.is_some_and(|ends| next.begins > ends))
    }

    /// Takes all frames of the one open file, where they lie.
    fn take_all(&mut self, to: &mut impl Takes) {
        let Some(mut open) = self.open.pop() else { return };
        for at in open.next..open.frames.len() {
            // The last moment of a file that has just ended may be this one's, too.
            let is_copy = open.frames[at].at == self.seen_at && self.is_copy(&mut open, at);
            if !is_copy {
                self.take(&mut open, at, to, false);
            }
        }
        open.hand_over(to);
        self.open.push(open);
    }

    /// Takes frames of several files in the order of time, as copies, until one file has none left or it is enough.
    fn merge(&mut self, to: &mut impl Takes) {
        while !to.is_full()
            && let Some(mut open) = self.take_earliest()
        {
            let at = open.next;
            open.next += 1;
            if !self.is_copy(&mut open, at) {
                self.take(&mut open, at, to, true);
            }
            self.open.push(open);
        }
    }

    /// The open file whose next frame is the earliest of all; `None` where one of them has none left.
    fn take_earliest(&mut self) -> Option<Open> {
        let first = |open: &Open| open.frames.get(open.next).map(|frame| frame.at);
        if self.open.iter().any(|open| first(open).is_none()) {
            return None;
        }
        let earliest = (0..self.open.len()).min_by_key(|&n| (first(&self.open[n]), self.open[n].read.file))?;
        Some(self.open.swap_remove(earliest))
    }

    /// Whether another file gave the same frame of the same moment.
    fn is_copy(&mut self, open: &mut Open, at: usize) -> bool {
        let frame = open.frames[at];
        if frame.at != self.seen_at {
            self.seen_at = frame.at;
            self.seen.clear();
        }
        let own = (open.read.file, xxh3_64(open.bytes(&frame)));
        let copy = self.seen.iter().any(|other| other.0 != own.0 && other.1 == own.1);
        if copy {
            open.read.duplicates += 1;
        } else if self.seen.len() < SAME_MOMENT {
            self.seen.push(own);
        }
        copy
    }

    /// Finds the packet in a frame.
    fn take(&mut self, open: &mut Open, at: usize, to: &mut impl Takes, copy: bool) {
        let frame = open.frames[at];
        open.read.see(frame.at);
        open.read.cut += u64::from(frame.len < frame.wire_len as usize);
        open.read.late += u64::from(frame.at < self.clock);
        let stamp = (self.on_clock(frame.at), Place { file: open.read.file, line: frame.number });
        let bytes = open.bytes(&frame);
        let (link, wire_len, number) = (frame.link, frame.wire_len, frame.number);
        let framed = Frame { at: stamp.0, number, link, bytes, wire_len };
        match self.decoder.locate(&framed, &mut |what, count| to.dropped(what, count)) {
            Some(located) => {
                let offset = if copy { None } else { located.offset_in(bytes) };
                to.packet(stamp, &located, offset.map(|offset| frame.start + offset));
            }
            None => open.read.skipped += 1,
        }
    }

    /// A moment that does not lie before the one of the packet before it, unless by more than the merge waits: then the
    /// clock was set back.
    fn on_clock(&mut self, at: Nanos) -> Nanos {
        if at < self.clock && self.clock.since(at) <= self.wait {
            return self.clock;
        }
        self.clock = at;
        at
    }
}

impl CaptureRead {
    fn of(file: u32) -> Self {
        Self {
            file,
            packets: 0,
            skipped: 0,
            duplicates: 0,
            cut: 0,
            late: 0,
            span: None,
            bytes: 0,
            problems: Vec::new(),
        }
    }

    fn see(&mut self, at: Nanos) {
        self.packets += 1;
        self.span = Some(self.span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
    }
}

impl Open {
    fn new(content: BlockReader, read: CaptureRead, disorder: Option<Disorder>) -> Self {
        Self {
            content,
            reader: capture::Reader::new(),
            buffer: Vec::new(),
            filled: 0,
            used: 0,
            frames: Vec::new(),
            next: 0,
            at_end: false,
            read,
            disorder,
            latest: Nanos::MIN,
        }
    }

    /// The moment of the latest frame that was read.
    fn ends(&self) -> Option<Nanos> {
        self.frames.last().map(|frame| frame.at)
    }

    fn bytes(&self, frame: &FrameAt) -> &[u8] {
        &self.buffer[frame.start..frame.start + frame.len]
    }

    /// All frames have been taken: whoever needs the buffer in which they lie has it, and gives another for it.
    fn hand_over(&mut self, to: &mut impl Takes) {
        let rest = self.used..self.filled;
        if to.keep(&mut self.buffer, rest.clone()) {
            (self.used, self.filled) = (0, rest.len());
        }
        self.next = self.frames.len();
    }

    /// Reads on until there is a frame.
    fn fill(&mut self, upto: usize, wait: i64) {
        self.frames.clear();
        self.next = 0;
        self.read_on(upto);
        self.put_in_order(wait);
        while self.frames.is_empty() && !self.at_end {
            self.read_on(LONG);
            self.put_in_order(wait);
        }
    }

    /// Puts frames in order that are not: most captures are, and their frames stay where they lie.
    fn put_in_order(&mut self, wait: i64) {
        if self.disorder.is_none() {
            let mut latest = self.latest;
            let first = self.frames.iter().position(|frame| {
                let before = latest;
                latest = latest.max(frame.at);
                frame.at < before
            });
            self.latest = latest;
            let Some(first) = first else { return };
            self.disorder = Some(Disorder::behind(&self.frames[..first]));
        }
        let Self { disorder: Some(disorder), frames, buffer, used, filled, at_end, .. } = self else { return };
        let mut ordered = Vec::with_capacity(buffer.len());
        let taken = disorder.put_in_order(std::mem::take(frames), buffer, wait, &mut ordered);
        *frames = taken;
        if *at_end {
            disorder.finish(frames, &mut ordered);
        }
        let rest = &buffer[*used..*filled];
        *used = ordered.len();
        ordered.extend_from_slice(rest);
        *filled = ordered.len();
        *buffer = ordered;
    }

    /// Reads until the buffer holds so much: what is left of it comes first.
    fn read_on(&mut self, upto: usize) {
        self.buffer.resize(self.buffer.len().max(upto), 0);
        self.buffer.copy_within(self.used..self.filled, 0);
        self.filled -= self.used;
        self.used = 0;
        while self.filled < upto && !self.at_end {
            match self.content.read(&mut self.buffer[self.filled..upto]) {
                Ok(0) => self.at_end = true,
                Ok(read) => self.filled += read,
                // What went wrong, the content says at its end.
                Err(_) => self.at_end = true,
            }
        }
        self.frame();
    }

    /// Cuts what was read into frames.
    fn frame(&mut self) {
        let Self { buffer, filled, frames, .. } = self;
        let bytes = &buffer[..*filled];
        let base = bytes.as_ptr() as usize;
        let read = self.reader.read(bytes, &mut |frame: Frame<'_>| {
            frames.push(FrameAt {
                at: frame.at,
                number: frame.number,
                link: frame.link,
                start: frame.bytes.as_ptr() as usize - base,
                len: frame.bytes.len(),
                wire_len: frame.wire_len,
            });
        });
        match read {
            Ok(used) => {
                self.used = used;
                if self.at_end
                    && let Some(cut) = self.reader.finish(&self.buffer[used..self.filled])
                {
                    self.complain(cut.to_string());
                }
            }
            Err(damaged) => {
                self.at_end = true;
                self.complain(damaged.to_string());
            }
        }
    }

    fn complain(&mut self, what: String) {
        let problem = self.content.problem(What::Capture(what));
        self.read.problems.push(problem);
    }

    fn finish(mut self) -> CaptureRead {
        if self.read.packets + self.read.duplicates == 0 && self.read.problems.is_empty() {
            self.complain("a capture without a packet in it".to_owned());
        }
        let summary = self.content.finish();
        self.read.bytes = summary.on_disk;
        self.read.problems.extend(summary.problem);
        self.read
    }
}
