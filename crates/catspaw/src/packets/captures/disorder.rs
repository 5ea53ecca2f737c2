//! Captures whose packets are not in the order of time: of network cards with several queues, or put together without `mergecap`.
//!
//! What is put in order is a function of the frames alone, in the order in which they stand in the file: it does not depend on how much
//! is read at once.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use catspaw_records::Nanos;

use super::FrameAt;

/// Bytes of a file's frames that are held back at most, with what it takes to hold each.
const HELD: usize = 32 << 20;
/// What it takes to hold a frame, about.
const EACH: usize = 96;

/// Frames that are held back until nothing earlier is expected.
#[derive(Default)]
pub(super) struct Disorder {
    held: BinaryHeap<Reverse<HeldFrame>>,
    bytes: usize,
    /// The moment of the latest frame so far.
    latest: Option<Nanos>,
    /// Frames of the file that were in order, and are given as they come.
    in_order: usize,
}

/// A frame with a copy of its bytes.
struct HeldFrame {
    frame: FrameAt,
    bytes: Box<[u8]>,
}

impl HeldFrame {
    fn key(&self) -> (Nanos, u64) {
        (self.frame.at, self.frame.number)
    }
}

impl PartialEq for HeldFrame {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for HeldFrame {}

impl PartialOrd for HeldFrame {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for HeldFrame {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl Disorder {
    /// What is noticed behind the first of the frames that are put in order next, which are in order.
    pub(super) fn behind(in_order: &[FrameAt]) -> Self {
        Self { in_order: in_order.len(), ..Self::default() }
    }

    /// Takes frames, which lie in `buffer`. Gives those back before which nothing is to come that is at most `wait` late, and puts their
    /// bytes behind `ordered`.
    pub(super) fn put_in_order(
        &mut self,
        frames: Vec<FrameAt>,
        buffer: &[u8],
        wait: i64,
        ordered: &mut Vec<u8>,
    ) -> Vec<FrameAt> {
        let mut given = Vec::with_capacity(frames.len());
        let in_order = std::mem::take(&mut self.in_order);
        for (number, frame) in frames.into_iter().enumerate() {
            let bytes = &buffer[frame.start..frame.start + frame.len];
            if number < in_order {
                given.push(moved(frame, bytes, ordered));
                continue;
            }
            self.bytes += frame.len + EACH;
            self.held.push(Reverse(HeldFrame { frame, bytes: bytes.into() }));
            let latest = self.latest.map_or(frame.at, |latest| latest.max(frame.at));
            self.latest = Some(latest);
            while let Some(Reverse(first)) = self.held.peek()
                && (self.bytes > HELD || latest.since(first.frame.at) > wait)
            {
                self.give_first(&mut given, ordered);
            }
        }
        given
    }

    /// The file ends: gives all that is held.
    pub(super) fn finish(&mut self, given: &mut Vec<FrameAt>, ordered: &mut Vec<u8>) {
        while !self.held.is_empty() {
            self.give_first(given, ordered);
        }
    }

    fn give_first(&mut self, given: &mut Vec<FrameAt>, ordered: &mut Vec<u8>) {
        let Some(Reverse(HeldFrame { frame, bytes })) = self.held.pop() else { return };
        self.bytes -= frame.len + EACH;
        given.push(moved(frame, &bytes, ordered));
    }
}

/// The frame, its bytes put behind `to`.
fn moved(frame: FrameAt, bytes: &[u8], to: &mut Vec<u8>) -> FrameAt {
    let start = to.len();
    to.extend_from_slice(bytes);
    FrameAt { start, ..frame }
}

#[cfg(test)]
mod tests {
    use catspaw_engine::capture::LinkType;

    use super::*;

    /// Frames of a byte each, at these moments.
    fn frames(moments: &[i64]) -> (Vec<FrameAt>, Vec<u8>) {
        let frame = |(number, &at): (usize, &i64)| FrameAt {
            at: Nanos(at),
            number: number as u64,
            link: LinkType::ETHERNET,
            start: number,
            len: 1,
            wire_len: 1,
        };
        (moments.iter().enumerate().map(frame).collect(), moments.iter().map(|&at| at as u8).collect())
    }

    #[test]
    fn frames_are_given_in_order_however_many_are_read_at_once() {
        let moments = [1, 5, 2, 9, 3, 40, 8, 41, 38, 20, 60, 59];
        let mut expected = None;
        for at_once in 1..=moments.len() {
            let (all, buffer) = frames(&moments);
            let (mut disorder, mut given, mut ordered) = (Disorder::default(), Vec::new(), Vec::new());
            for some in all.chunks(at_once) {
                given.extend(disorder.put_in_order(some.to_vec(), &buffer, 30, &mut ordered));
            }
            disorder.finish(&mut given, &mut ordered);
            let order: Vec<i64> = given.iter().map(|frame| frame.at.0).collect();
            assert!(given.iter().all(|frame| i64::from(ordered[frame.start]) == frame.at.0), "each has its own bytes");
            assert_eq!(expected.get_or_insert(order.clone()), &order);
            // What is later than is waited for comes when it comes.
            assert_eq!(order, [1, 2, 3, 5, 9, 8, 20, 38, 40, 41, 59, 60]);
        }
    }

    #[test]
    fn what_was_in_order_is_given_as_it_comes() {
        let (all, buffer) = frames(&[1, 2, 9, 4, 8]);
        let (mut given, mut ordered) = (Vec::new(), Vec::new());
        let mut disorder = Disorder::behind(&all[..3]);
        given.extend(disorder.put_in_order(all, &buffer, 30, &mut ordered));
        disorder.finish(&mut given, &mut ordered);
        assert_eq!(given.iter().map(|frame| frame.at.0).collect::<Vec<_>>(), [1, 2, 9, 4, 8]);
    }
}
