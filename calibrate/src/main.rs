//! Is the stated error true? Innocent host-days and relays are made again from connections tables with known truth,
//! each goes through a fold of its own, and what is said of them is compared with what is claimed.
//!
//! `catspaw-calibrate [--host-days N] [--relays N] [--seed S] [-j N] [--pictures FOLDER] TABLE.jsonl...`. Beside `X.jsonl` may
//! lie `X.truth.json` (without it every host of the private ranges is taken for an innocent) and `X.pairs.jsonl` (a `--pairs`
//! table, for relays whose sessions the truth does not list). What is before the first dot of the file's name is the
//! network: one address of it is one machine in whatever view. `cargo xtask calibrate` makes the tables.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is there to print")]

mod bounds;
mod claims;
mod curves;
mod day;
mod held_out;
mod hiding;
mod innocents;
mod power;
mod relays;
mod rng;
mod say;
mod source;
mod svg;
mod table;
mod truth;
mod work;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use innocents::Innocents;
use relays::Proxy;
use say::Said;
use source::Source;
use table::Table;
use truth::{Truth, UNTOLD};

const USAGE: &str =
    "usage: catspaw-calibrate [--host-days N] [--relays N] [--seed S] [-j N] [--pictures FOLDER] TABLE.jsonl...";

/// What to do.
#[derive(Debug)]
struct Plan {
    host_days: usize,
    relays: usize,
    seed: u64,
    threads: usize,
    /// Where the curves go.
    pictures: Option<PathBuf>,
    tables: Vec<PathBuf>,
}

fn main() -> ExitCode {
    match plan(std::env::args().skip(1)).and_then(|plan| calibrate(&plan)) {
        Ok(fails) if fails.is_empty() => ExitCode::SUCCESS,
        Ok(fails) => {
            fails.iter().for_each(|fail| eprintln!("catspaw-calibrate: {fail}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("catspaw-calibrate: {error}");
            ExitCode::from(2)
        }
    }
}

fn plan(mut words: impl Iterator<Item = String>) -> Result<Plan, String> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut plan = Plan { host_days: 10_000, relays: 1000, seed: 2003, threads, pictures: None, tables: Vec::new() };
    while let Some(word) = words.next() {
        if word == "--pictures" {
            plan.pictures = Some(words.next().ok_or(USAGE)?.into());
            continue;
        }
        let mut number = || {
            let value = words.next().unwrap_or_default();
            value.parse::<u64>().map_err(|_| format!("{word} cannot be {value:?}\n{USAGE}"))
        };
        match word.as_str() {
            "--host-days" => plan.host_days = number()? as usize,
            "--relays" => plan.relays = number()? as usize,
            "--seed" => plan.seed = number()?,
            "-j" => plan.threads = number()?.clamp(1, 256) as usize,
            option if option.starts_with('-') => return Err(format!("no option {option}\n{USAGE}")),
            _ => plan.tables.push(PathBuf::from(word)),
        }
    }
    if plan.tables.is_empty() { Err(USAGE.to_owned()) } else { Ok(plan) }
}

/// What does not hold.
fn calibrate(plan: &Plan) -> Result<Vec<String>, String> {
    let (mut sources, mut proxies) = (Vec::new(), Vec::new());
    for path in &plan.tables {
        let (innocents, relays) = read(path)?;
        sources.extend(innocents);
        proxies.extend(relays);
    }
    let (mut said, mut pictures) = (Said::default(), Vec::new());
    if plan.host_days > 0 {
        let made = Innocents::make(&sources, plan.host_days, plan.seed, plan.threads)?;
        said.innocents(&made);
        pictures.extend(curves::of_innocents(&made));
    }
    if plan.relays > 0 && !proxies.is_empty() {
        let power = relays::make(&proxies, &sources, plan.relays, plan.seed + 1, plan.threads)?;
        said.relays(&power);
        pictures.extend(curves::of_relays(&power));
    }
    if let Some(folder) = &plan.pictures {
        curves::write(folder, pictures)?;
    }
    print!("{}", said.text);
    Ok(said.fails)
}

/// The innocents and the relays of a table.
fn read(path: &Path) -> Result<(Vec<Source>, Vec<Proxy>), String> {
    let table = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let table = Table::parse(&table).map_err(|error| format!("{}:{error}", path.display()))?;
    let beside = |extension: &str| -> Result<Option<String>, String> {
        let path = path.with_extension(extension);
        if !path.exists() {
            return Ok(None);
        }
        std::fs::read_to_string(&path).map(Some).map_err(|error| format!("{}: {error}", path.display()))
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let group = name.split('.').next().unwrap_or_default();
    let truth = match beside("truth.json")? {
        Some(text) => Truth::parse(&text).map_err(|error| format!("the truth of {}: {error}", path.display()))?,
        None => {
            Truth { innocents: table.hosts.keys().map(|&host| (host, UNTOLD.to_owned())).collect(), ..Truth::default() }
        }
    };
    let mut innocents = Vec::new();
    for (&addr, kind) in &truth.innocents {
        let legs = table.hosts.get(&addr).map(Vec::as_slice).unwrap_or_default();
        if !legs.is_empty() {
            innocents.push(Source::new((group.to_owned(), addr), kind, table.view, legs));
        }
    }
    let proxies = Proxy::all(group, &table, &truth, beside("pairs.jsonl")?.as_deref());
    Ok((innocents, proxies))
}
