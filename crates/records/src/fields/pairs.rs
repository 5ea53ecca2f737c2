//! `key=value`, and words between.

use super::places::{Places, first, quote};

/// The words of a line, each with its value where it has one: `srcip=192.0.2.1`, `msg="a b"`, or a word alone.
///
/// A value that begins with a quote ends at the next that no backslash stands before, and is told without both; one
/// that lacks it ends with the line.
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    line: &'a [u8],
    separators: Places<'a>,
    /// Where the next word begins.
    start: usize,
    /// The separator behind it, where that was found while a quoted value was read.
    end: Option<usize>,
}

impl<'a> Pairs<'a> {
    /// The pairs of `line`; any number of `separator` stands between two.
    #[must_use]
    pub fn new(separator: u8, line: &'a [u8]) -> Self {
        Self { line, separators: Places::new(separator, line), start: 0, end: None }
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

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        while self.start < self.line.len() {
            let end = match self.end.take() {
                Some(end) => end,
                None => self.separator(),
            };
            let start = std::mem::replace(&mut self.start, end + 1);
            let word = &self.line[start..end];
            if word.is_empty() {
                continue;
            }
            let Some(equals) = first(b'=', &self.line[start..], word.len()) else { return Some((word, None)) };
            let (key, value) = (&word[..equals], &word[equals + 1..]);
            if value.first() == Some(&b'"') {
                return Some((key, Some(self.quoted(start + equals + 2, end))));
            }
            return Some((key, Some(value)));
        }
        None
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
    }
}
