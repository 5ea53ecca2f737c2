//! Connections that stay for hours: messengers, push channels, tunnels into another network.

use super::Actor;
use crate::civil::{HOUR, MINUTE, SECOND};
use crate::flow::Ending;
use crate::rng::Rng;
use crate::world::World;

/// One long connection after the other.
pub(crate) struct Tunnel {
    rng: Rng,
    host: u32,
    server: (u32, u16),
    /// How long one lasts at most.
    longest: u64,
    /// The longest pause between two.
    pause: u64,
    /// Bytes per minute up and down, at most.
    rate: (u64, u64),
}

impl Tunnel {
    /// A messenger, with a few keep-alives and lines.
    pub(crate) fn chat(host: u32, rng: &mut Rng) -> Self {
        let server = (0xc633_6400 + rng.range(190, 199) as u32, rng.pick(&[5190, 1863, 5222, 5223]));
        Self { rng: rng.clone(), host, server, longest: 7 * HOUR, pause: 5 * HOUR, rate: (60, 90) }
    }

    /// The same, back within a minute: the owner never turns the machine off.
    pub(crate) fn always(self) -> Self {
        Self { longest: 11 * HOUR, pause: MINUTE, ..self }
    }

    /// A client of another network's VPN: much more comes down than goes up.
    pub(crate) fn vpn(host: u32, rng: &mut Rng) -> Self {
        let server = (0xc633_6400 + rng.range(140, 149) as u32, 10_000);
        Self { rng: rng.clone(), host, server, longest: 9 * HOUR, pause: 8 * HOUR, rate: (9_000, 90_000) }
    }
}

impl Actor for Tunnel {
    fn act(&mut self, now: u64, world: &mut World) -> Option<u64> {
        let life = self.rng.range(self.longest / 20, self.longest);
        let minutes = life / MINUTE;
        let up = 200 + minutes * self.rng.range(self.rate.0 / 3, self.rate.0);
        let down = 300 + minutes * self.rng.range(self.rate.1 / 3, self.rate.1);
        let ending = if self.rng.chance(700) { Ending::Fins } else { Ending::ResetInside };
        let flow = world.call(self.host, now, self.server).bytes(up, down).ends(life, ending);
        world.open(flow);
        Some(now + life + self.rng.range(SECOND, self.pause))
    }
}
