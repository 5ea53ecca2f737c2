//! `catspaw trace`: whoever had an address is found, however the log tells of it, and nobody is guessed.

use std::fs;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::redact::KEY;
use crate::run::{Place, Said};

fn trace(place: &Place, arguments: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_catspaw"));
    command.current_dir(place.path()).arg("trace").args(arguments).stdin(Stdio::null()).env_remove("COLUMNS");
    Said::from(command.output().unwrap())
}

/// The answer to one question; its exit status must be what its candidates say.
#[track_caller]
fn ask(place: &Place, address: &str, at: &str, more: &[&str]) -> Value {
    let said = trace(place, &[&[address, "--at", at, "--format", "json"], more].concat());
    let answers: Value = serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {said:?}"));
    let answer = answers["questions"][0].clone();
    let clear = answer["candidates"].as_array().unwrap().len() == 1;
    assert_eq!((said.status, &answers["schema"]), (Some(i32::from(!clear)), &"catspaw.trace/1".into()));
    answer
}

fn hosts(answer: &Value) -> Vec<&str> {
    answer["candidates"].as_array().unwrap().iter().map(|candidate| candidate["host"].as_str().unwrap()).collect()
}

#[track_caller]
fn assert_hosts(place: &Place, address: &str, at: &str, expected: &[&str]) -> Value {
    let answer = ask(place, address, at, &["pix.log"]);
    assert_eq!(hosts(&answer), expected, "{address} at {at}: {answer:#}");
    answer
}

fn why(answer: &Value) -> String {
    answer["why"].as_array().unwrap().iter().map(|why| why.as_str().unwrap().to_owned() + "\n").collect()
}

fn line(time: &str, device: &str, message: &str) -> String {
    format!("Mar 04 2003 {time} {device} : %PIX-6-{message}\n")
}

fn xlate(time: &str, built: bool, what: &str, real: &str, mapped: &str, life: &str) -> String {
    let (id, verb) = match (built, what.contains("TCP")) {
        (true, false) => ("305009", "Built"),
        (false, false) => ("305010", "Teardown"),
        (true, true) => ("305011", "Built"),
        (false, true) => ("305012", "Teardown"),
    };
    let life = if life.is_empty() { String::new() } else { format!(" duration {life}") };
    line(time, "pix", &format!("{id}: {verb} {what} translation from inside:{real} to outside:{mapped}{life}"))
}

fn slot(time: &str, real: &str, mapped: &str) -> String {
    xlate(time, true, "dynamic", real, mapped, "")
}

fn slot_down(time: &str, real: &str, mapped: &str, life: &str) -> String {
    xlate(time, false, "dynamic", real, mapped, life)
}

fn conn(time: &str, id: u32, real: &str, mapped: &str) -> String {
    let text = format!(
        "302013: Built outbound TCP connection {id} for outside:198.51.100.7/25 (198.51.100.7/25) to inside:{real} ({mapped})"
    );
    line(time, "pix", &text)
}

fn conn_down(time: &str, id: u32, real: &str, life: &str) -> String {
    let text = format!(
        "302014: Teardown TCP connection {id} for outside:198.51.100.7/25 to inside:{real} duration {life} bytes 9 TCP FINs"
    );
    line(time, "pix", &text)
}

