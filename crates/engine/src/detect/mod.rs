//! Rules held against what a flow carries: each packet, and each direction's bytes in order.
//!
//! Which rules may match is worked out once for each direction of a flow; where none may, nothing of it is looked at. A
//! stream is looked at stretch by stretch: when enough has come, when the other side answers, and at its end. An alert
//! tells that a rule fired, and nothing more: what comes of it, and how many of them are told, is the driver's to say.

mod window;

use std::sync::Arc;

use catspaw_records::{Alert, AppProto, Endpoint, Nanos, Place, Proto, RecordId, Side};
use catspaw_rules::{
    Action, Candidates, Class, Direction, Facts, Flow, FlowBits, PacketView, Rule, Ruleset, Scope, Scratch, StreamView,
};

use window::{TAIL, Window};

use crate::{Output, Packet, TcpFlags};

/// Bytes of all streams of a shard that are held for rules; beyond, nothing is kept of what they have seen.
const HELD: usize = 4 << 20;

/// Holds rules against the flows of one shard.
#[derive(Debug)]
pub(crate) struct Detector {
    rules: Arc<Ruleset>,
    scratch: Scratch,
    /// Bytes in all windows.
    held: usize,
}

/// What a flow is to rules, beside its packets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    pub(crate) id: RecordId,
    pub(crate) proto: Proto,
    pub(crate) orig: Endpoint,
    pub(crate) resp: Endpoint,
    pub(crate) start: Nanos,
    /// Whether both ends have answered one another.
    pub(crate) answered: bool,
    pub(crate) protocol: Option<AppProto>,
}

/// What is kept of a flow on which a rule may match.
#[derive(Debug)]
pub(crate) struct Watch {
    /// By side, as all of these.
    flows: [Flow; 2],
    candidates: [Candidates; 2],
    windows: [Window; 2],
    /// Whether a packet has come.
    begun: [bool; 2],
    bits: FlowBits,
    /// Whether it is established.
    established: bool,
    /// Whether a rule said that nothing on it is worth an alert.
    passed: bool,
    /// Bytes of its windows that the detector counts.
    held: usize,
}

/// What rules call a transport.
#[must_use]
pub fn rule_class(proto: Proto) -> Class {
    match proto {
        Proto::Tcp => Class::Tcp,
        Proto::Udp => Class::Udp,
        Proto::Icmp => Class::Icmp,
        Proto::Other(_) => Class::Other,
    }
}

impl Detector {
    pub(crate) fn new(rules: Arc<Ruleset>) -> Self {
        Self { rules, scratch: Scratch::default(), held: 0 }
    }

    /// What is to be kept of a flow that begins; `None` where no rule may match on it.
    pub(crate) fn watch(&self, proto: Proto, orig: Endpoint, resp: Endpoint) -> Option<Box<Watch>> {
        let class = rule_class(proto);
        let port = |end: Endpoint| if matches!(class, Class::Tcp | Class::Udp) { end.port } else { 0 };
        let flow = Flow { class, src: orig.addr, src_port: port(orig), dst: resp.addr, dst_port: port(resp) };
        let flows = [flow, flow.turned()];
        let candidates = flows.map(|flow| self.rules.candidates(flow));
        candidates.iter().any(|candidates| candidates.any()).then(|| {
            Box::new(Watch {
                flows,
                candidates,
                windows: Default::default(),
                begun: [false; 2],
                bits: FlowBits::default(),
                established: false,
                passed: false,
                held: 0,
            })
        })
    }

    /// Takes a packet, whose payload has been given as part of the stream before where it is one.
    pub(crate) fn packet(
        &mut self,
        watch: &mut Watch,
        from: Side,
        about: About,
        packet: &Packet<'_>,
        out: &mut impl Output,
    ) {
        let flags = packet.tcp.map(|tcp| tcp.flags);
        let has = |bit| flags.is_some_and(|flags: TcpFlags| flags.has(bit));
        // Of TCP the packet that completes the handshake comes before what it establishes.
        let was_established = watch.established;
        watch.established |= about.answered && !has(TcpFlags::SYN);
        let established = if flags.is_some() { was_established } else { watch.established };
        let in_stream = flags.is_some() && packet.payload_len > 0 && !has(TcpFlags::RST);
        let (own, other) = (from.index(), from.other().index());
        if in_stream && watch.windows[other].has_unseen() {
            self.stream(watch, from.other(), about, packet.at, out);
        }
        // What a connection begins with that was picked up in its middle is looked at by itself and at once, as Suricata does with
        // what belongs to no session: nothing tells that it will be a stream.
        let alone = in_stream && watch.begun == [false; 2] && !has(TcpFlags::SYN);
        let first = !std::mem::replace(&mut watch.begun[own], true);
        let view = PacketView {
            flow: watch.flows[own],
            state: Some((direction(from), established)),
            facts: facts(packet),
            in_stream: in_stream && !alone,
            first,
        };
        let (candidates, mut found) = (watch.candidates[own], Found { passed: watch.passed, flow: false });
        let mut matched = |number, rule: &Rule| {
            if found.takes(rule) {
                out.alert(about.alert(number, from, packet.at, (packet.at, packet.place)));
            }
        };
        self.rules.packet(&view, candidates, &mut watch.bits, &mut self.scratch, &mut matched);
        watch.passed |= found.flow;
        if in_stream {
            watch.windows[own].last = Some((packet.at, packet.place));
        }
        if alone {
            watch.windows[own].pass();
        }
        self.account(watch);
        if watch.windows[own].is_due() || self.held > HELD || has(TcpFlags::FIN) {
            self.stream(watch, from, about, packet.at, out);
        }
        if has(TcpFlags::RST) {
            self.streams(watch, about, packet.at, out);
        }
    }

