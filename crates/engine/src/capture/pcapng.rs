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
/// Two bytes of type and two lengths.
const EMPTY_BLOCK: usize = 12;
/// A section header without options: its byte order, version and length lie between.
const SECTION: usize = 28;
/// Interfaces of a section that are remembered.
const INTERFACES: usize = 65_536;
/// Options of an interface that are read.
const OPTION_END: u16 = 0;
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;
/// The last second that pcap can say. What a damaged stamp or offset makes of a later one would only be in the way of
/// sums of moments.
const LAST_SECOND: u32 = u32::MAX;

/// Whether a file that begins so is one.
pub(super) fn sniff(head: &[u8]) -> bool {
    head.starts_with(&SECTION_HEADER.to_be_bytes()) && head.get(8..12).and_then(order_of).is_some()
}

/// The byte order that a section's magic number says.
fn order_of(magic: &[u8]) -> Option<Order> {
    match magic {
        [0x1a, 0x2b, 0x3c, 0x4d] => Some(Order::Big),
        [0x4d, 0x3c, 0x2b, 0x1a] => Some(Order::Little),
        _ => None,
    }
}

/// A section: its byte order and its interfaces.
#[derive(Clone, Debug, Default)]
pub(super) struct Section {
    order: Order,
    interfaces: Vec<Interface>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) link: LinkType,
    pub(super) snap_len: u32,
    pub(super) tick: Tick,
    /// Seconds to be added to its stamps.
    pub(super) offset: i64,
}

impl Section {
    #[inline]
    pub(super) fn step<'a>(&mut self, bytes: &'a [u8]) -> Result<Step<'a>, &'static str> {
        if bytes.len() < EMPTY_BLOCK {
            return Ok(Step::More);
        }
        if bytes.starts_with(&SECTION_HEADER.to_be_bytes()) {
            self.order = order_of(&bytes[8..12]).ok_or("a section does not say its byte order")?;
        }
        let (kind, len) = (self.order.u32(bytes, 0), self.order.u32(bytes, 4) as usize);
        if len < EMPTY_BLOCK || !len.is_multiple_of(4) {
            return Err("a block says a length that cannot be");
        }
        if len > LONGEST {
            return match kind {
                SECTION_HEADER | INTERFACE | PACKET | SIMPLE_PACKET | ENHANCED_PACKET => {
                    Err("a packet's block says that it is longer than 512 KiB")
                }
                // Secrets, names and journals may be long, and are not needed.
                _ => Ok(Step::Skip(len)),
            };
        }
        let Some(block) = bytes.get(..len) else { return Ok(Step::More) };
        if self.order.u32(block, len - 4) as usize != len {
            return Err("the two lengths of a block differ");
        }
        Ok(Step::Block(len, self.block(kind, &block[8..len - 4])?))
    }

    #[inline]
    fn block<'a>(&mut self, kind: u32, body: &'a [u8]) -> Result<Option<Frame<'a>>, &'static str> {
        match kind {
            ENHANCED_PACKET => self.enhanced(body, self.order.u32(body, 0) as usize).map(Some),
            PACKET => self.enhanced(body, usize::from(self.order.u16(body, 0))).map(Some),
            SIMPLE_PACKET => self.simple(body).map(Some),
            INTERFACE => self.add_interface(body).map(|()| None),
            SECTION_HEADER => self.begin(body).map(|()| None),
            _ => Ok(None),
        }
    }

    /// A new section: it may be in the other byte order, and its interfaces are its own.
    fn begin(&mut self, body: &[u8]) -> Result<(), &'static str> {
        if body.len() < SECTION - EMPTY_BLOCK {
            return Err("a section's header is too short");
        }
        if self.order.u16(body, 4) != 1 {
            return Err("a section is of a version that is not known");
        }
        self.interfaces.clear();
        Ok(())
    }

    fn add_interface(&mut self, body: &[u8]) -> Result<(), &'static str> {
        if body.len() < 8 {
            return Err("the description of an interface is too short");
        }
        if self.interfaces.len() >= INTERFACES {
            return Err("a section has more than 65,536 interfaces");
        }
        let mut interface = Interface {
            link: LinkType(u32::from(self.order.u16(body, 0))),
            snap_len: self.order.u32(body, 4),
            tick: Tick::MICROSECOND,
            offset: 0,
        };
        let mut options = &body[8..];
        while options.len() >= 4 {
            let (code, len) = (self.order.u16(options, 0), usize::from(self.order.u16(options, 2)));
            let Some(value) = options.get(4..4 + len) else { break };
            match code {
                OPTION_END => break,
                IF_TSRESOL if len >= 1 => interface.tick = Tick::of(value[0]),
                IF_TSOFFSET if len >= 8 => interface.offset = self.order.u64(value, 0) as i64,
                _ => {}
            }
            options = options.get(4 + len.next_multiple_of(4)..).unwrap_or_default();
        }
        self.interfaces.push(interface);
        Ok(())
    }

    fn interface(&self, number: usize) -> Result<&Interface, &'static str> {
        self.interfaces.get(number).ok_or("a packet is of an interface that was not described")
    }

    #[inline]
    fn enhanced<'a>(&self, body: &'a [u8], interface: usize) -> Result<Frame<'a>, &'static str> {
        let interface = self.interface(interface)?;
        let number = |at| self.order.u32(body, at);
        let ticks = (u64::from(number(4)) << 32) | u64::from(number(8));
        let len = number(12) as usize;
        let bytes = body.get(20..20_usize.saturating_add(len)).ok_or("a packet is longer than its block")?;
        Ok(interface.frame(interface.moment(ticks), bytes, number(16)))
    }

    /// Without a stamp: its moment is that of the packet before.
    fn simple<'a>(&self, body: &'a [u8]) -> Result<Frame<'a>, &'static str> {
        let interface = self.interface(0)?;
        let wire_len = self.order.u32(body, 0);
        let len = if interface.snap_len == 0 { wire_len } else { wire_len.min(interface.snap_len) };
        let room = body.get(4..).ok_or("a packet's block is too short")?;
        Ok(interface.frame(Nanos::MIN, &room[..room.len().min(len as usize)], wire_len))
    }
}

