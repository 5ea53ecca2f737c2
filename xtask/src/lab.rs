//! Real traffic of real daemons, made by `catspaw-lab`, read by `catspaw`, and held to its truth.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::args::Args;
use crate::judge::{Judged, conclude, holds, shortfalls, show, text_of};
use crate::run::{self, Doing, Result, cargo};
use crate::tables::Table;

/// What is read of each capture: itself, and what other witnesses would have told of it.
const VIEWS: [&str; 6] = ["capture", "pix", "pix-cut", "asa", "asa-cut", "conn"];

/// How many scenarios are played at a time: most of the time they wait.
const JOBS: u32 = 4;

/// What the documentation's figures are made of.
const SEEDS: [u64; 2] = [1, 2];

/// How long it took to make all that is in a folder.
const TOOK: &str = "made-in";

/// What it draws is the same each time; what the kernel and the daemons make of it is not.
const SMALL_SEED: u64 = 2;

/// What of a run is kept in the repository, where its tests read it: captures are too large for that.
const KEPT: [&str; 6] = ["pix.log.zst", "asa.log.zst", "conn.log.zst", "truth.json.zst", "config.toml", "owners.csv"];

/// `cargo xtask lab`.
pub(crate) fn lab(args: &mut Args) -> Result {
    let seed: u64 = args.option("--seed")?.unwrap_or(1);
    let mut scenarios = Vec::new();
    while let Some(name) = args.option::<String>("--scenario")? {
        scenarios.push(name);
    }
    let to = args.option("-o")?.unwrap_or_else(|| run::target().join("lab").join(seed.to_string()));
    let jobs: u32 = args.option("-j")?.unwrap_or(JOBS);
    let (again, fixtures) = (args.flag("--again"), args.flag("--fixtures"));
    args.end()?;
    build()?;
    if !again {
        make((seed, jobs), &scenarios, &to)?;
    }
    conclude(&show(judged(&judge(&to, &scenarios)?)))?;
    if fixtures { keep(&to, &scenarios) } else { Ok(()) }
}

/// Every scenario by the seeds of the documentation, what falls short, and how long it took; of what was made before, where `again`
/// is said.
pub(crate) fn figures(again: bool) -> Result<String> {
    build()?;
    let (mut table, mut short, mut took) = (Table::new(&[&["seed"][..], &HEAD].concat()), Vec::new(), String::new());
    for seed in SEEDS {
        let to = run::target().join("lab").join(seed.to_string());
        if !again {
            make((seed, JOBS), &[], &to)?;
        }
        let made = fs::read_to_string(to.join(TOOK)).doing("how long it took")?;
        let began = Instant::now();
        let says = judge(&to, &[])?;
        let (of, held) = (says.len(), says.iter().filter(|one| shortfalls(one).next().is_none()).count());
        let read = began.elapsed().as_secs_f64();
        took += &format!("Seed {seed}: {held} of {of} hold; made in {made}, and read and judged in {read:.0} s.\n");
        rows(&says).into_iter().for_each(|row| table.row([vec![seed.to_string()], row].concat()));
        short.extend(judged(&says).short.into_iter().map(|what| format!("- seed {seed}, {what}\n")));
    }
    Ok(format!("{took}\n{table}\n{}", short.concat()))
}

/// Copies what the repository's tests read, in the place of what was kept of these scenarios before; of all of them, of whatever
/// was.
fn keep(made: &Path, scenarios: &[String]) -> Result {
    let fixtures = run::root().join("lab/fixtures");
    let folders_made = folders(made, scenarios)?;
    for old in numbered(&fixtures)? {
        if scenarios.is_empty() || scenarios.contains(&old.name) {
            fs::remove_dir_all(&old.path).doing(old.path.display())?;
        }
    }
    for folder in folders_made {
        let to = fixtures.join(folder.file_name().unwrap_or_default());
        fs::create_dir_all(&to).doing(to.display())?;
        for name in KEPT.iter().filter(|name| folder.join(name).exists()) {
            fs::copy(folder.join(name), to.join(name)).doing(to.display())?;
        }
    }
    Ok(())
}

/// The step of `cargo xtask test`: a small scenario, made afresh each time.
pub(crate) fn small() -> Result {
    if run::output(Command::new("id").arg("-u"))?.trim() != "0" {
        println!("skipped: network namespaces are made by root alone");
        return Ok(());
    }
    let (to, small) = (run::target().join("lab/test"), ["small".to_owned()]);
    build()?;
    need(&small)?;
    if let Some(missing) = cannot_make() {
        println!("skipped: {missing}");
        return Ok(());
    }
    make((SMALL_SEED, 1), &small, &to)?;
    conclude(&show(judged(&judge(&to, &small)?)))
}

/// Why a network cannot be made here: some containers forbid it to root, too.
fn cannot_make() -> Option<String> {
    if !Path::new("/dev/net/tun").exists() {
        return Some("there is no /dev/net/tun here".to_owned());
    }
    let space = format!("catspaw-probe-{}", std::process::id());
    let ip = |verb: &str| run::output(Command::new("ip").args(["netns", verb, &space]));
    ip("add").and_then(|_| ip("delete")).err().map(|why| format!("no network namespace can be made here: {why}"))
}

fn build() -> Result {
    run::run(&mut cargo(["build", "--locked", "--release", "-p", "catspaw", "-p", "catspaw-lab"]))
}

