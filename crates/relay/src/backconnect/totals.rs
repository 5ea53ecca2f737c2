//! A host that dialled out a tunnel and connects to what it is told through it, as far as connections' totals show.
//!
//! The tunnel is a long-lived outbound connection, and what the host's other connections brought while it lived went up
//! through it: their bytes are about those of the tunnel. The host's own browsing is in the sums, so that they agree
//! loosely, and nothing more than a suspicion is said. All of these must hold:
//! - the tunnel carried much ([`BYTES_LEAST`]), for a while ([`LIFE_LEAST`]);
//! - while it lived the host called many distinct targets ([`TARGETS_LEAST`]; relays had 45 to 80, a false candidate 8);
//! - the sums agree ([`TOTALS`], by direction [`UPLOADS`] and [`DOWNLOADS`]);
//! - much more went up the tunnel than came down, where that is known: a client's VPN, video or remote desktop is the
//!   other way round;
//! - the host called much less just before and after: a download beside browsing ends, and the browsing goes on; where the log does
//!   not show that, it called twice as many targets ([`TARGETS_ALONE`]);
//! - no other long connection of the host fits as well, and at most one other had as many targets beside it: a host that
//!   always has some long connection among many calls (file sharing) has one that fits by chance;
//! - what a forward service of the host explains is left out.

use std::collections::{BTreeMap, BTreeSet};

use catspaw_records::{Endpoint, Nanos};

use crate::leg::{Leg, Size};

/// What a tunnel carries at least, bytes.
const BYTES_LEAST: i64 = 500_000;
/// How long it lives at least, nanoseconds.
const LIFE_LEAST: i64 = 60 * Nanos::SECOND;
/// As many distinct targets are called while it lives.
const TARGETS_LEAST: usize = 20;
/// The same where the log shows too little before and after it to tell a habit of the host's own (measured: 45 to 63; a VPN beside
/// browsing had 20 at most).
const TARGETS_ALONE: usize = 40;
/// The tunnel's bytes over those of the connections that it carries (measured: 0.71 and 0.99).
const TOTALS: (f64, f64) = (0.5, 1.25);
/// What went up the tunnel over what came down to the host (measured: 0.68 and 0.97), and the other way (1.07 and 1.42).
const UPLOADS: (f64, f64) = (0.5, 1.25);
const DOWNLOADS: (f64, f64) = (0.5, 2.0);
/// So many times more goes up the tunnel than comes down.
const UP_OVER_DOWN: i64 = 2;
/// Far ends that are looked at: those that were connected longest.
const ENDS: usize = 64;
/// Connections of a tunnel that are looked at for one call: those that were opened last before it.
const AT_ONCE: usize = 16;
/// As many other long connections may have had as many targets beside them.
const OTHERS: usize = 1;
/// So many times more often the host calls while the tunnel lives, and as many calls beyond that are forgiven.
const BUSIER: f64 = 3.0;
const FORGIVEN: f64 = 3.0;

/// A tunnel, and what it carries.
#[derive(Clone, Debug, PartialEq)]
pub struct Tunnel {
    /// Its far end.
    pub far: Endpoint,
    /// The connections that it carries, by their place among the host's: each with that of the tunnel's connection.
    pub carried: Vec<(usize, usize)>,
    /// Distinct targets with payload.
    pub targets: usize,
    /// The tunnel's bytes over those that it carries.
    pub ratio: f64,
    /// The same for what went up it, where directions are known.
    pub up_ratio: Option<f64>,
    /// How often the host called.
    pub calls: Calls,
}

/// How often a host opened a connection, but for those to the tunnel's far end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calls {
    /// While the tunnel lived.
    pub inside: usize,
    /// Around that.
    pub outside: usize,
    /// Nanoseconds that it lived.
    pub alive: i64,
    /// Nanoseconds around that, as far as the host was seen.
    pub rest: i64,
}

/// Whether a connection may be a tunnel's.
#[must_use]
pub fn may_be_tunnel(leg: &Leg) -> bool {
    let long = leg.end.is_some_and(|end| end.at.since(leg.start.at) >= LIFE_LEAST);
    long && leg.size().is_some_and(|size| size.total() >= BYTES_LEAST)
}

