//! How soon the calls of one client follow upon it. What a proxy asks for before it calls takes some round trips, which are as
//! long each time for one client and differ between clients, and so does the end of one leg that follows upon the other's. Where
//! stamps are fine enough this says which of several is meant.

use std::net::IpAddr;

use catspaw_records::Nanos;
use foldhash::HashMap;

use crate::leg::Leg;

/// Lags are alike that differ by no more than so many nanoseconds, or by one part in this.
const NEAR: i64 = 4_000_000;
const PART: i64 = 16;
/// Pairs of a client that one is compared with.
const COMPARED: usize = 64;
/// Stamps that are coarser than this, in nanoseconds, do not tell clients apart.
const FINE: i64 = Nanos::SECOND / 100;
/// Pairs that are alike, and pairs, that are assumed beforehand.
const ASSUMED: (f64, f64) = (1.0, 4.0);

/// How soon the calls of an assignment's pairs follow, and how soon their ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Habits {
    lags: Habit,
    gaps: Habit,
}

/// One of these distances, by service and client.
#[derive(Clone, Debug, Default)]
struct Habit {
    seen: HashMap<(usize, IpAddr), Vec<(usize, i64)>>,
    /// By service: pairs whose distance is like another's of their client, and pairs whose client has others.
    alike: HashMap<usize, (f64, f64)>,
}

impl Habits {
    /// Of pairs: the service, the inbound leg, the number of the outbound one and itself.
    pub(crate) fn of<'a>(pairs: impl Iterator<Item = (usize, &'a Leg, (usize, &'a Leg))>) -> Self {
        let mut habits = Self::default();
        for (service, inbound, (number, outbound)) in
            pairs.filter(|(_, inbound, (_, outbound))| fine(inbound, outbound))
        {
            let client = (service, inbound.peer.addr);
            habits.lags.take(client, (number, inbound.lag_to(outbound, 0)));
            if let Some(gap) = gap(inbound, outbound) {
                habits.gaps.take(client, (number, gap));
            }
        }
        habits.lags.compare();
        habits.gaps.compare();
        habits
    }

    /// Natural logarithm of how much likelier the lag from `inbound` to outbound leg `number`, and the gap between their ends, are as
    /// this client's than at the densities per second that they have as any of the service's.
    pub(crate) fn score(
        &self,
        service: usize,
        inbound: &Leg,
        (number, outbound): (usize, &Leg),
        as_any: (impl FnOnce() -> f64, impl FnOnce() -> f64),
    ) -> f64 {
        if !fine(inbound, outbound) {
            return 0.0;
        }
        let client = (service, inbound.peer.addr);
        let gaps = gap(inbound, outbound).map_or(0.0, |gap| self.gaps.score(client, (number, gap), as_any.1));
        self.lags.score(client, (number, inbound.lag_to(outbound, 0)), as_any.0) + gaps
    }
}

impl Habit {
    fn take(&mut self, client: (usize, IpAddr), seen: (usize, i64)) {
        let of_client = self.seen.entry(client).or_default();
        if of_client.len() < COMPARED {
            of_client.push(seen);
        }
    }

    /// When all are taken.
    fn compare(&mut self) {
        for (&(service, _), seen) in &self.seen {
            let is_alike =
                |&&(number, distance): &&(usize, i64)| density(seen, number, distance).is_some_and(|own| own > 0.0);
            let (of, all) = self.alike.entry(service).or_default();
            if seen.len() > 1 {
                *of += seen.iter().filter(is_alike).count() as f64;
                *all += seen.len() as f64;
            }
        }
    }

    fn score(&self, client: (usize, IpAddr), (number, distance): (usize, i64), as_any: impl FnOnce() -> f64) -> f64 {
        let own = self.seen.get(&client).and_then(|seen| density(seen, number, distance));
        let Some(own) = own else { return 0.0 };
        let (alike, all) = self.alike.get(&client.0).copied().unwrap_or_default();
        let share = (alike + ASSUMED.0) / (all + ASSUMED.1);
        (1.0 - share + share * own / as_any()).ln()
    }
}

/// Nanoseconds from the inbound leg's end to the outbound leg's, where they are the parties' doing.
fn gap(inbound: &Leg, outbound: &Leg) -> Option<i64> {
    let (i, o) = (inbound.end?, outbound.end?);
    (!i.ending.is_timer() && !o.ending.is_timer()).then(|| o.at.since(i.at))
}

