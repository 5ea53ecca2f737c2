//! A message as it is sent: what tells it from others, and where it ends.
//!
//! <https://www.rfc-editor.org/rfc/rfc5322>, and section 4.5.2 of <https://www.rfc-editor.org/rfc/rfc5321> for its dots.

use catspaw_records::Digest;
use memchr::memchr;
use xxhash_rust::xxh3::Xxh3;

/// So much of a header field is looked at.
const FIELD: usize = 512;
/// So many blank lines that wait for what follows them are kept apart; more are as many.
const BLANKS: u32 = 64;

/// What tells a message from others, digested line by line. Lines end by LF, CR before it or not, and so however they were
/// sent.
pub(super) struct Letter {
    part: Part,
    /// The beginning of the current header field, while it may be a `Message-ID`.
    field: Vec<u8>,
    message_id: Option<Digest>,
    body: Box<Xxh3>,
    has_body: bool,
    /// Blank lines of the body after which nothing has followed yet.
    blanks: u32,
    /// Bytes are missing.
    pub(super) is_broken: bool,
}

/// What is known of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sealed {
    /// Of the value of its `Message-ID`.
    pub(super) message_id: Option<Digest>,
    /// Of its body, if it has one and all of it was seen.
    pub(super) body: Option<Digest>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Header,
    Body,
}

/// One line, or a piece of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub(super) bytes: &'a [u8],
    /// Whether the line begins here,
    pub(super) begins: bool,
    /// and whether it ends here.
    pub(super) ends: bool,
}

impl Letter {
    pub(super) fn new() -> Self {
        Self {
            part: Part::Header,
            field: Vec::new(),
            message_id: None,
            body: Box::new(Xxh3::new()),
            has_body: false,
            blanks: 0,
            is_broken: false,
        }
    }

    /// It is complete.
    pub(super) fn seal(&mut self) -> Sealed {
        let body = (self.has_body && !self.is_broken).then(|| Digest(self.body.digest()));
        Sealed { body, ..self.seal_unfinished() }
    }

    /// It is not complete, and its body none.
    pub(super) fn seal_unfinished(&mut self) -> Sealed {
        self.end_field();
        Sealed { message_id: self.message_id, body: None }
    }

    /// Takes a line or a piece of one.
    pub(super) fn piece(&mut self, piece: Piece<'_>) {
        if piece.bytes.is_empty() && !piece.ends {
            return;
        }
        match self.part {
            Part::Header => self.header(piece),
            Part::Body => self.content(piece),
        }
    }

    fn header(&mut self, piece: Piece<'_>) {
        let Piece { bytes, begins, ends } = piece;
        if begins && !matches!(bytes.first(), Some(b' ' | b'\t')) {
            self.end_field();
            if bytes.is_empty() && ends {
                self.part = Part::Body;
                return;
            }
        }
        let room = FIELD.saturating_sub(self.field.len());
        self.field.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        if ends && !self.field.is_empty() && !is_field(&self.field) {
            // A text without a header: its first line is the body's.
            self.part = Part::Body;
            let line = std::mem::take(&mut self.field);
            self.content(Piece { bytes: &line, begins: true, ends: true });
        }
    }

    fn end_field(&mut self) {
        const NAME: &[u8] = b"message-id:";
        if let Some((name, value)) = self.field.split_at_checked(NAME.len())
            && name.eq_ignore_ascii_case(NAME)
            && self.message_id.is_none()
        {
            let value: Vec<u8> = value.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
            self.message_id = (!value.is_empty()).then(|| Digest::of(&value));
        }
        self.field.clear();
    }

    fn content(&mut self, piece: Piece<'_>) {
        let Piece { bytes, begins, ends } = piece;
        if begins && bytes.is_empty() && ends {
            self.blanks = (self.blanks + 1).min(BLANKS);
            return;
        }
        for _ in 0..std::mem::take(&mut self.blanks) {
            self.body.update(b"\n");
        }
        self.has_body |= !bytes.is_empty();
        self.body.update(bytes);
        if ends {
            self.body.update(b"\n");
        }
    }
}

/// Whether a line is a header field's: a name of printable characters, and a colon.
fn is_field(line: &[u8]) -> bool {
    memchr(b':', line).is_some_and(|colon| {
        let name = line[..colon].trim_ascii_end();
        !name.is_empty() && name.iter().all(u8::is_ascii_graphic)
    }) || line.starts_with(b"From ")
}

/// Cuts bytes that come in pieces into lines: without their ends, and a CR is one only before a LF.
#[derive(Debug, Default)]
pub(super) struct Lines {
    is_inside: bool,
    has_cr: bool,
}

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineEnd {
    /// By CR and LF.
    CrLf,
    /// By LF alone.
    Lf,
}

impl Lines {
    /// Takes the first line of `bytes`, or what there is of it. Gives it and what is left.
    pub(super) fn next<'a>(&mut self, bytes: &'a [u8]) -> (Piece<'a>, Option<LineEnd>, &'a [u8]) {
        if std::mem::take(&mut self.has_cr) {
            if let Some(rest) = bytes.strip_prefix(b"\n") {
                return (self.cut(&[], true), Some(LineEnd::CrLf), rest);
            }
            return (self.cut(b"\r", false), None, bytes);
        }
        match memchr(b'\n', bytes) {
            Some(end) => {
                let line = &bytes[..end];
                let stripped = line.strip_suffix(b"\r");
                let how = if stripped.is_some() { LineEnd::CrLf } else { LineEnd::Lf };
                (self.cut(stripped.unwrap_or(line), true), Some(how), &bytes[end + 1..])
            }
            None => {
                let stripped = bytes.strip_suffix(b"\r");
                self.has_cr = stripped.is_some();
                (self.cut(stripped.unwrap_or(bytes), false), None, &[])
            }
        }
    }

    fn cut<'a>(&mut self, bytes: &'a [u8], ends: bool) -> Piece<'a> {
        let begins = !self.is_inside;
        // An empty piece that does not end its line leaves it as if it had not begun.
        self.is_inside = !ends && (self.is_inside || !bytes.is_empty());
        Piece { bytes, begins, ends }
    }
}
