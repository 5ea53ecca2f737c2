use std::net::Ipv4Addr;

use catspaw_records::{Nanos, Place};

use super::*;
use crate::TcpFlags;
use crate::capture::LinkType;

const PLACE: Place = Place { file: 0, line: 1 };

/// An IPv4 packet with right lengths and no checksums.
fn ipv4(proto: u8, id: u16, part: u16, payload: &[u8]) -> Vec<u8> {
    let total = (20 + payload.len()) as u16;
    let mut bytes = vec![0x45, 0];
    bytes.extend(total.to_be_bytes());
    bytes.extend(id.to_be_bytes());
    bytes.extend(part.to_be_bytes());
    bytes.extend([64, proto, 0, 0, 10, 0, 0, 1, 192, 0, 2, 9]);
    bytes.extend(payload);
    bytes
}

fn tcp(payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x04, 0x01, 0x00, 0x19, 0, 0, 0, 7, 0, 0, 0, 9, 0x50, 0x18, 1, 0, 0, 0, 0, 0];
    bytes.extend(payload);
    bytes
}

fn ethernet(kind: [u8; 2], payload: &[u8]) -> Vec<u8> {
    [&[0; 12][..], &kind, payload].concat()
}

/// The hash of an IP packet's flow.
fn hash_of(ip: &[u8]) -> u64 {
    hash::flow(&Ip::parse(ip).expect("an IP header"))
}

fn locate(decoder: &mut Decoder, link: LinkType, bytes: &[u8]) -> Option<Vec<u8>> {
    let frame = Frame { at: Nanos(0), number: 1, link, bytes, wire_len: bytes.len() as u32 };
    decoder.locate(&frame, &mut |_, _| {}).map(|located| located.ip.into_owned())
}

/// The payload of the one packet that a frame of `link` holds.
fn payload(link: LinkType, bytes: &[u8]) -> Option<Vec<u8>> {
    let ip = locate(&mut Decoder::new(), link, bytes)?;
    packet(&ip, Nanos(0), PLACE, false).map(|packet| packet.payload.to_vec())
}

