//! Suricata's own tests of what rules do (suricata-verify), where they are at hand: beside the repository, in
//! `../shared/data/rules-conformance`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "a test that has nothing to read says so, and each case says how it went")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

#[test]
fn what_fires_is_what_suricata_says() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/rules-conformance");
    if !root.exists() {
        return eprintln!("{} is not there: nothing tested", root.display());
    }
    let mut cases = Vec::new();
    find(&root, &mut cases);
    let (mut wrong, mut held) = (Vec::new(), 0);
    for case in &cases {
        let name = case.strip_prefix(&root).unwrap().display().to_string();
        match check(case) {
            Ok(()) => held += 1,
            Err(why) => wrong.push(format!("{name}: {why}")),
        }
    }
    eprintln!("{held} of {} cases hold", cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The folders below one that hold a case, by name.
fn find(folder: &Path, cases: &mut Vec<PathBuf>) {
    if folder.join("expected.json").exists() {
        return cases.push(folder.to_owned());
    }
    let mut below: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    below.sort();
    below.iter().filter(|path| path.is_dir()).for_each(|folder| find(folder, cases));
}

/// Whether what fires, and how often, is what stands in `expected.json`. What was only observed of Suricata must fire, and
/// nothing else may.
fn check(case: &Path) -> Result<(), String> {
    let expected: Value = serde_json::from_slice(&fs::read(case.join("expected.json")).unwrap()).unwrap();
    let counts = |key: &str| -> BTreeMap<u64, u64> {
        let counts = expected[key].as_object().unwrap().iter();
        counts.map(|(sid, count)| (sid.parse().unwrap(), count.as_u64().unwrap())).collect()
    };
    let (exact, observed) = (counts("expected_alerts_by_sid"), counts("observed_alerts_by_sid"));
    let fired = fired(case)?;
    for (sid, count) in exact {
        let own = fired.get(&sid).copied().unwrap_or_default();
        if own != count {
            return Err(format!("sid {sid} fires {own} times, not {count}; all: {fired:?}"));
        }
    }
    if !fired.keys().eq(observed.keys()) {
        return Err(format!("{fired:?} and not {observed:?}"));
    }
    Ok(())
}

/// How often each rule fires.
fn fired(case: &Path) -> Result<BTreeMap<u64, u64>, String> {
    let folder = tempfile::tempdir().unwrap();
    let alerts = folder.path().join("alerts.jsonl");
    let expected: Value = serde_json::from_slice(&fs::read(case.join("expected.json")).unwrap()).unwrap();
    let arguments: Vec<&str> = expected["arguments"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let checksums = if arguments.contains(&"-k none") { "ignore" } else { "auto" };
    let run = Command::new(env!("CARGO_BIN_EXE_catspaw"))
        .args(["scan", "-q", "--home-net", "0.0.0.0/0,::/0", "--checksums", checksums, "--rules"])
        .arg(case.join("test.rules"))
        .arg("--alerts")
        .arg(&alerts)
        .arg(case.join("input.pcap"))
        .output()
        .unwrap();
    if run.status.code() == Some(2) {
        return Err(String::from_utf8_lossy(&run.stderr).into_owned());
    }
    let mut fired = BTreeMap::new();
    for line in fs::read_to_string(alerts).unwrap().lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        *fired.entry(event["alert"]["signature_id"].as_u64().unwrap()).or_default() += 1;
    }
    Ok(fired)
}
