//! A report held against the truth of a capture.
//!
//! Asked is what a report promises: every relay and bot found with its port or tunnel, nobody else named, the pairs, the
//! counts, and how soon. The limits are those of [`bounds`]. What falls short is said in words.

mod bounds;
mod pairs;
mod whole;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use bounds::{Kind, View};
pub use pairs::PairCount;

/// What was found of what there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Found.
    pub found: usize,
    /// There are.
    pub of: usize,
}

/// What the judge says of one report.
#[derive(Clone, Debug, Serialize)]
pub struct Judgement {
    /// The capture's name.
    pub scenario: String,
    /// Its seed.
    pub seed: u64,
    /// What the report was made of.
    pub view: String,
    /// Relays that nobody declared.
    pub relays: Share,
    /// Hosts that send spam by themselves.
    pub bots: Share,
    /// Relays that this view cannot show, and were not found.
    pub out_of_sight: usize,
    /// Innocent hosts that were named.
    pub innocents_named: usize,
    /// Innocent hosts, declared relays among them.
    pub innocents: usize,
    /// The pairs of each relay.
    pub pairs: Vec<PairCount>,
    /// By kind of relay or bot.
    pub sessions_to_detect: Vec<(String, Option<u64>)>,
    /// What falls short.
    pub short: Vec<String>,
}

/// Holds a report, its pairs and its exit status against the truth.
///
/// # Errors
/// Where the truth does not say what is asked of it.
pub fn judge(
    view: &str,
    truth: &Value,
    report: &Value,
    pairs: &[Value],
    exit: Option<i64>,
) -> Result<Judgement, String> {
    whole::whole(truth)?;
    let mut court = Court::new(view, truth, report);
    court.status(exit);
    court.accused();
    for bot in list(truth, "bots") {
        court.bot(bot);
    }
    for relay in list(truth, "relays").iter().filter(|relay| !is(relay, "authorised")) {
        court.relay(relay, pairs);
    }
    court.declared();
    court.strangers(pairs);
    Ok(court.says)
}

struct Court<'a> {
    view: View,
    truth: &'a Value,
    incidents: Vec<&'a Value>,
    report: &'a Value,
    says: Judgement,
}

impl<'a> Court<'a> {
    fn new(view: &str, truth: &'a Value, report: &'a Value) -> Self {
        let relays = list(truth, "relays").iter().filter(|relay| !is(relay, "authorised")).count();
        let says = Judgement {
            scenario: text(truth, "scenario").to_owned(),
            seed: truth["seed"].as_u64().unwrap_or(0),
            view: view.to_owned(),
            relays: Share { found: 0, of: relays },
            bots: Share { found: 0, of: list(truth, "bots").len() },
            out_of_sight: 0,
            innocents_named: 0,
            innocents: list(truth, "innocents").len(),
            pairs: Vec::new(),
            sessions_to_detect: Vec::new(),
            short: Vec::new(),
        };
        let incidents = list(report, "incidents").iter().collect();
        Self { view: View::of(view), truth, incidents, report, says }
    }

    fn short(&mut self, what: String) {
        self.says.short.push(what);
    }

    fn status(&mut self, exit: Option<i64>) {
        if self.report["schema"] != "catspaw.report/1" {
            self.short(format!("schema {}", self.report["schema"]));
        }
        let due = i64::from(!self.incidents.is_empty());
        if let Some(exit) = exit.filter(|exit| *exit != due) {
            self.short(format!("exit status {exit} with {} incidents", self.incidents.len()));
        }
    }

    /// Who is named, and whether it is what is said of it.
    fn accused(&mut self) {
        let mut seen = BTreeSet::new();
        let mut innocents = BTreeSet::new();
        for incident in self.incidents.clone() {
            let (host, topology, verdict) =
                (text(incident, "host"), text(incident, "topology"), text(incident, "verdict"));
            let relay = list(self.truth, "relays").iter().find(|relay| text(relay, "ip") == host);
            let bot = list(self.truth, "bots").iter().any(|bot| text(bot, "ip") == host);
            if !seen.insert((host, topology)) {
                self.short(format!("{host}: several incidents ({topology})"));
            }
            match relay {
                Some(relay) if is(relay, "authorised") => {
                    innocents.insert(host);
                    self.short(format!("declared relay {host} is among the incidents ({verdict} {topology})"));
                }
                None if !bot => {
                    innocents.insert(host);
                    self.short(format!("innocent {host} named ({verdict} {topology})"));
                }
                _ => self.fits(incident, relay, bot),
            }
        }
        self.says.innocents_named = innocents.len();
    }

