//! What was said on both legs of the pairs that show a relay best, side by side: read from the captures a second time.

#[cfg(any(test, feature = "fuzzed"))]
pub(crate) mod check;
mod secrets;
mod socks;
mod talk;

use std::cmp::Reverse;
use std::io;
use std::net::IpAddr;

use catspaw_engine::IpProto;
use catspaw_engine::flow::Listener;
use catspaw_records::{Endpoint, Nanos, Proto, Side};
use catspaw_relay::{Basis, Connection, Leg, LegPair, Topology};

pub(crate) use talk::{Said, Words};

use super::Cases;
use super::incident::{Case, SMTP};
use crate::packets::{self, Met, Replay, Sought, life};
use crate::pipeline::Sorter;
use talk::Talk;

/// Pairs of one incident that are shown, and with `-v`.
const SHOWN: usize = 1;
const SHOWN_VERBOSE: usize = 3;
/// Of a tunnel's connection so much before and after the call is shown: what asked for it, and what came of it.
const BEFORE: i64 = Nanos::SECOND / 5;
const AFTER: i64 = Nanos::SECOND;

/// What was said, and on what.
#[derive(Debug)]
pub(crate) struct Dialogue {
    /// What the legs are.
    pub(crate) legs: Legs,
    /// Whom the host spoke with on the last leg.
    pub(crate) target: String,
    /// Offsets count from here: the opening of the client's leg, else of the last.
    pub(crate) opened: Nanos,
    /// What was said on each leg in order, with what was not kept of it; nothing on the left where there is one leg.
    pub(crate) said: [(Vec<Said>, u64); 2],
}

/// What the legs of a dialogue are.
#[derive(Debug)]
pub(crate) enum Legs {
    /// A client's to a port of the host, and so many nanoseconds later what carries it on.
    Relayed { client: String, port: u16, lag: i64 },
    /// A tunnel's, of which only what was said about the time of the call is shown, and a call.
    Tunnelled { tunnel: String },
    /// What the host opened by itself.
    Own,
}

/// What is to be shown of a host: of each case what says most, the best first.
#[derive(Debug, Default)]
pub(crate) struct Strongest {
    shown: Vec<(usize, Rank, Shown)>,
    verbose: bool,
}

/// What makes it worth showing: its basis, mail that was delivered, much payload where that is all that is known, that it
/// came first.
type Rank = (Basis, Reverse<bool>, Reverse<u64>, Nanos);

/// Legs that are worth showing.
#[derive(Debug)]
enum Shown {
    Pair(Box<LegPair>),
    /// Who called whom, from when to when.
    Mail((Endpoint, Endpoint), (Nanos, Nanos)),
}

/// Whoever listens to one leg.
struct Ear {
    /// Who opened it.
    opener: Endpoint,
    listener: Listener,
    talk: Talk,
    last: Nanos,
}

impl Strongest {
    /// Of the pairs of `host` that belong to one of the `cases`, and of its mail among `rows` where that is what it is
    /// accused of, as far as packets show it.
    ///
    /// # Errors
    /// Where a temporary file fails.
    pub(crate) fn of(
        host: IpAddr,
        cases: &Cases<'_>,
        pairs: &mut Sorter<LegPair>,
        rows: &mut Sorter<Connection>,
        verbose: bool,
    ) -> io::Result<Self> {
        let mut strongest = Self { verbose, ..Self::default() };
        pairs.for_each(|pair| {
            let seen = pair.host.addr() == host && pair.sensor == packets::sensor() && pair.outbound.has_payload();
            if let Some((case, _)) = cases.of(&pair).filter(|_| seen && pair.clear) {
                let delivered = pair.outbound.mailed.is_some_and(|mailed| mailed.messages > 0);
                let rank = (pair.basis, Reverse(delivered), Reverse(0), pair.outbound.start.at);
                strongest.take(case, rank, Shown::Pair(Box::new(pair)));
            }
            Ok(())
        })?;
        let direct = |case: &Case<'_>| case.host.addr() == host && case.topology == Some(Topology::Direct);
        let Some(case) = cases.cases.iter().position(|case| direct(case) && !case.services.is_empty()) else {
            return Ok(strongest);
        };
        rows.for_each(|row| {
            let (orig, resp) = row.ends();
            let bytes = row.bytes().map_or(0, |bytes| bytes.total());
            let sent = orig.addr == host && resp.port == SMTP && row.proto() == Proto::Tcp;
            if sent && row.start.sensor == packets::sensor() && bytes > 0 {
                let life = packets::life_of_row(&row);
                let rank = (Basis::Content, Reverse(false), Reverse(bytes), row.start.at);
                strongest.take(case, rank, Shown::Mail((orig, resp), life));
            }
            Ok(())
        })?;
        Ok(strongest)
    }

