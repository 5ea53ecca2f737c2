//! Logs of real daemons and clients that the lab has made (`lab/fixtures`), and what happened: every relay and bot is found, and
//! nobody else. `cargo xtask lab --seed N` makes such folders, with the captures, which are too large to be kept.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The logs of a folder.
const VIEWS: [&str; 3] = ["pix", "asa", "conn"];

#[test]
fn real_daemons_are_told_from_one_another_by_their_logs() {
    let mut folders: Vec<PathBuf> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lab/fixtures"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("truth.json.zst").exists())
        .collect();
    folders.sort();
    assert!(folders.len() >= 10, "{folders:?}");
    let short: Vec<String> =
        folders.iter().flat_map(|folder| VIEWS.map(|view| short(folder, view))).flatten().collect();
    assert!(short.is_empty(), "{}", short.join("\n"));
}

/// What falls short of what a log shows.
fn short(folder: &Path, view: &str) -> Vec<String> {
    let scratch = tempfile::tempdir().unwrap();
    let (report, pairs) = (scratch.path().join("report.json"), scratch.path().join("pairs.jsonl"));
    fs::write(&pairs, "").unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_catspaw"))
        .args(["scan", "-q", "-j", "1", "--format", "json", "--config"])
        .arg(folder.join("config.toml"))
        .arg("-o")
        .arg(&report)
        .arg("--pairs")
        .arg(&pairs)
        .arg(folder.join(format!("{view}.log.zst")))
        .output()
        .unwrap()
        .status;
    let truth = zstd::decode_all(fs::File::open(folder.join("truth.json.zst")).unwrap()).unwrap();
    let parse = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap();
    let rows: Vec<Value> = fs::read_to_string(&pairs).unwrap().lines().map(|row| parse(row.as_bytes())).collect();
    let exit = status.code().map(i64::from);
    let said = catspaw_lab::judge::judge(view, &parse(&truth), &parse(&fs::read(&report).unwrap()), &rows, exit);
    let says = said.unwrap();
    says.short.iter().map(|what| format!("{} as {view}: {what}", says.scenario)).collect()
}
