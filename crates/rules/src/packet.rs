//! Tests of a packet's headers.

use std::ops::RangeInclusive;

/// What keywords look at beside the payload.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The IP header with its options or extension headers.
    pub ip: &'a [u8],
    /// The number of the protocol that IP carries.
    pub proto: u8,
    /// The transport's header; of ICMP its first eight bytes.
    pub transport: &'a [u8],
    /// The payload.
    pub payload: &'a [u8],
    /// Length of the payload on the wire.
    pub payload_len: u32,
    /// Whether sender and receiver have one address.
    pub same_ip: bool,
}

impl Facts<'_> {
    fn is_v4(&self) -> bool {
        self.ip.first().is_some_and(|byte| byte >> 4 == 4)
    }

    fn v4(&self, at: usize) -> Option<u8> {
        self.ip.get(at).copied().filter(|_| self.is_v4())
    }

    fn v4_u16(&self, at: usize) -> Option<u16> {
        Some(u16::from_be_bytes([self.v4(at)?, self.v4(at + 1)?]))
    }

    fn ttl(&self) -> Option<u8> {
        self.ip.get(if self.is_v4() { 8 } else { 7 }).copied()
    }

    fn tos(&self) -> Option<u8> {
        match self.v4(1) {
            Some(tos) => Some(tos),
            None => Some((self.ip.first()? << 4) | (self.ip.get(1)? >> 4)),
        }
    }

    fn tcp<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        if self.proto == 6 { self.transport(at) } else { None }
    }

    fn transport<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.transport.get(at..at + N)?.try_into().ok()
    }

    fn icmp<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        if self.is_icmp() { self.transport(at) } else { None }
    }

    fn is_icmp(&self) -> bool {
        matches!(self.proto, 1 | 58)
    }

    /// Identifier or sequence number of the ICMP messages that have them: echo, timestamp, information, address mask.
    fn icmp_query(&self, at: usize) -> Option<u16> {
        let [kind] = self.icmp(0)?;
        let has = if self.proto == 1 { matches!(kind, 0 | 8 | 13..=18) } else { matches!(kind, 128 | 129) };
        if has { self.icmp(at).map(u16::from_be_bytes) } else { None }
    }

    /// Whether IPv4 option `kind` is there.
    fn has_ip_option(&self, kind: u8) -> bool {
        let len = usize::from(self.v4(0).unwrap_or_default() & 0x0f) * 4;
        let mut rest = self.ip.get(20..len).unwrap_or_default();
        while let Some((&found, after)) = rest.split_first() {
            if found == kind {
                return true;
            }
            rest = match found {
                0 => return false,
                1 => after,
                _ => match after.first() {
                    Some(len) if *len >= 2 => rest.get(usize::from(*len)..).unwrap_or_default(),
                    _ => return false,
                },
            };
        }
        false
    }
}

/// A test of a packet.
#[derive(Clone, Debug)]
pub(crate) enum PacketTest {
    Ttl(RangeInclusive<u32>),
    Tos {
        value: u8,
        negated: bool,
    },
    Id(u16),
    IpProto(RangeInclusive<u32>, bool),
    IpOption(u8),
    Fragment {
        bits: u8,
        how: Bits,
    },
    /// In units of eight bytes.
    FragmentOffset(RangeInclusive<u32>, bool),
    SameIp,
    Dsize(RangeInclusive<u32>, bool),
    Flags {
        bits: u8,
        ignored: u8,
        how: Bits,
    },
    Seq(u32),
    Ack(u32),
    Window(u16, bool),
    IcmpType(RangeInclusive<u32>),
    IcmpCode(RangeInclusive<u32>),
    IcmpId(u16),
    IcmpSeq(u16),
}

/// How bits are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bits {
    /// These and no others.
    Exactly,
    /// These and perhaps others (`+`).
    All,
    /// Any of these (`*`).
    Any,
    /// None of these (`!`).
    Not,
}

impl Bits {
    fn holds(self, value: u8, bits: u8) -> bool {
        match self {
            Self::Exactly => value == bits,
            Self::All => value & bits == bits,
            Self::Any => value & bits != 0,
            Self::Not => value & bits != bits,
        }
    }
}

impl PacketTest {
    pub(crate) fn matches(&self, facts: &Facts<'_>) -> bool {
        self.look(facts).unwrap_or(false)
    }

    /// `None` where the packet has no such field.
    fn look(&self, facts: &Facts<'_>) -> Option<bool> {
        Some(match self {
            Self::Ttl(range) => range.contains(&u32::from(facts.ttl()?)),
            Self::Tos { value, negated } => (facts.tos()? == *value) != *negated,
            Self::Id(id) => facts.v4_u16(4)? == *id,
            Self::IpProto(range, negated) => range.contains(&u32::from(facts.proto)) != *negated,
            Self::IpOption(kind) => facts.has_ip_option(*kind),
            Self::Fragment { bits, how } => how.holds(facts.v4(6)? >> 5, *bits),
            Self::FragmentOffset(range, negated) => range.contains(&u32::from(facts.v4_u16(6)? & 0x1fff)) != *negated,
            Self::SameIp => facts.same_ip,
            // What must not have one size has some, as in Suricata.
            Self::Dsize(range, true) => facts.payload_len > 0 && !range.contains(&facts.payload_len),
            Self::Dsize(range, false) => range.contains(&facts.payload_len),
            Self::Flags { bits, ignored, how } => how.holds(facts.tcp::<1>(13)?[0] & !ignored, *bits),
            Self::Seq(seq) => u32::from_be_bytes(facts.tcp(4)?) == *seq,
            Self::Ack(ack) => u32::from_be_bytes(facts.tcp(8)?) == *ack,
            Self::Window(window, negated) => (u16::from_be_bytes(facts.tcp(14)?) == *window) != *negated,
            Self::IcmpType(range) => range.contains(&u32::from(facts.icmp::<1>(0)?[0])),
            Self::IcmpCode(range) => range.contains(&u32::from(facts.icmp::<1>(1)?[0])),
            Self::IcmpId(id) => facts.icmp_query(4)? == *id,
            Self::IcmpSeq(seq) => facts.icmp_query(6)? == *seq,
        })
    }
}
