//! What really happened, counted while it happens. `truth.json`.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::actors::likes_of;
use crate::civil::{DAY, SECOND, date, rfc3339};
use crate::flow::{Ending, Flow, Leg, Proto};
use crate::host::{Host, Role};
use crate::scenario::Scenario;

/// Retries within this time are one attempt.
const RETRY: u64 = 180 * SECOND;

/// The counts of one host, of a day or of all days. A connection belongs to the day on which it opens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// TCP connections that the host opens to the outside.
    pub outbound: u64,
    /// Of these, to port 25.
    pub outbound_smtp: u64,
    /// Attempts from outside at the port that relays: TCP connections, and what was denied.
    pub inbound: u64,
    /// The same, to any of the ports that scanners ask.
    pub inbound_run_of_ports: u64,
    /// Outbound legs with payload.
    pub relayed: u64,
    /// Outbound legs that ended without.
    pub refused: u64,
    /// Connections to port 25 that ended with FINs.
    pub smtp_completed: u64,
    /// Those through which mail was delivered.
    pub delivered: u64,
    /// Inbound attempts that ended without payload, by a time-out or a reset, or were denied.
    pub unanswered: u64,
    /// Inbound attempts that were denied, retries within 180 s left out, at an address that only ever was this host's or
    /// was so just then.
    pub denied: u64,
    /// Connections to the port that relays that are open when the log ends.
    pub unended: u64,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.outbound += other.outbound;
        self.outbound_smtp += other.outbound_smtp;
        self.inbound += other.inbound;
        self.inbound_run_of_ports += other.inbound_run_of_ports;
        self.relayed += other.relayed;
        self.refused += other.refused;
        self.smtp_completed += other.smtp_completed;
        self.delivered += other.delivered;
        self.unanswered += other.unanswered;
        self.denied += other.denied;
        self.unended += other.unended;
    }
}

/// The counts of one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// `2003-03-04`.
    pub date: String,
    /// The counts.
    #[serde(flatten)]
    pub counts: Counts,
}

/// What is known of a host that was cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Containment {
    /// When.
    pub at: String,
    /// How often clients tried all the same.
    pub attempts_after: u64,
    /// How many clients.
    pub clients_after: u64,
    /// When the last one did.
    pub last_attempt: Option<String>,
    /// When its outside address was taken back, if it was one that is given for a time and the log shows it.
    pub translation_held_until: Option<String>,
    /// How many seconds it had had it.
    pub translation_duration: Option<u64>,
}

/// A host that relays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayTruth {
    /// Its address.
    pub host: String,
    /// Its outside addresses, in the order in which it had them.
    pub public: Vec<String>,
    /// The ports that carry the traffic.
    pub ports: Vec<u16>,
    /// The ports that were asked beforehand, the first and the last.
    pub asked: (u16, u16),
    /// `socks`, `connect`, `web` or `mail-forwarder`.
    pub kind: String,
    /// Always `forward`.
    pub topology: String,
    /// Whether it is meant to.
    pub authorised: bool,
    /// Since when it could.
    pub infected: Option<String>,
    /// The first outbound leg with payload opens.
    pub first_relayed: Option<String>,
    /// The last one opens.
    pub last_relayed: Option<String>,
    /// Outside addresses that opened a connection to the port that relays.
    pub clients: u64,
    /// Lines of this host in `pairs.tsv`.
    pub pairs: u64,
    /// When it was cut off, if it was.
    pub containment: Option<Containment>,
    /// The counts by day.
    pub daily: Vec<Day>,
    /// Their sums.
    pub counts: Counts,
}

/// A host that relays for nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Innocent {
    /// Its address.
    pub host: String,
    /// What it does.
    pub does: Vec<String>,
}

/// Everything. Written as `truth.json`; the pairs are in `pairs.tsv`, because there may be many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// Where all chance came from.
    pub seed: u64,
    /// The year that the stamps do not say.
    pub year: u32,
    /// When the log begins.
    pub start: String,
    /// When it ends.
    pub end: String,
    /// The name of the device.
    pub sensor: String,
    /// Lines of the device's log.
    pub lines: u64,
    /// Its embryonic timer.
    pub syn_timeout: String,
    /// Hosts that relay; those that are meant to have `authorised`.
    pub relays: Vec<RelayTruth>,
    /// All others.
    pub innocents: Vec<Innocent>,
}

/// Counts the relays.
pub(crate) struct Tally {
    begin: u64,
    relays: Vec<RelayTally>,
}

struct RelayTally {
    host: u32,
    port: u16,
    asked: (u16, u16),
    cut: u64,
    days: Vec<Counts>,
    clients: BTreeSet<u32>,
    clients_after: BTreeSet<u32>,
    attempts_after: u64,
    last_attempt: Option<u64>,
    public: Vec<u32>,
    relayed: Option<(u64, u64)>,
    pairs: u64,
    denied: Vec<Denied>,
    /// When it was given an outside address that was taken back, and when that was.
    slots: Vec<(u64, u64)>,
}

