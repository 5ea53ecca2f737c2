//! TCP as Zeek tells it: the state and the sequence numbers of each end, and what they make together.
//!
//! Positions are relative to the initial sequence number (the first byte of payload is at 1; where the SYN was missed,
//! as if there had been one) and do not wrap.

use catspaw_records::{ConnState, Side};

use super::history::{History, Scaled};
use super::stream::Stream;
use crate::{Tcp, TcpFlags};

/// Further than this nobody's next sequence number lies from the last one. A SYN or a RST whose number does is not
/// believed.
const JUMP: i64 = 1 << 20;
/// A segment or an acknowledgement that lies further from what was seen is not of this connection, unless another like
/// it follows.
const AHEAD: i64 = 64 << 20;

/// The state of one end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// It has sent nothing.
    #[default]
    Inactive,
    /// It has sent a SYN.
    SynSent,
    /// It is the nominal originator and has sent a SYN ACK.
    SynAckSent,
    /// Its first packet was none of a handshake.
    Partial,
    /// The handshake was seen.
    Established,
    /// It has sent a FIN.
    Closed,
    /// It has sent a RST.
    Reset,
}

impl State {
    fn is_silent(self) -> bool {
        matches!(self, Self::Inactive | Self::Partial)
    }

    pub(super) fn is_over(self) -> bool {
        matches!(self, Self::Closed | Self::Reset)
    }
}

/// One end of a connection.
#[derive(Debug, Default)]
pub(super) struct End {
    pub(super) state: State,
    /// The state before.
    was: State,
    isn: u32,
    /// Behind the furthest that it sent, SYN and FIN counted.
    last: i64,
    /// Behind the furthest that the other side has acknowledged.
    pub(super) acked: i64,
    /// Behind its last FIN, where it sent one.
    fin: Option<i64>,
    /// Whether it has ended, and all that it sent was delivered.
    pub(super) did_close: bool,
    /// The position of a segment that lay too far ahead.
    astray: Option<i64>,
    /// Where the last SYN, FIN and RST were that the history tells.
    told: [i64; 3],
    pub(super) stream: Stream,
}

/// A segment as its receiver sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) tcp: Tcp,
    /// Bytes of payload on the wire.
    pub(super) len: u32,
    pub(super) from: Side,
}

impl Segment {
    #[inline]
    pub(super) fn has(&self, bits: u8) -> bool {
        self.tcp.flags.has(bits)
    }

    /// What it takes of the sequence space. What a RST carries is a word about why.
    #[inline]
    fn space(&self) -> i64 {
        let payload = if self.has(TcpFlags::RST) { 0 } else { i64::from(self.len) };
        payload + i64::from(self.has(TcpFlags::SYN)) + i64::from(self.has(TcpFlags::FIN))
    }
}

impl End {
    fn set(&mut self, state: State) {
        if state != self.state {
            self.was = self.state;
            self.state = state;
        }
    }

    fn is_clean(&self) -> bool {
        self.state == State::Established || (self.state == State::Closed && self.was == State::Established)
    }

    fn begin(&mut self, isn: u32, last: i64) {
        (self.isn, self.last, self.acked) = (isn, last, 0);
    }

    /// The position of what it sends: the one nearest to what was seen.
    #[inline]
    pub(super) fn position_of(&self, seq: u32) -> i64 {
        self.position(seq, self.last)
    }

    #[inline]
    fn position(&self, seq: u32, near: i64) -> i64 {
        near + i64::from(seq.wrapping_sub(self.isn.wrapping_add(near as u32)) as i32)
    }

    /// Whether its SYN had this sequence number.
    pub(super) fn began_at(&self, isn: u32) -> bool {
        self.isn == isn
    }

    /// Learns where its sequence numbers begin.
    #[inline]
    pub(super) fn learn(&mut self, segment: &Segment) {
        let (seq, space) = (segment.tcp.seq, segment.space());
        let syn = segment.has(TcpFlags::SYN);
        match self.state {
            State::Inactive if syn => self.begin(seq, space),
            // As if there had been a SYN; what comes is new all the same.
            State::Inactive => self.begin(seq.wrapping_sub(1), 1),
            // Nobody has acknowledged the one before, and nothing followed it. What is sent into a connection that
            // lives changes nothing.
            State::SynSent | State::SynAckSent | State::Established | State::Partial
                if syn && seq != self.isn && self.acked < 1 && self.last <= 1 =>
            {
                self.begin(seq, space);
            }
            State::Reset if syn && self.was == State::Inactive => self.begin(seq, space),
            _ => {}
        }
    }

