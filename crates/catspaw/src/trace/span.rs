//! One use of an address: who had it, as whom, from when to when.

use std::net::IpAddr;

use catspaw_records::{Endpoint, Nanos, Proto};
use serde::{Deserialize, Serialize};

/// What says so, the strongest first: a connection names both ends at one moment, a translation may have outlived its
/// use, and a static one is configuration that may have changed without a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Basis {
    Connection,
    Pat,
    OneToOne,
    Static,
}

impl Basis {
    const ALL: [Self; 4] = [Self::Connection, Self::Pat, Self::OneToOne, Self::Static];

    /// The contract's word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Pat => "pat",
            Self::OneToOne => "one-to-one",
            Self::Static => "static",
        }
    }
}

/// How its beginning is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Began {
    /// A record says when.
    Seen,
    /// Its end says how long it was: it began before the log, or its record was lost.
    Reckoned,
    /// It is not: [`Span::from`] is [`Nanos::MIN`].
    Unknown,
}

/// How its end is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum End {
    /// A record says when.
    TornDown,
    /// Its record was lost: the same was built again.
    Rebuilt,
    /// It was open where the log ended: [`Span::to`] is [`Nanos::MAX`].
    Open,
}

/// One use of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    /// As the outside saw it (port 0: the whole address).
    pub(crate) mapped: Endpoint,
    /// The first and the last port, where it is a block of the address's ports: then the mapped port is 0.
    pub(crate) block: Option<(u16, u16)>,
    /// As the inside knows it.
    pub(crate) real: Endpoint,
    /// The protocol's number; [`WHOLE`] of a whole address, [`OTHER`] where nobody knows.
    pub(crate) proto: u8,
    pub(crate) basis: Basis,
    pub(crate) began: Began,
    pub(crate) end: End,
    /// The earliest moment that the first stamp may mean.
    pub(crate) from: Nanos,
    /// The earliest moment that the last stamp may mean.
    pub(crate) to: Nanos,
    /// The width of both stamps in nanoseconds.
    pub(crate) resolution: u32,
    /// Number of the sensor in the index.
    pub(crate) sensor: u16,
    /// The line of the record that says it.
    pub(crate) line: u64,
}

/// The protocol of what maps a whole address.
pub(crate) const WHOLE: u8 = 0;
/// A protocol whose number nobody knows.
pub(crate) const OTHER: u8 = 255;
/// The protocol of nearly every complaint.
pub(crate) const TCP: u8 = 6;

/// A protocol's number.
pub(crate) fn number_of(proto: Proto) -> u8 {
    match proto {
        Proto::Tcp => TCP,
        Proto::Udp => 17,
        Proto::Icmp => 1,
        Proto::Other(0) => OTHER,
        Proto::Other(number) => number,
    }
}

/// A protocol's name, for a sentence.
pub(crate) fn proto_name(proto: u8) -> &'static str {
    match proto {
        TCP => "tcp",
        17 => "udp",
        1 => "icmp",
        _ => "other",
    }
}

/// An address as the index sorts it.
pub(crate) fn sorted_form(addr: IpAddr) -> [u8; 16] {
    match addr {
        IpAddr::V4(addr) => addr.to_ipv6_mapped().octets(),
        IpAddr::V6(addr) => addr.octets(),
    }
}

/// The address back.
pub(crate) fn address_of(bytes: [u8; 16]) -> IpAddr {
    IpAddr::from(bytes).to_canonical()
}

impl Span {
    /// As many bytes are a span in the index.
    pub(crate) const BYTES: usize = 44;

    /// Its bytes; the addresses by their numbers in the segment.
    pub(crate) fn encode(&self, mapped: u32, real: u32) -> [u8; Self::BYTES] {
        let began = self.began as u8;
        let flags = self.basis as u8 | began << 2 | (self.end as u8) << 4 | decade(self.resolution) << 6;
        let mut bytes = [0; Self::BYTES];
        bytes[..4].copy_from_slice(&mapped.to_le_bytes());
        bytes[4..6].copy_from_slice(&self.mapped.port.to_le_bytes());
        bytes[6] = flags;
        bytes[7] = self.proto;
        bytes[8..16].copy_from_slice(&self.from.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.to.0.to_le_bytes());
        bytes[24..28].copy_from_slice(&real.to_le_bytes());
        bytes[28..30].copy_from_slice(&self.real.port.to_le_bytes());
        bytes[30..32].copy_from_slice(&self.sensor.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.line.to_le_bytes());
        let (first, last) = self.block.unwrap_or_default();
        bytes[40..42].copy_from_slice(&first.to_le_bytes());
        bytes[42..].copy_from_slice(&last.to_le_bytes());
        bytes
    }

