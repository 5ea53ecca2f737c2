//! A host that dialled out a tunnel, and connects to what it is told through it.
//!
//! From packets it is judged as it goes ([`Tunnels`]), from connections' totals when everything is known ([`totals`]).

mod cause;
mod evidence;
#[cfg(test)]
mod tests;
mod totals;
mod train;
mod tunnels;

pub use totals::{Calls, Tunnel, find_tunnel, may_be_tunnel};
pub use tunnels::{Candidate, SHARE, Tunnels};
