//! Options that show what was found in another way.

use std::path::PathBuf;

/// Other ways to look at it.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Other ways to look at it")]
pub(crate) struct ViewArgs {
    /// Instead of the report: HOST's legs side by side, and what its services' tests say; -v shows all
    #[arg(long, value_name = "HOST")]
    pub(crate) explain: Option<String>,

    /// Write the configuration that would declare what was found, for the owner to edit
    #[arg(long, value_name = "FILE")]
    pub(crate) suggest_authorised: Option<PathBuf>,
}