#[test]
fn a_pool_that_is_used_again_has_one_host_at_a_time() {
    let log = slot("10:00:00", "10.0.0.1", "192.0.2.1")
        + &slot_down("11:00:00", "10.0.0.1", "192.0.2.1", "1:00:00")
        + &slot("12:00:00", "10.0.0.2", "192.0.2.1");
    let place = Place::with("pix.log", log);
    let first = assert_hosts(&place, "192.0.2.1:2007", "2003-03-04T10:30:00Z", &["10.0.0.1"]);
    let candidate = &first["candidates"][0];
    assert_eq!(
        (&candidate["basis"], &candidate["line"], &candidate["path"]),
        (&"one-to-one".into(), &1.into(), &"pix.log".into())
    );
    assert_eq!(
        (&candidate["from"], &candidate["to"]),
        (&"2003-03-04T10:00:00Z".into(), &"2003-03-04T11:00:00Z".into())
    );
    // Open where the log ends.
    let last = assert_hosts(&place, "192.0.2.1", "2003-03-04T12:30:00Z", &["10.0.0.2"]);
    assert_eq!(last["candidates"][0]["to"], Value::Null);
    assert!(why(&last).contains("still open where the log ended"), "{}", why(&last));
    // Nobody between the two: what is nearest is said.
    let nobody = assert_hosts(&place, "192.0.2.1", "2003-03-04T11:30:00Z", &[]);
    assert!(why(&nobody).contains("Before it: pix.log:1: the one-to-one translation of 10.0.0.1"), "{}", why(&nobody));
    assert!(why(&nobody).contains("After it: pix.log:3"), "{}", why(&nobody));
    assert!(why(&assert_hosts(&place, "192.0.2.9", "2003-03-04T11:30:00Z", &[])).contains("in none of the logs"));
}

#[test]
fn what_was_built_before_the_log_or_lost_its_end_is_known_by_the_rest() {
    let log = slot_down("10:00:00", "10.0.0.1", "192.0.2.1", "67:30:25")
        + &slot("11:00:00", "10.0.0.2", "192.0.2.2")
        + &slot("12:00:00", "10.0.0.3", "192.0.2.2")
        + &slot_down("13:00:00", "10.0.0.4", "192.0.2.3", "0:10:00");
    let place = Place::with("pix.log", log);
    let before = assert_hosts(&place, "192.0.2.1", "2003-03-02 12:00", &["10.0.0.1"]);
    assert_eq!(before["candidates"][0]["from"], "2003-03-01T14:29:35Z");
    assert_hosts(&place, "192.0.2.1", "2003-03-01 14:29:34", &[]);
    // Whoever writes no seconds asks for the minute, and whoever writes no time for the day.
    assert_hosts(&place, "192.0.2.1", "2003-03-01 14:28", &[]);
    assert_hosts(&place, "192.0.2.1", "2003-03-01 14:29", &["10.0.0.1"]);
    let day = assert_hosts(&place, "192.0.2.2", "2003-03-04", &["10.0.0.3", "10.0.0.2"]);
    assert!(why(&day).contains("2 hosts were, or may have been, behind it at some time of that"), "{}", why(&day));
    let said = trace(&place, &["192.0.2.2", "--at", "2003-03-04", "--year", "2003", "pix.log"]).out;
    let asked =
        "192.0.2.2 from 2003-03-04T00:00:00Z to 2003-03-05T00:00:00Z: 2 hosts, the longest use first, and last those";
    assert!(said.replace('\n', " ").starts_with(asked) && !said.contains("edge"), "{said}");
    let lost = assert_hosts(&place, "192.0.2.2", "2003-03-04 11:30", &["10.0.0.2"]);
    assert!(why(&lost).contains("its end is not in the log"), "{}", why(&lost));
    assert_hosts(&place, "192.0.2.2", "2003-03-04 12:30", &["10.0.0.3"]);
    assert_hosts(&place, "192.0.2.3", "2003-03-04 12:55", &["10.0.0.4"]);
}

