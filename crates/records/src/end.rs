//! The ends of a connection while its line is read: an [`Endpoint`] is copied about in memory, and each copy waits for the pieces
//! that were written before it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Endpoint;

/// An [`IpAddr`] that fits into registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// Its bits.
    V4(u32),
    /// Their halves.
    V6 { high: u64, low: u64 },
}

/// An [`Endpoint`] that fits into registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) addr: Address,
    pub(crate) port: u16,
}

impl Address {
    /// Whether it is one of IPv4.
    #[inline]
    pub(crate) fn is_v4(self) -> bool {
        matches!(self, Self::V4(_))
    }

    /// Whether it is nobody's: `0.0.0.0`, `::`.
    #[inline]
    pub(crate) fn is_unspecified(self) -> bool {
        matches!(self, Self::V4(0) | Self::V6 { high: 0, low: 0 })
    }
}

impl End {
    /// As [`Endpoint::to_bytes`].
    #[inline]
    pub(crate) fn to_bytes(self) -> [u8; 18] {
        let (high, low) = match self.addr {
            Address::V4(bits) => (0, 0xffff << 32 | u64::from(bits)),
            Address::V6 { high, low } => (high, low),
        };
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
        match addr {
            Address::V4(bits) => Self::V4(Ipv4Addr::from_bits(bits)),
            Address::V6 { high, low } => Self::V6(Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low))),
        }
    }
}

impl From<IpAddr> for Address {
    #[inline]
    fn from(addr: IpAddr) -> Self {
        match addr {
            IpAddr::V4(addr) => Self::V4(addr.to_bits()),
            IpAddr::V6(addr) => Self::V6 { high: (addr.to_bits() >> 64) as u64, low: addr.to_bits() as u64 },
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
    }
}
