//! IBM's Log Event Extended Format: `LEEF:1.0|vendor|product|version|event|key=value`, tabs between the pairs; in 2.0 what stands
//! between them is said before them.

use std::sync::LazyLock;

use memchr::{memchr, memmem};

use super::{Pairs, header};

static MARK: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("LEEF:"));

/// A line's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leef<'a> {
    /// Who makes the device.
    pub vendor: &'a [u8],
    /// What stands between two pairs.
    pub separator: u8,
    /// All that follows.
    rest: &'a [u8],
    /// Where `LEEF:` stands in the line.
    pub start: usize,
}

impl<'a> Leef<'a> {
    /// The header of a line that has one, wherever it begins.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let start = header(line, &MARK)?;
        let mut rest = &line[start + 5..];
        let mut next = || {
            let (field, behind) = rest.split_at(memchr(b'|', rest)?);
            rest = &behind[1..];
            Some(field)
        };
        let version = next()?;
        let (vendor, _product, _version, _event) = (next()?, next()?, next()?, next()?);
        let separator = match version.trim_ascii() {
            b"2.0" => next().map_or(b'\t', parse_separator),
            // Where a device is told its form by hand, a bar is what one sees.
            _ if memchr(b'\t', rest).is_none() => b'|',
            _ => b'\t',
        };
        Some(Self { vendor, separator, rest, start })
    }

    /// The pairs.
    #[must_use]
    pub fn pairs(&self) -> Pairs<'a> {
        Pairs::new(self.separator, self.rest)
    }
}

/// A character, or its number in hexadecimal digits (`x7C`, `0x7C`).
fn parse_separator(text: &[u8]) -> u8 {
    let number = text.strip_prefix(b"0x").or_else(|| text.strip_prefix(b"x"));
    let number = number.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
    match (number, text) {
        (Some(number), _) => number,
        (None, [separator]) => *separator,
        (None, _) => b'\t',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_what_stands_between_pairs() {
        for (header, pairs) in [
            ("<14>Mar  4 16:05:00 fw LEEF:1.0|A|B|1|end|", "src=192.0.2.1\tx=a b"),
            ("LEEF:1.0|A|B|1|end|", "src=192.0.2.1|x=a b"),
            ("LEEF:2.0|A|B|1|end|x7C|", "src=192.0.2.1|x=a b"),
            ("LEEF:2.0|A|B|1|end|0x5e|", "src=192.0.2.1^x=a b"),
            ("LEEF:2.0|A|B|1|end|^|", "src=192.0.2.1^x=a b"),
            ("LEEF:2.0|A|B|1|end||", "src=192.0.2.1\tx=a b"),
            ("LEEF: 1.0|A|B|1|end|", "src=192.0.2.1\tx=a b"),
        ] {
            let line = format!("{header}{pairs}");
            let leef = Leef::parse(line.as_bytes()).unwrap();
            assert_eq!((leef.vendor, &line[leef.start..][..5]), (&b"A"[..], "LEEF:"));
            let pairs: Vec<_> = leef.pairs().collect();
            assert_eq!(pairs, [(&b"src"[..], Some(&b"192.0.2.1"[..])), (b"x", Some(b"a b"))], "{line}");
        }
        for line in ["LEEF:1.0|A|B|1", "CEF:0|A|B|1|2|3|4|src=192.0.2.1", ""] {
            assert_eq!(Leef::parse(line.as_bytes()), None, "{line}");
        }
    }
}
