//! Hosts that conserve bytes by design, beside other things that they call: at most suspects, whatever chance pairs.

use serde_json::Value;

use crate::pix::{DAY, Log};
use crate::run::Place;

/// A number for `n` below `below`, spread evenly.
fn spread(n: i64, below: i64) -> i64 {
    (n * 7919 + n * n * 104_729) % below
}

/// A connection of `bytes`, from `at` to `end`.
fn connection(
    log: &mut Log,
    inbound: bool,
    (at, end): (i64, i64),
    (peer, own): ((&str, u16), (&str, u16)),
    bytes: i64,
) {
    let id = (10_000 + log.text.len()).to_string();
    let direction = if inbound { "inbound" } else { "outbound" };
    let lasted = format!("0:{:02}:{:02}", (end - at) / 60, (end - at) % 60);
    log.built(at, direction, &id, peer, own).ended(end, &id, peer, own, &lasted, &bytes.to_string());
}

/// What `host` hands on to `targets`, whose port is `to`, at once; while its clients are there it calls others for itself, too.
fn log(port: u16, to: u16, targets: i64, more: impl Fn(&mut Log)) -> String {
    let (mut log, host) = (Log::default(), "10.0.0.66");
    for n in 0..120 {
        let (at, bytes) = (DAY + 90 * n, 2000 + spread(n, 60_000));
        let client = format!("203.0.113.{}", 1 + n % 40);
        let target = format!("198.51.100.{}", 1 + n % targets);
        let out = ((target.as_str(), to), (host, 20_000 + n as u16));
        connection(&mut log, false, (at + 1, at + 20), out, bytes - 230);
        connection(&mut log, true, (at, at + 20), ((&client, 30_000 + n as u16), (host, port)), bytes);
        let other = format!("192.0.2.{}", 1 + spread(n, 200));
        let own = ((other.as_str(), 443), (host, 40_000 + n as u16));
        connection(&mut log, false, (at + 5, at + 9), own, 3000 + spread(n + 500, 40_000));
    }
    more(&mut log);
    let mut lines: Vec<&str> = log.text.lines().collect();
    lines.sort_by_key(|line| line[..20].to_owned());
    lines.join("\n") + "\n"
}

fn incident(log: &str) -> Option<Value> {
    let said = Place::with("pix.log", log).scan(&["pix.log", "--year", "2003", "--format", "json"]);
    let report: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}", said.err));
    let incidents = report["incidents"].as_array().unwrap();
    assert!(incidents.len() <= 1, "{incidents:?}");
    incidents.first().cloned()
}

fn why(incident: &Value) -> String {
    incident["why"].as_array().unwrap().iter().map(|why| why.as_str().unwrap().to_owned() + "\n").collect()
}

#[test]
fn a_mail_server_that_calls_others_too_is_a_suspect() {
    let told = incident(&log(25, 25, 20, |_| {})).unwrap();
    assert_eq!(told["verdict"], "suspect", "{}", why(&told));
    assert!(why(&told).contains("it looks like a mail server"), "{}", why(&told));
}

#[test]
fn where_users_read_their_mail_they_send_some() {
    // In `letters`, each of `bytes`.
    let takes_mail_in = |letters: u16, bytes: i64| {
        move |log: &mut Log| {
            for n in 0..letters {
                let peer = (("203.0.113.200", 50_000 + n), ("10.0.0.66", 25));
                let at = DAY + 300 * i64::from(n);
                connection(log, true, (at, at + 10), peer, bytes + i64::from(n));
            }
        }
    };
    let told = incident(&log(443, 25, 20, takes_mail_in(40, 4000))).unwrap();
    assert_eq!(told["verdict"], "suspect", "{}", why(&told));
    assert!(why(&told).contains("it looks like a mail server"), "{}", why(&told));
    // One that takes none in has no such design, nor one that a few came to, nor one that is probed at its port of mail.
    for (letters, bytes) in [(0, 0), (5, 4000), (40, 300)] {
        let told = incident(&log(443, 25, 20, takes_mail_in(letters, bytes))).unwrap();
        assert_eq!(told["verdict"], "relay", "{letters} of {bytes}: {}", why(&told));
    }
}

#[test]
fn a_resolver_that_calls_others_too_is_no_incident() {
    assert_eq!(incident(&log(53, 53, 40, |_| {})), None);
}

#[test]
fn a_reverse_proxy_that_calls_others_too_is_a_suspect() {
    let told = incident(&log(8080, 443, 2, |_| {})).unwrap();
    assert_eq!(told["verdict"], "suspect", "{}", why(&told));
    assert!(why(&told).contains("it looks like a reverse proxy or gateway"), "{}", why(&told));
}

