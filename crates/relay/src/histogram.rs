//! How often a size, or a difference of sizes, has been seen: at several scales at once.
//!
//! Both sides of the test stand on this one estimator. The alternative asks how well a difference `d` repeats what
//! the service did before; the null asks how well the outbound size alone repeats what the host did before. Because
//! both learn from the same sessions at the same rate and the same scales, content of fixed size (a health check, a
//! beacon, one page fetched again and again) makes both equally sure, and their ratio stays at one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use foldhash::HashMap;
use serde::{Deserialize, Serialize};

use crate::leg::Size;

/// Cells that double in width with the size: what is large is rare and never repeats to the byte, and must not look
/// improbable for it.
const OCTAVE: i64 = 0;
/// Widths of the cells: bytes up by bytes down. With totals only `up` is used, and the mixed ones are left out.
const SCALES: [(i64, i64); 9] =
    [(1, 1), (8, 8), (64, 64), (512, 512), (OCTAVE, OCTAVE), (1, 64), (64, 1), (1, OCTAVE), (OCTAVE, 1)];
/// The scales that mean something for a total: the first five.
const TOTAL_SCALES: usize = 5;
/// The widest scale with weight in a mixture, and the widest of a total below the octaves: the cells of the narrower ones lie in theirs,
/// so that what has no cell there has none at these.
const WIDEST_MIXED: usize = 2;
const WIDEST_BELOW_OCTAVES: usize = 3;
/// Cells up to this wide (in their narrower direction) mean the same size.
const FINE: std::ops::RangeInclusive<i64> = 1..=8;
/// Weight of each scale in the mixture: most on exact repeats, as measured on real proxies (one mode holds
/// 85 to 100 % of its pairs to the byte). None is wider than 64 bytes: what follows another size more loosely than that
/// is a correlation (a page that grows with what it was made from), not conservation.
const MIX_TOTAL: [f64; TOTAL_SCALES] = [0.65, 0.25, 0.1, 0.0, 0.0];
const MIX_DIRECTED: [f64; SCALES.len()] = [0.56, 0.14, 0.08, 0.0, 0.0, 0.11, 0.11, 0.0, 0.0];
/// Share of the known handshakes in what is believed of overheads.
const KNOWN: f64 = 0.5;
/// Pseudo-observations of the prior.
const PRIOR_WEIGHT: f64 = 1.0;
/// Cells kept at each scale. What is dropped is the lightest cell.
const CELLS: usize = 512;

/// Weighted counts of cells at every scale.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Histogram {
    total: f64,
    scales: Vec<Cells>,
}

type Cell = (i64, i64);

/// The cells of one scale.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Cells {
    weights: HashMap<Cell, f64>,
    /// All of them by weight, the lightest first, from the moment on at which there are too many: what a cell weighed at some time, for it
    /// has only grown since. Weights are not negative, so that their bits are in their order.
    lightest: BinaryHeap<Reverse<(u64, Cell)>>,
}

/// What cells weighed at some time says nothing.
impl PartialEq for Cells {
    fn eq(&self, other: &Self) -> bool {
        self.weights == other.weights && self.lightest.is_empty() == other.lightest.is_empty()
    }
}

impl Cells {
    fn add(&mut self, cell: Cell, weight: f64) {
        let before = self.weights.len();
        *self.weights.entry(cell).or_insert(0.0) += weight;
        if self.weights.len() > before && !self.lightest.is_empty() {
            self.lightest.push(Reverse((weight.to_bits(), cell)));
        }
        if self.weights.len() > CELLS {
            self.drop_lightest();
        }
    }

    fn drop_lightest(&mut self) {
        if self.lightest.is_empty() {
            self.lightest = self.weights.iter().map(|(&cell, weight)| Reverse((weight.to_bits(), cell))).collect();
        }
        while let Some(Reverse((weighed, cell))) = self.lightest.pop() {
            let weighs = self.weights.get(&cell).map_or(weighed, |weight| weight.to_bits());
            if weighs == weighed {
                self.weights.remove(&cell);
                return;
            }
            self.lightest.push(Reverse((weighs, cell)));
        }
    }
}

impl Histogram {
    /// Takes one observation with weight `weight`.
    pub(crate) fn add(&mut self, size: Size, weight: f64) {
        if self.scales.is_empty() {
            self.scales = vec![Cells::default(); SCALES.len()];
        }
        self.total += weight;
        for (cells, &scale) in self.scales.iter_mut().zip(scales_of(size)) {
            cells.add(cell(size, scale), weight);
        }
    }

