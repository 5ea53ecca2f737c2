//! The inside hosts: what they are, where they live, what they do.

use crate::rng::mix;
use crate::scenario::Scenario;

/// What an innocent host does above all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Browses, and what else its owner likes.
    Ordinary,
    /// Browses all day long.
    Busy,
    /// Serves pages.
    WebServer,
    /// Serves pages, each with a call to another server.
    WebApp,
    /// Answers names for outside, and asks for them.
    Resolver,
    /// Shares files.
    Peer,
    /// Takes mail in, for good.
    MailIn,
    /// Takes mail in, and sends some of it on: a relay by design.
    MailForward,
    /// Is scanned.
    Scanned,
    /// Is asked for its health, and asks for another's.
    Health,
    /// Fetches one page again and again.
    Fetcher,
    /// Sits in a tunnel to somewhere else.
    Vpn,
    /// Is infected at some time.
    Relay(u16),
}

/// The roles that are there once for every 2,000 ordinary hosts, with the number that their address ends in.
const SPECIAL: [(Role, u32); 11] = [
    (Role::WebServer, 11),
    (Role::WebApp, 14),
    (Role::Resolver, 53),
    (Role::MailIn, 24),
    (Role::MailForward, 25),
    (Role::Scanned, 77),
    (Role::Health, 80),
    (Role::Fetcher, 90),
    (Role::Peer, 121),
    (Role::Vpn, 130),
    (Role::Busy, 140),
];

/// How a host's address is translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nat {
    /// To an address of its own for good.
    Fixed(u32),
    /// To an address of its own, for as long as it is used.
    Dynamic,
    /// To a port of a shared address.
    Shared(u8),
}

/// An inside host, with what the device knows of it.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) addr: u32,
    pub(crate) role: Role,
    pub(crate) nat: Nat,
    /// From then on it is off the network.
    pub(crate) cut: u64,
    /// Which relay of the truth it is: infected or declared.
    pub(crate) relay: Option<u16>,
    /// The last port that it opened a connection from.
    pub(crate) port: u16,
    /// The outside address that it has, or had last (0: none yet).
    pub(crate) slot: u32,
    /// Since when it has it; `None` while it has none.
    pub(crate) slot_since: Option<u64>,
    /// Connections that hold the slot.
    pub(crate) open: u32,
    /// When the last of them ended.
    pub(crate) idle_since: u64,
}

/// 192.0.2.0/24: addresses lent to one host at a time.
pub(crate) const POOL: u32 = 0xc000_0200;
/// How many of them.
pub(crate) const POOL_SIZE: u32 = 250;
/// 203.0.113.0/24: addresses that belong to one host.
const FIXED: u32 = 0xcb00_7100;
/// The first of the addresses in it that many hosts share by ports.
pub(crate) const SHARED: u32 = FIXED + 240;
/// How many of them.
pub(crate) const SHARED_COUNT: u8 = 15;
/// 172.28.0.0/16.
const INSIDE: u32 = 0xac1c_0000;
/// Hosts that are lent an address of their own; the others share.
const LENT: u32 = 150;

impl Host {
    fn new(addr: u32, role: Role, nat: Nat) -> Self {
        // Each machine has been up for a while.
        let port = 1025 + (mix(u64::from(addr)) % 2000) as u16;
        let slot = if let Nat::Fixed(outside) = nat { outside } else { 0 };
        Self { addr, role, nat, cut: u64::MAX, relay: None, port, slot, slot_since: None, open: 0, idle_since: 0 }
    }

    /// Whether the mail it sends on is its job.
    pub(crate) fn declared(&self) -> bool {
        self.role == Role::MailForward
    }
}

/// The hosts of a scenario: relays first (in its order), then servers, then the others.
pub(crate) fn populate(scenario: &Scenario) -> Vec<Host> {
    let mut hosts = Vec::new();
    let mut fixed = 0;
    let mut own = || {
        fixed += 1;
        Nat::Fixed(FIXED + fixed)
    };
    for (number, relay) in scenario.relays.iter().enumerate() {
        let nat = if relay.fixed_address { own() } else { Nat::Dynamic };
        let mut host = Host::new(relay_addr(scenario.seed, number as u32), Role::Relay(number as u16), nat);
        host.cut = relay.cut.map_or(u64::MAX, |cut| scenario.begin() + cut);
        host.relay = Some(number as u16);
        hosts.push(host);
    }
    let mut declared = scenario.relays.len() as u16;
    for copy in 0..scenario.hosts.div_ceil(2000) {
        for (role, last) in SPECIAL {
            let nat = if matches!(role, Role::Peer | Role::Vpn | Role::Busy) { Nat::Dynamic } else { own() };
            let mut host = Host::new(INSIDE + (1 + copy) * 256 + last, role, nat);
            if host.declared() {
                host.relay = Some(declared);
                declared += 1;
            }
            hosts.push(host);
        }
    }
    for number in 0..scenario.hosts {
        let addr = INSIDE + ((20 + number / 100) << 8) + 10 + number % 100 * 2;
        // A class room in a small case, nearly everybody in a large one.
        let lent = number < LENT && number < scenario.hosts.saturating_sub(scenario.hosts / 8);
        // In a log of a given length a quarter of the rest shares addresses, and each port of theirs has two lines of its own; the
        // others are known outside as what they are.
        let nat = match lent {
            true => Nat::Dynamic,
            false if scenario.lines.is_some() && number % 4 > 0 => Nat::Fixed(addr),
            false => Nat::Shared((number % u32::from(SHARED_COUNT)) as u8),
        };
        hosts.push(Host::new(addr, Role::Ordinary, nat));
    }
    hosts
}

/// Relays live among the dormitories, at odd numbers: ordinary hosts have the even ones.
fn relay_addr(seed: u64, number: u32) -> u32 {
    let last = mix(seed ^ u64::from(number)) % 50 + 50 * u64::from(number / 30);
    INSIDE + ((220 + number % 30) << 8) + 11 + 2 * last as u32
}
