//! What nmap found: `-oX` (XML) and `-oG` (grepable) output, and what other scanners write in the same forms.
//!
//! A scan is no log: it says which ports answered while it ran, not what went through them. So it gives [`Host`]s
//! and no [`crate::Record`]s, and nobody is judged by it. It is read as a stream, in memory that does not grow with
//! it. Entities that a file defines are never expanded and a DTD is passed over: they are a stranger's.

mod grepable;
mod line;
mod markup;
mod xml;

use std::collections::BTreeMap;
use std::io::BufRead;
use std::net::IpAddr;

use jiff::tz::TimeZone;
use memchr::memmem;

use crate::{Nanos, Unparsed};

/// Bytes that are kept of a name or a product; what is longer is cut.
const TEXT: usize = 256;
/// Bytes that are kept of a script's output.
const OUTPUT: usize = 4096;
/// Addresses and names of a host, scripts of a port; what is more is left out.
const MANY: usize = 32;

/// A form of nmap's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `-oX`.
    Xml,
    /// `-oG`.
    Grepable,
}

/// A host that was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Its MAC address, as it is written there.
    pub mac: Option<String>,
    /// Its names.
    pub names: Vec<String>,
    /// TCP ports that answered.
    pub open: BTreeMap<u16, Port>,
    /// When it was asked (the end of that, where it says).
    pub at: Option<Nanos>,
}

/// A port that answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Port {
    /// What speaks there, where the port was asked; empty where nmap has looked it up by the port's number only.
    pub service: String,
    /// Product, version and what else is known of it, in one line.
    pub product: String,
    /// What scripts said of it: name and output.
    pub scripts: Vec<(String, String)>,
}

/// What a file says, piece by piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A host.
    Host(Host),
    /// What could not be read.
    Unparsed(Unparsed),
}

/// What a whole file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// When it began.
    pub started: Option<Nanos>,
    /// When it was done.
    pub finished: Option<Nanos>,
    /// Whether its end is in the file.
    pub complete: bool,
}

impl Form {
    /// The form of a file that begins with `head`.
    #[must_use]
    pub fn sniff(head: &[u8]) -> Option<Self> {
        let text = head.strip_prefix(crate::BOM).unwrap_or(head).trim_ascii_start();
        if text.starts_with(b"<") {
            return memmem::find(text, b"<nmaprun").map(|_| Self::Xml);
        }
        grepable::sniff(text).then_some(Self::Grepable)
    }

    /// Its name in the report's `evidence`.
    #[must_use]
    pub fn format(self) -> &'static str {
        match self {
            Self::Xml => "nmap-xml",
            Self::Grepable => "nmap-grepable",
        }
    }

    /// Reads a file, which is number `file` of the run. Stamps without a zone are of `zone`. Where `input` fails, the
    /// file ends there: the caller knows why.
    pub fn read(self, input: impl BufRead, file: u32, zone: &TimeZone, said: &mut impl FnMut(Said)) -> Scan {
        match self {
            Self::Xml => xml::read(input, file, said),
            Self::Grepable => grepable::read(input, file, zone, said),
        }
    }
}

impl Port {
    fn product(&mut self, parts: &[&str]) {
        let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
        self.product = cut(&parts.join(" "), TEXT);
    }
}

/// `text` without what is beyond `limit` bytes.
fn cut(text: &str, limit: usize) -> String {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// Seconds since the epoch; `None` for what is no time at which anybody has scanned.
fn parse_epoch(text: &str) -> Option<Nanos> {
    text.parse().ok().filter(|secs| (1..8_000_000_000).contains(secs)).map(Nanos::from_secs)
}

#[cfg(test)]
mod tests;
