//! The packets that an incident stands on, in a capture of their own: another scan of it finds the same.

use catspaw_lab::wire::{CaptureForm, WireScenario, capture};
use serde_json::Value;

use crate::pix::relay_log;
use crate::run::Place;

const RELAY: &str = "172.28.220.10";
const SPAMMER: &str = "172.28.220.11";
/// Lengths of pcap's headers of a file and of a packet, and of Ethernet's.
const FILE: usize = 24;
const PACKET: usize = 16;
const ETHERNET: usize = 14;

/// The example's packets, in microseconds and Ethernet.
fn example() -> Vec<u8> {
    let mut bytes = Vec::new();
    capture(&WireScenario::example(), &mut bytes).unwrap();
    bytes
}

/// The packets of a file: their header, and their bytes.
fn packets(file: &[u8]) -> Vec<(&[u8], &[u8])> {
    let (mut rest, mut packets) = (&file[FILE..], Vec::new());
    while !rest.is_empty() {
        let (header, behind) = rest.split_at(PACKET);
        let len = u32::from_le_bytes(header[8..12].try_into().unwrap()) as usize;
        packets.push((header, &behind[..len]));
        rest = &behind[len..];
    }
    packets
}

fn write(to: &mut Vec<u8>, stamp: &[u8], packet: &[u8]) {
    to.extend_from_slice(&stamp[..8]);
    to.extend_from_slice(&(packet.len() as u32).to_le_bytes().repeat(2));
    to.extend_from_slice(packet);
}

/// An IPv4 packet in two pieces where its payload is long enough.
fn in_pieces(ip: &[u8]) -> Vec<Vec<u8>> {
    let header = usize::from(ip[0] & 15) * 4;
    let total = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
    if ip[0] >> 4 != 4 || total < header + 200 {
        return vec![ip.to_vec()];
    }
    [(0, 96, 0x2000), (96, total - header, 12)]
        .map(|(from, to, part): (usize, usize, u16)| {
            let mut piece = [&ip[..header], &ip[header + from..header + to]].concat();
            let len = piece.len() as u16;
            piece[2..4].copy_from_slice(&len.to_be_bytes());
            piece[6..8].copy_from_slice(&part.to_be_bytes());
            piece[10..12].fill(0);
            let sum: u32 = piece[..header].chunks(2).map(|two| u32::from(two[0]) << 8 | u32::from(two[1])).sum();
            let folded = (sum & 0xffff) + (sum >> 16);
            let folded = (folded & 0xffff) + (folded >> 16);
            piece[10..12].copy_from_slice(&(!(folded as u16)).to_be_bytes());
            piece
        })
        .into()
}

/// What is said of a host, and its pairs.
fn found(place: &Place, host: &str, evidence: &[&str]) -> (Vec<Value>, Vec<String>) {
    let report = place.report(&[evidence, &["--pairs", "pairs.jsonl"]].concat());
    let incidents = report["incidents"].as_array().unwrap().iter();
    let mut of_host: Vec<Value> = incidents.filter(|incident| incident["host"] == host).cloned().collect();
    for incident in &mut of_host {
        // The whole host's: what else it did is not extracted. Places are the file's.
        for count in ["outbound_attempts", "outbound_established"] {
            incident["counts"][count].take();
        }
        incident["examples"].take();
        incident["daily"].as_array_mut().unwrap().iter_mut().for_each(|day| _ = day["outbound"].take());
    }
    let mut pairs: Vec<String> = place.read("pairs.jsonl").lines().map(ToOwned::to_owned).collect();
    pairs.retain(|pair| pair.contains(&format!("\"host\":\"{host}\"")));
    pairs.sort_unstable();
    (of_host, pairs)
}

/// Extracts `host` and holds what a scan of it finds against what was found before; gives the file.
#[track_caller]
fn extracted(place: &Place, host: &str, evidence: &[&str]) -> Vec<u8> {
    let before = found(place, host, evidence);
    assert_eq!(before.0.len(), 1);
    let said = place.scan(&[evidence, &["-q", "--extract", host, "out.pcap"]].concat());
    assert_eq!((said.status, said.err.as_str()), (Some(1), ""));
    assert_eq!(found(place, host, &["out.pcap"]), before);
    assert_eq!(place.report(&["out.pcap"])["incidents"].as_array().unwrap().len(), 1, "nobody else's");
    std::fs::read(place.path().join("out.pcap")).unwrap()
}

#[test]
fn a_scan_of_what_was_extracted_finds_the_same() {
    let whole = example();
    let place = Place::with("all.pcap", &whole);
    let all = packets(&whole);
    // Also what comes late, when both sides have closed.
    let of_service = |packets: &[(&[u8], &[u8])]| {
        let ports = packets.iter().filter_map(|(_, packet)| packet.get(ETHERNET + 20..ETHERNET + 24));
        ports.filter(|ports| [&ports[..2], &ports[2..]].contains(&&1182_u16.to_be_bytes()[..])).count()
    };
    for (host, services) in [(RELAY, 22), (SPAMMER, 0)] {
        let file = extracted(&place, host, &["all.pcap"]);
        assert_eq!(file[..4], whole[..4], "the same form of stamps");
        assert_eq!(file[20..24], whole[20..24], "the same link type");
        let kept = packets(&file);
        let mut rest = all.iter();
        assert!(kept.iter().all(|packet| rest.any(|other| other == packet)), "as they were, in their order");
        assert!(kept.len() > 200 && kept.len() < all.len() / 2, "{} of {}", kept.len(), all.len());
        assert_eq!(found(&place, host, &["out.pcap"]).1.len(), services);
        assert_eq!(of_service(&kept), if host == RELAY { of_service(&all) } else { 0 });
    }
}

