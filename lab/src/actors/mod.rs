//! Who makes connections, and when. An actor wakes, lets one thing happen, and says when it wakes again.

mod mail;
mod noise;
mod owner;
mod peer;
mod relay;
mod serve;
mod tunnel;

use crate::civil::{DAY, HOUR, MINUTE, SECOND};
use crate::flow::{Ending, Flow};
use crate::host::{Host, Role};
use crate::rng::{Rng, mix};
use crate::scenario::Scenario;
use crate::world::World;

/// Something that makes connections.
pub(crate) trait Actor {
    /// Lets happen what happens at `now`; says when it wants to be asked again.
    fn act(&mut self, now: u64, world: &mut World) -> Option<u64>;
}

/// Everybody, each with the time at which it first acts.
pub(crate) struct Cast {
    seed: u64,
    begin: u64,
    pace: u64,
    pub(crate) actors: Vec<(u64, Box<dyn Actor>)>,
}

impl Cast {
    /// The actors of a scenario.
    pub(crate) fn of(scenario: &Scenario, hosts: &[Host]) -> Self {
        let pace = u64::from(scenario.pace.max(1));
        let mut cast = Self { seed: scenario.seed, begin: scenario.begin(), pace, actors: Vec::new() };
        for (number, host) in hosts.iter().enumerate() {
            cast.host(scenario, number as u32, host);
        }
        cast.add(0, |_, rng| (rng.gap(MINUTE), Box::new(noise::Background::new(rng.clone(), pace, hosts.len()))));
        cast
    }

    /// Adds what `make` makes, which first acts so long after the beginning.
    fn add(&mut self, host: u32, make: impl FnOnce(u64, &mut Rng) -> (u64, Box<dyn Actor>)) {
        let stream = mix(u64::from(host) << 8) ^ self.actors.len() as u64;
        let mut rng = Rng::new(self.seed, stream);
        let (after, actor) = make(self.pace, &mut rng);
        self.actors.push((self.begin + after, actor));
    }

    fn host(&mut self, scenario: &Scenario, host: u32, it: &Host) {
        match it.role {
            Role::Ordinary => self.ordinary(host, it.addr),
            Role::Busy => self.browser(host, 20),
            Role::WebServer => {
                self.add(host, |pace, rng| (soon(rng, pace), Box::new(serve::Pages::new(host, rng, pace))))
            }
            Role::WebApp => {
                self.add(host, |pace, rng| (soon(rng, pace), Box::new(serve::Application::new(host, rng, pace))))
            }
            Role::Resolver => {
                self.add(host, |pace, rng| (soon(rng, pace), Box::new(serve::Names::new(host, rng, pace))))
            }
            Role::Health => {
                self.add(host, |pace, rng| (soon(rng, pace), Box::new(serve::Health::new(host, rng, pace))))
            }
            Role::Fetcher => {
                self.add(host, |pace, rng| (soon(rng, pace), Box::new(serve::Fetcher::new(host, rng, pace))));
                self.add(host, |pace, rng| (soon(rng, pace), Box::new(serve::Pages::new(host, rng, pace / 3 + 1))));
            }
            Role::MailIn => {
                self.add(host, |pace, rng| (soon(rng, pace), Box::new(mail::Server::new(host, rng, pace, false))))
            }
            Role::MailForward => {
                self.add(host, |pace, rng| (soon(rng, pace), Box::new(mail::Server::new(host, rng, pace, true))))
            }
            Role::Peer => self.add(host, |pace, rng| (rng.gap(MINUTE), Box::new(peer::Peer::new(host, rng, pace)))),
            Role::Scanned => self.scanned(host),
            Role::Vpn => {
                self.add(host, |_, rng| (rng.gap(HOUR), Box::new(tunnel::Tunnel::vpn(host, rng))));
                self.browser(host, 1);
            }
            Role::Relay(number) => self.infected(scenario, host, number),
        }
    }

    fn browser(&mut self, host: u32, busy: u64) {
        self.add(host, |pace, rng| {
            let first = rng.gap(20 * MINUTE * 1000 / pace / busy);
            (first, Box::new(owner::Browser::new(host, rng, pace * busy)))
        });
    }

    /// What else its owner likes is the same in every run of the seed, and of its address only.
    fn ordinary(&mut self, host: u32, addr: u32) {
        self.browser(host, 1);
        for (number, liked) in likes_of(self.seed, addr).into_iter().enumerate() {
            if !liked {
                continue;
            }
            match number {
                0 => self.add(host, |pace, rng| (rng.gap(HOUR), Box::new(owner::Mailbox::new(host, rng, pace, 110)))),
                1 => self.add(host, |pace, rng| (rng.gap(HOUR), Box::new(owner::Mailbox::new(host, rng, pace, 143)))),
                2 => self.add(host, |pace, rng| (rng.gap(HOUR), Box::new(owner::Clock::new(host, rng, pace)))),
                _ => self.add(host, |_, rng| (rng.gap(3 * HOUR), Box::new(tunnel::Tunnel::chat(host, rng)))),
            }
        }
    }

