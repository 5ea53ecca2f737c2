//! What a case has to be, checked on the lines.

use std::collections::{HashMap, HashSet};

use crate::officer::{Line, Made, make};
use catspaw_lab::{Asa, Counts, Pix, Relay, RelayTruth, Scenario, Tee, ZeekConn, run};

/// A day of every kind of relay and of 60 hosts.
fn day() -> Scenario {
    const HOUR: u64 = 3_600_000_000;
    Scenario {
        seed: 5,
        hosts: 60,
        pace: 200,
        relays: vec![
            Relay::socks(3 * HOUR, 60).cut_at(15 * HOUR),
            Relay::connect(3128, HOUR, 20),
            Relay::web(8080, 2 * HOUR, 20),
            Relay::socks(HOUR, 1),
        ],
        ..Scenario::example()
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let one = make(&day());
    let two = make(&day());
    assert!(one.pix == two.pix && one.conn == two.conn && one.pairs == two.pairs && one.truth == two.truth);
    assert_ne!(make(&Scenario { seed: 6, ..day() }).pix, one.pix);
}

#[test]
fn lines_are_in_order_of_time() {
    let made = make(&day());
    let stamps: Vec<&str> = made.pix.lines().map(|line| &line[..15]).collect();
    assert!(stamps.is_sorted(), "March has its days in order of text, too");
    assert_eq!(made.pix.lines().count() as u64, made.truth.lines);
    // Zeek writes what is over, so that its lines are in order of their ends, but for those that only stopped.
    let mut latest: f64 = 0.0;
    for line in made.conn.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        assert_eq!(fields.len(), 21);
        let end = fields[0].parse::<f64>().expect("ts") + fields[8].parse::<f64>().expect("duration");
        assert!(end > latest - 130.0, "{line}");
        latest = latest.max(end);
    }
}

#[test]
fn a_connection_is_built_once_and_torn_down_once_at_most() {
    let made = make(&day());
    let (mut open, mut last) = (HashMap::new(), 0);
    for line in made.pix.lines().filter_map(Line::read) {
        if line.built {
            assert!(line.id > last, "ids increase");
            last = line.id;
            open.insert(line.id, (line.inside, line.outside));
        } else {
            assert_eq!(open.remove(&line.id), Some((line.inside, line.outside)), "{line:?}");
        }
    }
    assert!(!open.is_empty() && open.len() < 100, "some are open in the end: {}", open.len());
}

#[test]
fn an_outside_address_has_one_owner_at_a_time() {
    let made = make(&day());
    let mut slots: HashMap<&str, &str> = HashMap::new();
    for line in made.pix.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let end = |word: &'static str| {
            words.iter().find_map(|w| w.strip_prefix(word)).map(|end| end.split(['/', ')']).next().unwrap_or(end))
        };
        if line.contains("305009") {
            assert_eq!(
                slots.insert(end("outside:").expect("outside"), end("inside:").expect("inside")),
                None,
                "{line}"
            );
        } else if line.contains("305010") {
            assert_eq!(slots.remove(end("outside:").expect("outside")), end("inside:"), "{line}");
        } else if line.contains("Built inbound") {
            let mapped = words.last().expect("a word").trim_matches(['(', ')']).split('/').next().expect("an address");
            assert_eq!(slots.get(mapped), end("inside:").as_ref(), "nobody reaches a host without an address: {line}");
        }
    }
}

#[test]
fn the_truth_is_what_can_be_counted() {
    let made = make(&day());
    assert_eq!(made.truth.relays.len(), 5);
    let outs: HashSet<u64> = pairs(&made).map(|pair| pair.1).collect();
    for relay in &made.truth.relays {
        assert_eq!(count(&made, relay, &outs, ""), relay.counts, "{}", relay.host);
        for day in &relay.daily {
            let stamp = format!("Mar {:>2}", day.date[8..].trim_start_matches('0'));
            assert_eq!(count(&made, relay, &outs, &stamp), day.counts, "{} {stamp}", relay.host);
        }
        let of_host = pairs(&made).filter(|pair| pair.3 == relay.host).count() as u64;
        assert_eq!(of_host, relay.pairs);
        assert!(relay.counts.relayed > 0 && relay.counts.inbound > 0, "{relay:?}");
    }
    let cut = made.truth.relays[0].containment.as_ref().expect("cut off");
    assert!(cut.attempts_after > 20 && made.truth.relays[0].counts.unanswered >= cut.attempts_after);
}

fn pairs(made: &Made) -> impl Iterator<Item = (u64, u64, bool, &str)> {
    made.pairs.lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        (fields[0].parse().expect("id"), fields[1].parse().expect("id"), fields[2] == "1", fields[3])
    })
}

