//! Is the stated error true? Tables of connections with known truth, for `catspaw-calibrate` to make host-days of.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::args::Args;
use crate::run::{self, Doing, Result, cargo};

/// Cases beside the example that the lab makes for want of hosts: the example alone has six that outsiders ask anything.
const CASES: u64 = 12;
/// As large as the example.
const LINES: &str = "6000";
const HOSTS: &str = "24";
/// Host-days and relays of the smoke check, and of the documentation.
const SMOKE: [&str; 2] = ["10000", "200"];
const DOCUMENTED: [&str; 2] = ["1000000", "10000"];

/// Where tables are made, and those that are there.
struct Tables {
    folder: PathBuf,
    made: Vec<PathBuf>,
}

/// `cargo xtask calibrate`.
pub(crate) fn calibrate(args: &mut Args) -> Result {
    let host_days: Option<String> = args.option("--host-days")?;
    let relays: Option<String> = args.option("--relays")?;
    let pictures: Option<PathBuf> = args.option("--pictures")?;
    let captures = args.flag("--captures");
    let labs = labs(args)?;
    let named: Vec<PathBuf> = args.names()?.into_iter().map(PathBuf::from).collect();
    build()?;
    let mut tables = match (named.is_empty(), captures) {
        (false, _) => {
            named.iter().map(|path| std::path::absolute(path).doing(path.display())).collect::<Result<_>>()?
        }
        (true, true) => [of_captures()?, of_ours()?].concat(),
        (true, false) => of_ours()?,
    };
    tables.extend(of_labs(&labs)?);
    let amounts = [host_days.as_deref().unwrap_or(SMOKE[0]), relays.as_deref().unwrap_or(SMOKE[1])];
    run::run(&mut calibration(amounts, pictures.as_deref(), &tables))
}

/// Folders that `cargo xtask lab` made: `--lab DIR`, as often as there are some.
pub(crate) fn labs(args: &mut Args) -> Result<Vec<PathBuf>> {
    let mut labs = Vec::new();
    while let Some(lab) = args.option("--lab")? {
        labs.push(lab);
    }
    Ok(labs)
}

/// The step of `cargo xtask test`.
pub(crate) fn smoke() -> Result {
    calibrate(&mut Args::none())
}

/// The tables of the documentation, and what does not hold below them; the pictures go where the documentation has them.
pub(crate) fn figures(labs: &[PathBuf]) -> Result<String> {
    build()?;
    let tables = [of_captures()?, of_ours()?, of_labs(labs)?].concat();
    let mut command = calibration(DOCUMENTED, Some(&run::root().join("docs/figures")), &tables);
    let output = command.stdin(Stdio::null()).output().doing("catspaw-calibrate")?;
    let fails = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(0 | 1) => Ok(format!("{}\n{fails}", String::from_utf8_lossy(&output.stdout))),
        _ => Err(format!("catspaw-calibrate failed ({}): {fails}", output.status).into()),
    }
}

/// The first table of what was printed: what is nominal beside what was observed.
pub(crate) fn curve(printed: &str) -> String {
    let lines = printed.lines().skip_while(|line| !line.starts_with('|'));
    lines.take_while(|line| line.starts_with('|')).map(|line| format!("{line}\n")).collect()
}

fn build() -> Result {
    let packages = ["--package", "catspaw", "--package", "catspaw-lab", "--package", "catspaw-calibrate"];
    run::run(cargo(["build", "--locked", "--release"]).args(packages))
}

fn calibration([host_days, relays]: [&str; 2], pictures: Option<&Path>, tables: &[PathBuf]) -> Command {
    let mut command = Command::new(run::target().join("release/catspaw-calibrate"));
    command.args(["--host-days", host_days, "--relays", relays]);
    if let Some(folder) = pictures {
        command.arg("--pictures").arg(folder);
    }
    command.args(tables);
    command
}

