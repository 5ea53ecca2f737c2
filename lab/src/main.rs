//! `catspaw-lab`: writes the example, or a log of any size.

#[path = "judge_command.rs"]
mod judge;
#[path = "wire_command.rs"]
mod wire;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use catspaw_lab::daemons::{self, Request};
use catspaw_lab::{Asa, Asa5424, Dialect, Pairs, Pix, Scenario, Tee, Truth, ZeekConn, example, run};

const HELP: &str = "\
Evidence with its truth, made by the repository itself.

Usage: catspaw-lab example [DIRECTORY]
           writes examples/ again
       catspaw-lab big [--lines N] [--hosts N] [--relays N] [--seed N] [--format FORM] [-o FILE|-]
                       [--truth FILE] [--pairs FILE]
           writes a log of about a day
       catspaw-lab case [--lines N] [--hosts N] [--relays N] [--seed N] -o DIRECTORY
           writes pix.log, asa.log and conn.log of the same connections, truth.json and pairs.tsv
       catspaw-lab wire [--scene campus|devious|example] [--hosts N] [--seconds N] [--bytes N] [--pace N]
                        [--seed N] [--vlans yes] [--form pcap|pcap-ns|pcapng] [-o FILE|-] [--truth FILE]
           writes a capture
       catspaw-lab daemons [--seed N] [--scenario NAME]... [-j N] -o DIRECTORY
           sets real programs to work in network namespaces, and writes what they did (needs root);
           plays four scenarios at a time, or N
       catspaw-lab programs [NAME...]
           prints the programs that scenarios need, and Debian's packages that have them
       catspaw-lab scenarios
           prints the names of the scenarios
       catspaw-lab judge --view VIEW [--exit STATUS] TRUTH REPORT PAIRS
           holds a report and its pairs against the truth (which may be packed), and prints what falls short

  --lines N      lines of the device's log [default: 1000000]
  --hosts N      ordinary hosts, up to 20000 [default: 2000]
  --relays N     relays, up to 60 [default: 5]
  --seed N       another case [default: 1]
  --format FORM  pix, pix-year, asa, asa-5424 (as a collector writes it), ftd, zeek, zeek-json, pan-os, pan-os-cef, pan-os-leef,
                 fortigate, fortigate-cef, junos, junos-text, conntrack, netfilter, ecs, cim, csv or pairs [default: pix]
  -o FILE        where to; - is standard output [default: -]
  --truth FILE   truth.json
  --pairs FILE   pairs.tsv
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let done = match arguments.next().as_deref() {
        Some("example") => example(arguments.next()),
        Some("big") => Options::parse(arguments).and_then(|options| big(&options)),
        Some("case") => Options::parse(arguments).and_then(|options| case(&options)),
        Some("wire") => wire::run(arguments),
        Some("daemons") => play_daemons(arguments),
        Some("scenarios") => print(&daemons::scenarios().collect::<Vec<_>>().join("\n")),
        Some("judge") => judge::run(arguments),
        Some("programs") => programs(&arguments.collect::<Vec<_>>()),
        Some(word @ ("actor" | "link" | "janitor")) => helper(word, arguments),
        Some("-h" | "--help" | "help") => io::stdout().lock().write_all(HELP.as_bytes()).map_err(|e| e.to_string()),
        Some(other) => Err(format!("no such command: {other} (try --help)")),
        None => Err(format!("which command?\n\n{HELP}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            _ = writeln!(io::stderr().lock(), "catspaw-lab: {why}");
            ExitCode::from(2)
        }
    }
}

fn example(directory: Option<String>) -> Result<(), String> {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let directory = directory.map_or(committed, PathBuf::from);
    example::write(&directory).map_err(|why| format!("{}: {why}", directory.display()))
}

fn play_daemons(mut arguments: impl Iterator<Item = String>) -> Result<(), String> {
    let mut request = Request { seed: 1, scenarios: Vec::new(), jobs: 4, to: PathBuf::new() };
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name}: what? (try --help)"))?;
        match name.as_str() {
            "--seed" => request.seed = number(&name, &value)?,
            "--scenario" => request.scenarios.push(value),
            "-j" => request.jobs = number(&name, &value)?,
            "-o" => request.to = value.into(),
            _ => return Err(format!("no such option: {name} (try --help)")),
        }
    }
    if request.to.as_os_str().is_empty() {
        return Err("where to? (-o DIRECTORY)".to_owned());
    }
    daemons::run(&request).map_err(|why| why.to_string())
}

fn programs(scenarios: &[String]) -> Result<(), String> {
    let list = daemons::programs(scenarios).map_err(|why| why.to_string())?;
    print(&list.iter().map(|(program, package)| format!("{program} {package}")).collect::<Vec<_>>().join("\n"))
}

