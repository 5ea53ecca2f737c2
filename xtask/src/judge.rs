//! Reports held against the truth of the captures that lie beside the checkout.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::args::Args;
use crate::run::{self, Doing, Result};
use crate::tables::Table;
use crate::test;

/// What this version must hold: captures with forward relays, seen through logs of connections.
const SCENARIOS: [&str; 9] = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
const VIEWS: [&str; 6] = ["capture", "pix", "pix-cut", "asa", "asa-cut", "conn"];

/// The four days of syslog.
const CASE: &str = "case";

/// What the judges said.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) table: Table,
    /// What falls short, in the judge's words.
    pub(crate) short: Vec<String>,
}

/// `cargo xtask judge`.
pub(crate) fn judge(args: &mut Args) -> Result {
    let views: Option<String> = args.option("--views")?;
    let names = args.names()?;
    let shared = run::shared().ok_or("there is nothing to judge by beside this checkout (../shared)")?;
    prepare()?;
    let scenarios: Vec<&str> = names.iter().map(String::as_str).filter(|name| *name != CASE).collect();
    let mut short = Vec::new();
    if names.is_empty() || !scenarios.is_empty() {
        let views: Vec<&str> = views.as_deref().map_or(VIEWS.to_vec(), |list| list.split(',').collect());
        let scenarios = if scenarios.is_empty() { SCENARIOS.to_vec() } else { scenarios };
        short.extend(show(judge_captures(&shared, &scenarios, &views)?));
    }
    if names.is_empty() || names.iter().any(|name| name == CASE) {
        short.extend(show(judge_case(&shared)?));
    }
    conclude(&short)
}

/// The step of `cargo xtask test`.
pub(crate) fn held() -> Result {
    let Some(shared) = run::shared() else {
        println!("skipped: there are no captures beside this checkout (../shared)");
        return Ok(());
    };
    prepare()?;
    conclude(&show(judge_captures(&shared, &SCENARIOS, &VIEWS)?))
}

/// The captures for the figures.
pub(crate) fn captures() -> Result<Judged> {
    let shared = run::shared().ok_or("there is nothing to judge by beside this checkout (../shared)")?;
    prepare()?;
    judge_captures(&shared, &SCENARIOS, &VIEWS)
}

/// The four days for the figures.
pub(crate) fn case() -> Result<Judged> {
    let shared = run::shared().ok_or("there is nothing to judge by beside this checkout (../shared)")?;
    prepare()?;
    judge_case(&shared)
}

fn prepare() -> Result {
    run::need(&["python3", "zstd"])?;
    test::release()
}

pub(crate) fn show(judged: Judged) -> Vec<String> {
    println!("{}", judged.table);
    judged.short
}

pub(crate) fn conclude(short: &[String]) -> Result {
    for what in short {
        println!("  {what}");
    }
    match short.len() {
        0 => Ok(()),
        n => Err(format!("what falls short: {n}").into()),
    }
}

fn judge_captures(shared: &Path, scenarios: &[&str], views: &[&str]) -> Result<Judged> {
    let mut script = Command::new("bash");
    script.arg(shared.join("tools/views.sh")).arg(shared.join("data/captures")).args(views);
    script.env("SCENARIOS", scenarios.join(" ")).env("CATSPAW", run::target().join("release/catspaw"));
    // Its status says no more than its lines do.
    let output = script.current_dir(run::root()).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let text = String::from_utf8_lossy(&output.doing("views.sh")?.stdout).into_owned();
    let judgements: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    if judgements.len() != scenarios.len() * views.len() {
        return Err(format!(
            "views.sh judged {} reports instead of {} times {}: {}",
            judgements.len(),
            scenarios.len(),
            views.len(),
            text.lines().last().unwrap_or("it printed nothing")
        )
        .into());
    }
    let mut table =
        Table::new(&["capture", "view", "holds", "relays", "authorised", "precision", "recall", "sessions to detect"]);
    let mut short = Vec::new();
    for one in &judgements {
        let (scenario, view) = (text_of(&one["scenario"]), text_of(&one["view"]));
        let of_pairs = |key: &str| list(one["pairs"].as_array(), |pair| &pair[key]);
        table.row(vec![
            scenario.clone(),
            view.clone(),
            holds(one).to_owned(),
            text_of(&one["relays"]),
            text_of(&one["authorised"]),
            of_pairs("precision"),
            of_pairs("recall"),
            list(one["sessions_to_detect"].as_array(), |of_relay| &of_relay[1]),
        ]);
        short.extend(shortfalls(one).map(|what| format!("{scenario} as {view}: {what}")));
    }
    Ok(Judged { table, short })
}

