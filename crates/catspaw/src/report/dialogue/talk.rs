//! What was said on one connection, line by line, as far as it may be shown.

use std::collections::VecDeque;

use catspaw_engine::flow::Heard;
use catspaw_records::{Nanos, Side};

use super::secrets::{self, Next};
use super::socks::Handshake;

/// A line that is longer is shown in parts.
const LINE: usize = 1000;
/// Of a line so many characters are kept.
pub(super) const KEPT: usize = 400;
/// Things said that are kept, from the beginning and from the end.
pub(super) const FIRST: usize = 400;
pub(super) const LAST: usize = 40;
/// A line that is shorter, behind what is no text, is none by itself.
const BY_CHANCE: usize = 8;
/// Bytes that are kept of what is no text.
const SAMPLE: usize = 16;

/// Something that one side said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// A line, in printable ASCII: all else is written as an escape.
    Line(String),
    /// So many bytes that are no text, and the first of them, as far as they are certainly none.
    Bytes(u64, Vec<u8>),
    /// What is not shown: its name, and how many bytes it has.
    Hidden(&'static str, u64),
    /// Bytes that were not captured.
    Missing(u64),
}

/// Words with their moment and speaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// When its first byte was in order.
    pub(crate) at: Nanos,
    /// Who said it.
    pub(crate) from: Side,
    /// What.
    pub(crate) words: Words,
}

/// How what one side says is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Lines,
    /// A message, up to a line that is a dot.
    Message,
    /// So many bytes of something.
    Literal(u64),
    /// A name or a password.
    Secret,
    /// The header of a request or an answer.
    Head(Next),
    /// The body, or the next request.
    Body,
    /// Encrypted.
    Opaque,
}

/// One side.
#[derive(Debug, Default)]
struct Speaker {
    mode: Mode,
    /// The beginning of a line, and when it came.
    line: Vec<u8>,
    since: Nanos,
    /// Whether what comes is the rest of a line.
    continued: bool,
    /// Whether that is not shown: a password may be in it.
    swallow: bool,
    /// Whether the message that it wanted to send was refused.
    refused: bool,
    /// Whether it was asked for messages: then only what is an answer is shown.
    gives_messages: bool,
    /// Whether it asked an HTTP proxy to connect it.
    connects: bool,
}

/// What both sides have said.
#[derive(Debug, Default)]
pub(super) struct Talk {
    speakers: [Speaker; 2],
    begun: bool,
    socks: Option<Handshake>,
    first: Vec<Said>,
    last: VecDeque<Said>,
    left_out: u64,
}

impl Talk {
    /// Takes what was heard at a moment.
    pub(super) fn hear(&mut self, at: Nanos, from: Side, heard: Heard<'_>) {
        match heard {
            Heard::Bytes(bytes) => self.data(at, from, bytes),
            Heard::Gap(len) => {
                if let Some(socks) = self.socks.take() {
                    self.give_up(at, from, socks);
                }
                self.end_line(from, false);
                self.say(at, from, Words::Missing(len));
            }
        }
    }

    /// Everything that was said, in order, and how much of it was not kept.
    pub(super) fn finish(mut self) -> (Vec<Said>, u64) {
        if let Some(answer) = self.socks.take().and_then(|socks| socks.unfinished()) {
            let answered = self.speakers[Side::Resp.index()].since;
            self.say(answered, Side::Resp, Words::Line(answer));
        }
        [Side::Orig, Side::Resp].into_iter().for_each(|from| self.end_line(from, false));
        self.first.extend(self.last);
        // A line that the other side interrupted came first.
        self.first.sort_by_key(|said| said.at);
        self.first.iter_mut().for_each(without_text);
        (self.first, self.left_out)
    }

    fn data(&mut self, at: Nanos, from: Side, bytes: &[u8]) {
        if !std::mem::replace(&mut self.begun, true) && from == Side::Orig {
            self.socks = Handshake::sniff(bytes);
        }
        let Some(mut socks) = self.socks.take() else { return self.lines(at, from, bytes) };
        self.speakers[from.index()].since = at;
        let mut told = Vec::new();
        let goes_on = socks.take(from, bytes, &mut told);
        told.into_iter().for_each(|(from, words)| self.say(at, from, Words::Line(cut(escaped(words.as_bytes())))));
        if !goes_on && !socks.never_was() {
            self.give_up(at, from, socks);
        } else if !goes_on || socks.is_over() {
            let rest = socks.into_rest();
            [from.other(), from].into_iter().for_each(|side| self.lines(at, side, &rest[side.index()]));
        } else {
            self.socks = Some(socks);
        }
    }

    /// What began as a handshake is none. Whatever it is, a password may be in it.
    fn give_up(&mut self, at: Nanos, from: Side, socks: Handshake) {
        let rest = socks.into_rest();
        for side in [from.other(), from] {
            self.speakers[side.index()].mode = Mode::Literal(u64::MAX);
            self.lines(at, side, &rest[side.index()]);
        }
    }