/// An attempt that was denied.
struct Denied {
    at: u64,
    from: (u32, u16),
    address: u32,
    held: bool,
}

impl RelayTally {
    fn new(number: u32, host: &Host, scenario: &Scenario) -> Self {
        let (port, asked) = match host.role {
            Role::Relay(relay) => (scenario.relays[usize::from(relay)].port, scenario.relays[usize::from(relay)].asked),
            _ => (25, (25, 25)),
        };
        Self {
            host: number,
            port,
            asked,
            cut: host.cut,
            days: Vec::new(),
            clients: BTreeSet::new(),
            clients_after: BTreeSet::new(),
            attempts_after: 0,
            last_attempt: None,
            public: if host.slot == 0 { Vec::new() } else { vec![host.slot] },
            relayed: None,
            pairs: 0,
            denied: Vec::new(),
            slots: Vec::new(),
        }
    }

    fn day(&mut self, begin: u64, at: u64) -> &mut Counts {
        let day = (at / DAY - begin / DAY) as usize;
        if self.days.len() <= day {
            self.days.resize(day + 1, Counts::default());
        }
        &mut self.days[day]
    }

    fn built(&mut self, begin: u64, flow: &Flow) {
        let (port, asked) = (self.port, self.asked);
        let counts = self.day(begin, flow.start);
        if !flow.inbound {
            counts.outbound += 1;
            counts.outbound_smtp += u64::from(flow.outside_port == 25);
            return;
        }
        counts.inbound_run_of_ports += u64::from((asked.0..=asked.1).contains(&flow.inside_port));
        if flow.inside_port != port {
            return;
        }
        counts.inbound += 1;
        // Till it ends.
        counts.unended += 1;
        self.attempt(flow.start, flow.outside);
    }

    fn attempt(&mut self, at: u64, from: u32) {
        self.clients.insert(from);
        if at >= self.cut {
            self.attempts_after += 1;
            self.clients_after.insert(from);
            self.last_attempt = self.last_attempt.max(Some(at));
        }
    }

    fn denied(&mut self, denied: Denied) {
        let again = |before: &&Denied| denied.at - before.at <= RETRY;
        if !self.denied.iter().rev().take_while(again).any(|before| before.from == denied.from) {
            self.denied.push(denied);
        }
    }

    /// Takes the denials that count, when it is known which addresses several hosts had.
    fn take_denied(&mut self, begin: u64, shared: &dyn Fn(u32) -> bool) {
        for Denied { at, from, address, held } in std::mem::take(&mut self.denied) {
            if held || !shared(address) {
                self.attempt(at, from.0);
                let counts = self.day(begin, at);
                counts.inbound += 1;
                counts.unanswered += 1;
                counts.denied += 1;
            }
        }
    }

    fn ended(&mut self, begin: u64, flow: &Flow) {
        let port = self.port;
        let counts = self.day(begin, flow.start);
        let silent = flow.total() == 0;
        if flow.inbound && flow.inside_port == port {
            counts.unended -= 1;
            let failed = matches!(flow.ending, Ending::SynTimeout | Ending::ResetInside | Ending::ResetOutside);
            counts.unanswered += u64::from(silent && failed);
        }
        if !flow.inbound {
            counts.smtp_completed += u64::from(flow.outside_port == 25 && flow.ending == Ending::Fins);
        }
        if flow.leg == Leg::Out {
            counts.relayed += u64::from(!silent);
            counts.refused += u64::from(silent);
            counts.delivered += u64::from(flow.delivered);
            if !silent {
                let (first, last) = self.relayed.unwrap_or((flow.start, flow.start));
                self.relayed = Some((first.min(flow.start), last.max(flow.start)));
            }
        }
    }

    fn containment(&self) -> Option<Containment> {
        let slot = self.slots.iter().find(|slot| (slot.0..=slot.1).contains(&self.cut));
        (self.cut != u64::MAX).then(|| Containment {
            at: rfc3339(self.cut),
            attempts_after: self.attempts_after,
            clients_after: self.clients_after.len() as u64,
            last_attempt: self.last_attempt.map(rfc3339),
            translation_held_until: slot.map(|slot| rfc3339(slot.1 / SECOND * SECOND)),
            translation_duration: slot.map(|slot| (slot.1 - slot.0) / SECOND),
        })
    }

    fn finish(mut self, begin: u64, end: u64, scenario: &Scenario, hosts: &[Host]) -> RelayTruth {
        self.day(begin, end.saturating_sub(1));
        let host = &hosts[self.host as usize];
        let relay =
            if let Role::Relay(number) = host.role { Some(&scenario.relays[usize::from(number)]) } else { None };
        let mut counts = Counts::default();
        self.days.iter().for_each(|day| counts.add(day));
        let containment = self.containment();
        let dates = (0..).map(|day| date(begin + day * DAY));
        RelayTruth {
            host: text(host.addr),
            public: self.public.iter().map(|&addr| text(addr)).collect(),
            ports: vec![self.port],
            asked: self.asked,
            kind: relay.map_or("mail-forwarder", |relay| relay.kind.name()).to_owned(),
            topology: "forward".to_owned(),
            authorised: host.declared(),
            infected: relay.map(|relay| rfc3339(begin + relay.infected)),
            first_relayed: self.relayed.map(|(first, _)| rfc3339(first)),
            last_relayed: self.relayed.map(|(_, last)| rfc3339(last)),
            clients: self.clients.len() as u64,
            pairs: self.pairs,
            containment,
            daily: dates.zip(self.days).map(|(date, counts)| Day { date, counts }).collect(),
            counts,
        }
    }
}

