//! catspaw finds the machines on your network that somebody else is using as a relay.
//!
//! All of the program is here, so that fuzz targets can call what it is made of; it is no library for others.

mod alerts;
mod args;
mod columns;
mod console;
mod extract;
mod indicators;
mod input;
mod manual;
mod moment;
mod output;
mod owners;
mod packets;
mod pipeline;
mod redact;
mod report;
mod scan;
mod settings;
mod tables;
mod trace;

#[cfg(any(test, feature = "fuzzed"))]
pub mod fuzzed;

use std::process::ExitCode;

use clap::Parser;

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    match args::Args::parse().command {
        args::Command::Scan(args) => scan::scan(*args),
        args::Command::Trace(args) => trace::trace(*args),
        args::Command::Completions { shell } => console::exit(manual::complete(shell)),
        args::Command::Man { page } => console::exit(manual::page(page)),
    }
}
