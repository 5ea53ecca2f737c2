//! The scenarios. A part is one kind of host and those who call it; a scenario is some parts in one capture.

mod applications;
mod bot;
mod browsers;
mod connect;
mod desktop;
mod forwarders;
mod gateway;
mod inside;
mod peers;
mod postfix;
mod readers;
mod runner;
mod scanned;
mod shells;
mod socks;
mod targets;
mod vnc;
mod vpn;
mod watchers;

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
    Scenario {
        name: "applications",
        seconds: 60,
        parts: &[
            applications::APPLICATION,
            applications::TABLES,
            applications::HOOKS,
            applications::PREVIEWS,
            applications::READER,
            applications::INGEST,
            applications::UPLOADS,
            applications::PICTURES,
        ],
    },
    Scenario {
        name: "users",
        seconds: 60,
        parts: &[
            vpn::VPN,
            shells::SHELL,
            shells::BACKUP,
            vnc::SHOWN,
            vnc::LOOKED_AT,
            desktop::DESKTOP_IN,
            desktop::DESKTOP_OUT,
            desktop::DESKTOP_DIALLED,
            watchers::SYNC,
            watchers::SOCKETS,
            watchers::MONITOR,
            watchers::CALL,
            watchers::VIDEO,
        ],
    },
    Scenario {
        name: "services",
        seconds: 60,
        parts: &[
            forwarders::UNBOUND,
            forwarders::DNSMASQ,
            gateway::GATEWAY,
            inside::PROXY,
            inside::BALANCER,
            postfix::LAST,
            scanned::NMAP,
        ],
    },
    Scenario {
        name: "readers",
        seconds: 60,
        parts: &[readers::MAIL, readers::NEWS, runner::RUNNER, peers::PEERS, browsers::BROWSERS],
    },
    // Small enough to be kept, and to be made afresh with every change.
    Scenario { name: "small", seconds: 40, parts: &[socks::DANTE, bot::BOT, readers::MAIL, scanned::SCANNED] },
];
