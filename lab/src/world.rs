//! What the actors act on: the hosts, and the connections that are open or to come.

use crate::civil::SECOND;
use crate::flow::{Denial, Flow, Leg};
use crate::host::Host;
use crate::rng::{Rng, mix};
use crate::wheel::Wheel;

/// What the device has to look at, by number of the connection, host or denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    Built(u32),
    Over(u32),
    Teardown(u32),
    PortTeardown(u32),
    SlotCheck(u32),
    Denied(u32),
}

/// A packet that will be denied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) why: Denial,
    pub(crate) from: (u32, u16),
    pub(crate) to: (u32, u16),
    pub(crate) inside: Option<u32>,
}

/// How long an observer of packets waits before it calls a connection over that did not end.
const OVER_AFTER: u64 = 5 * SECOND;
/// The outside server that names are asked of: 198.51.100.53.
const NAME_SERVER: (u32, u16) = (0xc633_6435, 53);

/// Places that are reused.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    places: Vec<T>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn add(&mut self, item: T) -> u32 {
        if let Some(place) = self.free.pop() {
            self.places[place as usize] = item;
            return place;
        }
        self.places.push(item);
        (self.places.len() - 1) as u32
    }

    pub(crate) fn get(&mut self, place: u32) -> &mut T {
        &mut self.places[place as usize]
    }

    pub(crate) fn release(&mut self, place: u32) {
        self.free.push(place);
    }

    /// All places, those that were released too.
    pub(crate) fn all(&self) -> &[T] {
        &self.places
    }
}

/// A relayed session of which not all legs are over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    pub(crate) in_id: u64,
    pub(crate) out_legs: u32,
}

pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) hosts: Vec<Host>,
    pub(crate) flows: Slab<Flow>,
    pub(crate) sessions: Slab<Session>,
    pub(crate) refusals: Slab<Refusal>,
    pub(crate) due: Wheel<Due>,
}

impl World {
    pub(crate) fn new(seed: u64, begin: u64, hosts: Vec<Host>) -> Self {
        let due = Wheel::new(begin);
        Self { seed, hosts, flows: Slab::new(), sessions: Slab::new(), refusals: Slab::new(), due }
    }

    /// Lets a connection happen. A host that is off the network opens none, and answers none.
    pub(crate) fn open(&mut self, mut flow: Flow) {
        let host = &self.hosts[flow.host as usize];
        flow.inside = host.addr;
        if flow.start >= host.cut {
            if !flow.inbound {
                return;
            }
            flow = flow.unanswered();
        } else {
            flow = flow.cut_at(host.cut);
        }
        let (start, last, end, timer) = (flow.start, flow.last, flow.end, flow.ending.is_timer());
        let place = self.flows.add(flow);
        self.due.push(start, Due::Built(place));
        if timer {
            self.due.push((last + OVER_AFTER).min(end), Due::Over(place));
        }
        self.due.push(end, Due::Teardown(place));
    }

    /// Lets the legs of a relayed session happen: none that would open when the host is off the network.
    pub(crate) fn relay(&mut self, inbound: Flow, mut outbound: Vec<Flow>) {
        let cut = self.hosts[inbound.host as usize].cut;
        outbound.retain(|flow| flow.start < cut);
        if outbound.is_empty() {
            return self.open(inbound);
        }
        let session = self.sessions.add(Session { in_id: 0, out_legs: outbound.len() as u32 });
        self.open(inbound.leg(Leg::In, session));
        for flow in outbound {
            self.open(flow.leg(Leg::Out, session));
        }
    }

    /// A packet is denied.
    pub(crate) fn deny(&mut self, at: u64, why: Denial, from: (u32, u16), to: (u32, u16)) {
        self.refuse(at, Refusal { why, from, to, inside: None });
    }

    pub(crate) fn refuse(&mut self, at: u64, refusal: Refusal) {
        let place = self.refusals.add(refusal);
        self.due.push(at, Due::Denied(place));
    }

    /// The port that the host's next connection opens from: Windows of the time goes round from 1025 to 5000.
    pub(crate) fn port(&mut self, host: u32) -> u16 {
        let port = &mut self.hosts[host as usize].port;
        *port = if *port >= 5000 { 1025 } else { *port + 1 };
        *port
    }

    /// TCP to the outside.
    pub(crate) fn call(&mut self, host: u32, at: u64, outside: (u32, u16)) -> Flow {
        let port = self.port(host);
        Flow::outbound(host, at, port, outside)
    }

    /// The host asks for a name; says when it has the answer.
    pub(crate) fn look_up(&mut self, rng: &mut Rng, host: u32, at: u64) -> u64 {
        let port = self.port(host);
        let took = rng.draw(&[9_000, 21_000, 34_000, 60_000, 190_000]);
        let (up, down) = (rng.range(28, 46), rng.range(60, 240));
        self.open(Flow::outbound(host, at, port, NAME_SERVER).bytes(up, down).udp(took));
        at + took
    }

    /// Outside server number `number` of a kind: in 198.18.0.0/16.
    pub(crate) fn server(&self, kind: u64, number: u64) -> u32 {
        0xc612_0000 | (mix(self.seed ^ (kind << 40) ^ number) & 0xffff) as u32
    }

    /// Outside client number `number` of a kind: in 198.19.0.0/16.
    pub(crate) fn client(&self, kind: u64, number: u64) -> u32 {
        0xc613_0000 | (mix(self.seed ^ (kind << 40) ^ number) & 0xffff) as u32
    }
}

/// A port that a client outside opens from.
pub(crate) fn client_port(rng: &mut Rng) -> u16 {
    rng.range(1025, 64_999) as u16
}
