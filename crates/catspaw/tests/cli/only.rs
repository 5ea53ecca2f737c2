//! A part of the evidence: `--since`, `--until`, `--host`, `--ports`.

use crate::pix::{DAY, Log, relay_log};
use crate::run::Place;

const HOST: (&str, u16) = ("10.0.0.66", 1182);

/// When each row was opened, in seconds of the day, and whether it has an end.
fn opened(place: &Place, options: &[&str]) -> Vec<(i64, bool)> {
    let rows = place.connections(&[options, &["some.log"]].concat());
    rows.iter().map(|row| (row["ts"].as_f64().unwrap() as i64 - DAY, row["duration"].is_number())).collect()
}

#[test]
fn a_connection_belongs_to_its_opening() {
    let (client, mut log) = (("203.0.113.7", 4000), Log::default());
    // Opened before, in and behind the hour; each ends in the next one. The last one's opening is not in the evidence.
    for (id, at) in [("1", 3599), ("2", 3600), ("3", 7199), ("4", 7200)] {
        log.built(DAY + at, "inbound", id, client, HOST);
    }
    for (id, at, duration) in
        [("1", 3601, "0:00:02"), ("2", 7300, "1:01:40"), ("3", 7301, "0:01:42"), ("4", 7302, "0:01:42")]
    {
        log.ended(DAY + at, id, client, HOST, duration, "700");
    }
    log.ended(DAY + 7400, "5", client, HOST, "0:10:00", "700").ended(DAY + 7500, "6", client, HOST, "0:01:00", "700");
    let place = Place::with("some.log", &log.text);
    let hour = ["--since", "2003-03-04 01:00", "--until", "2003-03-04T02:00:00Z"];
    assert_eq!(opened(&place, &hour), [(3600, true), (6799, true), (7199, true)]);
    assert_eq!(opened(&place, &["--until", "2003-03-04 01:00"]), [(3599, true)]);
    assert_eq!(opened(&place, &["--since", "2003-03-04 02:00"]), [(7200, true), (7439, true)]);
    assert_eq!(opened(&place, &["--since", "2003-03-04", "--until", "2003-03-05"]).len(), 6);
    let tokyo = ["--timezone", "Asia/Tokyo", "--since", "2003-03-04 10:00", "--until", "2003-03-04 11:00"];
    let limit = &place.report(&[&tokyo[..], &["some.log"]].concat())["limits"][0];
    assert!(limit.as_str().unwrap().contains("opened from 2003-03-04T01:00:00Z on and before 2003-03-04T02:00:00Z"));
}

#[test]
fn only_the_hosts_that_are_named_are_judged() {
    let mut log = Log::default();
    log.relay(DAY, 40).out(DAY + 3600, "10.0.0.5");
    // Between two of ours: one record, told for its originator unless only the other is asked for.
    log.line(
        DAY + 3700,
        "%PIX-6-302013: Built outbound TCP connection 900 for inside:10.0.0.5/99 (10.0.0.5/99) to inside:10.0.0.66/22 \
         (10.0.0.66/22)",
    );
    let place = Place::with("some.log", &log.text);
    let rows = |host: &str| opened(&place, &["--host", host]).len();
    assert_eq!((rows("10.0.0.66"), rows("10.0.0.5"), rows("10.0.0.5,10.0.0.66"), rows("10.0.0.0/24")), (81, 2, 82, 82));
    let report = place.report(&["--host", "10.0.0.66", "some.log"]);
    assert_eq!(report["incidents"][0]["host"], "10.0.0.66");
    assert!(report["limits"][0].as_str().unwrap().contains("restricted by its options to connections of 10.0.0.66:"));
    assert_eq!(place.report(&["--host", "10.0.0.5", "some.log"])["incidents"].as_array().unwrap().len(), 0);
    let nobody = place.scan(&["--host", "10.0.0.200", "some.log"]);
    assert_eq!(nobody.status, Some(0));
    assert!(
        nobody.err.contains("Nothing in the evidence is what was asked for: connections of 10.0.0.200"),
        "{}",
        nobody.err
    );
}