/// Looks for a tunnel among a host's outbound `legs`, which are in the order of their opening. `explained` says of which
/// another relay of the host is the cause.
#[must_use]
pub fn find_tunnel(legs: &[Leg], explained: impl Fn(&Leg) -> bool) -> Option<Tunnel> {
    let mut ends: BTreeMap<Endpoint, Vec<usize>> = BTreeMap::new();
    for (number, leg) in legs.iter().enumerate().filter(|(_, leg)| may_be_tunnel(leg)) {
        ends.entry(leg.peer).or_default().push(number);
    }
    let explained: Vec<bool> = legs.iter().map(explained).collect();
    let mut candidates: Vec<Candidate<'_>> =
        ends.into_iter().map(|(far, connections)| Candidate { legs, far, connections }).collect();
    candidates.sort_by_cached_key(|candidate| (std::cmp::Reverse(length(&candidate.lives())), candidate.far));
    let busy = candidates.into_iter().take(ENDS).filter_map(|candidate| candidate.measure(&explained));
    let measured: Vec<(Tunnel, bool)> = busy.take(OTHERS + 2).collect();
    if measured.len() > OTHERS + 1 {
        return None;
    }
    let mut fits = measured.into_iter().filter(|(_, fits)| *fits).map(|(tunnel, _)| tunnel);
    let tunnel = fits.next()?;
    fits.next().is_none().then_some(tunnel)
}

struct Candidate<'a> {
    legs: &'a [Leg],
    far: Endpoint,
    connections: Vec<usize>,
}

impl Candidate<'_> {
    /// What it would carry, where there are enough targets, and whether the rest fits too.
    fn measure(self, explained: &[bool]) -> Option<(Tunnel, bool)> {
        let carried = self.carried(explained);
        let size = |&(number, _): &(usize, usize)| self.legs[number].size().filter(|size| size.total() > 0);
        let targets: BTreeSet<_> =
            carried.iter().filter(|c| size(c).is_some()).map(|&(number, _)| self.legs[number].peer.addr).collect();
        if targets.len() < TARGETS_LEAST {
            return None;
        }
        let tunnel = sum(self.connections.iter().filter_map(|&number| self.legs[number].size()))?;
        let ratios = Ratios::of(tunnel, sum(carried.iter().filter_map(size))?);
        let calls = self.calls(carried.len(), explained);
        let (far, targets) = (self.far, targets.len());
        let told = calls.tell_habits() || targets >= TARGETS_ALONE;
        let fits = ratios.agree(tunnel) && calls.are_of_a_tunnel() && told;
        let Ratios { total: ratio, ways } = ratios;
        Some((Tunnel { far, carried, targets, ratio, up_ratio: ways.map(|(up, _)| up), calls }, fits))
    }

    /// Other connections that were opened while the tunnel lived, each with that of the tunnel's that was opened last.
    fn carried(&self, explained: &[bool]) -> Vec<(usize, usize)> {
        let mut carried = Vec::new();
        for (from, to) in self.lives() {
            for number in self.opened_in(from, to) {
                let leg = &self.legs[number];
                if leg.peer.addr == self.far.addr || explained[number] {
                    continue;
                }
                let before = self.connections.partition_point(|&c| self.legs[c].start.at <= leg.start_latest());
                let alive = |&&c: &&usize| {
                    let connection = &self.legs[c];
                    connection.opened_before(leg) && connection.open_at_start_of(leg, 0)
                };
                let last = self.connections[..before].iter().rev().take(AT_ONCE).find(alive);
                carried.extend(last.map(|&connection| (number, connection)));
            }
        }
        carried.sort_unstable();
        carried.dedup_by_key(|&mut (number, _)| number);
        carried
    }

    /// The legs that were opened from one moment to another; those of the same second are with them.
    fn opened_in(&self, from: Nanos, to: Nanos) -> std::ops::Range<usize> {
        let second = Nanos::SECOND;
        let first = self.legs.partition_point(|leg| leg.start.at < from.plus(-second));
        let last = self.legs.partition_point(|leg| leg.start.at <= to.plus(second));
        first..last.max(first)
    }

    /// When it lived.
    fn lives(&self) -> Vec<(Nanos, Nanos)> {
        let lives = self.connections.iter().filter_map(|&number| {
            let leg = &self.legs[number];
            leg.end.map(|end| (leg.start.at, end.at))
        });
        union(lives.collect())
    }

    /// Calls while it lived, and for as long before and after, as far as the host was seen.
    fn calls(&self, inside: usize, explained: &[bool]) -> Calls {
        let first = self.legs.first().map_or(Nanos(0), |leg| leg.start.at);
        let last = self.legs.iter().filter_map(|leg| leg.end).map(|end| end.at).max().unwrap_or(first);
        let lives = self.lives();
        let around = |&(from, to): &(Nanos, Nanos)| {
            let length = to.since(from);
            (from.plus(-length).max(first), to.plus(length).min(last))
        };
        let near = union(lives.iter().map(around).collect());
        let own = |&number: &usize| self.legs[number].peer.addr != self.far.addr && !explained[number];
        let mut calls: Vec<usize> = near.iter().flat_map(|&(from, to)| self.opened_in(from, to)).filter(own).collect();
        calls.dedup();
        let alive = length(&lives).max(1);
        Calls { inside, outside: calls.len().saturating_sub(inside), alive, rest: (length(&near) - alive).max(0) }
    }
}

