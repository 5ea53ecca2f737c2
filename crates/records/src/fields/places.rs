//! The places of one byte in a line.
//!
//! Columns are some six bytes wide, too narrow for a search that starts anew at each (`memchr`): eight bytes at a time
//! takes half as long.

const LOW: u64 = 0x0101_0101_0101_0101;

/// The top bit of each byte of `word` that is `wanted`, and of no other.
#[inline]
pub(super) fn that_are(wanted: u8, word: [u8; 8]) -> u64 {
    const SEVEN: u64 = 0x7f * LOW;
    let different = u64::from_le_bytes(word) ^ (LOW * u64::from(wanted));
    !(((different & SEVEN) + SEVEN) | different | SEVEN)
}

/// Gives every place of `wanted` in `line` to `take` until that says `None`.
#[inline]
pub(crate) fn each(wanted: u8, line: &[u8], mut take: impl FnMut(usize) -> Option<()>) -> Option<()> {
    let (words, rest) = line.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let mut found = that_are(wanted, *word);
        while found != 0 {
            take(at * 8 + (found.trailing_zeros() / 8) as usize)?;
            found &= found - 1;
        }
    }
    let rest_start = line.len() - rest.len();
    rest.iter().enumerate().filter(|(_, byte)| **byte == wanted).try_for_each(|(at, _)| take(rest_start + at))
}

/// The places one after the other, for whoever may stop in between.
#[derive(Clone, Debug)]
pub(super) struct Places<'a> {
    wanted: u8,
    line: &'a [u8],
    /// Where the eight bytes begin that were looked at last.
    at: usize,
    /// Those of them that are still to be told.
    found: u64,
}

impl<'a> Places<'a> {
    pub(super) fn new(wanted: u8, line: &'a [u8]) -> Self {
        Self { wanted, line, at: 0, found: that_are(wanted, eight(line, 0, wanted)) }
    }
}

impl Iterator for Places<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.found == 0 {
            self.at += 8;
            if self.at >= self.line.len() {
                // Where it is: asked again, it must not begin to count from beyond.
                self.at = self.line.len();
                return None;
            }
            self.found = that_are(self.wanted, eight(self.line, self.at, self.wanted));
        }
        let place = self.at + (self.found.trailing_zeros() / 8) as usize;
        self.found &= self.found - 1;
        Some(place)
    }
}

/// Eight bytes from `at`; behind the end of the line, bytes that are not `wanted`.
#[inline]
fn eight(line: &[u8], at: usize, wanted: u8) -> [u8; 8] {
    match line.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        Some(bytes) => *bytes,
        None => {
            let rest = line.get(at..).unwrap_or_default();
            std::array::from_fn(|index| rest.get(index).copied().unwrap_or(!wanted))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_found_and_no_other() {
        for len in 0..40 {
            for step in 1..9 {
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
            }
        }
        assert_eq!(Places::new(0, b"a").next(), None, "what stands for the bytes behind the end is none");
    }
}
