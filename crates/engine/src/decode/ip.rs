//! IP headers (RFC 791, RFC 8200, RFC 4302).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::IpProto;

/// Numbers of IPv6's extension headers.
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;
const MOBILITY: u8 = 135;
const HIP: u8 = 139;
const SHIM6: u8 = 140;

/// What an IP packet's headers say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ip<'a> {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    /// Of what follows the last extension header.
    pub(super) proto: IpProto,
    /// The header with its options or extension headers.
    pub(super) header: &'a [u8],
    /// What follows, as far as it was captured.
    pub(super) payload: &'a [u8],
    /// How much follows by the length field.
    pub(super) payload_len: usize,
    pub(super) fragment: Option<Fragment>,
    /// Whether a routing header names the host that it is for at last: the transport's checksum is over that one.
    pub(super) is_routed: bool,
}

/// Which part of a datagram it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fragment {
    pub(super) id: u32,
    /// Bytes of the datagram before it.
    pub(super) offset: usize,
    /// Whether more follow.
    pub(super) more: bool,
    /// Of IPv6 where in the header the number of the fragment header stands, and where that begins.
    pub(super) in_header: Option<(usize, usize)>,
}

fn be16(bytes: &[u8; 40], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

impl<'a> Ip<'a> {
    /// `None` where the header is not whole or not true. Inlined, as all of the way to the tracker, because what is read
    /// would be copied from one to the next.
    #[inline(always)]
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        match bytes.first()? >> 4 {
            4 => Self::parse_v4(bytes),
            6 => Self::parse_v6(bytes),
            _ => None,
        }
    }

    #[inline(always)]
    fn parse_v4(bytes: &'a [u8]) -> Option<Self> {
        let fixed: &[u8; 20] = bytes.first_chunk()?;
        let be16 = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
        let header_len = usize::from(fixed[0] & 0x0f) * 4;
        let header = bytes.get(..header_len).filter(|header| header.len() >= 20)?;
        let total = match usize::from(be16(2)) {
            // A card that cuts large segments itself leaves the length to it.
            0 => bytes.len(),
            total => total,
        };
        let part = be16(6);
        let (offset, more) = (usize::from(part & 0x1fff) * 8, part & 0x2000 != 0);
        let fragment = (offset > 0 || more).then(|| Fragment { id: u32::from(be16(4)), offset, more, in_header: None });
        let addr = |at: usize| IpAddr::V4(Ipv4Addr::new(fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]));
        let ip = Self {
            src: addr(12),
            dst: addr(16),
            proto: IpProto(fixed[9]),
            header,
            payload_len: total.checked_sub(header_len)?,
            payload: &bytes[header_len..bytes.len().min(total)],
            fragment,
            is_routed: false,
        };
        if fixed[9] == AUTHENTICATION && fragment.is_none() { ip.behind_authentication(bytes) } else { Some(ip) }
    }

    /// IPv4's authentication header is read as IPv6's is: what follows is in clear.
    #[cold]
    fn behind_authentication(mut self, bytes: &'a [u8]) -> Option<Self> {
        while self.proto.0 == AUTHENTICATION {
            let len = extension_len(AUTHENTICATION, self.payload)??;
            self.proto = IpProto(self.payload[0]);
            self.header = bytes.get(..self.header.len() + len)?;
            self.payload = self.payload.get(len..)?;
            self.payload_len -= len;
        }
        Some(self)
    }

    #[inline(never)]
    fn parse_v6(bytes: &'a [u8]) -> Option<Self> {
        let fixed: &[u8; 40] = bytes.first_chunk()?;
        let total = match usize::from(be16(fixed, 4)) {
            // A jumbogram, or a card as above.
            0 => bytes.len(),
            len => len + 40,
        };
        let captured = &bytes[..bytes.len().min(total)];
        let (mut next, mut at, mut next_at) = (fixed[6], 40, 6);
        let (mut fragment, mut is_routed) = (None, false);
        // Every header is of 8 bytes or more, so that the packet itself ends the walk. Behind a fragment header lies a
        // piece of something.
        while fragment.is_none()
            && let Some(len) = extension_len(next, &captured[at..])?
        {
            let extension = captured[at..].get(..len)?;
            match next {
                FRAGMENT => fragment = Fragment::parse_v6(extension, next_at, at),
                ROUTING => is_routed |= extension[3] > 0,
                _ => {}
            }
            (next_at, next, at) = (at, extension[0], at + len);
        }
        let addr = |from: usize| {
            let octets: [u8; 16] = fixed[from..from + 16].try_into().unwrap_or_default();
            IpAddr::V6(Ipv6Addr::from(octets))
        };
        Some(Self {
            src: addr(8),
            dst: addr(24),
            proto: IpProto(next),
            header: &captured[..at],
            payload: &captured[at..],
            payload_len: total - at,
            fragment,
            is_routed,
        })
    }
}

impl Fragment {
    /// From a fragment header; `None` where it is all of the datagram (RFC 6946).
    fn parse_v6(extension: &[u8], next_at: usize, at: usize) -> Option<Self> {
        let &[_, _, a, b, id @ ..] = extension.first_chunk::<8>()?;
        let part = u16::from_be_bytes([a, b]);
        let (offset, more) = (usize::from(part >> 3) * 8, part & 1 != 0);
        let fragment = Self { id: u32::from_be_bytes(id), offset, more, in_header: Some((next_at, at)) };
        (offset > 0 || more).then_some(fragment)
    }
}

/// Length of the extension header of the number `kind` that `bytes` begin with; `Some(None)` where it is none, `None` where
/// it is not whole.
#[inline]
fn extension_len(kind: u8, bytes: &[u8]) -> Option<Option<usize>> {
    let (unit, fixed) = match kind {
        HOP_BY_HOP | ROUTING | DESTINATION | MOBILITY | HIP | SHIM6 => (8, 8),
        AUTHENTICATION => (4, 8),
        FRAGMENT => (0, 8),
        _ => return Some(None),
    };
    let len = fixed + usize::from(*bytes.get(1)?) * unit;
    (len <= bytes.len()).then_some(Some(len))
}
