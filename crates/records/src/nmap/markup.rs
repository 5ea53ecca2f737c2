//! The tags of an XML stream, as bytes.
//!
//! No more of XML than a scan needs, and less strict than XML is: scans are cut off, written in any encoding, and
//! hold what a stranger's host has answered. Nothing is nested here, so that no depth is too deep; one tag is kept at
//! a time, and of that no more than [`LONGEST`].

use std::io::{self, BufRead};

/// Bytes that are kept of a tag: the longest that nmap writes lists ports or holds a script's output.
const LONGEST: usize = 1 << 20;

/// Reads tags; comments, instructions, DTDs, CDATA and text are passed over.
pub(super) struct Tags<R> {
    input: R,
    tag: Vec<u8>,
    line: u64,
}

/// What comes next.
pub(super) enum Next<'a> {
    /// A tag, of which all is there.
    Tag(Tag<'a>),
    /// One that is longer than what is kept, or in which another one begins; its line.
    Broken(u64, &'static str),
    /// Nothing; whether something had begun that has no end.
    End { within: bool },
}

/// A tag.
#[derive(Clone, Copy)]
pub(super) struct Tag<'a> {
    /// The element.
    pub(super) name: &'a [u8],
    /// Whether it begins the element (an empty element's does both).
    pub(super) opens: bool,
    /// Whether it ends it.
    pub(super) closes: bool,
    /// Its line, from 1.
    pub(super) line: u64,
    attributes: &'a [u8],
}

/// What has begun with `<`.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Not known before a few more bytes.
    Unknown,
    /// A tag, and the quote that is open in it.
    Element(Option<u8>),
    /// `<?`, until `?>`; `<!--`, until `-->`; `<![CDATA[`, until `]]>`.
    Until(&'static [u8]),
    /// `<!DOCTYPE`, and how many `<` are open in it.
    Declaration(u32),
}

/// What a byte means for what it stands in.
enum Step {
    Within(Kind),
    Ends(Kind),
    /// Another tag begins.
    Restarts,
}

impl<R: BufRead> Tags<R> {
    /// Of a stream.
    pub(super) fn new(input: R) -> Self {
        Self { input, tag: Vec::new(), line: 1 }
    }