#[test]
fn a_connection_is_stronger_than_the_translation_that_outlives_it() {
    let log = xlate("10:00:00", true, "dynamic TCP", "10.0.0.1/4000", "192.0.2.1/1025", "")
        + &conn("10:00:00", 7, "10.0.0.1/4000", "192.0.2.1/1025")
        + &conn_down("10:00:10", 7, "10.0.0.1/4000", "0:00:10")
        + &xlate("10:00:40", false, "dynamic TCP", "10.0.0.1/4000", "192.0.2.1/1025", "0:00:40")
        + &xlate("10:00:40", true, "dynamic TCP", "10.0.0.2/4001", "192.0.2.1/1025", "")
        + &conn("10:00:40", 8, "10.0.0.2/4001", "192.0.2.1/1025");
    let place = Place::with("pix.log", log);
    let basis = |answer: &Value| answer["candidates"][0]["basis"].as_str().unwrap().to_owned();
    assert_eq!(basis(&assert_hosts(&place, "192.0.2.1:1025", "2003-03-04T10:00:05Z", &["10.0.0.1"])), "connection");
    assert_eq!(basis(&assert_hosts(&place, "192.0.2.1:1025", "2003-03-04T10:00:20Z", &["10.0.0.1"])), "pat");
    // A stamp means any moment of its second: both may have been it, and that is said.
    let edge = assert_hosts(&place, "192.0.2.1:1025", "2003-03-04T10:00:40.5Z", &["10.0.0.2", "10.0.0.1"]);
    assert!(why(&edge).contains("at its edge") && why(&edge).contains("2 hosts may have been"), "{}", why(&edge));
    assert_hosts(&place, "192.0.2.1:1025", "2003-03-04T10:00:42Z", &["10.0.0.2"]);
    let other = assert_hosts(&place, "192.0.2.1:1026", "2003-03-04T10:00:05Z", &[]);
    assert!(why(&other).contains("never with port 1026"), "{}", why(&other));
}

#[test]
fn a_connection_whose_end_is_lost_does_not_hold_its_port_for_ever() {
    let log = conn("10:00:00", 7, "10.0.0.1/4000", "192.0.2.1/1025")
        + &xlate("11:00:00", true, "dynamic TCP", "10.0.0.2/4001", "192.0.2.1/1025", "")
        + &xlate("11:10:00", false, "dynamic TCP", "10.0.0.2/4001", "192.0.2.1/1025", "0:10:00");
    let place = Place::with("pix.log", log);
    assert_hosts(&place, "192.0.2.1:1025", "2003-03-04 10:30", &["10.0.0.1"]);
    assert_hosts(&place, "192.0.2.1:1025", "2003-03-04 11:05", &["10.0.0.2"]);
    let over = assert_hosts(&place, "192.0.2.1:1025", "2003-03-04 11:30", &[]);
    assert!(why(&over).contains("others show that it was over"), "{}", why(&over));
}

#[test]
fn devices_have_tables_of_their_own_and_answer_together() {
    let built = |device, real: &str| {
        line("10:00:00", device, &format!("305009: Built dynamic translation from inside:{real} to outside:192.0.2.1"))
    };
    let place = Place::with("pix.log", built("north", "10.0.0.1") + &built("south", "10.1.0.1"));
    // The second does not end the first: it is another device's.
    assert_hosts(&place, "192.0.2.1", "2003-03-04 10:00:00", &["10.0.0.1", "10.1.0.1"]);
}

#[test]
fn files_answer_together_and_ipv6_has_brackets() {
    let place = Place::with("a/1.log", slot("10:00:00", "2001:db8::1", "2001:db8:1::1"));
    place.write("a/2.log", slot_down("11:00:00", "2001:db8::1", "2001:db8:1::1", "1:00:00"));
    let answer = ask(&place, "[2001:db8:1::1]:25", "2003-03-04T10:30:00Z", &["a"]);
    assert_eq!((hosts(&answer), &answer["port"]), (vec!["2001:db8::1"], &25.into()));
    // The end stands in the other file.
    let after = ask(&place, "2001:db8:1::1", "2003-03-04T11:30:00Z", &["a"]);
    assert_eq!((hosts(&after), &after["port"]), (vec![], &Value::Null));
    // The indexes lie beside the logs, and are no evidence.
    assert!(place.path().join("a/1.log.catspaw-index").is_file());
    assert_eq!(trace(&place, &["--index", "a"]).err.matches("up to date").count(), 2);
}

