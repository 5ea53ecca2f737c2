//! From which size on an SMTP connection that completed has delivered something.

use std::collections::BTreeMap;

use catspaw_relay::size_class;

/// Between these sizes the threshold is looked for: a dialogue in which every recipient is refused takes up to some
/// 650 bytes both ways, the smallest mail that was accepted in the captures 1171.
const RANGE: (i64, i64) = (512, 2048);
/// Where nothing is learned.
const USUAL: i64 = 900;
/// Classes on each side that count as its neighbourhood.
const NEAR: u16 = 2;

/// The class of sizes (see [`size_class`]) from which a completed SMTP connection counts as delivered: the emptiest
/// place between refusals and messages among the host's own sizes, the usual one where several are as empty.
#[must_use]
pub(crate) fn threshold(sizes: &BTreeMap<u16, u64>) -> u16 {
    let usual = size_class(USUAL);
    let crowd = |class: u16| -> u64 { sizes.range(class - NEAR..class + NEAR).map(|(_, n)| n).sum() };
    (size_class(RANGE.0)..=size_class(RANGE.1))
        .min_by_key(|&class| (crowd(class), class.abs_diff(usual)))
        .unwrap_or(usual)
}

/// Whether a class is the one that is taken where the host's own sizes say nothing else.
#[must_use]
pub(crate) fn is_usual(class: u16) -> bool {
    class == size_class(USUAL)
}

/// The smallest size of a class, in bytes.
#[must_use]
pub(crate) fn bytes_of(class: u16) -> u64 {
    (f64::from(class) / 8.0).exp2().ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(of: &[(i64, u64)]) -> BTreeMap<u16, u64> {
        of.iter().map(|&(bytes, n)| (size_class(bytes), n)).collect()
    }

    #[test]
    fn lies_between_refusals_and_messages() {
        let class = threshold(&sizes(&[(33, 80), (250, 40), (500, 30), (640, 3), (1180, 4), (1600, 90), (9000, 70)]));
        assert!((641..=1180).contains(&bytes_of(class)), "{}", bytes_of(class));
    }

    #[test]
    fn is_the_usual_one_where_nothing_is_learned() {
        assert!(is_usual(threshold(&BTreeMap::new())));
        assert!(!is_usual(threshold(&sizes(&[(700, 9), (850, 9), (900, 9), (1000, 9), (1100, 9)]))));
    }
}
