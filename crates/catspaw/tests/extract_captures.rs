//! Captures of real relays that lie beside the checkout (`../shared/data/captures`): another scan of the packets that
//! `--extract` writes of a host finds the same incident with the same pairs, and no letters are shown of them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// One that stores mail and hands it on, a tunnel, a bot.
const CAPTURES: [(&str, &str); 3] =
    [("3-smtp-odd-port", "forward"), ("6-backconnect", "backconnect"), ("7-spam-bot", "direct")];

#[test]
fn a_scan_of_what_was_extracted_finds_the_same() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/captures");
    if !folder.is_dir() {
        return println!("skipped: there is no {}", folder.display());
    }
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("out.pcap");
    for (name, topology) in CAPTURES {
        let capture = folder.join(name).join("capture.pcap.zst");
        let (report, pairs) = found(&capture, scratch.path());
        let incidents = report["incidents"].as_array().unwrap();
        let incident = incidents.iter().find(|incident| incident["topology"] == topology).unwrap();
        let host = incident["host"].as_str().unwrap();
        scan(&[&capture, Path::new("--extract"), Path::new(host), &out]);
        let (again, pairs_again) = found(&out, scratch.path());
        assert_eq!(again["incidents"].as_array().unwrap().len(), 1, "{name}: nobody else's");
        for key in ["id", "host", "verdict", "services", "tunnel", "first_seen", "last_seen", "clients", "targets"] {
            assert_eq!(again["incidents"][0][key], incident[key], "{name}: {key}");
        }
        for key in ["inbound_attempts", "relayed", "refused", "smtp_completed", "delivered", "bytes_relayed"] {
            assert_eq!(again["incidents"][0]["counts"][key], incident["counts"][key], "{name}: {key}");
        }
        let of_host = |pairs: &str| -> Vec<String> {
            let mut pairs: Vec<String> = pairs.lines().map(ToOwned::to_owned).collect();
            pairs.retain(|pair| pair.contains(host));
            pairs.sort_unstable();
            pairs
        };
        assert_eq!(of_host(&pairs_again), of_host(&pairs), "{name}");
        let explained = scan(&[&out, Path::new("-v"), Path::new("--explain"), Path::new(host)]);
        assert!(explained.contains("What was said") && !explained.contains("Subject:"), "{name}: {explained}");
    }
}

/// The report, and the pairs.
fn found(capture: &Path, scratch: &Path) -> (Value, String) {
    let pairs = scratch.join("pairs.jsonl");
    let report = scan(&[capture, Path::new("--format=json"), Path::new("--pairs"), &pairs]);
    (serde_json::from_str(&report).unwrap(), std::fs::read_to_string(&pairs).unwrap())
}

fn scan(arguments: &[&Path]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_catspaw")).args(["scan", "-q"]).args(arguments).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(1), &b""[..]));
    String::from_utf8(output.stdout).unwrap()
}
