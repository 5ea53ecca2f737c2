//! From packets to connections, and what is spoken on them.
//!
//! Bytes of capture files become frames ([`capture`]), frames become packets ([`decode`]), packets are put together to
//! connections and streams ([`flow`]), and of streams it is told what is spoken on them ([`protocol`]) and which rules
//! match ([`Alert`](catspaw_records::Alert)). It opens no file, reads no clock and spawns nothing: the driver gives it
//! blocks and takes what comes out through an [`Output`].

pub mod capture;
pub mod decode;
mod detect;
pub mod flow;
mod output;
mod packet;
pub mod protocol;

pub use detect::rule_class;
pub use output::{Output, Settings};
pub use packet::{IpProto, Packet, Tcp, TcpFlags};
