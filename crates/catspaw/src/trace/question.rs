//! What is asked: who was behind an address, and a port of it, at a moment.

use std::fmt;
use std::io::Read as _;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use catspaw_records::Nanos;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::moment;

/// A file of questions is no longer.
const LONGEST: u64 = 64 << 20;
/// Lines that are no questions of which it is said why on standard error,
pub(super) const SHOWN: usize = 20;
/// and in the answers.
const LISTED: usize = 10_000;

/// A question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) address: IpAddr,
    pub(crate) port: Option<u16>,
    pub(crate) at: Nanos,
    /// For how long it is asked, in nanoseconds ([`moment::width`]).
    pub(crate) lasts: i64,
}

impl Question {
    /// The moment after the last that is asked for.
    pub(crate) fn until(&self) -> Nanos {
        self.at.plus(self.lasts)
    }

    /// Whether it is of a day, in which several hosts may have had the address one after the other.
    pub(crate) fn is_wide(&self) -> bool {
        self.lasts > 60 * Nanos::SECOND
    }

    /// Whether it is of more than a second: of a minute, or of a day.
    pub(crate) fn is_a_span(&self) -> bool {
        self.lasts > Nanos::SECOND
    }

    /// Reads `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`, and a moment.
    ///
    /// # Errors
    /// Where it is none: what would be.
    pub(crate) fn parse(address: &str, at: &str, zone: &TimeZone) -> Result<Self, String> {
        let (address, port) = parse_end(address).ok_or_else(|| {
            format!("{address:?} is no address: 192.0.2.10, 192.0.2.10:1182, 2001:db8::10 or [2001:db8::10]:1182")
        })?;
        Ok(Self { address, port, at: moment::parse(at, zone)?, lasts: moment::width(at) })
    }
}

/// An address, and the port behind it.
pub(crate) fn parse_end(text: &str) -> Option<(IpAddr, Option<u16>)> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).filter(|text| text.contains(':'));
    let (addr, port) = match bare.unwrap_or(text).parse::<IpAddr>() {
        Ok(addr) => (addr, None),
        Err(_) => {
            let end: SocketAddr = text.parse().ok()?;
            (end.ip(), Some(end.port()).filter(|port| *port != 0))
        }
    };
    Some((addr.to_canonical(), port))
}

/// A line that was meant as a question and is none.
#[derive(Debug, Serialize)]
pub(crate) struct Wrong {
    pub(crate) path: String,
    pub(crate) line: u64,
    pub(crate) column: u64,
    pub(crate) why: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, column, why } = self;
        write!(f, "{path}:{line}:{column}: {why}")
    }
}

/// What a file asks.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    pub(crate) all: Vec<Question>,
    /// Of the first lines that are no questions which and why.
    pub(crate) wrong: Vec<Wrong>,
    /// How many lines are none.
    pub(crate) bad: u64,
}

/// Reads a file of questions, or standard input (`-`), one a line: an address and a moment. Empty lines say nothing, nor does what
/// stands behind a `#`. What is wrong with one is not shown where addresses are `hidden`.
///
/// # Errors
/// Where it cannot be read, or asks nothing.
pub(crate) fn read(path: &Path, zone: &TimeZone, hidden: bool) -> Result<Questions, String> {
    let name = path.display().to_string();
    let text = text_of(path).map_err(|why| format!("{name}: {why}"))?;
    let mut questions = Questions::default();
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let asked = uncommented(line);
        if asked.trim().is_empty() {
            continue;
        }
        match question_of(asked, zone) {
            Ok(question) => questions.all.push(question),
            Err((column, why)) => {
                questions.bad += 1;
                if questions.wrong.len() < LISTED {
                    let why = if hidden { "no question (with --redact it is not shown why)".to_owned() } else { why };
                    questions.wrong.push(Wrong { path: name.clone(), line: number, column: column as u64, why });
                }
            }
        }
    }
    if questions.all.is_empty() && questions.bad == 0 {
        return Err(format!("{name}: no question in it"));
    }
    Ok(questions)
}