/// Counts as `examples/README.md` does.
fn count(made: &Made, relay: &RelayTruth, outs: &HashSet<u64>, day: &str) -> Counts {
    let port = relay.ports[0];
    let of_host = |line: &Line<'_>| line.tcp && line.inside.0 == relay.host;
    let lines: Vec<Line<'_>> = made.pix.lines().filter_map(Line::read).filter(of_host).collect();
    let of_day: HashMap<u64, bool> = lines
        .iter()
        .filter(|line| line.built && line.day.starts_with(day))
        .map(|line| (line.id, line.inbound))
        .collect();
    let built = |test: &dyn Fn(&Line<'_>) -> bool| {
        lines.iter().filter(|line| line.built && of_day.contains_key(&line.id) && test(line)).count() as u64
    };
    let ended = |test: &dyn Fn(&Line<'_>, bool) -> bool| {
        let ended = lines.iter().filter(|line| !line.built);
        ended.filter(|line| of_day.get(&line.id).is_some_and(|&inbound| test(line, inbound))).count() as u64
    };
    let denied = denied(made, relay, day);
    let delivered: HashSet<u64> = pairs(made).filter(|pair| pair.2).map(|pair| pair.1).collect();
    let inbound = built(&|line| line.inbound && line.inside.1 == port);
    Counts {
        outbound: built(&|line| !line.inbound),
        outbound_smtp: built(&|line| !line.inbound && line.outside.1 == 25),
        inbound: inbound + denied,
        denied,
        inbound_run_of_ports: built(&|line| line.inbound && (relay.asked.0..=relay.asked.1).contains(&line.inside.1)),
        relayed: ended(&|line, _| outs.contains(&line.id) && line.bytes > 0),
        refused: ended(&|line, _| outs.contains(&line.id) && line.bytes == 0),
        smtp_completed: ended(&|line, inbound| !inbound && line.outside.1 == 25 && line.reason == "TCP FINs"),
        delivered: ended(&|line, _| delivered.contains(&line.id)),
        unanswered: ended(&|line, inbound| {
            let failed = line.reason == "SYN Timeout" || line.reason.starts_with("TCP Reset");
            inbound && line.inside.1 == port && line.bytes == 0 && failed
        }) + denied,
        unended: inbound - ended(&|line, inbound| inbound && line.inside.1 == port),
    }
}

/// Attempts at addresses that only this host ever had, each with its retries.
fn denied(made: &Made, relay: &RelayTruth, day: &str) -> u64 {
    let lent = |line: &&str, address: &str| line.contains("305009") && line.ends_with(&format!(":{address}"));
    let others = |address: &str| {
        let inside = format!("inside:{} ", relay.host);
        made.pix.lines().filter(|line| lent(line, address)).any(|line| !line.contains(&inside))
    };
    let own = relay.public.iter().filter(|address| !others(address));
    let named: Vec<String> = own.map(|address| format!(" to {address}/{} ", relay.ports[0])).collect();
    let lines = made.pix.lines().filter(|line| line.starts_with(day) && line.contains("106001"));
    let tuples = lines.filter(|line| named.iter().any(|to| line.contains(to))).map(|line| line.split_once("denied"));
    tuples.map(|tuple| tuple.expect("denied").1).collect::<HashSet<_>>().len() as u64
}

#[test]
fn a_relay_conserves_bytes() {
    let made = make(&day());
    let totals: HashMap<u64, u64> =
        made.pix.lines().filter_map(Line::read).filter(|line| !line.built).map(|line| (line.id, line.bytes)).collect();
    for relay in made.truth.relays.iter().filter(|relay| relay.kind == "socks") {
        let both = pairs(&made).filter(|pair| pair.3 == relay.host);
        let both = both.filter_map(|pair| Some((*totals.get(&pair.0)?, *totals.get(&pair.1)?)));
        let talked: Vec<u64> = both.filter(|legs| legs.1 > 0).map(|legs| legs.0.wrapping_sub(legs.1)).collect();
        let handshakes = [17, 25, 26, 32, 33, 34];
        let kept = talked.iter().filter(|difference| handshakes.contains(difference)).count();
        assert!(!talked.is_empty() && kept * 100 >= talked.len() * 85, "{kept} of {} at {}", talked.len(), relay.host);
    }
}

#[test]
fn an_asa_and_zeek_see_the_same_connections() {
    let scenario = day();
    let (mut pix, mut asa, mut conn) = (Vec::new(), Vec::new(), Vec::new());
    let mut tee = Tee::default()
        .and(Pix { sensor: "utc-pix".to_owned(), year: true }.to(&mut pix))
        .and(Asa { sensor: "asa1".to_owned() }.to(&mut asa))
        .and(ZeekConn::new(&mut conn, scenario.begin()));
    run(&scenario, &mut tee).expect("a case");
    drop(tee);
    let [pix, asa, conn] = [pix, asa, conn].map(|bytes| String::from_utf8(bytes).expect("text"));
    assert!(pix.starts_with("Mar 03 2003 18:00:00 utc-pix : %PIX-6-305009: Built static translation from inside:"));
    assert!(asa.starts_with("<166>Mar 03 2003 18:00:"));
    let torn_down =
        |log: &str| log.lines().filter_map(|line| Some(line.split_once(": Teardown ")?.1.to_owned())).collect();
    let of_pix: Vec<String> = torn_down(&pix);
    let of_asa: Vec<String> = torn_down(&asa);
    assert_eq!(
        of_pix.iter().filter(|text| text.contains(" connection ")).collect::<Vec<_>>(),
        of_asa.iter().collect::<Vec<_>>()
    );
    let over = conn.lines().filter(|line| !line.starts_with('#')).count();
    // Zeek hears of the end before the device's timer runs out.
    assert!(over >= of_asa.len() && over < of_asa.len() + 50, "{over} and {}", of_asa.len());
}

#[test]
fn a_log_of_so_many_lines_has_as_many() {
    let made = make(&Scenario::big(3, 30_000, 400, 6));
    let lines = made.pix.lines().count() as u64;
    assert!((30_000..=30_001).contains(&lines) && lines == made.truth.lines, "{lines}");
    assert_eq!(made.truth.relays.len(), 7);
}