    fn lines(&mut self, at: Nanos, from: Side, mut bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if is_encrypted(&self.speakers[from.other().index()].line) {
            self.end_line(from.other(), false);
        }
        while !bytes.is_empty() {
            let speaker = &mut self.speakers[from.index()];
            if speaker.line.is_empty() {
                speaker.since = at;
            }
            match speaker.mode {
                Mode::Opaque => return self.say(at, from, Words::Bytes(bytes.len() as u64, beginning(bytes))),
                Mode::Literal(left) => {
                    let taken = left.min(bytes.len() as u64);
                    speaker.mode = if taken == left { Mode::Lines } else { Mode::Literal(left - taken) };
                    bytes = &bytes[taken as usize..];
                    self.say(at, from, Words::Hidden("content", taken));
                }
                _ => {
                    let room = LINE - speaker.line.len().min(LINE - 1);
                    let end = memchr::memchr(b'\n', &bytes[..bytes.len().min(room)]);
                    let len = end.map_or(bytes.len().min(room), |end| end + 1);
                    let (part, rest) = bytes.split_at(len);
                    speaker.line.extend_from_slice(part);
                    bytes = rest;
                    if end.is_some() || speaker.line.len() >= LINE {
                        self.end_line(from, end.is_some());
                    }
                }
            }
        }
    }

    /// Whatever stands of a line is taken: all of it where it is `whole`.
    fn end_line(&mut self, from: Side, whole: bool) {
        let latest = self.last.back().or(self.first.last()).filter(|said| said.from == from);
        let after_bytes = latest.is_some_and(|said| matches!(said.words, Words::Bytes(..)));
        let speaker = &mut self.speakers[from.index()];
        let (line, at) = (std::mem::take(&mut speaker.line), speaker.since);
        if line.is_empty() {
            return;
        }
        let continued = std::mem::replace(&mut speaker.continued, !whole);
        let (bytes, text) = (line.len() as u64, line.trim_ascii_end());
        if speaker.swallow {
            speaker.swallow = !whole;
            return self.say(at, from, Words::Hidden("rest of the line", bytes));
        }
        if speaker.mode == Mode::Message && std::mem::take(&mut speaker.refused) && is_command(text) {
            speaker.mode = Mode::Lines;
        }
        match speaker.mode {
            Mode::Message => {
                if text == b"." && whole && !continued {
                    speaker.mode = Mode::Lines;
                }
                self.say(at, from, Words::Hidden("message", bytes));
            }
            Mode::Secret => self.say(at, from, Words::Hidden("name or password", bytes)),
            Mode::Body if !begins_head(text) => self.say(at, from, Words::Hidden("body", bytes)),
            Mode::Lines if is_encrypted(&line) => {
                self.speakers.iter_mut().for_each(|speaker| speaker.mode = Mode::Opaque);
                let other = &mut self.speakers[from.other().index()];
                let (unread, since) = (std::mem::take(&mut other.line).len() as u64, other.since);
                self.say(since, from.other(), Words::Bytes(unread, Vec::new()));
                self.say(at, from, Words::Bytes(bytes, beginning(&line)));
            }
            Mode::Head(next) if text.is_empty() => self.end_head(from, next),
            _ if speaker.gives_messages && !is_answer(text) => self.say(at, from, Words::Hidden("message", bytes)),
            _ if !is_text(text) || (after_bytes && text.len() < BY_CHANCE) => {
                self.say(at, from, Words::Bytes(bytes, beginning(&line)));
            }
            _ if text.is_empty() => {}
            mode => {
                let text = escaped(text);
                let in_head = matches!(mode, Mode::Head(_));
                let (shown, next) = match mode {
                    Mode::Head(next) => (secrets::field(&text, whole), next),
                    _ => secrets::told(&text, whole),
                };
                speaker.swallow = !whole;
                self.say(at, from, Words::Line(cut(shown)));
                if !in_head {
                    self.follow(from, line.trim_ascii_end(), next);
                }
            }
        }
    }

    /// A line was said: how both go on.
    fn follow(&mut self, from: Side, text: &[u8], next: Next) {
        let (own, peer) = (from.index(), from.other().index());
        let asking = &mut self.speakers[peer];
        match asking.mode {
            Mode::Secret if has_heard_enough(text) => asking.mode = Mode::Lines,
            Mode::Message if text.starts_with(b"3") => asking.refused = false,
            Mode::Message => asking.refused |= matches!(text.first(), Some(b'4' | b'5')),
            _ => {}
        }
        let speaker = &mut self.speakers[own];
        match next {
            Next::Line if text.starts_with(b"SSH-") => speaker.mode = Mode::Opaque,
            Next::Line | Next::Literal(0) => {}
            Next::Message => speaker.mode = Mode::Message,
            Next::MessageBack => self.speakers[peer].gives_messages = true,
            Next::Literal(len) => speaker.mode = Mode::Literal(len),
            Next::Secret => speaker.mode = Mode::Secret,
            Next::Connect | Next::Request | Next::Answer(_) => speaker.mode = Mode::Head(next),
        }
    }

