//! Hosts that are made up, with what they do by themselves and what comes down a connection that they hold.

use std::net::IpAddr;

use catspaw_records::{
    Burst, ByteKind, Days, Ending, Endpoint, HostKey, Inside, Nanos, RecordId, SensorId, Side, Stamp,
};
use jiff::tz::TimeZone;

use super::Tunnels;
use crate::config::Config;
use crate::lane::Context;
use crate::leg::{End, Leg, Size};
use crate::packed::EndedLeg;
use crate::sink::{Brief, Connection, LegPair, Sink};

const MS: f64 = 1e6;
const SETTLE: i64 = 2 * Nanos::SECOND;

/// What is given away: pairs alone matter here.
#[derive(Default)]
struct Pairs(Vec<LegPair>);

impl Sink for Pairs {
    fn connection(&mut self, _: Brief, _: impl FnOnce() -> Connection) {}
    fn pair(&mut self, pair: LegPair) {
        self.0.push(pair);
    }
    fn sent(&mut self, _: HostKey, _: SensorId, _: &EndedLeg) {}
    fn attempt(&mut self, _: crate::Attempt) {}
}

enum What {
    Opened(Leg),
    Ended(Leg),
    LookedUp(Nanos),
    Burst(Leg, Burst),
}

/// A host in the making; times are milliseconds.
struct Host {
    seed: u64,
    happened: Vec<(Nanos, What)>,
    legs: u64,
    tunnel: Leg,
}

fn at(ms: f64) -> Nanos {
    Nanos((ms * MS) as i64)
}

fn leg(id: u64, server: u8, start: f64) -> Leg {
    let point = |addr: [u8; 4], port| Endpoint { addr: IpAddr::from(addr), port };
    Leg {
        id: RecordId::Device(id),
        peer: point([203, 0, 113, server], 443),
        own: point([192, 0, 2, 1], 40_000),
        start: Stamp { at: at(start), resolution: 1000, sensor: SensorId(0) },
        opened: Some(id),
        end: None,
        smtp: false,
        mailed: None,
        inward: false,
        places: [None, None],
    }
}

impl Host {
    /// One that holds a connection to 203.0.113.200.
    fn new(seed: u64) -> Self {
        let tunnel = leg(0, 200, 0.0);
        Self { seed, happened: vec![(at(40.0), What::Opened(tunnel))], legs: 0, tunnel }
    }

