//! From a frame to a packet: link layers, IP with fragments and tunnels, transport headers, checksums.
//!
//! In two stages. [`Decoder::locate`] is serial: it finds the innermost IP packet of a frame, puts fragments together and
//! hashes the flow, by which packets are spread over workers. [`packet`] reads the headers, there.

mod checksum;
mod fragments;
mod hash;
mod ip;
mod link;
mod transport;

use std::borrow::Cow;

use fragments::Fragments;
use ip::Ip;

use crate::IpProto;
use crate::capture::Frame;

pub use transport::packet;

/// Tunnels within one another that are opened.
const DEPTH: usize = 8;

/// An IP packet of a frame.
#[derive(Clone, Debug)]
pub struct Located<'a> {
    /// The packet from its IP header on: a part of the frame, or put together of fragments.
    pub ip: Cow<'a, [u8]>,
    /// The same for both directions of a flow.
    pub hash: u64,
}

impl Located<'_> {
    /// Where in `bytes` it lies; `None` where it is no part of them.
    #[must_use]
    pub fn offset_in(&self, bytes: &[u8]) -> Option<usize> {
        let Cow::Borrowed(ip) = &self.ip else { return None };
        let offset = (ip.as_ptr() as usize).checked_sub(bytes.as_ptr() as usize)?;
        (offset + ip.len() <= bytes.len()).then_some(offset)
    }
}

/// Finds packets in frames. One for each stream of frames: it holds the fragments that wait for others.
#[derive(Debug, Default)]
pub struct Decoder {
    fragments: Fragments,
}

impl Decoder {
    /// Without any fragments.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The innermost IP packet of a frame. `None` where there is none, or it is a fragment that has to wait; what was left
    /// out for a reason that the user should know, `dropped` is told.
    pub fn locate<'a>(
        &mut self,
        frame: &Frame<'a>,
        dropped: &mut impl FnMut(&'static str, u64),
    ) -> Option<Located<'a>> {
        let bytes = match link::network(frame.link, frame.bytes) {
            Ok(bytes) => bytes,
            Err(link::No::Ip) => return None,
            Err(link::No::Link) => {
                dropped("frames of a link type that is not read", 1);
                return None;
            }
        };
        match self.innermost(frame, bytes, dropped)? {
            Cow::Borrowed(ip) => Some(Located { hash: hash::flow(ip)?, ip: Cow::Borrowed(ip) }),
            Cow::Owned(ip) => Some(Located { hash: hash::flow(&ip)?, ip: Cow::Owned(ip) }),
        }
    }

    fn innermost<'a>(
        &mut self,
        frame: &Frame<'_>,
        bytes: &'a [u8],
        dropped: &mut impl FnMut(&'static str, u64),
    ) -> Option<Cow<'a, [u8]>> {
        let mut bytes = bytes;
        for _ in 0..DEPTH {
            let Some(ip) = Ip::parse(bytes) else {
                dropped("packets with a broken header", 1);
                return None;
            };
            if ip.fragment.is_some() {
                let whole = self.fragments.take(&ip, frame.at, dropped)?;
                // What was in pieces may be a tunnel's, too.
                return self.innermost(frame, &whole, dropped).map(|inner| Cow::Owned(inner.into_owned()));
            }
            match inner(&ip) {
                Some(next) => bytes = next,
                None => return Some(Cow::Borrowed(bytes)),
            }
        }
        dropped("tunnels within one another", 1);
        None
    }
}

/// What a tunnel's packet carries; `None` where it is no tunnel's, or is not opened.
fn inner<'a>(ip: &Ip<'a>) -> Option<&'a [u8]> {
    const IPIP: IpProto = IpProto(4);
    const SIX_IN_FOUR: IpProto = IpProto(41);
    const GRE: IpProto = IpProto(47);
    let inner = match ip.proto {
        IPIP | SIX_IN_FOUR => ip.payload,
        GRE => link::gre(ip.payload).ok()?,
        _ => return None,
    };
    // Nothing is lost where it only looks like a tunnel.
    Ip::parse(inner).map(|_| inner)
}

#[cfg(test)]
mod tests;