    /// Takes an acknowledgement of what this end sent. Its position; `None` where it is not of this connection, or
    /// is not believed.
    #[inline]
    pub(super) fn acknowledged(&mut self, segment: &Segment) -> Option<i64> {
        if self.state == State::Inactive {
            // What the sender has is of this end, whose packets were missed.
            self.begin(segment.tcp.ack.wrapping_sub(1), 0);
            return None;
        }
        let ack = self.position(segment.tcp.ack, self.acked);
        let delta = ack - self.acked;
        let is_broken = segment.tcp.ack == 0 && delta > JUMP;
        if !(0..=self.last.max(self.acked) + AHEAD).contains(&ack) {
            return None;
        }
        if delta > 0 && (is_broken || segment.has(TcpFlags::RST)) {
            // Not believed; nothing is given up for it either.
            return None;
        }
        self.acked = self.acked.max(ack);
        Some(ack)
    }

    /// Whether a segment lies where this end's may. `at` is its position.
    #[inline]
    pub(super) fn may_send(&mut self, segment: &Segment, at: i64) -> bool {
        if self.state == State::Inactive {
            return true;
        }
        if segment.has(TcpFlags::RST) {
            // Others can make one, who know the ports alone.
            return (at - self.last).abs() <= JUMP || (at - self.acked).abs() <= JUMP;
        }
        let is_near = (at - self.last).abs() <= AHEAD || segment.has(TcpFlags::SYN);
        if is_near {
            self.astray = None;
            return true;
        }
        // The capture may have a hole as wide: then the next one follows on this.
        self.astray.replace(at).is_some_and(|before| (at - before).abs() <= JUMP)
    }

    /// Takes what a segment at `at` says of how much was sent. True where it brings payload again.
    #[inline]
    pub(super) fn advance(&mut self, segment: &Segment, at: i64) -> bool {
        let end = at + segment.space();
        let delta = end - self.last;
        // A SYN that is not the one it began with changes nothing.
        let is_jump = (segment.has(TcpFlags::SYN) && at != 0) || (segment.has(TcpFlags::RST) && delta.abs() > JUMP);
        // Of a connection of which only SYN and FIN were seen the numbers may have come around.
        let is_all = segment.has(TcpFlags::FIN) && self.last == 1;
        if segment.has(TcpFlags::FIN) {
            self.fin = Some(end);
        }
        if is_jump || (self.state == State::Reset && !is_all) {
            return false;
        }
        if is_all || delta > 0 {
            self.last = end;
            return false;
        }
        segment.len > 0
    }

    /// Payload as Zeek counts it: by the sequence numbers, whatever was captured.
    pub(super) fn payload(&self, peer: &Self) -> u64 {
        let gave_up = self.was == State::SynSent && self.state == State::Reset && peer.state == State::Inactive;
        if gave_up && !self.is_unheard() {
            // It had no chance to send anything: the numbers are of another connection.
            return 0;
        }
        let sent = self.last.max(self.acked) - 1;
        sent.saturating_sub(i64::from(self.fin.is_some())).max(0) as u64
    }

    /// Position behind the last byte of payload that was sent so far, as far as that is known.
    #[inline]
    pub(super) fn sent(&self) -> i64 {
        (self.last - i64::from(self.fin == Some(self.last))).max(1)
    }

    /// What was acknowledged of the payload: a FIN is none.
    #[inline]
    pub(super) fn acked_payload(&self, ack: i64) -> i64 {
        self.fin.map_or(ack, |fin| ack.min(fin - 1))
    }

    /// Whether nothing that this end sent was ever acknowledged.
    pub(super) fn is_unheard(&self) -> bool {
        self.acked <= 1
    }

    /// Whether something is still to come before this end can be said to have closed.
    fn is_pending(&self, peer: &Self) -> bool {
        let next = self.stream.next();
        if self.last < next {
            return false;
        }
        next + 1 < self.last || (self.state != State::Reset && peer.stream.waits())
    }

    /// Looks whether this end has closed now.
    #[inline]
    pub(super) fn check_close(&mut self, peer: &Self) {
        if self.state.is_over() && !self.did_close && !self.is_pending(peer) {
            self.did_close = true;
        }
    }
}

/// Whether a gap counts: where the connection is in no clear state there may be nothing at it.
pub(super) fn counts_gaps(ends: &[End; 2]) -> bool {
    ends.iter().all(End::is_clean)
}

/// What a segment made of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turn {
    /// The handshake is complete.
    pub(super) is_established: bool,
    /// It was the responder who opened.
    pub(super) is_reversed: bool,
}

/// Zeek's state machine: what a segment of `own` makes of both ends.
#[inline]
pub(super) fn follow(own: &mut End, peer: &mut End, segment: &Segment) -> Turn {
    match own.state {
        State::Inactive => follow_first(own, peer, segment),
        State::SynSent | State::SynAckSent => {
            if segment.has(TcpFlags::FIN) {
                own.set(State::Closed);
            }
            if segment.has(TcpFlags::RST) {
                own.set(State::Reset);
            }
            Turn::default()
        }
        State::Established | State::Partial => {
            follow_established(own, peer, segment);
            Turn::default()
        }
        // Where both have closed a RST changes nothing any more.
        State::Closed => {
            if segment.has(TcpFlags::RST) && peer.state != State::Closed {
                own.set(State::Reset);
            }
            Turn::default()
        }
        State::Reset => Turn::default(),
    }
}

