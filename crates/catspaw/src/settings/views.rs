//! Other ways to look at what was found.

use std::net::IpAddr;
use std::path::PathBuf;

use super::{File, Text};
use crate::args::{Format, ScanArgs, ViewArgs};
use crate::redact::Scope;

impl Text<'_> {
    pub(super) fn explain(&self, args: &ScanArgs, file: &File) -> Result<Option<IpAddr>, String> {
        let parse = |text: &str| {
            text.trim().parse().map_err(|_| format!("{text}: an address of ours (such as 172.28.220.181)"))
        };
        let host = match (&args.views.explain, &file.explain) {
            (Some(text), _) => Some(parse(text).map_err(|why| format!("--explain {why}"))?),
            (None, Some(text)) => Some(parse(text.as_ref()).map_err(|why| self.error(text.span().start, &why))?),
            (None, None) => None,
        };
        match args.format.or(file.format) {
            Some(Format::Json | Format::Csv) if host.is_some() => {
                Err("--explain is text for a person, in place of the report: --pairs has the same for a program"
                    .to_owned())
            }
            _ => Ok(host),
        }
    }
}

/// Whose addresses are replaced, and the file of the key.
pub(super) fn redact(args: &ViewArgs, file: &File) -> Result<Option<(Scope, Option<PathBuf>)>, String> {
    let key = args.redact_key.as_ref().or(file.redact_key.as_ref());
    match (args.redact.or(file.redact), key) {
        (Some(_), _) if args.suggest_authorised.is_some() || file.suggest_authorised.is_some() => {
            Err("--suggest-authorised with --redact would declare addresses that nobody has: run it by itself"
                .to_owned())
        }
        (Some(scope), key) => Ok(Some((scope, key.cloned()))),
        (None, Some(_)) if args.redact_key.is_some() => {
            Err("--redact-key replaces nothing without --redact".to_owned())
        }
        // In a configuration it waits for the day on which --redact is given.
        (None, _) => Ok(None),
    }
}
