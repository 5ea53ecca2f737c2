//! Pairs of legs, held against the true ones: a leg is found by its ends and its time, as ports are used again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use serde_json::Value;

use super::bounds::{Kind, View, WITHOUT_DATA, pairs};
use super::{list, number, text};

/// The pairs of one relay.
#[derive(Clone, Debug, Serialize)]
pub struct PairCount {
    /// The relay.
    pub host: String,
    /// Of the pairs that were said, the share that is true.
    pub precision: f64,
    /// Of the outbound legs with payload, the share that was said.
    pub recall: f64,
    /// Outbound legs with payload.
    pub wanted: usize,
    /// Pairs that are true but for an exchange with one that the view tells alike.
    pub alike: usize,
}

/// Whether a leg's end is not in the capture.
pub(super) fn still_open(leg: &Value) -> bool {
    matches!(text(leg, "state"), "S1" | "S2" | "S3" | "SH" | "OTH")
}

pub(super) fn has_data(leg: &Value) -> bool {
    number(leg, "bytes_orig") + number(leg, "bytes_resp") > 0.0
}

/// Less payload than this is no letter: every recipient was refused, or the host was sent away before it could say whom it has mail for.
const LETTER: f64 = 512.0;
/// What begins within so many seconds is of the same run of a queue.
const RUN: f64 = 1.0;

fn is_refused(leg: &Value) -> bool {
    number(leg, "accepted") == 0.0 && number(leg, "bytes_orig") + number(leg, "bytes_resp") < LETTER
}

/// How many outbound legs of `host` with payload records do not tell from others that were refused ([`Bonds::is_one_of_several`]).
pub(super) fn one_of_several(truth: &Value, host: &str) -> usize {
    let bonds = Bonds::of(truth, host);
    bonds.outs.legs.iter().filter(|(out, leg)| has_data(leg) && bonds.is_one_of_several(**out)).count()
}

/// Outbound legs of `host` that count by `counts` and that a cut log does not show the end of.
pub(super) fn unsure(truth: &Value, host: &str, cut: bool, counts: impl Fn(&Value) -> bool) -> usize {
    let legs = sessions(truth, host).flat_map(|session| list(session, "out_legs"));
    let open: BTreeSet<u64> =
        legs.filter(|leg| cut && counts(leg) && still_open(leg)).map(|leg| leg["conn"].as_u64().unwrap_or(0)).collect();
    open.len()
}

fn sessions<'a>(truth: &'a Value, host: &str) -> impl Iterator<Item = &'a Value> {
    list(truth, "sessions").iter().filter(move |session| text(session, "relay") == host || text(session, "bot") == host)
}

/// The true legs of a relay in one direction.
#[derive(Default)]
struct Legs<'a> {
    legs: BTreeMap<u64, &'a Value>,
    by_ends: HashMap<(&'a str, &'a str), Vec<u64>>,
}

impl<'a> Legs<'a> {
    fn add(&mut self, leg: &'a Value) -> u64 {
        let conn = leg["conn"].as_u64().unwrap_or(0);
        if self.legs.insert(conn, leg).is_none() {
            self.by_ends.entry((text(leg, "src"), text(leg, "dst"))).or_default().push(conn);
        }
        conn
    }

    fn find(&self, said: &Said, tolerance: f64) -> Option<u64> {
        let near = |conn: &&u64| {
            let leg = self.legs[*conn];
            number(leg, "start") - tolerance <= said.end && said.start <= number(leg, "end") + tolerance
        };
        let gap = |conn: &u64| (number(self.legs[conn], "start") - said.start).abs();
        let same = self.by_ends.get(&(&*said.orig, &*said.resp))?.iter().filter(near);
        same.min_by(|a, b| gap(a).total_cmp(&gap(b))).copied()
    }
}

/// A leg of a reported pair.
struct Said {
    orig: String,
    resp: String,
    start: f64,
    end: f64,
    bytes: Option<f64>,
}

impl Said {
    fn parse(leg: &Value) -> Option<Self> {
        // Zeek's names of the fields in some views, without the prefix in others.
        let field = |name: &str| leg.get(name).or_else(|| leg.get(format!("id.{name}")));
        let end = |host, port| Some(format!("{}:{}", bracketed(field(host)?.as_str()?), field(port)?));
        let start = seconds(&leg["ts"])?;
        let sum = leg["orig_bytes"].as_f64().zip(leg["resp_bytes"].as_f64()).map(|(up, down)| up + down);
        Some(Self {
            orig: end("orig_h", "orig_p")?,
            resp: end("resp_h", "resp_p")?,
            start,
            end: start + leg["duration"].as_f64().unwrap_or(0.0),
            bytes: leg["bytes"].as_f64().or(sum),
        })
    }
}

fn bracketed(address: &str) -> String {
    if address.contains(':') { format!("[{address}]") } else { address.to_owned() }
}

