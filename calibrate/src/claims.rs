//! What is claimed of a host-day, and at which error.

use catspaw_relay::{Lane, SPAM_SHARE};

use crate::day::{Folded, Scheme};
use crate::source::Source;

/// Something that is said of hosts, and how often it may be said of innocent ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    /// The verdict.
    pub(crate) verdict: &'static str,
    /// Errors that are compared with what is observed, the largest first.
    pub(crate) nominal: &'static [f64],
    /// Of which host-days it could be said at all: others would only make the share smaller.
    pub(crate) applies: fn(&Source, Scheme) -> bool,
    /// Natural logarithm of the largest ratio that the host-day reached.
    pub(crate) reaches: fn(&Folded) -> f64,
}

/// What a p-value is compared with: two for each power of ten, as a curve needs. Tables show every other one.
pub(crate) const LEVELS: [f64; 7] = [1e-1, 3.162e-2, 1e-2, 3.162e-3, 1e-3, 3.162e-4, 1e-4];
/// The error of a suspicion, which has no p-value, per host and day.
pub(crate) const SUSPECTED: [f64; 1] = [1e-3];

/// Inbound sessions at ports of mail from which on the report calls a host a mail server.
const TAKEN_IN: u64 = 3;

pub(crate) const CLAIMS: [Claim; 3] = [
    Claim {
        verdict: "relay",
        nominal: &LEVELS,
        applies: |source, scheme| source.serves && (source.calls || scheme == Scheme::Strangers),
        reaches: |folded| folded.lane.largest.unwrap_or(f64::NEG_INFINITY),
    },
    Claim {
        verdict: "spam-source",
        nominal: &LEVELS,
        applies: |source, scheme| source.mails && scheme != Scheme::Strangers,
        reaches: |folded| spam(&folded.lane).unwrap_or(f64::NEG_INFINITY),
    },
    Claim {
        verdict: "suspect (tunnel)",
        nominal: &SUSPECTED,
        applies: |source, scheme| source.holds_long && scheme != Scheme::Strangers,
        // There is no ratio: either it is said, at the error that suspicions have, or not.
        reaches: |folded| if folded.has_tunnel() { log_ratio(SUSPECTED[0]) } else { f64::NEG_INFINITY },
    },
];

impl Claim {
    /// The errors that tables show.
    pub(crate) fn tabled(&self) -> impl Iterator<Item = f64> {
        self.nominal.iter().copied().step_by(2)
    }
}

/// Natural logarithm of the ratio at which a p-value is `level`: it is `min(1, 1/ratio)`.
pub(crate) fn log_ratio(level: f64) -> f64 {
    -level.ln()
}

/// Natural logarithm of the largest ratio of the test for direct spam, its share of the error taken off. Of a mail server no more
/// than a suspicion is said.
fn spam(lane: &Lane) -> Option<f64> {
    if lane.mail_taken_in() >= TAKEN_IN {
        return None;
    }
    Some(lane.spam[0].as_deref()?.all.largest? + SPAM_SHARE.ln())
}
