//! Relays that strangers connect to: SOCKS, CONNECT, and the proxy that fetches pages.

use std::net::{IpAddr, SocketAddr};

use super::net::{Net, Session, twin};
use super::payload::Payload;
use super::plan::{Close, Opening, Plan, Side};
use super::smtp::{self, Mood};
use super::talk::{Line, Talk, through};
use super::web;
use crate::rng::Rng;

/// What a relay speaks to its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speech {
    Socks,
    Connect,
    Web,
}

/// How a client names its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Connect,
    /// By address, or by name (4a).
    Socks4 {
        by_name: bool,
    },
    Socks5 {
        by_name: bool,
    },
}

impl Manner {
    fn by_name(self) -> bool {
        !matches!(self, Self::Socks4 { by_name: false } | Self::Socks5 { by_name: false })
    }
}

/// A relay, and the way that it goes out by.
#[derive(Clone, Debug)]
pub(crate) struct Forward {
    pub(crate) speech: Speech,
    pub(crate) host: IpAddr,
    pub(crate) port: u16,
    pub(crate) clients: u64,
    /// In by IPv4, out by IPv6.
    pub(crate) out_v6: bool,
    /// The relay that this one's clients go on through.
    pub(crate) next: Option<Box<Forward>>,
}

/// What a session is to reach.
#[derive(Debug)]
struct Target {
    name: String,
    end: SocketAddr,
    component: &'static str,
    lines: Vec<Line>,
    accepted: u32,
    outcome: &'static str,
    opening: Opening,
}

impl Forward {
    /// A client comes.
    pub(crate) fn session(&self, net: &mut Net, rng: &mut Rng, now: u64) {
        if self.speech == Speech::Web {
            return self.pages(net, rng, now);
        }
        let mut inbound = self.arrive(net, rng, now);
        let target = self.target(net, rng);
        let manner = self.manner(rng);
        ask(&mut inbound, &target, manner);
        match target.opening {
            Opening::Answered => self.relayed(net, rng, inbound, &target, manner),
            _ => self.vain(net, rng, inbound, target, manner),
        }
    }

