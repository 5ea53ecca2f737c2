//! Clocks that jump, and stamps without a year.

use serde_json::Value;

use crate::pix::{DAY, Log, relay_log};
use crate::run::Place;

const HOUR: i64 = 3600;

fn late(report: &Value) -> u64 {
    report["evidence"].as_array().unwrap().iter().map(|e| e["late"].as_u64().unwrap()).sum()
}

fn relayed(report: &Value) -> &Value {
    &report["incidents"][0]["counts"]["relayed"]
}

#[test]
fn five_minutes_back_are_waited_for() {
    let mut log = Log::default();
    log.relay(DAY + 300, 40);
    let mut back = Log::default();
    back.out(DAY + 300 + 39 * 60 - 290, "10.0.0.5");
    let report = Place::with("log", log.text + &back.text).report(&["log"]);
    assert_eq!((late(&report), relayed(&report)), (0, &Value::from(40)));
    assert!(!report["limits"].to_string().contains("later than the merge"));
}

#[test]
fn two_hours_back_are_late_count_and_convict_nobody() {
    let mut log = Log::default();
    for n in 0..20 {
        log.out(DAY + 4 * HOUR + n, "10.0.0.5");
    }
    // Forty sessions of a relay, all of them late.
    log.relay(DAY, 40);
    let place = Place::with("log", log.text);
    let report = place.report(&["log"]);
    assert_eq!(late(&report), 160);
    assert_eq!(report["incidents"].as_array().unwrap().len(), 0);
    let said = "160 of 200 records of pix in log came later than the merge waits for";
    assert!(report["limits"].as_array().unwrap().iter().any(|limit| limit.as_str().unwrap().starts_with(said)));
    let rows = place.connections(&["log", "--pairs", "pairs.jsonl"]);
    assert_eq!(rows.len(), 100);
    assert_eq!(rows.iter().filter(|row| row["late"] == true).count(), 80);
    assert_eq!(place.read("pairs.jsonl"), "");
}

#[test]
fn late_sessions_count_as_attempts_and_in_no_pair() {
    let mut log = Log::default();
    log.relay(DAY + 4 * HOUR, 40);
    let on_time = log.text.lines().count();
    let mut earlier = log.clone();
    earlier.text.clear();
    earlier.relay(DAY, 3);
    log.text += &earlier.text;
    let place = Place::with("log", &log.text);
    let report = place.report(&["log", "--pairs", "pairs.jsonl"]);
    let counts = &report["incidents"][0]["counts"];
    assert_eq!((late(&report), on_time), (12, 160));
    assert_eq!((&counts["relayed"], &counts["inbound_attempts"]), (&Value::from(40), &Value::from(43)));
    assert_eq!(counts["outbound_smtp"], 43);
    assert_eq!(place.read("pairs.jsonl").lines().count(), 40);
}

#[test]
fn one_line_of_another_year_spoils_nothing() {
    let log = relay_log();
    let lines: Vec<&str> = log.lines().collect();
    for year in ["1993", "2033"] {
        for at in [0, 1, lines.len() / 2, lines.len()] {
            let mut dirty = lines.clone();
            let line = format!(
                "Mar 04 {year} 00:10:00 pix : %PIX-6-302013: Built outbound TCP connection 999999 for \
                 outside:192.0.2.80/80 (192.0.2.80/80) to inside:10.0.0.66/9999 (10.0.0.66/9999)"
            );
            dirty.insert(at, &line);
            let report = Place::with("log", dirty.join("\n") + "\n").report(&["log"]);
            assert_eq!(relayed(&report), 40, "{year} at line {at}");
            assert!(late(&report) <= 1, "{year} at line {at}: {}", late(&report));
        }
    }
}

#[test]
fn a_sensor_that_a_second_file_brings_up_too_late_does_not_end_the_run() {
    let mut first = Log::default();
    for n in 0..6000 {
        first.out(DAY + 2 * n, "10.0.0.66");
    }
    let mut second = Log::default();
    for n in 0..1000 {
        second.out(DAY + 9000 + n, "10.0.0.6");
    }
    let mut second = second.text.replace(" pix : ", " other : ");
    second += &Log::default().relay(DAY, 5).text;
    let place = Place::with("first.log", first.text);
    place.write("second.log", second);
    let report = place.report(&["first.log", "second.log"]);
    assert_eq!(late(&report), 20);
    assert_eq!(late(&place.report(&["second.log", "first.log"])), 20);
}

