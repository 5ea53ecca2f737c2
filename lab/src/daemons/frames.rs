//! A capture's packets: nanosecond pcap of Ethernet, as our own tcpdump writes it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use super::net::is_inside;

const MAGIC: u32 = 0xa1b2_3c4d;
/// `tk`, and ten hexadecimal digits.
const TOKEN: usize = 12;
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
    Ok(frames(file)?.into_iter().filter_map(|(at, frame)| decode(frame, at)).collect())
}

/// What between two hosts of ours holds a token, and which: no program of ours is there to tell.
pub(super) fn tokens(file: &[u8]) -> io::Result<Vec<(Packet, String)>> {
    let ours = |packet: &Packet| is_inside(packet.src.ip()) && is_inside(packet.dst.ip()) && packet.payload > 0;
    let found = |(at, frame)| {
        let packet = decode(frame, at).filter(ours)?;
        let payload = frame.get(14..14 + packet.length as usize)?.split_at((packet.length - packet.payload) as usize).1;
        let token = payload.windows(TOKEN).find(|bytes| {
            bytes.starts_with(b"tk") && bytes[2..].iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        })?;
        Some((packet, String::from_utf8_lossy(token).into_owned()))
    };
    Ok(frames(file)?.into_iter().filter_map(found).collect())
}

/// The frames of a file, with their moments.
fn frames(file: &[u8]) -> io::Result<Vec<(u64, &[u8])>> {
    let word = |at: usize| file.get(at..at + 4)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
    if word(0) != Some(MAGIC) || word(20) != Some(1) {
        return Err(io::Error::other("no nanosecond pcap of Ethernet"));
    }
    let (mut frames, mut at) = (Vec::new(), 24);
    while let (Some(seconds), Some(nanos), Some(length)) = (word(at), word(at + 4), word(at + 8)) {
        let frame = at + 16..at + 16 + length as usize;
        at = frame.end;
        // The last frame may not have been written whole.
        let Some(frame) = file.get(frame) else { break };
        frames.push((u64::from(seconds) * 1_000_000 + u64::from(nanos) / 1000, frame));
    }
    Ok(frames)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of one frame: `ip` behind an Ethernet head.
    fn file(kind: [u8; 2], ip: &[u8]) -> Vec<u8> {
        let mut file = MAGIC.to_le_bytes().to_vec();
        file.extend_from_slice(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0]);
        let length = ip.len() as u32 + 14;
        for word in [7, 5000, length, length] {
            file.extend_from_slice(&u32::to_le_bytes(word));
        }
        file.extend_from_slice(&[0; 12]);
        file.extend_from_slice(&kind);
        file.extend_from_slice(ip);
        file
    }

    #[test]
    fn what_pads_a_frame_is_no_payload() {
        let mut ip = vec![0x45, 0, 0, 43, 0, 0, 0, 0, 64, TCP, 0, 0, 172, 28, 220, 9, 198, 18, 0, 1];
        ip.extend_from_slice(&[0x04, 0, 0, 25, 0, 0, 1, 0, 0, 0, 0, 0, 0x50, SYN | ACK, 0, 0, 0, 0, 0, 0]);
        ip.extend_from_slice(b"abc___");
        let file = file([8, 0], &ip);
        let packet = packets(&file).unwrap().remove(0);
        assert_eq!((packet.at, packet.seq, packet.flags), (7_000_005, 256, SYN | ACK));
        assert_eq!((packet.src, packet.dst), ("172.28.220.9:1024".parse().unwrap(), "198.18.0.1:25".parse().unwrap()));
        assert_eq!((packet.payload, packet.length), (3, 43));
        // A frame that is cut off is none.
        assert_eq!(packets(&file[..file.len() - 1]).unwrap().len(), 0);
        assert!(packets(&file[1..]).is_err());
    }

    #[test]
    fn datagrams_of_ipv6_are_read_too() {
        let mut ip = vec![0x60, 0, 0, 0, 0, 12, UDP, 64];
        ip.extend_from_slice(&[0xfd, 0x1c, 0, 0x28, 0, 0xdc, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
        ip.extend_from_slice(&[0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        ip.extend_from_slice(&[0, 53, 0, 54, 0, 12, 0, 0, 1, 2, 3, 4]);
        let packet = packets(&file([0x86, 0xdd], &ip)).unwrap().remove(0);
        assert_eq!((packet.proto, packet.payload, packet.length), (Proto::Udp, 4, 52));
        assert_eq!(
            (packet.src, packet.dst),
            ("[fd1c:28:dc::9]:53".parse().unwrap(), "[2001:db8::1]:54".parse().unwrap())
        );
    }
}
