//! Each kind of innocent held out of all that is learned from innocents.
//!
//! The correlator is fitted to no innocent: its constants are written down, and its null is what the host's own past makes of
//! it. What is learned from innocents is what may be claimed, the upper bound. So each kind in turn is held against what the
//! others alone would have had us claim. And because the ratios of these innocents are far below what their p-values allow,
//! one might be tempted to ask for less of a ratio, as much as innocents reach as often as is nominal. How that would
//! have turned out is said too: fitted to the others, reached by the kind that was held out.

use std::fmt::Write as _;

use crate::claims::{CLAIMS, Claim};
use crate::innocents::{ByMachine, Counted, Innocents, OfClaim, Share, beyond, share};
use crate::say::{ABOVE, Said, host_days, small};

/// Errors at which kinds are held out: at smaller ones nothing is observed, larger ones nobody claims.
const AT: [f64; 2] = [1e-2, 1e-3];

/// So much of a sum of a million shares may be rounding.
const ROUNDING: f64 = 1e-9;

/// One kind against the others, at one error.
#[derive(Debug)]
struct HeldOut {
    own: Share,
    /// Of the others: what may be claimed.
    claim: f64,
    /// Natural logarithm of the ratio that the others reach as often as is nominal.
    fitted: f64,
    /// How often this kind does.
    then: Share,
}

/// `None` where there are no others.
fn hold_out(kind: &str, of: &OfClaim, nominal: f64) -> Option<HeldOut> {
    let held_out = of.kinds.get(kind)?;
    let others: ByMachine =
        of.kinds.iter().filter(|(other, _)| *other != kind).flat_map(|(_, machines)| machines.clone()).collect();
    if others.is_empty() {
        return None;
    }
    let fitted = fit(&others, nominal);
    Some(HeldOut {
        own: share(held_out, nominal),
        claim: share(&others, nominal).upper,
        fitted,
        then: beyond(held_out.values(), fitted),
    })
}

/// The least ratio (natural logarithm) that no larger a share than `nominal` of the machines' host-days reaches, each
/// machine for one.
fn fit(machines: &ByMachine, nominal: f64) -> f64 {
    let weigh = |counted: &Counted| 1.0 / (counted.reached.len() * machines.len()) as f64;
    let weighed = |counted: &Counted| -> Vec<(f64, f64)> {
        counted.reached.iter().map(|&reached| (reached, weigh(counted))).collect()
    };
    let mut all: Vec<(f64, f64)> = machines.values().flat_map(weighed).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut share = 0.0;
    let first_too_many = all.iter().find(|(_, weight)| {
        share += weight;
        share > nominal + ROUNDING
    });
    first_too_many.map_or(f64::NEG_INFINITY, |(reached, _)| reached.next_up())
}

impl Said {
    /// A row for each kind, claim and error.
    pub(crate) fn held_out(&mut self, made: &Innocents) {
        self.text += "| kind held out | verdict | hosts | host-days | nominal | observed | lower 95 % | upper 95 % \
                      | may be claimed of the others | p-value fitted to the others | reached by this kind | lower 95 % |\n";
        _ = writeln!(self.text, "|{}", " --- |".repeat(12));
        for (claim, of) in CLAIMS.iter().zip(&made.claims) {
            for (kind, machines) in &of.kinds {
                self.kind(kind, machines, claim, of);
            }
        }
        self.text += "\n(!): the lower bound lies above what is nominal.\n\n";
    }

    fn kind(&mut self, kind: &str, machines: &ByMachine, claim: &Claim, of: &OfClaim) {
        for nominal in AT.into_iter().filter(|at| claim.tabled().any(|tabled| tabled == *at)) {
            let Some(HeldOut { own, claim: may, fitted, then }) = hold_out(kind, of, nominal) else { continue };
            let mark = |of: Share| if of.lower > nominal { ABOVE } else { "" };
            _ = write!(
                self.text,
                "| {kind} | {} | {} | {} | {nominal:.0e} | {}{} | {} | {:.1e} | {may:.1e} |",
                claim.verdict,
                machines.len(),
                host_days(machines),
                small(own.observed),
                mark(own),
                small(own.lower),
                own.upper
            );
            // A suspicion has no ratio that could be fitted.
            if claim.nominal.len() == 1 {
                self.text += " | | |\n";
            } else {
                let p_value = (-fitted).exp().min(1.0);
                let mark = mark(then);
                _ = writeln!(self.text, " {p_value:.1e} | {}{mark} | {} |", small(then.observed), small(then.lower));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Machines from number `from` on whose host-days reach these ratios (natural logarithm).
    fn machines(from: u8, reached: &[&[f64]]) -> ByMachine {
        let counted = |reached: &&[f64]| Counted { reached: reached.to_vec(), convicted: 0 };
        let machine = |number: u8| ("x".to_owned(), [10, 0, 0, number].into());
        (from..).map(machine).zip(reached.iter().map(counted)).collect()
    }

    #[test]
    fn a_ratio_is_fitted_to_the_share_that_may_reach_it_each_machine_for_one() {
        let many: Vec<f64> = (0..100).map(f64::from).collect();
        // One in ten of two machines' host-days: one in five of the one that reaches anything.
        let fitted = fit(&machines(1, &[&many, &[-9.0]]), 0.1);
        assert!(fitted > 79.0 && fitted < 80.0, "{fitted}");
        let fitted = fit(&machines(1, &[&many]), 0.1);
        assert!(fitted > 89.0 && fitted < 90.0, "{fitted}");
        // All alike: nobody may reach it.
        assert!(fit(&machines(1, &[&[5.0; 50]]), 0.1) > 5.0);
    }

    #[test]
    fn what_is_fitted_to_tame_kinds_fails_for_a_wild_one_and_that_is_seen() {
        let (tame, wild) = ([0.0; 200], [3.0; 200]);
        let kinds: BTreeMap<String, ByMachine> = [
            ("tame".to_owned(), machines(1, &[tame.as_slice(); 9])),
            ("wild".to_owned(), machines(100, &[wild.as_slice(); 9])),
        ]
        .into();
        let of = OfClaim { kinds, ..OfClaim::default() };
        let held_out = hold_out("wild", &of, 1e-2).unwrap();
        assert!(held_out.fitted > 0.0 && held_out.fitted < 1e-9, "{held_out:?}");
        assert_eq!((held_out.own.observed, held_out.then.observed), (0.0, 1.0));
        assert!(held_out.then.lower > 1e-2, "{held_out:?}");
        assert_eq!(hold_out("tame", &of, 1e-2).unwrap().then.observed, 0.0);
    }
}
