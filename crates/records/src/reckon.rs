//! Payload, reckoned from what firewalls count: packets, and their bytes with headers.
//!
//! A connection that carried nothing has bytes all the same, and a relay's two legs differ in packets. Without the headers
//! what is left of both is what was carried on, give or take what options have.

use crate::end::Address;
use crate::{ByteCount, ByteKind, Bytes, Ending, Proto};

/// What one side sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Bytes with headers.
    pub(crate) bytes: u64,
    /// How many packets; `None` where the witness does not say.
    pub(crate) packets: Option<u64>,
    /// The link layer's part of each packet in these bytes; `None` where they are counted from the IP header on.
    pub(crate) link: Option<u64>,
}

/// The timestamps option, which is in all packets of a connection or in none, with its padding.
const TIMESTAMPS: u64 = 12;
/// What else a SYN has, with timestamps and without: maximum segment size, window scale, selective acknowledgements.
const SYN: u64 = 8;
const SYN_PLAIN: u64 = 12;
/// The shortest payload of an Ethernet frame: an acknowledgement of 40 bytes is padded.
const ETHERNET_LEAST: u64 = 46;
const ETHERNET: u64 = 14;

/// The payload of a connection to `addr`; where packets were not counted, or it is neither TCP nor UDP, the bytes as they
/// are, unless they are too few to have carried anything.
pub(crate) fn payload(proto: Proto, addr: Address, orig: Sent, resp: Sent) -> Bytes {
    let ip = if addr.is_v4() { 20 } else { 40 };
    let reckoned = match proto {
        Proto::Tcp => tcp(ip, orig, resp),
        Proto::Udp => orig.above(ip + 8, 0).zip(resp.above(ip + 8, 0)),
        Proto::Icmp | Proto::Other(_) => None,
    };
    let (kind, (orig, resp)) = match reckoned {
        Some(payload) => (ByteKind::PayloadReckoned, payload),
        None if orig.link.is_some() => (ByteKind::Frame, (orig.bytes, resp.bytes)),
        None => (ByteKind::IpLevel, (orig.bytes, resp.bytes)),
    };
    Bytes { kind, count: ByteCount::Directed { orig, resp } }
}

/// With timestamps, unless one side sent fewer bytes than these would make of its packets: so that what may have carried
/// nothing did not.
fn tcp(ip: u64, orig: Sent, resp: Sent) -> Option<(u64, u64)> {
    // Before the second packet of whoever opened it there is nothing but handshakes, perhaps many of one; and where packets are
    // not counted, what came back in one was the answer to these.
    if orig.is_one(ip) || resp.packets == Some(0) || (resp.packets.is_none() && resp.is_one(ip)) {
        return Some((0, 0));
    }
    let with = ip + 20 + TIMESTAMPS;
    let plain = |sent: Sent| sent.headers(with, SYN).is_some_and(|headers| sent.bytes < headers);
    if plain(orig) || plain(resp) {
        let short = |sent: Sent| {
            let least = if sent.link.is_some() { ETHERNET_LEAST } else { 0 };
            // The SYN is long enough not to be padded.
            sent.above((ip + 20).max(least), (ip + 20 + SYN_PLAIN).saturating_sub((ip + 20).max(least)))
        };
        return short(orig).zip(short(resp));
    }
    orig.above(with, SYN).zip(resp.above(with, SYN))
}

/// What of `bytes` may be taken for carried in a connection that ended so: of what the device stopped nobody knows whether there
/// was more than headers, where these are in the bytes.
pub(crate) fn carried(ending: Ending, bytes: Option<Bytes>) -> Option<Bytes> {
    bytes.filter(|bytes| ending != Ending::ByDevice || !matches!(bytes.kind, ByteKind::IpLevel | ByteKind::Frame))
}

impl Sent {
    /// Whether it is one packet of TCP at most to or from `addr`: by their number, else since two have more bytes.
    pub(crate) fn is_one_of(self, addr: Address) -> bool {
        self.is_one(if addr.is_v4() { 20 } else { 40 })
    }

    fn is_one(self, ip: u64) -> bool {
        let least = match self.link {
            Some(link) => link + (ip + 20).max(ETHERNET_LEAST),
            None => ip + 20,
        };
        self.packets.map_or(self.bytes < 2 * least, |packets| packets < 2)
    }

    /// What headers of `each` and once more `first` make of its packets.
    fn headers(self, each: u64, first: u64) -> Option<u64> {
        let packets = self.packets?;
        let first = if packets == 0 { 0 } else { first };
        Some(packets.saturating_mul(each + self.link.unwrap_or(0)).saturating_add(first))
    }

    /// The bytes beyond those.
    fn above(self, each: u64, first: u64) -> Option<u64> {
        Some(self.bytes.saturating_sub(self.headers(each, first)?))
    }
}

