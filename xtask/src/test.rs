//! The one test command.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::args::Args;
use crate::run::{self, Doing, Result, cargo};
use crate::{calibrate, judge, lab, readme};

type Step = (&'static str, fn(&mut Tests) -> Result);

/// In the order of what they cost, so that what fails, fails soon.
const STEPS: [Step; 11] = [
    ("format", |_| format()),
    ("lints", |_| lints()),
    ("tests", |tests| tests.run()),
    ("documentation", |_| documentation()),
    ("fuzz targets build", |_| fuzz_targets()),
    ("licences and sources", |_| licences()),
    ("release build", |_| release()),
    ("the examples of README.md", |_| readme::readme()),
    ("the stated error", |_| calibrate::smoke()),
    ("real daemons", |_| lab::small()),
    ("the captures beside the checkout", |_| judge::held()),
];

/// How many tests ran.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tests {
    passed: u64,
    failed: u64,
    ignored: u64,
}

/// Runs every step until one fails.
pub(crate) fn test(args: &mut Args) -> Result {
    args.end()?;
    let started = Instant::now();
    let mut tests = Tests::default();
    let mut took: Vec<(&str, Duration)> = Vec::new();
    for (number, (name, step)) in STEPS.iter().enumerate() {
        println!("\n==> {}/{} {name}", number + 1, STEPS.len());
        let began = Instant::now();
        let outcome = step(&mut tests);
        took.push((name, began.elapsed()));
        if let Err(failure) = outcome {
            print_times(&took, started.elapsed());
            return Err(format!("step {} of {} ({name}) failed: {failure}", number + 1, STEPS.len()).into());
        }
    }
    print_times(&took, started.elapsed());
    println!("{} passed, {} failed, {} skipped", tests.passed, tests.failed, tests.ignored);
    Ok(())
}

/// Asks the advisory database, which is no part of `test`: an advisory is no fault of the change at hand.
pub(crate) fn audit(args: &mut Args) -> Result {
    args.end()?;
    run::need_cargo("cargo-deny")?;
    run::run(&mut cargo(["deny", "--all-features", "check", "advisories"]))
}

/// Builds the program as its users run it.
pub(crate) fn release() -> Result {
    run::run(&mut cargo(["build", "--locked", "--release", "--package", "catspaw"]))
}

fn print_times(took: &[(&str, Duration)], total: Duration) {
    println!();
    for (name, time) in took {
        println!("{:>8.1} s  {name}", time.as_secs_f64());
    }
    println!("{:>8.1} s  in all", total.as_secs_f64());
}

fn format() -> Result {
    run::run(&mut cargo(["fmt", "--all", "--check"]))?;
    run::run(&mut cargo(["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]))
}

/// With what only fuzz targets and an example use.
fn lints() -> Result {
    let mut clippy = cargo(["clippy", "--locked", "--workspace", "--all-targets", "--features", "catspaw/fuzzed"]);
    run::run(clippy.args(["--", "-D", "warnings"]))
}

/// For those who work on it, so with what is private, and with links to that.
fn documentation() -> Result {
    let mut doc = cargo(["doc", "--locked", "--workspace", "--no-deps", "--document-private-items"]);
    run::run(doc.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links"))
}

/// They are a workspace of their own, so that nothing else waits for libFuzzer; this keeps them from rotting.
fn fuzz_targets() -> Result {
    let mut clippy = cargo(["clippy", "--locked", "--manifest-path", "fuzz/Cargo.toml", "--lib", "--bins"]);
    run::run(clippy.args(["--", "-D", "warnings"]))
}

fn licences() -> Result {
    run::need_cargo("cargo-deny")?;
    run::run(&mut cargo(["deny", "--all-features", "check", "bans", "licenses", "sources"]))
}

impl Tests {
    /// Runs the tests of the workspace and shows what they print as they print it.
    fn run(&mut self) -> Result {
        let mut command = cargo(["test", "--locked", "--workspace"]);
        let mut child = command.stdout(Stdio::piped()).spawn().doing("cargo test")?;
        for line in child.stdout.take().into_iter().flat_map(|stdout| BufReader::new(stdout).lines()) {
            let line = line.doing("cargo test")?;
            println!("{line}");
            self.count(&line);
        }
        let status = child.wait().doing("cargo test")?;
        match (status.success(), self.passed) {
            (false, _) => Err(format!("{} tests failed ({status})", self.failed).into()),
            (true, 0) => Err("no test ran".into()),
            (true, _) => Ok(()),
        }
    }

    /// Adds a closing line: `test result: ok. 3 passed; 0 failed; 1 ignored; ...`.
    fn count(&mut self, line: &str) {
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else {
            return;
        };
        for count in counts.split("; ") {
            let (number, what) = count.split_once(' ').unwrap_or_default();
            let number: u64 = number.parse().unwrap_or(0);
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_add_up() {
        let mut tests = Tests::default();
        tests.count("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        tests.count("test a_name ... ok");
        tests
            .count("test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 7 filtered out; finished in 0.00s");
        assert_eq!(tests, Tests { passed: 5, failed: 1, ignored: 1 });
    }
}
