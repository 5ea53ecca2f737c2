//! Bounds of a share that was observed on some hosts, each resampled many times.
//!
//! Resampling a host more often says more of that host and nothing of others, so a host counts as one observation:
//! its own share, between 0 and 1.
//!
//! **Upper bound**, which is what may be claimed: among such observations those that are all or nothing vary most, and for
//! them the sum is binomial, so it is Clopper's and Pearson's with the sum of the shares for the successes (which need not
//! be whole: the beta distribution does not mind) and the hosts for the trials. Exact for hosts that are all or nothing,
//! on the safe side for others; without any success it is some `3.7 / hosts`, however many host-days there are.
//!
//! **Lower bound**, which convicts the claim: that one would never lie above anything where every host is a little wrong.
//! It is the quantile of the mean over hosts that are drawn again from these hosts (the cluster bootstrap), and where
//! there are fewer than six hosts (which are all above the median of what they were drawn from more often than that bound
//! may fail), again Clopper's and Pearson's.

use crate::rng::Rng;

/// How much lies below the lower bound and above the upper one, at most: together 5 %.
pub(crate) const TAIL: f64 = 0.025;
/// So many hosts are all on one side of the median less often than [`TAIL`].
const ENOUGH: usize = 6;
/// How often hosts are drawn again.
const DRAWS: usize = 2000;

/// Lower and upper bound of the mean share, where `shares` are those of the hosts.
pub(crate) fn of_mean(shares: &[f64]) -> (f64, f64) {
    let (lower, upper) = of_share(shares.iter().sum(), shares.len(), TAIL);
    (if shares.len() < ENOUGH { lower } else { drawn_again(shares) }, upper)
}

fn drawn_again(shares: &[f64]) -> f64 {
    let mut rng = Rng::new(1, shares.len() as u64);
    let mean = |rng: &mut Rng| {
        let sum: f64 = (0..shares.len()).map(|_| shares[rng.below(shares.len())]).sum();
        sum / shares.len() as f64
    };
    let mut means: Vec<f64> = (0..DRAWS).map(|_| mean(&mut rng)).collect();
    means.sort_by(f64::total_cmp);
    means[(DRAWS as f64 * TAIL) as usize]
}

/// Clopper's and Pearson's bounds of the mean share, `sum` being the sum over `hosts`; `tail` lies outside on either side.
pub(crate) fn of_share(sum: f64, hosts: usize, tail: f64) -> (f64, f64) {
    let n = hosts as f64;
    let lower = if sum <= 0.0 { 0.0 } else { beta_quantile(sum, n - sum + 1.0, tail) };
    let upper = if sum >= n { 1.0 } else { beta_quantile(sum + 1.0, n - sum, 1.0 - tail) };
    (lower, upper)
}

/// Where the beta distribution has `p` below it; by halving, which is good to the last bit of what is printed.
fn beta_quantile(a: f64, b: f64, p: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if beta_below(a, b, middle) < p { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The regularised incomplete beta function, by its continued fraction where that converges fast.
fn beta_below(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta_below(b, a, 1.0 - x);
    }
    let front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln();
    front.exp() / (a * continued_fraction(a, b, x))
}

/// Its denominators from the inside out: as many terms as any of our arguments needs.
fn continued_fraction(a: f64, b: f64, x: f64) -> f64 {
    let terms = 60 + 6 * a.max(b).sqrt() as u32;
    let mut value = 1.0;
    for m in (1..=terms).rev() {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m - 1.0) * (a + b + m - 1.0) * x / ((a + 2.0 * m - 2.0) * (a + 2.0 * m - 1.0));
        value = 1.0 + odd / (1.0 + even / value);
    }
    value
}

/// Natural logarithm of the gamma function, by Stirling's series.
fn ln_gamma(x: f64) -> f64 {
    if x < 10.0 {
        return ln_gamma(x + 1.0) - x.ln();
    }
    let series = 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1260.0 * x.powi(5));
    (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + series
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of R's `binom.test`.
    #[test]
    fn whole_successes_have_the_bounds_of_clopper_and_pearson() {
        let near = |(a, b): (f64, f64), (c, d): (f64, f64)| (a - c).abs() < 1e-6 && (b - d).abs() < 1e-6;
        assert!(near(of_share(0.0, 10, TAIL), (0.0, 0.308_497_1)), "{:?}", of_share(0.0, 10, TAIL));
        assert!(near(of_share(1.0, 10, TAIL), (0.002_528_579, 0.445_016_1)), "{:?}", of_share(1.0, 10, TAIL));
        assert!(near(of_share(50.0, 100, TAIL), (0.398_321_1, 0.601_678_9)), "{:?}", of_share(50.0, 100, TAIL));
        assert!(near(of_share(10.0, 10, TAIL), (0.691_502_9, 1.0)), "{:?}", of_share(10.0, 10, TAIL));
    }

    #[test]
    fn many_trials_are_as_exact() {
        let (lower, upper) = of_share(100.0, 1_000_000, TAIL);
        assert!((lower - 8.136_6e-5).abs() < 1e-8 && (upper - 1.216_26e-4).abs() < 1e-8, "{lower} {upper}");
    }

    #[test]
    fn many_hosts_that_are_a_little_wrong_are_seen_and_one_that_is_may_be_chance() {
        let (lower, upper) = of_mean(&[0.005; 20]);
        assert!(lower > 0.004 && upper > 0.1, "{lower} {upper}");
        let mut one = [0.0; 20];
        one[3] = 0.3;
        assert_eq!(of_mean(&one).0, 0.0);
        assert!(of_mean(&[0.3]).0 < 1e-3, "a single host says nothing of others");
    }
}
