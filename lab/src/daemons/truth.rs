//! `truth.json`, `legs.tsv` and the ids of both in the syslog: what events and connections say together.
//!
//! A client's event names the inbound leg by its ends, a server's event with the same token the outbound one. Where a
//! session's target says nothing, nobody else calls it, and its address is the token. Time only tells two connections
//! between the same ends apart; nothing is ever paired by it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use super::frames::{Packet, Proto};
use super::net::{INSIDE_NETS, is_inside};
use super::stage::{Cast, Intent, Relay};
use super::task::{Event, Side};
use super::track::Conn;
use crate::wire::{LegTruth, SessionTruth, WireBot, WireCounts, WireInnocent, WireRelay, WireTruth};

/// How far an event may be from the packets that it is about, in microseconds: the link between, and what a program takes.
const SLACK: u64 = 2_000_000;

/// Reads every `*.events.jsonl` of a run.
pub(super) fn events(work: &Path) -> io::Result<Vec<Event>> {
    let paths: Result<Vec<PathBuf>, io::Error> = fs::read_dir(work)?.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths?;
    paths.retain(|path| path.to_string_lossy().ends_with(".events.jsonl"));
    // A folder gives them in no order.
    paths.sort();
    let mut events = Vec::new();
    for path in paths {
        for line in fs::read_to_string(&path)?.lines() {
            events.push(serde_json::from_str(line)?);
        }
    }
    Ok(events)
}

/// What a host of ours sent another one, as events.
pub(super) fn on_the_wire(tokens: Vec<(Packet, String)>) -> impl Iterator<Item = Event> {
    tokens.into_iter().map(|(Packet { at, src, dst, .. }, token)| Event {
        side: Side::Wire,
        at,
        token,
        src,
        dst,
        outcome: String::new(),
        accepted: 0,
    })
}

/// Connections by their ends.
struct Index<'a> {
    conns: &'a [Conn],
    by_ends: HashMap<(SocketAddr, SocketAddr), Vec<usize>>,
    /// Messages that a server took on them.
    accepted: HashMap<usize, u32>,
    /// What they turned out to be.
    roles: BTreeMap<usize, (&'static str, String)>,
}

impl<'a> Index<'a> {
    fn new(conns: &'a [Conn]) -> Self {
        let mut by_ends: HashMap<_, Vec<usize>> = HashMap::new();
        for (number, conn) in conns.iter().enumerate().filter(|(_, conn)| conn.proto == Proto::Tcp) {
            by_ends.entry((conn.orig, conn.resp)).or_default().push(number);
        }
        Self { conns, by_ends, accepted: HashMap::new(), roles: BTreeMap::new() }
    }

    /// The connection that an event is about.
    fn find(&self, event: &Event) -> Option<usize> {
        let near = |&&number: &&usize| {
            let conn = &self.conns[number];
            // Whose end was lost on the way may have been spoken of long after what was seen of it.
            conn.start <= event.at + SLACK && (event.at <= conn.last + SLACK || conn.closed.is_none())
        };
        // Where ports are used again soon, several are near.
        let apart = |number: &usize| {
            let conn = &self.conns[*number];
            conn.start.saturating_sub(event.at).max(event.at.saturating_sub(conn.last))
        };
        let numbers = self.by_ends.get(&(event.src, event.dst))?.iter().rev();
        numbers.filter(near).min_by_key(|number| apart(number)).copied()
    }

