//! Files that begin with more of other programs' lines than tell what a file is: they are read on until a line tells.

use std::collections::BTreeMap;

use catspaw_records::{LineSink, Place, Reader, Record, Unparsed, pass_over};

use super::parse::{Lost, UnparsedCount};
use crate::input::{BlockReader, Buffer, Source, TextBlock};

/// What was counted in the lines before, where these cannot be read again.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    /// The name of those whose lines they are, and how many.
    pub(super) skipped: Option<(String, u64)>,
    pub(super) unparsed: BTreeMap<(&'static str, &'static str), UnparsedCount>,
    pub(crate) lost: Lost,
}

/// Reads on until some lines tell `reader_of` what they are, and keeps these as the source's sample. Where it is a pipe, which is read
/// once, `blocks` then goes on with the block that they are in, and what stands before it is counted.
pub(super) fn read_on(
    source: &mut Source,
    blocks: &mut BlockReader,
    reader_of: impl Fn(&[u8]) -> Option<Reader>,
) -> Option<(Reader, Option<Passed>)> {
    let is_pipe = blocks.size().is_none();
    let mut passed = Passed::default();
    let (mut before, mut buffer) = (None, Buffer::default());
    while let Some(block) = blocks.next(buffer) {
        let told = block.samples().find_map(|sample| Some((reader_of(sample)?, sample)));
        if let Some((mut reader, sample)) = told {
            source.show(sample);
            if !is_pipe {
                return Some((reader, None));
            }
            before.iter().for_each(|block: &TextBlock| reader.advance(block.lines(0)));
            blocks.give_back(block);
            return Some((reader, Some(passed)));
        }
        if is_pipe {
            pass_over(block.lines(0), &mut passed);
        }
        buffer = before.replace(block).map_or_else(Buffer::default, TextBlock::into_buffer);
    }
    None
}

impl Passed {
    /// How many lines nobody knows.
    pub(crate) fn unparsed(&self) -> u64 {
        self.unparsed.values().map(|lines| lines.count).sum()
    }
}

impl LineSink for Passed {
    fn record(&mut self, _: &Record, _: &[u8]) {}

    fn skipped(&mut self, sensor: &[u8]) {
        let name = || (String::from_utf8_lossy(sensor).into_owned(), 0);
        self.skipped.get_or_insert_with(name).1 += 1;
    }

    fn lost(&mut self, place: Place, messages: u64) {
        self.lost.add(place, messages);
    }

    fn unparsed(&mut self, unparsed: Unparsed) {
        self.unparsed.entry((unparsed.kind, unparsed.why)).or_default().add(&unparsed, None);
    }
}
