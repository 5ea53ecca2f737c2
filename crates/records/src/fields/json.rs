//! JSON, one object to a line: its values by their paths. Nothing is allocated.

mod shape;

use super::places::{numeric, quote};

pub(crate) use shape::Shape;

/// Objects within objects; what lies deeper is not told.
const DEPTH: usize = 16;
/// Bytes of a path through objects; what has a longer one is not told.
const PATH: usize = 256;

/// A value. Escapes stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A string, without its quotes.
    Text(&'a [u8]),
    /// A number, `true` or `false`.
    Bare(&'a [u8]),
    /// What stands between an array's brackets: [`elements`] are its own values.
    List(&'a [u8]),
}

/// A collector's header before an object is not longer.
const BEFORE: usize = 512;

/// Where a line's object begins: a collector's header may stand before it.
pub(crate) fn object(line: &[u8]) -> usize {
    memchr::memchr(b'{', &line[..line.len().min(BEFORE)]).unwrap_or(0)
}

/// Where a line is no JSON any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// How many bytes are in order.
    pub at: usize,
    /// What is wrong.
    pub why: &'static str,
}

/// It ends too early.
const CUT_OFF: &str = "JSON: the line ends within the object: cut off?";

/// It goes on with another.
const SEVERAL: &str =
    "JSON: another object stands behind the first: jq -c . FILE, or jq -c '.[]' of a list, puts each on a line";

impl<'a> Value<'a> {
    /// Its text, where it is one value: a list of one is that one.
    #[inline]
    #[must_use]
    pub fn single(self) -> Option<&'a [u8]> {
        match self {
            Self::Text(text) | Self::Bare(text) => Some(text),
            Self::List(list) => {
                let mut all = elements(list);
                all.next().filter(|_| all.next().is_none())
            }
        }
    }
}

/// Gives every value of the object at the front of `text` to `take`, with the names that lead to it and dots between
/// them: of `{"a": {"b": 1}}` and of `{"a.b": 1}` it is `a.b`. What is null is not told. Gives the object's length.
///
/// # Errors
/// Where the text is no object; what stands before that place was told.
#[inline]
pub fn each<'a>(text: &'a [u8], mut take: impl FnMut(&[u8], Value<'a>)) -> Result<usize, Broken> {
    let end = walk(text, 0, Path::default(), |path, name, _, _, value| path.with(name, |path| take(path, value)))?;
    alone(text, end)
}

/// Says that another object follows the one that ends at `end`, where one does: of a line one is read.
#[inline]
fn alone(text: &[u8], end: usize) -> Result<usize, Broken> {
    match text.get(end) {
        None | Some(b'\r') => Ok(end),
        Some(_) => alone_before(text, end),
    }
}

#[cold]
fn alone_before(text: &[u8], end: usize) -> Result<usize, Broken> {
    let rest = text[end..].trim_ascii_start();
    let rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
    if rest.first() == Some(&b'{') { Err(Broken { at: end, why: SEVERAL }) } else { Ok(end) }
}

/// The same from `at` on, where that is the front or stands behind a value that `path` leads to: each value with the path to its
/// object, its name, where it begins and where it ends.
#[inline]
fn walk<'a>(
    text: &'a [u8],
    mut at: usize,
    mut path: Path,
    mut take: impl FnMut(&mut Path, &'a [u8], usize, usize, Value<'a>),
) -> Result<usize, Broken> {
    let mut first = at == 0;
    if first {
        expect(text, &mut at, b'{', "JSON: no object begins")?;
    }
    loop {
        skip_spaces(text, &mut at);
        if text.get(at) == Some(&b'}') {
            at += 1;
            first = false;
            if !path.leave() {
                return Ok(at);
            }
            continue;
        }
        if !std::mem::replace(&mut first, false) {
            expect(text, &mut at, b',', "JSON: no comma between two values")?;
            skip_spaces(text, &mut at);
        }
        let name = string(text, &mut at)?;
        expect(text, &mut at, b':', "JSON: no colon after a name")?;
        skip_spaces(text, &mut at);
        if text.get(at) == Some(&b'{') {
            at += 1;
            first = true;
            path.enter(name);
            continue;
        }
        let start = at;
        if let Some(value) = value(text, &mut at)? {
            take(&mut path, name, start, at, value);
        }
    }
}

