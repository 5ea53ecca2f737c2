//! Mail that nobody took: of a connection on which every recipient was refused, or the host was sent away, the size does not say
//! which letter it was for. Three things do: each letter that came in goes out a first time; a server that refused a letter is asked
//! again, as much later as others are; and the moment. All of a host's are weighed together.

use std::collections::BTreeMap;
use std::net::IpAddr;

use catspaw_records::Nanos;

use crate::assign::{Assignment, Edge, Edges};
use crate::leg::Leg;
use crate::pairing::{Match, Outbound, UNRELATED};
use crate::tally::RETRY;

/// Natural logarithm of how much likelier it is that a letter goes out than that it does not: of 780 of the captures and the lab 769
/// did.
const GOES_OUT: f64 = 4.2;
/// The same of a refused one that is tried again, in which a queue goes on as long as it is not told never to. Of 72 of the lab's
/// queues 29 were before the capture ended; with what that makes (-0.4) one host has 4 right pairs of 68 fewer.
const TRIED_AGAIN: f64 = 1.5;
/// Earlier tries at the same server that one may repeat.
const EARLIER: usize = 16;
/// Lags are alike that differ by no more than so many nanoseconds, or by one part in this.
const NEAR: i64 = 2 * Nanos::SECOND;
const PART: i64 = 32;
/// What is believed of the lag before any was seen: log-uniform between a second and four hours, which is so many factors of e.
const FOLDS: f64 = 9.6;

/// A connection on which nobody took a letter.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    /// Its number among the outbound legs.
    pub(crate) number: usize,
    /// Inbound legs that it may have been for, and what speaks for each: the moment and not the size.
    pub(crate) causes: Vec<(usize, f64)>,
    /// What speaks for its having any cause.
    pub(crate) caused: f64,
}

/// Adds to `matches`, which are those of letters, the causes of what was `refused` (in the order in which it began). `further` is
/// what is to be added for an inbound leg that letters went out of.
pub(crate) fn extend(matches: &mut Vec<Match>, refused: &[Refused], outbound: &[Outbound<'_>], further: f64) {
    let leg = |row: usize| outbound[refused[row].number].leg;
    let mut effects: BTreeMap<usize, Vec<&Leg>> = BTreeMap::new();
    for m in matches.iter() {
        effects.entry(m.inbound).or_default().push(outbound[m.outbound].leg);
    }
    let tries = Tries::of((0..refused.len()).map(leg));
    // Of each inbound leg and each try one more effect at most is looked for.
    let mut columns: BTreeMap<Origin, usize> = BTreeMap::new();
    let mut edges = Edges::default();
    let mut origins = Vec::new();
    for (row, one) in refused.iter().enumerate() {
        let mut of_row = Vec::new();
        let mut add = |origin: Origin, score: f64| {
            let next = columns.len();
            let column = *columns.entry(origin).or_insert(next);
            if column == next {
                origins.push(origin);
            }
            of_row.push(Edge { column, score: score + one.caused });
        };
        for &(at, score) in one.causes.iter().filter(|_| !tries.same[row]) {
            let more = effects.get(&at).map_or(GOES_OUT, |legs| {
                // What is taken by a server that has refused before was refused then.
                let later = |other: &&Leg| other.peer == leg(row).peer && is_over_before(leg(row), other);
                if legs.iter().any(later) { GOES_OUT } else { further }
            });
            add(Origin::Letter(at), score + more);
        }
        for (earlier, density) in tries.before(row) {
            add(Origin::Try(earlier), (density / UNRELATED).ln() + TRIED_AGAIN);
        }
        edges.push(of_row);
    }
    let solved = Assignment::solve(edges, columns.len());
    let mut found: Vec<Option<(usize, f64)>> = Vec::new();
    for (row, one) in refused.iter().enumerate() {
        let margin = solved.margin(row);
        let cause = solved.column_of(row).and_then(|column| match origins[column] {
            Origin::Letter(at) => Some((at, margin)),
            Origin::Try(earlier) => found[earlier].map(|(at, of_first)| (at, margin.min(of_first))),
        });
        found.push(cause);
        matches.extend(cause.map(|(inbound, margin)| Match { inbound, outbound: one.number, margin, size_score: 0.0 }));
    }
}

/// Where a try comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    /// An inbound leg.
    Letter(usize),
    /// An earlier try, by its row.
    Try(usize),
}

fn is_over_before(earlier: &Leg, later: &Leg) -> bool {
    earlier.end.is_some_and(|end| end.at <= later.start.at)
}

/// Which tries may repeat which, and how long afterwards.
struct Tries {
    /// Of each try the earlier ones at the same server, and how much earlier.
    before: Vec<Vec<(usize, i64)>>,
    /// Whether a try is an earlier one that is told of again: a SYN was repeated.
    same: Vec<bool>,
    /// All lags, in order.
    lags: Vec<i64>,
}

impl Tries {
    fn of<'a>(legs: impl Iterator<Item = &'a Leg>) -> Self {
        let mut by_server: BTreeMap<(IpAddr, u16), Vec<(usize, &Leg)>> = BTreeMap::new();
        let (mut before, mut same) = (Vec::new(), Vec::new());
        for (row, leg) in legs.enumerate() {
            let others = by_server.entry((leg.peer.addr, leg.peer.port)).or_default();
            let mut lately = others.iter().rev().take_while(|(_, other)| leg.start.at.since(other.start.at) <= RETRY);
            same.push(lately.any(|(_, other)| other.own == leg.own));
            if same[row] {
                before.push(Vec::new());
                continue;
            }
            let earlier = others.iter().rev().filter(|(_, other)| is_over_before(other, leg));
            before.push(earlier.take(EARLIER).map(|&(row, other)| (row, leg.start.at.since(other.start.at))).collect());
            others.push((row, leg));
        }
        let mut lags: Vec<i64> = before.iter().flatten().map(|&(_, lag): &(usize, i64)| lag).collect();
        lags.sort_unstable();
        Self { before, same, lags }
    }

    /// The earlier tries that this one may repeat, and the probability per second of its coming as much later.
    fn before(&self, row: usize) -> impl Iterator<Item = (usize, f64)> {
        self.before[row].iter().map(|&(earlier, lag)| (earlier, self.density(lag)))
    }

    /// By all lags but one that is this.
    fn density(&self, lag: i64) -> f64 {
        let width = NEAR.max(lag / PART);
        let upto = |most: i64| self.lags.partition_point(|&other| other <= most);
        let near = (upto(lag + width) - upto(lag - width - 1) - 1) as f64;
        let seconds = |nanos: i64| nanos as f64 / Nanos::SECOND as f64;
        let prior = 1.0 / (seconds(lag).max(1.0) * FOLDS);
        (near / seconds(2 * width) + prior) / self.lags.len() as f64
    }
}
