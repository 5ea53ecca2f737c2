//! How one of a host's connections came to be, as far as a far end explains it.

use catspaw_records::Endpoint;
use serde::{Deserialize, Serialize};

/// How surely a tunnel's own connections follow at once; a look-up that is not seen makes them wait.
const FOLLOWS: f64 = 0.8;
/// How surely what is asked on them comes down the tunnel just before; a segment that is lost on the way holds up what comes behind.
const COMES: f64 = 0.7;

/// How a connection came to be, as far as one far end explains it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Cause {
    pub(super) far: Endpoint,
    /// Natural logarithm of how much likelier the connection is the tunnel's.
    pub(super) log: f64,
    /// Whether its opening followed at once.
    pub(super) followed: bool,
    /// The same of what is asked and arrives on it, as far as it was worth something to the test.
    pub(super) worth: f64,
    /// Bytes that had come down before what it followed.
    pub(super) before: u64,
    /// Bytes that it has sent.
    pub(super) sent: u64,
    /// Whether it sent no more than had come down meanwhile.
    pub(super) told: Option<bool>,
}

impl Cause {
    /// Of a connection that did not follow at once.
    pub(super) fn by_arrivals(far: Endpoint, log: f64) -> Self {
        Self { far, log, followed: false, worth: 0.0, before: 0, sent: 0, told: None }
    }
}

/// Natural logarithm of how much likelier a connection is the tunnel's whose opening says `ratio`.
pub(super) fn likelier(ratio: f64) -> f64 {
    (1.0 - FOLLOWS + FOLLOWS * ratio).ln()
}

/// The same of what is asked on it, by what came down before that.
pub(super) fn comes(ratio: f64) -> f64 {
    (1.0 - COMES + COMES * ratio).ln()
}
