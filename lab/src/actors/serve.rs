//! Innocent servers, among them those that look most like relays: whoever asks them makes them ask others.

use super::{Actor, PAGE, life, next_of_people, ordinary_end, sent_twice};
use crate::civil::{MINUTE, SECOND};
use crate::flow::{Ending, Flow};
use crate::rng::Rng;
use crate::world::{World, client_port};

/// A web server: many come in, a look for updates goes out now and then.
pub(crate) struct Pages {
    rng: Rng,
    host: u32,
    mean: u64,
}

impl Pages {
    pub(crate) fn new(host: u32, rng: &mut Rng, pace: u64) -> Self {
        Self { rng: rng.clone(), host, mean: 45 * SECOND * 1000 / pace }
    }
}

impl Actor for Pages {
    fn act(&mut self, now: u64, world: &mut World) -> Option<u64> {
        let rng = &mut self.rng;
        let client = (world.client(2, rng.favourite(4000)), client_port(rng));
        let (up, down) = (rng.range(240, 640), rng.draw(&PAGE));
        let life = life(rng, down);
        let flow = Flow::inbound(self.host, now, client, 80).bytes(up, down);
        world.open(ordinary_end(rng, flow, life));
        if rng.chance(6) {
            let call = world.call(self.host, now + rng.below(SECOND), (world.server(1, 7), 80));
            let down = rng.range(900, 60_000);
            world.open(ordinary_end(rng, call.bytes(210, down), 2 * SECOND));
        }
        Some(next_of_people(&mut self.rng, now, self.mean))
    }
}

/// A web application: every request makes one call to another server. The timing is a relay's; the bytes are not.
pub(crate) struct Application {
    rng: Rng,
    host: u32,
    mean: u64,
}

impl Application {
    pub(crate) fn new(host: u32, rng: &mut Rng, pace: u64) -> Self {
        Self { rng: rng.clone(), host, mean: 35 * SECOND * 1000 / pace }
    }
}

impl Actor for Application {
    fn act(&mut self, now: u64, world: &mut World) -> Option<u64> {
        let rng = &mut self.rng;
        let client = (world.client(3, rng.favourite(900)), client_port(rng));
        let wait = rng.draw(&[8_000, 20_000, 45_000, 80_000, 200_000]);
        let took = rng.draw(&[30_000, 70_000, 120_000, 260_000, 900_000]);
        let call = world.call(self.host, now + wait, (0xc633_646e, 443));
        world
            .open(call.bytes(rng.range(610, 980), rng.draw(&[900, 1400, 2300, 6000, 14_000])).ends(took, Ending::Fins));
        let page = rng.range(240, 900);
        let answer = rng.draw(&[2_500, 5_000, 9_000, 16_000, 40_000]);
        let life = wait + took + rng.draw(&[10_000, 40_000, 150_000, 800_000]);
        let flow = sent_twice(rng, Flow::inbound(self.host, now, client, 80).bytes(page, answer));
        world.open(flow.ends(life, Ending::Fins));
        Some(next_of_people(&mut self.rng, now, self.mean))
    }
}

/// A name server: for outside by UDP and TCP; what it does not know it asks others for, byte for byte.
pub(crate) struct Names {
    rng: Rng,
    host: u32,
    mean: u64,
}

impl Names {
    pub(crate) fn new(host: u32, rng: &mut Rng, pace: u64) -> Self {
        Self { rng: rng.clone(), host, mean: MINUTE * 1000 / pace }
    }

    /// A question by TCP is passed on by TCP.
    fn forward(&mut self, now: u64, world: &mut World) {
        let rng = &mut self.rng;
        let client = (world.client(4, rng.favourite(300)), client_port(rng));
        let (up, down) = (rng.range(30, 60), rng.range(520, 2400));
        let (wait, took) = (rng.range(500, 4_000), rng.range(20_000, 180_000));
        let call = world.call(self.host, now + wait, (0xc633_6436, 53)).bytes(up, down).ends(took, Ending::Fins);
        let asked = Flow::inbound(self.host, now, client, 53).bytes(up, down);
        world.open(asked.ends(wait + took + rng.range(300, 9_000), Ending::Fins));
        world.open(call);
    }
}

impl Actor for Names {
    fn act(&mut self, now: u64, world: &mut World) -> Option<u64> {
        match self.rng.below(100) {
            0..5 => self.forward(now, world),
            5..45 => {
                let rng = &mut self.rng;
                let client = (world.client(4, rng.favourite(3000)), client_port(rng));
                let flow = Flow::inbound(self.host, now, client, 53).bytes(rng.range(28, 44), rng.range(60, 300));
                world.open(flow.udp(rng.range(400, 3_000)));
            }
            _ => {
                let rng = &mut self.rng;
                let port = world.port(self.host);
                let server = (world.server(4, rng.favourite(2000)), 53);
                let flow = Flow::outbound(self.host, now, port, server).bytes(rng.range(28, 46), rng.range(50, 420));
                world.open(flow.udp(rng.range(9_000, 300_000)));
            }
        }
        Some(next_of_people(&mut self.rng, now, self.mean))
    }
}

/// A service that is asked whether it is well, and then asks the one behind it: one size in, one size out.
pub(crate) struct Health {
    rng: Rng,
    host: u32,
    every: u64,
}

impl Health {
    pub(crate) fn new(host: u32, rng: &mut Rng, pace: u64) -> Self {
        Self { rng: rng.clone(), host, every: 100 * SECOND * 1000 / pace }
    }
}

impl Actor for Health {
    fn act(&mut self, now: u64, world: &mut World) -> Option<u64> {
        let rng = &mut self.rng;
        let (wait, took) = (rng.range(2_000, 30_000), rng.range(20_000, 90_000));
        let call = world.call(self.host, now + wait, (0xc633_6470, 80));
        world.open(call.bytes(78, 203).ends(took, Ending::Fins));
        let asked = Flow::inbound(self.host, now, (0xc633_6471, client_port(rng)), 80).bytes(92, 155);
        world.open(asked.ends(wait + took + rng.range(1_000, 20_000), Ending::Fins));
        Some(now + self.every + rng.below(2 * SECOND))
    }
}

/// Fetches one page again and again, at its own times.
pub(crate) struct Fetcher {
    rng: Rng,
    host: u32,
    every: u64,
}

impl Fetcher {
    pub(crate) fn new(host: u32, rng: &mut Rng, pace: u64) -> Self {
        Self { rng: rng.clone(), host, every: 100 * SECOND * 1000 / pace }
    }
}

impl Actor for Fetcher {
    fn act(&mut self, now: u64, world: &mut World) -> Option<u64> {
        let took = self.rng.range(60_000, 240_000);
        let call = world.call(self.host, now, (0xc633_6478, 80)).bytes(188, 4_312);
        world.open(call.ends(took, Ending::Fins));
        Some(now + self.every + self.rng.below(SECOND))
    }
}
