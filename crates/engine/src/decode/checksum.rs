//! The internet's checksum (RFC 1071).

use std::net::IpAddr;

use super::ip::Ip;
use crate::IpProto;

/// Whether a checksum of a whole packet is wrong. A packet that was cut off is not looked at.
pub(super) fn is_wrong(ip: &Ip<'_>) -> bool {
    let bad_header = matches!(ip.src, IpAddr::V4(_)) && fold(sum(ip.header)) != 0xffff;
    bad_header || (ip.payload.len() == ip.payload_len && is_transport_wrong(ip))
}

fn is_transport_wrong(ip: &Ip<'_>) -> bool {
    let field = match ip.proto {
        IpProto::TCP => 16,
        IpProto::UDP | IpProto::ICMPV6 => 6,
        IpProto::ICMP => 2,
        _ => return false,
    };
    let Some(stated) = ip.payload.get(field..field + 2) else { return false };
    if ip.proto == IpProto::UDP && stated == [0, 0] {
        return false;
    }
    let covered = match ip.proto {
        // UDP has a length of its own.
        IpProto::UDP => {
            let len = usize::from(u16::from_be_bytes([ip.payload[4], ip.payload[5]]));
            ip.payload.get(..len).unwrap_or(ip.payload)
        }
        _ => ip.payload,
    };
    let pseudo = if ip.proto == IpProto::ICMP { 0 } else { pseudo_header(ip, covered.len()) };
    fold(sum(covered) + pseudo) != 0xffff
}

fn pseudo_header(ip: &Ip<'_>, len: usize) -> u64 {
    let addr = |addr: IpAddr| match addr {
        IpAddr::V4(addr) => sum(&addr.octets()),
        IpAddr::V6(addr) => sum(&addr.octets()),
    };
    addr(ip.src) + addr(ip.dst) + u64::from(ip.proto.0) + len as u64
}

/// The sum of the 16-bit words, not folded.
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    let all: u64 = words.iter().map(|&word| u64::from(u32::from_be_bytes(word))).sum();
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    all + u64::from(u32::from_be_bytes(last))
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
