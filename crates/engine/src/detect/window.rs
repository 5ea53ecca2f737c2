//! The stretch of a stream that rules are held against.

use std::collections::VecDeque;

use catspaw_records::{Nanos, Place};
use catspaw_rules::Buffer;

/// Bytes of a stream that are held against rules at once, as Suricata's chunks.
const CHUNK: usize = 2560;
/// A packet with so many bytes of payload is followed by others.
const FULL: usize = 1024;
/// Bytes that are held against rules a second time, before those that are new, so that what lies in both is found.
pub(super) const TAIL: usize = 1024;

/// Bytes without a gap.
#[derive(Debug, Default)]
struct Stretch {
    /// Bytes of the stream before these.
    base: u64,
    bytes: Vec<u8>,
    /// How many of them were held against rules.
    seen: usize,
    /// How many of them were so as a packet, before.
    passed: usize,
    /// Whether in these there was something by which rules are found.
    fertile: bool,
}

/// One direction's bytes, as far as they are still of use.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Those that a gap ended and rules have not seen.
    ended: VecDeque<Stretch>,
    current: Stretch,
    /// The last packet that brought any.
    pub(super) last: Option<(Nanos, Place)>,
}

impl Stretch {
    fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    fn is_seen(&self) -> bool {
        self.seen == self.bytes.len()
    }
}

impl Window {
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let held = &mut self.current.bytes;
        if held.capacity() == 0 && bytes.len() >= FULL {
            held.reserve(CHUNK + 2 * FULL);
        }
        held.extend_from_slice(bytes);
    }

    /// What follows does not belong to what was before.
    pub(super) fn gap(&mut self, len: u64) {
        let base = self.current.end().saturating_add(len);
        let before = std::mem::replace(&mut self.current, Stretch { base, ..Stretch::default() });
        if !before.is_seen() {
            self.ended.push_back(before);
        }
    }

    /// What it holds was held against rules as a packet.
    pub(super) fn pass(&mut self) {
        self.current.passed = self.current.bytes.len();
    }

    /// Bytes that it holds.
    pub(super) fn held(&self) -> usize {
        self.ended.iter().map(|stretch| stretch.bytes.len()).sum::<usize>() + self.current.bytes.len()
    }

    /// Whether there is anything that rules have not seen.
    pub(super) fn has_unseen(&self) -> bool {
        !self.ended.is_empty() || !self.current.is_seen()
    }

    /// Whether there is enough of that to be worth while.
    pub(super) fn is_due(&self) -> bool {
        !self.ended.is_empty() || self.current.bytes.len() - self.current.seen >= CHUNK
    }

    /// Gives what rules have not seen, with what stands right before and whether there was anything in that by which rules
    /// are found, and how many of them rules have seen as a packet; `look` says whether there is now. Keeps no more than a tail of
    /// `keep` bytes.
    pub(super) fn show(&mut self, keep: usize, look: &mut impl FnMut(Buffer<'_>, bool, usize) -> bool) {
        for Stretch { base, bytes, seen, passed, fertile } in self.ended.drain(..) {
            look(Buffer { bytes: &bytes, base, seen }, fertile, passed);
        }
        let Stretch { base, bytes, seen, passed, fertile } = &mut self.current;
        if *seen < bytes.len() {
            *fertile = look(Buffer { bytes, base: *base, seen: *seen }, *fertile, *passed);
        }
        let gone = bytes.len().saturating_sub(keep);
        bytes.drain(..gone);
        *base += gone as u64;
        (*seen, *passed) = (bytes.len(), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(window: &mut Window) -> Vec<(u64, usize, usize)> {
        let mut shown = Vec::new();
        window.show(TAIL, &mut |buffer, _, _| {
            shown.push((buffer.base, buffer.bytes.len(), buffer.seen));
            false
        });
        shown
    }

    #[test]
    fn what_was_a_packet_is_told_once() {
        let mut window = Window::default();
        let passed = |window: &mut Window| {
            let mut told = Vec::new();
            window.show(TAIL, &mut |buffer, _, passed| {
                told.push((buffer.bytes.len(), passed));
                false
            });
            told
        };
        window.bytes(&[0; 9]);
        window.pass();
        window.bytes(&[0; 2]);
        assert_eq!(passed(&mut window), [(11, 9)]);
        window.bytes(&[0; 2]);
        assert_eq!(passed(&mut window), [(13, 0)]);
    }

    #[test]
    fn a_tail_is_seen_twice_and_a_gap_ends_it() {
        let mut window = Window::default();
        window.bytes(&[0; CHUNK]);
        assert!(window.is_due());
        assert_eq!(shown(&mut window), [(0, CHUNK, 0)]);
        assert_eq!((window.held(), window.has_unseen()), (TAIL, false));
        window.bytes(&[0; 10]);
        assert!(window.has_unseen() && !window.is_due());
        window.gap(5);
        window.bytes(&[0; 3]);
        let before = (CHUNK - TAIL) as u64;
        assert_eq!(shown(&mut window), [(before, TAIL + 10, TAIL), (CHUNK as u64 + 15, 3, 0)]);
        assert_eq!(shown(&mut window), []);
    }
}
