//! What was said on both legs of the pairs that show a relay best, side by side: read from the captures a second time.

mod secrets;
mod socks;
mod talk;

use std::cmp::Reverse;
use std::io;
use std::net::IpAddr;

use catspaw_engine::IpProto;
use catspaw_engine::flow::Listener;
use catspaw_records::{Endpoint, Nanos, Side};
use catspaw_relay::{Basis, Leg, LegPair, Topology};

pub(crate) use talk::{Said, Words};

use super::Cases;
use crate::packets::{self, Met, Replay, Wanted};
use crate::pipeline::Sorter;
use talk::Talk;

/// Whoever listens to one leg.
struct Ear {
    /// Who opened it.
    opener: (IpAddr, u16),
    listener: Listener,
    talk: Talk,
    last: Nanos,
}

/// Pairs of one incident that are shown, and with `-v`.
const SHOWN: usize = 1;
const SHOWN_VERBOSE: usize = 3;
/// Of a tunnel's connection so much before and after the call is shown.
const AROUND: i64 = Nanos::SECOND;

/// Two legs and what was said on them.
#[derive(Debug)]
pub(crate) struct Dialogue {
    /// Whether the left leg is a tunnel's, of which only what was said around the call is shown.
    pub(crate) tunnel: bool,
    /// The left leg's and the right one's peer.
    pub(crate) peers: [String; 2],
    /// The host's port on the left leg: a service's, or whatever a tunnel had.
    pub(crate) port: u16,
    /// When the left leg was opened, of a tunnel the right one: offsets count from here.
    pub(crate) opened: Nanos,
    /// Nanoseconds from there to the opening of the right leg.
    pub(crate) lag: i64,
    /// What was said on the left leg and on the right one, each in order, with what was not kept of it.
    pub(crate) said: [(Vec<Said>, u64); 2],
}

/// The pairs to be shown: of each case of a host those that say most, the best first.
#[derive(Debug, Default)]
pub(crate) struct Strongest {
    pairs: Vec<(usize, Rank, LegPair)>,
}

/// What makes a pair worth showing: its basis, mail that was delivered, that it came first.
type Rank = (Basis, Reverse<bool>, Nanos);

impl Strongest {
    /// Of the pairs of `host` that belong to one of the `cases` and were seen in packets.
    ///
    /// # Errors
    /// Where a temporary file fails.
    pub(crate) fn of(
        host: IpAddr,
        cases: &Cases<'_>,
        pairs: &mut Sorter<LegPair>,
        verbose: bool,
    ) -> io::Result<Self> {
        let most = if verbose { SHOWN_VERBOSE } else { SHOWN };
        let mut strongest = Self::default();
        pairs.for_each(|pair| {
            let seen = pair.host.addr() == host && pair.sensor == packets::sensor() && pair.outbound.has_payload();
            if let Some((case, _)) = cases.of(&pair).filter(|_| seen && pair.clear) {
                strongest.take(case, pair, most);
            }
            Ok(())
        })?;
        Ok(strongest)
    }

    fn take(&mut self, case: usize, pair: LegPair, most: usize) {
        let delivered = pair.outbound.mailed.is_some_and(|mailed| mailed.messages > 0);
        let rank = (pair.basis, Reverse(delivered), pair.outbound.start.at);
        let at = self.pairs.partition_point(|other| (other.0, other.1) <= (case, rank));
        self.pairs.insert(at, (case, rank, pair));
        let of_case = self.pairs.partition_point(|other| other.0 < case)..self.pairs.partition_point(|o| o.0 <= case);
        if of_case.len() > most {
            self.pairs.remove(of_case.end - 1);
        }
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Reads what was said on them.
    ///
    /// # Errors
    /// Where a capture cannot be read any more.
    pub(crate) fn read(self, replay: Replay) -> io::Result<Vec<Dialogue>> {
        let mut wanted = Wanted::default();
        let mut ears = Vec::new();
        for (_, _, pair) in &self.pairs {
            for leg in [&pair.inbound, &pair.outbound] {
                wanted.add(IpProto::TCP, (leg.own, leg.peer), span(pair, leg), ears.len());
                let (listener, talk) = (Listener::default(), Talk::default());
                ears.push(Ear { opener: opener(pair, leg), listener, talk, last: Nanos::MIN });
            }
        }
        replay.for_each(&wanted, |_, _, met| {
            let Met::Packet(packet, at, _) = met else { return Ok(()) };
            let Some(Ear { opener, listener, talk, last }) = ears.get_mut(at) else { return Ok(()) };
            let from = if (packet.src, packet.src_port) == *opener { Side::Orig } else { Side::Resp };
            listener.packet(from, packet, &mut |at, from, heard| talk.hear(at, from, heard));
            *last = packet.at;
            Ok(())
        })?;
        let mut talks = ears.into_iter().map(|Ear { mut listener, mut talk, last, .. }| {
            listener.finish(last, &mut |at, from, heard| talk.hear(at, from, heard));
            talk.finish()
        });
        let mut dialogues = Vec::new();
        for (_, _, pair) in &self.pairs {
            if let (Some(inbound), Some(outbound)) = (talks.next(), talks.next()) {
                dialogues.push(dialogue(pair, [inbound, outbound]));
            }
        }
        Ok(dialogues)
    }
}

fn dialogue(pair: &LegPair, said: [(Vec<Said>, u64); 2]) -> Dialogue {
    let tunnel = pair.topology == Topology::Backconnect;
    let opened = if tunnel { pair.outbound.start.at } else { pair.inbound.start.at };
    Dialogue {
        tunnel,
        peers: [pair.inbound.peer, pair.outbound.peer].map(|peer| peer.to_string()),
        port: pair.inbound.own.port,
        opened,
        lag: pair.outbound.start.at.since(opened),
        said,
    }
}

/// Which of a leg's packets are read: all, but of a tunnel those about the call.
fn span(pair: &LegPair, leg: &Leg) -> (Nanos, Nanos) {
    let end = |leg: &Leg| leg.end.map_or(Nanos::MAX, |end| end.at);
    let (from, to) = (leg.start.at, end(leg));
    if pair.topology != Topology::Backconnect || leg.id == pair.outbound.id {
        return (from, to);
    }
    let call = &pair.outbound;
    (from.max(call.start.at.plus(-AROUND)), to.min(end(call).plus(AROUND)))
}

/// Who opened a leg: the client that of a service, the host all others.
fn opener(pair: &LegPair, leg: &Leg) -> (IpAddr, u16) {
    let inbound = pair.topology == Topology::Forward && leg.id == pair.inbound.id;
    let Endpoint { addr, port } = if inbound { leg.peer } else { leg.own };
    (addr, port)
}
