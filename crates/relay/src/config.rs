//! What the owner declares, and the constants that may be turned.

use std::net::IpAddr;

use catspaw_records::{Endpoint, Nanos};
use serde::{Deserialize, Serialize};

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Network {
    addr: IpAddr,
    bits: u8,
}

impl Network {
    /// `addr/bits`; `None` where there are not that many bits.
    #[must_use]
    pub fn new(addr: IpAddr, bits: u8) -> Option<Self> {
        let most = if addr.is_ipv4() { 32 } else { 128 };
        (bits <= most).then_some(Self { addr, bits })
    }

    /// Parses `192.0.2.0/24` or a single address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        match text.split_once('/') {
            Some((addr, bits)) => Self::new(addr.parse().ok()?, bits.parse().ok()?),
            None => {
                let addr: IpAddr = text.parse().ok()?;
                Self::new(addr, if addr.is_ipv4() { 32 } else { 128 })
            }
        }
    }

    /// Whether it holds `addr`.
    #[must_use]
    pub fn contains(&self, addr: IpAddr) -> bool {
        match (self.addr, addr) {
            (IpAddr::V4(net), IpAddr::V4(addr)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                (u32::from(net) ^ u32::from(addr)) & mask == 0
            }
            (IpAddr::V6(net), IpAddr::V6(addr)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                (u128::from(net) ^ u128::from(addr)) & mask == 0
            }
            _ => false,
        }
    }

    /// Whether it is one address.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.bits == if self.addr.is_ipv4() { 32 } else { 128 }
    }

    /// Its address.
    #[must_use]
    pub fn addr(&self) -> IpAddr {
        self.addr
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.addr, self.bits)
    }
}

/// A relay that is meant to be one. What is `None` matches anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Authorised {
    /// The host, or a network of hosts.
    pub host: Network,
    /// The service's port.
    pub port: Option<u16>,
    /// Whether the stanza is about forward relays at all.
    pub forward: bool,
    /// Whom it may serve.
    pub clients: Option<Vec<Network>>,
    /// Whom it may call.
    pub targets: Option<Vec<Network>>,
}

impl Authorised {
    /// Whether it covers a session of `host`'s service on `port` from `client` on to `target`.
    #[must_use]
    pub fn covers(&self, host: IpAddr, port: u16, client: IpAddr, target: IpAddr) -> bool {
        let within =
            |nets: &Option<Vec<Network>>, addr| nets.as_ref().is_none_or(|n| n.iter().any(|n| n.contains(addr)));
        self.forward
            && self.host.contains(host)
            && self.port.is_none_or(|p| p == port)
            && within(&self.clients, client)
            && within(&self.targets, target)
    }
}

/// How the correlator judges. The defaults are those of the documentation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Chance of a false verdict per host and thirty days, over everything that is tried.
    pub alpha: f64,
    /// Nanoseconds of log time between an outbound leg's total and its factor.
    pub settle: i64,
    /// Nanoseconds after its end at which a leg is final: the longest lag and the longest timer of a firewall.
    pub horizon: i64,
    /// Declared relays.
    pub authorised: Vec<Authorised>,
}

impl Default for Config {
    fn default() -> Self {
        Self { alpha: 1e-6, settle: 2 * Nanos::SECOND, horizon: 3780 * Nanos::SECOND, authorised: Vec::new() }
    }
}

impl Config {
    /// Whether the owner has declared anything of this host.
    #[must_use]
    pub fn declares(&self, host: IpAddr) -> bool {
        self.authorised.iter().any(|stanza| stanza.host.contains(host))
    }

    /// Whether a declared relay covers a session.
    #[must_use]
    pub fn covers(&self, service: Endpoint, client: IpAddr, target: IpAddr) -> bool {
        self.authorised.iter().any(|a| a.covers(service.addr, service.port, client, target))
    }
}