#[test]
fn an_index_follows_its_log_and_is_never_trusted() {
    let place = Place::with("pix.log", conn("10:00:00", 7, "10.0.0.1/4000", "192.0.2.1/1025"));
    let index = place.path().join("pix.log.catspaw-index");
    let tell = |expected: &str| assert!(trace(&place, &["--index", "pix.log"]).err.contains(expected), "{expected}");
    tell("made: 1 lines");
    tell("up to date: 1 lines");
    // What was open when the log ended goes on in what comes to it.
    let mut log = OpenOptions::new().append(true).open(place.path().join("pix.log")).unwrap();
    log.write_all(conn_down("10:00:10", 7, "10.0.0.1/4000", "0:00:10").as_bytes()).unwrap();
    log.write_all(slot("10:01:00", "10.0.0.9", "192.0.2.9").as_bytes()).unwrap();
    let answer = assert_hosts(&place, "192.0.2.1:1025", "2003-03-04T10:00:05Z", &["10.0.0.1"]);
    assert_eq!(
        (&answer["candidates"][0]["to"], &answer["candidates"][0]["line"]),
        (&"2003-03-04T10:00:10Z".into(), &1.into())
    );
    assert_eq!(assert_hosts(&place, "192.0.2.9", "2003-03-04T10:01:00Z", &["10.0.0.9"])["candidates"][0]["line"], 3);
    tell("up to date: 3 lines");
    // However it is damaged, the answer is that of the log.
    let whole = fs::read(&index).unwrap();
    for damage in 0..whole.len() + 9 {
        let mut bytes = whole.clone();
        match damage.checked_sub(whole.len()) {
            None if damage % 29 == 0 => bytes.truncate(damage),
            None if damage % 23 == 0 => bytes[damage] ^= 0x41,
            None => continue,
            Some(more) => bytes.extend(vec![0xff; more]),
        }
        fs::write(&index, &bytes).unwrap();
        assert_hosts(&place, "192.0.2.9", "2003-03-04T10:01:00Z", &["10.0.0.9"]);
    }
    // Another log of the same name.
    place.write("pix.log", slot("10:00:00", "10.0.0.5", "192.0.2.9"));
    assert_hosts(&place, "192.0.2.9", "2003-03-04T10:01:00Z", &["10.0.0.5"]);
}

#[test]
fn a_log_without_years_goes_on_over_new_year() {
    let stamp = |at: &str, text: String| text.replace("Mar 04 2003 10:00:00", at);
    let place = Place::with("pix.log", stamp("Dec 31 23:59:58", slot("10:00:00", "10.0.0.1", "192.0.2.1")));
    let at = |place: &Place, at: &str| hosts(&ask(place, "192.0.2.1", at, &["--year", "2003", "pix.log"])).len();
    assert_eq!(at(&place, "2003-12-31T23:59:58Z"), 1);
    let mut log = OpenOptions::new().append(true).open(place.path().join("pix.log")).unwrap();
    let down = slot_down("10:00:00", "10.0.0.1", "192.0.2.1", "0:00:04");
    log.write_all(stamp("Jan  1 00:00:02", down).as_bytes()).unwrap();
    assert_eq!((at(&place, "2004-01-01T00:00:01Z"), at(&place, "2004-01-01T00:00:05Z")), (1, 0));
}

#[test]
fn questions_may_come_from_a_file_and_logs_from_a_pipe() {
    let place = Place::with("pix.log", slot("10:00:00", "10.0.0.1", "192.0.2.1"));
    place.write("asked", "# two\n192.0.2.1:25 2003-03-04 10:00:01\n\n192.0.2.2 2003-03-04T10:00:01Z\n");
    let said = trace(&place, &["--questions", "asked", "pix.log", "--index-dir", "kept"]);
    assert_eq!(said.status, Some(1), "{said:?}");
    assert!(said.out.starts_with("192.0.2.1:25 at 2003-03-04T10:00:01Z: 10.0.0.1\n"), "{}", said.out);
    assert!(said.out.contains("192.0.2.2 at 2003-03-04T10:00:01Z: nobody that these records know"), "{}", said.out);
    assert_eq!(fs::read_dir(place.path().join("kept")).unwrap().count(), 1);
    let mut command = Command::new(env!("CARGO_BIN_EXE_catspaw"));
    command.args(["trace", "192.0.2.1", "--at", "2003-03-04 10:00:01", "-"]).current_dir(place.path());
    command.stdin(fs::File::open(place.path().join("pix.log")).unwrap());
    assert_eq!(command.output().unwrap().status.code(), Some(0));
}

