//! The correlator: from one host's observations to a finding.
//!
//! One pure fold over what each sensor saw of one host ([`Lane`]), in the order in which it became known: no I/O, no
//! clock, bounded memory. Batch, live and cluster runs are drivers of the same fold.

mod assign;
mod config;
mod exchange;
mod groups;
mod histogram;
mod lane;
mod leg;
mod pairing;
mod pending;
mod service;
mod sink;
mod slots;
mod spread;
mod tally;
mod test;

pub use config::{Authorised, Config, Network, Topology};
pub use lane::{Context, Lane, Observation, OutOfOrder, STATE_VERSION};
pub use leg::{Direction, End, Leg, Size};
pub use service::{Conviction, Service, Tests};
pub use sink::{Basis, Connection, LegPair, Said, Sink};
pub use slots::Slots;
pub use tally::{Daily, Day, Tally, size_class};
