//! `content` and what modifies it.

use memchr::memmem::Finder;

use crate::ast::{Opt, Spanned};
use crate::diagnostic::{Code, Fault, Span};
use crate::inspect::{self, Content, Number, Place, Step};
use crate::keyword::Keyword;

use super::{Parts, bad_value, number, text, value};

/// No pattern is longer, as in Suricata.
const MAX_PATTERN: usize = 255 * 16;

pub(super) fn option(parts: &mut Parts, keyword: Keyword, option: &Opt) -> Result<(), Fault> {
    match keyword {
        Keyword::Content => content(parts, option),
        Keyword::FastPattern => fast_pattern(parts, option),
        Keyword::RawBytes => parts.last_content(option).map(|_| ()),
        Keyword::Nocase => {
            let (_, content) = parts.last_content(option)?;
            content.finder = inspect::Finder::NoCase(rarest(&content.pattern));
            Ok(())
        }
        _ => place(parts, keyword, option),
    }
}

fn content(parts: &mut Parts, option: &Opt) -> Result<(), Fault> {
    let value = value(option)?;
    let (negated, pattern) = pattern(value)?;
    let finder = inspect::Finder::Exact(Box::new(Finder::new(&pattern).into_owned()));
    let place = Place::Absolute { offset: Number::Is(0), depth: None };
    parts.payload.push(Step::Content(Content { pattern, finder, place, ends: false, negated }));
    Ok(())
}

/// The bytes of a pattern, and whether `!` stands before.
fn pattern(value: &Spanned<Vec<u8>>) -> Result<(bool, Vec<u8>), Fault> {
    let text = value.value.as_slice();
    let (negated, rest) = text.strip_prefix(b"!").map_or((false, text), |rest| (true, rest.trim_ascii_start()));
    let skipped = text.len() - rest.len();
    let inner = match rest.strip_prefix(b"\"") {
        Some(quoted) => quoted.strip_suffix(b"\"").ok_or_else(|| {
            bad_value(value, "what follows the pattern is not understood")
                .help("modifiers are options of their own: content:\"x\"; nocase;")
        })?,
        None => return Err(bad_value(value, "a pattern stands in quotes").help("write content:\"…\"")),
    };
    let bytes = decoded(inner).map_err(|(at, why)| {
        let start = (value.span.start + skipped + 1 + at).min(value.span.end);
        Fault::new(Code::Value, Span { start, end: (start + 1).min(value.span.end) }, why)
    })?;
    match bytes.len() {
        0 => Err(bad_value(value, "the pattern is empty")),
        len if len > MAX_PATTERN => Err(bad_value(value, format!("a pattern of more than {MAX_PATTERN} bytes"))),
        _ => Ok((negated, bytes)),
    }
}

/// Text with `|0d 0a|` and escapes as bytes; else where it is wrong and why.
fn decoded(text: &[u8]) -> Result<Vec<u8>, (usize, &'static str)> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'|' => {
                let len = memchr::memchr(b'|', &text[at + 1..]).ok_or((at, "this `|` has no partner"))?;
                hex(&text[at + 1..at + 1 + len], &mut bytes).map_err(|why| (at, why))?;
                at += len + 2;
                continue;
            }
            b'\\' => match text.get(at + 1) {
                Some(&escaped @ (b'"' | b'\\' | b';' | b':' | b'|')) => {
                    bytes.push(escaped);
                    at += 1;
                }
                _ => return Err((at, "only `\"`, `\\`, `;` and `:` are escaped; write other bytes as |0d 0a|")),
            },
            b'"' => return Err((at, "a quote within a pattern is written as `\\\"` or |22|")),
            _ => bytes.push(byte),
        }
        at += 1;
    }
    Ok(bytes)
}

