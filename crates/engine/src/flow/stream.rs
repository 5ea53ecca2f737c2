//! One direction of a TCP connection, put together: what came out of order waits, what came twice counts once.
//!
//! Positions are relative to the initial sequence number (the first byte of payload is at 1) and do not wrap. Where
//! segments overlap with different content, what came first stays: what was delivered cannot be taken back, and of what
//! waits the same rule keeps both alike.

use std::collections::VecDeque;

/// Pieces of one direction that wait.
const PIECES: usize = 256;
/// Bytes of one direction that wait.
const BYTES: usize = 1 << 20;
/// A segment that lies further ahead is not of this connection.
const AHEAD: i64 = 64 << 20;

/// A piece that came before what precedes it.
#[derive(Debug)]
struct Piece {
    start: i64,
    end: i64,
    /// Empty where nobody wants the content.
    bytes: Vec<u8>,
}

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The sequence number that positions are relative to, once it is known.
    base: Option<u32>,
    /// Position of the next byte that is to be delivered.
    next: i64,
    /// Position behind the furthest byte that was seen.
    top: i64,
    waiting: VecDeque<Piece>,
    held: usize,
    /// Bytes that were not captured.
    pub(super) missed: u64,
}

/// What a stream gives.
pub(super) enum Part<'a> {
    /// Bytes in order.
    Bytes(&'a [u8]),
    /// So many bytes are missing.
    Gap(u64),
}

/// What became of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It brought something new.
    New,
    /// All of it had been seen.
    Again,
    /// It is not of this connection.
    Astray,
}

impl Stream {
    /// The SYN's sequence number; a second one counts only while nothing was delivered.
    pub(super) fn begin(&mut self, isn: u32) {
        if self.top <= 1 {
            *self = Self { base: Some(isn), next: 1, top: 1, ..Self::default() };
        }
    }

    /// Whether its beginning is known.
    pub(super) fn has_begun(&self) -> bool {
        self.base.is_some()
    }

    /// Whether the SYN had this sequence number.
    pub(super) fn began_at(&self, isn: u32) -> bool {
        self.base == Some(isn)
    }

    /// Bytes of payload, each once, those that were not captured too.
    pub(super) fn payload(&self) -> u64 {
        (self.top - 1).max(0) as u64
    }

    /// Bytes that wait.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// The position of a sequence number: the one nearest to what was seen.
    pub(super) fn position(&self, seq: u32) -> Option<i64> {
        let base = self.base?;
        let near = base.wrapping_add(self.top as u32);
        Some(self.top + i64::from(seq.wrapping_sub(near) as i32))
    }

