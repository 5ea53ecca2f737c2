//! One datagram, from its fragments (RFC 791, RFC 8200, RFC 5722).
//!
//! Where pieces of IPv4 overlap, what came first stays: an attacker cannot take back what was seen, and hosts disagree
//! (those of today throw all of it away, older ones kept the first or the last). In IPv6 they agree: a datagram of which
//! pieces overlap is no datagram, and what else comes of it is swallowed. A piece that came before, byte for byte in the
//! same place, is a retransmission in both.

use std::collections::BTreeMap;

use super::ip::{Fragment, Ip};

/// Pieces of one datagram: of the longest there are 230 at an MTU of 296.
const PIECES: usize = 256;
/// The longest that a datagram can be, without the header of IPv6.
const LONGEST: usize = 65_535;
/// What a piece takes beside its bytes, about.
const PIECE_OVERHEAD: usize = 64;

/// The pieces of a datagram so far.
#[derive(Debug, Default)]
pub(super) struct Datagram {
    /// By offset; they do not overlap.
    pieces: BTreeMap<usize, Vec<u8>>,
    held: usize,
    /// Numbers of the frames that brought them.
    frames: Vec<u64>,
    /// Where the furthest piece ends.
    end: usize,
    /// Length of all of it, once the last piece is there.
    len: Option<usize>,
    /// The first piece's IP header, as that of a whole datagram.
    header: Option<Vec<u8>>,
    /// Pieces of IPv6 overlapped.
    is_dead: bool,
}

/// What a piece made of its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Added {
    Waits,
    Whole,
    Refused(&'static str),
}

impl Datagram {
    /// What its pieces take, in bytes.
    pub(super) fn memory(&self) -> usize {
        let header = self.header.as_ref().map_or(0, Vec::len);
        header + self.held + self.pieces.len() * PIECE_OVERHEAD + self.frames.len() * size_of::<u64>()
    }

    /// Adds what of the piece is new, which came in frames of these numbers.
    pub(super) fn add(&mut self, ip: &Ip<'_>, fragment: Fragment, frames: &[u64]) -> Added {
        if self.is_dead {
            return Added::Refused("fragments of IPv6 that overlap");
        }
        if let Some(why) = self.objection(ip, fragment) {
            return Added::Refused(why);
        }
        // Only the last piece may end within eight bytes: of another the rest is no part of anything.
        let len = if fragment.more { ip.payload.len() & !7 } else { ip.payload.len() };
        let piece = &ip.payload[..len];
        let end = fragment.offset + len;
        if ip.src.is_ipv6() && self.overlaps(fragment.offset, piece) {
            // It stays until its time is over, for what is yet to come; its bytes are charged until then.
            self.is_dead = true;
            return Added::Refused("fragments of IPv6 that overlap");
        }
        self.end = self.end.max(end);
        if !fragment.more {
            self.len = Some(end);
        }
        if fragment.offset == 0 && self.header.is_none() {
            self.header = whole_header(ip, fragment);
        }
        let held = self.held;
        if !self.fill(fragment.offset, piece) {
            return Added::Refused("fragments of a datagram in too many pieces");
        }
        if self.held > held {
            self.frames.extend_from_slice(frames);
        }
        if self.len == Some(self.held) && self.header.is_some() { Added::Whole } else { Added::Waits }
    }

    /// Why a piece is none of this datagram's.
    fn objection(&self, ip: &Ip<'_>, fragment: Fragment) -> Option<&'static str> {
        if ip.payload.len() < ip.payload_len {
            return Some("fragments that the capture cut off");
        }
        let end = fragment.offset + ip.payload.len();
        if end + ip.header.len() > LONGEST {
            return Some("fragments beyond the longest datagram");
        }
        if ip.payload.is_empty() || (fragment.more && ip.payload.len() < 8) {
            return Some("fragments with nothing in them");
        }
        let is_end_moved = match self.len {
            Some(len) => end > len || (!fragment.more && end != len),
            None => !fragment.more && end < self.end,
        };
        is_end_moved.then_some("fragments that contradict others of their datagram")
    }

    /// Whether a piece lies over others, and is no copy of one of them.
    fn overlaps(&self, from: usize, piece: &[u8]) -> bool {
        let before = self.pieces.range(..from + piece.len()).next_back();
        before.is_some_and(|(&start, held)| start + held.len() > from && !(start == from && held == piece))
    }

    /// Fills the holes that a piece lies over; false where it has too many.
    fn fill(&mut self, mut from: usize, mut piece: &[u8]) -> bool {
        while !piece.is_empty() {
            // What a piece before it covers already.
            let covered = self.pieces.range(..=from).next_back().map_or(0, |(&start, held)| start + held.len());
            if covered > from {
                let skip = (covered - from).min(piece.len());
                (piece, from) = (&piece[skip..], from + skip);
                continue;
            }
            if self.pieces.len() >= PIECES {
                return false;
            }
            let room = self.pieces.range(from..).next().map_or(piece.len(), |(&start, _)| start - from);
            let (new, rest) = piece.split_at(room.min(piece.len()));
            self.pieces.insert(from, new.to_vec());
            self.held += new.len();
            (piece, from) = (rest, from + new.len());
        }
        true
    }

    /// The IP packet, and the numbers of the frames that brought it; `None` where header and pieces are longer than a packet
    /// can be.
    pub(super) fn put_together(self) -> Option<(Vec<u8>, Vec<u64>)> {
        let mut whole = self.header?;
        let header_len = whole.len();
        whole.reserve_exact(self.held);
        // They lie one behind the other: together they are as long as where the last one ends, and none overlap.
        for piece in self.pieces.values() {
            whole.extend_from_slice(piece);
        }
        if whole[0] >> 4 == 4 {
            let len = u16::try_from(whole.len()).ok()?;
            whole[2..4].copy_from_slice(&len.to_be_bytes());
            restate_checksum(&mut whole[..header_len]);
        } else {
            let len = u16::try_from(whole.len() - 40).ok()?;
            whole[4..6].copy_from_slice(&len.to_be_bytes());
        }
        Some((whole, self.frames))
    }
}

/// The header of a whole datagram, from its first piece's.
fn whole_header(ip: &Ip<'_>, fragment: Fragment) -> Option<Vec<u8>> {
    let mut header = ip.header.to_vec();
    match fragment.in_header {
        None => header[6..8].fill(0),
        Some((next_at, at)) => {
            let next = *header.get(at)?;
            *header.get_mut(next_at)? = next;
            header.truncate(at);
        }
    }
    Some(header)
}

/// The checksum of an IPv4 header that was changed here.
fn restate_checksum(header: &mut [u8]) {
    header[10..12].fill(0);
    // Its length is a multiple of four, and at most 60.
    let words = header.as_chunks::<2>().0;
    let sum: u32 = words.iter().map(|&word| u32::from(u16::from_be_bytes(word))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    header[10..12].copy_from_slice(&(!(folded as u16)).to_be_bytes());
}
