//! How sure it is, and what to do.

use std::io::{self, Write};

use super::kind;
use super::number::chance;
use super::page::{Page, tied};
use crate::report::model::Incident;
use crate::report::suggest;

/// What the numbers claim, and what they do not.
pub(super) fn how_sure(page: &mut Page<'_, impl Write>, incident: &Incident) -> io::Result<()> {
    page.part("How sure")?;
    page.say(2, &odds(incident))?;
    page.say(2, kind::claim(incident))
}

fn odds(incident: &Incident) -> String {
    let sessions = incident.confidence.sessions_to_detect;
    let found = sessions.map(|n| {
        let were = if n == 1 { "was" } else { "were" };
        format!("; {} {were} enough to find it", kind::sessions(incident, n))
    });
    let found = found.unwrap_or_default();
    let Some((sign, chance)) = chance(&incident.confidence) else {
        if incident.verdict == "suspect" {
            return format!("No chance of a coincidence is stated: \"Why\" says what it rests on{found}.");
        }
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
    let steps = kind::steps(incident);
    let declare = (!page.is_redacted()).then(|| kind::declare(incident));
    for (number, step) in (1..).zip(steps.iter().map(String::as_str).chain(declare)) {
        page.hang(2, &format!("{number}. "), step)?;
    }
    if declare.is_none() {
        return Ok(());
    }
    page.blank()?;
    page.verbatim(3, &suggest::stanzas(incident))
}
