//! Raw records that show an incident: read again from the evidence, where that can be done.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read as _};

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
    if file.marks.is_empty() {
        if let Ok(blocks) = file.source.open() {
            fill(blocks, 0, lines.iter_mut().map(|(&number, text)| (number, text)).collect());
        }
        return;
    }
    let mut wanted = lines.iter_mut().peekable();
    while let Some(&(&number, _)) = wanted.peek() {
        let after = file.marks.partition_point(|&(line, _)| line <= number);
        let Some(&(first, offset)) = after.checked_sub(1).and_then(|at| file.marks.get(at)) else { return };
        let end = file.marks.get(after).map_or(u64::MAX, |&(line, _)| line);
        let near = std::iter::from_fn(|| wanted.next_if(|(number, _)| **number < end));
        match file.source.open_from(offset) {
            Ok(content) => fill_near(BufReader::new(content), first, near),
            Err(_) => near.for_each(drop),
        }
    }
}

/// Fills in what is wanted of a file's lines, of which the one with the number `next` is its first from here on.
fn fill_near<'a>(
    mut content: impl BufRead,
    mut next: u64,
    wanted: impl Iterator<Item = (&'a u64, &'a mut Option<String>)>,
) {
    for (&number, text) in wanted {
        let mut line = Vec::new();
        while next < number && matches!(content.skip_until(b'\n'), Ok(1..)) {
            next += 1;
        }
        if next < number || !matches!(content.by_ref().take(LONGEST as u64).read_until(b'\n', &mut line), Ok(1..)) {
            return;
        }
        if line.pop_if(|byte| *byte == b'\n').is_some() {
            next += 1;
            line.pop_if(|byte| *byte == b'\r');
        }
        // Of a longer line the rest is passed over with those that follow it.
        *text = Some(String::from_utf8_lossy(&line).into_owned());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_is_read_to_the_line() {
        let long = "x".repeat(LONGEST);
        let text = format!("one\r\n\nthree\n{long}y\n{long}\nsix\nlast");
        let read = |numbers: &[u64], first: u64| {
            let mut lines: BTreeMap<u64, Option<String>> = numbers.iter().map(|&number| (number, None)).collect();
            fill_near(text.as_bytes(), first, lines.iter_mut());
            lines.into_values().collect::<Vec<_>>()
        };
        let all = ["one", "", "three", &long, &long, "six", "last"].map(|line| Some(line.to_owned()));
        assert_eq!(read(&[1, 2, 3, 4, 5, 6, 7], 1), all);
        assert_eq!(read(&[14, 16], 11), [all[3].clone(), all[5].clone()]);
        assert_eq!(read(&[5, 8], 1), [all[4].clone(), None]);
    }
}
