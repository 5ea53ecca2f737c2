//! The correlator: from one host's observations to a finding.
//!
//! One pure fold over what each sensor saw of one host ([`Lane`]), in the order in which it became known: no I/O, no
//! clock, bounded memory. Batch, live and cluster runs are drivers of the same fold.

mod assign;
mod attempts;
mod backconnect;
mod config;
mod content;
mod copies;
mod daily;
mod design;
mod exchange;
mod groups;
mod habits;
mod histogram;
mod inbound;
mod lane;
mod leg;
mod letters;
mod mail;
mod opens;
mod outbound;
mod packed;
mod pairing;
mod pending;
mod proof;
mod queue;
mod rare;
mod refused;
mod service;
mod sink;
mod slots;
mod spam;
mod spread;
mod talk;
mod tally;
mod test;
mod timers;
mod translations;

pub use attempts::{Attempt, BEAT, Beats, Outcome};
pub use backconnect::{Calls, Candidate, SHARE as TUNNEL_SHARE, Tunnel, Tunnels, find_tunnel, may_be_tunnel};
pub use config::{Authorised, Config, Contained, Network, Topology};
pub use content::Contents;
pub use daily::{Daily, Day};
pub use design::{BEYOND_ENOUGH, DNS, FIXED_TARGETS, READS_MAIL, SENDS_MAIL_TO, TAKES_MAIL};
pub use lane::{Context, Lane, Observation, OutOfOrder, STATE_VERSION};
pub use leg::{Direction, End, Leg, Mailed, Size};
pub use mail::LETTER;
pub use packed::{EndedLeg, PackedLeg};
pub use proof::Proofs;
pub use service::{Conviction, Hypothesis, Service, Tests};
pub use sink::{Basis, Brief, Connection, LegPair, Said, Sink};
pub use slots::Slots;
pub use spam::{Caught, LETTERS_LEAST, SHARE as SPAM_SHARE, SUBMISSION, Spam, Stream};
pub use tally::{RETRY, SmtpEnds, Tally, size_class};
pub use timers::{Learned, Timers};
pub use translations::{Slot, Translations};
