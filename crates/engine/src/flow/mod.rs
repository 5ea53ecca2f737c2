//! From packets to connections: the table of flows, TCP after Zeek, streams put together.
//!
//! A [`Tracker`] holds one virtual shard's flows; which flows those are is decided by their hash, so that however many
//! threads run them, each flow is followed by one tracker and in the order of its packets.

mod burst;
mod conn;
mod datagram;
mod history;
mod icmp;
mod key;
mod listen;
mod roles;
mod segment;
mod stream;
mod table;
mod tcp;

use std::sync::Arc;

use catspaw_records::{Nanos, Side, Utterance};
use catspaw_rules::Ruleset;

use conn::Flow;
use history::Scaled;
use key::Key;
use segment::Shared;
use stream::Store;
use table::{Due, Slot, Table};

pub use listen::{Heard, Listener};

use crate::detect::Detector;
use crate::{IpProto, Output, Packet, Settings, TcpFlags};

/// A SYN on a connection that has been silent for so long, in nanoseconds, begins another.
const REUSED: i64 = 30 * Nanos::SECOND;

/// Follows the flows of one virtual shard.
pub struct Tracker {
    settings: Arc<Settings>,
    table: Table,
    clock: Nanos,
    flows: u64,
    store: Store,
    /// What was said of one packet, before it is told.
    said: Vec<Utterance>,
    detector: Option<Detector>,
}

impl Tracker {
    /// Without any flows.
    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            table: Table::default(),
            clock: Nanos::MIN,
            flows: 0,
            store: Store::default(),
            said: Vec::new(),
            detector: None,
        }
    }

    /// The same, with rules held against what comes.
    #[must_use]
    pub fn with_rules(self, rules: Arc<Ruleset>) -> Self {
        Self { detector: Some(Detector::new(rules)), ..self }
    }

    /// Takes a packet. Those of one shard come in the order of their moments. What was over before is told first.
    pub fn packet(&mut self, packet: &Packet<'_>, out: &mut impl Output) {
        self.advance(packet.at, out);
        let (key, from_low) = Key::of(packet);
        if packet.bad_checksum {
            self.note_checksum(&key, from_low);
            return out.dropped("packets with a wrong checksum", 1);
        }
        if has_broken_header(packet) {
            if let Some(detector) = &mut self.detector {
                detector.alone(key::id_of(packet), key::proto(packet.proto), packet, out);
            }
            return out.dropped("packets with a broken header", 1);
        }
        let slot = self.slot_of(key, from_low, packet, out);
        let Some(flow) = self.table.get_mut(slot) else { return };
        let from = sender(flow, from_low);
        let mut shared = Shared { settings: &self.settings, store: &mut self.store, said: &mut self.said };
        match packet.tcp {
            Some(tcp) => flow.segment(from, tcp, packet, self.clock, &mut shared, out),
            None => flow.datagram(from, packet, self.clock, &mut shared, out),
        }
        if let Some(detector) = &mut self.detector
            && let Some(mut watch) = flow.watch.take()
        {
            // The segment may have shown who opened the connection.
            detector.packet(&mut watch, sender(flow, from_low), flow.about(), packet, out);
            flow.watch = Some(watch);
        }
        self.table.arm(slot, self.clock);
    }

    /// Lets time come to `now`: what has been silent for long enough is over.
    #[inline]
    pub fn advance(&mut self, now: Nanos, out: &mut impl Output) {
        self.clock = self.clock.max(now);
        while let Some(due) = self.table.due(now) {
            match due {
                Due::Flow(slot, at) => self.end(slot, at, out),
                Due::Run(slot, at) => {
                    let Some(flow) = self.table.get_mut(slot) else { continue };
                    if let Some(run) = flow.bursts.finish() {
                        flow.burst(run, at, &self.settings, out);
                    }
                }
            }
        }
    }

    /// The evidence ends: every flow is told as it stands.
    pub fn finish(&mut self, out: &mut impl Output) {
        let now = self.clock;
        for slot in self.table.by_age() {
            self.end(slot, now, out);
        }
    }

    /// The flow that a packet belongs to, begun if need be.
    fn slot_of(&mut self, key: Key, from_low: bool, packet: &Packet<'_>, out: &mut impl Output) -> Slot {
        if let Some(slot) = self.table.find(&key) {
            if self.table.get(slot).is_none_or(|flow| !begins_another(flow, from_low, packet)) {
                return slot;
            }
            self.end(slot, self.clock, out);
        }
        if self.table.is_full() {
            self.make_room(out);
        }
        self.flows += 1;
        let turned = roles::is_turned(packet);
        let mut flow = Flow::new(key, self.flows, from_low, packet, turned, &self.settings);
        flow.watch = self.detector.as_ref().and_then(|detector| flow.watched_by(detector));
        self.table.insert(flow)
    }

    /// Gives up some of the flows.
    #[cold]
    fn make_room(&mut self, out: &mut impl Output) {
        let given_up = self.table.least_used();
        out.dropped("flows that were given up to make room", given_up.len() as u64);
        for slot in given_up {
            self.end(slot, self.clock, out);
        }
    }

    /// A flow is over, and nobody's any more.
    fn end(&mut self, slot: Slot, known: Nanos, out: &mut impl Output) {
        let Some(mut flow) = self.table.remove(slot) else { return };
        let mut shared = Shared { settings: &self.settings, store: &mut self.store, said: &mut self.said };
        flow.finish(known, &mut shared, out);
        if let Some((detector, mut watch)) = self.detector.as_mut().zip(flow.watch.take()) {
            detector.end(&mut watch, flow.about(), known, out);
        }
        out.record(flow.whole(known, &self.settings));
    }

    #[cold]
    fn note_checksum(&mut self, key: &Key, from_low: bool) {
        if let Some(flow) = self.table.find(key).and_then(|slot| self.table.get_mut(slot)) {
            let from = sender(flow, from_low);
            flow.history.scale(Scaled::Checksum, from);
        }
    }
}

