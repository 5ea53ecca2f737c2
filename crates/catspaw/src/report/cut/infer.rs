//! Whether a service was cut off: from some moment to the end of the evidence nobody is answered any more.
//!
//! What must not be taken for a cut: the stray attempts without an answer that every service has, a service that is
//! down for a while when the log ends, one that nobody asks for, and one whose log has holes.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use catspaw_records::{Days, Nanos};
use catspaw_relay::{BEAT, Outcome};

use super::tries::Try;

/// How improbable so many failures must be at the rate at which the service failed before.
const CHANCE: f64 = 1e-6;
/// Clients that must have failed: one client's trouble is its own.
const CLIENTS: usize = 3;
/// Nanoseconds that attempts must go on failing: a machine that starts anew is back by then.
const LASTS: i64 = 3600 * Nanos::SECOND;
/// A cut lasts so many times longer than any stretch without an answer from which the service came back.
const LONGER: i64 = 2;
/// Of so many attempts one may have an end that was not logged.
const UNKNOWN: u64 = 100;
/// Nanoseconds by which a device may be late with its timers.
const SLACK: i64 = 60 * Nanos::SECOND;

/// A cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// As declared, or the first attempt of those that nobody answered.
    pub(super) at: Nanos,
    /// Whether the owner says so.
    pub(super) declared: bool,
    /// Attempts from then on.
    pub(super) attempts: u64,
    /// Addresses they came from.
    pub(super) clients: u64,
    /// The last of them.
    pub(super) last: Option<Nanos>,
    /// Those of them that were answered.
    pub(super) answered: u64,
    /// Packets of theirs that the device refused.
    pub(super) denials: u64,
}

/// Attempts at one case's ports, as they pass by in order of time.
#[derive(Debug)]
pub(super) struct Watch {
    declared: Option<Nanos>,
    last_answered: Option<Nanos>,
    established: u64,
    /// How long the device waits for an answer, and when its log ends.
    timer: Option<i64>,
    end: Nanos,
    /// Attempts that the device refused, by day.
    pub(super) denied: BTreeMap<i32, u64>,
    before: Before,
    run: Run,
}

/// What the service was like before.
#[derive(Debug, Default)]
struct Before {
    answered: bool,
    /// Strays: attempts that failed between others that did not.
    unanswered: u64,
    /// The stretch without an answer that has not ended: its first attempt, its last, and how many.
    stretch: Option<(Nanos, Nanos, u64)>,
    /// The longest that has ended.
    longest: i64,
}

/// Attempts since the last answer, or since the moment that was declared.
#[derive(Debug, Default)]
struct Run {
    span: Option<(Nanos, Nanos)>,
    attempts: u64,
    clients: HashSet<IpAddr>,
    /// Those of the clients that certainly failed.
    failed: HashSet<IpAddr>,
    answered: u64,
    unknown: u64,
    denials: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered,
    Failed,
    /// Too young to tell when the log ends.
    Pending,
    /// Its end should have been logged.
    Unknown,
}

impl Watch {
    /// Of a case that the owner `declared` cut off, whose last answered attempt (of those that ended) was opened at
    /// `last_answered`, after `established` answered ones; the device waits `timer` for an answer, its log ends at `end`.
    pub(super) fn new(
        declared: Option<Nanos>,
        last_answered: Option<Nanos>,
        established: u64,
        timer: Option<i64>,
        end: Nanos,
    ) -> Self {
        let (before, run) = (Before::default(), Run::default());
        Self { declared, last_answered, established, timer, end, denied: BTreeMap::new(), before, run }
    }

    /// Takes an attempt.
    pub(super) fn take(&mut self, one: &Try, days: &mut Days) {
        if one.outcome == Outcome::Denied {
            *self.denied.entry(days.of(one.first)).or_default() += 1;
        }
        let fate = self.fate(one);
        match self.declared {
            Some(at) if one.first >= at => self.run.take(one, fate),
            Some(_) => {}
            None if Some(one.first) > self.last_answered && fate != Fate::Answered => self.run.take(one, fate),
            None => self.before.take(one.first, fate),
        }
    }

    /// When the last attempt was opened that was answered and ended.
    pub(super) fn last_answered(&self) -> Option<Nanos> {
        self.last_answered
    }

