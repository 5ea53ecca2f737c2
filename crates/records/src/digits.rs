//! Numbers and IPv4 addresses, several digits at a time.
//!
//! A line holds a dozen numbers of every length. Read digit by digit, each ends in a branch that the processor guesses
//! wrong; these functions load eight or sixteen bytes and find the end with a mask.

use wide::u8x16;

/// A one in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;

/// The decimal number at the front and its length; `None` where there is no digit or the number does not fit.
#[inline]
pub(crate) fn parse_decimal(text: &[u8]) -> Option<(u64, usize)> {
    let (number, len) = decode_eight(u64::from_le_bytes(padded(text)));
    if len < 8 { (len > 0).then_some((number, len)) } else { parse_more(text, number) }
}

/// Goes on after the first eight digits.
fn parse_more(text: &[u8], mut number: u64) -> Option<(u64, usize)> {
    let mut len = 8;
    while let Some(digit) = text.get(len).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
        len += 1;
    }
    Some((number, len))
}

/// The number that the digits at the front of eight bytes make, and how many they are.
#[inline]
pub(crate) fn decode_eight(bytes: u64) -> (u64, usize) {
    let others = others_of_eight(bytes);
    let len = others.trailing_zeros() as usize / 8;
    if len == 0 {
        return (0, 0);
    }
    // The digits at the end of the eight, noughts before them; then pairs, fours, eight.
    let digits = (bytes & (0x0f * ONES)) << (64 - 8 * len);
    let pairs = (digits.wrapping_mul(10) + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    ((fours.wrapping_mul(10_000) + (fours >> 32)) & 0xffff_ffff, len)
}

/// The bits of the IPv4 address at the front, and its length; what follows it is not looked at.
#[inline(always)]
pub(crate) fn parse_v4(text: &[u8]) -> Option<(u32, usize)> {
    let (addr, len) = match text.first_chunk() {
        Some(bytes) => decode_v4(bytes),
        None => decode_v4_end(text),
    };
    (len > 0).then_some((addr, len as usize))
}

/// At a line's end.
#[cold]
#[inline(never)]
fn decode_v4_end(text: &[u8]) -> (u32, u32) {
    decode_v4(&padded_end(text))
}

/// The same of sixteen bytes, which are more than the longest address; no length where there is none. (Two numbers are handed
/// up in registers, what may be none through memory.)
fn decode_v4(bytes: &[u8; 16]) -> (u32, u32) {
    let vector = u8x16::new(*bytes);
    let (digits, dots) = (digits_of(vector), vector.simd_eq(u8x16::splat(b'.')).to_bitmask());
    let first = !digits & 0xffff;
    let second = first & first.wrapping_sub(1);
    let third = second & second.wrapping_sub(1);
    let last = third & third.wrapping_sub(1);
    // What ends the first three octets must be dots; what ends the last may be anything.
    if (first ^ last) & !dots != 0 {
        return (0, 0);
    }
    let ends = [first, second, third, last].map(u32::trailing_zeros);
    let starts = [0, ends[0] + 1, ends[1] + 1, ends[2] + 1];
    let mut octets = [0; 4];
    for (octet, (start, end)) in octets.iter_mut().zip(starts.into_iter().zip(ends)) {
        let len = end.wrapping_sub(start);
        // No octet begins in the last three bytes.
        let Some(four) = bytes.get(start as usize..start as usize + 4).and_then(|four| four.first_chunk()) else {
            return (0, 0);
        };
        if len.wrapping_sub(1) > 2 {
            return (0, 0);
        }
        // Its digits at the end of the four, noughts before them.
        *octet = u64::from(u32::from_le_bytes(*four) << (32 - 8 * len));
    }
    let (high, low) = (two_numbers(octets[0] | octets[1] << 32), two_numbers(octets[2] | octets[3] << 32));
    join_octets(high, low).map_or((0, 0), |addr| (addr, ends[3]))
}

/// A bit for each of sixteen bytes that is a digit.
#[inline(always)]
fn digits_of(bytes: u8x16) -> u32 {
    bytes.simd_eq(bytes.max(u8x16::splat(b'0')).min(u8x16::splat(b'9'))).to_bitmask()
}

/// The bits of an IPv4 address that is all of a text: of what stands between other fields, less is known to follow it. No octet
/// begins with a nought that is not all of it: some read them as octal.
#[inline]
pub(crate) fn parse_whole_v4(text: &[u8]) -> Option<u32> {
    let len = text.len();
    if !(7..16).contains(&len) {
        return None;
    }
    // Its first eight bytes and its last; of seven, noughts are the eighth behind them and the first before them.
    let first = eight_of(text);
    let last = text.last_chunk().map_or(first << 8, |last| u64::from_le_bytes(*last));
    let bytes = u8x16::new((u128::from(last) << 64 >> (8 * (16 - len)) | u128::from(first)).to_le_bytes());
    let (digits, dots) = (digits_of(bytes), bytes.simd_eq(u8x16::splat(b'.')).to_bitmask());
    let end = 1 << len;
    let (firsts, lasts) = (dots << 1 | 1, (dots | end) >> 1);
    let others = (digits | dots) ^ (end - 1);
    let empty = firsts & (dots | end);
    let of_four = digits & digits >> 1 & digits >> 2 & digits >> 3;
    let padded = bytes.simd_eq(u8x16::splat(b'0')).to_bitmask() & firsts & !lasts;
    let second_dots = dots & dots.wrapping_sub(1);
    let third_dots = second_dots & second_dots.wrapping_sub(1);
    let fourth_dots = third_dots & third_dots.wrapping_sub(1);
    if others | empty | of_four | padded | fourth_dots != 0 || third_dots == 0 {
        return None;
    }
    // The first two are among the first eight bytes, and the others among the last.
    let [a, b, c] = [dots, second_dots, third_dots].map(u32::trailing_zeros);
    let behind = len as u32 - c;
    let high = octets((first, 8 - a, a), (first, 8 - b, b - a - 1));
    let low = octets((last, behind, c - b - 1), (last, 0, behind - 1));
    join_octets(high, low)
}

/// The numbers of two octets, the second in the upper half: of each the word, how many bytes of it stand behind, and how many
/// digits it has.
#[inline(always)]
fn octets((word, behind, len): (u64, u32, u32), second: (u64, u32, u32)) -> u64 {
    const OF_LEN: [u64; 4] = [0, 0x0f00_0000, 0x0f0f_0000, 0x0f0f_0f00];
    let digits = |word: u64, behind: u32, len: u32| word << (8 * behind) >> 32 & OF_LEN[len as usize & 3];
    two_numbers(digits(word, behind, len) | digits(second.0, second.1, second.2) << 32)
}

/// What three digits in the upper bytes of each half make; a nought that is missing may be another byte's low bits.
#[inline(always)]
fn two_numbers(digits: u64) -> u64 {
    const LOW: u64 = 0x0000_000f_0000_000f;
    (digits >> 8 & LOW) * 100 + (digits >> 16 & LOW) * 10 + (digits >> 24 & LOW)
}

/// The address of four octets, two to a word; `None` where one does not fit.
#[inline(always)]
fn join_octets(high: u64, low: u64) -> Option<u32> {
    // Octets of up to 999 that are or-ed reach 256 if and only if one of them does.
    let fit = (high | low) & 0xffff_ff00_ffff_ff00 == 0;
    fit.then_some(((high << 8 | high >> 32) << 16 | low << 8 | low >> 32) as u32)
}

/// What follows `prefix` at the front of a text. Of up to sixteen bytes two words are sooner compared than a function is called.
#[inline(always)]
pub(crate) fn strip_short<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (front, rest) = text.split_at_checked(prefix.len())?;
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    let differ = match (front.first_chunk(), prefix.first_chunk(), front.last_chunk(), prefix.last_chunk()) {
        (Some(a), Some(b), Some(c), Some(d)) if prefix.len() <= 16 => (word(a) ^ word(b)) | (word(c) ^ word(d)) != 0,
        _ => front != prefix,
    };
    (!differ).then_some(rest)
}

