//! How a file is packed, told from its first bytes, and its content unpacked.

use std::fmt;
use std::io::{self, BufRead, Read};
use std::marker::PhantomData;

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;
use liblzma::stream::{Action, CONCATENATED, Status, Stream};

/// As much memory an unpacker may want for what it looks back at: zstd's own bound, and twice what `xz -9` asks for.
const WINDOW: u64 = 128 << 20;

/// A kind of packing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// Not packed.
    None,
    /// gzip, of one member or several.
    Gzip,
    /// zstd, of one frame or several.
    Zstd,
    /// xz, of one stream or several.
    Xz,
    /// bzip2, of one stream or several.
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
            Self::Gzip => Some(Box::new(Members::<_, GzDecoder<_>>::new(packed))),
            // Refuses windows above 128 MiB by itself.
            Self::Zstd => Some(Box::new(zstd::stream::read::Decoder::with_buffer(packed)?)),
            Self::Xz => {
                let stream = Stream::new_stream_decoder(WINDOW, CONCATENATED)?;
                Some(Box::new(XzStreams { packed, stream, failed: None }))
            }
            Self::Bzip2 => Some(Box::new(Members::<_, BzDecoder<_>>::new(packed))),
            Self::Lz4 | Self::Compress => None,
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

/// An unpacker of one member: gzip's word; bzip2 calls it a stream.
trait Member<R>: Read {
    /// What every member begins with, and what follows the last does not.
    const FIRST: u8;

    fn begin(packed: R) -> Self;

    /// What follows it.
    fn end(self) -> R;
}

impl<R: BufRead> Member<R> for GzDecoder<R> {
    const FIRST: u8 = 0x1f;

    fn begin(packed: R) -> Self {
        Self::new(packed)
    }

    fn end(self) -> R {
        self.into_inner()
    }
}

impl<R: BufRead> Member<R> for BzDecoder<R> {
    const FIRST: u8 = b'B';

    fn begin(packed: R) -> Self {
        Self::new(packed)
    }

    fn end(self) -> R {
        self.into_inner()
    }
}

/// All members of a file one after the other. Our own loop, since zeros after the last member are the padding of tapes
/// and block devices and no damage.
struct Members<R, M> {
    /// `None` at the end.
    member: Option<M>,
    packed: PhantomData<R>,
}

impl<R: BufRead, M: Member<R>> Members<R, M> {
    fn new(packed: R) -> Self {
        Self { member: Some(M::begin(packed)), packed: PhantomData }
    }
}

impl<R: BufRead, M: Member<R>> Read for Members<R, M> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(member) = &mut self.member else { return Ok(0) };
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            self.member = match self.member.take() {
                Some(ended) => next_member(ended.end())?,
                None => None,
            };
        }
    }
}

fn next_member<R: BufRead, M: Member<R>>(mut packed: R) -> io::Result<Option<M>> {
    loop {
        let ahead = packed.fill_buf()?;
        match ahead.first() {
            None => return Ok(None),
            Some(&first) if first == M::FIRST => return Ok(Some(M::begin(packed))),
            Some(0) => {
                let zeros = ahead.iter().take_while(|byte| **byte == 0).count();
                packed.consume(zeros);
            }
            Some(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, "other data follow")),
        }
    }
}

/// All streams of an xz file. Our own loop, since that of the library keeps back what it has unpacked before damage: in a
/// short file all of it.
struct XzStreams<R> {
    packed: R,
    stream: Stream,
    /// What is wrong behind what was given.
    failed: Option<io::Error>,
}

impl<R: BufRead> Read for XzStreams<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(failed) = self.failed.take() {
            return Err(failed);
        }
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let ahead = self.packed.fill_buf()?;
            let at_end = ahead.is_empty();
            let before = (self.stream.total_in(), self.stream.total_out());
            let done = self.stream.process(ahead, buffer, if at_end { Action::Finish } else { Action::Run });
            let taken = (self.stream.total_in() - before.0) as usize;
            let read = (self.stream.total_out() - before.1) as usize;
            self.packed.consume(taken);
            match done {
                Err(error) if read > 0 => self.failed = Some(error.into()),
                Err(error) => return Err(error.into()),
                Ok(Status::StreamEnd) => {}
                Ok(_) if read > 0 => {}
                Ok(_) if at_end => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) if taken == 0 => return Err(io::Error::new(io::ErrorKind::InvalidData, "it goes no further")),
                Ok(_) => continue,
            }
            return Ok(read);
        }
    }
}
