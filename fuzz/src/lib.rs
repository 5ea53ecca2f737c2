//! What every reader keeps to, whatever bytes it is given: one module for each crate but the binary's, which has its own
//! (`catspaw::fuzzed`).
//!
//! Each function takes a file's content and panics where the reader breaks its contract. The fuzz targets call them, and
//! `tests/fuzz_corpora.rs` of each crate calls them with the committed corpora in every test run.

pub mod engine;
pub mod reassembly;
pub mod records;
pub mod rules;
