//! From what was found to an answer: candidates, the best first, and why.

use std::net::IpAddr;

use catspaw_records::{Endpoint, Nanos};
use serde::Serialize;

use super::index::Directory;
use super::question::{Question, Wrong};
use super::search::{Found, Hit, Inside, Nearest, rank};
use super::span::{Basis, Began, End, Span, WHOLE, proto_name};
use crate::owners::{Owner, Owners};
use crate::pipeline::is_private;
use crate::report::rfc3339;

/// As many sentences are said of the candidates of one question.
const SENTENCES: usize = 40;

/// The answers, `catspaw.trace/1`: the contract's own names, in the contract's order.
#[derive(Debug, Serialize)]
pub(crate) struct Answers {
    pub(crate) schema: &'static str,
    pub(crate) questions: Vec<Answer>,
    /// Lines of `--questions` that are none.
    pub(crate) unparsed: Vec<Wrong>,
    /// How many there are, where they are not all listed.
    pub(crate) unparsed_total: u64,
}

/// The answer to one question.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    pub(crate) address: String,
    /// Null where the question names none.
    pub(crate) port: Option<u16>,
    pub(crate) at: String,
    /// The best first.
    pub(crate) candidates: Vec<Candidate>,
    /// One plain sentence per reason.
    pub(crate) why: Vec<String>,
    /// Up to when it is asked, where that is no moment but a day.
    #[serde(skip)]
    pub(crate) until: Option<String>,
    /// Whether nobody is behind it since it is an inside address itself.
    #[serde(skip)]
    pub(crate) inside: bool,
}

/// As many translations of an inside address are shown.
const TRANSLATIONS: usize = 8;

/// A host that may have been behind the address.
#[derive(Debug, Serialize)]
pub(crate) struct Candidate {
    pub(crate) host: String,
    pub(crate) mac: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) name: Option<String>,
    /// Null where nobody knows when it began.
    pub(crate) from: Option<String>,
    /// Null where it was open when the log ended.
    pub(crate) to: Option<String>,
    pub(crate) basis: &'static str,
    pub(crate) path: String,
    pub(crate) line: u64,
}

/// What an index is of.
#[derive(Debug)]
pub(crate) struct Indexed<'a> {
    pub(crate) path: String,
    pub(crate) directory: &'a Directory,
}

