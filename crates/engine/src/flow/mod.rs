//! From packets to connections: the table of flows, TCP after Zeek, streams put together.
//!
//! A [`Tracker`] holds one virtual shard's flows; which flows those are is decided by their hash, so that however many
//! threads run them, each flow is followed by one tracker and in the order of its packets.

mod burst;
mod conn;
mod history;
mod key;
mod stream;
mod tcp;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use catspaw_records::{Nanos, Side, Utterance};
use catspaw_rules::Ruleset;
use foldhash::HashMap;

use conn::{Flow, index};
use key::Key;
use stream::{Part, Taken};

use crate::detect::{Detector, Watch};
use crate::protocol::Session;
use crate::{IpProto, Output, Packet, Settings, Tcp, TcpFlags};

/// Flows of one shard; beyond, an eighth of them is given up: those that were never answered first, then the idlest.
const FLOWS: usize = 8192;
/// A SYN on a connection that has been silent for so long begins another.
const REUSED: i64 = 30 * Nanos::SECOND;
/// Bytes of all streams of a shard that wait; beyond, what is missing is given up at once.
const HELD: usize = 4 << 20;
/// Ports at which servers are expected: by them it is told who opened a connection whose beginning was missed.
const SERVER_PORTS: [u16; 24] = [
    21, 22, 23, 25, 53, 80, 110, 119, 123, 143, 443, 445, 465, 563, 587, 853, 993, 995, 1080, 3128, 3389, 5060, 6667,
    8080,
];

/// Follows the flows of one virtual shard.
pub struct Tracker {
    settings: Arc<Settings>,
    by_key: HashMap<Key, usize>,
    slots: Vec<Option<Flow>>,
    free: Vec<usize>,
    /// When a flow may be over: moment, slot, number of the flow.
    timers: BinaryHeap<Reverse<(Nanos, usize, u64)>>,
    clock: Nanos,
    flows: u64,
    held: usize,
    /// What was said of one segment, before it is told.
    said: Vec<Utterance>,
    detector: Option<Detector>,
}

