//! Does the host send mail by itself, to servers all over the world, as a spam bot does?
//!
//! An innocent host that sends mail hands it to the one or two servers of its provider. Two sequential tests run side by
//! side over its SMTP connections, in the order in which they became known, and the weaker of them counts, so that a host
//! is innocent where either finds it so:
//! - *by connection*: how often is the server a new one? Innocent: at most one connection in ten ([`NEW_INNOCENT`]); bots
//!   are tried at rates up to nine in ten. The first servers of any host are new and count neither way, nor do further tries
//!   that nobody answers;
//! - *by time*: how soon does the next new server come? Innocent: one in two minutes at most ([`RATE_INNOCENT`]), so that a
//!   small server which sends to many in a day is not taken for a bot; bots are tried at rates up to one a second. New
//!   servers of one second count as one: a list that is expanded is a burst, a bot goes on.
//!
//! Both are test martingales: each factor is a likelihood ratio whose rates are fixed beforehand, and what is believed of
//! one innocent rate holds for all lower ones (the ratios rise with the rate).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use catspaw_records::Nanos;
use serde::{Deserialize, Serialize};

use crate::config::{Config, Network};
use crate::leg::Leg;
use crate::mail::LETTER;
use crate::tally::size_class;
use crate::test::{Capital, log_mean, raise};

/// Its share of the error that the owner allows, fixed before any data.
pub const SHARE: f64 = 0.08;
/// An innocent host's chance that a connection goes to a new server, and those of bots that are tried.
const NEW_INNOCENT: f64 = 0.1;
const NEW_TRIED: [f64; 3] = [0.3, 0.6, 0.9];
/// New servers a second of an innocent host, and how many times that of bots that are tried.
const RATE_INNOCENT: f64 = 1.0 / 120.0;
const TIMES_TRIED: [f64; 5] = [2.0, 4.0, 8.0, 32.0, 128.0];
/// As many distinct servers there must be, and so many of them that answered: who asks and is not let through sends nothing.
const SERVERS_LEAST: usize = 15;
const ANSWERED_LEAST: usize = 5;
/// Who sends fewer letters only asks servers of mail something, as a census of them does.
pub const LETTERS_LEAST: u64 = 2;
/// The first servers of any host are new ones: they are learned, and count neither way.
const LEARNED: usize = 2;
/// As many servers of one /24 (or /48) are new ones at most: a provider's mail comes in through a pool of them.
const POOL: u32 = 8;
/// A new server that is known so many nanoseconds later than another that was called after it does not count.
const LATE: i64 = 600 * Nanos::SECOND;
/// Bytes that are sent to a server by who only greets it, at most: what was not read of a connection may have been mail.
const LOOK: i64 = 128;
/// Where users hand their mail to their own provider, whatever a log calls it: in an office there are as many providers as people.
pub const SUBMISSION: [u16; 2] = [465, 587];
/// Servers of a host that are remembered; beyond, none is new.
const SERVERS_MOST: usize = 16_384;

/// The moment at which the evidence was enough.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Caught {
    /// When, in the time of the merge.
    pub at: Nanos,
    /// SMTP connections that were known by then.
    pub connections: u64,
    /// Those of them that carried something.
    pub carried: u64,
    /// Distinct servers that they went to.
    pub servers: u64,
}

/// One test over a stream of SMTP connections.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    servers: BTreeSet<IpAddr>,
    answered: BTreeSet<IpAddr>,
    pools: BTreeMap<Option<Network>, u32>,
    by_connection: Capital<{ NEW_TRIED.len() }>,
    by_time: Capital<{ TIMES_TRIED.len() }>,
    /// The seconds of [`LATE`] in which new servers were called.
    seconds: BTreeSet<Nanos>,
    /// Connections that entered.
    pub connections: u64,
    /// Those of them that carried something.
    pub carried: u64,
    /// Those of them that may have carried a letter, by the classes of their sizes; the last one is of those whose size is not known.
    pub sizes: BTreeMap<u16, u64>,
    /// Natural logarithm of the largest ratio so far.
    pub largest: Option<f64>,
    /// When it was enough.
    pub caught: Option<Caught>,
}

/// What a host sends to SMTP servers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spam {
    /// All of it.
    pub all: Stream,
    /// What no inbound leg can explain: it counts alone where the host is found to relay.
    pub alone: Stream,
}

impl Spam {
    /// Takes an SMTP connection whose turn has come at `now`, on civil day `day`.
    pub(crate) fn take(&mut self, leg: &Leg, explained: bool, now: Nanos, day: i32, config: &Config) {
        self.all.take(leg, now, day, config);
        if !explained {
            self.alone.take(leg, now, day, config);
        }
    }
}

impl Stream {
    /// Distinct servers.
    #[must_use]
    pub fn servers(&self) -> u64 {
        self.servers.len() as u64
    }

    /// Connections that may have carried a letter, where that is of at least this class of sizes ([`size_class`]).
    #[must_use]
    pub fn letters(&self, least: u16) -> u64 {
        self.sizes.range(least..).map(|(_, count)| count).sum()
    }

    /// Natural logarithm of the ratio now.
    #[must_use]
    pub fn latest(&self) -> f64 {
        log_mean(&self.by_connection.logs()).min(log_mean(&self.by_time.logs()))
    }

