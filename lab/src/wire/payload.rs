//! What is said: text that somebody may read, or bytes that nobody can.

use std::rc::Rc;

use crate::rng::mix;

/// Bytes of application data in a TLS record, at most (RFC 8446, 5.1), and with its head.
const RECORD: usize = 1 << 14;
const RECORD_AND_HEAD: usize = RECORD + 5;

/// Payload of one message. A relay's two legs share it.
#[derive(Clone, Debug)]
pub(crate) enum Payload {
    /// Bytes that are there.
    Text(Rc<[u8]>),
    /// Bytes that look encrypted, made when they are needed: a capture of any size fits in memory.
    Opaque {
        /// Equal seeds make equal bytes.
        seed: u64,
        /// How many.
        len: u32,
        /// Whether they come in TLS records.
        records: bool,
    },
}

impl Payload {
    pub(crate) fn text(bytes: impl AsRef<[u8]>) -> Self {
        Self::Text(Rc::from(bytes.as_ref()))
    }

    /// `len` bytes without any form.
    pub(crate) fn opaque(seed: u64, len: u64) -> Self {
        Self::Opaque { seed, len: len.min(u64::from(u32::MAX)) as u32, records: false }
    }

    /// `len` bytes of TLS records, heads included.
    pub(crate) fn records(seed: u64, len: u64) -> Self {
        Self::Opaque { seed, len: len.clamp(22, u64::from(u32::MAX)) as u32, records: true }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(bytes) => bytes.len(),
            Self::Opaque { len, .. } => *len as usize,
        }
    }

    /// Appends the bytes from `from` to before `to`.
    pub(crate) fn copy(&self, from: usize, to: usize, into: &mut Vec<u8>) {
        match self {
            Self::Text(bytes) => into.extend_from_slice(&bytes[from..to]),
            Self::Opaque { seed, len, records } => {
                let begin = into.len();
                fill(*seed, from, to, into);
                if *records {
                    heads(*len as usize, from, &mut into[begin..]);
                }
            }
        }
    }
}

fn fill(seed: u64, from: usize, to: usize, into: &mut Vec<u8>) {
    let begin = into.len();
    for word in from / 8..to.div_ceil(8) {
        into.extend_from_slice(&mix(seed.wrapping_add(word as u64)).to_le_bytes());
    }
    into.drain(begin..begin + from % 8);
    into.truncate(begin + (to - from));
}

/// Writes the heads of the records that lie in `part`, which begins at `from` of `whole` bytes.
fn heads(whole: usize, from: usize, part: &mut [u8]) {
    let mut start = from / RECORD_AND_HEAD * RECORD_AND_HEAD;
    while start < from + part.len() {
        let len = (whole - start).saturating_sub(5).min(RECORD) as u16;
        let [high, low] = len.to_be_bytes();
        for (place, byte) in (start..).zip([23, 3, 3, high, low]) {
            if let Some(at) = place.checked_sub(from).and_then(|at| part.get_mut(at)) {
                *at = byte;
            }
        }
        start += RECORD_AND_HEAD;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_the_whole() {
        let payload = Payload::records(7, 40_000);
        let (mut whole, mut pieces) = (Vec::new(), Vec::new());
        payload.copy(0, 40_000, &mut whole);
        for from in (0..40_000).step_by(1448) {
            payload.copy(from, (from + 1448).min(40_000), &mut pieces);
        }
        assert_eq!(whole, pieces);
    }

    #[test]
    fn records_follow_one_another_to_the_end() {
        let mut bytes = Vec::new();
        Payload::records(7, 40_000).copy(0, 40_000, &mut bytes);
        let (mut at, mut records) = (0, 0);
        while at < bytes.len() {
            assert_eq!(bytes[at..at + 3], [23, 3, 3]);
            at += 5 + usize::from(u16::from_be_bytes([bytes[at + 3], bytes[at + 4]]));
            records += 1;
        }
        assert_eq!((at, records), (40_000, 3));
    }
}