/// [`Log`]s without years.
fn yearless(text: &str) -> String {
    text.lines().map(|line| format!("{}{}\n", &line[..6], &line[11..])).collect()
}

#[test]
fn a_log_without_years_goes_on_over_new_year() {
    // 2003-12-31 23:30:00.
    let log = yearless(&Log::default().relay(1_072_913_400, 60).text);
    assert!(log.contains("Dec 31 23:59") && log.contains("Jan 01 00:01"), "{log}");
    let report = Place::with("log", log).report(&["log", "--year", "2003"]);
    assert_eq!((late(&report), relayed(&report)), (0, &Value::from(60)));
    assert_eq!(report["incidents"][0]["first_seen"], "2003-12-31T23:30:01Z");
    assert!(report["incidents"][0]["last_seen"].as_str().unwrap().starts_with("2004-01-01T00:"));
}

#[test]
fn the_29th_of_february_is_a_day_of_leap_years_only() {
    // 2004-02-29 00:00:00.
    let log = yearless(&Log::default().relay(1_078_012_800, 40).text);
    let place = Place::with("log", log);
    assert_eq!(relayed(&place.report(&["log", "--year", "2004"])), 40);
    let said = place.scan(&["log", "--year", "2003"]);
    assert!(said.failed().contains("no evidence"), "{}", said.err);
}

/// A log in the local time of `zone`, by a log in UTC.
fn local(text: &str, zone: &str, form: &str) -> String {
    let line = |line: &str| {
        let at = jiff::civil::DateTime::strptime("%b %d %Y %H:%M:%S", &line[..20]).unwrap();
        let at = at.in_tz("UTC").unwrap().in_tz(zone).unwrap();
        format!("{}{}\n", at.strftime(form), &line[20..])
    };
    text.lines().map(line).collect()
}

/// 2003-10-26 00:00 UTC: an hour before summer time ends in Berlin.
const AUTUMN: i64 = 1_067_126_400;
/// 2003-03-30 00:00 UTC: an hour before it begins.
const SPRING: i64 = 1_048_982_400;

#[test]
fn days_are_those_of_the_zone_that_the_log_says() {
    // Forty sessions, one a minute, from 23:30 on in a zone seven hours behind.
    let west = |text: &str| local(text, "Etc/GMT+7", "%Y-%m-%dT%H:%M:%S-07:00");
    let mut log = Log::default();
    log.relay(DAY + 6 * 3600 + 1800, 40);
    let (place, log) = (Place::new(), west(&log.text));
    place.write("west.log", &log);
    let second = log.lines().count() / 2;
    let lines = |some: &mut dyn Iterator<Item = &str>| some.flat_map(|line| [line, "\n"]).collect::<String>();
    place.write("1.log", lines(&mut log.lines().take(second)));
    // Behind the end of summer time.
    place.write("2.log", lines(&mut log.lines().skip(second)).replace("-07:00 ", "-08:00 "));
    let days = |options: &[&str]| -> (String, Vec<(String, u64)>) {
        let report = place.report(options);
        let daily = report["incidents"][0]["daily"].as_array().unwrap().iter();
        let day = |day: &Value| (day["date"].as_str().unwrap().to_owned(), day["relayed"].as_u64().unwrap());
        (report["timezone"].as_str().unwrap().to_owned(), daily.map(day).collect())
    };
    let both = vec![("2003-03-03".to_owned(), 30), ("2003-03-04".to_owned(), 10)];
    assert_eq!(days(&["west.log"]), ("UTC-07".to_owned(), both.clone()));
    assert_eq!(days(&["-j", "2", "west.log"]), ("UTC-07".to_owned(), both));
    let utc = ("UTC".to_owned(), vec![("2003-03-04".to_owned(), 40)]);
    assert_eq!(days(&["--timezone", "UTC", "west.log"]), utc);
    assert_eq!(days(&["2.log", "1.log"]).0, "UTC-07", "that of the first part");
}