/// Which side of a flow sent a packet.
fn sender(flow: &Flow, from_low: bool) -> Side {
    if from_low == flow.orig_is_low { Side::Orig } else { Side::Resp }
}

/// Whether a packet is of a transport whose header it does not have.
fn has_broken_header(packet: &Packet<'_>) -> bool {
    match packet.proto {
        IpProto::TCP => packet.tcp.is_none(),
        IpProto::UDP | IpProto::ICMP | IpProto::ICMPV6 => packet.transport.len() < 8,
        _ => false,
    }
}

/// Whether a packet begins another flow of the same ends.
fn begins_another(flow: &Flow, from_low: bool, packet: &Packet<'_>) -> bool {
    let Some(tcp) = packet.tcp.filter(|tcp| tcp.flags.has(TcpFlags::SYN) && !tcp.flags.has(TcpFlags::ACK)) else {
        return false;
    };
    let from = sender(flow, from_low);
    let states = flow.ends.each_ref().map(|end| end.state);
    let is_its_own = flow.ends[from.index()].began_at(tcp.seq);
    match states {
        // The same SYN again: an attempt that was refused and is tried again is one.
        _ if is_its_own => false,
        [tcp::State::Reset, _] | [_, tcp::State::Reset] => true,
        [orig, resp] if orig.is_over() && resp.is_over() => true,
        // Another try, or one that an answer came before. In a connection that was met midstream it is the next one.
        [orig, resp] if is_early(orig, resp) => true,
        _ => packet.at.since(flow.last) > REUSED,
    }
}

fn is_early(orig: tcp::State, resp: tcp::State) -> bool {
    use tcp::State::{Inactive, Partial};
    matches!((orig, resp), (Partial | Inactive, _) | (_, Partial | Inactive))
}

#[cfg(test)]
mod tests;
