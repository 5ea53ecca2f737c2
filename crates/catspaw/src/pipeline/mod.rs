//! From evidence to folds: read, parse, merge, shard.

mod active;
mod clocks;
mod fold;
mod gathered;
mod offsets;
mod ours;
mod parse;
mod parts;
mod reach;
mod restrict;
mod route;
mod row;
mod rows;
mod run;
mod seen;
mod sent;
mod shard;
mod sort;
mod spill;
mod stream;
mod survey;
mod witness;

pub(crate) use clocks::{Clocks, read};
pub(crate) use gathered::{FileRead, Gathered};
pub(crate) use offsets::{Offset, Offsets};
pub(crate) use parse::{PLACES, SensorCount, UnparsedCount};
pub(crate) use parts::{follow_parts, take_parts};
pub(crate) use restrict::Restriction;
pub(crate) use route::{Home, PRIVATE};
pub(crate) use rows::{Counted, Rows, Wanted};
pub(crate) use run::Options;
pub(crate) use sent::Sent;
pub(crate) use shard::Lanes;
pub(crate) use sort::{Sorted, Sorter};
pub(crate) use spill::Spill;
pub(crate) use survey::{Looked, Stamps, Surveyed, follow_new_year, survey};
