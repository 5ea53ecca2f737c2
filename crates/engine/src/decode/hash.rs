//! The hash by which packets are spread: the same for both directions of a flow, and in every run, so that which tables
//! are full does not depend on chance.

use std::net::IpAddr;

use super::ip::Ip;
use crate::IpProto;

/// Of the flow of an IP packet.
#[inline]
pub(super) fn flow(ip: &Ip<'_>) -> u64 {
    let ports = match (ip.proto, ip.payload.first_chunk::<4>()) {
        (IpProto::TCP | IpProto::UDP, Some(&[a, b, c, d])) => {
            (u64::from(u16::from_be_bytes([a, b])), u64::from(u16::from_be_bytes([c, d])))
        }
        _ => (0, 0),
    };
    let (src, dst) = (end(ip.src, ports.0), end(ip.dst, ports.1));
    // Of both ends alike, so that their order does not matter.
    let both = src.wrapping_add(dst) ^ mix(src ^ dst, 0x9e37_79b9_7f4a_7c15);
    mix(both, u64::from(ip.proto.0) | 0x0100)
}

fn end(addr: IpAddr, port: u64) -> u64 {
    match addr {
        IpAddr::V4(addr) => mix(u64::from(u32::from(addr)) << 16 | port, 0xa076_1d64_78bd_642f),
        IpAddr::V6(addr) => {
            let bits = u128::from(addr);
            mix(mix(bits as u64, 0xa076_1d64_78bd_642f) ^ (bits >> 64) as u64, 0x8ebc_6af0_9c88_c6e3 ^ port)
        }
    }
}

/// The two halves of a product.
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0xe703_7ed1_a0b4_28db) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}
