//! The command line of `catspaw trace`.
#![allow(rustdoc::broken_intra_doc_links, reason = "these are help texts: a bracket is what may be left out")]

use std::path::PathBuf;

use clap::ValueEnum;

use crate::args::{ScanArgs, ViewArgs};
use crate::redact::Scope;
use crate::settings::Settings;

/// Says who was behind a public address, and a port of it, at a time: by the translations and connections in the logs of firewalls
/// (and connections in Zeek's conn.log), and, where DHCP leases or the owner's table are at hand, whose machine that was. An index of each log is kept, so that the next question is answered at once.
///
/// Exit status: 0 every question has exactly one candidate, 1 one has none or several or was not understood, 2 the run failed.
#[derive(Clone, Debug, clap::Args)]
#[command(override_usage = "catspaw trace [OPTIONS] ADDRESS[:PORT] --at TIME EVIDENCE...\n       \
                            catspaw trace [OPTIONS] --questions FILE EVIDENCE...\n       \
                            catspaw trace [OPTIONS] --index EVIDENCE...")]
pub(crate) struct TraceArgs {
    /// Logs and leases: files, directories, or - for standard input; before them, with --at, the address (IPv6 with a
    /// port: [ADDR]:PORT)
    #[arg(required = true, value_name = "EVIDENCE")]
    pub(crate) words: Vec<PathBuf>,

    /// When: RFC 3339, or 2003-03-04, or "2003-03-04 16:05[:00]" in --timezone, or a mail's "Tue, 4 Mar 2003 17:05:00 +0100"
    #[arg(long, value_name = "TIME", conflicts_with_all = ["questions", "index"])]
    pub(crate) at: Option<String>,

    /// Many questions at once: lines of ADDRESS[:PORT] TIME, from FILE or - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "index")]
    pub(crate) questions: Option<PathBuf>,

    /// Ask nothing: make the indexes, or bring them up to date
    #[arg(long)]
    pub(crate) index: bool,

    /// Keep the indexes in DIR [default: beside each log; else in $XDG_CACHE_HOME/catspaw]
    #[arg(long, value_name = "DIR")]
    pub(crate) index_dir: Option<PathBuf>,

    /// Ports of this protocol only [default: of any]
    #[arg(long, value_enum, value_name = "PROTO")]
    pub(crate) proto: Option<Proto>,

    /// TOML file: [owners], columns, names, timezone, year, redact; the command line wins
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Configuration of a PIX, ASA or FWSM, whose `name` commands say what addresses the names in its log stand for
    #[arg(long, value_name = "FILE")]
    pub(crate) names: Option<PathBuf>,

    /// What the columns or keys of logs mean that catspaw does not know: a TOML file of [[map]] (repeatable; docs/logs.md)
    #[arg(long, value_name = "FILE")]
    pub(crate) columns: Vec<PathBuf>,

    /// Replace addresses, those of one network by such of one network: our own [default], or all, which in an answer are the same
    #[arg(long, value_enum, value_name = "WHOSE", num_args = 0..=1, require_equals = true, default_missing_value = "own")]
    pub(crate) redact: Option<Scope>,

    /// The key of --redact: 32 random bytes, made where FILE is missing [default: another one for each run]
    #[arg(long, value_name = "FILE")]
    pub(crate) redact_key: Option<PathBuf>,

    /// The answer
    #[arg(long, value_enum, value_name = "FORM", default_value = "text")]
    pub(crate) format: Form,

    /// The year of stamps that have none [default: the latest that is not after the file was written]
    #[arg(long, value_name = "Y")]
    pub(crate) year: Option<i16>,

    /// The zone of stamps and times that name none [default: UTC]
    #[arg(long, value_name = "TZ")]
    pub(crate) timezone: Option<String>,

    /// Threads [default: one per processor]
    #[arg(short, long, value_name = "N")]
    pub(crate) jobs: Option<usize>,

    /// Say nothing on standard error but what failed
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Forms of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For a person
    Text,
    /// catspaw.trace/1
    Json,
}

/// Protocols with ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Proto {
    Tcp,
    Udp,
}

impl TraceArgs {
    /// What of the configuration concerns a trace, with the command line on top.
    ///
    /// # Errors
    /// As [`Settings::new`].
    pub(super) fn settings(&self) -> Result<Settings, String> {
        let Self { config, names, columns, year, timezone, jobs, quiet, redact, redact_key, .. } = self.clone();
        let views = ViewArgs { redact, redact_key, ..ViewArgs::default() };
        Settings::new(ScanArgs { config, names, columns, year, timezone, jobs, quiet, views, ..ScanArgs::default() })
    }
}

impl Proto {
    /// Its number.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}
