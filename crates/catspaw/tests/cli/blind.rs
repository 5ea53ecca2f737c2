//! Evidence that shows half: what it still shows, and that a clean bill is never given for want of sight. And files
//! that are written whole or not at all.

use std::fs;

use crate::pix::relay_log;
use crate::run::Place;

fn without(log: &str, word: &str) -> String {
    log.lines().filter(|line| !line.contains(word)).map(|line| format!("{line}\n")).collect()
}

#[test]
fn teardowns_alone_still_show_the_relay() {
    let report = Place::with("log", without(&relay_log(), "Built")).report(&["log"]);
    assert_eq!(report["incidents"][0]["host"], "10.0.0.66", "{report}");
    let whole = Place::with("log", relay_log()).report(&["log"]);
    let services = |report: &serde_json::Value| report["incidents"][0]["services"].clone();
    assert_eq!(services(&report), services(&whole));
}

#[test]
fn openings_alone_and_logs_without_bytes_are_no_clean_bill() {
    let said = Place::with("log", without(&relay_log(), "Teardown")).scan(&["log"]);
    assert_eq!(said.status, Some(0));
    assert!(said.err.contains("warning: No connection's end is in this evidence"), "{}", said.err);
    let cut =
        relay_log().lines().map(|line| line.split(" bytes ").next().unwrap().to_owned() + "\n").collect::<String>();
    let place = Place::with("log", cut);
    let said = place.scan(&["log"]);
    assert_eq!(said.status, Some(0));
    assert!(said.err.contains("have no byte counts"), "{}", said.err);
    let limits = place.report(&["log"])["limits"].to_string();
    assert!(limits.contains("have no byte counts"), "{limits}");
    assert_eq!(place.scan(&["-q", "log"]).err, "");
}

#[test]
fn a_year_that_was_guessed_is_said() {
    let place = Place::with("log", relay_log());
    let guessed = place.scan(&["log"]).err.contains("Stamps without a year were taken as of");
    let has_year = relay_log().lines().next().is_some_and(|line| line.split(' ').nth(2).is_some_and(|y| y.len() == 4));
    assert_eq!(guessed, !has_year);
    let bare = relay_log().lines().map(|line| format!("{}{}\n", &line[..7], &line[12..])).collect::<String>();
    let place = Place::with("log", if has_year { bare } else { relay_log() });
    assert!(place.scan(&["log"]).err.contains("Stamps without a year were taken as of"));
    assert_eq!(place.scan(&["--year", "2003", "log"]).err, "");
}

#[test]
fn what_was_not_read_stands_in_the_report() {
    let report = Place::with("log", relay_log()).report(&["nowhere.log", "log"]);
    let unread = &report["unparsed"][0];
    assert_eq!((&unread["path"], &unread["kind"]), (&"nowhere.log".into(), &"file".into()), "{report}");
    assert!(unread["why"].as_str().unwrap().contains("no such file"));
}

#[test]
fn a_run_that_fails_leaves_what_was_there() {
    let place = Place::with("old.txt", "yesterday's report\n");
    place.write("empty.log", "");
    place.scan(&["empty.log", "-o", "old.txt", "--pairs", "pairs.jsonl"]).failed();
    assert_eq!(place.read("old.txt"), "yesterday's report\n");
    let left: Vec<_> = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn nothing_is_written_over_what_is_read() {
    let place = Place::with("log", relay_log());
    place.write("catspaw.toml", "year = 2003\n");
    fs::hard_link(place.path().join("log"), place.path().join("same")).unwrap();
    for arguments in [&["log", "-o", "same"][..], &["log", "--config", "catspaw.toml", "-o", "catspaw.toml"]] {
        let said = place.scan(arguments);
        assert!(said.failed().contains("would be lost: name another"), "{said:?}");
    }
    let mut command = place.command(&["-", "-o", "log"]);
    let said = command.stdin(fs::File::open(place.path().join("log")).unwrap()).output().unwrap();
    assert_eq!(said.status.code(), Some(2));
    assert_eq!(place.read("log"), relay_log());
}
