//! The command line.

mod only;
mod rules;
mod views;

use std::path::PathBuf;

pub(crate) use only::OnlyArgs;
pub(crate) use rules::{FailOn, RulesArgs};
pub(crate) use views::ViewArgs;

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::manual::Page;
use crate::trace::TraceArgs;

/// Finds the machines on your network that somebody else is using as a relay.
#[derive(Debug, Parser)]
#[command(name = "catspaw", version)]
#[command(
    after_help = "Exit status of scan: 0 nothing found, 1 incidents, 2 the run failed; of trace: 0 every question has exactly one \
                        candidate, 1 one has none or several or was not understood, 2 the run failed."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(about = "Judge hosts from files, directories or standard input")]
    Scan(Box<ScanArgs>),
    #[command(about = "Say who was behind a public address at a time")]
    Trace(Box<TraceArgs>),
    /// Print the completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print a page of the manual, for man(1)
    Man {
        /// The page
        #[arg(value_enum, default_value = "catspaw")]
        page: Page,
    },
}

/// Judges hosts from evidence: packet captures (pcap, pcapng), logs of firewalls (Cisco, Palo Alto, FortiGate, Juniper, Linux, pfSense
/// and OPNsense), Zeek conn.log (TSV, JSON), any other log of connections whose columns are named (--columns), plain or packed with gzip,
/// zstd, xz or bzip2; with nmap's output (-oX, -oG) beside them. What a file is, is told from its content.
///
/// Exit status: 0 nothing found, 1 incidents (suspects too, authorised relays not; with --fail-on alerts: alerts), 2 the run failed
/// (usage, no readable evidence, output that cannot be written, rules that cannot be loaded).
#[derive(Debug, Default, clap::Args)]
pub(crate) struct ScanArgs {
    /// Files, directories (read recursively), or - for standard input
    #[arg(required = true, value_name = "EVIDENCE")]
    pub(crate) evidence: Vec<PathBuf>,

    /// Our addresses [default: the private ranges and what a record itself marks as inside]
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub(crate) home_net: Vec<String>,

    /// TOML file: home_net, authorised relays, thresholds; the command line wins
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// TOML file of signs by which proxyware is known, added to those in the binary
    #[arg(long, value_name = "FILE")]
    pub(crate) signatures: Option<PathBuf>,

    /// Configuration of a PIX, ASA or FWSM, whose `name` commands say what addresses the names in its log stand for
    #[arg(long, value_name = "FILE")]
    pub(crate) names: Option<PathBuf>,
    /// What the columns or keys of logs mean that catspaw does not know: a TOML file of maps (repeatable; docs/logs.md)
    #[arg(long, value_name = "FILE")]
    pub(crate) columns: Vec<PathBuf>,

    /// The report [default: text]
    #[arg(long, value_enum, value_name = "FORM")]
    pub(crate) format: Option<Format>,

    /// Write the report to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Write every relayed session, both legs: .jsonl, or Zeek TSV (.log, .tsv)
    #[arg(long, value_name = "FILE")]
    pub(crate) pairs: Option<PathBuf>,

    /// Write every connection understood, in the same forms
    #[arg(long, value_name = "FILE")]
    pub(crate) connections: Option<PathBuf>,

    /// The year of stamps that have none [default: the latest that is not after the file was written]
    #[arg(long, value_name = "Y")]
    pub(crate) year: Option<i16>,

    /// The zone of stamps that name none, and of the days in the report [default: UTC; for the days that of the earliest log's stamps, if
    /// they say one]
    #[arg(long, value_name = "TZ")]
    pub(crate) timezone: Option<String>,

    /// Threads [default: one per processor]
    #[arg(short, long, value_name = "N")]
    pub(crate) jobs: Option<usize>,

    /// Say nothing on standard error but what failed
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Say more: DNS forwarders, what was read of each file
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// The progress bar on a terminal [default: auto]
    #[arg(long, value_enum, value_name = "WHEN")]
    pub(crate) progress: Option<When>,

    /// Whether packets with a wrong checksum are left out [default: auto: unless more than a tenth of the first thousand have
    /// one, as where the network card fills them in]
    #[arg(long, value_enum, value_name = "WHEN")]
    pub(crate) checksums: Option<Checksums>,

    #[command(flatten)]
    pub(crate) only: OnlyArgs,

    #[command(flatten)]
    pub(crate) rules: RulesArgs,

    #[command(flatten)]
    pub(crate) views: ViewArgs,
}

/// When packets with a wrong checksum are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Checksums {
    /// Unless more than a tenth of the first thousand packets have one
    Auto,
    /// Always
    Check,
    /// Never
    Ignore,
}

impl Checksums {
    /// Whether they are looked at, where the first packets' are told to be right.
    pub(crate) fn are_checked(self, are_right: impl FnOnce() -> bool) -> bool {
        match self {
            Self::Check => true,
            Self::Ignore => false,
            Self::Auto => are_right(),
        }
    }
}

/// Forms of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// For a person
    Text,
    /// catspaw.report/1
    Json,
    /// One row per incident, for tickets and spreadsheets; -v adds the declared relays
    Csv,
}

/// When to show progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum When {
    /// On a terminal
    Auto,
    /// Not at all
    Never,
}
