//! A decoded packet: the innermost IP packet of a frame, whole (reassembled where it came in fragments).

use std::net::IpAddr;

use catspaw_records::{Nanos, Place};

/// An IP protocol by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IpProto(pub u8);

impl IpProto {
    /// ICMP.
    pub const ICMP: Self = Self(1);
    /// TCP.
    pub const TCP: Self = Self(6);
    /// UDP.
    pub const UDP: Self = Self(17);
    /// ICMP for IPv6.
    pub const ICMPV6: Self = Self(58);
}

/// TCP's flags, as they stand in byte 13 of its header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data.
    pub const FIN: u8 = 0x01;
    /// Open.
    pub const SYN: u8 = 0x02;
    /// Abort.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer counts.
    pub const URG: u8 = 0x20;

    /// Whether all of `bits` are set.
    #[inline]
    #[must_use]
    pub fn has(self, bits: u8) -> bool {
        self.0 & bits == bits
    }
}

/// The fields of a TCP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Sequence number of the first byte of payload (of the SYN where that is set).
    pub seq: u32,
    /// What the sender expects next.
    pub ack: u32,
    /// The flags.
    pub flags: TcpFlags,
    /// The window, not scaled.
    pub window: u16,
}

/// One packet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// When it was captured.
    pub at: Nanos,
    /// The file, and the packet's number in it, from 1 (of a reassembled packet the last fragment's).
    pub place: Place,
    /// Who sent it.
    pub src: IpAddr,
    /// Whom it is for.
    pub dst: IpAddr,
    /// What is in it.
    pub proto: IpProto,
    /// Source port; ICMP's type, 0 where there is neither.
    pub src_port: u16,
    /// Destination port; ICMP's code, 0 where there is neither.
    pub dst_port: u16,
    /// TCP's header fields, where it is TCP and the header is whole.
    pub tcp: Option<Tcp>,
    /// The IP header with its options or extension headers.
    pub ip: &'a [u8],
    /// The transport's header with its options; empty where it is not whole or not known.
    pub transport: &'a [u8],
    /// What the transport carries, as far as it was captured.
    pub payload: &'a [u8],
    /// How much payload there was on the wire by the length fields; more than `payload` where the capture cut it off.
    pub payload_len: u32,
    /// Length of the IP packet on the wire, its header included.
    pub ip_len: u32,
    /// Whether a checksum (IPv4's or the transport's) is wrong. Not looked at where the driver says so, or where the
    /// packet was cut off.
    pub bad_checksum: bool,
}
