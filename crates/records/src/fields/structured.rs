//! RFC 5424's structured data: `[id name="value" name="value"][id]`.

use memchr::{memchr, memchr2};

/// The parameters of all elements at the front of a text.
///
/// Behind the last of them [`Structured::rest`] is the message. Text that is no structured data has no parameters; an
/// element that is cut off has those that are whole.
#[derive(Clone, Debug)]
pub struct Structured<'a> {
    id: &'a [u8],
    rest: &'a [u8],
    /// Whether what follows is inside of an element.
    inside: bool,
}

/// One parameter. Escapes (`\"`, `\\`, `\]`) stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    /// Its element's id (`junos@2636.1.1.1.2.26`).
    pub id: &'a [u8],
    /// Its name.
    pub name: &'a [u8],
    /// Its value.
    pub value: &'a [u8],
}

impl<'a> Structured<'a> {
    /// Of a text that begins with the first element's bracket.
    #[must_use]
    pub fn new(text: &'a [u8]) -> Self {
        Self { id: &[], rest: text, inside: false }
    }

    /// What was not read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Goes into the next element.
    fn open(&mut self) -> Option<()> {
        let text = self.rest.strip_prefix(b"[")?;
        let end = memchr2(b' ', b']', text)?;
        // No id has a `=`: where the first word has one, the id was left out, and that is a parameter.
        let end = if text[..end].contains(&b'=') { 0 } else { end };
        (self.id, self.rest) = text.split_at(end);
        self.inside = true;
        Some(())
    }
}

impl<'a> Iterator for Structured<'a> {
    type Item = Param<'a>;

    #[inline]
    fn next(&mut self) -> Option<Param<'a>> {
        loop {
            if !self.inside {
                self.open()?;
            }
            let text = self.rest.trim_ascii_start();
            if let Some(rest) = text.strip_prefix(b"]") {
                self.rest = rest;
                self.inside = false;
                continue;
            }
            let equals = memchr(b'=', text)?;
            let quoted = text[equals + 1..].strip_prefix(b"\"")?;
            let close = closing(quoted)?;
            self.rest = &quoted[close + 1..];
            return Some(Param { id: self.id, name: &text[..equals], value: &quoted[..close] });
        }
    }
}

/// The first quote that is not escaped.
#[inline]
fn closing(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr2(b'"', b'\\', text.get(from..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        from = at + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(text: &str) -> (String, String) {
        let mut structured = Structured::new(text.as_bytes());
        let all = structured
            .by_ref()
            .map(|Param { id, name, value }| {
                let [id, name, value] = [id, name, value].map(String::from_utf8_lossy);
                format!("<{id} {name}={value}>")
            })
            .collect();
        (all, String::from_utf8_lossy(structured.rest()).into_owned())
    }

    #[test]
    fn elements_follow_one_another_and_then_the_message() {
        for (text, expected, rest) in [
            (r#"[a b="1" c="2"] said"#, "<a b=1><a c=2>", " said"),
            (r#"[a b="1"][c][d e="x y"]"#, "<a b=1><d e=x y>", ""),
            (r#"[a b="\"1\" \] \\"] m"#, r#"<a b=\"1\" \] \\>"#, " m"),
            (r#"[a@2636.1 reason=""]"#, "<a@2636.1 reason=>", ""),
            (r#"[b="1 2" c="3"] m"#, "< b=1 2>< c=3>", " m"),
            ("- said", "", "- said"),
            ("", "", ""),
            ("[a]said", "", "said"),
        ] {
            assert_eq!(params(text), (expected.to_owned(), rest.to_owned()), "{text}");
        }
        for (text, expected) in
            [("[a b=\"1\" c=\"2", "<a b=1>"), ("[a b=1]", ""), ("[a", ""), ("[a b=\"1\" c", "<a b=1>")]
        {
            assert_eq!(params(text).0, expected, "{text}");
        }
    }
}