fn judge_case(shared: &Path) -> Result<Judged> {
    let data = shared.join("data/case");
    let truth = data.join("truth.json.zst");
    let scratch = run::target().join("xtask");
    fs::create_dir_all(&scratch).doing(scratch.display())?;
    let [config, report, pairs] = ["case.toml", "case.json", "case.pairs.jsonl"].map(|name| scratch.join(name));
    for old in [&report, &pairs] {
        // What an earlier run left must not be judged in the place of what this one failed to write.
        if old.exists() {
            fs::remove_file(old).doing(old.display())?;
        }
    }
    let ask = |what: &str| run::output(Command::new("python3").arg(shared.join("tools/case.py")).arg(what).arg(&truth));
    fs::write(&config, ask("--config")?).doing(config.display())?;
    let mut scan = Command::new(run::target().join("release/catspaw"));
    scan.args(["scan", "-q", "--format", "json", "--year", ask("--year")?.trim(), "--config"]).arg(&config);
    scan.arg("-o")
        .arg(&report)
        .arg("--pairs")
        .arg(&pairs)
        .args(["pix.log.zst", "dorm-pix.log.zst"].map(|log| data.join(log)));
    let status = scan.stdin(Stdio::null()).stdout(Stdio::null()).status().doing("catspaw")?;
    if !matches!(status.code(), Some(0 | 1)) {
        return Err(format!("`{}` failed ({status})", run::show(&scan)).into());
    }
    let mut judge = Command::new("python3");
    judge
        .arg(shared.join("tools/case.py"))
        .args([&report, &pairs, &truth])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let said: Value = serde_json::from_slice(&judge.output().doing("case.py")?.stdout).doing("what case.py said")?;
    let counts = ["relayed", "refused", "smtp_completed", "delivered", "unanswered_inbound"];
    let mut table = Table::new(&[
        "host",
        "relayed",
        "refused",
        "SMTP completed",
        "delivered",
        "unanswered",
        "precision",
        "recall",
        "sessions to detect",
    ]);
    for host in said["hosts"].as_array().into_iter().flatten() {
        let mut row = vec![text_of(&host["host"])];
        row.extend(counts.map(|count| format!("{} of {}", text_of(&host[count][0]), text_of(&host[count][1]))));
        row.extend(["precision", "recall"].map(|key| text_of(&host["pairs"][key])));
        row.push(text_of(&host["sessions_to_detect"]));
        table.row(row);
    }
    Ok(Judged { table, short: shortfalls(&said).map(|what| format!("case: {what}")).collect() })
}

pub(crate) fn holds(one: &Value) -> &'static str {
    if shortfalls(one).next().is_none() { "yes" } else { "no" }
}

pub(crate) fn shortfalls(one: &Value) -> impl Iterator<Item = String> {
    one["short"].as_array().into_iter().flatten().map(text_of)
}

fn list<'a>(values: Option<&'a Vec<Value>>, of: impl Fn(&'a Value) -> &'a Value) -> String {
    values.into_iter().flatten().map(|value| text_of(of(value))).collect::<Vec<_>>().join(" ")
}

/// A value as a table shows it.
pub(crate) fn text_of(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
