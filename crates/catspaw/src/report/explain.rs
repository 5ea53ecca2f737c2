//! One host's legs side by side, and what its services' tests say: for whoever doubts the verdict, or its absence.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::f64::consts::LN_10;
use std::io;
use std::net::IpAddr;

use catspaw_records::{Ending, HostKey, Nanos, Proto, RecordId, SensorId};
use catspaw_relay::{
    Config, Connection, DNS, FIXED_TARGETS, Hypothesis, Lane, Leg, LegPair, SPAM_SHARE, Said, Service, Tests, Topology,
};

use super::Cases;
use super::dialogue::Dialogue;
use super::incident::{Case, Dialled};
use crate::pipeline::{Home, Lanes, Sorter};

/// Inbound legs that are shown, and with `-v`.
const SHOWN: usize = 40;
const SHOWN_VERBOSE: usize = 100_000;
/// Paired inbound legs that are told apart.
const TOLD_APART: usize = 1 << 20;

/// What is shown of a host.
#[derive(Debug, Default)]
pub(crate) struct Explained {
    /// The host.
    pub(crate) host: String,
    /// Why it is accused, or declared, as the report says it; empty where it is neither.
    pub(crate) verdict: Vec<(String, Vec<String>)>,
    /// Why its services are or are not suspected.
    pub(crate) services: Vec<String>,
    /// Inbound legs, in the order of their opening.
    pub(crate) inbound: Vec<Inbound>,
    /// A tunnel's connections, with what was called while each lived.
    pub(crate) tunnels: Vec<Inbound>,
    /// Calls that are not listed there.
    pub(crate) calls_left_out: u64,
    /// Inbound legs with payload, and those without.
    pub(crate) carried: u64,
    pub(crate) empty: u64,
    /// Those from inside: no relay between outsiders.
    pub(crate) from_inside: u64,
    /// Inbound legs with payload that an outbound one carries on.
    pub(crate) paired: u64,
    /// What it opened.
    pub(crate) outbound: u64,
    /// Of them those that carry an inbound leg on.
    pub(crate) outbound_paired: u64,
    /// Of them those by which what came down a tunnel goes on, as far as that is known.
    pub(crate) through_tunnel: u64,
    /// Whether packets tell which those are.
    pub(crate) tunnel_is_heard: bool,
    /// The addresses that carry them on, as far as they are few.
    pub(crate) targets: BTreeSet<IpAddr>,
    /// What was said on the pairs that show it best.
    pub(crate) dialogues: Vec<Dialogue>,
    /// Why that is not known, where there would be something.
    pub(crate) unheard: Option<String>,
    /// Whether it was seen at all.
    pub(crate) seen: bool,
}

/// An inbound leg.
#[derive(Debug)]
pub(crate) struct Inbound {
    /// What it is.
    pub(crate) side: Side,
    /// The host's port.
    pub(crate) port: u16,
    /// What carries it on.
    pub(crate) carried_on: Vec<Outbound>,
}

/// An outbound leg.
#[derive(Debug)]
pub(crate) struct Outbound {
    /// What it is.
    pub(crate) side: Side,
    /// Nanoseconds from the opening of the inbound leg to its own.
    pub(crate) lag: i64,
    /// Bytes of the inbound leg that it did not carry on: up and down, or both in the first.
    pub(crate) left_over: Option<(i64, Option<i64>)>,
    /// Whether only the order shows that they belong together.
    pub(crate) by_order: bool,
}

/// What a leg looks like.
#[derive(Debug)]
pub(crate) struct Side {
    /// Its opening.
    pub(crate) opened: Nanos,
    /// Whether its stamps are whole seconds.
    pub(crate) coarse: bool,
    /// The other end.
    pub(crate) peer: String,
    /// Its life in nanoseconds.
    pub(crate) life: Option<i64>,
    /// Payload, both ways.
    pub(crate) bytes: Option<u64>,
    /// How it ended.
    pub(crate) ended: &'static str,
}

/// What it is made of.
pub(crate) struct Material<'a> {
    /// The host.
    pub(crate) host: IpAddr,
    /// All that is known of hosts.
    pub(crate) lanes: &'a [Lanes],
    /// Whom the report accuses.
    pub(crate) cases: &'a Cases<'a>,
    /// Services that are relays by design.
    pub(crate) dns_forwarders: &'a [(HostKey, u16)],
    /// How it was judged.
    pub(crate) config: &'a Config,
    /// Which addresses are ours.
    pub(crate) home: &'a Home,
    /// Whether everything is wanted.
    pub(crate) verbose: bool,
}

type Name = (RecordId, Nanos);

