//! Weak signs of a relay: what scans found, and which ports outsiders asked for. They say where to look; nobody is
//! accused by them.

mod scans;
mod signatures;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use catspaw_records::HostKey;
use catspaw_relay::Lane;

pub(crate) use scans::Scans;
pub(crate) use signatures::Signatures;

use crate::pipeline::{Home, Lanes};
use crate::report::{HostIndicator, Indicator};

/// A port was asked for if it was by so many attempts: one or two are anybody's scan.
const FEW: u64 = 3;
/// A host that was asked for so many ports was scanned.
const SCANNED: usize = 64;
/// In a scanned host, ports that are meant were asked for so many times as often as the middle one of all.
const STANDS_OUT: u64 = 10;
/// A service with so many sessions has been judged by what went through it, which says more than its number.
const JUDGED: u64 = 25;
/// How long a run is that no signature names: a longer one is a range that a server hands out, or a scan.
const ANY_RUN: RangeInclusive<usize> = 5..=16;
/// Where it may lie: systems hand out the ports beyond, and the first ones above 1023, to whoever asks.
const ANY_PORTS: RangeInclusive<u16> = 1040..=49_151;
/// Hosts without an incident that are listed.
const LISTED: usize = 1000;

/// The signs of each host, and what is to be said of each.
#[derive(Debug, Default)]
pub(crate) struct Indicators {
    hosts: BTreeMap<IpAddr, BTreeMap<Indicator, String>>,
}

/// The signs at hosts without an incident.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere {
    pub(crate) indicators: Vec<HostIndicator>,
    /// What is to be said of them, once for all hosts.
    pub(crate) notes: Vec<String>,
    /// Hosts that were left out because they are too many.
    pub(crate) hosts_dropped: u64,
}

/// How often outsiders asked for a port.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    attempts: u64,
    answered: u64,
    /// Answered sessions with payload, by which it was judged.
    sessions: u64,
}

impl Indicators {
    /// Finds them.
    #[must_use]
    pub(crate) fn find(signatures: &Signatures, scans: &Scans, shards: &[Lanes], home: &Home) -> Self {
        let mut lanes: BTreeMap<HostKey, Vec<&Lane>> = BTreeMap::new();
        for (host, _, lane) in shards.iter().flat_map(|shard| &shard.lanes) {
            lanes.entry(*host).or_default().push(lane);
        }
        let mut found = Self::default();
        let behind = behind(&lanes);
        for (address, answers) in scans.hosts() {
            // A scan from outside sees the mapped address; where that is one host's alone, it is that host.
            let host = behind.get(&address).copied().flatten().unwrap_or(address);
            if home.nets.is_empty() || home.is_inside(host, None) {
                found.add_open(host, answers.open().into_iter().flatten().copied().collect(), signatures);
                for sign in answers.signs() {
                    found.add(host, &sign.kind, sign.detail.clone(), String::new());
                }
            }
        }
        for (host, lanes) in &lanes {
            found.add_asked(host.addr(), lanes, signatures);
        }
        found
    }

    /// Those of a host.
    pub(crate) fn of(&self, host: &str) -> Vec<Indicator> {
        let signs = host.parse().ok().and_then(|host: IpAddr| self.hosts.get(&host));
        signs.map(|signs| signs.keys().cloned().collect()).unwrap_or_default()
    }

    /// Those of all hosts but `told`.
    pub(crate) fn elsewhere(&self, told: &BTreeSet<&str>) -> Elsewhere {
        let hosts = || self.hosts.iter().filter(|(host, _)| !told.contains(host.to_string().as_str()));
        // Where they are too many, a scan of the whole network must not hide what was meant.
        let (scanned, meant): (Vec<_>, Vec<_>) =
            hosts().partition(|(_, signs)| signs.keys().all(|sign| sign.kind == "scanned"));
        let listed: BTreeMap<_, _> = meant.into_iter().chain(scanned).take(LISTED).collect();
        let shown = || listed.iter().flat_map(|(host, signs)| signs.iter().map(move |sign| (host, sign)));
        let notes: BTreeSet<&String> = shown().map(|(_, (_, note))| note).filter(|note| !note.is_empty()).collect();
        Elsewhere {
            indicators: shown()
                .map(|(host, (Indicator { kind, detail }, _))| HostIndicator {
                    host: host.to_string(),
                    kind: kind.clone(),
                    detail: detail.clone(),
                })
                .collect(),
            notes: notes.into_iter().cloned().collect(),
            hosts_dropped: hosts().count().saturating_sub(LISTED) as u64,
        }
    }

    fn add(&mut self, host: IpAddr, kind: &str, detail: String, note: String) {
        self.hosts.entry(host).or_default().insert(Indicator { kind: kind.to_owned(), detail }, note);
    }

    fn add_open(&mut self, host: IpAddr, open: BTreeSet<u16>, signatures: &Signatures) {
        let mut known = BTreeSet::new();
        for run in &signatures.runs {
            let ports: Vec<u16> = open.range(run.ports.clone()).copied().collect();
            if ports.len() >= run.least {
                self.add(host, "open-ports", written(&ports), note(run));
                known.extend(ports);
            }
        }
        for ports in any_runs(&open, &known) {
            self.add(host, "open-ports", written(&ports), any_note(&ports));
        }
        for (port, (name, source)) in &signatures.ports {
            if open.contains(port) {
                self.add(host, "proxy-port", format!("{port}/tcp open"), format!("{port}/tcp: {name}. {source}"));
            }
        }
    }

