//! The two tests of a tunnel: do the host's openings follow what comes down it; and does what is asked on them come down
//! it, and what they bring go up?
//!
//! An innocent host fails one of them at least, so the smaller of the two ratios bounds the error (each is a test
//! martingale under what it tests).
//!
//! - **Cause.** Innocent: when the host opens a connection has nothing to do, within a second, with the milliseconds in which
//!   something comes down; its moment may as well be any other of that second (the jitter method: Amarasingham, Harrison,
//!   Hatsopoulos, Geman, Conditional modeling and the jitter method of spike resampling, J. Neurophysiol. 2012). So an
//!   opening that follows at once is worth one over the share of that second in which it would have. Busy and idle hours,
//!   and a user at work on both, cancel out.
//! - **Carriage.** A push message or a page makes a browser open connections, too, but what is asked on them the host says
//!   itself, after a round trip or two, and what they bring stays. Innocent: when something is asked has nothing to do, within
//!   a fifth of a second, with the milliseconds in which as much came down; and what goes up in the moment in which something
//!   arrives has a size that has nothing to do with that arrival's, so that earlier arrivals fit it as well. Only openings that
//!   followed at once enter, and their arrivals are compared with one another only: a host's own pages may be of other sizes.
//!
//! Of neither is any connection worth more than [`MOST`].

use std::collections::VecDeque;

use catspaw_records::Nanos;
use serde::{Deserialize, Serialize};

use super::train::{Run, Train};
use crate::test::{Capital, log_mean};

/// Shares of the host's openings that are the tunnel's: tried side by side.
const SHARES: [f64; 4] = [0.05, 0.2, 0.5, 0.9];
/// Shares of what those ask and bring that is carried at once in one piece. A screen that is shown elsewhere changes with what
/// arrives, and the size of the change somewhat with the size of that: now and then they agree better than by chance. What
/// a tunnel carries agrees as a rule.
const CARRIED: [f64; 3] = [0.5, 0.7, 0.9];
/// What follows within so many nanoseconds follows at once; tried side by side.
const REACHES: [i64; 3] = [1_000_000, 5_000_000, LONGEST_REACH];
pub(super) const LONGEST_REACH: i64 = 20_000_000;
/// How much each of them is believed for openings.
const BELIEVED: [f64; 3] = [0.5, 0.25, 0.25];
/// Nanoseconds in which an opening's moment is compared with any other, and that of what is asked: a page's parts are asked for
/// while the page still comes, in less than a second.
const CELL: i64 = Nanos::SECOND;
const ASKING_CELL: i64 = Nanos::SECOND / 5;
/// What one connection's opening is worth at most, as a factor, and what is asked and arrives on it.
const MOST: f64 = 1000.0;
/// Earlier arrivals that one is compared with.
const COMPARED: usize = 64;
/// A run up may be expected by chance at least as often, where pairs are made.
const BY_CHANCE_LEAST: f64 = 0.01;
/// How often nothing goes up at once though something of the tunnel's arrived: the line is full.
const SILENT: f64 = 0.1;
/// What carries an arrival up may be larger than it: by one part in this, and by so many bytes (records, padding,
/// acknowledgements of windows).
const FRAMING: u64 = 16;
const FRAMING_BYTES: u64 = 96;
/// More than this has no room at once on the lines that such hosts have: how soon all of it goes up says nothing.
const BULK: u32 = 16_384;
/// How much less it says that there is room for something and for something else than that there is room for it alone.
const BESIDE: f64 = 0.1;

/// The two tests of one far end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Evidence {
    cause: Capital<{ SHARES.len() }>,
    carriage: Capital<{ CARRIED.len() }>,
    /// Sizes of the last arrivals that counted.
    sizes: VecDeque<u32>,
}

/// What an opening says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Factor {
    /// How much likelier it is as the tunnel's.
    pub(super) ratio: f64,
    /// Whether it followed what came down.
    pub(super) fits: bool,
    /// Whether it would have at another moment of its second.
    pub(super) might: bool,
}

/// What an arrival says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Arrival {
    /// How much likelier its connection is the tunnel's, by its size and by its moment.
    pub(super) likelier: f64,
    /// Whether about its size went up.
    pub(super) fits: bool,
}

/// What the connection of an opening that followed was worth to the test of carriage so far (a natural logarithm), and the civil
/// day.
pub(super) type Counted<'a> = (&'a mut f64, i32);

impl Evidence {
    /// Natural logarithm of the smaller ratio.
    pub(super) fn log_ratio(&self) -> f64 {
        log_mean(&self.cause.logs()).min(log_mean(&self.carriage.logs()))
    }

    /// Takes an opening.
    pub(super) fn opening(&mut self, factor: Factor, day: i32) {
        self.cause.spend(day);
        self.cause.multiply(SHARES.map(|share| (1.0 - share + share * factor.ratio).ln()));
    }

    /// Takes what was asked on a connection that followed, and so much likelier is the tunnel's ([`asked`]).
    pub(super) fn asked(&mut self, ratio: f64, counted: Counted<'_>) {
        self.take(ratio, counted);
    }

