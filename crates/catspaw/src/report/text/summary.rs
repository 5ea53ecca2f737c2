//! One line for each host.

use std::io::{self, Write};

use super::number::{bytes, chance, count, moment, number, optional, ports, some_of};
use super::page::{DOUBTFUL, FINE, GUILTY, Page, TITLE};
use super::read;
use super::table::{Span, Table};
use crate::report::model::{Incident, Report};
use anstyle::Style as Paint;

/// Ports that are named in a line.
const PORTS: usize = 3;
/// How many characters of a moment are shown (to the second, to the minute, to the day), and how many ports: the first
/// of these that fits.
const LAYOUTS: [(usize, usize); 4] = [(19, PORTS), (16, PORTS), (16, 1), (10, 1)];

/// Who relays, worst first, or that nobody does.
pub(super) fn incidents(page: &mut Page<'_, impl Write>, report: &Report) -> io::Result<()> {
    let incidents = &report.incidents;
    if incidents.is_empty() {
        return nothing(page, report);
    }
    page.title(&headline(incidents), TITLE)?;
    let room = page.room(0);
    let mut tables: Vec<Table> = LAYOUTS.iter().map(|&layout| incident_table(incidents, layout)).collect();
    let fits = tables.iter().position(|table| table.clone().fitted(room).width() <= room);
    page.table(0, tables.swap_remove(fits.unwrap_or(LAYOUTS.len() - 1)))?;
    page.blank()?;
    page.say(
        0,
        &format!(
            "Times are in UTC{}. \"Mail\" is what was delivered. \"Chance\" is that of a coincidence which looks like this: see \
             \"How sure\" below.",
            if report.timezone == "UTC" { String::new() } else { format!(", days are those of {}", report.timezone) }
        ),
    )?;
    left_out(page, report)?;
    declared(page, report)
}

fn left_out(page: &mut Page<'_, impl Write>, report: &Report) -> io::Result<()> {
    read::left_out(report).map_or(Ok(()), |said| page.say(0, &said))
}

fn headline(incidents: &[Incident]) -> String {
    let of = |verdict: &str| incidents.iter().filter(|incident| incident.verdict == verdict).count() as u64;
    let (relays, spam, suspects) = (of("relay"), of("spam-source"), of("suspect"));
    let hosts = |n: u64| count(n, "host", "hosts");
    let mut said = Vec::new();
    if relays > 0 {
        let relaying = if relays == 1 { "relays" } else { "relay" };
        said.push(format!("{} {relaying} other people's traffic", hosts(relays)));
    }
    if spam > 0 {
        let who = if said.is_empty() { hosts(spam) } else { number(spam) };
        said.push(format!("{who} {} spam", if spam == 1 { "sends" } else { "send" }));
    }
    if suspects > 0 && said.is_empty() {
        said.push(format!("{} may relay other people's traffic", hosts(suspects)));
    } else if suspects > 0 && spam > 0 {
        let are = if suspects == 1 { "is a suspect" } else { "are suspects" };
        said.push(format!("{} more {are}", number(suspects)));
    } else if suspects > 0 {
        said.push(format!("{} more may", number(suspects)));
    }
    said.join(", ")
}

fn incident_table(incidents: &[Incident], (digits, most): (usize, usize)) -> Table {
    let mut table = Table::new()
        .text("Host")
        .optional("Seen as", false, 6)
        .optional("Owner", false, 7)
        .text("Verdict")
        .text("Port")
        .optional("Clients", true, 2)
        .optional("Targets", true, 3)
        .number("Relayed")
        .optional("Bytes", true, 4)
        .number("Mail")
        .text("Since")
        .optional("Until", false, 5)
        .number("Chance");
    for incident in incidents {
        let cut = |at: Option<&str>| moment(at).chars().take(digits).collect::<String>();
        table.row(vec![
            incident.host.as_str().into(),
            some_of(&incident.public, 2).into(),
            incident.owner.as_ref().and_then(|o| o.user.clone().or(o.name.clone())).unwrap_or_default().into(),
            verdict(incident),
            short_ports(incident, most).into(),
            number(incident.clients_total).into(),
            number(incident.targets_total).into(),
            number(incident.counts.relayed).into(),
            bytes(incident.counts.bytes_relayed).into(),
            optional(incident.counts.delivered).into(),
            cut(incident.first_seen.as_deref()).into(),
            cut(incident.last_seen.as_deref()).into(),
            short_chance(incident).into(),
        ]);
    }
    table
}