#[test]
fn every_link_leads_to_the_same_packet() {
    let ip = ipv4(6, 1, 0, &tcp(b"hello"));
    let eth = ethernet([8, 0], &ip);
    let vlan = ethernet([0x88, 0xa8], &[&[0, 1, 0x81, 0, 0, 2, 8, 0][..], &ip].concat());
    let mpls = ethernet([0x88, 0x47], &[&[0, 1, 0x00, 64, 0, 2, 0x01, 64][..], &ip].concat());
    let pppoe = ethernet([0x88, 0x64], &[&[0x11, 0, 0, 1, 0, 50, 0, 0x21][..], &ip].concat());
    let snap = ethernet([0, 60], &[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &ip].concat());
    let nsh = ethernet([0x89, 0x4f], &[&[0x0f, 0xc2, 2, 1, 0, 0, 0, 0][..], &ip].concat());
    for (link, frame) in [
        (LinkType::ETHERNET, eth.clone()),
        (LinkType::ETHERNET, vlan),
        (LinkType::ETHERNET, mpls),
        (LinkType::ETHERNET, pppoe),
        (LinkType::ETHERNET, snap),
        (LinkType::ETHERNET, nsh),
        (LinkType::RAW, ip.clone()),
        (LinkType::NULL, [&[2, 0, 0, 0][..], &ip].concat()),
        (LinkType::LOOP, [&[0, 0, 0, 2][..], &ip].concat()),
        (LinkType::LINUX_SLL, [&[0; 14][..], &[8, 0], &ip].concat()),
        (LinkType::LINUX_SLL2, [&[8, 0][..], &[0; 18], &ip].concat()),
        (LinkType::ETHERNET, ethernet([0, 60], &[&[6, 6, 3][..], &ip].concat())),
        (LinkType::RAW_BSD[0], ip.clone()),
        (LinkType::RAW_BSD[1], ip.clone()),
        (LinkType::IPV4, ip.clone()),
        (LinkType::C_HDLC, [&[0x0f, 0, 8, 0][..], &ip].concat()),
        (LinkType::PPP_HDLC, [&[0xff, 3, 0x21][..], &ip].concat()),
        (LinkType::PPP_ETHER, [&[0x11, 0, 0, 1, 0, 50, 0, 0x21][..], &ip].concat()),
        (LinkType::LINUX_SLL, [&[0; 14][..], &[0, 4, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &ip].concat()),
        (LinkType::PPP, [&[0xff, 3, 0, 0x21][..], &ip].concat()),
        (LinkType::RAW, ipv4(4, 2, 0, &ip)),
        (LinkType::RAW, ipv4(47, 2, 0, &[&[0, 0, 8, 0][..], &ip].concat())),
        (LinkType::RAW, ipv4(47, 2, 0, &[&[0, 0, 0x88, 0x0b, 0xff, 0x03, 0, 0x21][..], &ip].concat())),
        (
            LinkType::RAW,
            ipv4(47, 2, 0, &[&[0, 0, 0x22, 0xeb, 0x20, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0][..], &eth].concat()),
        ),
        (
            LinkType::RAW,
            ipv4(47, 2, 0, &[&[0, 0, 0x22, 0xeb, 0x20, 1, 0, 1, 0, 0, 0, 0, 0, 0, 8, 1][..], &[0; 8], &ip].concat()),
        ),
        (LinkType::ETHERNET, ethernet([0x89, 0x26], &[&[0, 1, 0, 2, 8, 0][..], &ip].concat())),
        (LinkType::RAW, ipv4(47, 2, 0, &[&[0x30, 0, 0x65, 0x58, 0, 0, 0, 1, 0, 0, 0, 2][..], &eth].concat())),
    ] {
        assert_eq!(payload(link, &frame).as_deref(), Some(&b"hello"[..]), "{link:?} {frame:?}");
        for len in 0..frame.len() {
            // What is cut off anywhere is no packet, or one with less in it.
            let cut = payload(link, &frame[..len]).unwrap_or_default();
            assert!(cut.len() < len || len == 0, "{len}");
        }
    }
    assert_eq!(payload(LinkType::ETHERNET, &ethernet([8, 6], &[0; 28])), None, "ARP");
}

#[test]
fn what_the_link_puts_behind_a_packet_is_no_payload() {
    let mut frame = ethernet([8, 0], &ipv4(6, 1, 0, &tcp(b"")));
    frame.resize(60, 0);
    assert_eq!(payload(LinkType::ETHERNET, &frame), Some(Vec::new()));
}

#[test]
fn a_flow_has_one_hash_in_both_directions() {
    let there = ipv4(6, 1, 0, &tcp(b"x"));
    let mut back = there.clone();
    back[12..20].rotate_left(4);
    back[20..24].rotate_left(2);
    assert_eq!(hash_of(&there), hash_of(&back));
    let mut other = there.clone();
    other[21] ^= 1;
    assert_ne!(hash_of(&there), hash_of(&other));
}

#[test]
fn fields_of_a_packet() {
    let ip = ipv4(6, 1, 0, &tcp(b"hello"));
    let packet = packet(&ip, Nanos(5), PLACE, false).expect("a packet");
    assert_eq!((packet.src, packet.dst_port), (Ipv4Addr::new(10, 0, 0, 1).into(), 25));
    let tcp = packet.tcp.expect("TCP");
    assert_eq!((tcp.seq, tcp.ack), (7, 9));
    assert!(tcp.flags.has(TcpFlags::ACK | TcpFlags::PSH));
    assert_eq!((packet.payload_len, packet.ip_len, packet.transport.len()), (5, 45, 20));
}

#[test]
fn a_wrong_checksum_is_seen_where_it_is_asked_for() {
    let mut ip = ipv4(17, 1, 0, &[0, 53, 0, 53, 0, 10, 0, 0, 1, 2]);
    let wrong = |ip: &[u8]| packet(ip, Nanos(0), PLACE, true).expect("a packet").bad_checksum;
    assert!(wrong(&ip), "its IP header has none");
    // Ones' complement sum of the header: 0x4500 + 30 + 1 + 0x4011 + 0x0a00 + 1 + 0xc000 + 0x0209 = 0x1513a.
    ip[10..12].copy_from_slice(&(!(0x513b_u16)).to_be_bytes());
    assert!(!wrong(&ip), "UDP without a checksum is right");
    ip[26] = 1;
    assert!(wrong(&ip));
    assert!(!packet(&ip, Nanos(0), PLACE, false).expect("a packet").bad_checksum);
}

#[test]
fn pieces_in_any_order_make_the_packet() {
    let whole = tcp(&[7; 100]);
    let pieces = [(0, &whole[..48], 0x2000), (48, &whole[48..96], 0x2000), (96, &whole[96..], 0)];
    let frame = |n: usize| ipv4(6, 77, pieces[n].2 | (pieces[n].0 / 8) as u16, pieces[n].1);
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut decoder = Decoder::new();
        let mut made: Vec<_> = order.map(|n| locate(&mut decoder, LinkType::RAW, &frame(n))).into();
        let ip = made.pop().flatten().expect("the last piece makes it whole");
        assert!(made.iter().all(Option::is_none));
        let packet = packet(&ip, Nanos(0), PLACE, false).expect("a packet");
        assert_eq!(packet.payload, [7; 100]);
    }
}

