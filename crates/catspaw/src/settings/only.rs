//! What of the evidence is to be looked at.

use std::ops::RangeInclusive;

use catspaw_records::Nanos;
use catspaw_relay::Network;
use jiff::tz::TimeZone;
use serde::Deserialize;
use toml::Spanned;

use super::{File, Text};
use crate::args::OnlyArgs;
use crate::moment;
use crate::pipeline::Restriction;

/// Ports in the configuration: 3128, or "1180-1185".
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a port, or ports such as \"1180-1185\"")]
pub(super) enum Ports {
    One(i64),
    Range(String),
}

impl Text<'_> {
    pub(super) fn restriction(&self, args: &OnlyArgs, file: &File, zone: &TimeZone) -> Result<Restriction, String> {
        let since = self.moment(&args.since, &file.since, "--since", zone)?;
        let until = self.moment(&args.until, &file.until, "--until", zone)?;
        if let (Some(since), Some(until)) = (since, until)
            && since >= until
        {
            return Err("--until is not after --since: nothing lies between them".to_owned());
        }
        let hosts = match args.host.as_slice() {
            [] => self.networks(&file.host)?.unwrap_or_default(),
            hosts => hosts.iter().map(|host| named(host)).collect::<Result<_, _>>()?,
        };
        let ports = match args.ports.as_slice() {
            [] => file.ports.iter().flatten().map(|ports| self.ports(ports)).collect::<Result<_, _>>()?,
            ports => ports
                .iter()
                .map(|ports| range(ports).map_err(|why| format!("--ports {why}")))
                .collect::<Result<_, _>>()?,
        };
        Ok(Restriction { since, until, hosts, ports })
    }

    fn moment(
        &self,
        asked: &Option<String>,
        configured: &Option<Spanned<String>>,
        option: &str,
        zone: &TimeZone,
    ) -> Result<Option<Nanos>, String> {
        match (asked, configured) {
            (Some(text), _) => moment::parse(text, zone).map(Some).map_err(|why| format!("{option} {why}")),
            (None, Some(text)) => {
                moment::parse(text.as_ref(), zone).map(Some).map_err(|why| self.error(text.span().start, &why))
            }
            (None, None) => Ok(None),
        }
    }

    fn ports(&self, ports: &Spanned<Ports>) -> Result<RangeInclusive<u16>, String> {
        let text = match ports.as_ref() {
            Ports::One(port) => port.to_string(),
            Ports::Range(text) => text.clone(),
        };
        range(&text).map_err(|why| self.error(ports.span().start, &why))
    }
}

fn named(text: &str) -> Result<Network, String> {
    Network::parse(text).ok_or_else(|| format!("--host {text}: no address and no network (such as 172.28.220.181)"))
}

fn range(text: &str) -> Result<RangeInclusive<u16>, String> {
    let port = |text: &str| text.trim().parse::<u16>().ok().filter(|&port| port > 0);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (port(first), port(last)) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        _ => Err(format!("{text}: no port and no range of ports (such as 3128 or 1180-1185)")),
    }
}