#[test]
fn questions_are_taken_as_people_write_them() {
    let place = Place::with("pix.log", slot("10:00:00", "10.0.0.1", "192.0.2.1"));
    let text = "\u{feff}192.0.2.1 2003-03-04 10:00:01 UTC # the first\r\n192.0.2.1 2003-03-04T10:00:01 Z\n# none\n192.0.2.1 2003-03-04 10:00:01\t#\n";
    place.write("asked", text);
    let said = trace(&place, &["--questions", "asked", "pix.log", "--format", "json"]);
    let answers: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.status, said.err.as_str()), (Some(0), ""));
    assert_eq!((answers["questions"].as_array().unwrap().len(), &answers["unparsed_total"]), (3, &0.into()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_catspaw"));
    command.args(["trace", "--questions", "-", "pix.log"]).current_dir(place.path());
    command.stdin(fs::File::open(place.path().join("asked")).unwrap());
    let output = command.output().unwrap();
    assert_eq!(
        (output.status.code(), String::from_utf8_lossy(&output.stdout).matches("10.0.0.1\n").count()),
        (Some(0), 3)
    );
    assert!(trace(&place, &["--questions", "-", "-"]).failed().contains("it holds one of them"));
}

#[test]
fn a_line_that_is_no_question_is_said_and_the_others_are_answered() {
    let place = Place::with("pix.log", slot("10:00:00", "10.0.0.1", "192.0.2.1"));
    let good = "192.0.2.1 2003-03-04 10:00:01\n";
    place.write("asked", format!("{good}192.0.2.1\n  192.0.2.300 2003-03-04\n192.0.2.1  noon\n{good}"));
    let said = trace(&place, &["--questions", "asked", "pix.log", "-q", "--format", "json"]);
    let answers: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.status, answers["questions"].as_array().unwrap().len()), (Some(1), 2), "{said:?}");
    let expected =
        ["error: --questions asked:2:1: ", "error: --questions asked:3:3: ", "error: --questions asked:4:12: "];
    assert_eq!(said.err.lines().count(), expected.len(), "{}", said.err);
    assert!(said.err.lines().zip(expected).all(|(line, place)| line.starts_with(place)), "{}", said.err);
    let wrong = answers["unparsed"].as_array().unwrap();
    let places: Vec<_> =
        wrong.iter().map(|one| (one["path"].as_str(), one["line"].as_u64(), one["column"].as_u64())).collect();
    assert_eq!(places, [(2, 1), (3, 3), (4, 12)].map(|(line, column)| (Some("asked"), Some(line), Some(column))));
    assert!(
        wrong[0]["why"].as_str().unwrap().starts_with("a question is an address") && answers["unparsed_total"] == 3
    );
    place.write("asked", "noon\nx y\n");
    let none = trace(&place, &["--questions", "asked", "pix.log"]);
    assert_eq!((none.status, none.out.as_str()), (Some(2), ""));
    assert!(none.err.contains("asked:1:1: ") && none.err.contains("none of its 2 lines asks anything"), "{}", none.err);
    place.write("asked", good.repeat(2));
    assert_eq!(trace(&place, &["--questions", "asked", "pix.log"]).status, Some(0));
    place.write("asked", good.to_owned() + &"x\n".repeat(23));
    let err = trace(&place, &["--questions", "asked", "pix.log"]).err;
    assert!(err.contains("error: --questions: 3 more lines are no questions\n"), "{err}");
}