#[test]
fn of_pieces_that_overlap_the_first_stays() {
    let mut decoder = Decoder::new();
    let first = tcp(&[1; 12]);
    assert_eq!(locate(&mut decoder, LinkType::RAW, &ipv4(6, 5, 0x2000, &first)), None);
    assert_eq!(locate(&mut decoder, LinkType::RAW, &ipv4(6, 5, 0x2000 | 2, &[2; 16])), None);
    let ip = locate(&mut decoder, LinkType::RAW, &ipv4(6, 5, 4, &[3; 8])).expect("whole");
    let packet = packet(&ip, Nanos(0), PLACE, false).expect("a packet");
    assert_eq!(packet.payload, [&[1; 12][..], &[3; 8]].concat());
}

#[test]
fn a_spray_of_pieces_is_bounded_and_counted() {
    let mut decoder = Decoder::new();
    let mut given_up = 0;
    for n in 0..20_000_u32 {
        let bytes = ipv4(17, n as u16, 0x2000, &[0; 1400]);
        let bytes = [&bytes[..12], &n.to_be_bytes(), &bytes[16..]].concat();
        let frame = Frame { at: Nanos(0), number: 1, link: LinkType::RAW, bytes: &bytes, wire_len: 0 };
        decoder.locate(&frame, &mut |_, count| given_up += count);
    }
    assert_eq!(given_up, 20_000 - 4096);
    let late = ipv4(17, 1, 0x2000, &[0; 8]);
    let frame = Frame { at: Nanos(61 * Nanos::SECOND), number: 1, link: LinkType::RAW, bytes: &late, wire_len: 0 };
    decoder.locate(&frame, &mut |_, count| given_up += count);
    assert_eq!(given_up, 20_000, "the rest has waited long enough");
}

#[test]
fn pieces_of_ipv6() {
    let whole = tcp(&[9; 64]);
    let mut decoder = Decoder::new();
    assert_eq!(locate(&mut decoder, LinkType::RAW, &piece_v6(40, false, &whole[40..])), None);
    let ip = locate(&mut decoder, LinkType::RAW, &piece_v6(0, true, &whole[..40])).expect("whole");
    let packet = packet(&ip, Nanos(0), PLACE, false).expect("a packet");
    assert_eq!((packet.payload, packet.dst_port, packet.ip.len()), (&[9; 64][..], 25, 40));
}

/// What a decoder says of a frame that holds no packet.
fn complaint(link: LinkType, bytes: &[u8]) -> Option<&'static str> {
    let (mut said, frame) = (None, Frame { at: Nanos(0), number: 1, link, bytes, wire_len: 0 });
    let located = Decoder::new().locate(&frame, &mut |what, _| said = Some(what));
    assert!(located.is_none());
    said
}

