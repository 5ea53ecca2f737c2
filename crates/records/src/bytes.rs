//! How much a connection carried, and what the witness counted.

use serde::{Deserialize, Serialize};

/// What a byte count holds. Counts of different kinds are never added or compared without saying so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ByteKind {
    /// Transport payload, each byte once: Zeek's `orig_bytes`, our own engine.
    Payload,
    /// Transport payload as it passed the device, so a retransmitted segment counts again: PIX and ASA teardowns.
    PayloadRetransmitted,
    /// From the IP header on: NetFlow and IPFIX octets.
    IpLevel,
    /// From the link-layer header on: Suricata EVE `bytes_toserver`.
    Frame,
    /// Transport payload reckoned from bytes with headers and the number of packets: some bytes more or less for each packet,
    /// and none where there was none. Firewalls that count packets.
    PayloadReckoned,
}

/// The count itself: by direction, or one total where that is all the witness says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ByteCount {
    /// Sent by the originator, sent by the responder.
    Directed {
        /// Bytes from the originator.
        orig: u64,
        /// Bytes from the responder.
        resp: u64,
    },
    /// Both directions in one number.
    Total(u64),
}

/// How much a connection carried, both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Bytes {
    /// What was counted.
    pub kind: ByteKind,
    /// How much of it.
    pub count: ByteCount,
}

impl Bytes {
    /// Both directions together, saturating: a hostile log may claim anything.
    #[must_use]
    pub fn total(self) -> u64 {
        match self.count {
            ByteCount::Directed { orig, resp } => orig.saturating_add(resp),
            ByteCount::Total(total) => total,
        }
    }

    /// The same counts with originator and responder exchanged.
    #[must_use]
    pub fn turned(self) -> Self {
        let count = match self.count {
            ByteCount::Directed { orig, resp } => ByteCount::Directed { orig: resp, resp: orig },
            total @ ByteCount::Total(_) => total,
        };
        Self { count, ..self }
    }

    /// The two directions, where the witness tells them apart.
    #[must_use]
    pub fn directed(self) -> Option<(u64, u64)> {
        match self.count {
            ByteCount::Directed { orig, resp } => Some((orig, resp)),
            ByteCount::Total(_) => None,
        }
    }
}
