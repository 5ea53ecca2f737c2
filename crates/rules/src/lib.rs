//! Snort and Suricata rules: text becomes a [`Ruleset`] that is held against packets and streams.
//!
//! [`source`] finds the rules of a file, [`parse`] gives their tree ([`ast`]) with the place of every part, [`compile`]
//! gives what is run ([`Rule`]), [`Ruleset`] says which rules may match a packet and holds them against it. A rule that
//! cannot be taken is refused with a [`Diagnostic`]; the others are loaded all the same. The crate opens no file.

pub mod ast;
mod compile;
mod diagnostic;
mod header;
mod hostbits;
mod inspect;
mod keyword;
mod network;
mod packet;
pub mod parse;
mod prefilter;
mod ranges;
mod rule;
mod ruleset;
pub mod source;
mod threshold;

pub use diagnostic::{Code, Diagnostic, Severity, Span};
pub use header::{Class, Flow};
pub use hostbits::HostBits;
pub use inspect::{Buffer, Scratch};
pub use keyword::nearest;
pub use network::{Variables, VariablesError};
pub use packet::Facts;
pub use rule::{
    Action, BitOp, BitTest, Direction, Distinct, Filter, FilterKind, FlowBits, FlowTest, Meta, Rule, Scope, Track,
};
pub use ruleset::{Builder, Candidates, Loaded, PacketView, Ruleset, StreamView};
pub use threshold::Thresholds;
