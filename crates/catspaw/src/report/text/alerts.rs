//! Alerts of rules: at an incident's host, and at hosts that nobody accuses.

use std::io::{self, Write};

use super::number::{count, number, span};
use super::page::{Page, TITLE};
use super::wrap::TIE;
use crate::report::model::{AlertService, HostAlert, Incident, Report, RuleAlert};

/// Hosts, and rules of one of them, that are listed; `-v` lists all.
const LISTED: usize = 20;
/// Ports of one of them that are named; `-v` names all that are told apart.
const PORTS: usize = 4;

/// Those of an incident's host.
pub(super) fn of_incident(page: &mut Page<'_, impl Write>, incident: &Incident) -> io::Result<()> {
    if incident.alerts.is_empty() {
        return Ok(());
    }
    page.part("Alerts of rules, which prove nothing by themselves")?;
    list(page, 2, &incident.alerts.iter().collect::<Vec<_>>())
}

/// Those of hosts without an incident.
pub(super) fn elsewhere(page: &mut Page<'_, impl Write>, report: &Report) -> io::Result<()> {
    let mut hosts: Vec<&[HostAlert]> = report.alerts.chunk_by(|a, b| a.host == b.host).collect();
    if hosts.is_empty() {
        return Ok(());
    }
    hosts.sort_by_key(|alerts| std::cmp::Reverse(alerts.iter().map(|host| host.alert.count).sum::<u64>()));
    page.blank()?;
    page.title("Alerts of rules", TITLE)?;
    page.say(
        0,
        "Rules fired at hosts that are not found to relay. A rule says that bytes were seen, not what they were part of: \
         it accuses nobody.",
    )?;
    page.blank()?;
    let shown = if page.is_verbose() { hosts.len() } else { LISTED.min(hosts.len()) };
    for alerts in &hosts[..shown] {
        page.say(0, &alerts[0].host)?;
        list(page, 1, &alerts.iter().map(|host| &host.alert).collect::<Vec<_>>())?;
    }
    match hosts.len() - shown {
        0 => Ok(()),
        more => page.say(0, &format!("and {} (-v lists them)", count(more as u64, "more host", "more hosts"))),
    }
}

fn list(page: &mut Page<'_, impl Write>, depth: usize, alerts: &[&RuleAlert]) -> io::Result<()> {
    let shown = if page.is_verbose() { alerts.len() } else { LISTED.min(alerts.len()) };
    for RuleAlert { sid, msg, count: times, first, last, services } in alerts[..shown].iter().copied() {
        let msg = if msg.is_empty() { "a rule without msg" } else { msg };
        let when = span(Some(first), Some(last));
        let whence = ports(services, *times, if page.is_verbose() { services.len() } else { PORTS });
        let text = format!("{msg} (sid {sid}): {}, {when}, on {whence}", count(*times, "alert", "alerts"));
        page.hang(depth, "- ", &text)?;
    }
    match alerts.len() - shown {
        0 => Ok(()),
        more => page.say(depth, &format!("and {} (-v lists them)", count(more as u64, "more rule", "more rules"))),
    }
}

/// `110/tcp pop3 (53), 143/tcp imap (12) and elsewhere (7)`.
fn ports(services: &[AlertService], times: u64, most: usize) -> String {
    let named = &services[..most.min(services.len())];
    let name = |service: &AlertService| {
        let AlertService { proto, port, protocol, count } = service;
        let protocol = protocol.map_or_else(String::new, |protocol| format!("{TIE}{protocol}"));
        format!("{port}/{proto}{protocol}{TIE}({})", number(*count))
    };
    let list = named.iter().map(name).collect::<Vec<_>>().join(", ");
    match times - named.iter().map(|service| service.count).sum::<u64>() {
        0 => list,
        more => format!("{list} and elsewhere{TIE}({})", number(more)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_add_up_to_all_alerts() {
        let at = |port, protocol, count| AlertService { proto: "tcp", port, protocol, count };
        let services = [at(110, Some("pop3"), 53), at(1182, None, 12)];
        let plain = |times, most| ports(&services, times, most).replace(TIE, " ");
        assert_eq!(plain(65, 2), "110/tcp pop3 (53), 1182/tcp (12)");
        assert_eq!(plain(70, 1), "110/tcp pop3 (53) and elsewhere (17)");
    }
}
