//! What packages install beside the program: the manual's pages and the completions of shells, made from the command line's own description.

use std::io::{self, Write as _};

use clap::{CommandFactory as _, ValueEnum};
use clap_complete::{Shell, generate};
use clap_mangen::Man;

use crate::args::Args;

const NAME: &str = "catspaw";

/// Pages of the manual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Page {
    /// catspaw(1)
    Catspaw,
    /// catspaw-scan(1)
    Scan,
    /// catspaw-trace(1)
    Trace,
}

/// Prints the completions for a shell.
pub(crate) fn complete(shell: Shell) -> Result<bool, String> {
    let mut text = Vec::new();
    generate(shell, &mut Args::command(), NAME, &mut text);
    print(&text)
}

/// Prints a page, as man(1) takes it.
pub(crate) fn page(page: Page) -> Result<bool, String> {
    let mut command = Args::command();
    command.build();
    let command = match page {
        Page::Catspaw => command,
        Page::Scan => part(&command, "scan"),
        Page::Trace => part(&command, "trace"),
    };
    let mut text = Vec::new();
    Man::new(command).render(&mut text).map_err(|why| why.to_string())?;
    print(&text)
}

/// A subcommand as a page of its own.
fn part(command: &clap::Command, name: &str) -> clap::Command {
    command.find_subcommand(name).cloned().unwrap_or_default().version(env!("CARGO_PKG_VERSION"))
}

fn print(text: &[u8]) -> Result<bool, String> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(why) if why.kind() != io::ErrorKind::BrokenPipe => Err(format!("standard output: {why}")),
        _ => Ok(false),
    }
}
