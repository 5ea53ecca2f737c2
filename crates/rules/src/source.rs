//! The rules of a file: which bytes belong to which rule.
//!
//! A rule ends with the parenthesis that closes its options. Most stand on one line. Where a line ends in a backslash
//! the rule goes on, and where the parenthesis is not closed it goes on too: a rule that came by mail was wrapped at a
//! space, which is put back.

use crate::ast::Action;
use crate::diagnostic::{Code, Fault, Span};
use crate::network::is_protocol;

/// No rule is longer than this.
const MAX_RULE: usize = 64 * 1024;

/// The text of one rule on one line, and where each byte of it stood in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleText {
    /// The text.
    pub bytes: Vec<u8>,
    /// For each byte its place in the file.
    places: Vec<usize>,
}

impl RuleText {
    /// Text that stands by itself on one line.
    #[must_use]
    pub fn plain(text: &[u8]) -> Self {
        Self { bytes: text.to_vec(), places: (0..text.len()).collect() }
    }

    /// The stretch of the file that holds bytes `from` up to `to` of the text.
    #[must_use]
    pub fn span(&self, from: usize, to: usize) -> Span {
        let last = self.places.len().saturating_sub(1);
        let place = |at: usize| self.places.get(at.min(last)).copied().unwrap_or_default();
        let start = place(from);
        Span { start, end: if to > from { place(to - 1) + 1 } else { start } }
    }

    fn push(&mut self, line: &[u8], at: usize) {
        self.bytes.extend_from_slice(line);
        self.places.extend(at..at + line.len());
    }

    /// Puts back the space at which a mail program broke the line.
    fn mend(&mut self, at: usize) {
        let kept = self.bytes.trim_ascii_end().len();
        self.bytes.truncate(kept);
        self.places.truncate(kept);
        self.push(b" ", at);
    }
}

/// A rule that is being put together.
#[derive(Default)]
struct Open {
    text: RuleText,
    quoted: bool,
    escaped: bool,
    parenthesis: bool,
    /// The last line ended in a backslash.
    continued: bool,
}

impl Open {
    fn add(&mut self, line: &[u8], at: usize) {
        let (mut line, mut at) = (line, at);
        if !self.text.bytes.is_empty() && !self.continued {
            self.text.mend(at);
            let trimmed = line.trim_ascii_start();
            at += line.len() - trimmed.len();
            line = trimmed;
        }
        let whole = line.trim_ascii_end();
        self.continued = whole.ends_with(b"\\");
        let line = if self.continued { &whole[..whole.len() - 1] } else { line };
        self.text.push(line, at);
        line.iter().for_each(|byte| self.see(*byte));
    }

    fn see(&mut self, byte: u8) {
        if self.escaped {
            self.escaped = false;
            return;
        }
        match byte {
            b'\\' => self.escaped = true,
            b'"' if self.parenthesis => self.quoted = !self.quoted,
            b'(' if !self.quoted => self.parenthesis = true,
            _ => {}
        }
    }

    /// Whether the rule is whole. A parenthesis inside of the options closes nothing: only the last one of a line does,
    /// behind a semicolon even where a quote stands alone (in an expression it may).
    fn closed(&self) -> bool {
        let Some(options) = self.text.bytes.trim_ascii_end().strip_suffix(b")") else { return false };
        !self.continued && self.parenthesis && (!self.quoted || options.trim_ascii_end().ends_with(b";"))
    }
}

/// The rules of `file`, in order, and what is no rule.
pub fn split(file: &[u8], rule: &mut impl FnMut(Result<RuleText, Fault>)) {
    let mut open: Option<Open> = None;
    let mut at = if file.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    while at < file.len() {
        let end = memchr::memchr(b'\n', &file[at..]).map_or(file.len(), |n| at + n);
        let line = file[at..end].strip_suffix(b"\r").unwrap_or(&file[at..end]);
        take_line(&mut open, line, at, rule);
        at = end + 1;
    }
    if let Some(open) = open {
        rule(Err(unclosed(&open)));
    }
}

fn take_line(open: &mut Option<Open>, line: &[u8], at: usize, rule: &mut impl FnMut(Result<RuleText, Fault>)) {
    let text = line.trim_ascii();
    let ends = text.starts_with(b"#") || begins_rule(text);
    if ends
        && open.as_ref().is_some_and(|open| !open.continued)
        && let Some(open) = open.take()
    {
        rule(Err(unclosed(&open)));
    }
    if open.is_none() {
        if text.is_empty() || text.starts_with(b"#") {
            return;
        }
        if !begins_with_action(text) {
            let indent = line.len() - line.trim_ascii_start().len();
            return rule(Err(no_rule(text, at + indent)));
        }
    }
    let rule_so_far = open.get_or_insert_default();
    rule_so_far.add(line, at);
    if rule_so_far.text.bytes.len() > MAX_RULE {
        let span = rule_so_far.text.span(0, 0);
        *open = None;
        return rule(Err(Fault::new(Code::TooLarge, span, format!("a rule of more than {MAX_RULE} bytes"))));
    }
    if rule_so_far.closed()
        && let Some(whole) = open.take()
    {
        rule(Ok(whole.text));
    }
}

fn begins_with_action(text: &[u8]) -> bool {
    let word = text.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    Action::parse(word).is_some()
}

/// Whether a line is the beginning of a rule, and not the rest of one that was wrapped before a word like `pass`.
fn begins_rule(text: &[u8]) -> bool {
    let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.next().is_some_and(|word| Action::parse(word).is_some()) && words.next().is_some_and(is_protocol)
}

/// What a rule may begin with.
pub(crate) const ACTIONS: &str = "the actions are alert, pass, drop, reject and log";

fn no_rule(text: &[u8], at: usize) -> Fault {
    let word = text.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    let span = Span { start: at, end: at + word.len() };
    let message = format!("`{}` is no action: a rule begins with one", String::from_utf8_lossy(word));
    Fault::new(Code::NoRule, span, message).help(format!("{ACTIONS}; a comment begins with #"))
}

fn unclosed(open: &Open) -> Fault {
    let len = open.text.bytes.len();
    if let Some(fault) = typography(&open.text, 0) {
        return fault;
    }
    let (message, help) = if open.quoted {
        ("a quote of this rule is not closed", "every `\"` needs its partner; write one that is meant as `\\\"`")
    } else if open.parenthesis {
        ("the parenthesis of this rule is not closed", "end the rule with `;)`")
    } else {
        ("this rule has no options", "the options stand in parentheses behind the header")
    };
    Fault::new(Code::Unclosed, open.text.span(0, len), message).help(help)
}

/// The first typographic quote or dash outside of plain quotes from byte `from` on: a word processor put it there.
#[must_use]
pub fn typography(text: &RuleText, from: usize) -> Option<Fault> {
    let mut quoted = false;
    let mut at = from;
    while at < text.bytes.len() {
        match text.bytes[at] {
            b'\\' => at += 1,
            b'"' => quoted = !quoted,
            0xe2 if !quoted && text.bytes[at..].starts_with(b"\xe2\x80") => {
                let span = text.span(at, at + 3);
                return Some(match text.bytes.get(at + 2)? {
                    0x98..=0x9f => Fault::new(Code::Typography, span, "a typographic quote").help("write a plain `\"`"),
                    0x90..=0x95 => Fault::new(Code::Typography, span, "a typographic dash").help("write a plain `-`"),
                    _ => Fault::new(Code::Typography, span, "a character that is not ASCII outside of quotes"),
                });
            }
            _ => {}
        }
        at += 1;
    }
    None
}
