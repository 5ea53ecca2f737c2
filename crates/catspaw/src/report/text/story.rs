//! One host's story.

use std::io::{self, Write};

use super::advice;
use super::kind;
use super::number::{bytes, count, lasted, moment, number, optional, some_of, span};
use super::page::{FAINT, Page, tied};
use super::summary;
use super::table::{Line, Span, Table, beside, line_width};
use super::timeline;
use super::{alerts, weak};
use crate::report::model::{Counts, Day, Incident};

/// Days that are listed one by one, and of more than these the first and the last ones.
const DAYS: usize = 31;
const FIRST_DAYS: usize = 10;
/// Records that are shown.
const RECORDS: usize = 4;
/// SMTP's port.
pub(super) const SMTP: u16 = 25;
/// Between clients and targets where they stand side by side.
const GAP: usize = 6;
/// In the sentence about the size from which mail counts as delivered, which belongs beside the number.
const DELIVERED: &str = "counts as delivered";

/// Writes it.
pub(super) fn write(page: &mut Page<'_, impl Write>, incident: &Incident, timezone: &str) -> io::Result<()> {
    page.title(&kind::headline(incident), summary::paint(incident))?;
    if incident.verdict == "suspect" {
        page.say(1, &kind::looks_like(incident))?;
        page.blank()?;
    }
    facts(page, incident)?;
    counts(page, incident)?;
    timeline::write(page, incident.timeline.as_ref())?;
    days(page, &incident.daily, timezone)?;
    super::cut::write(page, incident)?;
    parties(page, incident)?;
    advice::how_sure(page, incident)?;
    why(page, incident)?;
    weak::of_incident(page, incident)?;
    alerts::of_incident(page, incident)?;
    records(page, incident)?;
    advice::next(page, incident)
}

fn facts(page: &mut Page<'_, impl Write>, incident: &Incident) -> io::Result<()> {
    let (first, last) = (incident.first_seen.as_deref(), incident.last_seen.as_deref());
    if let Some(owner) = incident.owner.as_ref().and_then(kind::owner) {
        page.hang(1, "Whose it is      ", &owner)?;
    }
    if !incident.public.is_empty() {
        page.hang(1, "Seen outside as  ", &seen_as(incident))?;
    }
    if let Some(lasted) = lasted(first, last) {
        page.hang(1, kind::seen(incident), &format!("{} UTC ({lasted})", span(first, last)))?;
    }
    if let Some(tunnel) = &incident.tunnel {
        page.hang(1, "Tunnel           ", &kind::far_end(tunnel))?;
    }
    page.hang(1, "Incident         ", &incident.id)
}

/// What the outside saw of it, and whether that was its alone.
fn seen_as(incident: &Incident) -> String {
    let (public, shared) = (&incident.public, &incident.public_shared);
    let all = some_of(public, 12);
    let others = match (public.len(), shared.len()) {
        (_, 0) => return all,
        (1, 1) => "other hosts had it, too".to_owned(),
        (all, shared) if all == shared => "other hosts had these, too".to_owned(),
        _ => format!("other hosts had {}, too", some_of(shared, 12)),
    };
    format!("{all} ({others}: who had it at a time, catspaw trace says)")
}

fn counts(page: &mut Page<'_, impl Write>, incident: &Incident) -> io::Result<()> {
    let counts = &incident.counts;
    page.part(if incident.topology == Some("direct") { "What was delivered" } else { "What went through" })?;
    page.figures(2, &went_through(incident))?;
    if let Some(sentence) = incident.why.iter().find(|sentence| sentence.contains(DELIVERED)) {
        page.say(2, sentence)?;
    }
    if incident.topology == Some("forward") {
        page.part(&format!("What came in at {}", kind::through(incident)))?;
        page.figures(2, &came_in(counts))?;
    }
    page.part("What this host sent out, its own traffic included")?;
    page.figures(2, &went_out(counts))
}

