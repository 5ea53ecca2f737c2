//! The fold's own promises: its state can be put away and taken up again at any moment, it refuses what comes out of
//! order, and what came too late counts but is no evidence.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod host;

use catspaw_records::{
    Beside, ByteCount, ByteKind, Bytes, Closed, ConnState, Denied, Ending, Endpoint, Event, Inside, Nanos, Proto,
    Record, RecordId, Side, Translation, TranslationKind, Whole,
};
use catspaw_relay::{Lane, Outcome, STATE_VERSION};
use host::{Fold, HOST, connection, end, fold, record, stamp};

/// Sessions of a SOCKS relay, one every 50 s: 25 bytes of handshake beyond what goes out.
fn sessions(count: u64) -> Vec<(Record, Side)> {
    let mut records = Vec::new();
    for n in 0..count {
        let at = 1_000_000 + 50 * n as i64;
        let size = 900 + (n * 7919) % 30_011;
        let client = end(&format!("198.51.100.{}", 1 + n % 9), 20_000 + n as u16);
        let target = end(&format!("203.0.113.{}", 1 + n % 40), 25);
        records.extend(connection(2 * n, client, end(HOST, 1182), at, at + 9, size + 25));
        records.extend(connection(2 * n + 1, end(HOST, 3000 + n as u16), target, at + 1, at + 9, size));
    }
    // In a log the openings and the ends stand in the order of their stamps.
    records.sort_by_key(|(record, _)| record.known.at);
    records
}

#[test]
fn a_relay_is_convicted_and_every_session_is_paired() {
    let (lane, rows) = fold(&sessions(200), false);
    let tests = lane.services[&1182].tests[0].as_ref().unwrap();
    assert!(tests.conviction.unwrap().sessions <= 15, "{:?}", tests.conviction);
    assert_eq!(rows.pairs.len(), 200);
    assert!(rows.pairs.iter().all(|pair| pair.inbound.peer.port - 20_000 == pair.outbound.own.port - 3000));
    assert_eq!(rows.connections.len(), 400);
}

/// Each tenth outbound leg has a segment twice, so that its size fits none, while another client's target does not answer.
fn with_lost_segments() -> Vec<(Record, Side)> {
    let mut records = Vec::new();
    let mut add = |n: u64, (from, lag, life): (i64, i64, i64), (inbound, outbound): (u64, u64)| {
        let client = end(&format!("198.51.100.{}", 1 + n % 9), 20_000 + n as u16);
        let target = end(&format!("203.0.113.{}", 1 + n % 40), 25);
        records.extend(connection(2 * n, client, end(HOST, 1182), from, from + life, inbound));
        let own = end(HOST, 3000 + n as u16);
        let mut out = connection(2 * n + 1, own, target, from + lag, from + life, outbound);
        if let (0, Event::Closed(closed)) = (outbound, &mut out[1].0.event) {
            closed.ending = Ending::NoAnswer;
        }
        records.extend(out);
    };
    for n in 0..100 {
        let (at, size) = (1_000_000 + 5 * n as i64, 900 + (n * 7919) % 30_011);
        let padded = size + size * (n % 11) / 1000;
        if n % 10 == 3 {
            add(n, (at, 3, 7), (padded, size + 1750));
            add(200 + n, (at - 2, 4, 30), (29, 0));
        } else {
            add(n, (at, 2, 7), (padded, size));
        }
    }
    records.sort_by_key(|(record, _)| record.known.at);
    records
}

#[test]
fn a_pair_does_not_vouch_for_itself() {
    let (_, rows) = fold(&with_lost_segments(), false);
    let right = |pair: &&catspaw_relay::LegPair| pair.inbound.peer.port - 20_000 == pair.outbound.own.port - 3000;
    assert_eq!((rows.pairs.iter().filter(right).count(), rows.pairs.len()), (110, 110));
}