/// The example and other cases of the lab's, each in two views.
fn of_ours() -> Result<Vec<PathBuf>> {
    let mut tables = Tables::new("ours")?;
    let examples = run::root().join("examples");
    let truth = fs::read(examples.join("case-2003.truth/truth.json")).doing("the truth of the example")?;
    for (view, log) in [("pix", "case-2003/pix.log"), ("conn", "case-2003-zeek/conn.log")] {
        tables.scan(&format!("example.{view}"), &examples.join(log), "2003", Some(&truth))?;
    }
    for seed in 1..=CASES {
        let case = tables.folder.join(format!("lab{seed}"));
        let mut lab = Command::new(run::target().join("release/catspaw-lab"));
        lab.args(["case", "--lines", LINES, "--hosts", HOSTS, "--relays", "0", "--seed", &seed.to_string(), "-o"]);
        run::output(lab.arg(&case).stdin(Stdio::null()))?;
        let truth = fs::read(case.join("truth.json")).doing(case.display())?;
        for (view, log) in [("pix", "pix.log"), ("conn", "conn.log")] {
            tables.scan(&format!("lab{seed}.{view}"), &case.join(log), "2003", Some(&truth))?;
        }
    }
    Ok(tables.made)
}

/// Everything beside the checkout whose innocents are known.
fn of_captures() -> Result<Vec<PathBuf>> {
    let shared = run::shared().ok_or("there are no captures beside this checkout (../shared)")?;
    run::need(&["zstd"])?;
    let data = shared.join("data");
    let mut tables = Tables::new("captures")?;
    tables.scan_all(&data.join("captures"), "")?;
    let truth = unpacked(&data.join("case/truth.json.zst"))?;
    for device in ["pix", "dorm-pix"] {
        tables.scan(&format!("case.{device}"), &data.join(format!("case/{device}.log.zst")), "2003", Some(&truth))?;
    }
    for (name, log) in [("m57", "m57-2009/conn.log.gz"), ("zat", "zat/conn.log")] {
        tables.scan(&format!("{name}.conn"), &data.join("zeek").join(log), "2003", None)?;
    }
    Ok(tables.made)
}

/// What real daemons did. A host of another run of the lab is another host.
fn of_labs(labs: &[PathBuf]) -> Result<Vec<PathBuf>> {
    if labs.is_empty() {
        return Ok(Vec::new());
    }
    run::need(&["zstd"])?;
    let mut tables = Tables::new("daemons")?;
    for (number, lab) in (1..).zip(labs) {
        tables.scan_all(lab, &format!("daemons{number}-"))?;
    }
    Ok(tables.made)
}

fn unpacked(path: &Path) -> Result<Vec<u8>> {
    run::output(Command::new("zstd").arg("-dcq").arg(path)).map(String::into_bytes)
}

impl Tables {
    /// An empty folder.
    fn new(name: &str) -> Result<Self> {
        let folder = run::target().join("xtask/calibrate").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).doing(folder.display())?;
        }
        fs::create_dir_all(&folder).doing(folder.display())?;
        Ok(Self { folder, made: Vec::new() })
    }

    /// Makes the tables of every capture in `folder`, in both views.
    fn scan_all(&mut self, folder: &Path, prefix: &str) -> Result {
        let mut captures: Vec<PathBuf> = fs::read_dir(folder)
            .doing(folder.display())?
            .filter_map(|entry| Some(entry.ok()?.path()).filter(|path| path.join("truth.json.zst").is_file()))
            .collect();
        captures.sort();
        if captures.is_empty() {
            return Err(format!("{}: no capture with its truth in it", folder.display()).into());
        }
        for capture in captures {
            let truth = unpacked(&capture.join("truth.json.zst"))?;
            let name = capture.file_name().unwrap_or_default().to_string_lossy().into_owned();
            for view in ["pix", "conn"] {
                let log = capture.join(format!("{view}.log.zst"));
                self.scan(&format!("{prefix}{name}.{view}"), &log, "2003", Some(&truth))?;
            }
        }
        Ok(())
    }

    /// Makes the table of a log, the pairs that were found in it, and the truth that goes with it.
    fn scan(&mut self, name: &str, log: &Path, year: &str, truth: Option<&[u8]>) -> Result {
        let path = |extension: &str| self.folder.join(format!("{name}.{extension}"));
        let mut scan = Command::new(run::target().join("release/catspaw"));
        scan.args(["scan", "-q", "--year", year, "--format", "json", "-o"]).arg(path("report.json"));
        scan.arg("--connections").arg(path("jsonl")).arg("--pairs").arg(path("pairs.jsonl")).arg(log);
        let status = scan.stdin(Stdio::null()).status().doing("catspaw")?;
        if !matches!(status.code(), Some(0 | 1)) {
            return Err(format!("`{}` failed ({status})", run::show(&scan)).into());
        }
        if let Some(truth) = truth {
            fs::write(path("truth.json"), truth).doing(path("truth.json").display())?;
        }
        self.made.push(path("jsonl"));
        Ok(())
    }
}
