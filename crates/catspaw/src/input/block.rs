//! From a stream of bytes to blocks of whole lines.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use catspaw_records::{Block, Place, line_ends};
use memchr::{memchr, memrchr};

use super::{Packing, Problem, Source, What};

/// How much a block holds, and with it how long a line may be, its end included.
const BLOCK: usize = 1 << 21;

/// As much of the content as tells what it is.
const HEAD: usize = 64 << 10;

/// As much is unpacked at once. An unpacker that meets damage takes back what it has unpacked in that step, so that as
/// much before the damage is lost.
const STEP: usize = 64 << 10;

/// Where every so many lines begin is kept of a file that can be read from there.
const MARKED: usize = 1024;

/// So many places of lines that were too long are kept.
const PLACES: usize = 8;

/// What is said of a line that does not fit into a block.
pub(crate) const LONG_LINE: &str = "line longer than 2 MiB";

/// What a block is kept in, and the next one again.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    /// Longer than what is used of it, so that it need not be cleared for each block.
    bytes: Vec<u8>,
    /// Where its lines end.
    ends: Vec<u32>,
}

/// Whole lines of a file.
#[derive(Debug)]
pub(crate) struct TextBlock {
    buffer: Buffer,
    len: usize,
    /// The number of its first line, from 1.
    pub(crate) first_line: u64,
    /// The number of the line that follows it.
    pub(crate) next_line: u64,
    /// Bytes of the content before it.
    pub(crate) offset: u64,
}

impl TextBlock {
    /// The lines.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer.bytes[..self.len]
    }

    /// Where some of its lines begin, its first among them: their numbers, and the bytes of the content before them.
    pub(crate) fn marks(&self) -> impl Iterator<Item = (u64, u64)> {
        let ends = self.buffer.ends.iter().map(|&end| u64::from(end) + 1).filter(|&start| start < self.len as u64);
        let starts = std::iter::once(0).chain(ends).step_by(MARKED);
        (self.first_line..).step_by(MARKED).zip(starts.map(|start| self.offset + start))
    }

    /// The lines in pieces of as many as are looked at to tell what they are.
    pub(crate) fn samples(&self) -> impl Iterator<Item = &[u8]> {
        let mut lines = self.bytes();
        std::iter::from_fn(move || {
            let most = &lines[..lines.len().min(HEAD)];
            let whole = memrchr(b'\n', most).map_or(most.len(), |newline| newline + 1);
            let (sample, rest) = lines.split_at(whole);
            lines = rest;
            (!sample.is_empty()).then_some(sample)
        })
    }

    /// The lines as a reader takes them; `file` is the file's number in the run.
    pub(crate) fn lines(&self, file: u32) -> Block<'_> {
        Block::new(self.bytes(), Place { file, line: self.first_line }).with_ends(&self.buffer.ends)
    }

    /// The buffer, to be given back to [`BlockReader::next`].
    pub(crate) fn into_buffer(self) -> Buffer {
        self.buffer
    }
}

/// How far the reading has come. Another thread may look at it.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Bytes read from the disk.
    pub(crate) on_disk: AtomicU64,
    /// Bytes of content, unpacked.
    pub(crate) content: AtomicU64,
}

/// What is to be said of a file after its last block.
#[derive(Debug)]
pub(crate) struct Summary {
    /// Bytes read from the disk.
    pub(crate) on_disk: u64,
    /// How many lines were left out because they were too long ([`LONG_LINE`]).
    pub(crate) long_lines: u64,
    /// The numbers of the first of them.
    pub(crate) long_line_places: Vec<u64>,
    /// Why the file, or its end, was not read; or that it is empty.
    pub(crate) problem: Option<Problem>,
}

/// Gives the lines of one file in blocks.
pub(crate) struct BlockReader {
    source: Source,
    content: Box<dyn Read + Send>,
    packing: Packing,
    progress: Arc<Progress>,
    written: SystemTime,
    size: Option<u64>,
    /// What was read and not given yet: the beginning of a line, or the head.
    ahead: Vec<u8>,
    /// A block that was given back.
    again: Option<TextBlock>,
    at_end: bool,
    line: u64,
    long_lines: u64,
    long_line_places: Vec<u64>,
    cut_off: bool,
    failure: Option<What>,
}

/// The content as it comes, for what is not in lines; what is wrong with it, [`BlockReader::finish`] says.
impl Read for BlockReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ahead.is_empty() {
            return Ok(self.fill(buffer, 0));
        }
        let len = self.ahead.len().min(buffer.len());
        buffer[..len].copy_from_slice(&self.ahead[..len]);
        self.ahead.drain(..len);
        Ok(len)
    }
}

impl BlockReader {
    pub(super) fn new(
        source: Source,
        content: Box<dyn Read + Send>,
        packing: Packing,
        progress: Arc<Progress>,
        written: SystemTime,
        size: Option<u64>,
    ) -> Self {
        Self {
            source,
            content,
            packing,
            progress,
            written,
            size,
            ahead: Vec::new(),
            again: None,
            at_end: false,
            line: 1,
            long_lines: 0,
            long_line_places: Vec::new(),
            cut_off: false,
            failure: None,
        }
    }

    /// How far it has come.
    pub(crate) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// A problem with its file.
    pub(crate) fn problem(&self, what: What) -> Problem {
        self.source.problem(what)
    }

