//! Hosts whose legs are laid out again, and what must stay together when that is done.

use std::net::IpAddr;

use crate::table::{Leg, SECOND, View};

/// An outbound leg may have been caused by an inbound one that ended so much earlier.
const AFTER: i64 = 2 * SECOND;
/// The same of mail, which is taken in first and answered or sent on later.
const AFTER_MAIL: i64 = 300 * SECOND;
const SMTP: u16 = 25;
/// What the correlator looks at for tunnels: connections as long and as large as this.
const LONG: i64 = 60 * SECOND;
const MUCH: u64 = 500_000;

/// An innocent host of one table.
#[derive(Debug)]
pub(crate) struct Source {
    /// The network it was seen in, and its address: the same machine in whatever view, which counts once.
    pub(crate) machine: (String, IpAddr),
    pub(crate) kind: String,
    pub(crate) view: View,
    /// In order of `anchor`.
    pub(crate) legs: Vec<Anchored>,
    /// Legs that are linked, directly or by way of others; a leg that is linked to nothing is alone.
    pub(crate) clusters: Vec<Vec<Leg>>,
    /// Whether outsiders asked it something, whether it called anybody, and whether some of that was mail.
    pub(crate) serves: bool,
    pub(crate) calls: bool,
    pub(crate) mails: bool,
    /// Whether it held a connection that could be taken for a tunnel, by how long and how much.
    pub(crate) holds_long: bool,
}

/// A leg and the moment it goes by when a stretch is cut out: an outbound leg goes with the inbound leg that most
/// likely caused it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anchored {
    pub(crate) anchor: i64,
    pub(crate) leg: Leg,
}

impl Source {
    /// `legs` in order of their starts.
    pub(crate) fn new(machine: (String, IpAddr), kind: &str, view: View, legs: &[Leg]) -> Self {
        let links = links(legs);
        let mut anchored: Vec<Anchored> = legs
            .iter()
            .zip(&links)
            .map(|(leg, causes)| {
                // The latest of them: legs are in order.
                let cause = causes.last().map_or(leg, |&cause| &legs[cause]);
                Anchored { anchor: cause.start, leg: *leg }
            })
            .collect();
        anchored.sort_by_key(|anchored| anchored.anchor);
        let with_payload = |inbound: bool| legs.iter().any(|leg| leg.inbound == inbound && leg.has_payload());
        Self {
            machine,
            kind: kind.to_owned(),
            view,
            legs: anchored,
            clusters: clusters(legs, &links),
            serves: with_payload(true),
            calls: with_payload(false),
            mails: legs.iter().any(|leg| !leg.inbound && leg.peer.port == SMTP),
            holds_long: legs.iter().any(is_long),
        }
    }

    /// From the first anchor to the last.
    pub(crate) fn span(&self) -> (i64, i64) {
        let at = |anchored: Option<&Anchored>| anchored.map_or(0, |a| a.anchor);
        (at(self.legs.first()), at(self.legs.last()))
    }

    /// The legs that go by a moment from `from` up to `to`.
    pub(crate) fn stretch(&self, from: i64, to: i64) -> &[Anchored] {
        let first = self.legs.partition_point(|a| a.anchor < from);
        let end = self.legs.partition_point(|a| a.anchor < to);
        &self.legs[first..end]
    }
}

fn is_long(leg: &Leg) -> bool {
    let lives = leg.end.is_some_and(|end| end - leg.start >= LONG);
    !leg.inbound && lives && leg.bytes.is_some_and(|bytes| bytes.total() >= MUCH)
}

/// For every leg the inbound legs that may have caused it, by time alone, in order.
fn links(legs: &[Leg]) -> Vec<Vec<usize>> {
    let causes = |outbound: &Leg, upto: usize| -> Vec<usize> {
        let may = |inbound: &Leg| {
            let mail = inbound.own_port == SMTP && outbound.peer.port == SMTP;
            let after = if mail { AFTER_MAIL } else { AFTER };
            inbound.inbound
                && inbound.peer.addr != outbound.peer.addr
                && inbound.end.is_none_or(|end| outbound.start <= end.saturating_add(after))
        };
        (0..upto).filter(|&at| may(&legs[at])).collect()
    };
    let upto = |leg: &Leg| legs.partition_point(|before| before.start <= leg.start);
    legs.iter().map(|leg| if leg.inbound { Vec::new() } else { causes(leg, upto(leg)) }).collect()
}

/// What hangs together by `links`.
fn clusters(legs: &[Leg], links: &[Vec<usize>]) -> Vec<Vec<Leg>> {
    let mut parent: Vec<usize> = (0..legs.len()).collect();
    for (leg, causes) in links.iter().enumerate() {
        for &cause in causes {
            let (a, b) = (root(&mut parent, leg), root(&mut parent, cause));
            parent[a.max(b)] = a.min(b);
        }
    }
    let mut clusters: Vec<Vec<Leg>> = vec![Vec::new(); legs.len()];
    for (number, leg) in legs.iter().enumerate() {
        clusters[root(&mut parent, number)].push(*leg);
    }
    clusters.retain(|cluster| !cluster.is_empty());
    clusters
}

fn root(parent: &mut [usize], mut of: usize) -> usize {
    while parent[of] != of {
        parent[of] = parent[parent[of]];
        of = parent[of];
    }
    of
}

#[cfg(test)]
pub(crate) mod tests {
    use catspaw_records::{ByteCount, ByteKind, Bytes, Ending, Endpoint};

    use super::*;

    /// A leg of `bytes` in all from second `start` to `end`, with the `peer`-th outsider.
    pub(crate) fn leg(inbound: bool, start: f64, end: f64, peer: u8, bytes: u64) -> Leg {
        let nanos = |seconds: f64| (seconds * 1e9) as i64;
        Leg {
            inbound,
            start: nanos(start),
            end: Some(nanos(end)),
            own_port: if inbound { 80 } else { 30_000 },
            peer: Endpoint { addr: [198, 51, 100, peer].into(), port: if inbound { 40_000 } else { 443 } },
            bytes: Some(Bytes { kind: ByteKind::PayloadRetransmitted, count: ByteCount::Total(bytes) }),
            ending: Ending::Fins,
            state: None,
        }
    }

    #[test]
    fn a_call_stays_with_the_request_that_may_have_caused_it() {
        let legs = [
            leg(true, 0.0, 3.0, 1, 10),
            leg(true, 1.0, 2.0, 2, 20),
            leg(false, 1.5, 1.8, 9, 30),
            leg(false, 60.0, 61.0, 9, 40),
        ];
        let source = Source::new(("x".into(), [10, 0, 0, 1].into()), "other", View::Zeek, &legs);
        assert_eq!(source.clusters.iter().map(Vec::len).collect::<Vec<_>>(), [3, 1]);
        let of = |bytes| source.legs.iter().find(|a| a.leg.bytes.is_some_and(|b| b.total() == bytes)).unwrap().anchor;
        assert_eq!((of(30), of(40)), (SECOND, 60 * SECOND));
        assert_eq!(source.stretch(SECOND, 2 * SECOND).len(), 2, "the request and its call");
    }
}