#[test]
fn a_reverse_proxy_whose_origin_moves_is_a_suspect() {
    let mut log = Log::default();
    for n in 0..240 {
        let (at, bytes) = (DAY + 90 * n, 2000 + spread(n, 60_000));
        let (client, origin) = (format!("203.0.113.{}", 1 + n % 40), format!("198.51.100.{}", 1 + n / 60));
        let (peer, own) = ((client.as_str(), 30_000), (origin.as_str(), 443));
        connection(&mut log, true, (at, at + 20), (peer, ("10.0.0.66", 8080)), bytes);
        connection(&mut log, false, (at + 1, at + 20), (own, ("10.0.0.66", 20_000 + n as u16)), bytes - 26);
    }
    let mut lines: Vec<&str> = log.text.lines().collect();
    lines.sort_by_key(|line| line[..20].to_owned());
    let told = incident(&(lines.join("\n") + "\n")).unwrap();
    assert_eq!(told["verdict"], "suspect", "{}", why(&told));
}

#[test]
fn each_service_of_a_host_has_its_own_design() {
    let beside_mail = |targets: i64| {
        let beside = move |log: &mut Log| {
            for n in 0..120 {
                let (at, bytes) = (DAY + 45 + 90 * n, 3000 + spread(n + 250, 50_000));
                let target = format!("192.0.2.{}", 1 + n % targets);
                let (client, origin) = (("203.0.113.250", 50_000 + n as u16), (target.as_str(), 9000));
                connection(log, true, (at, at + 20), (client, ("10.0.0.66", 8080)), bytes);
                connection(log, false, (at + 1, at + 20), (origin, ("10.0.0.66", 30_000 + n as u16)), bytes - 26);
            }
        };
        incident(&log(25, 25, 20, beside)).unwrap()
    };
    let (gateway, relay) = (beside_mail(1), beside_mail(20));
    assert_eq!(gateway["services"].as_array().unwrap().len(), 2, "{gateway}");
    assert_eq!(gateway["verdict"], "suspect", "{}", why(&gateway));
    assert_eq!(relay["verdict"], "relay", "{}", why(&relay));
}

#[test]
fn whose_clients_choose_is_a_relay() {
    for (port, to, targets) in [(8080, 443, 20), (1080, 25, 20), (53, 443, 20), (25, 443, 20)] {
        let told = incident(&log(port, to, targets, |_| {})).unwrap();
        assert_eq!(told["verdict"], "relay", "{port} to {to}: {}", why(&told));
    }
}

#[test]
fn who_asks_many_servers_of_mail_and_sends_them_nothing_is_a_suspect() {
    let census = |bytes: i64| {
        let mut log = Log::default();
        for n in 0..60 {
            let server = format!("198.51.{}.{}", n / 4, 1 + n);
            let ends = ((server.as_str(), 25), ("10.0.0.66", 20_000 + n as u16));
            connection(&mut log, false, (DAY + 3 * n, DAY + 3 * n + 2), ends, bytes + n);
        }
        log.text.clone()
    };
    // Some servers greet at length.
    for bytes in [300, 600] {
        let told = incident(&census(bytes)).unwrap();
        assert!(told["verdict"] == "suspect" && why(&told).contains("a census of mail servers"), "{}", why(&told));
        assert_eq!(told["counts"]["delivered"], 0);
    }
    for bytes in [1200, 3000] {
        assert_eq!(incident(&census(bytes)).unwrap()["verdict"], "spam-source", "{bytes}");
    }
    // The owner knows better: sixty of 600 to 659 bytes.
    let place = Place::with("pix.log", census(600));
    place.write("catspaw.toml", "[thresholds]\nmail = 640\n");
    let told = place.report(&["pix.log", "--year", "2003", "--config", "catspaw.toml"]);
    let told = &told["incidents"][0];
    assert_eq!((&told["verdict"], &told["counts"]["delivered"]), (&"spam-source".into(), &20.into()));
    assert!(why(told).contains("at least 640 bytes counts as delivered: as configured"), "{}", why(told));
}

#[test]
fn who_is_seen_to_serve_by_another_firewall_alone_may_carry_on() {
    let (mut north, mut south) = (Log::default(), Log::default());
    for n in 0..60 {
        let (at, bytes) = (DAY + 3 * n, 3000 + spread(n, 9000));
        let server = format!("198.51.{}.{}", n / 4, 1 + n);
        let out = ((server.as_str(), 25), ("10.0.0.66", 20_000 + n as u16));
        connection(&mut south, false, (at, at + 2), out, bytes);
        let come = (("203.0.113.9", 30_000 + n as u16), ("10.0.0.66", 1080));
        connection(&mut north, true, (at, at + 2), come, bytes + 25);
    }
    let alone = incident(&south.text).unwrap();
    let both = incident(&(south.text + &north.text.replace(" pix : ", " north : "))).unwrap();
    assert!(alone["verdict"] == "spam-source" && !why(&alone).contains("Another sensor"), "{}", why(&alone));
    assert!(why(&both).contains("Another sensor saw connections come in"), "{}", why(&both));
}
