//! What evidence says: one folder per kind of evidence, and the types that every kind shares.
//!
//! A reader is given bytes and gives back [`Record`]s and [`Unparsed`] places. It opens no file, reads no clock
//! and never fails a run: what it cannot understand, it says where and why.

mod alert;
mod bytes;
pub mod cisco;
pub mod columns;
mod conn;
mod content;
mod digits;
mod end;
pub mod fields;
pub mod firewall;
mod host;
pub mod leases;
pub mod nmap;
mod others;
mod reader;
mod reckon;
mod record;
mod repeated;
mod stamp;
mod syslog;
#[cfg(test)]
mod told;
mod uid;
pub mod zeek;

pub use alert::Alert;
pub use bytes::{ByteCount, ByteKind, Bytes};
pub use conn::{ConnState, Ending, Endpoint, Proto};
pub use content::{AppProto, Asked, Burst, Content, Digest, Target, Transaction, Utterance};
pub use host::{HostKey, Side, is_private};
pub use reader::{Reader, Sniffed, sniff};
pub use record::{
    Beside, Block, Closed, Counters, Denied, Event, HashSeed, Inside, LineSink, Opened, Place, Record, RecordId,
    SensorId, Translation, TranslationKind, Unparsed, Whole, line_ends,
};
pub use repeated::is_repeated;
pub use stamp::{Clock, Days, Nanos, Stamp, YearHint};
pub use syslog::other::{PROGRAMS, is_of_programs, pass_over};
pub use uid::Uid;

/// May stand before a text in UTF-8: of a file, and of a message by RFC 5424.
const BOM: &[u8] = "\u{feff}".as_bytes();
