//! Weak signs: those of an incident's host, and those of hosts that nobody accuses.

use std::io::{self, Write};

use super::number::{count, some_of};
use super::page::{Page, TITLE};
use crate::report::model::{HostIndicator, Incident, Report};

/// Hosts that are listed; `-v` lists all that are in the report.
const HOSTS: usize = 20;

/// A sign in words, the strongest first.
const WORDS: [(&str, &str); 6] = [
    ("open-proxy", "an open proxy, as a script that asked it found"),
    ("proxy-banner", "names itself a proxy"),
    ("open-ports", "ports open in a row"),
    ("asked-ports", "ports asked for in a row"),
    ("proxy-port", "a port that proxies are known by"),
    ("scanned", "was scanned"),
];

fn rank(kind: &str) -> usize {
    WORDS.iter().position(|&(own, _)| own == kind).unwrap_or(WORDS.len())
}

fn words(kind: &str) -> &str {
    WORDS.get(rank(kind)).map_or(kind, |&(_, words)| words)
}

/// Those of an incident's host.
pub(super) fn of_incident(page: &mut Page<'_, impl Write>, incident: &Incident) -> io::Result<()> {
    if incident.indicators.is_empty() {
        return Ok(());
    }
    page.part("Weak signs, which prove nothing by themselves")?;
    let mut signs: Vec<_> = incident.indicators.iter().collect();
    signs.sort_by_key(|sign| rank(&sign.kind));
    signs.into_iter().try_for_each(|sign| say(page, 2, &sign.kind, &sign.detail))
}

fn say(page: &mut Page<'_, impl Write>, depth: usize, kind: &str, detail: &str) -> io::Result<()> {
    page.hang(depth, "- ", &format!("{}: {detail}", words(kind)))
}

/// Those of hosts without an incident, and what to do about them.
pub(super) fn elsewhere(page: &mut Page<'_, impl Write>, report: &Report) -> io::Result<()> {
    let mut hosts: Vec<(&str, Vec<&HostIndicator>)> = Vec::new();
    let mut scanned = Vec::new();
    for sign in &report.indicators {
        match hosts.last_mut() {
            Some((host, signs)) if *host == sign.host => signs.push(sign),
            _ => hosts.push((&sign.host, vec![sign])),
        }
    }
    // Everybody is scanned now and then: not a line for each.
    hosts.retain(|(host, signs)| {
        let more = signs.iter().any(|sign| sign.kind != "scanned");
        scanned.extend(Some((*host).to_owned()).filter(|_| !more));
        more
    });
    if hosts.is_empty() && scanned.is_empty() {
        return Ok(());
    }
    page.blank()?;
    page.title("Worth a look", TITLE)?;
    page.say(0, "Weak signs at hosts that nothing else speaks against. They accuse nobody: they say where to look.")?;
    if !hosts.is_empty() {
        list(page, hosts)?;
    }
    if !scanned.is_empty() {
        page.blank()?;
        let hosts = count(scanned.len() as u64, "host was", "hosts were");
        page.say(0, &format!("{hosts} scanned, known ports among the others: {}.", some_of(&scanned, 4)))?;
    }
    page.blank()?;
    if !report.notes.is_empty() {
        report.notes.iter().try_for_each(|note| page.say(0, note))?;
        page.blank()?;
    }
    page.say(0, next(report))
}

fn list(page: &mut Page<'_, impl Write>, mut hosts: Vec<(&str, Vec<&HostIndicator>)>) -> io::Result<()> {
    let all = hosts.len();
    hosts.sort_by_key(|(_, signs)| signs.iter().map(|sign| rank(&sign.kind)).min());
    let shown = if page.is_verbose() { all } else { HOSTS.min(all) };
    page.blank()?;
    for (host, mut signs) in hosts.into_iter().take(shown) {
        signs.sort_by_key(|sign| rank(&sign.kind));
        page.say(0, host)?;
        signs.into_iter().try_for_each(|sign| say(page, 1, &sign.kind, &sign.detail))?;
    }
    match all - shown {
        0 => Ok(()),
        more => page.say(0, &format!("and {} (-v lists them)", count(more as u64, "more host", "more hosts"))),
    }
}

/// What to do next.
fn next(report: &Report) -> &'static str {
    if report.looked_at.connections == 0 {
        "What to do next: ask the traffic. `catspaw scan` over the firewall's or Zeek's log of these hosts says whether \
         what comes in at a port goes out again to somebody else. Then ask the owner which program it is that answers, where one does."
    } else {
        "What to do next: what was read here does not show that these hosts relay. Ask the logs of other days and of other \
         sensors in the same way, and, where a port answers, the owner which program it is."
    }
}
