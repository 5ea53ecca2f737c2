//! Innocent host-days, and how often something is said of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::bounds;
use crate::claims::{CLAIMS, log_ratio};
use crate::day::{self, Scheme};
use crate::rng::Rng;
use crate::source::Source;
use crate::work;

/// What came of one host-day.
#[derive(Clone, Debug)]
struct Outcome<'a> {
    job: Job<'a>,
    /// Natural logarithm of the largest ratio of each claim.
    reached: [f64; CLAIMS.len()],
    convicted: bool,
}

/// A source in a scheme.
#[derive(Clone, Copy, Debug)]
struct Job<'a> {
    source: &'a Source,
    scheme: Scheme,
}

/// What was counted of one machine, for one claim.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    /// Natural logarithm of the largest ratio, of every host-day of which it could be said.
    pub(crate) reached: Vec<f64>,
    /// Host-days that were convicted at the error that is shipped, of whatever.
    pub(crate) convicted: usize,
}

/// The machines that host-days were made of, with what was counted of each.
pub(crate) type ByMachine = BTreeMap<(String, IpAddr), Counted>;

/// All host-days of one claim.
#[derive(Debug, Default)]
pub(crate) struct OfClaim {
    pub(crate) all: ByMachine,
    /// The same for each kind of innocent, and for each scheme.
    pub(crate) kinds: BTreeMap<String, ByMachine>,
    pub(crate) schemes: BTreeMap<String, ByMachine>,
}

/// All innocent host-days.
#[derive(Debug, Default)]
pub(crate) struct Innocents {
    pub(crate) claims: [OfClaim; CLAIMS.len()],
    pub(crate) host_days: usize,
    pub(crate) convicted: usize,
    /// Machines with legs both ways, machines that outsiders ask something, and all.
    pub(crate) both_ways: usize,
    pub(crate) serving: usize,
    pub(crate) machines: usize,
}

/// A share over machines, with its bounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) observed: f64,
    pub(crate) lower: f64,
    pub(crate) upper: f64,
}

/// The mean over the machines of the share of their host-days that reached the error `level`.
pub(crate) fn share(machines: &ByMachine, level: f64) -> Share {
    beyond(machines.values(), log_ratio(level))
}

/// The same for a ratio of the natural logarithm `least`.
pub(crate) fn beyond<'a>(machines: impl Iterator<Item = &'a Counted>, least: f64) -> Share {
    let shares: Vec<f64> = machines.map(|counted| counted.share(least)).collect();
    let (lower, upper) = bounds::of_mean(&shares);
    Share { observed: shares.iter().sum::<f64>() / shares.len().max(1) as f64, lower, upper }
}

impl Counted {
    fn add(&mut self, reached: f64, convicted: bool) {
        self.reached.push(reached);
        self.convicted += usize::from(convicted);
    }

    /// How many of its host-days reached a ratio of the natural logarithm `least`.
    pub(crate) fn beyond(&self, least: f64) -> usize {
        self.reached.iter().filter(|&&reached| reached >= least).count()
    }

    fn share(&self, least: f64) -> f64 {
        self.beyond(least) as f64 / self.reached.len().max(1) as f64
    }
}

impl Innocents {
    /// Makes `host_days` of them and folds each.
    ///
    /// # Errors
    /// Where no source is asked anything by an outsider, or the fold is fed wrongly.
    pub(crate) fn make(sources: &[Source], host_days: usize, seed: u64, threads: usize) -> Result<Self, String> {
        let all: Vec<Job<'_>> = jobs(sources).collect();
        if !all.iter().any(|job| job.source.serves) {
            return Err(
                "no innocent host in the tables was asked anything by an outsider: nothing can be tested".into()
            );
        }
        let of_claims = CLAIMS.map(|claim| -> Vec<Job<'_>> {
            all.iter().copied().filter(|job| (claim.applies)(job.source, job.scheme)).collect()
        });
        let outcomes = work::all(host_days, threads, |number| {
            // By turns, one after the other, so that each claim, and of its sources each, has as many as any other. Then
            // comes any host: of most there is little to be said.
            let turn = number / (CLAIMS.len() + 1);
            let jobs = of_claims.get(number % (CLAIMS.len() + 1)).filter(|jobs| !jobs.is_empty()).unwrap_or(&all);
            outcome(jobs[turn % jobs.len()], sources, &mut Rng::new(seed, number as u64))
        })?;
        Ok(Self::count(sources, &outcomes))
    }

    fn count(sources: &[Source], outcomes: &[Outcome<'_>]) -> Self {
        let machines = |of: &dyn Fn(&Source) -> bool| -> usize {
            sources.iter().filter(|s| of(s)).map(|s| &s.machine).collect::<BTreeSet<_>>().len()
        };
        let mut all = Self {
            host_days: outcomes.len(),
            both_ways: machines(&|source| source.serves && source.calls),
            serving: machines(&|source| source.serves),
            machines: machines(&|_| true),
            ..Self::default()
        };
        for outcome in outcomes {
            all.convicted += usize::from(outcome.convicted);
            for ((claim, &reached), of) in CLAIMS.iter().zip(&outcome.reached).zip(&mut all.claims) {
                if (claim.applies)(outcome.job.source, outcome.job.scheme) {
                    of.add(outcome, reached);
                }
            }
        }
        all
    }
}

