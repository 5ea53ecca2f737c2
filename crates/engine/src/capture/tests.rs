use super::*;

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

/// Everything that a file holds, given `step` bytes at a time.
fn frames(file: &[u8], step: usize) -> (Vec<(i64, u64, Vec<u8>, u32)>, Option<Damaged>) {
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