    fn add_asked(&mut self, host: IpAddr, lanes: &[&Lane], signatures: &Signatures) {
        let asked = asked(lanes);
        let all: Vec<u64> = asked.values().map(|asked| asked.attempts).collect();
        let overflown = lanes.iter().any(|lane| lane.tally.ports_dropped > 0);
        let scanned = all.len() >= SCANNED || overflown;
        let enough = if scanned { FEW.max(STANDS_OUT * median(all)) } else { FEW };
        let meant: BTreeSet<u16> =
            asked.iter().filter(|(_, asked)| asked.attempts >= enough).map(|(&port, _)| port).collect();
        let detail = |ports: &[u16]| {
            let sum = |of: fn(&Asked) -> u64| ports.iter().filter_map(|port| asked.get(port)).map(of).sum::<u64>();
            let (attempts, answered) = (sum(|asked| asked.attempts), sum(|asked| asked.answered));
            format!("{}, {attempts} attempts, {answered} answered", written(ports))
        };
        let mut known = BTreeSet::new();
        for run in &signatures.runs {
            let ports: Vec<u16> = meant.range(run.ports.clone()).copied().collect();
            if ports.len() >= run.least {
                self.add(host, "asked-ports", detail(&ports), note(run));
                known.extend(ports);
            } else if scanned && asked.range(run.ports.clone()).count() >= run.least {
                let more = if overflown { "more than " } else { "" };
                let detail = format!("{more}{} ports asked for from outside", asked.len());
                self.add(host, "scanned", detail, String::new());
            }
        }
        for ports in any_runs(&meant, &known) {
            self.add(host, "asked-ports", detail(&ports), any_note(&ports));
        }
        for (port, (name, source)) in &signatures.ports {
            let Some(asked) = asked.get(port) else { continue };
            if asked.attempts >= enough && asked.answered >= FEW && asked.sessions < JUDGED {
                let detail = format!("{port}/tcp, {} attempts, {} answered", asked.attempts, asked.answered);
                self.add(host, "proxy-port", detail, format!("{port}/tcp: {name}. {source}"));
            }
        }
    }
}

/// Runs that no signature names: proxyware moves to other ports, and opens one for each protocol there as well.
fn any_runs(ports: &BTreeSet<u16>, known: &BTreeSet<u16>) -> Vec<Vec<u16>> {
    let ports: Vec<u16> = ports.range(ANY_PORTS).copied().collect();
    let runs = ports.chunk_by(|&a, &b| a + 1 == b);
    let unknown = |run: &&[u16]| ANY_RUN.contains(&run.len()) && run.iter().all(|port| !known.contains(port));
    runs.filter(unknown).map(<[u16]>::to_vec).collect()
}

fn any_note(ports: &[u16]) -> String {
    format!("{} in a row: no program is known for them. Proxyware opens a port for each protocol.", written(ports))
}

fn note(run: &signatures::Run) -> String {
    let ports: Vec<u16> = run.ports.clone().collect();
    format!("{} in a row: {}. {}", written(&ports), run.name, run.source)
}

/// The host behind each outside address; `None` where there are several.
fn behind(lanes: &BTreeMap<HostKey, Vec<&Lane>>) -> BTreeMap<IpAddr, Option<IpAddr>> {
    let mut behind: BTreeMap<IpAddr, Option<IpAddr>> = BTreeMap::new();
    for (host, lanes) in lanes {
        for public in lanes.iter().flat_map(|lane| &lane.public) {
            let one = behind.entry(*public).or_insert(Some(host.addr()));
            *one = one.filter(|&one| one == host.addr());
        }
    }
    behind
}

/// By port. Numbers of two sensors are not added: they may have seen the same attempts.
fn asked(lanes: &[&Lane]) -> BTreeMap<u16, Asked> {
    let mut asked: BTreeMap<u16, Asked> = BTreeMap::new();
    for lane in lanes {
        for (&port, days) in &lane.tally.inbound {
            let answered = days.values().map(|day| day.established).sum();
            let attempts = answered + days.values().map(|day| day.unanswered).sum::<u64>();
            let sessions = lane.services.get(&port).map_or(0, |service| service.sessions);
            let most = asked.entry(port).or_default();
            if (attempts, answered) >= (most.attempts, most.answered) {
                *most = Asked { attempts, answered, sessions };
            }
        }
    }
    asked
}

fn median(mut all: Vec<u64>) -> u64 {
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or(0)
}

/// `1180-1182, 1185/tcp`.
fn written(ports: &[u16]) -> String {
    let mut text = String::new();
    for run in ports.chunk_by(|&a, &b| a + 1 == b) {
        let comma = if text.is_empty() { "" } else { ", " };
        _ = match run {
            [first, .., last] => write!(text, "{comma}{first}-{last}"),
            one => write!(text, "{comma}{}", one.first().copied().unwrap_or(0)),
        };
    }
    text + "/tcp"
}

#[cfg(test)]
mod tests;
