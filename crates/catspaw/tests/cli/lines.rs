//! Lines that are broken, doubled, out of place, or say absurd things.

use serde_json::Value;

use crate::pix::{DAY, Log, quiet_log, relay_log};
use crate::run::Place;

const PEER: (&str, u16) = ("192.0.2.80", 80);
const OWN: (&str, u16) = ("10.0.0.5", 3000);

/// The counts of the one incident of [`relay_log`].
fn counts(report: &Value) -> &Value {
    assert_eq!(report["incidents"][0]["host"], "10.0.0.66", "{report}");
    &report["incidents"][0]["counts"]
}

fn unparsed(report: &Value) -> Vec<(u64, u64, &str)> {
    let lines = report["unparsed"].as_array().unwrap().iter();
    lines.map(|u| (u["line"].as_u64().unwrap(), u["count"].as_u64().unwrap(), u["why"].as_str().unwrap())).collect()
}

#[test]
fn a_line_of_ten_megabytes_is_left_out_and_counted() {
    let clean = Place::with("log", relay_log()).report(&["log"]);
    let log = relay_log();
    let half = log[..log.len() / 2].rfind('\n').unwrap() + 1;
    let mut with = log.as_bytes()[..half].to_vec();
    let line = with.iter().filter(|&&byte| byte == b'\n').count() as u64 + 1;
    with.resize(with.len() + (10 << 20), b'x');
    with.push(b'\n');
    with.extend(&log.as_bytes()[half..]);
    let report = Place::with("log", with).report(&["log"]);
    assert_eq!(unparsed(&report), [(line, 1, "line longer than 2 MiB")]);
    assert_eq!(counts(&report), counts(&clean));
    let mut endless = relay_log().into_bytes();
    endless.resize(endless.len() + (10 << 20), b'x');
    let report = Place::with("log", endless).report(&["log"]);
    assert_eq!(counts(&report), counts(&clean), "without a line end, too");
}

#[test]
fn line_ends_of_windows_change_nothing() {
    let clean = Place::with("log", relay_log()).report(&["log"]);
    let report = Place::with("log", relay_log().replace('\n', "\r\n")).report(&["log"]);
    assert_eq!(counts(&report), counts(&clean));
    assert_eq!(unparsed(&report), []);
}

#[test]
fn a_log_full_of_rubbish_still_gives_what_it_holds() {
    let clean = Place::with("log", relay_log()).report(&["log"]);
    let mut dirty = Vec::new();
    for (number, line) in relay_log().lines().enumerate() {
        dirty.extend(line.as_bytes());
        dirty.push(b'\n');
        match number % 4 {
            0 => dirty.extend(b"\0\0\0\0\0\n"),
            1 => dirty.extend(&line.as_bytes()[..line.len() * 2 / 3]),
            2 => dirty.extend(b"\xff\xfe%PIX-6-302013: \xc3\x28\n"),
            _ => dirty.extend(b"\n\n"),
        }
        dirty.push(b'\n');
    }
    let report = Place::with("log", dirty).report(&["log"]);
    assert_eq!(counts(&report), counts(&clean));
    assert!(unparsed(&report).iter().map(|&(_, count, _)| count).sum::<u64>() >= 60, "{}", report["unparsed"]);
}

#[test]
fn the_report_shows_where_lines_were_not_understood() {
    let mut log = quiet_log();
    log += "Mar 04 2003 01:00:00 pix : %PIX-6-302014: Teardown TCP connection 5 for outside:192.0.2.80/80 to ";
    log += "inside:10.0.0.5/3000 duration soon bytes 5 TCP FINs\n";
    let place = Place::with("pix.log", log);
    assert!(place.scan(&["pix.log"]).out.contains("pix.log:81: "), "{}", place.scan(&["pix.log"]).out);
}

