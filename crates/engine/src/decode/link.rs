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
const ERSPAN_III: u16 = 0x22eb;
const PPP_IN_GRE: u16 = 0x880b;
const NSH: u16 = 0x894f;
/// Cisco's tag of a virtual interface, which a switch may leave on what it mirrors.
const VNTAG: u16 = 0x8926;
/// Linux's own number for frames that begin with 802.2's header.
const LINUX_LLC: u16 = 0x0004;
/// Headers between the link and IP that are walked.
const DEPTH: usize = 16;

/// Why a frame holds no IP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum No {
    /// It holds something else (ARP, ...).
    Ip,
    /// It ends before it.
    Whole,
    /// Its link type is not read.
    Link,
}

type Ip<'a> = Result<&'a [u8], No>;

/// The IP packet of a frame, with whatever the link put behind it.
#[inline]
pub(super) fn network(link: LinkType, frame: &[u8]) -> Ip<'_> {
    match link {
        LinkType::ETHERNET => ethernet(frame),
        LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 => bare(frame),
        // The family is whatever the capturing system's number for it is; the version of IP says enough.
        LinkType::NULL | LinkType::LOOP => bare(rest(frame, 4)?),
        LinkType::LINUX_SLL => ether_type(be16(frame, 14)?, rest(frame, 16)?, DEPTH),
        LinkType::LINUX_SLL2 => ether_type(be16(frame, 0)?, rest(frame, 20)?, DEPTH),
        LinkType::PPP | LinkType::PPP_HDLC => framed_ppp(frame),
        LinkType::PPP_ETHER => pppoe(frame),
        LinkType::C_HDLC => match frame {
            [0xff, 0x03, ..] => framed_ppp(frame),
            _ => ether_type(be16(frame, 2)?, rest(frame, 4)?, DEPTH),
        },
        link if LinkType::RAW_BSD.contains(&link) => bare(frame),
        _ => Err(No::Link),
    }
}

#[inline]
fn ethernet(frame: &[u8]) -> Ip<'_> {
    ethernet_within(frame, DEPTH)
}

/// `depth` is how many headers may yet be walked.
#[inline]
fn ethernet_within(frame: &[u8], depth: usize) -> Ip<'_> {
    match be16(frame, 12)? {
        // 802.3: it is a length.
        0..0x0600 => llc(rest(frame, 14)?, depth),
        kind => ether_type(kind, rest(frame, 14)?, depth),
    }
}

/// IP stands behind 802.2's header as a protocol of its own (6), or behind that of SNAP (RFC 1042).
fn llc(payload: &[u8], depth: usize) -> Ip<'_> {
    match payload {
        [0xaa, 0xaa, 0x03, 0, 0, 0, snap @ ..] => ether_type(be16(snap, 0)?, rest(snap, 2)?, depth),
        [0x06, 0x06, 0x03, ip @ ..] => bare(ip),
        _ => Err(No::Ip),
    }
}

#[inline]
fn ether_type(mut kind: u16, mut payload: &[u8], depth: usize) -> Ip<'_> {
    for depth in (0..depth).rev() {
        match kind {
            IPV4 => return of_version(4, payload),
            IPV6 => return of_version(6, payload),
            PPPOE => return pppoe(payload),
            NSH => return nsh(payload, depth),
            LINUX_LLC => return llc(payload, depth),
            kind_of if VLAN.contains(&kind_of) => (kind, payload) = (be16(payload, 2)?, rest(payload, 4)?),
            VNTAG => (kind, payload) = (be16(payload, 4)?, rest(payload, 6)?),
            kind_of if MPLS.contains(&kind_of) => return mpls(payload, depth),
            _ => return Err(No::Ip),
        }
    }
    Err(No::Ip)
}

/// Labels down to the bottom of the stack; what follows does not say what it is.
fn mpls(mut payload: &[u8], depth: usize) -> Ip<'_> {
    for depth in (0..depth).rev() {
        let is_bottom = payload.get(2).ok_or(No::Whole)? & 1 != 0;
        payload = rest(payload, 4)?;
        if is_bottom {
            return match payload.first().map(|byte| byte >> 4) {
                // A pseudowire's control word, and Ethernet behind it.
                Some(0) => ethernet_within(rest(payload, 4)?, depth),
                _ => bare(payload),
            };
        }
    }
    Err(No::Ip)
}