/// The high bit of each byte that is no digit.
#[inline]
pub(crate) fn others_of_eight(bytes: u64) -> u64 {
    // What is left of a digit is at most 9, so that 0x76 more stays below the high bit.
    let low = (bytes ^ (0x30 * ONES)) & (0x7f * ONES);
    ((low + 0x76 * ONES) | bytes) & (0x80 * ONES)
}

/// The first `N` bytes, with zeros where there are fewer.
#[inline]
fn padded<const N: usize>(text: &[u8]) -> [u8; N] {
    match text.first_chunk::<N>() {
        Some(bytes) => *bytes,
        None => padded_end(text),
    }
}

/// At a line's end. Kept apart, or the compiler makes one copy of a length that it does not know from both cases.
#[cold]
#[inline(never)]
fn padded_end<const N: usize>(text: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    bytes[..text.len()].copy_from_slice(text);
    bytes
}

/// A number that is all of a text; `None` where anything else is in it, or it does not fit.
#[inline]
pub(crate) fn parse_whole(text: &[u8]) -> Option<u64> {
    /// By what the first eight digits are multiplied that so many follow.
    const SCALE: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
    if let Some((eight, rest)) = text.split_first_chunk::<8>() {
        let ((number, 8), Some(scale)) = (decode_eight(u64::from_le_bytes(*eight)), SCALE.get(rest.len())) else {
            let (number, len) = parse_decimal(text)?;
            return (len == text.len()).then_some(number);
        };
        let (low, len) = decode_eight(eight_of(rest));
        return (len == rest.len()).then_some(number * scale + low);
    }
    // What is none of them is nought, so that only as many digits as there are bytes can be all of it.
    let (number, len) = decode_eight(eight_of(text));
    (len == text.len() && len > 0).then_some(number)
}