impl Tally {
    pub(crate) fn new(scenario: &Scenario, hosts: &[Host]) -> Self {
        let mut relays: Vec<_> =
            (0..).zip(hosts).filter_map(|(number, host)| Some((host.relay?, number, host))).collect();
        relays.sort_by_key(|&(relay, ..)| relay);
        let relays = relays.into_iter().map(|(_, number, host)| RelayTally::new(number, host, scenario)).collect();
        Self { begin: scenario.begin(), relays }
    }

    /// A connection of relay `relay` was built.
    pub(crate) fn built(&mut self, relay: u16, flow: &Flow) {
        if flow.proto == Proto::Tcp {
            self.relays[usize::from(relay)].built(self.begin, flow);
        }
    }

    /// It ended.
    pub(crate) fn ended(&mut self, relay: u16, flow: &Flow) {
        if flow.proto == Proto::Tcp {
            self.relays[usize::from(relay)].ended(self.begin, flow);
        }
    }

    /// A pair of legs of it was written.
    pub(crate) fn paired(&mut self, relay: u16) {
        self.relays[usize::from(relay)].pairs += 1;
    }

    /// It got this outside address.
    pub(crate) fn address(&mut self, relay: u16, outside: u32) {
        self.relays[usize::from(relay)].public.push(outside);
    }

    /// Somebody outside asked for a port of it and was stopped; `held`: while it had the address.
    pub(crate) fn denied(&mut self, relay: u16, at: u64, (from, to): ((u32, u16), (u32, u16)), held: bool) {
        let relay = &mut self.relays[usize::from(relay)];
        if to.1 == relay.port {
            relay.denied(Denied { at, from, address: to.0, held });
        }
    }

    /// It had an outside address from when to when.
    pub(crate) fn released(&mut self, relay: u16, since: u64, until: u64) {
        self.relays[usize::from(relay)].slots.push((since, until));
    }

    /// The whole truth, of a log of so many lines that ended at `end`.
    pub(crate) fn finish(
        self,
        end: u64,
        lines: u64,
        scenario: &Scenario,
        hosts: &[Host],
        shared: &dyn Fn(u32) -> bool,
    ) -> Truth {
        let begin = self.begin;
        let finish = |mut relay: RelayTally| {
            relay.take_denied(begin, shared);
            relay.finish(begin, end, scenario, hosts)
        };
        let relays = self.relays.into_iter().map(finish).collect();
        let innocent = |host: &Host| Innocent { host: text(host.addr), does: does(scenario, host) };
        Truth {
            seed: scenario.seed,
            year: scenario.start.year,
            start: rfc3339(begin),
            end: rfc3339(end / SECOND * SECOND),
            sensor: scenario.sensor.clone(),
            lines,
            syn_timeout: "0:02:01".to_owned(),
            relays,
            innocents: hosts.iter().filter(|host| host.relay.is_none()).map(innocent).collect(),
        }
    }
}

/// `172.28.1.25`.
pub(crate) fn text(addr: u32) -> String {
    Ipv4Addr::from(addr).to_string()
}

/// What an innocent host does, in words.
fn does(scenario: &Scenario, host: &Host) -> Vec<String> {
    let words: Vec<&str> = match host.role {
        Role::Ordinary => {
            let names =
                ["retrieves mail (POP)", "retrieves mail (IMAP)", "sets its clock (NTP)", "messenger, always on"];
            let liked = likes_of(scenario.seed, host.addr).into_iter().zip(names).filter(|like| like.0);
            std::iter::once("web browsing").chain(liked.map(|like| like.1)).collect()
        }
        Role::Busy => vec!["web browsing all day"],
        Role::WebServer => vec!["web server"],
        Role::WebApp => vec!["web application: one call to an outside server for each request, bytes not conserved"],
        Role::Resolver => vec!["name server for outside, resolver; DNS forwarder over TCP (bytes conserved)"],
        Role::Peer => vec!["shares files: hundreds of peers both ways, pieces of one size"],
        Role::MailIn => vec!["mail server that keeps what it gets"],
        Role::Scanned => vec!["web browsing", "scanned: a thousand ports, and 1180 to 1185"],
        Role::Health => vec!["health check: one size in, one size out"],
        Role::Fetcher => vec!["fetches one page again and again", "web server"],
        Role::Vpn => vec!["web browsing", "VPN client, hours long"],
        Role::MailForward | Role::Relay(_) => vec![],
    };
    words.into_iter().map(str::to_owned).collect()
}
