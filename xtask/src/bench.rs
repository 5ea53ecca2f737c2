//! `catspaw scan` of a log, beside what one would type without it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::args::Args;
use crate::cost::{Cost, measure, median};
use crate::run::{self, Doing, Result, cargo};
use crate::tables::Table;
use crate::test;

/// What everything is compared with: completed mail, as it was counted by hand.
const BASE: &str = "grep into grep";

/// A day of a campus: more than 14 million lines.
const SIZE: u64 = 9 << 28;

/// What to measure.
#[derive(Debug)]
struct Plan {
    log: PathBuf,
    rounds: usize,
}

/// How large a log to make.
#[derive(Debug)]
struct Size {
    lines: Option<u64>,
    bytes: u64,
    hosts: u64,
    relays: u64,
}

/// A command and what its runs cost.
struct Peer {
    name: &'static str,
    shell: String,
    costs: Vec<Cost>,
    printed: Option<String>,
}

impl Peer {
    fn new(name: &'static str, shell: String) -> Self {
        Self { name, shell, costs: Vec::new(), printed: None }
    }
}

/// `cargo xtask bench logs`.
pub(crate) fn bench(args: &mut Args) -> Result {
    match args.next().as_deref() {
        Some("logs") => {}
        Some("trace") => return crate::trace::bench(args),
        Some("packets") => return crate::packets::bench(args),
        Some("long") => {
            println!("{}", crate::long::long(args)?);
            return Ok(());
        }
        Some("readers") => {
            println!("{}", crate::readers::readers(args)?);
            return Ok(());
        }
        _ => return Err("which benchmark? `cargo xtask bench logs`, `readers`, `long`, `packets` or `trace`".into()),
    }
    println!("{}", logs(args)?);
    Ok(())
}

/// The benchmark's text, with everything that one needs to know to run it again.
pub(crate) fn logs(args: &mut Args) -> Result<String> {
    run::need(&["time", "gzip", "zstd"])?;
    test::release()?;
    let scratch = run::target().join("bench");
    fs::create_dir_all(&scratch).doing(scratch.display())?;
    let plan = plan(args, &scratch)?;
    let mut text = describe(&plan)?;
    let bytes = fs::metadata(&plan.log).doing(plan.log.display())?.len();
    text += &format!("\n{}", rounds(&mut peers(&plan.log, &scratch), &plan, &scratch, bytes)?);
    for (packer, suffix, unpack) in [("gzip -6 -c", "gz", "zcat"), ("zstd -q -3 -c", "zst", "zstdcat")] {
        let packed = plan.log.with_extension(format!("log.{suffix}"));
        if !packed.exists() {
            measure(&format!("{packer} {} > {}", quoted(&plan.log), quoted(&packed)), &scratch)?;
        }
        let grep = format!("{unpack} {} | grep 302014 | grep -c '/25 to inside.*TCP FINs'", quoted(&packed));
        let scan = format!("{} scan -q {}", quoted(&catspaw()), quoted(&packed));
        let mut peers = [Peer::new(BASE, grep), Peer::new("catspaw scan", scan)];
        text += &format!("\nThe same as .{suffix}:\n{}", rounds(&mut peers, &plan, &scratch, bytes)?);
    }
    text += &format!("\nThrough a pipe, its beginnings:\n{}", beginnings(&plan, &scratch)?);
    Ok(text)
}

pub(crate) fn catspaw() -> PathBuf {
    run::target().join("release/catspaw")
}

/// Runs them all, one after the other, so many times.
fn rounds(peers: &mut [Peer], plan: &Plan, scratch: &Path, bytes: u64) -> Result<Table> {
    // Reads the file into memory, so that nobody pays for the disk.
    measure(&peers[0].shell, scratch)?;
    for round in 0..plan.rounds {
        for turn in 0..peers.len() {
            // Another one begins each round: what follows on a hot processor is not always the same.
            let at = (turn + round) % peers.len();
            run_once(&mut peers[at], scratch)?;
        }
        eprintln!("round {} of {}", round + 1, plan.rounds);
    }
    Ok(table(peers, bytes))
}

