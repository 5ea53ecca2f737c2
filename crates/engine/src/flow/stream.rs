//! One direction of a TCP connection, put together: what came out of order waits, what came twice counts once.
//!
//! Where segments overlap with different content, what came first stays: what was delivered cannot be taken back, and
//! of what waits the same rule keeps both alike.

use std::collections::VecDeque;

/// Pieces of one direction that wait.
const PIECES: usize = 256;
/// Bytes of one direction that wait.
const BYTES: usize = 1 << 20;
/// The same where the other side was never heard: nobody will say that what is missing had come.
const UNHEARD: usize = 16 << 10;
/// Bytes of all streams of a shard that wait; beyond, what is missing is given up at once.
const HELD: usize = 4 << 20;
/// Buffers that are kept for further pieces, and how large one may be.
const SPARE: usize = 64;
const SPARE_BYTES: usize = 4 << 10;

/// A piece that came before what precedes it.
#[derive(Debug)]
struct Piece {
    start: i64,
    end: i64,
    /// Behind what was captured of it.
    captured: i64,
    /// Empty where nobody wants the content.
    bytes: Vec<u8>,
}

/// Memory of the pieces of many streams.
#[derive(Debug, Default)]
pub(super) struct Store {
    held: usize,
    spare: Vec<Vec<u8>>,
}

impl Store {
    fn keep(&mut self, bytes: &[u8]) -> Vec<u8> {
        if bytes.is_empty() {
            return Vec::new();
        }
        let mut kept = self.spare.pop().unwrap_or_default();
        kept.extend_from_slice(bytes);
        self.held += bytes.len();
        kept
    }

    fn release(&mut self, mut bytes: Vec<u8>) {
        self.held -= bytes.len();
        if self.spare.len() < SPARE && (1..=SPARE_BYTES).contains(&bytes.capacity()) {
            bytes.clear();
            self.spare.push(bytes);
        }
    }

    /// Bytes that wait.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.held
    }
}

/// One direction. Positions are those of its end.
#[derive(Debug)]
pub(super) struct Stream {
    /// The next byte that is to be delivered.
    next: i64,
    waiting: VecDeque<Piece>,
    /// Bytes between the ends of what waits, captured or not.
    waits: usize,
}

impl Default for Stream {
    fn default() -> Self {
        Self { next: 1, waiting: VecDeque::new(), waits: 0 }
    }
}

/// What a stream gives.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Bytes in order.
    Bytes(&'a [u8]),
    /// So many bytes are missing.
    Gap(u64),
}

/// A segment's payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payload<'a> {
    /// Where it lies, by its length on the wire.
    pub(super) start: i64,
    pub(super) end: i64,
    /// What was captured of it.
    pub(super) bytes: &'a [u8],
    /// Whether the content of what has to wait is wanted.
    pub(super) is_wanted: bool,
}

impl Stream {
    /// The position of the next byte that is to be delivered.
    pub(super) fn next(&self) -> i64 {
        self.next
    }

    /// Whether something waits for what precedes it.
    pub(super) fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes a segment. `acked` is how far the other side has it all; where that is nothing the other side
    /// `is_unheard`.
    #[inline]
    pub(super) fn take(
        &mut self,
        payload: Payload<'_>,
        acked: i64,
        is_unheard: bool,
        store: &mut Store,
        give: &mut impl FnMut(Part<'_>),
    ) {
        if payload.end <= self.next {
            return;
        }
        if payload.start > self.next {
            self.take_early(payload, acked, is_unheard, store, give);
        }
        if payload.start > self.next || payload.end <= self.next {
            return;
        }
        if !self.waiting.is_empty() {
            return self.take_between(&payload, store, give);
        }
        self.deliver((payload.start, payload.end), payload.bytes, give);
    }

    /// Takes a segment that is next while others wait: where it reaches into them, they stay, as far as there is room
    /// to put the rest between.
    #[cold]
    fn take_between(&mut self, payload: &Payload<'_>, store: &mut Store, give: &mut impl FnMut(Part<'_>)) {
        if self.waiting.front().is_some_and(|piece| piece.start < payload.end) {
            let rest = tail(payload.bytes, self.next - payload.start);
            self.hold(&Payload { start: self.next, bytes: rest, ..*payload }, store);
            self.drain(store, give);
        }
        if payload.end > self.next {
            self.deliver((payload.start, payload.end), payload.bytes, give);
        }
        self.drain(store, give);
    }

