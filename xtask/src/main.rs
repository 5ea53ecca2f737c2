//! Development tasks, run as `cargo xtask TASK`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a development task talks to the terminal")]

mod args;
mod bench;
mod calibrate;
mod cost;
mod figures;
mod fuzz;
mod judge;
mod lab;
mod long;
mod packets;
mod readers;
mod readme;
mod run;
mod tables;
mod test;
mod trace;

use std::process::ExitCode;

use args::Args;

const USAGE: &str = "\
usage: cargo xtask TASK

  test
      everything that a change must pass; what continuous integration runs
  judge [N...] [case] [--views VIEW,...]
      hold reports against the truth of the captures (by number) and of the four days (case) in ../shared;
      without a name, what `test` holds, and the case
  bench logs [--lines N | --size 2304M] [--hosts H] [--relays R] [--rounds N] [--file LOG]
      time `catspaw scan` on a made log beside wc, rg and grep, in interleaved rounds
  bench long [--lines N]
      what `catspaw scan` costs on logs of up to N lines (100 million), and on such of which one host has half
  bench readers [FORM...] [--lines N] [--rounds N]
      how many bytes a second each reader reads by itself, of made logs in every form, beside Cisco's, in interleaved rounds
  bench packets [--size 1G] [--hosts H] [--rounds N] [--file CAPTURE]
      time `catspaw scan` on a made capture beside Suricata (from Debian's backports), without rules and with the one of
      2003, in interleaved rounds
  calibrate [--host-days N] [--relays N] [--captures | TABLE.jsonl...] [--lab DIR]... [--pictures DIR]
      compare the stated error with what is said of innocent host-days, and see how soon relays among them are found:
      made of our own example and lab, of the logs in ../shared too, or of connections tables with their truth beside them,
      and of captures that the lab made of real daemons; draws the curves
  bench trace [--lines N] [--hosts H] [--questions N]
      time the index of `catspaw trace` on a made log, and questions drawn from it, each in a run of its own
  lab [--seed N] [--scenario NAME]... [-j N] [-o DIRECTORY] [--again] [--fixtures]
      let real daemons meet in network namespaces, record it, export it as logs, and hold what is said of each to the
      truth (needs root; installs Debian packages); all scenarios without a name, four at a time or N; --again only
      reads what was made there before; --fixtures keeps the logs as those that the tests read
  fuzz [TARGET...] [--seconds N]
      fuzz each target for N seconds (60)
  figures [judge] [case] [lab] [innocents] [calibrate] [bench] [readers] [long] [packets] [--lab DIR]...
      make the figures in docs/figures.md again (all of them without a name), and the pictures in docs/figures; the
      stated error on captures of real daemons, too
  audit
      ask the advisory database about the dependencies (needs the network)
";

fn main() -> ExitCode {
    match dispatch(&mut Args::from_env()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &mut Args) -> run::Result {
    match args.next().as_deref() {
        Some("test") => test::test(args),
        Some("judge") => judge::judge(args),
        Some("bench") => bench::bench(args),
        Some("calibrate") => calibrate::calibrate(args),
        Some("lab") => lab::lab(args),
        Some("fuzz") => fuzz::fuzz(args),
        Some("figures") => figures::figures(args),
        Some("audit") => test::audit(args),
        Some("help" | "--help" | "-h") => {
            print!("{USAGE}");
            Ok(())
        }
        Some(other) => Err(format!("no task {other}\n{USAGE}").into()),
        None => Err(format!("no task named\n{USAGE}").into()),
    }
}
