//! From findings to what is read.

mod build;
mod campaigns;
mod cases;
mod cut;
mod examples;
mod findings;
mod incident;
mod mail;
mod model;
mod names;
mod software;
mod sums;
pub(crate) mod text;
mod time;
mod why;

pub(crate) use build::{build, no_inside, nothing_understood};
pub(crate) use cases::Cases;
pub(crate) use findings::Findings;
pub(crate) use model::{Dropped, HostIndicator, Incident, Indicator, Owner, Report};
pub(crate) use names::Names;
pub(crate) use sums::delivered;
pub(crate) use time::rfc3339;