/// Seconds since 1970, of a number or of `2026-11-28T22:33:23.5Z`.
fn seconds(stamp: &Value) -> Option<f64> {
    if let Some(seconds) = stamp.as_f64() {
        return Some(seconds);
    }
    let text = stamp.as_str()?.strip_suffix('Z')?;
    let (date, time) = text.split_once('T')?;
    let mut date = date.split('-').map(str::parse::<u32>);
    let mut next = || date.next()?.ok();
    let hour = crate::Civil { year: next()?, month: next()?, day: next()?, hour: 0 };
    let parts: Vec<f64> = time.split(':').filter_map(|part| part.parse().ok()).collect();
    let [hours, minutes, seconds] = parts[..] else { return None };
    Some(hour.micros() as f64 / 1e6 + hours * 3600.0 + minutes * 60.0 + seconds)
}

/// Whether a log of whole seconds tells two legs alike, but for the client and its port: then it does not show which of them goes
/// with which of two others that are alike, too.
fn alike(a: &Value, b: &Value) -> bool {
    let near = |key| (number(a, key) - number(b, key)).abs() < 1.0;
    a["dst"] == b["dst"] && a["raw_payload"] == b["raw_payload"] && near("start") && near("end")
}

/// How many inbound legs of `host` that carried something were over before letters of two of them had been handed on: a queue that
/// was not run yet shows nothing of them.
pub(super) fn before_a_queue_is_run(truth: &Value, host: &str) -> usize {
    let mut handed: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
    for session in sessions(truth, host) {
        let taken = list(session, "out_legs").iter().filter(|leg| number(leg, "accepted") > 0.0);
        let first = taken.map(|leg| number(leg, "end")).fold(f64::INFINITY, f64::min);
        for leg in list(session, "in_legs").iter().filter(|leg| has_data(leg)) {
            let (_, of) = handed.entry(leg["conn"].as_u64().unwrap_or(0)).or_insert((number(leg, "end"), first));
            *of = of.min(first);
        }
    }
    let mut firsts: Vec<f64> = handed.values().map(|(_, first)| *first).collect();
    firsts.sort_by(f64::total_cmp);
    firsts.get(1).map_or(0, |second| handed.values().filter(|(over, _)| over <= second).count())
}

/// The true legs of a relay, and which of them belong together.
#[derive(Default)]
struct Bonds<'a> {
    ins: Legs<'a>,
    outs: Legs<'a>,
    callers: BTreeMap<u64, BTreeSet<u64>>,
    calls: BTreeMap<u64, BTreeSet<u64>>,
}

impl<'a> Bonds<'a> {
    fn of(truth: &'a Value, host: &'a str) -> Self {
        let mut bonds = Self::default();
        for session in sessions(truth, host) {
            let callers: Vec<u64> = list(session, "in_legs").iter().map(|leg| bonds.ins.add(leg)).collect();
            for leg in list(session, "out_legs") {
                let out = bonds.outs.add(leg);
                bonds.callers.entry(out).or_default().extend(&callers);
                callers.iter().for_each(|caller| _ = bonds.calls.entry(*caller).or_default().insert(out));
            }
        }
        bonds
    }

    /// Whether a cut log does not show the end of an outbound leg, or of those that it was made for.
    fn is_open(&self, out: u64) -> bool {
        let callers = &self.callers[&out];
        still_open(self.outs.legs[&out])
            || !callers.is_empty() && callers.iter().all(|caller| still_open(self.ins.legs[caller]))
    }

    /// Whether a log of whole seconds does not tell the outbound leg from one that `caller` was the cause of.
    fn may_be_exchanged(&self, out: u64, caller: u64) -> bool {
        let is_like = |other: &u64| alike(self.outs.legs[&out], self.outs.legs[other]);
        let callers_alike = self.callers[&out].iter().any(|own| alike(self.ins.legs[own], self.ins.legs[&caller]));
        callers_alike && self.calls.get(&caller).is_some_and(|outs| outs.iter().any(is_like))
    }

    /// Whether another caller's letter was refused in the same run of the queue: neither size nor moment says then which was whose.
    fn is_one_of_several(&self, out: u64) -> bool {
        let leg = self.outs.legs[&out];
        let is_other = |(other, refused): (&u64, &&Value)| {
            let first = number(leg, "start").min(number(refused, "start"));
            let mut callers = self.callers[&out].union(&self.callers[other]);
            is_refused(refused)
                && (number(leg, "start") - number(refused, "start")).abs() < RUN
                && self.callers[&out].is_disjoint(&self.callers[other])
                && callers.all(|caller| number(self.ins.legs[caller], "end") <= first)
        };
        is_refused(leg) && self.outs.legs.iter().any(is_other)
    }