/// The value at `at`, which is no object; `None` where it is null.
#[inline(always)]
fn value<'a>(text: &'a [u8], at: &mut usize) -> Result<Option<Value<'a>>, Broken> {
    Ok(Some(match text.get(*at) {
        None => return Err(Broken { at: *at, why: CUT_OFF }),
        Some(b'"') => Value::Text(string(text, at)?),
        Some(b'[') => Value::List(list(text, at)?),
        Some(_) => match bare(text, at)? {
            b"null" => return Ok(None),
            word => Value::Bare(word),
        },
    }))
}

/// The values of a list that are no lists and no objects.
pub fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            match list.get(at)? {
                b'"' => return string(list, &mut at).ok(),
                b'[' | b'{' => _ = nested(list, &mut at).ok()?,
                byte if is_bare(*byte) => {
                    let rest = &list[at..];
                    let word = &rest[..rest.iter().position(|byte| !is_bare(*byte)).unwrap_or(rest.len())];
                    at += word.len();
                    if word != b"null" {
                        return Some(word);
                    }
                }
                _ => at += 1,
            }
        }
    })
}

/// The names that lead into the object that is read.
#[derive(Clone, Debug)]
struct Path {
    bytes: [u8; PATH],
    /// How much of it is taken, with a dot at its end; more than [`PATH`] where it does not fit.
    len: usize,
    /// That of the objects around it.
    around: [usize; DEPTH],
    /// How deep it lies.
    depth: usize,
}

impl Default for Path {
    #[inline]
    fn default() -> Self {
        Self { bytes: [0; PATH], len: 0, around: [0; DEPTH], depth: 0 }
    }
}

impl Path {
    fn enter(&mut self, name: &[u8]) {
        if let Some(around) = self.around.get_mut(self.depth) {
            *around = self.len;
        } else {
            self.len = PATH + 1;
        }
        self.depth += 1;
        self.push(name);
        self.push(b".");
    }

    fn push(&mut self, text: &[u8]) {
        let end = self.len + text.len();
        if let Some(place) = self.bytes.get_mut(self.len..end) {
            place.copy_from_slice(text);
            self.len = end;
        } else {
            self.len = PATH + 1;
        }
    }

    /// Goes out of an object; `false` where that was the outermost.
    fn leave(&mut self) -> bool {
        let Some(depth) = self.depth.checked_sub(1) else { return false };
        self.depth = depth;
        if let Some(len) = self.around.get(depth) {
            self.len = *len;
        }
        true
    }

    /// Whether both are the same objects, as far as there is room for their names.
    fn is_as(&self, other: &Self) -> bool {
        let (len, depth) = (self.len.min(PATH), self.depth.min(DEPTH));
        (self.len, self.depth) == (other.len, other.depth)
            && self.around[..depth] == other.around[..depth]
            && self.bytes[..len] == other.bytes[..len]
    }

    #[inline]
    fn with(&mut self, name: &[u8], take: impl FnOnce(&[u8])) {
        if self.depth == 0 {
            return take(name);
        }
        let len = self.len;
        self.push(name);
        if let Some(path) = self.bytes.get(..self.len) {
            take(path);
        }
        self.len = len;
    }
}

#[inline]
fn skip_spaces(text: &[u8], at: &mut usize) {
    while matches!(text.get(*at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
        *at += 1;
    }
}

#[inline(always)]
fn expect(text: &[u8], at: &mut usize, byte: u8, why: &'static str) -> Result<(), Broken> {
    skip_spaces(text, at);
    match text.get(*at) {
        Some(found) if *found == byte => {
            *at += 1;
            Ok(())
        }
        Some(_) => Err(Broken { at: *at, why }),
        None => Err(Broken { at: *at, why: CUT_OFF }),
    }
}

#[inline(always)]
fn string<'a>(text: &'a [u8], at: &mut usize) -> Result<&'a [u8], Broken> {
    expect(text, at, b'"', "JSON: no quote before a name")?;
    let start = *at;
    let Some(end) = closing(text, start) else { return Err(Broken { at: text.len(), why: CUT_OFF }) };
    *at = end + 1;
    Ok(&text[start..end])
}

