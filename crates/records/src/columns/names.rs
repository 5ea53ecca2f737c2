//! Which of a map's names a key is, asked for every key of every line.

use crate::digits::eight_of;

/// As many names a map may have.
pub(super) const MOST: usize = 64;

/// So many are sooner compared than hashed.
const FEW: usize = 6;

/// No name of the map's.
pub(super) const NONE: u8 = u8::MAX;

/// The names, each with a number, in a table of hashes.
#[derive(Clone, Debug)]
pub(super) struct Names {
    all: Vec<(Key, Box<[u8]>)>,
    /// The numbers by their names' hashes; those with one hash follow one another.
    table: Box<[u8; 256]>,
}

impl Names {
    pub(super) fn new() -> Self {
        Self { all: Vec::new(), table: Box::new([NONE; 256]) }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The name of a number that is one.
    pub(super) fn name(&self, number: u8) -> &[u8] {
        self.all.get(usize::from(number)).map_or(&[], |(_, name)| name)
    }

    /// The number of `name`, which is added where it is new; `None` where there are too many.
    pub(super) fn add(&mut self, name: &[u8]) -> Option<u8> {
        let known = self.number(name);
        if known != NONE || self.all.len() == MOST {
            return (known != NONE).then_some(known);
        }
        let number = self.all.len() as u8;
        let key = Key::of(name);
        let mut slot = key.hash();
        // A quarter is taken at most.
        while self.table[usize::from(slot)] != NONE {
            slot = slot.wrapping_add(1);
        }
        self.table[usize::from(slot)] = number;
        self.all.push((key, name.into()));
        Some(number)
    }

    /// The number of `name`; [`NONE`] where it is no name of the map's.
    #[inline]
    pub(super) fn number(&self, name: &[u8]) -> u8 {
        self.find(Key::of(name), |own| *own == *name)
    }

    /// The same of a name in small letters, of which `word` may have some large.
    #[inline]
    pub(super) fn number_of_word(&self, word: &[u8]) -> u8 {
        let key = Key::of(word);
        // Where there are few, and the word is written as they are, no hash is needed.
        let few = self.all.len() <= FEW && key.is_all();
        if few && let Some(number) = self.all.iter().position(|(own, _)| *own == key) {
            return number as u8;
        }
        self.find(key.in_small_letters(), |own| own.eq_ignore_ascii_case(word))
    }

    /// The number of the name that has a key; `is` tells which it is of those whose key does not hold all of them.
    #[inline]
    fn find(&self, key: Key, is: impl Fn(&[u8]) -> bool) -> u8 {
        let mut slot = key.hash();
        loop {
            let number = self.table[usize::from(slot)];
            let own = self.all.get(usize::from(number));
            if own.is_none_or(|(own, text)| *own == key && (key.is_all() || is(text))) {
                return number;
            }
            slot = slot.wrapping_add(1);
        }
    }
}

/// A name's length and its ends, which are all of most names: two numbers are compared sooner than two texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    len: usize,
    first: u64,
    last: u64,
}

impl Key {
    #[inline]
    fn of(name: &[u8]) -> Self {
        let last = name.last_chunk().map_or(0, |last| u64::from_le_bytes(*last));
        Self { len: name.len(), first: eight_of(name), last }
    }

    /// The key of the same name in small letters.
    #[inline]
    fn in_small_letters(self) -> Self {
        Self { first: small(self.first), last: small(self.last), ..self }
    }

    /// Whether no byte of the name is left out.
    #[inline]
    fn is_all(self) -> bool {
        self.len <= 16
    }

    #[inline]
    fn hash(self) -> u8 {
        let mixed = (self.first ^ self.last.rotate_left(23) ^ self.len as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 56) as u8
    }
}

/// Eight bytes, those of them that are large letters of ASCII as small ones.
#[inline]
fn small(bytes: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    // Each byte's high bit is its answer, and none carries into the next.
    let low = bytes & !HIGH;
    let (from_a, behind_z) = (low + (0x80 - 0x41) * ONES, low + (0x80 - 0x5b) * ONES);
    bytes | (from_a & !behind_z & !bytes & HIGH) >> 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_letters_alone_are_made_small() {
        for byte in 0..=u8::MAX {
            for at in 0..8 {
                let mut bytes = [b'Z'; 8];
                bytes[at] = byte;
                let made = small(u64::from_le_bytes(bytes)).to_le_bytes();
                assert_eq!(made, bytes.map(|byte| byte.to_ascii_lowercase()), "{byte} at {at}");
            }
        }
    }

    #[test]
    fn a_word_is_found_in_letters_of_any_size() {
        let mut names = Names::new();
        let all = ["", "tcp-fin", "tcp-rst-from-server", "tcp-rst-from-client", "ende\u{e9}"];
        assert_eq!(all.map(|name| names.add(name.as_bytes())), [0, 1, 2, 3, 4].map(Some));
        for (word, number) in [
            ("", 0),
            ("TCP-Fin", 1),
            ("TCP-RST-from-Server", 2),
            ("tcp-rst-FROM-client", 3),
            ("ENDE\u{e9}", 4),
            ("ende\u{c9}", NONE),
            ("tcp-rst-from servers", NONE),
            ("tcp-rst-fron-client", NONE),
        ] {
            assert_eq!(names.number_of_word(word.as_bytes()), number, "{word}");
        }
    }

    #[test]
    fn every_name_is_found_and_no_other() {
        let mut names = Names::new();
        let all: Vec<String> = (0..MOST).map(|number| format!("name.{number}")).collect();
        for (number, name) in all.iter().enumerate() {
            assert_eq!(names.add(name.as_bytes()), Some(number as u8));
        }
        assert_eq!(names.add(b"name.7"), Some(7));
        assert_eq!(names.add(b"another"), None, "too many");
        for (number, name) in all.iter().enumerate() {
            assert_eq!(names.number(name.as_bytes()), number as u8);
        }
        assert_eq!((names.number(b"name"), names.number(b"")), (NONE, NONE));
        let long = ["destination.nat.port", "destination.xxx.port"];
        let mut names = Names::new();
        assert_eq!(long.map(|name| names.add(name.as_bytes())), [Some(0), Some(1)], "though their ends are the same");
        assert_eq!(long.map(|name| names.number(name.as_bytes())), [0, 1]);
    }
}
