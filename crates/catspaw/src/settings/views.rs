//! Other ways to look at what was found.

use std::net::IpAddr;

use super::{File, Source};
use crate::args::{Format, ScanArgs};

impl Source<'_> {
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
