//! Inbound attempts one by one, as far as they may be asked for: who kept trying after a host was cut off.

use std::collections::BTreeMap;

use catspaw_records::{Denied, Endpoint, HostKey, Nanos, Proto, SensorId};
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::leg::Leg;
use crate::tally::RETRY;

/// Of the answered attempts at a port one of each stretch of so many nanoseconds is given away: enough to see that the
/// service was there.
pub const BEAT: i64 = 600 * Nanos::SECOND;
/// Ports whose beats are remembered; beyond, every answered attempt is given away.
const PORTS: usize = 1024;

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Outcome {
    /// Somebody answered.
    Answered,
    /// The evidence does not tell: no end of it was seen.
    Open,
    /// Nobody answered, or a reset came before any payload.
    Unanswered,
    /// The device refused it. Not in the host's [`crate::Tally`].
    Denied,
}

/// An attempt from outside at one of our ports. Retries are not put together yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The host; of a denial the address that it names, which may be a public one of any of our hosts.
    pub host: HostKey,
    /// Whose records.
    pub sensor: SensorId,
    /// The port.
    pub port: u16,
    /// Who tried.
    pub peer: Endpoint,
    /// When.
    pub start: Nanos,
    /// What became of it.
    pub outcome: Outcome,
    /// Of a denial how many packets the device refused; of others 0.
    pub denials: u64,
}

impl Attempt {
    /// What the device told at `at` that it refused; `None` where that was no attempt at a TCP connection. Where it tells of
    /// a stretch of time, the attempt began with that: its packets are retries of one.
    #[must_use]
    pub fn denied(denied: &Denied, sensor: SensorId, at: Nanos) -> Option<Self> {
        (denied.attempt && denied.proto == Proto::Tcp).then_some(Self {
            host: HostKey::Address(denied.resp.addr),
            sensor,
            port: denied.resp.port,
            peer: denied.orig,
            start: denied.since(at),
            outcome: Outcome::Denied,
            denials: denied.count,
        })
    }

    pub(crate) fn of(host: HostKey, sensor: SensorId, leg: &Leg) -> Self {
        let outcome = match leg.end {
            None => Outcome::Open,
            Some(end) if end.answered => Outcome::Answered,
            Some(_) => Outcome::Unanswered,
        };
        Self { host, sensor, port: leg.own.port, peer: leg.peer, start: leg.start.at, outcome, denials: 0 }
    }
}

/// What a host must remember to know which of its answered attempts are given away.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Beats {
    /// By port: the last answered opening, and which of the 64 stretches up to its own have been given away.
    ports: BTreeMap<u16, (Nanos, u64)>,
    /// Until then every answered attempt is: it may be the retry of one that was refused.
    watched_until: Option<Nanos>,
}

impl Beats {
    /// Something was refused, or an address was given, at `at`.
    pub(crate) fn watch(&mut self, at: Nanos) {
        self.watched_until = self.watched_until.max(Some(at.plus(RETRY)));
    }

    /// The opening of the last answered attempt at `port`, of those whose end was seen.
    #[must_use]
    pub fn last_answered(&self, port: u16) -> Option<Nanos> {
        self.ports.get(&port).map(|&(last, _)| last)
    }

    /// Whether the attempt is given away.
    pub(crate) fn gives(&mut self, attempt: &Attempt, config: &Config) -> bool {
        if attempt.outcome != Outcome::Answered {
            return true;
        }
        let first_of_stretch = self.is_first(attempt);
        first_of_stretch
            || self.watched_until.is_some_and(|until| attempt.start <= until)
            || config.contained_at(attempt.host.addr()).is_some_and(|at| attempt.start >= at)
    }

    fn is_first(&mut self, attempt: &Attempt) -> bool {
        if self.ports.len() >= PORTS && !self.ports.contains_key(&attempt.port) {
            return true;
        }
        let stretch = |at: Nanos| at.0.div_euclid(BEAT);
        let (last, given) = self.ports.entry(attempt.port).or_insert((attempt.start, 0));
        let ahead = stretch(attempt.start) - stretch(*last);
        if ahead > 0 {
            *given = given.checked_shl(u32::try_from(ahead).unwrap_or(u32::MAX)).unwrap_or(0);
        }
        *last = attempt.start.max(*last);
        let Some(bit) = u32::try_from((-ahead).max(0)).ok().and_then(|back| 1_u64.checked_shl(back)) else {
            return true;
        };
        let new = *given & bit == 0;
        *given |= bit;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(at: i64) -> Attempt {
        let peer = Endpoint { addr: [192, 0, 2, 1].into(), port: 4000 };
        let host = HostKey::Address([10, 0, 0, 2].into());
        let (sensor, start) = (SensorId(0), Nanos::from_secs(at));
        Attempt { host, sensor, port: 1182, peer, start, outcome: Outcome::Answered, denials: 0 }
    }

    #[test]
    fn one_answer_of_each_ten_minutes_is_given_away_and_every_failure() {
        let (mut beats, config) = (Beats::default(), Config::default());
        let given: Vec<bool> = [10, 20, 700, 30, 1300, 800, 90_000, 710]
            .into_iter()
            .map(|at| beats.gives(&answered(at), &config))
            .collect();
        // The last comes so late that nobody remembers its stretch: rather twice than never.
        assert_eq!(given, [true, false, true, false, true, false, true, true]);
        assert_eq!(beats.last_answered(1182), Some(Nanos::from_secs(90_000)));
        let failed = Attempt { outcome: Outcome::Unanswered, ..answered(90_001) };
        assert!(beats.gives(&failed, &config) && beats.gives(&failed, &config));
    }

    #[test]
    fn all_answers_are_given_away_where_they_may_be_retries_or_break_a_cut() {
        let (mut beats, mut config) = (Beats::default(), Config::default());
        assert!(beats.gives(&answered(10), &config) && !beats.gives(&answered(11), &config));
        beats.watch(Nanos::from_secs(12));
        assert!(beats.gives(&answered(100), &config) && !beats.gives(&answered(200), &config));
        config.contained.push(crate::Contained { host: [10, 0, 0, 2].into(), at: Nanos::from_secs(300) });
        assert!(beats.gives(&answered(301), &config) && !beats.gives(&answered(299), &config));
    }
}
