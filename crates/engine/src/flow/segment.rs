//! What a TCP segment makes of its flow.

use catspaw_records::{Nanos, Side, Utterance};

use super::burst::Run;
use super::conn::Flow;
use super::history::Scaled;
use super::stream::{Part, Payload, Store};
use super::tcp::{self, End, Segment, State};
use crate::detect::Watch;
use crate::protocol::Session;
use crate::{Output, Packet, Settings, Tcp, TcpFlags};

/// What flows share while they are followed.
pub(super) struct Shared<'a> {
    pub(super) settings: &'a Settings,
    pub(super) store: &'a mut Store,
    /// What was said of one packet, before it is told.
    pub(super) said: &'a mut Vec<Utterance>,
}

/// Reads the streams of a connection.
struct Hearing<'a> {
    session: &'a mut Option<Box<Session>>,
    watch: &'a mut Option<Box<Watch>>,
    said: &'a mut Vec<Utterance>,
    /// Gaps of each side that were found, and how long they are.
    gaps: [(u32, u64); 2],
}

impl Hearing<'_> {
    #[inline]
    fn hear(&mut self, from: Side, part: &Part<'_>) {
        if let Part::Gap(len) = *part {
            let gaps = &mut self.gaps[from.index()];
            *gaps = (gaps.0 + 1, gaps.1 + len);
        }
        if let Some(watch) = self.watch {
            match *part {
                Part::Bytes(bytes) => watch.bytes(from, bytes),
                Part::Gap(len) => watch.gap(from, len),
            }
        }
        let Some(session) = self.session.as_deref_mut().filter(|session| session.wants(from)) else { return };
        let said = &mut *self.said;
        match *part {
            Part::Bytes(bytes) => session.data(from, bytes, &mut |utterance| said.push(utterance)),
            Part::Gap(len) => session.gap(from, len, &mut |utterance| said.push(utterance)),
        }
    }
}

impl Flow {
    /// Takes a segment that `from` sent.
    #[inline]
    pub(super) fn segment(
        &mut self,
        from: Side,
        tcp: Tcp,
        packet: &Packet<'_>,
        now: Nanos,
        shared: &mut Shared<'_>,
        out: &mut impl Output,
    ) {
        let mut segment = Segment { tcp, len: packet.payload_len, from };
        self.turn_after_answer(&mut segment, shared.settings);
        self.count(segment.from, packet);
        let (own, peer) = ends(&mut self.ends, segment.from);
        own.learn(&segment);
        let at = own.position_of(tcp.seq);
        if !own.may_send(&segment, at) {
            let rst = segment.has(TcpFlags::RST);
            return out.dropped(if rst { "resets that are not the sender's" } else { "segments that are astray" }, 1);
        }
        tcp::note(&mut self.history, own, peer, &segment, at);
        if !own.did_close || !peer.did_close {
            self.last = self.last.max(packet.at);
        }
        let acked = segment.has(TcpFlags::ACK).then(|| peer.acknowledged(&segment)).flatten();
        let before = own.sent();
        if own.advance(&segment, at) {
            self.history.scale(Scaled::Retransmission, segment.from);
        }
        let fresh = own.sent() - before;
        let turn = tcp::follow(own, peer, &segment);
        if turn.is_reversed && self.is_untold() {
            self.history.turn();
            self.turn(shared.settings);
            segment.from = segment.from.other();
        }
        if turn.is_established || (!self.opened && self.has_met_midstream()) {
            self.open(now, shared.settings, out);
        }
        self.put_together(&segment, (at, acked), packet.payload, shared);
        if fresh > 0 && self.dials_out && !segment.has(TcpFlags::RST) {
            self.run(segment.from, fresh, now, shared.settings, out);
        }
        if !shared.said.is_empty() {
            self.say_all(now, shared, out);
        }
        let (own, peer) = ends(&mut self.ends, segment.from);
        own.check_close(peer);
        peer.check_close(own);
    }

    /// A connection whose first packet was a SYN ACK may be a scan, and is taken for one until somebody goes on with
    /// it: then the SYN was missed, and the other side sent it.
    #[inline]
    fn turn_after_answer(&mut self, segment: &mut Segment, with: &Settings) {
        let is_traffic = segment.tcp.flags.0 & (TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST) == 0
            && (segment.len > 0 || segment.has(TcpFlags::ACK));
        if is_traffic && self.history.is_answer_alone() && self.is_untold() {
            self.history.begin_with_answer();
            self.turn(with);
            segment.from = segment.from.other();
        }
    }

    /// Whether both sides have sent payload of a connection whose SYN was missed.
    fn has_met_midstream(&self) -> bool {
        self.ends.iter().all(|end| end.sent() > 1 && end.state != State::Inactive)
    }

