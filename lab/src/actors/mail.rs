//! Mail servers: one keeps what it gets, one sends some of it on and is a relay by design.

use super::{Actor, next_of_people, sent_twice};
use crate::civil::SECOND;
use crate::flow::{Ending, Flow};
use crate::rng::Rng;
use crate::world::{World, client_port};

/// What an ordinary message has.
const MESSAGE: [u64; 9] = [700, 1300, 2000, 2900, 4300, 7000, 14_000, 40_000, 300_000];
/// From the start of the inbound leg to that of the outbound one, for a server that forwards at once.
const AT_ONCE: [u64; 6] = [500_000, 800_000, 1_200_000, 1_600_000, 2_300_000, 3_400_000];
/// The same for one that queues.
const QUEUED: [u64; 6] = [2_300_000, 4_500_000, 8_200_000, 11_500_000, 14_000_000, 16_500_000];

/// A mail server.
pub(crate) struct Server {
    rng: Rng,
    host: u32,
    mean: u64,
    forwards: bool,
    queues: bool,
}

impl Server {
    pub(crate) fn new(host: u32, rng: &mut Rng, pace: u64, forwards: bool) -> Self {
        Self { queues: rng.chance(500), rng: rng.clone(), host, mean: 70 * SECOND * 1000 / pace, forwards }
    }

    /// The legs that carry a message on: it has more lines in its head, and the answers are shorter.
    fn forward(&mut self, now: u64, up: u64, down: u64, world: &mut World) -> Vec<Flow> {
        let rng = &mut self.rng;
        let copies = if rng.chance(850) { 1 } else { 2 };
        let lag = rng.draw(if self.queues { &QUEUED } else { &AT_ONCE });
        (0..copies)
            .map(|copy| {
                let server = (world.server(6, rng.favourite(80)), 25);
                let call = world.call(self.host, now + lag + copy * rng.range(2_000, 300_000), server);
                let down = down.saturating_sub(rng.range(22, 38));
                let flow = call.bytes(up + rng.range(226, 240), down);
                let life = rng.draw(&[400_000, 800_000, 1_500_000, 2_600_000, 6 * SECOND]);
                let mut flow = sent_twice(rng, flow).ends(life, Ending::Fins);
                flow.delivered = true;
                flow
            })
            .collect()
    }
}

impl Actor for Server {
    fn act(&mut self, now: u64, world: &mut World) -> Option<u64> {
        let client = (world.client(6, self.rng.favourite(500)), client_port(&mut self.rng));
        let refused = self.rng.chance(180);
        let up = if refused { self.rng.range(70, 140) } else { self.rng.draw(&MESSAGE) + 110 };
        let down = self.rng.range(270, 420);
        let life = self.rng.draw(&[300_000, 700_000, 1_300_000, 2_400_000, 8 * SECOND]);
        let flow = Flow::inbound(self.host, now, client, 25).bytes(up, down);
        let flow = sent_twice(&mut self.rng, flow).ends(life, Ending::Fins);
        if self.forwards && !refused && self.rng.chance(600) {
            let legs = self.forward(now, up, down, world);
            world.relay(flow, legs);
        } else {
            world.open(flow);
        }
        Some(next_of_people(&mut self.rng, now, self.mean))
    }
}
