//! Which connection is paired with which, where that is not plain.

use serde_json::Value;

use crate::pix::{DAY, Log};
use crate::run::Place;

/// A session that is relayed, from the port of a client, at a port of the host, to its target, from a port of the host's own that is
/// 10,000 beyond the client's. Its ends are known `over` seconds after it began.
fn session(log: &mut Log, (at, over): (i64, i64), (client, port): (u16, u16), target: (&str, u16), bytes: i64) {
    let (host, from, lasted) = ("10.0.0.66", ("203.0.113.7", client), format!("0:00:{over:02}"));
    let (inbound, outbound) = ((2 * client).to_string(), (2 * client + 1).to_string());
    let own = (host, client + 10_000);
    log.built(at, "inbound", &inbound, from, (host, port))
        .built(at, "outbound", &outbound, target, own)
        .ended(at + over, &outbound, target, own, &lasted, &bytes.to_string())
        .ended(at + over, &inbound, from, (host, port), &lasted, &(bytes + 26).to_string());
}

/// The log in order of its seconds; of one second by `key`.
fn in_order(log: &Log, key: impl Fn(&str) -> bool) -> String {
    let mut lines: Vec<&str> = log.text.lines().collect();
    lines.sort_by_key(|line| (&line[..20], key(line)));
    lines.join("\n") + "\n"
}

/// The ports of each pair that has payload: the client's, and the host's own.
fn pairs(log: &str) -> Vec<(i64, i64)> {
    let place = Place::with("pix.log", log);
    let said = place.scan(&["pix.log", "--year", "2003", "-q", "--pairs", "pairs.jsonl"]);
    assert_eq!(said.status, Some(1), "{}", said.err);
    let rows = place.read("pairs.jsonl");
    let rows = rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ports = |row: Value| (row["inbound"]["orig_p"].as_i64(), row["outbound"]["orig_p"].as_i64());
    rows.map(ports).map(|(client, own)| (client.unwrap(), own.unwrap())).collect()
}

fn right(pairs: &[(i64, i64)]) -> usize {
    pairs.iter().filter(|(client, own)| client + 10_000 == *own).count()
}

/// 80 letters passed through, by ports in turn; several are open at any time.
fn letters(ports: &[u16]) -> Log {
    let mut log = Log::default();
    for n in 0..80_u16 {
        let target = format!("198.51.100.{}", 1 + n % 17);
        let times = (DAY + 4 * i64::from(n), 9 + i64::from(n * 7 % 13));
        let bytes = 1500 + i64::from(n) * 7919 % 30_011;
        session(&mut log, times, (3000 + n, ports[usize::from(n) % ports.len()]), (&target, 25), bytes);
    }
    log
}

#[test]
fn mail_through_several_ports_of_one_host_is_not_taken_for_stored() {
    let found = pairs(&in_order(&letters(&[1180, 1181, 1182]), |_| false));
    assert_eq!((found.len(), right(&found)), (80, 80));
}

#[test]
fn lines_of_one_second_may_stand_in_any_order() {
    let found = pairs(&in_order(&letters(&[1182]), |line| line.contains("inbound")));
    assert!(right(&found) >= 78 && found.len() == 80, "{} of {}", right(&found), found.len());
}

#[test]
fn a_proxy_beside_a_mail_server_has_its_own_letters() {
    let mut log = letters(&[1182]);
    // What the server takes in goes on half a minute later, when its client has gone, in other sizes.
    for n in 0..60_u16 {
        let (host, at, bytes) = ("10.0.0.66", DAY + 5 * i64::from(n), 2000 + i64::from(n) * 4801 % 40_009);
        let (id, client) = ((10_000 + n).to_string(), ("192.0.2.9", 20_000 + n));
        log.built(at, "inbound", &id, client, (host, 25));
        log.ended(at + 2, &id, client, (host, 25), "0:00:02", &bytes.to_string());
        let (id, target, own) = ((20_000 + n).to_string(), ("198.51.100.200", 25), (host, 30_000 + n));
        log.built(at + 30, "outbound", &id, target, own);
        log.ended(at + 32, &id, target, own, "0:00:02", &(bytes - 230).to_string());
    }
    let found: Vec<_> = pairs(&in_order(&log, |_| false)).into_iter().filter(|(client, _)| *client < 10_000).collect();
    assert!(right(&found) >= 76 && found.len() - right(&found) <= 2, "{} of {}", right(&found), found.len());
}

#[test]
fn an_end_alone_at_a_port_that_serves_is_inbound() {
    let mut log = letters(&[8888]);
    log.ended(DAY + 200, "77", ("203.0.113.9", 40_000), ("10.0.0.66", 8888), "0:00:20", "7000");
    let said =
        Place::with("pix.log", in_order(&log, |_| false)).scan(&["pix.log", "--year", "2003", "--format", "json"]);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    let counts = &report["incidents"][0]["counts"];
    assert_eq!((&counts["inbound_attempts"], &counts["outbound_attempts"]), (&81.into(), &80.into()), "{counts}");
}