#[test]
fn messages_that_a_log_says_were_lost_are_a_warning_each_time() {
    let lost = "Mar  4 10:00:02 loghost rsyslogd: imuxsock lost 88 messages from pid 8 due to rate-limiting\n";
    let place = Place::with("pix.log", slot("10:00:00", "10.0.0.1", "192.0.2.1") + lost);
    let ask = || trace(&place, &["192.0.2.1", "--at", "2003-03-04 10:00:01", "--year", "2003", "pix.log"]);
    let says = |line: u64, many: u64| {
        format!(
            "warning: pix.log says (first in line {line}) that messages were dropped before they came to it, {many} of them by its \
             count. Of what they told no question can be answered.\n"
        )
    };
    for _ in 0..2 {
        assert_eq!((ask().status, ask().err), (Some(0), says(2, 88)));
    }
    // What comes later is added.
    let mut log = OpenOptions::new().append(true).open(place.path().join("pix.log")).unwrap();
    log.write_all(lost.replace("88", "12").as_bytes()).unwrap();
    assert_eq!(ask().err, says(2, 100));
}

#[test]
fn what_is_redacted_is_not_shown_where_a_question_is_wrong() {
    let place = Place::with("pix.log", slot("10:00:00", "10.0.0.1", "192.0.2.1"));
    place.write("questions", "192.0.2.1 2003-03-04\n192.0.2.77:70000 2003-03-04\n");
    place.write("key", KEY);
    let said = trace(&place, &["--redact", "--redact-key", "key", "--questions", "questions", "pix.log"]);
    assert!(said.err.contains("questions:2:1: no question") && !said.err.contains("192.0.2.77"), "{}", said.err);
    assert!(trace(&place, &["--questions", "questions", "pix.log"]).err.contains("\"192.0.2.77:70000\" is no address"));
}

#[test]
fn usage_that_is_wrong_fails_and_says_what_would_be_right() {
    let place = Place::with("pix.log", slot("10:00:00", "10.0.0.1", "192.0.2.1"));
    place.write("bad", "# all\n192.0.2.1\n");
    place.write("notes", "nothing\n");
    let mut capture = Vec::new();
    catspaw_lab::wire::capture(&catspaw_lab::wire::WireScenario::example(), &mut capture).unwrap();
    place.write("x.pcap", capture);
    for (arguments, says) in [
        (&["pix.log"][..], "Complaints among the evidence are not read by this version"),
        (&["192.0.2.1", "pix.log"], "--at TIME is missing"),
        (&["192.0.2.1", "--at", "noon", "pix.log"], "\"noon\" is none: a moment is"),
        (&["pix.log", "--at", "2003-03-04"], "\"pix.log\" is no address"),
        (&["192.0.2.1", "--at", "2003-03-04"], "no evidence is named"),
        (
            &["--questions", "bad", "pix.log"],
            "no question in it that is understood: bad:2:1: a question is an address and",
        ),
        (&["192.0.2.1", "--at", "2003-03-04", "notes"], "no file gave a record"),
        (&["192.0.2.1", "--at", "2003-03-04", "x.pcap"], "x.pcap: a capture does not say who was behind an address"),
        (&["192.0.2.1", "--at", "2003-03-04", "--timezone", "Mars", "pix.log"], "is no time zone"),
    ] {
        let said = trace(&place, arguments);
        assert!(said.failed().contains(says), "{arguments:?}: {}", said.err);
    }
}

