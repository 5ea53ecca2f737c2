//! Raw records that show an incident: read again from the evidence, where that can be done.

use std::collections::BTreeMap;

use catspaw_records::Place;

use super::model::Example;
use crate::input::{BlockReader, Buffer};
use crate::packets;
use crate::pipeline::{FileRead, Gathered};

/// Longer lines are cut: an example is to be looked at.
const LONGEST: usize = 2000;

/// For each list of places, their records.
pub(crate) fn read(gathered: &Gathered, places: &mut [Vec<Place>]) -> Vec<Vec<Example>> {
    let mut wanted: BTreeMap<u32, BTreeMap<u64, Option<String>>> = BTreeMap::new();
    for list in places.iter_mut() {
        list.sort_unstable();
        list.dedup();
        for place in list {
            wanted.entry(place.file).or_default().insert(place.line, None);
        }
    }
    for (number, lines) in &mut wanted {
        // A pipe leaves them without.
        let Some(file) = gathered.files.get(number).filter(|file| file.source.size().is_some()) else { continue };
        if file.is_capture() {
            packets::describe(&file.source, lines);
        } else {
            read_file(file, lines);
        }
    }
    let example = |place: &Place| Example {
        path: gathered.files.get(&place.file).map(|file| file.source.name()).unwrap_or_default(),
        line: place.line,
        text: wanted.get(&place.file).and_then(|lines| lines.get(&place.line)).cloned().flatten(),
    };
    places.iter().map(|list| list.iter().map(example).collect()).collect()
}

/// Fills in the text of `lines`. A file that has gone leaves them without.
fn read_file(file: &FileRead, lines: &mut BTreeMap<u64, Option<String>>) {
    if file.blocks.is_empty() {
        if let Ok(blocks) = file.source.open() {
            fill(blocks, 0, lines.iter_mut().map(|(&number, text)| (number, text)).collect());
        }
        return;
    }
    let ends = file.blocks.iter().skip(1).map(|&(line, _)| line).chain([u64::MAX]);
    for (&(first, offset), end) in file.blocks.iter().zip(ends) {
        let wanted: BTreeMap<_, _> = lines.range_mut(first..end).map(|(&number, text)| (number, text)).collect();
        if !wanted.is_empty()
            && let Ok(blocks) = file.source.open_from(offset)
        {
            fill(blocks, first - 1, wanted);
        }
    }
}

/// Fills in what is wanted of lines that have so many lines before them. What is packed cannot be read from anywhere but its beginning:
/// blocks of it without such a line are not looked through.
fn fill(mut blocks: BlockReader, before: u64, wanted: BTreeMap<u64, &mut Option<String>>) {
    let mut buffer = Buffer::default();
    let mut wanted = wanted.into_iter().peekable();
    while let Some(&(next, _)) = wanted.peek() {
        let Some(block) = blocks.next(std::mem::take(&mut buffer)) else { return };
        if next < before + block.next_line {
            for (place, line) in block.lines(0).lines() {
                let number = before + place.line;
                while wanted.next_if(|&(wanted, _)| wanted < number).is_some() {}
                if let Some((_, text)) = wanted.next_if(|&(wanted, _)| wanted == number) {
                    *text = Some(String::from_utf8_lossy(&line[..line.len().min(LONGEST)]).into_owned());
                }
            }
        }
        buffer = block.into_buffer();
    }
}
