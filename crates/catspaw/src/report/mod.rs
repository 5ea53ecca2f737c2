//! From findings to what is read.

pub mod incident;
pub mod mail;
pub mod model;
pub mod sums;
pub mod time;
pub mod why;
