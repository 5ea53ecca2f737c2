//! What a rule said.

use serde::{Deserialize, Serialize};

use crate::{AppProto, Endpoint, Nanos, Place, Proto, RecordId, Side};

/// A rule fired on a packet or a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The rule, by its number in the set.
    pub rule: u32,
    /// When it was found: of a stream, when enough of it had come.
    pub known: Nanos,
    /// The moment of the packet; of a stream, of the last packet of the stretch that matched.
    pub at: Nanos,
    /// That packet.
    pub place: Place,
    /// Which way it went.
    pub from: Side,
    /// The connection's name.
    pub id: RecordId,
    /// When that began.
    pub start: Nanos,
    /// The transport.
    pub proto: Proto,
    /// Who opened the connection; of ICMP the port is the type.
    pub orig: Endpoint,
    /// Whom it was opened to; of ICMP the port is the code.
    pub resp: Endpoint,
    /// What is spoken on it, as far as it was known then.
    pub protocol: Option<AppProto>,
}

impl Alert {
    /// Who sent it, and to whom.
    #[must_use]
    pub fn ends(&self) -> (Endpoint, Endpoint) {
        match self.from {
            Side::Orig => (self.orig, self.resp),
            Side::Resp => (self.resp, self.orig),
        }
    }
}