    /// Takes a segment that begins behind what is next. It is left to the caller where nothing more precedes it.
    #[cold]
    fn take_early(
        &mut self,
        payload: Payload<'_>,
        acked: i64,
        is_unheard: bool,
        store: &mut Store,
        give: &mut impl FnMut(Part<'_>),
    ) {
        if acked > self.next {
            self.give_up(acked.min(payload.start), store, give);
        }
        let room = if is_unheard { UNHEARD } else { BYTES };
        let len = (payload.end - payload.start) as usize;
        while payload.start > self.next {
            if self.waits + len <= room && self.hold(&payload, store) {
                return;
            }
            // There is no room for more: what is missing is given up.
            let first = self.waiting.front().map_or(payload.start, |piece| piece.start.min(payload.start));
            self.give_up(first, store, give);
        }
    }

    /// The other side has everything before `acked`: what is missing before it will not come. Where nothing waits for
    /// it and the stream is not at its end, it may have been captured late.
    #[inline]
    pub(super) fn acked(&mut self, acked: i64, at_end: bool, store: &mut Store, give: &mut impl FnMut(Part<'_>)) {
        if self.next < acked && (at_end || !self.waiting.is_empty()) {
            self.give_up(acked, store, give);
        }
    }

    /// What is missing before `to` will not come.
    pub(super) fn give_up(&mut self, to: i64, store: &mut Store, give: &mut impl FnMut(Part<'_>)) {
        while self.next < to {
            let first = self.waiting.front().map_or(to, |piece| piece.start);
            self.skip(first.min(to), give);
            self.drain(store, give);
        }
    }

    /// No more will come, and what was sent ends at `end`.
    pub(super) fn finish(&mut self, end: i64, store: &mut Store, give: &mut impl FnMut(Part<'_>)) {
        let last = self.waiting.back().map_or(end, |piece| piece.end.max(end));
        self.give_up(last, store, give);
        debug_assert!(self.waiting.is_empty(), "all that waits lies before its end");
    }

    /// Gives what is new of a segment that begins at or before what is next.
    fn deliver(&mut self, (start, end): (i64, i64), bytes: &[u8], give: &mut impl FnMut(Part<'_>)) {
        let new = tail(bytes, self.next - start);
        if !new.is_empty() {
            give(Part::Bytes(new));
            self.next += new.len() as i64;
        }
        // The capture cut it off.
        self.skip(end, give);
    }

    fn skip(&mut self, to: i64, give: &mut impl FnMut(Part<'_>)) {
        if to > self.next {
            give(Part::Gap((to - self.next) as u64));
            self.next = to;
        }
    }

    fn drain(&mut self, store: &mut Store, give: &mut impl FnMut(Part<'_>)) {
        while let Some(piece) = self.waiting.pop_front_if(|piece| piece.start <= self.next) {
            self.waits -= (piece.end - piece.start) as usize;
            if piece.end > self.next {
                if piece.bytes.is_empty() {
                    self.next = self.next.max(piece.captured);
                }
                self.deliver((piece.start, piece.end), &piece.bytes, give);
            }
            store.release(piece.bytes);
        }
    }

    /// Puts a segment among those that wait: the parts of it that none of them has. False where there is no room.
    fn hold(&mut self, payload: &Payload<'_>, store: &mut Store) -> bool {
        let mut start = payload.start;
        while start < payload.end {
            let at = self.waiting.partition_point(|piece| piece.end <= start);
            let (is_new, until) = match self.waiting.get(at) {
                Some(piece) if piece.start <= start => (false, piece.end),
                Some(piece) => (true, piece.start.min(payload.end)),
                None => (true, payload.end),
            };
            if is_new {
                let len = (until - start) as usize;
                let captured = tail(payload.bytes, start - payload.start);
                let captured = captured.get(..len).unwrap_or(captured);
                let part = if payload.is_wanted { captured } else { &[] };
                if self.waiting.len() >= PIECES || store.held + part.len() > HELD {
                    return false;
                }
                self.waits += len;
                let captured = start + captured.len() as i64;
                self.waiting.insert(at, Piece { start, end: until, captured, bytes: store.keep(part) });
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
mod tests;