    /// The exact values that came up most often, and their shares.
    pub(crate) fn modes(&self, most: usize) -> Vec<((i64, i64), f64)> {
        let exact = self.scales.first().into_iter().flat_map(|cells| &cells.weights);
        let mut modes: Vec<_> = exact.map(|(&cell, &weight)| (cell, weight / self.total)).collect();
        modes.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        modes.truncate(most);
        modes
    }

    /// Density of the `k`-th scale at `size` without the prior, and without the observations `left_out`.
    fn density(&self, k: usize, size: Size, left_out: &[Size]) -> f64 {
        let scale = SCALES[k];
        let here = cell(size, scale);
        let Some(&count) = self.scales.get(k).and_then(|cells| cells.weights.get(&here)) else { return 0.0 };
        let left = left_out.iter().filter(|&&other| cell(other, scale) == here).count();
        let n = (self.total - left_out.len() as f64).max(0.0) + PRIOR_WEIGHT;
        (count - left as f64).max(0.0) / n / area(size, scale)
    }

    /// Whether nothing was seen in the cell of a scale, nor in any narrower one that lies in it.
    fn is_bare(&self, k: usize, size: Size) -> bool {
        let cells = self.scales.get(k);
        // What was dropped here may be there.
        cells.is_none_or(|cells| cells.lightest.is_empty() && !cells.weights.contains_key(&cell(size, SCALES[k])))
    }

    /// Probability of `size` as a mixture of all scales and `prior`: what may be claimed.
    pub(crate) fn mixture(&self, size: Size, prior: f64) -> f64 {
        self.mixture_without(size, prior, &[])
    }

    /// As [`Histogram::mixture`], as if the observations `left_out` had not been taken.
    pub(crate) fn mixture_without(&self, size: Size, prior: f64, left_out: &[Size]) -> f64 {
        let mix: &[f64] = if size.directed { &MIX_DIRECTED } else { &MIX_TOTAL };
        let scales = || mix.iter().enumerate().filter(|&(_, &weight)| weight > 0.0);
        let learned = || scales().map(|(k, weight)| self.density(k, size, left_out) * weight).sum();
        let learned: f64 = if self.is_bare(WIDEST_MIXED, size) { 0.0 } else { learned() };
        learned + prior * PRIOR_WEIGHT / (self.total + PRIOR_WEIGHT)
    }

    /// The largest of all scales' densities and `prior`: what a cautious null has to concede. The prior keeps its full
    /// weight however much was seen: sizes that never repeat stay as likely as they were.
    pub(crate) fn sharpest(&self, size: Size, prior: f64) -> f64 {
        let first =
            if size.directed || !self.is_bare(WIDEST_BELOW_OCTAVES, size) { 0 } else { WIDEST_BELOW_OCTAVES + 1 };
        (first..scales_of(size).len()).map(|k| self.density(k, size, &[])).fold(prior, f64::max)
    }

    /// The largest of all scales' shares of the totals that differ from `size` by at most `by`.
    pub(crate) fn share_near(&self, size: Size, by: i64) -> f64 {
        let share = |k: usize| {
            let (mut sum, mut last) = (0.0, None);
            for up in size.up - by..=size.up + by {
                let size = Size { up, ..size };
                let here = cell(size, SCALES[k]);
                // Each cell is looked up once.
                let density = match last {
                    Some((cell, density)) if cell == here => density,
                    _ => self.density(k, size, &[]),
                };
                last = Some((here, density));
                sum += density;
            }
            sum
        };
        (0..TOTAL_SCALES).map(share).fold(0.0, f64::max)
    }

    /// `mixture` of what was seen alone.
    pub(crate) fn learned(&self, size: Size) -> f64 {
        self.mixture(size, 0.0)
    }

    /// The largest of the finest scales' densities, as if the observations `left_out` had not been taken: how often
    /// just this size came up.
    pub(crate) fn repeats_without(&self, size: Size, left_out: &[Size]) -> f64 {
        let scales = scales_of(size).iter().enumerate();
        scales
            .filter(|(_, scale)| FINE.contains(&scale.0) || size.directed && FINE.contains(&scale.1))
            .map(|(k, _)| self.density(k, size, left_out))
            .fold(0.0, f64::max)
    }
}

/// The two directions of a size, each on its own: a fixed answer to uploads of all lengths repeats in one only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Marginals([Histogram; 2]);

impl Marginals {
    /// Takes one observation, where it has two directions.
    pub(crate) fn add(&mut self, size: Size) {
        if size.directed {
            for (histogram, way) in self.0.iter_mut().zip(ways(size)) {
                histogram.add(way, 1.0);
            }
        }
    }