    /// An empty line ends a header.
    fn end_head(&mut self, from: Side, head: Next) {
        let asked = self.speakers[from.other().index()].connects;
        let speaker = &mut self.speakers[from.index()];
        speaker.connects = head == Next::Connect;
        speaker.mode = match head {
            Next::Connect => Mode::Lines,
            Next::Answer(200..300) if asked => Mode::Lines,
            _ => Mode::Body,
        };
    }

    /// Keeps it: with what was said just before, where that was of the same kind.
    fn say(&mut self, at: Nanos, from: Side, words: Words) {
        if matches!(words, Words::Bytes(0, _)) {
            return;
        }
        let latest = self.last.back_mut().or(self.first.last_mut()).filter(|said| said.from == from);
        match (latest.map(|said| &mut said.words), &words) {
            (Some(Words::Bytes(len, first)), Words::Bytes(more, then)) => {
                if first.len() as u64 == *len {
                    first.extend(then.iter().take(SAMPLE - first.len().min(SAMPLE)));
                }
                return *len += more;
            }
            (Some(Words::Hidden(what, len)), Words::Hidden(more_of, more)) if what == more_of => return *len += more,
            _ => {}
        }
        let said = Said { at, from, words };
        if self.first.len() < FIRST {
            return self.first.push(said);
        }
        self.last.push_back(said);
        if self.last.len() > LAST {
            self.last.pop_front();
            self.left_out += 1;
        }
    }
}

/// Whether a line begins with a record of TLS.
fn is_encrypted(line: &[u8]) -> bool {
    matches!(line, [0x14..=0x17, 3, 0..=4, ..])
}

/// Whether a line begins a request or an answer of HTTP.
fn begins_head(line: &[u8]) -> bool {
    is_text(line) && matches!(secrets::told(&escaped(line), true).1, Next::Connect | Next::Request | Next::Answer(_))
}

/// Whether a line is an answer of POP3 or NNTP, and no part of what was asked for.
fn is_answer(line: &[u8]) -> bool {
    let code = line.first_chunk::<3>().is_some_and(|code| code.iter().all(u8::is_ascii_digit));
    code || line.starts_with(b"+OK") || line.starts_with(b"-ERR")
}

/// Whether whoever asked for a name or a password says so that no more of it comes.
fn has_heard_enough(line: &[u8]) -> bool {
    let mut words = line.split(|&byte| byte == b' ');
    let ends = |word: &[u8]| [&b"OK"[..], b"NO", b"BAD"].contains(&word);
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    matches!(first, b"235" | b"281" | b"+OK" | b"-ERR" | [b'4' | b'5', ..]) || (first != b"*" && ends(second))
}

/// Whether a line is a command after a message that was refused, and not its beginning.
fn is_command(line: &[u8]) -> bool {
    const COMMANDS: [&[u8]; 12] =
        [b"QUIT", b"RSET", b"MAIL", b"RCPT", b"EHLO", b"HELO", b"NOOP", b"DATA", b"BDAT", b"GROUP", b"LIST", b"MODE"];
    let word = line.split(|&byte| byte == b' ').next().unwrap_or_default();
    COMMANDS.iter().any(|command| word.eq_ignore_ascii_case(command))
}

/// Whether a line is one that a person could read: nearly all of it is printable.
fn is_text(line: &[u8]) -> bool {
    let printable = line.iter().filter(|&&byte| byte == b'\t' || byte == b' ' || byte.is_ascii_graphic()).count();
    !line.contains(&0) && printable * 8 >= line.len() * 7
}

fn escaped(line: &[u8]) -> String {
    let mut text = String::with_capacity(line.len());
    for &byte in line {
        match byte {
            b'\t' => text.push(' '),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text
}

fn cut(mut text: String) -> String {
    if text.len() > KEPT {
        text.truncate(KEPT);
        text.push_str("...");
    }
    text
}

/// As much as is kept of what is no text.
fn beginning(bytes: &[u8]) -> Vec<u8> {
    bytes[..bytes.len().min(SAMPLE)].to_vec()
}

/// Leaves nothing of the first bytes from where they may be text: a password is.
fn without_text(said: &mut Said) {
    if let Words::Bytes(_, first) = &mut said.words {
        let text = first.windows(4).position(|four| four.iter().all(|byte| (b' '..=b'~').contains(byte)));
        first.truncate(text.unwrap_or(first.len()));
    }
}

#[cfg(test)]
mod tests;
