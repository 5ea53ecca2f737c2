//! Numbers and ranges in the values of options.

use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::ast::Spanned;
use crate::diagnostic::Fault;

use super::{bad_value, text};

/// One number.
pub(super) fn whole<T: FromStr>(value: &Spanned<Vec<u8>>) -> Result<T, Fault> {
    let text = text(value);
    text.parse().map_err(|_| bad_value(value, format!("`{text}` is not a number that fits here")))
}

/// `7`, `<7`, `>7`, `<=7`, `>=7`, `3<>7` (exclusive), `3-7`; and whether `!` stands before.
pub(super) fn range(value: &Spanned<Vec<u8>>) -> Result<(RangeInclusive<u32>, bool), Fault> {
    let text = text(value);
    let (negated, rest) = text.strip_prefix('!').map_or((false, text.as_str()), |rest| (true, rest));
    let rest = rest.trim();
    parse_range(rest)
        .filter(|range| !range.is_empty())
        .map(|range| (range, negated))
        .ok_or_else(|| bad_value(value, format!("`{text}` is no number or range")).help("write 7, <7, >7, 3<>7 or !7"))
}

fn parse_range(text: &str) -> Option<RangeInclusive<u32>> {
    let number = |text: &str| text.trim().parse::<u32>().ok();
    if let Some((low, high)) = text.split_once("<>") {
        return Some(number(low)?.checked_add(1)?..=number(high)?.checked_sub(1)?);
    }
    if let Some(high) = text.strip_prefix("<=") {
        return Some(0..=number(high)?);
    }
    if let Some(low) = text.strip_prefix(">=") {
        return Some(number(low)?..=u32::MAX);
    }
    if let Some(high) = text.strip_prefix('<') {
        return Some(0..=number(high)?.checked_sub(1)?);
    }
    if let Some(low) = text.strip_prefix('>') {
        return Some(number(low)?.checked_add(1)?..=u32::MAX);
    }
    if let Some((low, high)) = text.split_once('-') {
        return Some(number(low)?..=number(high)?);
    }
    number(text).map(|number| number..=number)
}
