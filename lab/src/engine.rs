//! The device between inside and outside: numbers the connections, translates the addresses, and tells its witnesses.

use std::collections::{HashMap, VecDeque};
use std::io;

use crate::actors::Cast;
use crate::civil::{HOUR, SECOND};
use crate::flow::{Denial, Event, Flow, Leg, Pair, Proto};
use crate::host::{Nat, POOL, POOL_SIZE, SHARED, SHARED_COUNT, populate};
use crate::rng::Rng;
use crate::scenario::Scenario;
use crate::truth::{Tally, Truth};
use crate::wheel::Wheel;
use crate::world::{Due, Refusal, World};

/// How long an address stays with a host that does not use it.
const SLOT_IDLE: u64 = HOUR;
/// How long a port stays with a connection that has ended.
const PORT_IDLE: u64 = 30 * SECOND;
/// When a client sends its SYN again, after no answer.
const RETRY: u64 = 3 * SECOND;
/// Where the device's count of connections stands when the log begins.
const FIRST_ID: u64 = 135_480_319;

/// A witness: hears of everything, in order of time.
pub trait Sink {
    /// Something happened at `at` (microseconds since 1970).
    ///
    /// # Errors
    /// When it cannot write.
    fn event(&mut self, at: u64, event: Event<'_>) -> io::Result<()>;

    /// Two legs are one relayed session's. Said when the outbound one ends, or the log.
    ///
    /// # Errors
    /// When it cannot write.
    fn pair(&mut self, _pair: Pair) -> io::Result<()> {
        Ok(())
    }

    /// The log ends.
    ///
    /// # Errors
    /// When it cannot write.
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Makes a case, in memory that depends on the hosts and on what is open at a time, and not on how long the log is.
///
/// # Errors
/// When the scenario is impossible, or the sink cannot write.
pub fn run(scenario: &Scenario, sink: &mut dyn Sink) -> io::Result<Truth> {
    scenario.check().map_err(io::Error::other)?;
    let hosts = populate(scenario);
    let cast = Cast::of(scenario, &hosts);
    let tally = Tally::new(scenario, &hosts);
    let world = World::new(scenario.seed, scenario.begin(), hosts);
    let mut device = Device::new(scenario, world, tally, sink);
    device.begin(scenario.begin())?;
    let end = device.play(scenario, cast)?;
    device.end(end, scenario)
}

/// Whose an address outside is, or was last.
#[derive(Clone, Copy)]
struct Lent {
    host: u32,
    held: bool,
    /// Whether another host had it before.
    shared: bool,
}

/// The ports of one shared address: those in use, and where the search for the next one begins.
struct Shared {
    used: Vec<u64>,
    next: u16,
}

impl Shared {
    fn new() -> Self {
        Self { used: vec![0; 1024], next: 1024 }
    }

    fn take(&mut self) -> u16 {
        // One in eight would do: there are 64,000, and a few thousand in use.
        for _ in 0..u16::MAX {
            self.next = if self.next == u16::MAX { 1024 } else { self.next + 1 };
            if self.used[usize::from(self.next / 64)] >> (self.next % 64) & 1 == 0 {
                break;
            }
        }
        self.used[usize::from(self.next / 64)] |= 1 << (self.next % 64);
        self.next
    }

    fn give_back(&mut self, port: u16) {
        self.used[usize::from(port / 64)] &= !(1 << (port % 64));
    }
}

struct Device<'a> {
    world: World,
    tally: Tally,
    sink: &'a mut dyn Sink,
    pool: VecDeque<u32>,
    shared: Vec<Shared>,
    lent: HashMap<u32, Lent>,
    next_id: u64,
    lines: u64,
    limit: u64,
}

impl<'a> Device<'a> {
    fn new(scenario: &Scenario, world: World, tally: Tally, sink: &'a mut dyn Sink) -> Self {
        let mut pool: VecDeque<u32> = (1..=POOL_SIZE).map(|last| POOL + last).collect();
        let mut rng = Rng::new(scenario.seed, u64::MAX);
        for place in (1..pool.len()).rev() {
            pool.swap(place, rng.below(place as u64 + 1) as usize);
        }
        let shared = (0..SHARED_COUNT).map(|_| Shared::new()).collect();
        let limit = scenario.lines.unwrap_or(u64::MAX);
        let lent = HashMap::new();
        Self { world, tally, sink, pool, shared, lent, next_id: FIRST_ID, lines: 0, limit }
    }