impl Tracker {
    /// Without any flows.
    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            by_key: HashMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            timers: BinaryHeap::new(),
            clock: Nanos::MIN,
            flows: 0,
            held: 0,
            said: Vec::new(),
            detector: None,
        }
    }

    /// The same, with rules held against what comes.
    #[must_use]
    pub fn with_rules(self, rules: Arc<Ruleset>) -> Self {
        Self { detector: Some(Detector::new(rules)), ..self }
    }

    /// Takes a packet. Those of one shard come in the order of their moments.
    pub fn packet(&mut self, packet: &Packet<'_>, out: &mut impl Output) {
        self.clock = self.clock.max(packet.at);
        if packet.bad_checksum {
            return out.dropped("packets with a wrong checksum", 1);
        }
        if packet.proto == IpProto::TCP && packet.tcp.is_none() {
            if let Some(detector) = &mut self.detector {
                detector.alone(key::id_of(packet), key::proto(packet.proto), packet, out);
            }
            return out.dropped("packets with a broken header", 1);
        }
        let (key, from_low) = Key::of(packet);
        let slot = self.slot_of(key, from_low, packet, out);
        let Some(flow) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        let from = if from_low == flow.orig_is_low { Side::Orig } else { Side::Resp };
        match packet.tcp {
            Some(tcp) => self.segment(slot, from, tcp, packet, out),
            None => self.datagram(slot, from, packet),
        }
        self.detect(slot, from, packet, out);
        self.rearm(slot, packet.at);
    }

    /// Holds the rules that may match against a packet and what it brought.
    fn detect(&mut self, slot: usize, from: Side, packet: &Packet<'_>, out: &mut impl Output) {
        if let Some(detector) = &mut self.detector
            && let Some(flow) = self.slots.get_mut(slot).and_then(Option::as_mut)
            && let Some(mut watch) = flow.watch.take()
        {
            detector.packet(&mut watch, from, flow.about(), packet, out);
            flow.watch = Some(watch);
        }
    }

    /// Lets time come to `now`: what has been silent for long enough is over.
    pub fn advance(&mut self, now: Nanos, out: &mut impl Output) {
        self.clock = self.clock.max(now);
        while let Some(&Reverse((at, slot, number))) = self.timers.peek()
            && at <= now
        {
            self.timers.pop();
            let Some(flow) = self.slots.get_mut(slot).and_then(Option::as_mut).filter(|f| f.number == number) else {
                continue;
            };
            if flow.deadline <= now {
                let known = flow.deadline;
                self.end(slot, known, out);
            } else if flow.asked_at == at {
                flow.asked_at = flow.deadline;
                self.timers.push(Reverse((flow.deadline, slot, number)));
            }
        }
    }

    /// The evidence ends: every flow is told as it stands.
    pub fn finish(&mut self, out: &mut impl Output) {
        let mut open: Vec<(u64, usize)> =
            self.slots.iter().enumerate().filter_map(|(slot, flow)| Some((flow.as_ref()?.number, slot))).collect();
        open.sort_unstable();
        let now = self.clock;
        for (_, slot) in open {
            self.end(slot, now, out);
        }
    }

    /// The flow that a packet belongs to, begun if need be.
    fn slot_of(&mut self, key: Key, from_low: bool, packet: &Packet<'_>, out: &mut impl Output) -> usize {
        if let Some(&slot) = self.by_key.get(&key) {
            let Some(ends) =
                self.slots.get(slot).and_then(Option::as_ref).and_then(|f| over_before(f, from_low, packet))
            else {
                return slot;
            };
            self.end(slot, ends, out);
        }
        if self.by_key.len() >= FLOWS {
            self.make_room(packet.at, out);
        }
        self.flows += 1;
        let turned = is_turned(packet);
        let mut flow = Flow::new(key, self.flows, from_low, packet, turned, &self.settings);
        let conn::Name { orig, resp, proto, .. } = flow.name;
        flow.watch = self.detector.as_ref().and_then(|detector| detector.watch(proto, orig, resp));
        let slot = self.free.pop().unwrap_or(self.slots.len());
        if slot == self.slots.len() {
            self.slots.push(Some(flow));
        } else {
            self.slots[slot] = Some(flow);
        }
        self.by_key.insert(key, slot);
        slot
    }

    /// Gives up an eighth of the flows.
    fn make_room(&mut self, now: Nanos, out: &mut impl Output) {
        let flows = self.slots.iter().enumerate().filter_map(|(slot, flow)| Some((slot, flow.as_ref()?)));
        let mut by_use: Vec<_> = flows.map(|(slot, f)| ((f.is_answered(), f.last, f.number), slot)).collect();
        by_use.sort_unstable();
        by_use.truncate(FLOWS / 8);
        out.dropped("flows that were given up to make room", by_use.len() as u64);
        for (_, slot) in by_use {
            self.end(slot, now, out);
        }
    }

    /// A flow is over, and nobody's any more.
    fn end(&mut self, slot: usize, known: Nanos, out: &mut impl Output) {
        let Some(mut flow) = self.slots.get_mut(slot).and_then(Option::take) else { return };
        self.by_key.remove(&flow.key);
        self.free.push(slot);
        for from in [Side::Orig, Side::Resp] {
            let end = &mut flow.ends[index(from)];
            self.held -= end.stream.held();
            let (session, said, watch) = (&mut flow.session, &mut self.said, &mut flow.watch);
            end.stream.finish(&mut |part| {
                watch_on(watch, from, &part);
                read(session, from, &part, said);
            });
        }
        if let Some((detector, mut watch)) = self.detector.as_mut().zip(flow.watch.take()) {
            detector.end(&mut watch, flow.about(), known, out);
        }
        if let Some(session) = &mut flow.session {
            session.end(&mut |said| self.said.push(said));
        }
        for said in self.said.drain(..) {
            flow.say(said, known, &self.settings, out);
        }
        if flow.crosses
            && let Some(run) = flow.bursts.finish(flow.age(known))
        {
            flow.burst(run, known, &self.settings, out);
        }
        out.record(flow.whole(known, &self.settings));
    }

    /// Sees to it that a timer asks when the flow may be over.
    fn rearm(&mut self, slot: usize, now: Nanos) {
        let Some(flow) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        flow.deadline = now.plus(flow.patience());
        if flow.deadline < flow.asked_at {
            flow.asked_at = flow.deadline;
            self.timers.push(Reverse((flow.deadline, slot, flow.number)));
        }
    }

    fn datagram(&mut self, slot: usize, from: Side, packet: &Packet<'_>) {
        let Some(flow) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        flow.last = packet.at;
        let end = &mut flow.ends[index(from)];
        end.packets += 1;
        flow.datagrams[index(from)] += u64::from(packet.payload_len);
        if flow.proto == IpProto::UDP {
            flow.history.add(b'D', from);
        }
    }

    fn segment(&mut self, slot: usize, from: Side, tcp: Tcp, packet: &Packet<'_>, out: &mut impl Output) {
        let Some(flow) = self.slots.get_mut(slot).and_then(Option::as_mut) else { return };
        let now = packet.at;
        let (own, peer) = ends(&mut flow.ends, from);
        if tcp.flags.has(TcpFlags::RST) && !own.may_reset(tcp.seq) {
            return out.dropped("resets that are not the sender's", 1);
        }
        flow.last = now;
        own.packets += 1;
        let syn = tcp.flags.has(TcpFlags::SYN);
        if syn {
            own.stream.begin(tcp.seq);
        } else if !own.stream.has_begun() && own.state == tcp::State::Inactive {
            own.began_without_syn = !tcp.flags.has(TcpFlags::RST);
        }
        let met = own.follow(tcp, peer, from == Side::Resp);
        note_flags(flow, from, tcp, packet.payload_len);
        let partly_met = flow.ends.iter().all(|end| matches!(end.state, tcp::State::Partial | tcp::State::Established));
        if met || (partly_met && !flow.opened) {
            flow.open(now, &self.settings, out);
        }
        // What the other side acknowledges it has, whatever was captured.
        let (session, said, watch) = (&mut flow.session, &mut self.said, &mut flow.watch);
        let (own, peer) = ends(&mut flow.ends, from);
        let before = own.stream.held() + peer.stream.held();
        let other = if from == Side::Orig { Side::Resp } else { Side::Orig };
        if tcp.flags.has(TcpFlags::ACK) {
            peer.stream.acked(tcp.ack, &mut |part| {
                watch_on(watch, other, &part);
                read(session, other, &part, said);
            });
        }
        let mut taken = None;
        if packet.payload_len > 0 && !tcp.flags.has(TcpFlags::RST) {
            let session = flow.session.get_or_insert_with(Default::default);
            let wanted = session.wants(from) || watch.as_ref().is_some_and(|watch| watch.wants(from));
            let wanted = wanted && self.held < HELD;
            let first = if syn { tcp.seq.wrapping_add(1) } else { tcp.seq };
            let known = own.stream.payload();
            let state = own.stream.take((first, packet.payload_len), packet.payload, wanted, &mut |part| {
                watch_on(watch, from, &part);
                read_on(session, from, &part, said);
            });
            taken = Some((state, own.stream.payload() - known));
        }
        if tcp.flags.has(TcpFlags::FIN) {
            own.stream.ends_at(tcp.seq, packet.payload_len);
        }
        self.held = self.held + own.stream.held() + peer.stream.held() - before;
        match taken {
            Some((Taken::New, bytes)) if flow.crosses => {
                let age = flow.age(now);
                if let Some(run) = flow.bursts.take(from, bytes as u32, now, age) {
                    flow.burst(run, now, &self.settings, out);
                }
            }
            Some((Taken::Again, _)) => flow.history.add_again(b'T', from),
            Some((Taken::Astray, _)) => out.dropped("segments that are not of their connection", 1),
            _ => {}
        }
        for said in self.said.drain(..) {
            flow.say(said, now, &self.settings, out);
        }
    }
}

