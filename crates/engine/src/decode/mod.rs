//! From a frame to a packet: link layers, IP with fragments and tunnels, transport headers, checksums.
//!
//! In two stages. [`Decoder::locate`] is serial: it finds the innermost IP packet of a frame, puts fragments together and
//! hashes the flow, by which packets are spread over workers. [`packet`] reads the headers, there.
//!
//! Tunnels are opened where a header says what is in them: IP in IP of either version, GRE with IP, Ethernet or PPP,
//! and an authentication header. What only a port hints at (VXLAN, Teredo, GTP) is a UDP flow.

mod checksum;
mod fragments;
mod hash;
mod ip;
mod link;
mod reassembly;
mod transport;

use std::borrow::Cow;
use std::collections::BTreeMap;

use catspaw_records::{Nanos, Place};
use fragments::Fragments;
use ip::Ip;

use crate::capture::{Frame, LinkType};
use crate::{IpProto, Packet};

pub use transport::packet;

/// Tunnels and fragmented datagrams within one another that are opened.
const DEPTH: usize = 8;
/// Link types that are not read and of which each is counted: a file may name all that there are.
const UNREAD: usize = 64;

/// An IP packet of a frame.
#[derive(Clone, Debug)]
pub struct Located<'a> {
    /// The packet from its IP header on: a part of the frame, or put together of fragments.
    pub ip: Cow<'a, [u8]>,
    /// The same for both directions of a flow.
    pub hash: u64,
    /// Its headers, where it is a part of the frame.
    headers: Option<Ip<'a>>,
}

impl Located<'_> {
    /// What [`packet`] reads.
    #[inline(always)]
    #[must_use]
    pub fn packet(&self, at: Nanos, place: Place, verify_checksums: bool) -> Option<Packet<'_>> {
        match self.headers {
            Some(ip) => Some(transport::read(&ip, at, place, verify_checksums)),
            None => packet(&self.ip, at, place, verify_checksums),
        }
    }

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
    unread: BTreeMap<LinkType, u64>,
    /// Numbers of the frames of the datagram that was put together last.
    pieces: Vec<u64>,
}

impl Decoder {
    /// Without any fragments.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Frames of link types that are not read, by their type; of further types than the first 64 nothing is said here.
    pub fn unread_links(&self) -> impl Iterator<Item = (LinkType, u64)> {
        self.unread.iter().map(|(&link, &frames)| (link, frames))
    }

    /// The numbers ([`Frame::number`]) of the frames that brought what was put together last: of a [`Located`] packet that
    /// is no part of its frame. In no order, each at least once.
    #[must_use]
    pub fn pieces(&self) -> &[u64] {
        &self.pieces
    }

    /// The innermost IP packet of a frame. `None` where there is none, or it is a fragment that has to wait; what was left
    /// out for a reason that the user should know, `dropped` is told.
    #[inline]
    pub fn locate<'a>(
        &mut self,
        frame: &Frame<'a>,
        dropped: &mut impl FnMut(&'static str, u64),
    ) -> Option<Located<'a>> {
        match link::network(frame.link, frame.bytes) {
            Ok(bytes) => self.innermost((frame.at, &[frame.number]), bytes, DEPTH, dropped),
            Err(link::No::Ip) => None,
            Err(link::No::Whole) => {
                dropped("frames that end before their packet", 1);
                None
            }
            Err(link::No::Link) => {
                self.count_unread(frame.link);
                dropped("frames of a link type that is not read", 1);
                None
            }
        }
    }

    fn count_unread(&mut self, link: LinkType) {
        if self.unread.len() < UNREAD || self.unread.contains_key(&link) {
            *self.unread.entry(link).or_default() += 1;
        }
    }

    #[inline]
    fn innermost<'a>(
        &mut self,
        of: (Nanos, &[u64]),
        mut bytes: &'a [u8],
        depth: usize,
        dropped: &mut impl FnMut(&'static str, u64),
    ) -> Option<Located<'a>> {
        for depth in (0..depth).rev() {
            let Some(ip) = Ip::parse(bytes) else {
                dropped("packets with a broken header", 1);
                return None;
            };
            if ip.fragment.is_some() {
                let whole = self.fragments.take(&ip, of, dropped)?;
                return self.within(of.0, whole, depth, dropped);
            }
            match inner(&ip) {
                Some(next) => bytes = next,
                None => return Some(Located { hash: hash::flow(&ip), ip: Cow::Borrowed(bytes), headers: Some(ip) }),
            }
        }
        dropped("packets in too many tunnels within one another", 1);
        None
    }

    /// The innermost packet of a datagram that came in fragments: it may be a tunnel's, too. `depth` bounds how far one
    /// such datagram completes another.
    #[cold]
    fn within(
        &mut self,
        at: Nanos,
        (whole, pieces): (Vec<u8>, Vec<u64>),
        depth: usize,
        dropped: &mut dyn FnMut(&'static str, u64),
    ) -> Option<Located<'static>> {
        self.pieces.clone_from(&pieces);
        let located = self.innermost((at, &pieces), &whole, depth, &mut |what, count| dropped(what, count))?;
        Some(Located { ip: Cow::Owned(located.ip.into_owned()), hash: located.hash, headers: None })
    }
}

/// The outermost IP packet of a frame, with whatever the link puts behind it; `None` where there is none.
#[must_use]
pub fn network<'a>(frame: &Frame<'a>) -> Option<&'a [u8]> {
    link::network(frame.link, frame.bytes).ok()
}

/// Whether the outermost IP packet of a frame, or one that a tunnel carries in it, is a fragment: whose flow it belongs to
/// is known when all of its datagram is there.
#[must_use]
pub fn is_fragment(frame: &Frame<'_>) -> bool {
    let mut bytes = network(frame);
    for _ in 0..DEPTH {
        let Some(ip) = bytes.and_then(Ip::parse) else { return false };
        if ip.fragment.is_some() {
            return true;
        }
        bytes = inner(&ip);
    }
    false
}

/// What a tunnel's packet carries; `None` where it is no tunnel's, or is not opened.
#[inline]
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