    /// The translations that are configured.
    fn begin(&mut self, at: u64) -> io::Result<()> {
        for number in 0..self.world.hosts.len() {
            let host = &mut self.world.hosts[number];
            if let Nat::Fixed(outside) = host.nat {
                host.slot_since = Some(at);
                let event = Event::SlotBuilt { fixed: true, inside: host.addr, outside };
                self.lend(outside, number as u32);
                self.line(at, event)?;
            }
        }
        Ok(())
    }

    /// Second by second: lets the actors act, then tells what became due. Says when the log ended.
    fn play(&mut self, scenario: &Scenario, mut cast: Cast) -> io::Result<u64> {
        let mut wakes = Wheel::new(scenario.begin());
        for (number, (first, _)) in cast.actors.iter().enumerate() {
            wakes.push(*first, number as u32);
        }
        let (mut acting, mut due) = (Vec::new(), Vec::new());
        for second in scenario.begin() / SECOND..scenario.end() / SECOND {
            loop {
                wakes.take(second, &mut acting);
                if acting.is_empty() {
                    break;
                }
                for &(now, number) in &acting {
                    if let Some(next) = cast.actors[number as usize].1.act(now, &mut self.world) {
                        wakes.push(next.max(now + 1), number);
                    }
                }
            }
            self.world.due.take(second, &mut due);
            for &(at, what) in &due {
                self.due(at, what)?;
                if self.lines >= self.limit {
                    return Ok(at + 1);
                }
            }
        }
        Ok(scenario.end())
    }

    /// What is still open is never heard of again.
    fn end(mut self, end: u64, scenario: &Scenario) -> io::Result<Truth> {
        let open: Vec<Flow> = self.world.flows.all().iter().filter(|flow| flow.id != 0).cloned().collect();
        for mut flow in open {
            flow.delivered = false;
            self.pair(&flow)?;
        }
        self.sink.finish()?;
        let lent = self.lent;
        let shared = |address: u32| lent.get(&address).is_some_and(|lent| lent.shared);
        Ok(self.tally.finish(end, self.lines, scenario, &self.world.hosts, &shared))
    }

    /// One line of the device's.
    fn line(&mut self, at: u64, event: Event<'_>) -> io::Result<()> {
        self.lines += 1;
        self.sink.event(at, event)
    }

    fn due(&mut self, at: u64, due: Due) -> io::Result<()> {
        match due {
            Due::Built(place) => self.built(at, place),
            Due::Over(place) => {
                let flow = self.world.flows.get(place);
                if flow.denied { Ok(()) } else { self.sink.event(at, Event::Over(flow)) }
            }
            Due::Teardown(place) => self.teardown(at, place),
            Due::PortTeardown(place) => self.port_teardown(at, place),
            Due::SlotCheck(host) => self.slot_check(at, host),
            Due::Denied(place) => {
                let refusal = *self.world.refusals.get(place);
                self.world.refusals.release(place);
                self.denied(at, refusal)
            }
        }
    }

    fn built(&mut self, at: u64, place: u32) -> io::Result<()> {
        let mut flow = self.world.flows.get(place).clone();
        flow.denied = !self.translate(at, &mut flow)?;
        if !flow.denied {
            flow.id = self.next_id;
            self.next_id += 1;
            self.enter_session(&mut flow);
            self.line(at, Event::Built(&flow))?;
            if let Some(relay) = self.world.hosts[flow.host as usize].relay {
                self.tally.built(relay, &flow);
            }
        }
        *self.world.flows.get(place) = flow;
        Ok(())
    }

    fn enter_session(&mut self, flow: &mut Flow) {
        match flow.leg {
            Leg::Neither => {}
            Leg::In => self.world.sessions.get(flow.session).in_id = flow.id,
            Leg::Out => {
                let session = self.world.sessions.get(flow.session);
                flow.pair_in = session.in_id;
                session.out_legs -= 1;
                if session.out_legs == 0 {
                    self.world.sessions.release(flow.session);
                }
            }
        }
    }

    /// Finds what the inside end is outside; `false` where nobody outside can reach it.
    fn translate(&mut self, at: u64, flow: &mut Flow) -> io::Result<bool> {
        match self.world.hosts[flow.host as usize].nat {
            Nat::Fixed(outside) => (flow.mapped, flow.mapped_port) = (outside, flow.inside_port),
            Nat::Dynamic => return self.slot(at, flow),
            Nat::Shared(_) if flow.inbound => return Ok(false),
            Nat::Shared(number) => {
                flow.mapped = SHARED + u32::from(number);
                flow.mapped_port = self.shared[usize::from(number)].take();
                self.line(at, Event::PortBuilt(flow))?;
            }
        }
        Ok(true)
    }