/// RFC 8300: the base header says its length in words of four bytes and what follows.
fn nsh(payload: &[u8], depth: usize) -> Ip<'_> {
    let words = usize::from(payload.get(1).ok_or(No::Whole)? & 0x3f);
    let next = payload.get(3).ok_or(No::Whole)?;
    let inner = rest(payload, (words * 4).max(8))?;
    match next {
        1 => of_version(4, inner),
        2 => of_version(6, inner),
        3 => ethernet_within(inner, depth),
        5 => mpls(inner, depth),
        _ => Err(No::Ip),
    }
}

/// RFC 2516: data of a session has the code 0.
fn pppoe(payload: &[u8]) -> Ip<'_> {
    match payload.first_chunk::<6>().ok_or(No::Whole)? {
        [0x11, 0, ..] => ppp(&payload[6..]),
        _ => Err(No::Ip),
    }
}

/// Address and control of HDLC may be left out (RFC 1662).
fn framed_ppp(frame: &[u8]) -> Ip<'_> {
    ppp(frame.strip_prefix(&[0xff, 0x03]).unwrap_or(frame))
}

fn ppp(payload: &[u8]) -> Ip<'_> {
    // The number may be compressed to its odd half.
    match payload {
        [0x00, 0x21, ip @ ..] | [0x21, ip @ ..] => of_version(4, ip),
        [0x00, 0x57, ip @ ..] | [0x57, ip @ ..] => of_version(6, ip),
        [0x02, 0x81 | 0x83, labels @ ..] => mpls(labels, DEPTH),
        [] | [0x00] => Err(No::Whole),
        _ => Err(No::Ip),
    }
}

/// What a GRE packet carries (RFC 2784, 2890; version 1 is PPTP's, RFC 2637).
pub(super) fn gre(payload: &[u8]) -> Ip<'_> {
    let (flags, kind) = (be16(payload, 0)?, be16(payload, 2)?);
    let field = |bit: u16, len: usize| if flags & bit != 0 { len } else { 0 };
    let (checksum, routing, key, sequence, acknowledged) = (0x8000, 0x4000, 0x2000, 0x1000, 0x0080);
    match flags & 7 {
        0 if flags & routing == 0 => {
            let inner = rest(payload, 4 + field(checksum, 4) + field(key, 4) + field(sequence, 4))?;
            match kind {
                TRANSPARENT_ETHERNET => ethernet(inner),
                // Its header is there where a sequence number is.
                ERSPAN_II => ethernet(rest(inner, field(sequence, 8))?),
                ERSPAN_III => erspan_iii(inner),
                PPP_IN_GRE => framed_ppp(inner),
                _ => ether_type(kind, inner, DEPTH),
            }
        }
        1 if kind == PPP_IN_GRE => framed_ppp(rest(payload, 8 + field(sequence, 4) + field(acknowledged, 4))?),
        _ => Err(No::Ip),
    }
}

/// What a switch mirrors by ERSPAN's third version: its header says whether a further one follows, and what that carries.
fn erspan_iii(payload: &[u8]) -> Ip<'_> {
    let flags = be16(payload, 10)?;
    let inner = rest(payload, 12 + if flags & 1 != 0 { 8 } else { 0 })?;
    match flags >> 10 & 0x1f {
        0 => ethernet(inner),
        2 => bare(inner),
        _ => Err(No::Ip),
    }
}

/// IP that only its own version shows.
#[inline]
fn bare(payload: &[u8]) -> Ip<'_> {
    match payload.first().ok_or(No::Whole)? >> 4 {
        4 | 6 => Ok(payload),
        _ => Err(No::Ip),
    }
}

/// IP of the version that the header before it says: a host reads no other.
#[inline]
fn of_version(version: u8, payload: &[u8]) -> Ip<'_> {
    if payload.first().ok_or(No::Whole)? >> 4 == version { Ok(payload) } else { Err(No::Ip) }
}

#[inline]
fn be16(bytes: &[u8], at: usize) -> Result<u16, No> {
    bytes.get(at..at + 2).map(|two| u16::from_be_bytes([two[0], two[1]])).ok_or(No::Whole)
}

#[inline]
fn rest(bytes: &[u8], from: usize) -> Ip<'_> {
    bytes.get(from..).ok_or(No::Whole)
}
