//! A host's day, made up: legs with sizes and lives, and what a firewall or Zeek would say of them.

use std::net::{IpAddr, Ipv4Addr};

use catspaw_records::{
    Beside, ByteCount, ByteKind, Bytes, Closed, ConnState, Days, Ending, Endpoint, Event, HostKey, Inside, Nanos,
    Opened, Place, Proto, Record, RecordId, SensorId, Side, Stamp, Uid, Whole,
};
use catspaw_relay::{
    Attempt, Brief, Config, Connection, Context, EndedLeg, Lane, LegPair, Observation, SPAM_SHARE, Sink,
};

const SENSOR: SensorId = SensorId(1);
const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// 2003-04-13, midnight UTC: a Sunday.
const SUNDAY: i64 = 1_050_192_000;

/// SplitMix64.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from)
    }

    pub(crate) fn normal(&mut self) -> f64 {
        let (a, b) = (self.unit(), self.unit());
        (-2.0 * (1.0 - a).ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    }

    pub(crate) fn lognormal(&mut self, median: f64, sigma: f64) -> u64 {
        (median * (sigma * self.normal()).exp()) as u64 + 1
    }

    pub(crate) fn pareto(&mut self, least: f64, shape: f64) -> u64 {
        (least * (1.0 - self.unit()).powf(-1.0 / shape)).min(1e9) as u64
    }

    pub(crate) fn exp(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }
}

pub(crate) type Pair = (u64, u64);

pub(crate) struct SimLeg {
    pub(crate) inbound: bool,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) peer: u32,
    pub(crate) port: u16,
    pub(crate) size: Pair,
}

pub(crate) struct World {
    pub(crate) rng: Rng,
    pub(crate) legs: Vec<SimLeg>,
    pub(crate) days: u32,
    pub(crate) per_day: u64,
    pub(crate) targets: u64,
}

pub(crate) const HOUR: f64 = 3600.0;

impl World {
    pub(crate) fn new(seed: u64, days: u32, per_day: u64) -> Self {
        let mut rng = Rng(seed.wrapping_mul(0xD134_2543_DE82_EF95) ^ 0x5851_F42D);
        rng.next();
        Self { rng, legs: Vec::new(), days, per_day, targets: 40 }
    }

    pub(crate) fn leg(&mut self, inbound: bool, start: f64, life: f64, peer: u32, port: u16, size: Pair) {
        let start = (start * 1e9) as i64;
        self.legs.push(SimLeg { inbound, start, end: start + (life.max(0.001) * 1e9) as i64, peer, port, size });
    }

    pub(crate) fn serve(&mut self, start: f64, life: f64, port: u16, size: Pair) {
        let peer = self.rng.below(500) as u32;
        self.leg(true, start, life, peer, port, size);
    }

    pub(crate) fn call(&mut self, start: f64, life: f64, port: u16, size: Pair) {
        let peer = 100_000 + self.rng.below(self.targets) as u32;
        self.leg(false, start, life, peer, port, size);
    }
    /// Moments of a working stretch of six hours on each day.
    pub(crate) fn moments(&mut self, per_day: u64) -> Vec<f64> {
        let mut moments = Vec::new();
        for day in 0..self.days {
            for _ in 0..per_day {
                moments.push(f64::from(day) * 24.0 * HOUR + 8.0 * HOUR + self.rng.unit() * 6.0 * HOUR);
            }
        }
        moments.sort_by(f64::total_cmp);
        moments
    }
    /// A web application: one call outwards for each request.
    pub(crate) fn app(&mut self, mut sizes: impl FnMut(&mut Rng) -> (Pair, Pair)) {
        for at in self.moments(self.per_day) {
            let (inner, outer) = sizes(&mut self.rng);
            let lag = 0.005 + self.rng.exp(0.1);
            let life = 0.02 + self.rng.exp(0.2);
            let rest = self.rng.exp(0.05);
            self.serve(at, lag + life + rest, 80, inner);
            self.call(at + lag, life, 443, outer);
        }
    }
    /// A server beside which the host makes connections of its own, within one hour a day.
    pub(crate) fn apart(&mut self, mut inner: impl FnMut(&mut Rng) -> Pair, mut outer: impl FnMut(&mut Rng) -> Pair) {
        for at in self.moments(self.per_day * 2) {
            let at = self.within_the_hour(at);
            let size = inner(&mut self.rng);
            let mean = if self.rng.below(2) == 0 { 5.0 } else { 60.0 };
            let life = self.rng.exp(mean);
            self.serve(at, life, 80, size);
        }
        for at in self.moments(self.per_day) {
            let at = self.within_the_hour(at);
            let size = outer(&mut self.rng);
            let life = 0.1 + self.rng.exp(2.0);
            self.call(at, life, 443, size);
        }
    }

