//! The fuzz targets.

use std::fs;

use crate::args::Args;
use crate::run::{self, Doing, Result, cargo};

/// `cargo xtask fuzz`.
pub(crate) fn fuzz(args: &mut Args) -> Result {
    let seconds: u64 = args.option("--seconds")?.unwrap_or(60);
    let mut names = args.names()?;
    if names.is_empty() {
        names = targets()?;
    }
    run::need(&["g++"])?;
    run::need_cargo("cargo-fuzz")?;
    for name in &names {
        println!("==> {name}, {seconds} s");
        run_target(name, seconds)?;
    }
    Ok(())
}

fn run_target(name: &str, seconds: u64) -> Result {
    // What libFuzzer finds goes to the first folder: not to the corpus in the repository, which stays small and is
    // added to by hand, with a name that says what it shows.
    let grown = run::target().join("fuzz-corpus").join(name);
    fs::create_dir_all(&grown).doing(grown.display())?;
    let mut command = cargo(["fuzz", "run", name]);
    command.arg(&grown).arg(run::root().join("fuzz/corpus").join(name));
    command
        .args(["--", "-rss_limit_mb=1024", "-max_len=8192", "-timeout=10"])
        .arg(format!("-max_total_time={seconds}"));
    // The sanitizer's flags are unstable, and this machine's one toolchain is a stable one.
    run::run(command.env("RUSTC_BOOTSTRAP", "1"))
}

fn targets() -> Result<Vec<String>> {
    let folder = run::root().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).doing(folder.display())? {
        let path = entry.doing(folder.display())?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}
