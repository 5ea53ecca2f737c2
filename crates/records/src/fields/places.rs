//! The places of one byte in a line.
//!
//! Columns are some six bytes wide, too narrow for a search that starts anew at each (`memchr`).

use memchr::memchr2;
use wide::u8x16;

/// A bit for each of sixteen bytes that is `wanted`.
#[inline(always)]
fn sixteen(wanted: u8, bytes: &[u8; 16]) -> u16 {
    u8x16::new(*bytes).simd_eq(u8x16::splat(wanted)).to_bitmask() as u16
}

/// Where the first quote or backslash is. Names and values are some ten bytes long, too short for a search that must first
/// find out how to search.
#[inline(always)]
pub(super) fn quote(text: &[u8]) -> Option<usize> {
    let (chunks, rest) = text.as_chunks::<16>();
    for (at, chunk) in chunks.iter().enumerate() {
        let found = sixteen(b'"', chunk) | sixteen(b'\\', chunk);
        if found != 0 {
            return Some(at * 16 + found.trailing_zeros() as usize);
        }
    }
    memchr2(b'"', b'\\', rest).map(|at| text.len() - rest.len() + at)
}

/// All ones for each byte that lies between two, these included.
#[inline(always)]
fn between(bytes: u8x16, from: u8, to: u8) -> u8x16 {
    bytes.simd_eq(bytes.max(u8x16::splat(from)).min(u8x16::splat(to)))
}

/// Where the letters, digits and `_ - . [ ]` begin that stand before `end`.
#[inline(always)]
pub(super) fn key_start(text: &[u8], end: usize) -> usize {
    let mut rest = &text[..end];
    while let Some((before, chunk)) = rest.split_last_chunk() {
        let bytes = u8x16::new(*chunk);
        let is = |byte: u8| bytes.simd_eq(u8x16::splat(byte));
        let letters = between(bytes | u8x16::splat(0x20), b'a', b'z') | between(bytes, b'0', b'9');
        let of_key = letters | between(bytes, b'-', b'.') | is(b'_') | is(b'[') | is(b']');
        let count = (of_key.to_bitmask() as u16).leading_ones() as usize;
        if count < 16 {
            return rest.len() - count;
        }
        rest = before;
    }
    let is_of_key = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']');
    rest.iter().rposition(|byte| !is_of_key(byte)).map_or(0, |before| before + 1)
}

/// How long what a number may be written with is at the front of a text, if it ends within sixteen bytes and the text goes on
/// that far.
#[inline(always)]
pub(super) fn numeric(text: &[u8]) -> Option<usize> {
    let bytes = u8x16::new(*text.first_chunk()?);
    let is = |byte: u8| bytes.simd_eq(u8x16::splat(byte));
    // `+ , - . /` and the digits follow one another.
    let all = between(bytes, b'+', b'9');
    let exponent = (bytes | u8x16::splat(0x20)).simd_eq(u8x16::splat(b'e'));
    let numeric = (all.to_bitmask() & !(is(b',') | is(b'/')).to_bitmask()) | exponent.to_bitmask();
    let len = (!numeric).trailing_zeros() as usize;
    (len < 16).then_some(len)
}

/// Where the first `wanted` is in the first `len` bytes of a text that may go on behind them.
#[inline(always)]
pub(crate) fn first(wanted: u8, text: &[u8], len: usize) -> Option<usize> {
    if let Some(chunk) = text.first_chunk() {
        let at = sixteen(wanted, chunk).trailing_zeros() as usize;
        if at < 16 || len <= 16 {
            return (at < len).then_some(at);
        }
    }
    memchr::memchr(wanted, &text[..len])
}

/// A bit for each of sixty-four bytes that is `wanted`.
#[inline(always)]
pub(super) fn bits_of(wanted: u8, bytes: &[u8; WIDTH]) -> u64 {
    let (chunks, _) = bytes.as_chunks::<16>();
    chunks.iter().rev().fold(0, |bits, chunk| bits << 16 | u64::from(sixteen(wanted, chunk)))
}

/// A bit for each of sixty-four bytes that is not above `most`.
#[inline]
pub(super) fn bits_up_to(most: u8, bytes: &[u8; WIDTH]) -> u64 {
    let (chunks, _) = bytes.as_chunks::<16>();
    let most = |chunk: &[u8; 16]| between(u8x16::new(*chunk), 0, most).to_bitmask() as u16;
    chunks.iter().rev().fold(0, |bits, chunk| bits << 16 | u64::from(most(chunk)))
}

/// As many bytes are looked at together: where the next place is cannot be guessed, so that a question for each eight bytes is
/// answered wrong as often as not.
pub(super) const WIDTH: usize = 64;

/// Gives every place of `wanted` in `text` to `take` until that says `None`.
#[inline]
pub(crate) fn each(wanted: u8, text: &[u8], take: impl FnMut(usize) -> Option<()>) -> Option<()> {
    Places::new(wanted, text).try_for_each(take)
}

/// The same to whoever wants all of them.
#[inline]
pub(crate) fn each_of_all(wanted: u8, text: &[u8], mut take: impl FnMut(usize)) {
    let (chunks, rest) = text.as_chunks::<WIDTH>();
    for (number, chunk) in chunks.iter().enumerate() {
        let mut found = bits_of(wanted, chunk);
        while found != 0 {
            take(number * WIDTH + found.trailing_zeros() as usize);
            found &= found - 1;
        }
    }
    let behind = text.len() - rest.len();
    rest.iter().enumerate().filter(|(_, byte)| **byte == wanted).for_each(|(at, _)| take(behind + at));
}