    fn leg(&self, number: usize) -> LegTruth {
        let conn = &self.conns[number];
        let [orig, resp] = &conn.ends;
        LegTruth {
            conn: conn.number,
            src: conn.orig.to_string(),
            dst: conn.resp.to_string(),
            start: conn.start as f64 / 1e6,
            end: conn.last as f64 / 1e6,
            bytes_orig: orig.bytes,
            bytes_resp: resp.bytes,
            raw_payload: orig.raw + resp.raw,
            state: conn.state(),
            syns: conn.syns,
            accepted: self.accepted.get(&number).copied().unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests;

/// What a run is called.
#[derive(Debug)]
pub(super) struct Named<'a> {
    pub(super) scenario: &'a str,
    pub(super) seed: u64,
}

/// Everything that is true; an error where something in the capture has no explanation.
pub(super) fn truth(
    named: &Named<'_>,
    cast: &Cast,
    conns: &[Conn],
    events: &[Event],
    to: &Path,
) -> io::Result<WireTruth> {
    let mut index = Index::new(conns);
    for event in events.iter().filter(|event| event.side == Side::Server) {
        if let Some(number) = index.find(event) {
            *index.accepted.entry(number).or_default() += event.accepted;
        }
    }
    let mut by_token: HashMap<&str, Vec<&Event>> = HashMap::new();
    for event in events {
        by_token.entry(&event.token).or_default().push(event);
    }
    let mut sessions = Vec::new();
    for intent in &cast.intents {
        let told = by_token.get(&*intent.call.token).map_or(&[][..], Vec::as_slice);
        sessions.push(session(intent, cast, told, &mut index));
    }
    for event in events {
        // Everything else that our own programs did.
        if let Some(number) = index.find(event) {
            index.roles.entry(number).or_insert(("", event.token.clone()));
        }
    }
    let relays = cast.relays.iter().map(|relay| relay_truth(relay, &sessions, &mut index)).collect();
    unexplained(cast, &index)?;
    fs::write(to.join("legs.tsv"), legs(conns, &index.roles))?;
    let first = conns.first().map_or(0, |conn| conn.start);
    let last = conns.iter().map(|conn| conn.last).max().unwrap_or(first);
    let count = |proto| conns.iter().filter(|conn| conn.proto == proto).count() as u64;
    let told =
        |(host, does): &(super::net::Host, Vec<String>)| WireInnocent { ip: host.v4.to_string(), does: does.clone() };
    let mut innocents: Vec<WireInnocent> = cast.innocents.iter().map(told).collect();
    // Who relays by design does so for its owner.
    innocents.extend(cast.relays.iter().filter(|relay| relay.authorised).map(|relay| WireInnocent {
        ip: relay.ip().to_string(),
        does: vec![format!("AUTHORISED RELAY {} ({})", relay.software, relay.topology)],
    }));
    Ok(WireTruth {
        scenario: named.scenario.to_owned(),
        seed: named.seed,
        start: first as f64 / 1e6,
        end: last as f64 / 1e6,
        inside_net: INSIDE_NETS.to_owned(),
        relays,
        bots: cast.bots.iter().map(|bot| WireBot::of(&bot.v4.to_string(), &sessions)).collect(),
        innocents,
        expected: WireCounts {
            packets: conns.iter().flat_map(|conn| &conn.ends).map(|end| end.packets).sum(),
            bytes: conns.iter().flat_map(|conn| &conn.ends).map(|end| end.ip_bytes).sum(),
            tcp_connections: count(Proto::Tcp),
            udp_flows: count(Proto::Udp),
            icmp_flows: count(Proto::Icmp),
        },
        sessions,
    })
}

fn session(intent: &Intent, cast: &Cast, told: &[&Event], index: &mut Index<'_>) -> SessionTruth {
    let call = &intent.call;
    let relay = intent.relay.map(|id| &cast.relays[id.0]);
    let client = told.iter().find(|event| event.side == Side::Client);
    let (mut ins, mut outs) = (BTreeSet::new(), BTreeSet::new());
    let own = relay.map(|relay| [IpAddr::from(relay.host.v4), relay.host.v6.into()]);
    for number in told.iter().filter_map(|event| index.find(event)) {
        let conn = &index.conns[number];
        match own {
            Some(own) if own.contains(&conn.resp.ip()) => ins.insert(number),
            // Another relay's in the chain.
            Some(own) if !own.contains(&conn.orig.ip()) => false,
            // A bot's own call is its outbound leg.
            _ => outs.insert(number),
        };
    }
    let calls = |from: IpAddr| own.map_or_else(|| is_inside(from), |own| own.contains(&from));
    let to = index.by_ends.iter().filter(|((orig, resp), _)| intent.soles.contains(resp) && calls(orig.ip()));
    outs.extend(to.flat_map(|(_, numbers)| numbers.iter().copied()));
    let (in_role, out_role) = match relay {
        Some(relay) if relay.authorised => ("auth-in-leg", "auth-out-leg"),
        Some(_) => ("in-leg", "out-leg"),
        None => ("", "bot"),
    };
    for (numbers, role) in [(&ins, in_role), (&outs, out_role)] {
        for number in numbers {
            index.roles.insert(*number, (role, call.token.clone()));
        }
    }
    let handed_on = !call.domains.is_empty();
    let servers = if handed_on { call.domains.clone() } else { vec![call.to.ip()] };
    SessionTruth {
        component: intent.component.to_owned(),
        relay: relay.map(|relay| relay.ip().to_string()),
        bot: intent.bot.map(|bot| bot.to_string()),
        relay_port: relay.and(ins.first()).map(|number| index.conns[*number].resp.port()),
        client: client
            .map_or_else(|| call.from.map_or_else(String::new, |ip| ip.to_string()), |e| e.src.ip().to_string()),
        server: servers.iter().map(IpAddr::to_string).collect(),
        server_port: if handed_on { 25 } else { call.to.port() },
        proto: format!("{}/{}", call.way.name(), call.job.name()),
        outcome: client.map_or_else(|| "lost".to_owned(), |event| event.outcome.clone()),
        delivered: outs.iter().filter_map(|number| index.accepted.get(number)).sum(),
        token: Some(call.token.clone()),
        in_legs: ins.iter().map(|number| index.leg(*number)).collect(),
        out_legs: outs.iter().map(|number| index.leg(*number)).collect(),
    }
}

fn relay_truth(relay: &Relay, sessions: &[SessionTruth], index: &mut Index<'_>) -> WireRelay {
    let mut tunnels = Vec::new();
    if let Some(to) = relay.super_proxy {
        let own =
            |conn: &Conn| conn.resp == to && [relay.host.v4.into(), relay.host.v6.into()].contains(&conn.orig.ip());
        for (number, _) in index.conns.iter().enumerate().filter(|(_, conn)| own(conn)) {
            index.roles.insert(number, ("tunnel", String::new()));
            tunnels.push(index.leg(number));
        }
    }
    WireRelay {
        authorised: relay.authorised,
        software: Some(relay.software.to_owned()),
        allowance: relay.allowance.clone(),
        super_proxy: relay.super_proxy.map(|to| to.to_string()),
        ..WireRelay::of(&relay.ip().to_string(), relay.ports.clone(), relay.topology, sessions, tunnels)
    }
}

/// Every connection that a relay opens to the outside must be known: else the truth is not the whole truth.
fn unexplained(cast: &Cast, index: &Index<'_>) -> io::Result<()> {
    let relays: BTreeSet<IpAddr> =
        cast.relays.iter().flat_map(|relay| [relay.host.v4.into(), relay.host.v6.into()]).collect();
    let unknown: Vec<&Conn> = (0..)
        .zip(index.conns)
        .filter(|(number, conn)| {
            conn.proto == Proto::Tcp && relays.contains(&conn.orig.ip()) && !index.roles.contains_key(number)
        })
        .map(|(_, conn)| conn)
        .collect();
    match unknown.first() {
        None => Ok(()),
        Some(conn) => {
            let (number, orig, resp, state) = (unknown.len(), conn.orig, conn.resp, conn.state());
            Err(io::Error::other(format!(
                "{number} connections of relays have no token, such as {orig} to {resp} ({state})"
            )))
        }
    }
}

fn legs(conns: &[Conn], roles: &BTreeMap<usize, (&'static str, String)>) -> String {
    let mut text = "conn\tproto\tstart\tend\torig\tresp\torig_bytes\tresp_bytes\tstate\trole\ttoken\n".to_owned();
    for (number, conn) in conns.iter().enumerate() {
        let proto = match conn.proto {
            Proto::Tcp => 6,
            Proto::Udp => 17,
            Proto::Icmp => 1,
        };
        let [orig, resp] = &conn.ends;
        let (start, end) = (conn.start as f64 / 1e6, conn.last as f64 / 1e6);
        let (role, token) = roles.get(&number).map_or(("", ""), |(role, token)| (role, token));
        _ = writeln!(
            text,
            "{number}\t{proto}\t{start:.6}\t{end:.6}\t{}\t{}\t{}\t{}\t{}\t{role}\t{token}",
            conn.orig,
            conn.resp,
            orig.bytes,
            resp.bytes,
            conn.state()
        );
    }
    text
}
