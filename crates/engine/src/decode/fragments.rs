//! Datagrams that come in pieces (RFC 791, RFC 8200, RFC 5722).

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use catspaw_records::Nanos;
use foldhash::HashMap;

use super::ip::{Fragment, Ip};

/// Datagrams that wait at once; beyond, the oldest is given up.
const DATAGRAMS: usize = 4096;
/// Pieces of one datagram.
const PIECES: usize = 256;
/// Bytes of all pieces that wait.
const BYTES: usize = 16 << 20;
/// A datagram waits so long for its pieces, by the packets' clock.
const PATIENCE: i64 = 60 * Nanos::SECOND;
/// The longest that a datagram can be.
const LONGEST: usize = 65_535;

/// Whose pieces they are. The protocol is part of it only in IPv4, but can be of both.
type Key = (IpAddr, IpAddr, u32, u8);

/// Datagrams of which pieces are missing.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    waiting: HashMap<Key, Datagram>,
    /// In the order in which they began; some may be gone, or begun anew.
    order: VecDeque<(Nanos, Key)>,
    bytes: usize,
}

#[derive(Debug)]
struct Datagram {
    began: Nanos,
    /// By offset; they do not overlap.
    pieces: BTreeMap<usize, Vec<u8>>,
    held: usize,
    /// Length of all of it, once the last piece is there.
    len: Option<usize>,
    /// The first piece's IP header, as that of a whole datagram.
    header: Option<Vec<u8>>,
}

impl Fragments {
    /// Takes a piece; gives the IP packet when it is whole.
    ///
    /// Where pieces overlap, what came first stays: an attacker cannot take back what was seen, and whoever wants to hide
    /// something has to know which stack reads it. Two pieces of the same place count as one.
    pub(super) fn take(
        &mut self,
        ip: &Ip<'_>,
        at: Nanos,
        dropped: &mut impl FnMut(&'static str, u64),
    ) -> Option<Vec<u8>> {
        let fragment = ip.fragment?;
        self.forget_old(at, dropped);
        if ip.payload.len() < ip.payload_len || fragment.offset + ip.payload_len > LONGEST {
            dropped("fragments that are cut off or too long", 1);
            return None;
        }
        let key = (ip.src, ip.dst, fragment.id, if ip.src.is_ipv4() { ip.proto.0 } else { 0 });
        let datagram = self.waiting.entry(key).or_insert_with(|| {
            self.order.push_back((at, key));
            Datagram { began: at, pieces: BTreeMap::new(), held: 0, len: None, header: None }
        });
        let before = datagram.held;
        if !datagram.add(ip, fragment) {
            dropped("fragments of a datagram in too many pieces", 1);
        }
        self.bytes += datagram.held - before;
        if datagram.len == Some(datagram.held) && datagram.header.is_some() {
            let whole = self.waiting.remove(&key)?;
            self.bytes -= whole.held;
            return whole.put_together();
        }
        while self.waiting.len() > DATAGRAMS || self.bytes > BYTES {
            self.give_up_oldest(dropped);
        }
        None
    }

    fn forget_old(&mut self, now: Nanos, dropped: &mut impl FnMut(&'static str, u64)) {
        while self.order.front().is_some_and(|&(began, _)| now.since(began) > PATIENCE) {
            self.give_up_oldest(dropped);
        }
    }

    fn give_up_oldest(&mut self, dropped: &mut impl FnMut(&'static str, u64)) {
        let Some((began, key)) = self.order.pop_front() else {
            self.waiting.clear();
            self.bytes = 0;
            return;
        };
        if self.waiting.get(&key).is_some_and(|datagram| datagram.began == began)
            && let Some(gone) = self.waiting.remove(&key)
        {
            self.bytes -= gone.held;
            dropped("datagrams of which fragments are missing", 1);
        }
    }
}

impl Datagram {
    /// Adds what of the piece is new; false where it has too many.
    fn add(&mut self, ip: &Ip<'_>, fragment: Fragment) -> bool {
        let (mut from, end) = (fragment.offset, fragment.offset + ip.payload.len());
        if !fragment.more {
            self.len.get_or_insert(end);
        }
        if fragment.offset == 0 && self.header.is_none() {
            self.header = whole_header(ip, fragment);
        }
        let mut piece = ip.payload;
        while !piece.is_empty() {
            if self.pieces.len() >= PIECES {
                return false;
            }
            // What a piece before it covers already.
            let covered = self.pieces.range(..=from).next_back().map_or(0, |(&start, held)| start + held.len());
            if covered > from {
                let skip = (covered - from).min(piece.len());
                (piece, from) = (&piece[skip..], from + skip);
                continue;
            }
            let next = self.pieces.range(from..).next().map_or(end, |(&start, _)| start);
            let take = (next - from).min(piece.len());
            self.pieces.insert(from, piece[..take].to_vec());
            self.held += take;
            (piece, from) = (&piece[take..], from + take);
        }
        true
    }

    fn put_together(self) -> Option<Vec<u8>> {
        let mut whole = self.header?;
        let header_len = whole.len();
        for (start, piece) in self.pieces {
            // A piece beyond the end that the last one states is a lie.
            if start + header_len != whole.len() {
                return None;
            }
            whole.extend_from_slice(&piece);
        }
        let payload_len = whole.len() - if whole[0] >> 4 == 4 { 0 } else { 40 };
        let len = u16::try_from(payload_len).ok()?.to_be_bytes();
        let at = if whole[0] >> 4 == 4 { 2 } else { 4 };
        whole[at..at + 2].copy_from_slice(&len);
        if at == 2 {
            restate_checksum(&mut whole[..header_len]);
        }
        Some(whole)
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
    let sum: u32 = header.chunks(2).map(|two| u32::from(u16::from_be_bytes([two[0], *two.get(1).unwrap_or(&0)]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    header[10..12].copy_from_slice(&(!(folded as u16)).to_be_bytes());
}
