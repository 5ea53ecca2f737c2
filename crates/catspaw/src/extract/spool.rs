//! Frames that wait in a temporary file until it is known in which form they are to be written.

use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek as _, Write};

use catspaw_engine::capture::{Frame, LONGEST, LinkType};
use catspaw_engine::decode;
use catspaw_records::Nanos;

/// A frame's number, moment, link type, length on the wire, length, and whether it is a fragment of who knows what.
const HEADER: usize = 29;
/// The largest snapshot length that other tools read without doubt.
const SNAPSHOT: u32 = 262_144;

/// The frames.
pub(super) struct Spool {
    file: BufWriter<File>,
    links: BTreeSet<LinkType>,
    /// Whether a stamp is finer than a microsecond.
    fine: bool,
    longest: u32,
    /// The number of the frame that came last.
    latest: u64,
    /// Numbers of the fragments that are wanted.
    pieces: HashSet<u64>,
}

impl Spool {
    pub(super) fn new() -> io::Result<Self> {
        let file = BufWriter::with_capacity(1 << 18, tempfile::tempfile()?);
        Ok(Self { file, links: BTreeSet::new(), fine: false, longest: SNAPSHOT, latest: 0, pieces: HashSet::new() })
    }

    /// Frames of these numbers are wanted.
    pub(super) fn take_pieces(&mut self, numbers: &[u64]) {
        self.pieces.extend(numbers);
    }

    /// Takes a frame, once, which is wanted unless it is a `fragment`: then it has to be told. Numbers count from 1.
    pub(super) fn push(&mut self, number: u64, frame: &Frame<'_>, fragment: bool) -> io::Result<()> {
        if std::mem::replace(&mut self.latest, number) == number {
            return Ok(());
        }
        let at = frame.at.0.max(0);
        self.links.insert(frame.link);
        self.fine |= at % 1000 != 0;
        self.longest = self.longest.max(frame.bytes.len() as u32);
        self.file.write_all(&number.to_le_bytes())?;
        self.file.write_all(&at.to_le_bytes())?;
        for value in [frame.link.0, frame.wire_len, frame.bytes.len() as u32] {
            self.file.write_all(&value.to_le_bytes())?;
        }
        self.file.write_all(&[u8::from(fragment)])?;
        self.file.write_all(frame.bytes)
    }

    /// Writes a pcap file: of the link type that all frames have, or, where they have several, of their IP packets as they
    /// are behind the link's header. Stamps are in nanoseconds where one needs it.
    pub(super) fn write(self, to: &File) -> io::Result<()> {
        let Self { file, links, fine, longest, pieces, .. } = self;
        let one_link = links.first().copied().filter(|_| links.len() == 1);
        let mut spooled = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        spooled.rewind()?;
        let mut from = BufReader::with_capacity(1 << 18, spooled);
        let mut to = BufWriter::with_capacity(1 << 18, to);
        let (magic, unit) = if fine { (0xa1b2_3c4d, 1) } else { (0xa1b2_c3d4_u32, 1000) };
        to.write_all(&magic.to_le_bytes())?;
        to.write_all(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0])?;
        to.write_all(&longest.to_le_bytes())?;
        to.write_all(&one_link.unwrap_or(LinkType::RAW).0.to_le_bytes())?;
        let mut bytes = Vec::new();
        while let Some((frame, fragment)) = next(&mut from, &mut bytes)? {
            if fragment && !pieces.contains(&frame.number) {
                continue;
            }
            let packet = if one_link.is_some() { Some(frame.bytes) } else { decode::network(&frame) };
            let Some(packet) = packet else { continue };
            let behind = (frame.bytes.len() - packet.len()) as u32;
            let (seconds, part) = (frame.at.0 / Nanos::SECOND, frame.at.0 % Nanos::SECOND / unit);
            let wire_len = (frame.wire_len - behind.min(frame.wire_len)).max(packet.len() as u32);
            for value in [seconds as u32, part as u32, packet.len() as u32, wire_len] {
                to.write_all(&value.to_le_bytes())?;
            }
            to.write_all(packet)?;
        }
        to.flush()
    }
}

/// The next frame, and whether it is a fragment.
fn next<'a>(from: &mut impl Read, bytes: &'a mut Vec<u8>) -> io::Result<Option<(Frame<'a>, bool)>> {
    let mut header = [0; HEADER];
    match from.read_exact(&mut header) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        result => result?,
    }
    let mut header = header.as_slice();
    let number = u64::from_le_bytes(field(&mut header)?);
    let at = Nanos(i64::from_le_bytes(field(&mut header)?));
    let link = LinkType(u32::from_le_bytes(field(&mut header)?));
    let wire_len = u32::from_le_bytes(field(&mut header)?);
    let len = u32::from_le_bytes(field(&mut header)?) as usize;
    let [fragment] = field(&mut header)?;
    bytes.resize(len.min(LONGEST), 0);
    from.read_exact(bytes)?;
    Ok(Some((Frame { at, number, link, bytes, wire_len }, fragment != 0)))
}

fn field<const N: usize>(from: &mut &[u8]) -> io::Result<[u8; N]> {
    let mut field = [0; N];
    from.read_exact(&mut field)?;
    Ok(field)
}
