//! An option that nothing ends, so that the next one is taken for a part of it: a `;` is forgotten sooner than anything else, and
//! without the content that it swallowed a rule fires at everything.

use crate::ast::{Opt, Spanned};
use crate::diagnostic::{Fault, Span};
use crate::keyword::{Keyword, Known, look_up};

/// What stands alone, and nowhere in another option's value but at its beginning.
const ALONE: [&str; 7] = ["nocase", "rawbytes", "startswith", "endswith", "fast_pattern", "noalert", "sameip"];
/// Begins the names of what stands alone in rules on protocols.
const BUFFERS: [&str; 5] = ["http_", "http.", "file_data", "pkt_data", "dns_query"];

/// What is to be said of an option whose value holds the next one.
pub(super) fn fault(option: &Opt, keyword: Keyword) -> Option<Fault> {
    let value = option.value.as_ref()?;
    let is_prose = matches!(keyword, Keyword::Remark | Keyword::Msg);
    let (at, next) = words(&value.value).find(|(at, word)| {
        let behind = value.value[at + word.len()..].trim_ascii_start();
        let keyword = word.to_ascii_lowercase();
        match behind.first() {
            // In prose a word may be followed by a colon, and there are keywords that are any words.
            Some(b':') => match look_up(&keyword) {
                Known::Built(_) => true,
                Known::Foreign => !is_prose,
                Known::No => false,
            },
            _ => !is_prose && (ALONE.contains(&&*keyword) || BUFFERS.iter().any(|begins| keyword.starts_with(begins))),
        }
    })?;
    Some(Fault::unended(&option.name.value, next, place(value, at, next.len())))
}

/// Where a word of a value stands in the file.
fn place(value: &Spanned<Vec<u8>>, at: usize, len: usize) -> Span {
    // Where mail has broken the rule, the file has more bytes than the text.
    let is_whole = value.span.end - value.span.start == value.value.len();
    let start = value.span.start + at;
    if is_whole { Span { start, end: start + len } } else { value.span }
}

/// The words of a value, but for the first, that stand outside of its quotes: of what is quoted those right behind, since
/// there may be quotes within what is said.
fn words(text: &[u8]) -> impl Iterator<Item = (usize, &str)> {
    let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
    outside_of_quotes(text).filter_map(move |at| {
        let begins = at > 0 && matches!(text[at - 1], b' ' | b'\t' | b'"');
        let len = text[at..].iter().take_while(|byte| is_of_word(byte)).count();
        let word = std::str::from_utf8(&text[at..at + len]).ok()?;
        (begins && len > 0).then_some((at, word))
    })
}

/// The places where the next option may begin: anywhere before a quote, and behind one that closes up to the end of a word.
fn outside_of_quotes(text: &[u8]) -> impl Iterator<Item = usize> {
    #[derive(Clone, Copy)]
    enum In {
        Value,
        Quotes { escaped: bool },
        Behind,
        Word,
    }
    let mut state = In::Value;
    text.iter().enumerate().filter_map(move |(at, byte)| {
        let (next, is_outside) = match (state, byte) {
            (In::Quotes { escaped: false }, b'"') => (In::Behind, false),
            (In::Quotes { escaped }, _) => (In::Quotes { escaped: *byte == b'\\' && !escaped }, false),
            (_, b'"') => (In::Quotes { escaped: false }, false),
            (In::Behind, b' ' | b'\t') => (In::Behind, true),
            (In::Behind, _) => (In::Word, true),
            (state, _) => (state, matches!(state, In::Value)),
        };
        state = next;
        is_outside.then_some(at)
    })
}
