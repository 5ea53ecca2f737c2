//! What people do at their machines.

use super::{Actor, PAGE, life, next_of_people, ordinary_end};
use crate::civil::{MINUTE, SECOND};
use crate::flow::{Ending, Flow};
use crate::rng::{Rng, mix};
use crate::world::World;

/// Whether it retrieves mail by POP, by IMAP, sets its clock, chats.
pub(crate) fn likes(mixed: u64) -> [bool; 4] {
    [mixed % 100 < 35, (35..45).contains(&(mixed % 100)), mixed / 100 % 100 < 15, mixed / 10_000 % 100 < 40]
}

/// Looks at pages: each a name or two, and some connections to a few servers.
pub(crate) struct Browser {
    rng: Rng,
    host: u32,
    mean: u64,
}

impl Browser {
    pub(crate) fn new(host: u32, rng: &mut Rng, pace: u64) -> Self {
        Self { rng: rng.clone(), host, mean: 22 * MINUTE * 1000 / pace }
    }

    /// Most go to what everybody looks at, some to what only this host does.
    fn site(&mut self, world: &World) -> (u32, u16) {
        let number = if self.rng.chance(700) {
            self.rng.favourite(500)
        } else {
            mix(u64::from(self.host)) % 1_000_000 + self.rng.favourite(30)
        };
        (world.server(1, number), if self.rng.chance(130) { 443 } else { 80 })
    }
}

impl Actor for Browser {
    fn act(&mut self, now: u64, world: &mut World) -> Option<u64> {
        let mut at = now;
        for _ in 0..self.rng.range(1, 2) {
            let site = self.site(world);
            if self.rng.chance(600) {
                at = world.look_up(&mut self.rng, self.host, at) + self.rng.range(1_000, 9_000);
            }
            for _ in 0..self.rng.range(1, 4) {
                let (up, down) = (self.rng.range(240, 690), self.rng.draw(&PAGE));
                let life = life(&mut self.rng, down);
                let flow = world.call(self.host, at, site).bytes(up, down);
                let flow = ordinary_end(&mut self.rng, flow, life);
                world.open(flow);
                at += self.rng.range(4_000, 900_000);
            }
        }
        // A sitting: some pages in a row, then nothing for a while.
        let mean = if self.rng.chance(700) { self.mean / 4 } else { self.mean * 3 };
        Some(next_of_people(&mut self.rng, now, mean))
    }
}

/// Asks for new mail.
pub(crate) struct Mailbox {
    rng: Rng,
    host: u32,
    mean: u64,
    server: (u32, u16),
    empty: u64,
}

impl Mailbox {
    pub(crate) fn new(host: u32, rng: &mut Rng, pace: u64, port: u16) -> Self {
        let server = (0xc633_6400 + rng.range(20, 29) as u32, port);
        Self { empty: rng.range(150, 210), rng: rng.clone(), host, mean: 25 * MINUTE * 1000 / pace, server }
    }
}

impl Actor for Mailbox {
    fn act(&mut self, now: u64, world: &mut World) -> Option<u64> {
        let new = if self.rng.chance(250) { self.rng.draw(&[900, 2_000, 4_200, 11_000, 90_000]) } else { 0 };
        let flow = world.call(self.host, now, self.server).bytes(44 + new / 400, self.empty + new);
        let life = if self.server.1 == 143 {
            self.rng.range(MINUTE, 29 * MINUTE)
        } else {
            self.rng.range(200_000, 2 * SECOND)
        };
        let flow = ordinary_end(&mut self.rng, flow, life);
        world.open(flow);
        Some(next_of_people(&mut self.rng, now, self.mean))
    }
}

/// Asks what time it is.
pub(crate) struct Clock {
    rng: Rng,
    host: u32,
    mean: u64,
    server: (u32, u16),
}

impl Clock {
    pub(crate) fn new(host: u32, rng: &mut Rng, pace: u64) -> Self {
        let server = (0xc633_6400 + rng.range(123, 126) as u32, 123);
        Self { rng: rng.clone(), host, mean: 34 * MINUTE * 1000 / pace, server }
    }
}

impl Actor for Clock {
    fn act(&mut self, now: u64, world: &mut World) -> Option<u64> {
        let took = self.rng.range(12_000, 90_000);
        let flow = Flow::outbound(self.host, now, 123, self.server).bytes(48, 48).udp(took);
        debug_assert_eq!(flow.ending, Ending::Udp);
        world.open(flow);
        Some(now + self.mean + self.rng.below(4 * SECOND))
    }
}