impl Interface {
    #[inline]
    fn frame<'a>(&self, at: Nanos, bytes: &'a [u8], wire_len: u32) -> Frame<'a> {
        Frame { at, number: 0, link: self.link, bytes, wire_len: wire_len.max(bytes.len() as u32) }
    }

    #[inline]
    pub(super) fn moment(&self, ticks: u64) -> Nanos {
        let at = self.tick.nanos(ticks).plus(self.offset.saturating_mul(Nanos::SECOND));
        at.clamp(Nanos(0), Nanos::from_secs(i64::from(LAST_SECOND)))
    }
}

/// The unit of an interface's stamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tick {
    /// So many nanoseconds: those of nearly all files.
    Nanos(u64),
    /// So many in a second.
    PerSecond(u128),
}

impl Tick {
    pub(super) const MICROSECOND: Self = Self::Nanos(1000);

    /// Of `if_tsresol`: a negative power of ten, or of two where the highest bit is set.
    fn of(resolution: u8) -> Self {
        let power = u32::from(resolution & 0x7f);
        match resolution & 0x80 {
            0 if power <= 9 => Self::Nanos(10_u64.pow(9 - power)),
            // Beyond what fits no stamp of 64 bits reaches a nanosecond.
            0 => Self::PerSecond(10_u128.checked_pow(power).unwrap_or(u128::MAX)),
            _ => Self::PerSecond(2_u128.checked_pow(power).unwrap_or(u128::MAX)),
        }
    }

    #[inline]
    fn nanos(self, ticks: u64) -> Nanos {
        let nanos = match self {
            Self::Nanos(each) => u128::from(ticks) * u128::from(each),
            Self::PerSecond(all) => u128::from(ticks) * Nanos::SECOND as u128 / all,
        };
        Nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
    }
}
