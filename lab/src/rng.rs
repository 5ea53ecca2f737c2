//! Random numbers and the distributions drawn from them, the same on every machine and for ever.
//!
//! The committed example has to come out byte for byte from any build, so nothing here depends on the version of a
//! crate (`rand` promises its algorithms' values only within a minor version) nor on a platform's `ln` and `exp`,
//! whose last bits differ. The generator is xoshiro256++ (Blackman and Vigna), seeded by splitmix64 as its authors
//! advise; distributions are tables of quantiles, interpolated in integers.

/// One step of splitmix64: also used by itself to derive things that have to stay the same (an address by its number).
#[must_use]
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// xoshiro256++.
#[derive(Clone, Debug)]
pub(crate) struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// The generator number `stream` of `seed`. Every actor has its own, so that one more host changes no other.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut key = mix(seed) ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let state = std::array::from_fn(|_| {
            key = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
            mix(key)
        });
        Self { state }
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// A number below `bound`, which is not 0. (The bias of the multiplication is below 2^-32 for what is drawn here.)
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True in `per_mille` of a thousand cases.
    pub(crate) fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// One of `items`.
    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }

    /// A number below `bound`, small ones more often: what a few favourites and a long tail look like.
    pub(crate) fn favourite(&mut self, bound: u64) -> u64 {
        let limit = self.below(bound) + 1;
        self.below(limit)
    }

    /// A value of the distribution whose quantiles, equally far apart from the least to the greatest, are `quantiles`.
    pub(crate) fn draw(&mut self, quantiles: &[u64]) -> u64 {
        let segment = self.below(quantiles.len() as u64 - 1) as usize;
        self.range(quantiles[segment], quantiles[segment + 1])
    }

    /// The gap to the next of events that come at random, `mean` apart on average.
    pub(crate) fn gap(&mut self, mean: u64) -> u64 {
        // The table counts in thousandths of the mean; what lies between two of them is drawn as well.
        (self.draw(&EXPONENTIAL) * mean + self.below(mean + 1)) / 1000
    }
}

/// `-1000 ln(1 - k/16)`; the last keeps the mean at 1000.
const EXPONENTIAL: [u64; 17] = [0, 65, 134, 208, 288, 375, 470, 575, 693, 827, 981, 1163, 1386, 1674, 2079, 2773, 4773];

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn the_algorithm_is_fixed() {
        let mut rng = Rng::new(1, 2);
        let first: Vec<u64> = (0..3).map(|_| rng.next()).collect();
        let mut again = Rng::new(1, 2);
        assert_eq!(first, (0..3).map(|_| again.next()).collect::<Vec<_>>());
        assert_ne!(first[0], Rng::new(1, 3).next());
        assert_ne!(first[0], Rng::new(2, 2).next());
    }

    #[test]
    fn gaps_have_their_mean() {
        let mut rng = Rng::new(7, 7);
        let total: u64 = (0..100_000).map(|_| rng.gap(1_000_000)).sum();
        let mean = total / 100_000;
        assert!((980_000..1_020_000).contains(&mean), "{mean}");
    }
}
