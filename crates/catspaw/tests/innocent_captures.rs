//! Captures of protocols among innocents that lie beside the checkout (`../shared/data/pcap`): whatever side is taken for
//! ours, nobody in them relays.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Addresses of each capture that are taken for ours, one at a time: those with most connections.
const TAKEN_FOR_OURS: usize = 4;

#[test]
fn nobody_in_captures_of_innocents_is_accused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/pcap");
    let captures = captures_in(&folder);
    if captures.is_empty() {
        return println!("skipped: there is no {}", folder.display());
    }
    assert_eq!(accused(&[folder.as_path()], None), None, "all at once");
    let scratch = tempfile::tempdir().unwrap();
    let mut looked_at = 0;
    for capture in &captures {
        let list = scratch.path().join("conn.jsonl");
        assert_eq!(accused(&[capture, Path::new("--connections"), &list], None), None, "{}", capture.display());
        for host in busiest(&list) {
            assert_eq!(accused(&[capture], Some(&host)), None, "{}, {host} being ours", capture.display());
            looked_at += 1;
        }
    }
    assert!(looked_at >= captures.len(), "{looked_at} hosts of {} captures", captures.len());
}

/// The report's incidents, if there are any.
fn accused(arguments: &[&Path], ours: Option<&str>) -> Option<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_catspaw"));
    command.args(["scan", "-q", "-j", "2"]).args(ours.map(|host| format!("--home-net={host}"))).args(arguments);
    let output = command.output().unwrap();
    // 2: nothing in it could be read.
    assert!(matches!(output.status.code(), Some(0..=2)), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    (output.status.code() == Some(1)).then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn captures_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(captures_in(&path));
        } else if path.to_string_lossy().contains(".pcap") || path.extension().is_some_and(|ext| ext == "trace") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn busiest(connections: &Path) -> Vec<String> {
    let Ok(text) = std::fs::read_to_string(connections) else { return Vec::new() };
    let mut ends: BTreeMap<String, u32> = BTreeMap::new();
    for line in text.lines() {
        let connection: serde_json::Value = serde_json::from_str(line).unwrap();
        for end in ["id.orig_h", "id.resp_h"] {
            *ends.entry(connection[end].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    let mut ends: Vec<_> = ends.into_iter().collect();
    ends.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    ends.into_iter().take(TAKEN_FOR_OURS).map(|(end, _)| end).collect()
}
