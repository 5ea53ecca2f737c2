//! The network: addresses, how far away they are, and the connections that are about to begin.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::dns;
use super::frame::v4;
use super::plan::{Opening, Plan, Side, Transport};
use super::talk::Talk;
use super::truth::LegTruth;
use crate::rng::{Rng, mix};

/// 172.28.0.0/16.
const INSIDE: u32 = 0xac1c_0000;
/// The third octet of the hosts' addresses.
const SUBNET: u32 = 220;
/// What `truth.json` calls our addresses.
pub(crate) const INSIDE_NETS: &str = "172.28.0.0/16,2001:db8:28::/48";
/// Microseconds to an outside host and back: from a cache round the corner to another continent.
const FAR: [u64; 9] = [2_500, 9_000, 14_000, 22_000, 31_000, 60_000, 95_000, 140_000, 240_000];

/// Messages in a thousand that do not arrive as they were sent.
const SPOILT: u64 = 12;

/// A session's legs by number of connection, until they are over.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) component: &'static str,
    pub(crate) relay: Option<(IpAddr, u16)>,
    pub(crate) by: IpAddr,
    pub(crate) servers: Vec<SocketAddr>,
    pub(crate) proto: &'static str,
    pub(crate) outcome: &'static str,
    pub(crate) delivered: u32,
    pub(crate) ins: Vec<u32>,
    pub(crate) outs: Vec<u32>,
}

/// What actors act on.
#[derive(Debug)]
pub(crate) struct Net {
    seed: u64,
    vlans: bool,
    /// No answer is longer.
    longest: u64,
    next: u32,
    ports: HashMap<IpAddr, u16>,
    /// Connections that have not begun.
    pub(crate) coming: Vec<Plan>,
    pub(crate) sessions: Vec<Session>,
    /// Relay and tunnel.
    pub(crate) tunnels: Vec<(IpAddr, u32)>,
    pub(crate) legs: HashMap<u32, LegTruth>,
}

impl Net {
    pub(crate) fn new(seed: u64, vlans: bool, longest: u64) -> Self {
        Self {
            seed,
            vlans,
            longest,
            next: 0,
            ports: HashMap::new(),
            coming: Vec::new(),
            sessions: Vec::new(),
            tunnels: Vec::new(),
            legs: HashMap::new(),
        }
    }

    /// How much a server has to say: of the distribution with these quantiles.
    pub(crate) fn size(&self, rng: &mut Rng, quantiles: &[u64]) -> u64 {
        rng.draw(quantiles).min(self.longest)
    }

    /// A connection of `transport` at `at`, that nothing has been said on yet.
    pub(crate) fn plan(&mut self, transport: Transport, at: u64, from: SocketAddr, to: SocketAddr) -> Plan {
        self.next += 1;
        let turn = [from, to].map(|end| self.turn(end.ip()));
        let mut plan = Plan::new(self.next, transport, [from, to], turn, at);
        plan.spoilt = if transport == Transport::Tcp { SPOILT } else { 0 };
        let own = if inside(from.ip()) { from.ip() } else { to.ip() };
        plan.vlan = self.vlans.then(|| 100 + (mac(own)[5] % 4) as u16);
        plan
    }

    /// A TCP connection that is answered.
    pub(crate) fn call(&mut self, rng: &mut Rng, at: u64, from: IpAddr, to: SocketAddr) -> Talk {
        let from = SocketAddr::new(from, self.port(from));
        Talk::new(self.plan(Transport::Tcp, at, from, to), rng)
    }

    /// A TCP connection that is not; says when the caller knows that.
    pub(crate) fn call_in_vain(&mut self, at: u64, from: IpAddr, to: SocketAddr, opening: Opening) -> (Plan, u64) {
        let from = SocketAddr::new(from, self.port(from));
        let mut plan = self.plan(Transport::Tcp, at, from, to);
        plan.opening = opening;
        let known = match opening {
            Opening::Unanswered { .. } => at + 15_000_000,
            _ => at + plan.turn_of(Side::Resp),
        };
        let heard = known + plan.turn_of(Side::Orig);
        (plan, heard)
    }

    /// Lets a connection happen.
    pub(crate) fn start(&mut self, plan: Plan) -> u32 {
        let number = plan.number;
        self.coming.push(plan);
        number
    }

