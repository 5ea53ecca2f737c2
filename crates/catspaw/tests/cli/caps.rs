//! Floods: what a cap leaves out stands in the report, and what it does not is exact.

use serde_json::Value;

use crate::pix::{DAY, Log};
use crate::run::Place;

fn dropped(report: &Value, table: &str) -> u64 {
    let rows = report["dropped"].as_array().unwrap();
    rows.iter().find(|row| row["table"] == table).map_or(0, |row| row["count"].as_u64().unwrap())
}

#[test]
fn connections_left_open_are_bounded() {
    let mut log = Log::default();
    let peer = |n: u32| format!("198.18.{}.{}", n >> 8 & 255, n & 255);
    let own = |n: u32| ("10.0.0.5", 1024 + (n % 60_000) as u16);
    for n in 0..66_000_u32 {
        log.built(DAY + i64::from(n / 100), "outbound", &n.to_string(), (&peer(n), 80), own(n));
    }
    log.relay(DAY + 800, 40);
    let place = Place::with("log", &log.text);
    let report = place.report(&["log", "--connections", "rows.jsonl"]);
    assert!(dropped(&report, "open connections") >= 66_000 - 65_536, "{}", report["dropped"]);
    assert_eq!(report["incidents"][0]["counts"]["relayed"], 40);
    assert_eq!(place.read("rows.jsonl").lines().count(), 66_080, "each of them is shown, with or without its end");
    for n in 0..66_000 {
        log.ended(DAY + 4000, &n.to_string(), (&peer(n), 80), own(n), "0:50:00", "700");
    }
    let place = Place::with("log", log.text);
    place.report(&["log", "--connections", "rows.jsonl"]);
    assert_eq!(place.read("rows.jsonl").lines().count(), 66_080, "none of those that were given up is shown twice");
}

#[test]
fn a_host_with_payload_at_every_port_is_bounded() {
    let mut log = Log::default();
    for port in 1..=2000 {
        let (at, id, peer, own) =
            (DAY + i64::from(port) / 20, port.to_string(), ("203.0.113.7", 5000), ("10.0.0.5", port));
        log.built(at, "inbound", &id, peer, own).ended(at, &id, peer, own, "0:00:00", "500");
    }
    let report = Place::with("log", log.text).report(&["log"]);
    assert_eq!(dropped(&report, "services of a host"), 2000 - 256, "{}", report["dropped"]);
    assert_eq!(dropped(&report, "ports of a host whose attempts are counted"), 2000 - 1024);
    assert_eq!(report["incidents"].as_array().unwrap().len(), 0);
}

#[test]
fn many_sensors_and_many_hosts_are_borne() {
    let mut log = String::new();
    for n in 0..3000_u32 {
        let host = format!("10.{}.{}.9", n >> 8, n & 255);
        log += &Log::default().out(DAY + i64::from(n / 20), &host).text.replace(" pix : ", &format!(" pix{n} : "));
    }
    log += &Log::default().relay(DAY + 200, 40).text;
    let report = Place::with("log", log).report(&["log"]);
    assert_eq!(report["evidence"].as_array().unwrap().len(), 3001);
    assert_eq!(report["incidents"][0]["counts"]["relayed"], 40);
}
