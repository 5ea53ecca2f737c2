//! A node that shares files: hundreds of peers, both ways at once, in pieces of one size.

use super::{Actor, next_of_people, sent_twice};
use crate::civil::SECOND;
use crate::flow::{Ending, Flow};
use crate::rng::Rng;
use crate::world::{World, client_port};

/// The port that peers of the time listened on.
const PORT: u16 = 1214;
/// A piece.
const PIECE: u64 = 65_536;

/// A node.
pub(crate) struct Peer {
    rng: Rng,
    host: u32,
    mean: u64,
}

impl Peer {
    pub(crate) fn new(host: u32, rng: &mut Rng, pace: u64) -> Self {
        Self { rng: rng.clone(), host, mean: 25 * SECOND * 1000 / pace }
    }
}

impl Actor for Peer {
    fn act(&mut self, now: u64, world: &mut World) -> Option<u64> {
        let rng = &mut self.rng;
        let peer = world.client(5, rng.favourite(700));
        let inbound = rng.chance(450);
        let flow = if inbound {
            Flow::inbound(self.host, now, (peer, client_port(rng)), PORT)
        } else {
            world.call(self.host, now, (peer, PORT))
        };
        let pieces = rng.draw(&[1, 1, 2, 4, 8]);
        let flow = match rng.below(10) {
            // Nobody there any more, or full.
            0..2 if !inbound => flow.unanswered(),
            0..4 => flow.bytes(rng.range(90, 130), rng.range(60, 300)).ends(rng.range(80_000, SECOND), Ending::Fins),
            // A piece is fetched, or given.
            _ => {
                let life = pieces * rng.range(3 * SECOND, 40 * SECOND);
                let ending = if rng.chance(700) { Ending::Fins } else { Ending::ResetOutside };
                flow.bytes(rng.range(210, 380), pieces * PIECE + rng.range(190, 260)).ends(life, ending)
            }
        };
        world.open(sent_twice(rng, flow));
        Some(next_of_people(&mut self.rng, now, self.mean))
    }
}
