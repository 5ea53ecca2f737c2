//! What differs between stories: by topology, and by how sure the verdict is.

use catspaw_relay::FIXED_TARGETS;

use super::number::{count, ports, some_of};
use super::story::{self, SMTP};
use super::wrap::TIE;
use crate::report::model::{Incident, Owner, Tunnel};

/// `1182/tcp`.
pub(super) fn through(incident: &Incident) -> String {
    let ports: Vec<String> = ports(&incident.services).iter().map(|port| format!("{port}/tcp")).collect();
    some_of(&ports, 6)
}

/// `198.51.100.9:443`.
pub(super) fn far_end(tunnel: &Tunnel) -> String {
    match tunnel.address.contains(':') {
        true => format!("[{}]:{}", tunnel.address, tunnel.port),
        false => format!("{}:{}", tunnel.address, tunnel.port),
    }
}

/// Who it is, as far as that is known.
pub(super) fn owner(owner: &Owner) -> Option<String> {
    let parts = [("user", &owner.user), ("name", &owner.name), ("MAC", &owner.mac)];
    let known: Vec<String> = parts
        .into_iter()
        .filter_map(|(what, value)| value.as_ref().map(|value| format!("{what}{TIE}{value}")))
        .collect();
    (!known.is_empty()).then(|| known.join(", "))
}

/// The title of its story.
pub(super) fn headline(incident: &Incident) -> String {
    let host = &incident.host;
    let tunnel = incident.tunnel.as_ref().map(|tunnel| format!(" to {}", far_end(tunnel))).unwrap_or_default();
    let suspect = incident.verdict == "suspect";
    let relays = if suspect { "may relay" } else { "relays" };
    match incident.topology {
        Some("backconnect") => {
            format!("{host} {relays} other people's traffic that comes down a tunnel it dialled{tunnel}")
        }
        Some("direct") if suspect => format!("{host} may send spam by itself"),
        Some("direct") => format!("{host} sends spam by itself"),
        _ if incident.services.is_empty() => format!("{host} may be used by others"),
        _ => format!("{host} {relays} other people's traffic through {}", through(incident)),
    }
}

/// What a suspect looks like, if it is meant to be there.
pub(super) fn looks_like(incident: &Incident) -> String {
    match incident.topology {
        Some("backconnect") => backconnect_looks_like(incident),
        Some("direct") => {
            "It sends mail to many servers: that is what a spam bot does, and a newsletter or a mail server \
             that nobody has declared."
                .to_owned()
        }
        _ => forward_looks_like(incident),
    }
}

fn forward_looks_like(incident: &Incident) -> String {
    if incident.services.iter().all(|service| service.port == SMTP) && incident.targets.iter().all(|t| t.port == SMTP) {
        let covers = match incident.is_declared_in_part {
            true => "it is declared, and what stands here lies outside of that: other clients, targets or ports",
            false => "no declaration covers it",
        };
        return format!("It takes mail in and sends mail out, as a mail server does; {covers}.");
    }
    let targets: Vec<String> =
        incident.targets.iter().map(|target| format!("{}{TIE}port{TIE}{}", target.address, target.port)).collect();
    if incident.targets_total > incident.targets.len() as u64 || incident.targets.len() > 8 {
        return format!(
            "It carries traffic on, to {}: that is what a relay does, and a jump host or a proxy that somebody set up for \
             himself.",
            count(incident.targets_total, "target", "targets"),
        );
    }
    format!(
        "It carries traffic on, but only ever to {}: that is what a reverse proxy, a load balancer or a gateway does. An open \
         relay lets its clients choose.",
        some_of(&targets, 4),
    )
}

fn backconnect_looks_like(incident: &Incident) -> String {
    let far = incident.tunnel.as_ref().map_or_else(|| "somewhere".to_owned(), far_end);
    if incident.targets_total <= FIXED_TARGETS as u64 {
        return format!(
            "What comes down its connection to {far} is carried on, but only ever to {}: that is what a port does that its owner \
             forwards, or a gateway. A relay lets those who use it choose.",
            count(incident.targets_total, "target", "targets"),
        );
    }
    format!(
        "It keeps a connection to {far} open, and while that lives it calls others whose answers add up to what it sends \
         there: that is what a proxy does that is reached through a tunnel. A VPN, a remote desktop or a backup beside \
         ordinary browsing can look like it. Totals cannot tell them apart; a capture of some minutes \
         can.",
    )
}

/// What the span of an incident is.
pub(super) fn seen(incident: &Incident) -> &'static str {
    if incident.topology == Some("direct") { "Seen sending     " } else { "Seen relaying    " }
}

