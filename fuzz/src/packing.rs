//! The unpackers. They belong to the binary, which nothing can depend on, and so they stand here by path.

pub use check::packing;

mod check;
#[path = "../../crates/catspaw/src/input/packing.rs"]
#[expect(dead_code, reason = "what it says of packings that are not unpacked is for the report")]
mod unpack;
