//! The values of one line by their names' numbers, however they stand in it.

use super::map::{Form, Map};
use super::{Columns, names};
use crate::fields::csv::{Csv, Ends};
use crate::fields::json::{self, Broken, Shape, Value};
use crate::fields::{Bad, Order, Pairs};
use crate::syslog::header::decode_header;
use crate::syslog::written::Written;

/// As many numbers there are, of names or none.
const NUMBERS: usize = 1 << u8::BITS;

/// The values of the line that was split last.
pub(super) struct Values<'a> {
    held: Held<'a>,
    /// Whether the line ends in a value that is used and that nothing closes.
    end_in_use: bool,
    /// How the objects before it were made.
    shape: Shape,
    /// In which order the keys before it stood.
    order: Order,
    /// Where its first key stands that is known, or its object: behind a header.
    start: usize,
    /// When its header says that it was written, where that is asked for.
    written: Option<Written>,
}

impl<'a> Values<'a> {
    pub(super) fn new() -> Self {
        Self {
            held: Held { all: [&[]; NUMBERS], there: 0, lists: 0 },
            end_in_use: false,
            shape: Shape::default(),
            order: Order::default(),
            start: 0,
            written: None,
        }
    }

    /// Splits a line, of a delimited log by its columns. Which values are there, and which of them are lists.
    #[inline]
    pub(super) fn read(&mut self, map: &Map, columns: Option<&Columns>, text: &'a [u8]) -> Result<(u64, u64), Bad> {
        (self.end_in_use, self.start, self.written) = (false, 0, None);
        match (map.form(), columns) {
            (Form::Delimited { separator, .. }, Some(columns)) => self.split(*separator, columns, text)?,
            (Form::Delimited { .. }, None) => self.held.forget(map.names().len()),
            (Form::Pairs { separator, assign }, _) => {
                self.held.forget(map.names().len());
                self.read_pairs(map, (*separator, *assign), text);
            }
            (Form::Json, _) => {
                self.held.forget(map.names().len());
                self.read_json(map, text)?;
            }
        }
        if let Some(number) = map.header() {
            let header = decode_header(&text[..self.start]);
            self.written = header.written;
            self.held.put(number, header.sensor);
        }
        Ok((self.held.there, self.held.lists))
    }

    /// When the line's header says that it was written.
    pub(super) fn written(&self) -> Option<Written> {
        self.written
    }

    /// Which are there, a bit for each.
    pub(super) fn there(&self) -> u64 {
        self.held.there
    }

    /// Whether the line ends in a value that is used and that nothing closes.
    pub(super) fn end_in_use(&self) -> bool {
        self.end_in_use
    }

