//! Incidents that have one cause.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::kind::far_end;
use super::number::{count, some_of};
use super::page::{Page, TITLE};
use crate::report::model::{Campaign, Report};

/// Hosts that are named.
const HOSTS: usize = 12;

/// Writes them.
pub(super) fn write(page: &mut Page<'_, impl Write>, report: &Report) -> io::Result<()> {
    let hosts: BTreeMap<&str, &str> = report.incidents.iter().map(|i| (i.id.as_str(), i.host.as_str())).collect();
    for campaign in &report.campaigns {
        let named: Vec<String> = campaign
            .incidents
            .iter()
            .map(|id| hosts.get(id.as_str()).map_or_else(|| id.clone(), |&host| host.to_owned()))
            .collect();
        page.blank()?;
        page.title(&format!("{} of one cause", count(named.len() as u64, "host", "hosts")), TITLE)?;
        let most = if page.is_verbose() { usize::MAX } else { HOSTS };
        page.hang(1, "Hosts            ", &some_of(&named, most))?;
        shared(page, campaign)?;
        page.blank()?;
        campaign.why.iter().try_for_each(|sentence| page.hang(1, "- ", sentence))?;
    }
    Ok(())
}

fn shared(page: &mut Page<'_, impl Write>, campaign: &Campaign) -> io::Result<()> {
    let shared = &campaign.shared;
    if shared.clients > 0 {
        page.hang(
            1,
            "Clients          ",
            &format!("{} used more than one of them", count(shared.clients, "client", "clients")),
        )?;
    }
    if !shared.ports.is_empty() {
        let ports: Vec<String> = shared.ports.iter().map(|port| format!("{port}/tcp")).collect();
        page.hang(1, "Ports            ", &some_of(&ports, HOSTS))?;
    }
    if let Some(tunnel) = &shared.tunnel {
        page.hang(1, "Tunnel           ", &far_end(tunnel))?;
    }
    if let Some(software) = &shared.software {
        page.hang(1, "Software         ", &format!("{software} (a guess, from what it adds to what it carries)"))?;
    }
    Ok(())
}
