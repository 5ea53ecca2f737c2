//! Backconnect: the host dials out, and does what comes down the line.

use std::net::{IpAddr, SocketAddr};

use super::net::{Net, Session};
use super::payload::Payload;
use super::plan::{Close, Side, Span};
use super::smtp::{self, Mood};
use super::talk::Line;
use super::web;
use crate::rng::Rng;

/// What a frame of the multiplexed stream adds to what it carries: head, padding, tag.
const OVERHEAD: std::ops::RangeInclusive<u64> = 22..=41;
/// An empty frame, so that no firewall forgets the line.
const KEEP_ALIVE: u64 = 15_000_000;

/// A host that an outside service uses as its exit.
#[derive(Clone, Debug)]
pub(crate) struct Tunnel {
    pub(crate) host: IpAddr,
    /// Where it dials to.
    pub(crate) to: SocketAddr,
    /// How long the line stays up.
    pub(crate) life: u64,
    /// Microseconds between the sessions of its customers, on average.
    pub(crate) gap: u64,
}

/// What passes the sensor in the tunnel.
#[derive(Clone, Copy, Debug)]
struct Frame {
    at: u64,
    from: Side,
    len: u64,
    pace: u32,
}

impl Tunnel {
    /// The line from first to last, with all that happens because of it.
    pub(crate) fn dial(&self, net: &mut Net, rng: &mut Rng, now: u64) {
        let mut talk = net.call(rng, now, self.host, self.to);
        // Nothing overtakes in here: a loss would hold up every session, and what is done for them.
        talk.plan.spoilt = 0;
        talk.hold(&web::tls(rng, "edge.example", &[(120, 90)]));
        let (up, mut frames) = (talk.now, Vec::new());
        let over = now + self.life;
        let mut at = up + rng.gap(self.gap);
        while at + 10_000_000 < over {
            self.session(net, rng, at, &mut frames);
            at += rng.gap(self.gap) + 1;
        }
        for beat in (up..over).step_by(KEEP_ALIVE as usize) {
            frames.push(Frame { at: beat, from: Side::Orig, len: 6, pace: 12 });
        }
        frames.retain(|frame| frame.at < over);
        frames.sort_by_key(|frame| frame.at);
        for frame in frames {
            talk.plan.pace = frame.pace;
            talk.say_at(
                frame.at,
                frame.from,
                Payload::records(rng.next(), frame.len + rng.range(*OVERHEAD.start(), *OVERHEAD.end())),
            );
        }
        talk.end(Close::Fins(Side::Resp));
        let number = net.leg(talk.plan);
        net.tunnels.push((self.host, number));
    }

    /// A customer's session, whose first word comes down at `at`.
    fn session(&self, net: &mut Net, rng: &mut Rng, at: u64, frames: &mut Vec<Frame>) {
        let number = rng.favourite(200);
        let (port, lines, accepted) = wanted(rng, number);
        let end = SocketAddr::new(net.server(u64::from(port), number, false), port);
        // Which customer, which target: some twenty bytes.
        frames.push(Frame { at, from: Side::Resp, len: 20, pace: 12 });
        let here = u64::from(net.turn(self.host)) + rng.range(80, 400);
        let ready = match rng.below(3) {
            0 => net.look_up(rng, at + here, self.host, &format!("h{number}.example"), end.ip()),
            _ => at + here,
        };
        let mut out = net.call(rng, ready, self.host, end);
        frames.push(Frame { at: out.now, from: Side::Orig, len: 4, pace: 12 });
        let far = u64::from(net.turn(self.to.ip())) + rng.draw(&[20_000, 60_000, 150_000, 300_000]);
        let mut ask = out.now + far;
        for line in &lines {
            if line.from == Side::Orig {
                let len = line.payload.len() as u64;
                let span = down(frames, ask.max(out.now), len);
                out.carry(span, Side::Orig, line.payload.clone());
            } else {
                let span = out.say(Side::Resp, line.think, line.payload.clone());
                ask = self.up(net, frames, span, line.payload.len() as u64) + far;
            }
        }
        if rng.chance(500) {
            out.close(Side::Orig)
        } else {
            out.close(Side::Resp)
        };
        out.plan.accepted = accepted;
        let session = Session {
            component: "backconnect",
            relay: Some((self.host, 0)),
            by: net.client(77, rng.favourite(15)),
            servers: vec![end],
            proto: "tunnel",
            outcome: "ok",
            delivered: accepted,
            ins: Vec::new(),
            outs: vec![net.leg(out.plan)],
        };
        net.sessions.push(session);
    }

    /// What a server said goes up as it comes, in frames of 16 KiB; says when the last of it passes.
    fn up(&self, net: &Net, frames: &mut Vec<Frame>, heard: Span, len: u64) -> u64 {
        let here = u64::from(net.turn(self.host)) + 60;
        let first = if heard.smooth { heard.begin } else { heard.end };
        let chunks = len.div_ceil(16_000).max(1);
        for chunk in 0..chunks {
            let at = first + here + (heard.end - first) * chunk / chunks;
            let part = (len - chunk * 16_000).min(16_000);
            frames.push(Frame { at, from: Side::Orig, len: part, pace: 40 });
        }
        heard.end + here
    }
}

/// What a customer says comes down in one go.
fn down(frames: &mut Vec<Frame>, at: u64, len: u64) -> Span {
    frames.push(Frame { at, from: Side::Resp, len, pace: 12 });
    Span { begin: at, end: at + 12 * len.div_ceil(1400), smooth: false }
}

/// Mostly shops and search engines; some mail.
fn wanted(rng: &mut Rng, number: u64) -> (u16, Vec<Line>, u32) {
    match rng.below(10) {
        0 => {
            let letter = smtp::letter(rng, 1200, 2);
            let mail = smtp::dialogue(rng, &[letter], Mood::Takes);
            (25, mail.lines, mail.accepted)
        }
        1 | 2 => {
            let len = rng.draw(&[900, 9_000, 40_000]);
            (80, web::get(rng, &format!("h{number}.example"), len, false), 0)
        }
        _ => {
            let exchanges = [(rng.range(300, 900), rng.draw(&[2_000, 15_000, 60_000, 200_000]))];
            (443, web::tls(rng, &format!("h{number}.example"), &exchanges), 0)
        }
    }
}
