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

    /// The network of so many bits, of IPv4 and of IPv6, that `addr` lies in; `None` where there are not that many.
    #[must_use]
    pub fn around(addr: IpAddr, v4: u8, v6: u8) -> Option<Self> {
        match addr {
            IpAddr::V4(addr) => {
                let mask = u32::MAX.checked_shl(32_u32.checked_sub(v4.into())?).unwrap_or(0);
                Self::new(IpAddr::V4((u32::from(addr) & mask).into()), v4)
            }
            IpAddr::V6(addr) => {
                let mask = u128::MAX.checked_shl(128_u32.checked_sub(v6.into())?).unwrap_or(0);
                Self::new(IpAddr::V6((u128::from(addr) & mask).into()), v6)
            }
        }
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

    /// How many bits its addresses share.
    #[must_use]
    pub fn bits(&self) -> u8 {
        self.bits
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

/// How a host passes other people's traffic on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Topology {
    /// Clients connect to it, and it connects to their targets.
    Forward,
    /// It dials out a tunnel, and connects to what it is told through it.
    Backconnect,
    /// It sends by itself: spam.
    Direct,
}

impl Topology {
    /// As reports and configurations write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Backconnect => "backconnect",
            Self::Direct => "direct",
        }
    }
}

/// A relay that is meant to be one. What is `None` matches anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Authorised {
    /// The host, or a network of hosts.
    pub host: Network,
    /// The service's port.
    pub port: Option<u16>,
    /// The one topology that it is about.
    pub topology: Option<Topology>,
    /// The far end of a tunnel that may be dialled.
    pub tunnel: Option<Endpoint>,
    /// Whether it is about TCP at all.
    pub tcp: bool,
    /// Whom it may serve.
    pub clients: Option<Vec<Network>>,
    /// Whom it may call.
    pub targets: Option<Vec<Network>>,
}

impl Authorised {
    /// Whether it covers a session of `host`'s service on `port` from `client` on to `target`.
    #[must_use]
    pub fn covers(&self, host: IpAddr, port: u16, client: IpAddr, target: IpAddr) -> bool {
        self.tcp
            && self.tunnel.is_none()
            && self.topology.is_none_or(|topology| topology == Topology::Forward)
            && self.host.contains(host)
            && self.port.is_none_or(|p| p == port)
            && within(&self.clients, client)
            && within(&self.targets, target)
    }

    /// Whether it covers mail that `host` sends to `target` by itself: port 25 covers it too.
    #[must_use]
    pub fn covers_mail(&self, host: IpAddr, target: IpAddr) -> bool {
        let mail = match self.topology {
            Some(Topology::Direct) => true,
            Some(Topology::Backconnect) => false,
            Some(Topology::Forward) => self.port == Some(25),
            None => self.port.is_none_or(|port| port == 25),
        };
        mail && self.tcp && self.tunnel.is_none() && self.host.contains(host) && within(&self.targets, target)
    }

    /// Whether it covers a tunnel that `host` dialled. A port is that of a service, which a tunnel has none of.
    #[must_use]
    pub fn covers_tunnel(&self, host: IpAddr, far: Endpoint) -> bool {
        self.tcp
            && self.port.is_none()
            && self.topology.is_none_or(|topology| topology == Topology::Backconnect)
            && self.host.contains(host)
            && self.tunnel.is_none_or(|tunnel| tunnel == far)
            && within(&self.clients, far.addr)
    }
}

fn within(nets: &Option<Vec<Network>>, addr: IpAddr) -> bool {
    nets.as_ref().is_none_or(|nets| nets.iter().any(|net| net.contains(addr)))
}

/// A host that its owner has cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contained {
    /// The host.
    pub host: IpAddr,
    /// Since when.
    pub at: Nanos,
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
    /// From how many bytes on a completed SMTP connection counts as a delivered mail; learned of each host where the owner does not say.
    pub mail: Option<i64>,
    /// Declared relays.
    pub authorised: Vec<Authorised>,
    /// Hosts that were cut off.
    pub contained: Vec<Contained>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            alpha: 1e-6,
            settle: 2 * Nanos::SECOND,
            horizon: 3780 * Nanos::SECOND,
            mail: None,
            authorised: Vec::new(),
            contained: Vec::new(),
        }
    }
}

impl Config {
    /// Whether the owner has declared anything of this host.
    #[must_use]
    pub fn declares(&self, host: IpAddr) -> bool {
        self.authorised.iter().any(|stanza| stanza.host.contains(host))
    }

    /// When the owner cut the host off, as declared; the last time, if it was more than once.
    #[must_use]
    pub fn contained_at(&self, host: IpAddr) -> Option<Nanos> {
        self.contained.iter().filter(|cut| cut.host == host).map(|cut| cut.at).max()
    }

    /// Whether a declared relay covers a session.
    #[must_use]
    pub fn covers(&self, service: Endpoint, client: IpAddr, target: IpAddr) -> bool {
        self.authorised.iter().any(|a| a.covers(service.addr, service.port, client, target))
    }

    /// Whether the owner knows that the host sends mail to `target`.
    #[must_use]
    pub fn covers_mail(&self, host: IpAddr, target: IpAddr) -> bool {
        self.authorised.iter().any(|a| a.covers_mail(host, target))
    }

    /// Whether the owner knows of a tunnel that the host dialled.
    #[must_use]
    pub fn covers_tunnel(&self, host: IpAddr, far: Endpoint) -> bool {
        self.authorised.iter().any(|a| a.covers_tunnel(host, far))
    }
}
