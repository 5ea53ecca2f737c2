//! `catspaw scan` of a capture, beside Suricata with as little to do as it can be given.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::args::Args;
use crate::bench::{commit, machine, parse_size, quoted, version};
use crate::cost::{Cost, measure, median};
use crate::run::{self, Doing, Result, cargo};
use crate::tables::Table;
use crate::test;

/// The rule of 2003, with the number that Suricata asks for.
const RULE: &str = "alert tcp $EXTERNAL_NET !25:80 -> $INTERNAL_NET !25:80 \
                    (msg:\"SMTP traffic on nonstandard port\"; content:\"RCPT TO\"; nocase; sid:2003; rev:1;)\n";

/// What the lab's captures have inside, as `suricata.yaml` has it.
const HOME_NET: &str = "172.28.0.0/16,2001:db8:28::/48";

/// What a run is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Job {
    /// How many threads catspaw may use; `None`: it is Suricata, in one.
    threads: Option<u8>,
    /// Whether the rule is held against the packets.
    rule: bool,
}

const JOBS: [Job; 6] = [
    Job { threads: None, rule: false },
    Job { threads: Some(1), rule: false },
    Job { threads: Some(2), rule: false },
    Job { threads: None, rule: true },
    Job { threads: Some(1), rule: true },
    Job { threads: Some(2), rule: true },
];

impl Job {
    fn name(self) -> String {
        let with = if self.rule { ", the rule of 2003" } else { "" };
        self.threads.map_or_else(|| format!("suricata{with}"), |threads| format!("catspaw -j{threads}{with}"))
    }

    /// The command that does it.
    fn shell(self, files: &Files) -> String {
        let capture = quoted(&files.capture);
        let Some(threads) = self.threads else {
            let rules = quoted(if self.rule { &files.rule } else { &files.no_rule });
            let (config, log) = (quoted(&files.config), quoted(&files.log));
            return format!("suricata -c {config} -S {rules} -r {capture} -l {log} --runmode single -k none");
        };
        let catspaw = quoted(&run::target().join("release/catspaw"));
        let rules = if self.rule { format!(" --rules {}", quoted(&files.rule)) } else { String::new() };
        format!("{catspaw} scan -q -j {threads} --checksums ignore --home-net {HOME_NET}{rules} {capture}")
    }
}

/// What the runs read, and where Suricata writes.
#[derive(Debug)]
struct Files {
    capture: PathBuf,
    rule: PathBuf,
    no_rule: PathBuf,
    config: PathBuf,
    log: PathBuf,
}

impl Files {
    fn write(scratch: &Path, capture: PathBuf) -> Result<Self> {
        let [rule, no_rule, config, log] =
            ["2003.rules", "no.rules", "suricata.yaml", "suricata"].map(|name| scratch.join(name));
        fs::create_dir_all(&log).doing(log.display())?;
        for (path, text) in [(&rule, RULE), (&no_rule, ""), (&config, include_str!("suricata.yaml"))] {
            fs::write(path, text).doing(path.display())?;
        }
        Ok(Self { capture, rule, no_rule, config, log })
    }

    /// Packets and their bytes, as Suricata counted them.
    fn counted(&self) -> Result<(f64, f64)> {
        let path = self.log.join("stats.log");
        let text = fs::read_to_string(&path).doing(path.display())?;
        let both = counter(&text, "decoder.pkts").zip(counter(&text, "decoder.bytes"));
        both.ok_or_else(|| format!("{}: no counts of packets and bytes", path.display()).into())
    }
}

/// `NAME | Total | VALUE` in Suricata's statistics.
fn counter(stats: &str, name: &str) -> Option<f64> {
    let of = |line: &str| {
        let mut cells = line.split('|').map(str::trim);
        (cells.next() == Some(name)).then(|| cells.nth(1).and_then(|value| value.parse().ok())).flatten()
    };
    stats.lines().rev().find_map(of)
}