/// An FTD tells of a connection as a firewall, by number, and as Snort, by name.
#[test]
fn a_connection_that_a_device_tells_of_in_both_its_ways_counts_once() {
    let (alone, rows) = fold(&sessions(200), false);
    let mut both = sessions(200);
    for (told, _) in sessions(200) {
        let Event::Opened(opened) = told.event else { continue };
        let id = RecordId::Uid(catspaw_records::Uid::new(format!("7-{:?}", opened.id).as_bytes()));
        let at = told.known.at.0 / Nanos::SECOND;
        let side = if opened.orig.addr == end(HOST, 0).addr { Side::Orig } else { Side::Resp };
        let again = catspaw_records::Opened { id, ..opened };
        both.push((record(at, Event::Opened(again)).0, side));
    }
    // Records of one moment stay in their order.
    both.sort_by_key(|(record, _)| record.known.at);
    let (lane, again) = fold(&both, false);
    assert_eq!(lane.told_twice, 400);
    assert_eq!((again.pairs.len(), again.connections.len()), (rows.pairs.len(), rows.connections.len()));
    assert_eq!(lane.largest, alone.largest);
    assert_eq!(alone.told_twice, 0);
}

/// It may be told to log UDP as a firewall and TCP as Snort.
#[test]
fn what_a_device_tells_of_one_transport_by_number_silences_no_other() {
    let named = |id| RecordId::Uid(catspaw_records::Uid::new(format!("7-{id:?}").as_bytes()));
    let mut records = sessions(200);
    for (record, _) in &mut records {
        match &mut record.event {
            Event::Opened(opened) => opened.id = named(opened.id),
            Event::Closed(closed) => closed.id = named(closed.id),
            _ => {}
        }
    }
    let (first, side) = sessions(1).remove(0);
    let Event::Opened(opened) = first.event else { panic!("{first:?}") };
    let at = first.known.at.0 / Nanos::SECOND;
    records.insert(0, (record(at, Event::Opened(catspaw_records::Opened { proto: Proto::Udp, ..opened })).0, side));
    let (lane, rows) = fold(&records, false);
    assert_eq!((lane.told_twice, rows.pairs.len()), (0, 200));
}

/// The same host shut off: nobody is answered, its translation is torn down, and then its address is refused.
fn cut() -> Vec<(Record, Side)> {
    let mut records = Vec::new();
    let mapped = Endpoint { addr: "192.0.2.10".parse().unwrap(), port: 0 };
    let slot = |torn_down| {
        Event::Translation(Translation { kind: TranslationKind::OneToOne, real: end(HOST, 0), mapped, torn_down })
    };
    records.push(record(1_020_000, slot(None)));
    for n in 0..9 {
        let (at, client) = (1_020_010 + 200 * i64::from(n), end("198.51.100.1", 30_000 + n));
        let mut both = connection(1000 + u64::from(n), client, end(HOST, 1182), at, at + 121, 0);
        if let Event::Closed(closed) = &mut both[1].0.event {
            closed.ending = Ending::NoAnswer;
        }
        records.extend(both);
    }
    records.push(record(1_030_000, slot(Some(Some(10_000 * Nanos::SECOND)))));
    let (orig, resp) = (end("198.51.100.1", 40_000), end(HOST, 1182));
    let denied = Denied { proto: Proto::Tcp, orig, resp, attempt: true, count: 5, over: 300 };
    records.push(record(1_031_000, Event::Denied(denied)));
    records.sort_by_key(|(record, _)| record.known.at);
    records
}

