//! From findings to what is read.

mod build;
mod campaigns;
mod cases;
mod clocks;
pub(crate) mod csv;
mod cut;
pub(crate) mod dialogue;
mod examples;
pub(crate) mod explain;
mod findings;
mod home;
mod incident;
mod mail;
pub(crate) mod model;
mod names;
mod outside;
mod restricted;
mod software;
pub(crate) mod suggest;
mod sums;
pub(crate) mod text;
pub(crate) mod time;
mod timeline;
mod why;

pub(crate) use build::{build, no_inside, nothing_understood};
pub(crate) use cases::Cases;
pub(crate) use findings::Findings;
pub(crate) use model::{Dropped, HostIndicator, Incident, Indicator, Owner, Report};
pub(crate) use names::Names;
pub(crate) use sums::delivered;
pub(crate) use time::rfc3339;
