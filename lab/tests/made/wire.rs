//! A made capture, read again by nothing of the lab's: what the packets say is what the truth says.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use catspaw_lab::wire::{CaptureForm, SessionTruth, WireScenario, WireTruth, capture};

fn made(scenario: WireScenario) -> (Vec<u8>, WireTruth) {
    let mut bytes = Vec::new();
    let truth = capture(&scenario, &mut bytes).expect("a capture");
    (bytes, truth)
}

fn minute(scenario: WireScenario) -> WireScenario {
    WireScenario { seconds: 60, longest: 20_000, pace: 30, ..scenario }
}

/// What one side of a connection said, put together.
#[derive(Default)]
struct Heard {
    first: Option<u32>,
    /// Sequence numbers up to here were there without a gap, the SYN's being 0.
    upto: u32,
    ahead: BTreeMap<u32, u32>,
    fin: bool,
}

impl Heard {
    fn segment(&mut self, seq: u32, len: u32) {
        self.ahead.entry(seq).or_insert(len);
        while let Some((&seq, &len)) = self.ahead.first_key_value().filter(|(seq, _)| **seq <= self.upto) {
            self.ahead.remove(&seq);
            self.upto = self.upto.max(seq + len);
        }
    }

    fn payload(&self) -> u64 {
        u64::from(self.upto.saturating_sub(1 + u32::from(self.fin)))
    }
}

type End = (IpAddr, u16);

/// TCP's streams by both ends; panics where somebody acknowledges what has not passed, or time goes back.
fn streams(capture: &[u8]) -> HashMap<(End, End), Heard> {
    let word = |at: usize| u32::from_le_bytes(capture[at..at + 4].try_into().expect("four octets"));
    let (mut at, mut last, mut streams) = (24, 0, HashMap::new());
    while at < capture.len() {
        let (now, len) = (u64::from(word(at)) * 1_000_000 + u64::from(word(at + 4)), word(at + 8) as usize);
        assert!(now >= last, "time goes back");
        last = now;
        tcp(&capture[at + 16..at + 16 + len], &mut streams);
        at += 16 + len;
    }
    streams
}

fn tcp(frame: &[u8], streams: &mut HashMap<(End, End), Heard>) {
    let v4 = |at: usize| IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(&frame[at..at + 4]).expect("an address")));
    let v6 = |at: usize| IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(&frame[at..at + 16]).expect("an address")));
    let (from, to, protocol, at) =
        if frame[12] == 8 { (v4(26), v4(30), frame[23], 34) } else { (v6(22), v6(38), frame[20], 54) };
    if protocol != 6 {
        return;
    }
    let port = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    let word = |at: usize| u32::from_be_bytes(frame[at..at + 4].try_into().expect("four octets"));
    let (from, to, flags) = ((from, port(at)), (to, port(at + 2)), frame[at + 13]);
    let payload = (frame.len() - at) as u32 - u32::from(frame[at + 12] >> 4) * 4;
    let heard = streams.entry((from, to)).or_default();
    let first = *heard.first.get_or_insert(word(at + 4));
    let length = payload + u32::from(flags & 2 != 0) + u32::from(flags & 1 != 0);
    heard.fin |= flags & 1 != 0;
    heard.segment(word(at + 4).wrapping_sub(first), length);
    if flags & 0b1_0100 == 0b1_0000 {
        let other = &streams[&(to, from)];
        let acked = word(at + 8).wrapping_sub(other.first.expect("a SYN"));
        assert!(acked <= other.upto, "{to:?} to {from:?}: {acked} acknowledged, {} seen", other.upto);
    }
}

fn end(text: &str) -> End {
    let (address, port) = text.rsplit_once(':').expect("a port");
    (address.parse().expect("an address"), port.parse().expect("a port"))
}

/// Each leg's payload is in the packets; no outbound leg begins before what causes it.
fn agree(truth: &WireTruth, capture: &[u8]) {
    let streams = streams(capture);
    assert!(truth.sessions.len() > 10, "{} sessions", truth.sessions.len());
    for session in &truth.sessions {
        for leg in session.in_legs.iter().chain(&session.out_legs) {
            let (orig, resp) = (end(&leg.src), end(&leg.dst));
            let said = |from, to| streams.get(&(from, to)).map_or(0, Heard::payload);
            assert_eq!((said(orig, resp), said(resp, orig)), (leg.bytes_orig, leg.bytes_resp), "{leg:?}");
        }
        causes(session);
    }
}

fn causes(session: &SessionTruth) {
    for (inbound, outbound) in session.in_legs.iter().flat_map(|i| session.out_legs.iter().map(move |o| (i, o))) {
        assert!(inbound.start < outbound.start, "{session:?}");
        let mail = session.proto.starts_with("smtp");
        assert!(mail || outbound.start < inbound.end, "{session:?}");
    }
}

#[test]
fn packets_and_truth_of_a_campus_agree() {
    let (packets, truth) = made(minute(WireScenario::campus(3, 21)));
    agree(&truth, &packets);
    assert!(truth.relays.iter().all(|relay| relay.out_legs_with_data > 0), "{:?}", truth.relays);
}

#[test]
fn a_chain_shows_at_both_its_relays_and_ipv6_at_the_way_out() {
    let (packets, truth) = made(minute(WireScenario::devious(3, 21)));
    agree(&truth, &packets);
    let of = |number: usize| {
        let ip = truth.relays[number].ip.clone();
        truth.sessions.iter().filter(move |session| session.relay.as_ref() == Some(&ip))
    };
    let out_v6 = |session: &SessionTruth| session.out_legs.iter().all(|leg| end(&leg.src).0.is_ipv6());
    assert!(of(0).all(out_v6));
    let passed = |session: &&SessionTruth| session.out_legs.iter().any(|leg| leg.dst.ends_with(":9050"));
    let entered = |session: &&SessionTruth| session.in_legs.iter().any(|leg| leg.src.starts_with(&truth.relays[1].ip));
    let chained = of(1).filter(passed).count();
    assert!(chained > 0);
    assert_eq!(chained, of(2).filter(entered).count());
}

#[test]
fn the_form_of_the_file_and_tags_change_no_payload() {
    let plain = minute(WireScenario::example());
    let (packets, truth) = made(plain.clone());
    let (again, _) = made(plain.clone());
    assert!(packets == again, "equal scenarios make equal bytes");
    for (form, vlans) in [(CaptureForm::PcapNanoseconds, false), (CaptureForm::Pcapng, true)] {
        let (other, of_other) = made(WireScenario { form, vlans, ..plain.clone() });
        assert_eq!(of_other.expected.packets, truth.expected.packets);
        assert_ne!(packets[..4], other[..4]);
        let grown = if form == CaptureForm::Pcapng { truth.expected.packets * (4 + 16) } else { 0 };
        assert!(other.len() as u64 >= packets.len() as u64 + grown);
    }
}