#[test]
fn every_attempt_that_failed_is_given_away_with_what_tells_of_it() {
    let (lane, rows) = fold(&[sessions(200), cut()].concat(), false);
    let of = |outcome| rows.attempts.iter().filter(|attempt| attempt.outcome == outcome).count();
    assert_eq!((of(Outcome::Unanswered), of(Outcome::Denied), of(Outcome::Open)), (9, 1, 0));
    let denied = rows.attempts.iter().find(|attempt| attempt.outcome == Outcome::Denied).unwrap();
    assert_eq!((denied.start, denied.denials), (Nanos::from_secs(1_030_700), 5), "five within 300 s");
    assert_eq!(rows.attempts.iter().map(|attempt| attempt.denials).sum::<u64>(), 5);
    // Of ten thousand seconds one answered attempt for each ten minutes.
    assert!((16..=18).contains(&of(Outcome::Answered)), "{}", of(Outcome::Answered));
    assert_eq!(lane.beats.last_answered(1182), Some(Nanos::from_secs(1_000_000 + 50 * 199)));
    assert_eq!(lane.timers.learned().embryonic, Some(121 * Nanos::SECOND));
    let slot = lane.translations.standing_at(Nanos::from_secs(1_025_000)).unwrap();
    assert_eq!((slot.until, slot.duration), (Some(Nanos::from_secs(1_030_000)), Some(10_000 * Nanos::SECOND)));
    assert!(lane.public.contains(&slot.mapped));
    assert_eq!(
        lane.tally.inbound[&1182].values().map(|day| day.unanswered).sum::<u64>(),
        9,
        "a denial is the driver's"
    );
}

#[test]
fn the_state_can_be_put_away_and_taken_up_at_any_moment() {
    let records = [sessions(200), cut()].concat();
    let whole = fold(&records, false);
    let mut parts = Fold::new();
    for (number, (record, side)) in records.iter().enumerate() {
        parts.take(record, *side, false).unwrap();
        if number % 7 == 0 {
            let bytes = postcard::to_allocvec(&(STATE_VERSION, &parts.lane)).unwrap();
            let (version, lane): (u32, Lane) = postcard::from_bytes(&bytes).unwrap();
            assert_eq!(version, STATE_VERSION);
            parts.lane = lane;
        }
    }
    let parts = parts.finish();
    assert_eq!(whole.1, parts.1);
    assert_eq!(whole.0, parts.0);
}

#[test]
fn what_is_out_of_order_is_refused() {
    let records = sessions(3);
    let mut fold = Fold::new();
    fold.take(&records[5].0, records[5].1, false).unwrap();
    let refused = fold.take(&records[0].0, records[0].1, false).unwrap_err();
    assert_eq!((refused.key, refused.last), (records[0].0.known.at, records[5].0.known.at));
}

#[test]
fn what_came_too_late_counts_but_is_no_evidence() {
    let (lane, rows) = fold(&sessions(200), true);
    assert!(lane.services.is_empty() && rows.pairs.is_empty());
    assert_eq!(rows.connections.len(), 400);
    assert_eq!(lane.tally.outbound.values().map(|day| day.established).sum::<u64>(), 200);
    assert_eq!(lane.tally.inbound[&1182].values().map(|day| day.established).sum::<u64>(), 200);
}

#[test]
fn directions_are_those_of_the_true_originator() {
    let (client, relay) = (end("198.51.100.1", 20_000), end(HOST, 3000));
    let records = connection(7, relay, client, 1_000_000, 1_000_009, 0).map(|(mut record, side)| {
        // The client's end is first, and the host, which opened it, sent 10 and then reset it.
        if let Event::Closed(closed) = &mut record.event {
            let count = ByteCount::Directed { orig: 2000, resp: 10 };
            closed.bytes = Some(Bytes { kind: ByteKind::Payload, count });
            closed.ending = Ending::ResetByResp;
        }
        (record, side)
    });
    // With its opening, and alone (the smaller port is the service's).
    for records in [&records[..], &records[1..]] {
        let mut records = records.to_vec();
        let last = records.len() - 1;
        if let Event::Closed(closed) = &mut records[last].0.event
            && last == 0
        {
            closed.first.port = 80;
        }
        let (lane, rows) = fold(&records, false);
        assert_eq!(rows.connections[0].bytes().and_then(Bytes::directed), Some((10, 2000)), "{rows:?}");
        assert_eq!(rows.connections[0].state(), Some(ConnState::Rsto));
        assert_eq!(lane.tally.outbound.values().map(|day| day.established).sum::<u64>(), 1);
    }
}

