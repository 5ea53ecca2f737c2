//! The line before, for collectors that write `last message repeated 3 times` in place of three lines.

use super::odd::{self, Odd, Says};
use super::other;
use super::tag::find_tag;
use super::text::Text;
use super::{NOTHING, Names, sensor_of};
use crate::syslog::header::decode_header;
use crate::{Denied, Event};

/// How long a line may be and still be remembered from one block to the next.
const LONGEST: usize = 4096;

/// The last line of the block before that does not tell of another.
#[derive(Clone, Debug, Default)]
pub(super) struct Before {
    line: Vec<u8>,
    /// How far it has been looked for in the block that is read.
    upto: usize,
}

/// A message that is said to have come again.
#[derive(Debug)]
pub(super) struct Again {
    /// What it said, if it was a denial: what else a device says happens once.
    pub(super) denied: Option<Denied>,
    pub(super) sensor: Vec<u8>,
    pub(super) text: Vec<u8>,
}

impl Before {
    /// Moves over a block.
    pub(super) fn pass(&mut self, block: &[u8]) {
        let mut lines = lines_back(block);
        if let Some(line) = lines.find(|line| !odd::tells_of_another(line)) {
            self.keep(line);
        }
        self.upto = 0;
    }

    fn keep(&mut self, line: &[u8]) {
        self.line.clear();
        if line.len() <= LONGEST {
            self.line.extend_from_slice(line);
        }
    }

    /// Goes to the last line before `line`, which lies in `block`, that does not tell of another: nobody asks for each that does,
    /// for some cannot be read. No line is looked at twice, so that a log of nothing else takes no longer than others.
    fn step_to(&mut self, block: &[u8], line: &[u8]) {
        let offset = line.as_ptr().addr().saturating_sub(block.as_ptr().addr()).min(block.len());
        let between = block.get(self.upto..offset).unwrap_or_default();
        if let Some(line) = lines_back(between).find(|line| !odd::tells_of_another(line)) {
            self.keep(line);
        }
        self.upto = offset;
    }

    /// The message before `line`, which says that it came again; `None` where that is none of a firewall's.
    pub(super) fn denial(&mut self, block: &[u8], line: &[u8], names: &Names) -> Option<Again> {
        self.step_to(block, line);
        let tag = find_tag(&self.line)?;
        let mut event = NOTHING;
        let parsed = odd::parse_named(names, tag.message_id, Text::new(&self.line[tag.body..]), &mut event);
        let denied = match (parsed, event) {
            (Some((_, Ok(Says::Event))), Event::Denied(denied)) => Some(denied),
            _ => None,
        };
        let sensor = sensor_of(&decode_header(&self.line[..tag.start])).to_vec();
        Some(Again { denied, sensor, text: self.line[tag.start..].to_vec() })
    }

    /// Whether there is none, as far as was asked.
    pub(super) fn is_none(&self) -> bool {
        self.line.is_empty()
    }

    /// Whether the line that was asked for last is another program's.
    pub(super) fn is_of_program(&self) -> bool {
        other::is_of_program(&self.line)
    }

    /// Whether the line before said what `odd` says again.
    pub(super) fn says(&mut self, block: &[u8], odd: &Odd<'_>) -> bool {
        self.step_to(block, odd.line);
        find_tag(&self.line).is_some_and(|tag| {
            tag.message_id == odd.message_id && self.line[tag.body..].trim_ascii() == odd.text.rest().trim_ascii()
        })
    }
}

/// The lines of a block, the last first, without empty ones.
fn lines_back(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    block
        .rsplit(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_its_own_is_kept() {
        let mut before = Before::default();
        before.pass(b"one\ntwo\r\nfw last message repeated 3 times\n\n");
        assert_eq!(before.line, b"two");
        before.pass(b"fw message repeated 3 times: [ x]\n");
        assert_eq!(before.line, b"two", "a block of nothing else changes nothing");
        before.pass(&[b'x'; LONGEST + 1]);
        assert_eq!(before.line, b"", "a line that is too long is not kept, and hides the one before");
    }
}