    /// A span from its bytes; `None` where they are no span.
    pub(crate) fn decode(bytes: &[u8; Self::BYTES], address: impl Fn(u32) -> Option<IpAddr>) -> Option<Self> {
        let flags = bytes[6];
        let end = |addr: u32, port: u16| Some(Endpoint { addr: address(addr)?, port });
        Some(Self {
            mapped: end(u32::from_le_bytes(part(bytes, 0)), u16::from_le_bytes(part(bytes, 4)))?,
            real: end(u32::from_le_bytes(part(bytes, 24)), u16::from_le_bytes(part(bytes, 28)))?,
            proto: bytes[7],
            basis: Basis::ALL[usize::from(flags & 3)],
            began: [Began::Seen, Began::Reckoned, Began::Unknown].get(usize::from(flags >> 2 & 3)).copied()?,
            end: [End::TornDown, End::Rebuilt, End::Open].get(usize::from(flags >> 4 & 3)).copied()?,
            from: Nanos(i64::from_le_bytes(part(bytes, 8))),
            to: Nanos(i64::from_le_bytes(part(bytes, 16))),
            resolution: [1, 1_000, 1_000_000, 1_000_000_000][usize::from(flags >> 6)],
            sensor: u16::from_le_bytes(part(bytes, 30)),
            line: u64::from_le_bytes(part(bytes, 32)),
            // No block ends at port 0.
            block: Some((u16::from_le_bytes(part(bytes, 40)), u16::from_le_bytes(part(bytes, 42))))
                .filter(|(_, last)| *last > 0),
        })
    }

    /// Whether it holds for one of the ports that are asked for; for `None`, of whatever port.
    pub(crate) fn is_at(&self, port: Option<u16>) -> bool {
        self.block.zip(port).is_none_or(|((first, last), port)| (first..=last).contains(&port))
    }

    /// Whether it is of some port that `other` is of, too: a whole address is of each.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let range = |span: &Self| match (span.block, span.mapped.port) {
            (Some(block), _) => block,
            (None, 0) => (0, u16::MAX),
            (None, port) => (port, port),
        };
        let ((first, last), (other_first, other_last)) = (range(self), range(other));
        first <= other_last && other_first <= last
    }

    /// Whether it maps one host to another address, and does not only show a host under its own.
    pub(crate) fn translates(&self) -> bool {
        self.mapped.addr != self.real.addr
    }

    /// Whether some of `[from, to)` may lie in it: a stamp means any moment of its width.
    pub(crate) fn may_touch(&self, from: Nanos, to: Nanos) -> bool {
        self.from < to && self.to.plus(i64::from(self.resolution)) > from
    }

    /// Whether all of `[from, to)` lies in it, whatever its stamps mean.
    pub(crate) fn holds(&self, from: Nanos, to: Nanos) -> bool {
        self.from.plus(i64::from(self.resolution)) <= from && self.to >= to
    }
}

/// `N` bytes from `at`; callers stay within a span's length.
fn part<const N: usize>(bytes: &[u8; Span::BYTES], at: usize) -> [u8; N] {
    std::array::from_fn(|offset| bytes[at + offset])
}

/// A width rounded up to nanosecond, microsecond, millisecond or second.
fn decade(resolution: u32) -> u8 {
    match resolution {
        0..=1 => 0,
        2..=1_000 => 1,
        1_001..=1_000_000 => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_comes_back_from_its_bytes() {
        let addresses = ["192.0.2.31", "2001:db8::1"].map(|text| text.parse::<IpAddr>().unwrap());
        let span = Span {
            mapped: Endpoint { addr: addresses[0], port: 65_535 },
            block: None,
            real: Endpoint { addr: addresses[1], port: 7 },
            proto: 17,
            basis: Basis::Static,
            began: Began::Unknown,
            end: End::Open,
            from: Nanos::MIN,
            to: Nanos::MAX,
            resolution: 1_000_000_000,
            sensor: 300,
            line: 1 << 40,
        };
        let address = |number: u32| addresses.get(number as usize).copied();
        assert_eq!(Span::decode(&span.encode(0, 1), address), Some(span));
        let block = Span { mapped: Endpoint { port: 0, ..span.mapped }, block: Some((1024, u16::MAX)), ..span };
        assert_eq!(Span::decode(&block.encode(0, 1), address), Some(block));
        let ports = [None, Some(1023), Some(1024), Some(u16::MAX)].map(|port| block.is_at(port));
        assert_eq!(ports, [true, false, true, true]);
        let at = |port| Span { mapped: Endpoint { port, ..span.mapped }, ..span };
        assert_eq!([0, 80, 1024].map(|port| block.overlaps(&at(port))), [true, false, true]);
        assert_eq!(Span::decode(&span.encode(0, 2), address), None);
        assert_eq!(Span::decode(&[0xff; Span::BYTES], |_| Some(addresses[0])), None);
    }

    #[test]
    fn addresses_keep_their_family() {
        for text in ["192.0.2.31", "2001:db8::1", "::"] {
            let addr: IpAddr = text.parse().unwrap();
            assert_eq!(address_of(sorted_form(addr)), addr);
        }
    }
}