#[inline]
fn follow_established(own: &mut End, peer: &End, segment: &Segment) {
    let (syn, fin, rst) = (segment.has(TcpFlags::SYN), segment.has(TcpFlags::FIN), segment.has(TcpFlags::RST));
    if syn && !segment.has(TcpFlags::ACK) && own.state == State::Partial && peer.state == State::Inactive {
        own.set(State::SynSent);
    }
    // Zeek takes a RST after a FIN back where the other side closes too. Who aborts is said all the same here.
    if fin && !rst {
        own.set(State::Closed);
    }
    if rst {
        own.set(State::Reset);
    }
}

/// The first packet of an end, or one after those that said nothing.
fn follow_first(own: &mut End, peer: &mut End, segment: &Segment) -> Turn {
    let (syn, ack) = (segment.has(TcpFlags::SYN), segment.has(TcpFlags::ACK));
    let is_orig = segment.from == Side::Orig;
    let mut turn = Turn::default();
    if syn && is_orig {
        own.set(if ack { State::SynAckSent } else { State::SynSent });
    } else if syn {
        if !ack && peer.state == State::SynAckSent && own.began_at(segment.tcp.seq) {
            // The answer was captured before the question.
            turn.is_reversed = true;
            peer.set(State::Established);
        }
        if peer.state == State::SynSent {
            peer.set(State::Established);
        }
        own.set(State::Established);
        turn.is_established = peer.state != State::Partial;
    }
    if segment.has(TcpFlags::FIN) {
        own.set(State::Closed);
    }
    if segment.has(TcpFlags::RST) {
        own.set(State::Reset);
    }
    if own.state == State::Inactive {
        // Some answer a SYN with an ACK alone first.
        let is_early_ack = !is_orig && segment.len == 0 && peer.state == State::SynSent;
        if ack && peer.state == State::Established {
            own.set(State::Established);
            turn.is_established = true;
        } else if !is_early_ack {
            own.set(State::Partial);
        }
    }
    turn
}

/// The letters of Zeek's history that a segment at `at` makes.
#[inline]
pub(super) fn note(history: &mut History, own: &mut End, peer: &End, segment: &Segment, at: i64) {
    let (syn, fin, rst) = (segment.has(TcpFlags::SYN), segment.has(TcpFlags::FIN), segment.has(TcpFlags::RST));
    let (ack, from) = (segment.has(TcpFlags::ACK), segment.from);
    match (syn, fin, rst) {
        (false, false, false) if segment.len > 0 => {
            history.add(b'D', from);
        }
        (false, false, false) if ack => {
            history.add(b'A', from);
        }
        (false, false, false) => {}
        (_, true, true) => {
            history.add(b'I', from);
        }
        (true, true, false) | (true, false, true) => {
            history.add(b'Q', from);
        }
        (true, false, false) => again(history, &mut own.told[0], if ack { b'H' } else { b'S' }, from, at),
        (false, true, false) => again(history, &mut own.told[1], b'F', from, at + i64::from(segment.len)),
        (false, false, true) => again(history, &mut own.told[2], b'R', from, at),
    }
    if segment.tcp.window == 0 && !rst && peer.state != State::Closed && own.state != State::Reset {
        history.scale(Scaled::ZeroWindow, from);
    }
}

/// A letter that is written anew where it stands at another place than before.
fn again(history: &mut History, told: &mut i64, letter: u8, from: Side, at: i64) {
    if !history.add(letter, from) && *told != at {
        history.write(letter, from);
    }
    *told = at;
}

/// Zeek's `conn_state` of two ends.
pub(super) fn conn_state([orig, resp]: &[End; 2], history: &History) -> ConnState {
    let (os, rs) = (orig.state, resp.state);
    let is_empty = || orig.payload(resp) == 0 && resp.payload(orig) == 0;
    match (os, rs) {
        (State::SynSent | State::SynAckSent, State::Reset) => ConnState::Rej,
        (State::Reset, State::Reset) if is_empty() => ConnState::Rej,
        (_, State::Reset) if os.is_silent() => ConnState::Rstrh,
        (_, State::Reset) => ConnState::Rstr,
        (State::Reset, _) if rs.is_silent() && history.is_syn_and_reset() => ConnState::Rstos0,
        (State::Reset, _) if rs.is_silent() => ConnState::Oth,
        (State::Reset, _) => ConnState::Rsto,
        (State::Closed, State::Closed) => ConnState::Sf,
        (State::Closed, _) if rs.is_silent() => ConnState::Sh,
        (State::Closed, _) => ConnState::S2,
        (_, State::Closed) if os.is_silent() => ConnState::Shr,
        (_, State::Closed) => ConnState::S3,
        (State::SynSent, State::Inactive) => ConnState::S0,
        (State::Established, State::Established) => ConnState::S1,
        _ => ConnState::Oth,
    }
}
