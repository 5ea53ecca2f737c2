//! Scans, and what the access list stops.

use super::Actor;
use crate::civil::{DAY, MINUTE, SECOND};
use crate::flow::{Denial, Ending, Flow, Proto};
use crate::host::{POOL, POOL_SIZE};
use crate::rng::Rng;
use crate::world::{World, client_port};

/// Asks a run of ports of one host, now and then: what goes before an infection, and what finds it afterwards.
pub(crate) struct Asker {
    rng: Rng,
    host: u32,
    ports: (u16, u16),
    open_from: u64,
    every: u64,
}

impl Asker {
    pub(crate) fn new(rng: &mut Rng, host: u32, ports: (u16, u16), open_from: u64, every: u64) -> Self {
        Self { rng: rng.clone(), host, ports, open_from, every }
    }
}

impl Actor for Asker {
    fn act(&mut self, now: u64, world: &mut World) -> Option<u64> {
        let rng = &mut self.rng;
        let scanner = world.client(7, rng.below(40));
        let mut at = now;
        for port in self.ports.0..=self.ports.1 {
            let flow = Flow::inbound(self.host, at, (scanner, client_port(rng)), port);
            let took = rng.range(9_000, 120_000);
            // Open: the scanner has seen enough, and closes.
            world.open(if at < self.open_from { flow.refused(took) } else { flow.ends(took, Ending::Fins) });
            at += rng.range(20_000, 400_000);
        }
        // Before, many look for such hosts; then those who use it see to it that nobody else does.
        let every = if now < self.open_from { self.every } else { self.every * 3 };
        Some(now + every / 2 + rng.gap(every / 2))
    }
}

/// A scan of many ports of one host, as nmap does it: closed, but for a few.
pub(crate) struct PortScan {
    rng: Rng,
    host: u32,
    ports: u64,
}

impl PortScan {
    pub(crate) fn new(rng: &mut Rng, host: u32, pace: u64) -> Self {
        Self { rng: rng.clone(), host, ports: (1600 * pace / 1000).clamp(40, 1600) }
    }
}

impl Actor for PortScan {
    fn act(&mut self, now: u64, world: &mut World) -> Option<u64> {
        let rng = &mut self.rng;
        let scanner = 0xc633_6400 + rng.range(200, 209) as u32;
        let from = client_port(rng);
        let mut at = now;
        for _ in 0..self.ports {
            let port = if rng.chance(900) { rng.range(1, 1300) } else { rng.range(1301, 10_000) } as u16;
            let flow = Flow::inbound(self.host, at, (scanner, from), port);
            world.open(if rng.chance(900) { flow.refused(rng.range(300, 2_000)) } else { flow.unanswered() });
            at += rng.range(2_000, 60_000);
        }
        Some(now + DAY + rng.gap(DAY))
    }
}

/// Worms and scanners that come to nothing, and stragglers of connections that are gone.
pub(crate) struct Background {
    rng: Rng,
    mean: u64,
}

impl Background {
    pub(crate) fn new(rng: Rng, pace: u64, hosts: usize) -> Self {
        Self { rng, mean: 20 * MINUTE * 1000 / pace / (hosts as u64).max(1) }
    }
}

impl Actor for Background {
    fn act(&mut self, now: u64, world: &mut World) -> Option<u64> {
        let rng = &mut self.rng;
        let to = POOL + 1 + rng.below(u64::from(POOL_SIZE)) as u32;
        let stranger = (world.client(7, rng.below(60_000)), client_port(rng));
        match rng.below(100) {
            0..55 => world.deny(now, Denial::List(Proto::Udp), stranger, (to, rng.pick(&[1434, 1434, 1434, 137]))),
            55..65 => world.deny(now, Denial::List(Proto::Tcp), stranger, (to, rng.pick(&[135, 139, 445]))),
            65..85 => {
                let port = rng.pick(&[1080, 3128, 8080, 17_300, 27_374, 1182, 6588]);
                world.deny(now, Denial::Inbound, stranger, (to, port));
            }
            _ => {
                let server = (world.server(1, rng.favourite(500)), 80);
                world.deny(now, Denial::NoConnection, server, (to, rng.range(1025, 5000) as u16));
            }
        }
        Some(now + rng.gap(self.mean).min(10 * 60 * SECOND) + 1)
    }
}