    /// Takes a segment; `len` is its length on the wire, of which `bytes` were captured. `give` gets what is in order
    /// now; where it is not `wanted`, only the count is kept.
    #[inline]
    pub(super) fn take(
        &mut self,
        (seq, len): (u32, u32),
        bytes: &[u8],
        wanted: bool,
        give: &mut impl FnMut(Part<'_>),
    ) -> Taken {
        if self.base.is_none() {
            self.begin(seq.wrapping_sub(1));
        }
        let Some(start) = self.position(seq) else { return Taken::Astray };
        let end = start + i64::from(len);
        if start > self.top + AHEAD || end < self.next - AHEAD {
            return Taken::Astray;
        }
        if end <= self.next {
            return Taken::Again;
        }
        self.top = self.top.max(end);
        if start <= self.next {
            self.deliver((start, end), bytes, give);
            self.drain(give);
        } else {
            while start > self.next && !self.hold((start, end), bytes, wanted) {
                // There is no room for more: what is missing is given up.
                let before = self.next;
                self.skip_to_waiting(give);
                self.drain(give);
                if self.next == before {
                    self.skip(start, give);
                }
            }
            if start <= self.next && end > self.next {
                self.deliver((start, end), bytes, give);
                self.drain(give);
            }
        }
        Taken::New
    }

    /// The sender has sent its last byte before this position, whether it was captured or not.
    pub(super) fn ends_at(&mut self, seq: u32, len: u32) {
        if let Some(start) = self.position(seq) {
            let end = start + i64::from(len);
            if (self.top..self.top + AHEAD).contains(&end) {
                self.top = end;
            }
        }
    }

    /// The other side has everything before `ack`: what is missing before it will not come.
    #[inline]
    pub(super) fn acked(&mut self, ack: u32, give: &mut impl FnMut(Part<'_>)) {
        let Some(acked) = self.position(ack) else { return };
        while self.next < acked.min(self.top) && !self.waiting.is_empty() {
            self.skip_to_waiting(give);
            self.drain(give);
        }
    }

    /// No more will come.
    pub(super) fn finish(&mut self, give: &mut impl FnMut(Part<'_>)) {
        while !self.waiting.is_empty() {
            self.skip_to_waiting(give);
            self.drain(give);
        }
        if self.top > self.next {
            self.skip(self.top, give);
        }
    }

    /// Gives what is new of a segment that begins at or before what is next.
    fn deliver(&mut self, (start, end): (i64, i64), bytes: &[u8], give: &mut impl FnMut(Part<'_>)) {
        let new = tail(bytes, self.next - start);
        let first = self.next.max(start);
        if !new.is_empty() {
            give(Part::Bytes(new));
        }
        self.next = first + new.len() as i64;
        if end > self.next {
            // The capture cut it off.
            self.skip(end, give);
        }
    }

    fn skip(&mut self, to: i64, give: &mut impl FnMut(Part<'_>)) {
        let gap = (to - self.next).max(0) as u64;
        self.missed += gap;
        self.next = to;
        if gap > 0 {
            give(Part::Gap(gap));
        }
    }

    fn skip_to_waiting(&mut self, give: &mut impl FnMut(Part<'_>)) {
        if let Some(first) = self.waiting.front().map(|piece| piece.start)
            && first > self.next
        {
            self.skip(first, give);
        }
    }

    fn drain(&mut self, give: &mut impl FnMut(Part<'_>)) {
        while let Some(piece) = self.waiting.pop_front_if(|piece| piece.start <= self.next) {
            self.held -= piece.bytes.len();
            if piece.end <= self.next {
                continue;
            }
            if piece.bytes.is_empty() {
                self.next = piece.end;
            } else {
                self.deliver((piece.start, piece.end), &piece.bytes, give);
            }
        }
    }

    /// Puts a segment among those that wait: the parts of it that none of them has. False where there is no room.
    fn hold(&mut self, (mut start, end): (i64, i64), bytes: &[u8], wanted: bool) -> bool {
        let content = if wanted { bytes } else { &[] };
        let first = start;
        while start < end {
            let at = self.waiting.partition_point(|piece| piece.end <= start);
            let (covered, until) = match self.waiting.get(at) {
                Some(piece) if piece.start <= start => (true, piece.end),
                Some(piece) => (false, piece.start.min(end)),
                None => (false, end),
            };
            if !covered {
                let from = tail(content, start - first);
                let part = from.get(..(until - start) as usize).unwrap_or(from);
                if self.waiting.len() >= PIECES || self.held + part.len() > BYTES {
                    return false;
                }
                self.held += part.len();
                self.waiting.insert(at, Piece { start, end: until, bytes: part.to_vec() });
            }
            start = until;
        }
        true
    }
}

/// The bytes from `skip` on; all of them where it is negative.
fn tail(bytes: &[u8], skip: i64) -> &[u8] {
    bytes.get(skip.max(0) as usize..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes segments (sequence number, content) and gives what comes out; `_` stands for a missing byte.
    fn put_together(isn: u32, segments: &[(u32, &str)]) -> (String, Stream) {
        let mut stream = Stream::default();
        stream.begin(isn);
        let mut out = String::new();
        for &(seq, bytes) in segments {
            stream.take((seq, bytes.len() as u32), bytes.as_bytes(), true, &mut |part| write(&mut out, &part));
        }
        stream.finish(&mut |part| write(&mut out, &part));
        (out, stream)
    }

    fn write(out: &mut String, part: &Part<'_>) {
        match part {
            Part::Bytes(bytes) => out.push_str(std::str::from_utf8(bytes).unwrap()),
            Part::Gap(len) => out.push_str(&"_".repeat(*len as usize)),
        }
    }

    #[test]
    fn any_order_gives_the_same() {
        let orders: [&[(u32, &str)]; 4] = [
            &[(1, "abc"), (4, "def"), (7, "ghi")],
            &[(7, "ghi"), (4, "def"), (1, "abc")],
            &[(4, "def"), (4, "def"), (1, "abcd"), (6, "fghi")],
            &[(9, "i"), (5, "e"), (3, "cd"), (1, "ab"), (6, "fg"), (8, "h")],
        ];
        for segments in orders {
            assert_eq!(put_together(0, segments).0, "abcdefghi", "{segments:?}");
        }
    }

    #[test]
    fn sequence_numbers_wrap() {
        let isn = u32::MAX - 2;
        let after = |n: u32| isn.wrapping_add(n);
        let (out, stream) = put_together(isn, &[(after(1), "abc"), (after(7), "ghi"), (after(4), "def")]);
        assert_eq!((out.as_str(), stream.payload(), stream.missed), ("abcdefghi", 9, 0));
    }

    #[test]
    fn of_what_overlaps_the_first_stays() {
        assert_eq!(put_together(0, &[(1, "abcd"), (3, "XXXX")]).0, "abcdXX");
        assert_eq!(put_together(0, &[(3, "cd"), (2, "XXXXX"), (1, "a")]).0, "aXcdXX");
    }

    #[test]
    fn what_was_not_captured_is_a_gap() {
        let (out, stream) = put_together(0, &[(1, "ab"), (5, "ef")]);
        assert_eq!((out.as_str(), stream.missed, stream.payload()), ("ab__ef", 2, 6));
        let mut stream = Stream::default();
        stream.begin(0);
        let mut out = String::new();
        stream.take((3, 2), b"cd", true, &mut |part| write(&mut out, &part));
        stream.acked(3, &mut |part| write(&mut out, &part));
        assert_eq!(out, "__cd", "the other side has it");
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut stream = Stream::default();
        stream.begin(0);
        let mut delivered = 0;
        for n in 0..10_000_u32 {
            stream.take((3 + n * 3, 1), b"x", true, &mut |part| delivered += u32::from(matches!(part, Part::Bytes(_))));
        }
        assert!(stream.waiting.len() <= PIECES && stream.held() <= BYTES);
        assert!(delivered >= 9_000);
        stream.take((1 << 30, 1), b"x", true, &mut |_| {});
        assert_eq!(stream.payload(), 30_000, "a stray segment is none of it");
    }
}