/// The places one after the other, for whoever may stop in between.
#[derive(Clone, Debug)]
pub(crate) struct Places<'a> {
    wanted: u8,
    text: &'a [u8],
    /// Where the bytes begin that were looked at last.
    at: usize,
    /// Those of them that are still to be told.
    found: u64,
}

impl<'a> Places<'a> {
    #[inline]
    pub(crate) fn new(wanted: u8, text: &'a [u8]) -> Self {
        Self { wanted, text, at: 0, found: bits_at(text, 0, wanted) }
    }
}

impl Iterator for Places<'_> {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        while self.found == 0 {
            self.at += WIDTH;
            if self.at >= self.text.len() {
                // Where it is: asked again, it must not begin to count from beyond.
                self.at = self.text.len();
                return None;
            }
            self.found = bits_at(self.text, self.at, self.wanted);
        }
        let place = self.at + self.found.trailing_zeros() as usize;
        self.found &= self.found - 1;
        Some(place)
    }
}

/// The words of a text, between any number of spaces.
pub(crate) fn words(text: &[u8]) -> Words<'_> {
    Words { text, spaces: Places::new(b' ', text), start: 0 }
}

/// See [`words`].
#[derive(Clone, Debug)]
pub(crate) struct Words<'a> {
    text: &'a [u8],
    spaces: Places<'a>,
    /// Where the next one may begin.
    start: usize,
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    #[inline(always)]
    fn next(&mut self) -> Option<&'a [u8]> {
        while self.start < self.text.len() {
            let end = self.spaces.next().unwrap_or(self.text.len());
            let start = std::mem::replace(&mut self.start, end + 1);
            if start < end {
                return Some(&self.text[start..end]);
            }
        }
        None
    }
}

/// The bytes from `at` on, with noughts behind the end of the line.
#[inline]
pub(super) fn chunk_at(line: &[u8], at: usize) -> [u8; WIDTH] {
    let rest = line.get(at..).unwrap_or_default();
    if let Some(bytes) = rest.first_chunk() {
        return *bytes;
    }
    let mut bytes = [0; WIDTH];
    bytes[..rest.len()].copy_from_slice(rest);
    bytes
}

/// A bit for each of the bytes from `at` on that is `wanted`; behind the end of the text there is none.
#[inline(always)]
fn bits_at(text: &[u8], at: usize, wanted: u8) -> u64 {
    match text.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(bytes) => bits_of(wanted, bytes),
        None => bits_at_end(text, at, wanted),
    }
}

/// The same where fewer than sixty-four bytes are left.
fn bits_at_end(text: &[u8], at: usize, wanted: u8) -> u64 {
    let rest = text.get(at..).unwrap_or_default();
    // The text's last bytes, less those that were looked at before: there are some, or nobody asks.
    if let Some(bytes) = text.last_chunk() {
        return bits_of(wanted, bytes) >> (WIDTH - rest.len());
    }
    let mut bytes = [!wanted; WIDTH];
    bytes[..rest.len()].copy_from_slice(rest);
    bits_of(wanted, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_found_within_so_many_bytes() {
        for len in 0..40 {
            for at in 0..len {
                let mut text = vec![b'-'; len];
                text[at] = b'=';
                assert_eq!(first(b'=', &text, len), Some(at));
                assert_eq!(first(b'=', &text, at), None);
                text[at] = if at % 2 == 0 { b'"' } else { b'\\' };
                assert_eq!((quote(&text), quote(&text[..at])), (Some(at), None));
            }
        }
    }

    #[test]
    fn what_a_number_is_written_with_is_told_from_the_rest() {
        for byte in 0..=u8::MAX {
            let is = matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
            for at in 0..16 {
                let mut text = *b"0123456789+-.eE0,";
                text[at] = byte;
                assert_eq!(numeric(&text), (!is).then_some(at), "{byte} at {at}");
            }
        }
        assert_eq!((numeric(b"0,"), numeric(b"0,0123456789012345")), (None, Some(1)));
    }

    #[test]
    fn a_key_begins_behind_what_no_key_holds() {
        for byte in 0..=u8::MAX {
            let is = byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte);
            for at in 0..40 {
                let mut text = *b"aZ09_-.[]xaZ09_-.[]xaZ09_-.[]xaZ09_-.[]x";
                text[at] = byte;
                for end in [at, at + 1, text.len()] {
                    let expected = if is || end == at { 0 } else { at + 1 };
                    assert_eq!(key_start(&text, end), expected, "{byte} at {at} before {end}");
                }
            }
        }
    }

    #[test]
    fn any_number_of_spaces_is_between_words() {
        for (text, expected) in [("", &[][..]), ("   ", &[]), ("a", &["a"]), (" a  bc d ", &["a", "bc", "d"])] {
            assert!(words(text.as_bytes()).eq(expected.iter().map(|word| word.as_bytes())), "{text}");
        }
    }

    #[test]
    fn every_place_is_found_and_no_other() {
        for len in 0..200 {
            for step in [1, 2, 3, 7, 8, 63, 64, 65] {
                let line: Vec<u8> = (0..len).map(|at| if at % step == 0 { b',' } else { b'-' }).collect();
                let expected: Vec<usize> = (0..len).step_by(step).collect();
                let mut places = Places::new(b',', &line);
                assert_eq!(places.by_ref().collect::<Vec<_>>(), expected);
                assert_eq!((places.next(), places.next()), (None, None));
                let mut told = Vec::new();
                _ = each(b',', &line, |at| {
                    told.push(at);
                    Some(())
                });
                assert_eq!(told, expected);
                told.clear();
                each_of_all(b',', &line, |at| told.push(at));
                assert_eq!(told, expected);
            }
        }
        assert_eq!(Places::new(0, b"a").next(), None, "what stands for the bytes behind the end is none");
    }
}