    fn fate(&self, one: &Try) -> Fate {
        match one.outcome {
            Outcome::Answered => Fate::Answered,
            Outcome::Unanswered | Outcome::Denied => Fate::Failed,
            Outcome::Open => {
                let young = self.timer.is_some_and(|timer| one.first.plus(timer + SLACK) > self.end);
                if young { Fate::Pending } else { Fate::Unknown }
            }
        }
    }

    /// What was found, when all attempts have passed.
    pub(super) fn found(&self) -> Option<Found> {
        let (first, last) = self.run.span.unzip();
        let found = |at, declared| Found {
            at,
            declared,
            attempts: self.run.attempts,
            clients: self.run.clients.len() as u64,
            last,
            answered: self.run.answered,
            denials: self.run.denials,
        };
        match self.declared {
            Some(at) => Some(found(at, true)),
            None => first.filter(|_| self.is_cut()).map(|at| found(at, false)),
        }
    }

    fn is_cut(&self) -> bool {
        let Some((first, last)) = self.run.span else { return false };
        let rate = (self.before.unanswered + 1) as f64 / (self.established + self.before.unanswered + 2) as f64;
        let clients = self.run.failed.len();
        self.last_answered.is_some()
            && clients >= CLIENTS
            && clients as f64 * rate.ln() <= CHANCE.ln()
            && last.since(first) >= LASTS.max(LONGER.saturating_mul(self.before.longest))
            && self.run.unknown * UNKNOWN <= self.run.attempts
    }
}

impl Before {
    fn take(&mut self, at: Nanos, fate: Fate) {
        match fate {
            Fate::Answered => {
                self.answered = true;
                let Some((first, last, failed)) = self.stretch.take() else { return };
                let lasted = last.since(first);
                self.longest = self.longest.max(lasted);
                // While it was down, everything failed: that is no share of attempts, but a time.
                self.unanswered += if lasted > 2 * BEAT { 0 } else { failed };
            }
            // Until it has answered for the first time it is no service that could be cut off.
            Fate::Failed if self.answered => {
                let (first, _, failed) = self.stretch.unwrap_or((at, at, 0));
                self.stretch = Some((first, at, failed + 1));
            }
            _ => {}
        }
    }
}