#[test]
fn the_hour_that_autumn_repeats_is_read_in_the_order_of_the_log() {
    let log = Log::default().relay(AUTUMN, 150).text.clone();
    for form in ["%b %d %Y %H:%M:%S", "%b %d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"] {
        let text = local(&log, "Europe/Berlin", form);
        assert!(text.matches("02:30:00").count() == 2, "{text}");
        let place = Place::with("log", &text);
        let zone = ["--timezone", "Europe/Berlin", "--year", "2003"];
        let report = place.report(&[&["log"], &zone[..]].concat());
        assert_eq!((late(&report), relayed(&report)), (0, &Value::from(150)), "{form}");
        let incident = &report["incidents"][0];
        assert_eq!(incident["first_seen"], "2003-10-26T00:00:01Z");
        assert_eq!(incident["last_seen"], "2003-10-26T02:29:20Z");
        // The same, an hour behind, by a second device in the same file.
        let both: String = text
            .lines()
            .zip(local(&log, "Atlantic/Azores", form).lines())
            .map(|(line, other)| format!("{line}\n{}\n", other.replace(" pix : ", " isle : ")))
            .collect();
        let report = Place::with("log", both).report(&[&["log"], &zone[..]].concat());
        let of_pix = report["evidence"].as_array().unwrap().iter().find(|e| e["sensor"] == "pix").unwrap();
        assert_eq!(of_pix["late"], 0, "{form}");
    }
    // Nobody knows that from the log alone.
    let text = local(&log, "Europe/Berlin", "%b %d %Y %H:%M:%S");
    let report = Place::with("log", text).report(&["log"]);
    assert!(late(&report) > 150, "{}", late(&report));
    assert!(report["limits"].to_string().contains("--timezone"), "{}", report["limits"]);
}

#[test]
fn the_repeated_hour_may_lie_anywhere_in_a_long_log() {
    // More than a block before it, within it and after it.
    let mut log = Log::default();
    for n in 0..9000 {
        log.out(AUTUMN - 9000 + n, "10.0.0.5");
    }
    log.relay(AUTUMN + 600, 100);
    for n in 0..9000 {
        log.out(AUTUMN + 6700 + n, "10.0.0.5");
    }
    let text = local(&log.text, "Europe/Berlin", "%b %d %Y %H:%M:%S");
    assert!(text.len() > 4 << 20);
    let place = Place::with("log", text);
    for threads in ["1", "3"] {
        let report = place.report(&["log", "--timezone", "Europe/Berlin", "-j", threads]);
        assert_eq!((late(&report), relayed(&report)), (0, &Value::from(100)));
        assert_eq!(report["incidents"][0]["first_seen"], "2003-10-26T00:10:01Z");
    }
}

#[test]
fn the_hour_that_spring_leaves_out_leaves_out_nothing() {
    let log = Log::default().relay(SPRING, 150).text.clone();
    let text = local(&log, "Europe/Berlin", "%b %d %Y %H:%M:%S");
    assert!(!text.contains(" 02:"));
    let report = Place::with("log", text).report(&["log", "--timezone", "Europe/Berlin"]);
    assert_eq!((late(&report), relayed(&report)), (0, &Value::from(150)));
    assert_eq!(report["incidents"][0]["last_seen"], "2003-03-30T02:29:20Z");
}

#[test]
fn a_device_that_counts_from_its_boot_until_its_clock_is_set_spoils_nothing() {
    let log = relay_log();
    let lines: Vec<&str> = log.lines().collect();
    let boot = |stamp: &str| -> Vec<String> {
        let line = |n: usize| {
            format!(
                "{stamp}:{:02} pix : %PIX-6-302013: Built outbound TCP connection {} for outside:192.0.2.80/80 \
                 (192.0.2.80/80) to inside:10.0.0.5/{} (10.0.0.5/{})",
                12 + n / 2,
                999_000 + n,
                9000 + n,
                9000 + n
            )
        };
        (0..60).map(line).collect()
    };
    for (stamp, dated) in
        [("Jan 01 1993 00:00", true), ("Mar 01 2000 00:00", true), ("*Mar  1 00:00", false), ("Jan  1 00:00", false)]
    {
        for at in [0, lines.len() / 2] {
            let mut text = String::new();
            for (number, line) in lines.iter().enumerate() {
                if number == at {
                    text.extend(boot(stamp).iter().map(|line| format!("{line}\n")));
                }
                let line = if dated { (*line).to_owned() } else { format!("Nov{}{}", &line[3..6], &line[11..]) };
                text += &format!("{line}\n");
            }
            let report = Place::with("log", text).report(&["log", "--year", "2003"]);
            assert_eq!(relayed(&report), 40, "{stamp} at line {at}");
            assert!(late(&report) <= 60, "{stamp} at line {at}: {}", late(&report));
            let first = report["incidents"][0]["first_seen"].as_str().unwrap();
            assert!(first.starts_with("2003-"), "{stamp} at line {at}: {first}");
        }
    }
}

