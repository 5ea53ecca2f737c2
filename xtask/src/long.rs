//! `catspaw scan` of logs that are long, or of which one host has half.

use std::fs;
use std::path::Path;

use crate::args::Args;
use crate::bench::{catspaw, commit, machine};
use crate::cost::measure_fed;
use crate::run::{self, Doing, Result, cargo};
use crate::tables::Table;
use crate::test;

/// The most lines: a day of 20,000 hosts, at seven times their usual pace.
const LINES: u64 = 100_000_000;

/// A filter that gives one host every other connection that goes out, as its opening says.
const HALF_OF_WHAT_GOES_OUT: &str = r#"mawk '
function id(  name) { name = $0; sub(/.*connection /, "", name); sub(/ .*/, "", name); return name }
/Built outbound/ { n = id(); if (n % 2 == 0) given[n] }
/Built outbound|Teardown (TCP|UDP)/ { n = id(); if (n in given) sub(/inside:[0-9.]+\//, "inside:172.28.99.99/") }
/Teardown (TCP|UDP)/ { delete given[n] }
{ print }'"#;

/// The same of all connections, so that it answers at every port at which anybody does.
const HALF_OF_ALL: &str =
    r#"sed -E '/connection [0-9]*[02468] for/ s#inside:[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+/#inside:172.28.99.99/#'"#;

/// `cargo xtask bench long`.
pub(crate) fn long(args: &mut Args) -> Result<String> {
    let lines = args.option("--lines")?.unwrap_or(LINES);
    args.end()?;
    run::need(&["time", "mawk"])?;
    test::release()?;
    run::run(&mut cargo(["build", "--locked", "--release", "--package", "catspaw-lab"]))?;
    let scratch = run::target().join("bench");
    fs::create_dir_all(&scratch).doing(scratch.display())?;
    let mut table = Table::new(&["log", "lines", "CPU s", "ns of CPU a line", "peak MiB"]);
    for part in [4, 2, 1] {
        row(&mut table, "a day of 20,000 hosts", lines / part, "", &scratch)?;
    }
    for (name, filter) in [
        ("the same, one host has half of what goes out", HALF_OF_WHAT_GOES_OUT),
        ("the same, one host has half of all", HALF_OF_ALL),
    ] {
        row(&mut table, name, lines / 20, filter, &scratch)?;
    }
    Ok(format!("{}; catspaw at {}; each through a pipe\n\n{table}", machine(), commit()?))
}

fn row(table: &mut Table, name: &str, lines: u64, filter: &str, scratch: &Path) -> Result {
    eprintln!("{name}: {lines} lines");
    let lab = run::target().join("release/catspaw-lab");
    let made = format!("{} big --lines {lines} --hosts 20000 -o - 2>/dev/null", lab.display());
    let feeder = if filter.is_empty() { made } else { format!("{made} | {filter}") };
    let (cost, _) = measure_fed(&feeder, &format!("{} scan -q -", catspaw().display()), scratch)?;
    table.row(vec![
        name.to_owned(),
        lines.to_string(),
        format!("{:.1}", cost.cpu),
        format!("{:.0}", cost.cpu * 1e9 / lines as f64),
        format!("{:.0}", cost.rss_kib as f64 / 1024.0),
    ]);
    Ok(())
}
