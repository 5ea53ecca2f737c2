//! Several devices, whose clocks are apart.

use serde_json::Value;

use crate::pix::{DAY, Log};
use crate::run::Place;

const HOUR: i64 = 3600;

/// What `border` wrote of a quiet host's connections, and of more of its own than `dorm` has in all.
fn border(shift: impl Fn(i64) -> i64) -> String {
    let mut log = Log::default();
    shared(&mut log, 40, shift);
    for n in 0..150 {
        log.out(DAY + 5 * HOUR + 20 * n, "10.0.0.7");
    }
    log.text.replace(" pix : ", " border : ")
}

/// What `dorm` wrote of the same connections, and of a relay behind it that nobody else saw.
fn dorm(shift: impl Fn(i64) -> i64) -> String {
    let mut log = Log::default();
    shared(&mut log, 40, &shift);
    log.relay(shift(DAY + 23 * HOUR + 10 * 60), 40);
    log.text.replace(" pix : ", " dorm : ")
}

/// One connection every five minutes, each from a port of its own.
fn shared(log: &mut Log, connections: i64, shift: impl Fn(i64) -> i64) {
    for n in 0..connections {
        log.out(shift(DAY + HOUR + 300 * n), "10.0.0.5");
    }
}

fn two(border: &str, dorm: &str) -> Place {
    let place = Place::with("border.log", border);
    place.write("dorm.log", dorm);
    place
}

fn offsets(report: &Value) -> Vec<(String, f64)> {
    let rows = report["evidence"].as_array().unwrap().iter();
    let mut rows: Vec<_> =
        rows.map(|e| (e["sensor"].as_str().unwrap().to_owned(), e["clock_offset"].as_f64().unwrap())).collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    rows
}

fn incident(report: &Value) -> &Value {
    assert_eq!(report["incidents"].as_array().unwrap().len(), 1, "{report}");
    &report["incidents"][0]
}

/// What is said of the incident's times, and of those of its pairs.
fn times(place: &Place, evidence: &[&str]) -> (Value, Vec<f64>) {
    let report = place.report(&[evidence, &["--pairs", "pairs.jsonl"]].concat());
    let pairs = place.read("pairs.jsonl");
    let rows = pairs.lines().map(|row| serde_json::from_str::<Value>(row).unwrap());
    (report, rows.map(|row| row["outbound"]["ts"].as_f64().unwrap()).collect())
}

#[test]
fn an_hour_ahead_is_found_corrected_throughout_and_said() {
    let place = two(&border(|at| at), &dorm(|at| at + HOUR));
    let (report, pairs) = times(&place, &["border.log", "dorm.log"]);
    assert_eq!(offsets(&report), [("border".to_owned(), 0.0), ("dorm".to_owned(), 3600.0)]);
    let incident = incident(&report);
    assert_eq!((&incident["host"], &incident["counts"]["relayed"]), (&"10.0.0.66".into(), &40.into()));
    assert_eq!(incident["first_seen"], "2003-03-04T23:10:01Z", "by its own clock that was on the next day");
    assert_eq!(incident["daily"][0]["date"], "2003-03-04");
    assert_eq!(incident["daily"][0]["relayed"], 40);
    assert_eq!(pairs.len(), 40);
    assert!(pairs.iter().all(|&at| (at as i64) < DAY + 24 * HOUR), "{pairs:?}");
    let said = "The clock of dorm is 1:00:00 ahead of that of border, as 40 of 40 connections show that two sensors saw \
                opening (to within 1\u{a0}s); another time zone, or daylight saving on one of them, explains it.";
    assert!(report["limits"].as_array().unwrap().iter().any(|l| l.as_str().unwrap().starts_with(said)), "{report}");
    let why = "All times are by the clock of border; that of dorm, which saw this host, is 1:00:00 ahead of it";
    assert!(incident["why"].as_array().unwrap().iter().any(|w| w.as_str().unwrap().starts_with(why)), "{incident}");
    let dorm = report["evidence"].as_array().unwrap().iter().find(|e| e["sensor"] == "dorm").unwrap();
    assert_eq!((&dorm["first"], &dorm["late"]), (&"2003-03-04T01:00:00Z".into(), &0.into()));
    assert!(!report["limits"].to_string().contains("came later"), "{}", report["limits"]);
    let raw = incident["examples"][0]["text"].as_str().unwrap();
    assert!(raw.starts_with("Mar 05 2003 00:10:0"), "records are shown as they are: {raw}");
    let text = place.scan(&["border.log", "dorm.log", "-q"]).out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("clock corrected by -1:00:00"), "{text}");
}

