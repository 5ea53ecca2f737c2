//! Capture files: pcap and pcapng, from blocks of bytes to frames.
//!
//! A [`Reader`] is given a file's bytes as they come and tells the frames that are whole; it keeps the byte order, the
//! resolution of the stamps and the interfaces. Nothing is allocated by a length from the file: what is longer than
//! [`LONGEST`] is damage.

mod link;
mod pcap;
mod pcapng;

use std::fmt;

use catspaw_records::Nanos;

pub use link::LinkType;

/// No block or frame of a file that can be believed is longer.
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

/// Why a file is not read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// Bytes of the file before the place.
    pub at: u64,
    /// What is wrong there.
    pub why: &'static str,
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "damaged at byte {}: {}; what comes before is read", self.at, self.why)
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
}

/// Whether a file that begins so is a capture.
#[must_use]
pub fn sniff(head: &[u8]) -> bool {
    pcap::Header::sniff(head) || pcapng::sniff(head)
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
            let rest = &bytes[used..];
            let step = self.step(rest).map_err(|why| Damaged { at: self.at, why })?;
            let Step::Block(len, found) = step else { return Ok(used) };
            if let Some(found) = found {
                self.number += 1;
                self.last = if found.at == Nanos::MIN { self.last } else { found.at };
                frame(Frame { number: self.number, at: self.last, ..found });
            }
            used += len;
            self.at += len as u64;
        }
    }

    fn step<'a>(&mut self, bytes: &'a [u8]) -> Result<Step<'a>, &'static str> {
        match &mut self.format {
            Format::Unknown if pcapng::sniff(bytes) => {
                self.format = Format::PcapNg(pcapng::Section::default());
                Ok(Step::Block(0, None))
            }
            Format::Unknown => match pcap::Header::parse(bytes)? {
                Some((header, len)) => {
                    self.format = Format::Pcap(header);
                    Ok(Step::Block(len, None))
                }
                None => Ok(Step::More),
            },
            Format::Pcap(header) => header.step(bytes),
            Format::PcapNg(section) => section.step(bytes),
        }
    }

    /// The file ends with `rest`, which [`Reader::read`] did not use: `Some` where that is the beginning of something.
    #[must_use]
    pub fn finish(&self, rest: &[u8]) -> Option<Damaged> {
        (!rest.is_empty()).then_some(Damaged { at: self.at, why: "the file ends within a packet" })
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
    fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let two = bytes.get(at..at + 2).and_then(|b| b.try_into().ok()).unwrap_or_default();
        match self {
            Self::Little => u16::from_le_bytes(two),
            Self::Big => u16::from_be_bytes(two),
        }
    }

    /// Four bytes from `at` on; 0 beyond the end.
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
