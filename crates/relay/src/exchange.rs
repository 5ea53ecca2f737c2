//! Would other legs have fitted as well? The null that needs no model of sizes.
//!
//! Where an outbound size has nothing to do with the inbound leg that is open, an earlier inbound leg fits it as well on
//! average, whatever the sizes are: lattices (padding, chunks, pieces), catalogues, heavy tails. And so does an earlier outbound
//! leg in place of this one. What the candidate's fit is compared with is the mean fit of
//! - all of those, by what is believed of the overhead before it is learned, too: sizes that lie on a lattice meet for the first
//!   time at every place of it;
//! - earlier inbound legs of about its size, so that a page that grows with what it was made from is no relay;
//! - earlier inbound legs with one direction exchanged and the other kept, so that a request which quotes another one is no
//!   relay, unless both differences are such as a proxy's handshake makes.

use std::collections::VecDeque;

use catspaw_records::Nanos;
use serde::{Deserialize, Serialize};

use crate::histogram::{Histogram, like_a_handshake};
use crate::leg::Size;

/// Earlier inbound legs that are kept.
const KEPT: usize = 64;
/// Earlier outbound legs that are kept, each with the inbound leg that is its likeliest cause.
const CALLS: usize = 8;
/// Weight of the legs in question among those that they are compared with. With 1 the comparison would be exact: under the null
/// any of `n + 1` is as likely to be the one that fits best, so that the mean of fit over mean fit is one; but then no leg could
/// be worth more than `n + 1`, and a relay would need twice as many sessions. This is about as much as lets relays be found
/// in the sessions that are asked for.
pub(crate) const ITSELF: f64 = 0.07;
/// The same where the overhead is one that a protocol prescribes to the byte, as pieces and pages hardly ever happen to have;
/// and of mail, whose overheads are as wide as chance.
pub(crate) const ITSELF_PRESCRIBED: f64 = 0.05;
/// What such a leg may be worth at most without another to compare it with, and what each other adds to that: the first page that
/// a host serves may be the first that it fetches.
const FIRST: f64 = 20.0;
const EACH: f64 = 100.0;
/// The same weight among legs of about the same size, and with one direction exchanged: these only make the test stricter.
const ITSELF_ALIKE: f64 = 0.02;
/// About the same size: to within one part in this.
const NEAR: i64 = 8;
/// As many of about the same size are assumed at least.
const NEAR_LEAST: f64 = 2.0;

/// Which inbound leg it is.
type Key = (Nanos, u64);

/// The last legs, as many as are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Last<const MOST: usize>(VecDeque<(Key, Size)>);

/// A service's inbound legs with payload whose totals were known last.
pub(crate) type Recent = Last<KEPT>;

/// Earlier outbound legs, each with its likeliest cause.
pub(crate) type Calls = Last<CALLS>;

/// What an inbound and an outbound leg may be exchanged with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange<'a> {
    pub(crate) recent: &'a Recent,
    pub(crate) calls: &'a Calls,
    /// Whether of inbound legs only what was sent is compared.
    pub(crate) uploads: bool,
}

/// A sum of fits and of what they weigh.
#[derive(Clone, Copy)]
struct Mean {
    fit: f64,
    weight: f64,
}

impl Mean {
    fn of(fit: f64, itself: f64) -> Self {
        Self { fit: itself * fit, weight: itself }
    }

    fn add(&mut self, fit: f64) {
        self.fit += fit;
        self.weight += 1.0;
    }

    fn of_at_least(self, weight: f64) -> f64 {
        self.fit / self.weight.max(weight)
    }
}

impl<const MOST: usize> Last<MOST> {
    /// Keeps the size of a leg, by the inbound leg that it is, or that is its likeliest cause.
    pub(crate) fn keep(&mut self, key: Key, size: Size) {
        self.0.push_back((key, size));
        if self.0.len() > MOST {
            self.0.pop_front();
        }
    }
}

impl Exchange<'_> {
    /// Other inbound legs than `key`, whose sizes are counted as `outbound`'s is.
    fn others(&self, key: Key, outbound: Size) -> impl Iterator<Item = Size> {
        let others = self.recent.0.iter().filter(move |(kept, size)| *kept != key && size.kind == outbound.kind);
        others.map(|&(_, size)| if self.uploads { size.upload() } else { size })
    }

    /// The most that leg `key` may be worth whose overhead is prescribed.
    pub(crate) fn most(&self, key: Key) -> f64 {
        let others = self.recent.0.iter().filter(|(kept, _)| *kept != key).count();
        FIRST + EACH * others as f64
    }

    /// How well `inbound`, the leg `key`, and `outbound` would fit if one of them were another, they themselves weighing `itself`:
    /// `fit` says how well a difference does.
    pub(crate) fn at_random(
        &self,
        fit: impl Fn(Size) -> f64,
        itself: f64,
        key: Key,
        inbound: Size,
        outbound: Size,
    ) -> f64 {
        let fit = |inbound: Size, outbound: Size| inbound.minus(outbound).map_or(0.0, &fit);
        let mut mean = Mean::of(fit(inbound, outbound), itself);
        for other in self.others(key, outbound) {
            mean.add(fit(other, outbound));
        }
        for &(_, other) in self.calls.0.iter().filter(|(cause, size)| *cause != key && size.kind == inbound.kind) {
            mean.add(fit(inbound, other));
        }
        mean.of_at_least(0.0)
    }

    /// How well `outbound` fits what `overheads` has learned when `inbound`, the leg `key`, is exchanged with another of about
    /// its size, or one direction of it with another's.
    pub(crate) fn alike(&self, overheads: &Histogram, key: Key, inbound: Size, outbound: Size) -> f64 {
        let learned = |inbound: Size| inbound.minus(outbound).map_or(0.0, |difference| overheads.learned(difference));
        let own = learned(inbound);
        if own == 0.0 {
            return 0.0;
        }
        let [mut near, mut up, mut down] = [Mean::of(own, ITSELF_ALIKE); 3];
        let by_direction =
            outbound.directed && inbound.directed && !inbound.minus(outbound).is_some_and(like_a_handshake);
        for other in self.others(key, outbound) {
            if (other.total() - inbound.total()).abs() <= inbound.total() / NEAR {
                near.add(learned(other));
            }
            if by_direction && other.directed {
                up.add(learned(Size { up: other.up, ..inbound }));
                down.add(learned(Size { down: other.down, ..inbound }));
            }
        }
        let one_way = if by_direction { up.of_at_least(0.0).max(down.of_at_least(0.0)) } else { 0.0 };
        near.of_at_least(NEAR_LEAST).max(one_way)
    }
}
