//! A planned connection in packets: handshake, segments, acknowledgements, what goes wrong, the end.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::net::SocketAddr;

use super::frame::{self, ACK, FIN, PSH, RST, SYN, Tcp, Way};
use super::plan::{Close, Message, Opening, Plan, Side, Spoil, Transport};
use super::truth::LegTruth;
use crate::rng::mix;

/// How long an acknowledgement waits for something to ride on.
const DELAYED_ACK: u64 = 40_000;
/// When an unanswered SYN is sent again.
const SYN_AGAIN: [u64; 3] = [1_000_000, 3_000_000, 7_000_000];

/// What a connection does next. Moments are kept with the order in which things were planned, so that equal ones have
/// an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Syn,
    SynAck,
    /// The acknowledgement of what the other side (0, 1) said.
    Ack(u8),
    /// Segment `.1` of message `.0`; `.2`: it was late.
    Segment(u32, u32, bool),
    Fin(u8),
    Reset(u8),
}

/// Appends a segment's payload to a frame.
type Append<'a> = &'a dyn Fn(&mut Vec<u8>);

/// What one side has sent, as far as the sensor and the other side know.
#[derive(Debug, Default)]
struct Stream {
    isn: u32,
    /// What arrived: from when the other side knows it, and up to where.
    arrived: VecDeque<(u64, u32)>,
    /// Nothing behind a hole is acknowledged before then.
    hole: u64,
    /// The acknowledgement that the other side sent last.
    acked: u32,
    /// Segments since an acknowledgement was planned.
    quiet: u32,
    /// The largest sequence number used, relative.
    high: u32,
    stamp: u32,
    bytes: u64,
}

/// A connection under way.
#[derive(Debug)]
pub(crate) struct Play {
    plan: Plan,
    steps: BinaryHeap<Reverse<(u64, u32, Step)>>,
    order: u32,
    streams: [Stream; 2],
    /// Messages of which a step is planned.
    begun: usize,
    syns: u32,
    raw: u64,
    last: u64,
}

impl Play {
    pub(crate) fn new(plan: Plan) -> Self {
        let isn = |side: u64| mix(u64::from(plan.number) << 1 | side) as u32;
        let stream = |side| Stream { isn: isn(side), acked: isn(side), ..Stream::default() };
        let (start, streams) = (plan.start, [stream(0), stream(1)]);
        let mut play =
            Self { plan, steps: BinaryHeap::new(), order: 0, streams, begun: 0, syns: 0, raw: 0, last: start };
        if play.plan.transport == Transport::Tcp {
            play.open();
        } else {
            play.begin_message();
        }
        play
    }

    /// When its next packet passes; `None` after the last.
    pub(crate) fn next(&self) -> Option<u64> {
        self.steps.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes the next step; says when, and whether `frame` holds a packet now.
    pub(crate) fn step(&mut self, frame: &mut Vec<u8>) -> Option<(u64, bool)> {
        let Reverse((at, _, step)) = self.steps.pop()?;
        let packet = match step {
            Step::Syn => self.syn(at, frame),
            Step::SynAck => self.bare(at, Side::Resp, SYN | ACK, frame),
            Step::Ack(side) => self.acknowledge(at, side_of(side), frame),
            Step::Segment(message, number, late) => self.segment(at, message, number, late, frame),
            Step::Fin(side) => self.bare(at, side_of(side), FIN | ACK, frame),
            Step::Reset(side) => self.bare(at, side_of(side), RST | ACK, frame),
        };
        if packet {
            self.last = at;
        }
        Some((at, packet))
    }

    /// What is true of it, now that it is over.
    pub(crate) fn truth(&self) -> Option<LegTruth> {
        self.plan.told.then(|| LegTruth {
            conn: self.plan.number,
            src: text(self.plan.ends[0]),
            dst: text(self.plan.ends[1]),
            start: self.plan.start as f64 / 1e6,
            end: self.last as f64 / 1e6,
            bytes_orig: self.streams[0].bytes,
            bytes_resp: self.streams[1].bytes,
            raw_payload: self.raw,
            state: self.state(),
            syns: self.syns,
            accepted: self.plan.accepted,
        })
    }

    fn state(&self) -> &'static str {
        match (self.plan.opening, self.plan.close.1) {
            (Opening::Refused, _) => "REJ",
            (Opening::Unanswered { .. }, _) => "S0",
            (_, Close::Fins(_)) => "SF",
            (_, Close::Reset(Side::Orig)) => "RSTO",
            (_, Close::Reset(Side::Resp)) => "RSTR",
            (_, Close::Silence) => "S1",
        }
    }

