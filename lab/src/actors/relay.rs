//! The clients of an infected host, and what it does for them.

use super::{Actor, PAGE};
use crate::civil::{HOUR, MINUTE, SECOND};
use crate::flow::{Ending, Flow};
use crate::rng::{Rng, mix};
use crate::scenario::{Relay, RelayKind};
use crate::world::{World, client_port};

/// Inbound SYN to outbound SYN of SOCKS4, measured on a real proxy: .050, .140 and .245 s at 5, 50 and 95 %.
const SOCKS4: [u64; 9] = [30_000, 64_000, 92_000, 116_000, 140_000, 164_000, 192_000, 226_000, 330_000];
/// SOCKS5, with its two round trips: .09, .29 and .49 s.
const SOCKS5: [u64; 9] = [60_000, 125_000, 185_000, 240_000, 290_000, 338_000, 392_000, 455_000, 640_000];
/// CONNECT and GET: .04, .07 and .25 s.
const HTTP: [u64; 9] = [26_000, 44_000, 54_000, 62_000, 70_000, 92_000, 132_000, 190_000, 310_000];
/// How much later than the outbound leg the inbound one ends, plus 120 ms.
const TAIL: [u64; 7] = [0, 90_000, 150_000, 190_000, 220_000, 270_000, 370_000];
/// What a piece of spam has, head and all.
const SPAM: [u64; 9] = [1_200, 1_600, 2_100, 2_600, 3_300, 4_400, 6_800, 14_000, 60_000];

/// What a client program says to the relay before its target hears anything, and hears before its target says anything.
struct Handshake {
    up: u64,
    down: u64,
    /// What it hears before the target is reached.
    greeting: u64,
    lag: &'static [u64],
    by_name: bool,
}

/// What passes between the relay and a target.
struct Talk {
    up: u64,
    down: u64,
    life: u64,
    ending: Ending,
    delivered: bool,
}

/// All clients of one relay. A session at a time.
pub(crate) struct Clients {
    rng: Rng,
    host: u32,
    relay: Relay,
    infected: u64,
}

impl Clients {
    pub(crate) fn new(rng: &mut Rng, host: u32, relay: &Relay, infected: u64) -> Self {
        Self { rng: rng.clone(), host, relay: relay.clone(), infected }
    }

    /// One mode for each client program; where the target is named in clear, its name's length shows.
    fn handshake(&mut self, client: u64, target: u32) -> Handshake {
        let program = mix(client ^ u64::from(self.host) << 20) % 8;
        match self.relay.kind {
            RelayKind::Socks => match program {
                0 => Handshake { up: 9, down: 8, greeting: 0, lag: &SOCKS4, by_name: false },
                1 => Handshake { up: 14, down: 12, greeting: 2, lag: &SOCKS5, by_name: false },
                2 | 3 => {
                    let name = 10 + mix(u64::from(target)) % 3;
                    Handshake { up: 10 + name, down: 12, greeting: 2, lag: &SOCKS5, by_name: true }
                }
                _ => Handshake { up: 13, down: 12, greeting: 2, lag: &SOCKS5, by_name: false },
            },
            RelayKind::Connect { reply } => {
                let address = dotted(target);
                let head = [2, 2, 23, 23, 41, 64, 64, 109][program as usize];
                let up = address + head + "CONNECT :25 HTTP/1.0\r\n".len() as u64;
                Handshake { up, down: u64::from(reply), greeting: 0, lag: &HTTP, by_name: false }
            }
            RelayKind::Web => Handshake { up: 0, down: 0, greeting: 0, lag: &HTTP, by_name: true },
        }
    }

    /// When the outbound leg starts: after the request, and the name where there is one to ask for.
    fn reach(&mut self, now: u64, by: &Handshake, world: &mut World) -> u64 {
        let at = now + self.rng.draw(by.lag);
        if !by.by_name || at >= world.hosts[self.host as usize].cut {
            return at;
        }
        let answered = world.look_up(&mut self.rng, self.host, at - (at - now) / 4);
        // A lost packet costs seconds.
        if self.rng.chance(15) { answered + self.rng.range(3 * SECOND, 10 * SECOND) } else { answered.max(at) }
    }