/// Spans that do not overlap, in order, over the same moments.
fn union(mut spans: Vec<(Nanos, Nanos)>) -> Vec<(Nanos, Nanos)> {
    spans.sort_unstable();
    let mut apart: Vec<(Nanos, Nanos)> = Vec::new();
    for (from, to) in spans {
        match apart.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => apart.push((from, to)),
        }
    }
    apart
}

fn length(spans: &[(Nanos, Nanos)]) -> i64 {
    spans.iter().map(|&(from, to)| to.since(from)).sum()
}

impl Calls {
    /// Whether it called so much more often while the tunnel lived that this is no habit of its own.
    fn are_of_a_tunnel(&self) -> bool {
        self.outside as f64 <= self.most_outside()
    }

    /// Whether a habit would have been seen: the log may have hardly begun before the tunnel, and have ended soon after it.
    fn tell_habits(&self) -> bool {
        self.expected() > self.most_outside()
    }

    fn most_outside(&self) -> f64 {
        self.expected() / BUSIER + FORGIVEN
    }

    /// Calls around the tunnel's life, if there were as many as within it.
    fn expected(&self) -> f64 {
        self.inside as f64 * self.rest as f64 / self.alive as f64
    }
}

fn sum(sizes: impl Iterator<Item = Size>) -> Option<Size> {
    sizes.reduce(|a, b| a.plus(b).unwrap_or(a))
}

/// A tunnel's bytes over those that it carries: all, and where directions are known what went up and what came down.
struct Ratios {
    total: f64,
    ways: Option<(f64, f64)>,
}

impl Ratios {
    fn of(tunnel: Size, carried: Size) -> Self {
        let over = |a: i64, b: i64| a as f64 / b.max(1) as f64;
        let ways = (tunnel.directed && carried.directed)
            .then(|| (over(tunnel.up, carried.down), over(tunnel.down, carried.up)));
        Self { total: over(tunnel.total(), carried.total()), ways }
    }