#[test]
fn a_name_is_the_address_that_the_configuration_gives_it() {
    let built = line(
        "10:00:00",
        "pix",
        "302013: Built outbound TCP connection 7 for outside:198.51.100.7/25 (198.51.100.7/25) to inside:pc/2000 (192.0.2.10/1026)",
    );
    let place = Place::with("pix.log", built + &slot("10:00:00", "10.0.0.9", "192.0.2.77"));
    place.write("fw.conf", "name 10.0.0.5 pc\n");
    let at = "2003-03-04 10:00:30";
    assert_hosts(&place, "192.0.2.10:1026", at, &[]);
    // The index that was made without the names is not asked with them, and the other way round.
    for _ in 0..2 {
        let answer = ask(&place, "192.0.2.10:1026", at, &["--names", "fw.conf", "pix.log"]);
        assert_eq!(hosts(&answer), ["10.0.0.5"], "{answer:#}");
    }
    // A log that has grown is read on with them.
    let more = line(
        "10:01:00",
        "pix",
        "302013: Built outbound TCP connection 8 for outside:198.51.100.7/25 (198.51.100.7/25) to inside:pc/2001 (192.0.2.10/1027)",
    );
    OpenOptions::new().append(true).open(place.path().join("pix.log")).unwrap().write_all(more.as_bytes()).unwrap();
    let answer = ask(&place, "192.0.2.10:1027", "2003-03-04 10:01:30", &["--names", "fw.conf", "pix.log"]);
    assert_eq!(hosts(&answer), ["10.0.0.5"], "{answer:#}");
    place.write("catspaw.toml", "names = \"fw.conf\"\n");
    let answer = ask(&place, "192.0.2.10:1027", "2003-03-04 10:01:30", &["--config", "catspaw.toml", "pix.log"]);
    assert_eq!(hosts(&answer), ["10.0.0.5"], "{answer:#}");
    assert_hosts(&place, "192.0.2.10:1026", at, &[]);
}

#[test]
fn a_block_without_ports_is_nobodys_whole_address() {
    let nfware = "Mar  4 10:00:00 nat-1 A VRF 0 INT 10.0.0.5 EXT 192.0.2.31:0-0\n\
        Mar  4 10:00:00 nat-1 A VRF 0 INT 10.0.0.6 EXT 192.0.2.31:1024-1535\n";
    let place = Place::with("pix.log", nfware);
    let answer = ask(&place, "192.0.2.31:1030", "2003-03-04 10:00:30", &["--year", "2003", "pix.log"]);
    assert_eq!(hosts(&answer), ["10.0.0.6"], "{answer:#}");
}

#[test]
fn an_inside_address_is_answered_with_what_the_outside_saw() {
    let pat = |time, built, mapped: &str, life| xlate(time, built, "dynamic TCP", "10.0.0.1/4000", mapped, life);
    let log = pat("10:00:00", true, "192.0.2.1/1025", "")
        + &pat("11:00:00", false, "192.0.2.1/1025", "1:00:00")
        + &xlate("10:10:00", true, "dynamic TCP", "10.0.0.1/4001", "192.0.2.1/1026", "");
    let place = Place::with("pix.log", log);
    let both = assert_hosts(&place, "10.0.0.1", "2003-03-04T10:30:00Z", &[]);
    assert!(why(&both).starts_with("10.0.0.1 is an inside address: the outside sees what it is translated to"));
    for mapped in
        ["pix.log:1: the translation of 10.0.0.1:4000 to 192.0.2.1:1025 (tcp)", "10.0.0.1:4001 to 192.0.2.1:1026"]
    {
        assert!(why(&both).contains(mapped), "{}", why(&both));
    }
    let one = assert_hosts(&place, "10.0.0.1:4001", "2003-03-04T10:30:00Z", &[]);
    assert!(why(&one).contains("192.0.2.1:1026") && !why(&one).contains("192.0.2.1:1025"), "{}", why(&one));
    let before = assert_hosts(&place, "10.0.0.1", "2003-03-04T09:30:00Z", &[]);
    assert!(
        why(&before).contains("No record translates it at 2003-03-04T09:30:00Z.\nAfter it: pix.log:1"),
        "{}",
        why(&before)
    );
    assert!(why(&one).contains("\nAt that moment: pix.log:3: the translation of 10.0.0.1:4001"), "{}", why(&one));
    let unknown = why(&assert_hosts(&place, "10.0.0.2", "2003-03-04T10:30:00Z", &[]));
    let says = "10.0.0.2 is an inside address, which the outside does not see, and no record translates it: ask for the public address";
    assert!(unknown.starts_with(says), "{unknown}");
    let text = trace(&place, &["10.0.0.1", "--at", "2003-03-04T10:30:00Z", "pix.log"]).out;
    assert!(text.starts_with("10.0.0.1 at 2003-03-04T10:30:00Z: an inside address itself\n  - "), "{text}");
    // Of an outside one nothing of the kind is said.
    assert!(why(&assert_hosts(&place, "198.51.100.7", "2003-03-04T10:30:00Z", &[])).contains("in none of the logs"));
}