    /// Takes a packet that belongs to no flow, because its transport's header is broken: what is known of it is what IP says.
    #[cold]
    pub(crate) fn alone(&mut self, id: RecordId, proto: Proto, packet: &Packet<'_>, out: &mut impl Output) {
        let (orig, resp) = (Endpoint { addr: packet.src, port: 0 }, Endpoint { addr: packet.dst, port: 0 });
        let flow = Flow { class: Class::Other, src: packet.src, src_port: 0, dst: packet.dst, dst_port: 0 };
        let about = About { id, proto, orig, resp, start: packet.at, answered: false, protocol: None };
        let view = PacketView { flow, state: None, facts: facts(packet), in_stream: false, first: true };
        let mut found = Found { passed: false, flow: false };
        let mut matched = |number, rule: &Rule| {
            if found.takes(rule) {
                out.alert(about.alert(number, Side::Orig, packet.at, (packet.at, packet.place)));
            }
        };
        let candidates = self.rules.candidates(flow);
        self.rules.packet(&view, candidates, &mut FlowBits::default(), &mut self.scratch, &mut matched);
    }

    /// The flow is over.
    pub(crate) fn end(&mut self, watch: &mut Watch, about: About, now: Nanos, out: &mut impl Output) {
        self.streams(watch, about, now, out);
        watch.windows = Default::default();
        self.account(watch);
    }

    fn streams(&mut self, watch: &mut Watch, about: About, now: Nanos, out: &mut impl Output) {
        self.stream(watch, Side::Orig, about, now, out);
        self.stream(watch, Side::Resp, about, now, out);
    }

    /// Holds rules against what they have not seen of one direction.
    fn stream(&mut self, watch: &mut Watch, from: Side, about: About, now: Nanos, out: &mut impl Output) {
        let own = from.index();
        let (flow, candidates, window) = (watch.flows[own], watch.candidates[own], &mut watch.windows[own]);
        let Some(stamp) = window.last.filter(|_| window.has_unseen()) else { return };
        let keep = if self.held > HELD { 0 } else { TAIL };
        if keep == 0 {
            out.dropped("stretches of streams that rules saw without what was before", 1);
        }
        let state = (direction(from), watch.established);
        let mut found = Found { passed: watch.passed, flow: false };
        let mut matched = |number, rule: &Rule| {
            if found.takes(rule) {
                out.alert(about.alert(number, from, now, stamp));
            }
        };
        window.show(keep, &mut |buffer, fertile, passed| {
            let view = StreamView { flow, state, buffer, barren: !fertile, passed };
            self.rules.stream(&view, candidates, &mut watch.bits, &mut self.scratch, &mut matched)
        });
        watch.passed |= found.passed;
        self.account(watch);
    }

    fn account(&mut self, watch: &mut Watch) {
        let held = watch.windows.iter().map(Window::held).sum();
        self.held = self.held + held - watch.held;
        watch.held = held;
    }
}

/// What came of the rules that matched together.
struct Found {
    /// Whether one of them keeps the others silent.
    passed: bool,
    /// Whether it does so for the whole flow: where it asked for no single packet.
    flow: bool,
}

impl Found {
    /// Whether the match is to be given away: it is told, or bits that flows share depend on it. Those that keep others silent come first.
    fn takes(&mut self, rule: &Rule) -> bool {
        if rule.action == Action::Pass {
            self.passed = true;
            self.flow |= rule.scope == Scope::AddressesOnly;
        }
        (rule.tells() || rule.shares_bits()) && !self.passed
    }
}

impl Watch {
    /// Whether the payload of a side is wanted in order.
    pub(crate) fn wants(&self, from: Side) -> bool {
        self.candidates[from.index()].wants_stream() && !self.passed
    }

    /// Who was taken for the client is the server.
    pub(crate) fn turn(&mut self) {
        self.flows.swap(0, 1);
        self.candidates.swap(0, 1);
        self.windows.swap(0, 1);
        self.begun.swap(0, 1);
    }

    /// Takes payload in order.
    pub(crate) fn bytes(&mut self, from: Side, bytes: &[u8]) {
        if self.wants(from) {
            self.windows[from.index()].bytes(bytes);
        }
    }

    /// So many bytes are missing.
    pub(crate) fn gap(&mut self, from: Side, len: u64) {
        if self.wants(from) {
            self.windows[from.index()].gap(len);
        }
    }
}

impl About {
    fn alert(self, rule: u32, from: Side, known: Nanos, (at, place): (Nanos, Place)) -> Alert {
        let Self { id, proto, orig, resp, start, protocol, .. } = self;
        Alert { rule, known, at, place, from, id, start, proto, orig, resp, protocol }
    }
}

fn facts<'a>(packet: &Packet<'a>) -> Facts<'a> {
    Facts {
        ip: packet.ip,
        proto: packet.proto.0,
        transport: packet.transport,
        payload: packet.payload,
        payload_len: packet.payload_len,
        same_ip: packet.src == packet.dst,
    }
}

fn direction(from: Side) -> Direction {
    match from {
        Side::Orig => Direction::ToServer,
        Side::Resp => Direction::ToClient,
    }
}
