//! `key=value`, and words between; or `key:value`.

use super::places::{Places, first, quote};

/// The words of a line, each with its value where it has one: `srcip=192.0.2.1`, `msg="a b"`, or a word alone.
///
/// A value that begins with a quote ends at the next that no backslash stands before, and is told without both; one
/// that lacks it ends with the line.
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    line: &'a [u8],
    /// What stands between a key and its value.
    assign: u8,
    separators: Places<'a>,
    /// Where the next word begins.
    start: usize,
    /// The separator behind it, where that was found while a quoted value was read.
    end: Option<usize>,
}

impl<'a> Pairs<'a> {
    /// The pairs of `line`; any number of `separator` stands between two, and spaces behind one.
    #[must_use]
    pub fn new(separator: u8, line: &'a [u8]) -> Self {
        Self { line, assign: b'=', separators: Places::new(separator, line), start: 0, end: None }
    }

    /// The same with another sign than `=` between a key and its value.
    #[must_use]
    pub fn assigned_by(self, assign: u8) -> Self {
        Self { assign, ..self }
    }

    #[inline]
    fn separator(&mut self) -> usize {
        self.separators.next().unwrap_or(self.line.len())
    }

    /// The value that begins at `start`, behind its quote; the separator at `end` may stand in it.
    #[inline]
    fn quoted(&mut self, start: usize, mut end: usize) -> &'a [u8] {
        let mut from = start;
        let close = loop {
            let Some(len) = self.line.get(from..).and_then(quote) else {
                self.start = self.line.len();
                return &self.line[start..];
            };
            if self.line[from + len] == b'"' {
                break from + len;
            }
            from += len + 2;
        };
        while end < close {
            end = self.separator();
        }
        (self.start, self.end) = (close + 1, Some(end));
        &self.line[start..close]
    }
}

impl<'a> Pairs<'a> {
    /// Where the next word begins, and the separator behind it or behind what a quote begins in it.
    #[inline]
    fn word(&mut self) -> Option<(usize, usize)> {
        while self.start < self.line.len() {
            let end = match self.end.take() {
                Some(end) => end,
                None => self.separator(),
            };
            let mut start = std::mem::replace(&mut self.start, end + 1);
            while start < end && self.line[start] == b' ' {
                start += 1;
            }
            if start < end {
                return Some((start, end));
            }
        }
        None
    }

    /// The value that begins at `start`, in the word that ends at `end`.
    #[inline]
    fn value(&mut self, start: usize, end: usize) -> &'a [u8] {
        match &self.line[start..end] {
            [b'"', ..] => self.quoted(start + 1, end),
            value => value,
        }
    }

    /// As [`Iterator::next`], with the number of the key: that of the key which stood there in the line before, where it is the
    /// same, or else what `number` says. Of a word alone it is the word's.
    #[inline]
    pub(crate) fn next_in(
        &mut self,
        order: &mut Order,
        number: impl Fn(&[u8]) -> u8,
    ) -> Option<(u8, Option<&'a [u8]>)> {
        let (start, end) = self.word()?;
        let place = order.next();
        if let (Some(place), Some(text)) = (&place, self.line[start..].first_chunk())
            && place.begins(text)
        {
            let (number, len) = (place.number, place.len);
            return Some((number, Some(self.value(start + len, end))));
        }
        let word = &self.line[start..end];
        let Some(equals) = first(self.assign, &self.line[start..], word.len()) else {
            return Some((number(word), None));
        };
        let number = number(&word[..equals]);
        if let (Some(place), Some(key)) = (place, word.get(..=equals)) {
            *place = Place::of(key, number);
        }
        Some((number, Some(self.value(start + equals + 1, end))))
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (start, end) = self.word()?;
        let word = &self.line[start..end];
        let Some(equals) = first(self.assign, &self.line[start..], word.len()) else { return Some((word, None)) };
        Some((&word[..equals], Some(self.value(start + equals + 1, end))))
    }
}

/// The keys of the line before, by their places: the next line has nearly always the same ones.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    places: [Place; Self::MOST],
    at: usize,
}

impl Order {
    const MOST: usize = 64;

    /// Whoever begins a line says so.
    pub(crate) fn begin(&mut self) {
        self.at = 0;
    }

    #[inline]
    fn next(&mut self) -> Option<&mut Place> {
        let place = self.places.get_mut(self.at);
        self.at += 1;
        place
    }
}

impl Default for Order {
    fn default() -> Self {
        Self { places: [Place::NOTHING; Self::MOST], at: 0 }
    }
}

/// A key with its `=`, and its number.
#[derive(Clone, Copy, Debug)]
struct Place {
    bytes: u128,
    /// Ones where they count.
    mask: u128,
    len: usize,
    number: u8,
}