#[test]
fn lines_twice_and_two_collectors_count_once() {
    let clean = Place::with("log", relay_log()).report(&["log"]);
    let doubled: String = relay_log().lines().map(|line| format!("{line}\n{line}\n")).collect();
    let report = Place::with("log", doubled).report(&["log"]);
    assert_eq!(report["evidence"][0]["duplicates"], 160);
    assert_eq!(counts(&report), counts(&clean));
    let place = Place::with("one.log", relay_log());
    let other: String = relay_log().lines().map(|l| format!("<166>Mar  4 09:00:00 collector {l}\n")).collect();
    place.write("other.log", other);
    let report = place.report(&["one.log", "other.log"]);
    assert_eq!(counts(&report), counts(&clean));
    let duplicates: u64 =
        report["evidence"].as_array().unwrap().iter().map(|e| e["duplicates"].as_u64().unwrap()).sum();
    assert_eq!(duplicates, 160);
}

#[test]
fn a_teardown_before_its_opening_and_a_second_one_make_no_third_connection() {
    let mut log = Log::default();
    log.ended(DAY, "7", PEER, OWN, "0:00:05", "700");
    log.built(DAY + 60, "outbound", "8", PEER, OWN).ended(DAY + 61, "8", PEER, OWN, "0:00:01", "700");
    log.ended(DAY + 62, "8", PEER, OWN, "0:00:02", "700");
    let rows = Place::with("log", log.text).connections(&["log"]);
    assert_eq!(rows.len(), 3, "one without its opening, one whole, and what the second teardown says");
    assert_eq!(rows.iter().find(|row| row["place"] == "2,3").unwrap()["duration"], 1.0);
}

#[test]
fn a_number_that_is_used_again_is_another_connection() {
    let other = ("198.51.100.7", 80);
    let mut log = Log::default();
    log.built(DAY, "outbound", "7", PEER, OWN).built(DAY + 10, "outbound", "7", other, OWN);
    log.ended(DAY + 11, "7", other, OWN, "0:00:01", "700");
    let rows = Place::with("log", log.text).connections(&["log"]);
    let of = |peer: &str| rows.iter().find(|row| row["id.resp_h"] == peer).unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(of("192.0.2.80")["bytes"], Value::Null, "its end was not logged");
    assert_eq!(of("198.51.100.7")["bytes"], 700);
}

#[test]
fn tcp_and_udp_do_not_share_their_numbers() {
    let mut log = Log::default();
    log.built(DAY, "outbound", "7", PEER, OWN);
    log.line(
        DAY,
        "%PIX-6-302015: Built outbound UDP connection 7 for outside:192.0.2.53/53 (192.0.2.53/53) to \
         inside:10.0.0.5/4000 (10.0.0.5/4000)",
    );
    log.line(
        DAY + 1,
        "%PIX-6-302016: Teardown UDP connection 7 for outside:192.0.2.53/53 to inside:10.0.0.5/4000 duration 0:00:01 \
         bytes 99",
    );
    log.ended(DAY + 5, "7", PEER, OWN, "0:00:05", "700");
    let rows = Place::with("log", log.text).connections(&["log"]);
    let of = |proto: &str| rows.iter().filter(|row| row["proto"] == proto).collect::<Vec<_>>();
    assert_eq!(of("udp")[0]["bytes"], 99, "{rows:?}");
    assert_eq!((of("tcp").len(), of("udp").len()), (1, 1), "{rows:?}");
    assert_eq!(of("tcp")[0]["bytes"], 700);
}

#[test]
fn absurd_numbers_are_refused_or_borne() {
    for (id, duration, bytes) in [
        ("18446744073709551616", "0:00:01", "700"),
        ("99999999999999999999999999", "0:00:01", "700"),
        ("-1", "0:00:01", "700"),
        ("7", "-1:00:01", "700"),
        ("7", "999999999999:59:59", "700"),
        ("7", "9223372036854775807:00:00", "700"),
        ("7", "0:99:99", "700"),
        ("7", "0:00:01", "-700"),
        ("7", "0:00:01", "9223372036854775808"),
        ("7", "0:00:01", "18446744073709551615"),
        ("7", "0:00:01", "18446744073709551616"),
        ("7", "0:00:01", "1e9"),
        ("7", "0:00:01", ""),
    ] {
        let mut log = Log::default();
        log.built(DAY, "inbound", id, ("203.0.113.7", 4000), ("10.0.0.66", 1182));
        log.ended(DAY + 1, id, ("203.0.113.7", 4000), ("10.0.0.66", 1182), duration, bytes);
        log.ended(DAY + 1, "12", PEER, ("10.0.0.67", 3000), duration, bytes);
        log.relay(DAY + 60, 40);
        let place = Place::with("log", log.text);
        let report = place.report(&["log"]);
        assert_eq!(counts(&report)["relayed"], 40, "{id} {duration} {bytes}");
        for row in place.connections(&["log"]) {
            let seconds = row["duration"].as_f64().unwrap_or(0.0);
            assert!((0.0..1e10).contains(&seconds), "{row}");
        }
    }
}