    /// This relay and those behind it, in the order in which a session goes through them.
    fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |relay| relay.next.as_deref())
    }

    fn manner(&self, rng: &mut Rng) -> Manner {
        let (kind, named) = (rng.below(2), rng.chance(500));
        match (self.speech, kind) {
            (Speech::Connect, _) => Manner::Connect,
            (_, 0) => Manner::Socks4 { by_name: named || self.out_v6 },
            _ => Manner::Socks5 { by_name: named || self.out_v6 },
        }
    }

    fn arrive(&self, net: &mut Net, rng: &mut Rng, now: u64) -> Talk {
        let client = net.client(9 + u64::from(self.port), rng.favourite(self.clients));
        net.call(rng, now, client, SocketAddr::new(self.host, self.port))
    }

    /// Mostly mail, as these relays are for, and some of everything else.
    fn target(&self, net: &Net, rng: &mut Rng) -> Target {
        let number = rng.favourite(60);
        let opening = match rng.below(100) {
            0..=5 => Opening::Refused,
            6..=9 => Opening::Unanswered { again: 3 },
            _ => Opening::Answered,
        };
        let at = |kind, port| SocketAddr::new(net.server(kind, number, self.out_v6), port);
        let mut target = Target {
            name: format!("mx{number}.m{}.example", number * 7 % 40),
            end: at(25, 25),
            component: "smtp",
            lines: Vec::new(),
            accepted: 0,
            outcome: "ok",
            opening,
        };
        match rng.below(10) {
            0..=5 => {
                let mail = mail(rng);
                (target.lines, target.accepted, target.outcome) = (mail.lines, mail.accepted, mail.outcome);
            }
            6 | 7 => {
                (target.name, target.end, target.component) = (format!("www{number}.example"), at(80, 80), "http");
                for _ in 0..rng.range(1, 3) {
                    let len = net.size(rng, &[400, 4_000, 15_000, 60_000]);
                    target.lines.extend(web::get(rng, &target.name, len, false));
                }
            }
            _ => {
                (target.name, target.end, target.component) = (format!("shop{number}.example"), at(443, 443), "tls");
                let exchanges = [(rng.range(300, 900), net.size(rng, &[900, 8_000, 30_000, 120_000]))];
                target.lines = web::tls(rng, &target.name, &exchanges);
            }
        }
        target
    }

    fn relayed(&self, net: &mut Net, rng: &mut Rng, inbound: Talk, target: &Target, manner: Manner) {
        let mut legs = vec![inbound];
        for relay in self.chain() {
            let last = &legs[legs.len() - 1];
            let ready = relay.ready(net, rng, last, target, manner);
            let to = relay.next.as_ref().map_or(target.end, |next| SocketAddr::new(next.host, next.port));
            let mut outbound = net.call(rng, ready, relay.way_out(), to);
            if relay.next.is_some() {
                ask(&mut outbound, target, Manner::Socks5 { by_name: true });
            }
            legs.push(outbound);
        }
        through_is_open(&mut legs, manner);
        through(&mut legs, &target.lines);
        finish(rng, &mut legs);
        for leg in &mut legs[1..] {
            leg.plan.accepted = target.accepted;
        }
        let plans: Vec<Plan> = legs.into_iter().map(|leg| leg.plan).collect();
        let (client, numbers) =
            (plans[0].ends[0].ip(), plans.into_iter().map(|plan| net.leg(plan)).collect::<Vec<_>>());
        for (relay, pair) in self.chain().zip(numbers.windows(2)) {
            relay.tell(net, client, pair, target);
        }
    }

    /// Nobody is there.
    fn vain(&self, net: &mut Net, rng: &mut Rng, mut inbound: Talk, target: Target, manner: Manner) {
        let ready = self.ready(net, rng, &inbound, &target, manner);
        let (plan, known) = net.call_in_vain(ready, self.way_out(), target.end, target.opening);
        inbound.say_at(known, Side::Resp, reply(manner, false));
        inbound.close(Side::Resp);
        let client = inbound.plan.ends[0].ip();
        let legs = [net.leg(inbound.plan), net.leg(plan)];
        self.tell(net, client, &legs, &Target { accepted: 0, outcome: "upstream-failed", ..target });
    }

    /// When the relay knows where to go, which may take a look-up.
    fn ready(&self, net: &mut Net, rng: &mut Rng, inbound: &Talk, target: &Target, manner: Manner) -> u64 {
        let asked = inbound.heard_by(Side::Resp) + rng.range(100, 900);
        if manner.by_name() && self.next.is_none() && rng.chance(600) {
            return net.look_up(rng, asked, self.host, &target.name, target.end.ip());
        }
        asked
    }

    fn way_out(&self) -> IpAddr {
        if self.out_v6 { twin(self.host) } else { self.host }
    }

    /// One session for the truth; `legs`: in and out.
    fn tell(&self, net: &mut Net, by: IpAddr, legs: &[u32], target: &Target) {
        net.sessions.push(Session {
            component: target.component,
            relay: Some((self.host, self.port)),
            by,
            servers: vec![target.end],
            proto: if self.speech == Speech::Socks { "socks" } else { "connect" },
            outcome: target.outcome,
            delivered: target.accepted,
            ins: legs[..1].to_vec(),
            outs: legs[1..].to_vec(),
        });
    }

    /// Pages asked of a proxy: one connection to it, one to each server that is asked.
    fn pages(&self, net: &mut Net, rng: &mut Rng, now: u64) {
        let mut inbound = self.arrive(net, rng, now);
        let (mut outs, mut servers) = (Vec::new(), Vec::new());
        for _ in 0..1 + rng.below(2) {
            let number = rng.favourite(60);
            let (name, end) =
                (format!("www{number}.example"), SocketAddr::new(net.server(80, number, self.out_v6), 80));
            if !servers.contains(&end) {
                servers.push(end);
                outs.push(self.fetch(net, rng, &mut inbound, &name, end));
            }
        }
        inbound.close(Side::Orig);
        let session = Session {
            component: "web-proxy",
            relay: Some((self.host, self.port)),
            by: inbound.plan.ends[0].ip(),
            servers,
            proto: "http-proxy",
            outcome: "ok",
            delivered: 0,
            ins: vec![net.leg(inbound.plan)],
            outs: outs.into_iter().map(|plan| net.leg(plan)).collect(),
        };
        net.sessions.push(session);
    }

    fn fetch(&self, net: &mut Net, rng: &mut Rng, inbound: &mut Talk, name: &str, end: SocketAddr) -> Plan {
        let mut outbound: Option<Talk> = None;
        for _ in 0..rng.range(1, 4) {
            let len = net.size(rng, &[300, 3_000, 20_000, 90_000]);
            let lines = web::get(rng, name, len, true);
            let heard = inbound.say(Side::Orig, lines[0].think, lines[0].payload.clone());
            let outbound = outbound.get_or_insert_with(|| {
                let asked = inbound.heard_by(Side::Resp) + rng.range(200, 900);
                let ready = net.look_up(rng, asked, self.host, name, end.ip());
                net.call(rng, ready, self.way_out(), end)
            });
            outbound.carry(heard, Side::Orig, rewritten(&lines[0].payload, name));
            for line in &lines[1..] {
                let heard = outbound.say(Side::Resp, line.think, line.payload.clone());
                inbound.carry(heard, Side::Resp, line.payload.clone());
            }
        }
        let mut outbound = outbound.unwrap_or_else(|| net.call(rng, inbound.now, self.way_out(), end));
        // The proxy keeps the server's connection for a while: somebody may ask again.
        outbound.wait(rng.draw(&[1_000_000, 5_000_000, 19_000_000]));
        outbound.close(Side::Orig);
        outbound.plan
    }
}

