//! Evidence with its truth, made by the repository itself.
//!
//! A [`Scenario`] says how many hosts there are, which of them relay, and for how long; [`run`] plays it and tells one
//! or several [`Sink`]s what a device at the border sees, in order of time: a PIX's or an ASA's syslog, Zeek's
//! `conn.log`, the pairs of legs. It returns the [`Truth`], with what can be counted by hand in the log.
//!
//! Everything comes from the seed, by integers only, so that equal scenarios make equal bytes anywhere. Memory depends
//! on the hosts and on what is open at a time, not on the length of the log.
//!
//! ```
//! use catspaw_lab::{Pix, Scenario, run};
//!
//! let scenario = Scenario { hours: 1, ..Scenario::example() };
//! let mut log = Vec::new();
//! let truth = run(&scenario, &mut Pix { sensor: "utc-pix".to_owned(), year: false }.to(&mut log))?;
//! assert_eq!(log.iter().filter(|&&byte| byte == b'\n').count() as u64, truth.lines);
//! # Ok::<(), std::io::Error>(())
//! ```

mod actors;
mod civil;
pub mod daemons;
mod engine;
pub mod example;
mod flow;
mod host;
pub mod judge;
mod rng;
mod scenario;
mod truth;
mod wheel;
pub mod wire;
mod world;
mod write;

pub use civil::Civil;
pub use engine::{Sink, run};
pub use flow::{Denial, Ending, Event, Flow, Pair, Proto};
pub use scenario::{MAX_HOSTS, MAX_RELAYS, Relay, RelayKind, Scenario};
pub use truth::{Containment, Counts, Day, Innocent, RelayTruth, Truth};
pub use write::{Asa, Asa5424, Cisco, Dialect, Firewall, Pairs, Pix, Tee, ZeekConn};