fn hex(text: &[u8], bytes: &mut Vec<u8>) -> Result<(), &'static str> {
    let mut high = None;
    for byte in text.iter().filter(|byte| !byte.is_ascii_whitespace()) {
        let digit = char::from(*byte).to_digit(16).ok_or("between `|` stand hexadecimal digits")? as u8;
        match high.take() {
            Some(high) => bytes.push(high << 4 | digit),
            None => high = Some(digit),
        }
    }
    if high.is_some() { Err("an odd number of hexadecimal digits") } else { Ok(()) }
}

/// The place of the byte that is rarest in what networks carry: text, mostly in lower case.
fn rarest(pattern: &[u8]) -> usize {
    let common = |byte: u8| match byte {
        0 | b' ' | b'e' | b'E' => 9,
        b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' | b'T' | b'A' | b'O' | b'I' | b'N' | b'S' | b'R' => 8,
        b'0'..=b'9' | b'-' | b'.' | b'/' | b'"' | b'\r' | b'\n' => 6,
        _ if b"jkqvwxyzJKQVWXYZ".contains(&byte) => 3,
        _ if byte.is_ascii_alphabetic() => 5,
        _ => 1,
    };
    (0..pattern.len()).min_by_key(|at| common(pattern[*at])).unwrap_or_default()
}

fn fast_pattern(parts: &mut Parts, option: &Opt) -> Result<(), Fault> {
    let (at, content) = parts.last_content(option)?;
    if content.negated {
        return Err(Fault::new(Code::Conflict, option.name.span, "a pattern that must not be there finds no packets"));
    }
    parts.fast = Some(at);
    Ok(())
}

fn place(parts: &mut Parts, keyword: Keyword, option: &Opt) -> Result<(), Fault> {
    let amount = match keyword {
        Keyword::StartsWith | Keyword::EndsWith => Number::Is(0),
        _ => amount(&parts.taken, value(option)?)?,
    };
    let (_, content) = parts.last_content(option)?;
    let conflict = || {
        let message = format!(
            "`{}` contradicts what stands before: a place counts from the beginning or from the last match",
            option.name.value
        );
        Fault::new(Code::Conflict, option.name.span, message)
    };
    let len = content.pattern.len() as i64;
    if matches!(keyword, Keyword::Depth | Keyword::Within) && matches!(amount, Number::Is(room) if room < len) {
        let message = format!("the pattern has {len} bytes and never fits here");
        return Err(Fault::new(Code::Value, option.name.span, message));
    }
    let plain = Place::Absolute { offset: Number::Is(0), depth: None };
    let relative = |place| match place {
        Place::Relative { distance, within } => Some((distance, within)),
        _ if place == plain => Some((Number::Is(0), None)),
        Place::Absolute { .. } => None,
    };
    content.place = match (keyword, content.place) {
        (Keyword::EndsWith, place) => {
            content.ends = true;
            place
        }
        (Keyword::Offset, Place::Absolute { depth, .. }) => Place::Absolute { offset: amount, depth },
        (Keyword::Depth, Place::Absolute { offset, .. }) => Place::Absolute { offset, depth: Some(amount) },
        (Keyword::StartsWith, place) if place == plain => {
            Place::Absolute { offset: Number::Is(0), depth: Some(Number::Is(len)) }
        }
        (Keyword::Distance, place) => {
            let (_, within) = relative(place).ok_or_else(conflict)?;
            Place::Relative { distance: amount, within }
        }
        (Keyword::Within, place) => {
            let (distance, _) = relative(place).ok_or_else(conflict)?;
            Place::Relative { distance, within: Some(amount) }
        }
        _ => return Err(conflict()),
    };
    Ok(())
}

/// A number, or the name of one that was taken from the data.
pub(super) fn amount(taken: &[String], value: &Spanned<Vec<u8>>) -> Result<Number, Fault> {
    let name = text(value);
    if let Some(register) = taken.iter().position(|taken| *taken == name) {
        return Ok(Number::Taken(register));
    }
    let number: i32 = number::whole(value)
        .map_err(|fault| fault.or_help("a name stands here only behind the byte_extract that takes it"))?;
    Ok(Number::Is(i64::from(number)))
}
