//! How sure it is, and what to do.

use std::io::{self, Write};

use super::number::{chance, count, some_of};
use super::page::{Page, tied};
use super::story;
use crate::report::model::Incident;

/// Services for which a stanza is written out; more are declared by one without a port.
const STANZAS: usize = 3;
/// Targets that a stanza names, so that it covers no more than what was seen.
const TARGETS: usize = 4;

/// What the numbers claim, and what they do not.
pub(super) fn how_sure(page: &mut Page<'_, impl Write>, incident: &Incident) -> io::Result<()> {
    page.part("How sure")?;
    page.say(2, &odds(incident))?;
    page.say(
        2,
        "This says that what came in went out again. It does not say what was in it, who is to blame, or that every single \
         session is paired rightly; and a relay that is meant to be one, and that nobody declared, looks the same.",
    )
}

fn odds(incident: &Incident) -> String {
    let sessions = incident.confidence.sessions_to_detect;
    let found = sessions.map(|n| {
        let were = if n == 1 { "was" } else { "were" };
        format!("; {} {were} enough to find it", count(n, "inbound session", "inbound sessions"))
    });
    let found = found.unwrap_or_default();
    let Some((sign, chance)) = chance(&incident.confidence) else {
        return format!("It was seen in what was sent, so that no statistics are needed{found}.");
    };
    let chance = tied(&format!("p {sign} {chance}"));
    format!(
        "The chance of a coincidence like this is {chance}, corrected for all services and patterns that were tried{found}."
    )
}

/// What to do next.
pub(super) fn next(page: &mut Page<'_, impl Write>, incident: &Incident) -> io::Result<()> {
    page.part("What to do next")?;
    let steps = if incident.verdict == "suspect" { suspect_steps(incident) } else { relay_steps(incident) };
    for (number, step) in (1..).zip(&steps) {
        page.hang(2, &format!("{number}. "), step)?;
    }
    page.blank()?;
    page.verbatim(3, &stanzas(incident))
}

fn listening(incident: &Incident) -> String {
    match super::number::ports(&incident.services).as_slice() {
        [] => "sends this".to_owned(),
        ports => format!("answers on {}/tcp", some_of(ports, 6)),
    }
}

fn relay_steps(incident: &Incident) -> Vec<String> {
    let host = &incident.host;
    vec![
        format!(
            "Find the owner of {host} and the program that {}; keep these records before anything is cleaned.",
            listening(incident)
        ),
        format!(
            "Cut {host} off, or shut the port at the border, until the program is gone. Whoever used it will keep trying for days."
        ),
        "If it is meant to be a relay, declare it in the file for --config; it will be listed as authorised:"
            .to_owned(),
    ]
}

fn suspect_steps(incident: &Incident) -> Vec<String> {
    let host = &incident.host;
    vec![
        format!(
            "Ask the owner of {host} what {}, and since when (seen here since {} UTC).",
            listening(incident),
            story::since(incident)
        ),
        "If nobody knows it, treat it as a relay: find the program, and cut it off.".to_owned(),
        "If it is meant to be there, declare it in the file for --config; it will be listed as authorised:".to_owned(),
    ]
}

/// The configuration that would declare it.
fn stanzas(incident: &Incident) -> Vec<String> {
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
    if incident.verdict == "suspect" && incident.targets_total <= TARGETS as u64 {
        let mut targets: Vec<String> =
            incident.targets.iter().map(|target| format!("\"{}\"", target.address)).collect();
        targets.sort();
        targets.dedup();
        lines.push(format!("targets = [{}]", targets.join(", ")));
    }
    lines.push("reason = \"...\"".to_owned());
    lines
}