fn print(text: &str) -> Result<(), String> {
    writeln!(io::stdout().lock(), "{text}").map_err(|why| why.to_string())
}

/// What a run of `daemons` says to itself.
fn helper(word: &str, arguments: impl Iterator<Item = String>) -> Result<(), String> {
    let words: Vec<String> = std::iter::once(word.to_owned()).chain(arguments).collect();
    match daemons::helper(&words) {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!("{word} is for `daemons` itself")),
        Err(why) => Err(format!("{word}: {why}")),
    }
}

struct Options {
    lines: u64,
    hosts: u32,
    relays: u32,
    seed: u64,
    format: String,
    output: String,
    truth: Option<String>,
    pairs: Option<String>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            lines: 1_000_000,
            hosts: 2000,
            relays: 5,
            seed: 1,
            format: "pix".to_owned(),
            output: "-".to_owned(),
            truth: None,
            pairs: None,
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name}: what? (try --help)"))?;
            match name.as_str() {
                "--lines" => options.lines = number(&name, &value)?,
                "--hosts" => options.hosts = number(&name, &value)?,
                "--relays" => options.relays = number(&name, &value)?,
                "--seed" => options.seed = number(&name, &value)?,
                "--format" => options.format = value,
                "-o" => options.output = value,
                "--truth" => options.truth = Some(value),
                "--pairs" => options.pairs = Some(value),
                _ => return Err(format!("no such option: {name} (try --help)")),
            }
        }
        Ok(options)
    }

    fn scenario(&self) -> Scenario {
        Scenario::big(self.seed, self.lines, self.hosts, self.relays)
    }
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{name}: not such a number: {value}"))
}

fn create(path: &str) -> Result<Box<dyn Write>, String> {
    if path == "-" {
        return Ok(Box::new(io::stdout()));
    }
    File::create(path).map(|file| Box::new(file) as Box<dyn Write>).map_err(|why| format!("{path}: {why}"))
}

fn big(options: &Options) -> Result<(), String> {
    let scenario = options.scenario();
    let (to, sensor) = (create(&options.output)?, scenario.sensor.clone());
    let tee = Tee::default();
    let mut tee = match options.format.as_str() {
        "pix" => tee.and(Pix { sensor, year: false }.to(to)),
        "pix-year" => tee.and(Pix { sensor, year: true }.to(to)),
        "asa" => tee.and(Asa { sensor: "asa1".to_owned() }.to(to)),
        "asa-5424" => tee.and(Asa5424 { sensor: "asa1".to_owned() }.to(to)),
        "zeek-json" => tee.and(ZeekConn::json(to)),
        "zeek" => tee.and(ZeekConn::new(to, scenario.begin())),
        other => match Dialect::ALL.into_iter().find(|dialect| dialect.name() == other) {
            Some(dialect) => tee.and(dialect.to(to)),
            None => return Err(format!("--format: {other} is none of those that --help names")),
        },
    };
    if let Some(path) = &options.pairs {
        tee = tee.and(Pairs::new(create(path)?));
    }
    let truth = play(&scenario, tee)?;
    options.truth.as_deref().map_or(Ok(()), |path| write_truth(&truth, path))
}

fn case(options: &Options) -> Result<(), String> {
    let scenario = options.scenario();
    std::fs::create_dir_all(&options.output).map_err(|why| format!("{}: {why}", options.output))?;
    let path = |name: &str| Path::new(&options.output).join(name).to_string_lossy().into_owned();
    let tee = Tee::default()
        .and(Pix { sensor: scenario.sensor.clone(), year: false }.to(create(&path("pix.log"))?))
        .and(Asa { sensor: "asa1".to_owned() }.to(create(&path("asa.log"))?))
        .and(ZeekConn::new(create(&path("conn.log"))?, scenario.begin()))
        .and(Pairs::new(create(&path("pairs.tsv"))?));
    let truth = play(&scenario, tee)?;
    write_truth(&truth, &path("truth.json"))
}

fn play(scenario: &Scenario, mut tee: Tee<'_>) -> Result<Truth, String> {
    let begun = Instant::now();
    let truth = run(scenario, &mut tee).map_err(|why| why.to_string())?;
    let seconds = begun.elapsed().as_secs_f64();
    let (lines, rate) = (truth.lines, truth.lines as f64 / seconds.max(1e-9));
    let span = format!("{} to {}", truth.start, truth.end);
    _ = writeln!(io::stderr().lock(), "{lines} lines, {span}, in {seconds:.2} s: {rate:.0} lines/s");
    Ok(truth)
}

fn write_truth(truth: &Truth, path: &str) -> Result<(), String> {
    let mut to = create(path)?;
    let json = serde_json::to_string_pretty(truth).map_err(|why| why.to_string())?;
    writeln!(to, "{json}").map_err(|why| format!("{path}: {why}"))
}