    /// `sharpest` of the one direction times that of the other; 0 for a total.
    pub(crate) fn sharpest(&self, size: Size) -> f64 {
        if !size.directed {
            return 0.0;
        }
        self.0.iter().zip(ways(size)).map(|(histogram, way)| histogram.sharpest(way, size_prior(way))).product()
    }
}

fn ways(size: Size) -> [Size; 2] {
    [size.up, size.down].map(|up| Size { up, down: 0, directed: false, ..size })
}

fn scales_of(size: Size) -> &'static [(i64, i64)] {
    if size.directed { &SCALES } else { &SCALES[..TOTAL_SCALES] }
}

fn cell(size: Size, scale: (i64, i64)) -> Cell {
    let one = |n: i64, width: i64| match width {
        OCTAVE => i64::from(octave(n)) * n.signum(),
        // The widths are powers of two: as `div_euclid`.
        _ => n >> width.trailing_zeros(),
    };
    (one(size.up, scale.0), one(size.down, scale.1))
}

/// How many sizes a cell holds.
fn area(size: Size, scale: (i64, i64)) -> f64 {
    let one = |n: i64, width: i64| if width == OCTAVE { (1_u64 << (octave(n) - 1)) as f64 } else { width as f64 };
    if size.directed { one(size.up, scale.0) * one(size.down, scale.1) } else { one(size.up, scale.0) }
}

/// Which doubling of 32 a size lies in, from 6: so that small sizes share a cell of 32 on each side of 0.
fn octave(n: i64) -> u32 {
    (n.unsigned_abs() + 32).ilog2() + 1
}

/// What is believed of an outbound size before the host has shown any: log-uniform, from some ten bytes to a gigabyte.
pub(crate) fn size_prior(size: Size) -> f64 {
    let one = |n: i64| 1.0 / ((n.max(0) as f64 + 32.0) * 18.0);
    if size.directed { one(size.up) * one(size.down) } else { one(size.up) }
}

/// Overheads that a proxy may have in each direction, from and to.
const POSSIBLE_UP: (i64, i64) = (-96, 256);
const POSSIBLE_DOWN: (i64, i64) = (-32, 480);

/// What is believed of a relay's overhead before it has shown any: the handshakes that the protocols prescribe and that
/// were measured, others like them, and a wide tail.
pub(crate) fn overhead_prior(difference: Size) -> f64 {
    let alike = if difference.directed {
        one_overhead(difference.up, (0, 160), POSSIBLE_UP) * one_overhead(difference.down, (0, 80), POSSIBLE_DOWN)
    } else {
        one_overhead(difference.up, (8, 232), (-256, 768))
    };
    KNOWN * known_handshake(difference) + (1.0 - KNOWN) * alike
}

/// How much a message differs from the copy that is handed on, from and to: each server adds a header, leaves the other
/// recipients out and greets in its own words (measured: some 230 bytes for one recipient, 110 for one of three; the
/// answers differ by up to 110 either way).
const HEADER: (i64, i64) = (-360, -40);

/// What is believed of a mail server's overhead before it has shown any: of what was sent to it, without the answers, or of
/// the total where there is only that.
pub(crate) fn mail_prior(difference: Size) -> f64 {
    one_overhead(difference.up, HEADER, (-1024, 256))
}

fn known_handshake(difference: Size) -> f64 {
    let answers = if difference.directed { 2.0 } else { 1.0 };
    let requests = if difference.directed { 126.0 } else { 157.0 };
    let [socks, connect] = [is_socks(difference), is_connect(difference)].map(|is| f64::from(u8::from(is)));
    0.5 * socks / 7.0 + 0.5 * connect / (answers * requests)
}

/// 4 (9 up, 8 down), 4a and 5 by address and by name.
fn is_socks(difference: Size) -> bool {
    let (up, down) = (difference.up, difference.down);
    if difference.directed {
        [(9, 8), (13, 8), (13, 12), (14, 12), (20, 12), (21, 12), (22, 12)].contains(&(up, down))
    } else {
        [17, 21, 25, 26, 32, 33, 34].contains(&up)
    }
}

/// The request, and the answers of squid (39) and tinyproxy (70).
fn is_connect(difference: Size) -> bool {
    let (up, down) = (difference.up, difference.down);
    if difference.directed { (34..160).contains(&up) && (down == 39 || down == 70) } else { (73..230).contains(&up) }
}

