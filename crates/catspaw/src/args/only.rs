//! Options that leave out part of the evidence.
#![allow(rustdoc::broken_intra_doc_links, reason = "these are help texts: a bracket is what may be left out")]

// No doc comment: it would become that of the command.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Look at part of it only")]
pub(crate) struct OnlyArgs {
    /// Connections opened at T or later: 2003-03-04, "2003-03-04 16:05[:00]" in --timezone, or RFC 3339
    #[arg(long, value_name = "T")]
    pub(crate) since: Option<String>,

    /// Connections opened before T
    #[arg(long, value_name = "T")]
    pub(crate) until: Option<String>,

    /// These hosts of ours (addresses or networks)
    #[arg(long, value_name = "ADDR", value_delimiter = ',')]
    pub(crate) host: Vec<String>,

    /// Who asked these ports, and what the hosts asked did next: 1180-1185,3128
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) ports: Vec<String>,
}
