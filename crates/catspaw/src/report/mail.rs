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

/// From how many bytes on a completed SMTP connection counts as delivered, and whence that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Least {
    pub(crate) bytes: i64,
    pub(crate) whence: Whence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whence {
    /// The owner says so.
    Configured,
    /// From the host's own sizes.
    Learned,
    /// Those say nothing else than what is usual.
    Usual,
}

/// What is `configured`, or else the emptiest place between refusals and messages among the host's own sizes (by their classes,
/// [`size_class`]), the usual one where several are as empty.
#[must_use]
pub(crate) fn threshold(sizes: &BTreeMap<u16, u64>, configured: Option<i64>) -> Least {
    if let Some(bytes) = configured {
        return Least { bytes, whence: Whence::Configured };
    }
    let usual = size_class(USUAL);
    let class = emptiest(sizes, usual);
    let whence = if class == usual { Whence::Usual } else { Whence::Learned };
    Least { bytes: bytes_of(class), whence }
}

fn emptiest(sizes: &BTreeMap<u16, u64>, usual: u16) -> u16 {
    let crowd = |class: u16| -> u64 { sizes.range(class - NEAR..class + NEAR).map(|(_, n)| n).sum() };
    (size_class(RANGE.0)..=size_class(RANGE.1))
        .min_by_key(|&class| (crowd(class), class.abs_diff(usual)))
        .unwrap_or(usual)
}

/// The smallest size of a class, in bytes.
fn bytes_of(class: u16) -> i64 {
    (f64::from(class) / 8.0).exp2().ceil() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(of: &[(i64, u64)]) -> BTreeMap<u16, u64> {
        of.iter().map(|&(bytes, n)| (size_class(bytes), n)).collect()
    }

    #[test]
    fn lies_between_refusals_and_messages() {
        let sizes = sizes(&[(33, 80), (250, 40), (500, 30), (640, 3), (1180, 4), (1600, 90), (9000, 70)]);
        let least = threshold(&sizes, None);
        assert!((641..=1180).contains(&least.bytes), "{least:?}");
        assert_eq!(threshold(&sizes, Some(700)), Least { bytes: 700, whence: Whence::Configured });
    }

    #[test]
    fn a_class_begins_with_its_smallest_size() {
        for class in size_class(RANGE.0)..=size_class(RANGE.1) {
            let bytes = bytes_of(class);
            assert_eq!((size_class(bytes), size_class(bytes - 1)), (class, class - 1));
        }
    }

    #[test]
    fn is_the_usual_one_where_nothing_is_learned() {
        assert_eq!(threshold(&BTreeMap::new(), None).whence, Whence::Usual);
        let crowded = sizes(&[(700, 9), (850, 9), (900, 9), (1000, 9), (1100, 9)]);
        assert_eq!(threshold(&crowded, None).whence, Whence::Learned);
    }
}