/// Whether a protocol prescribes this handshake so exactly that few others are like it: of a total of both directions the
/// requests to connect are not, which are as long as the name that is asked for.
pub(crate) fn is_prescribed(difference: Size) -> bool {
    is_socks(difference) || difference.directed && is_connect(difference)
}

/// Whether both directions differ by no more than a proxy's handshake.
pub(crate) fn like_a_handshake(difference: Size) -> bool {
    (POSSIBLE_UP.0..POSSIBLE_UP.1).contains(&difference.up)
        && (POSSIBLE_DOWN.0..POSSIBLE_DOWN.1).contains(&difference.down)
}

fn one_overhead(d: i64, likely: (i64, i64), possible: (i64, i64)) -> f64 {
    let uniform = |(from, to): (i64, i64)| if (from..to).contains(&d) { 1.0 / (to - from) as f64 } else { 0.0 };
    let tail = 1.0 / ((d.unsigned_abs() as f64 + 64.0) * 40.0);
    0.5 * uniform(likely) + 0.3 * uniform(possible) + 0.2 * tail
}

#[cfg(test)]
mod tests {
    use catspaw_records::ByteKind;

    use super::*;

    /// Numbers below what is asked for.
    fn dice(mut state: u64) -> impl FnMut(i64) -> i64 {
        move |below| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as i64 % below
        }
    }

    fn total(up: i64) -> Size {
        Size { up, down: 0, directed: false, kind: ByteKind::Payload }
    }

    #[test]
    fn what_was_seen_at_a_narrow_scale_is_found_however_much_was_dropped() {
        let mut random = dice(5);
        for (seen, spread) in [(20, 300), (400, 5_000), (3000, 4_000_000)] {
            for directed in [false, true] {
                let mut size =
                    || Size { down: if directed { random(spread) } else { 0 }, directed, ..total(random(spread)) };
                let mut sizes = Histogram::default();
                let last: Vec<Size> = (0..seen).map(|_| size()).inspect(|&size| sizes.add(size, 1.0)).collect();
                let near = last.iter().map(|&size| Size { up: size.up + 3, ..size });
                for size in last.iter().copied().chain(near).chain((0..200).map(|_| size())) {
                    let mix: &[f64] = if directed { &MIX_DIRECTED } else { &MIX_TOTAL };
                    let each = |k| sizes.density(k, size, &[]);
                    let mixed: f64 = mix.iter().enumerate().map(|(k, weight)| each(k) * weight).sum();
                    assert!((sizes.learned(size) - mixed).abs() <= mixed * 1e-12);
                    let sharpest = (0..scales_of(size).len()).map(each).fold(1e-9, f64::max);
                    assert_eq!(sizes.sharpest(size, 1e-9), sharpest);
                }
            }
        }
    }

    #[test]
    fn the_lightest_cell_is_dropped() {
        let mut random = dice(9);
        let (mut cells, mut kept) = (Cells::default(), std::collections::BTreeMap::<Cell, f64>::new());
        for _ in 0..20_000 {
            // Some come again and again.
            let (cell, weight) = ((random(900) * random(3), 0), random(4) as f64 / 4.0);
            cells.add(cell, weight);
            *kept.entry(cell).or_default() += weight;
            if kept.len() > CELLS {
                let lightest = kept.iter().min_by(|a, b| a.1.total_cmp(b.1).then(a.0.cmp(b.0)));
                let &cell = lightest.expect("there are too many").0;
                kept.remove(&cell);
            }
            assert_eq!(cells.weights.len(), kept.len());
            assert!(cells.lightest.len() <= CELLS);
        }
        assert!(kept.iter().all(|(cell, weight)| cells.weights.get(cell) == Some(weight)));
    }

    #[test]
    fn the_share_near_a_size_is_that_of_its_neighbours_at_the_scale_that_has_most() {
        let mut sizes = Histogram::default();
        assert!(sizes.share_near(total(2048), 16) < 1e-9, "of nothing");
        [2048, 2048, 2060, 9000, 9100, 700, 40_000].iter().for_each(|&up| sizes.add(total(up), 1.0));
        // To the byte three of seven lie there, and one is the prior's; at 9040 only the cell of 512 bytes from 8704 on has any.
        assert!((sizes.share_near(total(2050), 16) - 3.0 / 8.0).abs() < 1e-9, "{}", sizes.share_near(total(2050), 16));
        assert!((sizes.share_near(total(9040), 16) - 2.0 / 8.0 * 33.0 / 512.0).abs() < 1e-9);
    }
}