    /// The stretch of six hours pressed into one.
    fn within_the_hour(&self, at: f64) -> f64 {
        let day = (at / (24.0 * HOUR)).floor() * 24.0 * HOUR + 8.0 * HOUR;
        day + (at - day) / 6.0
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum View {
    Syslog,
    Zeek,
}

fn addr(peer: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(0x0A00_0000 + peer))
}

fn ends(leg: &SimLeg, number: usize) -> (Endpoint, Endpoint) {
    let ephemeral = 20_000 + (number * 7 % 40_000) as u16;
    let other = addr(leg.peer);
    if leg.inbound {
        (Endpoint { addr: other, port: ephemeral }, Endpoint { addr: HOST, port: leg.port })
    } else {
        (Endpoint { addr: HOST, port: ephemeral }, Endpoint { addr: other, port: leg.port })
    }
}

fn stamp(at: i64, resolution: u32) -> Stamp {
    let at = Nanos::from_secs(SUNDAY).plus(at / i64::from(resolution) * i64::from(resolution));
    Stamp { at, resolution, sensor: SENSOR }
}

fn record(at: i64, resolution: u32, event: Event) -> Record {
    Record { known: stamp(at, resolution), place: Place { file: 0, line: 1 }, fingerprint: 0, event }
}

const NO_SIDES: Inside = Inside { orig: None, resp: None };

fn syslog(legs: &[SimLeg]) -> Vec<(Record, Side)> {
    let mut records = Vec::new();
    for (number, leg) in legs.iter().enumerate() {
        let (orig, resp) = ends(leg, number);
        let (id, start) = (RecordId::Device(number as u64), stamp(leg.start, Nanos::SECOND as u32));
        let side = if leg.inbound { Side::Resp } else { Side::Orig };
        let proto = Proto::Tcp;
        let opened = Opened { id, proto, start, orig, resp, mapped_orig: None, mapped_resp: None, inside: NO_SIDES };
        let bytes = Bytes { kind: ByteKind::PayloadRetransmitted, count: ByteCount::Total(leg.size.0 + leg.size.1) };
        let closed = Closed {
            id,
            proto: Proto::Tcp,
            first: orig,
            second: resp,
            inside: NO_SIDES,
            duration: (leg.end - leg.start) / Nanos::SECOND * Nanos::SECOND,
            ended: None,
            bytes: Some(bytes),
            ending: Ending::Fins,
        };
        let second = Nanos::SECOND as u32;
        records.push((leg.start, record(leg.start, second, Event::Opened(opened)), side));
        records.push((leg.end, record(leg.end, second, Event::Closed(closed)), side));
    }
    in_order(records)
}

fn zeek(legs: &[SimLeg]) -> Vec<(Record, Side)> {
    let mut records = Vec::new();
    for (number, leg) in legs.iter().enumerate() {
        let (orig, resp) = ends(leg, number);
        let side = if leg.inbound { Side::Resp } else { Side::Orig };
        let whole = Whole {
            id: RecordId::Uid(Uid::new(format!("C{number}").as_bytes())),
            proto: Proto::Tcp,
            orig,
            resp,
            inside: NO_SIDES,
            start: stamp(leg.start, 1000),
            duration: Some(leg.end - leg.start),
            bytes: Some(Bytes {
                kind: ByteKind::Payload,
                count: ByteCount::Directed { orig: leg.size.0, resp: leg.size.1 },
            }),
            ending: Ending::Fins,
            answered: Some(true),
            state: Some(ConnState::Sf),
            service: None,
            history: None,
            beside: Beside::Nothing,
        };
        records.push((leg.end, record(leg.end, 1000, Event::Whole(whole)), side));
    }
    in_order(records)
}

fn in_order(mut records: Vec<(i64, Record, Side)>) -> Vec<(Record, Side)> {
    records.sort_by_key(|&(at, ..)| at);
    records.into_iter().map(|(_, record, side)| (record, side)).collect()
}

struct Nowhere;

impl Sink for Nowhere {
    fn connection(&mut self, _: Brief, _: impl FnOnce() -> Connection) {}
    fn pair(&mut self, _: LegPair) {}
    fn sent(&mut self, _: HostKey, _: SensorId, _: &EndedLeg) {}
    fn attempt(&mut self, _: Attempt) {}
}

#[derive(Clone, Copy)]
pub(crate) struct Outcome {
    pub(crate) log_max: f64,
    pub(crate) convicted: Option<u64>,
    /// Of stored mail alone, without its share of the error.
    pub(crate) stored: f64,
}

pub(crate) fn judge(legs: &[SimLeg], view: View) -> Outcome {
    let records = if view == View::Syslog { syslog(legs) } else { zeek(legs) };
    let config = Config::default();
    let mut days = Days::new(jiff::tz::TimeZone::UTC);
    let mut ctx = Context { config: &config, days: &mut days, host: HostKey::Address(HOST), sensor: SENSOR };
    let mut lane = Lane::default();
    for (record, side) in &records {
        let seen =
            Observation { key: record.known.at, late: false, record, side: *side, peer_inside: false, owner: false };
        lane.observe(&mut ctx, seen, &mut Nowhere).expect("records are in order");
    }
    lane.finish(&mut ctx, &mut Nowhere);
    let spam = lane.spam[0].as_ref().map(|spam| &spam.all);
    let convicted =
        lane.services.values().flat_map(|s| s.tried(false)).filter_map(|t| t.conviction.map(|c| c.sessions));
    let caught = spam.and_then(|stream| stream.caught).map(|caught| caught.connections);
    let sends = spam.and_then(|stream| stream.largest).map(|largest| largest + SPAM_SHARE.ln());
    let stored = lane.services.values().filter_map(|s| s.mail[0].as_deref()?.largest);
    Outcome {
        stored: stored.fold(f64::NEG_INFINITY, f64::max),
        log_max: lane.largest.into_iter().chain(sends).fold(f64::NEG_INFINITY, f64::max),
        convicted: convicted.chain(caught).min(),
    }
}
