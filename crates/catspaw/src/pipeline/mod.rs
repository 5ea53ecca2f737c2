//! From evidence to folds: read, parse, merge, shard.

pub mod parse;
pub mod route;
pub mod shard;
pub mod spill;