fn figure(n: u64, words: impl Into<String>) -> (String, String) {
    (number(n), words.into())
}

/// A count that this view may not have.
fn known(n: Option<u64>, words: &str) -> (String, String) {
    (optional(n), words.to_owned())
}

fn went_through(incident: &Incident) -> Vec<(String, String)> {
    let counts = &incident.counts;
    let targets = count(incident.targets_total, "target", "targets");
    if incident.topology == Some("direct") {
        let servers = count(incident.targets_total, "mail server", "mail servers");
        return vec![figure(counts.outbound_smtp, format!("SMTP connections, to {servers}")), delivered(counts)];
    }
    let clients = match incident.clients_total {
        0 => String::new(),
        n => format!(", for {}", count(n, "client", "clients")),
    };
    let sessions = match incident.topology {
        Some("backconnect") if incident.verdict != "relay" => "sessions at most, the host's own among them,",
        _ => "sessions relayed",
    };
    let mut figures = vec![
        figure(counts.relayed, format!("{sessions}{clients} to {targets}")),
        (tied(&bytes(counts.bytes_relayed)), "carried, both ways together".to_owned()),
        figure(counts.refused, "sessions asked for that the target refused or did not answer"),
    ];
    if counts.outbound_smtp == 0 && counts.delivered == Some(0) {
        figures.push(figure(0, "mails delivered: this host sent nothing to an SMTP server"));
    } else {
        figures.push(delivered(counts));
    }
    figures
}

fn delivered(counts: &Counts) -> (String, String) {
    if counts.delivered_unit == "messages" {
        let recipients = counts.recipients.map(|n| format!(" for {}", count(n, "recipient", "recipients")));
        let words = format!("mails delivered: accepted by the far server{}", recipients.unwrap_or_default());
        return known(counts.delivered, &words);
    }
    known(
        counts.delivered,
        "mails delivered: SMTP connections of this incident that ended well and were large enough for a mail",
    )
}

fn came_in(counts: &Counts) -> Vec<(String, String)> {
    vec![
        known(counts.inbound_attempts, "attempts, of them"),
        known(counts.inbound_established, "answered"),
        known(counts.unanswered_inbound, "not answered: refused, filtered, or the service was gone"),
    ]
}

fn went_out(counts: &Counts) -> Vec<(String, String)> {
    let mut figures = vec![
        figure(counts.outbound_attempts, "attempts, of them"),
        figure(counts.outbound_established, "answered"),
        figure(counts.outbound_smtp, "to SMTP servers (port 25)"),
    ];
    if counts.outbound_smtp > 0 {
        figures.push(known(counts.smtp_completed, "SMTP connections closed by FINs from both sides"));
    }
    figures
}

fn days(page: &mut Page<'_, impl Write>, days: &[Day], timezone: &str) -> io::Result<()> {
    if days.is_empty() {
        return Ok(());
    }
    page.part(&format!("Day by day ({timezone})"))?;
    let shown = if page.is_verbose() { days.len() } else { DAYS };
    if days.len() <= shown {
        return page.table(2, day_table(days.iter()));
    }
    let left_out = days.len() - DAYS;
    let (first, last) = (&days[..FIRST_DAYS], &days[FIRST_DAYS + left_out..]);
    page.table(2, day_table(first.iter().chain(last)))?;
    let after = &first[FIRST_DAYS - 1].date;
    page.say(2, &format!("{} after {after} left out here: -v shows them.", count(left_out as u64, "day", "days")))
}

fn day_table<'a>(days: impl Iterator<Item = &'a Day>) -> Table {
    let mut table = Table::new()
        .text("Day")
        .number("Outbound")
        .number("Inbound")
        .number("No answer")
        .number("Relayed")
        .number("Refused")
        .number("SMTP done")
        .number("Mail");
    for day in days {
        let numbers = [
            Some(day.outbound),
            day.inbound,
            day.unanswered,
            Some(day.relayed),
            Some(day.refused),
            day.smtp_completed,
            day.delivered,
        ];
        let numbers = numbers.into_iter().map(|n| Span::from(optional(n)));
        table.row([Span::from(day.date.as_str())].into_iter().chain(numbers).collect());
    }
    table
}

