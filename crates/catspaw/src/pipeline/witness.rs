//! Connections that two sensors may both have seen opening: the witnesses of how far apart their clocks are.
//!
//! A connection is known by its transport and ends, as either side of the device had them: what one device translates, the
//! next one sees translated. A sample is kept, by the hash of the ends alone, so that two sensors' samples have the same
//! connections in them, and so that it is the same however the evidence was split and whoever read it.

use catspaw_records::{Endpoint, Event, Nanos, Proto, Record, SensorId};
use xxhash_rust::xxh3::xxh3_64;

/// Openings that are kept.
const KEPT: usize = 1 << 18;

/// A sensor saw a connection opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Witness {
    /// The hash of its transport and ends.
    pub(super) ends: u64,
    pub(super) sensor: SensorId,
    /// When, by its own clock: the middle of what its stamp may mean.
    pub(super) at: Nanos,
    /// The hash of its real ends: a connection that was translated is known by several.
    pub(super) real: u64,
}

/// The sample.
#[derive(Debug)]
pub(crate) struct Witnesses {
    sample: Vec<Witness>,
    /// Hashes below are sampled. It is halved whenever there are too many, so that what is kept in the end depends on what
    /// there was and not on its order.
    below: u64,
}

impl Default for Witnesses {
    fn default() -> Self {
        Self { sample: Vec::new(), below: u64::MAX }
    }
}

impl Witnesses {
    /// Hashes from here on need not be given.
    pub(super) fn below(&self) -> u64 {
        self.below
    }

    /// Takes what a block says.
    pub(super) fn take(&mut self, witnesses: &[Witness]) {
        for &witness in witnesses {
            if witness.ends < self.below {
                self.sample.push(witness);
            }
            if self.sample.len() >= 2 * KEPT {
                self.make_room();
            }
        }
    }

    /// All of them in order, each once: a log may be there twice.
    pub(super) fn into_sorted(mut self) -> Vec<Witness> {
        self.make_room();
        self.sample
    }

    fn make_room(&mut self) {
        self.sample.sort_unstable();
        self.sample.dedup();
        while self.sample.len() > KEPT {
            self.below /= 2;
            self.sample.truncate(self.sample.partition_point(|witness| witness.ends < self.below));
        }
    }
}

/// Takes the opening of a TCP connection into `found`, as far as it is sampled.
pub(super) fn see(record: &Record, below: u64, found: &mut Vec<Witness>) {
    let (start, ends, mapped) = match &record.event {
        Event::Opened(opened) if opened.proto == Proto::Tcp => {
            (opened.start, [opened.orig, opened.resp], [opened.mapped_orig, opened.mapped_resp])
        }
        // Where the length is not known, neither is the beginning.
        Event::Whole(whole) if whole.proto == Proto::Tcp && whole.duration.is_some() => {
            (whole.start, [whole.orig, whole.resp], whole.mapped())
        }
        _ => return,
    };
    let both = |at: usize| [Some(ends[at]), mapped[at].filter(|mapped| *mapped != ends[at])];
    let [origs, resps] = [both(0), both(1)];
    let real = hash(ends[0], ends[1]);
    let at = start.at.plus(i64::from(start.resolution) / 2);
    for orig in origs.into_iter().flatten() {
        for resp in resps.into_iter().flatten() {
            let ends = hash(orig, resp);
            if ends < below {
                found.push(Witness { ends, sensor: start.sensor, at, real });
            }
        }
    }
}

fn hash(orig: Endpoint, resp: Endpoint) -> u64 {
    let mut text = [0; 36];
    for (text, end) in text.chunks_exact_mut(18).zip([orig, resp]) {
        text.copy_from_slice(&end.to_bytes());
    }
    xxh3_64(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn witness(ends: u64, at: i64) -> Witness {
        Witness { ends, sensor: SensorId(1), at: Nanos::from_secs(at), real: ends }
    }

    #[test]
    fn a_sample_depends_on_what_there_was_and_not_on_its_order() {
        const ALL: u64 = 3 * KEPT as u64;
        // An odd number times n goes through all residues.
        let all: Vec<Witness> =
            (0..ALL).map(|n| witness(n.wrapping_mul(0x9e37_79b9_7f4a_7c15), n as i64 % 1000)).collect();
        let mut forwards = Witnesses::default();
        all.chunks(1000).for_each(|some| forwards.take(some));
        let mut backwards = Witnesses::default();
        all.rchunks(777).for_each(|some| backwards.take(some));
        // Everything twice is the same again.
        all.chunks(5000).for_each(|some| backwards.take(some));
        let (forwards, backwards) = (forwards.into_sorted(), backwards.into_sorted());
        assert!((KEPT / 2..=KEPT).contains(&forwards.len()), "{}", forwards.len());
        assert_eq!(forwards, backwards);
    }
}