    /// Takes what arrived on a connection. It is `counted` where the connection's opening followed what came down. `None`
    /// where what went up is not known.
    pub(super) fn arrival(
        &mut self,
        train: &Train,
        run: Run,
        now: Nanos,
        counted: Option<Counted<'_>>,
    ) -> Option<Arrival> {
        if !train.knows_from(run.first, now) {
            return None;
        }
        let up = REACHES.map(|reach| train.went_up(run.first, run.last.plus(reach)));
        let likelier = self.likelier(train, run, up);
        if let Some(counted) = counted {
            self.take(self.exchanged(&up, run.bytes), counted);
            self.sizes.push_back(run.bytes);
            if self.sizes.len() > COMPARED {
                self.sizes.pop_front();
            }
        }
        Some(Arrival { likelier, fits: up.iter().any(|&up| carries(up, run.bytes)) })
    }

    /// Takes what is so much likelier as the tunnel's.
    fn take(&mut self, ratio: f64, (worth, day): Counted<'_>) {
        let room = (MOST.ln() - *worth).max(0.0);
        let factors = CARRIED.map(|share| (1.0 - share + share * ratio).ln().min(room));
        self.carriage.spend(day);
        self.carriage.multiply(factors);
        *worth += factors.into_iter().fold(0.0, f64::max);
    }

    /// How much better `carriers` fit `bytes` than they fit earlier ones, itself among them; 0 where they do not. Whatever the
    /// measure of what fits is, this has an expectation of one over the order in which the sizes came.
    fn exchanged(&self, carriers: &[u64], bytes: u32) -> f64 {
        let fits = |bytes| carriers.iter().map(|&carrier| fit(carrier, bytes)).sum::<f64>();
        let own = fits(bytes);
        if own == 0.0 {
            return 0.0;
        }
        let all = own + self.sizes.iter().map(|&other| fits(other)).sum::<f64>();
        own * (self.sizes.len() + 1) as f64 / all
    }

    /// How much likelier an arrival is the tunnel's when `up` bytes went up it within each reach. This serves pairs and no
    /// verdict, and so the moment counts too. That nothing went up at all speaks against it most.
    fn likelier(&self, train: &Train, run: Run, up: [u64; REACHES.len()]) -> f64 {
        let around = train.runs_up(run.first.plus(-CELL / 2), run.first.plus(CELL / 2)) as f64;
        let by_chance = REACHES.map(|reach| {
            let share = around * run.last.plus(reach).since(run.first) as f64 / CELL as f64;
            share.clamp(BY_CHANCE_LEAST, 1.0)
        });
        let [.., widest] = by_chance;
        if up.iter().all(|&up| up == 0) {
            return SILENT / (1.0 - widest).max(SILENT);
        }
        if run.bytes > BULK && up.iter().all(|&up| up < u64::from(run.bytes)) {
            return 0.5 / widest + 0.5;
        }
        let ratios = up.map(|up| self.exchanged(&[up], run.bytes));
        let by_size = ratios.iter().zip(by_chance).map(|(ratio, by_chance)| ratio / by_chance).sum::<f64>();
        0.5 / widest + 0.5 * by_size / ratios.len() as f64
    }
}

/// What an opening at `at` says. `None` where what came down around it is not known.
pub(super) fn follows(train: &Train, at: Nanos, now: Nanos) -> Option<Factor> {
    let from = Nanos(at.0.div_euclid(CELL) * CELL);
    if !train.knows_from(from, now) {
        return None;
    }
    let (mut ratio, mut fits) = (0.0, false);
    for (reach, believed) in REACHES.into_iter().zip(BELIEVED) {
        if train.came_down_before(at, reach) {
            ratio += believed / train.covered(from, from.plus(CELL), reach).max(1.0 / MOST);
            fits = true;
        }
    }
    let might = fits || train.covered(from, from.plus(CELL), LONGEST_REACH) > 0.0;
    Some(Factor { ratio, fits, might })
}

/// How much likelier what was asked is the tunnel's, going by what came down just before; 0 where that was less. `None` where it
/// is not known.
pub(super) fn asked(train: &Train, run: Run, now: Nanos) -> Option<f64> {
    let from = Nanos(run.first.0.div_euclid(ASKING_CELL) * ASKING_CELL);
    if !train.knows_from(from.plus(-LONGEST_REACH), now) {
        return None;
    }
    let (least, lasts) = (u64::from(run.bytes), run.last.since(run.first));
    let mut ratio = 0.0;
    for (reach, believed) in REACHES.into_iter().zip(BELIEVED) {
        if train.came_down(run.first.plus(-reach), run.last) >= least {
            let share = train.share_with(least, (from, from.plus(ASKING_CELL)), (reach, lasts));
            ratio += believed / share.max(1.0 / MOST);
        }
    }
    Some(ratio)
}

/// How well `bytes` fit into what may carry them: as a rule alone, now and then beside something else.
fn fit(carrier: u64, bytes: u32) -> f64 {
    if carries(carrier, bytes) {
        1.0
    } else if carrier > u64::from(bytes) {
        BESIDE
    } else {
        0.0
    }
}

