//! Zeek logs that are not whole.

use catspaw_lab::{Relay, Scenario, ZeekConn};

use crate::run::Place;

pub(crate) fn conn_log() -> String {
    let relays = vec![Relay::socks(0, 60)];
    let scenario = Scenario { seed: 5, hours: 2, hosts: 4, relays, ..Scenario::example() };
    let mut log = Vec::new();
    catspaw_lab::run(&scenario, &mut ZeekConn::new(&mut log, scenario.begin())).unwrap();
    String::from_utf8(log).unwrap()
}

fn header(log: &str) -> String {
    log.lines().take_while(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_part_without_its_header_has_that_of_another_part() {
    let whole = conn_log();
    let middle = whole.len() / 2 + whole[whole.len() / 2..].find('\n').unwrap() + 1;
    let place = Place::with("whole.log", &whole);
    place.write("2.log", &whole[..middle]);
    place.write("1.log", &whole[middle..]);
    let counts = |options: &[&str]| -> Vec<serde_json::Value> {
        let report = place.report(options);
        report["incidents"].as_array().unwrap().iter().map(|incident| incident["counts"].clone()).collect()
    };
    assert_eq!(counts(&["1.log", "2.log"]), counts(&["whole.log"]));
    assert!(place.scan(&["1.log"]).failed().contains("without the #fields line"));
}

#[test]
fn a_header_alone_is_no_evidence() {
    let place = Place::with("conn.log", header(&conn_log()));
    assert!(place.scan(&["conn.log"]).failed().contains("no evidence: no file gave a record"));
}

#[test]
fn lines_without_a_header_are_named_for_what_they_lack() {
    let log = conn_log();
    let place = Place::with("conn.log", &log[header(&log).len()..]);
    let said = place.scan(&["conn.log"]);
    assert!(said.failed().contains("error: conn.log: no evidence: lines of Zeek's conn.log without the #fields line"));
}

#[test]
fn a_log_that_was_sorted_with_its_header_is_named_so() {
    let log = conn_log();
    let mut lines: Vec<&str> = log.lines().collect();
    lines.sort_unstable();
    let place = Place::with("conn.log", lines.join("\n") + "\n");
    let said = place.scan(&["conn.log"]);
    assert!(
        said.failed().contains("no #fields line behind #separator: was the log sorted with its header?"),
        "{}",
        said.err
    );
}

#[test]
fn a_missing_column_is_named() {
    let log = conn_log().replacen("\tid.resp_p\t", "\tsomething\t", 1);
    let place = Place::with("conn.log", log);
    let said = place.scan(&["conn.log"]);
    assert!(said.failed().contains("#fields has no id.resp_p"), "{}", said.err);
}

#[test]
fn a_log_cut_off_within_a_line_is_read_up_to_there() {
    let log = conn_log();
    let lines: Vec<&str> = log.lines().filter(|line| !line.starts_with('#')).collect();
    let last = lines[lines.len() / 2];
    let end = log.find(last).unwrap() + last.len() / 2;
    let place = Place::with("conn.log", &log[..end]);
    let report = place.report(&["conn.log"]);
    assert_eq!(report["evidence"][0]["records"], lines.len() / 2);
    assert_eq!(report["unparsed"][0]["count"], 1);
    assert_eq!(report["incidents"][0]["verdict"], "relay");
    let whole = log.lines().count() - usize::from(log.contains("#close"));
    assert_eq!(report["unparsed"][0]["line"], whole - lines.len() + lines.len() / 2 + 1);
}

#[test]
fn logs_that_were_joined_are_read_with_the_header_of_each() {
    let log = conn_log();
    let place = Place::with("conn.log", format!("{log}{}#path\tdns\n#fields\tts\tuid\n1.0\tX\n", header(&log)));
    let report = place.report(&["conn.log"]);
    assert_eq!(report["evidence"][0]["skipped"], 1);
    assert_eq!(report["unparsed"].as_array().unwrap().len(), 0);
}

#[test]
fn absurd_fields_are_refused_or_borne() {
    let log = conn_log();
    let fields = "#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\t\
                  duration\torig_bytes\tresp_bytes\tconn_state\n";
    let mut dirty = log.clone() + fields;
    for (ts, duration, bytes) in [
        ("-5.0", "1.0", "10"),
        ("1e30", "1.0", "10"),
        ("nan", "1.0", "10"),
        ("99999999999999999999.0", "1.0", "10"),
        ("1046714418.0", "-1.0", "10"),
        ("1046714418.0", "1e300", "10"),
        ("1046714418.0", "9223372036854775807.0", "10"),
        ("1046714418.0", "1.0", "18446744073709551615"),
        ("1046714418.0", "1.0", "18446744073709551616"),
        ("1046714418.0", "1.0", "-1"),
    ] {
        dirty += &format!("{ts}\tC\t172.28.0.1\t3000\t192.0.2.1\t80\ttcp\t{duration}\t{bytes}\t{bytes}\tSF\n");
    }
    let clean = Place::with("conn.log", &log).report(&["conn.log"]);
    let place = Place::with("conn.log", dirty);
    let report = place.report(&["conn.log"]);
    assert_eq!(report["incidents"][0]["counts"], clean["incidents"][0]["counts"]);
    for row in place.connections(&["conn.log"]) {
        assert!(row["ts"].as_f64().unwrap() < 1e10, "{row}");
    }
}
