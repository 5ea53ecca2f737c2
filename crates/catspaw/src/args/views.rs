//! Options that show what was found in another way.
#![allow(rustdoc::broken_intra_doc_links, reason = "these are help texts: a bracket is what may be left out")]

use std::path::PathBuf;

use crate::redact::Scope;

// No doc comment: it would become that of the command.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Other ways to look at it")]
pub(crate) struct ViewArgs {
    /// Instead of the report: HOST's legs side by side, and what its services' tests say; -v shows all
    #[arg(long, value_name = "HOST")]
    pub(crate) explain: Option<String>,

    /// Write the packets that HOST's incident stands on to a capture: its sessions, and what carries them on
    #[arg(long, num_args = 2, value_names = ["HOST", "FILE"])]
    pub(crate) extract: Option<Vec<String>>,

    /// Write the configuration that would declare what was found, for the owner to edit
    #[arg(long, value_name = "FILE")]
    pub(crate) suggest_authorised: Option<PathBuf>,

    /// Replace addresses, those of one network by such of one network: our own [default], or all
    #[arg(long, value_enum, value_name = "WHOSE", num_args = 0..=1, require_equals = true, default_missing_value = "own")]
    pub(crate) redact: Option<Scope>,

    /// The key of --redact: 32 random bytes, made where FILE is missing [default: another one for each run]
    #[arg(long, value_name = "FILE")]
    pub(crate) redact_key: Option<PathBuf>,
}
