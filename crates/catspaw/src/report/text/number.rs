//! Numbers, moments and ports as people read them.

use jiff::Timestamp;

use super::wrap::TIE;
use crate::report::model::{Confidence, Service};

/// With thousands separators.
#[must_use]
pub(super) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The same, or a dash where nobody knows.
pub(super) fn optional(n: Option<u64>) -> String {
    n.map_or_else(|| "-".to_owned(), number)
}

/// A number and its noun.
#[must_use]
pub(super) fn count(n: u64, one: &str, many: &str) -> String {
    format!("{}{TIE}{}", number(n), if n == 1 { one } else { many })
}

/// Bytes in units of a thousand, with three digits.
#[must_use]
pub(super) fn bytes(n: u64) -> String {
    let mut value = n as f64;
    let mut unit = "B";
    for larger in ["kB", "MB", "GB", "TB", "PB", "EB"] {
        // What would be rounded to 1000 belongs to the next unit.
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        unit = larger;
    }
    let digits = if unit == "B" || value >= 99.95 { 0 } else { 1 };
    format!("{value:.digits$}{TIE}{unit}")
}

/// A moment of the report, to the second, in UTC as it stands there.
#[must_use]
pub(super) fn moment(rfc3339: Option<&str>) -> String {
    let Some(text) = rfc3339 else { return "-".to_owned() };
    let seconds = text.split(['.', 'Z']).next().unwrap_or(text);
    seconds.replacen('T', &TIE.to_string(), 1)
}

/// Two moments on one line, the second one short where it is on the same day.
#[must_use]
pub(super) fn span(first: Option<&str>, last: Option<&str>) -> String {
    let (from, to) = (moment(first), moment(last));
    match (from.split_once(TIE), to.split_once(TIE)) {
        (Some((day, _)), Some((same, time))) if day == same => format!("{from}{TIE}to{TIE}{time}"),
        _ => format!("{from}{TIE}to{TIE}{to}"),
    }
}

/// How long it was, in its two largest units.
#[must_use]
pub(super) fn lasted(first: Option<&str>, last: Option<&str>) -> Option<String> {
    let (first, last): (Timestamp, Timestamp) = (first?.parse().ok()?, last?.parse().ok()?);
    let seconds = last.duration_since(first).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    Some(match () {
        () if days > 0 => format!("{days}{TIE}d {}{TIE}h", hours % 24),
        () if hours > 0 => format!("{hours}{TIE}h {}{TIE}min", minutes % 60),
        () if minutes > 0 => format!("{minutes}{TIE}min {}{TIE}s", seconds % 60),
        () => format!("{seconds}{TIE}s"),
    })
}

/// The chance of a coincidence, rounded up; `None` where the proof is content.
#[must_use]
pub(super) fn chance(confidence: &Confidence) -> Option<(char, String)> {
    let log = confidence.log10_p_value?;
    if log < -300.0 {
        return Some(('<', "1e-300".to_owned()));
    }
    if log > -3.0 {
        return Some(('=', format!("{:.3}", 10_f64.powf(log))));
    }
    let mut exponent = log.floor();
    let mut digit = 10_f64.powf(log - exponent).ceil();
    if digit >= 10.0 {
        (digit, exponent) = (1.0, exponent + 1.0);
    }
    Some(('=', format!("{digit:.0}e{exponent:.0}")))
}

/// The ports of services, each once, those in a row as a range.
#[must_use]
pub(super) fn ports(services: &[Service]) -> Vec<String> {
    let mut numbers: Vec<u16> = services.iter().map(|service| service.port).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for port in numbers {
        match ranges.last_mut() {
            Some((_, last)) if port.checked_sub(1) == Some(*last) => *last = port,
            _ => ranges.push((port, port)),
        }
    }
    ranges.into_iter().map(|(a, b)| if a == b { a.to_string() } else { format!("{a}-{b}") }).collect()
}

/// The first `most` of them, and how many more.
#[must_use]
pub(super) fn some_of(items: &[String], most: usize) -> String {
    let shown = items.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    match items.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and{TIE}{more}{TIE}more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        text.replace(TIE, " ")
    }

    #[test]
    fn numbers_have_separators() {
        assert_eq!([0, 999, 1000, 66_888, 1_234_567].map(number), ["0", "999", "1,000", "66,888", "1,234,567"]);
        assert_eq!(plain(&count(1, "session", "sessions")), "1 session");
    }

    #[test]
    fn bytes_have_three_digits_at_most() {
        let texts = [0, 999, 1000, 99_949, 99_950, 999_499, 999_500, 12_345_678].map(|n| plain(&bytes(n)));
        assert_eq!(texts, ["0 B", "999 B", "1.0 kB", "99.9 kB", "100 kB", "999 kB", "1.0 MB", "12.3 MB"]);
    }

    #[test]
    fn moments_are_to_the_second() {
        assert_eq!(plain(&moment(Some("2003-03-04T16:05:00.123456Z"))), "2003-03-04 16:05:00");
        assert_eq!(moment(None), "-");
        let (a, b, c) = (Some("2003-03-04T16:05:00Z"), Some("2003-03-04T17:06:01Z"), Some("2003-03-06T17:05:00Z"));
        assert_eq!(plain(&span(a, b)), "2003-03-04 16:05:00 to 17:06:01");
        assert_eq!(plain(&span(a, c)), "2003-03-04 16:05:00 to 2003-03-06 17:05:00");
        assert_eq!(plain(&lasted(a, b).unwrap()), "1 h 1 min");
        assert_eq!(plain(&lasted(a, c).unwrap()), "2 d 1 h");
        assert_eq!(lasted(a, None), None);
    }

    #[test]
    fn a_chance_is_rounded_up() {
        let chance = |log| chance(&Confidence { log10_p_value: Some(log), ..Confidence::default() }).unwrap();
        assert_eq!(chance(-300.5), ('<', "1e-300".to_owned()));
        assert_eq!(chance(-44.7), ('=', "2e-45".to_owned()));
        assert_eq!(chance(-44.03), ('=', "1e-44".to_owned()));
        assert_eq!(chance(-2.0), ('=', "0.010".to_owned()));
    }

    #[test]
    fn ports_in_a_row_are_a_range() {
        let service = |port| Service { proto: "tcp", port, protocol: None };
        assert_eq!(ports(&[8080, 1181, 1180, 1182, 1180, 65535].map(service)), ["1180-1182", "8080", "65535"]);
        assert_eq!(plain(&some_of(&["1".into(), "2".into(), "3".into()], 2)), "1, 2 and 1 more");
    }
}