    /// A message is written once for a run, and sent to many.
    fn message(&mut self, client: u64, now: u64) -> u64 {
        let mut run = Rng::new(mix(client ^ u64::from(self.host)), now / (2 * HOUR));
        run.draw(&SPAM) + self.rng.range(0, 38)
    }

    /// Talks mail to a server that answers.
    fn mail(&mut self, client: u64, now: u64) -> Talk {
        let envelope = 60 + self.rng.range(0, 24);
        let talk = |up, down, life, ending| Talk { up, down, life, ending, delivered: false };
        match self.rng.below(100) {
            0..48 => {
                let recipients = self.rng.range(1, 4);
                let up = envelope + recipients * self.rng.range(26, 40) + self.message(client, now);
                let down = 190 + recipients * self.rng.range(34, 60);
                let life = self.rng.draw(&[900_000, 1_800_000, 3_200_000, 5_500_000, 14_000_000]);
                Talk { up, down, life, ending: Ending::Fins, delivered: true }
            }
            48..78 => {
                let recipients = self.rng.range(1, 3);
                let (up, down) = (envelope + recipients * 34, 180 + recipients * self.rng.range(40, 90));
                talk(up, down, self.rng.draw(&[500_000, 1_000_000, 1_900_000, 4_000_000]), Ending::Fins)
            }
            78..92 => talk(6, self.rng.range(58, 160), self.rng.range(150_000, 1_500_000), Ending::Fins),
            92..97 => {
                let up = envelope + self.rng.range(400, 4_000);
                talk(up, self.rng.range(120, 260), self.rng.range(SECOND, 20 * SECOND), Ending::ResetOutside)
            }
            // The client is switched off in the middle.
            _ => talk(envelope, self.rng.range(90, 200), self.rng.range(SECOND, 30 * SECOND), Ending::ResetInside),
        }
    }

    /// The client's connection, when the target was talked to.
    fn carried(&mut self, inbound: Flow, out: &Flow, by: &Handshake) -> Flow {
        let straggler = if self.rng.chance(30) { self.rng.range(SECOND, 40 * SECOND) } else { 0 };
        let last = (out.last + self.rng.draw(&TAIL) + straggler).saturating_sub(120_000);
        let ending = match out.ending {
            Ending::ResetOutside => Ending::ResetInside,
            Ending::ResetInside => Ending::ResetOutside,
            other => other,
        };
        let life = last.max(out.start + 1_000) - inbound.start;
        inbound.bytes(u64::from(out.up) + by.up, u64::from(out.down) + by.down).ends(life, ending)
    }

    /// A session through SOCKS or CONNECT: one target.
    fn one_target(&mut self, now: u64, client: u64, inbound: Flow, world: &mut World) {
        let web = self.relay.kind == RelayKind::Socks && self.rng.chance(60);
        let target = if web { (world.server(1, self.rng.favourite(300)), 80) } else { self.exchanger(world) };
        let by = self.handshake(client, target.0);
        let out_at = self.reach(now, &by, world);
        let out = world.call(self.host, out_at, target);
        let waited = out_at - now;
        let (inbound, out) = match self.rng.below(100) {
            0..16 => {
                let patience = waited + self.rng.range(12 * SECOND, 40 * SECOND);
                (inbound.bytes(by.up, by.greeting).ends(patience, Ending::ResetOutside), out.unanswered())
            }
            16..23 => {
                let took = self.rng.range(30_000, 250_000);
                let life = waited + took + self.rng.range(1_000, 200_000);
                (inbound.bytes(by.up, by.down).ends(life, Ending::Fins), out.refused(took))
            }
            _ => {
                let talk = if web { self.page() } else { self.mail(client, now) };
                let mut out = out.bytes(talk.up, talk.down).ends(talk.life, talk.ending);
                out.delivered = talk.delivered;
                (self.carried(inbound, &out, &by), out)
            }
        };
        let (inbound, out) = (self.sent_twice(inbound), self.sent_twice(out));
        world.relay(inbound, vec![out]);
    }