/// Puts the answer together.
pub(crate) fn answer(question: &Question, mut found: Found, logs: &[Indexed<'_>], owners: &Owners) -> Answer {
    let Question { address, port, at, .. } = *question;
    let mut why = Vec::new();
    let lost = settle_open(question, &mut found, logs);
    let hits = found.hits.values();
    // A log that sees the outside of NAT knows the address as a host of its own: whoever translates it knows better.
    if hits.clone().any(|hit| hit.span.translates()) {
        found.hits.retain(|_, hit| hit.span.translates());
    }
    let mut best: Vec<(IpAddr, Hit)> = Vec::new();
    for (&(host, _), hit) in &found.hits {
        match best.iter_mut().find(|(known, _)| *known == host) {
            Some((_, known)) if rank(hit, question) < rank(known, question) => *known = *hit,
            Some(_) => {}
            None => best.push((host, *hit)),
        }
    }
    best.sort_by_key(|(_, hit)| rank(hit, question));
    for (host, _) in &best {
        let mut hits: Vec<&Hit> = found.hits.iter().filter(|((of, _), _)| of == host).map(|(_, hit)| hit).collect();
        hits.sort_by_key(|hit| rank(hit, question));
        why.extend(hits.into_iter().map(|hit| sentence(hit, question, logs)));
    }
    why.truncate(SENTENCES);
    if best.len() > 1 {
        let hosts = best.len() as u64 + found.more;
        let asked = if port.is_none() { " A port would narrow it down." } else { "" };
        why.push(if question.is_wide() {
            let port = if port.is_none() { " and a port" } else { "" };
            format!("{hosts} hosts were, or may have been, behind it at some time of that: a moment to the second{port} would narrow it down.")
        } else {
            format!("{hosts} hosts may have been behind it then: what is left to tell them apart is not in these records.{asked}")
        });
    }
    let inside = best.is_empty() && lost.is_empty() && is_inside(question, &found);
    if inside {
        why.extend(of_inside(question, &mut found.inside, logs));
    } else if best.is_empty() {
        why.extend(lost);
        why.extend(nobody(question, &found, logs));
    }
    let candidates = best.into_iter().map(|(host, hit)| candidate(host, &hit, question, logs, owners)).collect();
    let until = question.is_wide().then(|| rfc3339(question.until()));
    Answer { address: address.to_string(), port, at: rfc3339(at), candidates, why, until, inside }
}

/// Whether the address that nobody is behind is one that the outside never sees.
fn is_inside(question: &Question, found: &Found) -> bool {
    let seen = found.other_ports || found.nearest.0.is_some() || found.nearest.1.is_some();
    !seen && (found.inside.is_translated() || is_private(question.address))
}

/// What an inside address was on the outside, and what is to be asked.
fn of_inside(question: &Question, inside: &mut Inside, logs: &[Indexed<'_>]) -> Vec<String> {
    let (asked, at) = (asked(question), rfc3339(question.at));
    if !inside.is_translated() {
        return vec![format!(
            "{asked} is an inside address, which the outside does not see, and no record translates it: ask for the public address \
             (and port) that was seen outside."
        )];
    }
    let mut why = vec![format!(
        "{asked} is an inside address: the outside sees what it is translated to, and that is what can be asked for."
    )];
    inside.then.sort_by_key(|hit| (hit.span.from, hit.span.line));
    why.extend(
        inside.then.iter().take(TRANSLATIONS).map(|hit| format!("At that moment: {}", sentence(hit, question, logs))),
    );
    let more = inside.more + inside.then.len().saturating_sub(TRANSLATIONS) as u64;
    if more > 0 {
        why.push(format!("{more} more translations of it held then: with its port there are fewer."));
    }
    if inside.then.is_empty() {
        why.push(format!("No record translates it at {at}."));
        why.extend(around(&inside.nearest, logs));
    }
    why
}

/// Takes the spans without an end that nothing contradicts for hits; says of the others why they are none.
fn settle_open(question: &Question, found: &mut Found, logs: &[Indexed<'_>]) -> Vec<String> {
    let mut lost = Vec::new();
    for (hit, ended) in std::mem::take(&mut found.open) {
        match ended {
            None => found.add(hit, question),
            Some(at) => lost.push(format!(
                "{} from {} has no end in the records, but others show that it was over by {}.",
                thing(&hit, logs),
                rfc3339(hit.span.from),
                rfc3339(at)
            )),
        }
    }
    lost
}

fn candidate(host: IpAddr, hit: &Hit, question: &Question, logs: &[Indexed<'_>], owners: &Owners) -> Candidate {
    let span = &hit.span;
    let Owner { mac, user, name } = owners.of(host, question.at).unwrap_or_default();
    Candidate {
        host: host.to_string(),
        mac,
        user,
        name,
        from: (span.began != Began::Unknown).then(|| rfc3339(span.from)),
        to: (span.end != End::Open).then(|| rfc3339(span.to)),
        basis: span.basis.name(),
        path: path(hit, logs).to_owned(),
        line: span.line,
    }
}

fn path<'a>(hit: &Hit, logs: &'a [Indexed<'_>]) -> &'a str {
    logs.get(hit.index).map_or("", |log| &log.path)
}

/// `192.0.2.10:1026 (tcp)`, or a whole address.
fn end(span: &Span) -> String {
    match (span.block, span.mapped.port) {
        (Some((first, last)), _) if span.proto == WHOLE => format!("{}, ports {first} to {last}", span.mapped.addr),
        (Some((first, last)), _) => {
            format!("{}, ports {first} to {last} ({})", span.mapped.addr, proto_name(span.proto))
        }
        (None, 0) => span.mapped.addr.to_string(),
        (None, _) => format!("{} ({})", span.mapped, proto_name(span.proto)),
    }
}

/// What a span is, and where that is said.
fn thing(hit: &Hit, logs: &[Indexed<'_>]) -> String {
    let span = &hit.span;
    let what = match span.basis {
        Basis::Connection if span.translates() => format!("a connection of {} seen as {}", span.real, end(span)),
        Basis::Connection => format!("a connection of {}, untranslated,", end(span)),
        Basis::Pat if span.block.is_some() => format!("the port block of {}: {},", span.real.addr, end(span)),
        Basis::Pat => format!("the translation of {} to {}", span.real, end(span)),
        Basis::OneToOne => format!("the one-to-one translation of {} to {}", span.real.addr, end(span)),
        Basis::Static => format!("the static translation of {} to {}", span.real.addr, end(span)),
    };
    format!("{}:{}: {what}", path(hit, logs), span.line)
}

fn sentence(hit: &Hit, question: &Question, logs: &[Indexed<'_>]) -> String {
    let span = &hit.span;
    let began = match span.began {
        Began::Seen => format!("began {}", rfc3339(span.from)),
        Began::Reckoned => format!("began {} by its duration (its beginning is not in the log)", rfc3339(span.from)),
        Began::Unknown => "began at a time that nobody recorded".to_owned(),
    };
    let ended = match span.end {
        End::TornDown => format!("ended {}", rfc3339(span.to)),
        End::Rebuilt => format!("was over by {}, when others were built (its end is not in the log)", rfc3339(span.to)),
        End::Open if hit.after_log => "was still open where the log ended, before the moment asked for".to_owned(),
        End::Open => "has no end in the log".to_owned(),
    };
    let is_sure = span.holds(question.at, question.until()) || span.end == End::Open && span.from < question.at;
    let edge = match () {
        () if is_sure || question.is_wide() => "",
        () if question.is_a_span() => "; so it was not behind it for all of the minute that is asked for",
        () => "; the moment lies at its edge, within what the stamps can tell",
    };
    format!("{} {began} and {ended}{edge}.", thing(hit, logs))
}

/// What is asked for.
fn asked(question: &Question) -> String {
    match question.port {
        Some(port) => Endpoint { addr: question.address, port }.to_string(),
        None => question.address.to_string(),
    }
}

/// What was before a moment, and after it.
fn around((before, after): &Nearest, logs: &[Indexed<'_>]) -> Vec<String> {
    let before = before.map(|hit| format!("Before it: {} ended {}.", thing(&hit, logs), rfc3339(hit.span.to)));
    let after = after.map(|hit| format!("After it: {} began {}.", thing(&hit, logs), rfc3339(hit.span.from)));
    before.into_iter().chain(after).collect()
}

/// Why there is no candidate.
fn nobody(question: &Question, found: &Found, logs: &[Indexed<'_>]) -> Vec<String> {
    let asked = asked(question);
    let mut why = vec![format!("No record shows who was behind {asked} at {}.", rfc3339(question.at))];
    let spans = logs.iter().filter_map(|log| log.directory.log.span);
    if let Some((first, last)) = spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
        && (question.until() <= first || question.at > last.plus(Nanos::SECOND))
    {
        why.push(format!("The logs are of {} to {}.", rfc3339(first), rfc3339(last)));
    }
    let around = around(&found.nearest, logs);
    if around.is_empty() {
        why.push(if found.other_ports {
            format!("The address is in the logs, but never with port {}.", question.port.unwrap_or(0))
        } else {
            "The address is in none of the logs as one of ours.".to_owned()
        });
    }
    why.extend(around);
    if logs.len() > 1 {
        why.push(
            "The clock of each device is taken as it is: by how much two are apart, catspaw scan says.".to_owned(),
        );
    }
    why
}
