//! Capture files: pcap with micro- or nanoseconds, and pcapng.

use std::io::{self, Write};

/// The form of a capture file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CaptureForm {
    /// libpcap's, stamps in microseconds.
    #[default]
    Pcap,
    /// libpcap's, stamps in nanoseconds.
    PcapNanoseconds,
    /// pcapng (draft-ietf-opsawg-pcapng), one interface, stamps in microseconds.
    Pcapng,
}

const SNAPLEN: u32 = 262_144;
const ETHERNET: u32 = 1;

pub(crate) struct CaptureFile<'a> {
    form: CaptureForm,
    to: &'a mut dyn Write,
    /// Frames so far.
    pub(crate) frames: u64,
    /// Bytes of the file so far.
    pub(crate) bytes: u64,
    /// The microsecond of the last frame, and the nanoseconds beyond it.
    last: (u64, u32),
}

impl<'a> CaptureFile<'a> {
    pub(crate) fn new(form: CaptureForm, to: &'a mut dyn Write) -> io::Result<Self> {
        let mut file = Self { form, to, frames: 0, bytes: 0, last: (0, 0) };
        file.begin()?;
        Ok(file)
    }

    fn begin(&mut self) -> io::Result<()> {
        let magic: u32 = match self.form {
            CaptureForm::Pcapng => return self.begin_blocks(),
            CaptureForm::Pcap => 0xa1b2_c3d4,
            CaptureForm::PcapNanoseconds => 0xa1b2_3c4d,
        };
        self.words(&[magic, 4 << 16 | 2, 0, 0, SNAPLEN, ETHERNET])
    }

    /// Section header, interface description: no options, so that stamps are microseconds.
    fn begin_blocks(&mut self) -> io::Result<()> {
        self.words(&[0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28])?;
        self.words(&[1, 20, ETHERNET, SNAPLEN, 20])
    }

    /// One frame, captured whole at `at` (microseconds since 1970).
    pub(crate) fn frame(&mut self, at: u64, frame: &[u8]) -> io::Result<()> {
        let (len, seconds, micros) = (frame.len() as u32, (at / 1_000_000) as u32, (at % 1_000_000) as u32);
        self.frames += 1;
        match self.form {
            CaptureForm::Pcap => self.words(&[seconds, micros, len, len])?,
            CaptureForm::PcapNanoseconds => {
                // Frames of one microsecond keep their order.
                let before = if self.last.0 == at { self.last.1 } else { (at % 700) as u32 };
                self.last = (at, (before + 7).min(999));
                self.words(&[seconds, micros * 1000 + self.last.1, len, len])?;
            }
            CaptureForm::Pcapng => {
                let block = 32 + len.next_multiple_of(4);
                self.words(&[6, block, 0, (at >> 32) as u32, at as u32, len, len])?;
                self.write(frame)?;
                self.write(&[0; 3][..(block - 32 - len) as usize])?;
                return self.words(&[block]);
            }
        }
        self.write(frame)
    }

    /// Little-endian, as nearly every machine writes them.
    fn words(&mut self, words: &[u32]) -> io::Result<()> {
        words.iter().try_for_each(|word| self.write(&word.to_le_bytes()))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len() as u64;
        self.to.write_all(bytes)
    }
}
