//! Why a host is accused: one plain sentence per piece of evidence.

use std::collections::BTreeSet;

use catspaw_records::{AppProto, Endpoint};
use catspaw_relay::{Candidate, FIXED_TARGETS, Hypothesis, Topology, Tunnel};

use super::incident::{Case, Design, Dialled};
use super::mail::Whence;
use super::software;
use super::sums::Sums;

/// The sentences.
#[must_use]
pub(crate) fn sentences(case: &Case<'_>, sums: &Sums) -> Vec<String> {
    let mut why = Vec::new();
    if case.services.is_empty() {
        why.push("It was declared, and nothing that it carries on was seen.".to_owned());
        return why;
    }
    match case.topology {
        Some(Topology::Direct) => direct(case, sums, &mut why),
        Some(Topology::Backconnect) => tunnel(case, sums, &mut why),
        Some(Topology::Forward) | None => {
            forward(case, sums, &mut why);
            inwards(case, &mut why);
            guess(case, &mut why);
        }
    }
    mail_ends(case, sums, &mut why);
    if case.declared && !case.authorised {
        why.push(
            "The owner has declared this host, but not for these clients and targets: what lies outside of a declaration is \
             judged as any other host's."
                .to_owned(),
        );
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

/// What was seen to be carried on.
fn proven(case: &Case<'_>, sums: &Sums, why: &mut Vec<String>) {
    for (service, conviction) in case.proven() {
        let asked = || service.spoken.iter().filter(|&(&protocol, _)| protocol != AppProto::Http);
        let spoken: Vec<String> = asked().map(|(protocol, legs)| format!("{legs} by {}", protocol.name())).collect();
        let proofs = &service.proofs[usize::from(case.authorised)];
        let how = match proofs.chosen {
            true if proofs.presumed => {
                "outside clients named several hosts, and this host asked servers in as many networks for what they wanted"
            }
            true => "outside clients chose whom to call, and this host called them and passed on what was said",
            false => "messages that came in went out again, each the same by its Message-ID or its body",
        };
        why.push(format!(
            "Seen in the packets of port {}: {how} ({} inbound sessions asked for it: {}). The first {} with payload were \
             enough to say so; this is no statistics, so that it has no ratio and no p-value.",
            service.port,
            asked().map(|(_, legs)| legs).sum::<u64>(),
            spoken.join(", "),
            conviction.sessions.max(1),
        ));
    }
    if sums.clients.len() == 1 {
        why.push(
            "All of it came from one client: somebody who uses a proxy of his own from elsewhere looks the same."
                .to_owned(),
        );
    }
    if sums.proven > 0 {
        why.push(format!("{} pairs have the same payload, request, message or envelope on both legs.", sums.proven));
    }
}

/// What its mail is counted by, and what nobody knows of it.
fn mail_ends(case: &Case<'_>, sums: &Sums, why: &mut Vec<String>) {
    let ends = case.smtp_ends(sums);
    let is_told = !ends.are_untold();
    if case.reads_packets() {
        hidden(case, why);
    } else if is_told && sums.targets.keys().any(|target| target.port == 25) {
        let whence = match case.delivered_from.whence {
            Whence::Configured => "as configured",
            Whence::Learned => "learned from the sizes of this host's own SMTP connections",
            Whence::Usual => "the usual size, which those of this host's own SMTP connections do not speak against",
        };
        why.push(format!(
            "A completed SMTP connection of at least {} bytes counts as delivered: {whence}.",
            case.delivered_from.bytes,
        ));
    }
    if !is_told {
        why.push(
            "Of its SMTP connections the evidence does not say how they ended, so that nobody knows which were completed and what \
             they delivered."
                .to_owned(),
        );
    } else if ends.untold > 0 {
        why.push(format!(
            "Of {} of its {} SMTP connections that are over the evidence does not say how they ended: they count neither as \
             completed nor as delivered, and may have been either.",
            ends.untold,
            ends.told + ends.untold,
        ));
    }
}

/// What even packets do not show.
fn hidden(case: &Case<'_>, why: &mut Vec<String>) {
    if case.services.iter().any(|service| service.sums.hidden > 0) {
        let legs: u64 = case.services.iter().map(|service| service.sums.hidden).sum();
        why.push(format!(
            "{legs} of its SMTP connections were encrypted (STARTTLS): what they delivered is not counted."
        ));
    }
}

fn forward(case: &Case<'_>, sums: &Sums, why: &mut Vec<String>) {
    proven(case, sums, why);
    for (service, tests) in case.tested() {
        let Some(conviction) = tests.conviction else { continue };
        let ratio = tests.largest.unwrap_or(0.0) / std::f64::consts::LN_10;
        let how = match tests.hypothesis {
            Hypothesis::AtOnce => {
                "went out again: the sizes of the outbound connections follow those of the inbound ones"
            }
            Hypothesis::StoreAndForward => {
                "went out again as mail, also after the client had gone: the sizes of the outbound SMTP connections \
                 follow those of the inbound ones"
            }
            Hypothesis::Inward => {
                "went on to hosts inside: the sizes of the connections that this host opened to them follow those of the \
                 inbound ones"
            }
        };
        why.push(format!(
            "What came in on port {} {how}, 10^{ratio:.0} times likelier as a relay's than by chance; {} inbound sessions \
             were enough to say so.",
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
    if let Some(design) = case.design() {
        why.push(looks_like(design, sums));
    }
}

/// What it may be instead.
fn looks_like(design: Design, sums: &Sums) -> String {
    let called: BTreeSet<_> = sums.targets.keys().map(|target| target.addr).collect();
    match (design, called.len()) {
        (Design::MailServer, _) => {
            "What comes in on its ports goes on as mail: it looks like a mail server that forwards; declare it if it is meant to be one."
                .to_owned()
        }
        (Design::WebServer, _) => {
            "Most clients ask in HTTP for pages as of a web server: it looks like a reverse proxy, or an application that fetches what \
             it serves; declare it if it is meant to be one."
                .to_owned()
        }
        (Design::FixedTargets, called @ 0..=FIXED_TARGETS) => {
            let addresses = if called == 1 { "one address was" } else { "the same addresses were" };
            format!(
                "Only {addresses} ever called ({called}, where up to {FIXED_TARGETS} are suspected): it looks like a reverse \
                 proxy or gateway; declare it if it is meant to be one.",
            )
        }
        (Design::FixedTargets, called) => format!(
            "What shows it went to a few addresses, up to {FIXED_TARGETS}; what else seems to be carried on, to {called} in all, may be \
             so by chance: it looks like a reverse proxy or gateway; declare it if it is meant to be one.",
        ),
    }
}

/// What the overheads are those of, as a guess.
fn guess(case: &Case<'_>, why: &mut Vec<String>) {
    if let Some(software) = software::guess(case) {
        why.push(format!("A guess: the difference between what came in and what went out is that of {software}."));
    }
}

/// Whether outsiders reach into the house.
fn inwards(case: &Case<'_>, why: &mut Vec<String>) {
    for (service, tests) in case.tested().filter(|(service, _)| service.inward.is_some()) {
        let reached = service.most_reached();
        if tests.hypothesis == Hypothesis::Inward {
            why.push(format!(
                "For one client of port {} it called {reached} or more hosts inside. A reverse proxy or a load balancer calls one \
                 or a few; a relay that is used to reach into the house calls many. Declare it if it is meant to be one.",
                service.port,
            ));
        } else if reached > 0 {
            why.push(format!(
                "Hosts inside were called too while clients of port {} were connected (up to {reached} for one of them): a relay \
                 can be used to reach into the house.",
                service.port,
            ));
        }
    }
}

fn direct(case: &Case<'_>, sums: &Sums, why: &mut Vec<String>) {
    let Some(spam) = case.spam else { return };
    let ratio = spam.largest.unwrap_or(0.0) / std::f64::consts::LN_10;
    if let Some(caught) = spam.caught {
        why.push(format!(
            "It sends mail by itself, to ever new servers: its first {} SMTP connections went to {} distinct servers, \
             10^{ratio:.0} times likelier of a spam bot (up to nine new servers in ten connections, up to one a second) than of a \
             host that hands its mail to a provider (one in ten at most, one in two minutes at most).",
            caught.connections, caught.servers,
        ));
    }
    let called: BTreeSet<_> = sums.targets.keys().map(|target| target.addr).collect();
    let but = if case.is_beside_a_relay { ", not counting those that what comes in to this host explains" } else { "" };
    why.push(format!("{} servers were called in all{but}.", called.len()));
    if case.takes_mail_in() {
        why.push("It takes mail in, too: it looks like a mail server; declare it if it is meant to be one.".to_owned());
    } else if case.sends_no_letters() {
        why.push(format!(
            "Hardly one of these connections is long enough for a letter ({} of {} have about {} bytes or more): it looks like a census of mail \
             servers, or one that asks them whether an address exists; declare it if it is meant to be one.",
            case.letters(spam),
            spam.connections,
            case.letters_from(),
        ));
    } else if !case.authorised {
        why.push(
            "A gateway that only sends mail, and a newsletter, look the same: declare it, with its topology as direct, if it is meant to be \
             one."
            .to_owned(),
        );
    }
    if case.hides_ports {
        why.push(
            "What came in at other ports than those of --ports was not looked at: it may carry on what comes in there, and not send by \
             itself. Scan without --ports to know."
                .to_owned(),
        );
    }
    if case.is_served_elsewhere {
        why.push(
            "Another sensor saw connections come in to this host: it may carry on what comes in there, and not send by itself, for the \
             connections of two sensors are not put together."
                .to_owned(),
        );
    }
}

fn tunnel(case: &Case<'_>, sums: &Sums, why: &mut Vec<String>) {
    match &case.tunnel {
        Some(Dialled::Totals(tunnel)) => tunnel_by_totals(tunnel, case.reads_packets(), why),
        Some(Dialled::Packets(far, candidate)) => {
            tunnel_by_packets(*far, candidate, why);
            if case.has_fixed_targets(sums) {
                why.push(format!(
                    "Only the same addresses were ever called (up to {FIXED_TARGETS} are suspected): it looks like a port that is \
                     forwarded; declare it if it is meant to be one.",
                ));
            }
        }
        None => {}
    }
}

fn tunnel_by_packets(far: Endpoint, tunnel: &Candidate, why: &mut Vec<String>) {
    let Some(conviction) = tunnel.conviction else { return };
    let ratio = tunnel.largest.unwrap_or(0.0) / std::f64::consts::LN_10;
    let (opened, followed) = tunnel.followed;
    let (arrived, returned) = tunnel.returned;
    why.push(format!(
        "It keeps a connection to {} port {} open. Of {opened} connections that it opened meanwhile, {followed} were opened \
         within 20 ms after something came down that connection (or the name was looked up then). Of {arrived} runs of payload \
         that these brought, {returned} went up it within 20 ms in about their size.",
        far.addr, far.port,
    ));
    why.push(format!(
        "By chance one of the two would be so with odds of 1 to 10^{ratio:.0}; {} outbound connections were enough to say so. \
         Pages, push messages and remote desktops have the one or the other, and not both.",
        conviction.sessions.max(1),
    ));
}

fn tunnel_by_totals(tunnel: &Tunnel, in_packets: bool, why: &mut Vec<String>) {
    let far = format!("{} port {}", tunnel.far.addr, tunnel.far.port);
    why.push(format!(
        "It held a connection to {far} open for {}, and meanwhile called {} distinct addresses: the bytes of that connection \
         are {:.2} times those of the calls, as if they had been fetched for whoever sits at its other end.",
        lasting(tunnel.calls.alive),
        tunnel.targets,
        tunnel.ratio,
    ));
    if let Some(up) = tunnel.up_ratio {
        why.push(format!(
            "What went up that connection is {up:.2} times what came down by the calls; a client's VPN, a video or a remote \
             desktop is the other way round.",
        ));
    }
    // Some seconds beside an hour are nothing to compare it with.
    if tunnel.calls.rest > 0 && tunnel.calls.rest >= tunnel.calls.alive / 10 {
        why.push(format!(
            "It opened {} other connections in that time, and {} in the {} around it.",
            tunnel.calls.inside,
            tunnel.calls.outside,
            lasting(tunnel.calls.rest),
        ));
    }
    let suspicion = "This is a suspicion: totals cannot tell whose traffic it was, and the host's own is in the sums.";
    why.push(match in_packets {
        true => format!(
            "{suspicion} Its packets do not show that calls follow what comes down that connection within 20 ms: either it is none, \
             or it waits, or what it carries is padded.",
        ),
        false => format!(
            "{suspicion} Packets of that connection, or flows cut into slices of a minute, would: they show whether each call \
             follows what came down it.",
        ),
    });
}

/// Nanoseconds, as people say them.
fn lasting(nanos: i64) -> String {
    let seconds = nanos as f64 / 1e9;
    match seconds {
        ..1.5 => "1 second".to_owned(),
        ..120.0 => format!("{seconds:.0} seconds"),
        ..7200.0 => format!("{:.0} minutes", seconds / 60.0),
        _ => format!("{:.1} hours", seconds / 3600.0),
    }
}
