//! From the text of a rule to its tree.

use crate::ast::{Action, Arrow, Opt, Rule, Set, Spanned};
use crate::diagnostic::{Code, Fault, Span};
use crate::keyword::{Known, look_up};
use crate::source::{ACTIONS, RuleText, typography};

/// Lists deeper than this are refused.
const MAX_DEPTH: usize = 16;

/// Reads one rule.
///
/// # Errors
///
/// What is wrong and where.
pub fn parse_rule(text: &RuleText) -> Result<Rule, Fault> {
    Parser { text, at: 0 }.rule()
}

/// Reads a set of addresses or ports as it stands in a header or behind a variable's name.
///
/// # Errors
///
/// What is wrong; the place is that in `text`.
pub fn parse_set(text: &[u8]) -> Result<Spanned<Set>, Fault> {
    let whole = RuleText::plain(text);
    let mut parser = Parser { text: &whole, at: 0 };
    parser.spaces();
    let set = parser.set(0)?;
    parser.spaces();
    if parser.at < whole.bytes.len() {
        return Err(parser.fault(parser.at, whole.bytes.len(), "this does not belong to the set"));
    }
    Ok(set)
}

struct Parser<'a> {
    text: &'a RuleText,
    at: usize,
}

impl Parser<'_> {
    fn rule(mut self) -> Result<Rule, Fault> {
        self.spaces();
        let action = self.word();
        let action = Action::parse(action.value.as_bytes()).ok_or_else(|| {
            Fault::new(Code::NoRule, action.span, format!("`{}` is no action", action.value)).help(ACTIONS)
        })?;
        let protocol = self.word();
        let src = self.set(0)?;
        let src_ports = self.set(0)?;
        let arrow = self.arrow()?;
        let dst = self.set(0)?;
        let dst_ports = self.set(0)?;
        let options = self.options()?;
        let span = self.text.span(0, self.text.bytes.len());
        Ok(Rule { action, protocol, src, src_ports, arrow, dst, dst_ports, options, span })
    }

    fn rest(&self) -> &[u8] {
        self.text.bytes.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    fn spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_ascii_start().len();
    }

    fn span(&self, from: usize) -> Span {
        self.text.span(from, self.at)
    }

    /// What is to be said of a keyword that stands alone (`nocase`) and swallows the next, whose `names` both are.
    fn unended(&self, from: usize, names: &str) -> Option<Fault> {
        let (name, rest) = names.split_once(|c: char| c.is_ascii_whitespace())?;
        let next = rest.trim_start();
        let at = from + names.len() - next.len();
        let is_keyword = |name: &str| !matches!(look_up(name), Known::No);
        (is_keyword(name) && is_keyword(next)).then(|| {
            let span = self.text.span(at, at + next.len());
            typography(self.text, at).unwrap_or_else(|| Fault::unended(name, next, span))
        })
    }

    fn fault(&self, from: usize, to: usize, message: impl Into<String>) -> Fault {
        match typography(self.text, from) {
            Some(fault) => fault,
            None => Fault::new(Code::Header, self.text.span(from, to.max(from + 1)), message),
        }
    }

    fn word(&mut self) -> Spanned<String> {
        self.spaces();
        let from = self.at;
        let len = self.rest().iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
        self.at += len;
        self.spanned(from, self.at)
    }

    fn spanned(&self, from: usize, to: usize) -> Spanned<String> {
        let value = String::from_utf8_lossy(&self.text.bytes[from..to]).into_owned();
        Spanned { value, span: self.text.span(from, to) }
    }

    fn arrow(&mut self) -> Result<Arrow, Fault> {
        self.spaces();
        let from = self.at;
        let arrow = match self.rest().get(..2) {
            Some(b"->") => Arrow::To,
            Some(b"<>") => Arrow::Both,
            _ => {
                let word = self.word();
                let message = format!("`{}` stands where the arrow is expected", word.value);
                return Err(self.fault(from, self.at, message).or_help("the arrows are `->` and `<>`"));
            }
        };
        self.at += 2;
        Ok(arrow)
    }

    fn set(&mut self, depth: usize) -> Result<Spanned<Set>, Fault> {
        self.spaces();
        let from = self.at;
        if depth > MAX_DEPTH {
            return Err(self.fault(from, from + 1, "lists within lists, deeper than is taken"));
        }
        let value = match self.peek() {
            Some(b'!') => {
                self.at += 1;
                Set::Not(Box::new(self.set(depth + 1)?))
            }
            Some(b'[') => self.list(depth)?,
            _ => self.item()?,
        };
        Ok(Spanned { value, span: self.span(from) })
    }

    fn list(&mut self, depth: usize) -> Result<Set, Fault> {
        let from = self.at;
        self.at += 1;
        let mut items = Vec::new();
        loop {
            items.push(self.set(depth + 1)?);
            self.spaces();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Set::List(items));
                }
                _ => return Err(self.fault(from, self.at, "this list is not closed").or_help("a list is `[a,b]`")),
            }
        }
    }

    fn item(&mut self) -> Result<Set, Fault> {
        let from = self.at;
        let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b'[' | b']' | b'(' | b')' | b'!');
        let len = self.rest().iter().position(ends).unwrap_or(self.rest().len());
        self.at += len;
        let item = self.spanned(from, self.at).value;
        match item.as_str() {
            "" | "->" | "<>" => Err(self
                .fault(from, self.at, "addresses or ports are expected here")
                .or_help("a header is: action protocol addresses ports -> addresses ports")),
            _ if item.eq_ignore_ascii_case("any") => Ok(Set::Any),
            _ => Ok(item.strip_prefix('$').map_or_else(|| Set::Item(item.clone()), |name| Set::Variable(name.into()))),
        }
    }

    fn options(&mut self) -> Result<Vec<Opt>, Fault> {
        self.spaces();
        if self.peek() != Some(b'(') {
            let word = self.word();
            let to = self.at;
            let message = format!("`{}` stands where the parenthesis is expected", word.value);
            return Err(self.fault(to - word.value.len().min(to), to, message));
        }
        self.at += 1;
        let end = self.text.bytes.trim_ascii_end().len() - 1;
        let mut options = Vec::new();
        loop {
            self.spaces();
            if self.at >= end {
                return Ok(options);
            }
            options.push(self.option(end)?);
        }
    }

    fn option(&mut self, end: usize) -> Result<Opt, Fault> {
        let from = self.at;
        let stop = self.option_end(end).ok_or_else(|| {
            self.fault(from, end, "this option has no `;` at its end")
                .coded(Code::Option)
                .or_help("every option ends with `;`")
        })?;
        self.at = stop + 1;
        let option = &self.text.bytes[from..stop];
        let colon = option.iter().position(|byte| *byte == b':');
        let name_len = option[..colon.unwrap_or(option.len())].trim_ascii_end().len();
        let mut name = self.spanned(from, from + name_len);
        name.value.make_ascii_lowercase();
        if name_len == 0 || !name.value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)) {
            let fault = self.unended(from, &name.value);
            return Err(fault.unwrap_or_else(|| self.fault(from, stop, "no keyword stands here").coded(Code::Option)));
        }
        let value = colon.map(|colon| self.value(from + colon + 1, stop));
        if value.as_ref().is_some_and(|value| value.value.trim_ascii_start().starts_with(b"\xe2\x80")) {
            return Err(self.fault(from, stop, "a quote is expected here"));
        }
        Ok(Opt { name, value })
    }

    fn value(&self, from: usize, to: usize) -> Spanned<Vec<u8>> {
        let text = &self.text.bytes[from..to];
        let from = from + (text.len() - text.trim_ascii_start().len());
        let value = text.trim_ascii().to_vec();
        Spanned { span: self.text.span(from, from + value.len()), value }
    }

    /// Where the option ends: at a semicolon that is not escaped, within quotes too.
    fn option_end(&self, end: usize) -> Option<usize> {
        let mut at = self.at;
        while at < end {
            match self.text.bytes[at] {
                b'\\' => at += 1,
                b';' => return Some(at),
                _ => {}
            }
            at += 1;
        }
        None
    }
}
