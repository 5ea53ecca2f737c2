use super::pcapng::{Interface, Tick};
use super::*;

const INTERFACE: Interface = Interface { link: LinkType::ETHERNET, snap_len: 0, tick: Tick::MICROSECOND, offset: 0 };

/// A pcap file's header.
fn header(magic: [u8; 4], link: u8) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, link, 0, 0, 0]);
    bytes
}

fn record(seconds: u32, part: u32, frame: &[u8], wire_len: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in [seconds, part, frame.len() as u32, wire_len] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(frame);
    bytes
}

/// A frame's stamp, number, bytes, and length on the wire.
type Seen = (i64, u64, Vec<u8>, u32);

/// Everything that a file holds, given `step` bytes at a time.
fn frames(file: &[u8], step: usize) -> (Vec<Seen>, Option<Damaged>) {
    let mut reader = Reader::new();
    let (mut seen, mut from, mut to) = (Vec::new(), 0, 0);
    while to < file.len() {
        to = (to + step).min(file.len());
        let mut take = |f: Frame<'_>| seen.push((f.at.0, f.number, f.bytes.to_vec(), f.wire_len));
        match reader.read(&file[from..to], &mut take) {
            Ok(used) => from += used,
            Err(damaged) => return (seen, Some(damaged)),
        }
    }
    (seen, reader.finish(&file[from..]))
}

#[test]
fn frames_come_whole_however_the_file_is_cut() {
    let mut file = header([0xd4, 0xc3, 0xb2, 0xa1], 1);
    file.extend(record(1, 5, b"abcdef", 6));
    file.extend(record(2, 7, b"xy", 1500));
    let all = vec![(1_000_005_000, 1, b"abcdef".to_vec(), 6), (2_000_007_000, 2, b"xy".to_vec(), 1500)];
    for step in [1, 3, 17, file.len()] {
        assert_eq!(frames(&file, step), (all.clone(), None), "{step} bytes at a time");
    }
}

#[test]
fn nanoseconds_are_told_from_microseconds() {
    let mut file = header([0x4d, 0x3c, 0xb2, 0xa1], 1);
    file.extend(record(1, 5, b"a", 1));
    assert_eq!(frames(&file, 64).0[0].0, 1_000_000_005);
}

#[test]
fn a_file_that_is_cut_off_says_where() {
    let mut file = header([0xd4, 0xc3, 0xb2, 0xa1], 1);
    file.extend(record(1, 5, b"abcdef", 6));
    file.truncate(file.len() - 1);
    let (seen, end) = frames(&file, 8);
    assert!(seen.is_empty());
    assert_eq!(end.map(|end| end.at), Some(24));
}

