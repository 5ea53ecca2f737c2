//! A collector's file that begins with what other programs said.

use std::fmt::Write as _;

use serde_json::Value;

use crate::files::gzip;
use crate::pix::relay_log;
use crate::run::Place;

/// Half a minute's lines of a host that starts, again and again, of so many bytes.
pub(crate) fn programs(bytes: usize) -> String {
    let mut lines = String::new();
    for n in 0.. {
        _ = writeln!(lines, "Mar  4 00:00:{:02} web1 systemd[1]: Started Session {n} of User root.", n / 2 % 30);
        if lines.len() > bytes {
            break;
        }
    }
    lines
}

/// What a report says beside the names of files, the bytes in them, and the text of records.
fn without_names(mut report: Value) -> Value {
    for key in ["evidence", "unparsed"] {
        for entry in report[key].as_array_mut().unwrap() {
            (entry["path"], entry["bytes"]) = (Value::Null, Value::Null);
        }
    }
    for example in report["incidents"][0]["examples"].as_array_mut().unwrap() {
        (example["path"], example["text"]) = (Value::Null, Value::Null);
    }
    report
}

#[test]
fn a_log_is_found_behind_whatever_other_programs_said_before() {
    let clean = Place::with("log", relay_log()).report(&["log"]);
    // Within the second piece that is looked at, within the first block, and some blocks on.
    for bytes in [80_000, 500_000, 2_500_000] {
        let before = programs(bytes) + "what is this\n" + &programs(50_000);
        let place = Place::with("log", before.clone() + &relay_log());
        let report = place.report(&["log"]);
        assert_eq!(report["incidents"][0]["counts"], clean["incidents"][0]["counts"]);
        let format = &report["evidence"][0]["format"];
        assert_eq!(format, "cisco-syslog");
        let programs = report["evidence"].as_array().unwrap().iter().find(|row| row["sensor"] == "other programs");
        assert_eq!(programs.unwrap()["skipped"], before.lines().count() - 1);
        let unknown = &report["unparsed"][0];
        let place_of = before.lines().position(|line| line == "what is this").unwrap() + 1;
        assert_eq!((&unknown["line"], &unknown["count"]), (&place_of.into(), &1.into()), "{bytes}");
        assert_eq!(report["unparsed"].as_array().unwrap().len(), 1);

        place.write("log.gz", gzip((before.clone() + &relay_log()).as_bytes()));
        assert_eq!(without_names(place.report(&["log.gz"])), without_names(report.clone()));
        let said = place.scan_input(&["-", "--format", "json"], (before + &relay_log()).as_bytes());
        let piped: Value = serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {said:?}"));
        assert_eq!(without_names(piped), without_names(report), "{bytes}");
    }
}

#[test]
fn a_part_of_a_log_in_which_a_firewall_says_little_counts_as_in_the_whole() {
    let log = relay_log();
    let (first, second) = log.split_at(log[..log.len() / 2].rfind('\n').unwrap() + 1);
    let place = Place::with("log.1", first);
    place.write("log", programs(200_000).replace("Mar  4", "Mar 04 2003") + second);
    let report = place.report(&["log.1", "log"]);
    let clean = Place::with("log", log.clone()).report(&["log"]);
    assert_eq!(report["incidents"][0]["counts"], clean["incidents"][0]["counts"]);
}

#[test]
fn a_file_of_nothing_but_other_programs_lines_is_no_evidence() {
    for bytes in [1_000, 1_500_000] {
        let place = Place::with("in/syslog", programs(bytes));
        let says = "no evidence: lines of other programs, and none of a firewall that is read (docs/logs.md) or of Zeek among them";
        assert!(place.scan(&["in/syslog"]).failed().contains(&format!("error: in/syslog: {says}")));
        assert!(place.scan_input(&["-"], programs(bytes).as_bytes()).failed().contains(says));
        place.write("in/pix.log", relay_log());
        let said = place.scan(&["in"]);
        assert_eq!((said.status, said.err), (Some(1), format!("warning: in/syslog: {says}\n")));
    }
}

#[test]
fn a_line_of_another_kind_of_firewall_tells_as_well() {
    let fortigate = "date=2003-03-04 time=16:05:01 devname=\"fgt\" devid=\"FG1\" logid=\"0000000013\" type=\"traffic\" \
        vd=\"root\" srcip=10.0.0.6 srcport=2007 dstip=198.51.100.7 dstport=25 sessionid=1 proto=6 action=\"close\" \
        duration=22 sentbyte=2764 rcvdbyte=1068 sentpkt=18 rcvdpkt=16\n";
    let zeek = "Mar  4 16:05:03 sensor zeek_conn: {\"ts\":1046793903.5,\"id.orig_h\":\"10.0.0.7\",\"id.orig_p\":1,\
        \"id.resp_h\":\"198.51.100.7\",\"id.resp_p\":25,\"proto\":\"tcp\",\"conn_state\":\"SF\",\"duration\":1.5}\n";
    for (line, format) in [(fortigate, "fortigate"), (zeek, "zeek-conn")] {
        let report = Place::with("log", programs(100_000) + line).report(&["log"]);
        let rows = report["evidence"].as_array().unwrap();
        assert!(rows.iter().all(|row| row["format"] == format), "{rows:?}");
        assert_eq!(rows.iter().map(|row| row["records"].as_u64().unwrap()).sum::<u64>(), 1);
        assert_eq!(report["unparsed"], serde_json::json!([]));
    }
}

#[test]
fn what_syslogd_writes_of_itself_is_known_and_lost_messages_are_a_warning() {
    let log = relay_log();
    let (first, second) = log.split_at(log[..log.len() / 2].rfind('\n').unwrap() + 1);
    let own = "Mar  4 00:20:00 loghost -- MARK --\nMar  4 00:20:00 loghost exiting on signal 15\n\
               Mar  4 00:20:01 loghost syslogd 1.4.1: restart.\n";
    let lost = "Mar  4 00:20:01 loghost rsyslogd: imuxsock begins to drop messages from pid 8 due to rate-limiting\n\
                Mar  4 00:20:02 loghost rsyslogd-2177: imuxsock lost 88 messages from pid 8 due to rate-limiting\n";
    let place = Place::with("log", [first, own, second].concat());
    let said = place.scan(&["log", "--format", "json"]);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.err.as_str(), &report["unparsed"]), ("", &serde_json::json!([])));
    let line = first.lines().count() + 4;
    let says = format!(
        "warning: log says (first in line {line}) that messages were dropped before they came to it, 88 of them by its count. What they told"
    );
    place.write("log", [first, own, lost, second].concat());
    let err = place.scan(&["log"]).err;
    assert!(err.starts_with(&says), "{err}");
    let early = programs(1_500_000) + lost + &log;
    let piped = place.scan_input(&["-"], early.as_bytes()).err;
    assert!(piped.contains("that messages were dropped before they came to it, 88 of them by its count"), "{piped}");
}
