//! How a file is packed, told from its first bytes, and its content unpacked.

use std::fmt;
use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// A kind of packing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// Not packed.
    None,
    /// gzip, of one member or several.
    Gzip,
    /// zstd, of one frame or several.
    Zstd,
    /// xz, not unpacked.
    Xz,
    /// bzip2, not unpacked.
    Bzip2,
    /// lz4, not unpacked.
    Lz4,
    /// The compress(1) of old, not unpacked.
    Compress,
}

impl Packing {
    /// As many first bytes as [`Packing::of`] wants.
    pub(super) const MAGIC: usize = 6;

    /// The packing of a file that begins with `head`.
    pub(super) fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            // A skippable frame: parallel packers begin with one.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            // `BZh`, the level, and the first digits of pi (a block) or of its square root (an empty file): the
            // three letters alone could begin a text.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, ..] => Self::Bzip2,
            [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, ..] => Self::Bzip2,
            [0x04, 0x22, 0x4d, 0x18, ..] => Self::Lz4,
            [0x1f, 0x9d, ..] => Self::Compress,
            _ => Self::None,
        }
    }

    /// The command that unpacks it to standard output.
    pub(super) fn command(self) -> &'static str {
        match self {
            Self::None => "cat",
            Self::Gzip | Self::Compress => "zcat",
            Self::Zstd => "zstdcat",
            Self::Xz => "xzcat",
            Self::Bzip2 => "bzcat",
            Self::Lz4 => "lz4cat",
        }
    }

    /// The content of `packed`; `None` where it cannot be unpacked. What is packed again inside stays packed.
    pub(super) fn unpack(self, packed: impl BufRead + Send + 'static) -> io::Result<Option<Box<dyn Read + Send>>> {
        Ok(match self {
            Self::None => Some(Box::new(packed)),
            Self::Gzip => Some(Box::new(GzipMembers { member: Some(GzDecoder::new(packed)) })),
            // Refuses windows above 128 MiB, so memory is bounded here, too.
            Self::Zstd => Some(Box::new(zstd::stream::read::Decoder::with_buffer(packed)?)),
            Self::Xz | Self::Bzip2 | Self::Lz4 | Self::Compress => None,
        })
    }
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
            Self::Lz4 => "lz4",
            Self::Compress => "compress",
        })
    }
}

/// All members of a gzip file one after the other. Our own loop, since zeros after the last member are the padding
/// of tapes and block devices and no damage.
struct GzipMembers<R> {
    /// `None` at the end.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(member) = &mut self.member else { return Ok(0) };
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            self.member = match self.member.take() {
                Some(ended) => next_member(ended.into_inner())?,
                None => None,
            };
        }
    }
}

fn next_member<R: BufRead>(mut packed: R) -> io::Result<Option<GzDecoder<R>>> {
    loop {
        let ahead = packed.fill_buf()?;
        match ahead.first() {
            None => return Ok(None),
            Some(0x1f) => return Ok(Some(GzDecoder::new(packed))),
            Some(0) => {
                let zeros = ahead.iter().take_while(|byte| **byte == 0).count();
                packed.consume(zeros);
            }
            Some(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, "other data follow")),
        }
    }
}