/// Makes scenarios, all of them without a name.
fn make((seed, jobs): (u64, u32), scenarios: &[String], to: &Path) -> Result {
    need(scenarios)?;
    let began = Instant::now();
    let mut daemons = program();
    daemons.arg("daemons").args(["--seed", &seed.to_string(), "-j", &jobs.to_string()]).arg("-o").arg(to);
    daemons.args(scenarios.iter().flat_map(|name| ["--scenario", name]));
    run::run(&mut daemons)?;
    let took = format!("{:.0} s, {jobs} scenarios at a time", began.elapsed().as_secs_f64());
    println!("made in {took}, in {}", to.display());
    if scenarios.is_empty() { fs::write(to.join(TOOK), took).doing(to.display()) } else { Ok(()) }
}

fn program() -> Command {
    Command::new(run::target().join("release/catspaw-lab"))
}

/// Sees to it that the daemons are there.
fn need(scenarios: &[String]) -> Result {
    let list = run::output(program().arg("programs").args(scenarios))?;
    let missing: Vec<&str> = list
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(program, _)| !run::found(program))
        .map(|(_, package)| package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("installing {}", missing.join(" "));
    run::install_quietly(&missing)
}

/// What the judge says of every view of them.
fn judge(to: &Path, scenarios: &[String]) -> Result<Vec<Value>> {
    let folders = folders(to, scenarios)?;
    folders.iter().flat_map(|folder| VIEWS.map(|view| judge_view(folder, view))).collect()
}

const HEAD: [&str; 9] =
    ["scenario", "views", "holds", "relays", "bots", "innocents named", "precision", "recall", "sessions to detect"];

fn judged(says: &[Value]) -> Judged {
    let mut table = Table::new(&HEAD);
    rows(says).into_iter().for_each(|row| table.row(row));
    let short = says.iter().flat_map(|one| {
        let (scenario, view) = (text_of(&one["scenario"]), text_of(&one["view"]));
        shortfalls(one).map(move |what| format!("{scenario} as {view}: {what}"))
    });
    Judged { table, short: short.collect() }
}

/// A row for all views of a scenario of which the same is to be said.
fn rows(says: &[Value]) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for one in says {
        let row = row(one);
        match rows.iter_mut().find(|other| other[0] == row[0] && other[2..] == row[2..]) {
            Some(other) => other[1] += &format!(", {}", row[1]),
            None => rows.push(row),
        }
    }
    rows
}

fn row(one: &Value) -> Vec<String> {
    let share = |key: &str| format!("{} of {}", one[key]["found"], one[key]["of"]);
    let worst = |key: &str| {
        let shares = one["pairs"].as_array().into_iter().flatten().filter_map(|pair| pair[key].as_f64());
        shares.reduce(f64::min).map_or_else(|| "-".to_owned(), |least| format!("{least:.3}"))
    };
    let soon = one["sessions_to_detect"].as_array().into_iter().flatten();
    vec![
        text_of(&one["scenario"]),
        text_of(&one["view"]),
        holds(one).to_owned(),
        share("relays"),
        share("bots"),
        format!("{} of {}", one["innocents_named"], one["innocents"]),
        worst("precision"),
        worst("recall"),
        soon.map(|of_relay| text_of(&of_relay[1])).collect::<Vec<_>>().join(" "),
    ]
}

/// A folder by the name `1-socks`.
struct Numbered {
    number: u32,
    name: String,
    path: PathBuf,
}

fn numbered(folder: &Path) -> Result<Vec<Numbered>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).doing(folder.display())? {
        let path = entry.doing(folder.display())?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some((number, name)) = name.split_once('-')
            && let Ok(number) = number.parse()
        {
            found.push(Numbered { number, name: name.to_owned(), path });
        }
    }
    found.sort_by(|a, b| (a.number, &a.name).cmp(&(b.number, &b.name)));
    Ok(found)
}

/// The folders of these scenarios, of all of them without a name, in the order of their numbers.
fn folders(to: &Path, scenarios: &[String]) -> Result<Vec<PathBuf>> {
    let mut found = numbered(to)?;
    if let Some(missing) = scenarios.iter().find(|asked| !found.iter().any(|one| one.name == **asked)) {
        return Err(format!("{}: no scenario {missing} was made there", to.display()).into());
    }
    found.retain(|one| scenarios.is_empty() || scenarios.contains(&one.name));
    if found.is_empty() {
        return Err(format!("{}: no scenario was made there", to.display()).into());
    }
    Ok(found.into_iter().map(|one| one.path).collect())
}

fn judge_view(folder: &Path, view: &str) -> Result<Value> {
    let evidence = if view == "capture" { "capture.pcap.zst".to_owned() } else { format!("{view}.log.zst") };
    let [report, pairs] = ["json", "pairs.jsonl"].map(|form| folder.join("work").join(format!("{view}.{form}")));
    // Nobody asks for pairs of a report without incidents.
    fs::write(&pairs, "").doing(pairs.display())?;
    let mut scan = Command::new(run::target().join("release/catspaw"));
    scan.args(["scan", "-q", "--format", "json", "--config"]).arg(folder.join("config.toml"));
    scan.arg("-o").arg(&report).arg("--pairs").arg(&pairs).arg(folder.join(evidence));
    let status = scan.stdin(Stdio::null()).stdout(Stdio::null()).status().doing("catspaw")?;
    let Some(code @ (0 | 1)) = status.code() else {
        return Err(format!("`{}` failed ({status})", run::show(&scan)).into());
    };
    let mut judge = program();
    judge.args(["judge", "--view", view, "--exit", &code.to_string()]);
    let said = run::output(judge.args([&folder.join("truth.json.zst"), &report, &pairs]))?;
    serde_json::from_str(&said).doing("what the judge said")
}