    /// The value of a name, which is nothing where there is none.
    #[inline]
    pub(super) fn get(&self, number: u8) -> &'a [u8] {
        self.held.all[usize::from(number)]
    }

    /// Whether a value is a list of several.
    #[inline]
    pub(super) fn is_list(&self, number: u8) -> bool {
        self.held.lists & (1 << number) != 0
    }

    fn split(&mut self, separator: u8, columns: &Columns, text: &'a [u8]) -> Result<(), Bad> {
        let (held, mut numbers) = (&mut self.held, columns.names.iter());
        let mut put = |value| {
            held.all[usize::from(*numbers.next()?)] = value;
            Some(())
        };
        let mut ends = Ends::new();
        let all = if ends.find(separator, text) {
            ends.each(text, put)
        } else {
            Csv::new(separator, text).try_for_each(|value| put(value.trim_ascii()))
        };
        if all.is_none() {
            return Err("more columns than the header names".into());
        }
        if numbers.next().is_some() {
            return Err("fewer columns than the header names: cut off?".into());
        }
        (held.there, held.lists) = (columns.there, 0);
        self.end_in_use = columns.names.last().is_some_and(|last| *last != names::NONE) && text.last() != Some(&b'"');
        Ok(())
    }

    fn read_pairs(&mut self, map: &Map, (separator, assign): (u8, u8), text: &'a [u8]) {
        let mut pairs = Pairs::new(separator, text).assigned_by(assign);
        let names = map.names();
        // Up to the first key that is known a header may stand, another one on every line: what is kept of the order begins behind it.
        for (name, value) in pairs.by_ref() {
            let start = name.as_ptr().addr() - text.as_ptr().addr();
            let (number, value, start) = match (names.number(name), value) {
                (names::NONE, Some(value)) => {
                    let end = value.as_ptr().addr() - text.as_ptr().addr() + value.len();
                    let found = behind_header(&text[start..end], assign, |name| names.number(name));
                    found.map_or((names::NONE, None, start), |(number, value, at)| (number, Some(value), start + at))
                }
                (number, value) => (number, value, start),
            };
            self.end_in_use = number != names::NONE;
            if let (Some(value), true) = (value, self.end_in_use) {
                self.start = start;
                self.held.put(number, value);
                break;
            }
        }
        self.order.begin();
        while let Some((number, value)) = pairs.next_in(&mut self.order, |name| names.number(name)) {
            if let Some(value) = value {
                self.held.put(number, value);
            }
            self.end_in_use = number != names::NONE;
        }
        self.end_in_use &= text.last() != Some(&b'"');
    }

    fn read_json(&mut self, map: &Map, text: &'a [u8]) -> Result<(), Bad> {
        let (start, held) = (json::object(text), &mut self.held);
        self.start = start;
        let told = self.shape.each(
            &text[start..],
            |path| map.number(path),
            |number, value| match value {
                _ if number == names::NONE => {}
                Value::Text(single) | Value::Bare(single) => held.put(number, single),
                Value::List(list) => match value.single() {
                    Some(single) => held.put(number, single),
                    None => {
                        held.put(number, list);
                        held.lists |= 1 << number;
                    }
                },
            },
        );
        told.map(|_| ()).map_err(|Broken { at, why }| Bad { at: Some(start + at), len: 0, why })
    }
}

/// Values by their names' numbers.
struct Held<'a> {
    /// What has no number is [`names::NONE`]'s, and [`NOTHING`](super::map::NOTHING)'s is nothing.
    all: [&'a [u8]; NUMBERS],
    /// Which are there, a bit for each.
    there: u64,
    /// Which are lists of several.
    lists: u64,
}

impl<'a> Held<'a> {
    #[inline]
    fn put(&mut self, number: u8, value: &'a [u8]) {
        if usize::from(number) < names::MOST {
            self.all[usize::from(number)] = trimmed(value);
            self.there |= 1 << number;
        }
    }

    fn forget(&mut self, count: usize) {
        self.all[..count].fill(&[]);
        (self.there, self.lists) = (0, 0);
    }
}

/// A key is not longer that is looked for behind a header.
const KEY: usize = 64;

/// What a line's first word says behind a header that stands before it without the pairs' own separator, as those of CEF and syslog do:
/// the number of the first key that is known, which may stand behind signs of the header's own, its value, and where it begins.
#[inline(never)]
fn behind_header(word: &[u8], assign: u8, number: impl Fn(&[u8]) -> u8) -> Option<(u8, &[u8], usize)> {
    memchr::memchr_iter(assign, word).find_map(|at| {
        let near = at.saturating_sub(KEY);
        let before = word[near..at].iter().rposition(|byte| matches!(byte, b'|' | b':' | b'[' | b']' | b' ' | b'\t'));
        let start = before.map_or(near, |before| near + before + 1);
        let number = number(&word[start..at]);
        let value = match &word[at + 1..] {
            [b'"', quoted @ ..] => quoted.strip_suffix(b"\"").unwrap_or(quoted),
            bare => bare,
        };
        (number != names::NONE).then_some((number, value, start))
    })
}

/// Without the space about it. Nearly none has any, and two comparisons are sooner made than two loops.
#[inline]
fn trimmed(value: &[u8]) -> &[u8] {
    match value {
        [first, .., last] if *first > b' ' && *last > b' ' => value,
        _ => value.trim_ascii(),
    }
}