#[test]
fn sums_of_absurd_numbers_do_not_overflow() {
    let mut log = Log::default();
    log.relay(DAY, 40);
    let (client, host, target) = (("203.0.113.7", 4000), ("10.0.0.66", 1182), ("198.51.100.25", 25));
    for n in 0..10 {
        let (at, inbound, outbound) = (DAY + 3000 + 60 * n, format!("9{n}"), format!("8{n}"));
        let own = ("10.0.0.66", 5000 + n as u16);
        log.built(at, "inbound", &inbound, client, host).built(at, "outbound", &outbound, target, own);
        log.ended(at + 5, &outbound, target, own, "0:00:05", "18446744073709551615");
        log.ended(at + 5, &inbound, client, host, "0:00:05", "18446744073709551615");
    }
    let place = Place::with("log", log.text);
    let report = place.report(&["log"]);
    assert_eq!(report["incidents"][0]["verdict"], "relay");
    assert!(report["incidents"][0]["counts"]["bytes_relayed"].as_u64().is_some());
    assert_eq!(place.scan(&["log"]).status, Some(1), "as text, too");
}

#[test]
fn a_port_that_cannot_be_is_not_understood() {
    let mut log = Log::default();
    log.out(DAY, "10.0.0.5");
    log.line(
        DAY,
        "%PIX-6-302013: Built outbound TCP connection 9 for outside:192.0.2.80/65536 (192.0.2.80/65536) to \
         inside:10.0.0.5/70000 (10.0.0.5/70000)",
    );
    let report = Place::with("log", log.text).report(&["log"]);
    assert_eq!(unparsed(&report).len(), 1, "{}", report["unparsed"]);
}

/// A device whose configuration has names for addresses writes these in its log.
#[test]
fn names_for_addresses_are_refused_unless_the_configuration_is_given() {
    let clean = Place::with("log", relay_log()).report(&["log"]);
    let named = relay_log().replace(":10.0.0.66/", ":proxied/").replace("(10.0.0.66/", "(proxied/");
    let place = Place::with("log", &named);
    place.write("fw.conf", "hostname fw\nnames\nname 10.0.0.66 proxied description a PC\nname 10.0.0.67 other\n");
    place.write("catspaw.toml", "names = \"fw.conf\"\n");
    for options in [["--names", "fw.conf", "log"], ["--config", "catspaw.toml", "log"]] {
        let report = place.report(&options);
        assert_eq!(counts(&report), counts(&clean));
        assert_eq!(unparsed(&report), []);
    }
    place.write("quiet", quiet_log());
    let report = place.report(&["log", "quiet"]);
    assert_eq!(report["incidents"], serde_json::json!([]), "a name is nobody's address");
    let why = "no address (a name? --names FILE says whose)";
    assert_eq!(unparsed(&report), [(1, 80, why), (3, 80, why)]);
    place.write("fw.conf", "hostname fw\n");
    let says = "error: --names fw.conf: no line of it is a `name ADDRESS NAME` command";
    assert!(place.scan(&["--names", "fw.conf", "log"]).failed().starts_with(says));
    place.write("fw.conf", "hostname fw\nname 10.0.0.300 mail\n");
    let says = "error: --names fw.conf:2:6: a `name` command whose address is none, and no other names anything";
    assert!(place.scan(&["--names", "fw.conf", "log"]).failed().starts_with(says));
    assert!(
        place.scan(&["--names", "none.conf", "log"]).failed().starts_with("error: --names none.conf: cannot be read")
    );
    assert!(place.scan(&["--names", "none.conf", "log"]).failed().contains("none.conf: cannot be read"));
}
