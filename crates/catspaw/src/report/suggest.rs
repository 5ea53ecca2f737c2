//! The configuration that would declare what was found, for the owner to edit.

use std::io::{self, Write};

use super::model::{Incident, Report};
use super::text;

/// Services for which a stanza is written out; more are declared by one without a port.
const STANZAS: usize = 3;
/// Targets that a stanza names, so that it covers no more than what was seen.
const TARGETS: usize = 4;
/// Columns of a comment.
const WIDE: usize = 100;

/// Writes the file of `--suggest-authorised`.
///
/// # Errors
/// Where `out` fails.
pub(crate) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let found = report.incidents.len();
    comment(
        out,
        &format!(
            "catspaw {} found {found} {} that nobody has declared. Each stanza below would declare one, so that it is \
             listed as authorised and no longer accused: delete those that are not meant to be there, say in `reason` why \
             the others are, and add them to the file for --config.",
            report.version,
            if found == 1 { "incident" } else { "incidents" },
        ),
    )?;
    for incident in &report.incidents {
        writeln!(out)?;
        comment(out, &text::headline(incident))?;
        incident.why.iter().try_for_each(|why| comment(out, &format!("- {why}")))?;
        stanzas(incident).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    out.flush()
}

/// The stanzas that would declare an incident, line by line.
#[must_use]
pub(super) fn stanzas(incident: &Incident) -> Vec<String> {
    let mut ports: Vec<Option<u16>> = incident.services.iter().map(|service| Some(service.port)).collect();
    ports.dedup();
    if ports.is_empty() || ports.len() > STANZAS {
        ports = vec![None];
    }
    let stanzas: Vec<Vec<String>> = ports.into_iter().map(|port| stanza(incident, port)).collect();
    stanzas.join(&String::new())
}

fn stanza(incident: &Incident, port: Option<u16>) -> Vec<String> {
    let mut lines =
        vec!["[[authorised]]".to_owned(), format!("host = \"{}\"", incident.host), "proto = \"tcp\"".to_owned()];
    lines.extend(port.map(|port| format!("port = {port}")));
    lines.extend(incident.topology.map(|topology| format!("topology = \"{topology}\"")));
    lines.extend(incident.tunnel.as_ref().map(|tunnel| format!("tunnel = \"{}\"", text::far_end(tunnel))));
    let forward = incident.topology == Some("forward");
    if forward && incident.verdict == "suspect" && incident.targets_total <= TARGETS as u64 {
        let mut targets: Vec<String> =
            incident.targets.iter().map(|target| format!("\"{}\"", target.address)).collect();
        targets.sort();
        targets.dedup();
        lines.push(format!("targets = [{}]", targets.join(", ")));
    }
    lines.push("reason = \"...\"".to_owned());
    lines
}

fn comment(out: &mut impl Write, sentence: &str) -> io::Result<()> {
    text::lines(sentence, WIDE).iter().try_for_each(|line| writeln!(out, "# {line}"))
}