/// Where the string is closed whose content begins at `start`.
#[inline(always)]
fn closing(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        at += quote(text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

#[inline]
fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

/// A number, or `true`, `false`, `null`.
#[inline]
fn bare<'a>(text: &'a [u8], at: &mut usize) -> Result<&'a [u8], Broken> {
    let rest = &text[*at..];
    // Most are numbers, and short.
    if let ([b'-' | b'0'..=b'9', ..], Some(len)) = (rest, numeric(rest))
        && !is_bare(rest[len])
    {
        *at += len;
        return Ok(&rest[..len]);
    }
    let len = rest.iter().position(|byte| !is_bare(*byte)).unwrap_or(rest.len());
    let word = &rest[..len];
    if len == rest.len() {
        return Err(Broken { at: text.len(), why: CUT_OFF });
    }
    let fits = match word.first() {
        Some(b'-' | b'0'..=b'9') => {
            word.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
        }
        _ => matches!(word, b"true" | b"false" | b"null"),
    };
    if !fits {
        return Err(Broken { at: *at, why: "JSON: neither a string nor a number, true, false or null" });
    }
    *at += len;
    Ok(word)
}

/// What stands between the brackets of the array at `at`.
fn list<'a>(text: &'a [u8], at: &mut usize) -> Result<&'a [u8], Broken> {
    let whole = nested(text, at)?;
    Ok(&whole[1..whole.len() - 1])
}

