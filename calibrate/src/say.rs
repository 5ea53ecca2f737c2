//! What is printed of innocents: Markdown tables that read on a terminal too.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::bounds;
use crate::claims::{CLAIMS, Claim, LEVELS, log_ratio};
use crate::innocents::{ByMachine, Counted, Innocents, OfClaim, Share, share};

/// Hosts that are named because their share lies above what is nominal.
const NAMED: usize = 20;
/// What stands behind a share whose lower bound lies above what is nominal.
pub(crate) const ABOVE: &str = " (!)";

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
        self.held_out(made);
        self.above(made);
    }

    fn curve(&mut self, claim: &Claim, of: &OfClaim) {
        let (verdict, hosts) = (claim.verdict, of.all.len());
        for nominal in claim.tabled().filter(|_| hosts > 0) {
            let Share { observed, lower, upper } = share(&of.all, nominal);
            let holds = if lower <= nominal { "yes" } else { "no" };
            _ = writeln!(
                self.text,
                "| {verdict} | {hosts} | {} | {nominal:.0e} | {} | {} | {upper:.1e} | {holds} |",
                host_days(&of.all),
                small(observed),
                small(lower)
            );
            if lower > nominal {
                self.fails.push(format!("{verdict}: the lower bound {lower:.1e} lies above the nominal {nominal:.0e}"));
            }
        }
        if hosts == 0 {
            _ = writeln!(self.text, "| {verdict} | 0 | 0 | - | - | - | - | not tested |");
        }
    }

    fn groups(&mut self, what: &str, made: &Innocents, of: fn(&OfClaim) -> &BTreeMap<String, ByMachine>) {
        let head: Vec<String> = LEVELS.iter().step_by(2).map(|level| format!("at {level:.0e} | upper")).collect();
        _ = writeln!(self.text, "| {what} | verdict | hosts | host-days | {} | convicted |", head.join(" | "));
        _ = writeln!(self.text, "|{}", " --- |".repeat(5 + 2 * head.len()));
        for (claim, of_claim) in CLAIMS.iter().zip(&made.claims) {
            for (name, group) in of(of_claim) {
                self.group(name, claim, group);
            }
        }
        self.text += "\n(!): the lower bound lies above what is nominal.\n\n";
    }

    fn group(&mut self, name: &str, claim: &Claim, group: &ByMachine) {
        _ = write!(self.text, "| {name} | {} | {} | {} |", claim.verdict, group.len(), host_days(group));
        for nominal in LEVELS.into_iter().step_by(2) {
            if !claim.tabled().any(|tabled| tabled == nominal) {
                self.text += " | |";
                continue;
            }
            let of = share(group, nominal);
            let mark = if of.lower > nominal { ABOVE } else { "" };
            _ = write!(self.text, " {}{mark} | {:.1e} |", small(of.observed), of.upper);
        }
        _ = writeln!(self.text, " {} |", group.values().map(|counted| counted.convicted).sum::<usize>());
    }

    /// Hosts that by themselves are said something of more often than nominal, whatever may be said of others.
    fn above(&mut self, made: &Innocents) {
        let mut above = Vec::new();
        for (claim, of) in CLAIMS.iter().zip(&made.claims) {
            // So many comparisons are made; the error is shared among them.
            let tail = bounds::TAIL / (of.all.len() * claim.tabled().count()).max(1) as f64;
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
}

/// A share that may be nothing; less than one in so many millions of millions is none.
pub(crate) fn small(share: f64) -> String {
    if share < 1e-12 { "0".to_owned() } else { format!("{share:.1e}") }
}

pub(crate) fn host_days(machines: &ByMachine) -> usize {
    machines.values().map(|counted| counted.reached.len()).sum()
}

/// Errors at which this host alone is above what is nominal, with its share.
fn levels_above(counted: &Counted, claim: &Claim, tail: f64) -> impl Iterator<Item = (f64, f64)> {
    let host_days = counted.reached.len();
    claim.tabled().filter_map(move |nominal| {
        let reached = counted.beyond(log_ratio(nominal)) as f64;
        let (lower, _) = bounds::of_share(reached, host_days, tail);
        (lower > nominal).then(|| (nominal, reached / host_days.max(1) as f64))
    })
}
