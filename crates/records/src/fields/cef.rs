//! ArcSight's Common Event Format: `CEF:0|vendor|product|version|class|name|severity|key=value key=value`.

use std::sync::LazyLock;

use memchr::{memchr, memmem};

use super::header;

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
    /// Where `CEF:` stands in the line.
    pub start: usize,
}

impl<'a> Cef<'a> {
    /// The header of a line that has one, wherever it begins.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let start = header(line, &MARK)?;
        let mut rest = &line[start + 4..];
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

impl<'a> Iterator for Extension<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let equals = memchr(b'=', self.rest)?;
        let key = self.rest[..equals].trim_ascii();
        let text = &self.rest[equals + 1..];
        // Senders forget to escape what stands in addresses of the web, so that it takes a key to end a value.
        let mut from = 0;
        let end = loop {
            let Some(len) = unescaped(b'=', &text[from..]) else { break text.len() };
            let word = text[..from + len].iter().rposition(|byte| !is_of_key(*byte)).map_or(0, |before| before + 1);
            if word > 0 && word < from + len && text[word - 1] == b' ' {
                break word;
            }
            from += len + 1;
        };
        let (value, rest) = text.split_at(end);
        self.rest = rest;
        Some((key, value.trim_ascii_end()))
    }
}

/// Whether a key may hold it: the dictionary has letters and digits, vendors' own keys more.
#[inline]
fn is_of_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'[' | b']')
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
        assert_eq!(cef.extension.count(), 2);
        assert_eq!(Cef::parse(b"CEF:0|a|b|c|d|e"), None);
        assert_eq!(Cef::parse(b"CEF 0|a|b|c|d|e|f|"), None);
    }

    #[test]
    fn a_value_goes_on_to_the_next_key() {
        let extension = |text: &str| {
            let pairs = Extension { rest: text.as_bytes() }
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