/// What must be the same, however a log is split.
fn said(report: &Value) -> Value {
    let incidents = report["incidents"].as_array().unwrap().iter();
    let shown = incidents.map(|incident| {
        ["host", "verdict", "confidence", "first_seen", "last_seen", "counts", "daily", "containment"]
            .map(|key| incident[key].clone())
    });
    let records: u64 = report["evidence"].as_array().unwrap().iter().map(|e| e["records"].as_u64().unwrap()).sum();
    serde_json::json!([shown.collect::<Vec<_>>(), records, late(report), report["unparsed"]])
}

/// The report of a log, which is the same wherever that is split in two, or three, at those lines.
#[track_caller]
fn whole_and_split(text: &str, cuts: impl Iterator<Item = (usize, usize)>, options: &[&str]) -> Value {
    let report = |parts: &[&[&str]]| {
        let place = Place::new();
        let names: Vec<String> = (0..parts.len()).map(|number| format!("log.{}", parts.len() - number)).collect();
        for (name, lines) in names.iter().zip(parts) {
            place.write(name, lines.join("\n") + "\n");
        }
        place.report(&[&names.iter().map(String::as_str).collect::<Vec<_>>(), options].concat())
    };
    let lines: Vec<&str> = text.lines().collect();
    let whole = report(&[&lines]);
    for (first, second) in cuts {
        let parts = [&lines[..first], &lines[first..second], &lines[second..]];
        let parts: Vec<&[&str]> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        assert_eq!(said(&report(&parts)), said(&whole), "split at {first} and {second}");
    }
    whole
}

#[test]
fn a_log_that_is_split_within_the_repeated_hour_goes_on() {
    let log = Log::default().relay(AUTUMN, 150).text.clone();
    let zone = ["--timezone", "Europe/Berlin", "--year", "2003"];
    for form in ["%b %d %Y %H:%M:%S", "%b %d %H:%M:%S"] {
        let text = local(&log, "Europe/Berlin", form);
        let lines = text.lines().count();
        let cuts = (1..lines).step_by(37).map(|cut| (cut, (cut + 170).min(lines)));
        let report = whole_and_split(&text, cuts, &zone);
        assert_eq!((late(&report), relayed(&report)), (0, &Value::from(150)), "{form}");
        assert_eq!(report["incidents"][0]["last_seen"], "2003-10-26T02:29:20Z");
    }
}

#[test]
fn a_part_goes_on_where_its_own_device_has_ended() {
    let form = "%b %d %Y %H:%M:%S";
    let logs: Vec<String> = (0..5)
        .map(|device: i64| {
            let log = local(&Log::default().relay(AUTUMN + 7 * device, 150).text, "Europe/Berlin", form);
            let names = [(" pix ", format!(" pix{device} ")), ("10.0.0.", format!("10.0.{device}."))];
            names.iter().fold(log, |log, (of_all, own)| log.replace(of_all, own))
        })
        .collect();
    let zone = ["--timezone", "Europe/Berlin"];
    let report = |parts: usize| {
        let place = Place::new();
        let mut names = Vec::new();
        for (device, log) in logs.iter().enumerate() {
            let lines: Vec<&str> = log.lines().collect();
            // At 2:52 of the second pass.
            let (before, after) = lines.split_at(if parts == 1 { 0 } else { lines.len() * 3 / 4 });
            for (part, lines) in [("log.1", before), ("log", after)].into_iter().filter(|(_, part)| !part.is_empty()) {
                names.push(format!("pix{device}.{part}"));
                place.write(names.last().unwrap(), lines.join("\n") + "\n");
            }
        }
        place.report(&[&names.iter().map(String::as_str).collect::<Vec<_>>(), &zone[..]].concat())
    };
    let whole = report(1);
    assert_eq!((whole["incidents"].as_array().unwrap().len(), late(&whole)), (5, 0));
    assert_eq!(said(&report(2)), said(&whole));
}

