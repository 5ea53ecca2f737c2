//! The machine's clock: actors and the capture read the same one.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Microseconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}

pub(super) fn sleep_until(at: u64) {
    thread::sleep(Duration::from_micros(at.saturating_sub(now())));
}