    fn slot(&mut self, at: u64, flow: &mut Flow) -> io::Result<bool> {
        let host = &mut self.world.hosts[flow.host as usize];
        if host.slot_since.is_none() {
            if flow.inbound {
                let to = (host.slot, flow.inside_port);
                let from = (flow.outside, flow.outside_port);
                // Somebody who knows an address that the host has no more.
                if to.0 != 0 {
                    let refusal = Refusal { why: Denial::Inbound, from, to, inside: Some(host.addr) };
                    self.world.refuse(at + RETRY, refusal);
                    self.denied(at, refusal)?;
                }
                return Ok(false);
            }
            host.slot = self.pool.pop_front().ok_or_else(|| io::Error::other("the pool of addresses is used up"))?;
            host.slot_since = Some(at);
            let (inside, outside, relay) = (host.addr, host.slot, host.relay);
            if let Some(relay) = relay {
                self.tally.address(relay, outside);
            }
            self.lend(outside, flow.host);
            self.line(at, Event::SlotBuilt { fixed: false, inside, outside })?;
        }
        let host = &mut self.world.hosts[flow.host as usize];
        host.open += 1;
        (flow.mapped, flow.mapped_port) = (host.slot, flow.inside_port);
        Ok(true)
    }

    fn lend(&mut self, outside: u32, host: u32) {
        let lent = self.lent.entry(outside).or_insert(Lent { host, held: true, shared: false });
        *lent = Lent { host, held: true, shared: lent.shared || lent.host != host };
    }

    /// A packet is stopped. It is an attempt at whom its address names, if that is one host.
    fn denied(&mut self, at: u64, Refusal { why, from, to, inside }: Refusal) -> io::Result<()> {
        let asks = matches!(why, Denial::Inbound | Denial::List(Proto::Tcp));
        if let Some(lent) = self.lent.get(&to.0).filter(|_| asks)
            && let Some(relay) = self.world.hosts[lent.host as usize].relay
        {
            self.tally.denied(relay, at, (from, to), lent.held);
        }
        self.line(at, Event::Denied { why, from, to, inside })
    }

    fn teardown(&mut self, at: u64, place: u32) -> io::Result<()> {
        let flow = self.world.flows.get(place).clone();
        if flow.denied {
            self.world.flows.release(place);
            return Ok(());
        }
        if !flow.ending.is_timer() {
            self.sink.event(at, Event::Over(&flow))?;
        }
        self.line(at, Event::Teardown(&flow))?;
        if let Some(relay) = self.world.hosts[flow.host as usize].relay {
            self.tally.ended(relay, &flow);
        }
        self.pair(&flow)?;
        self.world.flows.get(place).id = 0;
        let host = &mut self.world.hosts[flow.host as usize];
        match host.nat {
            Nat::Shared(_) => self.world.due.push(at + PORT_IDLE, Due::PortTeardown(place)),
            Nat::Fixed(_) => self.world.flows.release(place),
            Nat::Dynamic => {
                host.open -= 1;
                if host.open == 0 {
                    host.idle_since = at;
                    self.world.due.push(at + SLOT_IDLE, Due::SlotCheck(flow.host));
                }
                self.world.flows.release(place);
            }
        }
        Ok(())
    }

    fn pair(&mut self, flow: &Flow) -> io::Result<()> {
        if flow.leg != Leg::Out || flow.pair_in == 0 {
            return Ok(());
        }
        if let Some(relay) = self.world.hosts[flow.host as usize].relay {
            self.tally.paired(relay);
        }
        let pair = Pair { in_id: flow.pair_in, out_id: flow.id, delivered: flow.delivered, host: flow.inside };
        self.sink.pair(pair)
    }

    fn port_teardown(&mut self, at: u64, place: u32) -> io::Result<()> {
        let flow = self.world.flows.get(place).clone();
        self.world.flows.release(place);
        self.shared[(flow.mapped - SHARED) as usize].give_back(flow.mapped_port);
        self.line(at, Event::PortTeardown(&flow, (at - flow.start) / SECOND))
    }

    fn slot_check(&mut self, at: u64, number: u32) -> io::Result<()> {
        let host = &mut self.world.hosts[number as usize];
        if host.open > 0 || at < host.idle_since + SLOT_IDLE {
            return Ok(());
        }
        let Some(since) = host.slot_since.take() else { return Ok(()) };
        self.pool.push_back(host.slot);
        let event = Event::SlotTeardown { inside: host.addr, outside: host.slot, held: (at - since) / SECOND };
        if let Some(lent) = self.lent.get_mut(&host.slot) {
            lent.held = false;
        }
        if let Some(relay) = host.relay {
            self.tally.released(relay, since, at);
        }
        self.line(at, event)
    }
}
