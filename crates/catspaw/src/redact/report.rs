//! The report. Every field is named, so that a new one must be thought of.

use std::cmp::Reverse;
use std::net::IpAddr;

use catspaw_relay::Network;

use super::{Redactor, Scope};
use crate::report::dialogue::{Dialogue, Legs, Words};
use crate::report::explain::{Explained, Inbound, Outbound};
use crate::report::model::{
    Campaign, Client, Example, HostAlert, HostIndicator, Incident, Indicator, LookedAt, Owner, Report, RuleAlert,
    Shared, Target, Timers, Tunnel, UnparsedLines,
};
use crate::trace::{Answer, Answers, Candidate};

impl Redactor {
    /// Replaces what a report says.
    pub(crate) fn report(&self, report: &mut Report) {
        let Report {
            schema: _,
            version: _,
            home_net,
            timezone: _,
            evidence,
            incidents,
            authorised,
            campaigns,
            alerts,
            indicators,
            limits,
            timers,
            dropped: _,
            unparsed,
            warnings,
            notes,
            looked_at,
            restricted,
        } = report;
        for net in home_net.iter_mut() {
            *net = Network::parse(net).map_or_else(|| self.text(net), |parsed| self.network(parsed));
        }
        // In an order that says nothing of what they were.
        home_net.sort();
        home_net.dedup();
        for evidence in evidence {
            self.put(&mut evidence.path);
            self.put(&mut evidence.sensor);
        }
        for Timers { sensor, syn_timeout: _, half_closed: _, idle: _ } in timers {
            self.put(sensor);
        }
        incidents.iter_mut().chain(authorised).for_each(|incident| self.incident(incident));
        for HostAlert { host, alert } in alerts.iter_mut() {
            self.put(host);
            self.rule_alert(alert);
        }
        alerts.sort_by_key(|alert| alert.host.parse::<IpAddr>().ok());
        for HostIndicator { host, kind: _, detail } in indicators {
            self.put(host);
            self.put(detail);
        }
        campaigns.iter_mut().for_each(|campaign| self.campaign(campaign));
        for UnparsedLines { path, line: _, column: _, value, kind: _, count: _, why, lines: _ } in unparsed {
            // Whose it is nobody knows: it may be a name.
            *value = None;
            self.put(path);
            self.put(why);
        }
        limits.iter_mut().chain(warnings).chain(notes).chain(restricted).for_each(|sentence| self.put(sentence));
        let LookedAt { hosts: _, connections: _, services_tested: _, dns_forwarders, foreign } = looked_at;
        foreign.iter_mut().for_each(|host| self.put(host));
        dns_forwarders.iter_mut().for_each(|(host, _)| self.put(host));
        limits.insert(0, self.limit().to_owned());
    }

