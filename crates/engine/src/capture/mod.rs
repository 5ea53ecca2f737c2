//! Capture files: pcap and pcapng, from blocks of bytes to frames.
//!
//! A [`Reader`] is given a file's bytes as they come and tells the frames that are whole; it keeps the byte order, the
//! resolution of the stamps and the interfaces. Nothing is allocated by a length from the file, and the caller needs to
//! keep no more than [`LONGEST`] bytes and the header of a frame that is not whole yet: a longer one is damage, and a
//! longer block of something else is passed over as its bytes come.

mod link;
mod pcap;
mod pcapng;

use std::fmt;

use catspaw_records::Nanos;

pub use link::LinkType;

/// No frame of a file that can be believed is longer: tcpdump's own limit is half of it, and Linux does not merge segments
/// to more.
pub const LONGEST: usize = 512 << 10;

/// One captured frame.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// When it was captured.
    pub at: Nanos,
    /// Its number in the file, from 1.
    pub number: u64,
    /// What it begins with.
    pub link: LinkType,
    /// As much of it as was captured.
    pub bytes: &'a [u8],
    /// Its length on the wire.
    pub wire_len: u32,
}

/// Why a file is not read any further. Nothing behind the place can be told from chance: a frame is found by the length
/// of the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// Bytes of the (unpacked) file before the place.
    pub at: u64,
    /// What is wrong there, a sentence's beginning.
    pub why: &'static str,
}

impl std::error::Error for Damaged {}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {}); what comes before it was read", self.why, self.at)
    }
}

/// Reads one capture file.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    format: Format,
    /// Bytes before those that it is given next.
    at: u64,
    /// Frames so far.
    number: u64,
    /// The moment of the last one: a frame without a stamp is taken as of the same.
    last: Nanos,
    /// Bytes yet to come of a block that is passed over.
    skip: usize,
}

#[derive(Clone, Debug, Default)]
enum Format {
    #[default]
    Unknown,
    Pcap(pcap::Header),
    PcapNg(pcapng::Section),
}

/// What the beginning of the bytes holds.
enum Step<'a> {
    /// Not all of the next block: more bytes are wanted.
    More,
    /// A block of so many bytes, and the frame in it, if there is one (its number is not known yet).
    Block(usize, Option<Frame<'a>>),
    /// A block of so many bytes of which none is wanted.
    Skip(usize),
}

/// Whether a file that begins so is a capture.
#[must_use]
pub fn sniff(head: &[u8]) -> bool {
    pcap::sniff(head) || pcapng::sniff(head)
}

impl Reader {
    /// A reader at the beginning of a file.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The format's name in the report's `evidence`.
    #[must_use]
    pub fn format(&self) -> &'static str {
        match self.format {
            Format::PcapNg(_) => "pcapng",
            Format::Unknown | Format::Pcap(_) => "pcap",
        }
    }

    /// Gives `frame` what is whole in `bytes`, and returns how many bytes that was; the rest is to be given again, with
    /// what follows it.
    ///
    /// # Errors
    /// Where the file cannot be read any further.
    pub fn read<'a>(&mut self, bytes: &'a [u8], frame: &mut impl FnMut(Frame<'a>)) -> Result<usize, Damaged> {
        let mut used = 0;
        loop {
            used += self.pass_over(bytes.len() - used);
            let step = self.step(&bytes[used..]).map_err(|why| Damaged { at: self.at, why })?;
            match step {
                Step::More => return Ok(used),
                Step::Skip(len) => self.skip = len,
                Step::Block(len, found) => {
                    if let Some(found) = found {
                        self.number += 1;
                        self.last = if found.at == Nanos::MIN { self.last } else { found.at };
                        frame(Frame { number: self.number, at: self.last, ..found });
                    }
                    used += len;
                    self.at += len as u64;
                }
            }
        }
    }

    /// Takes what is there of a block of which nothing is wanted.
    fn pass_over(&mut self, there: usize) -> usize {
        let len = self.skip.min(there);
        self.skip -= len;
        self.at += len as u64;
        len
    }

    #[inline(always)]
    fn step<'a>(&mut self, bytes: &'a [u8]) -> Result<Step<'a>, &'static str> {
        match &mut self.format {
            Format::Pcap(header) => header.step(bytes),
            Format::PcapNg(section) => section.step(bytes),
            Format::Unknown => self.begin(bytes),
        }
    }

    /// The beginning of a file; twelve bytes tell what it is.
    fn begin<'a>(&mut self, bytes: &[u8]) -> Result<Step<'a>, &'static str> {
        if pcapng::sniff(bytes) {
            self.format = Format::PcapNg(pcapng::Section::default());
            return Ok(Step::Block(0, None));
        }
        if bytes.len() < 12 {
            return Ok(Step::More);
        }
        let Some((header, len)) = pcap::Header::parse(bytes)? else { return Ok(Step::More) };
        self.format = Format::Pcap(header);
        Ok(Step::Block(len, None))
    }

    /// The file ends with `rest`, which [`Reader::read`] did not use: `Some` where that is the beginning of something.
    #[must_use]
    pub fn finish(&self, rest: &[u8]) -> Option<Damaged> {
        let why = match self.format {
            Format::Unknown => "the file ends within its header",
            Format::Pcap(_) => "the file ends within a packet",
            Format::PcapNg(_) => "the file ends within a block",
        };
        (self.skip > 0 || !rest.is_empty()).then_some(Damaged { at: self.at, why })
    }
}

/// Numbers of a file in its byte order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Order {
    #[default]
    Little,
    Big,
}

impl Order {
    /// Two bytes from `at` on; 0 beyond the end.
    #[inline]
    fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let two = bytes.get(at..at + 2).and_then(|b| b.try_into().ok()).unwrap_or_default();
        match self {
            Self::Little => u16::from_le_bytes(two),
            Self::Big => u16::from_be_bytes(two),
        }
    }

    /// Four numbers of four bytes each.
    #[inline]
    fn words(self, bytes: &[u8; 16]) -> [u32; 4] {
        let &[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = bytes;
        let of = |bytes| if self == Self::Little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) };
        [of([a, b, c, d]), of([e, f, g, h]), of([i, j, k, l]), of([m, n, o, p])]
    }

    /// Eight bytes from `at` on; 0 beyond the end.
    fn u64(self, bytes: &[u8], at: usize) -> u64 {
        let eight = bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).unwrap_or_default();
        match self {
            Self::Little => u64::from_le_bytes(eight),
            Self::Big => u64::from_be_bytes(eight),
        }
    }

    /// Four bytes from `at` on; 0 beyond the end.
    #[inline]
    fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let four = bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).unwrap_or_default();
        match self {
            Self::Little => u32::from_le_bytes(four),
            Self::Big => u32::from_be_bytes(four),
        }
    }
}

#[cfg(test)]
mod tests;
