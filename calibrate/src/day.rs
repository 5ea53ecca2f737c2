//! A host-day: legs laid out anew, told as the view tells them, through a fold of its own.

use std::net::IpAddr;

use catspaw_records::{
    Beside, Bytes, Closed, Days, Ending, Endpoint, Event, HostKey, Inside, Nanos, Opened, Place, Proto, Record,
    RecordId, SensorId, Side, Stamp, Uid, Whole,
};
use catspaw_relay::{Attempt, Brief, Config, Connection, Context, Lane, LegPair, Observation, Sink, find_tunnel};
use jiff::tz::TimeZone;

use crate::rng::Rng;
use crate::source::Source;
use crate::table::{Leg, SECOND, View};

/// 2003-04-13, midnight UTC, when every host-day begins.
pub(crate) const MIDNIGHT: i64 = 1_050_192_000 * SECOND;
/// What is laid out begins within so much of a day.
const AWAKE: i64 = 22 * 3600 * SECOND;
/// How many legs a day has, about: as few as a host that is hardly used, and no more than can be done a million times.
const LEGS: (f64, f64) = (4.0, 400.0);
/// Stretches that are cut out of a host's own day, in seconds: as long as an errand or as a lesson.
const STRETCH: (f64, f64) = (30.0, 1800.0);

/// How a day is laid out. What hangs together is never taken apart, and nothing is taken twice: a coincidence that
/// happened once would become a habit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Stretches of the host's own day in another order, both directions together.
    Stretches,
    /// Each request with what it may have caused, and each leg that is linked to nothing, at a moment of its own.
    Scattered,
    /// The requests of one host among the calls of another that never met it.
    Strangers,
}

impl Scheme {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Stretches => "stretches",
            Self::Scattered => "scattered",
            Self::Strangers => "strangers",
        }
    }
}

/// Lays out a day of `source`; `stranger` makes the calls of [`Scheme::Strangers`].
pub(crate) fn lay_out(scheme: Scheme, source: &Source, stranger: &Source, rng: &mut Rng) -> Vec<Leg> {
    match scheme {
        Scheme::Stretches => stretches(source, rng, |_| true),
        Scheme::Scattered => {
            let span = rng.octaves(600.0, AWAKE as f64 / SECOND as f64);
            scattered(source, span, rng, |_| true)
        }
        Scheme::Strangers => {
            let mut legs = stretches(source, rng, |leg| leg.inbound);
            let last = legs.iter().map(|leg| leg.start).max().unwrap_or(0);
            legs.extend(scattered(stranger, (last as f64 / SECOND as f64).max(1.0), rng, |leg| !leg.inbound));
            legs
        }
    }
}

fn stretches(source: &Source, rng: &mut Rng, takes: impl Fn(&Leg) -> bool) -> Vec<Leg> {
    let wanted = rng.octaves(LEGS.0, LEGS.1) as usize;
    let (first, last) = source.span();
    // No longer than half of what there is, so that a day is not what it was.
    let longest = ((last - first) as f64 / SECOND as f64 / 2.0).clamp(STRETCH.0, STRETCH.1);
    let length = (rng.octaves(STRETCH.0, longest + 1.0) * SECOND as f64) as i64;
    let pause = length as f64 * if rng.below(2) == 0 { 0.1 } else { 2.0 };
    // Cut at another place on each day.
    let phase = first - (rng.unit() * length as f64) as i64;
    let (mut legs, mut at) = (Vec::new(), (rng.unit() * 3600.0 * SECOND as f64) as i64);
    for piece in rng.shuffled(((last - phase) / length + 1) as usize) {
        let from = phase + piece as i64 * length;
        let before = legs.len();
        legs.extend(source.stretch(from, from + length).iter().map(|a| a.leg.moved(at - from)).filter(&takes));
        if legs.len() > before {
            at += length + rng.wait(pause) as i64;
        }
        if legs.len() >= wanted || at > AWAKE {
            break;
        }
    }
    legs
}

