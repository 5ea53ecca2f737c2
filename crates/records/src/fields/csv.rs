//! Fields with a separator between them, any of them in quotes.

use super::places::{Places, WIDTH, bits_of, bits_up_to, chunk_at, first};

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

    #[inline(never)]
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

    #[inline(always)]
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

/// A field without its quotes, of which it has two or none.
#[inline]
fn unquoted(field: &[u8]) -> &[u8] {
    match field {
        [b'"', field @ .., _] => field,
        field => field,
    }
}

/// Where the fields of a line end, a bit for each byte, if no quotes stand but around fields and, doubled, in these: then the
/// fields are those that [`Csv`] tells, with their quotes.
pub(crate) struct Ends {
    bits: [u64; Self::CHUNKS],
    /// Whether any field stands in quotes.
    has_quotes: bool,
    /// Whether any has space at its ends.
    has_space: bool,
}

impl Ends {
    /// A line that is longer is read a field at a time.
    const CHUNKS: usize = 16;

    pub(crate) fn new() -> Self {
        Self { bits: [0; Self::CHUNKS], has_quotes: false, has_space: false }
    }

    /// Gives each field of the line, without quotes and space about it, to `take` until that says `None`.
    #[inline]
    pub(crate) fn each<'a>(&self, line: &'a [u8], mut take: impl FnMut(&'a [u8]) -> Option<()>) -> Option<()> {
        match (self.has_quotes, self.has_space) {
            (false, false) => self.each_field(line, take),
            (true, false) => self.each_field(line, |field| take(unquoted(field))),
            (_, true) => self.each_field(line, |field| take(unquoted(field).trim_ascii())),
        }
    }

    #[inline]
    fn each_field<'a>(&self, line: &'a [u8], mut take: impl FnMut(&'a [u8]) -> Option<()>) -> Option<()> {
        let mut start = 0;
        for (chunk, ends) in self.bits[..line.len().div_ceil(WIDTH)].iter().enumerate() {
            let mut ends = *ends;
            while ends != 0 {
                let end = chunk * WIDTH + ends.trailing_zeros() as usize;
                take(&line[start..end])?;
                start = end + 1;
                ends &= ends - 1;
            }
        }
        take(&line[start..])
    }

    /// Finds them in a line; `false` where it is another.
    #[inline]
    pub(crate) fn find(&mut self, separator: u8, line: &[u8]) -> bool {
        if line.len() > Self::CHUNKS * WIDTH || separator == b'"' {
            return false;
        }
        // Of the byte before: whether it is within quotes, a quote, a separator, the end of a field in quotes if it was its
        // last one, a space, or none of a field. The first field begins like one behind a separator.
        let (mut within, mut quote, mut end, mut closed, mut space, mut edge) = (0, 0, 1, 0, 0, 1);
        let (mut is_odd, mut all_quotes, mut at_edges) = (0, 0, 0);
        for (bits, at) in self.bits.iter_mut().zip((0..line.len()).step_by(WIDTH)) {
            let (chunk, behind) = (chunk_at(line, at), behind(line, at));
            let (quotes, separators) = (bits_of(b'"', &chunk), bits_of(separator, &chunk));
            // Behind the end nothing is one, even where it is what a chunk is filled with.
            *bits = separators & !behind;
            if quotes | within | quote != 0 {
                // Set from each quote that opens up to the one before that closes.
                let inside = parity(quotes) ^ within;
                *bits &= !inside;
                let (opening, closing) = (quotes & inside, quotes & !inside);
                // One opens behind a separator or another quote, and closes before such.
                is_odd |= opening & !(*bits << 1 | end | quotes << 1 | quote);
                is_odd |= (closing << 1 | closed) & !(*bits | quotes | behind);
                (within, closed) = (0u64.wrapping_sub(inside >> 63), closing >> 63);
            }
            let spaces = bits_up_to(b' ', &chunk) & !behind & !*bits;
            let edges = *bits | quotes | behind;
            at_edges |= spaces & (edges << 1 | edge) | (spaces << 1 | space) & edges;
            all_quotes |= quotes;
            (quote, end, space, edge) = (quotes >> 63, *bits >> 63, spaces >> 63, edges >> 63);
        }
        (self.has_quotes, self.has_space) = (all_quotes != 0, at_edges | space != 0);
        is_odd == 0 && within == 0
    }
}