#[test]
fn what_is_repeated_may_stand_in_the_part_before() {
    let mut log = relay_log_with_a_cut();
    log.line(DAY + 2 * HOUR + 19 * 600 + 230, "last message repeated 3 times");
    let text = &log.text;
    let lines = text.lines().count();
    let cuts = (lines - 90..lines).step_by(5).map(|cut| (cut, lines)).chain([(lines - 2, lines - 1), (1, lines - 1)]);
    let report = whole_and_split(text, cuts, &[]);
    assert_eq!(report["incidents"][0]["containment"]["denials_after"], 20 * (1 + 2 + 1), "{}", report["incidents"][0]);
    // What is before it is not there, or not of this log.
    let last = format!("{}\n", text.lines().last().unwrap());
    let place = Place::with("log.1", text.lines().take(lines - 30).map(|line| format!("{line}\n")).collect::<String>());
    place.write("log", &last);
    let report = place.report(&["log.1", "log"]);
    assert_eq!(
        report["unparsed"][0]["why"], "repeats a line that stands before what was read",
        "{}",
        report["unparsed"]
    );
}

/// A relay that was cut off, and what was denied it then, as a collector that counts tells it.
fn relay_log_with_a_cut() -> Log {
    let mut log = Log::default();
    log.relay(DAY, 40);
    for client in 0..20 {
        let at = DAY + 2 * HOUR + client * 600;
        log.line(
            at,
            &format!("%PIX-4-106023: Deny tcp src outside:203.0.113.{client}/5000 dst inside:10.0.0.66/1182 by access-group \"out\""),
        );
        log.line(at + 30, "last message repeated 2 times");
        log.line(at + 90, "last message repeated 1 times");
        log.out(at + 100, "10.0.0.5");
        log.line(
            at + 200,
            &format!("%PIX-4-106023: Deny tcp src outside:203.0.113.{client}/5001 dst inside:10.0.0.99/1182 by access-group \"out\""),
        );
    }
    log
}

/// A log whose lines have no year up to line `lines`.
fn without_year(log: &str, lines: usize) -> String {
    let split: Vec<String> = log.lines().map(|line| format!("{line}\n")).collect();
    let bare = |line: &String| format!("{}{}", &line[..6], &line[11..]);
    split[..lines].iter().map(bare).chain(split[lines..].iter().cloned()).collect()
}

#[test]
fn stamps_without_a_year_are_of_the_year_that_later_ones_say() {
    let mut log = Log::default();
    // Over New Year, and longer than what is looked at to tell what a file is.
    for n in 0..600 {
        log.out(DAY - 70 * 24 * HOUR + n * 2 * HOUR, "10.0.0.5");
    }
    log.relay(DAY, 40);
    let log = log.text;
    let place = Place::with("clean", &log);
    let clean = place.report(&["clean"]);
    let all = log.lines().count();
    for lines in [1, 20, all - 100, all - 1] {
        place.write("log", without_year(&log, lines));
        let said = place.scan(&["log", "--format", "json"]);
        let report: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(said.err, "", "{lines}");
        assert_eq!(report["incidents"][0]["counts"], clean["incidents"][0]["counts"]);
        let span = |report: &Value| ["first", "last"].map(|key| report["evidence"][0][key].clone());
        assert_eq!(span(&report), span(&clean), "{lines}");
        assert_eq!(late(&report), 0);
    }
    // What the owner says counts.
    place.write("log", without_year(&log, 20));
    assert_eq!(place.report(&["log", "--year", "2001"])["evidence"][0]["first"], "2001-12-24T00:00:00Z");
}

