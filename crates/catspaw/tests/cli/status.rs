//! The exit status, and who hears what.

use std::process::Stdio;

use crate::pix::{quiet_log, relay_log};
use crate::run::Place;

#[test]
fn the_status_says_whether_something_was_found() {
    let place = Place::with("relay.log", relay_log());
    place.write("quiet.log", quiet_log());
    assert_eq!(place.scan(&["quiet.log"]).status, Some(0));
    assert_eq!(place.scan(&["relay.log"]).status, Some(1));
    assert_eq!(place.scan(&["quiet.log", "relay.log"]).status, Some(1));
}

#[test]
fn a_declared_relay_is_not_something_found() {
    let place = Place::with("relay.log", relay_log());
    place.write("catspaw.toml", "[[authorised]]\nhost = \"10.0.0.66\"\nport = 1182\nreason = \"test\"\n");
    let report = place.report(&["--config", "catspaw.toml", "relay.log"]);
    assert_eq!(report["incidents"].as_array().unwrap().len(), 0);
    assert_eq!(report["authorised"][0]["host"], "10.0.0.66");
    assert_eq!(place.scan(&["--config", "catspaw.toml", "relay.log"]).status, Some(0));
}

#[test]
fn what_lies_outside_of_a_declaration_is_said_to_and_a_reason_is_asked_for() {
    let place = Place::with("relay.log", relay_log());
    let stanza = "[[authorised]]\nhost = \"10.0.0.66\"\nport = 1182\ntargets = [\"192.0.2.255\"]\nreason = \"...\"\n";
    place.write("catspaw.toml", stanza);
    let said = place.scan(&["--config", "catspaw.toml", "relay.log"]);
    assert_eq!(said.status, Some(1));
    assert!(said.out.contains("widen what is declared of it"), "{}", said.out);
    assert!(said.err.contains("warning: catspaw.toml: 10.0.0.66 declared without a reason"), "{}", said.err);
    let plain = place.scan(&["relay.log"]);
    assert!(plain.out.contains("declare it in the file") && plain.err.is_empty(), "{plain:?}");
}

#[test]
fn evidence_that_is_partly_unreadable_does_not_fail_the_run() {
    let place = Place::with("relay.log", relay_log() + "and a line of something else\n");
    place.write("picture", b"\x89PNG\0\0\0\0");
    let said = place.scan(&["picture", "relay.log", "nothing.log"]);
    assert_eq!(said.status, Some(1));
    assert!(said.err.contains("error: picture: no evidence"), "{}", said.err);
    assert!(said.err.contains("error: nothing.log: there is no such file"), "{}", said.err);
    assert!(said.out.contains("10.0.0.66"));
}

#[test]
fn usage_that_is_wrong_fails_the_run_and_names_the_option() {
    let place = Place::with("quiet.log", quiet_log());
    for (arguments, says) in [
        (&[][..], "<EVIDENCE>"),
        (&["quiet.log", "--no-such"], "--no-such"),
        (&["quiet.log", "--home-net", "300.0.0.0/8"], "--home-net 300.0.0.0/8: no address and no network"),
        (&["quiet.log", "--home-net", "10.0.0.0/33"], "--home-net 10.0.0.0/33"),
        (&["quiet.log", "--home-net", ""], "--home-net"),
        (&["quiet.log", "--timezone", "Mars/Olympus"], "--timezone: \"Mars/Olympus\" is no time zone (such as UTC"),
        (&["quiet.log", "--year", "12"], "--year 12: give a year from 1970 to 2200"),
        (&["quiet.log", "--year", "soon"], "--year"),
        (&["quiet.log", "-j", "0"], "--jobs 0: give at least one thread"),
        (&["quiet.log", "--format", "yaml"], "possible values: text, json, csv"),
        (&["quiet.log", "--progress", "maybe"], "possible values: auto, never"),
        (&["quiet.log", "--pairs", "pairs.csv"], "--pairs pairs.csv: the name ends in .jsonl"),
        (&["quiet.log", "--connections", "rows"], "--connections rows: the name ends in .jsonl"),
        (&["quiet.log", "-o", "no/such/report"], "no/such/report: cannot be written"),
        (&["quiet.log", "--pairs", "no/such/p.jsonl"], "no/such/p.jsonl: cannot be written"),
        (&["quiet.log", "--config", "none.toml"], "none.toml: cannot be read"),
    ] {
        let said = place.scan(arguments);
        assert!(said.failed().contains(says), "{arguments:?}: {}", said.err);
    }
}