    /// Lets a leg happen: the truth tells of it.
    pub(crate) fn leg(&mut self, mut plan: Plan) -> u32 {
        plan.told = true;
        self.start(plan)
    }

    /// `host` asks its name server for `name`; says when it has the answer.
    pub(crate) fn look_up(&mut self, rng: &mut Rng, at: u64, host: IpAddr, name: &str, answer: IpAddr) -> u64 {
        let server = self.server(53, rng.below(2), host.is_ipv6());
        let from = SocketAddr::new(host, self.port(host));
        let mut plan = self.plan(Transport::Udp, at, from, SocketAddr::new(server, 53));
        let id = rng.next() as u16;
        plan.say(at, Side::Orig, dns::question(id, name, answer.is_ipv6()), rng);
        let answered = at + plan.turn_of(Side::Resp) + rng.draw(&[100, 300, 900, 9_000, 60_000]);
        let span = plan.say(answered, Side::Resp, dns::answer(id, name, answer), rng);
        let heard = span.end + plan.turn_of(Side::Orig);
        self.start(plan);
        heard
    }

    /// The port that a host's next connection comes from.
    pub(crate) fn port(&mut self, host: IpAddr) -> u16 {
        let first = 32768 + (number_of(host) % 20_000) as u16;
        let port = self.ports.entry(host).or_insert(first);
        // Linux steps by an odd stride or so; nothing here depends on which.
        *port = if *port > 60_000 { 32_768 + *port % 13 } else { *port + 2 };
        *port
    }

    /// Microseconds from the sensor to `host` and back: always the same for one host.
    pub(crate) fn turn(&self, host: IpAddr) -> u32 {
        let mut rng = Rng::new(self.seed, number_of(host));
        if inside(host) { rng.range(180, 900) as u32 } else { rng.draw(&FAR) as u32 }
    }

    /// Outside server `number` of `kind`.
    pub(crate) fn server(&self, kind: u64, number: u64, v6: bool) -> IpAddr {
        let drawn = mix(self.seed ^ (kind << 40) ^ number) & 0xffff;
        outside(0xc612_0000, drawn, v6)
    }

    /// Outside client `number` of `kind`.
    pub(crate) fn client(&self, kind: u64, number: u64) -> IpAddr {
        outside(0xc613_0000, mix(self.seed ^ (kind << 40) ^ number) & 0xffff, false)
    }
}

/// In 198.18.0.0/15 (RFC 2544), or in the documentation's 2001:db8::/32.
fn outside(base: u32, number: u64, v6: bool) -> IpAddr {
    if v6 {
        return Ipv6Addr::new(0x2001, 0xdb8, (base >> 16) as u16 & 0xff, 0, 0, 0, 0, number as u16).into();
    }
    v4(base | number as u32)
}

/// Our host `number`.
pub(crate) fn host(number: u32) -> IpAddr {
    v4(INSIDE + ((SUBNET - number / 240) << 8) + 10 + number % 240)
}

/// The same machine's IPv6 address.
pub(crate) fn twin(host: IpAddr) -> IpAddr {
    let number = number_of(host) as u16;
    Ipv6Addr::new(0x2001, 0xdb8, 0x28, 0, 0, 0, 0, number).into()
}

pub(crate) fn inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => u32::from(v4) >> 16 == INSIDE >> 16,
        IpAddr::V6(v6) => v6.segments()[2] == 0x28,
    }
}

fn number_of(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(v4) => u64::from(u32::from(v4)),
        IpAddr::V6(v6) => u128::from(v6) as u64 ^ (u128::from(v6) >> 64) as u64,
    }
}

/// Our hosts have cards of their own, the same for IPv4 and IPv6; everybody else is behind the router.
pub(crate) fn mac(address: IpAddr) -> [u8; 6] {
    let [high, low] = match address {
        IpAddr::V4(v4) => [v4.octets()[2], v4.octets()[3]],
        IpAddr::V6(v6) => v6.segments()[7].to_be_bytes(),
    };
    if inside(address) { [2, 0x1c, 0, 0, high, low] } else { [2, 0xff, 0, 0, 0, 1] }
}