fn short_ports(incident: &Incident, most: usize) -> String {
    let ports = ports(&incident.services);
    match incident.topology {
        Some("backconnect") => return "tunnel".to_owned(),
        Some("direct") => return "-".to_owned(),
        _ => {}
    }
    let shown = ports[..most.min(ports.len())].join(", ");
    match ports.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} +{more}"),
    }
}

fn verdict(incident: &Incident) -> Span {
    Span::new(incident.verdict, paint(incident))
}

/// A verdict's colour.
pub(super) fn paint(incident: &Incident) -> Paint {
    match incident.verdict {
        _ if incident.authorised => FINE,
        "suspect" => DOUBTFUL,
        _ => GUILTY,
    }
}

fn short_chance(incident: &Incident) -> String {
    match chance(&incident.confidence) {
        Some(('=', chance)) => chance,
        Some((sign, chance)) => format!("{sign}{chance}"),
        // A suspect without one rests on totals, not on content.
        None if incident.verdict == "suspect" => "-".to_owned(),
        None => "seen".to_owned(),
    }
}

fn nothing(page: &mut Page<'_, impl Write>, report: &Report) -> io::Result<()> {
    let foreign = &report.looked_at.foreign;
    if !foreign.is_empty() {
        let are = match &foreign[..] {
            [net] if net.contains('/') => "has none of",
            [_] => "is not one of",
            _ => "are none of",
        };
        page.title(&format!("{} {are} the network's own addresses", some_of(foreign, 4)), DOUBTFUL)?;
        page.say(0, &read::looked_at(report))?;
        left_out(page, report)?;
        return page.say(
            0,
            "--host takes a host's address inside of NAT: what stands at the end says whose these are, as far as it is known.",
        );
    }
    page.title("No relay was found", FINE)?;
    page.say(0, &read::looked_at(report))?;
    left_out(page, report)?;
    declared(page, report)?;
    page.say(0, "That is no proof that there is none: what this evidence cannot show stands at the end.")
}

fn declared(page: &mut Page<'_, impl Write>, report: &Report) -> io::Result<()> {
    match report.authorised.len() as u64 {
        0 => Ok(()),
        n => page.say(
            0,
            &format!("{} declared by the owner: see \"Authorised\" below.", count(n, "relay was", "relays were")),
        ),
    }
}

/// The relays that the owner declared, with their numbers.
pub(super) fn authorised(page: &mut Page<'_, impl Write>, authorised: &[Incident]) -> io::Result<()> {
    if authorised.is_empty() {
        return Ok(());
    }
    page.blank()?;
    page.title("Authorised: relays that their owner declared", TITLE)?;
    let mut table = Table::new()
        .text("Host")
        .text("Port")
        .optional("Would be", false, 1)
        .optional("Clients", true, 3)
        .optional("Targets", true, 4)
        .number("Relayed")
        .optional("Bytes", true, 2)
        .number("Mail")
        .text("Since")
        .optional("Until", false, 5);
    for relay in authorised {
        let seen = relay.verdict != "none";
        table.row(vec![
            relay.host.as_str().into(),
            if seen { short_ports(relay, PORTS).into() } else { "-".into() },
            if seen { relay.verdict.into() } else { "not seen".into() },
            number(relay.clients_total).into(),
            number(relay.targets_total).into(),
            number(relay.counts.relayed).into(),
            bytes(relay.counts.bytes_relayed).into(),
            optional(relay.counts.delivered).into(),
            moment(relay.first_seen.as_deref()).into(),
            moment(relay.last_seen.as_deref()).into(),
        ]);
    }
    page.table(0, table)
}
