//! Alerts of rules: at an incident's host, and at hosts that nobody accuses.

use std::io::{self, Write};

use super::number::count;
use super::page::{Page, TITLE};
use crate::report::model::{HostAlert, Incident, Report};

/// Hosts, and rules of one of them, that are listed; `-v` lists all.
const LISTED: usize = 20;

/// Those of an incident's host.
pub(super) fn of_incident(page: &mut Page<'_, impl Write>, incident: &Incident) -> io::Result<()> {
    if incident.alerts.is_empty() {
        return Ok(());
    }
    page.part("Alerts of rules, which prove nothing by themselves")?;
    let alerts: Vec<_> = incident.alerts.iter().map(|alert| (alert.msg.as_str(), alert.sid, alert.count)).collect();
    list(page, 2, &alerts)
}

/// Those of hosts without an incident.
pub(super) fn elsewhere(page: &mut Page<'_, impl Write>, report: &Report) -> io::Result<()> {
    let mut hosts: Vec<&[HostAlert]> = report.alerts.chunk_by(|a, b| a.host == b.host).collect();
    if hosts.is_empty() {
        return Ok(());
    }
    hosts.sort_by_key(|alerts| std::cmp::Reverse(alerts.iter().map(|alert| alert.count).sum::<u64>()));
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
        let alerts: Vec<_> = alerts.iter().map(|alert| (alert.msg.as_str(), alert.sid, alert.count)).collect();
        list(page, 1, &alerts)?;
    }
    match hosts.len() - shown {
        0 => Ok(()),
        more => page.say(0, &format!("and {} (-v lists them)", count(more as u64, "more host", "more hosts"))),
    }
}

fn list(page: &mut Page<'_, impl Write>, depth: usize, alerts: &[(&str, u32, u64)]) -> io::Result<()> {
    let shown = if page.is_verbose() { alerts.len() } else { LISTED.min(alerts.len()) };
    for (msg, sid, times) in &alerts[..shown] {
        let msg = if msg.is_empty() { "a rule without msg" } else { msg };
        page.hang(depth, "- ", &format!("{msg} (sid {sid}): {}", count(*times, "alert", "alerts")))?;
    }
    match alerts.len() - shown {
        0 => Ok(()),
        more => page.say(depth, &format!("and {} (-v lists them)", count(more as u64, "more rule", "more rules"))),
    }
}
