//! What else a host may do but carry on at once: store mail and hand it on, send mail by itself, serve a tunnel.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod host;

use catspaw_records::{Ending, Endpoint, Event, Record, Side};
use catspaw_relay::{Hypothesis, Lane};
use host::{HOST, connection, end, fold};

/// A mail server on an odd port: each message goes on `delay` seconds after its client has gone, 200 bytes longer.
fn stored(count: u64, delay: i64) -> Vec<(Record, Side)> {
    let mut records = Vec::new();
    for n in 0..count {
        let at = 1_000_000 + 40 * n as i64;
        let size = 900 + mixed(n) % 30_011;
        let client = end(&format!("198.51.100.{}", 1 + n % 9), 20_000 + n as u16);
        let target = end(&format!("203.0.113.{}", 1 + n % 40), 25);
        records.extend(connection(2 * n, client, end(HOST, 8025), at, at + 2, size));
        let from = at + 2 + delay;
        records.extend(connection(2 * n + 1, end(HOST, 3000 + n as u16), target, from, from + 1, size + 200 + n % 7));
    }
    in_order(records)
}

/// A number that looks drawn: the sizes must not follow one another in a pattern, or every leg fits every other.
fn mixed(n: u64) -> u64 {
    let z = (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 33
}

/// Mail of the host's own, the n-th at `at(n)` to server number `server(n)`.
fn mail(count: u64, at: impl Fn(u64) -> i64, server: impl Fn(u64) -> u64) -> Vec<(Record, Side)> {
    let mut records = Vec::new();
    for n in 0..count {
        let (at, server) = (1_000_000 + at(n), server(n));
        let target = end(&format!("203.0.{}.{}", server / 5, 1 + server % 5), 25);
        records.extend(connection(n, end(HOST, 3000 + n as u16), target, at, at + 1, 900 + (n * 7919) % 3001));
    }
    in_order(records)
}

fn in_order(mut records: Vec<(Record, Side)>) -> Vec<(Record, Side)> {
    records.sort_by_key(|(record, _)| record.known.at);
    records
}

/// A connection that nobody answered.
fn unanswered(id: u64, orig: Endpoint, resp: Endpoint, from: i64, to: i64) -> [(Record, Side); 2] {
    let [opened, (mut record, side)] = connection(id, orig, resp, from, to, 0);
    if let Event::Closed(closed) = &mut record.event {
        closed.ending = Ending::NoAnswer;
    }
    [opened, (record, side)]
}

fn caught(lane: &Lane) -> Option<u64> {
    lane.spam[0].as_ref().and_then(|spam| spam.all.caught).map(|caught| caught.connections)
}

#[test]
fn mail_that_is_stored_and_handed_on_convicts_and_is_paired() {
    let (lane, rows) = fold(&stored(120, 7), false);
    let service = &lane.services[&8025];
    let (tests, _) = service.weighed(false).find(|(tests, _)| tests.conviction.is_some()).unwrap();
    assert_eq!(tests.hypothesis, Hypothesis::StoreAndForward);
    assert!(tests.conviction.unwrap().sessions <= 25, "{:?}", tests.conviction);
    let right = |pair: &&catspaw_relay::LegPair| pair.inbound.peer.port - 20_000 == pair.outbound.own.port - 3000;
    assert_eq!(rows.pairs.iter().filter(right).count(), rows.pairs.len());
    assert!(rows.pairs.len() >= 115, "{}", rows.pairs.len());
}

/// The `n`th letter: it comes in at `at`, stays three seconds, and goes out `delay` seconds after it came, to so many servers.
fn letter(n: u64, at: i64, delay: i64, copies: u64) -> Vec<(Record, Side)> {
    let size = 900 + mixed(n) % 30_011;
    let client = end(&format!("198.51.100.{}", 1 + n % 9), 20_000 + n as u16);
    let mut records = connection(4 * n, client, end(HOST, 8025), at, at + 3, size).to_vec();
    for copy in 0..copies {
        let own = end(HOST, 3000 + 1000 * copy as u16 + n as u16);
        let target = end(&format!("203.0.113.{}", 1 + (n + 40 * copy) % 80), 25);
        records.extend(connection(4 * n + 1 + copy, own, target, at + delay, at + delay + 1, size + 200 + n % 7));
    }
    records
}

/// Whether a pair of [`letter`]s is of one.
fn is_right(pair: &&catspaw_relay::LegPair) -> bool {
    pair.inbound.peer.port - 20_000 == pair.outbound.own.port % 1000
}

#[test]
fn a_server_that_begins_by_handing_on_at_once_is_found_to_store() {
    // The first messages go on while their clients are there; of the others most have gone, and some are for two servers.
    let mut records = Vec::new();
    for n in 0..120_u64 {
        let delay = if n < 12 { 1 } else { 4 };
        records.extend(letter(n, 1_000_000 + 40 * n as i64, delay, 1 + u64::from(n % 3 == 0)));
    }
    let (lane, rows) = fold(&in_order(records), false);
    let service = &lane.services[&8025];
    let sessions = |tests: &catspaw_relay::Tests| tests.conviction.map(|conviction| conviction.sessions);
    let at_once = service.tests[0].as_deref().and_then(sessions);
    assert!(at_once.is_some_and(|sessions| sessions <= 12), "{at_once:?}");
    assert_eq!(rows.pairs.iter().filter(is_right).count(), rows.pairs.len());
    assert!(rows.pairs.len() >= 150, "{} of 160", rows.pairs.len());
}

#[test]
fn letters_that_go_to_several_while_clients_are_there_are_all_told() {
    // Each letter is handed on within a second, to one server or to three, and other clients come before it is.
    let mut records = Vec::new();
    for n in 0..90_u64 {
        records.extend(letter(n, 1_000_000 + 2 * n as i64, 1, if n % 3 == 0 { 3 } else { 1 }));
    }
    let (_, rows) = fold(&in_order(records), false);
    assert_eq!(rows.pairs.iter().filter(is_right).count(), rows.pairs.len());
    assert!(rows.pairs.len() >= 145, "{} of 150", rows.pairs.len());
}

/// A queue that is run every twelve seconds: of each letter the connections on which it was handed on, or on which a server
/// refused it, and a minute later again. The pairs that are said, by letter and connection.
fn queue(refused: &[u64]) -> Vec<(u16, u16)> {
    let mut records = Vec::new();
    for n in 0..80_u64 {
        let at = 1_000_000 + 3 * n as i64;
        let size = 900 + mixed(n) % 30_011;
        let client = end(&format!("198.51.100.{}", 1 + n % 9), 20_000 + n as u16);
        records.extend(connection(3 * n, client, end(HOST, 8025), at, at + 1, size));
        let run = 1_000_000 + (3 * n as i64 / 12 + 1) * 12;
        let target = end(&format!("203.0.113.{}", if refused.contains(&n) { 100 + n } else { 1 + n % 40 }), 25);
        let mut go = |again: u64, size| {
            let (own, at) = (end(HOST, 3000 + 1000 * again as u16 + n as u16), run + 67 * again as i64);
            records.extend(connection(3 * n + 1 + again, own, target, at, at + 1, size));
        };
        if refused.contains(&n) {
            go(0, 301);
            go(1, 301);
        } else {
            go(0, size + 200 + n % 7);
        }
    }
    let (_, rows) = fold(&in_order(records), false);
    rows.pairs.iter().map(|pair| (pair.inbound.peer.port - 20_000, pair.outbound.own.port - 3000)).collect()
}

#[test]
fn a_queue_is_found_sooner_for_each_letter_goes_out_a_first_time() {
    // Twenty of about the same length go out in each minute.
    let mut records = Vec::new();
    for n in 0..80_u64 {
        let (at, size) = (1_000_000 + 3 * n as i64, 2000 + mixed(n) % 1009);
        let client = end(&format!("198.51.100.{}", 1 + n % 9), 20_000 + n as u16);
        records.extend(connection(2 * n, client, end(HOST, 8025), at, at + 1, size));
        let run = 1_000_000 + (3 * n as i64 / 60 + 1) * 60;
        let target = end(&format!("203.0.113.{}", 1 + n % 40), 25);
        records.extend(connection(2 * n + 1, end(HOST, 3000 + n as u16), target, run, run + 1, size + 200 + n % 3));
    }
    let (lane, _) = fold(&in_order(records), false);
    let found = lane.services[&8025].mail[0].as_deref().and_then(|tests| tests.conviction);
    // Some are alike by chance, and speak for nothing; if none were known to have gone out before, all 80 would be needed.
    assert!(found.is_some_and(|found| found.sessions <= 61), "{found:?}");
}

#[test]
fn letters_that_were_refused_are_those_that_were_not_handed_on() {
    let refused = [9, 20, 30, 39, 50];
    let pairs = queue(&refused);
    for n in refused.map(|n| n as u16) {
        assert!([(n, n), (n, 1000 + n)].iter().all(|pair| pairs.contains(pair)), "{n}: {pairs:?}");
    }
    assert!(pairs.iter().all(|(inbound, outbound)| *inbound == outbound % 1000), "{pairs:?}");
}

#[test]
fn which_of_two_that_were_refused_at_once_was_whose_is_not_said() {
    // Letters 36 to 39 go out together.
    let pairs = queue(&[9, 20, 30, 37, 38, 50]);
    let said = |n: u16| pairs.iter().filter(|(_, outbound)| outbound % 1000 == n).count();
    assert_eq!([9, 20, 30, 37, 38, 50].map(said), [2, 2, 2, 0, 0, 2], "{pairs:?}");
}

#[test]
fn an_attempt_that_is_told_of_twice_was_refused_once() {
    let mut records = stored(60, 5);
    records.retain(|(record, _)| match &record.event {
        Event::Opened(opened) => opened.orig.port != 3030,
        Event::Closed(closed) => closed.second.port != 3030,
        _ => true,
    });
    // Zeek gives up after five seconds, and tells of the SYN that is repeated then as of another connection.
    let (own, at) = (end(HOST, 3030), 1_000_000 + 40 * 30 + 7);
    for again in 0..2 {
        records.extend(unanswered(
            200 + again,
            own,
            end("203.0.113.31", 25),
            at + 7 * again as i64,
            at + 7 * again as i64 + 5,
        ));
    }
    let (_, rows) = fold(&in_order(records), false);
    let refused: Vec<_> = rows.pairs.iter().filter(|pair| pair.outbound.own.port == 3030).collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].inbound.peer.port, 20_030);
}

