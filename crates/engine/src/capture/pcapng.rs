//! The pcapng format: blocks of sections, interfaces and packets.
//!
//! <https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html>

use catspaw_records::Nanos;

use super::{Frame, LONGEST, LinkType, Order, Step};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
/// The older form of an enhanced packet.
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
/// Interfaces of a section that are remembered.
const INTERFACES: usize = 65_536;
/// Options of an interface that are read.
const OPTION_END: u16 = 0;
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;

/// Whether a file that begins so is one.
pub(super) fn sniff(head: &[u8]) -> bool {
    head.starts_with(&SECTION_HEADER.to_be_bytes())
        && matches!(head.get(8..12), Some([0x1a, 0x2b, 0x3c, 0x4d] | [0x4d, 0x3c, 0x2b, 0x1a]))
}

/// A section: its byte order and its interfaces.
#[derive(Clone, Debug, Default)]
pub(super) struct Section {
    order: Order,
    interfaces: Vec<Interface>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Interface {
    link: LinkType,
    snap_len: u32,
    /// Units of its stamps in a second.
    per_second: u64,
    /// Seconds to be added to its stamps.
    offset: i64,
}

impl Section {
    pub(super) fn step<'a>(&mut self, bytes: &'a [u8]) -> Result<Step<'a>, &'static str> {
        if bytes.len() < 12 {
            return Ok(Step::More);
        }
        if bytes.starts_with(&SECTION_HEADER.to_be_bytes()) {
            // A new section may be in the other order, and its interfaces are its own.
            self.order = match bytes[8..12] {
                [0x1a, 0x2b, 0x3c, 0x4d] => Order::Big,
                [0x4d, 0x3c, 0x2b, 0x1a] => Order::Little,
                _ => return Err("a section without its byte order"),
            };
            self.interfaces.clear();
        }
        let len = self.order.u32(bytes, 4) as usize;
        if len < 12 || !len.is_multiple_of(4) {
            return Err("a block whose length cannot be");
        }
        if len > LONGEST {
            return Err("a block longer than 512 KiB");
        }
        let Some(block) = bytes.get(..len) else { return Ok(Step::More) };
        if self.order.u32(block, len - 4) as usize != len {
            return Err("a block whose two lengths differ");
        }
        let body = &block[8..len - 4];
        let frame = match self.order.u32(block, 0) {
            INTERFACE => {
                self.add_interface(body)?;
                None
            }
            ENHANCED_PACKET => self.enhanced(body, self.order.u32(body, 0) as usize)?,
            PACKET => self.enhanced(body, usize::from(self.order.u16(body, 0)))?,
            SIMPLE_PACKET => self.simple(body)?,
            _ => None,
        };
        Ok(Step::Block(len, frame))
    }

    fn add_interface(&mut self, body: &[u8]) -> Result<(), &'static str> {
        if self.interfaces.len() >= INTERFACES {
            return Err("more than 65,536 interfaces in a section");
        }
        let mut interface = Interface {
            link: LinkType(u32::from(self.order.u16(body, 0))),
            snap_len: self.order.u32(body, 4),
            per_second: 1_000_000,
            offset: 0,
        };
        let mut options = body.get(8..).unwrap_or_default();
        while options.len() >= 4 {
            let (code, len) = (self.order.u16(options, 0), usize::from(self.order.u16(options, 2)));
            let Some(value) = options.get(4..4 + len) else { break };
            match code {
                OPTION_END => break,
                IF_TSRESOL if len >= 1 => interface.per_second = units(value[0]),
                IF_TSOFFSET if len >= 8 => interface.offset = self.seconds(value),
                _ => {}
            }
            options = options.get(4 + len.next_multiple_of(4)..).unwrap_or_default();
        }
        self.interfaces.push(interface);
        Ok(())
    }

    fn seconds(&self, value: &[u8]) -> i64 {
        let (a, b) = (self.order.u32(value, 0), self.order.u32(value, 4));
        let (high, low) = if self.order == Order::Big { (a, b) } else { (b, a) };
        ((u64::from(high) << 32) | u64::from(low)) as i64
    }

    fn enhanced<'a>(&self, body: &'a [u8], interface: usize) -> Result<Option<Frame<'a>>, &'static str> {
        let interface = self.interfaces.get(interface).ok_or("a packet of an interface that was not described")?;
        let number = |at| self.order.u32(body, at);
        let ticks = (u64::from(number(4)) << 32) | u64::from(number(8));
        let len = number(12) as usize;
        let bytes = body.get(20..20_usize.saturating_add(len)).ok_or("a packet longer than its block")?;
        Ok(Some(interface.frame(interface.moment(ticks), bytes, number(16))))
    }

    fn simple<'a>(&self, body: &'a [u8]) -> Result<Option<Frame<'a>>, &'static str> {
        let interface = self.interfaces.first().ok_or("a packet of an interface that was not described")?;
        let wire_len = self.order.u32(body, 0);
        let snapped = if interface.snap_len == 0 { wire_len } else { wire_len.min(interface.snap_len) };
        let room = body.len().saturating_sub(4);
        let bytes = body.get(4..4 + room.min(snapped as usize)).unwrap_or_default();
        // It has no stamp.
        Ok(Some(interface.frame(Nanos::MIN, bytes, wire_len)))
    }
}

impl Interface {
    fn frame<'a>(&self, at: Nanos, bytes: &'a [u8], wire_len: u32) -> Frame<'a> {
        Frame { at, number: 0, link: self.link, bytes, wire_len: wire_len.max(bytes.len() as u32) }
    }

    fn moment(&self, ticks: u64) -> Nanos {
        let (seconds, part) = (ticks / self.per_second, ticks % self.per_second);
        let nanos = u128::from(part) * Nanos::SECOND as u128 / u128::from(self.per_second);
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_add(self.offset);
        Nanos::from_secs(seconds).plus(nanos as i64)
    }
}

/// Units in a second: a power of ten, or of two where the highest bit is set.
fn units(resolution: u8) -> u64 {
    let power = u32::from(resolution & 0x7f);
    let base: u64 = if resolution & 0x80 == 0 { 10 } else { 2 };
    base.checked_pow(power).unwrap_or(u64::MAX)
}
