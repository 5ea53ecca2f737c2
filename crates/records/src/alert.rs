//! What a rule said.

use serde::{Deserialize, Serialize};

use crate::{AppProto, Endpoint, Place, Proto, RecordId, Side, Stamp};

/// A rule fired on a packet or a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// When: the packet's moment.
    pub at: Stamp,
    /// Which packet.
    pub place: Place,
    /// The rule, by its number among those that were loaded.
    pub rule: u32,
    /// The transport.
    pub proto: Proto,
    /// Who sent the packet.
    pub src: Endpoint,
    /// Whom it was for.
    pub dst: Endpoint,
    /// The connection, where it belongs to one, with its originator's side of this packet.
    pub flow: Option<(RecordId, Side)>,
    /// What is spoken on it, as far as it was known then.
    pub protocol: Option<AppProto>,
}