    fn take(&mut self, leg: &Leg, now: Nanos, day: i32, config: &Config) {
        if self.by_connection.spend(day) {
            self.servers.clear();
            self.answered.clear();
            self.pools.clear();
            self.seconds.clear();
        }
        self.by_time.spend(day);
        if is_a_look(leg) || SUBMISSION.contains(&leg.peer.port) {
            return;
        }
        let answered = leg.end.is_some_and(|end| end.answered);
        if !answered && self.servers.contains(&leg.peer.addr) {
            // A further try, as a queue makes them: it is neither a new server nor mail.
            return;
        }
        self.connections += 1;
        self.carried += u64::from(leg.has_payload());
        if let Some(class) = class_of_letter(leg) {
            *self.sizes.entry(class).or_default() += 1;
        }
        if self.answered.len() < ANSWERED_LEAST && answered {
            self.answered.insert(leg.peer.addr);
        }
        let new = self.is_new(leg.peer.addr);
        if self.servers.len() <= LEARNED {
            self.seconds.insert(second_of(leg.start.at));
            return;
        }
        let factor = |tried: f64| if new { tried / NEW_INNOCENT } else { (1.0 - tried) / (1.0 - NEW_INNOCENT) };
        self.by_connection.multiply(NEW_TRIED.map(|tried| factor(tried).ln()));
        if new {
            self.take_time(leg.start.at);
        }
        let ratio = self.latest();
        raise(&mut self.largest, ratio);
        let many = self.servers.len() >= SERVERS_LEAST && self.answered.len() >= ANSWERED_LEAST;
        let enough = many && ratio + SHARE.ln() >= -config.alpha.ln();
        if enough && self.caught.is_none() {
            let (connections, carried) = (self.connections, self.carried);
            self.caught = Some(Caught { at: now, connections, carried, servers: self.servers() });
        }
    }

    /// Takes the moment of a new server. It may be known later than others that were called after it, as connections are
    /// known by their ends; the time up to the last was counted by then. (So the ratio is never above the one of all
    /// moments up to the last, had they all been known: that is the test martingale.)
    fn take_time(&mut self, at: Nanos) {
        let second = second_of(at);
        let (Some(&first), Some(&last)) = (self.seconds.first(), self.seconds.last()) else {
            self.seconds.insert(second);
            return;
        };
        if second < first || !self.seconds.insert(second) {
            return;
        }
        let gap = second.since(last).max(0) as f64 / Nanos::SECOND as f64;
        self.by_time.multiply(TIMES_TRIED.map(|times| times.ln() - (times - 1.0) * RATE_INNOCENT * gap));
        while self.seconds.first().is_some_and(|first| second.since(*first) > LATE) {
            self.seconds.pop_first();
        }
    }

    fn is_new(&mut self, server: IpAddr) -> bool {
        if self.servers.len() >= SERVERS_MOST || !self.servers.insert(server) {
            return false;
        }
        let known = self.pools.entry(Network::around(server, 24, 48)).or_default();
        *known += 1;
        *known <= POOL
    }
}

/// The class of its size, where so much was sent that a letter may be among it: a server that is asked something may say a lot.
fn class_of_letter(leg: &Leg) -> Option<u16> {
    let Some(size) = leg.size() else { return Some(u16::MAX) };
    let sent = if size.directed { size.up } else { size.total() };
    (sent >= LETTER).then(|| size_class(size.total()))
}

/// Whether its packets show that the server was greeted, and sent no mail: so do monitors and censuses.
fn is_a_look(leg: &Leg) -> bool {
    let silent = leg.mailed.is_some_and(|mailed| !mailed.tried && !mailed.hidden);
    silent && leg.size().is_some_and(|size| size.directed && (1..LOOK).contains(&size.up))
}

fn second_of(at: Nanos) -> Nanos {
    Nanos(at.0.div_euclid(Nanos::SECOND) * Nanos::SECOND)
}

#[cfg(test)]
mod tests {
    use catspaw_records::{ByteKind, Ending, Endpoint, RecordId, SensorId, Stamp};

    use super::*;
    use crate::leg::{End, Mailed, Size};

    /// What is known of a hundred servers that are called one after the other.
    fn called(mailed: Option<Mailed>, up: i64) -> Stream {
        called_at(25, mailed, up)
    }

    fn called_at(port: u16, mailed: Option<Mailed>, up: i64) -> Stream {
        let mut stream = Stream::default();
        for n in 0..100_u8 {
            let at = Nanos(i64::from(n) * 2 * Nanos::SECOND);
            let size = Size { up, down: 200, directed: true, kind: ByteKind::Payload };
            let end = End { at, known: at, order: 0, ending: Ending::Fins, answered: true, size: Some(size) };
            let leg = Leg {
                id: RecordId::Device(u64::from(n)),
                peer: Endpoint { addr: IpAddr::from([198, 51, n, 25]), port },
                own: Endpoint { addr: IpAddr::from([192, 0, 2, 1]), port: 40_000 },
                start: Stamp { at, resolution: 1000, sensor: SensorId(0) },
                opened: None,
                end: Some(end),
                smtp: true,
                mailed,
                inward: false,
                places: [None, None],
            };
            stream.take(&leg, at, 0, &Config::default());
        }
        stream
    }

    #[test]
    fn mail_that_is_handed_to_a_provider_is_no_spam_of_its_own() {
        assert!([465, 587].map(|port| called_at(port, None, 2000).caught) == [None; 2]);
        assert!(called_at(25, None, 2000).caught.is_some());
    }

    #[test]
    fn who_only_greets_servers_sends_no_spam() {
        let (none, tried) = (Some(Mailed::default()), Some(Mailed { tried: true, ..Mailed::default() }));
        let hidden = Some(Mailed { hidden: true, ..Mailed::default() });
        assert!(called(none, 30).caught.is_none());
        for (mailed, up) in [(None, 30), (tried, 90), (hidden, 30), (none, 900)] {
            assert!(called(mailed, up).caught.is_some(), "{mailed:?} {up}");
        }
    }
}
