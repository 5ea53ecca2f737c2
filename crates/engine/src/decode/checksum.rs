//! The internet's checksum (RFC 1071).

use std::net::IpAddr;

use super::ip::Ip;
use crate::IpProto;

/// Whether a checksum of a packet is wrong. A transport's that was cut off is not looked at, nor one whose addresses are
/// not the header's.
pub(super) fn is_wrong(ip: &Ip<'_>) -> bool {
    let bad_header = ip.src.is_ipv4() && !is_right(sum(&ip.header[..usize::from(ip.header[0] & 0x0f) * 4]));
    bad_header || (ip.payload.len() == ip.payload_len && !ip.is_routed && is_transport_wrong(ip))
}

fn is_transport_wrong(ip: &Ip<'_>) -> bool {
    let field = match ip.proto {
        IpProto::TCP => 16,
        IpProto::UDP => 6,
        IpProto::ICMP | IpProto::ICMPV6 => 2,
        _ => return false,
    };
    let Some(stated) = ip.payload.get(field..field + 2) else { return false };
    let mut covered = ip.payload;
    if ip.proto == IpProto::UDP {
        if stated == [0, 0] {
            return false;
        }
        // UDP has a length of its own.
        let len = usize::from(u16::from_be_bytes([ip.payload[4], ip.payload[5]]));
        covered = ip.payload.get(..len).unwrap_or(ip.payload);
    }
    let pseudo = if ip.proto == IpProto::ICMP { 0 } else { pseudo_header(ip, covered.len()) };
    !is_right(sum(covered) + pseudo)
}

fn pseudo_header(ip: &Ip<'_>, len: usize) -> u64 {
    let addr = |addr: IpAddr| match addr {
        IpAddr::V4(addr) => sum(&addr.octets()),
        IpAddr::V6(addr) => sum(&addr.octets()),
    };
    addr(ip.src) + addr(ip.dst) + sum(&[0, ip.proto.0]) + sum(&(len as u64).to_be_bytes())
}

/// The sum of the 16-bit words as this machine orders their bytes, not folded: with the bytes of every word exchanged a
/// sum is the same with its bytes exchanged, and one that is right is right either way.
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    let all: u64 = words.iter().map(|&word| u64::from(u32::from_ne_bytes(word))).sum();
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    all + u64::from(u32::from_ne_bytes(last))
}

/// Whether a sum over something with its checksum is zero, in ones' complement.
fn is_right(mut sum: u64) -> bool {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum == 0xffff
}