impl OfClaim {
    fn add(&mut self, outcome: &Outcome<'_>, reached: f64) {
        let Job { source, scheme } = outcome.job;
        let kinds = self.kinds.entry(source.kind.clone()).or_default();
        let schemes = self.schemes.entry(scheme.name().to_owned()).or_default();
        for machines in [&mut self.all, kinds, schemes] {
            machines.entry(source.machine.clone()).or_default().add(reached, outcome.convicted);
        }
    }
}

/// Every source in every scheme that it has the legs for.
fn jobs(sources: &[Source]) -> impl Iterator<Item = Job<'_>> {
    let schemes = |source: &Source| -> Vec<Scheme> {
        let mut schemes = Vec::new();
        if source.calls {
            schemes.extend([Scheme::Stretches, Scheme::Scattered]);
        }
        if source.serves && strangers(sources, source).next().is_some() {
            schemes.push(Scheme::Strangers);
        }
        schemes
    };
    sources.iter().flat_map(move |source| schemes(source).into_iter().map(move |scheme| Job { source, scheme }))
}

/// Who may make the calls beside the requests of `source`: machines that call, seen in the same way.
fn strangers<'a>(sources: &'a [Source], source: &'a Source) -> impl Iterator<Item = &'a Source> {
    sources.iter().filter(move |s| s.calls && s.view == source.view && s.machine != source.machine)
}

fn outcome<'a>(job: Job<'a>, sources: &'a [Source], rng: &mut Rng) -> Result<Outcome<'a>, String> {
    let stranger = match job.scheme {
        Scheme::Strangers => {
            let strangers: Vec<&Source> = strangers(sources, job.source).collect();
            strangers[rng.below(strangers.len())]
        }
        _ => job.source,
    };
    let legs = day::lay_out(job.scheme, job.source, stranger, rng);
    let folded = day::fold(job.source.machine.1, job.source.view, &legs, |_| false)?;
    let reached = CLAIMS.map(|claim| (claim.reaches)(&folded));
    Ok(Outcome { job, reached, convicted: folded.lane.is_convicted() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::tests::leg;
    use crate::table::{Leg, View};

    fn source(number: u8, relays: bool) -> Source {
        let mut rng = Rng::new(5, number.into());
        let mut legs: Vec<Leg> = Vec::new();
        for n in 0..60 {
            let at = f64::from(n) * 60.0;
            let (asked, called) = (rng.octaves(300.0, 30_000.0) as u64, rng.octaves(300.0, 30_000.0) as u64);
            let asked = if relays { called + 25 } else { asked };
            legs.extend([leg(true, at, at + 2.0, 1, asked), leg(false, at + 0.3, at + 1.8, 9 + n as u8, called)]);
        }
        Source::new(("made up".into(), [10, 0, 0, number].into()), "other", View::Syslog, &legs)
    }

    #[test]
    fn innocents_keep_to_what_is_nominal_and_relays_among_them_do_not() {
        let lies = |relays: bool| {
            let sources: Vec<Source> = (1..=12).map(|number| source(number, relays)).collect();
            let made = Innocents::make(&sources, 300, 7, 2).unwrap();
            assert_eq!((made.both_ways, made.serving, made.machines), (12, 12, 12));
            share(&made.claims[0].schemes["stretches"], 0.1).lower > 0.1
        };
        assert!(!lies(false));
        assert!(lies(true));
    }

    #[test]
    fn any_number_of_threads_counts_the_same() {
        let sources: Vec<Source> = (1..=4).map(|number| source(number, true)).collect();
        let text = |threads| format!("{:?}", Innocents::make(&sources, 200, 3, threads).unwrap());
        assert_eq!(text(1), text(3));
    }
}
