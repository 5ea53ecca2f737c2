//! What a service's evidence is without the legs that its design explains: those to the few addresses that it always calls, and those
//! that go on where its own port says.
//!
//! A reverse proxy conserves bytes, and so does a mail server that forwards; what else such a host calls is paired now and then by
//! chance, and a pair convicts nobody. So it is asked whether the factors of the other legs alone are enough. Which legs those are is
//! fixed before a leg's total is looked at: what is left out of a test martingale so leaves one.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::test::{Capital, SHARES, log_mean, raise};

/// Addresses that a service may always call by design.
pub const FIXED_TARGETS: usize = 3;
/// From this on (natural logarithm) the other legs are not explained by chance: one host in ten thousand of those whose design explains the
/// rest.
pub const BEYOND_ENOUGH: f64 = 9.2;
/// No other leg is worth more than this (natural logarithm): an address that is new among them must not decide by itself.
const MOST: f64 = 4.0;
/// What speaks for an address is kept up to this, and fades with each leg, so that one which comes in another's place is known before
/// its first legs are enough.
const KEPT_MOST: f64 = 8.0;
const FADES: f64 = 0.97;
/// What a day takes from the other legs' evidence (natural logarithm): an address that is moved now and then is no client's choice.
const OF_A_DAY: f64 = -2.0;
/// Addresses of which that is kept.
const KEPT: usize = 64;
/// Where units are made small again.
const LARGE: f64 = 1e100;

/// Ports at which a mail server takes mail in: from servers, and from its users (RFC 8314).
pub const TAKES_MAIL: [u16; 3] = [25, 465, 587];
/// Ports at which its users read it, and through which some send: a copy is kept in the folder of what was sent (IMAP), a page or
/// a telephone hands it over (HTTPS).
pub const READS_MAIL: [u16; 6] = [110, 143, 993, 995, 80, 443];
/// Ports at which others take its mail: servers, and providers that hand it on.
pub const SENDS_MAIL_TO: [u16; 4] = [25, 465, 587, 2525];
/// DNS, plain and over TLS.
pub const DNS: [u16; 2] = [53, 853];

/// Whether a service at `port` may go on to `target` because of what its port is for.
fn goes_on(port: u16, target: u16) -> bool {
    let is_mail = TAKES_MAIL.contains(&port) || READS_MAIL.contains(&port);
    DNS.contains(&port) && DNS.contains(&target) || is_mail && SENDS_MAIL_TO.contains(&target)
}

/// The evidence of a service's legs beyond its design.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Beyond {
    /// But those to the few addresses.
    elsewhere: Rest,
    /// But those, and those that its port explains.
    unlike: Rest,
}

/// The evidence of the legs that go to others than the addresses that have most of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Rest {
    /// What speaks for each address of late, the most first, in units of which one is `unit` now.
    targets: Vec<(IpAddr, f64)>,
    unit: f64,
    capital: Capital<{ SHARES.len() }>,
    last_day: Option<i32>,
    largest: Option<f64>,
}

impl Beyond {
    /// Takes a leg from a service at `port` to `target` on civil day `day`, which multiplied the test's alternatives by factors of
    /// the logarithms `factors`.
    pub(crate) fn take(&mut self, port: u16, target: (IpAddr, u16), factors: [f64; SHARES.len()], day: i32) {
        self.elsewhere.take(target.0, factors, day);
        if !goes_on(port, target.1) {
            self.unlike.take(target.0, factors, day);
        }
    }

    /// Natural logarithm of the largest ratio of what goes to others than the few addresses; where its `port_explains` what goes on
    /// there, without that.
    pub(crate) fn largest(&self, port_explains: bool) -> Option<f64> {
        if port_explains { self.unlike.largest } else { self.elsewhere.largest }
    }
}

impl Default for Rest {
    fn default() -> Self {
        Self { targets: Vec::new(), unit: 1.0, capital: Capital::default(), last_day: None, largest: None }
    }
}

impl Rest {
    fn take(&mut self, target: IpAddr, factors: [f64; SHARES.len()], day: i32) {
        let days = self.last_day.map_or(0, |last| day.saturating_sub(last).max(0));
        self.last_day = self.last_day.max(Some(day));
        self.capital.multiply([OF_A_DAY * f64::from(days); SHARES.len()]);
        if self.capital.spend(day) {
            self.targets.clear();
        }
        let fixed = || self.targets.iter().take(FIXED_TARGETS).filter(|(_, evidence)| *evidence > 0.0);
        if fixed().count() == FIXED_TARGETS && fixed().all(|(addr, _)| *addr != target) {
            self.capital.multiply(factors.map(|factor| factor.min(MOST)));
            raise(&mut self.largest, log_mean(&self.capital.logs()));
        }
        self.learn(target, factors);
    }