    /// Whether it can be read again from any of its bytes.
    pub(crate) fn is_seekable(&self) -> bool {
        self.packing == Packing::None && self.size.is_some()
    }

    /// When the file was last written; for a pipe now.
    pub(crate) fn written(&self) -> SystemTime {
        self.written
    }

    /// Its bytes on disk, where known.
    pub(crate) fn size(&self) -> Option<u64> {
        self.size
    }

    /// The beginning of the content, up to 64 KiB, by which it is told what it is. Nothing of it is lost. To be
    /// called before the first block. Where it is empty there is no content, and [`BlockReader::finish`] says why.
    pub(crate) fn head(&mut self) -> &[u8] {
        let mut head = std::mem::take(&mut self.ahead);
        let mut len = head.len();
        if len < HEAD {
            head.resize(HEAD, 0);
            len = self.fill(&mut head, len);
            head.truncate(len);
        }
        self.ahead = head;
        &self.ahead[..len.min(HEAD)]
    }

    /// Gives back the block that it gave last, as a whole: it is the next one once more.
    pub(crate) fn give_back(&mut self, block: TextBlock) {
        self.again = Some(block);
    }

    /// The next block, in `buffer` where that is one of a block before; `None` at the end.
    pub(crate) fn next(&mut self, buffer: Buffer) -> Option<TextBlock> {
        self.next_whole(buffer, |lines| lines.len())
    }

    /// The same for a reader that does not want all lines at once: `whole` says how many bytes of them.
    pub(crate) fn next_whole(&mut self, buffer: Buffer, whole: impl Fn(&[u8]) -> usize) -> Option<TextBlock> {
        if let Some(block) = self.again.take() {
            return Some(block);
        }
        let Buffer { mut bytes, ends } = buffer;
        bytes.resize(BLOCK, 0);
        let mut len = self.ahead.len();
        bytes[..len].copy_from_slice(&self.ahead);
        self.ahead.clear();
        loop {
            len = self.fill(&mut bytes, len);
            if let Some(newline) = memrchr(b'\n', &bytes[..len]) {
                let whole = if self.at_end { len } else { whole(&bytes[..=newline]) };
                self.ahead.extend_from_slice(&bytes[whole..len]);
                return Some(self.block(Buffer { bytes, ends }, whole));
            }
            if self.at_end {
                return (len > 0).then(|| self.block(Buffer { bytes, ends }, len));
            }
            len = self.skip_line(&mut bytes);
        }
    }

    fn block(&mut self, mut buffer: Buffer, len: usize) -> TextBlock {
        let Buffer { bytes, ends } = &mut buffer;
        let bytes = &bytes[..len];
        ends.clear();
        line_ends(bytes, ends);
        let cut_off = bytes.last() != Some(&b'\n');
        let first_line = self.line;
        self.line += ends.len() as u64 + u64::from(cut_off);
        self.cut_off = cut_off;
        let read = self.progress.content.load(Ordering::Relaxed);
        TextBlock { buffer, len, first_line, next_line: self.line, offset: read - (self.ahead.len() + len) as u64 }
    }

    /// Leaves out the line that fills the whole buffer. What follows it is moved to the buffer's beginning; its length
    /// is given back.
    fn skip_line(&mut self, buffer: &mut [u8]) -> usize {
        self.long_lines += 1;
        if self.long_line_places.len() < PLACES {
            self.long_line_places.push(self.line);
        }
        self.line += 1;
        loop {
            let len = self.fill(buffer, 0);
            if let Some(newline) = memchr(b'\n', &buffer[..len]) {
                buffer.copy_within(newline + 1..len, 0);
                return len - newline - 1;
            }
            if self.at_end {
                self.cut_off = true;
                return 0;
            }
        }
    }

    /// Reads until `buffer`, of which `len` bytes are taken, is full or nothing is left. Gives how much of it is taken
    /// then.
    fn fill(&mut self, buffer: &mut [u8], mut len: usize) -> usize {
        let before = len;
        let step = if self.packing == Packing::None { BLOCK } else { STEP };
        while len < buffer.len() && !self.at_end {
            let end = buffer.len().min(len + step);
            match self.content.read(&mut buffer[len..end]) {
                Ok(0) => self.at_end = true,
                Ok(read) => len += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.at_end = true;
                    self.failure = Some(self.diagnose(error));
                }
            }
        }
        self.progress.content.fetch_add((len - before) as u64, Ordering::Relaxed);
        len
    }

    /// Whether it was the system that failed, or the unpacker.
    fn diagnose(&self, error: io::Error) -> What {
        if error.raw_os_error().is_some() || self.packing == Packing::None {
            What::Unreadable(error)
        } else if error.kind() == io::ErrorKind::UnexpectedEof {
            What::CutOff(self.packing)
        } else {
            What::Damaged(self.packing, error)
        }
    }

    /// What is to be said after the last block.
    pub(crate) fn finish(self) -> Summary {
        let content = self.progress.content.load(Ordering::Relaxed);
        let empty = (content == 0).then_some(What::Empty);
        let cut_off = self.cut_off.then_some(What::LastLine);
        Summary {
            on_disk: self.progress.on_disk.load(Ordering::Relaxed),
            long_lines: self.long_lines,
            long_line_places: self.long_line_places,
            problem: self.failure.or(empty).or(cut_off).map(|what| self.source.problem(what)),
        }
    }
}
