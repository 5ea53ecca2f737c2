//! Lines that a mail program has wrapped: `> ` before each, and a message over several of them.
//!
//! A log of its own is never read so: whether a file is wrapped is told from its beginning, once, so that the others pay
//! nothing for it.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::iter::Peekable;

use super::odd::{self, Says};
use super::tag::{Tag, find_tag};
use super::text::Text;
use super::{NOTHING, SNIFFED};
use crate::syslog::header::decode_header;
use crate::syslog::written::parse_written;
use crate::{Block, Ending, Event, Place, Proto};

/// A line is full where the first word of the next one would not have come to this column: mail is wrapped at 65 to 80.
const FULL: usize = 60;
/// A line that is longer was not wrapped, whatever follows it: quotation marks and a long word make one no longer than this.
const WIDE: usize = 120;
/// Lines that may belong to a message beside its first: one of 300 columns has no more.
const MORE: usize = 4;
/// Of so many messages one at least must be wrapped.
const FEW: usize = 4;

/// Whether the messages at the beginning of a file are wrapped.
pub(super) fn is_wrapped(head: &[u8]) -> bool {
    let head = &head[..head.len().min(SNIFFED)];
    let (mut messages, mut wrapped) = (0, 0);
    for message in lines(Block::new(head, Place { file: 0, line: 1 })) {
        messages += usize::from(find_tag(&message.text).is_some());
        wrapped += usize::from(matches!(message.text, Cow::Owned(_)));
    }
    wrapped > 0 && wrapped * FEW >= messages
}

/// How much of these lines may be read before the next are there: all but the last message.
pub(super) fn whole(lines: &[u8]) -> usize {
    let mut end = lines.len();
    while end > 0 {
        let body = lines[..end].strip_suffix(b"\n").unwrap_or(&lines[..end]);
        let start = memchr::memrchr(b'\n', body).map_or(0, |newline| newline + 1);
        if find_tag(&lines[start..end]).is_some() {
            return if start == 0 { lines.len() } else { start };
        }
        end = start;
    }
    lines.len()
}

/// A line, put together where it was wrapped.
pub(super) struct Line<'a> {
    /// Where it begins.
    pub(super) place: Place,
    pub(super) text: Cow<'a, [u8]>,
}

/// A line as it stands there.
type Physical<'a> = (Place, &'a [u8]);

/// The lines of a block, put together.
pub(super) fn lines(block: Block<'_>) -> impl Iterator<Item = Line<'_>> {
    Lines { left: block.lines().peekable(), back: VecDeque::new() }
}

struct Lines<'a, I: Iterator<Item = Physical<'a>>> {
    left: Peekable<I>,
    /// Lines that were looked at and belong to no message.
    back: VecDeque<Physical<'a>>,
}

impl<'a, I: Iterator<Item = Physical<'a>>> Iterator for Lines<'a, I> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        // A line of nothing but quotation marks is an empty one.
        let is_any = |(_, line): &Physical<'_>| !unquoted(line).is_empty();
        let (place, line) = self.back.pop_front().or_else(|| self.left.find(is_any))?;
        let mut last = (place, line);
        let line = unquoted(line);
        let alone = Line { place, text: Cow::Borrowed(line) };
        // What belongs to no message has been looked at once.
        let Some(tag) = find_tag(line).filter(|_| self.back.is_empty()) else { return Some(alone) };
        while self.back.len() < MORE
            && let Some(&next) = self.left.peek()
            && goes_on(last, next)
        {
            self.back.push_back(next);
            self.left.next();
            last = next;
        }
        if self.back.is_empty() {
            return Some(alone);
        }
        let mut best = (judge(tag, line), 0, Cow::Borrowed(line));
        let mut joined = line.to_vec();
        for (number, (_, more)) in self.back.iter().enumerate() {
            join(&mut joined, more);
            let judged = judge(tag, &joined);
            if judged >= best.0.max(1) {
                best = (judged, number + 1, Cow::Owned(joined.clone()));
            }
        }
        self.back.drain(..best.1);
        Some(Line { place, text: best.2 })
    }
}

/// Whether a line may be the rest of the one before.
fn goes_on((before_place, before): Physical<'_>, (place, line): Physical<'_>) -> bool {
    let text = unquoted(line);
    let word = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
    // Between them nothing is left out but empty lines, which end a message.
    place.line == before_place.line + 1
        && !text.is_empty()
        && before.len() <= WIDE
        && (before.ends_with(b"=") || before.trim_ascii_end().len() + 1 + word > FULL)
        && !text.starts_with(b"<")
        && find_tag(text).is_none()
        && parse_written(text).is_none()
}

/// Without what marks a quotation.
fn unquoted(line: &[u8]) -> &[u8] {
    let start = line.iter().position(|byte| !matches!(byte, b'>' | b'|' | b' ' | b'\t')).unwrap_or(line.len());
    line[start..].trim_ascii_end()
}

/// Puts a line behind what came before it. Quoted-printable has `=` where it breaks a line, in the middle of a word, too.
fn join(before: &mut Vec<u8>, line: &[u8]) {
    if before.ends_with(b"=") {
        before.pop();
        return before.extend_from_slice(line);
    }
    before.truncate(before.trim_ascii_end().len());
    before.push(b' ');
    before.extend_from_slice(unquoted(line));
}

/// How much a message says: that it can be read, and what may have been cut off it.
fn judge(tag: Tag, line: &[u8]) -> u8 {
    // A tag that is not where it was is another's: joined lines begin as the first does.
    let Some(body) = line.get(tag.body..) else { return 0 };
    if decode_header(&line[..tag.start]).written.is_none() {
        return 0;
    }
    let mut event = NOTHING;
    match odd::parse(tag.message_id, Text::new(body), &mut event) {
        // Of what is not used nothing more is known.
        None | Some((_, Ok(Says::Nothing))) => 1,
        Some((_, Err(_))) => 0,
        Some((_, Ok(Says::Event))) => match event {
            Event::Opened(opened) => {
                1 + u8::from(opened.mapped_orig.is_some()) + u8::from(opened.mapped_resp.is_some())
            }
            Event::Closed(closed) => {
                let is_told = closed.proto != Proto::Tcp || closed.ending != Ending::Unknown;
                1 + u8::from(closed.bytes.is_some()) + u8::from(is_told)
            }
            _ => 1,
        },
    }
}