#[test]
fn frames_without_a_packet_are_told_apart() {
    let ip = ipv4(6, 1, 0, &tcp(b"hello"));
    let cut = Some("frames that end before their packet");
    let broken = Some("packets with a broken header");
    for (link, frame, said) in [
        (LinkType::ETHERNET, ethernet([8, 6], &[0; 28]), None),
        (LinkType::ETHERNET, ethernet([0x86, 0xdd], &ip), None),
        (LinkType::ETHERNET, ethernet([0x88, 0x64], &[&[0x11, 9, 0, 1, 0, 50, 0, 0x21][..], &ip].concat()), None),
        (LinkType::ETHERNET, vec![0; 13], cut),
        (LinkType::ETHERNET, ethernet([0x81, 0], &[0, 1, 8]), cut),
        (LinkType::LINUX_SLL, vec![0; 15], cut),
        (LinkType::RAW, vec![], cut),
        (LinkType::RAW, ip[..19].to_vec(), broken),
        (LinkType::RAW, [&[0x44][..], &ip[1..]].concat(), broken),
        (LinkType::RAW, [&[0x4f][..], &ip[1..]].concat(), broken),
        (LinkType::RAW, [&ip[..2], &[0, 19], &ip[4..]].concat(), broken),
        (LinkType::RAW, vec![0x60; 39], broken),
    ] {
        assert_eq!(complaint(link, &frame), said, "{link} {frame:?}");
    }
}

#[test]
fn link_types_that_are_not_read_are_counted_each() {
    let mut decoder = Decoder::new();
    for link in [105, 127, 105] {
        locate(&mut decoder, LinkType(link), &[0; 60]);
    }
    let unread: Vec<_> = decoder.unread_links().map(|(link, frames)| (link.to_string(), frames)).collect();
    assert_eq!(unread, [("IEEE802_11 (105)".into(), 2), ("IEEE802_11_RADIOTAP (127)".into(), 1)]);
    (0..1000).for_each(|link| _ = locate(&mut decoder, LinkType(10_000 + link), &[]));
    assert_eq!(decoder.unread_links().count(), 64);
}

#[test]
fn transport_lengths_that_lie() {
    let read = |proto, payload: &[u8]| {
        let ip = ipv4(proto, 1, 0, payload);
        let packet = packet(&ip, Nanos(0), PLACE, true).expect("a packet");
        (packet.tcp.is_some(), packet.dst_port, packet.payload.len(), packet.payload_len)
    };
    let mut long_header = tcp(b"hello");
    long_header[12] = 0xf0;
    assert_eq!(read(6, &long_header), (false, 0, 25, 25), "a header longer than the packet");
    long_header[12] = 0x40;
    assert_eq!(read(6, &long_header), (false, 0, 25, 25), "a header shorter than any");
    assert_eq!(read(17, &[0, 53, 0, 53, 0, 9, 1, 1, 7, 7]), (false, 53, 1, 1), "what is behind UDP's end");
    assert_eq!(read(17, &[0, 53, 0, 53, 0, 3, 1, 1, 7, 7]), (false, 53, 2, 2), "UDP shorter than its header");
    assert_eq!(read(17, &[0, 53, 0, 53, 0xff, 0xff, 1, 1, 7, 7]), (false, 53, 2, 2), "UDP longer than IP");
}

#[test]
fn an_authentication_header_of_ipv4_is_read_over() {
    let ip = ipv4(51, 1, 0, &[&[6, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2][..], &tcp(b"hello")].concat());
    let packet = packet(&ip, Nanos(0), PLACE, false).expect("a packet");
    assert_eq!((packet.proto, packet.ip.len(), packet.payload), (IpProto::TCP, 32, &b"hello"[..]));
}

/// A piece of an IPv6 datagram of TCP.
fn piece_v6(offset: usize, more: bool, bytes: &[u8]) -> Vec<u8> {
    let len = ((bytes.len() + 8) as u16).to_be_bytes();
    let part = (offset as u16 | u16::from(more)).to_be_bytes();
    [&[0x60, 0, 0, 0][..], &len, &[44, 64], &[0xfd; 16], &[0x20; 16], &[6, 0], &part, &[0, 0, 0, 3], bytes].concat()
}

