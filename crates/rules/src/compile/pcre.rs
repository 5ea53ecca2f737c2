//! `pcre`: Perl's expressions in the words of an engine whose time grows with the data alone.

use regex::bytes::{Regex, RegexBuilder};

use crate::ast::{Opt, Spanned};
use crate::diagnostic::{Code, Fault};
use crate::inspect::{Pcre, Step};

use super::{Parts, bad_value, value};

/// What one compiled expression may take, in bytes.
const SIZE_LIMIT: usize = 1 << 20;

/// The letters behind the expression.
#[derive(Default)]
struct Flags {
    nocase: bool,
    dot_all: bool,
    multi_line: bool,
    extended: bool,
    anchored: bool,
    dollar_end_only: bool,
    ungreedy: bool,
    relative: bool,
}

pub(super) fn option(parts: &mut Parts, option: &Opt) -> Result<(), Fault> {
    let value = value(option)?;
    let text = value.value.as_slice();
    let (negated, rest) = text.strip_prefix(b"!").map_or((false, text), |rest| (true, rest.trim_ascii_start()));
    let quoted = rest.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let inner = quoted.ok_or_else(|| bad_value(value, "an expression stands in quotes").help("write pcre:\"/…/i\""))?;
    let inner = inner.strip_prefix(b"/");
    let slash = inner.and_then(|inner| memchr::memrchr(b'/', inner));
    let (Some(inner), Some(slash)) = (inner, slash) else {
        return Err(bad_value(value, "an expression stands between slashes").help("write pcre:\"/…/i\""));
    };
    let flags = flags(&inner[slash + 1..], value)?;
    let regex = compiled(&inner[..slash], &flags, value)?;
    parts.payload.push(Step::Pcre(Pcre { regex, relative: flags.relative, negated }));
    Ok(())
}

fn flags(letters: &[u8], value: &Spanned<Vec<u8>>) -> Result<Flags, Fault> {
    let mut flags = Flags::default();
    for letter in letters {
        match letter {
            b'i' => flags.nocase = true,
            b's' => flags.dot_all = true,
            b'm' => flags.multi_line = true,
            b'x' => flags.extended = true,
            b'A' => flags.anchored = true,
            b'E' => flags.dollar_end_only = true,
            b'G' => flags.ungreedy = true,
            b'R' => flags.relative = true,
            // Not optimised, and without a limit: neither changes what matches. B is the payload as it is.
            b'O' | b'B' => {}
            b'U' | b'I' | b'P' | b'Q' | b'H' | b'D' | b'M' | b'C' | b'K' | b'S' | b'Y' | b'V' | b'W' | b'T' | b'N'
            | b'L' => {
                let message = format!("`{}` of pcre looks at a buffer that is not built", char::from(*letter));
                return Err(Fault::new(Code::NotBuilt, value.span, message));
            }
            _ => {
                return Err(bad_value(value, format!("`{}` is no modifier of pcre", char::from(*letter)))
                    .help("the modifiers are i, s, m, x, A, E, G, R, O and B"));
            }
        }
    }
    Ok(flags)
}

fn compiled(expression: &[u8], flags: &Flags, value: &Spanned<Vec<u8>>) -> Result<Regex, Fault> {
    let refused = |why: String| {
        Fault::new(Code::Pattern, value.span, why).help("look-around, back references and recursion are not built")
    };
    let mut text = translated(expression, flags).map_err(|why| refused(why.to_owned()))?;
    if flags.anchored {
        text = format!("\\A(?:{text})");
    }
    RegexBuilder::new(&text)
        .unicode(false)
        .case_insensitive(flags.nocase)
        .dot_matches_new_line(flags.dot_all)
        .multi_line(flags.multi_line)
        .ignore_whitespace(flags.extended)
        .swap_greed(flags.ungreedy)
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(SIZE_LIMIT)
        .build()
        .map_err(|error| refused(format!("this expression cannot be compiled: {}", reason(&error))))
}

/// The last line of what the compiler says: the reason, without the expression, which the diagnostic shows anyway.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default().trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

