//! The pcap format: a header of 24 bytes, then frames with headers of 16.
//!
//! <https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-03.html>

use catspaw_records::Nanos;

use super::{Frame, LONGEST, LinkType, Order, Step};

const HEADER: usize = 24;
const RECORD: usize = 16;
/// Of the modified format (`0xa1b2cd34`), with the interface and the protocol behind.
const MODIFIED_RECORD: usize = 24;

/// What a file's header says. Its snapshot length is not among it: files are written that exceed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    order: Order,
    link: LinkType,
    /// Nanoseconds of the stamps' smaller part.
    unit: i64,
    record: usize,
    lengths: Lengths,
}

/// Which of a frame's two lengths comes first: the older versions did not agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lengths {
    CapturedFirst,
    WireFirst,
    /// Writers of version 2.3 did it either way; the captured one is never the longer.
    ShorterIsCaptured,
}

/// What a file's first four bytes say: byte order, unit of the stamps' smaller part, length of a frame's header.
fn magic(bytes: &[u8]) -> Option<(Order, i64, usize)> {
    Some(match *bytes.first_chunk()? {
        [0xd4, 0xc3, 0xb2, 0xa1] => (Order::Little, 1000, RECORD),
        [0xa1, 0xb2, 0xc3, 0xd4] => (Order::Big, 1000, RECORD),
        [0x4d, 0x3c, 0xb2, 0xa1] => (Order::Little, 1, RECORD),
        [0xa1, 0xb2, 0x3c, 0x4d] => (Order::Big, 1, RECORD),
        [0x34, 0xcd, 0xb2, 0xa1] => (Order::Little, 1000, MODIFIED_RECORD),
        [0xa1, 0xb2, 0xcd, 0x34] => (Order::Big, 1000, MODIFIED_RECORD),
        _ => return None,
    })
}

/// Whether a file that begins so is one.
pub(super) fn sniff(head: &[u8]) -> bool {
    magic(head).is_some()
}

impl Header {
    /// The header and its length; `None` where more bytes are wanted.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, &'static str> {
        let (order, unit, record) = magic(bytes).ok_or("this is no header of a capture")?;
        if bytes.len() < HEADER {
            return Ok(None);
        }
        let lengths = match (order.u16(bytes, 4), order.u16(bytes, 6)) {
            (2, 0..3) => Lengths::WireFirst,
            (2, 3) => Lengths::ShorterIsCaptured,
            (2, _) => Lengths::CapturedFirst,
            _ => return Err("the capture is of a version that is not known"),
        };
        // The upper bits say whether frames end with a checksum of the link.
        let link = LinkType(order.u32(bytes, 20) & 0xffff);
        Ok(Some((Self { order, link, unit, record, lengths }, HEADER)))
    }

    #[inline(always)]
    pub(super) fn step<'a>(&self, bytes: &'a [u8]) -> Result<Step<'a>, &'static str> {
        let Some(fixed) = bytes.first_chunk::<RECORD>() else { return Ok(Step::More) };
        let [seconds, fraction, first, second] = self.order.words(fixed);
        let (len, wire_len) = match (self.lengths, first, second) {
            (Lengths::WireFirst, wire, len) => (len, wire),
            (Lengths::ShorterIsCaptured, a, b) => (a.min(b), a.max(b)),
            (Lengths::CapturedFirst, len, wire) => (len, wire),
        };
        if len as usize > LONGEST {
            return Err("a packet says that it is longer than 512 KiB");
        }
        let end = self.record + len as usize;
        let Some(frame) = bytes.get(self.record..end) else { return Ok(Step::More) };
        let at = Nanos(i64::from(seconds) * Nanos::SECOND + i64::from(fraction) * self.unit);
        // Some writers let the wire's length be 0, or less than what they captured.
        let wire_len = wire_len.max(len);
        Ok(Step::Block(end, Some(Frame { at, number: 0, link: self.link, bytes: frame, wire_len })))
    }
}