#[test]
fn clocks_that_agree_or_that_nobody_confirms_stay_as_they_are() {
    for (border, dorm) in [
        (border(|at| at), dorm(|at| at)),
        (border(|at| at), dorm(|at| at + 1)),
        // They share nothing.
        (border(|at| at), Log::default().relay(DAY + 24 * HOUR, 40).text.replace(" pix : ", " dorm : ")),
        // Seven connections are too few.
        (border(|at| at).lines().skip(66).map(|l| format!("{l}\n")).collect(), dorm(|at| at + HOUR)),
    ] {
        let report = two(&border, &dorm).report(&["border.log", "dorm.log"]);
        assert_eq!(offsets(&report), [("border".to_owned(), 0.0), ("dorm".to_owned(), 0.0)]);
        assert_eq!(incident(&report)["counts"]["relayed"], 40);
        assert!(!report["limits"].to_string().contains("The clock"), "{}", report["limits"]);
    }
}

#[test]
fn a_clock_that_was_set_meanwhile_is_told_and_left() {
    let set = |at: i64| if at < DAY + 3 * HOUR { at + HOUR } else { at };
    let report = two(&border(|at| at), &dorm(set)).report(&["border.log", "dorm.log"]);
    assert_eq!(offsets(&report), [("border".to_owned(), 0.0), ("dorm".to_owned(), 0.0)]);
    let limits = report["limits"].to_string();
    assert!(
        limits.contains("The clocks of ") && limits.contains("not always by as much, by 40 connections"),
        "{limits}"
    );
}

#[test]
fn a_clock_that_drifts_is_corrected_by_the_middle() {
    // A second and a half in an hour; eleven minutes behind.
    let report = two(&border(|at| at), &dorm(|at| at - 660 - (at - DAY) / 2400)).report(&["border.log", "dorm.log"]);
    let [_, (_, offset)] = &offsets(&report)[..] else { panic!("{report}") };
    assert!((-664.0..=-660.0).contains(offset), "{offset}");
    assert!(report["limits"].to_string().contains("no time zone explains it"), "{}", report["limits"]);
}

#[test]
fn the_same_whatever_the_order_the_split_and_the_threads() {
    let (border, dorm) = (border(|at| at), dorm(|at| at + HOUR));
    let place = two(&border, &dorm);
    let (first, pairs) = times(&place, &["border.log", "dorm.log"]);
    let half = dorm.lines().count() / 2;
    let part = |lines: &mut dyn Iterator<Item = &str>| lines.map(|line| format!("{line}\n")).collect::<String>();
    place.write("dorm.1", part(&mut dorm.lines().take(half)));
    place.write("dorm.2", part(&mut dorm.lines().skip(half)));
    // A second device that is not to be seen at the beginning of the file.
    place.write("one.log", border.repeat(4) + &dorm);
    for evidence in [
        &["dorm.log", "border.log", "-j", "1"][..],
        &["dorm.2", "border.log", "dorm.1", "-j", "3"],
        &["border.log", "border.log", "dorm.log", "dorm.1"],
        &["one.log"],
    ] {
        let (report, again) = times(&place, evidence);
        assert_eq!(report["incidents"][0]["daily"], first["incidents"][0]["daily"], "{evidence:?}");
        assert_eq!(report["incidents"][0]["why"], first["incidents"][0]["why"], "{evidence:?}");
        assert_eq!(again, pairs, "{evidence:?}");
    }
}

