//! DHCP leases: who had an address from when to when, by what ISC dhcpd, Kea and dnsmasq write down.
//!
//! A lease tells of no connection: it gives an [`Entry`] and no [`crate::Record`]. A server's file says from when to
//! when an address was whose; its log says what happened to an address, and whoever puts both together ends one lease
//! where the next begins. Of a log every line is told on its own: no reader keeps more than the lease it is in.

pub mod csv;
mod dhcpd;
mod dnsmasq;
mod kea;
mod sniff;
mod syslog;
#[cfg(test)]
mod tests;
mod text;

use std::net::IpAddr;

pub use text::{parse_mac, parse_name};

use crate::{Block, Clock, Nanos, Unparsed};

/// What is written down in a file of leases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// What ISC dhcpd and dnsmasq write to syslog.
    Syslog,
    /// ISC's `dhcpd.leases`.
    Dhcpd,
    /// Kea's memfile, of DHCPv4 or DHCPv6.
    Kea,
    /// dnsmasq's leases file.
    Dnsmasq,
}

/// What a server says of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The address, as it is written there.
    pub addr: IpAddr,
    /// What it says.
    pub says: Says,
}

/// What is said of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// A server's file: it was somebody's.
    Held(Lease),
    /// A server's file: it was nobody's, or for no time at all.
    Nobodys {
        /// From when; [`Nanos::MIN`] where nobody says.
        from: Nanos,
    },
    /// A server's log: it is given to somebody, or still his.
    Given {
        /// The moment of the line.
        at: Nanos,
        /// To whom; the MAC address is always known.
        holder: Holder,
    },
    /// A server's log: it is free again.
    Freed {
        /// The moment of the line.
        at: Nanos,
    },
}

/// A lease as its server wrote it down. It never ends before it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// When it begins; [`Nanos::MIN`] where nobody says.
    pub from: Nanos,
    /// The first moment after it; [`Nanos::MAX`] where it does not end, or nobody says.
    pub to: Nanos,
    /// Whose it is.
    pub holder: Holder,
}

/// Who has an address. Millions of them may be kept, so that texts have no room to grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// The MAC address, in the form of [`parse_mac`].
    pub mac: Option<Box<str>>,
    /// The name that the machine gave itself, in the form of [`parse_name`].
    pub name: Option<Box<str>>,
}

/// What a reader says of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It says something of an address, or ends what does.
    Entry(Entry),
    /// It says nothing that is used, or not yet.
    Skipped,
    /// It could not be read; `kind` is the form's name.
    Unparsed(Unparsed),
}

/// A reader of one file, from its first block to its last.
#[derive(Clone, Debug)]
pub struct Reader {
    form: Form,
    lines: Lines,
}

#[derive(Clone, Debug)]
enum Lines {
    Syslog(syslog::Reader),
    Dhcpd(dhcpd::Reader),
    Kea(kea::Reader),
    Dnsmasq,
}

/// An entry where a line has one, or why it cannot be read.
type Line = Result<Option<Entry>, &'static str>;

impl Form {
    /// The form of a file that begins with `head` (up to some 64 KiB); `None` where it holds no leases. A collector's file may
    /// be a firewall's log, too.
    #[must_use]
    pub fn sniff(head: &[u8]) -> Option<Self> {
        sniff::sniff(head)
    }

    /// Its name in the report's `evidence`.
    #[must_use]
    pub fn format(self) -> &'static str {
        match self {
            Self::Syslog => "dhcp-syslog",
            Self::Dhcpd => "dhcpd-leases",
            Self::Kea => "kea-leases",
            Self::Dnsmasq => "dnsmasq-leases",
        }
    }

    /// A reader of a file of this form. `clock` is for stamps of syslog; the times in the other forms are UTC.
    #[must_use]
    pub fn reader(self, clock: Clock) -> Reader {
        let lines = match self {
            Self::Syslog => Lines::Syslog(syslog::Reader::new(clock)),
            Self::Dhcpd => Lines::Dhcpd(dhcpd::Reader::default()),
            Self::Kea => Lines::Kea(kea::Reader::default()),
            Self::Dnsmasq => Lines::Dnsmasq,
        };
        Reader { form: self, lines }
    }
}

impl Reader {
    /// Reads the file's next block: one [`Said`] for each line that is not empty, in their order.
    pub fn read(&mut self, block: Block<'_>, said: &mut impl FnMut(Said)) {
        for (place, line) in block.lines() {
            let line = String::from_utf8_lossy(line);
            said(match self.lines.line(&line) {
                Ok(Some(entry)) => Said::Entry(entry),
                Ok(None) => Said::Skipped,
                Err(why) => Said::Unparsed(Unparsed { place, kind: self.form.format(), why }),
            });
        }
    }
}

impl Lines {
    fn line(&mut self, line: &str) -> Line {
        match self {
            Self::Syslog(reader) => reader.line(line),
            Self::Dhcpd(reader) => reader.line(line),
            Self::Kea(reader) => reader.line(line),
            Self::Dnsmasq => dnsmasq::parse_line(line),
        }
    }
}

impl Entry {
    /// The moment from which it holds; `None` where nobody says.
    #[must_use]
    pub fn at(&self) -> Option<Nanos> {
        let at = match &self.says {
            Says::Held(lease) => lease.from,
            Says::Nobodys { from } => *from,
            Says::Given { at, .. } | Says::Freed { at } => *at,
        };
        (at != Nanos::MIN).then_some(at)
    }
}