#[test]
fn pieces_of_ipv6_that_overlap_make_nothing() {
    let whole = tcp(&[9; 64]);
    let mut decoder = Decoder::new();
    let mut give = |offset, more, bytes: &[u8]| locate(&mut decoder, LinkType::RAW, &piece_v6(offset, more, bytes));
    assert_eq!(give(0, true, &whole[..40]), None);
    assert_eq!(give(0, true, &whole[..40]), None, "a copy is no overlap");
    assert!(give(40, false, &whole[40..]).is_some());
    assert_eq!(give(0, true, &whole[..40]), None);
    assert_eq!(give(32, true, &[1; 16]), None);
    assert_eq!(give(40, false, &whole[40..]), None, "nor what comes after");
}

#[test]
fn pieces_that_contradict_others_are_refused() {
    let whole = tcp(&[9; 12]);
    let mut decoder = Decoder::new();
    let mut give = |part: u16, bytes: &[u8]| locate(&mut decoder, LinkType::RAW, &ipv4(6, 5, part, bytes));
    assert_eq!(give(0x2000 | 1, &[9; 8]), None);
    assert_eq!(give(1, &[9; 4]), None, "an end before what is held");
    assert_eq!(give(3, &whole[24..]), None);
    assert_eq!(give(4, &[9; 8]), None, "an end behind the end");
    assert_eq!(give(0x2000 | 9, &[9; 8]), None, "a piece behind the end");
    assert_eq!(give(0x2000 | 2, &whole[16..24]), None);
    assert!(give(0x2000, &whole[..8]).is_some());
}

#[test]
fn datagrams_that_complete_one_another_end_somewhere() {
    let mut decoder = Decoder::new();
    // The second piece of each holds the second piece of the next: only the first's is sent.
    let mut last = tcp(&[7; 28]);
    for id in 0..40 {
        let first = ipv4(4, id, 0x2000, &last[..16]);
        assert_eq!(locate(&mut decoder, LinkType::RAW, &first), None);
        last = ipv4(4, id, 2, &last[16..]);
    }
    let frame = Frame { at: Nanos(0), number: 1, link: LinkType::RAW, bytes: &last, wire_len: 0 };
    let mut said = Vec::new();
    assert!(decoder.locate(&frame, &mut |what, _| said.push(what)).is_none());
    assert_eq!(said.len(), 1, "{said:?}");
}

#[test]
fn whole_datagrams_leave_nothing_behind() {
    let mut decoder = Decoder::new();
    let whole = tcp(&[9; 20]);
    for id in 0..30_000 {
        assert_eq!(locate(&mut decoder, LinkType::RAW, &ipv4(6, id, 0x2000, &whole[..24])), None);
        assert!(locate(&mut decoder, LinkType::RAW, &ipv4(6, id, 3, &whole[24..])).is_some());
    }
    assert_eq!(decoder.fragments.held(), 0);
    assert!(decoder.fragments.remembered() <= 8192);
}

#[test]
fn the_frames_of_a_datagram_are_known_by_their_numbers() {
    let mut decoder = Decoder::new();
    let whole = tcp(&[7; 44]);
    // Two pieces in clear, then the same in a tunnel of which one packet comes in pieces itself.
    let piece = |id, from: usize, to: usize, part| ipv4(6, id, part, &whole[from..to]);
    let (first, second) = (piece(1, 0, 32, 0x2000), piece(1, 32, 64, 4));
    let tunnelled = ipv4(4, 2, 0, &piece(3, 0, 32, 0x2000));
    let within = piece(3, 32, 64, 4);
    let (a, b) = (ipv4(4, 4, 0x2000, &within[..40]), ipv4(4, 4, 5, &within[40..]));
    let mut told = Vec::new();
    for (number, bytes) in [first, tunnelled, second, a, b].iter().enumerate() {
        let (at, number, wire_len) = (Nanos(0), number as u64, bytes.len() as u32);
        let frame = Frame { at, number, link: LinkType::RAW, bytes, wire_len };
        assert!(is_fragment(&frame));
        assert_eq!(network(&frame), Some(bytes.as_slice()));
        if decoder.locate(&frame, &mut |_, _| {}).is_some() {
            told.push((number, decoder.pieces().to_vec()));
        }
    }
    assert_eq!(told, [(2, vec![0, 2]), (4, vec![1, 3, 4])]);
}