#[test]
fn who_asks_for_a_public_address_is_told_that_it_is_no_host_of_ours() {
    let place = Place::with("relay.log", relay_log());
    let said = place.scan(&["relay.log", "--host", "192.0.2.10"]);
    let title = "192.0.2.10 is not one of the network's own addresses\n";
    assert!(said.out.starts_with(title) && !said.out.contains("No relay was found"), "{}", said.out);
    assert!(
        said.err.contains("catspaw trace 192.0.2.10 --at TIME EVIDENCE; --host with that one's address"),
        "{}",
        said.err
    );
    // One that is ours and silent is none of these.
    let silent = place.scan(&["relay.log", "--host", "10.0.0.200"]);
    assert!(silent.out.starts_with("No relay was found\n"), "{}", silent.out);
    let both = place.scan(&["relay.log", "--host", "192.0.2.10,10.0.0.200"]);
    assert!(
        both.out.starts_with("No relay was found\n") && both.err.contains("catspaw trace 192.0.2.10"),
        "{}",
        both.err
    );
    let redacted = place.scan(&["relay.log", "--host", "192.0.2.10", "--redact"]);
    assert!(!(redacted.out + &redacted.err).contains("192.0.2.10"));
}

/// The relay behind NAT.
fn translated() -> Place {
    Place::with("relay.log", relay_log().replace("(10.0.0.66/", "(192.0.2.10/"))
}

#[test]
fn who_asks_for_a_public_address_is_told_whose_it_is() {
    let place = translated();
    let err = place.scan(&["relay.log", "--host", "192.0.2.10"]).err;
    let says = "192.0.2.10 is not one of the network's own addresses in this evidence: --host takes a host's address inside of NAT. Seen \
                outside as 192.0.2.10 was 10.0.0.66: --host 10.0.0.66 looks at that one.";
    assert!(err.contains(says), "{err}");
    let network = place.scan(&["relay.log", "--host", "192.0.2.0/24"]);
    let title = "192.0.2.0/24 has none of the network's own addresses\n";
    assert!(network.out.starts_with(title) && !network.out.contains("No relay was found"), "{}", network.out);
    assert!(network.err.contains("Seen outside as 192.0.2.0/24 was 10.0.0.66: --host 10.0.0.66"), "{}", network.err);
    // A network that has one of ours among others is none of these.
    assert_eq!(place.scan(&["relay.log", "--host", "0.0.0.0/0"]).status, Some(1));
}

#[test]
fn a_declaration_of_an_address_outside_is_said_to_match_nothing() {
    let place = translated();
    let declared = |host: &str| {
        place.write("catspaw.toml", format!("[[authorised]]\nhost = {host:?}\nreason = \"x\"\n"));
        place.scan(&["--config", "catspaw.toml", "relay.log"]).err
    };
    let says = "[[authorised]] host = \"192.0.2.10\" matches nothing: it is an address outside, of 10.0.0.66.";
    assert!(declared("192.0.2.10").contains(says), "{}", declared("192.0.2.10"));
    // Neither a host's own, nor one that was not seen: it may be another day's.
    assert_eq!((declared("10.0.0.66"), declared("192.0.2.99")), (String::new(), String::new()));
}

#[test]
fn a_declared_host_that_is_not_asked_for_is_not_said_to_be_unseen() {
    let place = Place::with("some.log", relay_log());
    place.write("catspaw.toml", "host = [\"10.0.0.5\"]\n[[authorised]]\nhost = \"10.0.0.66\"\nreason = \"x\"\n");
    let report = place.report(&["--config", "catspaw.toml", "some.log"]);
    assert_eq!(report["authorised"].as_array().unwrap().len(), 0);
    let report = place.report(&["--config", "catspaw.toml", "--host", "10.0.0.66", "some.log"]);
    assert_eq!(report["authorised"][0]["counts"]["relayed"], 40);
}

