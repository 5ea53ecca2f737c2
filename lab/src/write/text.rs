//! Numbers and addresses as text, without the cost of `format!`.

const DIGITS: &[u8; 200] =
    b"0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849\
5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

/// Appends a number.
pub(super) fn number(to: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    while value >= 10 {
        let pair = (value % 100) as usize * 2;
        value /= 100;
        at -= 2;
        digits[at..at + 2].copy_from_slice(&DIGITS[pair..pair + 2]);
        if value == 0 {
            // The pair's first digit leads nothing when it is 0.
            at += usize::from(digits[at] == b'0');
            to.extend_from_slice(&digits[at..]);
            return;
        }
    }
    at -= 1;
    digits[at] = b'0' + value as u8;
    to.extend_from_slice(&digits[at..]);
}

/// Appends two digits.
pub(super) fn two(to: &mut Vec<u8>, value: u64) {
    let pair = (value % 100) as usize * 2;
    to.extend_from_slice(&DIGITS[pair..pair + 2]);
}

/// Appends an IPv4 address.
pub(super) fn address(to: &mut Vec<u8>, addr: u32) {
    let [a, b, c, d] = addr.to_be_bytes();
    octet(to, a);
    to.push(b'.');
    octet(to, b);
    to.push(b'.');
    octet(to, c);
    to.push(b'.');
    octet(to, d);
}

fn octet(to: &mut Vec<u8>, octet: u8) {
    if octet >= 100 {
        to.push(b'0' + octet / 100);
        two(to, u64::from(octet % 100));
    } else if octet >= 10 {
        two(to, u64::from(octet));
    } else {
        to.push(b'0' + octet);
    }
}

/// Appends seconds as `0:02:01` or `67:30:25`.
pub(super) fn duration(to: &mut Vec<u8>, seconds: u64) {
    number(to, seconds / 3600);
    to.push(b':');
    two(to, seconds / 60 % 60);
    to.push(b':');
    two(to, seconds % 60);
}

/// Appends microseconds as seconds: `1046714400.000350`.
pub(super) fn seconds(to: &mut Vec<u8>, micros: u64) {
    number(to, micros / 1_000_000);
    to.push(b'.');
    let part = micros % 1_000_000;
    two(to, part / 10_000);
    two(to, part / 100 % 100);
    two(to, part % 100);
}

#[cfg(test)]
mod tests {
    use super::{address, duration, number, seconds};

    #[test]
    fn numbers_are_numbers() {
        for value in [0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 65_535, 135_480_319, u64::MAX] {
            let mut text = Vec::new();
            number(&mut text, value);
            assert_eq!(text, value.to_string().into_bytes());
        }
    }

    #[test]
    fn the_others_are_as_cisco_and_zeek_write_them() {
        let mut text = Vec::new();
        address(&mut text, 0xac1c_6407);
        text.push(b' ');
        duration(&mut text, 243_025);
        text.push(b' ');
        duration(&mut text, 121);
        text.push(b' ');
        seconds(&mut text, 1_046_714_400_000_350);
        assert_eq!(text, b"172.28.100.7 67:30:25 0:02:01 1046714400.000350");
    }
}
