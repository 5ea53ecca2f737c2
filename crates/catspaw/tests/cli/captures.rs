//! What a capture lacks is said.

use std::fs;

use catspaw_lab::wire::{WireScenario, capture};

use crate::run::Place;

const FILE: usize = 24;
const PACKET: usize = 16;
const ETHERNET: usize = 14;

/// The example, with every packet as `change` has it: its bytes to be captured, or none.
fn changed(change: impl Fn(&mut Vec<u8>) -> bool) -> Vec<u8> {
    let mut whole = Vec::new();
    capture(&WireScenario::example(), &mut whole).unwrap();
    let (head, mut rest) = whole.split_at(FILE);
    let mut out = head.to_vec();
    while !rest.is_empty() {
        let (header, behind) = rest.split_at(PACKET);
        let len = u32::from_le_bytes(header[8..12].try_into().unwrap()) as usize;
        let mut packet = behind[..len].to_vec();
        if change(&mut packet) {
            out.extend_from_slice(&header[..8]);
            out.extend_from_slice(&(packet.len() as u32).to_le_bytes());
            out.extend_from_slice(&header[12..16]);
            out.extend_from_slice(&packet);
        }
        rest = &behind[len..];
    }
    out
}

/// What is said beside the report of a capture.
fn said(capture: &[u8]) -> String {
    Place::with("all.pcap", capture).scan(&["all.pcap"]).err
}

#[test]
fn a_whole_capture_lacks_nothing() {
    let said = said(&changed(|_| true));
    assert!(!said.contains("warning"), "{said}");
}

#[test]
fn packets_of_a_file_that_another_holds_are_duplicates_to_the_last() {
    let whole = changed(|_| true);
    let place = Place::with("a.pcap", &whole);
    // One is a copy, the other the beginning.
    for (name, len) in [("b.pcap", whole.len()), ("b.pcap", whole.len() / 3)] {
        place.write(name, &whole[..len]);
        let said = place.scan(&["a.pcap", name, "--format", "json"]);
        let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        let rows = report["evidence"].as_array().unwrap();
        let records: Vec<u64> = rows.iter().map(|row| row["records"].as_u64().unwrap()).collect();
        let duplicates: u64 = rows.iter().map(|row| row["duplicates"].as_u64().unwrap()).sum();
        assert_eq!(duplicates, records[0].min(records[1]), "{records:?}");
    }
}

/// The packets of a capture with their headers, each with its moment in microseconds.
fn packets(whole: &[u8]) -> Vec<(u64, &[u8])> {
    let (mut rest, mut packets) = (&whole[FILE..], Vec::new());
    while !rest.is_empty() {
        let word = |at: usize| u64::from(u32::from_le_bytes(rest[at..at + 4].try_into().unwrap()));
        let (packet, behind) = rest.split_at(PACKET + word(8) as usize);
        packets.push((word(0) * 1_000_000 + word(4), packet));
        rest = behind;
    }
    packets
}

fn file(whole: &[u8], packets: &[(u64, &[u8])]) -> Vec<u8> {
    packets.iter().fold(whole[..FILE].to_vec(), |file, (_, packet)| [file.as_slice(), packet].concat())
}

/// The example's packets, in the order that `key` gives them of their moments (microseconds) and numbers.
fn reordered(key: impl Fn(u64, u64) -> u64) -> Vec<u8> {
    let whole = changed(|_| true);
    let keyed = packets(&whole).into_iter().zip(0..);
    let mut packets: Vec<_> = keyed.map(|((at, packet), number)| (key(at, number), packet)).collect();
    packets.sort_by_key(|(key, _)| *key);
    file(&whole, &packets)
}

#[test]
fn a_capture_in_many_files_and_a_copy_that_is_out_of_order_change_nothing() {
    let whole = changed(|_| true);
    let place = Place::with("a.pcap", &whole);
    fs::create_dir(place.path().join("parts")).unwrap();
    for (number, some) in packets(&whole).chunks(25).enumerate() {
        // Neither the names nor the order in which files are met say which is first.
        place.write(&format!("parts/{}.pcap", number * 37 % 1009), file(&whole, some));
    }
    place.write("b.pcap", reordered(|at, number| at + number * 7919 % 200_003));
    let counts = |evidence: &[&str]| -> (Vec<serde_json::Value>, u64) {
        let report = place.report(evidence);
        let incidents = report["incidents"].as_array().unwrap().iter().map(|incident| incident["counts"].clone());
        let duplicates = report["evidence"].as_array().unwrap().iter().map(|row| row["duplicates"].as_u64().unwrap());
        (incidents.collect(), duplicates.sum())
    };
    let (expected, _) = counts(&["a.pcap"]);
    assert_eq!(counts(&["parts"]), (expected.clone(), 0));
    for evidence in [["a.pcap", "b.pcap"], ["b.pcap", "a.pcap"]] {
        assert_eq!(counts(&evidence), (expected.clone(), packets(&whole).len() as u64));
    }
}

