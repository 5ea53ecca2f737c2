//! `catspaw-lab judge`: holds a report against the truth.

use std::fs;

use catspaw_lab::judge::judge;
use serde_json::Value;

/// Reads the words after `judge`, and prints one line of JSON. What falls short is in it, and no failure.
pub(crate) fn run(arguments: impl Iterator<Item = String>) -> Result<(), String> {
    let (mut view, mut exit, mut files) = ("capture".to_owned(), None, Vec::new());
    let mut arguments = arguments;
    while let Some(word) = arguments.next() {
        match word.as_str() {
            "--view" => view = arguments.next().ok_or("--view: what?")?,
            "--exit" => {
                let value = arguments.next().ok_or("--exit: what?")?;
                exit = Some(crate::number("--exit", &value)?);
            }
            _ => files.push(word),
        }
    }
    let [truth, report, pairs] = &files[..] else { return Err("TRUTH, REPORT and PAIRS (try --help)".to_owned()) };
    let lines = String::from_utf8_lossy(&read(pairs)?).into_owned();
    let pairs =
        lines.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>().map_err(|why| why.to_string())?;
    let said = judge(&view, &parse(truth)?, &parse(report)?, &pairs, exit);
    let says = said.map_err(|why| format!("{truth}: {why}"))?;
    crate::print(&serde_json::to_string(&says).map_err(|why| why.to_string())?)
}

fn parse(path: &str) -> Result<Value, String> {
    serde_json::from_slice(&read(path)?).map_err(|why| format!("{path}: {why}"))
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    let bytes = fs::read(path).map_err(|why| format!("{path}: {why}"))?;
    if path.ends_with(".zst") {
        zstd::decode_all(&bytes[..]).map_err(|why| format!("{path}: {why}"))
    } else {
        Ok(bytes)
    }
}
