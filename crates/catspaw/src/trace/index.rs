//! The index of one log: its spans, sorted in segments, and what tells whether they are still the log's.
//!
//! ```text
//! magic, version, place and checksum of the directory   40 bytes
//! segments: distinct addresses, sorted, 16 bytes each; spans by (mapped address, port, beginning), 44 bytes each; a block of
//!           ports stands among those of the whole address (port 0)
//! what is open where the log ends (postcard)
//! the directory (postcard): which log, how it was read, sensors, segments with their checksums
//! ```
//!
//! A segment holds what ended in a stretch of the log, so that a question is asked of few of them. Nothing in a file is
//! believed: every part has a checksum, and lengths are held against the file's own.

use std::fs::File;
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;

use catspaw_records::{Nanos, SensorId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::log::LogState;
use super::span::{Span, address_of, sorted_form};
use super::uses::Open;

/// What an index begins with.
pub(crate) const MAGIC: &[u8; 8] = b"catspawX";
/// Changed with every change of the format, or of what is read into it.
const VERSION: u64 = 3;
const HEADER: usize = 40;
/// Spans of a segment; some 10 MB.
const SEGMENT: usize = 1 << 18;
/// No directory and no list of what is open is longer.
const PART: u64 = 1 << 30;

/// A stretch of the file.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Part {
    offset: u64,
    len: u64,
    checksum: u64,
}

/// Where a segment is and what it may answer.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Segment {
    part: Part,
    addresses: u32,
    spans: u32,
    /// The earliest beginning in it.
    pub(crate) from: Nanos,
    /// The latest end in it.
    pub(crate) to: Nanos,
    /// Whether its spans are those that were open where the log ends.
    open: bool,
}

/// What is known of an index without its spans.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Directory {
    /// Which log, and how far and how it was read.
    pub(crate) log: LogState,
    /// By their numbers in spans.
    pub(crate) sensors: Vec<(SensorId, String)>,
    pub(crate) segments: Vec<Segment>,
    open: Part,
}

/// An index that can be asked.
#[derive(Debug)]
pub(crate) struct Index {
    file: File,
    pub(crate) directory: Directory,
}

/// Why an index is of no use: it is made again.
#[derive(Debug)]
pub(crate) struct Unusable;

impl From<io::Error> for Unusable {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl Index {
    /// Reads the directory of an index.
    ///
    /// # Errors
    /// Where it is none, of another version, or damaged.
    pub(crate) fn open(file: File) -> Result<Self, Unusable> {
        let size = file.metadata()?.len();
        let mut header = [0; HEADER];
        file.read_exact_at(&mut header, 0)?;
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| header[at + byte]));
        if header[..8] != *MAGIC || number(8) != VERSION {
            return Err(Unusable);
        }
        let part = Part { offset: number(16), len: number(24), checksum: number(32) };
        let directory: Directory = decode(&read_part(&file, part, size)?)?;
        let fits = |segment: &Segment| {
            let (addresses, spans) = (segment.addresses as usize, segment.spans as usize);
            let len = addresses as u64 * 16 + spans as u64 * Span::BYTES as u64;
            spans <= SEGMENT && addresses <= 2 * SEGMENT && segment.part.len == len
        };
        if directory.segments.iter().all(fits) { Ok(Self { file, directory }) } else { Err(Unusable) }
    }

    /// Reads a segment.
    ///
    /// # Errors
    /// Where it is damaged.
    pub(crate) fn load(&self, segment: &Segment) -> Result<Loaded, Unusable> {
        let bytes = read_part(&self.file, segment.part, self.file.metadata()?.len())?;
        Ok(Loaded { bytes, addresses: segment.addresses as usize, spans: segment.spans as usize })
    }

    /// Bytes on disk.
    pub(crate) fn size(&self) -> u64 {
        self.file.metadata().map_or(0, |metadata| metadata.len())
    }

    /// What was open where the log ended.
    ///
    /// # Errors
    /// Where it is damaged.
    pub(crate) fn open_uses(&self) -> Result<Open, Unusable> {
        decode(&read_part(&self.file, self.directory.open, self.file.metadata()?.len())?)
    }
}