/// What was counted until it was found.
pub(super) fn sessions(incident: &Incident, n: u64) -> String {
    match incident.topology {
        Some("backconnect") => count(n, "outbound connection", "outbound connections"),
        Some("direct") => count(n, "SMTP connection", "SMTP connections"),
        _ => count(n, "inbound session", "inbound sessions"),
    }
}

/// What the numbers claim, and what they do not.
pub(super) fn claim(incident: &Incident) -> &'static str {
    match incident.topology {
        Some("backconnect") if incident.verdict == "relay" => {
            "This says that connections of the host follow what comes down the tunnel, and that what they bring goes up it. It \
             does not say what was in it or who is to blame; and a tunnel that is meant to be there, and that nobody declared, \
             looks the same."
        }
        Some("backconnect") => {
            "This says that what went through the tunnel fits what the host exchanged with others while it was open. It does \
             not say what was in it or who is to blame; and a tunnel that is meant to be there, and that nobody declared, \
             looks the same."
        }
        Some("direct") => {
            "This says that a host which hands its mail to a provider would not have called so many new mail servers in this \
             time. It does not say what was in the mails or who is to blame; and a mail server or a newsletter that \
             nobody declared looks the same."
        }
        _ => {
            "This says that what came in went out again. It does not say what was in it, who is to blame, or that every \
             single session is paired rightly; and a relay that is meant to be one, and that nobody declared, looks the same."
        }
    }
}

fn does(incident: &Incident) -> String {
    match (incident.topology, &incident.tunnel, ports(&incident.services).as_slice()) {
        (Some("backconnect"), Some(tunnel), _) => format!("keeps a connection to {} open", far_end(tunnel)),
        (_, _, []) => "sends this".to_owned(),
        (_, _, ports) => format!("answers on {}/tcp", some_of(ports, 6)),
    }
}

fn find(incident: &Incident) -> String {
    let (host, does) = (&incident.host, does(incident));
    match incident.owner.as_ref().and_then(owner) {
        Some(owner) => {
            format!("Ask {owner} for the program on {host} that {does}; keep these records before anything is cleaned.")
        }
        None => {
            format!(
                "Find the owner of {host} and the program that {does}; keep these records before anything is cleaned."
            )
        }
    }
}

/// What to do about it, before the stanza that would declare it.
pub(super) fn steps(incident: &Incident) -> Vec<String> {
    let host = &incident.host;
    let suspect = incident.verdict == "suspect";
    let ask = || {
        let does = does(incident);
        format!("Ask the owner of {host} what {does}, and since when (seen here since {} UTC).", story::since(incident))
    };
    match (suspect, incident.topology) {
        // Its error is a larger one: nobody is cut off for it.
        (true, Some("backconnect" | "direct")) => {
            vec![ask(), format!("Get better evidence: a capture at {host} of some minutes.")]
        }
        (true, _) => {
            vec![ask(), "If nobody knows it, treat it as a relay: find the program, and cut it off.".to_owned()]
        }
        (false, _) if let Some(cut) = &incident.containment => {
            let step = match cut.answered_after {
                0 => format!("{host} is cut off, as far as is seen: keep it so until the program is gone."),
                _ => format!(
                    "{host} was to be cut off, and answered all the same: find out by which way, and shut that too."
                ),
            };
            vec![find(incident), step]
        }
        (false, Some("backconnect")) => vec![
            find(incident),
            format!(
                "Cut {host} off, or shut the way to the tunnel's far end at the border, until the program is gone. Other \
                 hosts that call the same address have the same guest."
            ),
        ],
        (false, Some("direct")) => vec![
            find(incident),
            format!("Cut {host} off, or shut port 25 to the outside for it, until the program is gone."),
        ],
        (false, _) => vec![
            find(incident),
            format!(
                "Cut {host} off, or shut the port at the border, until the program is gone. Whoever used it will keep \
                 trying for days."
            ),
        ],
    }
}

/// The last step, in front of the stanza.
pub(super) fn declare(incident: &Incident) -> &'static str {
    if incident.is_declared_in_part {
        return "If this is meant to be, too, widen what is declared of it (its clients, targets and port); all of it would be:";
    }
    match incident.verdict {
        "suspect" => {
            "If it is meant to be there, declare it in the file for --config; it will be listed as authorised:"
        }
        "spam-source" => {
            "If it is meant to send this, declare it in the file for --config; it will be listed as authorised:"
        }
        _ => "If it is meant to be a relay, declare it in the file for --config; it will be listed as authorised:",
    }
}