impl Place {
    /// No text begins so.
    const NOTHING: Self = Self { bytes: 1, mask: 0, len: 0, number: 0 };

    fn of(key: &[u8], number: u8) -> Self {
        let (mut bytes, mut mask) = ([0; 16], [0; 16]);
        // One that is longer is looked up in each line.
        let Some(place) = bytes.get_mut(..key.len()) else { return Self::NOTHING };
        place.copy_from_slice(key);
        mask[..key.len()].fill(0xff);
        Self { bytes: u128::from_le_bytes(bytes), mask: u128::from_le_bytes(mask), len: key.len(), number }
    }

    #[inline]
    fn begins(&self, text: &[u8; 16]) -> bool {
        u128::from_le_bytes(*text) & self.mask == self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(separator: u8, line: &str) -> String {
        Pairs::new(separator, line.as_bytes())
            .map(|(key, value)| match value {
                Some(value) => format!("<{}={}>", key.escape_ascii(), value.escape_ascii()),
                None => format!("<{}>", key.escape_ascii()),
            })
            .collect()
    }

    #[test]
    fn values_may_be_quoted_and_words_stand_alone() {
        for (line, expected) in [
            ("", ""),
            ("date=2019-05-10 time=11:37:47", "<date=2019-05-10><time=11:37:47>"),
            ("  a=1   b=\"x y\" c=", "<a=1><b=x y><c=>"),
            (r#"msg="say \"no=1\" twice" n=2"#, r#"<msg=say \\\"no=1\\\" twice><n=2>"#),
            ("tcp 6 SYN_SENT src=192.0.2.1 [UNREPLIED]", "<tcp><6><SYN_SENT><src=192.0.2.1><[UNREPLIED]>"),
            ("IN= OUT=eth0", "<IN=><OUT=eth0>"),
            ("a=\"x\"b=2", "<a=x><b=2>"),
            ("a=b=c", "<a=b=c>"),
            ("a=\"never closed", "<a=never closed>"),
            ("a=\"ends in \\", "<a=ends in \\\\>"),
            ("=x", "<=x>"),
        ] {
            assert_eq!(pairs(b' ', line), expected, "{line}");
        }
        assert_eq!(pairs(b',', "a=1,b=\"x, y\",c d=3"), "<a=1><b=x, y><c d=3>");
        assert_eq!(pairs(b';', "a=1;  b=\"x; y\"; ;c=3; "), "<a=1><b=x; y><c=3>");
        let by_colon: Vec<_> = Pairs::new(b';', b"a:\"x:y\"; b:2=3;c").assigned_by(b':').collect();
        assert_eq!(by_colon, [(&b"a"[..], Some(&b"x:y"[..])), (b"b", Some(b"2=3")), (b"c", None)]);
    }

    #[test]
    fn keys_are_the_same_whatever_stood_there_before() {
        let number = |key: &[u8]| key.iter().fold(7, |sum: u8, byte| sum.wrapping_mul(31).wrapping_add(*byte));
        let lines = [
            "from=192.0.2.1 to=192.0.2.2 rule=\"let them out\" id=7 more=behind",
            "from=192.0.2.1 to=192.0.2.2 rule=let id=7 more=behind",
            "from=192.0.2.1 to=192.0.2.2 id=7 rule=let more=behind",
            "to=192.0.2.2 from=192.0.2.1 rule=\"x=1 id=2\" id=7",
            "alone from=192.0.2.1 to=192.0.2.2",
            "from 192.0.2.1 to=192.0.2.2",
            "fro=m from_=192.0.2.1 to==192.0.2.2",
            "  from=    to=192.0.2.2  ",
            "a_key_that_is_longer_than_what_is_kept=1 to=192.0.2.2 a_key_that_is_longer_than_what_is_kept=2",
            "a_key_of_some_15=1 a_key_of_some15=1 a_key_of_some15=\"never closed",
            "from=1",
            "",
        ];
        let many = (0..80).map(|number| format!("key{number}={number}")).collect::<Vec<_>>().join(" ");
        let lines: Vec<&str> = lines.into_iter().chain([many.as_str()]).collect();
        let mut order = Order::default();
        for before in &lines {
            for line in &lines {
                for text in [before, line] {
                    order.begin();
                    let mut pairs = Pairs::new(b' ', text.as_bytes());
                    let read: Vec<_> = std::iter::from_fn(|| pairs.next_in(&mut order, number)).collect();
                    let expected = Pairs::new(b' ', text.as_bytes()).map(|(key, value)| (number(key), value));
                    assert_eq!(read, expected.collect::<Vec<_>>(), "{text}, {line} behind {before}");
                }
            }
        }
    }
}
