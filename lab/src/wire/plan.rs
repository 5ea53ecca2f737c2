//! A connection as it was meant: who says what when. How it looks in packets is [`super::play`]'s affair.
//!
//! All moments are those of the sensor at the border: a message is there at `at`, is heard half a turn later, and what
//! answers it passes the sensor a whole turn after it.

use std::net::SocketAddr;

use super::payload::Payload;
use crate::rng::Rng;

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The one that opened the connection.
    Orig,
    /// The other.
    Resp,
}

impl Side {
    pub(crate) fn other(self) -> Self {
        if self == Self::Orig { Self::Resp } else { Self::Orig }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Udp,
    /// Echo requests and their replies.
    Icmp,
}

/// How a SYN fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    Answered,
    /// By a reset.
    Refused,
    /// It is sent again as often as said, one, three and seven seconds after the first.
    Unanswered {
        again: u8,
    },
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Close {
    /// FINs of both sides, this one's first.
    Fins(Side),
    /// A reset by this side.
    Reset(Side),
    /// Nothing more comes.
    Silence,
}

/// A segment that does not arrive the way it was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spoil {
    /// Which segment of its message.
    pub(crate) segment: u32,
    /// How much later than planned it passes the sensor and arrives.
    pub(crate) late: u32,
    /// Whether the sensor saw it at its own time, too: it was lost behind the sensor, and sent again.
    pub(crate) seen: bool,
}

/// What one side says at a time.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) at: u64,
    pub(crate) from: Side,
    pub(crate) payload: Payload,
    /// Where it begins in what this side says.
    pub(crate) offset: u64,
    /// Microseconds from segment to segment.
    pub(crate) pace: u32,
    pub(crate) spoil: Option<Spoil>,
}

/// When a message passed the sensor, first byte to last, in order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) begin: u64,
    pub(crate) end: u64,
    /// Whether it came without a gap: what is behind it can be passed on as it comes.
    pub(crate) smooth: bool,
}

/// A connection.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) number: u32,
    pub(crate) transport: Transport,
    /// Originator and responder.
    pub(crate) ends: [SocketAddr; 2],
    /// Microseconds from the sensor to that side and back.
    pub(crate) turn: [u32; 2],
    pub(crate) vlan: Option<u16>,
    pub(crate) start: u64,
    pub(crate) opening: Opening,
    pub(crate) messages: Vec<Message>,
    pub(crate) close: (u64, Close),
    /// Payload that a packet takes.
    pub(crate) segment: u32,
    /// Microseconds from segment to segment of what is long.
    pub(crate) pace: u32,
    /// Messages in a thousand that have a segment lost, delayed or overtaken.
    pub(crate) spoilt: u64,
    /// Messages of mail accepted on it.
    pub(crate) accepted: u32,
    /// Whether the truth tells of it.
    pub(crate) told: bool,
    said: [u64; 2],
    free: [u64; 2],
}

impl Plan {
    pub(crate) fn new(number: u32, transport: Transport, ends: [SocketAddr; 2], turn: [u32; 2], start: u64) -> Self {
        let room = if ends[0].is_ipv4() { 1500 - 20 } else { 1500 - 40 };
        Self {
            number,
            transport,
            ends,
            turn,
            vlan: None,
            start,
            opening: Opening::Answered,
            messages: Vec::new(),
            close: (start, Close::Silence),
            segment: if transport == Transport::Tcp { room - 32 } else { room - 200 },
            pace: 120,
            spoilt: 0,
            accepted: 0,
            told: false,
            said: [0; 2],
            free: [start; 2],
        }
    }

    pub(crate) fn turn_of(&self, side: Side) -> u64 {
        u64::from(self.turn[side as usize])
    }

    /// Segments that so many bytes take.
    pub(crate) fn segments(&self, len: usize) -> u32 {
        (len as u32).div_ceil(self.segment).max(1)
    }

    /// `from` says `payload` at `at`, or as soon as it has said all else.
    pub(crate) fn say(&mut self, at: u64, from: Side, payload: Payload, rng: &mut Rng) -> Span {
        let side = from as usize;
        // Messages are kept in order, so that a connection under way looks at one of them at a time.
        let begin = at.max(self.free[side]).max(self.messages.last().map_or(0, |message| message.at));
        let count = self.segments(payload.len());
        let sent = |segment: u32| begin + u64::from(segment) * u64::from(self.pace);
        let spoil = (self.spoilt > 0 && rng.chance(self.spoilt)).then(|| self.spoil(count, rng));
        let late = spoil.map_or(0, |spoil| sent(spoil.segment) + u64::from(spoil.late));
        let end = sent(count - 1).max(late);
        let offset = self.said[side];
        self.said[side] += payload.len() as u64;
        self.free[side] = end;
        self.messages.push(Message { at: begin, from, payload, offset, pace: self.pace, spoil });
        Span { begin, end, smooth: spoil.is_none() }
    }

    /// Half of what goes wrong is a segment that another overtakes; the rest is lost, before the sensor or behind it.
    fn spoil(&self, count: u32, rng: &mut Rng) -> Spoil {
        let segment = rng.below(u64::from(count)) as u32;
        let last = segment + 1 == count;
        let trip = self.turn[0] + self.turn[1];
        match rng.below(4) {
            0 | 1 if !last => Spoil { segment, late: self.pace + self.pace / 2 + 1, seen: false },
            way => {
                // Three duplicate ACKs bring it again; behind the last segment there are none, and a timer has to.
                let again = if last || count < 4 { trip + 200_000 } else { trip + 4 * self.pace };
                Spoil { segment, late: again, seen: way % 2 == 1 }
            }
        }
    }

    /// Ends it, not before everything is said.
    pub(crate) fn end(&mut self, at: u64, close: Close) {
        self.close = (at.max(self.free[0]).max(self.free[1]) + 20, close);
    }
}