    /// The next tag.
    pub(super) fn next(&mut self) -> Next<'_> {
        loop {
            if !self.find_tag() {
                return Next::End { within: false };
            }
            let line = self.line;
            let mut kind = Kind::Unknown;
            let mut last = [0; 3];
            let mut len = 0_usize;
            self.tag.clear();
            let ended = loop {
                let Some(byte) = self.byte() else { return Next::End { within: true } };
                last = [last[1], last[2], byte];
                len = len.saturating_add(1);
                if self.tag.len() < LONGEST {
                    self.tag.push(byte);
                }
                match step(kind, byte, last, &self.tag) {
                    Step::Within(next) => kind = next,
                    Step::Ends(next) => break Some(next),
                    Step::Restarts => break None,
                }
                self.input.consume(1);
                self.line += u64::from(byte == b'\n');
            };
            match ended {
                // The `<` is left where it is.
                None => return Next::Broken(line, "a tag without an end"),
                Some(kind) => {
                    self.input.consume(1);
                    if let Kind::Element(_) = kind {
                        if len > LONGEST {
                            return Next::Broken(line, "a tag longer than 1 MiB");
                        }
                        return Next::Tag(Tag::of(&self.tag[..self.tag.len() - 1], line));
                    }
                }
            }
        }
    }

    /// Moves behind the next `<`.
    fn find_tag(&mut self) -> bool {
        while let Some(byte) = self.byte() {
            self.input.consume(1);
            self.line += u64::from(byte == b'\n');
            if byte == b'<' {
                return true;
            }
        }
        false
    }

    /// The next byte, which is not consumed.
    fn byte(&mut self) -> Option<u8> {
        loop {
            match self.input.fill_buf() {
                Ok(available) => return available.first().copied(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    }
}

fn step(kind: Kind, byte: u8, last: [u8; 3], tag: &[u8]) -> Step {
    match kind {
        Kind::Unknown => match tag {
            [b'?'] => Step::Within(Kind::Until(b"?>")),
            [b'!'] | [b'!', b'-'] => Step::Within(Kind::Unknown),
            [b'!', b'-', b'-'] => Step::Within(Kind::Until(b"-->")),
            [b'!', b'['] => Step::Within(Kind::Until(b"]]>")),
            [b'!', ..] => step(Kind::Declaration(0), byte, last, tag),
            _ => step(Kind::Element(None), byte, last, tag),
        },
        // The two dashes of `<!--` are none of those of `-->`.
        Kind::Until(b"-->") if tag.len() < 6 => Step::Within(kind),
        Kind::Until(end) if last.ends_with(end) => Step::Ends(kind),
        Kind::Until(_) => Step::Within(kind),
        Kind::Declaration(open) => match byte {
            b'<' => Step::Within(Kind::Declaration(open.saturating_add(1))),
            b'>' if open == 0 => Step::Ends(kind),
            b'>' => Step::Within(Kind::Declaration(open - 1)),
            _ => Step::Within(kind),
        },
        Kind::Element(None) => match byte {
            b'>' => Step::Ends(kind),
            b'<' => Step::Restarts,
            b'"' | b'\'' => Step::Within(Kind::Element(Some(byte))),
            _ => Step::Within(kind),
        },
        Kind::Element(Some(quote)) if byte == quote => Step::Within(Kind::Element(None)),
        Kind::Element(_) => Step::Within(kind),
    }
}

impl<'a> Tag<'a> {
    /// Of what stands between `<` and `>`.
    fn of(text: &'a [u8], line: u64) -> Self {
        let (text, ends) = text.strip_prefix(b"/").map_or((text, false), |text| (text, true));
        let (text, empty) = text.strip_suffix(b"/").map_or((text, false), |text| (text, true));
        let (name, attributes) = text.split_at(text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len()));
        Self { name, opens: !ends, closes: ends || empty, line, attributes }
    }

    /// An attribute's value with its references decoded; `None` where there is none of that name.
    pub(super) fn attribute(&self, name: &str) -> Option<Value> {
        Attributes(self.attributes).find(|&(own, _)| own == name.as_bytes()).map(|(_, value)| decode_value(value))
    }
}

/// Names and raw values.
struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0;
        let equals = memchr::memchr(b'=', rest)?;
        let value = rest[equals + 1..].trim_ascii_start();
        let quote = *value.first().filter(|quote| matches!(quote, b'"' | b'\''))?;
        let value = &value[1..];
        let end = memchr::memchr(quote, value)?;
        self.0 = &value[end + 1..];
        Some((rest[..equals].trim_ascii(), &value[..end]))
    }
}

/// An attribute's value.
#[derive(Default)]
pub(super) struct Value {
    /// The text.
    pub(super) text: String,
    /// Whether it refers to an entity that XML itself does not know. It stands there as it is written.
    pub(super) foreign: bool,
}

/// Decodes the references that XML itself knows, and characters by number. What is not UTF-8 is replaced.
fn decode_value(raw: &[u8]) -> Value {
    let raw = String::from_utf8_lossy(raw);
    let mut value = Value { text: String::with_capacity(raw.len()), foreign: false };
    let mut rest: &str = &raw;
    while let Some(at) = rest.find('&') {
        value.text.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        // The longest is `#x10FFFF`; zeros in front are for no honest writer.
        let end = after.bytes().take(16).position(|byte| byte == b';');
        let used = match end.map(|end| (end, &after[..end])) {
            Some((end, name)) if parse_reference(name).is_some() => {
                value.text.extend(parse_reference(name));
                at + end + 2
            }
            named => {
                value.foreign |= named.is_some();
                value.text.push('&');
                at + 1
            }
        };
        rest = &rest[used..];
    }
    value.text.push_str(rest);
    value
}

fn parse_reference(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}