#[test]
fn ports_show_who_asked_and_what_the_host_did_next() {
    let (mut log, client) = (Log::default(), ("203.0.113.9", 5000));
    log.relay(DAY, 40).out(DAY + 3600, "10.0.0.5");
    log.built(DAY + 3600, "inbound", "901", client, ("10.0.0.66", 80));
    log.ended(DAY + 3601, "901", client, ("10.0.0.66", 80), "0:00:01", "300");
    log.ended(DAY + 3700, "902", client, ("10.0.0.66", 443), "0:00:05", "300");
    let place = Place::with("some.log", &log.text);
    // Forty sessions, and the forty connections that the host opened; not its web server, not the other host.
    let rows = place.connections(&["--ports", "1180-1185,3128", "some.log"]);
    assert_eq!(rows.len(), 80);
    assert!(rows.iter().all(|row| row["id.resp_p"] == 1182 || row["id.orig_h"] == "10.0.0.66"));
    let report = place.report(&["--ports", "1180-1185,3128", "some.log"]);
    assert_eq!(report["incidents"][0]["counts"]["inbound_attempts"], 40);
    assert!(report["limits"][0].as_str().unwrap().contains("that came in at 1180-1185, 3128, or that the hosts asked"));
    // Asked for another port, nobody is accused of this one.
    assert_eq!(place.report(&["--ports", "80", "some.log"])["incidents"].as_array().unwrap().len(), 0);
    assert_eq!(place.report(&["--ports", "8080", "some.log"])["incidents"].as_array().unwrap().len(), 0);
}

#[test]
fn what_is_not_looked_at_accuses_nobody() {
    // It hands on to one server of mail after the other what comes in at 1080.
    let mut log = Log::default();
    let own = "10.0.0.66";
    for n in 0..60 {
        let (at, bytes, port) = (DAY + 20 * n, 3000 + 7919 * (n * n + 3) % 60_000, 30_000 + n as u16);
        let server = format!("198.51.{n}.25");
        let (client, target) = (("203.0.113.7", port), (server.as_str(), 25));
        log.line(
            at,
            &format!(
                "%PIX-6-305011: Built dynamic TCP translation from inside:{own}/{port} to outside:192.0.2.10/{port}"
            ),
        );
        log.built(at, "inbound", &format!("1{n:03}"), client, (own, 1080));
        log.built(at + 1, "outbound", &format!("2{n:03}"), target, (own, port));
        log.ended(at + 10, &format!("2{n:03}"), target, (own, port), "0:00:09", &bytes.to_string());
        log.ended(at + 10, &format!("1{n:03}"), client, (own, 1080), "0:00:10", &(bytes + 26).to_string());
    }
    let admin = ("203.0.113.80", 50_000);
    log.built(DAY + 1200, "inbound", "3000", admin, (own, 22));
    log.ended(DAY + 1260, "3000", admin, (own, 22), "0:01:00", "5000");
    let place = Place::with("some.log", &log.text);
    assert_eq!(place.report(&["some.log"])["incidents"][0]["verdict"], "relay");
    // Nobody was asked there, whatever was translated.
    assert_eq!(place.report(&["--ports", "9999", "some.log"])["incidents"].as_array().unwrap().len(), 0);
    assert!(place.connections(&["--ports", "9999", "some.log"]).is_empty());
    // It was asked there, and nobody looked whence its mail is.
    let told = &place.report(&["--ports", "22", "some.log"])["incidents"][0];
    assert_eq!((&told["verdict"], &told["topology"]), (&"suspect".into(), &"direct".into()));
    assert!(told["why"].to_string().contains("Scan without --ports to know"), "{}", told["why"]);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let place = Place::with("some.log", relay_log());
    for (options, says) in [
        (&["--since", "yesterday"][..], "--since \"yesterday\" is none: a moment is 2003-03-04T16:05:00Z, 2003-03-04"),
        (&["--since", "2003-03-05", "--until", "2003-03-04"], "--until is not after --since"),
        (&["--host", "gateway"], "--host gateway: no address and no network"),
        (&["--ports", "1185-1180"], "--ports 1185-1180: no port and no range"),
        (&["--ports", "0"], "--ports 0: no port"),
        (&["--ports", "25,"], "--ports : no port"),
    ] {
        let said = place.scan(&[options, &["some.log"]].concat());
        assert!(said.failed().contains(says), "{options:?}: {}", said.err);
    }
}