#[test]
fn answers_fit_the_terminal_and_show_nobody_where_that_is_asked() {
    let log = slot("10:00:00", "2001:db8:0:1:2:3:4:5", "2001:db8:0:1:ffff:eeee:dddd:cccc")
        + &slot("10:00:00", "10.0.0.1", "192.0.2.1");
    let place = Place::with("10.0.0.1.log", log);
    place.write("leases", "2003-03-01T09:00:01Z gw dnsmasq-dhcp: DHCPACK(eth0) 10.0.0.1 00:11:22:33:44:0a annas-pc\n");
    place.write(
        "asked",
        "192.0.2.1 2003-03-04 10:30\n2001:db8:0:1:ffff:eeee:dddd:cccc 2003-03-04 10:30\n192.0.2.9 2003-03-04 10:30\n",
    );
    let asked = ["--questions", "asked", "10.0.0.1.log", "leases"];
    let plain = trace(&place, &asked);
    assert!(
        plain.out.contains("annas-pc") && plain.out.contains("192.0.2.1 at 2003-03-04T10:30:00Z: 10.0.0.1\n"),
        "{plain:?}"
    );
    assert!(plain.out.lines().all(|line| line.len() <= 80), "{}", plain.out);
    place.write("bad", "nothing\n");
    // A key of its own: one in some thousand leaves an address as it is.
    place.write("key", KEY);
    for more in [&["--redact"][..], &["--redact=all"], &["--redact", "--format", "json"]] {
        let said = trace(&place, &[&asked[..], &["bad", "10.0.0.1.nothing", "--redact-key", "key"], more].concat());
        assert_eq!(said.status, Some(1), "{said:?}");
        for true_one in ["10.0.0.1", "192.0.2.", "2001:db8:", "annas-pc", "33:44:0a"] {
            assert!(!said.out.contains(true_one) && !said.err.contains(true_one), "{true_one}: {said:?}");
        }
    }
    let explains = |said: &str| said.contains("public ones by such as nobody has (of 240.0.0.0/4");
    let redacted = trace(&place, &[&asked[..], &["--redact", "--redact-key", "key"]].concat()).out;
    assert!(explains(&redacted.replace('\n', " ")) && !explains(&plain.out.replace('\n', " ")), "{redacted}");
    let keyed = |options: &[&str]| trace(&place, &[&asked[..], &["--redact-key", "key"], options].concat()).out;
    assert_eq!(keyed(&["--redact"]), keyed(&["--redact"]));
    place.write("c.toml", "redact = \"own\"\n");
    assert_eq!(keyed(&["--config", "c.toml"]), keyed(&["--redact"]), "a configuration that wants it is heard");
}

#[test]
fn names_that_cannot_be_read_are_said_with_their_place() {
    let place = Place::with("pix.log", slot("10:00:00", "10.0.0.1", "192.0.2.1"));
    place.write("fw.conf", "hostname fw\nname 10.0.0.5 pc\n name 10.0.0.300 mail\nname 10.0.0.6\n");
    let warnings = "warning: fw.conf:3:7: a `name` command whose address is none: left out\n\
                    warning: fw.conf:4:14: a `name` command without a name: left out\n";
    let said = trace(&place, &["192.0.2.1", "--at", "2003-03-04 10:30", "--names", "fw.conf", "pix.log"]);
    assert_eq!((said.status, said.err.as_str()), (Some(0), warnings));
    assert!(place.scan(&["--names", "fw.conf", "pix.log"]).err.starts_with(warnings));
    assert_eq!(
        trace(&place, &["192.0.2.1", "--at", "2003-03-04 10:30", "--names", "fw.conf", "pix.log", "-q"]).err,
        ""
    );
}
