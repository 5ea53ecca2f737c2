//! IP headers (RFC 791, RFC 8200).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::IpProto;

/// Extension headers of one packet that are walked.
const EXTENSIONS: usize = 16;
/// Their numbers.
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

fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

impl<'a> Ip<'a> {
    /// `None` where the header is not whole or not true.
    #[inline]
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        match bytes.first()? >> 4 {
            4 => Self::parse_v4(bytes),
            6 => Self::parse_v6(bytes),
            _ => None,
        }
    }

    #[inline]
    fn parse_v4(bytes: &'a [u8]) -> Option<Self> {
        let fixed: &[u8; 20] = bytes.first_chunk()?;
        let header_len = usize::from(fixed[0] & 0x0f) * 4;
        let header = bytes.get(..header_len).filter(|header| header.len() >= 20)?;
        let total = match usize::from(be16(fixed, 2)) {
            // A card that cuts large segments itself leaves the length to it.
            0 => bytes.len(),
            total => total,
        };
        let payload_len = total.checked_sub(header_len)?;
        let payload = &bytes[header_len..bytes.len().min(total)];
        let part = be16(fixed, 6);
        let (offset, more) = (usize::from(part & 0x1fff) * 8, part & 0x2000 != 0);
        let fragment =
            (offset > 0 || more).then(|| Fragment { id: u32::from(be16(fixed, 4)), offset, more, in_header: None });
        let addr = |at: usize| IpAddr::V4(Ipv4Addr::new(fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]));
        Some(Self { src: addr(12), dst: addr(16), proto: IpProto(fixed[9]), header, payload, payload_len, fragment })
    }

    fn parse_v6(bytes: &'a [u8]) -> Option<Self> {
        let fixed: &[u8; 40] = bytes.first_chunk()?;
        let total = match usize::from(be16(fixed, 4)) {
            // A jumbogram, or a card as above.
            0 => bytes.len(),
            len => len + 40,
        };
        let captured = &bytes[..bytes.len().min(total)];
        let (mut next, mut at, mut fragment, mut next_at) = (fixed[6], 40, None, 6);
        for _ in 0..EXTENSIONS {
            let rest = captured.get(at..)?;
            let len = match next {
                HOP_BY_HOP | ROUTING | DESTINATION | MOBILITY | HIP | SHIM6 => 8 + usize::from(*rest.get(1)?) * 8,
                AUTHENTICATION => 8 + usize::from(*rest.get(1)?) * 4,
                FRAGMENT => 8,
                _ => break,
            };
            let extension = rest.get(..len)?;
            if next == FRAGMENT {
                let part = be16(extension, 2);
                let (offset, more) = (usize::from(part >> 3) * 8, part & 1 != 0);
                let id = u32::from_be_bytes([extension[4], extension[5], extension[6], extension[7]]);
                // One that is all of the datagram (RFC 6946) needs nothing.
                if offset > 0 || more {
                    fragment = Some(Fragment { id, offset, more, in_header: Some((next_at, at)) });
                }
            }
            (next_at, next, at) = (at, extension[0], at + len);
            if fragment.is_some() {
                // Behind it lies a piece of something.
                break;
            }
        }
        let addr = |from: usize| {
            let octets: [u8; 16] = fixed[from..from + 16].try_into().unwrap_or_default();
            IpAddr::V6(Ipv6Addr::from(octets))
        };
        Some(Self {
            src: addr(8),
            dst: addr(24),
            proto: IpProto(next),
            header: captured.get(..at)?,
            payload: captured.get(at..)?,
            payload_len: total.checked_sub(at)?,
            fragment,
        })
    }
}