/// The link layer's part of a packet that came in by `interface`: an Ethernet header, with a VLAN's tag where the interface
/// is a part of one (`ethernet1/3.100`).
pub(crate) fn ethernet(interface: &[u8]) -> u64 {
    ETHERNET + if interface.contains(&b'.') { 4 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip_level(bytes: u64, packets: u64) -> Sent {
        Sent { bytes, packets: Some(packets), link: None }
    }

    fn frames(bytes: u64, packets: u64) -> Sent {
        Sent { bytes, packets: Some(packets), link: Some(14) }
    }

    fn tcp_payload(orig: Sent, resp: Sent) -> (ByteKind, Option<(u64, u64)>) {
        let bytes = payload(Proto::Tcp, Address::v4(0xc000_0201), orig, resp);
        (bytes.kind, bytes.directed())
    }

    #[test]
    fn what_carried_nothing_carried_nothing() {
        for (orig, resp) in [
            // SYN, ACK, FIN ACK, ACK and their answers, with timestamps and without, as Linux and Windows send them.
            (ip_level(60 + 3 * 52, 4), ip_level(60 + 2 * 52, 3)),
            (ip_level(52 + 3 * 40, 4), ip_level(52 + 2 * 40, 3)),
            (ip_level(48 + 3 * 40, 4), ip_level(48 + 2 * 40, 3)),
            (ip_level(60, 1), ip_level(0, 0)),
            (ip_level(7 * 60, 7), ip_level(0, 0)),
            (ip_level(60, 1), ip_level(5 * 64, 5)),
            (ip_level(40, 1), ip_level(40, 1)),
            (frames(74 + 3 * 66, 4), frames(74 + 2 * 66, 3)),
            (frames(66 + 3 * 60, 4), frames(66 + 2 * 60, 3)),
            (frames(60, 1), frames(60, 1)),
        ] {
            assert_eq!(tcp_payload(orig, resp), (ByteKind::PayloadReckoned, Some((0, 0))), "{orig:?} {resp:?}");
        }
    }

    #[test]
    fn payload_is_what_headers_leave() {
        let with_timestamps = tcp_payload(ip_level(60 + 5 * 52 + 300, 6), ip_level(60 + 6 * 52 + 9000, 7));
        assert_eq!(with_timestamps.1, Some((300, 9000)));
        // A side that acknowledges a download shows that there are none.
        let without = tcp_payload(ip_level(52 + 29 * 40 + 100, 30), ip_level(52 + 40 * 40 + 55_000, 41));
        assert_eq!(without.1, Some((100, 55_000)));
        // Nothing shows it here: twelve bytes too few for each packet.
        let mistaken = tcp_payload(ip_level(52 + 3 * 40 + 400, 4), ip_level(52 + 3 * 40 + 400, 4));
        assert_eq!(mistaken.1, Some((400 - 4 * 12 + 4, 400 - 4 * 12 + 4)));
        let v6 = payload(
            Proto::Tcp,
            std::net::IpAddr::from([0; 16]).into(),
            ip_level(80 + 72 + 9, 2),
            ip_level(80 + 72 + 7, 2),
        );
        assert_eq!(v6.directed(), Some((9, 7)));
        let udp = payload(Proto::Udp, Address::v4(0xc000_0201), ip_level(68, 1), ip_level(128, 1));
        assert_eq!(udp.directed(), Some((40, 100)));
    }

    #[test]
    fn without_packets_there_is_nothing_to_reckon_with() {
        let sent = |bytes, link| Sent { bytes, packets: None, link };
        assert_eq!(tcp_payload(sent(100, None), sent(100, None)), (ByteKind::IpLevel, Some((100, 100))));
        assert_eq!(tcp_payload(sent(120, Some(14)), sent(120, Some(14))), (ByteKind::Frame, Some((120, 120))));
        assert_eq!(tcp_payload(sent(80, None), sent(80, None)), (ByteKind::IpLevel, Some((80, 80))));
        let nothing = (ByteKind::PayloadReckoned, Some((0, 0)));
        // A reset, or the answer to a SYN and no more.
        for (orig, resp) in [(60, 40), (1500, 60), (60, 79), (60, 1500)] {
            assert_eq!(tcp_payload(sent(orig, None), sent(resp, None)), nothing, "{orig} {resp}");
        }
        assert_eq!(tcp_payload(sent(200, Some(14)), sent(119, Some(14))), nothing, "a padded frame");
        let v6 = |resp| {
            payload(Proto::Tcp, std::net::IpAddr::from([0; 16]).into(), sent(200, None), sent(resp, None)).total()
        };
        assert_eq!((v6(119), v6(120)), (0, 320));
    }

    #[test]
    fn of_what_the_device_stopped_headers_are_no_payload() {
        let bytes = |kind| Some(Bytes { kind, count: ByteCount::Directed { orig: 400, resp: 300 } });
        for kind in [ByteKind::IpLevel, ByteKind::Frame] {
            assert_eq!(carried(Ending::ByDevice, bytes(kind)), None, "{kind:?}");
            assert_eq!(carried(Ending::Fins, bytes(kind)), bytes(kind), "{kind:?}");
        }
        let reckoned = bytes(ByteKind::PayloadReckoned);
        assert_eq!(carried(Ending::ByDevice, reckoned), reckoned);
    }

    #[test]
    fn numbers_that_no_connection_has_are_borne() {
        assert_eq!(tcp_payload(ip_level(9, u64::MAX), ip_level(9, 1)).1, Some((0, 0)));
    }

    #[test]
    fn a_part_of_a_vlan_has_tags() {
        assert_eq!((ethernet(b"ethernet1/3"), ethernet(b"ae1.201")), (14, 18));
    }
}
