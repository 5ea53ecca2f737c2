//! A host that is cut off: who kept trying, until when, what that kept open, and whose a denied attempt is.

use serde_json::Value;

use crate::pix::{DAY, Log};
use crate::run::Place;

const HOST: (&str, u16) = ("10.0.0.66", 1182);
const HOUR: i64 = 3600;
/// The sessions of the relay end; nothing is answered any more.
const CUT: i64 = DAY + HOUR;

fn relay() -> Log {
    let mut log = Log::default();
    log.line(DAY, "%PIX-6-305009: Built dynamic translation from inside:10.0.0.66 to outside:192.0.2.10")
        .relay(DAY, 40);
    log
}

/// One attempt every ten minutes from `from` to `to`, by four clients in turn, given up after 2:01.
fn unanswered(log: &mut Log, from: i64, to: i64) {
    let attempts = (from..to).step_by(600);
    for (n, at) in (0..).zip(attempts) {
        let client = format!("203.0.113.{}", 20 + n % 4);
        let (id, peer) = (format!("9{n:03}"), (client.as_str(), 40_000 + n as u16));
        log.built(at, "inbound", &id, peer, HOST);
        let (peer, port) = peer;
        log.line(
            at + 121,
            &format!(
                "%PIX-6-302014: Teardown TCP connection {id} for outside:{peer}/{port} to inside:10.0.0.66/1182 duration \
                 0:02:01 bytes 0 SYN Timeout"
            ),
        );
    }
}

fn torn_down(log: &mut Log, at: i64, life: &str) {
    log.line(
        at,
        &format!(
            "%PIX-6-305010: Teardown dynamic translation from inside:10.0.0.66 to outside:192.0.2.10 duration {life}"
        ),
    );
}

fn denied(log: &mut Log, at: i64, peer: &str, to: &str) {
    log.line(
        at,
        &format!("%PIX-2-106001: Inbound TCP connection denied from {peer} to {to} flags SYN  on interface outside"),
    );
}

/// The one incident of the log.
#[track_caller]
fn incident(log: &Log, options: &[&str], config: &str) -> (Value, Value) {
    let place = Place::with("pix.log", &log.text);
    place.write("catspaw.toml", config);
    let mut report = place.report(&[options, &["--config", "catspaw.toml", "pix.log"]].concat());
    assert_eq!(report["incidents"].as_array().unwrap().len(), 1, "{report}");
    (report["incidents"][0].take(), report)
}