#[test]
fn what_is_read_is_not_written_over() {
    let log = relay_log();
    let place = Place::with("in/relay.log", &log);
    for arguments in [
        &["in/relay.log", "-o", "in/../in/relay.log"][..],
        &["in", "--pairs", "in/relay.log"],
        &["in", "--connections", "in/relay.log"],
    ] {
        assert!(place.scan(arguments).failed().contains("would be lost"), "{arguments:?}");
        assert_eq!(place.read("in/relay.log"), log, "{arguments:?}");
    }
    let twice = place.scan(&["in", "--pairs", "rows.jsonl", "--connections", "./rows.jsonl"]);
    assert!(twice.failed().contains("--connections ./rows.jsonl"), "{}", twice.err);
}

#[test]
fn quiet_means_that_only_failures_are_said() {
    let place = Place::with("in/relay.log", relay_log());
    place.write("in/empty.log", "");
    place.write("in/notes.txt", "nothing\n");
    assert!(place.scan(&["in"]).err.contains("warning: in/notes.txt"));
    let said = place.scan(&["-q", "in"]);
    assert_eq!((said.status, said.err.as_str()), (Some(1), ""));
    let said = place.scan(&["-q", "in", "missing"]);
    assert_eq!(said.err.lines().count(), 1, "{}", said.err);
    assert!(said.err.starts_with("error: missing: "), "{}", said.err);
}

#[test]
fn a_pipe_gets_neither_colour_nor_progress() {
    let place = Place::with("relay.log", relay_log());
    for no_colour in [None, Some("1"), Some("")] {
        let mut command = place.command(&["relay.log", "--progress", "auto"]);
        if let Some(value) = no_colour {
            command.env("NO_COLOR", value);
        }
        let output = command.output().unwrap();
        assert!(!output.stdout.contains(&0x1b));
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn whoever_stops_reading_the_report_has_seen_enough() {
    let place = Place::with("relay.log", relay_log());
    for format in ["text", "json"] {
        let mut child = place.command(&["relay.log", "--format", format]).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let said = child.wait_with_output().unwrap();
        assert_eq!(said.status.code(), Some(1));
        assert_eq!(String::from_utf8_lossy(&said.stderr), "");
    }
}

#[test]
fn a_report_in_a_file_leaves_standard_output_alone() {
    let place = Place::with("relay.log", relay_log());
    let said = place.scan(&["relay.log", "-o", "report.txt"]);
    assert_eq!((said.status, said.out.as_str(), said.err.as_str()), (Some(1), "", ""));
    assert!(place.read("report.txt").contains("10.0.0.66"));
}

#[test]
fn the_manual_and_the_completions_name_every_option() {
    let print = |arguments: &[&str]| {
        let run = std::process::Command::new(env!("CARGO_BIN_EXE_catspaw")).args(arguments).output().unwrap();
        assert!(run.status.success() && run.stderr.is_empty(), "{run:?}");
        String::from_utf8(run.stdout).unwrap()
    };
    let page = print(&["man", "scan"]);
    assert!(page.contains(".TH catspaw-scan 1") && page.contains("catspaw scan"), "{page}");
    for option in ["home\\-net", "suggest\\-authorised", "columns"] {
        assert!(page.contains(option), "{option}: {page}");
    }
    assert!(print(&["man"]).contains("catspaw\\-trace(1)"));
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(print(&["completions", shell]).contains("suggest-authorised"), "{shell}");
    }
}

#[test]
fn a_dash_is_standard_output_for_the_report_and_no_file() {
    let place = Place::with("pix.log", relay_log());
    let said = place.scan(&["pix.log", "--year", "2003", "-o", "-"]);
    assert!(said.status == Some(1) && said.out.contains("10.0.0.66"), "{}", said.err);
    assert!(!place.path().join("-").exists());
    let refused = place.scan(&["pix.log", "--suggest-authorised", "-"]);
    assert!(refused.failed().contains("name a file"), "{}", refused.err);
}