/// Over `span` seconds.
fn scattered(source: &Source, span: f64, rng: &mut Rng, takes: impl Fn(&Leg) -> bool) -> Vec<Leg> {
    let wanted = rng.octaves(LEGS.0, LEGS.1) as usize;
    let mut legs = Vec::new();
    for number in rng.shuffled(source.clusters.len()) {
        let cluster = &source.clusters[number];
        let at = (rng.within(0.0, span) * SECOND as f64) as i64;
        let first = cluster.first().map_or(0, |leg| leg.start);
        legs.extend(cluster.iter().map(|leg| leg.moved(at - first)).filter(&takes));
        if legs.len() >= wanted {
            break;
        }
    }
    legs
}

/// What came of a host-day.
#[derive(Debug)]
pub(crate) struct Folded {
    pub(crate) lane: Lane,
    sent: Vec<catspaw_relay::Leg>,
}

/// Folds a day (or several) of one host, to its end or until it is `enough`.
///
/// # Errors
/// Where the fold finds records out of order, which is a fault here.
pub(crate) fn fold(host: IpAddr, view: View, legs: &[Leg], enough: fn(&Lane) -> bool) -> Result<Folded, String> {
    let config = Config::default();
    let mut days = Days::new(TimeZone::UTC);
    let sensor = SensorId(1);
    let mut ctx = Context { config: &config, days: &mut days, host: HostKey::Address(host), sensor };
    let (mut lane, mut kept) = (Lane::default(), Kept::default());
    for (record, side) in &records(host, view, legs) {
        let key = record.known.at;
        let seen = Observation { key, late: false, record, side: *side, peer_inside: false, owner: false };
        lane.observe(&mut ctx, seen, &mut kept).map_err(|error| format!("{:?} after {:?}", error.key, error.last))?;
        if enough(&lane) {
            return Ok(Folded { lane, sent: kept.0 });
        }
    }
    lane.finish(&mut ctx, &mut kept);
    Ok(Folded { lane, sent: kept.0 })
}

/// Keeps the outbound legs: a tunnel is looked for when all are known.
#[derive(Default)]
struct Kept(Vec<catspaw_relay::Leg>);

impl Sink for Kept {
    fn connection(&mut self, _: Brief, _: impl FnOnce() -> Connection) {}
    fn pair(&mut self, _: LegPair) {}
    fn attempt(&mut self, _: Attempt) {}
    fn sent(&mut self, _: HostKey, sensor: SensorId, leg: &catspaw_relay::EndedLeg) {
        self.0.push(leg.leg(sensor));
    }
}

impl Folded {
    /// Whether the host would be suspected of having dialled out a tunnel. Only of hosts that are convicted of more is
    /// something left out there.
    pub(crate) fn has_tunnel(&self) -> bool {
        let mut legs = self.sent.clone();
        legs.sort_by_key(|leg| (leg.start.at, leg.id, leg.peer));
        self.lane.may_tunnel && find_tunnel(&legs, |_| false).is_some()
    }
}

/// The records in the order in which they became known.
fn records(host: IpAddr, view: View, legs: &[Leg]) -> Vec<(Record, Side)> {
    let mut records: Vec<(i64, Record, Side)> = Vec::with_capacity(2 * legs.len());
    for (number, leg) in legs.iter().enumerate() {
        let side = if leg.inbound { Side::Resp } else { Side::Orig };
        for (at, record) in told(host, view, leg, number) {
            records.push((at, record, side));
        }
    }
    records.sort_by_key(|&(at, ..)| at);
    records.into_iter().map(|(_, record, side)| (record, side)).collect()
}

