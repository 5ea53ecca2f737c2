//! TCP as Zeek tells it: the state of each end, and what they make together.

use catspaw_records::ConnState;

use super::stream::Stream;
use crate::{Tcp, TcpFlags};

/// The state of one end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// It has sent nothing.
    #[default]
    Inactive,
    /// It has sent a SYN.
    SynSent,
    /// Its first packet was none of a handshake.
    Partial,
    /// The handshake was seen.
    Established,
    /// It has sent a FIN.
    Closed,
    /// It has sent a RST.
    Reset,
}

/// One end of a connection.
#[derive(Debug, Default)]
pub(super) struct End {
    pub(super) state: State,
    pub(super) stream: Stream,
    pub(super) packets: u64,
    /// Whether its SYN was missed.
    pub(super) began_without_syn: bool,
}

impl State {
    fn is_silent(self) -> bool {
        matches!(self, Self::Inactive | Self::Partial)
    }

    pub(super) fn is_over(self) -> bool {
        matches!(self, Self::Closed | Self::Reset)
    }
}

/// A RST whose sequence number lies further from what is expected is not its sender's.
const RESET_ASTRAY: i64 = 1 << 20;

impl End {
    /// Follows a packet that this end has sent, by its flags. True where both ends have just come to know one another.
    #[inline]
    pub(super) fn follow(&mut self, tcp: Tcp, peer: &mut Self, is_resp: bool) -> bool {
        let flags = tcp.flags;
        if flags.has(TcpFlags::RST) {
            self.state = State::Reset;
            return false;
        }
        if flags.has(TcpFlags::SYN) {
            return self.follow_syn(flags.has(TcpFlags::ACK), peer, is_resp);
        }
        if flags.has(TcpFlags::FIN) {
            if self.state != State::Reset {
                self.state = State::Closed;
            }
        } else if self.state == State::Inactive {
            self.state = State::Partial;
        }
        false
    }

    fn follow_syn(&mut self, answers: bool, peer: &mut Self, is_resp: bool) -> bool {
        if self.state.is_over() {
            return false;
        }
        if !answers && !is_resp {
            if self.state == State::Inactive {
                self.state = State::SynSent;
            }
            return false;
        }
        // An answer, or both at once.
        let new = self.state != State::Established && peer.state == State::SynSent;
        self.state = State::Established;
        if peer.state == State::SynSent {
            peer.state = State::Established;
        }
        new
    }

    /// Whether a RST with this sequence number may be its own: others can be made by anybody who knows the ports.
    pub(super) fn may_reset(&self, seq: u32) -> bool {
        let expected = self.stream.payload() as i64 + 1;
        self.stream.position(seq).is_none_or(|at| (at - expected).abs() <= RESET_ASTRAY)
    }
}

/// Zeek's `conn_state` of two ends.
pub(super) fn conn_state(orig: &End, resp: &End) -> ConnState {
    let (os, rs) = (orig.state, resp.state);
    let empty = orig.stream.payload() == 0 && resp.stream.payload() == 0;
    match (os, rs) {
        (State::SynSent, State::Reset) => ConnState::Rej,
        (State::Reset, State::Reset) if empty => ConnState::Rej,
        (_, State::Reset) if os.is_silent() => ConnState::Rstrh,
        (_, State::Reset) => ConnState::Rstr,
        (State::Reset, _) if rs.is_silent() => ConnState::Rstos0,
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