/// What a file holds, or standard input; what is no UTF-8 is no question.
fn text_of(path: &Path) -> Result<String, String> {
    let unread = |error: std::io::Error| format!("cannot be read: {error}");
    let mut bytes = Vec::new();
    let mut from: Box<dyn std::io::Read> = match path.to_str() {
        Some("-") => Box::new(std::io::stdin()),
        _ => Box::new(std::fs::File::open(path).map_err(unread)?),
    };
    from.by_ref().take(LONGEST + 1).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() as u64 > LONGEST {
        return Err(format!("more than {LONGEST} bytes are too many for questions: split it"));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A line up to its comment.
fn uncommented(line: &str) -> &str {
    let begins = |at: &usize| *at == 0 || line[..*at].ends_with(char::is_whitespace);
    line.match_indices('#').map(|(at, _)| at).find(begins).map_or(line, |at| &line[..at])
}

/// The question of a line, or where it is wrong, from 1, and why.
fn question_of(line: &str, zone: &TimeZone) -> Result<Question, (usize, String)> {
    let column = |rest: &str| line[..line.len() - rest.len()].chars().count() + 1;
    let text = line.trim_start();
    let (address, rest) = text.split_once(char::is_whitespace).ok_or_else(|| {
        let why = "a question is an address and a moment, such as 192.0.2.10:1182 2003-03-04T16:05:00Z";
        (column(text), why.to_owned())
    })?;
    let moment = rest.trim_start();
    Question::parse(address, moment, zone).map_err(|why| {
        let wrong = if parse_end(address).is_none() { text } else { moment };
        (column(wrong), why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_has_a_port_or_none() {
        let end = |addr: &str, port| Some((addr.parse().unwrap(), port));
        for (text, expected) in [
            ("192.0.2.10", end("192.0.2.10", None)),
            ("192.0.2.10:1182", end("192.0.2.10", Some(1182))),
            ("192.0.2.10:0", end("192.0.2.10", None)),
            ("2001:db8::10", end("2001:db8::10", None)),
            ("[2001:db8::10]", end("2001:db8::10", None)),
            ("[2001:db8::10]:1182", end("2001:db8::10", Some(1182))),
            ("::ffff:192.0.2.10", end("192.0.2.10", None)),
            ("[::ffff:192.0.2.10]:25", end("192.0.2.10", Some(25))),
            ("[192.0.2.10]", None),
            ("192.0.2.10:", None),
            ("192.0.2.10:65536", None),
            ("192.0.2", None),
            ("pix.log", None),
            ("", None),
        ] {
            assert_eq!(parse_end(text), expected, "{text}");
        }
    }

    #[test]
    fn a_line_that_is_no_question_says_where_it_is_wrong() {
        let asked = |line: &str| question_of(line, &TimeZone::UTC).map_err(|(column, _)| column);
        assert_eq!(
            asked("  192.0.2.1:25   2003-03-04 16:05 "),
            Ok(Question::parse("192.0.2.1:25", "2003-03-04 16:05", &TimeZone::UTC).unwrap())
        );
        for (line, column) in [
            ("  192.0.2.300 2003-03-04", 3),
            (" 192.0.2.1", 2),
            ("192.0.2.1 ", 11),
            ("192.0.2.1\t yesterday", 12),
            ("ä 2003-03-04", 1),
        ] {
            assert_eq!(asked(line), Err(column), "{line}");
        }
    }

    #[test]
    fn what_stands_behind_a_hash_is_a_comment() {
        for (line, asked) in [("# x", ""), ("a b # c", "a b "), ("a b#c", "a b#c"), ("a\t#", "a\t"), ("ä #", "ä ")] {
            assert_eq!(uncommented(line), asked, "{line}");
        }
    }

    #[test]
    fn a_moment_lasts_as_long_as_it_is_written() {
        for (at, lasts) in [
            ("2003-03-04 16:05:00.25", 1),
            ("2003-03-04T16:05:00.25+01:00", 1),
            ("2003-03-04 16:05:00", Nanos::SECOND),
            ("2003-03-04T16:05:00.000Z", Nanos::SECOND),
            ("2003-03-04T16:05:00-05:00", Nanos::SECOND),
            ("2003-03-04 16:05", 60 * Nanos::SECOND),
            ("2003-03-04 16:05 +01:00", 60 * Nanos::SECOND),
            (" 2003-03-04 ", 86_400 * Nanos::SECOND),
            ("2003-03-04 UTC", 86_400 * Nanos::SECOND),
        ] {
            let asked = Question::parse("192.0.2.1", at, &TimeZone::UTC).unwrap();
            assert_eq!(asked.until().since(asked.at), lasts, "{at}");
        }
    }
}
