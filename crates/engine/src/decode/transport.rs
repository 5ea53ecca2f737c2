//! The second stage: a packet's headers.

use catspaw_records::{Nanos, Place};

use super::checksum;
use super::ip::Ip;
use crate::{IpProto, Packet, Tcp, TcpFlags};

/// Reads the headers of the IP packet that begins with `bytes`, which is no fragment. `None` where its IP header is
/// broken.
#[inline]
#[must_use]
pub fn packet(bytes: &[u8], at: Nanos, place: Place, verify_checksums: bool) -> Option<Packet<'_>> {
    Some(read(&Ip::parse(bytes)?, at, place, verify_checksums))
}

/// The same of an IP packet whose own headers have been read.
#[inline(always)]
pub(super) fn read<'a>(ip: &Ip<'a>, at: Nanos, place: Place, verify_checksums: bool) -> Packet<'a> {
    let mut packet = Packet {
        at,
        place,
        src: ip.src,
        dst: ip.dst,
        proto: ip.proto,
        src_port: 0,
        dst_port: 0,
        tcp: None,
        ip: ip.header,
        transport: &[],
        payload: ip.payload,
        payload_len: ip.payload_len as u32,
        ip_len: (ip.header.len() + ip.payload_len) as u32,
        bad_checksum: verify_checksums && checksum::is_wrong(ip),
    };
    match ip.proto {
        IpProto::TCP => packet.read_tcp(ip),
        IpProto::UDP => packet.read_udp(ip),
        IpProto::ICMP | IpProto::ICMPV6 => packet.read_icmp(ip),
        _ => {}
    }
    packet
}

impl<'a> Packet<'a> {
    /// Header and payload of the transport, where the header is whole.
    #[inline]
    fn split(&mut self, ip: &Ip<'a>, header_len: usize) {
        if let Some((transport, payload)) = ip.payload.split_at_checked(header_len) {
            self.transport = transport;
            self.payload = payload;
            self.payload_len = ip.payload_len.saturating_sub(header_len) as u32;
        }
    }

    #[inline]
    fn read_ports(&mut self, bytes: &[u8; 4]) {
        self.src_port = u16::from_be_bytes([bytes[0], bytes[1]]);
        self.dst_port = u16::from_be_bytes([bytes[2], bytes[3]]);
    }

    #[inline]
    fn read_tcp(&mut self, ip: &Ip<'a>) {
        let Some(fixed) = ip.payload.first_chunk::<20>() else { return };
        let header_len = usize::from(fixed[12] >> 4) * 4;
        if header_len < 20 || header_len > ip.payload_len {
            return;
        }
        self.read_ports(&[fixed[0], fixed[1], fixed[2], fixed[3]]);
        self.tcp = Some(Tcp {
            seq: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ack: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            flags: TcpFlags(fixed[13]),
            window: u16::from_be_bytes([fixed[14], fixed[15]]),
        });
        // Where the capture ends within the options there is no payload.
        self.split(ip, header_len.min(ip.payload.len()));
        self.payload_len = (ip.payload_len - header_len) as u32;
    }

    fn read_udp(&mut self, ip: &Ip<'a>) {
        let Some(&[a, b, c, d, e, f, ..]) = ip.payload.first_chunk::<8>() else { return };
        self.read_ports(&[a, b, c, d]);
        self.split(ip, 8);
        // Its own length is the payload's, where it is true; 0 is a jumbogram's.
        let len = usize::from(u16::from_be_bytes([e, f]));
        if (8..=ip.payload_len).contains(&len) {
            self.payload_len = (len - 8) as u32;
            self.payload = &self.payload[..self.payload.len().min(len - 8)];
        }
    }

    fn read_icmp(&mut self, ip: &Ip<'a>) {
        let Some(fixed) = ip.payload.first_chunk::<4>() else { return };
        (self.src_port, self.dst_port) = (u16::from(fixed[0]), u16::from(fixed[1]));
        self.split(ip, 8.min(ip.payload.len()));
    }
}