    fn push(&mut self, at: u64, step: Step) {
        self.order += 1;
        self.steps.push(Reverse((at, self.order, step)));
    }

    fn open(&mut self) {
        let start = self.plan.start;
        self.push(start, Step::Syn);
        let answer = start + self.plan.turn_of(Side::Resp);
        match self.plan.opening {
            Opening::Answered => {
                self.push(answer, Step::SynAck);
                self.push(answer + self.plan.turn_of(Side::Orig), Step::Ack(Side::Orig as u8));
                self.begin_message();
                self.close();
            }
            Opening::Refused => self.push(answer, Step::Reset(Side::Resp as u8)),
            Opening::Unanswered { again } => {
                for later in SYN_AGAIN.into_iter().take(usize::from(again)) {
                    self.push(start + later, Step::Syn);
                }
            }
        }
    }

    fn close(&mut self) {
        let (at, close) = self.plan.close;
        match close {
            Close::Silence => {}
            Close::Reset(side) => self.push(at, Step::Reset(side as u8)),
            Close::Fins(side) => {
                let (other, back) = (side.other(), at + self.plan.turn_of(side.other()));
                self.push(at, Step::Fin(side as u8));
                self.push(back, Step::Fin(other as u8));
                self.push(back + self.plan.turn_of(side), Step::Ack(side as u8));
            }
        }
    }

    /// Plans the first segment of the next message.
    fn begin_message(&mut self) {
        let place = self.begun;
        if let Some(message) = self.plan.messages.get(place) {
            let (at, spoil) = (message.at, message.spoil);
            self.begun += 1;
            self.plan_segment(at, place as u32, 0, spoil);
        }
    }

    fn plan_segment(&mut self, at: u64, message: u32, number: u32, spoil: Option<Spoil>) {
        let spoil = spoil.filter(|spoil| spoil.segment == number);
        self.push(at, Step::Segment(message, number, false));
        if let Some(spoil) = spoil {
            self.push(at + u64::from(spoil.late), Step::Segment(message, number, true));
        }
    }

    fn syn(&mut self, at: u64, frame: &mut Vec<u8>) -> bool {
        self.syns += 1;
        self.streams[0].high = 0;
        self.bare(at, Side::Orig, SYN, frame)
    }

    /// A packet without payload that takes a sequence number (SYN, FIN), or resets.
    fn bare(&mut self, at: u64, from: Side, flags: u8, frame: &mut Vec<u8>) -> bool {
        let seq = self.streams[from as usize].high;
        let ack = self.heard(at, from);
        self.send(at, from, seq, ack, flags, frame, None);
        if flags & (SYN | FIN) != 0 {
            let stream = &mut self.streams[from as usize];
            stream.high = seq + 1;
            stream.arrived.push_back((at, stream.isn.wrapping_add(seq + 1)));
        }
        true
    }

    /// Where `side` stands in what the other side said.
    fn heard(&mut self, at: u64, side: Side) -> u32 {
        let turn = self.plan.turn_of(side);
        let stream = &mut self.streams[side.other() as usize];
        while let Some(&(passed, upto)) = stream.arrived.front().filter(|(passed, _)| passed + turn <= at) {
            debug_assert!(passed <= at);
            stream.acked = upto;
            stream.quiet = 0;
            stream.arrived.pop_front();
        }
        stream.acked
    }

    /// Says so, unless something else has said it.
    fn acknowledge(&mut self, at: u64, side: Side, frame: &mut Vec<u8>) -> bool {
        let before = self.streams[side.other() as usize].acked;
        let ack = self.heard(at, side);
        // The end of a handshake and the answer to a hole have nothing new to say, and are sent.
        if ack == before {
            return false;
        }
        let seq = self.streams[side as usize].high;
        self.send(at, side, seq, ack, ACK, frame, None);
        true
    }

