//! From what was named on the command line to blocks of whole lines.
//!
//! [`expand()`] turns paths into [`Source`]s, [`Source::open`] tells how each is packed and gives a [`BlockReader`],
//! and that gives [`TextBlock`]s. Memory is bounded whatever a file holds: one block, one unpacker. What goes wrong
//! is a [`Problem`], which names the file and never ends the run by itself.

mod block;
#[cfg(any(test, feature = "fuzzed"))]
pub(crate) mod check;
mod expand;
mod packing;
mod problem;
mod source;

pub(crate) use block::{BlockReader, Buffer, LONG_LINE, Progress, Summary, TextBlock};
pub(crate) use expand::{Expanded, expand};
pub(crate) use packing::Packing;
pub(crate) use problem::{Problem, Severity, What};
pub(crate) use source::Source;

#[cfg(test)]
mod tests;
