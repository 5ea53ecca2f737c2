//! Flows of packets that are made by hand: states and histories by Zeek's rules, what is told when, which packets are
//! one flow.

mod flows;

use std::net::IpAddr;

use catspaw_engine::IpProto;
use catspaw_records::{Bytes, ConnState, Event, Nanos, Side, Whole};
use flows::wire::{CLIENT, SERVER, Wire, packet};

const MILLISECOND: i64 = 1_000_000;

/// A script's words: who sends (`>` the client), flags, sequence number, acknowledgement, bytes of payload.
fn play(script: &str) -> Vec<Whole> {
    let mut wire = Wire::new();
    for word in script.split_whitespace() {
        let (from, rest) = word.split_at(1);
        let mut parts = rest.split(':');
        let flags = parts.next().unwrap_or_default();
        let mut number = || parts.next().map_or(0, |part| part.parse().expect("a number"));
        let (seq, ack, len) = (number(), number(), number());
        wire.wait(MILLISECOND);
        let ends = if from == ">" { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
        wire.tcp(ends, flags, (seq, ack), &vec![b'x'; len as usize]);
    }
    wire.finish()
}

#[test]
fn states_and_histories_are_zeeks() {
    const MET: &str = ">S:100 <SA:500:101 >A:101:501";
    // What follows the handshake or, where it begins with `!`, all there is; state, history, payload both ways.
    let cases: [(&str, &str, &str, (u64, u64)); 24] = [
        ("", "S1", "ShA", (0, 0)),
        (">A:101:501:5 <A:501:106 <A:501:106:7", "S1", "ShADad", (5, 7)),
        (">FA:101:501 <FA:501:102 >A:102:502", "SF", "ShAFf", (0, 0)),
        (">FA:101:501:3 <FA:501:105:4", "SF", "ShAFf", (3, 4)),
        (">FA:101:501", "S2", "ShAF", (0, 0)),
        ("<FA:501:101", "S3", "ShAf", (0, 0)),
        (">R:101", "RSTO", "ShAR", (0, 0)),
        ("<R:501 <R:501 <R:502", "RSTR", "ShArr", (0, 0)),
        (">FA:101:501 <FA:501:102 >R:102", "SF", "ShAFfR", (0, 0)),
        (">A:101:501:5 >A:101:501:5", "S1", "ShADT", (5, 0)),
        (">A:106:501:5 <A:501:101:2 <A:503:111 >A:111:503:1", "S1", "ShADdaG", (11, 2)),
        ("! >S:100", "S0", "S", (0, 0)),
        ("! >S:100 >S:100 >S:100", "S0", "S", (0, 0)),
        ("! >S:100 <RA:0:101", "REJ", "Sr", (0, 0)),
        ("! >S:100 >R:101", "RSTOS0", "SR", (0, 0)),
        ("! >S:100 >FA:101:1", "SH", "SF", (0, 0)),
        ("! >A:101:501:5 <A:501:106:7", "OTH", "Dd", (5, 7)),
        ("! >FA:101:501", "SH", "F", (0, 0)),
        ("! <SA:500:101 >A:101:501 <A:501:101:9 >A:101:510:4", "OTH", "^hAdD", (4, 9)),
        ("! <SA:500:101 >S:100 >A:101:501", "S1", "Hs^A", (0, 0)),
        ("! <SA:500:101 >R:101:501", "REJ", "Hr", (0, 0)),
        ("! >SF:100", "SH", "Q", (0, 0)),
        ("! >S:100 <A:300:101 <SA:500:101 >A:101:501", "S1", "SahA", (0, 0)),
        ("! >S:100:0:5 <SA:500:101 >A:101:501:5", "S1", "SThD", (5, 0)),
    ];
    for (script, state, history, bytes) in cases {
        let script = script.strip_prefix('!').map_or_else(|| format!("{MET} {script}"), str::to_owned);
        let told = play(&script);
        let [whole] = &told[..] else { panic!("{script}: {told:?}") };
        let told_history = whole.history.expect("a history");
        let told_bytes = whole.bytes.and_then(Bytes::directed);
        assert_eq!(
            (whole.state.map(ConnState::name), told_history.as_str(), told_bytes),
            (Some(state), history, Some(bytes)),
            "{script}"
        );
    }
}

#[test]
fn missed_bytes_are_those_that_were_acknowledged() {
    let missed =
        |script: &str| play(&format!(">S:100 <SA:500:101 >A:101:501 {script}"))[0].counters().unwrap().missed_bytes;
    assert_eq!(missed(">A:111:501:5 <A:501:116"), 10);
    assert_eq!(missed(">A:111:501:5"), 0, "nobody has it");
    assert_eq!(missed(">A:101:501:5 <A:501:116"), 10, "the last");
    assert_eq!(missed(">A:111:501:5 >A:101:501:10 <A:501:116"), 0, "it came late");
}

#[test]
fn counters_are_those_of_packets() {
    let told = play(">S:100 <SA:500:101 >A:101:501 >A:101:501:5 >A:101:501:5 <A:501:106");
    let counters = told[0].counters().unwrap();
    assert_eq!((counters.orig_pkts, counters.orig_ip_bytes), (4, 4 * 40 + 10));
    assert_eq!((counters.resp_pkts, counters.resp_ip_bytes), (2, 80));
}

#[test]
fn the_originator_of_what_was_missed_is_told_by_ports() {
    let ends = |from: u16, to: u16, flags| {
        let mut wire = Wire::new();
        wire.tcp(((CLIENT.0, from), (SERVER.0, to)), flags, (100, 1), b"");
        let whole = wire.finish()[0];
        (whole.orig.port, whole.resp.port, whole.history.unwrap().as_str().to_owned())
    };
    assert_eq!(ends(25, 40_000, "A"), (40_000, 25, "^a".to_owned()));
    assert_eq!(ends(40_000, 25, "A"), (40_000, 25, "A".to_owned()));
    assert_eq!(ends(25, 40_000, "SA"), (40_000, 25, "^h".to_owned()));
    assert_eq!(ends(25, 80, "SA"), (25, 80, "H".to_owned()), "it may be a scan");
    assert_eq!(ends(25, 80, "A"), (80, 25, "^a".to_owned()));
    assert_eq!(ends(25, 40_000, "S"), (25, 40_000, "S".to_owned()), "a SYN opens");
}

/// A segment: who sends (`>` the client), flags, sequence number and acknowledgement, payload.
type Sent = (&'static str, &'static str, (u32, u32), &'static [u8]);

#[test]
fn connections_are_opened_when_both_are_known_to_talk() {
    let opened_at = |script: &[Sent]| {
        let mut wire = Wire::new();
        for &(from, flags, numbers, payload) in script {
            wire.wait(1);
            match from {
                ">" => wire.client(flags, numbers, payload),
                _ => wire.server(flags, numbers, payload),
            }
        }
        let opened = wire.told.records.iter().find(|record| matches!(record.event, Event::Opened(_)));
        opened.map(|record| record.known.at.0)
    };
    assert_eq!(opened_at(&[(">", "S", (100, 0), b""), ("<", "SA", (500, 101), b"")]), Some(2));
    assert_eq!(opened_at(&[(">", "S", (100, 0), b""), ("<", "RA", (0, 101), b"")]), None);
    assert_eq!(opened_at(&[(">", "A", (100, 1), b"x"), ("<", "A", (500, 101), b"")]), None);
    let midstream: [Sent; 3] = [(">", "A", (100, 1), b"x"), ("<", "A", (500, 101), b""), ("<", "A", (500, 101), b"y")];
    assert_eq!(opened_at(&midstream), Some(3));
}

#[test]
fn an_end_is_told_after_what_may_be_on_its_way() {
    let mut wire = Wire::new();
    wire.meet();
    wire.client("R", (101, 0), b"");
    wire.wait(4 * Nanos::SECOND);
    wire.server("FA", (501, 101), b"");
    let ended = wire.now;
    for seconds in [4, 1] {
        assert_eq!(wire.told.wholes().count(), 0);
        wire.wait(seconds * Nanos::SECOND);
        wire.tracker.advance(wire.now, &mut wire.told);
    }
    let last = wire.told.records.last().expect("an end");
    assert_eq!(last.known.at, ended.plus(5 * Nanos::SECOND));
    let whole = wire.told.wholes().next().expect("an end");
    assert_eq!(whole.ended(last.known).at, ended);
}

#[test]
fn runs_of_payload_are_told_when_they_end() {
    let mut wire = Wire::new();
    wire.meet();
    // What goes up is told of connections that last.
    wire.wait(3 * Nanos::SECOND);
    wire.client("A", (101, 501), b"abc");
    wire.wait(MILLISECOND / 2);
    wire.client("A", (104, 501), b"de");
    wire.wait(MILLISECOND);
    wire.tracker.advance(wire.now, &mut wire.told);
    wire.client("A", (106, 501), b"f");
    wire.server("A", (501, 107), b"ghij");
    wire.server("A", (505, 107), &[b'x'; 16 << 10]);
    // Again: it is told once.
    wire.server("A", (505, 107), &[b'x'; 16 << 10]);
    wire.wait(Nanos::SECOND);
    wire.tracker.advance(wire.now, &mut wire.told);
    let told = wire.told.records.iter().filter_map(|record| match record.event {
        Event::Burst(burst) => Some((burst.from, burst.bytes, burst.first.0, burst.last.0, record.known.at.0)),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    let begun = 3 * Nanos::SECOND;
    let (first, then) = (begun + MILLISECOND / 2, begun + MILLISECOND * 3 / 2);
    let expected = [
        (Side::Orig, 5, begun, first, first + MILLISECOND),
        (Side::Orig, 1, then, then, then),
        (Side::Resp, 16_388, then, then, then),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_question_and_its_answer_are_one_flow_of_icmp() {
    let icmp = |from: IpAddr, to: IpAddr, kind, code| packet(IpProto::ICMP, (from, kind), (to, code), b"payload");
    let (here, there) = (CLIENT.0, SERVER.0);
    let mut wire = Wire::new();
    for (from, to, kind, code) in [
        (here, there, 8, 0),
        (there, here, 0, 0),
        (there, here, 8, 0),
        (there, here, 3, 1),
        (here, there, 3, 1),
        (there, here, 3, 3),
        (there, here, 3, 3),
    ] {
        wire.wait(1);
        wire.send(&icmp(from, to, kind, code));
    }
    let mut told: Vec<_> = wire
        .finish()
        .iter()
        .map(|whole| {
            let (orig, resp) = whole.bytes.and_then(Bytes::directed).expect("bytes");
            (whole.orig.addr == here, whole.orig.port, whole.resp.port, orig, resp, whole.state)
        })
        .collect();
    told.sort_by_key(|&(is_here, orig, resp, ..)| (!is_here, orig, resp));
    let other = Some(ConnState::Oth);
    assert_eq!(
        told,
        [
            (true, 3, 1, 7, 0, other),
            (true, 8, 0, 7, 7, other),
            (false, 3, 1, 7, 0, other),
            (false, 3, 3, 14, 0, other),
            (false, 8, 0, 7, 0, other),
        ]
    );
}

#[test]
fn datagrams_are_zeeks() {
    let mut wire = Wire::new();
    let (client, server) = ((CLIENT.0, 40_000), (SERVER.0, 53));
    wire.send(&packet(IpProto::UDP, server, client, b"answer"));
    wire.wait(59 * Nanos::SECOND);
    wire.send(&packet(IpProto::UDP, client, server, b"question"));
    wire.wait(61 * Nanos::SECOND);
    wire.send(&packet(IpProto::UDP, client, server, b""));
    let told: Vec<_> = wire
        .finish()
        .iter()
        .map(|whole| {
            let history = whole.history.expect("a history").as_str().to_owned();
            (whole.orig.port, whole.state.map(ConnState::name), history, whole.bytes.and_then(Bytes::directed))
        })
        .collect();
    assert_eq!(told[0], (40_000, Some("SF"), "^dD".to_owned(), Some((8, 6))));
    assert_eq!(told[1], (40_000, Some("S0"), "D".to_owned(), Some((0, 0))));
}

#[test]
fn a_syn_begins_another_connection_where_the_last_is_over() {
    let count = |script: &str| play(script).len();
    const MET: &str = ">S:100 <SA:500:101 >A:101:501";
    assert_eq!(count(&format!("{MET} >FA:101:501 <FA:501:102 >S:900")), 2);
    assert_eq!(count(&format!("{MET} <R:501 >S:900")), 2);
    assert_eq!(count(&format!("{MET} >S:900")), 1, "what is sent into a connection that lives");
    assert_eq!(count(">S:100 >S:100"), 1, "the same attempt");
    assert_eq!(count(">S:100 <RA:0:101 >S:100 <RA:0:101"), 1, "the same attempt, refused twice");
    assert_eq!(count(">S:100 >S:900"), 2);
    assert_eq!(count(">A:100:1:5 <A:500:105:5 >S:900"), 2);
}
