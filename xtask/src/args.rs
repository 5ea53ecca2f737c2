//! The words after `cargo xtask`.
//!
//! A dozen options do not pay for a parser of command lines: every `cargo xtask` on a new machine waits until this
//! crate is built.

use std::collections::VecDeque;
use std::str::FromStr;

use crate::run::Result;

/// Words that have not been understood yet.
#[derive(Debug)]
pub(crate) struct Args(VecDeque<String>);

impl Args {
    pub(crate) fn from_env() -> Self {
        Self(std::env::args().skip(1).collect())
    }

    /// No words: every default.
    pub(crate) fn none() -> Self {
        Self(VecDeque::new())
    }

    /// The next word.
    pub(crate) fn next(&mut self) -> Option<String> {
        self.0.pop_front()
    }

    /// Takes `--name VALUE` or `--name=VALUE`, wherever it stands.
    pub(crate) fn option<T: FromStr>(&mut self, name: &str) -> Result<Option<T>> {
        let Some(at) = self.0.iter().position(|word| word.split('=').next() == Some(name)) else { return Ok(None) };
        let word = self.0.remove(at).unwrap_or_default();
        let value = match word.split_once('=') {
            Some((_, value)) => value.to_owned(),
            None => self.0.remove(at).ok_or_else(|| format!("{name} wants a value"))?,
        };
        match value.parse() {
            Ok(parsed) => Ok(Some(parsed)),
            Err(_) => Err(format!("{name} cannot be {value}").into()),
        }
    }

    /// Takes `--name`, wherever it stands.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let at = self.0.iter().position(|word| word == name);
        at.is_some_and(|at| self.0.remove(at).is_some())
    }

    /// The words that are left, none of which may be an option.
    pub(crate) fn names(&mut self) -> Result<Vec<String>> {
        match self.0.iter().find(|word| word.starts_with('-')) {
            Some(unknown) => Err(format!("no option {unknown} here").into()),
            None => Ok(self.0.drain(..).collect()),
        }
    }

    /// Nothing may be left.
    pub(crate) fn end(&mut self) -> Result {
        match self.0.front() {
            Some(word) => Err(format!("what is {word} for?").into()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> Args {
        Args(words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn an_option_is_taken_in_both_forms_and_from_any_place() {
        let mut words = args(&["1", "--rounds=3", "case", "--lines", "50"]);
        assert_eq!(words.option::<u64>("--lines").unwrap(), Some(50));
        assert_eq!(words.option::<u64>("--rounds").unwrap(), Some(3));
        assert_eq!(words.option::<u64>("--hosts").unwrap(), None);
        assert_eq!(words.names().unwrap(), ["1", "case"]);
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        assert!(args(&["--rounds", "many"]).option::<u64>("--rounds").is_err());
        assert!(args(&["--rounds"]).option::<u64>("--rounds").is_err());
        assert!(args(&["--round", "3"]).names().is_err());
        assert!(args(&["scan"]).end().is_err());
    }
}
