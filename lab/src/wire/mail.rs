//! Hosts that send mail for strangers or by themselves: the server on an odd port, the mail server by design, the bot.

use std::net::{IpAddr, SocketAddr};

use super::net::{Net, Session};
use super::plan::{Opening, Plan, Side};
use super::smtp::{self, Letter, Mood};
use crate::rng::{Rng, mix};

/// A server that takes mail and sends it on.
#[derive(Clone, Debug)]
pub(crate) struct Forwarder {
    pub(crate) host: IpAddr,
    pub(crate) port: u16,
    pub(crate) clients: u64,
    /// It queues; else it sends on at once.
    pub(crate) queues: bool,
}

impl Forwarder {
    /// A client brings mail; copies go to each recipient's server.
    pub(crate) fn session(&self, net: &mut Net, rng: &mut Rng, now: u64) {
        let client = net.client(9 + u64::from(self.port), rng.favourite(self.clients));
        let mut inbound = net.call(rng, now, client, SocketAddr::new(self.host, self.port));
        let (size, recipients) = (rng.draw(&[900, 2_000, 4_000, 12_000]), rng.range(1, 3));
        let letters: Vec<Letter> = (0..1 + rng.below(2)).map(|_| spread(rng, size, recipients)).collect();
        let mut mail = smtp::dialogue(rng, &letters, Mood::Takes);
        let bye = mail.lines.split_off(mail.lines.len() - 2);
        inbound.hold(&mail.lines);
        let taken = inbound.now;
        inbound.hold(&bye);
        inbound.close(Side::Resp);
        let (mut outs, mut servers) = (Vec::new(), Vec::new());
        for letter in &letters {
            for to in &letter.to {
                let lag = if self.queues {
                    rng.draw(&[2_500_000, 6_000_000, 9_900_000, 15_800_000])
                } else {
                    rng.draw(&[60_000, 300_000, 700_000, 1_500_000])
                };
                let copy = Letter { to: vec![to.clone()], ..smtp::stamped(rng, letter) };
                let end = exchanger(net, to);
                servers.push(end);
                outs.push(send(net, rng, taken + lag, self.host, end, &[copy]));
            }
        }
        let session = Session {
            component: if self.port == 25 { "mail-forward" } else { "odd-port" },
            relay: Some((self.host, self.port)),
            by: client,
            servers,
            proto: "smtp-odd/smtp",
            outcome: "queued",
            delivered: outs.iter().map(|plan| plan.accepted).sum(),
            ins: vec![net.leg(inbound.plan)],
            outs: outs.into_iter().map(|plan| net.leg(plan)).collect(),
        };
        net.sessions.push(session);
    }
}

/// A letter whose recipients are at servers of their own.
fn spread(rng: &mut Rng, size: u64, recipients: u64) -> Letter {
    let mut letter = smtp::letter(rng, size, recipients);
    for to in &mut letter.to {
        *to = format!("r{:x}@m{}.example", rng.below(1 << 20), rng.favourite(90));
    }
    letter
}

/// The server of a recipient's domain.
fn exchanger(net: &Net, to: &str) -> SocketAddr {
    let domain = to.rsplit('@').next().unwrap_or(to);
    let number = domain.bytes().fold(0, |hash, byte| mix(hash ^ u64::from(byte))) % 70;
    SocketAddr::new(net.server(25, number, false), 25)
}

/// One connection to a mail server, from look-up to close.
fn send(net: &mut Net, rng: &mut Rng, at: u64, host: IpAddr, end: SocketAddr, letters: &[Letter]) -> Plan {
    let ready = if rng.chance(500) { net.look_up(rng, at, host, "mx.example", end.ip()) } else { at };
    let mood = match rng.below(20) {
        0 | 1 => Mood::RefusesRecipients,
        2 => Mood::PutsOff,
        3 => Mood::RefusesClient,
        4 => return net.call_in_vain(ready, host, end, Opening::Unanswered { again: 3 }).0,
        5 => return net.call_in_vain(ready, host, end, Opening::Refused).0,
        _ => Mood::Takes,
    };
    let mut talk = net.call(rng, ready, host, end);
    let mail = smtp::dialogue(rng, letters, mood);
    talk.hold(&mail.lines);
    talk.close(Side::Resp);
    talk.plan.accepted = mail.accepted;
    talk.plan
}

/// A bot sends one of its letters to the next server on its list.
pub(crate) fn spam(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64) {
    let end = SocketAddr::new(net.server(25, rng.below(400), false), 25);
    let letters: Vec<Letter> = (0..1 + rng.below(2)).map(|_| smtp::letter(rng, 1400, 3)).collect();
    let plan = send(net, rng, now, host, end, &letters);
    let session = Session {
        component: "bot",
        relay: None,
        by: host,
        servers: vec![end],
        proto: "direct/smtp",
        outcome: if plan.accepted > 0 { "delivered" } else { "failed" },
        delivered: plan.accepted,
        ins: Vec::new(),
        outs: vec![net.leg(plan)],
    };
    net.sessions.push(session);
}

/// Mail through the provider's server, as people send it.
pub(crate) fn smarthost(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64) {
    let port = if rng.chance(300) { 25 } else { 587 };
    let end = SocketAddr::new(net.server(587, 0, false), port);
    let mut talk = net.call(rng, now, host, end);
    let size = rng.draw(&[500, 2_000, 20_000, 400_000]);
    let letter = smtp::letter(rng, size, 1);
    let mail = smtp::dialogue(rng, &[letter], Mood::Takes);
    talk.hold(&mail.lines);
    talk.close(Side::Resp);
    net.start(talk.plan);
}
