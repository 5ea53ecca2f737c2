//! What the lines of a log have in common: the same names in nearly the same order, so that what stands between two values is
//! what stood there before, and need not be read again.

use super::{Broken, DEPTH, PATH, Path, Value, alone, value, walk};

/// As many values are remembered, by their names and the objects that they stand in.
const PLACES: usize = 256;
/// As many ways to go on behind each.
const WAYS: usize = 8;
/// Lines of which more is learned. What has come up in none of these comes too seldom.
const LEARNED: usize = 256;
/// Eight bytes each: what stands between two values is mostly shorter.
const WORDS: usize = 8;

/// The ways from value to value that lines of one log have taken.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    places: Vec<Place>,
    /// Lines from which may still be learned.
    left: usize,
}

/// Behind a value, or before the first.
#[derive(Clone, Debug)]
struct Place {
    /// The names that lead to the value, and its own; the objects around it are still open.
    path: Path,
    name: Box<[u8]>,
    /// What whoever asks calls it.
    number: u8,
    ways: Vec<Way>,
}

/// A text from the end of a value to the beginning of the next one that is told, or to the end of all.
#[derive(Clone, Debug)]
struct Way {
    /// Its bytes, eight at a time, and ones where there are any.
    words: [(u64, u64); WORDS],
    /// How many of them there are.
    used: usize,
    len: usize,
    /// The place of that value; `None` at the end.
    to: Option<usize>,
}

impl Way {
    fn of(text: &[u8], to: Option<usize>) -> Option<Self> {
        let (mut bytes, mut mask) = ([0; WORDS * 8], [0; WORDS * 8]);
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        mask[..text.len()].fill(0xff);
        let word = |bytes: &[u8], at: usize| bytes[at * 8..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
        let words = std::array::from_fn(|at| (word(&bytes, at), word(&mask, at)));
        Some(Self { words, used: text.len().div_ceil(8), len: text.len(), to })
    }

    /// Whether a text begins so.
    #[inline]
    fn begins(&self, text: &[u8]) -> bool {
        let (own, chunks) = (&self.words[..self.used], text.as_chunks::<8>().0);
        if chunks.len() < self.used {
            return self.begins_short(text);
        }
        let differ = own.iter().zip(chunks).map(|((own, mask), word)| own ^ (u64::from_le_bytes(*word) & mask));
        differ.fold(0, |all, one| all | one) == 0
    }

    /// The same near the end of a line.
    fn begins_short(&self, text: &[u8]) -> bool {
        let own = self.words.iter().flat_map(|(word, _)| word.to_le_bytes());
        text.len() >= self.len && own.take(self.len).eq(text[..self.len].iter().copied())
    }
}

impl Default for Shape {
    fn default() -> Self {
        let begin = Place { path: Path::default(), name: Box::default(), number: 0, ways: Vec::new() };
        Self { places: vec![begin], left: LEARNED }
    }
}

impl Shape {
    /// One that learns nothing, for a line that stands by itself.
    pub(crate) fn unlearned() -> Self {
        Self { places: Vec::new(), left: 0 }
    }

    /// As [`super::each`], with the number that `number` gives a value's path in place of that. It must give the same at all
    /// times.
    ///
    /// # Errors
    /// Where the text is no object; what stands before that place was told.
    #[inline]
    pub(crate) fn each<'a>(
        &mut self,
        text: &'a [u8],
        number: impl Fn(&[u8]) -> u8,
        mut take: impl FnMut(u8, Value<'a>),
    ) -> Result<usize, Broken> {
        let (mut here, mut at) = (0, 0);
        while let Some(place) = self.places.get(here) {
            let rest = text.get(at..).unwrap_or_default();
            let Some(way) = place.ways.iter().find(|way| way.begins(rest)) else { break };
            let Some(to) = way.to else { return alone(text, at + way.len) };
            // An object, or space before a value, is another way.
            if !matches!(rest.get(way.len), Some(b'"' | b'[' | b'-' | b'0'..=b'9' | b'a'..=b'z')) {
                break;
            }
            (here, at) = (to, at + way.len);
            if let Some(value) = value(text, &mut at)? {
                take(self.places[here].number, value);
            }
        }
        self.learn(text, (here, at), number, take)
    }

    /// Reads the rest of a line, from behind the value of a place, and remembers how it goes on.
    #[cold]
    fn learn<'a>(
        &mut self,
        text: &'a [u8],
        (here, at): (usize, usize),
        number: impl Fn(&[u8]) -> u8,
        mut take: impl FnMut(u8, Value<'a>),
    ) -> Result<usize, Broken> {
        let path = self.places.get(here).map_or_else(Path::default, |place| place.path.clone());
        let may_learn = self.left > 0;
        self.left = self.left.saturating_sub(1);
        let (mut from, mut before) = (at, Some(here).filter(|_| may_learn));
        let end = walk(text, at, path, |path, name, start, end, value| {
            let mut known = None;
            path.with(name, |path| known = Some(number(path)));
            let place = known.filter(|_| may_learn).and_then(|number| self.place(path, name, number));
            if let Some((before, place)) = before.zip(place) {
                self.goes_on(before, &text[from..start], Some(place));
            }
            (from, before) = (end, place);
            if let Some(number) = known {
                take(number, value);
            }
        })?;
        if let Some(before) = before {
            self.goes_on(before, &text[from..end], None);
        }
        alone(text, end)
    }

