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
    /// How many of `nominal` the host-day reaches.
    pub(crate) reaches: fn(&Folded) -> usize,
}

/// What a p-value is compared with.
pub(crate) const LEVELS: [f64; 4] = [1e-1, 1e-2, 1e-3, 1e-4];
/// The error of a suspicion, which has no p-value, per host and day.
const SUSPECTED: [f64; 1] = [1e-3];

pub(crate) const CLAIMS: [Claim; 3] = [
    Claim {
        verdict: "relay",
        nominal: &LEVELS,
        applies: |source, scheme| source.serves && (source.calls || scheme == Scheme::Strangers),
        reaches: |folded| levels(folded.lane.largest),
    },
    Claim {
        verdict: "spam-source",
        nominal: &LEVELS,
        applies: |source, scheme| source.mails && scheme != Scheme::Strangers,
        reaches: |folded| levels(spam(&folded.lane)),
    },
    Claim {
        verdict: "suspect (tunnel)",
        nominal: &SUSPECTED,
        applies: |source, scheme| source.holds_long && scheme != Scheme::Strangers,
        reaches: |folded| usize::from(folded.has_tunnel()),
    },
];

/// Natural logarithm of the largest ratio of the test for direct spam, its share of the error taken off.
fn spam(lane: &Lane) -> Option<f64> {
    Some(lane.spam[0].as_deref()?.all.largest? + SPAM_SHARE.ln())
}

/// How many levels the p-value, `min(1, 1/ratio)`, reaches; nothing was tested where there is none.
fn levels(log_ratio: Option<f64>) -> usize {
    let log_ratio = log_ratio.unwrap_or(f64::NEG_INFINITY);
    LEVELS.iter().filter(|level| log_ratio >= -level.ln()).count()
}