/// A bit for each byte that has an odd number of these up to it.
#[inline]
fn parity(mut bits: u64) -> u64 {
    for by in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << by;
    }
    bits
}

/// A bit for each of the bytes from `at` on that is behind the line's end.
#[inline]
fn behind(line: &[u8], at: usize) -> u64 {
    u64::MAX.checked_shl((line.len() - at) as u32).unwrap_or(0)
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
            assert_eq!(given(line.as_bytes()), expected, "{line}");
        }
    }

    /// The fields as they are found all at once, or else one by one.
    fn given(line: &[u8]) -> Vec<&[u8]> {
        let (mut ends, mut all) = (Ends::new(), Vec::new());
        if !ends.find(b',', line) {
            return Csv::new(b',', line).map(<[u8]>::trim_ascii).collect();
        }
        _ = ends.each(line, |field| {
            all.push(field);
            Some(())
        });
        all
    }

    #[test]
    fn what_is_usual_is_found_all_at_once() {
        for (line, usual) in [
            ("", true),
            ("a,b", true),
            ("\"a, b\",\"\",\"say \"\"no\"\"\"", true),
            ("\"a\"b,c", false),
            ("a\"b\",c", false),
            ("\"never closed", false),
        ] {
            assert_eq!(Ends::new().find(b',', line.as_bytes()), usual, "{line}");
        }
    }

    #[test]
    fn all_at_once_are_those_one_by_one() {
        // Every text of six of these, at every place about the end of what is looked at together.
        let letters = [b',', b'"', b'x', b' '];
        for number in 0..4_usize.pow(6) {
            let text: Vec<u8> = (0..6).map(|place| letters[number / 4_usize.pow(place) % 4]).collect();
            for before in [0, 1, 57, 58, 59, 60, 61, 62, 63, 64, 120] {
                for filled in [b'x', b','] {
                    let mut line = vec![filled; before];
                    line.extend_from_slice(&text);
                    for line in [&line, &[b"\"", &line[..before], b"\",", &text].concat()] {
                        let expected: Vec<&[u8]> = Csv::new(b',', line).map(<[u8]>::trim_ascii).collect();
                        assert_eq!(given(line), expected, "{}", line.escape_ascii());
                    }
                }
            }
        }
    }

    #[test]
    fn a_separator_may_be_what_nothing_is() {
        let mut ends = Ends::new();
        for (line, expected) in [(&b"x"[..], &[&b"x"[..]][..]), (b"x\0y\0", &[b"x", b"y", b""])] {
            assert!(ends.find(0, line));
            let mut fields = Vec::new();
            let all = ends.each_field(line, |field| {
                fields.push(field);
                Some(())
            });
            assert_eq!((all, &*fields), (Some(()), expected));
        }
    }

    #[test]
    fn a_line_of_any_length_is_split() {
        for len in [Ends::CHUNKS * WIDTH - 1, Ends::CHUNKS * WIDTH, Ends::CHUNKS * WIDTH + 1] {
            let line: Vec<u8> = (0..len).map(|at| if at % 9 == 8 { b',' } else { b'0' + (at % 9) as u8 }).collect();
            assert_eq!(given(&line), line.split(|byte| *byte == b',').collect::<Vec<_>>(), "{len}");
        }
        let mut left = 2;
        let mut ends = Ends::new();
        assert!(ends.find(b',', b"a,b,c,d"));
        let ended = ends.each(b"a,b,c,d", |_| {
            left -= 1;
            (left > 0).then_some(())
        });
        assert_eq!((ended, left), (None, 0), "it says when it has enough");
    }
}