/// The same expression as the engine writes it: bytes as escapes, what Perl lets stand unescaped escaped, `$` before a
/// last line end.
fn translated(expression: &[u8], flags: &Flags) -> Result<String, &'static str> {
    let mut out = String::with_capacity(expression.len() + 16);
    let mut at = 0;
    let mut class: Option<usize> = None;
    while let Some(&byte) = expression.get(at) {
        let rest = &expression[at..];
        let first = class == Some(at);
        let taken = match (byte, class.is_some()) {
            (b'\\', _) => escape(rest, class.is_some(), &mut out)?,
            (b'[', false) => {
                let negated = rest.get(1) == Some(&b'^');
                out.push_str(if negated { "[^" } else { "[" });
                let opened = 1 + usize::from(negated);
                class = Some(at + opened);
                opened
            }
            (b'[', true) => match rest.windows(2).position(|pair| pair == b":]").filter(|_| rest.get(1) == Some(&b':'))
            {
                Some(end) => {
                    out.push_str(&String::from_utf8_lossy(&rest[..end + 2]));
                    end + 2
                }
                None => push(b"\\[", &mut out),
            },
            (b']', true) if first => push(b"\\]", &mut out),
            (b']', true) => {
                class = None;
                push(b"]", &mut out)
            }
            (b'&' | b'~', true) => {
                out.push('\\');
                push(&[byte], &mut out)
            }
            (b'-', true) if rest.get(1) == Some(&b'-') || first => push(b"\\-", &mut out),
            (b'$', false) if !flags.multi_line => {
                out.push_str(if flags.dollar_end_only { r"\z" } else { r"(?:\n?\z)" });
                1
            }
            (b'{', false) if !is_repetition(rest) => push(b"\\{", &mut out),
            (0x80.., _) => {
                out.push_str(&format!("\\x{byte:02x}"));
                1
            }
            _ => push(&[byte], &mut out),
        };
        at += taken;
    }
    Ok(out)
}

/// Writes ASCII that stands for one byte of the expression.
fn push(text: &[u8], out: &mut String) -> usize {
    out.extend(text.iter().map(|byte| char::from(*byte)));
    1
}

/// Whether `{…}` says how often, and is not meant as it stands.
fn is_repetition(rest: &[u8]) -> bool {
    let Some(end) = memchr::memchr(b'}', rest) else { return false };
    let inner = &rest[1..end];
    inner.first().is_some_and(u8::is_ascii_digit)
        && inner.iter().all(|byte| byte.is_ascii_digit() || *byte == b',')
        && inner.iter().filter(|byte| **byte == b',').count() <= 1
}

/// Writes the escape at the beginning of `rest`; how many bytes it has.
fn escape(rest: &[u8], in_class: bool, out: &mut String) -> Result<usize, &'static str> {
    let Some(&letter) = rest.get(1) else { return Err("a backslash stands at the end") };
    match letter {
        b'x' if rest.get(2) == Some(&b'{') => {
            let end = memchr::memchr(b'}', rest).ok_or("`\\x{` is not closed")?;
            out.push_str(&String::from_utf8_lossy(&rest[..=end]));
            return Ok(end + 1);
        }
        b'x' => {
            let digits = rest[2..].iter().take(2).take_while(|byte| byte.is_ascii_hexdigit()).count();
            let text = std::str::from_utf8(&rest[2..2 + digits]).unwrap_or_default();
            out.push_str(&format!("\\x{text:0>2}"));
            return Ok(2 + digits);
        }
        b'0' => {
            let digits = rest[1..].iter().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
            let value = rest[1..=digits].iter().fold(0u32, |value, byte| value * 8 + u32::from(byte - b'0'));
            out.push_str(&format!("\\x{:02x}", value & 0xff));
            return Ok(1 + digits);
        }
        b'1'..=b'9' if !in_class => return Err("this expression refers back to a group"),
        b'e' => out.push_str(r"\x1b"),
        b'h' => out.push_str(if in_class { r"\t\x20" } else { r"[\t\x20]" }),
        b'R' if !in_class => out.push_str(r"(?:\r\n|[\n\x0b\x0c\r])"),
        b'N' if !in_class => out.push_str(r"[^\n]"),
        b'Z' if !in_class => out.push_str(r"(?:\n?\z)"),
        b'b' if in_class => out.push_str(r"\x08"),
        b'a' | b'd' | b'D' | b'f' | b'n' | b'r' | b's' | b'S' | b't' | b'v' | b'w' | b'W' | b'b' | b'B' | b'A'
        | b'z' => {
            out.push('\\');
            out.push(char::from(letter));
        }
        _ if letter.is_ascii_alphanumeric() => return Err("this expression has an escape that is not built"),
        0x80.. => out.push_str(&format!("\\x{letter:02x}")),
        // An escaped character that means nothing else is itself: bytes are safest as numbers.
        _ => out.push_str(&format!("\\x{letter:02x}")),
    }
    Ok(2)
}