#[test]
fn an_absurd_length_is_damage_and_no_allocation() {
    let mut file = header([0xd4, 0xc3, 0xb2, 0xa1], 1);
    file.extend(record(1, 5, b"abcdef", 6));
    let place = file.len() as u64;
    file.extend([0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    let (seen, end) = frames(&file, 1000);
    assert_eq!(
        (seen.len(), end),
        (1, Some(Damaged { at: place, why: "a packet says that it is longer than 512 KiB" }))
    );
}

fn block(kind: u32, body: &[u8], big: bool) -> Vec<u8> {
    let order = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
    let len = 12 + body.len() as u32;
    [&order(kind)[..], &order(len), body, &order(len)].concat()
}

/// A section with one interface of stamps in `resolution`, and one packet.
fn section(big: bool, resolution: u8, ticks: u32) -> Vec<u8> {
    let n32 = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
    let n16 = |n: u16| if big { n.to_be_bytes() } else { n.to_le_bytes() };
    let start = [&n32(0x1a2b_3c4d)[..], &n16(1), &n16(0), &[0xff; 8]].concat();
    let interface =
        [&n16(1)[..], &n16(0), &n32(0), &n16(9), &n16(1), &[resolution, 0, 0, 0], &n16(0), &n16(0)].concat();
    let packet = [&n32(0)[..], &n32(0), &n32(ticks), &n32(3), &n32(60), b"abc\0"].concat();
    let unknown = block(0x0bad, &[1, 2, 3, 4], big);
    [block(0x0a0d_0d0a, &start, big), block(1, &interface, big), unknown, block(6, &packet, big)].concat()
}

#[test]
fn sections_of_both_byte_orders_in_one_file() {
    let file = [section(false, 6, 1_500_000), section(true, 9, 1_500_000), section(false, 0x81, 3)].concat();
    assert!(sniff(&file));
    let (seen, end) = frames(&file, 13);
    assert_eq!(end, None);
    let at: Vec<_> = seen.iter().map(|(at, number, ..)| (*at, *number)).collect();
    assert_eq!(at, [(1_500_000_000, 1), (1_500_000, 2), (1_500_000_000, 3)]);
    assert!(seen.iter().all(|(_, _, bytes, wire)| bytes == b"abc" && *wire == 60));
}

#[test]
fn a_packet_of_no_interface_is_damage() {
    let mut file = section(false, 6, 1);
    let packet = [&7_u32.to_le_bytes()[..], &[0; 16]].concat();
    file.extend(block(6, &packet, false));
    assert!(frames(&file, 4096).1.is_some());
}

#[test]
fn the_modified_format_has_longer_headers() {
    let mut file = header([0x34, 0xcd, 0xb2, 0xa1], 1);
    for _ in 0..2 {
        let mut one = record(1, 5, b"abc", 3);
        one.splice(16..16, [1, 0, 0, 0, 8, 0, 0, 0]);
        file.extend(one);
    }
    let (seen, end) = frames(&file, 5);
    assert_eq!(end, None);
    assert!(seen.len() == 2 && seen.iter().all(|(.., bytes, wire)| bytes == b"abc" && *wire == 3));
}

#[test]
fn older_versions_have_their_lengths_the_other_way_round() {
    for (minor, first, second) in [(2, 60, 3), (3, 60, 3), (3, 3, 60), (4, 3, 60)] {
        let mut file = header([0xd4, 0xc3, 0xb2, 0xa1], 1);
        file[6] = minor;
        let mut one = record(1, 5, b"abc", 3);
        one[8..12].copy_from_slice(&u32::to_le_bytes(first));
        one[12..16].copy_from_slice(&u32::to_le_bytes(second));
        file.extend(one);
        let (seen, end) = frames(&file, 64);
        assert_eq!((seen.len(), end), (1, None), "2.{minor}");
        assert_eq!((seen[0].2.as_slice(), seen[0].3), (&b"abc"[..], 60), "2.{minor}");
    }
    let mut file = header([0xd4, 0xc3, 0xb2, 0xa1], 1);
    file[4] = 3;
    assert!(sniff(&file) && frames(&file, 64).1.is_some_and(|damaged| damaged.at == 0));
}

#[test]
fn a_long_block_that_is_no_packet_is_passed_over_as_it_comes() {
    let secrets = block(10, &vec![7; LONGEST + 100], false);
    let file = [
        section(false, 6, 1),
        secrets.clone(),
        block(6, &[&[0; 12][..], &[1, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0]].concat(), false),
    ]
    .concat();
    let (seen, end) = frames(&file, 50_000);
    assert_eq!((seen.len(), end), (2, None));
    let cut = [section(false, 6, 1), secrets[..LONGEST].to_vec()].concat();
    let end = frames(&cut, 50_000).1.expect("it is cut off");
    assert_eq!((end.at, end.why), (cut.len() as u64, "the file ends within a block"));
    let mut packet = block(6, &vec![0; LONGEST], false);
    packet.splice(0..0, section(false, 6, 1));
    assert!(frames(&packet, 50_000).1.is_some(), "a packet is not");
}

#[test]
fn absurd_stamps_stay_within_what_pcap_can_say() {
    let last = i64::from(u32::MAX) * Nanos::SECOND;
    // Ticks of a second, a nanosecond, and less than any.
    for (resolution, ticks, expected) in [(0, u32::MAX, last), (9, 7, 7), (0x7f, 7, 0), (0xff, 7, 0)] {
        assert_eq!(frames(&section(false, resolution, ticks), 64).0[0].0, expected, "{resolution}");
    }
    let interface = |offset: i64| Interface { offset, ..INTERFACE };
    assert_eq!(interface(i64::MIN).moment(5), Nanos(0));
    assert_eq!(interface(i64::MAX).moment(u64::MAX), Nanos(last));
    assert_eq!(interface(10).moment(5), Nanos(10 * Nanos::SECOND + 5000));
}

#[test]
fn a_simple_packet_is_of_the_moment_before_it() {
    let mut file = section(false, 6, 1_500_000);
    file.extend(block(3, &[&60_u32.to_le_bytes()[..], b"abcd"].concat(), false));
    let (seen, _) = frames(&file, 64);
    assert_eq!((seen[1].0, seen[1].2.as_slice(), seen[1].3), (1_500_000_000, &b"abcd"[..], 60));
}

#[test]
fn blocks_that_cannot_be_are_damage() {
    let good = section(false, 6, 1);
    let with = |bytes: Vec<u8>| frames(&[good.clone(), bytes].concat(), 4096).1.map(|damaged| damaged.at);
    let lengths = |first: u32, second: u32| {
        [&5_u32.to_le_bytes()[..], &first.to_le_bytes(), &[0; 4], &second.to_le_bytes()].concat()
    };
    let place = Some(good.len() as u64);
    assert_eq!(with(lengths(16, 16)), None);
    for bad in [
        lengths(16, 20),
        lengths(0, 0),
        lengths(15, 15),
        block(6, &[&[0; 12][..], &200_u32.to_le_bytes(), &[0; 4]].concat(), false),
        block(6, &[], false),
        block(3, &[], false),
        block(1, &[1, 0], false),
        block(0x0a0d_0d0a, &[0x4d, 0x3c, 0x2b, 0x1a], false),
        block(0x0a0d_0d0a, &[0; 16], false),
    ] {
        assert_eq!(with(bad.clone()), place, "{bad:?}");
    }
}
