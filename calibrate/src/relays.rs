//! Relays among innocents: how many are found, how soon, and after how many sessions.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use catspaw_relay::Lane;
use serde_json::Value;

use crate::day::{self, MIDNIGHT, Scheme};
use crate::hiding::{HIDINGS, Hider, Hiding, Session};
use crate::rng::Rng;
use crate::source::Source;
use crate::table::{Leg, SECOND, Table, View};
use crate::truth::{Ends, Truth};
use crate::work;

/// Sessions a day.
pub(crate) const RATES: [u32; 10] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
/// Days for which a relay is followed at most, and sessions.
pub(crate) const MOST_DAYS: u32 = 30;
pub(crate) const MOST_SESSIONS: u32 = 3000;
const DAY: i64 = 86_400 * SECOND;

/// A real relay, to take sessions from.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) machine: (String, IpAddr),
    view: View,
    sessions: Vec<Session>,
}

/// When a relay was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Inbound legs with payload up to the verdict.
    pub(crate) sessions: u64,
    /// The day of the verdict, from 1.
    pub(crate) day: u32,
}

/// How every relay of one kind fared.
pub(crate) type Fared = Vec<Option<Found>>;

/// How relays of one view fared.
#[derive(Debug)]
pub(crate) struct Power {
    pub(crate) view: View,
    /// Real relays that sessions were taken from.
    pub(crate) proxies: usize,
    /// Those that hide as [`HIDINGS`] say, at each of [`RATES`].
    pub(crate) fared: Vec<Vec<Fared>>,
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

/// Some `relays` in all, as many of each view, rate and way of hiding.
///
/// # Errors
/// Where the fold is fed wrongly.
pub(crate) fn make(
    proxies: &[Proxy],
    innocents: &[Source],
    relays: usize,
    seed: u64,
    threads: usize,
) -> Result<Vec<Power>, String> {
    let views: BTreeSet<View> = proxies.iter().map(|proxy| proxy.view).collect();
    let views: Vec<World<'_>> = views.into_iter().map(|view| World::of(view, proxies, innocents)).collect();
    let kinds = views.len() * RATES.len() * HIDINGS.len();
    if kinds == 0 {
        return Ok(Vec::new());
    }
    let fared = work::all(relays.div_ceil(kinds) * kinds, threads, |number| {
        let cell = Cell::of(number, views.len());
        views[cell.view].follow(RATES[cell.rate], HIDINGS[cell.hiding], Rng::new(seed, cell.relay as u64))
    })?;
    let mut power: Vec<Power> = views.iter().map(World::nobody).collect();
    for (number, fared) in fared.into_iter().enumerate() {
        let cell = Cell::of(number, views.len());
        power[cell.view].fared[cell.hiding][cell.rate].push(fared);
    }
    Ok(power)
}

/// Which relay it is: by numbers, and by what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cell {
    relay: usize,
    view: usize,
    rate: usize,
    hiding: usize,
}

impl Cell {
    /// The `number`-th: the same relay hides in every way in turn, then comes another of another rate, then of another view.
    fn of(number: usize, views: usize) -> Self {
        let relay = number / HIDINGS.len();
        let view = relay / RATES.len() % views;
        Self { relay, view, rate: relay % RATES.len(), hiding: number % HIDINGS.len() }
    }
}

/// What is seen in one view.
struct World<'a> {
    view: View,
    proxies: Vec<&'a Proxy>,
    innocents: Vec<&'a Source>,
}

impl<'a> World<'a> {
    fn of(view: View, proxies: &'a [Proxy], innocents: &'a [Source]) -> Self {
        Self {
            view,
            proxies: proxies.iter().filter(|proxy| proxy.view == view).collect(),
            innocents: innocents.iter().filter(|source| source.view == view).collect(),
        }
    }

    fn nobody(&self) -> Power {
        let machines: BTreeSet<_> = self.proxies.iter().map(|proxy| &proxy.machine).collect();
        Power { view: self.view, proxies: machines.len(), fared: vec![vec![Vec::new(); RATES.len()]; HIDINGS.len()] }
    }