impl Run {
    fn take(&mut self, one: &Try, fate: Fate) {
        self.span = Some((self.span.map_or(one.first, |(first, _)| first), one.first));
        self.attempts += 1;
        self.denials = self.denials.saturating_add(one.denials);
        self.clients.insert(one.peer.addr);
        match fate {
            Fate::Answered => self.answered += 1,
            Fate::Failed => {
                self.failed.insert(one.peer.addr);
            }
            Fate::Pending => {}
            Fate::Unknown => self.unknown += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use catspaw_records::Endpoint;

    use super::*;

    const HOUR: i64 = 3600;
    const TIMER: i64 = 121 * Nanos::SECOND;

    /// One attempt every five minutes from `from` to `to`, by eight clients in turn.
    fn tries(from: i64, to: i64, outcome: Outcome) -> Vec<Try> {
        let steps = (from..to).step_by(300);
        steps.map(|at| one(at, (at / 300 % 8) as u8, outcome)).collect()
    }

    fn one(at: i64, client: u8, outcome: Outcome) -> Try {
        let peer = Endpoint { addr: [198, 51, 100, client].into(), port: 4000 };
        let denials = if outcome == Denied { 3 } else { 0 };
        Try { first: Nanos::from_secs(at), port: 1182, peer, outcome, denials }
    }

    fn utc() -> Days {
        Days::new(jiff::tz::TimeZone::UTC)
    }

    fn watch(of: &[Vec<Try>], end: i64) -> Option<Found> {
        let all = || of.iter().flatten();
        let answered = || all().filter(|one| one.outcome == Answered);
        let last = answered().map(|one| one.first).max();
        let mut watch = Watch::new(None, last, answered().count() as u64, Some(TIMER), Nanos::from_secs(end));
        all().for_each(|one| watch.take(one, &mut utc()));
        watch.found()
    }

    use Outcome::{Answered, Denied, Open, Unanswered};

    #[test]
    fn a_cut_is_found_at_the_first_attempt_that_nobody_answers() {
        let found = watch(
            &[
                tries(0, 10 * HOUR, Answered),
                tries(10 * HOUR, 14 * HOUR, Unanswered),
                tries(14 * HOUR, 20 * HOUR, Denied),
                tries(20 * HOUR - 60, 20 * HOUR, Open),
            ],
            20 * HOUR,
        );
        let found = found.expect("a cut");
        assert_eq!((found.at, found.attempts, found.clients), (Nanos::from_secs(10 * HOUR), 121, 8));
        assert_eq!((found.answered, found.last), (0, Some(Nanos::from_secs(20 * HOUR - 60))));
    }

    #[test]
    fn a_night_off_and_back_is_none_and_the_next_night_is_none_either() {
        let night = || tries(8 * HOUR, 16 * HOUR, Unanswered);
        let back = || tries(16 * HOUR, 24 * HOUR, Answered);
        assert_eq!(watch(&[tries(0, 8 * HOUR, Answered), night(), back()], 24 * HOUR), None);
        let second = tries(24 * HOUR, 33 * HOUR, Unanswered);
        assert_eq!(watch(&[tries(0, 8 * HOUR, Answered), night(), back(), second], 33 * HOUR), None);
        let for_good = tries(24 * HOUR, 44 * HOUR, Unanswered);
        assert!(watch(&[tries(0, 8 * HOUR, Answered), night(), back(), for_good], 44 * HOUR).is_some());
    }

    #[test]
    fn a_service_that_is_down_for_minutes_when_the_log_ends_is_none() {
        let down = tries(10 * HOUR, 10 * HOUR + 2400, Unanswered);
        assert_eq!(watch(&[tries(0, 10 * HOUR, Answered), down], 10 * HOUR + 2400), None);
    }

    #[test]
    fn strays_are_none_and_nor_is_silence() {
        let strays = vec![one(11 * HOUR, 1, Unanswered), one(19 * HOUR, 2, Unanswered)];
        assert_eq!(watch(&[tries(0, 10 * HOUR, Answered), strays], 20 * HOUR), None);
        let one_client = (11..20).map(|hour| one(hour * HOUR, 1, Unanswered)).collect();
        assert_eq!(watch(&[tries(0, 10 * HOUR, Answered), one_client], 20 * HOUR), None, "one client's own trouble");
    }

    #[test]
    fn a_service_that_fails_half_the_time_is_none() {
        let both = |from: i64| {
            let failed = tries(from * HOUR + 150, from * HOUR + 1950, Unanswered);
            let mut all = [tries(from * HOUR, from * HOUR + 1800, Answered), failed].concat();
            all.sort_by_key(|one| one.first);
            all
        };
        let mut all: Vec<Vec<Try>> = (0..10).map(both).collect();
        all.push(tries(10 * HOUR, 12 * HOUR, Unanswered));
        assert_eq!(watch(&all, 12 * HOUR), None);
    }

    #[test]
    fn what_is_open_when_the_log_ends_was_answered_unless_it_is_too_young() {
        let long = tries(10 * HOUR, 20 * HOUR, Open);
        let refused = tries(10 * HOUR, 20 * HOUR, Unanswered);
        let mut both = [long, refused].concat();
        both.sort_by_key(|one| one.first);
        assert_eq!(watch(&[tries(0, 10 * HOUR, Answered), both], 20 * HOUR), None);
    }

    #[test]
    fn what_is_declared_counts_from_its_moment_on() {
        let declared = Some(Nanos::from_secs(2 * HOUR));
        let mut watch = Watch::new(declared, None, 40, None, Nanos::from_secs(9 * HOUR));
        let tries = [tries(0, 3 * HOUR, Answered), tries(3 * HOUR, 4 * HOUR, Denied)].concat();
        tries.iter().for_each(|one| watch.take(one, &mut utc()));
        let found = watch.found().expect("as declared");
        assert_eq!((found.at, found.declared), (Nanos::from_secs(2 * HOUR), true));
        assert_eq!((found.attempts, found.answered, watch.denied[&0]), (24, 12, 12));
        assert_eq!(found.denials, 12 * 3, "each told of three packets");
    }
}