/// The end of a flow as NetFlow tells it.
fn flow(id: u64, orig: Endpoint, resp: Endpoint, from: i64, to: i64, bytes: u64) -> Whole {
    Whole {
        id: RecordId::Device(id),
        proto: Proto::Tcp,
        orig,
        resp,
        inside: Inside::default(),
        start: stamp(from),
        duration: Some((to - from) * Nanos::SECOND),
        bytes: Some(Bytes { kind: ByteKind::IpLevel, count: ByteCount::Total(bytes) }),
        ending: Ending::Unknown,
        answered: None,
        state: None,
        service: None,
        history: None,
        beside: Beside::Nothing,
    }
}

#[test]
fn an_opening_and_a_whole_of_the_same_name_are_one_connection() {
    let (client, host) = (end("198.51.100.1", 20_000), end(HOST, 1182));
    let [opened, _] = connection(7, client, host, 1_000_000, 1_000_060, 0);
    let whole = |id, orig| {
        let (record, _) = record(1_000_090, Event::Whole(flow(id, orig, host, 1_000_000, 1_000_060, 500)));
        (record, Side::Resp)
    };
    let (lane, rows) = fold(&[opened, whole(7, client)], false);
    let [row] = &rows.connections[..] else { panic!("{rows:?}") };
    assert_eq!((row.bytes().map(Bytes::total), row.state()), (Some(500), None));
    assert!(row.places.iter().all(Option::is_some));
    assert_eq!(lane.services[&1182].sessions, 1);
    assert_eq!(lane.tally.inbound[&1182].values().map(|day| day.established).sum::<u64>(), 1);
    // Told once more while it is open, it is the same one.
    let again = |known: i64| (Record { known: stamp(known), ..opened.0 }, opened.1);
    let twice = fold(&[opened, again(1_000_005), whole(7, client)], false);
    assert_eq!((twice.1.connections.len(), twice.0.services[&1182].sessions), (1, 1));
    // Another name, or another end: another connection.
    for other in [whole(8, client), whole(7, end("198.51.100.1", 20_001))] {
        assert_eq!(fold(&[opened, other], false).1.connections.len(), 2);
    }
}

#[test]
fn a_relay_that_flows_tell_of_is_convicted_too() {
    let mut records = Vec::new();
    for (record, side) in sessions(200) {
        match record.event {
            Event::Closed(closed) => {
                let (orig, resp) = match side_of_opener(&closed) {
                    Side::Orig => (closed.second, closed.first),
                    Side::Resp => (closed.first, closed.second),
                };
                let to = record.known.at.0 / Nanos::SECOND;
                let RecordId::Device(id) = closed.id else { panic!("{closed:?}") };
                let bytes = closed.bytes.unwrap().total();
                let whole = flow(id, orig, resp, to - closed.duration / Nanos::SECOND, to, bytes);
                let side = side_of_opener(&closed);
                records.push((Record { event: Event::Whole(whole), ..record }, side));
            }
            _ => records.push((record, side)),
        }
    }
    let (slices, rows) = fold(&records, false);
    let (syslog, _) = fold(&sessions(200), false);
    let conviction = |lane: &Lane| lane.services[&1182].tests[0].as_ref().unwrap().conviction;
    assert_eq!((conviction(&slices), rows.pairs.len()), (conviction(&syslog), 200));
    assert_eq!(rows.connections.len(), 400);
}

/// Which side the host is on: the sessions' clients come to one port.
fn side_of_opener(closed: &Closed) -> Side {
    if closed.second.port == 1182 { Side::Resp } else { Side::Orig }
}
