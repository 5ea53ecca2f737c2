//! How many relays are found: what is printed of them.

use std::fmt::Write as _;

use crate::hiding::HIDINGS;
use crate::relays::{Fared, MOST_DAYS, MOST_SESSIONS, Power, RATES};
use crate::say::Said;
use crate::table::View;

impl View {
    /// As people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Syslog => "firewall's syslog",
            Self::Zeek => "Zeek's conn.log",
        }
    }
}

/// The share of relays that were found by the end of day `day`.
pub(crate) fn by_day(fared: &Fared, day: u32) -> f64 {
    share(fared, fared.iter().flatten().filter(|found| found.day <= day).count())
}

/// The share of relays that were found.
pub(crate) fn found(fared: &Fared) -> f64 {
    share(fared, fared.iter().flatten().count())
}

fn share(fared: &Fared, part: usize) -> f64 {
    part as f64 / fared.len().max(1) as f64
}

/// The least number of sessions (or of days) by which so many in a hundred of all relays were found, if they were.
fn quantile(fared: &Fared, percent: usize, of: impl Fn(&crate::relays::Found) -> u64) -> Option<u64> {
    let mut all: Vec<u64> = fared.iter().flatten().map(of).collect();
    all.sort_unstable();
    let enough = (fared.len() * percent).div_ceil(100).max(1);
    all.get(enough - 1).copied()
}

type Cell = fn(&Fared) -> String;

/// What is told of each way of hiding at each rate.
const TOLD: [(&str, Cell); 3] = [
    ("found by the end of the first day", |fared| percent(by_day(fared, 1))),
    ("found", |fared| percent(found(fared))),
    ("sessions to detect of half of them (of 95 %)", |fared| {
        let or_not = |percent| quantile(fared, percent, |found| found.sessions).map_or("-".into(), |n| n.to_string());
        format!("{} ({})", or_not(50), or_not(95))
    }),
];

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

impl Said {
    /// Every view, way of hiding and rate.
    pub(crate) fn relays(&mut self, power: &[Power]) {
        let relays: usize = power.iter().flat_map(|of_view| of_view.fared.iter().flatten()).map(Vec::len).sum();
        let each = power.first().map_or(0, |of_view| of_view.fared[0][0].len());
        _ = writeln!(
            self.text,
            "{relays} relays, {each} in each cell; followed for {MOST_DAYS} days or {MOST_SESSIONS} sessions, or until they are found."
        );
        for of_view in power {
            _ = writeln!(self.text, "\nBy {} (sessions of {} relays):", of_view.view.name(), of_view.proxies);
            for (what, cell) in TOLD {
                self.told(what, cell, of_view);
            }
        }
    }

    fn told(&mut self, what: &str, cell: Cell, power: &Power) {
        let rates: Vec<String> = RATES.iter().map(|rate| format!("{rate} a day")).collect();
        _ = writeln!(self.text, "\n| {what}: against it the relay does | {} |", rates.join(" | "));
        _ = writeln!(self.text, "|{}", " --- |".repeat(1 + RATES.len()));
        for (hiding, by_rate) in HIDINGS.iter().zip(&power.fared) {
            let cells: Vec<String> = by_rate.iter().map(cell).collect();
            _ = writeln!(self.text, "| {} | {} |", hiding.what, cells.join(" | "));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relays::Found;

    #[test]
    fn what_was_never_found_counts_among_all() {
        let one = |sessions, day| Some(Found { sessions, day });
        let fared = vec![one(6, 1), one(40, 3), one(9, 2), None];
        assert_eq!([by_day(&fared, 1), by_day(&fared, 2), found(&fared)], [0.25, 0.5, 0.75]);
        let sessions = |percent| quantile(&fared, percent, |found| found.sessions);
        assert_eq!([sessions(50), sessions(75), sessions(95)], [Some(9), Some(40), None]);
    }
}
