//! What a flow is known by: both ends and the protocol, whichever way a packet goes.

use std::net::IpAddr;

use catspaw_records::{Endpoint, Nanos, Proto, RecordId};
use xxhash_rust::xxh3::xxh3_64;

use crate::{IpProto, Packet};

/// Both ends, the lower first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    low: u128,
    high: u128,
    ports: u32,
    proto: u8,
}

impl Key {
    /// Of a packet, and whether its sender is the lower end.
    #[inline]
    pub(super) fn of(packet: &Packet<'_>) -> (Self, bool) {
        let (src_port, dst_port) = ports(packet);
        let (src, dst) = ((bits(packet.src), src_port), (bits(packet.dst), dst_port));
        let from_low = src <= dst;
        let (low, high) = if from_low { (src, dst) } else { (dst, src) };
        let ports = u32::from(low.1) << 16 | u32::from(high.1);
        (Self { low: low.0, high: high.0, ports, proto: packet.proto.0 }, from_low)
    }
}

/// The ports as a flow has them: ICMP's type and code are no ports, and an answer's are others.
fn ports(packet: &Packet<'_>) -> (u16, u16) {
    match packet.proto {
        IpProto::TCP | IpProto::UDP => (packet.src_port, packet.dst_port),
        _ => (0, 0),
    }
}

#[inline]
fn bits(addr: IpAddr) -> u128 {
    match addr {
        // As RFC 4291 maps it.
        IpAddr::V4(addr) => u128::from(u32::from(addr)) | 0xffff_0000_0000,
        IpAddr::V6(addr) => u128::from(addr),
    }
}

/// The transport by its number.
pub(super) fn proto(proto: IpProto) -> Proto {
    match proto {
        IpProto::TCP => Proto::Tcp,
        IpProto::UDP => Proto::Udp,
        IpProto::ICMP | IpProto::ICMPV6 => Proto::Icmp,
        IpProto(other) => Proto::Other(other),
    }
}

/// The name of a packet that belongs to no connection.
pub(super) fn id_of(packet: &Packet<'_>) -> RecordId {
    let [orig, resp] = [packet.src, packet.dst].map(|addr| Endpoint { addr, port: 0 });
    id(orig, resp, packet.proto, packet.at)
}

/// The connection's name: the same in every run over the same packets.
pub(super) fn id(orig: Endpoint, resp: Endpoint, proto: IpProto, start: Nanos) -> RecordId {
    let mut bytes = [0; 45];
    bytes[..16].copy_from_slice(&bits(orig.addr).to_be_bytes());
    bytes[16..32].copy_from_slice(&bits(resp.addr).to_be_bytes());
    bytes[32..34].copy_from_slice(&orig.port.to_be_bytes());
    bytes[34..36].copy_from_slice(&resp.port.to_be_bytes());
    bytes[36..44].copy_from_slice(&start.0.to_be_bytes());
    bytes[44] = proto.0;
    RecordId::Device(xxh3_64(&bytes))
}
