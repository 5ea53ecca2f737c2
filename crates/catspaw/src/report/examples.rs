//! Raw records that show an incident: read again from the evidence, where that can be done.

use std::collections::BTreeMap;

use catspaw_records::Place;

use super::model::Example;
use crate::input::BlockReader;
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

/// Fills in what is wanted of lines that have so many lines before them.
fn fill(mut blocks: BlockReader, before: u64, mut wanted: BTreeMap<u64, &mut Option<String>>) {
    let mut buffer = Vec::new();
    while let Some(last) = wanted.last_key_value().map(|(&last, _)| last) {
        let Some(block) = blocks.next(std::mem::take(&mut buffer)) else { return };
        for (place, text) in block.lines(0).lines() {
            let number = before + place.line;
            if number > last {
                return;
            }
            if let Some(line) = wanted.remove(&number) {
                *line = Some(String::from_utf8_lossy(&text[..text.len().min(LONGEST)]).into_owned());
            }
        }
        buffer = block.into_buffer();
    }
}
