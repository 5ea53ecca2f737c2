//! Retries put together: one five-tuple within 180 s is one attempt, however many records it made.

use std::collections::{HashMap, VecDeque};

use catspaw_records::{Endpoint, Nanos};
use catspaw_relay::{Attempt, Outcome, RETRY};

/// Attempts of one host that may wait for their retries; beyond, the oldest does not.
const WAITING: usize = 1 << 18;

/// An attempt with its retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Try {
    /// The first record of it.
    pub(super) first: Nanos,
    pub(super) port: u16,
    pub(super) peer: Endpoint,
    /// What became of it: an answer is one, whatever came before.
    pub(super) outcome: Outcome,
    /// How many of its packets the device refused.
    pub(super) denials: u64,
}

/// The attempts of one host that may still be tried again.
#[derive(Debug, Default)]
pub(super) struct Tries {
    waiting: VecDeque<Try>,
    /// How many were given before the first that waits, and where each is.
    given: u64,
    places: HashMap<(u16, Endpoint), u64>,
    /// Those that the cap gave too early.
    pub(super) hurried: u64,
}

impl Tries {
    /// Takes an attempt; they come in order of time. Gives those that are complete, in the same order.
    pub(super) fn push(&mut self, attempt: &Attempt, mut give: impl FnMut(Try)) {
        while self.waiting.front().is_some_and(|one| attempt.start.since(one.first) > RETRY) {
            self.give_first(&mut give);
        }
        let tuple = (attempt.port, attempt.peer);
        if let Some(before) = self.places.get(&tuple).map(|&place| (place - self.given) as usize) {
            let before = &mut self.waiting[before];
            before.outcome = before.outcome.min(attempt.outcome);
            before.denials = before.denials.saturating_add(attempt.denials);
            return;
        }
        if self.waiting.len() >= WAITING {
            self.hurried += 1;
            self.give_first(&mut give);
        }
        self.places.insert(tuple, self.given + self.waiting.len() as u64);
        let Attempt { start, port, peer, outcome, denials, .. } = *attempt;
        self.waiting.push_back(Try { first: start, port, peer, outcome, denials });
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self, mut give: impl FnMut(Try)) {
        while !self.waiting.is_empty() {
            self.give_first(&mut give);
        }
    }

    fn give_first(&mut self, give: &mut impl FnMut(Try)) {
        if let Some(one) = self.waiting.pop_front() {
            self.given += 1;
            self.places.remove(&(one.port, one.peer));
            give(one);
        }
    }
}

#[cfg(test)]
mod tests {
    use catspaw_records::{HostKey, SensorId};

    use super::*;

    fn merged(of: &[(i64, u16, Outcome, u64)]) -> Vec<(i64, u16, Outcome, u64)> {
        let (mut tries, mut all) = (Tries::default(), Vec::new());
        let mut give = |one: Try| all.push((one.first.0 / Nanos::SECOND, one.peer.port, one.outcome, one.denials));
        for &(at, port, outcome, denials) in of {
            let peer = Endpoint { addr: [198, 51, 100, 7].into(), port };
            let (host, sensor) = (HostKey::Address([10, 0, 0, 1].into()), SensorId(1));
            let start = Nanos::from_secs(at);
            tries.push(&Attempt { host, sensor, port: 1182, peer, start, outcome, denials }, &mut give);
        }
        tries.finish(&mut give);
        all
    }

    #[test]
    fn retries_within_three_minutes_are_one_attempt_and_an_answer_settles_it() {
        use Outcome::{Answered, Denied, Unanswered};
        let all = merged(&[
            (0, 1, Denied, 1),
            (3, 1, Denied, 4),
            (5, 2, Denied, 1),
            (9, 1, Unanswered, 0),
            (100, 3, Unanswered, 0),
            (180, 1, Denied, 1),
            (181, 1, Denied, 7),
            (190, 2, Denied, u64::MAX),
            (191, 2, Denied, 1),
            (200, 3, Answered, 0),
        ]);
        assert_eq!(
            all,
            [
                (0, 1, Unanswered, 6),
                (5, 2, Denied, 1),
                (100, 3, Answered, 0),
                (181, 1, Denied, 7),
                (190, 2, Denied, u64::MAX)
            ]
        );
    }
}