    fn scanned(&mut self, host: u32) {
        self.browser(host, 1);
        self.add(host, |pace, rng| (rng.gap(DAY / 4), Box::new(noise::PortScan::new(rng, host, pace))));
        self.add(host, |_, rng| {
            (rng.gap(4 * HOUR), Box::new(noise::Asker::new(rng, host, (1180, 1185), u64::MAX, 9 * HOUR)))
        });
    }

    fn infected(&mut self, scenario: &Scenario, host: u32, number: u16) {
        let relay = &scenario.relays[usize::from(number)];
        let infected = self.begin + relay.infected;
        self.browser(host, 1);
        // A messenger that is always there keeps the translation, so that clients find the host where they found it.
        self.add(host, |_, rng| (rng.below(MINUTE), Box::new(tunnel::Tunnel::chat(host, rng).always())));
        let every = (relay.infected / 2).max(HOUR);
        self.add(host, |_, rng| {
            (rng.gap(every / 3) + 2 * MINUTE, Box::new(noise::Asker::new(rng, host, relay.asked, infected, every)))
        });
        self.add(host, |_, rng| {
            // Somebody has to find it first.
            let found = relay.infected + rng.range(MINUTE, 20 * MINUTE);
            (found, Box::new(relay::Clients::new(rng, host, relay, infected)))
        });
    }
}

/// What the owner of an ordinary host does beside browsing: POP, IMAP, NTP, chat.
pub(crate) fn likes_of(seed: u64, addr: u32) -> [bool; 4] {
    owner::likes(mix(seed ^ u64::from(addr)))
}

/// How much people do in each hour of the day, in thousandths of the average.
const RHYTHM: [u64; 24] = [
    600, 400, 250, 200, 200, 250, 400, 700, 1000, 1200, 1300, 1400, 1400, 1400, 1400, 1400, 1400, 1350, 1300, 1300,
    1300, 1200, 1000, 800,
];

/// When a server is asked for the first time.
fn soon(rng: &mut Rng, pace: u64) -> u64 {
    rng.gap(MINUTE * 1000 / pace)
}

/// When something comes next that comes every `mean` on average, by people.
fn next_of_people(rng: &mut Rng, now: u64, mean: u64) -> u64 {
    // A gap of the average hour, stretched or shortened hour by hour.
    let (mut at, mut left) = (now + 1, rng.gap(mean));
    loop {
        let rhythm = RHYTHM[(at % DAY / HOUR) as usize];
        let hour = HOUR - at % HOUR;
        let fits = hour * rhythm / 1000;
        if left < fits {
            return at + left * 1000 / rhythm;
        }
        left -= fits;
        at += hour;
    }
}

/// How an ordinary connection of `life` ends: with all that goes wrong on any day.
fn ordinary_end(rng: &mut Rng, flow: Flow, life: u64) -> Flow {
    let flow = sent_twice(rng, flow);
    match rng.below(1000) {
        0..18 if !flow.inbound => flow.unanswered(),
        18..23 => flow.refused(rng.clone().range(2_000, 90_000)),
        23..28 => flow.ends(life, Ending::FinTimeout),
        28..31 => flow.ends(life, Ending::IdleTimeout),
        31..110 => flow.ends(life, Ending::ResetInside),
        110..150 => flow.ends(life, Ending::ResetOutside),
        _ => flow.ends(life, Ending::Fins),
    }
}

/// A lost segment now and then, which the device counts twice.
fn sent_twice(rng: &mut Rng, mut flow: Flow) -> Flow {
    if rng.chance(25) && flow.up.max(flow.down) > 1460 {
        flow.resent = if rng.chance(900) { 1460 } else { 2920 };
    }
    flow
}

/// How long a page or a file of so many bytes takes.
fn life(rng: &mut Rng, bytes: u64) -> u64 {
    let wait = rng.draw(&[60_000, 150_000, 300_000, 700_000, 2 * SECOND, 15 * SECOND]);
    wait + bytes * rng.range(8, 60)
}

/// What a page, an image or a script on the web of 2003 has.
const PAGE: [u64; 10] = [180, 340, 700, 1400, 2600, 4800, 9000, 17_000, 42_000, 180_000];
