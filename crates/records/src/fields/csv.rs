//! Fields with a separator between them, any of them in quotes.

use super::places::{Places, first};

/// The fields of a line. One that begins with a quote ends at the next that is not doubled, and is told without both;
/// one that lacks it ends with the line.
#[derive(Clone, Debug)]
pub struct Csv<'a> {
    line: &'a [u8],
    places: Places<'a>,
    /// Where the next field begins; `None` behind the last.
    start: Option<usize>,
}

impl<'a> Csv<'a> {
    /// The fields of `line`, between which `separator` stands. An empty line has one field, which is empty.
    #[must_use]
    pub fn new(separator: u8, line: &'a [u8]) -> Self {
        Self { line, places: Places::new(separator, line), start: Some(0) }
    }

    /// Where the next field begins; `None` behind the last.
    #[must_use]
    pub fn start(&self) -> Option<usize> {
        self.start
    }

    #[inline]
    fn quoted(&mut self, start: usize) -> &'a [u8] {
        let mut from = start + 1;
        let close = loop {
            let rest = &self.line[from..];
            match first(b'"', rest, rest.len()) {
                Some(len) if self.line.get(from + len + 1) == Some(&b'"') => from += len + 2,
                Some(len) => break from + len,
                None => {
                    self.start = None;
                    return &self.line[start + 1..];
                }
            }
        };
        self.start = self.places.find(|place| *place > close).map(|end| end + 1);
        &self.line[start + 1..close]
    }
}

impl<'a> Iterator for Csv<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let start = self.start?;
        if self.line.get(start) == Some(&b'"') {
            return Some(self.quoted(start));
        }
        let end = self.places.next();
        self.start = end.map(|end| end + 1);
        Some(&self.line[start..end.unwrap_or(self.line.len())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_separators_and_doubled_quotes() {
        for (line, expected) in [
            ("", &[""][..]),
            (",", &["", ""]),
            ("a,b,c", &["a", "b", "c"]),
            ("a,,c,", &["a", "", "c", ""]),
            ("1,\"x,y\",2", &["1", "x,y", "2"]),
            ("\"say \"\"no, no\"\"\",2", &["say \"\"no, no\"\"", "2"]),
            ("\"a\"b,c", &["a", "c"]),
            ("a\"b,c\"d,e", &["a\"b", "c\"d", "e"]),
            ("\"\",\"\"", &["", ""]),
            ("1,\"never, closed", &["1", "never, closed"]),
            ("\"", &[""]),
            ("\"\"\"", &["\"\""]),
        ] {
            let fields: Vec<&[u8]> = Csv::new(b',', line.as_bytes()).collect();
            let expected: Vec<&[u8]> = expected.iter().map(|field| field.as_bytes()).collect();
            assert_eq!(fields, expected, "{line}");
        }
    }
}
