//! Relays among innocents: how many are found, and after how many sessions.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use catspaw_records::{ByteCount, Bytes};
use catspaw_relay::Lane;
use serde_json::Value;

use crate::day::{self, MIDNIGHT, Scheme};
use crate::rng::Rng;
use crate::source::Source;
use crate::table::{Leg, SECOND, Table, View};
use crate::truth::{Ends, Truth};
use crate::work;

/// Sessions a day.
pub(crate) const RATES: [u32; 10] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
/// Days over which evidence is gathered at most, and sessions beyond which a relay is not followed.
const MOST_DAYS: u32 = 30;
const MOST_SESSIONS: u32 = 200;
/// The rate at which a relay that hides is tried.
pub(crate) const HIDING_RATE: u32 = 100;
const DAY: i64 = 86_400 * SECOND;
/// How much later the client's connection ends than that of a relay that was made to wait.
const TAIL: i64 = SECOND / 10;

/// What a relay does against being found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Hiding {
    pub(crate) what: &'static str,
    /// It waits up to so many seconds before it calls.
    pub(crate) jitter: f64,
    /// It adds up to this share of the bytes on the client's side, each way by itself.
    pub(crate) padding: f64,
    /// It calls twice, and carries part of the bytes on each.
    pub(crate) split: bool,
}

const OPENLY: Hiding = Hiding { what: "nothing", jitter: 0.0, padding: 0.0, split: false };
/// The first is what the others are compared with.
pub(crate) const HIDINGS: [Hiding; 8] = [
    OPENLY,
    Hiding { what: "waits 0 to 1 s", jitter: 1.0, ..OPENLY },
    Hiding { what: "waits 0 to 5 s", jitter: 5.0, ..OPENLY },
    Hiding { what: "pads by 0 to 1 %", padding: 0.01, ..OPENLY },
    Hiding { what: "pads by 0 to 10 %", padding: 0.1, ..OPENLY },
    Hiding { what: "pads by 0 to 30 %", padding: 0.3, ..OPENLY },
    Hiding { what: "splits each call in two", split: true, ..OPENLY },
    Hiding { what: "waits 0 to 5 s, pads by 0 to 30 %", jitter: 5.0, padding: 0.3, ..OPENLY },
];

/// One session: the client's leg and the calls that carry it on.
#[derive(Clone, Debug)]
struct Session {
    inbound: Leg,
    outbound: Vec<Leg>,
}

/// A real relay, to take sessions from.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) machine: (String, IpAddr),
    view: View,
    sessions: Vec<Session>,
}

/// How one relay fared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fared {
    /// Inbound legs with payload up to the verdict, and whether that fell on the first day.
    pub(crate) found: Option<(u64, bool)>,
}

impl Proxy {
    /// The relays of a table: their sessions by the truth, or by `pairs`, lines of a `--pairs` table.
    pub(crate) fn all(group: &str, table: &Table, truth: &Truth, pairs: Option<&str>) -> Vec<Self> {
        let mut proxies = Vec::new();
        for &relay in &truth.relays {
            let Some(legs) = table.hosts.get(&relay) else { continue };
            let of_truth = truth.sessions.iter().filter(|session| session.relay == relay);
            let mut told: Vec<(Ends, Vec<Ends>)> =
                of_truth.map(|session| (session.inbound.clone(), session.outbound.clone())).collect();
            if told.is_empty() {
                told = pairs.map(|pairs| paired(pairs, relay)).unwrap_or_default();
            }
            let sessions = sessions(relay, legs, &told);
            if sessions.iter().any(|session| !session.outbound.is_empty()) {
                proxies.push(Self { machine: (group.to_owned(), relay), view: table.view, sessions });
            }
        }
        proxies
    }

    /// Whether innocents of this view can be mixed with it.
    fn fits(&self, source: &Source) -> bool {
        source.view == self.view
    }
}

/// The pairs of a relay, by the two ends of their legs.
fn paired(pairs: &str, relay: IpAddr) -> Vec<(Ends, Vec<Ends>)> {
    let ends = |leg: &Value| {
        let end = |h: &str, p: &str| Some(format!("{}:{}", leg[h].as_str()?, leg[p].as_u64()?));
        Some((end("orig_h", "orig_p")?, end("resp_h", "resp_p")?))
    };
    let mut sessions: BTreeMap<Ends, Vec<Ends>> = BTreeMap::new();
    for pair in pairs.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let of_relay = pair["host"].as_str() == Some(relay.to_string().as_str());
        if let (true, Some(inbound), Some(outbound)) = (of_relay, ends(&pair["inbound"]), ends(&pair["outbound"])) {
            sessions.entry(inbound).or_default().push(outbound);
        }
    }
    sessions.into_iter().collect()
}

/// The legs of the sessions that clients said something in.
fn sessions(relay: IpAddr, legs: &[Leg], told: &[(Ends, Vec<Ends>)]) -> Vec<Session> {
    let mut by_ends: HashMap<Ends, &Leg> = HashMap::new();
    for leg in legs {
        let (own, peer) = (format!("{relay}:{}", leg.own_port), leg.peer.to_string());
        by_ends.insert(if leg.inbound { (peer, own) } else { (own, peer) }, leg);
    }
    let mut sessions = Vec::new();
    for (inbound, outbound) in told {
        let Some(&&inbound) = by_ends.get(inbound).filter(|leg| leg.has_payload()) else { continue };
        let outbound = outbound.iter().filter_map(|ends| by_ends.get(ends).map(|&&leg| leg)).collect();
        sessions.push(Session { inbound, outbound });
    }
    sessions
}

