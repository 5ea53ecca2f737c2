//! What the fold gives away as it goes: rows that must be exact and would not fit in memory.

use std::net::IpAddr;

use catspaw_records::{
    Bytes, Closed, ConnState, Ending, Endpoint, HostKey, Nanos, Opened, Place, Proto, RecordId, SensorId, Stamp, Whole,
};
use serde::{Deserialize, Serialize};

use crate::attempts::Attempt;
use crate::config::Topology;
use crate::leg::Leg;
use crate::packed::EndedLeg;

/// One connection, put together from what its records say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Connection {
    /// The moment of the merge at which it was complete: rows of one host come in this order.
    pub key: Nanos,
    /// Its first packet, or the stamp at which it was built.
    pub start: Stamp,
    /// What its records say.
    pub said: Said,
    /// The places of its records: the opening and the end, or the one record.
    pub places: [Option<Place>; 2],
    /// Whether a record came later than the merge waits.
    pub late: bool,
}

/// The records a connection was made of. A teardown is told for the true originator, or for the one that was taken for it:
/// its first end ([`Closed::turned`]).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Said {
    /// Built, and its teardown where there was one.
    Built(Opened, Option<Closed>),
    /// A teardown alone.
    TornDown(Closed),
    /// One record that says it all.
    Whole {
        /// The record.
        whole: Whole,
        /// Originator and responder as the other side saw them, where an opening before it said so.
        mapped: [Option<Endpoint>; 2],
    },
}

impl Connection {
    /// The witness's name of it.
    #[must_use]
    pub fn id(&self) -> RecordId {
        match &self.said {
            Said::Built(opened, _) => opened.id,
            Said::TornDown(closed) => closed.id,
            Said::Whole { whole, .. } => whole.id,
        }
    }

    /// The transport.
    #[must_use]
    pub fn proto(&self) -> Proto {
        match &self.said {
            Said::Built(opened, _) => opened.proto,
            Said::TornDown(closed) => closed.proto,
            Said::Whole { whole, .. } => whole.proto,
        }
    }

    /// Originator and responder.
    #[must_use]
    pub fn ends(&self) -> (Endpoint, Endpoint) {
        match &self.said {
            Said::Built(opened, _) => (opened.orig, opened.resp),
            Said::TornDown(closed) => (closed.first, closed.second),
            Said::Whole { whole, .. } => (whole.orig, whole.resp),
        }
    }

    /// Originator and responder as the other side saw them, where the records say so.
    #[must_use]
    pub fn mapped(&self) -> [Option<Endpoint>; 2] {
        match &self.said {
            Said::Built(opened, _) => [opened.mapped_orig, opened.mapped_resp],
            Said::TornDown(_) => [None; 2],
            Said::Whole { mapped, .. } => *mapped,
        }
    }

    /// How it ended; `None` where its end is not in the evidence.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        match &self.said {
            Said::Built(_, closed) => closed.map(|closed| closed.ending),
            Said::TornDown(closed) => Some(closed.ending),
            Said::Whole { whole, .. } => Some(whole.ending),
        }
    }

    /// Its life in nanoseconds.
    #[must_use]
    pub fn duration(&self) -> Option<i64> {
        match &self.said {
            Said::Built(_, closed) => closed.map(|closed| closed.duration),
            Said::TornDown(closed) => Some(closed.duration),
            Said::Whole { whole, .. } => whole.duration,
        }
    }

    /// What it carried, by the true originator.
    #[must_use]
    pub fn bytes(&self) -> Option<Bytes> {
        match &self.said {
            Said::Built(_, closed) => closed.and_then(|closed| closed.bytes),
            Said::TornDown(closed) => closed.bytes,
            Said::Whole { whole, .. } => whole.bytes,
        }
    }

    /// How it went, in Zeek's words where they say the same; `None` where a witness knows less than they claim.
    #[must_use]
    pub fn state(&self) -> Option<ConnState> {
        if let Said::Whole { whole, .. } = &self.said
            && whole.state.is_some()
        {
            return whole.state;
        }
        let is_answered = matches!(&self.said, Said::Whole { whole, .. } if whole.answered == Some(true));
        let empty = self.bytes().is_some_and(|bytes| bytes.total() == 0);
        match self.ending().unwrap_or(Ending::Open) {
            Ending::Fins => Some(ConnState::Sf),
            // Of a handshake that was broken off a log does not say how far it had come: nobody took the connection.
            Ending::ResetByOrig => Some(if empty && !is_answered { ConnState::Rstos0 } else { ConnState::Rsto }),
            Ending::ResetByResp => Some(if empty { ConnState::Rej } else { ConnState::Rstr }),
            Ending::NoAnswer => Some(ConnState::S0),
            Ending::Open => Some(ConnState::S1),
            Ending::Reset | Ending::HalfClosed | Ending::Idle | Ending::ByDevice | Ending::Unknown => None,
        }
    }
}

/// What shows that two legs belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Basis {
    /// The same payload was seen on both, or the same request or message.
    Content,
    /// Their bytes are conserved.
    Bytes,
    /// Only the order and the target fit (legs without payload).
    Order,
}

/// One relayed session, or what may be one: whether the host's service is judged a relay is known at the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LegPair {
    /// The host.
    pub host: HostKey,
    /// Whose records.
    pub sensor: SensorId,
    /// Which way it was passed on.
    pub topology: Topology,
    /// The service's port; of backconnect that of the tunnel's far end.
    pub port: u16,
    /// Whether a declared relay covers the client and the target.
    pub authorised: bool,
    /// The moment of the merge at which it was final.
    pub key: Nanos,
    /// What shows it.
    pub basis: Basis,
    /// Whether it is said as a pair; the others only count as `refused`.
    pub clear: bool,
    /// Client to host.
    pub inbound: Leg,
    /// Host to target.
    pub outbound: Leg,
}

/// What is counted of each connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brief {
    /// Whose it is.
    pub ends: [IpAddr; 2],
    /// The transport.
    pub proto: Proto,
    /// How it ended, and whether the witness says what it carried; `None` where its end is not in the evidence.
    pub ended: Option<(Ending, bool)>,
}

impl Brief {
    /// Whether its end is in the evidence, and it was answered as far as that says.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.ended.is_some_and(|(ending, _)| !matches!(ending, Ending::NoAnswer | Ending::Open))
    }
}

/// Where the driver takes rows. It owns them, spills them and decides in the end which are printed.
pub trait Sink {
    /// A connection is complete: what is counted of each, and what makes all of it, which is large and which few want.
    fn connection(&mut self, brief: Brief, connection: impl FnOnce() -> Connection);
    /// A pair is final.
    fn pair(&mut self, pair: LegPair);
    /// An outbound leg of `host` is complete, as `sensor` saw it: what a tunnel or a bot sent is looked at when everything is known.
    fn sent(&mut self, host: HostKey, sensor: SensorId, leg: &EndedLeg);
    /// Somebody outside has tried one of our ports.
    fn attempt(&mut self, attempt: Attempt);
}
