//! What the binary writes is what its published schemas say.

#![expect(clippy::unwrap_used, reason = "the helpers of a test are tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use jsonschema::Validator;
use serde_json::Value;

fn validator(schema: &str) -> Validator {
    let schema: Value = serde_json::from_str(schema).unwrap();
    jsonschema::draft202012::meta::validate(&schema)
        .unwrap_or_else(|e| panic!("no schema: {e} at {}", e.instance_path()));
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

fn report_schema() -> Validator {
    validator(include_str!("../../../docs/schema/catspaw.report-1.schema.json"))
}

fn pair_schema() -> Validator {
    validator(include_str!("../../../docs/schema/pair-1.schema.json"))
}

fn connection_schema() -> Validator {
    validator(include_str!("../../../docs/schema/connection-1.schema.json"))
}

fn complaints(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).collect()
}

#[track_caller]
fn assert_valid(validator: &Validator, value: &Value) {
    assert_eq!(complaints(validator, value), Vec::<String>::new(), "{value}");
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// A report and its tables.
struct Scanned {
    report: Value,
    pairs: Vec<Value>,
    connections: Vec<Value>,
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn run(evidence: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_catspaw"));
    command.args(["scan", "--format", "json", "--year", "2003"]).args(more).arg(examples().join(evidence));
    command.output().unwrap()
}

fn scan(evidence: &str, more: &[&str]) -> Scanned {
    let directory = tempfile::tempdir().unwrap();
    let (pairs, connections) = (directory.path().join("p.jsonl"), directory.path().join("c.jsonl"));
    let tables = ["--pairs", pairs.to_str().unwrap(), "--connections", connections.to_str().unwrap()];
    let output = run(evidence, &[&tables, more].concat());
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    Scanned {
        report: serde_json::from_slice(&output.stdout).unwrap(),
        pairs: lines(&pairs),
        connections: lines(&connections),
    }
}

fn assert_all_valid(scanned: &Scanned) {
    assert_valid(&report_schema(), &scanned.report);
    assert!(!scanned.pairs.is_empty() && !scanned.connections.is_empty());
    let (pair, connection) = (pair_schema(), connection_schema());
    scanned.pairs.iter().for_each(|row| assert_valid(&pair, row));
    scanned.connections.iter().for_each(|row| assert_valid(&connection, row));
}

#[test]
fn syslog_gives_what_the_schemas_say() {
    let config = examples().join("case-2003.toml");
    let scanned = scan("case-2003/pix.log", &["--config", config.to_str().unwrap()]);
    assert_all_valid(&scanned);
    assert_eq!(scanned.report["authorised"].as_array().unwrap().len(), 1);
}

#[test]
fn zeek_gives_what_the_schemas_say() {
    assert_all_valid(&scan("case-2003-zeek/conn.log", &[]));
}

/// Every key of the contract must be there, and so must what is in it: a schema that misses one would pass anything.
#[test]
fn a_report_without_one_of_its_keys_is_none() {
    let schema = report_schema();
    let report = scan("case-2003/pix.log", &[]).report;
    let places =
        ["", "/evidence/0", "/incidents/0", "/incidents/0/confidence", "/incidents/0/counts", "/incidents/0/daily/0"];
    let more =
        ["/incidents/0/services/0", "/incidents/0/clients/0", "/incidents/0/targets/0", "/incidents/0/examples/0"];
    let more = more.into_iter().chain(["/incidents/0/containment", "/timers/0"]);
    for place in places.into_iter().chain(more) {
        let keys: Vec<String> = report.pointer(place).unwrap().as_object().unwrap().keys().cloned().collect();
        for key in keys {
            let mut less = report.clone();
            less.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(&key);
            assert!(!complaints(&schema, &less).is_empty(), "{place} without {key}");
        }
    }
}

#[test]
fn wrong_types_are_found() {
    let schema = report_schema();
    let report = scan("case-2003/pix.log", &[]).report;
    let wrong = [
        ("/schema", Value::from("catspaw.report/2")),
        ("/evidence/0/records", Value::from(-1)),
        ("/incidents/0/host", Value::from("nobody")),
        ("/incidents/0/first_seen", Value::from("2003-03-04 16:05:00")),
        ("/incidents/0/verdict", Value::from("none")),
        ("/incidents/0/confidence/p_value", Value::from(0.0)),
        ("/incidents/0/confidence/sessions_to_detect", Value::Null),
        ("/incidents/0/counts/inbound_attempts", Value::Null),
        ("/incidents/0/counts/relayed", Value::from("240")),
        ("/incidents/0/daily/0/date", Value::from("2003-02-30")),
        ("/incidents/0/containment/source", Value::from("guessed")),
        ("/timers/0/syn_timeout", Value::from(-1)),
    ];
    for (place, value) in wrong {
        let mut report = report.clone();
        *report.pointer_mut(place).unwrap() = value;
        assert_eq!(complaints(&schema, &report).len(), 1, "{place}");
    }
}

#[test]
fn the_answers_of_a_trace_are_as_published() {
    let indexes = tempfile::tempdir().unwrap();
    let questions = indexes.path().join("questions");
    std::fs::write(&questions, "192.0.2.30:1846 2003-03-04 01:58:27\n192.0.2.30 2003-03-04\n192.0.2.254 2003-03-04\n")
        .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_catspaw"));
    command.args(["trace", "--format", "json", "--index-dir"]).arg(indexes.path());
    let output = command.arg("--questions").arg(questions).arg(examples().join("case-2003")).output().unwrap();
    let answers: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_valid(&validator(include_str!("../../../docs/schema/catspaw.trace-1.schema.json")), &answers);
    assert_eq!(answers["questions"].as_array().unwrap().len(), 3);
}