    fn limit(&self) -> &'static str {
        match self.scope {
            Scope::Own => {
                "Our addresses are replaced (--redact), those of one network by such of one network: private ones by private \
                 ones, public ones by such of 240.0.0.0/4 and fc00::/7, which nobody has. Ids and owners are replaced, too. \
                 Outside addresses are the true ones."
            }
            Scope::All => {
                "All addresses are replaced (--redact=all), those of one network by such of one network: our public ones by \
                 such of 240.0.0.0/4 and fc00::/7, which nobody has. Ids and owners are replaced, too. Whoever has the key \
                 can find out what they were."
            }
        }
    }

    fn incident(&self, incident: &mut Incident) {
        let Incident {
            id,
            host,
            public,
            public_shared,
            is_declared_in_part: _,
            owner,
            verdict: _,
            topology: _,
            authorised: _,
            services: _,
            tunnel,
            confidence: _,
            first_seen: _,
            last_seen: _,
            counts: _,
            daily: _,
            clients,
            clients_total: _,
            targets,
            targets_total: _,
            containment,
            alerts,
            indicators,
            examples,
            why,
            timeline: _,
        } = incident;
        *id = self.id(id);
        self.put(host);
        for all in [public, public_shared] {
            all.iter_mut().for_each(|addr| self.put(addr));
            all.sort_by_key(|addr| addr.parse::<IpAddr>().ok());
        }
        let mapped = containment.iter_mut().filter_map(|cut| cut.translation_address.as_mut());
        mapped.for_each(|addr| self.put(addr));
        owner.iter_mut().for_each(|owner| self.owner(owner));
        tunnel.iter_mut().for_each(|tunnel| self.tunnel(tunnel));
        alerts.iter_mut().for_each(|alert| self.rule_alert(alert));
        for Client { address, sessions: _, bytes: _ } in clients.iter_mut() {
            self.put(address);
        }
        clients.sort_by_key(|c| (Reverse((c.sessions, c.bytes)), c.address.parse::<IpAddr>().ok()));
        for Target { address, port: _, sessions: _, bytes: _ } in targets.iter_mut() {
            self.put(address);
        }
        targets.sort_by_key(|t| (Reverse((t.sessions, t.bytes)), t.address.parse::<IpAddr>().ok(), t.port));
        for Indicator { kind: _, detail } in indicators {
            self.put(detail);
        }
        for Example { path, line: _, text } in examples {
            self.put(path);
            text.iter_mut().for_each(|text| *text = self.record(text));
        }
        why.iter_mut().for_each(|sentence| self.put(sentence));
    }

    fn rule_alert(&self, alert: &mut RuleAlert) {
        let RuleAlert { sid: _, msg, count: _, first: _, last: _, services: _ } = alert;
        self.put(msg);
    }

    fn owner(&self, owner: &mut Owner) {
        let Owner { mac, user, name } = owner;
        if let Some(mac) = mac {
            *mac = self.mac(mac);
        }
        user.iter_mut().for_each(|user| *user = self.pseudonym("user", user));
        name.iter_mut().for_each(|name| *name = self.pseudonym("host", name));
    }

    fn campaign(&self, campaign: &mut Campaign) {
        let Campaign { incidents, shared, why } = campaign;
        incidents.iter_mut().for_each(|id| *id = self.id(id));
        let Shared { clients: _, ports: _, tunnel, software: _ } = shared;
        tunnel.iter_mut().for_each(|tunnel| self.tunnel(tunnel));
        why.iter_mut().for_each(|sentence| self.put(sentence));
    }

    fn tunnel(&self, tunnel: &mut Tunnel) {
        let Tunnel { address, port: _ } = tunnel;
        self.put(address);
    }

    /// Replaces what `--explain` says.
    pub(crate) fn explained(&self, explained: &mut Explained) {
        self.put(&mut explained.host);
        for (headline, why) in &mut explained.verdict {
            self.put(headline);
            why.iter_mut().for_each(|sentence| self.put(sentence));
        }
        explained.services.iter_mut().for_each(|sentence| self.put(sentence));
        for Inbound { side, port: _, carried_on } in explained.inbound.iter_mut().chain(&mut explained.tunnels) {
            self.put(&mut side.peer);
            for Outbound { side, lag: _, left_over: _, by_order: _ } in carried_on {
                self.put(&mut side.peer);
            }
        }
        for Dialogue { legs, target, opened: _, said } in &mut explained.dialogues {
            self.put(target);
            match legs {
                Legs::Relayed { client: peer, port: _, lag: _ } | Legs::Tunnelled { tunnel: peer } => self.put(peer),
                Legs::Own => {}
            }
            for said in said.iter_mut().flat_map(|(said, _)| said) {
                match &mut said.words {
                    Words::Line(line) => self.put(line),
                    // Addresses may be in it.
                    Words::Bytes(_, first) => first.clear(),
                    Words::Hidden(..) | Words::Missing(_) => {}
                }
            }
        }
        explained.targets = explained.targets.iter().map(|&addr| self.address(addr)).collect();
    }

    /// Replaces what `trace` answers.
    pub(crate) fn answers(&self, answers: &mut Answers) {
        let Answers { schema: _, questions, unparsed, unparsed_total: _ } = answers;
        unparsed.iter_mut().for_each(|wrong| self.put(&mut wrong.path));
        for Answer { address, port: _, at: _, candidates, why, until: _, inside: _ } in questions {
            self.put(address);
            for candidate in candidates {
                let Candidate { host, mac, user, name, from: _, to: _, basis: _, path, line: _ } = candidate;
                self.put(host);
                self.put(path);
                let mut owner = Owner { mac: mac.take(), user: user.take(), name: name.take() };
                self.owner(&mut owner);
                (*mac, *user, *name) = (owner.mac, owner.user, owner.name);
            }
            why.iter_mut().for_each(|sentence| self.put(sentence));
        }
    }

    /// Replaces the names that rows refer to.
    pub(crate) fn name(&self, name: &str) -> String {
        self.text(name)
    }

    fn put(&self, text: &mut String) {
        *text = self.text(text);
    }
}
