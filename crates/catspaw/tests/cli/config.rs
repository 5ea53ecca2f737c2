//! The configuration: what is wrong in it is said with its place.

use std::path::Path;

use serde_json::Value;

use crate::pix::quiet_log;
use crate::run::Place;

#[track_caller]
fn refused(config: &str, at: &str, says: &str) {
    let place = Place::with("quiet.log", quiet_log());
    place.write("catspaw.toml", config);
    let said = place.scan(&["--config", "catspaw.toml", "quiet.log"]);
    let err = said.failed();
    assert!(err.starts_with(&format!("error: catspaw.toml:{at}: ")), "{config}\n{err}");
    assert!(err.contains(says), "{config}\n{err}");
    let line: usize = at.split(':').next().unwrap().parse().unwrap();
    assert!(err.contains(config.lines().nth(line - 1).unwrap()), "the line is shown: {err}");
}

#[test]
fn an_unknown_key_is_refused_with_those_that_are_known() {
    refused("home_nets = []\n", "1:1", "`home_net`");
    refused(
        "[[authorized]]\nhost = \"10.0.0.1\"\n",
        "1:3",
        "unknown field `authorized` (perhaps `authorised` is meant), expected",
    );
    refused("[threshold]\nalpha = 1e-6\n", "1:2", "(perhaps `thresholds` is meant), expected one of `home_net`");
    refused("[limits]\nalpha = 1e-6\n", "1:2", "unknown field `limits`, expected one of");
    refused("\n[thresholds]\nalpa = 1e-6\n", "3:1", "`alpha`");
    refused("[[authorised]]\nhost = \"10.0.0.1\"\nprot = 25\nreason = \"x\"\n", "3:1", "`port`");
}

#[test]
fn a_wrong_type_is_refused_in_plain_words() {
    refused("year = \"soon\"\n", "1:8", "expected a whole number");
    refused("home_net = \"10.0.0.0/8\"\n", "1:12", "expected a list, as in [\"...\"]");
    refused("quiet = 1\n", "1:9", "boolean");
    refused("ports = [1.5]\n", "1:9", "a port, or ports such as");
    refused("since = 2003-03-04\n", "1:9", "expected a text in quotes");
    refused("[thresholds]\nalpha = \"small\"\n", "2:9", "expected a number");
    refused("home_net = [\n", "1:13", "unclosed array");
}

#[test]
fn a_wrong_value_is_refused_and_what_would_do_is_said() {
    refused("home_net = [\"10.0.0.0/8\", \"10.0.0.0/40\"]\n", "1:27", "\"10.0.0.0/40\" is no address and no network");
    refused("timezone = \"Mars/Olympus\"\n", "1:12", "such as UTC or Europe/Berlin");
    refused("year = 12\n", "1:8", "a year from 1970 to 2200");
    refused("jobs = 0\n", "1:8", "at least one thread");
    refused("jobs = -1\n", "1:8", "at least one thread");
    refused("pairs = \"pairs.csv\"\n", "1:9", "the name ends in .jsonl");
    refused("format = \"yaml\"\n", "1:10", "`json`");
    refused("since = \"soon\"\n", "1:9", "a moment is 2003-03-04T16:05:00Z");
    refused("until = \"2003-02-30\"\n", "1:9", "a moment is");
    refused("host = [\"10.0.0.1\", \"gateway\"]\n", "1:21", "\"gateway\" is no address");
    refused("ports = [\"1180-1185\", 70000]\n", "1:23", "70000: no port");
    refused("ports = [\"1180-1185\", \"9-1\"]\n", "1:23", "9-1: no port and no range of ports");
    refused("[thresholds]\nalpha = 2.0\n", "2:9", "at most 0.001");
    refused("[thresholds]\nmail = -1\n", "2:8", "expected a whole number from 0 on");
    refused("[thresholds]\nalpha = nan\n", "2:9", "at most 0.001");
    refused("[thresholds]\nsettle = -1.0\n", "2:10", "seconds from 0");
    refused("[thresholds]\nmerge_wait = inf\n", "2:14", "seconds from 0");
}