#[test]
fn a_cut_is_told_with_what_its_clients_kept_open() {
    let mut log = relay();
    unanswered(&mut log, CUT, CUT + 4 * HOUR);
    torn_down(&mut log, CUT + 5 * HOUR, "6:00:00");
    // A SYN and its two retries, and another client.
    for at in [0, 3, 9] {
        denied(&mut log, CUT + 6 * HOUR + at, "203.0.113.77/50001", "192.0.2.10/1182");
    }
    denied(&mut log, CUT + 7 * HOUR, "203.0.113.78/50001", "192.0.2.10/1182");
    denied(&mut log, CUT + 7 * HOUR, "203.0.113.78/50002", "192.0.2.10/80");
    log.out(CUT + 8 * HOUR, "10.0.0.5");
    let (incident, report) = incident(&log, &[], "");
    assert_eq!(
        incident["containment"],
        serde_json::json!({
            "at": "2003-03-04T01:00:00Z", "source": "inferred",
            "attempts_after": 26, "clients_after": 6, "last_attempt": "2003-03-04T08:00:00Z", "answered_after": 0,
            "denials_after": 4, "translation_held_until": "2003-03-04T06:00:00Z", "translation_duration": 6 * HOUR,
            "translation_address": "192.0.2.10",
        })
    );
    assert_eq!(incident["public"], serde_json::json!(["192.0.2.10"]));
    let counts = &incident["counts"];
    assert_eq!((&counts["inbound_attempts"], &counts["unanswered_inbound"]), (&66.into(), &26.into()));
    assert_eq!((&incident["daily"][0]["inbound"], &incident["daily"][0]["unanswered"]), (&66.into(), &26.into()));
    let timers = serde_json::json!([{"sensor": "pix", "syn_timeout": 121, "half_closed": null, "idle": null}]);
    assert_eq!(report["timers"], timers);
    let place = Place::with("pix.log", &log.text);
    let text = place.scan(&["pix.log"]).out;
    for part in ["The cut", "26 attempts by 6 clients", "6:00:00 in all"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(place.scan(&["-v", "pix.log"]).out.contains("SYN Timeout 0:02:01"));
}

/// However the log tells of the three packets of one attempt: line by line, by a collector that counts, by an access list
/// that counts.
#[test]
fn a_denial_counts_as_often_as_its_record_says() {
    let at = CUT + 6 * HOUR;
    let ends = ("203.0.113.77/50001", "192.0.2.10/1182");
    let hits = |count: &str| {
        format!(
            "%PIX-6-106100: access-list a denied tcp outside/203.0.113.77(50001) -> inside/192.0.2.10(1182) hit-cnt {count} [0x0, 0x0]"
        )
    };
    let told: [&dyn Fn(&mut Log); 4] = [
        &|log| [0, 3, 9].into_iter().for_each(|after| denied(log, at + after, ends.0, ends.1)),
        &|log| {
            denied(log, at, ends.0, ends.1);
            log.line(at + 60, "last message repeated 2 times");
        },
        &|log| {
            denied(log, at, ends.0, ends.1);
            let mut again = Log::default();
            denied(&mut again, at, ends.0, ends.1);
            let message = again.text[again.text.find('%').unwrap()..].trim_end().to_owned();
            log.line(at + 9, &format!("message repeated 2 times: [ {message}]"));
        },
        &|log| {
            log.line(at, &hits("1 first hit"));
            log.line(at + 300, &hits("2 300-second interval"));
        },
    ];
    for (number, told) in told.into_iter().enumerate() {
        let mut log = relay();
        unanswered(&mut log, CUT, CUT + 4 * HOUR);
        told(&mut log);
        denied(&mut log, CUT + 7 * HOUR, "203.0.113.78/50001", ends.1);
        let cut = incident(&log, &[], "").0["containment"].take();
        assert_eq!(
            (&cut["attempts_after"], &cut["denials_after"], &cut["last_attempt"]),
            (&26.into(), &4.into(), &"2003-03-04T08:00:00Z".into()),
            "form {number}"
        );
    }
}

#[test]
fn a_service_that_comes_back_was_not_cut_off() {
    let mut log = relay();
    unanswered(&mut log, CUT, CUT + 4 * HOUR);
    let mut later = Log::default();
    later.relay(CUT + 5 * HOUR, 3);
    log.text += &later.text;
    assert_eq!(incident(&log, &[], "").0["containment"], Value::Null);
}

#[test]
fn what_the_owner_declares_is_held_against_the_log() {
    let mut log = relay();
    unanswered(&mut log, CUT, CUT + 2 * HOUR);
    let config = "timezone = \"UTC\"\n[[contained]]\nhost = \"10.0.0.66\"\nat = \"2003-03-04 00:30\"\n";
    let cut = incident(&log, &[], config).0["containment"].take();
    assert_eq!((&cut["at"], &cut["source"]), (&"2003-03-04T00:30:00Z".into(), &"declared".into()));
    // Ten sessions were relayed in spite of it.
    assert_eq!(
        (&cut["attempts_after"], &cut["answered_after"], &cut["clients_after"]),
        (&22.into(), &10.into(), &5.into())
    );
    assert_eq!(cut["translation_held_until"], Value::Null, "it still stands");
}

#[test]
fn a_denied_attempt_at_an_address_of_several_hosts_is_nobodys() {
    let mut log = relay();
    torn_down(&mut log, CUT, "1:00:00");
    let other = "translation from inside:10.0.0.7 to outside:192.0.2.10";
    log.line(CUT + 2 * HOUR, &format!("%PIX-6-305009: Built dynamic {other}"));
    log.line(CUT + 3 * HOUR, &format!("%PIX-6-305010: Teardown dynamic {other} duration 1:00:00"));
    // While the other has it, it is meant; when nobody has it, nobody is known to be.
    denied(&mut log, CUT + 2 * HOUR + 60, "203.0.113.77/50001", "192.0.2.10/1182");
    denied(&mut log, CUT + 4 * HOUR, "203.0.113.77/50002", "192.0.2.10/1182");
    let (incident, report) = incident(&log, &[], "");
    assert_eq!(
        (&incident["counts"]["inbound_attempts"], &incident["counts"]["unanswered_inbound"]),
        (&40.into(), &0.into())
    );
    let limits = report["limits"].as_array().unwrap();
    assert!(limits.iter().any(|limit| limit.as_str().unwrap().starts_with("1 denied attempt ")), "{limits:?}");
}

#[test]
fn an_answer_after_a_denial_is_one_attempt_and_answered() {
    let mut log = Log::default();
    denied(&mut log, DAY - 3, "203.0.113.7/30000", "192.0.2.10/1182");
    log.text += &relay().text;
    let counts = incident(&log, &[], "").0["counts"].take();
    assert_eq!((&counts["inbound_attempts"], &counts["inbound_established"]), (&40.into(), &40.into()));
}

#[test]
fn the_firewall_tells_of_the_cut_where_another_witness_is_believed_for_the_rest() {
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let [pix, zeek] = ["case-2003", "case-2003-zeek"].map(|name| examples.join(name).to_str().unwrap().to_owned());
    let told = |evidence: &[&str]| {
        let said = Place::new().scan(&[evidence, &["--year", "2003", "--format", "json"]].concat());
        let report: Value = serde_json::from_str(&said.out).unwrap();
        let of_host = |incident: &&Value| incident["host"] == "172.28.220.85";
        report["incidents"].as_array().unwrap().iter().find(of_host).unwrap().clone()
    };
    let [alone, both, other] = [told(&[&pix]), told(&[&pix, &zeek]), told(&[&zeek])];
    let cut = &alone["containment"];
    assert!(cut["denials_after"].as_u64() > Some(0) && cut["translation_held_until"].is_string(), "{alone}");
    assert_eq!((&both["containment"], &other["containment"]["denials_after"]), (cut, &0.into()));
    // Numbers of two sensors are not added.
    let asked =
        |incident: &Value| ["inbound_attempts", "unanswered_inbound"].map(|key| incident["counts"][key].clone());
    assert_eq!(asked(&both), asked(&other), "{both}");
}
