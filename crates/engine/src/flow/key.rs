//! What a flow is known by: both ends and the protocol, whichever way a packet goes.

use std::net::IpAddr;

use catspaw_records::{Endpoint, Nanos, Proto, RecordId};
use xxhash_rust::xxh3::xxh3_64;

use super::icmp;
use crate::{IpProto, Packet};

/// Both ends, the lower first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    low: u128,
    high: u128,
    ports: u32,
    proto: u8,
    way: Way,
}

/// Which way the packets of a flow go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Way {
    Both,
    Up,
    Down,
}

impl Key {
    /// Of a packet, and whether its sender is the lower end.
    #[inline]
    pub(super) fn of(packet: &Packet<'_>) -> (Self, bool) {
        let (ports, is_one_way) = ports(packet);
        let (src, dst) = ((bits(packet.src), ports[0]), (bits(packet.dst), ports[1]));
        let from_low = src <= dst;
        let (low, high) = if from_low { (src, dst) } else { (dst, src) };
        let way = match (is_one_way, from_low) {
            (false, _) => Way::Both,
            (true, true) => Way::Up,
            (true, false) => Way::Down,
        };
        let ports = u32::from(low.1) << 16 | u32::from(high.1);
        (Self { low: low.0, high: high.0, ports, proto: packet.proto.0, way }, from_low)
    }
}

/// The ports of sender and receiver, and whether nothing comes back from there. ICMP has types.
#[inline]
fn ports(packet: &Packet<'_>) -> ([u16; 2], bool) {
    if !matches!(packet.proto, IpProto::ICMP | IpProto::ICMPV6) {
        return ([packet.src_port, packet.dst_port], false);
    }
    let types = icmp::types(packet.proto, packet.src_port, packet.dst_port);
    ([types.src, types.dst], types.is_one_way)
}

/// Sender and receiver.
pub(super) fn ends(packet: &Packet<'_>) -> [Endpoint; 2] {
    let ([src, dst], _) = ports(packet);
    [Endpoint { addr: packet.src, port: src }, Endpoint { addr: packet.dst, port: dst }]
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
    RecordId::Device(id(orig, resp, packet.proto, packet.at))
}

/// The connection's name: the same in every run over the same packets.
pub(super) fn id(orig: Endpoint, resp: Endpoint, proto: IpProto, start: Nanos) -> u64 {
    let mut bytes = [0; 45];
    bytes[..16].copy_from_slice(&bits(orig.addr).to_be_bytes());
    bytes[16..32].copy_from_slice(&bits(resp.addr).to_be_bytes());
    bytes[32..34].copy_from_slice(&orig.port.to_be_bytes());
    bytes[34..36].copy_from_slice(&resp.port.to_be_bytes());
    bytes[36..44].copy_from_slice(&start.0.to_be_bytes());
    bytes[44] = proto.0;
    xxh3_64(&bytes)
}
