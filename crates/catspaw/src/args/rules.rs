//! Options about rules on packets.

use std::path::PathBuf;

use clap::ValueEnum;

// No doc comment: it would become that of the command.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Rules on packets")]
pub(crate) struct RulesArgs {
    /// Snort or Suricata rules to run on packets: a file, or a directory of .rules files (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Vec<PathBuf>,

    /// Only the rules of --rules: none that come with catspaw (none do so far)
    #[arg(long)]
    pub(crate) no_builtin_rules: bool,

    /// A variable of the rules; HOME_NET follows --home-net, EXTERNAL_NET is the rest (repeatable)
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) var: Vec<String>,

    /// A rule that cannot be loaded ends the run
    #[arg(long)]
    pub(crate) strict_rules: bool,

    /// Write alerts as Suricata's EVE events, one JSON object per line
    #[arg(long, value_name = "FILE")]
    pub(crate) alerts: Option<PathBuf>,

    /// What makes the exit status 1 [default: incidents]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) fail_on: Option<FailOn>,
}

/// What makes the exit status 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FailOn {
    /// An incident
    Incidents,
    /// An alert
    Alerts,
}
