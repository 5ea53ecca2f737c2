//! The scenarios. A part is one kind of host and those who call it; a scenario is some parts in one capture.

mod backconnect;
mod bot;
mod browsers;
mod connect;
mod password;
mod postfix;
mod scanned;
mod socks;
mod ssh;
mod targets;

use std::io;

use super::stage::Stage;

pub(crate) use targets::Targets;

/// One kind of host, and those who call it.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    /// `component` of its sessions.
    pub(crate) name: &'static str,
    /// Programs that it runs, and Debian's packages that have them.
    pub(crate) programs: &'static [(&'static str, &'static str)],
    pub(crate) set: fn(&mut Stage) -> io::Result<()>,
}

/// Some parts in one capture.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// How long calls go on beginning.
    pub(crate) seconds: u64,
    pub(crate) parts: &'static [Part],
}

/// In the order in which they are numbered: new ones come last.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario { name: "socks", seconds: 60, parts: &[socks::DANTE, socks::MICROSOCKS, browsers::BROWSERS] },
    Scenario {
        name: "connect",
        seconds: 60,
        parts: &[connect::TINYPROXY, connect::SQUID, connect::WEB, browsers::BROWSERS],
    },
    Scenario { name: "odd-port", seconds: 60, parts: &[postfix::OPEN, browsers::BROWSERS] },
    Scenario { name: "innocents", seconds: 30, parts: &[browsers::BROWSERS, scanned::SCANNED] },
    Scenario {
        name: "campus",
        seconds: 60,
        parts: &[socks::DANTE, connect::SQUID, bot::BOT, browsers::BROWSERS, scanned::SCANNED],
    },
    Scenario { name: "password", seconds: 60, parts: &[password::MICROSOCKS, password::SQUID, browsers::BROWSERS] },
    Scenario { name: "odd-port-queue", seconds: 70, parts: &[postfix::QUEUE, browsers::BROWSERS] },
    Scenario { name: "ssh-reverse", seconds: 80, parts: &[backconnect::DYNAMIC, browsers::BROWSERS] },
    Scenario { name: "ssh-reverse-socks", seconds: 80, parts: &[backconnect::TO_SOCKS, browsers::BROWSERS] },
    Scenario { name: "ssh-over-tls", seconds: 80, parts: &[backconnect::OVER_TLS, browsers::BROWSERS] },
];
