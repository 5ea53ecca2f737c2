//! What is printed: Markdown tables that read on a terminal too.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::bounds;
use crate::claims::{CLAIMS, Claim, LEVELS};
use crate::innocents::{ByMachine, Counted, Innocents, OfClaim, Share, share};
use crate::relays::{Fared, HIDING_RATE, HIDINGS, RATES};

/// Hosts that are named because their share lies above what is nominal.
const NAMED: usize = 20;

/// The text, and what does not hold.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) fails: Vec<String>,
}

impl Said {
    /// The curve, and the tables by kind and by scheme.
    pub(crate) fn innocents(&mut self, made: &Innocents) {
        _ = writeln!(
            self.text,
            "{} innocent host-days, made of {} source hosts: {} that outsiders ask something, {} with legs both ways.\n",
            made.host_days, made.machines, made.serving, made.both_ways
        );
        self.text += "| verdict | source hosts | host-days | nominal | observed | lower 95 % | upper 95 % | holds |\n";
        self.text += "| --- | --- | --- | --- | --- | --- | --- | --- |\n";
        for (claim, of) in CLAIMS.iter().zip(&made.claims) {
            self.curve(claim, of);
        }
        _ = writeln!(
            self.text,
            "\nConvicted at the error that is shipped (1e-6 in thirty days): {}.\n",
            made.convicted
        );
        self.groups("kind of innocent", made, |of| &of.kinds);
        self.groups("laid out as", made, |of| &of.schemes);
        self.above(made);
    }

    fn curve(&mut self, claim: &Claim, of: &OfClaim) {
        let (verdict, hosts) = (claim.verdict, of.all.len());
        for (level, &nominal) in claim.nominal.iter().enumerate().filter(|_| hosts > 0) {
            let Share { observed, lower, upper } = share(&of.all, level);
            let holds = if lower <= nominal { "yes" } else { "no" };
            _ = writeln!(
                self.text,
                "| {verdict} | {hosts} | {} | {nominal:.0e} | {observed:.1e} | {lower:.1e} | {upper:.1e} | {holds} |",
                host_days(&of.all)
            );
            if lower > nominal {
                self.fails.push(format!("{verdict}: the lower bound {lower:.1e} lies above the nominal {nominal:.0e}"));
            }
        }
        if hosts == 0 {
            _ = writeln!(self.text, "| {verdict} | 0 | 0 | - | - | - | - | not tested |");
        }
    }

    fn groups(&mut self, what: &str, made: &Innocents, of: fn(&OfClaim) -> &BTreeMap<&'static str, ByMachine>) {
        let head: Vec<String> = LEVELS.iter().map(|level| format!("at {level:.0e} | upper")).collect();
        _ = writeln!(self.text, "| {what} | verdict | hosts | host-days | {} | convicted |", head.join(" | "));
        _ = writeln!(self.text, "|{}", " --- |".repeat(5 + 2 * LEVELS.len()));
        for (claim, of_claim) in CLAIMS.iter().zip(&made.claims) {
            for (name, group) in of(of_claim) {
                self.group(name, claim, group);
            }
        }
        self.text += "\n(!): the lower bound lies above what is nominal.\n\n";
    }

    fn group(&mut self, name: &str, claim: &Claim, group: &ByMachine) {
        _ = write!(self.text, "| {name} | {} | {} | {} |", claim.verdict, group.len(), host_days(group));
        for nominal in LEVELS {
            let Some(level) = claim.nominal.iter().position(|&other| other == nominal) else {
                self.text += " | |";
                continue;
            };
            let of = share(group, level);
            let mark = if of.lower > nominal { " (!)" } else { "" };
            _ = write!(self.text, " {:.1e}{mark} | {:.1e} |", of.observed, of.upper);
        }
        _ = writeln!(self.text, " {} |", group.values().map(|counted| counted.convicted).sum::<usize>());
    }

    /// Hosts that by themselves are said something of more often than nominal, whatever may be said of others.
    fn above(&mut self, made: &Innocents) {
        let mut above = Vec::new();
        for (claim, of) in CLAIMS.iter().zip(&made.claims) {
            // So many comparisons are made; the error is shared among them.
            let tail = bounds::TAIL / (of.all.len() * claim.nominal.len()).max(1) as f64;
            for ((group, addr), counted) in &of.all {
                above.extend(levels_above(counted, claim, tail).map(|(nominal, observed)| {
                    format!("- {group}, {addr} ({}): {observed:.1e} at {nominal:.0e}", claim.verdict)
                }));
            }
        }
        if above.is_empty() {
            self.text += "No source host by itself lies above what is nominal.\n\n";
            return;
        }
        let more = above.len().saturating_sub(NAMED);
        above.truncate(NAMED);
        _ = writeln!(self.text, "Source hosts whose own share lies above what is nominal:\n\n{}", above.join("\n"));
        if more > 0 {
            _ = writeln!(self.text, "- and {more} more");
        }
        self.text += "\n";
    }

    /// Power by rate, and against hiding.
    pub(crate) fn relays(&mut self, by_rate: &[Vec<Fared>], by_hiding: &[Vec<Fared>]) {
        self.text +=
            "| sessions a day | relays | found on the first day | found | sessions to detect, median | 95 % |\n";
        self.text += "| --- | --- | --- | --- | --- | --- |\n";
        for (rate, fared) in RATES.iter().zip(by_rate) {
            self.fared(&rate.to_string(), fared);
        }
        _ = writeln!(
            self.text,
            "\n| what it does against being found, {HIDING_RATE} sessions a day | relays | found on the first day | found \
             | sessions to detect, median | 95 % |\n| --- | --- | --- | --- | --- | --- |"
        );
        for (hiding, fared) in HIDINGS.iter().zip(by_hiding) {
            self.fared(hiding.what, fared);
        }
    }

    fn fared(&mut self, name: &str, fared: &[Fared]) {
        let found: Vec<(u64, bool)> = fared.iter().filter_map(|fared| fared.found).collect();
        let mut sessions: Vec<u64> = found.iter().map(|&(sessions, _)| sessions).collect();
        sessions.sort_unstable();
        let quantile = |of: usize| match sessions.get((sessions.len() * of / 100).min(sessions.len().saturating_sub(1)))
        {
            Some(sessions) => sessions.to_string(),
            None => "-".to_owned(),
        };
        let percent = |part: usize| format!("{:.1} %", 100.0 * part as f64 / fared.len().max(1) as f64);
        let first_day = found.iter().filter(|&&(_, first_day)| first_day).count();
        _ = writeln!(
            self.text,
            "| {name} | {} | {} | {} | {} | {} |",
            fared.len(),
            percent(first_day),
            percent(found.len()),
            quantile(50),
            quantile(95)
        );
    }
}

fn host_days(machines: &ByMachine) -> usize {
    machines.values().map(|counted| counted.host_days).sum()
}

/// Errors at which this host alone is above what is nominal, with its share.
fn levels_above(counted: &Counted, claim: &'static Claim, tail: f64) -> impl Iterator<Item = (f64, f64)> {
    claim.nominal.iter().zip(counted.reached).filter_map(move |(&nominal, reached)| {
        let (lower, _) = bounds::of_share(reached as f64, counted.host_days, tail);
        (lower > nominal).then(|| (nominal, reached as f64 / counted.host_days.max(1) as f64))
    })
}