/// Clients and targets: more of them where there is room, side by side where both fit.
fn parties(page: &mut Page<'_, impl Write>, incident: &Incident) -> io::Result<()> {
    let most = if page.is_verbose() { usize::MAX } else { (page.width() / 16).clamp(5, 20) };
    let targets = targets(incident, most);
    if incident.clients_total == 0 && incident.topology != Some("forward") {
        page.blank()?;
        return page.lines(1, &targets);
    }
    let clients = clients(incident, most);
    let wide = |lines: &[Line]| lines.iter().map(line_width).max().unwrap_or(0);
    if wide(&clients) + GAP + wide(&targets) <= page.room(1) {
        page.blank()?;
        return page.lines(1, &beside(clients, targets, GAP));
    }
    for lines in [clients, targets] {
        page.blank()?;
        page.lines(1, &lines)?;
    }
    Ok(())
}

fn clients(incident: &Incident, most: usize) -> Vec<Line> {
    let mut table = Table::new().text("Client").number("Sessions").number("Bytes");
    for client in incident.clients.iter().take(most) {
        table.row(vec![client.address.as_str().into(), number(client.sessions).into(), bytes(client.bytes).into()]);
    }
    listed("Who used it", &table, most.min(incident.clients.len()), incident.clients_total)
}

fn targets(incident: &Incident, most: usize) -> Vec<Line> {
    let mut table = Table::new().text("Target").number("Port").number("Sessions").number("Bytes");
    for target in incident.targets.iter().take(most) {
        table.row(vec![
            target.address.as_str().into(),
            target.port.to_string().into(),
            number(target.sessions).into(),
            bytes(target.bytes).into(),
        ]);
    }
    let title = if incident.verdict == "suspect" { "Whom it called" } else { "Whom it was used against" };
    listed(title, &table, most.min(incident.targets.len()), incident.targets_total)
}

fn listed(title: &str, table: &Table, shown: usize, total: u64) -> Vec<Line> {
    let of = if shown as u64 == total { String::new() } else { format!(" ({shown} of {})", number(total)) };
    let mut lines = vec![vec![Span::new(&format!("{title}{of}"), super::page::TITLE)]];
    let rows = if shown > 0 { table.lines(FAINT) } else { vec![vec!["nobody was seen".into()]] };
    lines.extend(rows.into_iter().map(|mut row| {
        row.insert(0, "  ".into());
        row
    }));
    lines
}

fn why(page: &mut Page<'_, impl Write>, incident: &Incident) -> io::Result<()> {
    page.part("Why")?;
    let said = |sentence: &&String| !sentence.contains(DELIVERED);
    incident.why.iter().filter(said).try_for_each(|sentence| page.hang(2, "- ", sentence))
}

fn records(page: &mut Page<'_, impl Write>, incident: &Incident) -> io::Result<()> {
    if incident.examples.is_empty() {
        return Ok(());
    }
    let (shown, all) = (RECORDS.min(incident.examples.len()), incident.examples.len());
    page.part(&if shown < all {
        format!("Records that show it ({shown} of the {all} in the JSON report)")
    } else {
        "Records that show it".to_owned()
    })?;
    for example in incident.examples.iter().take(shown) {
        page.say(2, &format!("{}:{}", example.path, example.line))?;
        match &example.text {
            Some(text) => page.record(3, text)?,
            None => page.record(3, "(from standard input, which cannot be read again)")?,
        }
    }
    Ok(())
}

/// Since when, for the advice.
pub(super) fn since(incident: &Incident) -> String {
    moment(incident.first_seen.as_deref())
}