    /// A number from 0 to below 1 (splitmix64).
    fn chance(&mut self) -> f64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.seed ^ (self.seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn between(&mut self, from: f64, to: f64) -> f64 {
        from + self.chance() * (to - from)
    }

    /// A size whose logarithm is even from `from` to `to`.
    fn size(&mut self, from: f64, to: f64) -> u32 {
        self.between(from.ln(), to.ln()).exp() as u32
    }

    fn run(&mut self, leg: Leg, from: Side, when: f64, bytes: u32) {
        let (first, inside) = (at(when), Inside { orig: Some(true), resp: Some(false) });
        let burst =
            Burst { id: leg.id, orig: leg.own, resp: leg.peer, inside, from, bytes, first, last: first, asked: None };
        self.happened.push((at(when + 1.0), What::Burst(leg, burst)));
    }

    /// Something comes down the tunnel.
    fn down(&mut self, when: f64, bytes: u32) {
        self.run(self.tunnel, Side::Resp, when, bytes);
    }

    /// Something goes up it.
    fn up(&mut self, when: f64, bytes: u32) {
        self.run(self.tunnel, Side::Orig, when, bytes);
    }

    fn looked_up(&mut self, asked: f64, answered: f64) {
        self.happened.push((at(answered), What::LookedUp(at(asked))));
    }

    /// The host calls somebody at `when`, asks, and gets a page in some runs. Gives when each came, and how large it was.
    fn call(&mut self, when: f64) -> Vec<(f64, u32)> {
        self.call_for(when, false)
    }

    /// The same; what is asked may be what came down the tunnel just before.
    fn call_for(&mut self, when: f64, another: bool) -> Vec<(f64, u32)> {
        self.legs += 1;
        let server = (self.chance() * 100.0) as u8;
        let leg = leg(self.legs, server, when);
        self.happened.push((at(when + 40.0), What::Opened(leg)));
        let (mut now, mut up, mut down) = (when + 40.0, 0, 0);
        let mut came = Vec::new();
        for _ in 0..3 + (self.chance() * 6.0) as usize {
            let asked = self.size(80.0, 600.0);
            if another {
                self.down(now + 0.4, asked + 36);
            }
            self.run(leg, Side::Orig, now + 1.0, asked);
            up += i64::from(asked);
            now += self.between(42.0, 80.0);
            let bytes = self.size(20.0, 16_000.0);
            self.run(leg, Side::Resp, now, bytes);
            came.push((now, bytes));
            down += i64::from(bytes);
        }
        let size = Size { up, down, directed: true, kind: ByteKind::Payload };
        let ended = at(now + 10.0);
        let end = End { at: ended, known: ended, order: 0, ending: Ending::Fins, answered: true, size: Some(size) };
        self.happened.push((ended, What::Ended(Leg { end: Some(end), ..leg })));
        came
    }

    /// Calls of its own, `count` of them from second `from` to `to`.
    fn browse(&mut self, count: usize, from: f64, to: f64) {
        for _ in 0..count {
            let when = self.between(from, to) * 1000.0;
            self.call(when);
        }
    }

    fn judge(self) -> (Tunnels, Vec<LegPair>) {
        self.judge_with(|_| {})
    }

    /// The same; `pause` comes every thousand events.
    fn judge_with(mut self, pause: impl Fn(&mut Tunnels)) -> (Tunnels, Vec<LegPair>) {
        self.happened.sort_by_key(|(known, _)| *known);
        let (mut tunnels, mut pairs) = (Tunnels::default(), Pairs::default());
        let (config, mut days) = (Config::default(), Days::new(TimeZone::UTC));
        let host = HostKey::Address(self.tunnel.own.addr);
        let mut ctx = Context { config: &config, days: &mut days, host, sensor: SensorId(0) };
        for (number, (known, what)) in self.happened.into_iter().enumerate() {
            if number % 1000 == 999 {
                pause(&mut tunnels);
            }
            tunnels.settle(&mut ctx, known, &mut pairs);
            match what {
                What::Opened(leg) => tunnels.opened(&leg, known, SETTLE),
                What::Ended(leg) => tunnels.ended(&leg, known, SETTLE),
                What::LookedUp(asked) => tunnels.looked_up(asked, known),
                What::Burst(leg, burst) => tunnels.burst(&leg, &burst, known, SETTLE),
            }
        }
        tunnels.settle(&mut ctx, Nanos::MAX, &mut pairs);
        (tunnels, pairs.0)
    }
}

/// What relays a session that is asked for at `when`; `wait` milliseconds go by until the host calls.
fn relay(host: &mut Host, when: f64, wait: f64) -> u64 {
    let asked = host.size(60.0, 120.0);
    host.down(when, asked);
    for (now, bytes) in host.call_for(when + wait, true) {
        let later = host.between(0.1, 0.6);
        host.up(now + later, bytes + 36);
    }
    host.legs
}

/// A tunnel of 200 sessions in an hour, beside as many calls of the host's own. Gives the host and the legs that are the tunnel's.
fn tunnel(names: bool) -> (Host, Vec<u64>) {
    let mut host = Host::new(7);
    let mut carried = Vec::new();
    for n in 0..200 {
        let when = 5000.0 + 18_000.0 * f64::from(n) + host.between(0.0, 9000.0);
        let wait = if names { host.between(30.0, 90.0) } else { 0.2 };
        if names {
            host.looked_up(when + 0.2, when + wait - 0.1);
        }
        carried.push(relay(&mut host, when, wait));
    }
    host.browse(200, 5.0, 3600.0);
    (host, carried)
}

#[test]
fn a_tunnel_is_found_within_some_sessions_and_told_apart_from_the_hosts_own_calls() {
    for names in [false, true] {
        let (host, carried) = tunnel(names);
        let far = host.tunnel.peer;
        let (tunnels, pairs) = host.judge();
        let found = tunnels.convicted(16.0);
        assert_eq!(found.iter().map(|&(far, _)| far).collect::<Vec<_>>(), [far]);
        let sessions = found.first().and_then(|(_, candidate)| candidate.conviction).map(|c| c.sessions);
        assert!(sessions.is_some_and(|sessions| sessions <= 25), "{sessions:?}");
        assert!(pairs.iter().all(|pair| pair.inbound.peer == far && pair.port == 443));
        let right = pairs.iter().filter(|pair| carried.iter().any(|&id| pair.outbound.id == RecordId::Device(id)));
        assert!(right.count() >= 197 && pairs.len() <= 203, "{}", pairs.len());
    }
}

#[test]
fn what_is_asked_tells_a_session_that_is_opened_late_and_whose_line_is_full() {
    let (mut host, _) = tunnel(false);
    let mut late = Vec::new();
    for n in 0..10 {
        let when = 15_000.0 + 300_000.0 * f64::from(n);
        host.down(when, 90);
        for (now, bytes) in host.call_for(when + 300.0, true) {
            host.up(now + 250.0, bytes + 36);
        }
        late.push(host.legs);
    }
    let (_, pairs) = host.judge();
    let paired = |id: &&u64| pairs.iter().any(|pair| pair.outbound.id == RecordId::Device(**id));
    assert!(late.iter().filter(paired).count() >= 9, "{}", late.iter().filter(paired).count());
}

/// Innocents: a name, whether their calls follow what comes down, and what they do some hundred times.
type Habit = (&'static str, bool, fn(&mut Host, f64));

/// A push message, upon which a page is fetched.
fn push(host: &mut Host, when: f64) {
    host.down(when, 90);
    host.call(when + 0.3);
    host.up(when + 1.0, 40);
}

/// A page whose parts are with others: they are fetched at once, and upon each something is asked of the page's server.
fn page(host: &mut Host, when: f64) {
    host.up(when - 50.0, 700);
    host.down(when, 9000);
    for (now, _) in host.call(when + 0.5) {
        let bytes = host.size(60.0, 2000.0);
        host.up(now + 0.4, bytes);
    }
}

/// A screen that is shown elsewhere: a click comes down, and what arrives changes what is seen, more or less.
fn screen(host: &mut Host, when: f64) {
    host.down(when, 60);
    for (now, bytes) in host.call(when + 0.4) {
        let change = f64::from(bytes) * host.between(-1.0, 1.0).exp();
        let later = host.between(1.0, 15.0);
        host.up(now + later, change as u32);
    }
}

/// A monitor: it is told whom to ask, and says how that went.
fn monitor(host: &mut Host, when: f64) {
    host.down(when, 80);
    if let Some(&(now, _)) = host.call(when + 0.2).last() {
        host.up(now + 0.3, 150);
    }
}

/// A backup, beside which somebody browses.
fn backup(host: &mut Host, when: f64) {
    for n in 0..400 {
        host.up(when + 2.0 * f64::from(n), 16_000);
        if n % 10 == 0 {
            host.down(when + 2.0 * f64::from(n) + 0.7, 40);
        }
    }
    let click = when + host.between(0.0, 700.0);
    host.call(click);
}

/// A VPN, or a video call, beside which somebody browses.
fn call(host: &mut Host, when: f64) {
    for n in 0..60 {
        let (up, down) = (host.size(60.0, 16_000.0), host.size(60.0, 16_000.0));
        let (early, late) = (host.between(0.0, 20.0), host.between(0.0, 20.0));
        host.up(when + 20.0 * f64::from(n) + early, up);
        host.down(when + 20.0 * f64::from(n) + late, down);
    }
    let click = when + host.between(0.0, 1000.0);
    host.call(click);
}

/// A click that is told on a web socket, and makes the page fetch things meanwhile.
fn socket(host: &mut Host, when: f64) {
    host.up(when, 200);
    host.down(when + 40.0, 300);
    for _ in 0..3 {
        let later = host.between(0.0, 80.0);
        host.call(when + later);
    }
}

/// File sharing: pieces of one size come from many and go to the one.
fn pieces(host: &mut Host, when: f64) {
    host.down(when, 80);
    for (now, _) in host.call(when + 0.2) {
        host.up(now + 0.3, 16_400);
    }
}

/// A crawler: its store says that it has the last page, and the next is fetched and put there.
fn crawler(host: &mut Host, when: f64) {
    host.down(when, 190);
    for (now, bytes) in host.call(when + 0.3) {
        host.up(now + 0.5, bytes + 60);
    }
}

/// A device whose maker's server tells it whom to ask, and wants the answer.
fn device(host: &mut Host, when: f64) {
    let told = host.size(60.0, 150.0);
    host.down(when, told);
    for (now, bytes) in host.call(when + 0.3) {
        let state = f64::from(bytes) + host.between(0.0, 80.0);
        host.up(now + 0.5, state as u32);
    }
}

/// A page that comes in pieces for half a second, and whose parts are with others: each is called, and asked for while the page
/// still comes; and more of the page is asked for as the parts come.
fn parts(host: &mut Host, when: f64) {
    host.up(when - 50.0, 700);
    let (lasts, mut at) = (host.between(200.0, 600.0), when);
    while at < when + lasts {
        let bytes = host.size(1400.0, 16_000.0);
        host.down(at, bytes);
        if host.chance() < 0.3 {
            let read = host.between(0.3, 15.0);
            for (now, _) in host.call(at + read).into_iter().take(2) {
                let bytes = host.size(60.0, 700.0);
                host.up(now + 0.6, bytes);
            }
        }
        at += host.between(2.0, 40.0);
    }
}

/// Somebody elsewhere who types into a page here: each key is asked about, and what is proposed changes what is seen.
fn typed(host: &mut Host, when: f64) {
    host.legs += 1;
    let server = (host.chance() * 100.0) as u8;
    let leg = leg(host.legs, server, when + 5.0);
    host.down(when, 90);
    host.happened.push((at(when + 45.0), What::Opened(leg)));
    let (mut now, mut up, mut down) = (when + 150.0, 0, 0);
    for _ in 0..8 {
        let key = host.size(60.0, 120.0);
        host.down(now, key);
        let (thinks, asked) = (host.between(0.5, 12.0), host.size(300.0, 700.0));
        host.run(leg, Side::Orig, now + thinks, asked);
        let (answered, bytes) = (now + thinks + host.between(40.0, 80.0), host.size(200.0, 4000.0));
        host.run(leg, Side::Resp, answered, bytes);
        let (shown, change) = (host.between(1.0, 15.0), host.size(100.0, 8000.0));
        host.up(answered + shown, change);
        (up, down) = (up + i64::from(asked), down + i64::from(bytes));
        now += host.between(120.0, 400.0);
    }
    let size = Size { up, down, directed: true, kind: ByteKind::Payload };
    let ended = at(now + 10.0);
    let end = End { at: ended, known: ended, order: 0, ending: Ending::Fins, answered: true, size: Some(size) };
    host.happened.push((ended, What::Ended(Leg { end: Some(end), ..leg })));
}

/// A call with voices, beside which somebody browses.
fn voices(host: &mut Host, when: f64) {
    for n in 0..150 {
        let (up, down) = (host.size(90.0, 200.0), host.size(90.0, 200.0));
        let (early, late) = (host.between(0.0, 3.0), host.between(0.0, 3.0));
        host.up(when + 20.0 * f64::from(n) + early, up);
        host.down(when + 20.0 * f64::from(n) + late, down);
    }
    let click = when + host.between(0.0, 2000.0);
    host.call(click);
}

/// A gateway: a message names what is to be fetched, and that it was goes up, and a second later what of it is wanted.
fn gateway(host: &mut Host, when: f64) {
    let told = host.size(100.0, 400.0);
    host.down(when, told);
    if let Some(&(now, _)) = host.call(when + 0.6).last() {
        let wanted = host.size(200.0, 2000.0);
        host.up(now + 0.5, 60);
        host.up(now + 1000.0, wanted);
    }
}

/// A watchman: whom he asks he is told, the answers are of one small size, and so is what he says of each.
fn watchman(host: &mut Host, when: f64) {
    host.down(when, 80);
    host.legs += 1;
    let leg = leg(host.legs, 7, when + 0.3);
    host.happened.push((at(when + 40.0), What::Opened(leg)));
    for n in 0..3 {
        let now = when + 41.0 + 50.0 * f64::from(n);
        host.run(leg, Side::Orig, now, 120);
        host.run(leg, Side::Resp, now + 45.0, 260);
        host.up(now + 45.6, 300);
    }
    let size = Size { up: 360, down: 780, directed: true, kind: ByteKind::Payload };
    let ended = at(when + 300.0);
    let end = End { at: ended, known: ended, order: 0, ending: Ending::Fins, answered: true, size: Some(size) };
    host.happened.push((ended, What::Ended(Leg { end: Some(end), ..leg })));
}

#[test]
fn who_is_told_to_ask_and_says_itself_what_is_no_tunnel() {
    let habits: [Habit; 2] = [("crawler", true, crawler), ("device", true, device)];
    for (name, _, habit) in habits {
        for seed in 0..3 {
            let mut host = Host::new(seed);
            for n in 0..300 {
                let when = 5000.0 + 6000.0 * f64::from(n) + host.between(0.0, 4000.0);
                habit(&mut host, when);
            }
            let (tunnels, _) = host.judge();
            let strongest = tunnels.ends().filter_map(|(_, candidate)| candidate.largest).fold(f64::MIN, f64::max);
            assert!(strongest > 50.0 && tunnels.convicted(0.0).is_empty(), "{name}: {strongest}");
            assert!(tunnels.ends().any(|(_, candidate)| candidate.told.0 > 280), "{name}");
        }
    }
}

#[test]
fn the_state_goes_on_where_it_was_put_away() {
    let (host, _) = tunnel(true);
    let (whole, pairs) = host.judge();
    let (host, _) = tunnel(true);
    let (halves, again) = host.judge_with(|tunnels| {
        let state = postcard::to_allocvec(&*tunnels).unwrap();
        *tunnels = postcard::from_bytes(&state).unwrap();
    });
    assert_eq!((whole, pairs), (halves, again));
}

#[test]
fn what_is_like_a_tunnel_and_is_none_is_not_accused() {
    let habits: [Habit; 13] = [
        ("push", true, push),
        ("page", true, page),
        ("screen", true, screen),
        ("monitor", true, monitor),
        ("backup", false, backup),
        ("call", false, call),
        ("socket", false, socket),
        ("pieces", true, pieces),
        ("parts", true, parts),
        ("typed", true, typed),
        ("voices", false, voices),
        ("gateway", true, gateway),
        ("watchman", true, watchman),
    ];
    for (name, follows, habit) in habits {
        for seed in 0..3 {
            let mut host = Host::new(seed);
            for n in 0..300 {
                let when = 5000.0 + 6000.0 * f64::from(n) + host.between(0.0, 4000.0);
                habit(&mut host, when);
            }
            host.browse(300, 5.0, 1800.0);
            let (tunnels, _) = host.judge();
            let strongest = tunnels.ends().filter_map(|(_, candidate)| candidate.largest).fold(f64::MIN, f64::max);
            assert!(tunnels.convicted(0.0).is_empty() && strongest < 10_f64.ln(), "{name}: {strongest}");
            let followed = tunnels.ends().map(|(_, candidate)| candidate.followed.1).max();
            assert!(followed >= Some(280) || !follows, "{name}: {followed:?} follow, and that is not enough");
        }
    }
}