impl Material<'_> {
    /// Puts it together.
    ///
    /// # Errors
    /// Where a temporary file fails.
    pub(crate) fn explain(&self, rows: &mut Sorter<Connection>, pairs: &mut Sorter<LegPair>) -> io::Result<Explained> {
        let mut explained = Explained { host: self.host.to_string(), ..Explained::default() };
        let Some((sensor, lane)) = self.lane() else { return Ok(explained) };
        explained.seen = true;
        explained.services = self.services(lane);
        explained.verdict = self.own_cases().map(verdict).collect();
        explained.tunnel_is_heard = self.own_cases().any(|case| matches!(case.tunnel, Some(Dialled::Packets(..))));
        let mut shown: HashMap<Name, usize> = HashMap::new();
        rows.for_each(|row| {
            if row.start.sensor == sensor {
                self.take_row(&row, &mut explained, &mut shown);
            }
            Ok(())
        })?;
        let mut told_apart: HashSet<Name> = HashSet::new();
        let mut last = None;
        pairs.for_each(|pair| {
            let outbound = (pair.outbound.id, pair.outbound.start.at);
            let name = (pair.inbound.id, pair.inbound.start.at);
            let is_own = pair.sensor == sensor && pair.clear && pair.host.addr() == self.host;
            if is_own && pair.topology != Topology::Backconnect {
                if pair.outbound.has_payload() && told_apart.len() < TOLD_APART {
                    told_apart.insert(name);
                    if explained.targets.len() <= FIXED_TARGETS {
                        explained.targets.insert(pair.outbound.peer.addr);
                    }
                }
                explained.outbound_paired += u64::from(last.replace(outbound) != Some(outbound));
                if let Some(&at) = shown.get(&name) {
                    explained.inbound[at].carried_on.push(carried_on(&pair));
                }
            }
            Ok(())
        })?;
        explained.paired = told_apart.len() as u64;
        Ok(explained)
    }

    /// Adds the tunnel that was found, from `pairs`.
    ///
    /// # Errors
    /// Where a temporary file fails.
    pub(crate) fn add_tunnel(&self, pairs: &mut Sorter<LegPair>, explained: &mut Explained) -> io::Result<()> {
        let most = if self.verbose { SHOWN_VERBOSE } else { SHOWN };
        let mut at: HashMap<Name, usize> = HashMap::new();
        let (mut listed, mut last) = (0, None);
        pairs.for_each(|pair| {
            if pair.topology != Topology::Backconnect || pair.host.addr() != self.host {
                return Ok(());
            }
            let outbound = (pair.outbound.id, pair.outbound.start.at);
            explained.through_tunnel += u64::from(last.replace(outbound) != Some(outbound));
            let at = *at.entry((pair.inbound.id, pair.inbound.start.at)).or_insert_with(|| {
                let (side, port) = (side(&pair.inbound), pair.inbound.own.port);
                explained.tunnels.push(Inbound { side, port, carried_on: Vec::new() });
                explained.tunnels.len() - 1
            });
            if listed < most {
                explained.tunnels[at].carried_on.push(Outbound { left_over: None, ..carried_on(&pair) });
                listed += 1;
            } else {
                explained.calls_left_out += 1;
            }
            Ok(())
        })
    }

    fn own_cases(&self) -> impl Iterator<Item = &Case<'_>> {
        self.cases.cases.iter().filter(|case| case.host.addr() == self.host && !case.services.is_empty())
    }

    /// The sensor whose records are shown: the one that the verdict stands on, else the one that saw most.
    fn lane(&self) -> Option<(SensorId, &Lane)> {
        let lanes = self.lanes.iter().flat_map(|shard| &shard.lanes).filter(|(host, ..)| host.addr() == self.host);
        let most = lanes.max_by_key(|(_, sensor, lane)| {
            (lane.services.values().map(|service| service.sessions).sum::<u64>(), *sensor)
        });
        self.own_cases().find_map(|case| case.lane).or(most.map(|(_, sensor, lane)| (*sensor, &**lane)))
    }

    fn take_row(&self, row: &Connection, explained: &mut Explained, shown: &mut HashMap<Name, usize>) {
        let (orig, resp) = row.ends();
        let mark = match &row.said {
            Said::Built(opened, _) => opened.inside.orig,
            Said::TornDown(closed) => closed.inside.orig,
            Said::Whole { whole, .. } => whole.inside.orig,
        };
        if row.proto() != Proto::Tcp || row.late {
            return;
        }
        if resp.addr != self.host {
            explained.outbound += u64::from(orig.addr == self.host);
            return;
        }
        if self.home.is_inside(orig.addr, mark) {
            explained.from_inside += 1;
            return;
        }
        let bytes = row.bytes().map(|bytes| bytes.total());
        let carried = bytes.is_some_and(|bytes| bytes > 0);
        explained.carried += u64::from(carried);
        explained.empty += u64::from(!carried);
        let most = if self.verbose { SHOWN_VERBOSE } else { SHOWN };
        if (carried || self.verbose) && explained.inbound.len() < most {
            shown.insert((row.id(), row.start.at), explained.inbound.len());
            let side = Side {
                opened: row.start.at,
                coarse: i64::from(row.start.resolution) >= Nanos::SECOND,
                peer: orig.to_string(),
                life: row.duration(),
                bytes,
                ended: row.ending().map_or("open", word),
            };
            explained.inbound.push(Inbound { side, port: resp.port, carried_on: Vec::new() });
        }
    }

    /// One sentence for each service.
    fn services(&self, lane: &Lane) -> Vec<String> {
        let declared = self.config.declares(self.host);
        lane.services
            .values()
            .map(|service| {
                let port = service.port;
                let sessions = service.sessions;
                let said = if self.dns_forwarders.contains(&(HostKey::Address(self.host), port)) {
                    "it carries questions on to DNS: a DNS forwarder, which is a relay by design and no incident"
                        .to_owned()
                } else {
                    let dns = if DNS.contains(&port) { "; a DNS forwarder would be no incident" } else { "" };
                    self.tested(service, declared && service.tried(true).next().is_some()) + dns
                };
                format!("Port {port}, {sessions} inbound sessions with payload: {said}.")
            })
            .chain(self.mailed(lane))
            .collect()
    }

    /// What the mail that it sent looks like.
    fn mailed(&self, lane: &Lane) -> Option<String> {
        let spam = lane.spam.iter().flatten().max_by_key(|spam| spam.all.connections)?;
        let accused = self.own_cases().any(|case| case.topology == Some(Topology::Forward));
        let stream = if accused { &spam.alone } else { &spam.all };
        if stream.connections == 0 {
            return None;
        }
        let ratio = stream.largest.unwrap_or(0.0) / LN_10;
        let enough = (-self.config.alpha.ln() - SPAM_SHARE.ln()) / LN_10;
        Some(format!(
            "SMTP, {} connections to {} distinct servers, without tries again, servers that were only greeted and ports of submission: 10^{ratio:.1} times likelier as a spam bot's than as those of a host that \
             hands its mail to a provider (10^{enough:.1} is enough).",
            stream.connections,
            stream.servers(),
        ))
    }

    /// What the strongest of its tests says.
    fn tested(&self, service: &Service, declared: bool) -> String {
        let weighed = service.weighed(declared);
        let Some((tests, _)) = weighed.max_by(|a, b| a.1.total_cmp(&b.1)) else {
            return "it opened nothing to others while one of them was open, so that there was nothing to carry them on"
                .to_owned();
        };
        let log10 = |ln: f64| ln / LN_10;
        let enough = log10(-self.config.alpha.ln() - service.log_weight() - tests.hypothesis.share().ln());
        let (ratio, taken) = (log10(tests.largest.unwrap_or(0.0)), tests.taken);
        let declared = if declared { " (declared by its owner)" } else { "" };
        let shifted = tests.largest_shifted.map(log10);
        let when = match tests.hypothesis {
            Hypothesis::AtOnce => "while one of them was open",
            Hypothesis::StoreAndForward => "to SMTP servers while one of them was open or soon after",
            Hypothesis::Inward => "to hosts inside while one of them was open",
        };
        match tests {
            Tests { conviction: Some(conviction), .. } => format!(
                "its sizes follow theirs, 10^{ratio:.1} times likelier as a relay's than by chance (10^{enough:.1} is enough); \
                 found after {}{declared}",
                conviction.sessions.max(1)
            ),
            _ if ratio >= enough && shifted.is_some_and(|shifted| shifted >= ratio) => format!(
                "10^{ratio:.1} times likelier as a relay's than by chance, but the same connections moved in time fit as well \
                 (10^{:.1}), so that it is the host's habit{declared}",
                shifted.unwrap_or(0.0)
            ),
            _ => format!(
                "no relay as far as is seen: over the {taken} connections that it opened {when}, the sizes came to \
                 10^{ratio:.1} at most, and 10^{enough:.1} would be enough{declared}"
            ),
        }
    }
}