/// `cargo xtask bench packets`.
pub(crate) fn bench(args: &mut Args) -> Result {
    println!("{}", packets(args)?);
    Ok(())
}

/// The benchmark's text.
pub(crate) fn packets(args: &mut Args) -> Result<String> {
    let rounds = args.option("--rounds")?.unwrap_or(5_usize);
    let size = args.option::<String>("--size")?.map_or(Ok(1 << 30), |text| parse_size(&text))?;
    let hosts = args.option("--hosts")?.unwrap_or(84_u32);
    let named: Option<PathBuf> = args.option("--file")?;
    args.end()?;
    if rounds == 0 {
        return Err("--rounds 0 measures nothing".into());
    }
    run::need(&["time"])?;
    need_suricata()?;
    test::release()?;
    let scratch = run::target().join("bench");
    fs::create_dir_all(&scratch).doing(scratch.display())?;
    let capture = match named {
        // The commands run in the root, wherever this one was typed.
        Some(capture) => std::path::absolute(&capture).doing(capture.display())?,
        None => made(&scratch, size, hosts)?,
    };
    let files = Files::write(&scratch, capture)?;
    let costs = rounds_of(&files, rounds, &scratch)?;
    text(&files, rounds, &costs)
}

/// Has the lab write a capture. It is made again each time, which takes seconds: what lies there may be an older lab's.
fn made(scratch: &Path, size: u64, hosts: u32) -> Result<PathBuf> {
    let capture = scratch.join(format!("campus-{size}-{hosts}.pcap"));
    let [size, hosts] = [size, u64::from(hosts)].map(|number| number.to_string());
    let mut lab = cargo(["run", "--locked", "--quiet", "--release", "--package", "catspaw-lab", "--", "wire"]);
    // An hour at most: enough for sixteen hosts and a gigabyte.
    run::run(lab.args(["--seconds", "3600", "--bytes", &size, "--hosts", &hosts, "-o"]).arg(&capture))?;
    Ok(capture)
}

/// What each job cost in each round.
fn rounds_of(files: &Files, rounds: usize, scratch: &Path) -> Result<Vec<Vec<Cost>>> {
    // Reads the file into memory, so that nobody pays for the disk.
    measure(&format!("cat {} | wc -c", quoted(&files.capture)), scratch)?;
    let mut costs = vec![Vec::new(); JOBS.len()];
    for round in 0..rounds {
        for turn in 0..JOBS.len() {
            // Another one begins each round: what follows on a hot processor is not always the same.
            let at = (turn + round) % JOBS.len();
            costs[at].push(measure(&JOBS[at].shell(files), scratch)?.0);
        }
        eprintln!("round {} of {rounds}", round + 1);
    }
    Ok(costs)
}

/// The middle of what a job cost, and the most memory that it took.
#[derive(Clone, Copy, Debug)]
struct Middle {
    wall: f64,
    cpu: f64,
    rss_mib: f64,
}

fn middle(costs: &[Cost]) -> Middle {
    Middle {
        wall: median(costs.iter().map(|cost| cost.wall).collect()),
        cpu: median(costs.iter().map(|cost| cost.cpu).collect()),
        rss_mib: costs.iter().map(|cost| cost.rss_kib).max().unwrap_or(0) as f64 / 1024.0,
    }
}

fn text(files: &Files, rounds: usize, costs: &[Vec<Cost>]) -> Result<String> {
    let (packets, bytes) = files.counted()?;
    let middles: Vec<Middle> = costs.iter().map(|costs| middle(costs)).collect();
    let name = files.capture.file_name().unwrap_or_default().to_string_lossy();
    let mut text = format!(
        "{}; {}; catspaw at {}; {name}: {packets} packets, {bytes} bytes in them; {rounds} rounds, warm cache\n\n{}\n",
        machine(),
        version("suricata"),
        commit()?,
        table(&middles, packets, bytes)
    );
    for (what, got, asked) in verdicts(&middles) {
        let holds = if got >= asked { "holds" } else { "falls short" };
        _ = writeln!(text, "- {what}: {got:.2}, at least {asked:.1} is asked: {holds}");
    }
    Ok(text)
}