/// A client says where it wants to go.
fn ask(talk: &mut Talk, target: &Target, manner: Manner) {
    match manner {
        Manner::Connect => {
            let (name, port) = (&target.name, target.end.port());
            let request = format!("CONNECT {name}:{port} HTTP/1.1\r\nHost: {name}:{port}\r\n\r\n");
            talk.say(Side::Orig, 300, Payload::text(request));
        }
        Manner::Socks4 { by_name } => {
            talk.say(Side::Orig, 300, Payload::text(socks4(target, by_name)));
        }
        Manner::Socks5 { by_name } => {
            talk.say(Side::Orig, 300, Payload::text([5, 1, 0]));
            talk.say(Side::Resp, 100, Payload::text([5, 0]));
            talk.say(Side::Orig, 300, Payload::text(socks5(target, by_name)));
        }
    }
}

/// What the relay answers when it has got through, or has not.
fn reply(manner: Manner, through: bool) -> Payload {
    match (manner, through) {
        (Manner::Connect, true) => Payload::text("HTTP/1.1 200 Connection established\r\n\r\n"),
        (Manner::Connect, false) => Payload::text("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"),
        (Manner::Socks4 { .. }, _) => Payload::text([0, if through { 90 } else { 91 }, 0, 0, 0, 0, 0, 0]),
        (Manner::Socks5 { .. }, _) => Payload::text([5, if through { 0 } else { 5 }, 0, 1, 0, 0, 0, 0, 0, 0]),
    }
}

/// What spammers send through a relay.
fn mail(rng: &mut Rng) -> smtp::Mail {
    let mood = match rng.below(20) {
        0 => Mood::RefusesClient,
        1 | 2 => Mood::RefusesRecipients,
        3 => Mood::PutsOff,
        4 | 5 => Mood::TakesSome,
        _ => Mood::Takes,
    };
    let letters: Vec<_> = (0..rng.range(1, 3))
        .map(|_| {
            let (size, recipients) = (rng.draw(&[700, 1_500, 3_000, 9_000]), rng.range(1, 5));
            smtp::letter(rng, size, recipients)
        })
        .collect();
    smtp::dialogue(rng, &letters, mood)
}

/// Each relay says that it has got through, the last one first.
fn through_is_open(legs: &mut [Talk], manner: Manner) {
    for place in (0..legs.len() - 1).rev() {
        let ready = legs[place + 1].heard_by(Side::Orig);
        let manner = if place == 0 { manner } else { Manner::Socks5 { by_name: true } };
        legs[place].say_at(ready, Side::Resp, reply(manner, true));
    }
}

/// All legs end: the server's side closes and each relay passes it on; or a client breaks off.
fn finish(rng: &mut Rng, legs: &mut [Talk]) {
    if rng.chance(60) {
        hang_up(legs.iter_mut(), Close::Reset(Side::Orig), Side::Resp);
    } else {
        hang_up(legs.iter_mut().rev(), Close::Fins(Side::Resp), Side::Orig);
    }
}

/// Leg after leg ends; `hears` is the side of each that hears of it and ends the next one.
fn hang_up<'a>(legs: impl Iterator<Item = &'a mut Talk>, close: Close, hears: Side) {
    let mut known = 0;
    for leg in legs {
        leg.now = leg.now.max(known);
        known = leg.end(close) + leg.plan.turn_of(hears) + 80;
    }
}

/// A request in the form that origin servers get, with what proxies add.
fn rewritten(request: &Payload, name: &str) -> Payload {
    let Payload::Text(bytes) = request else { return request.clone() };
    let text = String::from_utf8_lossy(bytes).replacen(&format!("http://{name}"), "", 1);
    Payload::text(text.replacen("\r\n\r\n", "\r\nVia: 1.1 gw (proxy)\r\n\r\n", 1))
}

/// SOCKS4 by address, by name (4a) where that is all there is.
fn socks4(target: &Target, by_name: bool) -> Vec<u8> {
    let mut bytes = vec![4, 1];
    bytes.extend_from_slice(&target.end.port().to_be_bytes());
    let four = match target.end.ip() {
        IpAddr::V4(v4) if !by_name => v4.octets(),
        _ => [0, 0, 0, 1],
    };
    bytes.extend_from_slice(&four);
    bytes.extend_from_slice(b"u\0");
    if four == [0, 0, 0, 1] {
        bytes.extend_from_slice(target.name.as_bytes());
        bytes.push(0);
    }
    bytes
}

/// RFC 1928, 4.
fn socks5(target: &Target, by_name: bool) -> Vec<u8> {
    let mut bytes = vec![5, 1, 0];
    match target.end.ip() {
        IpAddr::V4(v4) if !by_name => {
            bytes.push(1);
            bytes.extend_from_slice(&v4.octets());
        }
        _ => {
            bytes.extend_from_slice(&[3, target.name.len() as u8]);
            bytes.extend_from_slice(target.name.as_bytes());
        }
    }
    bytes.extend_from_slice(&target.end.port().to_be_bytes());
    bytes
}