/// Whether `carrier` may be what carries `bytes` and nothing else.
fn carries(carrier: u64, bytes: u32) -> bool {
    let bytes = u64::from(bytes);
    (bytes..=bytes + bytes / FRAMING + FRAMING_BYTES).contains(&carrier)
}

#[cfg(test)]
mod tests {
    use catspaw_records::Side;

    use super::*;

    const MS: i64 = 1_000_000;
    const HOSTS: u64 = 300;

    /// Numbers below `most` (splitmix64).
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, most: i64) -> i64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((mixed ^ (mixed >> 31)) % most as u64) as i64
        }
    }

    fn run(at: i64, bytes: i64) -> Run {
        Run { first: Nanos(at), last: Nanos(at), bytes: bytes as u32 }
    }

    /// How many of the innocent hosts reach a ratio of ten, of which Ville allows a tenth.
    fn reached(host: impl Fn(&mut Dice) -> f64) -> usize {
        (0..HOSTS).filter(|&seed| host(&mut Dice(seed)) >= 10_f64.ln()).count()
    }

    #[test]
    fn openings_in_the_same_busy_seconds_are_a_coincidence_as_often_as_is_said() {
        let unlucky = reached(|dice| {
            let (mut train, mut evidence, mut most) = (Train::from(Nanos(0)), Evidence::default(), f64::MIN);
            for second in 1..100 {
                let busy = dice.below(60);
                for _ in 0..busy {
                    train.take(
                        Side::Resp,
                        run(second * 1000 * MS + dice.below(1000 * MS), 50),
                        Nanos(second * 1000 * MS),
                    );
                }
                for _ in 0..=busy / 10 {
                    let at = Nanos(second * 1000 * MS + dice.below(1000 * MS));
                    let factor = follows(&train, at, at.plus(CELL)).unwrap();
                    evidence.opening(factor, 0);
                    most = most.max(log_mean(&evidence.cause.logs()));
                }
            }
            most
        });
        assert!((1..=30).contains(&unlucky), "{unlucky} of {HOSTS}");
    }

    #[test]
    fn what_is_asked_while_as_much_comes_down_is_a_coincidence_as_often_as_is_said() {
        let unlucky = reached(|dice| {
            let (mut train, mut evidence, mut most) = (Train::from(Nanos(0)), Evidence::default(), f64::MIN);
            for second in 1..100 {
                let begin = second * 1000 * MS;
                for _ in 0..dice.below(60) {
                    train.take(Side::Resp, run(begin + dice.below(1000 * MS), 30 + dice.below(900)), Nanos(begin));
                }
                let asked = run(begin + dice.below(1000 * MS), 50 + dice.below(400));
                let ratio = super::asked(&train, asked, Nanos(begin + 1500 * MS)).unwrap();
                evidence.asked(ratio, (&mut 0.0, 0));
                most = most.max(log_mean(&evidence.carriage.logs()));
            }
            most
        });
        assert!((1..=30).contains(&unlucky), "{unlucky} of {HOSTS}");
    }

    #[test]
    fn sizes_that_have_nothing_to_do_with_each_other_agree_as_often_as_is_said() {
        let unlucky = reached(|dice| {
            let (mut train, mut evidence, mut most) = (Train::from(Nanos(0)), Evidence::default(), f64::MIN);
            for n in 1..100 {
                // Few sizes, so that they agree often.
                let (at, came, went) = (n * 1000 * MS, 100 << dice.below(3), 110 << dice.below(3));
                train.take(Side::Orig, run(at + MS / 2, went), Nanos(at + MS));
                let counted = Some((&mut 0.0, 0));
                evidence.arrival(&train, run(at, came), Nanos(at + 2 * MS), counted);
                most = most.max(log_mean(&evidence.carriage.logs()));
            }
            most
        });
        assert!(unlucky <= 30, "{unlucky} of {HOSTS}");
    }

    #[test]
    fn what_has_no_room_on_a_busy_line_speaks_neither_way() {
        let (mut train, mut evidence) = (Train::from(Nanos(0)), Evidence::default());
        for n in 0..200 {
            train.take(Side::Orig, run(1000 * MS + n * 5 * MS, 100), Nanos(2000 * MS));
        }
        let mut says =
            |bytes| evidence.arrival(&train, run(1500 * MS, bytes), Nanos(2000 * MS), None).unwrap().likelier;
        assert!((says(200_000) - 1.0).abs() < 0.01, "{}", says(200_000));
        assert!(says(5_000) < 0.6, "{}", says(5_000));
    }

    #[test]
    fn one_connection_is_not_worth_more_than_so_much() {
        let (mut train, mut evidence, mut worth) = (Train::from(Nanos(0)), Evidence::default(), 0.0);
        for n in 1..60 {
            let at = n * 1000 * MS;
            train.take(Side::Orig, run(at + MS / 2, 300 * n), Nanos(at + MS));
            evidence.arrival(&train, run(at, 300 * n), Nanos(at + 2 * MS), Some((&mut worth, 0)));
        }
        assert!(worth <= MOST.ln() + 1e-9);
        assert!(log_mean(&evidence.carriage.logs()) <= MOST.ln());
    }
}