fn read_part(file: &File, part: Part, size: u64) -> Result<Vec<u8>, Unusable> {
    let end = part.offset.checked_add(part.len).ok_or(Unusable)?;
    if end > size || part.len > PART {
        return Err(Unusable);
    }
    let mut bytes = vec![0; part.len as usize];
    file.read_exact_at(&mut bytes, part.offset)?;
    if xxh3_64(&bytes) == part.checksum { Ok(bytes) } else { Err(Unusable) }
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unusable> {
    postcard::from_bytes(bytes).map_err(|_| Unusable)
}

/// A segment in memory.
#[derive(Debug)]
pub(crate) struct Loaded {
    bytes: Vec<u8>,
    addresses: usize,
    spans: usize,
}

impl Loaded {
    fn address(&self, number: usize) -> Option<[u8; 16]> {
        let at = number.checked_mul(16).filter(|_| number < self.addresses)?;
        self.bytes.get(at..at + 16)?.try_into().ok()
    }

    fn raw(&self, number: usize) -> Option<&[u8; Span::BYTES]> {
        let at = self.addresses * 16 + number * Span::BYTES;
        self.bytes.get(at..at + Span::BYTES)?.try_into().ok()
    }

    /// Number of the mapped address, and the port.
    fn key(&self, number: usize) -> (u32, u16) {
        self.raw(number).map_or((u32::MAX, u16::MAX), |raw| {
            (u32::from_le_bytes([raw[0], raw[1], raw[2], raw[3]]), u16::from_le_bytes([raw[4], raw[5]]))
        })
    }

    fn span(&self, number: usize) -> Option<Span> {
        Span::decode(self.raw(number)?, |address| Some(address_of(self.address(address as usize)?)))
    }

    /// The number of an address that is in it.
    fn number(&self, addr: [u8; 16]) -> Option<u32> {
        let number = first(self.addresses, |number| self.address(number).is_none_or(|address| address >= addr));
        (self.address(number) == Some(addr)).then_some(number as u32)
    }

    /// The spans in which `real` was seen as another address. They are sorted by that: all are looked at.
    pub(crate) fn translations_of(&self, real: [u8; 16]) -> impl Iterator<Item = Span> {
        let spans = self.number(real).map_or(0..0, |_| 0..self.spans);
        let number = self.number(real).unwrap_or_default().to_le_bytes();
        let spans = spans.filter(move |&span| self.raw(span).is_some_and(|raw| raw[24..28] == number));
        spans.filter_map(|span| self.span(span)).filter(Span::translates)
    }

    /// The spans of `mapped`: those at `port`, or of all its ports, those of the whole address (port 0) among them.
    pub(crate) fn of(&self, mapped: [u8; 16], port: Option<u16>) -> impl Iterator<Item = Span> {
        let known = self.number(mapped);
        let number = known.unwrap_or_default();
        let start = first(self.spans, |span| self.key(span) >= (number, port.unwrap_or(0)));
        let end = match port {
            Some(port) => first(self.spans, |span| self.key(span) > (number, port)),
            None => first(self.spans, |span| self.key(span).0 > number),
        };
        let range = known.map_or(0..0, |_| start..end);
        range.filter_map(|span| self.span(span))
    }

    /// Everything in it.
    fn all(&self) -> impl Iterator<Item = Span> {
        (0..self.spans).filter_map(|span| self.span(span))
    }
}

/// The first of `0..len` for which `is_behind` holds, as it does for all after it; `len` where it holds for none.
fn first(len: usize, is_behind: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = low.midpoint(high);
        if is_behind(middle) { high = middle } else { low = middle + 1 }
    }
    low
}

/// Writes an index.
pub(crate) struct Writer {
    file: BufWriter<File>,
    at: u64,
    segments: Vec<Segment>,
    pending: Vec<Span>,
}