/// Probability per second of this lag, by those of outbound legs other than `number`; `None` where there are none.
fn density(lags: &[(usize, i64)], number: usize, lag: i64) -> Option<f64> {
    let others = || lags.iter().filter(|(other, _)| *other != number);
    let near = |&&(_, other): &&(usize, i64)| (other - lag).abs() <= width(other);
    let sum: f64 = others().filter(near).map(|&(_, other)| Nanos::SECOND as f64 / (2 * width(other)) as f64).sum();
    let count = others().count();
    (count > 0).then(|| sum / count as f64)
}

fn width(lag: i64) -> i64 {
    NEAR.max(lag.abs() / PART)
}

fn fine(inbound: &Leg, outbound: &Leg) -> bool {
    i64::from(outbound.start.resolution.max(inbound.start.resolution)) <= FINE
}

#[cfg(test)]
mod tests {
    use catspaw_records::{Ending, Endpoint, RecordId, SensorId, Stamp};

    use super::*;
    use crate::leg::End;

    const MS: i64 = 1_000_000;

    /// A leg of client or server `peer`, opened at `at` milliseconds.
    fn leg(peer: u8, at: i64, resolution: u32) -> Leg {
        let point = |last| Endpoint { addr: IpAddr::from([192, 0, 2, last]), port: 1080 };
        Leg {
            id: RecordId::Device(at as u64),
            peer: point(peer),
            own: point(200),
            start: Stamp { at: Nanos(at * MS), resolution, sensor: SensorId(0) },
            opened: None,
            end: None,
            smtp: false,
            mailed: None,
            inward: false,
            places: [None, None],
        }
    }

    /// What the lag of a call 150 ms after client `client` says, when clients 1 and 2 were called for 50 and 150 ms after theirs,
    /// and outbound leg `number` is looked at.
    fn said(client: u8, number: usize, resolution: u32) -> f64 {
        let legs: Vec<(Leg, Leg)> = (0..8)
            .map(|n| {
                let (client, lag) = if n % 2 == 0 { (1, 50) } else { (2, 150) };
                let at = n * 1000;
                (leg(client, at, resolution), leg(9, at + lag + n / 2, resolution))
            })
            .collect();
        let pairs = legs.iter().enumerate().map(|(number, (inbound, outbound))| (0, inbound, (number, outbound)));
        let habits = Habits::of(pairs);
        habits.score(0, &leg(client, 20_000, resolution), (number, &leg(9, 20_150, resolution)), (|| 1.0, || 1.0))
    }

    #[test]
    fn a_client_is_known_by_how_soon_its_calls_follow() {
        assert!(said(2, 99, 1000) > 3.0, "{}", said(2, 99, 1000));
        assert!(said(1, 99, 1000) < -1.0, "{}", said(1, 99, 1000));
        assert_eq!(said(3, 99, 1000), 0.0, "nothing is known of it");
        assert_eq!(said(2, 99, 1_000_000_000), 0.0, "stamps of whole seconds");
    }

    #[test]
    fn a_client_is_known_by_how_soon_its_legs_end_after_the_others() {
        let ended = |peer, at: i64, end: i64| {
            let (at_end, ending) = (Nanos(end * MS), Ending::Fins);
            let end = End { at: at_end, known: at_end, order: 0, ending, answered: true, size: None };
            Leg { end: Some(end), ..leg(peer, at, 1000) }
        };
        // Whoever waits some time before he calls is not known by his lags.
        let legs: Vec<(Leg, Leg)> = (0..8)
            .map(|n| {
                let (client, gap) = if n % 2 == 0 { (1, 20) } else { (2, 90) };
                let (at, lag) = (n * 10_000, 100 * (n * n + 1));
                (ended(client, at, at + 9000 + gap), ended(9, at + lag, at + 9000))
            })
            .collect();
        let pairs = legs.iter().enumerate().map(|(number, (inbound, outbound))| (0, inbound, (number, outbound)));
        let habits = Habits::of(pairs);
        let said = |client| {
            let inbound = ended(client, 200_000, 209_090);
            habits.score(0, &inbound, (99, &ended(9, 200_037, 209_000)), (|| 1.0, || 1.0))
        };
        assert!(said(2) > said(1) + 3.0, "{} {}", said(1), said(2));
    }

    #[test]
    fn a_pair_does_not_vouch_for_itself() {
        let (inbound, outbound) = (leg(1, 0, 1000), leg(9, 70, 1000));
        let habits = Habits::of(std::iter::once((0, &inbound, (0, &outbound))));
        assert_eq!(habits.score(0, &inbound, (0, &outbound), (|| 1.0, || 1.0)), 0.0);
        assert!(habits.score(0, &inbound, (1, &outbound), (|| 1.0, || 1.0)) > 1.0);
    }
}
