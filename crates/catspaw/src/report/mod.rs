//! From findings to what is read.

mod build;
pub(crate) mod csv;
mod examples;
pub(crate) mod explain;
mod incident;
mod mail;
pub(crate) mod model;
mod names;
mod restricted;
pub(crate) mod suggest;
mod sums;
pub(crate) mod text;
mod time;
mod timeline;
mod why;

pub(crate) use build::{build, no_inside, nothing_understood};
pub(crate) use incident::Cases;
pub(crate) use model::Report;
pub(crate) use names::Names;
pub(crate) use sums::delivered;