    fn segment(&mut self, at: u64, place: u32, number: u32, late: bool, frame: &mut Vec<u8>) -> bool {
        let message = self.plan.messages[place as usize].clone();
        let count = self.plan.segments(message.payload.len());
        let spoil = message.spoil.filter(|spoil| spoil.segment == number);
        if !late {
            self.follow(at, place, number, count, &message);
        }
        if let Some(spoil) = spoil.filter(|_| !late) {
            let stream = &mut self.streams[message.from as usize];
            stream.hole = stream.hole.max(at + u64::from(spoil.late));
            if !spoil.seen {
                return false;
            }
        }
        let first = number * self.plan.segment;
        let len = (message.payload.len() as u32 - first).min(self.plan.segment);
        let arrives = late || spoil.is_none();
        self.data(at, &message, (first, first + len), arrives, frame);
        if arrives {
            self.plan_ack(at, message.from, number + 1 == count);
        }
        true
    }

    /// Plans what comes after this segment: the message's next one, and the next message.
    fn follow(&mut self, at: u64, place: u32, number: u32, count: u32, message: &Message) {
        if number + 1 < count {
            self.plan_segment(at + u64::from(message.pace), place, number + 1, message.spoil);
        }
        if number == 0 {
            self.begin_message();
        }
    }

    fn data(&mut self, at: u64, message: &Message, (first, end): (u32, u32), arrives: bool, frame: &mut Vec<u8>) {
        let from = message.from;
        let seq = 1u32.wrapping_add((message.offset + u64::from(first)) as u32);
        let ack = self.heard(at, from);
        let flags = if end as usize == message.payload.len() { ACK | PSH } else { ACK };
        let part = |bytes: &mut Vec<u8>| message.payload.copy(first as usize, end as usize, bytes);
        self.send(at, from, seq, ack, flags, frame, Some(&part));
        let stream = &mut self.streams[from as usize];
        self.raw += u64::from(end - first);
        stream.high = stream.high.max(seq.wrapping_add(end - first));
        if arrives {
            stream.bytes += u64::from(end - first);
            let upto = stream.isn.wrapping_add(stream.high);
            let known = at.max(stream.hole);
            stream.arrived.push_back((known, upto));
        }
    }

    /// Every second segment is acknowledged at once, the last of a message after a while.
    fn plan_ack(&mut self, at: u64, from: Side, last: bool) {
        if self.plan.transport != Transport::Tcp {
            return;
        }
        let heard = at.max(self.streams[from as usize].hole) + self.plan.turn_of(from.other());
        let stream = &mut self.streams[from as usize];
        stream.quiet += 1;
        if stream.quiet >= 2 {
            stream.quiet = 0;
            self.push(heard, Step::Ack(from.other() as u8));
        } else if last {
            self.push(heard + DELAYED_ACK, Step::Ack(from.other() as u8));
        }
    }

    fn way(&self, from: Side) -> Way {
        let [orig, resp] = self.plan.ends;
        let (from_end, to) = if from == Side::Orig { (orig, resp) } else { (resp, orig) };
        let far = self.plan.turn_of(from) > 2000;
        let ttl = if far { 64 - (mix(u64::from(self.plan.turn[from as usize])) % 14) as u8 - 5 } else { 63 };
        Way { from: from_end, to, vlan: self.plan.vlan, ttl }
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of a header")]
    fn send(
        &mut self,
        at: u64,
        from: Side,
        seq: u32,
        ack: u32,
        flags: u8,
        frame: &mut Vec<u8>,
        payload: Option<Append<'_>>,
    ) {
        let way = self.way(from);
        let id = (mix(at) ^ u64::from(seq)) as u16;
        let append = |bytes: &mut Vec<u8>| {
            if let Some(payload) = payload {
                payload(bytes);
            }
        };
        match self.plan.transport {
            Transport::Udp => return frame::udp(frame, &way, id, append),
            Transport::Icmp => return frame::echo(frame, &way, (seq / 56) as u16, from == Side::Resp, append),
            Transport::Tcp => {}
        }
        let now = (at / 1000) as u32;
        let echo = self.streams[from.other() as usize].stamp;
        self.streams[from as usize].stamp = now;
        let seq = self.streams[from as usize].isn.wrapping_add(seq);
        let (ack, echo) = if flags & ACK == 0 { (0, 0) } else { (ack, echo) };
        let window = if flags & RST == 0 { 502 } else { 0 };
        frame::tcp(frame, &way, id, &Tcp { seq, ack, flags, window, stamps: (now, echo) }, append);
    }
}

fn side_of(number: u8) -> Side {
    if number == 0 { Side::Orig } else { Side::Resp }
}

/// `address:port`, as the truth of the captures has it: no brackets, with IPv6 neither.
pub(crate) fn text(end: SocketAddr) -> String {
    format!("{}:{}", end.ip(), end.port())
}
