//! Raw records that show an incident: read again from the evidence, where that can be done.

use std::collections::BTreeMap;

use catspaw_records::Place;

use super::model::Example;
use crate::input::Source;
use crate::packets;
use crate::pipeline::Gathered;

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
            read_file(&file.source, lines);
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
fn read_file(source: &Source, lines: &mut BTreeMap<u64, Option<String>>) {
    let Ok(mut blocks) = source.open() else { return };
    let mut buffer = Vec::new();
    let mut left = lines.len();
    while left > 0 {
        let Some(block) = blocks.next(std::mem::take(&mut buffer)) else { return };
        let last = block.first_line + memchr::memchr_iter(b'\n', block.bytes()).count() as u64;
        if lines.range(block.first_line..=last).next().is_some() {
            for (place, text) in block.lines(0).lines() {
                if let Some(line) = lines.get_mut(&place.line) {
                    *line = Some(String::from_utf8_lossy(&text[..text.len().min(LONGEST)]).into_owned());
                    left -= 1;
                }
            }
        }
        buffer = block.into_buffer();
    }
}
