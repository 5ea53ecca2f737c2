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
    /// catspaw-man(1)
    Man,
    /// catspaw-completions(1)
    Completions,
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
    let mut command = match page {
        Page::Catspaw => command,
        Page::Scan => part(&command, "scan"),
        Page::Trace => part(&command, "trace"),
        Page::Man => part(&command, "man"),
        Page::Completions => part(&command, "completions"),
    };
    let (usage, has_parts) = (command.render_usage().to_string(), command.has_subcommands());
    let man = Man::new(command).source(format!("{NAME} {}", env!("CARGO_PKG_VERSION")));
    print(&written(&man, &usage, has_parts).map_err(|why| why.to_string())?)
}

/// The page, with the usage that `--help` has: clap_mangen makes one of each option, and leaves arguments out.
fn written(man: &Man, usage: &str, has_parts: bool) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    let lines = usage.trim_start_matches("Usage:").trim().lines().map(str::trim).collect::<Vec<_>>().join("\n");
    let usage = lines.replace('\\', "\\e").replace('-', "\\-");
    writeln!(text, ".SH SYNOPSIS\n.nf\n{usage}\n.fi")?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if has_parts {
        man.render_subcommands_section(&mut text)?;
    }
    man.render_extra_section(&mut text)?;
    man.render_version_section(&mut text)?;
    Ok(text)
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
