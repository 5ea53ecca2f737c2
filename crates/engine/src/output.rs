//! What goes in beside the packets, and what comes out.

use std::net::IpAddr;
use std::sync::Arc;

use catspaw_records::{Alert, Record, SensorId};

/// How packets are to be read.
#[derive(Clone)]
pub struct Settings {
    /// Whose packets.
    pub sensor: SensorId,
    /// Resolution of their stamps in nanoseconds.
    pub resolution: u32,
    /// Whether an address is ours: decides which flows are told burst by burst, and nothing else.
    pub is_inside: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
}

/// Where the engine gives what it finds, in the order in which it became known.
pub trait Output {
    /// A connection opened, ended, or something was said on it.
    fn record(&mut self, record: Record);
    /// A rule fired. Nobody listens where no rules were given.
    fn alert(&mut self, _: Alert) {}
    /// Something was left out or could not be read: a table's cap, a bad header. `what` is short and from a fixed set.
    fn dropped(&mut self, what: &'static str, count: u64);
}