    /// Takes what a leg said for its address, after it was judged.
    fn learn(&mut self, target: IpAddr, factors: [f64; SHARES.len()]) {
        // That all fade with each leg is that the unit grows: what speaks for one leg is looked at alone, however many are kept.
        self.unit /= FADES;
        if self.unit > LARGE {
            self.targets.iter_mut().for_each(|(_, sum)| *sum /= self.unit);
            self.unit = 1.0;
        }
        let evidence = factors.into_iter().fold(0.0, f64::max);
        if evidence == 0.0 {
            return;
        }
        let known = self.targets.iter().position(|(addr, _)| *addr == target);
        let mut at = known.unwrap_or_else(|| {
            // The least makes room, which lies last.
            self.targets.truncate(KEPT - 1);
            self.targets.push((target, 0.0));
            self.targets.len() - 1
        });
        let sum = (self.targets[at].1 + evidence * self.unit).min(KEPT_MOST * self.unit);
        self.targets[at].1 = sum;
        while at > 0 && self.targets[at - 1].1 < sum {
            self.targets.swap(at - 1, at);
            at -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(n: u8, port: u16) -> (IpAddr, u16) {
        ([198, 51, 100, n].into(), port)
    }

    /// Factors of a leg that is as likely as not by chance, and of one that is hardly so.
    const CHANCE: [f64; SHARES.len()] = [-0.01; SHARES.len()];
    const CLEAR: [f64; SHARES.len()] = [2.0; SHARES.len()];

    #[test]
    fn the_addresses_that_have_most_of_the_evidence_are_left_out_whatever_comes_between() {
        let mut beyond = Beyond::default();
        for n in 0..200 {
            beyond.take(8080, target(n % 3, 443), CLEAR, 0);
            // What else it calls.
            beyond.take(8080, target(10 + n % 50, 443), CHANCE, 0);
        }
        assert!(beyond.largest(false).is_none_or(|largest| largest < 0.0), "{beyond:?}");
        for n in 0..20 {
            beyond.take(8080, target(100 + n, 443), CLEAR, 0);
        }
        assert!(beyond.largest(false) > Some(20.0), "what its clients choose counts: {beyond:?}");
    }

    #[test]
    fn what_a_port_is_for_explains_what_goes_on_there() {
        for (port, to, explained) in [
            (25, 25, true),
            (443, 25, true),
            (25, 587, true),
            (53, 53, true),
            (853, 53, true),
            (25, 443, false),
            (53, 25, false),
            (1080, 25, false),
        ] {
            let mut beyond = Beyond::default();
            (0..40).for_each(|n| beyond.take(port, target(n, to), CLEAR, 0));
            assert!(beyond.largest(false) > Some(20.0), "{port} to {to}");
            assert_eq!(beyond.largest(true).is_none(), explained, "{port} to {to}");
        }
    }

    #[test]
    fn the_address_with_the_least_evidence_makes_room_and_one_without_takes_none() {
        let mut rest = Rest::default();
        (0..200).for_each(|n| rest.take(target(n, 443).0, CHANCE, 0));
        assert_eq!((rest.targets.len(), rest.largest), (0, None));
        (0..200).for_each(|n| rest.take(target(n, 443).0, CLEAR, 0));
        assert_eq!(rest.targets.len(), KEPT);
        // However long it goes on, what is of late has the most, and units stay in bounds.
        (0..20_000).for_each(|n| rest.take(target(7 + (n % 3) as u8, 443).0, CLEAR, 0));
        let first: std::collections::BTreeSet<_> = rest.targets.iter().take(3).map(|(addr, _)| *addr).collect();
        assert_eq!(first, (7..10).map(|n| target(n, 443).0).collect());
        assert!(rest.unit <= LARGE && rest.targets.is_sorted_by(|a, b| a.1 >= b.1), "{rest:?}");
    }

    #[test]
    fn an_address_that_is_moved_now_and_then_is_one_address() {
        let strong = [6.0; SHARES.len()];
        let mut rest = Rest::default();
        for day in 0..60 {
            // Another one each week, and two that stay.
            for n in 0..90 {
                let moved = 100 + (day / 7) as u8;
                rest.take(target([moved, 1, 2][n % 3], 443).0, strong, day);
            }
        }
        assert!(rest.largest.is_none_or(|largest| largest < BEYOND_ENOUGH), "{rest:?}");
        // Whose clients choose among four is told from it.
        (0..40).for_each(|n| rest.take(target(n % 4, 443).0, strong, 60));
        assert!(rest.largest > Some(BEYOND_ENOUGH), "{rest:?}");
    }
}