/// The records of one leg, each with the moment at which it is written.
fn told(host: IpAddr, view: View, leg: &Leg, number: usize) -> Vec<(i64, Record)> {
    let own = Endpoint { addr: host, port: leg.own_port };
    let (orig, resp) = if leg.inbound { (leg.peer, own) } else { (own, leg.peer) };
    match view {
        View::Zeek => {
            let end = leg.end.unwrap_or(leg.start);
            let whole = Whole {
                id: RecordId::Uid(Uid::new(format!("C{number}").as_bytes())),
                proto: Proto::Tcp,
                orig,
                resp,
                inside: Inside::default(),
                start: stamp(leg.start, 1000),
                duration: Some(end - leg.start),
                bytes: leg.bytes,
                ending: leg.ending,
                answered: leg.state.map(|state| state.answered()),
                state: leg.state,
                service: None,
                history: None,
                beside: Beside::Nothing,
            };
            vec![(end, record(end, 1000, Event::Whole(whole)))]
        }
        View::Syslog => {
            let (id, second) = (RecordId::Device(number as u64), SECOND as u32);
            let opened = Opened {
                id,
                proto: Proto::Tcp,
                start: stamp(leg.start, second),
                orig,
                resp,
                mapped_orig: None,
                mapped_resp: None,
                inside: Inside::default(),
            };
            let mut told = vec![(leg.start, record(leg.start, second, Event::Opened(opened)))];
            if let Some(end) = leg.end {
                told.push((end, record(end, second, Event::Closed(closed(id, orig, resp, (leg, end))))));
            }
            told
        }
    }
}

fn closed(id: RecordId, orig: Endpoint, resp: Endpoint, (leg, end): (&Leg, i64)) -> Closed {
    Closed {
        id,
        proto: Proto::Tcp,
        first: orig,
        second: resp,
        inside: Inside::default(),
        duration: end.div_euclid(SECOND) * SECOND - leg.start.div_euclid(SECOND) * SECOND,
        ended: None,
        bytes: leg.bytes.or_else(|| empty(leg.ending)),
        ending: leg.ending,
    }
}

/// An attempt that nobody answered carried nothing.
fn empty(ending: Ending) -> Option<Bytes> {
    use catspaw_records::{ByteCount, ByteKind};
    let nothing = Bytes { kind: ByteKind::PayloadRetransmitted, count: ByteCount::Total(0) };
    (ending == Ending::NoAnswer).then_some(nothing)
}

fn stamp(at: i64, resolution: u32) -> Stamp {
    let step = i64::from(resolution);
    Stamp { at: Nanos(MIDNIGHT + at.div_euclid(step) * step), resolution, sensor: SensorId(1) }
}

fn record(at: i64, resolution: u32, event: Event) -> Record {
    Record { known: stamp(at, resolution), place: Place { file: 0, line: 1 }, fingerprint: 0, event }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::tests::leg;

    #[test]
    fn what_hangs_together_is_laid_out_together() {
        let mut legs = Vec::new();
        for n in 0..20 {
            let at = f64::from(n) * 100.0;
            legs.extend([leg(true, at, at + 2.0, 1, 1000 + n as u64), leg(false, at + 1.0, at + 1.5, 9, 7)]);
        }
        let source = Source::new(("x".into(), [10, 0, 0, 1].into()), "other", View::Zeek, &legs);
        for (part, scheme) in [Scheme::Stretches, Scheme::Scattered].into_iter().cycle().take(40).enumerate() {
            let day = lay_out(scheme, &source, &source, &mut Rng::new(1, part as u64));
            let is_call_of = |call: &Leg, request: &Leg| call.start == request.start + SECOND;
            let calls: Vec<&Leg> = day.iter().filter(|leg| !leg.inbound).collect();
            assert_eq!(calls.len() * 2, day.len());
            assert!(calls.iter().all(|call| day.iter().any(|leg| leg.inbound && is_call_of(call, leg))));
        }
    }

    #[test]
    fn a_relay_of_twenty_sessions_is_one_in_either_view() {
        for view in [View::Syslog, View::Zeek] {
            let mut legs = Vec::new();
            for n in 0..20u32 {
                let (at, bytes) = (f64::from(n) * 100.0, 1000 + u64::from(n * n * 37));
                let peer = 10 + n as u8;
                legs.extend([leg(true, at, at + 5.0, 1, bytes + 25), leg(false, at + 0.2, at + 4.9, peer, bytes)]);
            }
            let folded = fold([10, 0, 0, 1].into(), view, &legs, |_| false).unwrap();
            assert!(folded.lane.is_convicted(), "{view:?}: {:?}", folded.lane.largest);
            assert!(!folded.has_tunnel());
        }
    }
}
