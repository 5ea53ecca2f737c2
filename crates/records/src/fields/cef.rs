//! ArcSight's Common Event Format: `CEF:0|vendor|product|version|class|name|severity|key=value key=value`.

use std::sync::LazyLock;

use memchr::{memchr, memmem};

use super::header;
use super::places::{Places, key_start};

static MARK: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("CEF:"));

/// A line's header. Escapes (`\|`, `\\`) stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cef<'a> {
    /// Who makes the device.
    pub vendor: &'a [u8],
    /// What it is.
    pub product: &'a [u8],
    /// Its version.
    pub version: &'a [u8],
    /// What kind of event this is (`Device Event Class ID`, also `Signature ID`).
    pub class: &'a [u8],
    /// What it is called.
    pub name: &'a [u8],
    /// How bad it is.
    pub severity: &'a [u8],
    /// All that follows.
    pub extension: Extension<'a>,
    /// Where `CEF:` stands in the line, or the header without it.
    pub start: usize,
}

impl<'a> Cef<'a> {
    /// The header of a line that has one, wherever it begins; at its front also without `CEF:`, which syslog's parsers take for the name of
    /// a program.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let (start, mut rest) = match header(line, &MARK) {
            Some(start) => (start, &line[start + 4..]),
            None if matches!(line, [b'0' | b'1', b'|', ..]) => (0, line),
            None => return None,
        };
        let mut next = || {
            let end = unescaped(b'|', rest)?;
            let field = &rest[..end];
            rest = &rest[end + 1..];
            Some(field)
        };
        next()?;
        let (vendor, product, version, class, name, severity) = (next()?, next()?, next()?, next()?, next()?, next()?);
        Some(Self { vendor, product, version, class, name, severity, extension: Extension { rest }, start })
    }
}

/// The pairs behind the header: a value goes on to the word before the next `=` that is not escaped. Escapes (`\=`,
/// `\\`, `\n`) stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    rest: &'a [u8],
}

impl<'a> IntoIterator for Extension<'a> {
    type Item = (&'a [u8], &'a [u8]);
    type IntoIter = ExtensionPairs<'a>;

    #[inline]
    fn into_iter(self) -> ExtensionPairs<'a> {
        let mut equals = Places::new(b'=', self.rest);
        let key = equals.next().map(|end| (0, end));
        ExtensionPairs { text: self.rest, equals, key }
    }
}

/// See [`Extension`].
#[derive(Clone, Debug)]
pub struct ExtensionPairs<'a> {
    text: &'a [u8],
    equals: Places<'a>,
    /// Where the next key begins and ends.
    key: Option<(usize, usize)>,
}

impl<'a> Iterator for ExtensionPairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (start, equals) = self.key?;
        let (key, value) = (&self.text[start..equals], equals + 1);
        // Senders forget to escape what stands in addresses of the web, so that it takes a key to end a value. An escaped one
        // has no key before it, but a backslash.
        self.key = self.equals.find_map(|end| {
            let start = key_start(self.text, end);
            (start > value && start < end && self.text[start - 1] == b' ').then_some((start, end))
        });
        let end = self.key.map_or(self.text.len(), |(start, _)| start);
        Some((key.trim_ascii(), self.text[value..end].trim_ascii_end()))
    }
}

/// The first `wanted` that no backslash stands before.
fn unescaped(wanted: u8, text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr(wanted, &text[from..])?;
        let backslashes = text[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        if backslashes % 2 == 0 {
            return Some(at);
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_seven_bars() {
        let line = br"<14>Mar  4 16:05:00 fw CEF:0|A\|B|C\\|10.1|end|TRAFFIC|3|src=192.0.2.1 dst=192.0.2.2";
        let cef = Cef::parse(line).unwrap();
        assert_eq!((cef.vendor, cef.product, cef.version), (&br"A\|B"[..], &br"C\\"[..], &b"10.1"[..]));
        assert_eq!((cef.class, cef.name, cef.severity, cef.start), (&b"end"[..], &b"TRAFFIC"[..], &b"3"[..], 23));
        assert_eq!(cef.extension.into_iter().count(), 2);
        assert_eq!(Cef::parse(b"CEF:0|a|b|c|d|e"), None);
        assert_eq!(Cef::parse(b"CEF 0|a|b|c|d|e|f|"), None);
        assert_eq!(Cef::parse(b"0|a|b|c|d|e|f|x=1").map(|cef| (cef.vendor, cef.start)), Some((&b"a"[..], 0)));
    }

    #[test]
    fn a_value_goes_on_to_the_next_key() {
        let extension = |text: &str| {
            let pairs = Extension { rest: text.as_bytes() }
                .into_iter()
                .map(|(key, value)| format!("<{}={}>", String::from_utf8_lossy(key), String::from_utf8_lossy(value)));
            pairs.collect::<String>()
        };
        for (text, expected) in [
            ("", ""),
            ("src=192.0.2.1 spt=25", "<src=192.0.2.1><spt=25>"),
            ("cs1Label=Rule Name cs1=let them out  act=allow", "<cs1Label=Rule Name><cs1=let them out><act=allow>"),
            (r"msg=a \= b c=d", r"<msg=a \= b><c=d>"),
            (r"msg=ends in a backslash \\ c=d", r"<msg=ends in a backslash \\><c=d>"),
            ("request=/x?a=1&b=2 act=allow", "<request=/x?a=1&b=2><act=allow>"),
            ("empty= act=allow", "<empty=><act=allow>"),
            ("empty=act=allow", "<empty=act=allow>"),
            ("ad.a-b[1]=2 c=3", "<ad.a-b[1]=2><c=3>"),
            ("no pairs at all", ""),
        ] {
            assert_eq!(extension(text), expected, "{text}");
        }
    }
}
