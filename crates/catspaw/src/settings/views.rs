//! Other ways to look at what was found.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::ValueEnum;

use super::{File, Text};
use crate::args::{Format, ScanArgs, ViewArgs};
use crate::redact::Scope;

impl Text<'_> {
    pub(super) fn explain(&self, args: &ScanArgs, file: &File) -> Result<Option<IpAddr>, String> {
        let host = match (&args.views.explain, &file.explain) {
            (Some(text), _) => Some(host(text).map_err(|why| format!("--explain {why}"))?),
            (None, Some(text)) => Some(host(text.as_ref()).map_err(|why| self.error(text.span().start, &why))?),
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

    pub(super) fn extract(&self, args: &ViewArgs, file: &File) -> Result<Option<(IpAddr, PathBuf)>, String> {
        let extract = match (args.extract.as_deref(), &file.extract) {
            (Some([named, path]), _) => {
                Some((host(named).map_err(|why| format!("--extract {why}"))?, PathBuf::from(path)))
            }
            (_, Some(configured)) => {
                let [named, path] = configured.as_ref();
                let named = host(named).map_err(|why| self.error(configured.span().start, &why))?;
                Some((named, PathBuf::from(path)))
            }
            _ => None,
        };
        if extract.is_some() && args.redact.or(file.redact).is_some() {
            return Err(
                "--extract with --redact would show what is to be hidden: packets are written as they are".to_owned()
            );
        }
        Ok(extract)
    }
}

fn host(text: &str) -> Result<IpAddr, String> {
    text.trim().parse().map_err(|_| format!("{text} is no address: give one of ours (such as 172.28.220.181)"))
}

/// Whose addresses are replaced, and the file of the key.
pub(super) fn redact(args: &ScanArgs, file: &File) -> Result<Option<(Scope, Option<PathBuf>)>, String> {
    let ScanArgs { evidence, views: args, .. } = args;
    // `--redact all` asks for less to be hidden than was meant.
    let scopes = Scope::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    let taken = scopes.map(|scope| scope.get_name().to_owned()).find(|scope| {
        args.redact.is_some() && evidence.iter().any(|path| path.as_os_str() == scope.as_str() && !path.exists())
    });
    if let Some(scope) = taken {
        return Err(format!("{scope} is no file: write --redact={scope}, with an equals sign"));
    }
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