    fn take(&mut self, case: usize, rank: Rank, shown: Shown) {
        let most = if self.verbose { SHOWN_VERBOSE } else { SHOWN };
        let at = self.shown.partition_point(|other| (other.0, other.1) <= (case, rank));
        let first = self.shown.partition_point(|other| other.0 < case);
        if at - first < most {
            self.shown.insert(at, (case, rank, shown));
            let end = self.shown.partition_point(|other| other.0 <= case);
            if end - first > most {
                self.shown.remove(end - 1);
            }
        }
    }

    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// Reads what was said.
    ///
    /// # Errors
    /// Where a temporary file fails.
    pub(crate) fn read(self, replay: Replay) -> io::Result<Vec<Dialogue>> {
        let mut wanted = Sought::default();
        let mut ears = Vec::new();
        let mut listen = |(opener, other), life| {
            wanted.add(IpProto::TCP, (opener, other), life, ears.len());
            ears.push(Ear { opener, listener: Listener::default(), talk: Talk::default(), last: Nanos::MIN });
        };
        for (.., shown) in &self.shown {
            match shown {
                Shown::Pair(pair) => {
                    listen(inbound_ends(pair), inbound_life(pair));
                    listen((pair.outbound.own, pair.outbound.peer), life(&pair.outbound));
                }
                Shown::Mail(ends, life) => listen(*ends, *life),
            }
        }
        replay.for_each(&wanted, |_, _, met| {
            let Met::Packet(packet, at, _) = met else { return Ok(()) };
            let Some(Ear { opener, listener, talk, last }) = ears.get_mut(at) else { return Ok(()) };
            let opens = (packet.src, packet.src_port) == (opener.addr, opener.port);
            let from = if opens { Side::Orig } else { Side::Resp };
            listener.packet(from, packet, &mut |at, from, heard| talk.hear(at, from, heard));
            *last = packet.at;
            Ok(())
        })?;
        let mut talks = ears.into_iter().map(|Ear { mut listener, mut talk, last, .. }| {
            listener.finish(last, &mut |at, from, heard| talk.hear(at, from, heard));
            talk.finish()
        });
        let mut next = || talks.next().unwrap_or_default();
        let mut dialogue = |shown| match shown {
            Shown::Pair(pair) => pair_said(&pair, [next(), next()]),
            Shown::Mail((_, target), (opened, _)) => {
                Dialogue { legs: Legs::Own, target: target.to_string(), opened, said: [Default::default(), next()] }
            }
        };
        Ok(self.shown.into_iter().map(|(.., shown)| dialogue(shown)).collect())
    }
}

fn pair_said(pair: &LegPair, said: [(Vec<Said>, u64); 2]) -> Dialogue {
    let LegPair { inbound, outbound, .. } = pair;
    let target = outbound.peer.to_string();
    if pair.topology == Topology::Backconnect {
        let legs = Legs::Tunnelled { tunnel: inbound.peer.to_string() };
        return Dialogue { legs, target, opened: outbound.start.at, said };
    }
    let lag = outbound.start.at.since(inbound.start.at);
    let legs = Legs::Relayed { client: inbound.peer.to_string(), port: inbound.own.port, lag };
    Dialogue { legs, target, opened: inbound.start.at, said }
}

/// Who opened the left leg, and the other end: a tunnel's the host.
fn inbound_ends(pair: &LegPair) -> (Endpoint, Endpoint) {
    let Leg { own, peer, .. } = pair.inbound;
    if pair.topology == Topology::Backconnect { (own, peer) } else { (peer, own) }
}

/// Of a tunnel's connection as much as belongs to the call.
fn inbound_life(pair: &LegPair) -> (Nanos, Nanos) {
    let ((from, to), call) = (life(&pair.inbound), life(&pair.outbound));
    if pair.topology != Topology::Backconnect {
        return (from, to);
    }
    (from.max(call.0.plus(-BEFORE)), to.min(call.1.plus(AFTER)))
}