/// The array or object at `at`, with its brackets. Only how they match is looked at.
fn nested<'a>(text: &'a [u8], at: &mut usize) -> Result<&'a [u8], Broken> {
    let start = *at;
    let mut depth = 0usize;
    while let Some(byte) = text.get(*at) {
        match byte {
            b'"' => {
                string(text, at)?;
                continue;
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' => {
                // It begins with a bracket, so that there is one to close.
                depth -= 1;
                if depth == 0 {
                    *at += 1;
                    return Ok(&text[start..*at]);
                }
            }
            _ => {}
        }
        *at += 1;
    }
    Err(Broken { at: text.len(), why: CUT_OFF })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of a line, and how it ends.
    fn told(text: &str) -> (String, Result<usize, Broken>) {
        let mut all = String::new();
        let ended = each(text.as_bytes(), |path, value| {
            let (mark, value) = match value {
                Value::Text(value) => ("'", value),
                Value::Bare(value) => ("", value),
                Value::List(value) => ("|", value),
            };
            all += &format!("<{}={mark}{}{mark}>", path.escape_ascii(), value.escape_ascii());
        });
        (all, ended)
    }

    #[test]
    fn nested_objects_and_dotted_names_say_the_same() {
        for (text, expected) in [
            ("{}", ""),
            (" { } ", ""),
            (r#"{"a":1,"b":"x y","c":true,"d":null,"e":-1.5e-7}"#, "<a=1><b='x y'><c=true><e=-1.5e-7>"),
            (r#"{"id.orig_h":"192.0.2.1"}"#, "<id.orig_h='192.0.2.1'>"),
            (r#"{"id":{"orig_h":"192.0.2.1","orig_p":25},"x":1}"#, "<id.orig_h='192.0.2.1'><id.orig_p=25><x=1>"),
            (r#"{"a":{"b":{"c":1},"d":{}},"e":{"f":2}}"#, "<a.b.c=1><e.f=2>"),
            (r#"{"a.b":{"c":1}}"#, "<a.b.c=1>"),
            (r#"{ "a" : [ 1, "x]" , {"y":[2]} ] , "b" : 2 }"#, r#"<a=| 1, \"x]\" , {\"y\":[2]} |><b=2>"#),
            (r#"{"a":"say \"no\" \\","b":2}"#, r#"<a='say \\\"no\\\" \\\\'><b=2>"#),
            ("{\"a\"\t:\r\n1}", "<a=1>"),
        ] {
            let (all, ended) = told(text);
            assert_eq!((all.as_str(), ended), (expected, Ok(text.trim_end().len())), "{text}");
        }
    }

    #[test]
    fn what_follows_the_object_is_nothing_unless_it_is_another() {
        for text in [r#"{"a":1},"#, r#"{"a":1}]"#, "{\"a\":1}\r", r#"{"a":1} and more"#, r#"{"a":1}"}"#] {
            assert_eq!(told(text), ("<a=1>".to_owned(), Ok(7)), "{text}");
        }
        for text in [r#"{"a":1}{"a":2}"#, r#"{"a":1}, {"a":2}]"#, r#"{"a":1} {}"#] {
            assert_eq!(told(text), ("<a=1>".to_owned(), Err(Broken { at: 7, why: SEVERAL })), "{text}");
            let (mut shape, mut seen) = (Shape::default(), Vec::new());
            for _ in 0..2 {
                seen.push(shape.each(text.as_bytes(), |_| 1, |_, _| ()));
                seen.push(shape.each(&text.as_bytes()[..7], |_| 1, |_, _| ()));
            }
            let both = [Err(Broken { at: 7, why: SEVERAL }), Ok(7)];
            assert_eq!(seen, [both, both].concat(), "{text}");
        }
    }

    #[test]
    fn it_says_where_a_line_breaks() {
        for (text, expected, at, why) in [
            ("", "", 0, CUT_OFF),
            ("x", "", 0, "JSON: no object begins"),
            ("{", "", 1, CUT_OFF),
            (r#"{"a":1"#, "", 6, CUT_OFF),
            (r#"{"a":1,"#, "<a=1>", 7, CUT_OFF),
            (r#"{"a":1,"b"#, "<a=1>", 9, CUT_OFF),
            (r#"{"a":1,"b":"x"#, "<a=1>", 13, CUT_OFF),
            (r#"{"a":1,"b":"x\"#, "<a=1>", 14, CUT_OFF),
            (r#"{"a":1,"b":[1,2"#, "<a=1>", 15, CUT_OFF),
            (r#"{"a":{"b":1}"#, "<a.b=1>", 12, CUT_OFF),
            (r#"{"a":1 "b":2}"#, "<a=1>", 7, "JSON: no comma between two values"),
            (r#"{"a" 1}"#, "", 5, "JSON: no colon after a name"),
            (r#"{a:1}"#, "", 1, "JSON: no quote before a name"),
            (r#"{,"a":1}"#, "", 1, "JSON: no quote before a name"),
            (r#"{"a":nil}"#, "", 5, "JSON: neither a string nor a number, true, false or null"),
            (r#"{"a":1x}"#, "", 5, "JSON: neither a string nor a number, true, false or null"),
            (r#"{"a":,"b":2}"#, "", 5, "JSON: neither a string nor a number, true, false or null"),
        ] {
            assert_eq!(told(text), (expected.to_owned(), Err(Broken { at, why })), "{text}");
        }
    }

    #[test]
    fn what_lies_too_deep_or_has_too_long_a_name_is_not_told() {
        let deep = format!("{}\"x\":1{},\"y\":2}}", "{\"a\":".repeat(40) + "{", "}".repeat(40));
        let long = format!("{{\"{}\":{{\"b\":1}},\"c\":2}}", "a".repeat(PATH));
        assert_eq!(told(&deep), ("<y=2>".to_owned(), Ok(deep.len())));
        assert_eq!(told(&long), ("<c=2>".to_owned(), Ok(long.len())));
        let just = "{\"a\":".repeat(DEPTH) + "{\"x\":1}" + &"}".repeat(DEPTH);
        assert_eq!(told(&just), (format!("<{}x=1>", "a.".repeat(DEPTH)), Ok(just.len())));
    }

    #[test]
    fn a_list_of_one_is_that_one() {
        let one =
            |text: &'static str| Value::List(text.as_bytes()).single().map(|text| text.escape_ascii().to_string());
        assert_eq!(one(" \"x, y\" "), Some("x, y".to_owned()));
        assert_eq!(one("25"), Some("25".to_owned()));
        assert_eq!((one(""), one("1,2"), one("[1]")), (None, None, None));
        let all: Vec<&[u8]> = elements(br#""a", 1,[2,"b"] ,{"c":3},null,"d"#).collect();
        assert_eq!(all, [&b"a"[..], b"1"]);
    }
}
