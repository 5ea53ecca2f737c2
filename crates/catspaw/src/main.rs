//! catspaw finds the machines on your network that somebody else is using as a relay.

mod args;
mod input;
#[cfg_attr(not(test), allow(dead_code, reason = "read by trace --at, --since and --until"))]
mod moment;
mod output;
mod pipeline;
mod report;
mod scan;
mod settings;
mod tables;

use clap::Parser;

fn main() -> std::process::ExitCode {
    match args::Args::parse().command {
        args::Command::Scan(args) => scan::scan(args),
    }
}