    fn page(&mut self) -> Talk {
        let (up, down) = (self.rng.range(260, 640), self.rng.draw(&PAGE));
        Talk { up, down, life: super::life(&mut self.rng, down), ending: Ending::Fins, delivered: false }
    }

    /// A session through the web proxy: some pages, each from its own server, which is let go 19 s later.
    fn pages(&mut self, now: u64, client: u64, inbound: Flow, world: &mut World) {
        // The proxy adds lines to what the program asks, by program, and to every answer.
        let added = 21 + mix(client) % 46;
        let (mut at, mut outs, mut up, mut down) = (now, Vec::new(), 0, 0);
        for _ in 0..self.rng.range(1, 3) {
            let target = (world.server(1, self.rng.favourite(300)), 80);
            let by = self.handshake(client, target.0);
            at = self.reach(at, &by, world);
            let page = self.page();
            up += page.up;
            down += page.down + 60;
            let kept = 19 * SECOND + self.rng.below(SECOND);
            let out = world.call(self.host, at, target).bytes(page.up + added, page.down);
            let out = out.ends(page.life + kept, Ending::Fins);
            outs.push(self.sent_twice(out));
            at += page.life + self.rng.range(30_000, 2 * SECOND);
        }
        world.relay(inbound.bytes(up, down).ends(at - now, Ending::Fins), outs);
    }

    fn exchanger(&mut self, world: &World) -> (u32, u16) {
        (world.server(8, self.rng.favourite(2500)), 25)
    }

    fn sent_twice(&mut self, flow: Flow) -> Flow {
        if flow.up > 0 { super::sent_twice(&mut self.rng, flow) } else { flow }
    }

    /// A client that never says what it wants.
    fn hang(&mut self, inbound: Flow, world: &mut World) {
        let flow = match self.rng.below(3) {
            0 => inbound.ends(self.rng.range(SECOND, 90 * SECOND), Ending::Fins),
            1 => inbound.bytes(3, 2).ends(self.rng.range(SECOND, 60 * SECOND), Ending::ResetOutside),
            _ => inbound.bytes(3, 2).ends(self.rng.range(100_000, SECOND), Ending::IdleTimeout),
        };
        world.open(flow);
    }

    /// After the infection it takes hours until the address has gone round; after the cut, until all have noticed: each
    /// hour half of them do.
    fn next(&mut self, now: u64, cut: u64) -> u64 {
        let mean = HOUR / u64::from(self.relay.per_hour);
        let mean = if now >= cut {
            (mean << ((now - cut) / HOUR).min(12)).min(4 * HOUR)
        } else {
            let age = (now - self.infected) / (30 * MINUTE);
            mean * [6, 4, 3, 2].get(age as usize).copied().unwrap_or(1)
        };
        now + self.rng.gap(mean) + 1
    }
}

impl Actor for Clients {
    fn act(&mut self, now: u64, world: &mut World) -> Option<u64> {
        let cut = world.hosts[self.host as usize].cut;
        let client = self.rng.favourite(u64::from(self.relay.clients));
        let from = (world.client(9 + u64::from(self.host), client), client_port(&mut self.rng));
        let inbound = Flow::inbound(self.host, now, from, self.relay.port);
        if now >= cut {
            world.open(inbound.unanswered());
        } else if self.rng.chance(25) {
            self.hang(inbound, world);
        } else if self.relay.kind == RelayKind::Web {
            self.pages(now, client, inbound, world);
        } else {
            self.one_target(now, client, inbound, world);
        }
        Some(self.next(now, cut))
    }
}

/// How many characters an address has.
fn dotted(addr: u32) -> u64 {
    3 + addr.to_be_bytes().iter().map(|&octet| 1 + u64::from(octet > 9) + u64::from(octet > 99)).sum::<u64>()
}
