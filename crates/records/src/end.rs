//! The ends of a connection while its line is read: an [`Endpoint`] is copied about in memory, and each copy waits for the pieces
//! that were written before it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Endpoint;

/// An [`IpAddr`] that fits into registers: its halves, those of IPv4 as IPv6 maps it, which stands for the same. (A kind beside
/// fewer bits would be written in two pieces and read as one.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    high: u64,
    low: u64,
}

/// An [`Endpoint`] that fits into registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) addr: Address,
    pub(crate) port: u16,
}

impl Address {
    const MAPPED: u64 = 0xffff;

    /// One of IPv4, by its bits.
    #[inline]
    pub(crate) fn v4(bits: u32) -> Self {
        Self { high: 0, low: Self::MAPPED << 32 | u64::from(bits) }
    }

    /// Whether it is one of IPv4.
    #[inline]
    pub(crate) fn is_v4(self) -> bool {
        self.high == 0 && self.low >> 32 == Self::MAPPED
    }

    /// Whether it is nobody's: `0.0.0.0`, `::`.
    #[inline]
    pub(crate) fn is_unspecified(self) -> bool {
        self.high == 0 && (self.low == 0 || self.low == Self::MAPPED << 32)
    }
}

impl End {
    /// As [`Endpoint::to_bytes`].
    #[inline]
    pub(crate) fn to_bytes(self) -> [u8; 18] {
        let Address { high, low } = self.addr;
        let mut bytes = [0; 18];
        bytes[..8].copy_from_slice(&high.to_be_bytes());
        bytes[8..16].copy_from_slice(&low.to_be_bytes());
        bytes[16..].copy_from_slice(&self.port.to_be_bytes());
        bytes
    }
}

impl From<End> for Endpoint {
    #[inline(always)]
    fn from(end: End) -> Self {
        Self { addr: end.addr.into(), port: end.port }
    }
}

impl From<Address> for IpAddr {
    #[inline]
    fn from(addr: Address) -> Self {
        if addr.is_v4() {
            return Self::V4(Ipv4Addr::from_bits(addr.low as u32));
        }
        Self::V6(Ipv6Addr::from_bits(u128::from(addr.high) << 64 | u128::from(addr.low)))
    }
}

impl From<IpAddr> for Address {
    #[inline]
    fn from(addr: IpAddr) -> Self {
        match addr {
            IpAddr::V4(addr) => Self::v4(addr.to_bits()),
            IpAddr::V6(addr) => Self { high: (addr.to_bits() >> 64) as u64, low: addr.to_bits() as u64 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_an_endpoint() {
        for (text, unspecified) in
            [("192.0.2.1", false), ("0.0.0.0", true), ("::", true), ("2001:db8::1", false), ("::1", false)]
        {
            let addr: IpAddr = text.parse().unwrap();
            let end = End { addr: addr.into(), port: 4711 };
            assert_eq!(Endpoint::from(end), Endpoint { addr, port: 4711 });
            assert_eq!(end.to_bytes(), Endpoint::from(end).to_bytes());
            assert_eq!((end.addr.is_v4(), end.addr.is_unspecified()), (addr.is_ipv4(), unspecified), "{text}");
        }
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(IpAddr::from(Address::from(mapped)), mapped.to_canonical(), "an address in other clothes");
    }
}