#[test]
fn what_the_inner_device_translates_the_outer_one_sees_translated() {
    let nat = |text: &str, device: &str| text.replace("(10.0.0.5/", "(192.0.2.5/").replace(" pix : ", device);
    let (mut inner, mut outer) = (Log::default(), Log::default());
    shared(&mut inner, 20, |at| at + HOUR);
    inner.relay(DAY + 20 * HOUR, 40);
    shared(&mut outer, 20, |at| at);
    let outer = outer.text.replace("10.0.0.5/", "192.0.2.5/").replace(" pix : ", " outer : ");
    let mut more = Log::default();
    (0..200).for_each(|n| _ = more.out(DAY + HOUR + 30 * n, "10.0.0.9"));
    let place = two(&(outer + &more.text.replace(" pix : ", " outer : ")), &nat(&inner.text, " inner : "));
    let report = place.report(&["border.log", "dorm.log"]);
    assert_eq!(offsets(&report), [("inner".to_owned(), 3600.0), ("outer".to_owned(), 0.0)]);
}

#[test]
fn a_pipe_is_read_once_and_says_what_was_not_corrected() {
    let both = border(|at| at) + &dorm(|at| at + HOUR);
    let place = Place::new();
    let said = place.scan_input(&["-", "--format", "json"], both.as_bytes());
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(incident(&report)["first_seen"], "2003-03-05T00:10:01Z");
    assert_eq!(offsets(&report), [("border".to_owned(), 0.0), ("dorm".to_owned(), 0.0)]);
    assert!(said.err.contains("Its times are left as they are"), "{}", said.err);
}

/// What a Linux gateway's conntrack wrote of the connections that `border` has of 10.0.0.5, each a second long; `life` says so, or
/// does not.
fn conntrack(border: &str, ahead: i64, with_openings: bool, life: &str) -> String {
    let built = border.lines().filter(|line| line.contains("Built outbound") && line.contains("inside:10.0.0.5/"));
    let port = |line: &str| line.split("inside:10.0.0.5/").nth(1).unwrap().split([' ', '(']).next().unwrap().to_owned();
    let mut log = String::new();
    for (n, port) in (0..).zip(built.map(port)) {
        let at = DAY + HOUR + 300 * n + ahead;
        let there = format!("src=10.0.0.5 dst=192.0.2.80 sport={port} dport=80");
        let back = format!("src=192.0.2.80 dst=10.0.0.5 sport=80 dport={port}");
        if with_openings {
            log += &format!("[{at}.300000]\t    [NEW] tcp      6 120 SYN_SENT {there} [UNREPLIED] {back}\n");
        }
        log += &format!(
            "[{}.300000]\t[DESTROY] tcp      6 TIME_WAIT {there} packets=5 bytes=900 {back} packets=5 bytes=900 [ASSURED]{life}\n",
            at + 1
        );
    }
    log
}

#[test]
fn a_clock_is_compared_whether_a_device_logs_openings_or_ends_and_not_where_beginnings_are_unknown() {
    let border = border(|at| at);
    let ahead = |log: String| {
        let place = two(&border, &log);
        let report = place.report(&["border.log", "dorm.log"]);
        offsets(&report).into_iter().find(|(sensor, _)| sensor != "border").unwrap().1
    };
    for with_openings in [false, true] {
        let offset = ahead(conntrack(&border, HOUR, with_openings, " delta-time=1"));
        assert!((offset - 3600.0).abs() <= 1.0, "{offset}, with openings: {with_openings}");
    }
    // When a connection began is not known: its end says nothing of the clock.
    assert_eq!(ahead(conntrack(&border, 127, false, "")), 0.0);
}
