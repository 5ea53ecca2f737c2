//! From capture files to records: blocks of packets in the order of time, tracked by flow on several threads, merged
//! again in the order in which each thing became known.
//!
//! ```text
//! files ─ Captures ─▶ PacketBlock ─▶ flow workers (64 virtual shards by the flow's hash) ─▶ Feed ─▶ Flows
//! ```
//!
//! The one serial part reads, finds the IP packets and puts fragments together; everything else is done per flow. With
//! one thread all of it runs in the caller's, packet by packet while they lie in the processor's cache, without blocks.

mod block;
mod captures;
mod feed;
mod replay;
mod show;
mod track;

pub(crate) use block::Dropped;
pub(crate) use captures::{CaptureRead, Captures, Opened};
pub(crate) use feed::{Feed, Flows, Tracking};
pub(crate) use replay::{Met, Replay, Sought, life, life_of_row};
pub(crate) use show::describe;

use catspaw_records::SensorId;

/// The sensor of all captures: whoever captured does not say his name.
pub(crate) const SENSOR: &str = "capture";

/// Its id.
pub(crate) fn sensor() -> SensorId {
    SensorId::of(SENSOR.as_bytes())
}