/// Relays of every rate, as many of each, found or not; one list for each of [`RATES`].
///
/// # Errors
/// Where the fold is fed wrongly.
pub(crate) fn by_rate(
    proxies: &[Proxy],
    innocents: &[Source],
    relays: usize,
    seed: u64,
    threads: usize,
) -> Result<Vec<Vec<Fared>>, String> {
    // Those that take longest first.
    let fared = work::all(relays, threads, |number| {
        let rate = RATES[number % RATES.len()];
        one(proxies, innocents, rate, OPENLY, Rng::new(seed, number as u64))
    })?;
    Ok(dealt(fared, RATES.len()))
}

/// Relays that hide; one list for each of [`HIDINGS`].
///
/// # Errors
/// Where the fold is fed wrongly.
pub(crate) fn by_hiding(
    proxies: &[Proxy],
    innocents: &[Source],
    relays: usize,
    seed: u64,
    threads: usize,
) -> Result<Vec<Vec<Fared>>, String> {
    let fared = work::all(relays, threads, |number| {
        let hiding = HIDINGS[number % HIDINGS.len()];
        // The same relay each time, hiding in every way in turn.
        one(proxies, innocents, HIDING_RATE, hiding, Rng::new(seed, (number / HIDINGS.len()) as u64))
    })?;
    Ok(dealt(fared, HIDINGS.len()))
}

fn dealt(fared: Vec<Fared>, hands: usize) -> Vec<Vec<Fared>> {
    let mut dealt = vec![Vec::new(); hands];
    for (number, fared) in fared.into_iter().enumerate() {
        dealt[number % hands].push(fared);
    }
    dealt
}

fn one(proxies: &[Proxy], innocents: &[Source], rate: u32, hiding: Hiding, mut rng: Rng) -> Result<Fared, String> {
    let proxy = &proxies[rng.below(proxies.len())];
    let among: Vec<&Source> = innocents.iter().filter(|source| proxy.fits(source)).collect();
    let days = (MOST_SESSIONS / rate).clamp(1, MOST_DAYS);
    let mut legs = Vec::new();
    // One innocent, day after day: the relay is somebody's machine.
    let innocent = (!among.is_empty()).then(|| among[rng.below(among.len())]);
    for day in 0..days {
        let midnight = i64::from(day) * DAY;
        if let Some(innocent) = innocent {
            let own = day::lay_out(Scheme::Stretches, innocent, innocent, &mut rng);
            legs.extend(own.into_iter().map(|leg| leg.moved(midnight)));
        }
        for _ in 0..rate {
            let session = &proxy.sessions[rng.below(proxy.sessions.len())];
            let at = midnight + (rng.unit() * DAY as f64) as i64;
            legs.extend(hide(session, hiding, &mut rng).into_iter().map(|leg| leg.moved(at - session.inbound.start)));
        }
    }
    let folded = day::fold(proxy.machine.1, proxy.view, &legs)?;
    Ok(Fared { found: found(&folded.lane) })
}

fn found(lane: &Lane) -> Option<(u64, bool)> {
    let convictions =
        lane.services.values().flat_map(|service| service.tried(false).filter_map(|tests| tests.conviction));
    convictions
        .map(|conviction| (conviction.sessions, conviction.at.0 < MIDNIGHT + DAY))
        .min_by_key(|&(sessions, _)| sessions)
}

/// The legs of a session of a relay that does this against being found.
fn hide(session: &Session, hiding: Hiding, rng: &mut Rng) -> Vec<Leg> {
    let mut inbound = session.inbound;
    let wait = (rng.unit() * hiding.jitter * SECOND as f64) as i64;
    let mut legs: Vec<Leg> = session.outbound.iter().map(|leg| leg.moved(wait)).collect();
    inbound.end = inbound.end.map(|end| {
        let last = legs.iter().filter_map(|leg| leg.end).max().unwrap_or(end);
        if wait > 0 { (end + wait).max(last + TAIL) } else { end }
    });
    let (up, down) = (1.0 + rng.unit() * hiding.padding, 1.0 + rng.unit() * hiding.padding);
    inbound.bytes = inbound.bytes.map(|bytes| scaled(bytes, up, down));
    if hiding.split {
        legs = legs.into_iter().flat_map(|leg| split(leg, rng)).collect();
    }
    legs.push(inbound);
    legs
}

fn split(leg: Leg, rng: &mut Rng) -> [Leg; 2] {
    let part = rng.within(0.2, 0.8);
    let life = leg.end.map_or(0, |end| end - leg.start);
    let later = (rng.within(0.0, 0.5) * life as f64) as i64;
    let take = |share: f64| leg.bytes.map(|bytes| scaled(bytes, share, share));
    let own_port = leg.own_port ^ 1;
    [Leg { bytes: take(part), ..leg }, Leg { bytes: take(1.0 - part), start: leg.start + later, own_port, ..leg }]
}

fn scaled(bytes: Bytes, up: f64, down: f64) -> Bytes {
    let times = |count: u64, factor: f64| (count as f64 * factor).round() as u64;
    let count = match bytes.count {
        ByteCount::Directed { orig, resp } => ByteCount::Directed { orig: times(orig, up), resp: times(resp, down) },
        ByteCount::Total(total) => ByteCount::Total(times(total, f64::midpoint(up, down))),
    };
    Bytes { count, ..bytes }
}
