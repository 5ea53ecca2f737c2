//! What a map names that a log's header does not have: told before anything is read, for later it would only be seen by what
//! is missing.

use super::map::{Form, Map};
use super::names;
use super::{COLUMNS, Field, SNIFFED};
use crate::fields::Csv;
use crate::{BOM, Block, Place};

/// A line that has fewer of a map's names is not taken for a header that was meant.
const FEW: usize = 2;

/// Where a map and a log's header differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// What the map has columns for, and their names, none of which the header has: `orig_bytes (sent)`.
    pub names: Vec<String>,
    /// What the header has.
    pub header: Vec<String>,
    /// How many of the map's names are in it.
    pub found: usize,
}

impl Lack {
    /// What `map` names that the header of a delimited log lacks, which begins with `head`; `None` where it has all, or has
    /// none that could be meant.
    #[must_use]
    pub fn of(map: &Map, head: &[u8]) -> Option<Self> {
        let Form::Delimited { separator, header: None } = map.form() else { return None };
        let head = head.strip_prefix(BOM).unwrap_or(head);
        let lines = Block::new(head, Place { file: 0, line: 1 }).lines().take(SNIFFED);
        let headers = lines.map(|(_, line)| Self::by(map, *separator, line));
        // Of several that are alike the first.
        let best = headers.fold(None::<Self>, |best, lack| match best {
            Some(best) if best.found >= lack.found => Some(best),
            _ => Some(lack),
        });
        best.filter(|lack| lack.found >= FEW && !lack.names.is_empty())
    }

    fn by(map: &Map, separator: u8, line: &[u8]) -> Self {
        let mut has = [false; names::MOST];
        let mut header = Vec::new();
        for name in columns(separator, line) {
            if let Some(has) = has.get_mut(usize::from(map.names().number(name))) {
                *has = true;
            }
            header.push(shown(name));
        }
        let lacks = |numbers: &[u8]| !numbers.is_empty() && !numbers.iter().any(|number| has[usize::from(*number)]);
        let said = |what: &str, numbers: &[u8]| {
            let all: Vec<String> = numbers.iter().map(|number| shown(map.names().name(*number))).collect();
            format!("{what} ({})", all.join(", "))
        };
        let mut lacking: Vec<String> =
            map.must().iter().filter(|either| lacks(either)).map(|either| said("match", either)).collect();
        for (field, name) in Field::ALL {
            let source = map.source(field);
            if source.constant.is_none() && lacks(&source.names) {
                lacking.push(said(name, &source.names));
            }
        }
        for (key, says) in [("only", &map.only), ("except", &map.except), ("ts_is_end", &map.ts_is_end)] {
            lacking
                .extend(says.iter().filter(|(number, _)| lacks(&[*number])).map(|(number, _)| said(key, &[*number])));
        }
        if lacks(&map.whole) {
            lacking.push(said("whole", &map.whole));
        }
        Self { names: lacking, header, found: has.iter().filter(|has| **has).count() }
    }
}

/// The names of a header's columns. In W3C's extended logs it is `#Fields: date time c-ip`.
pub(super) fn columns(separator: u8, line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let names = line.strip_prefix(b"#").unwrap_or(line);
    let names = names.strip_prefix(b"Fields:").unwrap_or(names);
    let names = if names.len() < line.len() { names.trim_ascii() } else { names };
    Csv::new(separator, names).take(COLUMNS).map(<[u8]>::trim_ascii)
}

/// A name for a message: what a log holds may be anything.
pub(super) fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).chars().filter(|letter| !letter.is_control()).take(40).collect()
}
