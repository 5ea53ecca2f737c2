//! The rule of 2003 on captures whose truth is known, where they are at hand: beside the repository, in
//! `../shared/data/captures`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "a test that has nothing to read says so")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const OF_2003: &str = "alert tcp $EXTERNAL_NET !25:80 -> $INTERNAL_NET !25:80\n\
                       (msg:\"SMTP traffic on nonstandard port\";content:\"RCPT TO\"; nocase;)\n";

/// The report and the truth of a capture; `None`, and a word about it, where it is not there.
fn scan(name: &str) -> Option<(Value, Value)> {
    let capture = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/captures").join(name);
    if !capture.exists() {
        eprintln!("{} is not there: nothing tested", capture.display());
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("2003.rules");
    fs::write(&rules, OF_2003).unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_catspaw"))
        .args(["scan", "-q", "--format", "json", "--rules"])
        .arg(&rules)
        .arg(capture.join("capture.pcap.zst"))
        .output()
        .unwrap();
    assert!(matches!(run.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&run.stderr));
    Some((serde_json::from_slice(&run.stdout).unwrap(), truth(&capture)))
}

fn truth(capture: &Path) -> Value {
    let packed = fs::read(capture.join("truth.json.zst")).unwrap();
    serde_json::from_slice(&zstd::decode_all(packed.as_slice()).unwrap()).unwrap()
}

fn hosts<'a>(list: &'a Value, key: &str) -> BTreeSet<&'a str> {
    list.as_array().unwrap().iter().map(|one| one[key].as_str().unwrap()).collect()
}

#[test]
fn it_fires_where_its_authors_said_and_nobody_is_accused() {
    let Some((report, truth)) = scan("4-rule-false-positives") else { return };
    // Webmail, news and mail that are read at home, and the server that others read them from; not what goes outwards.
    let carries = |host: &&Value| {
        let does = host["does"].to_string();
        !does.contains("HARD") && (does.contains("RCPT TO") || does.contains("mail and news server"))
    };
    let expected: BTreeSet<&str> = truth["innocents"]
        .as_array()
        .unwrap()
        .iter()
        .filter(carries)
        .map(|host| host["ip"].as_str().unwrap())
        .collect();
    assert!(expected.len() >= 9, "{expected:?}");
    assert_eq!(hosts(&report["alerts"], "host"), expected);
    assert_eq!(report["incidents"], serde_json::json!([]));
}

#[test]
fn it_fires_at_relays_whose_mail_is_in_clear() {
    for name in ["1-spam-socks", "2-spam-connect", "3-smtp-odd-port"] {
        let Some((report, truth)) = scan(name) else { return };
        let relay = &truth["relays"][0]["ip"];
        let incident = report["incidents"].as_array().unwrap().iter().find(|incident| incident["host"] == *relay);
        let alerts = incident.unwrap()["alerts"].as_array().unwrap();
        assert_eq!(alerts.len(), 1, "{name}: {alerts:?}");
        assert!(alerts[0]["count"].as_u64().unwrap() > 100, "{name}: {alerts:?}");
        assert!(!hosts(&report["alerts"], "host").contains(relay.as_str().unwrap()), "{name}");
    }
}
