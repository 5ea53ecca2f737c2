//! `key=value`, and words between.

use memchr::{memchr, memchr2};

/// The words of a line, each with its value where it has one: `srcip=192.0.2.1`, `msg="a b"`, or a word alone.
///
/// A value that begins with a quote ends at the next that no backslash stands before, and is told without both; one
/// that lacks it ends with the line.
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    separator: u8,
    rest: &'a [u8],
}

impl<'a> Pairs<'a> {
    /// The pairs of `line`; any number of `separator` stands between two.
    #[must_use]
    pub fn new(separator: u8, line: &'a [u8]) -> Self {
        Self { separator, rest: line }
    }

    /// What was not read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    fn value(&mut self) -> &'a [u8] {
        if let [b'"', text @ ..] = self.rest {
            return self.quoted(text);
        }
        let len = memchr(self.separator, self.rest).unwrap_or(self.rest.len());
        self.take(len)
    }

    fn quoted(&mut self, text: &'a [u8]) -> &'a [u8] {
        let mut from = 0;
        while let Some(len) = memchr2(b'"', b'\\', text.get(from..).unwrap_or_default()) {
            let at = from + len;
            if text[at] == b'"' {
                self.rest = &text[at + 1..];
                return &text[..at];
            }
            from = at + 2;
        }
        self.rest = &[];
        text
    }

    #[inline]
    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        taken
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        while let [first, rest @ ..] = self.rest
            && *first == self.separator
        {
            self.rest = rest;
        }
        if self.rest.is_empty() {
            return None;
        }
        let len = memchr2(b'=', self.separator, self.rest).unwrap_or(self.rest.len());
        let key = self.take(len);
        match self.rest {
            [b'=', rest @ ..] => {
                self.rest = rest;
                Some((key, Some(self.value())))
            }
            _ => Some((key, None)),
        }
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