    /// Puts the streams together: of what the other side acknowledges nothing more will come, and the segment's
    /// payload.
    #[inline]
    fn put_together(
        &mut self,
        segment: &Segment,
        (at, acked): (i64, Option<i64>),
        bytes: &[u8],
        shared: &mut Shared<'_>,
    ) {
        if self.session.is_none() && brings_payload(segment, at) {
            self.session = Some(Box::default());
        }
        let is_wanted = self.session.as_ref().is_some_and(|session| session.wants(segment.from))
            || self.watch.as_ref().is_some_and(|watch| watch.wants(segment.from));
        let mut listener =
            Hearing { session: &mut self.session, watch: &mut self.watch, said: shared.said, gaps: [(0, 0); 2] };
        let place = Placed { at, acked, bytes, is_wanted };
        put_together(&mut self.ends, segment, &place, shared.store, &mut |from, part| listener.hear(from, part));
        let [orig, resp] = listener.gaps;
        if orig.0 | resp.0 != 0 {
            self.miss([orig, resp]);
        }
    }

    /// Tells what was said of one packet.
    pub(super) fn say_all(&mut self, now: Nanos, shared: &mut Shared<'_>, out: &mut impl Output) {
        for said in shared.said.drain(..) {
            self.say(said, now, shared.settings, out);
        }
    }

    #[cold]
    fn miss(&mut self, gaps: [(u32, u64); 2]) {
        if !tcp::counts_gaps(&self.ends) {
            return;
        }
        for (from, (times, bytes)) in [Side::Orig, Side::Resp].into_iter().zip(gaps) {
            self.missed += bytes;
            (0..times).for_each(|_| self.history.scale(Scaled::Gap, from));
        }
    }

    /// Payload that was not seen before belongs to a run.
    fn run(&mut self, from: Side, bytes: i64, now: Nanos, with: &Settings, out: &mut impl Output) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let ended: [Option<Run>; 2] = self.bursts.take(from, bytes, now, self.age(now));
        for run in ended.into_iter().flatten() {
            self.burst(run, now, with, out);
        }
    }

    /// No more will come: what is left of the streams, and what is said of it.
    pub(super) fn finish(&mut self, known: Nanos, shared: &mut Shared<'_>, out: &mut impl Output) {
        let mut listener =
            Hearing { session: &mut self.session, watch: &mut self.watch, said: shared.said, gaps: [(0, 0); 2] };
        let mut known_gaps = [(0, 0); 2];
        for from in [Side::Orig, Side::Resp] {
            let (end, _) = ends(&mut self.ends, from);
            // Of what nobody has acknowledged it is not known that it was missed.
            let acked = end.acked_payload(end.acked);
            end.stream.acked(acked, true, shared.store, &mut |part| listener.hear(from, &part));
            known_gaps[from.index()] = listener.gaps[from.index()];
            let sent = end.sent();
            end.stream.finish(sent, shared.store, &mut |part| listener.hear(from, &part));
        }
        if let Some(session) = &mut self.session {
            session.end(&mut |said| shared.said.push(said));
        }
        self.miss(known_gaps);
        self.say_all(known, shared, out);
        if let Some(run) = self.bursts.finish() {
            self.burst(run, known, shared.settings, out);
        }
    }
}

/// Where a segment lies in its stream.
pub(super) struct Placed<'a> {
    /// Position of its sequence number.
    pub(super) at: i64,
    /// Position up to which it acknowledges what the other side has sent.
    pub(super) acked: Option<i64>,
    /// What was captured of its payload.
    pub(super) bytes: &'a [u8],
    /// Whether content that has to wait is wanted.
    pub(super) is_wanted: bool,
}

/// Whether a segment brings payload of this connection: what comes with another SYN is of another one.
#[inline]
fn brings_payload(segment: &Segment, at: i64) -> bool {
    let is_its_own = at == 0 || !segment.has(TcpFlags::SYN);
    segment.len > 0 && !segment.has(TcpFlags::RST) && is_its_own
}

/// Puts the streams of both ends together: of what is acknowledged nothing more will come, and the segment's payload.
#[inline]
pub(super) fn put_together(
    both: &mut [End; 2],
    segment: &Segment,
    placed: &Placed<'_>,
    store: &mut Store,
    hear: &mut impl FnMut(Side, &Part<'_>),
) {
    let (own, peer) = ends(both, segment.from);
    if let Some(acked) = placed.acked {
        let acked = peer.acked_payload(acked);
        let at_end = peer.state.is_over();
        let from = segment.from.other();
        peer.stream.acked(acked, at_end, store, &mut |part| hear(from, &part));
    }
    if brings_payload(segment, placed.at) {
        let start = placed.at + i64::from(segment.has(TcpFlags::SYN));
        let &Placed { bytes, is_wanted, .. } = placed;
        let payload = Payload { start, end: start + i64::from(segment.len), bytes, is_wanted };
        let (acked, is_unheard) = (own.acked_payload(own.acked), own.is_unheard());
        own.stream.take(payload, acked, is_unheard, store, &mut |part| hear(segment.from, &part));
    }
}

/// Both ends, the sender's first.
#[inline]
pub(super) fn ends(ends: &mut [End; 2], from: Side) -> (&mut End, &mut End) {
    let [orig, resp] = ends;
    match from {
        Side::Orig => (orig, resp),
        Side::Resp => (resp, orig),
    }
}