/// Both ends, the sender's first.
fn ends(ends: &mut [tcp::End; 2], from: Side) -> (&mut tcp::End, &mut tcp::End) {
    let [orig, resp] = ends;
    match from {
        Side::Orig => (orig, resp),
        Side::Resp => (resp, orig),
    }
}

/// Gives a part of a stream to the rules that may match on it.
fn watch_on(watch: &mut Option<Box<Watch>>, from: Side, part: &Part<'_>) {
    if let Some(watch) = watch {
        match *part {
            Part::Bytes(bytes) => watch.bytes(from, bytes),
            Part::Gap(len) => watch.gap(from, len),
        }
    }
}

/// Gives a part of a stream to whoever reads it, if anybody does yet.
fn read(session: &mut Option<Box<Session>>, from: Side, part: &Part<'_>, said: &mut Vec<Utterance>) {
    if let Some(session) = session {
        read_on(session, from, part, said);
    }
}

fn read_on(session: &mut Session, from: Side, part: &Part<'_>, said: &mut Vec<Utterance>) {
    if !session.wants(from) {
        return;
    }
    let mut say = |utterance| said.push(utterance);
    match *part {
        Part::Bytes(bytes) => session.data(from, bytes, &mut say),
        Part::Gap(len) => session.gap(from, len, &mut say),
    }
}