    /// Whether topology and ports are true.
    fn fits(&mut self, incident: &Value, relay: Option<&Value>, bot: bool) {
        let (host, topology, verdict) = (text(incident, "host"), text(incident, "topology"), text(incident, "verdict"));
        let forward = relay.is_some_and(|relay| Kind::of(relay) != Kind::Backconnect);
        // Where a view cannot show whom a host calls for, it shows that the host calls.
        let hidden = relay.is_some_and(|relay| !relay["allowance"]["out_of_sight"][self.view.family].is_null());
        let right = match topology {
            "direct" => bot || hidden,
            "backconnect" => relay.is_some() && !forward,
            _ => forward,
        };
        if !right {
            return self.short(format!("{host}: wrong topology ({verdict} {topology})"));
        }
        let true_ports = relay.filter(|_| topology == "forward").map_or(&[][..], |relay| list(relay, "ports"));
        let said = list(incident, "services").iter().map(|service| &service["port"]);
        let untrue: Vec<String> = said.filter(|port| !true_ports.contains(port)).map(Value::to_string).collect();
        if !untrue.is_empty() {
            self.short(format!("{host}: untrue service port {}", untrue.join(" ")));
        }
    }

    fn incident(&self, host: &str, topology: &str, verdicts: &[&str]) -> Option<&'a Value> {
        self.incidents.iter().copied().find(|incident| {
            text(incident, "host") == host
                && text(incident, "topology") == topology
                && verdicts.contains(&text(incident, "verdict"))
        })
    }

    fn bot(&mut self, bot: &Value) {
        let host = text(bot, "ip");
        let Some(incident) = self.incident(host, "direct", &["spam-source"]) else {
            return self.short(format!("missed bot {host}"));
        };
        self.says.bots.found += 1;
        self.delivered(host, bot, incident, Kind::Bot);
        self.soon("bot", incident, Kind::Bot);
    }

    fn relay(&mut self, relay: &Value, pairs: &[Value]) {
        let (host, kind) = (text(relay, "ip"), Kind::of(relay));
        let allowance = &relay["allowance"];
        let verdicts: &[&str] = match kind {
            _ if is(allowance, "by_design") => &["relay", "suspect"],
            Kind::Backconnect if self.view.family != "capture" => &["relay", "suspect"],
            _ => &["relay"],
        };
        let topology = if kind == Kind::Backconnect { "backconnect" } else { "forward" };
        let tunnels = list(relay, "tunnels");
        // Without a teardown of the tunnel there is nothing in the log to find it by.
        let blind = self.view.cut && kind == Kind::Backconnect && tunnels.iter().all(pairs::still_open);
        let Some(incident) = self.incident(host, topology, verdicts) else {
            let hidden = allowance["out_of_sight"].get(self.view.family).is_some();
            if blind || hidden || is(allowance, "by_design") {
                self.says.out_of_sight += 1;
            } else {
                let said = self.incidents.iter().filter(|incident| text(incident, "host") == host);
                let said: Vec<&str> = said.map(|incident| text(incident, "verdict")).collect();
                self.short(format!("missed {} {host}: said {said:?}", text(relay, "topology")));
            }
            return;
        };
        self.says.relays.found += 1;
        if kind == Kind::Backconnect {
            let tunnel = &incident["tunnel"];
            let said = format!("{}:{}", text(tunnel, "address"), tunnel["port"]);
            if said != text(relay, "super_proxy") {
                self.short(format!("{host}: wrong tunnel {said}, is {}", text(relay, "super_proxy")));
            }
        } else if !list(incident, "services").iter().any(|service| list(relay, "ports").contains(&service["port"])) {
            self.short(format!("{host}: no true service port, has {}", relay["ports"]));
        }
        if is(allowance, "by_design") {
            return;
        }
        self.relayed(host, relay, incident, kind);
        self.delivered(host, relay, incident, kind);
        self.soon(text(relay, "topology"), incident, kind);
        let counted = pairs::hold(self.truth, relay, (kind, &self.view), pairs, &mut self.says.short);
        self.says.pairs.push(counted);
    }

    fn relayed(&mut self, host: &str, relay: &Value, incident: &Value, kind: Kind) {
        let most = number(relay, "out_legs_with_data");
        let mut least = most - pairs::unsure(self.truth, host, self.view.cut, pairs::has_data) as f64;
        if kind == Kind::Mail && self.view.family != "capture" {
            least -= pairs::one_of_several(self.truth, host) as f64;
        }
        let (got, share) = (incident["counts"]["relayed"].as_f64(), bounds::relayed(kind, &self.view));
        if !got.is_some_and(|got| bounds::within(got, (least, most), share, 1.0)) {
            let (got, share) = (&incident["counts"]["relayed"], share * 100.0);
            self.short(format!("{host}: relayed {got}, is {most} (within {share:.0} %)"));
        }
    }

    fn delivered(&mut self, host: &str, one: &Value, incident: &Value, kind: Kind) {
        let messages = self.view.family == "capture";
        let unit = if messages { "messages" } else { "connections" };
        let counts = &incident["counts"];
        if counts["delivered_unit"] != unit {
            self.short(format!("{host}: delivered_unit {}, should be {unit}", counts["delivered_unit"]));
        }
        let Some((share, slack)) = bounds::delivered(kind, messages) else { return };
        let most = number(one, &format!("smtp_{unit}_delivered"));
        let accepted = |leg: &Value| leg["accepted"].as_u64().is_some_and(|accepted| accepted > 0);
        let open = if messages { 0 } else { pairs::unsure(self.truth, host, self.view.cut, accepted) };
        let got = counts["delivered"].as_f64();
        if !got.is_some_and(|got| bounds::within(got, (most - open as f64, most), share, slack)) {
            self.short(format!("{host}: delivered {} {unit}, is {most}", counts["delivered"]));
        }
    }

    fn soon(&mut self, name: &str, incident: &Value, kind: Kind) {
        let said = incident["confidence"]["sessions_to_detect"].as_u64();
        let host = text(incident, "host");
        let most = bounds::sessions(kind, self.view.family).map(|most| match kind {
            Kind::Mail => most.max(pairs::before_a_queue_is_run(self.truth, host) as u64),
            _ => most,
        });
        if let Some(most) = most
            && !said.is_some_and(|said| (1..=most).contains(&said))
        {
            let said = &incident["confidence"]["sessions_to_detect"];
            self.short(format!("{host}: sessions_to_detect {said}, at most {most}"));
        }
        self.says.sessions_to_detect.push((name.to_owned(), said));
    }

    /// Every declared relay is listed as such, and nobody else.
    fn declared(&mut self) {
        let hosts = |value: &'a Value, key, name| -> BTreeSet<&'a str> {
            list(value, key)
                .iter()
                .filter(|one| name == "host" || is(one, "authorised"))
                .map(|one| text(one, name))
                .collect()
        };
        let (said, meant) = (hosts(self.report, "authorised", "host"), hosts(self.truth, "relays", "ip"));
        for host in meant.difference(&said) {
            self.short(format!("declared relay {host} is not listed as such"));
        }
        for host in said.difference(&meant) {
            self.short(format!("{host} is listed as declared, and is not"));
        }
    }

    /// Pairs of hosts that relay nothing.
    fn strangers(&mut self, lines: &[Value]) {
        let relays: BTreeSet<&str> = list(self.truth, "relays").iter().map(|relay| text(relay, "ip")).collect();
        let mut strays: BTreeMap<&str, usize> = BTreeMap::new();
        for line in lines.iter().filter(|line| !relays.contains(text(line, "host"))) {
            *strays.entry(text(line, "host")).or_default() += 1;
        }
        for (host, count) in strays {
            self.short(format!("{count} pairs on {host}, which relays nothing"));
        }
    }
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn is(value: &Value, key: &str) -> bool {
    value[key].as_bool().unwrap_or(false)
}

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or(0.0)
}

#[cfg(test)]
mod tests;
