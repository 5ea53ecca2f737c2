//! Would another inbound leg have fitted as well? The null that needs no model of sizes.
//!
//! Where an outbound size has nothing to do with the inbound leg that is open, an earlier inbound leg fits it as well on
//! average, whatever the sizes are: lattices (padding, chunks), catalogues, heavy tails. What the candidate's fit is
//! compared with is the mean fit of the earlier ones,
//! - all of them;
//! - those of about its size, so that a page that grows with what it was made from is no relay;
//! - with one direction exchanged and the other kept, so that a request which quotes another one is no relay, unless both
//!   differences are such as a proxy's handshake makes.

use std::collections::VecDeque;

use catspaw_records::Nanos;
use serde::{Deserialize, Serialize};

use crate::histogram::{Histogram, like_a_handshake};
use crate::leg::Size;

/// Earlier inbound legs that are kept.
const KEPT: usize = 64;
/// Weight of the candidate itself among them. With 1 the comparison would be exact, and a relay would need some three
/// more sessions; what a leg is worth at most is one and the number of the others over this.
const ITSELF: f64 = 0.02;
/// What a candidate may be worth at most without another to compare it with: the first page that a host serves may be the
/// first that it fetches.
const FIRST: f64 = 100.0;
/// What each of the others adds to what a candidate may be worth at most.
const EACH: f64 = 500.0;
/// About the same size: to within one part in this.
const NEAR: i64 = 8;
/// As many of about the same size are assumed at least.
const NEAR_LEAST: f64 = 2.0;

/// Earlier inbound legs that an outbound one may be compared with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Exchange {
    legs: VecDeque<((Nanos, u64), Size)>,
}

/// A sum of fits and of what they weigh.
#[derive(Clone, Copy)]
struct Mean {
    fit: f64,
    weight: f64,
}

impl Mean {
    fn of(fit: f64) -> Self {
        Self { fit: ITSELF * fit, weight: ITSELF }
    }

    fn add(&mut self, fit: f64) {
        self.fit += fit;
        self.weight += 1.0;
    }

    fn of_at_least(self, weight: f64) -> f64 {
        self.fit / self.weight.max(weight)
    }
}

impl Exchange {
    /// Keeps an inbound leg, once.
    pub(crate) fn keep(&mut self, key: (Nanos, u64), size: Size) {
        if self.legs.iter().any(|(kept, _)| *kept == key) {
            return;
        }
        self.legs.push_back((key, size));
        if self.legs.len() > KEPT {
            self.legs.pop_front();
        }
    }

    /// The most that leg `key` may be worth: nothing when there is no other to compare it with. The first page that a host
    /// serves may be the first that it fetches.
    pub(crate) fn most(&self, key: (Nanos, u64)) -> f64 {
        let others = self.legs.iter().filter(|(kept, _)| *kept != key).count();
        FIRST + EACH * others as f64
    }

    /// How well `outbound` fits what `overheads` has learned when `inbound`, the leg `key`, is exchanged with others.
    pub(crate) fn fit(&self, overheads: &Histogram, key: (Nanos, u64), inbound: Size, outbound: Size) -> f64 {
        let learned = |inbound: Size| inbound.minus(outbound).map_or(0.0, |difference| overheads.learned(difference));
        let own = learned(inbound);
        if own == 0.0 {
            return 0.0;
        }
        let (mut all, mut near, mut up, mut down) = (Mean::of(own), Mean::of(own), Mean::of(own), Mean::of(own));
        let by_direction = outbound.directed && !inbound.minus(outbound).is_some_and(like_a_handshake);
        for &(_, other) in self.legs.iter().filter(|(kept, size)| *kept != key && size.kind == outbound.kind) {
            let fit = learned(other);
            all.add(fit);
            if (other.total() - inbound.total()).abs() <= inbound.total() / NEAR {
                near.add(fit);
            }
            if by_direction {
                up.add(learned(Size { up: other.up, ..inbound }));
                down.add(learned(Size { down: other.down, ..inbound }));
            }
        }
        let one_way = if by_direction { up.of_at_least(0.0).max(down.of_at_least(0.0)) } else { 0.0 };
        all.of_at_least(0.0).max(near.of_at_least(NEAR_LEAST)).max(one_way)
    }
}
