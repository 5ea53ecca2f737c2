//! Frames: Ethernet, IPv4 or IPv6, TCP, UDP or ICMP, with the checksums that they should have.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::net::mac;

/// Where a packet goes, below its transport.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    /// The VLAN that it is tagged with (IEEE 802.1Q).
    pub(crate) vlan: Option<u16>,
    /// What the outside has left of the time to live.
    pub(crate) ttl: u8,
}

/// The fields of a TCP header that differ from packet to packet (RFC 9293).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tcp {
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) flags: u8,
    pub(crate) window: u16,
    /// Time stamp and its echo (RFC 7323).
    pub(crate) stamps: (u32, u32),
}

pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const RST: u8 = 4;
pub(crate) const PSH: u8 = 8;
pub(crate) const ACK: u8 = 16;

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// Writes a TCP segment into `frame`; `payload` appends what it carries.
pub(crate) fn tcp(frame: &mut Vec<u8>, way: &Way, id: u16, tcp: &Tcp, payload: impl FnOnce(&mut Vec<u8>)) {
    let ip = link(frame, way);
    let at = head(frame, way, TCP, id);
    ports(frame, way);
    frame.extend_from_slice(&tcp.seq.to_be_bytes());
    frame.extend_from_slice(&tcp.ack.to_be_bytes());
    let length = if tcp.flags & SYN != 0 { 40 } else { 32 };
    frame.extend_from_slice(&[(length / 4) << 4, tcp.flags]);
    frame.extend_from_slice(&tcp.window.to_be_bytes());
    frame.extend_from_slice(&[0; 4]);
    options(frame, way, tcp);
    payload(frame);
    finish(frame, way, ip, at, Some((TCP, 16)));
}

/// Maximum segment size, SACK and window scale in a SYN; time stamps always, padded to words.
fn options(frame: &mut Vec<u8>, way: &Way, tcp: &Tcp) {
    if tcp.flags & SYN != 0 {
        let mss: u16 = if way.from.is_ipv4() { 1460 } else { 1440 };
        let [high, low] = mss.to_be_bytes();
        frame.extend_from_slice(&[2, 4, high, low, 4, 2]);
    } else {
        frame.extend_from_slice(&[1, 1]);
    }
    frame.extend_from_slice(&[8, 10]);
    frame.extend_from_slice(&tcp.stamps.0.to_be_bytes());
    frame.extend_from_slice(&tcp.stamps.1.to_be_bytes());
    if tcp.flags & SYN != 0 {
        frame.extend_from_slice(&[1, 3, 3, 7]);
    }
}

/// Writes a UDP datagram.
pub(crate) fn udp(frame: &mut Vec<u8>, way: &Way, id: u16, payload: impl FnOnce(&mut Vec<u8>)) {
    let ip = link(frame, way);
    let at = head(frame, way, UDP, id);
    ports(frame, way);
    frame.extend_from_slice(&[0; 4]);
    payload(frame);
    let length = (frame.len() - at) as u16;
    frame[at + 4..at + 6].copy_from_slice(&length.to_be_bytes());
    finish(frame, way, ip, at, Some((UDP, 6)));
}

/// Writes an ICMP echo request, or the reply to it.
pub(crate) fn echo(frame: &mut Vec<u8>, way: &Way, number: u16, reply: bool, payload: impl FnOnce(&mut Vec<u8>)) {
    let ip = link(frame, way);
    let (protocol, kind) = match (way.from.is_ipv4(), reply) {
        (true, false) => (ICMP, 8),
        (true, true) => (ICMP, 0),
        (false, false) => (ICMPV6, 128),
        (false, true) => (ICMPV6, 129),
    };
    let at = head(frame, way, protocol, number);
    let asked = if reply { way.to.port() } else { way.from.port() };
    frame.extend_from_slice(&[kind, 0, 0, 0]);
    frame.extend_from_slice(&asked.to_be_bytes());
    frame.extend_from_slice(&number.to_be_bytes());
    payload(frame);
    if protocol == ICMP {
        let sum = fold(sum(&frame[at..], 0));
        frame[at + 2..at + 4].copy_from_slice(&sum.to_be_bytes());
    }
    finish(frame, way, ip, at, (protocol == ICMPV6).then_some((ICMPV6, 2)));
}

/// Starts a frame; says where IP begins.
fn link(frame: &mut Vec<u8>, way: &Way) -> usize {
    frame.clear();
    frame.extend_from_slice(&mac(way.to.ip()));
    frame.extend_from_slice(&mac(way.from.ip()));
    if let Some(vlan) = way.vlan {
        frame.extend_from_slice(&[0x81, 0]);
        frame.extend_from_slice(&vlan.to_be_bytes());
    }
    frame.extend_from_slice(if way.from.is_ipv4() { &[0x08, 0x00] } else { &[0x86, 0xdd] });
    frame.len()
}

