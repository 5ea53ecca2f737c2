//! Whose a record is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// Who a host is.
///
/// Today by its address inside of NAT. Leases and neighbour tables will add a machine with the time from which it
/// held the address (a lease that moves is two hosts), which is why this is an enum and its layout is not relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum HostKey {
    /// By address, where no lease says more.
    Address(IpAddr),
}

impl HostKey {
    /// Number of virtual shards. State lives in so many parts whatever the number of threads, so that caps and
    /// evictions, which are per shard, do not depend on it.
    pub const SHARDS: usize = 256;

    /// The address it is shown by.
    #[must_use]
    #[inline]
    pub fn addr(self) -> IpAddr {
        match self {
            Self::Address(addr) => addr,
        }
    }

    /// The same, made of its parts: a copy of all of it would wait for each of them where it was just made.
    #[must_use]
    #[inline(always)]
    pub fn anew(&self) -> Self {
        match *self {
            Self::Address(IpAddr::V4(addr)) => Self::Address(IpAddr::V4(Ipv4Addr::from_bits(addr.to_bits()))),
            Self::Address(IpAddr::V6(addr)) => Self::Address(IpAddr::V6(Ipv6Addr::from_bits(addr.to_bits()))),
        }
    }

    /// Its virtual shard. A fixed hash: a partial run can be handed to another machine.
    #[must_use]
    pub fn shard(self) -> usize {
        Self::shard_of(&self.addr())
    }

    /// That of the host at an address.
    #[must_use]
    #[inline]
    pub fn shard_of(addr: &IpAddr) -> usize {
        let hash = match addr {
            IpAddr::V4(addr) => xxh3_64(&addr.octets()),
            IpAddr::V6(addr) => xxh3_64(&addr.octets()),
        };
        (hash % Self::SHARDS as u64) as usize
    }
}

/// One end of a record's two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Side {
    /// The originator; of a [`crate::Closed`] the first end.
    Orig,
    /// The responder; of a [`crate::Closed`] the second end.
    Resp,
}

impl Side {
    /// Its place in an array of both: the originator's is 0.
    #[inline]
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Self::Orig => 0,
            Self::Resp => 1,
        }
    }

    /// The side that it talks to.
    #[inline]
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Orig => Self::Resp,
            Self::Resp => Self::Orig,
        }
    }
}

/// Whether an address is never routed on the internet (RFC 1918, 6598, 3927, 4193, 4291).
#[must_use]
#[inline]
pub fn is_private(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(addr) => {
            let [a, b, ..] = addr.octets();
            addr.is_private() || addr.is_link_local() || addr.is_loopback() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(addr) => addr.is_unique_local() || addr.is_unicast_link_local() || addr.is_loopback(),
    }
}
