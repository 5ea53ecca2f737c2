//! Lines of a stream, none of them longer than what is kept.

use std::io::{self, BufRead};

use memchr::memchr;

/// Bytes that are kept of a line: more than a host needs whose 65,535 ports are all open.
const LONGEST: usize = 8 << 20;

/// Reads lines.
pub(super) struct Lines<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
}

/// One of them.
pub(super) struct Line<'a> {
    /// Without its end; cut where it is too long.
    pub(super) text: &'a [u8],
    /// From 1.
    pub(super) number: u64,
    /// Whether it was cut.
    pub(super) too_long: bool,
}

impl<R: BufRead> Lines<R> {
    /// Of a stream.
    pub(super) fn new(input: R) -> Self {
        Self { input, line: Vec::new(), number: 0 }
    }

    /// The next one; `None` at the end, and where the input fails.
    pub(super) fn next(&mut self) -> Option<Line<'_>> {
        self.line.clear();
        let mut too_long = false;
        let mut any = false;
        loop {
            let available = match self.input.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => &[],
            };
            if available.is_empty() {
                break;
            }
            any = true;
            let newline = memchr(b'\n', available);
            let text = &available[..newline.unwrap_or(available.len())];
            let room = LONGEST - self.line.len();
            too_long |= text.len() > room;
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            let used = text.len() + usize::from(newline.is_some());
            self.input.consume(used);
            if newline.is_some() {
                break;
            }
        }
        self.number += 1;
        let text = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        any.then_some(Line { text, number: self.number, too_long })
    }
}
