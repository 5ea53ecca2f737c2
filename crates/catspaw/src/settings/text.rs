//! TOML that the owner has written, and where in it something is wrong.

use std::fmt::Write as _;
use std::path::Path;

use catspaw_rules::nearest;
use serde::de::DeserializeOwned;

/// A file of the owner's.
pub(crate) struct Text<'a> {
    pub(crate) path: &'a Path,
    pub(crate) text: &'a str,
}

impl Text<'_> {
    /// What it says.
    ///
    /// # Errors
    /// Where it says nothing that is known: what, and its place.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T, String> {
        toml::from_str(self.text)
            .map_err(|error| self.error(error.span().map_or(0, |span| span.start), &plain(error.message())))
    }

    /// What is wrong at byte `at`, with the line.
    pub(crate) fn error(&self, at: usize, why: &str) -> String {
        let before = &self.text[..at.min(self.text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        let mut message = format!("{}:{line}:{column}: {why}", self.path.display());
        if let Some(source) = self.text.lines().nth(line - 1) {
            _ = write!(message, "\n    {source}\n    {:>column$}", "^");
        }
        message
    }
}

/// The parser's words, without the names of Rust's types; of a key that is unknown with the one that was perhaps meant.
fn plain(message: &str) -> String {
    const WORDS: [(&str, &str); 5] = [
        ("expected i64", "expected a whole number"),
        ("expected u32", "expected a whole number from 0 on"),
        ("expected f64", "expected a number"),
        ("expected a sequence", "expected a list, as in [\"...\"]"),
        // A date of TOML's.
        ("invalid type: map, expected a string", "expected a text in quotes"),
    ];
    let message = WORDS.iter().fold(message.to_owned(), |message, (theirs, ours)| message.replace(theirs, ours));
    let meant = message.strip_prefix("unknown field `").and_then(|rest| {
        let (name, known) = rest.split_once('`')?;
        // Every other piece stands between marks.
        nearest(name, known.split('`').skip(1).step_by(2))
    });
    match meant {
        Some(meant) => message.replacen("`, expected", &format!("` (perhaps `{meant}` is meant), expected"), 1),
        None => message,
    }
}
