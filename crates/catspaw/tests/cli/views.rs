//! Other ways to look at what was found.

use std::path::Path;

use serde_json::Value;

use crate::pix::{DAY, Log, relay_log};
use crate::redact::KEY;
use crate::run::{Place, Said};

#[test]
fn csv_has_a_row_for_the_incident() {
    let place = Place::with("relay.log", relay_log());
    let said = place.scan(&["--format", "csv", "relay.log"]);
    assert_eq!(said.status, Some(1));
    let rows: Vec<&str> = said.out.lines().collect();
    assert!(rows[0].starts_with("id,host,public,owner,verdict,topology,authorised,services,tunnel,first_seen,"));
    assert_eq!(rows.len(), 2);
    assert!(rows[1].contains(",10.0.0.66,,,relay,forward,false,1182/tcp,,2003-03-04T00:00:01Z,"), "{}", rows[1]);
}

#[test]
fn what_is_suggested_declares_what_was_found() {
    let place = Place::new();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/case-2003/pix.log");
    let example = example.to_str().unwrap();
    let found = place.report(&["--suggest-authorised", "suggested.toml", example]);
    let hosts = |report: &Value, list: &str| -> Vec<Value> {
        let mut hosts: Vec<Value> = report[list].as_array().unwrap().iter().map(|i| i["host"].clone()).collect();
        hosts.sort_by_key(ToString::to_string);
        hosts
    };
    let suggested = place.read("suggested.toml");
    assert_eq!(suggested.matches("[[authorised]]").count(), 4, "{suggested}");
    assert!(suggested.contains("# - What came in on port 8085 went out again"), "{suggested}");
    let declared = place.report(&["--config", "suggested.toml", example]);
    assert_eq!(hosts(&declared, "incidents"), Vec::<Value>::new());
    assert_eq!(hosts(&declared, "authorised"), hosts(&found, "incidents"));
    assert_eq!(place.scan(&["--config", "suggested.toml", example]).status, Some(0));
}

#[test]
fn a_host_is_explained_leg_by_leg() {
    let mut log = Log::default();
    log.built(DAY, "inbound", "901", ("203.0.113.9", 5000), ("10.0.0.66", 1182));
    log.ended(DAY + 9, "901", ("203.0.113.9", 5000), ("10.0.0.66", 1182), "0:00:09", "77");
    log.out(DAY + 50, "10.0.0.5").relay(DAY + 60, 60);
    let place = Place::with("some.log", &log.text);
    let said = place.scan(&["--explain", "10.0.0.66", "some.log"]);
    assert_eq!(said.status, Some(1));
    for line in [
        "10.0.0.66 relays other people's traffic through 1182/tcp:",
        "Of 61 inbound connections with payload 60 are carried on; of 60 connections that it opened 60 carry",
        "03-04 00:00:00  203.0.113.9:5000    9 s      77  port 1182  FINs",
        "  -             nothing follows",
        "  +1 s          198.51.100.25:25   19 s  25,257         26  FINs",
        "21 inbound connections more are left out here: -v shows them.",
    ] {
        assert!(said.out.contains(line), "{line}\n{}", said.out);
    }
    let mut wide = place.command(&["-v", "--explain", "10.0.0.66", "some.log"]);
    let wide = Said::from(wide.env("COLUMNS", "200").output().unwrap());
    let row = "203.0.113.7:30059  1182  20 s";
    assert!(wide.out.contains(row) && !said.out.contains(row) && !wide.out.contains("left out"), "{}", wide.out);
    let quiet = place.scan(&["--explain", "10.0.0.5", "some.log"]);
    assert!(
        quiet.out.contains("It is not accused.") && quiet.out.contains("Nobody outside sent it anything"),
        "{}",
        quiet.out
    );
    let nobody = place.scan(&["--explain", "10.0.0.7", "some.log"]);
    assert!(nobody.out.contains("10.0.0.7 is no host of ours in this evidence"), "{}", nobody.out);
}

#[test]
fn views_that_cannot_be_are_refused() {
    let place = Place::with("relay.log", relay_log());
    for (options, says) in [
        (&["--explain", "gateway"][..], "--explain gateway is no address: give one of ours"),
        (&["--explain", "10.0.0.66", "--format", "csv"], "--explain is text for a person"),
        (
            &["--suggest-authorised", "relay.log"],
            "--suggest-authorised relay.log: this file is read or written already",
        ),
        (&["--suggest-authorised", "no/such/file"], "no/such/file: cannot be written"),
    ] {
        let said = place.scan(&[options, &["relay.log"]].concat());
        assert!(said.failed().contains(says), "{options:?}: {}", said.err);
    }
    place.write("catspaw.toml", "explain = \"10.0.0.999\"\n");
    let said = place.scan(&["--config", "catspaw.toml", "relay.log"]);
    assert!(said.failed().contains("catspaw.toml:1:11: 10.0.0.999 is no address: give one of ours"), "{}", said.err);
}

#[test]
fn of_packets_what_was_said_is_shown() {
    let mut capture = Vec::new();
    catspaw_lab::wire::capture(&catspaw_lab::wire::WireScenario::example(), &mut capture).unwrap();
    let place = Place::with("all.pcap", &capture);
    let relay = place.scan(&["--explain", "172.28.220.10", "all.pcap"]);
    for line in [
        "What was said. Left: 198.19.",
        " > SOCKS 4, CONNECT 198.18.",
        " > [message: ",
        "lines left out here; -v shows more ...",
    ] {
        assert!(relay.out.contains(line), "{line}\n{}", relay.out);
    }
    let twice = relay.out.lines().filter(|line| line.matches("> EHLO ").count() == 2).count();
    assert_eq!(twice, 1, "what comes in beside what goes out");
    let all = place.scan(&["-v", "--explain", "172.28.220.10", "all.pcap"]);
    assert_eq!(all.out.matches("What was said. Left: ").count(), 3);
    for said in [&relay, &all] {
        assert!(!said.out.contains("Subject:") && !said.out.contains("Message-ID"), "no letters: {}", said.out);
    }
    let bot = place.scan(&["--explain", "172.28.220.11", "all.pcap"]);
    assert!(bot.out.contains("What was said to 198.18.") && bot.out.contains(" > MAIL FROM:<"), "{}", bot.out);

    place.write("key", KEY);
    let redacted = place.scan(&["--redact=all", "--redact-key", "key", "--explain", "172.28.220.10", "all.pcap"]);
    assert!(redacted.out.contains("SOCKS 4, CONNECT "), "{}", redacted.out);
    assert!(!["172.28.220.10", "198.18.", "198.19."].iter().any(|own| redacted.out.contains(own)), "{}", redacted.out);
    let piped = place.scan_input(&["--explain", "172.28.220.10", "-"], &capture);
    assert!(
        piped.out.contains("a pipe can be read once") && !piped.out.contains("What was said. Left"),
        "{}",
        piped.out
    );
}
