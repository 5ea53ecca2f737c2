//! What is left of a message's text, and the small things that are read off its front.

use super::Why;
use crate::digits::parse_decimal;

/// The part of a message that has not been read yet.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    rest: &'a [u8],
}

impl<'a> Text<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Moves over `len` bytes; a length beyond the end leaves nothing.
    pub(super) fn skip(&mut self, len: usize) {
        self.rest = self.rest.get(len..).unwrap_or_default();
    }

    /// Moves over `literal` if the text goes on with it.
    #[inline]
    pub(super) fn eat(&mut self, literal: &[u8]) -> bool {
        match self.rest.strip_prefix(literal) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Moves over `literal`, or says that it is missing.
    #[inline]
    pub(super) fn parse_literal(&mut self, literal: &[u8], missing: Why) -> Result<(), Why> {
        if self.eat(literal) { Ok(()) } else { Err(missing) }
    }

    pub(super) fn skip_spaces(&mut self) {
        while let [b' ', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    /// The bytes up to the next space or the end; moves over them and not over the space.
    pub(super) fn word(&mut self) -> &'a [u8] {
        let len = self.rest.iter().position(|byte| *byte == b' ').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(len);
        self.rest = rest;
        word
    }

    /// A decimal number; `None` where there is no digit or the number does not fit.
    #[inline(always)]
    pub(super) fn parse_number(&mut self) -> Option<u64> {
        let (number, len) = parse_decimal(self.rest)?;
        self.skip(len);
        Some(number)
    }
}

/// How long something lived, in nanoseconds: `h:mm:ss` with any number of hours, or the day forms that ASA has
/// elsewhere (`1d2h`, `12d 9h:11m:22s` loses nothing but its first space).
#[inline]
pub(super) fn parse_duration(text: &mut Text<'_>) -> Option<i64> {
    if let [hour, b':', m, n, b':', s, t, ..] = text.rest()
        && [hour, m, n, s, t].iter().all(|byte| byte.is_ascii_digit())
        && !text.rest().get(7).is_some_and(u8::is_ascii_digit)
    {
        let digit = |byte: &u8| i64::from(byte - b'0');
        let seconds = digit(hour) * 3600 + (digit(m) * 10 + digit(n)) * 60 + digit(s) * 10 + digit(t);
        text.skip(7);
        return Some(seconds * 1_000_000_000);
    }
    parse_long_duration(text)
}

fn parse_long_duration(text: &mut Text<'_>) -> Option<i64> {
    let mut units = 0_u64;
    let mut plain = [0_u64; 3];
    let mut count = 0;
    loop {
        let number = text.parse_number()?;
        match text.rest() {
            [unit @ (b'd' | b'h' | b'm' | b's'), ..] => {
                units = units.checked_add(number.checked_mul(seconds_of(*unit))?)?;
                text.skip(1);
                text.eat(b":");
                if !text.rest().first().is_some_and(u8::is_ascii_digit) {
                    break;
                }
            }
            [b':', ..] if count < 2 => {
                plain[count] = number;
                count += 1;
                text.skip(1);
            }
            // Of a unit that nobody knows.
            [letter, ..] if letter.is_ascii_alphabetic() => return None,
            _ => {
                plain[count] = number;
                count += 1;
                break;
            }
        }
    }
    let clock = plain[..count].iter().try_fold(0_u64, |sum, part| sum.checked_mul(60)?.checked_add(*part))?;
    let seconds = units.checked_add(clock)?;
    i64::try_from(seconds.checked_mul(1_000_000_000)?).ok()
}

fn seconds_of(unit: u8) -> u64 {
    match unit {
        b'd' => 86_400,
        b'h' => 3_600,
        b'm' => 60,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duration(text: &str) -> Option<i64> {
        parse_duration(&mut Text::new(text.as_bytes())).map(|nanos| nanos / 1_000_000_000)
    }

    #[test]
    fn durations_may_be_longer_than_a_day() {
        assert_eq!(duration("0:00:30 bytes 0"), Some(30));
        assert_eq!(duration("67:30:25"), Some(67 * 3600 + 30 * 60 + 25));
        assert_eq!(duration("1d2h"), Some(86_400 + 7_200));
        assert_eq!(duration("9h:11m:22s"), Some(9 * 3600 + 11 * 60 + 22));
    }

    #[test]
    fn durations_that_do_not_fit_are_refused() {
        assert_eq!(duration("9999999999999:00:00"), None);
        assert_eq!(duration("99999999999999999999:00:00"), None);
        assert_eq!(duration(""), None);
        assert_eq!(duration("x"), None);
        assert_eq!(duration("2D10h"), None);
        assert_eq!(duration("1:"), None);
    }

    #[test]
    fn numbers_are_checked_for_overflow() {
        assert_eq!(Text::new(b"18446744073709551615 ").parse_number(), Some(u64::MAX));
        assert_eq!(Text::new(b"18446744073709551616 ").parse_number(), None);
        assert_eq!(Text::new(b"").parse_number(), None);
    }
}
