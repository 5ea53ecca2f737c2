//! Why a host is accused: one plain sentence per piece of evidence.

use super::incident::{Case, FIXED_TARGETS};
use super::mail;
use super::sums::Sums;

/// The sentences.
#[must_use]
pub(crate) fn sentences(case: &Case<'_>, sums: &Sums) -> Vec<String> {
    let mut why = Vec::new();
    if case.services.is_empty() {
        why.push("It was declared, and nothing that it carries on was seen.".to_owned());
        return why;
    }
    for (service, tests) in case.tested() {
        let Some(conviction) = tests.conviction else { continue };
        let ratio = tests.largest.unwrap_or(0.0) / std::f64::consts::LN_10;
        why.push(format!(
            "What came in on port {} went out again: the sizes of the outbound connections follow those of the inbound \
             ones, 10^{ratio:.0} times likelier as a relay's than by chance; {} inbound sessions were enough to say so.",
            service.port,
            conviction.sessions.max(1),
        ));
        if let Some(shifted) = tests.largest_shifted {
            let shifted = shifted.max(0.0) / std::f64::consts::LN_10;
            why.push(format!(
                "The second look: the same outbound connections moved 61, 127 and 251 s earlier fit port {} by a \
                 factor of 10^{shifted:.1} at most.",
                service.port,
            ));
        }
    }
    if case.looks_like_mail_server(sums) {
        why.push(
            "What comes in on port 25 goes out to port 25: it looks like a mail server that forwards; declare it if it \
             is meant to be one."
                .to_owned(),
        );
    } else if case.has_fixed_targets(sums) {
        let called = sums.targets.keys().map(|t| t.addr).collect::<std::collections::BTreeSet<_>>().len();
        let addresses = if called == 1 { "one address was" } else { "the same addresses were" };
        why.push(format!(
            "Only {addresses} ever called ({called}, where up to {FIXED_TARGETS} are suspected): it looks like a reverse \
             proxy or gateway; declare it if it is meant to be one.",
        ));
    }
    if sums.targets.keys().any(|target| target.port == 25) {
        why.push(format!(
            "A completed SMTP connection of at least {} bytes counts as delivered: learned from the sizes of this \
             host's own SMTP connections.",
            mail::bytes_of(case.delivered_from),
        ));
    }
    if case.sensors > 1 {
        why.push(format!(
            "{} sensors saw this host; the numbers are those of the one with the strongest evidence, and are not added \
             to the others', which may have seen the same connections.",
            case.sensors,
        ));
    }
    why
}