fn verdict(case: &Case<'_>) -> (String, Vec<String>) {
    let incident = case.write();
    let declared = if case.authorised { "Declared by its owner: " } else { "" };
    (format!("{declared}{}", super::text::headline(&incident)), incident.why)
}

fn carried_on(pair: &LegPair) -> Outbound {
    let (inbound, outbound) = (&pair.inbound, &pair.outbound);
    let left_over = inbound.size().zip(outbound.size()).and_then(|(inbound, outbound)| inbound.minus(outbound));
    Outbound {
        side: side(outbound),
        lag: inbound.lag_to(outbound, 0),
        left_over: left_over.map(|left| (left.up, left.directed.then_some(left.down))),
        by_order: !outbound.has_payload(),
    }
}

fn side(leg: &Leg) -> Side {
    Side {
        opened: leg.start.at,
        coarse: i64::from(leg.start.resolution) >= Nanos::SECOND,
        peer: leg.peer.to_string(),
        life: leg.end.map(|end| end.at.since(leg.start.at)),
        bytes: leg.size().map(|size| size.total().max(0) as u64),
        ended: leg.end.map_or("open", |end| word(end.ending)),
    }
}

fn word(ending: Ending) -> &'static str {
    match ending {
        Ending::Fins => "FINs",
        Ending::ResetByOrig | Ending::ResetByResp | Ending::Reset => "reset",
        Ending::NoAnswer => "no answer",
        Ending::HalfClosed => "half-closed",
        Ending::Idle => "timed out",
        Ending::ByDevice => "by device",
        Ending::Open => "open",
        Ending::Unknown => "unknown",
    }
}
