//! The records of one moment, by which second copies are known.

use catspaw_records::Nanos;
use foldhash::HashSet;

/// Fingerprints that are kept of one moment.
const FINGERPRINTS: usize = 1 << 18;
/// So many are looked through one by one.
const FEW: usize = 16;

/// Fingerprints of the records of a sensor at its current moment.
#[derive(Debug)]
pub(super) struct Seen {
    at: Nanos,
    /// The first of them: of most moments a shard has one or two.
    few: Vec<u64>,
    more: HashSet<u64>,
}

impl Default for Seen {
    fn default() -> Self {
        Self { at: Nanos::MIN, few: Vec::new(), more: HashSet::default() }
    }
}

impl Seen {
    /// Whether the record is no second copy of one at the same moment. `owner` tells the two copies apart that a record between two hosts
    /// of ours has.
    pub(super) fn is_new(&mut self, at: Nanos, fingerprint: u64, owner: bool) -> bool {
        if self.at != at {
            self.at = at;
            self.few.clear();
            if !self.more.is_empty() {
                self.more = HashSet::default();
            }
        }
        let print = if owner { fingerprint } else { !fingerprint };
        if self.few.contains(&print) {
            return false;
        }
        if self.few.len() < FEW {
            self.few.push(print);
            return true;
        }
        if self.more.len() >= FINGERPRINTS {
            self.few.clear();
            self.more.clear();
        }
        self.more.insert(print)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_copy_is_known_however_many_there_are() {
        let mut seen = Seen::default();
        for at in [Nanos(1), Nanos(2)] {
            assert!((0..1000).all(|print| seen.is_new(at, print, true)));
            assert!((0..1000).all(|print| !seen.is_new(at, print, true)));
            assert!(seen.is_new(at, 7, false) && !seen.is_new(at, 7, false));
        }
        assert!(seen.is_new(Nanos(1), 7, true), "what is over is forgotten");
    }
}