fn table(middles: &[Middle], packets: f64, bytes: f64) -> Table {
    let mut table = Table::new(&[
        "command",
        "wall s",
        "CPU s",
        "ns/packet",
        "ns/byte",
        "MB/CPU s",
        "peak MiB",
        "Suricata's CPU / its",
    ]);
    for (job, it) in JOBS.iter().zip(middles) {
        table.row(vec![
            job.name(),
            format!("{:.3}", it.wall),
            format!("{:.2}", it.cpu),
            format!("{:.0}", it.cpu * 1e9 / packets),
            format!("{:.3}", it.cpu * 1e9 / bytes),
            format!("{:.0}", bytes / 1e6 / it.cpu),
            format!("{:.0}", it.rss_mib),
            format!("{:.2}", of(middles, None, job.rule).cpu / it.cpu),
        ]);
    }
    table
}

fn of(middles: &[Middle], threads: Option<u8>, rule: bool) -> Middle {
    let at = JOBS.iter().position(|job| *job == Job { threads, rule }).unwrap_or(0);
    middles[at]
}

/// What is compared, what came out, and what is asked for.
fn verdicts(middles: &[Middle]) -> [(&'static str, f64, f64); 4] {
    let [suricata, with_rule] = [false, true].map(|rule| of(middles, None, rule));
    let [one, one_with_rule] = [false, true].map(|rule| of(middles, Some(1), rule));
    let two = of(middles, Some(2), false);
    [
        ("throughput per core over Suricata's", suricata.cpu / one.cpu, 4.0),
        ("the same with the rule of 2003", with_rule.cpu / one_with_rule.cpu, 3.0),
        ("wall clock of one thread over that of two", one.wall / two.wall, 1.8),
        ("Suricata's peak memory over that of two threads", suricata.rss_mib / two.rss_mib, 1.0),
    ]
}

/// Sees to it that Suricata is there, from Debian's backports where it is missing and we may.
fn need_suricata() -> Result {
    if run::found("suricata") {
        return Ok(());
    }
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name =
        release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME=")).map(|name| name.trim_matches('"'));
    let Some(name) = name.filter(|_| run::found("apt-get") && release.contains("\nID=debian")) else {
        return Err("please install suricata".into());
    };
    println!("installing suricata from {name}-backports");
    let source = Path::new("/etc/apt/sources.list.d/backports.sources");
    if !source.exists() {
        let signed = "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg";
        let text = format!(
            "Types: deb\nURIs: http://deb.debian.org/debian\nSuites: {name}-backports\nComponents: main\n{signed}\n"
        );
        fs::write(source, text).doing(source.display())?;
    }
    run::install(&["suricata"], Some(&format!("{name}-backports")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_the_last_that_was_said() {
        let stats = "decoder.pkts  | Total | 7\ndecoder.pkts_x | Total | 1\ndecoder.pkts  | Total | 9\n";
        assert_eq!(counter(stats, "decoder.pkts"), Some(9.0));
        assert_eq!(counter(stats, "decoder.bytes"), None);
    }

    #[test]
    fn each_verdict_compares_what_it_says() {
        let middle = |wall, cpu, rss_mib| Middle { wall, cpu, rss_mib };
        let of_jobs = [(4.0, 8.0, 60.0), (2.0, 2.0, 20.0), (1.0, 2.0, 30.0), (4.0, 9.0, 60.0), (3.0, 3.0, 20.0)];
        let middles: Vec<Middle> = of_jobs.into_iter().chain([of_jobs[4]]).map(|(w, c, r)| middle(w, c, r)).collect();
        assert_eq!(verdicts(&middles).map(|(_, got, _)| got), [4.0, 3.0, 2.0, 2.0]);
    }
}