/// Up to eight bytes, with zeros behind them.
#[inline]
pub(crate) fn eight_of(text: &[u8]) -> u64 {
    let wide = |bytes: &[u8; 4]| u64::from(u32::from_le_bytes(*bytes));
    match (text.first_chunk::<8>(), text.first_chunk::<4>(), text.last_chunk::<4>(), text) {
        (Some(all), ..) => u64::from_le_bytes(*all),
        // The two overlap in what is the same.
        (_, Some(first), Some(last), _) => wide(first) | wide(last) << (8 * (text.len() - 4)),
        (.., [first, .., last]) => {
            let middle = text.len() / 2;
            u64::from(*first) | u64::from(text[middle]) << (8 * middle) | u64::from(*last) << (8 * (text.len() - 1))
        }
        (.., [only]) => u64::from(*only),
        (.., []) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length() {
        let digits = "18446744073709551615";
        for len in 1..=digits.len() {
            for tail in ["", " ", "/", ":", "x", "\u{b0}", " 12345678"] {
                let text = format!("{}{tail}", &digits[..len]);
                assert_eq!(parse_decimal(text.as_bytes()), Some((digits[..len].parse().unwrap_or(0), len)), "{text}");
            }
        }
        assert_eq!(parse_decimal(b"00000000000000000000000007 "), Some((7, 26)));
    }

    #[test]
    fn a_prefix_of_any_length_is_found_or_not() {
        let text = b"198.51.100.7/25) to inside:10.0.0.5/2007";
        for len in 0..text.len() {
            assert_eq!(strip_short(text, &text[..len]), Some(&text[len..]), "{len}");
            for at in 0..len {
                let mut other = text[..len].to_vec();
                other[at] ^= 1;
                assert_eq!(strip_short(text, &other), None, "{len} but for {at}");
            }
            assert_eq!(strip_short(&text[..len], &text[..=len]), None, "{len}");
        }
    }

    #[test]
    fn texts_of_every_length_are_padded() {
        let text = b"0123456789abcdef";
        for len in 0..=text.len() {
            let mut padded = [0; 16];
            padded[..len].copy_from_slice(&text[..len]);
            assert_eq!(eight_of(&text[..len]).to_le_bytes(), padded[..8], "{len}");
        }
    }

    #[test]
    fn a_number_is_all_of_a_text() {
        let digits = "18446744073709551615";
        for len in 1..=digits.len() {
            assert_eq!(parse_whole(&digits.as_bytes()[..len]), digits[..len].parse().ok(), "{len}");
            for at in 0..len {
                let broken = format!("{}x{}", &digits[..at], &digits[at + 1..len]);
                assert_eq!(parse_whole(broken.as_bytes()), None, "{broken}");
            }
        }
        for (text, number) in
            [("", None), ("\0", None), ("1\0", None), ("18446744073709551616", None), ("007", Some(7))]
        {
            assert_eq!(parse_whole(text.as_bytes()), number, "{text}");
        }
        assert_eq!(parse_whole(b"00000000000000000000000000007"), Some(7));
    }

    #[test]
    fn what_is_no_number_or_too_big_is_refused() {
        for text in ["", " ", "x1", "/12345678", "18446744073709551616", "99999999999999999999 "] {
            assert_eq!(parse_decimal(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn every_octet_is_read_at_every_place() {
        for octet in 0..=255_u8 {
            for (text, octets) in [
                (format!("{octet}.0.0.0"), [octet, 0, 0, 0]),
                (format!("1.{octet}.22.3/"), [1, octet, 22, 3]),
                (format!("255.255.{octet}.255"), [255, 255, octet, 255]),
                (format!("255.255.255.{octet}/65535 ("), [255, 255, 255, octet]),
            ] {
                let len = text.find('/').unwrap_or(text.len());
                assert_eq!(parse_v4(text.as_bytes()), Some((u32::from_be_bytes(octets), len)), "{text}");
                assert_eq!(parse_whole_v4(&text.as_bytes()[..len]), Some(u32::from_be_bytes(octets)), "{text}");
                assert_eq!(parse_whole_v4(format!("{}x", &text[..len]).as_bytes()), None, "{text}");
                assert_eq!(parse_whole_v4(format!("0{}", &text[..len]).as_bytes()), None, "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "1",
            "1.2.3",
            "1.2.3.",
            "1.2.3./",
            ".1.2.3",
            "1..2.3",
            "256.1.1.1",
            "1.1.1.256",
            "1.1.1.999",
            "1111.1.1.1",
            "1.1.1.1111",
            "a.1.1.1",
            "1.1,1.1",
            "1.1.1.x",
            "10000000000000000000",
            "1.1.1000000000000",
            "255.255.255.2555",
        ] {
            assert_eq!(parse_v4(text.as_bytes()), None, "{text}");
            assert_eq!(parse_v4(format!("{text} to inside:x.0.0.1/25").as_bytes()), None, "{text} and more");
            assert_eq!(parse_whole_v4(text.as_bytes()), None, "{text}");
        }
    }
}
