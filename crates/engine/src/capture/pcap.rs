//! The pcap format: a header of 24 bytes, then frames with headers of 16.
//!
//! <https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-03.html>

use catspaw_records::Nanos;

use super::{Frame, LONGEST, LinkType, Order, Step};

const HEADER: usize = 24;
const RECORD: usize = 16;
/// Of the modified format (`0xa1b2cd34`), with the interface and the protocol behind.
const MODIFIED_RECORD: usize = 24;

/// What a file's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    order: Order,
    link: LinkType,
    /// Nanoseconds of the stamps' smaller part.
    unit: i64,
    record: usize,
}

impl Header {
    /// Whether a file that begins so is one.
    pub(super) fn sniff(head: &[u8]) -> bool {
        matches!(Self::parse(head), Ok(Some(_)))
    }

    /// The header and its length; `None` where more bytes are wanted.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, &'static str> {
        if bytes.len() < HEADER {
            return Ok(None);
        }
        let (order, unit, record) = match [bytes[0], bytes[1], bytes[2], bytes[3]] {
            [0xd4, 0xc3, 0xb2, 0xa1] => (Order::Little, 1000, RECORD),
            [0xa1, 0xb2, 0xc3, 0xd4] => (Order::Big, 1000, RECORD),
            [0x4d, 0x3c, 0xb2, 0xa1] => (Order::Little, 1, RECORD),
            [0xa1, 0xb2, 0x3c, 0x4d] => (Order::Big, 1, RECORD),
            [0x34, 0xcd, 0xb2, 0xa1] => (Order::Little, 1000, MODIFIED_RECORD),
            [0xa1, 0xb2, 0xcd, 0x34] => (Order::Big, 1000, MODIFIED_RECORD),
            _ => return Err("no header of a capture"),
        };
        // The upper bits say whether frames end with a checksum of the link.
        let link = LinkType(order.u32(bytes, 20) & 0xffff);
        Ok(Some((Self { order, link, unit, record }, HEADER)))
    }

    pub(super) fn step<'a>(&self, bytes: &'a [u8]) -> Result<Step<'a>, &'static str> {
        if bytes.len() < self.record {
            return Ok(Step::More);
        }
        let number = |at| self.order.u32(bytes, at);
        let len = number(8) as usize;
        if len > LONGEST {
            return Err("a packet longer than 512 KiB");
        }
        let Some(frame) = bytes.get(self.record..self.record + len) else { return Ok(Step::More) };
        let small = i64::from(number(4)).saturating_mul(self.unit);
        // Some writers let the wire's length be 0, or less than what they captured.
        let wire_len = number(12).max(len as u32);
        let at = Nanos::from_secs(i64::from(number(0))).plus(small);
        Ok(Step::Block(self.record + len, Some(Frame { at, number: 0, link: self.link, bytes: frame, wire_len })))
    }
}
