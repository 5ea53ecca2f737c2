//! Why a map is not taken for a log of which it has none of the names: what its form makes of the first line.

use super::lack::{columns, shown};
use super::line::Line;
use super::map::{Form, Map};
use super::{Columns, header};
use crate::fields::{Bad, Pairs, json};
use crate::syslog::timekeeper::Timekeeper;
use crate::{Block, Clock, Place};

/// Separators that logs have.
const SEPARATORS: [u8; 5] = [b',', b';', b'\t', b'|', b' '];
/// As many columns or keys are shown.
const SHOWN: usize = 12;

/// What `map` makes of the first line of a log that begins with `head`, in words.
#[must_use]
pub fn misfit(map: &Map, head: &[u8], clock: &Clock) -> Option<String> {
    let head = head.strip_prefix(crate::BOM).unwrap_or(head);
    let mut lines = Block::new(head, Place { file: 0, line: 1 }).lines();
    match map.form() {
        Form::Delimited { separator, header: None } => {
            let (place, line) = lines.next()?;
            let cut: Vec<String> = columns(*separator, line).map(shown).collect();
            let fits = SEPARATORS.into_iter().find(|other| header(map, *other, line).is_some());
            Some(cut_into(*separator, place, &cut, fits))
        }
        Form::Delimited { separator, header: Some(names) } => {
            let (place, line) = lines.find(|(_, line)| line[0] != b'#')?;
            let cut: Vec<String> = columns(*separator, line).map(shown).collect();
            if cut.len() == names.len() {
                return why_not(map, names, place, line, clock);
            }
            let fits = SEPARATORS.into_iter().find(|other| columns(*other, line).count() == names.len());
            Some(format!("{}; header names {}", cut_into(*separator, place, &cut, fits), names.len()))
        }
        Form::Pairs { separator, assign } => {
            let (place, line) = lines.next()?;
            let pairs = |separator| Pairs::new(separator, line).assigned_by(*assign);
            let keys = |separator| pairs(separator).filter_map(|(key, value)| value.map(|_| key));
            let has_all =
                |separator: &u8| map.has_all(|number| keys(*separator).any(|key| key == map.names().name(number)));
            let fits = SEPARATORS.into_iter().find(has_all);
            Some(cut_into(*separator, place, &keys(*separator).map(shown).collect::<Vec<_>>(), fits))
        }
        Form::Json => {
            let (place, line) = lines.find(|(_, line)| line.contains(&b'{'))?;
            let mut keys = Vec::new();
            let told = json::each(&line[json::object(line)..], |path, _| keys.push(shown(path)));
            told.is_ok().then(|| format!("line {} has the keys {}", place.line, listed(&keys)))
        }
    }
}

fn listed(names: &[String]) -> String {
    let more = if names.len() > SHOWN { ", ..." } else { "" };
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("{name:?}")).collect();
    shown.join(", ") + more
}

fn cut_into(separator: u8, place: Place, cut: &[String], fits: Option<u8>) -> String {
    if cut.is_empty() {
        return format!("line {} has no key with a value", place.line);
    }
    let said = |separator: u8| format!("{:?}", char::from(separator).to_string());
    let count = if cut.len() == 1 { "1 column".to_owned() } else { format!("{} columns", cut.len()) };
    let fits = fits.filter(|other| *other != separator).map(|other| format!("; separator = {} would fit", said(other)));
    format!(
        "its separator {} cuts line {} into {count}: {}{}",
        said(separator),
        place.line,
        listed(cut),
        fits.unwrap_or_default()
    )
}

/// Why a line with as many columns as the map names says nothing that is understood.
fn why_not(map: &Map, names: &[String], place: Place, text: &[u8], clock: &Clock) -> Option<String> {
    let numbers: Box<[u8]> = names.iter().map(|name| map.names().number(name.as_bytes())).collect();
    let columns = Columns::new(b"", numbers);
    let mut line = Line::new(map);
    let read = line.read(Some(&columns), text);
    let Bad { at, len, why } = read.and_then(|()| line.is_understood(&mut Timekeeper::new(clock.clone()))).err()?;
    Some(match at {
        Some(at) => {
            let value = shown(&text[at..at + len]);
            let times = if why == super::time::UNLIKE {
                format!(", and the map has time = {}", map.times)
            } else {
                String::new()
            };
            format!("line {}, column {}: {why}: {value:?}{times}", place.line, at + 1)
        }
        None => format!("line {}: {why}", place.line),
    })
}