    /// Whether a server's connection was shared by several clients, one of which shared in another one: no sums add up then.
    fn is_crosswise(&self, out: u64) -> bool {
        let callers = &self.callers[&out];
        callers.len() > 1 && callers.iter().any(|caller| self.calls[caller].len() > 1)
    }
}

/// Counts the pairs of `relay` among `lines`, and says what falls short.
pub(super) fn hold(
    truth: &Value,
    relay: &Value,
    (kind, view): (Kind, &View),
    lines: &[Value],
    short: &mut Vec<String>,
) -> PairCount {
    let host = text(relay, "ip");
    let bonds = Bonds::of(truth, host);
    let Bonds { ins, outs, callers: belong, .. } = &bonds;
    let unknown: BTreeSet<u64> = outs.legs.keys().copied().filter(|&out| view.cut && bonds.is_open(out)).collect();
    let records = view.family != "capture";
    let in_the_dark = |out: u64| kind == Kind::Web && records && bonds.is_crosswise(out);
    let tunnels: BTreeSet<(&str, &str)> =
        list(relay, "tunnels").iter().map(|leg| (text(leg, "src"), text(leg, "dst"))).collect();
    let (mut right, mut wrong, mut found) = ([0_usize; 2], [0_usize; 2], BTreeMap::<u64, usize>::new());
    let mut example = None;
    let mut exchanged = 0;
    for line in lines.iter().filter(|line| text(line, "host") == host) {
        let Some(out) = Said::parse(&line["outbound"]) else {
            short.push(format!("{host}: a pair without an outbound leg"));
            continue;
        };
        let caller = Said::parse(&line["inbound"]);
        let leg = outs.find(&out, view.tolerance());
        if leg.is_some_and(|leg| unknown.contains(&leg)) {
            continue;
        }
        let data = leg.map_or(out.bytes != Some(0.0), |leg| has_data(outs.legs[&leg]));
        // A queue tries again: not one to one, and the truth does not say.
        if kind == Kind::Mail && leg.is_none() && !data {
            continue;
        }
        let true_pair = leg.is_some_and(|leg| match &caller {
            _ if kind == Kind::Backconnect => {
                caller.as_ref().is_none_or(|tunnel| tunnels.contains(&(&*tunnel.orig, &*tunnel.resp)))
            }
            Some(caller) => ins.find(caller, view.tolerance()).is_some_and(|caller| {
                let own = belong[&leg].contains(&caller);
                let another = !own && view.is_syslog() && bonds.may_be_exchanged(leg, caller);
                exchanged += usize::from(another);
                own || another
            }),
            None => false,
        });
        if true_pair {
            right[usize::from(data)] += 1;
            *found.entry(leg.unwrap_or(0)).or_default() += 1;
        } else if !(leg.is_some_and(in_the_dark)
            && caller.as_ref().is_some_and(|caller| ins.find(caller, view.tolerance()).is_some()))
        {
            wrong[usize::from(data)] += 1;
            example.get_or_insert_with(|| {
                let from = caller.map_or_else(|| "nothing".to_owned(), |caller| caller.orig);
                format!("{from} with {} to {}", out.orig, out.resp)
            });
        }
    }
    let wanted: BTreeSet<u64> = outs
        .legs
        .iter()
        .filter(|(conn, leg)| {
            let told = !unknown.contains(conn) && (found.contains_key(conn) || !in_the_dark(**conn));
            has_data(leg) && told && !(kind == Kind::Mail && records && bonds.is_one_of_several(**conn))
        })
        .map(|(conn, _)| *conn)
        .collect();
    let hit = wanted.iter().filter(|conn| found.contains_key(conn)).count();
    let share = |part: usize, of: usize| if of == 0 { 1.0 } else { part as f64 / of as f64 };
    let said = right[1] + wrong[1];
    let precision = if said == 0 && !wanted.is_empty() { 0.0 } else { share(right[1], said) };
    let recall = share(hit, wanted.len());
    let such = example.map_or_else(String::new, |example| format!(" (such as {example})"));
    let (need_precision, need_recall) = pairs(kind, view.family);
    if precision < need_precision {
        short.push(format!("pairs of {host}: precision {precision:.4} under {need_precision}{such}"));
    }
    if recall < need_recall {
        short.push(format!("pairs of {host}: recall {recall:.4} under {need_recall}"));
    }
    let silent = share(right[0], right[0] + wrong[0]);
    if matches!(kind, Kind::Proxy | Kind::Web) && silent < WITHOUT_DATA {
        short.push(format!("pairs of {host} without payload: precision {silent:.4} under {WITHOUT_DATA}{such}"));
    }
    let twice = found.values().filter(|count| **count > 1).count();
    if kind == Kind::Proxy && twice > 0 {
        short.push(format!("pairs of {host}: {twice} outbound legs paired twice"));
    }
    PairCount { host: host.to_owned(), precision, recall, wanted: wanted.len(), alike: exchanged }
}
