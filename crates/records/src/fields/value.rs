//! What logs write in a column: numbers, seconds, addresses, ports.

use std::net::Ipv6Addr;

use crate::Nanos;
use crate::digits::{parse_whole, parse_whole_v4};
use crate::end::Address;

/// An unsigned decimal number.
#[inline]
pub(crate) fn number(text: &[u8]) -> Option<u64> {
    parse_whole(text)
}

/// Seconds with a fraction, to the nanosecond and exactly: a float has lost the microseconds of today's stamps to
/// rounding by the time it is multiplied. Digits after the ninth are cut off.
pub(crate) fn seconds(text: &[u8]) -> Option<i64> {
    // `1672843056.913119`, as Zeek writes it, without a search for the point.
    let point = match text.len().checked_sub(7) {
        Some(point) if text[point] == b'.' => point,
        _ => text.iter().position(|byte| *byte == b'.').unwrap_or(text.len()),
    };
    let whole = i64::try_from(number(&text[..point])?).ok()?.checked_mul(Nanos::SECOND)?;
    let Some(fraction) = text.get(point + 1..).filter(|fraction| !fraction.is_empty()) else {
        // `12` is a number of seconds, `12.` is one that was cut off.
        return (point == text.len()).then_some(whole);
    };
    whole.checked_add(nanos(fraction)?)
}

/// The digits after the point.
fn nanos(fraction: &[u8]) -> Option<i64> {
    const SCALE: [i64; 10] = [1_000_000_000, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];
    let (kept, rest) = fraction.split_at(fraction.len().min(9));
    if !rest.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(i64::try_from(number(kept)?).ok()? * SCALE[kept.len()])
}

/// A span of seconds. `Some(None)` where it is negative: the sensor's clock was set back meanwhile, and nobody knows
/// how long it was.
pub(crate) fn duration(text: &[u8]) -> Option<Option<i64>> {
    match text.strip_prefix(b"-") {
        Some(positive) => seconds(positive).map(|_| None),
        None => seconds(text).map(Some),
    }
}

/// An address; an IPv4 address in IPv6 clothes is the IPv4 address, so that one host is one host.
#[inline]
pub(crate) fn address(text: &[u8]) -> Option<Address> {
    match parse_whole_v4(text) {
        Some(bits) => Some(Address::v4(bits)),
        None => address_v6(text),
    }
}

#[cold]
#[inline(never)]
fn address_v6(text: &[u8]) -> Option<Address> {
    let v6: Ipv6Addr = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some(v6.to_canonical().into())
}

/// An address, and the port where one stands behind it: `192.0.2.1:25`, `192.0.2.1/25`, `[2001:db8::1]:25`. What stands behind the port
/// (`:X1`, an interface) is left out.
pub(crate) fn end(text: &[u8]) -> Option<(Address, Option<u16>)> {
    const BEHIND: [u8; 3] = *b":/,";
    let (addr, rest) = match text.strip_prefix(b"[") {
        Some(text) => {
            let close = memchr::memchr(b']', text)?;
            (address(&text[..close])?, &text[close + 1..])
        }
        None => {
            let len = text.iter().position(|byte| BEHIND.contains(byte)).unwrap_or(text.len());
            match parse_whole_v4(&text[..len]) {
                Some(bits) => (Address::v4(bits), &text[len..]),
                None => (address_v6(text)?, &text[..0]),
            }
        }
    };
    let Some((mark, rest)) = rest.split_first() else { return Some((addr, None)) };
    let len = rest.iter().position(|byte| BEHIND.contains(byte)).unwrap_or(rest.len());
    BEHIND.contains(mark).then(|| port(&rest[..len])).flatten().map(|port| (addr, Some(port)))
}

/// A port; for ICMP its type or code.
pub(crate) fn port(text: &[u8]) -> Option<u16> {
    u16::try_from(number(text)?).ok()
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn an_end_has_its_port_behind_it() {
        for (text, expected) in [
            ("192.0.2.1:25", Some(("192.0.2.1", Some(25)))),
            ("192.0.2.1/25", Some(("192.0.2.1", Some(25)))),
            ("192.0.2.1:61254:X1:", Some(("192.0.2.1", Some(61_254)))),
            ("192.0.2.1", Some(("192.0.2.1", None))),
            ("[2001:db8::1]:25", Some(("2001:db8::1", Some(25)))),
            ("[2001:db8::1]", Some(("2001:db8::1", None))),
            ("2001:db8::1", Some(("2001:db8::1", None))),
            ("192.0.2.1:", None),
            ("192.0.2.1:x", None),
            ("192.0.2.1:65536", None),
            ("192.0.2.256:25", None),
            ("[2001:db8::1]x25", None),
            ("[2001:db8::1", None),
            (":25", None),
            ("", None),
        ] {
            let told = end(text.as_bytes()).map(|(addr, port)| (IpAddr::from(addr).to_string(), port));
            assert_eq!(told, expected.map(|(addr, port)| (addr.to_owned(), port)), "{text}");
        }
    }

    #[test]
    fn seconds_are_exact_to_the_nanosecond() {
        assert_eq!(seconds(b"1672843056.913119"), Some(1_672_843_056_913_119_000));
        assert_eq!(seconds(b"0.000001"), Some(1_000));
        assert_eq!(seconds(b"1.123456789"), Some(1_123_456_789));
        assert_eq!(seconds(b"1.1234567899"), Some(1_123_456_789));
        assert_eq!(seconds(b"12"), Some(12_000_000_000));
        assert_eq!(seconds(b"12.5"), Some(12_500_000_000));
        assert_eq!(seconds(b"9223372036.854775"), Some(9_223_372_036_854_775_000));
    }

    #[test]
    fn what_is_no_number_of_seconds_is_refused() {
        for text in ["", ".", "12.", ".5", "-1.0", "1e9", "1.5x", "1.1234567890x", "99999999999.0", "9223372036.854776"]
        {
            assert_eq!(seconds(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_negative_duration_is_unknown() {
        assert_eq!(duration(b"-0.000012"), Some(None));
        assert_eq!(duration(b"0.000012"), Some(Some(12_000)));
        assert_eq!(duration(b"-"), None);
    }

    #[test]
    fn numbers_do_not_wrap() {
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(number(b"18446744073709551616"), None);
        assert_eq!(number(b"00000000000000000000000000001"), Some(1));
        assert_eq!(number(b"1.0"), None);
        assert_eq!(port(b"65536"), None);
    }

    #[test]
    fn addresses_are_those_of_the_standard_library() {
        let texts = [
            "10.136.0.18",
            "0.0.0.0",
            "255.255.255.255",
            "256.0.0.1",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.",
            "01.2.3.4",
            "1..2.3",
            "1.2.3.0004",
            "",
            "-",
            "::",
            "fe80::7809:d6ff:fee3:ff67",
            "fe80::1%eth0",
            "1:2",
        ];
        for text in texts {
            assert_eq!(address(text.as_bytes()).map(IpAddr::from), text.parse().ok(), "{text}");
        }
        assert_eq!(address(b"::ffff:10.1.2.3"), address(b"10.1.2.3"));
    }
}
