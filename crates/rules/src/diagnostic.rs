//! What is wrong with a rule, and where.

use std::fmt;
use std::fmt::Write as _;

/// A stretch of the file: bytes from its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last.
    pub end: usize,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The rule runs, but perhaps not as meant.
    Warning,
    /// The rule was refused.
    Error,
}

/// What kind of thing is wrong: a word that scripts may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// A line that begins no rule.
    NoRule,
    /// The parenthesis of a rule is not closed.
    Unclosed,
    /// A typographic quote or dash where the plain one is meant.
    Typography,
    /// The header cannot be read.
    Header,
    /// An option cannot be read.
    Option,
    /// No such keyword.
    UnknownKeyword,
    /// A keyword, a modifier or a protocol of the language that this engine does not have.
    NotBuilt,
    /// The value of a keyword cannot be read.
    Value,
    /// Keywords that contradict each other, or a modifier of nothing.
    Conflict,
    /// A variable that nobody defined.
    Variable,
    /// The pattern of `pcre` cannot be compiled.
    Pattern,
    /// No `sid`: one was made from the text.
    NoSid,
    /// Two rules of one `gid`, `sid`.
    Duplicate,
    /// The rule, or the set, is larger than is taken.
    TooLarge,
}

impl Code {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoRule => "no-rule",
            Self::Unclosed => "unclosed-rule",
            Self::Typography => "typography",
            Self::Header => "bad-header",
            Self::Option => "bad-option",
            Self::UnknownKeyword => "unknown-keyword",
            Self::NotBuilt => "not-built",
            Self::Value => "bad-value",
            Self::Conflict => "conflict",
            Self::Variable => "unknown-variable",
            Self::Pattern => "bad-pattern",
            Self::NoSid => "no-sid",
            Self::Duplicate => "duplicate-sid",
            Self::TooLarge => "too-large",
        }
    }
}

/// One thing that is wrong with a rule file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind of thing.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// Where.
    pub span: Span,
    /// Line of the beginning of `span`, from 1.
    pub line: usize,
    /// Column of the beginning of `span`, from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// A diagnostic before its line is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind of thing.
    pub code: Code,
    /// Where.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Fault {
    pub(crate) fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self { code, span, message: message.into(), help: None }
    }

    /// Of an option that nothing ends before the next one, which stands at `span`.
    pub(crate) fn unended(name: &str, next: &str, span: Span) -> Self {
        let message = format!("`{name}` has no `;` at its end: `{next}` is taken for a part of it");
        Self::new(Code::Option, span, message).help(format!("`;` missing before `{next}`"))
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Help, unless there is some already.
    pub(crate) fn or_help(mut self, help: &str) -> Self {
        self.help.get_or_insert_with(|| help.to_owned());
        self
    }

    /// Of another kind, where the kind was only that of a header.
    pub(crate) fn coded(mut self, code: Code) -> Self {
        if self.code == Code::Header {
            self.code = code;
        }
        self
    }

    /// The diagnostic, with its place in `text`.
    pub(crate) fn at(self, text: &[u8], severity: Severity) -> Diagnostic {
        let before = &text[..self.span.start.min(text.len())];
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        Diagnostic {
            code: self.code,
            severity,
            span: self.span,
            line: memchr::memchr_iter(b'\n', before).count() + 1,
            column: String::from_utf8_lossy(&before[line_start..]).chars().count() + 1,
            message: harmless(&self.message),
            help: self.help.as_deref().map(harmless),
        }
    }
}

impl Diagnostic {
    /// The diagnostic with the line it is about, as compilers print it. `file` is the file's name and `text` what is
    /// in it.
    #[must_use]
    pub fn render(&self, file: &str, text: &[u8]) -> String {
        let start = self.span.start.min(text.len());
        let from = memchr::memrchr(b'\n', &text[..start]).map_or(0, |at| at + 1);
        let to = memchr::memchr(b'\n', &text[start..]).map_or(text.len(), |at| start + at);
        let (shown, skipped) = window(&text[from..to], start - from);
        let marked = self.span.end.clamp(start, to) - start;
        let before = printable(&text[from + skipped..start]).chars().count();
        let under = printable(&text[start..start + marked]).chars().count().clamp(1, 100);
        let margin = " ".repeat(self.line.to_string().len());
        let mut out = format!("{self}\n{margin}--> {file}:{}:{}\n{margin} |\n", self.line, self.column);
        let _ = writeln!(out, "{} | {}", self.line, printable(shown));
        let _ = writeln!(out, "{margin} | {}{}", " ".repeat(before), "^".repeat(under));
        if let Some(help) = &self.help {
            let _ = writeln!(out, "{margin} = help: {help}");
        }
        out
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{severity}[{}]: {}", self.code.as_str(), self.message)
    }
}

/// The part of a long line that shows what stands at `at`, and how many bytes stand before that part.
fn window(line: &[u8], at: usize) -> (&[u8], usize) {
    const BEFORE: usize = 60;
    const SHOWN: usize = 160;
    let from = if line.len() <= SHOWN { 0 } else { at.saturating_sub(BEFORE) };
    (&line[from..line.len().min(from + SHOWN)], from)
}

/// Words that a rule file has a part in, so that they do nothing to a terminal.
fn harmless(text: &str) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().collect() } else { String::from(c) };
    text.chars().map(escaped).collect()
}

/// Text that does nothing to a terminal and has one column for each character.
fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim_end_matches('\r').chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