#[test]
fn stamps_stay_as_fine_as_they_are_and_copies_stay_out() {
    let place = Place::new();
    for (name, form, fine) in [
        ("ns.pcap", CaptureForm::PcapNanoseconds, true),
        ("ng.pcapng", CaptureForm::Pcapng, false),
        ("us.pcap", CaptureForm::Pcap, false),
    ] {
        let mut bytes = Vec::new();
        capture(&WireScenario { form, vlans: true, ..WireScenario::example() }, &mut bytes).unwrap();
        place.write(name, &bytes);
        place.write("copy", &bytes);
        let file = extracted(&place, RELAY, &[name, "copy"]);
        let magic = if fine { 0xa1b2_3c4d_u32 } else { 0xa1b2_c3d4 };
        assert_eq!((&file[..4], file[20]), (&magic.to_le_bytes()[..], 1), "{name}");
        let kept = packets(&file);
        assert!(kept.windows(2).all(|two| two[0] != two[1]), "{name}: each packet once");
        assert_eq!(kept.iter().any(|(stamp, _)| u32::from_le_bytes(stamp[4..8].try_into().unwrap()) > 1_000_000), fine);
    }
}

#[test]
fn fragments_and_several_links_are_extracted_too() {
    let whole = example();
    let (mut ethernet, mut raw) = (whole[..FILE].to_vec(), whole[..FILE].to_vec());
    raw[20..24].copy_from_slice(&101_u32.to_le_bytes());
    for (number, (stamp, packet)) in packets(&whole).into_iter().enumerate() {
        let (link, ip) = packet.split_at(ETHERNET);
        let is_ip = link.ends_with(&[8, 0]);
        for piece in if is_ip { in_pieces(ip) } else { vec![ip.to_vec()] } {
            if is_ip && number % 3 == 0 {
                write(&mut raw, stamp, &piece);
            } else {
                write(&mut ethernet, stamp, &[link, &piece].concat());
            }
        }
    }
    let place = Place::with("ethernet.pcap", ethernet);
    place.write("raw.pcap", raw);
    let file = extracted(&place, RELAY, &["ethernet.pcap", "raw.pcap"]);
    assert_eq!(file[20..24], 101_u32.to_le_bytes(), "of two link types nothing but IP is left");
    let pieces = packets(&file).iter().filter(|(_, ip)| ip[0] >> 4 == 4 && ip[6] & 0x20 != 0).count();
    assert!(pieces > 50, "{pieces} datagrams in pieces");
}

#[test]
fn what_cannot_be_extracted_is_said() {
    let place = Place::with("all.pcap", example());
    place.write("relay.log", relay_log());
    for (evidence, host, says) in [
        (&["all.pcap"][..], "172.28.220.77", "it has no incident, and no declared relay of it was seen"),
        (&["relay.log"], "10.0.0.66", "there is no capture among the evidence"),
        (&["relay.log", "all.pcap"], "10.0.0.66", "its incident stands on other evidence than packets"),
    ] {
        let said = place.scan(&[evidence, &["--extract", host, "out.pcap"]].concat());
        assert!(said.err.contains(&format!("--extract {host}: {says}; the file was not written")), "{}", said.err);
        assert_eq!((said.status, place.path().join("out.pcap").exists()), (Some(1), false));
    }
    for (arguments, says) in [
        (&["--extract", RELAY, "all.pcap", "all.pcap"][..], "--extract all.pcap: this file is read or written already"),
        (&["--extract", RELAY, "no/such.pcap", "all.pcap"], "no/such.pcap: cannot be written"),
        (&["--extract", "relay", "out.pcap", "all.pcap"], "--extract relay is no address: give one of ours"),
        (&["--extract", RELAY, "out.pcap", "-"], "standard input or a pipe can be read once"),
        (&["--extract", RELAY, "out.pcap", "--redact", "all.pcap"], "--extract with --redact would show"),
    ] {
        assert!(place.scan(arguments).failed().contains(says), "{arguments:?}");
    }
    place.write("catspaw.toml", "extract = [\"relay\", \"out.pcap\"]\n");
    let said = place.scan(&["--config", "catspaw.toml", "all.pcap"]);
    assert!(said.failed().contains("catspaw.toml:1:11: relay is no address: give one of ours"), "{}", said.err);
}

#[test]
fn records_that_show_an_incident_are_packets_and_no_lines() {
    let place = Place::with("all.pcap", example());
    let report = place.report(&["all.pcap"]);
    let incident = report["incidents"].as_array().unwrap().iter().find(|incident| incident["host"] == RELAY).unwrap();
    for example in incident["examples"].as_array().unwrap() {
        let text = example["text"].as_str().unwrap();
        assert!(text.contains(" > ") && text.contains(" TCP ") && text.contains(RELAY), "{text}");
    }
}