    /// The place of a value; `None` where there is no room for more.
    fn place(&mut self, path: &Path, name: &[u8], number: u8) -> Option<usize> {
        let is_it = |place: &Place| *place.name == *name && place.path.is_as(path);
        if let Some(at) = self.places[1..].iter().position(is_it) {
            return Some(at + 1);
        }
        if self.places.len() == PLACES || path.len > PATH || path.depth > DEPTH {
            return None;
        }
        self.places.push(Place { path: path.clone(), name: name.into(), number, ways: Vec::new() });
        Some(self.places.len() - 1)
    }

    /// Remembers what stands between two values, or behind the last.
    fn goes_on(&mut self, before: usize, text: &[u8], to: Option<usize>) {
        let ways = &mut self.places[before].ways;
        if ways.len() < WAYS && !ways.iter().any(|way| way.len == text.len() && way.begins_short(text)) {
            ways.extend(Way::of(text, to));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::each;
    use super::*;

    /// What is told of lines, each behind those before it.
    fn told(lines: &[String]) -> Vec<(String, Result<usize, Broken>)> {
        let mut shape = Shape::default();
        let number = |path: &[u8]| path.iter().fold(7, |sum: u8, byte| sum.wrapping_mul(31).wrapping_add(*byte));
        let told = |line: &String| {
            let mut all = String::new();
            let ended = shape.each(line.as_bytes(), number, |number, value| all += &format!("<{number}={value:?}>"));
            let mut expected = String::new();
            let as_each = each(line.as_bytes(), |path, value| expected += &format!("<{}={value:?}>", number(path)));
            assert_eq!((&all, ended), (&expected, as_each), "{line}");
            (all, ended)
        };
        lines.iter().map(told).collect()
    }

    #[test]
    fn a_line_says_the_same_whatever_stood_before_it() {
        let lines = [
            r#"{"a":1,"b":{"c":"x","d":[1,"y"]},"e":true}"#,
            r#"{"a":2,"b":{"c":"xy","d":[]},"e":false}"#,
            r#"{"a":null,"b":{"c":"","d":[2]},"e":null}"#,
            r#"{"a":2,"b":{"c":"xy"},"e":false}"#,
            r#"{"a":2,"b":{"e":"xy"},"c":false}"#,
            r#"{"a":2,"b":{"c":{"d":1}},"e":"\"a\":1,\"b\""}"#,
            r#"{"b":{"c":1},"a":3}"#,
            r#"{"b":{"c":1},"a":{}}"#,
            r#"{"b":{"c":1},"a":{"b":1}}"#,
            r#"{"b.c":1,"a":3}"#,
            r#"{"b":{},"c":1,"a":3}"#,
            r#"{ "a" : 1 , "b" : { "c" : "x" } }"#,
            r#"{"a": 1,"b":{"c":  "x"}}"#,
            r#"{"a":1"b":2}"#,
            r#"{"a":1,"b":nil}"#,
            r#"{"a":1,"b":"never closed}"#,
            r#"{"a":1,"b":{"c":"x","d":[1,"y"#,
            r#"{"a":1,"b":{"c":"x","d":[1]},"e":true"#,
            r#"{"a":1,"b":{"c":"x","d":[1]},"e":true}}"#,
            r#"{"a":1,"b":{"c":"x","d":[1]},"e":12345678901234567890.5}"#,
            r#"{"a":-1.5e-7,"b":{"c":"x","d":[1]},"e":1x}"#,
            r#"{"an_entirely_different_name_that_is_longer_than_all_that_is_kept_of_one":1,"a":1}"#,
            r#"{"a":1,"an_entirely_different_name_that_is_longer_than_all_that_is_kept_of_one":1}"#,
            "{}",
            "{",
            "",
        ];
        let lines = lines.map(str::to_owned);
        for first in &lines {
            for second in &lines {
                let all = [first.clone(), second.clone(), first.clone()];
                let said = told(&all);
                assert_eq!(said[0], said[2]);
            }
        }
        told(&lines);
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let name = |number: usize| format!("\"name{number}\":{number}");
        let long = |from: usize| format!("{{{}}}", (from..from + 400).map(name).collect::<Vec<_>>().join(","));
        let mut lines: Vec<String> = (0..400).map(|number| format!("{{\"a\":1,{}}}", name(number))).collect();
        lines.extend([long(0), long(0), long(1)]);
        let deep = format!("{}\"x\":1{},\"y\":2}}", "{\"a\":".repeat(40) + "{", "}".repeat(40));
        lines.extend([deep.clone(), deep]);
        assert!(told(&lines).iter().all(|(_, ended)| ended.is_ok()));
        let mut shape = Shape::default();
        for line in &lines {
            shape.each(line.as_bytes(), |_| 1, |_, _| ()).unwrap();
        }
        let ways = shape.places.iter().map(|place| place.ways.len()).max();
        assert_eq!((shape.places.len(), ways, shape.left), (PLACES, Some(WAYS), 0));
        let mut unlearned = Shape::unlearned();
        lines.iter().for_each(|line| _ = unlearned.each(line.as_bytes(), |_| 1, |_, _| ()).unwrap());
        assert!(unlearned.places.is_empty());
    }
}