#[test]
fn what_no_inbound_leg_brought_is_not_handed_on() {
    // The same sizes, but each goes out ten minutes later: longer than any queue that is looked for.
    let (lane, _) = fold(&stored(120, 600), false);
    assert!(lane.services[&8025].weighed(false).all(|(tests, _)| tests.conviction.is_none()));
}

#[test]
fn a_bot_is_caught_before_its_twenty_fifth_connection() {
    let (lane, _) = fold(&mail(60, |n| 3 * n as i64, |n| n), false);
    assert!(caught(&lane).is_some_and(|n| n <= 25), "{:?}", caught(&lane));
}

#[test]
fn a_bot_that_takes_its_time_is_caught_later() {
    // The figures of docs/detection.md.
    let after = |gap: i64| caught(&fold(&mail(400, |n| gap * n as i64, |n| n), false).0);
    assert_eq!([10, 30, 45, 60, 75].map(after), [15, 32, 61, 99, 276].map(Some));
}

#[test]
fn a_host_that_mails_as_people_and_servers_do_is_not_caught() {
    // Through one server; to a new one every three minutes; a list expanded in two seconds, each day; a provider's pool.
    let provider = mail(400, |n| 5 * n as i64, |_| 1);
    let server = mail(100, |n| 180 * n as i64, |n| n);
    let list = mail(120, |n| 86_400 * (n as i64 / 30) + n as i64 % 30 / 15, |n| n % 30);
    let mut pool = Vec::new();
    for n in 0..200 {
        let target = end(&format!("203.0.113.{}", 1 + n), 25);
        let at = 1_000_000 + 2 * n as i64;
        pool.extend(connection(n, end(HOST, 3000 + n as u16), target, at, at + 1, 2000 + n));
    }
    for records in [provider, server, list, in_order(pool)] {
        assert_eq!(caught(&fold(&records, false).0), None);
    }
}