/// The IP header, its length still open; says where the transport begins.
fn head(frame: &mut Vec<u8>, way: &Way, protocol: u8, id: u16) -> usize {
    match (way.from.ip(), way.to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let [high, low] = id.to_be_bytes();
            frame.extend_from_slice(&[0x45, 0, 0, 0, high, low, 0x40, 0, way.ttl, protocol, 0, 0]);
            frame.extend_from_slice(&from.octets());
            frame.extend_from_slice(&to.octets());
        }
        (from, to) => {
            frame.extend_from_slice(&[0x60, 0, 0, 0, 0, 0, protocol, way.ttl]);
            frame.extend_from_slice(&v6(from));
            frame.extend_from_slice(&v6(to));
        }
    }
    frame.len()
}

fn v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

fn ports(frame: &mut Vec<u8>, way: &Way) {
    frame.extend_from_slice(&way.from.port().to_be_bytes());
    frame.extend_from_slice(&way.to.port().to_be_bytes());
}

/// Lengths and checksums, now that everything is there. `covered` names the protocol whose checksum covers the
/// addresses too, and where in its header that stands.
fn finish(frame: &mut [u8], way: &Way, ip: usize, at: usize, covered: Option<(u8, usize)>) {
    let length = (frame.len() - at) as u32;
    let addresses = if way.from.is_ipv4() { ip + 12..ip + 20 } else { ip + 8..ip + 40 };
    if let Some((protocol, place)) = covered {
        let pseudo = sum(&frame[addresses], u64::from(protocol) + u64::from(length));
        let sum = fold(sum(&frame[at..], pseudo));
        // In UDP 0 means that there is none (RFC 768).
        let sum = if sum == 0 && protocol == UDP { 0xffff } else { sum };
        frame[at + place..at + place + 2].copy_from_slice(&sum.to_be_bytes());
    }
    if way.from.is_ipv4() {
        frame[ip + 2..ip + 4].copy_from_slice(&(length as u16 + 20).to_be_bytes());
        let sum = fold(sum(&frame[ip..ip + 20], 0));
        frame[ip + 10..ip + 12].copy_from_slice(&sum.to_be_bytes());
    } else {
        frame[ip + 4..ip + 6].copy_from_slice(&(length as u16).to_be_bytes());
    }
}

/// The Internet checksum's sum (RFC 1071), by words of four octets: folding makes it the same.
fn sum(bytes: &[u8], start: u64) -> u64 {
    let words = bytes.chunks_exact(4);
    let mut rest = [0; 4];
    rest[..words.remainder().len()].copy_from_slice(words.remainder());
    let all = words.fold(start, |sum, word| sum + u64::from(u32::from_be_bytes([word[0], word[1], word[2], word[3]])));
    all + u64::from(u32::from_be_bytes(rest))
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

/// An address written as four numbers.
pub(crate) fn v4(address: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(from: &str, to: &str) -> Way {
        Way { from: from.parse().unwrap(), to: to.parse().unwrap(), vlan: None, ttl: 64 }
    }

    /// A receiver's check: all words, the checksum among them, add up to nothing.
    fn holds(pseudo: &[u8], protocol: u64, segment: &[u8]) -> bool {
        fold(sum(segment, sum(pseudo, protocol + segment.len() as u64))) == 0
    }

    #[test]
    fn checksums_hold_over_ipv4_and_ipv6() {
        let mut frame = Vec::new();
        udp(&mut frame, &way("172.28.0.1:53", "192.0.2.1:4000"), 9, |frame| frame.extend_from_slice(b"odd"));
        assert_eq!(fold(sum(&frame[14..34], 0)), 0, "IPv4's own");
        assert_eq!(u16::from_be_bytes([frame[16], frame[17]]), 31);
        assert!(holds(&frame[26..34], 17, &frame[34..]));
        let header = Tcp { seq: 1, ack: 2, flags: SYN, window: 3, stamps: (4, 5) };
        tcp(&mut frame, &way("[2001:db8:28::1]:25", "[2001:db8:1::1]:4000"), 9, &header, |_| ());
        assert_eq!(frame.len(), 14 + 40 + 40);
        assert!(holds(&frame[22..54], 6, &frame[54..]));
    }

    #[test]
    fn a_tag_stands_before_the_type() {
        let mut frame = Vec::new();
        let tagged = Way { vlan: Some(102), ..way("172.28.0.1:8", "192.0.2.1:0") };
        echo(&mut frame, &tagged, 1, false, |_| ());
        assert_eq!(frame[12..18], [0x81, 0, 0, 102, 8, 0]);
        assert_eq!(fold(sum(&frame[38..], 0)), 0);
    }
}
