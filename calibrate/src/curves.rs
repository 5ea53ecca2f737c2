//! The curves: nominal against observed errors, and how many relays are found, how soon, and after how many sessions.

use std::path::Path;

use crate::claims::{CLAIMS, Claim};
use crate::hiding::HIDINGS;
use crate::innocents::{Innocents, OfClaim, share};
use crate::power::{by_day, found};
use crate::relays::{Fared, Found, MOST_DAYS, MOST_SESSIONS, Power, RATES};
use crate::svg::{Axis, Panel, Picture, Point};

/// The least share that is drawn; what is less lies with nothing at the bottom.
const LEAST: f64 = 1e-7;
/// The rate at which days are counted.
const RATE: u32 = 10;
/// Numbers of sessions that are looked at in each doubling.
const EACH_DOUBLING: i32 = 6;

/// A picture's file name and text.
pub(crate) type File = (&'static str, String);

/// Writes them into `folder`.
///
/// # Errors
/// Where a file cannot be written.
pub(crate) fn write(folder: &Path, files: impl IntoIterator<Item = File>) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// What is nominal against what was observed, claim by claim.
pub(crate) fn of_innocents(made: &Innocents) -> [File; 1] {
    let panels = CLAIMS.iter().zip(&made.claims).map(|(claim, of)| errors(claim, of)).collect();
    let legend = vec!["observed, 95 % bounds".to_owned()];
    [("stated-error.svg", Picture { rows: vec![panels], legend }.svg())]
}

fn errors(claim: &Claim, of: &OfClaim) -> Panel {
    let point = |&nominal: &f64| {
        let share = share(&of.all, nominal);
        Point { at: nominal, value: share.observed, bounds: Some((share.lower, share.upper)), marked: true }
    };
    let line = if of.all.is_empty() { Vec::new() } else { claim.nominal.iter().map(point).collect() };
    let mut y = powers("observed share of host-days", LEAST, 1.0);
    y.ticks[0].1 = "0".to_owned();
    Panel {
        title: format!("{} ({} hosts)", claim.verdict, of.all.len()),
        x: powers("nominal error", 5e-5, 2e-1),
        y,
        lines: vec![line],
        diagonal: true,
    }
}

/// Powers of ten.
fn powers(label: &str, from: f64, to: f64) -> Axis {
    let exponents = from.log10().ceil() as i32..=to.log10().floor() as i32;
    let ticks = exponents.map(|n| (10f64.powi(n), if n == 0 { "1".to_owned() } else { format!("1e{n}") })).collect();
    Axis { label: label.to_owned(), logarithmic: true, from, to, ticks }
}

/// How many relays are found: by rate, by the number of their sessions, and by day.
pub(crate) fn of_relays(power: &[Power]) -> [File; 2] {
    let legend = || HIDINGS.iter().map(|hiding| hiding.what.to_owned()).collect();
    let row = |panel: fn(&Power) -> Panel| power.iter().map(panel).collect::<Vec<_>>();
    let rows =
        vec![row(|of_view| by_rate(of_view, "first day", 1)), row(|of_view| by_rate(of_view, "30 days", MOST_DAYS))];
    let sooner = vec![row(by_session), row(by_days)];
    [
        ("power.svg", Picture { rows, legend: legend() }.svg()),
        ("sessions-to-detect.svg", Picture { rows: sooner, legend: legend() }.svg()),
    ]
}

fn shares() -> Axis {
    let ticks = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| (share, format!("{:.0} %", 100.0 * share))).to_vec();
    Axis { label: "relays that are found".to_owned(), logarithmic: false, from: -0.02, to: 1.02, ticks }
}

fn by_rate(of_view: &Power, when: &str, day: u32) -> Panel {
    let line = |fared: &Vec<Fared>| {
        let point = |(rate, fared): (&u32, &Fared)| marked(f64::from(*rate), by_day(fared, day));
        RATES.iter().zip(fared).map(point).collect()
    };
    Panel {
        title: format!("{}: {when}", of_view.view.name()),
        x: counts("sessions a day", 0.8, 1250.0),
        y: shares(),
        lines: of_view.fared.iter().map(line).collect(),
        diagonal: false,
    }
}

/// Of relays that are followed for as many sessions as any.
fn by_session(of_view: &Power) -> Panel {
    let most = f64::from(MOST_SESSIONS);
    let steps = (most.log2() * f64::from(EACH_DOUBLING)).floor() as i32;
    let line = |fared: &Vec<Fared>| {
        let followed = RATES.iter().zip(fared).filter(|(rate, _)| **rate * MOST_DAYS >= MOST_SESSIONS);
        let all: Fared = followed.flat_map(|(_, fared)| fared.iter().copied()).collect();
        let numbers = (0..=steps).map(|step| 2f64.powf(f64::from(step) / f64::from(EACH_DOUBLING))).chain([most]);
        numbers.map(|sessions| line_point(sessions, upto(&all, |found| found.sessions as f64 <= sessions))).collect()
    };
    Panel {
        title: format!("{}: by session", of_view.view.name()),
        x: counts("sessions", 1.0, most),
        y: shares(),
        lines: of_view.fared.iter().map(line).collect(),
        diagonal: false,
    }
}

fn by_days(of_view: &Power) -> Panel {
    let at = RATES.iter().position(|&rate| rate == RATE).unwrap_or(0);
    let line =
        |fared: &Vec<Fared>| (1..=MOST_DAYS).map(|day| line_point(f64::from(day), by_day(&fared[at], day))).collect();
    let ticks = [1, 5, 10, 15, 20, 25, 30].map(|day| (f64::from(day), day.to_string())).to_vec();
    Panel {
        title: format!("{}: by day", of_view.view.name()),
        x: Axis { label: format!("day, at {RATE} sessions a day"), logarithmic: false, from: 1.0, to: 30.0, ticks },
        y: shares(),
        lines: of_view.fared.iter().map(line).collect(),
        diagonal: false,
    }
}

fn upto(fared: &Fared, by: impl Fn(&Found) -> bool) -> f64 {
    found(&fared.iter().map(|found| found.filter(&by)).collect())
}

fn counts(label: &str, from: f64, to: f64) -> Axis {
    let ticks = [1.0, 10.0, 100.0, 1000.0].map(|count| (count, format!("{count}"))).to_vec();
    Axis { label: label.to_owned(), logarithmic: true, from, to, ticks }
}

fn marked(at: f64, value: f64) -> Point {
    Point { at, value, bounds: None, marked: true }
}

fn line_point(at: f64, value: f64) -> Point {
    Point { marked: false, ..marked(at, value) }
}