#[test]
fn what_a_relay_explains_is_no_spam_of_its_own() {
    let (lane, _) = fold(&stored(120, 2), false);
    let spam = lane.spam[0].as_ref().unwrap();
    assert_eq!((spam.all.connections, spam.alone.connections), (120, 0));
}

/// A relay whose clients reach `hosts` hosts inside.
fn inwards(hosts: u64) -> Lane {
    let mut fold = host::Fold::new();
    let mut records = Vec::new();
    for n in 0..200 {
        let at = 1_000_000 + 50 * n as i64;
        let size = 900 + mixed(n) % 30_011;
        let client = end(&format!("198.51.100.{}", 1 + n % 3), 20_000 + n as u16);
        let target = end(&format!("172.28.1.{}", 1 + n / 3 % hosts), 3389);
        let inbound = connection(2 * n, client, end(HOST, 1182), at, at + 9, size + 25);
        records.extend(inbound.map(|(record, side)| (record, side, false)));
        let outbound = connection(2 * n + 1, end(HOST, 3000 + n as u16), target, at + 1, at + 9, size);
        records.extend(outbound.map(|(record, side)| (record, side, true)));
    }
    records.sort_by_key(|(record, ..)| record.known.at);
    for (record, side, peer_inside) in &records {
        fold.observe(record, *side, false, *peer_inside).unwrap();
    }
    fold.finish().0
}

#[test]
fn a_relay_that_reaches_many_hosts_inside_is_told_from_a_reverse_proxy() {
    let convicted = |lane: &Lane| lane.services[&1182].weighed(false).any(|(tests, _)| tests.conviction.is_some());
    assert!(convicted(&inwards(20)));
    assert!(!convicted(&inwards(4)));
}

#[test]
fn a_host_that_finds_its_ten_servers_at_once_or_is_let_through_to_none_is_not_caught() {
    let ten = mail(400, |n| if n < 10 { n as i64 } else { 3600 * n as i64 }, |n| n % 10);
    assert_eq!(caught(&fold(&ten, false).0), None);
    let mut asks = Vec::new();
    for n in 0..60 {
        let target = end(&format!("203.0.{}.9", n), 25);
        let at = 1_000_000 + 3 * n as i64;
        asks.extend(unanswered(n, end(HOST, 3000 + n as u16), target, at, at + 30));
    }
    assert_eq!(caught(&fold(&in_order(asks), false).0), None);
}
