//! Link layers, and what may stand between them and IP.

use crate::capture::LinkType;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
/// Tags of 802.1Q and 802.1ad, and two older numbers of the latter.
const VLAN: [u16; 4] = [0x8100, 0x88a8, 0x9100, 0x9200];
const MPLS: [u16; 2] = [0x8847, 0x8848];
const PPPOE: u16 = 0x8864;
const TRANSPARENT_ETHERNET: u16 = 0x6558;
const ERSPAN_II: u16 = 0x88be;
const PPP_IN_GRE: u16 = 0x880b;
const NSH: u16 = 0x894f;
/// Headers between the link and IP that are walked.
const DEPTH: usize = 16;

/// Why a frame holds no IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum No {
    /// It holds something else (ARP, ...), or ends before it.
    Ip,
    /// Its link type is not read.
    Link,
}

type Ip<'a> = Result<&'a [u8], No>;

/// The IP packet of a frame, with whatever the link put behind it.
#[inline]
pub(super) fn network(link: LinkType, frame: &[u8]) -> Ip<'_> {
    match link {
        LinkType::ETHERNET => ethernet(frame),
        LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 => Ok(frame),
        link if LinkType::RAW_BSD.contains(&link) => Ok(frame),
        // The family is whatever the capturing system's number for it is; the version of IP says enough.
        LinkType::NULL | LinkType::LOOP => bare(rest(frame, 4)?),
        LinkType::LINUX_SLL => ether_type(be16(frame, 14)?, rest(frame, 16)?),
        LinkType::LINUX_SLL2 => ether_type(be16(frame, 0)?, rest(frame, 20)?),
        LinkType::PPP | LinkType::PPP_HDLC => ppp(frame.strip_prefix(&[0xff, 0x03]).unwrap_or(frame)),
        LinkType::PPP_ETHER => ppp(rest(frame, 6)?),
        _ => Err(No::Link),
    }
}

fn ethernet(frame: &[u8]) -> Ip<'_> {
    let kind = be16(frame, 12)?;
    let payload = rest(frame, 14)?;
    if kind >= 0x0600 {
        return ether_type(kind, payload);
    }
    // 802.3 with a length: IP is in it only behind LLC and SNAP.
    match payload.strip_prefix(&[0xaa, 0xaa, 0x03, 0, 0, 0]) {
        Some(snap) => ether_type(be16(snap, 0)?, rest(snap, 2)?),
        None => Err(No::Ip),
    }
}

fn ether_type(mut kind: u16, mut payload: &[u8]) -> Ip<'_> {
    for _ in 0..DEPTH {
        match kind {
            IPV4 | IPV6 => return Ok(payload),
            kind_of if VLAN.contains(&kind_of) => (kind, payload) = (be16(payload, 2)?, rest(payload, 4)?),
            kind_of if MPLS.contains(&kind_of) => return mpls(payload),
            PPPOE => return ppp(rest(payload, 6)?),
            NSH => return nsh(payload),
            _ => return Err(No::Ip),
        }
    }
    Err(No::Ip)
}

/// Labels down to the bottom of the stack; what follows does not say what it is.
fn mpls(mut payload: &[u8]) -> Ip<'_> {
    for _ in 0..DEPTH {
        let bottom = payload.get(2).ok_or(No::Ip)? & 1 != 0;
        payload = rest(payload, 4)?;
        if bottom {
            return match payload.first().map(|byte| byte >> 4) {
                // A pseudowire's control word, and Ethernet behind it.
                Some(0) => ethernet(rest(payload, 4)?),
                _ => bare(payload),
            };
        }
    }
    Err(No::Ip)
}

/// RFC 8300: the base header says its length in words of four bytes and what follows.
fn nsh(payload: &[u8]) -> Ip<'_> {
    let words = usize::from(payload.get(1).ok_or(No::Ip)? & 0x3f);
    let next = payload.get(3).ok_or(No::Ip)?;
    let inner = rest(payload, (words * 4).max(8))?;
    match next {
        1 | 2 => bare(inner),
        3 => ethernet(inner),
        _ => Err(No::Ip),
    }
}

fn ppp(payload: &[u8]) -> Ip<'_> {
    // The number may be compressed to its odd half.
    match *payload {
        [0x00, 0x21 | 0x57, ref ip @ ..] | [0x21 | 0x57, ref ip @ ..] => Ok(ip),
        [0x02, 0x81, ref labels @ ..] => mpls(labels),
        _ => Err(No::Ip),
    }
}

/// What a GRE packet carries (RFC 2784, 2890; version 1 is PPTP's, RFC 2637).
pub(super) fn gre(payload: &[u8]) -> Ip<'_> {
    let (flags, kind) = (be16(payload, 0)?, be16(payload, 2)?);
    let field = |bit: u16, len: usize| if flags & bit != 0 { len } else { 0 };
    let (checksum, routing, key, sequence) = (0x8000, 0x4000, 0x2000, 0x1000);
    if flags & routing != 0 {
        return Err(No::Ip);
    }
    match flags & 7 {
        0 => {
            let inner = rest(payload, 4 + field(checksum, 4) + field(key, 4) + field(sequence, 4))?;
            match kind {
                TRANSPARENT_ETHERNET => ethernet(inner),
                // Its header is there where a sequence number is.
                ERSPAN_II if flags & sequence != 0 => ethernet(rest(inner, 8)?),
                ERSPAN_II => ethernet(inner),
                _ => ether_type(kind, inner),
            }
        }
        1 if kind == PPP_IN_GRE => {
            let inner = rest(payload, 8 + field(sequence, 4) + field(0x0080, 4))?;
            ppp(inner.strip_prefix(&[0xff, 0x03]).unwrap_or(inner))
        }
        _ => Err(No::Ip),
    }
}

/// IP that only its own version shows.
fn bare(payload: &[u8]) -> Ip<'_> {
    match payload.first().map(|byte| byte >> 4) {
        Some(4 | 6) => Ok(payload),
        _ => Err(No::Ip),
    }
}

fn be16(bytes: &[u8], at: usize) -> Result<u16, No> {
    bytes.get(at..at + 2).map(|two| u16::from_be_bytes([two[0], two[1]])).ok_or(No::Ip)
}

fn rest(bytes: &[u8], from: usize) -> Ip<'_> {
    bytes.get(from..).ok_or(No::Ip)
}