#[test]
fn a_log_over_new_year_does_not_end_after_it_was_written() {
    // From 25 September 2003 to 22 January 2004, copied in November 2004: its first day has been in 2004, too.
    let mut log = Log::default();
    (0..240).for_each(|n| _ = log.out(1_064_448_000 + n * 43_000, "10.0.0.5"));
    let undated: String = log.text.lines().map(|line| format!("{}{}\n", &line[..6], &line[11..])).collect();
    let place = Place::new();
    let clean = Place::with("log", &log.text).report(&["log"])["evidence"][0].clone();
    for name in ["log", "log.gz"] {
        let content = if name == "log" { undated.clone().into_bytes() } else { crate::files::gzip(undated.as_bytes()) };
        let path = place.write(name, content);
        let copied = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_101_686_400);
        std::fs::File::options().write(true).open(path).unwrap().set_modified(copied).unwrap();
        let said = place.scan(&[name, "--format", "json"]);
        let report: Value = serde_json::from_str(&said.out).unwrap();
        let own = &report["evidence"][0];
        assert_eq!((&own["first"], &own["last"]), (&clean["first"], &clean["last"]), "{name}");
        assert!(
            said.err.contains("taken as of 2003: the latest that is not after the file was written"),
            "{}",
            said.err
        );
    }
}

#[test]
fn one_stamp_of_another_year_among_many_without_one_dates_nothing() {
    let mut log = Log::default();
    (0..600).for_each(|n| _ = log.out(DAY + n, "10.0.0.5"));
    let lines = log.text.lines().count();
    let (undated, dated) = (without_year(&log.text, lines), log.text.replace("2003", "1993"));
    let stray = dated.lines().nth(lines / 2).unwrap();
    let mut mixed: Vec<&str> = undated.lines().collect();
    mixed.insert(lines / 2, stray);
    let place = Place::with("log", undated.as_str());
    let year = |key: &str| place.report(&["log"])["evidence"][0][key].as_str().unwrap()[..4].to_owned();
    let guessed = year("first");
    place.write("log", mixed.join("\n") + "\n");
    // What follows it follows its year, as it always does; what stands before it does not.
    assert_eq!((year("first").as_str(), year("last")), ("1993", guessed));
}

#[test]
fn of_a_packed_file_they_are_found_when_it_was_read_and_of_a_pipe_a_warning_says_so() {
    let mut log = Log::default();
    (0..600).for_each(|n| _ = log.out(DAY + n, "10.0.0.5"));
    let place = Place::with("clean", &log.text);
    let clean = place.report(&["clean"])["evidence"][0].clone();
    let log = without_year(&log.text, 1000);
    place.write("log.gz", crate::files::gzip(log.as_bytes()));
    let said = place.scan(&["log.gz", "--format", "json"]);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&report["evidence"][0]["first"], said.err.as_str()), (&clean["first"], ""));
    // A pipe is read once, and all of it: of its records none is missing.
    for input in [log.as_bytes().to_vec(), crate::files::gzip(log.as_bytes())] {
        let piped = place.scan_input(&["-", "--format", "json"], &input);
        let piped: Value = serde_json::from_str(&piped.out).unwrap();
        let counts = |report: &Value| ["records", "skipped"].map(|key| report["evidence"][0][key].clone());
        assert_eq!((counts(&piped), &piped["unparsed"]), (counts(&report), &report["unparsed"]));
    }
    let err = place.scan_input(&["-"], log.as_bytes()).err;
    let says = "and others of the same file say another, or are after it was written then: --year says of which year the first is.\n";
    assert!(err.starts_with("warning: Stamps without a year in - were taken as of ") && err.contains(says), "{err}");
}

#[test]
fn a_zone_that_may_be_several_is_said() {
    let log = relay_in(" EDT");
    let place = Place::with("log", &log);
    let said = place.scan(&["log"]).err;
    let warning = "warning: Stamps in log name a zone, EDT, which may be one of several: they were read as UTC.";
    assert!(said.contains(warning), "{said}");
    assert!(!place.scan(&["log", "--timezone", "America/New_York"]).err.contains("name a zone"));
    for zone in ["", " UTC"] {
        assert!(!Place::with("log", relay_in(zone)).scan(&["log"]).err.contains("name a zone"), "{zone}");
    }
}

/// A log whose stamps have a zone behind them.
fn relay_in(zone: &str) -> String {
    let mut log = Log::default();
    (0..6).for_each(|n| _ = log.out(DAY + n, "10.0.0.5"));
    log.text.lines().map(|line| format!("{}{zone}{}\n", &line[..20], &line[20..])).collect()
}