    /// One relay, until it is found.
    fn follow(&self, rate: u32, hiding: Hiding, mut rng: Rng) -> Result<Option<Found>, String> {
        let proxy = self.proxies[rng.below(self.proxies.len())];
        // One innocent, day after day: the relay is somebody's machine.
        let innocent = (!self.innocents.is_empty()).then(|| self.innocents[rng.below(self.innocents.len())]);
        let hider = Hider::new(hiding, &mut rng);
        let mut legs = Vec::new();
        for day in 0..(MOST_SESSIONS / rate).min(MOST_DAYS) {
            let midnight = i64::from(day) * DAY;
            if let Some(innocent) = innocent {
                let own = day::lay_out(Scheme::Stretches, innocent, innocent, &mut rng);
                legs.extend(own.into_iter().map(|leg| leg.moved(midnight)));
            }
            for _ in 0..rate {
                let session = &proxy.sessions[rng.below(proxy.sessions.len())];
                let at = midnight + (rng.unit() * DAY as f64) as i64;
                legs.extend(hider.hide(session, &mut rng).into_iter().map(|leg| leg.moved(at - session.inbound.start)));
            }
        }
        let folded = day::fold(proxy.machine.1, self.view, &legs, |lane| found(lane).is_some())?;
        Ok(found(&folded.lane))
    }
}

fn found(lane: &Lane) -> Option<Found> {
    let tried = lane.services.values().flat_map(|service| service.tried(false));
    let first = tried.filter_map(|tests| tests.conviction).min_by_key(|conviction| conviction.sessions)?;
    let day = (first.at.0 - MIDNIGHT).div_euclid(DAY) as u32 + 1;
    Some(Found { sessions: first.sessions, day })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::tests::leg;

    fn proxies() -> Vec<Proxy> {
        let sessions = (0..40u32).map(|n| {
            let (at, bytes) = (f64::from(n) * 10.0, 1000 + u64::from(n * n * 37));
            let outbound = vec![leg(false, at + 0.2, at + 4.9, 10 + n as u8, bytes)];
            Session { inbound: leg(true, at, at + 5.0, 1, bytes + 25), outbound }
        });
        vec![Proxy { machine: ("x".into(), [10, 0, 0, 1].into()), view: View::Syslog, sessions: sessions.collect() }]
    }

    fn follow(rate: u32, hiding: Hiding, seed: u64) -> Option<Found> {
        let proxies = proxies();
        World::of(View::Syslog, &proxies, &[]).follow(rate, hiding, Rng::new(seed, 0)).unwrap()
    }

    #[test]
    fn relays_are_found_by_their_sessions_however_few_a_day() {
        for (rate, seed) in RATES.into_iter().zip(1..) {
            let found = follow(rate, HIDINGS[0], seed).unwrap();
            assert!((3..=30).contains(&found.sessions), "{rate} a day: {found:?}");
            // One that is found on the last session of a day is found when that has settled, or the next is known.
            let day = found.sessions.div_ceil(u64::from(rate)) as u32;
            assert!((day..=day + 1).contains(&found.day), "{rate} a day: {found:?}");
        }
    }

    #[test]
    fn where_nothing_is_conserved_nothing_is_found() {
        assert_eq!(follow(2, HIDINGS[HIDINGS.len() - 1], 1), None);
    }

    #[test]
    fn every_cell_has_as_many_relays_and_every_relay_hides_in_every_way() {
        let cells: Vec<Cell> = (0..2 * 2 * RATES.len() * HIDINGS.len()).map(|number| Cell::of(number, 2)).collect();
        let mut count: BTreeMap<(usize, usize, usize), usize> = BTreeMap::new();
        for cell in &cells {
            *count.entry((cell.view, cell.rate, cell.hiding)).or_default() += 1;
        }
        assert_eq!((count.len(), count.values().min(), count.values().max()), (160, Some(&2), Some(&2)));
        for hides in cells.chunks(HIDINGS.len()) {
            assert!(hides.iter().enumerate().all(|(hiding, cell)| *cell == Cell { hiding, ..hides[0] }));
        }
    }
}