#[test]
fn a_wrong_stanza_is_refused_where_it_is_wrong() {
    let stanza = |rest: &str| format!("[[authorised]]\nhost = \"10.0.0.1\"\n{rest}\n");
    refused(&stanza(""), "1:1", "`reason`");
    refused(&stanza("reason = \"  \""), "3:10", "needs a reason");
    refused(&stanza("reason = \"x\"\nport = 70000"), "4:8", "a port from 1 to 65535");
    refused(&stanza("reason = \"x\"\nproto = \"icmp\""), "4:9", "tcp, udp");
    refused(&stanza("reason = \"x\"\ntopology = \"star\""), "4:12", "forward, backconnect, direct");
    refused(&stanza("reason = \"x\"\ntunnel = \"198.51.100.9\""), "4:10", "198.51.100.9:443");
    refused(&stanza("reason = \"x\"\nclients = [\"all\"]"), "4:12", "\"all\" is no address");
    refused("[[authorised]]\nhost = \"gateway\"\nreason = \"x\"\n", "2:8", "\"gateway\" is no address");
    refused("[[authorised]]\nreason = \"x\"\n", "1:1", "`host`");
}

#[test]
fn a_wrong_cut_is_refused_where_it_is_wrong() {
    refused("[[contained]]\nhost = \"10.0.0.1\"\n", "1:1", "`at`");
    refused("[[contained]]\nhost = \"10.0.0.0/8\"\nat = \"2003-03-04\"\n", "2:8", "one host is cut off");
    refused("[[contained]]\nhost = \"10.0.0.1\"\nat = \"yesterday\"\n", "3:6", "\"yesterday\"");
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let place = Place::with("quiet.log", quiet_log());
    place.write("catspaw.toml", b"home_net = [\"\xff\"]");
    assert!(place.scan(&["--config", "catspaw.toml", "quiet.log"]).failed().contains("catspaw.toml: cannot be read"));
}

#[test]
fn the_command_line_wins() {
    let place = Place::with("quiet.log", quiet_log());
    place.write("catspaw.toml", "home_net = [\"198.51.100.0/24\"]\nformat = \"text\"\ntimezone = \"Asia/Tokyo\"\n");
    assert!(place.scan(&["--config", "catspaw.toml", "quiet.log"]).failed().contains("--home-net"));
    let options = ["--config", "catspaw.toml", "--home-net", "10.0.0.0/24", "--timezone", "Europe/Berlin", "quiet.log"];
    let report = place.report(&options);
    assert_eq!(report["home_net"][0], "10.0.0.0/24");
    assert_eq!(report["timezone"], "Europe/Berlin");
}

/// The ids of what is said of a host, of what is not declared and of what is.
fn ids(host: &str, config: &str) -> [Vec<String>; 2] {
    let place = Place::with("catspaw.toml", config);
    let log = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/case-2003/pix.log");
    let said = place.scan(&["--config", "catspaw.toml", "--year", "2003", "--format", "json", log.to_str().unwrap()]);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    ["incidents", "authorised"].map(|list| {
        let of_host = report[list].as_array().unwrap().iter().filter(|incident| incident["host"] == host);
        of_host.map(|incident| incident["id"].as_str().unwrap().to_owned()).collect()
    })
}

#[test]
fn an_incident_has_the_same_id_whether_it_is_declared_or_not() {
    const RELAY: &str = "172.28.220.85";
    let stanza = |more: &str| format!("[[authorised]]\nhost = \"{RELAY}\"\nreason = \"a test\"\n{more}");
    let [undeclared, none] = ids(RELAY, "");
    assert_eq!((undeclared.len(), none.len()), (1, 0));
    assert_eq!(ids(RELAY, &stanza("")), [vec![], undeclared.clone()]);
    // One report has both where one port of them is declared that was not seen to relay.
    let [open, declared] = ids(RELAY, &stanza("port = 4711\n"));
    assert_eq!(open, undeclared);
    assert!(declared.len() == 1 && declared != open, "{declared:?}");
}
