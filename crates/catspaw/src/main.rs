//! catspaw finds the machines on your network that somebody else is using as a relay.

mod alerts;
mod args;
mod columns;
mod console;
mod extract;
mod indicators;
mod input;
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

/// The fuzz corpora, for the targets that read this crate's sources by path.
#[cfg(test)]
#[path = "../../../fuzz/src/replay.rs"]
#[expect(unreachable_pub, reason = "it is shared by path")]
mod corpus;

use clap::Parser;

fn main() -> std::process::ExitCode {
    match args::Args::parse().command {
        args::Command::Scan(args) => scan::scan(*args),
        args::Command::Trace(args) => trace::trace(args),
    }
}