/// What a quarter, a half and all of the lines cost: time should grow as they do, and memory not at all.
fn beginnings(plan: &Plan, scratch: &Path) -> Result<Table> {
    let lines: u64 = measure(&format!("wc -l < {}", quoted(&plan.log)), scratch)?.1.trim().parse().doing("wc")?;
    let mut table = Table::new(&["lines", "wall s", "ns a line", "CPU s", "peak MiB"]);
    for lines in [lines / 4, lines / 2, lines] {
        let shell = format!("head -n {lines} {} | {} scan -q -", quoted(&plan.log), quoted(&catspaw()));
        let (cost, _) = measure(&shell, scratch)?;
        table.row(vec![
            lines.to_string(),
            format!("{:.2}", cost.wall),
            format!("{:.0}", cost.wall * 1e9 / lines as f64),
            format!("{:.2}", cost.cpu),
            format!("{:.0}", cost.rss_kib as f64 / 1024.0),
        ]);
    }
    Ok(table)
}

fn run_once(peer: &mut Peer, scratch: &Path) -> Result {
    let (cost, printed) = measure(&peer.shell, scratch)?;
    peer.costs.push(cost);
    match &peer.printed {
        Some(before) if *before != printed => {
            Err(format!("`{}` printed something else in the next round", peer.shell).into())
        }
        _ => {
            peer.printed = Some(printed);
            Ok(())
        }
    }
}

fn plan(args: &mut Args, scratch: &Path) -> Result<Plan> {
    let rounds = args.option("--rounds")?.unwrap_or(5);
    let named: Option<PathBuf> = args.option("--file")?;
    let size = Size {
        lines: args.option("--lines")?,
        bytes: args.option::<String>("--size")?.map_or(Ok(SIZE), |text| parse_size(&text))?,
        hosts: args.option("--hosts")?.unwrap_or(20_000),
        relays: args.option("--relays")?.unwrap_or(5),
    };
    args.end()?;
    if rounds == 0 {
        return Err("--rounds 0 measures nothing".into());
    }
    let log = match named {
        // The commands run in the root, wherever this one was typed.
        Some(log) => std::path::absolute(&log).doing(log.display())?,
        None => make_log(&size, scratch)?,
    };
    Ok(Plan { log, rounds })
}

fn make_log(size: &Size, folder: &Path) -> Result<PathBuf> {
    let lines = match size.lines {
        Some(lines) => lines,
        None => {
            // The generator counts lines: a sample tells how long they are.
            const SAMPLE: u64 = 200_000;
            let sample = folder.join("sample.log");
            generate(&sample, SAMPLE, size)?;
            size.bytes * SAMPLE / fs::metadata(&sample).doing(sample.display())?.len().max(1)
        }
    };
    let log = folder.join(format!("pix-{lines}-{}-{}.log", size.hosts, size.relays));
    generate(&log, lines, size)?;
    Ok(log)
}

fn generate(log: &Path, lines: u64, size: &Size) -> Result {
    made(log, lines, size.hosts, size.relays)
}

/// Has the lab write a log.
pub(crate) fn made(log: &Path, lines: u64, hosts: u64, relays: u64) -> Result {
    let [lines, hosts, relays] = [lines, hosts, relays].map(|number| number.to_string());
    let mut lab = cargo(["run", "--locked", "--quiet", "--release", "--package", "catspaw-lab", "--", "big"]);
    run::run(lab.args(["--lines", &lines, "--hosts", &hosts, "--relays", &relays, "-o"]).arg(log))
}

