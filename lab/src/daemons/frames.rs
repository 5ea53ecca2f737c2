//! A capture's packets: nanosecond pcap of Ethernet, as our own tcpdump writes it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

const MAGIC: u32 = 0xa1b2_3c4d;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Proto {
    Tcp,
    Udp,
    /// Of either kind; type and code stand for ports.
    Icmp,
}

/// One packet.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    /// Microseconds since 1970.
    pub(super) at: u64,
    pub(super) proto: Proto,
    pub(super) src: SocketAddr,
    pub(super) dst: SocketAddr,
    /// Of TCP: sequence number and flags.
    pub(super) seq: u32,
    pub(super) flags: u8,
    /// Bytes of payload, and with its headers from IP on.
    pub(super) payload: u64,
    pub(super) length: u64,
}

impl Packet {
    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

pub(super) const FIN: u8 = 1;
pub(super) const SYN: u8 = 2;
pub(super) const RST: u8 = 4;
pub(super) const ACK: u8 = 16;

/// A capture's packets in their order. What is no IP is left out.
pub(super) fn packets(file: &[u8]) -> io::Result<Vec<Packet>> {
    let word = |at: usize| file.get(at..at + 4)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
    if word(0) != Some(MAGIC) || word(20) != Some(1) {
        return Err(io::Error::other("no nanosecond pcap of Ethernet"));
    }
    let (mut packets, mut at) = (Vec::new(), 24);
    while let (Some(seconds), Some(nanos), Some(length)) = (word(at), word(at + 4), word(at + 8)) {
        let frame = at + 16..at + 16 + length as usize;
        at = frame.end;
        // The last frame may not have been written whole.
        let Some(frame) = file.get(frame) else { break };
        packets.extend(decode(frame, u64::from(seconds) * 1_000_000 + u64::from(nanos) / 1000));
    }
    Ok(packets)
}

fn decode(frame: &[u8], at: u64) -> Option<Packet> {
    let ip = frame.get(14..)?;
    let half = |at: usize| ip.get(at..at + 2)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
    let (number, ends, begins, length) = match frame.get(12..14)? {
        [0x08, 0] => {
            let address = |at: usize| ip.get(at..at + 4)?.first_chunk::<4>().map(|bytes| IpAddr::from(*bytes));
            // Nobody in the lab sends fragments: they would be packets of their own.
            (ip[9], [address(12)?, address(16)?], usize::from(ip[0] & 15) * 4, usize::from(half(2)?))
        }
        [0x86, 0xdd] => {
            let address = |at: usize| ip.get(at..at + 16)?.first_chunk::<16>().map(|bytes| IpAddr::from(*bytes));
            (*ip.get(6)?, [address(8)?, address(24)?], 40, usize::from(half(4)?) + 40)
        }
        _ => return None,
    };
    let (ports, header, proto) = match number {
        TCP => ([half(begins)?, half(begins + 2)?], usize::from(*ip.get(begins + 12)? >> 4) * 4, Proto::Tcp),
        UDP => ([half(begins)?, half(begins + 2)?], 8, Proto::Udp),
        ICMP | ICMPV6 => ([u16::from(*ip.get(begins)?), u16::from(*ip.get(begins + 1)?)], 8, Proto::Icmp),
        _ => return None,
    };
    let payload: Range<usize> = begins + header..length;
    let tcp = proto == Proto::Tcp;
    Some(Packet {
        at,
        proto,
        src: SocketAddr::new(ends[0], ports[0]),
        dst: SocketAddr::new(ends[1], ports[1]),
        seq: if tcp { u32::from_be_bytes(*ip.get(begins + 4..)?.first_chunk()?) } else { 0 },
        flags: if tcp { *ip.get(begins + 13)? } else { 0 },
        payload: payload.len() as u64,
        length: length as u64,
    })
}