#[test]
fn packets_that_are_out_of_order_are_put_in_order() {
    let whole = changed(|_| true);
    let place = Place::with("a.pcap", &whole);
    let shown = |options: &[&str], name: &str| {
        let said = place.scan(&[options, &["--format", "json", name]].concat());
        let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(
            (&report["evidence"][0]["late"], said.err.contains("come after later ones")),
            (&0.into(), false),
            "{}",
            said.err
        );
        let mut incidents = report["incidents"].as_array().unwrap().clone();
        // Where a packet stands in its file is another matter.
        incidents.iter_mut().for_each(|incident| _ = incident.as_object_mut().unwrap().remove("examples"));
        incidents
    };
    let expected = shown(&[], "a.pcap");
    // By up to a second, as cards with several queues and slow disks do it.
    place.write("b.pcap", reordered(|at, number| at + number * 7919 % 1_000_003));
    for threads in ["1", "2"] {
        assert!(shown(&["-j", threads], "b.pcap") == expected, "{threads}");
    }
    // Where it comes too late, that is said: the second half stands first.
    let begins = u64::from(u32::from_le_bytes(whole[FILE..FILE + 4].try_into().unwrap())) * 1_000_000;
    place.write("c.pcap", reordered(|at, _| (at - begins + 60_000_000) % 120_000_000));
    let said = place.scan(&["c.pcap"]);
    assert!(said.err.contains("come after later ones that were taken already"), "{}", said.err);
}

#[test]
fn packets_in_part_are_told() {
    let said = said(&changed(|packet| {
        packet.truncate(96);
        true
    }));
    assert!(said.contains("were captured in part (a snaplen)"), "{said}");
}

#[test]
fn one_direction_alone_is_told() {
    let said = said(&changed(|packet| packet.get(ETHERNET + 12..ETHERNET + 14) == Some(&[172, 28])));
    assert!(said.contains("one side was heard alone"), "{said}");
}

#[test]
fn wrong_checksums_are_told_with_the_way_around() {
    // More than a tenth of the first packets would make it believe that the card makes them.
    let said = said(&changed(|packet| {
        if packet.get(ETHERNET + 22..ETHERNET + 24) == Some(&1182_u16.to_be_bytes()) {
            packet[ETHERNET + 36] ^= 0xff;
        }
        true
    }));
    assert!(said.contains("have a wrong checksum and were left out") && said.contains("--checksums ignore"), "{said}");
}

/// A port as `moved` has it.
fn move_port(port: &mut [u8]) {
    let moved = match u16::from_be_bytes([port[0], port[1]]) {
        1182 => 53_u16,
        0..1024 => 853,
        other => other,
    };
    port.copy_from_slice(&moved.to_be_bytes());
}

/// A packet whose relay listens at the port of DNS and is asked for those of DNS over TLS.
fn moved(packet: &mut [u8]) {
    let tcp = ETHERNET + 20;
    if packet.get(ETHERNET + 9) != Some(&6) {
        return;
    }
    let payload = tcp + usize::from(packet[tcp + 12] >> 4) * 4;
    let asked = match packet.get(payload..) {
        Some([4, 1, ..]) => Some(payload + 2),
        Some([5, 1, 0, 1, ..]) => Some(payload + 8),
        Some([5, 1, 0, 3, len, ..]) => Some(payload + 5 + usize::from(*len)),
        _ => None,
    };
    for port in asked.into_iter().chain([tcp, tcp + 2]) {
        move_port(&mut packet[port..port + 2]);
    }
}

#[test]
fn a_relay_at_the_port_of_dns_that_was_seen_to_relay_is_no_forwarder() {
    let capture = changed(|packet| {
        moved(packet);
        true
    });
    let report = Place::with("all.pcap", capture).report(&["all.pcap", "--checksums", "ignore"]);
    let incidents = report["incidents"].as_array().unwrap();
    let found = incidents.iter().find(|incident| incident["services"][0]["port"] == 53);
    assert_eq!(found.unwrap_or_else(|| panic!("{report}"))["verdict"], "relay");
}
