//! What witnesses call connections.

use std::fmt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// A witness's own name of a connection, kept short.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Uid {
    len: u8,
    text: [u8; Self::MAX],
}

impl Uid {
    const MAX: usize = 22;

    /// `text` itself where it is short enough and printable ASCII, else a hash of it.
    #[must_use]
    #[inline]
    pub fn new(text: &[u8]) -> Self {
        if text.is_empty() || text.len() > Self::MAX || !is_graphic(text) {
            return Self::hashed(text);
        }
        let mut uid = Self { len: text.len() as u8, text: [0; Self::MAX] };
        copy_short(text, &mut uid.text);
        uid
    }

    #[cold]
    fn hashed(text: &[u8]) -> Self {
        let mut uid = Self { len: 17, text: [0; Self::MAX] };
        uid.text[0] = b'H';
        uid.text[1..17].copy_from_slice(&hex(xxh3_64(text)));
        uid
    }

    /// A name for what has none: the hash of the line that tells of it, and so the same in every run.
    #[must_use]
    pub fn of_line(line: &[u8]) -> Self {
        let mut uid = Self { len: 16, text: [0; Self::MAX] };
        uid.text[..16].copy_from_slice(&hex(xxh3_64(line)));
        uid
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..usize::from(self.len)]).unwrap_or_default()
    }
}

/// Whether all bytes are printable ASCII and none is a space.
#[inline]
fn is_graphic(text: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    // Above the space, below DEL, and ASCII: each byte's high bit is its answer, and none borrows from the next.
    let is_graphic = |word: u64| ((word | HIGH) - 0x21 * ONES) & !((word & !HIGH) + ONES) & !word & HIGH == HIGH;
    let (words, rest) = text.as_chunks::<8>();
    let last = match text.last_chunk::<8>() {
        Some(last) => is_graphic(u64::from_le_bytes(*last)),
        None => rest.iter().all(u8::is_ascii_graphic),
    };
    last && words.iter().all(|word| is_graphic(u64::from_le_bytes(*word)))
}

/// Copies a text to the front of a longer array, by pieces that overlap: to call for a copy costs more than to make it.
#[inline]
fn copy_short(text: &[u8], to: &mut [u8; Uid::MAX]) {
    let end = text.len();
    if let (Some(first), Some(last)) = (text.first_chunk::<16>(), text.last_chunk::<8>()) {
        to[..16].copy_from_slice(first);
        to[end - 8..end].copy_from_slice(last);
    } else if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        to[..8].copy_from_slice(first);
        to[end - 8..end].copy_from_slice(last);
    } else if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        to[..4].copy_from_slice(first);
        to[end - 4..end].copy_from_slice(last);
    } else {
        to.iter_mut().zip(text).for_each(|(to, byte)| *to = *byte);
    }
}

/// `number` as 16 digits, without an allocation.
fn hex(number: u64) -> [u8; 16] {
    std::array::from_fn(|at| b"0123456789abcdef"[(number >> (60 - 4 * at)) as usize & 0xf])
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_text_where_that_is_short_and_printable() {
        let text = "Cabcdefghijklmnopqrst!~";
        for len in 1..=text.len() {
            let name = Uid::new(&text.as_bytes()[..len]);
            assert_eq!(name.as_str() == &text[..len], len <= 22, "{len}");
            for odd in [b' ', 0x7f, 0x80, 0xff, 0, b'\n'] {
                for at in 0..len {
                    let mut odd_text = text.as_bytes()[..len].to_vec();
                    odd_text[at] = odd;
                    assert!(Uid::new(&odd_text).as_str().starts_with('H'), "{odd_text:?}");
                    assert_eq!(Uid::new(&odd_text).as_str().len(), 17);
                }
            }
        }
        assert_eq!(Uid::new(b"").as_str(), format!("H{:016x}", xxh3_64(b"")));
    }
}