fn peers(log: &Path, scratch: &Path) -> Vec<Peer> {
    let catspaw = quoted(&catspaw());
    let (log, pairs) = (quoted(log), quoted(&scratch.join("pairs.jsonl")));
    let mut peers = vec![
        ("wc -l", format!("wc -l < {log}")),
        (BASE, format!("grep 302014 {log} | grep -c '/25 to inside.*TCP FINs'")),
        ("catspaw scan", format!("{catspaw} scan -q {log}")),
        ("catspaw scan --pairs", format!("{catspaw} scan -q --pairs {pairs} {log}")),
    ];
    if run::found("rg") {
        peers.insert(1, ("rg -c", format!("rg -c 302014 {log}")));
    }
    peers.into_iter().map(|(name, shell)| Peer::new(name, shell)).collect()
}

fn table(peers: &[Peer], bytes: u64) -> Table {
    let walls = |peer: &Peer| peer.costs.iter().map(|cost| cost.wall).collect::<Vec<_>>();
    let base = peers.iter().find(|peer| peer.name == BASE).map_or(f64::NAN, |peer| median(walls(peer)));
    let mut table = Table::new(&["command", "median s", "min", "max", "CPU s", "peak MiB", "MB/s", "times grep"]);
    for peer in peers {
        let (walls, middle) = (walls(peer), median(walls(peer)));
        table.row(vec![
            peer.name.to_owned(),
            format!("{middle:.3}"),
            format!("{:.3}", walls.iter().copied().fold(f64::INFINITY, f64::min)),
            format!("{:.3}", walls.iter().copied().fold(0.0, f64::max)),
            format!("{:.2}", median(peer.costs.iter().map(|cost| cost.cpu).collect())),
            format!("{:.0}", peer.costs.iter().map(|cost| cost.rss_kib).max().unwrap_or(0) as f64 / 1024.0),
            format!("{:.0}", bytes as f64 / 1e6 / middle),
            format!("{:.2}", middle / base),
        ]);
    }
    table
}

fn describe(plan: &Plan) -> Result<String> {
    let mut text = format!("{}, {}", machine(), version("grep"));
    if run::found("rg") {
        text += &format!(", {}", version("rg"));
    }
    let name = plan.log.file_name().unwrap_or_default().to_string_lossy();
    let bytes = fs::metadata(&plan.log).doing(plan.log.display())?.len();
    text +=
        &format!("; catspaw at {}; {name}: {bytes} bytes; {} rounds, warm cache, LC_ALL=C\n", commit()?, plan.rounds);
    Ok(text)
}

/// The first line that a program says of its version.
pub(crate) fn version(program: &str) -> String {
    let text = run::output(Command::new(program).arg("-V")).unwrap_or_default();
    text.lines().next().unwrap_or(program).to_owned()
}

/// The processors, and the compiler.
pub(crate) fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models: Vec<&str> =
        cpus.lines().filter_map(|line| Some(line.strip_prefix("model name")?.split_once(": ")?.1)).collect();
    format!("{} x {}, {}", models.len(), models.first().unwrap_or(&"unknown"), version("rustc"))
}

/// The commit that is measured.
pub(crate) fn commit() -> Result<String> {
    let commit = run::output(Command::new("git").args(["describe", "--always", "--dirty"]).current_dir(run::root()));
    Ok(commit?.trim().to_owned())
}

/// `1G`, `256M`, `64k` or a number of bytes.
pub(crate) fn parse_size(text: &str) -> Result<u64> {
    let digits = text.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
    let shift = match &text[digits.len()..] {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        unit => return Err(format!("no unit {unit}: k, M or G").into()),
    };
    Ok(digits.parse::<u64>().doing(text)?.saturating_mul(1 << shift))
}

/// A path as a shell takes it.
pub(crate) fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_of_1024() {
        assert_eq!(parse_size("1G").unwrap(), 1 << 30);
        assert_eq!(parse_size("64k").unwrap(), 65536);
        assert!(parse_size("1T").is_err());
        assert!(parse_size("G").is_err());
    }

    #[test]
    fn a_quoted_path_is_one_word() {
        assert_eq!(quoted(Path::new("a b'c")), r"'a b'\''c'");
    }
}
