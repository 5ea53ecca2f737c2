//! The cut: who kept trying, until when, and what that kept open; and the timers by which devices give up.

use std::io::{self, Write};

use super::number::{count, moment, number, ports, some_of};
use super::page::{Page, tied};
use crate::report::model::{Containment, Incident, Report};

/// Writes what came after the cut, where there was one.
pub(super) fn write(page: &mut Page<'_, impl Write>, incident: &Incident) -> io::Result<()> {
    let Some(cut) = &incident.containment else { return Ok(()) };
    page.part("The cut")?;
    let sentences = [Some(when(incident, cut)), Some(attempts(cut)), held(cut)];
    sentences.into_iter().flatten().try_for_each(|sentence| page.say(2, &sentence))
}

fn utc(at: &str) -> String {
    tied(&format!("{} UTC", moment(Some(at))))
}

fn when(incident: &Incident, cut: &Containment) -> String {
    let at = utc(&cut.at);
    if cut.source == "declared" {
        return format!("Declared as cut off at {at}.");
    }
    let ports: Vec<String> = ports(&incident.services).iter().map(|port| format!("{port}/tcp")).collect();
    format!(
        "From {at} on nobody was answered at {}, to the end of what was read: it was cut off, or switched off, which looks \
         the same from here.",
        some_of(&ports, 6),
    )
}

fn attempts(cut: &Containment) -> String {
    let Some(last) = &cut.last_attempt else {
        return "Nobody has tried since.".to_owned();
    };
    let answered = match (cut.answered_after, cut.source) {
        (0, "declared") => "none was answered, so that the cut holds".to_owned(),
        (0, _) => "none was answered".to_owned(),
        (1, _) => "1 was answered all the same: the cut does not hold".to_owned(),
        (n, _) => format!("{} were answered all the same: the cut does not hold", number(n)),
    };
    format!(
        "{} by {} came after that, the last at {}; {answered}.",
        count(cut.attempts_after, "attempt", "attempts"),
        count(cut.clients_after, "client", "clients"),
        utc(last),
    )
}

/// What the attempts kept open.
fn held(cut: &Containment) -> Option<String> {
    let until = cut.translation_held_until.as_deref()?;
    let life = cut.translation_duration.map(|life| format!(", {} in all", clock(life))).unwrap_or_default();
    let address = cut.translation_address.as_deref().unwrap_or("its address outside");
    Some(format!(
        "Attempts keep a translation from growing idle: this host's to {address} stood until {}{life}. Until then that address was \
         nobody else's.",
        utc(until),
    ))
}

/// `63:18:11`, as the device writes it.
fn clock(seconds: u64) -> String {
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// By which timers each device gives up, as far as its own durations tell; where everything is wanted.
pub(super) fn timers(page: &mut Page<'_, impl Write>, report: &Report) -> io::Result<()> {
    if !page.is_verbose() {
        return Ok(());
    }
    report.timers.iter().try_for_each(|timers| {
        let known = [("SYN Timeout", timers.syn_timeout), ("half closed", timers.half_closed), ("idle", timers.idle)];
        let known: Vec<String> =
            known.iter().filter_map(|&(name, timer)| Some(tied(&format!("{name} {}", clock(timer?))))).collect();
        let name = super::wrap::cut(&super::wrap::clean(&timers.sensor), 40);
        page.say(0, &format!("Timers of {name}, learned from the durations it repeats: {}.", known.join(", ")))
    })
}
