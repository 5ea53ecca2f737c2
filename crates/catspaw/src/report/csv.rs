//! One row per incident, for tickets and spreadsheets (RFC 4180, with line feeds).

use std::io::{self, Write};

use super::model::{Containment, Incident, Owner, Report};

/// A column: its name, and what stands in it.
type Column = (&'static str, fn(&Incident) -> Cell);

/// New columns go to the end: scripts count.
const COLUMNS: [Column; 43] = [
    ("id", |i| text(&i.id)),
    ("host", |i| text(&i.host)),
    ("public", |i| list(&i.public)),
    ("owner", |i| i.owner.as_ref().map_or(Cell::Empty, owner)),
    ("verdict", |i| text(i.verdict)),
    ("topology", |i| i.topology.map_or(Cell::Empty, text)),
    ("authorised", |i| Cell::Number(i.authorised.to_string())),
    ("services", services),
    ("tunnel", |i| i.tunnel.as_ref().map_or(Cell::Empty, |far| text(&endpoint(&far.address, far.port)))),
    ("first_seen", |i| moment(&i.first_seen)),
    ("last_seen", |i| moment(&i.last_seen)),
    ("log10_likelihood_ratio", |i| number(i.confidence.log10_likelihood_ratio)),
    ("p_value", |i| i.confidence.p_value.map_or(Cell::Empty, |p| Cell::Number(format!("{p:e}")))),
    ("sessions_to_detect", |i| number(i.confidence.sessions_to_detect)),
    ("inbound_attempts", |i| number(i.counts.inbound_attempts)),
    ("inbound_established", |i| number(i.counts.inbound_established)),
    ("outbound_attempts", |i| number(Some(i.counts.outbound_attempts))),
    ("outbound_established", |i| number(Some(i.counts.outbound_established))),
    ("outbound_smtp", |i| number(Some(i.counts.outbound_smtp))),
    ("relayed", |i| number(Some(i.counts.relayed))),
    ("refused", |i| number(Some(i.counts.refused))),
    ("smtp_completed", |i| number(i.counts.smtp_completed)),
    ("delivered", |i| number(i.counts.delivered)),
    ("delivered_unit", |i| text(i.counts.delivered_unit)),
    ("recipients", |i| number(i.counts.recipients)),
    ("unanswered_inbound", |i| number(i.counts.unanswered_inbound)),
    ("bytes_relayed", |i| number(Some(i.counts.bytes_relayed))),
    ("clients_total", |i| number(Some(i.clients_total))),
    ("targets_total", |i| number(Some(i.targets_total))),
    ("contained_at", |i| cut(i, |c| text(&c.at))),
    ("containment_source", |i| cut(i, |c| text(c.source))),
    ("attempts_after", |i| cut(i, |c| number(Some(c.attempts_after)))),
    ("clients_after", |i| cut(i, |c| number(Some(c.clients_after)))),
    ("last_attempt", |i| cut(i, |c| moment(&c.last_attempt))),
    ("answered_after", |i| cut(i, |c| number(Some(c.answered_after)))),
    ("translation_held_until", |i| cut(i, |c| moment(&c.translation_held_until))),
    ("translation_duration", |i| cut(i, |c| number(c.translation_duration))),
    ("why", |i| text(&i.why.join(" "))),
    ("top_client", |i| i.clients.first().map_or(Cell::Empty, |client| text(&client.address))),
    ("top_target", |i| i.targets.first().map_or(Cell::Empty, |to| text(&endpoint(&to.address, to.port)))),
    ("indicators", |i| {
        list(&i.indicators.iter().map(|sign| format!("{} {}", sign.kind, sign.detail)).collect::<Vec<_>>())
    }),
    ("log10_p_value", |i| number(i.confidence.log10_p_value)),
    ("denials_after", |i| cut(i, |c| number(Some(c.denials_after)))),
];

/// What stands in a cell. Text is of any origin, a number is ours.
enum Cell {
    Text(String),
    Number(String),
    Empty,
}

/// Writes it: the header, a row for each incident, and the declared relays behind them where they are wanted.
///
/// # Errors
/// Where `out` fails.
pub(crate) fn write(report: &Report, with_authorised: bool, out: &mut impl Write) -> io::Result<()> {
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    writeln!(out, "{}", names.join(","))?;
    let declared = report.authorised.iter().filter(|_| with_authorised);
    for incident in report.incidents.iter().chain(declared) {
        let row: Vec<String> = COLUMNS.iter().map(|(_, cell)| cell(incident).quoted()).collect();
        writeln!(out, "{}", row.join(","))?;
    }
    Ok(())
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn list(items: &[String]) -> Cell {
    if items.is_empty() { Cell::Empty } else { Cell::Text(items.join(" ")) }
}

fn moment(at: &Option<String>) -> Cell {
    at.as_ref().map_or(Cell::Empty, |at| Cell::Number(at.clone()))
}

fn number(n: Option<impl ToString>) -> Cell {
    n.map_or(Cell::Empty, |n| Cell::Number(n.to_string()))
}

fn cut(incident: &Incident, cell: impl Fn(&Containment) -> Cell) -> Cell {
    incident.containment.as_ref().map_or(Cell::Empty, cell)
}

fn owner(owner: &Owner) -> Cell {
    let known = [&owner.user, &owner.name, &owner.mac].into_iter().flatten().cloned().collect::<Vec<_>>();
    if known.is_empty() { Cell::Empty } else { Cell::Text(known.join("; ")) }
}

fn endpoint(address: &str, port: u16) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

fn services(incident: &Incident) -> Cell {
    let name = |service: &super::model::Service| {
        let protocol = service.protocol.map(|protocol| format!(" {protocol}")).unwrap_or_default();
        format!("{}/{}{protocol}", service.port, service.proto)
    };
    let names: Vec<String> = incident.services.iter().map(name).collect();
    if names.is_empty() { Cell::Empty } else { Cell::Text(names.join(", ")) }
}

impl Cell {
    fn quoted(self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Number(number) => number,
            Self::Text(text) => quoted(&harmless(&text)),
        }
    }
}

/// Text that no spreadsheet takes for a formula, without what ends a line.
fn harmless(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // The wide forms are read as the narrow ones by some.
    let formula = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
    if plain.trim_start().starts_with(formula) { format!("'{plain}") } else { plain }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', ';', '\'']) || text.starts_with(' ') || text.ends_with(' ') {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text::sample;

    fn csv(report: &Report, with_authorised: bool) -> String {
        let mut out = Vec::new();
        write(report, with_authorised, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn there_is_a_row_for_each_incident() {
        let report = sample::report();
        assert_eq!(csv(&report, false).lines().count(), 1 + report.incidents.len());
        assert_eq!(csv(&report, true).lines().count(), 1 + report.incidents.len() + report.authorised.len());
        let text = csv(&report, false);
        let row = text.lines().nth(1).unwrap();
        assert!(row.starts_with(
            "7ee80d32ebb9b73d,172.28.220.181,192.0.2.10 192.0.2.171,,relay,forward,false,1182/tcp,,2003-03-02T04:11:09Z,"
        ));
        assert!(row.contains(",55123.4,1e-300,8,88110,69735,66888,"), "{row}");
        assert!(row.contains("of this host's own SMTP connections.\",198.51.100.1,203.0.113.1:25,,-55123.4"), "{row}");
    }

    #[test]
    fn evidence_writes_no_formula_and_no_line() {
        let mut report = sample::report();
        let name = Some("=cmd|' /C calc'!A0\r\n@SUM(1)".to_owned());
        report.incidents[0].owner = Some(Owner { name, user: Some(" +1".to_owned()), mac: None });
        report.incidents[1].owner = Some(Owner { name: Some("a \"b\"".to_owned()), user: None, mac: None });
        let text = csv(&report, false);
        assert_eq!(text.lines().count(), 1 + report.incidents.len());
        assert!(text.contains(",\"' +1; =cmd|' /C calc'!A0  @SUM(1)\",relay"), "{text}");
        assert!(text.contains(",\"a \"\"b\"\"\",relay"), "{text}");
        for start in ["=", "+", "-", "@", "\t=", "\u{ff1d}"] {
            assert!(harmless(&format!("{start}1")).starts_with('\''), "{start}");
        }
        assert_eq!(harmless("a-b"), "a-b");
    }
}