impl Writer {
    /// Begins one in an empty file.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(crate) fn new(file: File) -> io::Result<Self> {
        // What is left of one that was not finished is told by its content, too.
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(MAGIC);
        let mut file = BufWriter::with_capacity(1 << 20, file);
        file.write_all(&header)?;
        file.flush()?;
        Ok(Self { file, at: HEADER as u64, segments: Vec::new(), pending: Vec::new() })
    }

    /// Takes over what had ended in the index of a log that goes on. A segment that is not full is filled up.
    ///
    /// # Errors
    /// Where the old one is damaged, or the new one cannot be written.
    pub(crate) fn copy(&mut self, old: &Index) -> Result<(), Unusable> {
        for segment in old.directory.segments.iter().filter(|segment| !segment.open) {
            let loaded = old.load(segment)?;
            if loaded.spans < SEGMENT {
                loaded.all().try_for_each(|span| self.push(span))?;
            } else {
                let part = self.write(&loaded.bytes)?;
                self.segments.push(Segment { part, ..*segment });
            }
        }
        Ok(())
    }

    /// Takes a span that has ended.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub(crate) fn push(&mut self, span: Span) -> io::Result<()> {
        self.pending.push(span);
        if self.pending.len() < SEGMENT { Ok(()) } else { self.end_segment(false) }
    }

    fn end_segment(&mut self, open: bool) -> io::Result<()> {
        let mut spans = std::mem::take(&mut self.pending);
        if spans.is_empty() {
            return Ok(());
        }
        spans.sort_unstable_by_key(|s| (sorted_form(s.mapped.addr), s.mapped.port, s.from, s.to, s.line));
        let mut addresses: Vec<[u8; 16]> =
            spans.iter().flat_map(|s| [sorted_form(s.mapped.addr), sorted_form(s.real.addr)]).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let number = |addr| addresses.binary_search(&sorted_form(addr)).unwrap_or_default() as u32;
        let mut bytes = Vec::with_capacity(addresses.len() * 16 + spans.len() * Span::BYTES);
        bytes.extend(addresses.iter().flatten());
        for span in &spans {
            bytes.extend(span.encode(number(span.mapped.addr), number(span.real.addr)));
        }
        let last = |span: &Span| span.to.plus(i64::from(span.resolution));
        let segment = Segment {
            part: self.write(&bytes)?,
            addresses: addresses.len() as u32,
            spans: spans.len() as u32,
            from: spans.iter().map(|span| span.from).min().unwrap_or(Nanos::MIN),
            to: spans.iter().map(last).max().unwrap_or(Nanos::MAX),
            open,
        };
        self.segments.push(segment);
        spans.clear();
        self.pending = spans;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<Part> {
        let part = Part { offset: self.at, len: bytes.len() as u64, checksum: xxh3_64(bytes) };
        self.file.write_all(bytes)?;
        self.at += part.len;
        Ok(part)
    }

    /// The log ends here, with `spans` open.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub(crate) fn finish(
        mut self,
        spans: Vec<Span>,
        open: &Open,
        sensors: Vec<(SensorId, String)>,
        log: LogState,
    ) -> io::Result<()> {
        self.end_segment(false)?;
        for chunk in spans.chunks(SEGMENT) {
            self.pending.extend_from_slice(chunk);
            self.end_segment(true)?;
        }
        let open = postcard::to_stdvec(open).map_err(io::Error::other)?;
        let open = self.write(&open)?;
        let directory = Directory { log, sensors, segments: std::mem::take(&mut self.segments), open };
        let directory = postcard::to_stdvec(&directory).map_err(io::Error::other)?;
        let directory = self.write(&directory)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(MAGIC)?;
        for number in [VERSION, directory.offset, directory.len, directory.checksum] {
            self.file.write_all(&number.to_le_bytes())?;
        }
        self.file.flush()
    }
}
