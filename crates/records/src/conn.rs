//! A connection's parts, under Zeek's names.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// The transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Proto {
    /// TCP, the only protocol that is correlated.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP and ICMPv6.
    Icmp,
    /// Any other, by its IP protocol number (0 where the witness gives only a name we do not know).
    Other(u8),
}

impl fmt::Display for Proto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp => f.write_str("tcp"),
            Self::Udp => f.write_str("udp"),
            Self::Icmp => f.write_str("icmp"),
            Self::Other(0) => f.write_str("unknown_transport"),
            Self::Other(number) => write!(f, "proto-{number}"),
        }
    }
}

/// One end of a connection. ICMP has type and code in place of ports, or 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Endpoint {
    /// The address.
    pub addr: IpAddr,
    /// The port.
    pub port: u16,
}

impl Endpoint {
    /// Address (of IPv4 as IPv6 maps it) and port, as they are hashed.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 18] {
        let addr = match self.addr {
            IpAddr::V4(addr) => addr.to_ipv6_mapped(),
            IpAddr::V6(addr) => addr,
        };
        let mut bytes = [0; 18];
        bytes[..16].copy_from_slice(&addr.octets());
        bytes[16..].copy_from_slice(&self.port.to_be_bytes());
        bytes
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addr {
            IpAddr::V4(addr) => write!(f, "{addr}:{}", self.port),
            IpAddr::V6(addr) => write!(f, "[{addr}]:{}", self.port),
        }
    }
}

/// How a connection ended, in what a firewall's teardown reason and Zeek's `conn_state` have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Ending {
    /// FINs from both sides (`TCP FINs`, `SF`): what 2003 counted as completed.
    Fins,
    /// Reset by the originator (`RSTO`).
    ResetByOrig,
    /// Reset by the responder (`RSTR`, and `REJ` where it carried nothing).
    ResetByResp,
    /// Reset by a party that the witness does not name, or by the device.
    Reset,
    /// Never answered (`SYN Timeout`, `S0`).
    NoAnswer,
    /// One side closed, the other did not until the device gave up (`FIN Timeout`, `S2`, `S3`): the end is the last packet plus a timer.
    HalfClosed,
    /// Idle until the device gave up (`Conn-timeout`): the end is the last packet plus a timer.
    Idle,
    /// Ended by the device for a reason of its own (cleared, failover, inspection, ...).
    ByDevice,
    /// Still open when the witness stopped looking (`S1`, `OTH`).
    Open,
    /// The witness does not say.
    Unknown,
}

impl Ending {
    /// Whether the end that was logged is a time-out, so that it says nothing of when the parties ended it.
    #[must_use]
    pub fn is_timer(self) -> bool {
        matches!(self, Self::NoAnswer | Self::HalfClosed | Self::Idle)
    }

    /// The same ending with originator and responder exchanged.
    #[must_use]
    pub fn turned(self) -> Self {
        match self {
            Self::ResetByOrig => Self::ResetByResp,
            Self::ResetByResp => Self::ResetByOrig,
            other => other,
        }
    }
}

/// Zeek's `conn_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConnState {
    /// Attempt without an answer.
    S0,
    /// Established, not ended.
    S1,
    /// Established, originator closed, no answer to that.
    S2,
    /// Established, responder closed, no answer to that.
    S3,
    /// Established and ended by both.
    Sf,
    /// Attempt rejected.
    Rej,
    /// Originator aborted.
    Rsto,
    /// Responder aborted.
    Rstr,
    /// Originator sent SYN and RST, no SYN ACK seen.
    Rstos0,
    /// Responder sent SYN ACK and RST, no SYN seen.
    Rstrh,
    /// Originator sent SYN and FIN, no SYN ACK seen.
    Sh,
    /// Responder sent SYN ACK and FIN, no SYN seen.
    Shr,
    /// No SYN seen.
    Oth,
}

impl ConnState {
    const NAMES: [(Self, &'static str); 13] = [
        (Self::S0, "S0"),
        (Self::S1, "S1"),
        (Self::S2, "S2"),
        (Self::S3, "S3"),
        (Self::Sf, "SF"),
        (Self::Rej, "REJ"),
        (Self::Rsto, "RSTO"),
        (Self::Rstr, "RSTR"),
        (Self::Rstos0, "RSTOS0"),
        (Self::Rstrh, "RSTRH"),
        (Self::Sh, "SH"),
        (Self::Shr, "SHR"),
        (Self::Oth, "OTH"),
    ];

    /// The state that Zeek writes as `name`.
    #[must_use]
    pub fn parse(name: &[u8]) -> Option<Self> {
        Self::NAMES.iter().find(|(_, n)| n.as_bytes() == name).map(|(state, _)| *state)
    }

    /// Zeek's name of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(state, _)| *state == self).map_or("OTH", |(_, name)| name)
    }

    /// Whether the responder answered the attempt.
    #[must_use]
    pub fn answered(self) -> bool {
        !matches!(self, Self::S0 | Self::Rej | Self::Rstos0 | Self::Rstrh | Self::Sh)
    }

    /// What it says of the end.
    #[must_use]
    pub fn ending(self) -> Ending {
        match self {
            Self::S0 | Self::Sh | Self::Rstos0 => Ending::NoAnswer,
            Self::S1 | Self::Oth => Ending::Open,
            Self::S2 | Self::S3 | Self::Shr => Ending::HalfClosed,
            Self::Sf => Ending::Fins,
            Self::Rej | Self::Rstr | Self::Rstrh => Ending::ResetByResp,
            Self::Rsto => Ending::ResetByOrig,
        }
    }
}