/// The letters of Zeek's history that flags and length make.
fn note_flags(flow: &mut Flow, from: Side, tcp: Tcp, len: u32) {
    let has = |bits| tcp.flags.has(bits);
    let (syn, fin, rst) = (has(TcpFlags::SYN), has(TcpFlags::FIN), has(TcpFlags::RST));
    if syn {
        flow.history.add(if has(TcpFlags::ACK) { b'H' } else { b'S' }, from);
    }
    if syn && rst {
        flow.history.add(b'I', from);
    }
    if len > 0 && !rst {
        flow.history.add(b'D', from);
    } else if has(TcpFlags::ACK) && !syn && !fin && !rst {
        flow.history.add(b'A', from);
    }
    if tcp.window == 0 && !syn && !rst {
        flow.history.add_again(b'W', from);
    }
    if fin {
        flow.history.add(b'F', from);
    }
    if rst {
        flow.history.add(b'R', from);
    }
}

/// When the flow was over before this packet came, if it was: by its timer, or because the packet begins another.
fn over_before(flow: &Flow, from_low: bool, packet: &Packet<'_>) -> Option<Nanos> {
    if flow.deadline < packet.at {
        return Some(flow.deadline);
    }
    let tcp = packet.tcp.filter(|tcp| tcp.flags.has(TcpFlags::SYN) && !tcp.flags.has(TcpFlags::ACK))?;
    let side = usize::from(from_low != flow.orig_is_low);
    let is_over = flow.ends.iter().any(|end| end.state == tcp::State::Reset)
        || flow.ends.iter().all(|end| end.state.is_over())
        || (flow.is_answered() && packet.at.since(flow.last) > REUSED);
    (is_over && !flow.ends[side].stream.began_at(tcp.seq)).then_some(packet.at)
}

/// Whether the sender of a flow's first packet is the one who was called.
fn is_turned(packet: &Packet<'_>) -> bool {
    let by_port = || SERVER_PORTS.contains(&packet.src_port) && !SERVER_PORTS.contains(&packet.dst_port);
    match packet.tcp {
        Some(tcp) if tcp.flags.has(TcpFlags::SYN) => tcp.flags.has(TcpFlags::ACK),
        Some(_) => by_port(),
        None => packet.proto == IpProto::UDP && by_port(),
    }
}