    fn agree(&self, tunnel: Size) -> bool {
        let within = |ratio: f64, (least, most): (f64, f64)| (least..=most).contains(&ratio);
        match self.ways {
            Some((up, down)) => {
                within(up, UPLOADS) && within(down, DOWNLOADS) && tunnel.up >= tunnel.down.saturating_mul(UP_OVER_DOWN)
            }
            None => within(self.total, TOTALS),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use catspaw_records::{ByteKind, Ending, RecordId, SensorId, Stamp};

    use super::*;

    /// A connection to server `server` from second `from` to second `to`; without `down` only the total is known.
    fn leg(server: u8, from: i64, to: i64, up: i64, down: Option<i64>) -> Leg {
        let at = Nanos::from_secs(to);
        let size = Size { up, down: down.unwrap_or(0), directed: down.is_some(), kind: ByteKind::Payload };
        let point = |addr: [u8; 4], port| Endpoint { addr: IpAddr::from(addr), port };
        Leg {
            id: RecordId::Device((from + 100_000) as u64 * 256 + u64::from(server)),
            peer: point([203, 0, 113, server], 443),
            own: point([192, 0, 2, 1], 40_000),
            start: Stamp { at: Nanos::from_secs(from), resolution: 1, sensor: SensorId(0) },
            opened: None,
            end: Some(crate::End { at, known: at, order: 0, ending: Ending::Fins, answered: true, size: Some(size) }),
            smtp: false,
            mailed: None,
            inward: false,
            places: [None, None],
        }
    }

    /// Calls of 20 kB each, one in ten seconds from `from` to `to`, to 50 servers.
    fn calls(from: i64, to: i64, directed: bool) -> Vec<Leg> {
        let one = |n: i64| {
            let (up, down) = if directed { (1000, Some(19_000)) } else { (20_000, None) };
            leg((n % 50) as u8, from + 10 * n, from + 10 * n + 5, up, down)
        };
        (0..(to - from) / 10).map(one).collect()
    }

    fn found(legs: &[&[Leg]]) -> Option<Tunnel> {
        let mut legs = legs.concat();
        legs.sort_by_key(|leg| leg.start.at);
        find_tunnel(&legs, |_| false)
    }

    #[test]
    fn a_tunnel_whose_bytes_are_those_of_the_calls_is_found() {
        let tunnel = found(&[&[leg(200, 0, 3600, 7_400_000, None)], &calls(5, 3600, false)]).unwrap();
        assert_eq!((tunnel.far.addr, tunnel.targets), (IpAddr::from([203, 0, 113, 200]), 50));
        assert_eq!(tunnel.carried.len(), 359);
        let directed = found(&[&[leg(200, 0, 3600, 7_000_000, Some(420_000))], &calls(5, 3600, true)]).unwrap();
        assert!(directed.up_ratio.is_some_and(|up| (1.0..1.1).contains(&up)));
    }

    #[test]
    fn what_is_like_a_tunnel_and_is_none_is_not_found() {
        let beside = |long: Leg, directed| found(&[&[long], &calls(-7200, 10_800, directed)]);
        let alone = |long: Leg, directed| found(&[&[long], &calls(5, 3600, directed)]);
        // A download or an upload of as many bytes, beside browsing that goes on before and after.
        assert_eq!(beside(leg(200, 0, 3600, 7_400_000, None), false), None);
        // A backup: much goes up, nothing comes down, as requests would.
        assert_eq!(alone(leg(200, 0, 3600, 7_000_000, Some(9000)), true), None);
        // A VPN, a video, a remote desktop: more comes down than goes up.
        assert_eq!(alone(leg(200, 0, 3600, 420_000, Some(7_000_000)), true), None);
        // A VPN that was up as long as the log goes, beside browsing: nothing is known of the host's habits.
        let few: Vec<Leg> =
            calls(5, 3600, false).into_iter().filter(|leg| leg.peer.addr < IpAddr::from([203, 0, 113, 30])).collect();
        let vpn = leg(200, 0, 3600, 5_000_000, None);
        assert_eq!(found(&[&[vpn], &few]), None);
        assert!(found(&[&[vpn], &few, &calls(6000, 6010, false)]).is_some());
        // A push channel, a web socket: hardly any bytes.
        assert_eq!(alone(leg(200, 0, 3600, 40_000, None), false), None);
        // Other sums.
        assert_eq!(alone(leg(200, 0, 3600, 70_000_000, None), false), None);
        // File sharing: one of several long connections fits by chance.
        let long = |n: u8| leg(200 + n, 0, 3600, 7_400_000 << n, None);
        assert_eq!(found(&[&[long(0), long(2), long(3)], &calls(5, 3600, false)]), None);
    }
}
