//! From folds and pairs to incidents.

use std::collections::{BTreeMap, BTreeSet};

use catspaw_records::{Days, HostKey, Place, SensorId};
use catspaw_relay::{Config, Lane, LegPair, Service as Tested, Tests};

use super::mail;
use super::model::{Client, Confidence, Counts, Day, Incident, Service, Target};
use super::sums::{EXAMPLES, Sums};
use super::{time, why};
use crate::pipeline::Lanes;

/// Clients and targets that are listed.
const LISTED: usize = 100;
/// A service that only ever calls so many addresses looks like a reverse proxy or a gateway, not like a relay whose
/// clients choose the target.
pub(crate) const FIXED_TARGETS: usize = 3;
/// The port of mail between servers.
const SMTP: u16 = 25;
/// Ports of DNS, plain and over TLS: a forwarder conserves bytes by design.
pub(super) const DNS: [u16; 2] = [53, 853];
/// The smallest p-value that is printed as a number.
const LEAST_P: f64 = 1e-300;

/// One service of a host with enough evidence, and what its pairs add up to.
#[derive(Debug)]
pub(crate) struct Judged {
    /// The port.
    pub(crate) port: u16,
    /// What its pairs add up to.
    pub(crate) sums: Sums,
}

/// What was learned of one host in one topology, before it is written down.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    /// The host.
    pub(crate) host: HostKey,
    /// Whether it is about what the owner declared.
    pub(crate) authorised: bool,
    /// The sensor whose records it stands on; `None` where a declared host was not seen.
    pub(crate) lane: Option<(SensorId, &'a Lane)>,
    /// How many sensors saw the host.
    pub(crate) sensors: usize,
    /// Its services.
    pub(crate) services: Vec<Judged>,
    /// The class of sizes from which mail counts as delivered.
    pub(crate) delivered_from: u16,
}

/// All cases of a run, and where a pair belongs.
#[derive(Debug, Default)]
pub(crate) struct Cases<'a> {
    /// The cases, by host.
    pub(crate) cases: Vec<Case<'a>>,
    by_service: BTreeMap<(HostKey, SensorId, bool, u16), (usize, usize)>,
}

impl<'a> Cases<'a> {
    /// Chooses, of every host, the services with enough evidence. Declared hosts have a case even without.
    #[must_use]
    pub(crate) fn choose(shards: &'a [Lanes], config: &Config) -> Self {
        let mut hosts: BTreeMap<HostKey, Vec<(SensorId, &Lane)>> = BTreeMap::new();
        for (host, sensor, lane) in shards.iter().flat_map(|shard| &shard.lanes) {
            hosts.entry(*host).or_default().push((*sensor, lane));
        }
        for stanza in config.authorised.iter().filter(|stanza| stanza.host.is_single()) {
            hosts.entry(HostKey::Address(stanza.host.addr())).or_default();
        }
        let mut cases = Self::default();
        for (host, lanes) in hosts {
            let declared = config.declares(host.addr());
            cases.choose_host(host, false, &lanes, config);
            if declared {
                cases.choose_host(host, true, &lanes, config);
            }
        }
        cases
    }

    fn choose_host(&mut self, host: HostKey, authorised: bool, lanes: &[(SensorId, &'a Lane)], config: &Config) {
        let enough = -config.alpha.ln() + (lanes.len().max(1) as f64).ln();
        let convicted = |lane: &Lane| -> Vec<u16> {
            lane.services.values().filter(|s| is_convicted(s, authorised, enough)).map(|s| s.port).collect()
        };
        // Numbers of two sensors are not added: they may have seen the same connections.
        let best = lanes.iter().copied().max_by(|a, b| {
            let key = |lane: &Lane| (convicted(lane).len(), strongest(lane, authorised));
            let (x, y) = (key(a.1), key(b.1));
            x.0.cmp(&y.0).then(x.1.total_cmp(&y.1)).then(b.0.cmp(&a.0))
        });
        let ports = best.map(|(_, lane)| convicted(lane)).unwrap_or_default();
        if ports.is_empty() && !authorised {
            return;
        }
        let number = self.cases.len();
        if let Some((sensor, _)) = best {
            for (index, &port) in ports.iter().enumerate() {
                self.by_service.insert((host, sensor, authorised, port), (number, index));
            }
        }
        self.cases.push(Case {
            host,
            authorised,
            lane: best,
            sensors: lanes.len(),
            services: ports.into_iter().map(|port| Judged { port, sums: Sums::default() }).collect(),
            delivered_from: best.map_or(0, |(_, lane)| mail::threshold(&lane.tally.smtp_sizes)),
        });
    }

    /// The case and service that a pair belongs to, if it belongs to any.
    #[must_use]
    pub(crate) fn of(&self, pair: &LegPair) -> Option<(usize, usize)> {
        self.by_service.get(&(pair.host, pair.sensor, pair.authorised, pair.port)).copied()
    }

    /// Adds a pair to the sums of the case it belongs to.
    pub(crate) fn add(&mut self, pair: &LegPair, days: &mut Days) {
        if let Some((case, service)) = self.of(pair) {
            let case = &mut self.cases[case];
            case.services[service].sums.add(pair, case.delivered_from, days);
        }
    }

    /// Takes out the services that carry DNS on to DNS, and the cases that are left without any. Gives back the
    /// hosts and ports.
    pub(crate) fn take_dns(&mut self) -> Vec<(HostKey, u16)> {
        let mut forwarders = Vec::new();
        for case in &mut self.cases {
            let host = case.host;
            case.services.retain(|service| {
                let dns = DNS.contains(&service.port) && service.sums.targets.keys().all(|t| DNS.contains(&t.port));
                if dns {
                    forwarders.push((host, service.port));
                }
                !dns
            });
        }
        let left: Vec<bool> = self.cases.iter().map(|c| c.authorised || !c.services.is_empty()).collect();
        let mut number = BTreeMap::new();
        for (old, _) in left.iter().enumerate().filter(|(_, left)| **left) {
            number.insert(old, number.len());
        }
        let mut left = left.into_iter();
        self.cases.retain(|_| left.next().unwrap_or(true));
        let cases = &self.cases;
        self.by_service.retain(|&(_, _, _, port), at| {
            let Some(&new) = number.get(&at.0) else { return false };
            let Some(index) = cases[new].services.iter().position(|s| s.port == port) else { return false };
            *at = (new, index);
            true
        });
        forwarders
    }
}

fn tests_of(service: &Tested, authorised: bool) -> Option<&Tests> {
    service.tests[usize::from(authorised)].as_deref()
}

fn is_convicted(service: &Tested, authorised: bool, enough: f64) -> bool {
    tests_of(service, authorised).is_some_and(|tests| {
        tests.conviction.is_some() && tests.largest.is_some_and(|l| l + service.log_weight() >= enough)
    })
}

fn strongest(lane: &Lane, authorised: bool) -> f64 {
    lane.services
        .values()
        .filter_map(|s| tests_of(s, authorised).and_then(|t| t.largest).map(|l| l + s.log_weight()))
        .fold(f64::NEG_INFINITY, f64::max)
}

impl Case<'_> {
    /// Everything its services' pairs add up to.
    #[must_use]
    pub(crate) fn sums(&self) -> Sums {
        let mut all = Sums::default();
        for service in &self.services {
            all.merge(&service.sums);
        }
        all
    }

    /// Places of records that show it.
    pub(crate) fn places(&self) -> Vec<Place> {
        self.services.iter().flat_map(|service| &service.sums.places).copied().take(EXAMPLES).collect()
    }

    /// Whether clients do not choose the target.
    #[must_use]
    pub(crate) fn has_fixed_targets(&self, sums: &Sums) -> bool {
        let addresses: BTreeSet<_> = sums.targets.keys().map(|target| target.addr).collect();
        addresses.len() <= FIXED_TARGETS
    }

    /// Whether it takes mail in on the port of mail and hands it on to the port of mail, as a mail server does.
    #[must_use]
    pub(crate) fn looks_like_mail_server(&self, sums: &Sums) -> bool {
        self.services.iter().all(|service| service.port == SMTP) && sums.targets.keys().all(|t| t.port == SMTP)
    }

    /// The verdict.
    #[must_use]
    pub(crate) fn verdict(&self, sums: &Sums) -> &'static str {
        if self.services.is_empty() {
            "none"
        } else if self.has_fixed_targets(sums) || self.looks_like_mail_server(sums) {
            "suspect"
        } else {
            "relay"
        }
    }

    /// The services of the lane that were convicted, with their tests.
    pub(crate) fn tested(&self) -> impl Iterator<Item = (&Tested, &Tests)> {
        self.services.iter().filter_map(|judged| {
            let service = self.lane?.1.services.get(&judged.port)?;
            Some((service, tests_of(service, self.authorised)?))
        })
    }

    fn confidence(&self) -> Confidence {
        if self.services.is_empty() {
            return Confidence::default();
        }
        // Of an undeclared host the mean over all its services; of a declared one that of its strongest.
        let mean = if self.authorised { None } else { self.lane.and_then(|(_, lane)| lane.largest) };
        let log = mean.unwrap_or_else(|| self.lane.map_or(0.0, |(_, lane)| strongest(lane, self.authorised)));
        let log10 = log / std::f64::consts::LN_10;
        let log10_p = ((self.sensors.max(1) as f64).log10() - log10).min(0.0);
        Confidence {
            log10_likelihood_ratio: Some(rounded(log10)),
            p_value: Some(10_f64.powf(log10_p).max(LEAST_P)),
            log10_p_value: Some(rounded(log10_p)),
            sessions_to_detect: self
                .tested()
                .filter_map(|(_, tests)| tests.conviction)
                .min_by_key(|conviction| conviction.at)
                .map(|conviction| conviction.sessions.max(1)),
        }
    }

    fn counts(&self, sums: &Sums) -> Counts {
        let mut counts = Counts {
            relayed: sums.relayed,
            refused: sums.refused,
            delivered: sums.delivered,
            bytes_relayed: sums.bytes,
            delivered_unit: "connections",
            ..Counts::default()
        };
        let daily = self.daily(sums);
        for day in daily.values() {
            counts.outbound_attempts += day.outbound;
            counts.smtp_completed += day.smtp_completed;
        }
        let inbound: u64 = daily.values().filter_map(|day| day.inbound).sum();
        let unanswered: u64 = daily.values().filter_map(|day| day.unanswered).sum();
        counts.inbound_attempts = Some(inbound);
        counts.unanswered_inbound = Some(unanswered);
        counts.inbound_established = Some(inbound - unanswered);
        for day in self.lane.iter().flat_map(|(_, lane)| lane.tally.outbound.values()) {
            counts.outbound_established += day.established;
            counts.outbound_smtp += day.smtp;
        }
        counts
    }

    fn daily(&self, sums: &Sums) -> BTreeMap<i32, Day> {
        let mut days: BTreeMap<i32, Day> = BTreeMap::new();
        if let Some((_, lane)) = self.lane {
            for (&day, counts) in &lane.tally.outbound {
                let row = days.entry(day).or_default();
                row.outbound += counts.established + counts.unanswered;
                row.smtp_completed += counts.smtp_completed;
            }
            for service in &self.services {
                for (&day, counts) in lane.tally.inbound.get(&service.port).into_iter().flatten() {
                    let row = days.entry(day).or_default();
                    *row.inbound.get_or_insert_default() += counts.established + counts.unanswered;
                    *row.unanswered.get_or_insert_default() += counts.unanswered;
                }
            }
        }
        for (&day, &(relayed, refused, delivered)) in &sums.daily {
            let row = days.entry(day).or_default();
            row.relayed += relayed;
            row.refused += refused;
            row.delivered += delivered;
        }
        for (&day, row) in &mut days {
            row.date = time::date(day);
            row.inbound.get_or_insert_default();
            row.unanswered.get_or_insert_default();
        }
        days
    }

    /// Writes it down.
    #[must_use]
    pub(crate) fn write(&self) -> Incident {
        let sums = self.sums();
        Incident {
            id: self.id(),
            host: self.host.addr().to_string(),
            public: self.lane.iter().flat_map(|(_, lane)| &lane.public).map(ToString::to_string).collect(),
            owner: None,
            verdict: self.verdict(&sums),
            topology: (!self.services.is_empty()).then_some("forward"),
            authorised: self.authorised,
            services: self.services.iter().map(|s| Service { proto: "tcp", port: s.port, protocol: None }).collect(),
            tunnel: None,
            confidence: self.confidence(),
            first_seen: sums.span.map(|(first, _)| time::rfc3339(first)),
            last_seen: sums.span.map(|(_, last)| time::rfc3339(last)),
            counts: self.counts(&sums),
            daily: self.daily(&sums).into_values().collect(),
            clients: clients(&sums),
            clients_total: sums.clients.len() as u64,
            targets: targets(&sums),
            targets_total: sums.targets.len() as u64,
            containment: None,
            alerts: Vec::new(),
            indicators: Vec::new(),
            examples: Vec::new(),
            why: why::sentences(self, &sums),
            timeline: super::timeline::Timeline::of(self),
        }
    }

    /// The same for the same host and topology in every run.
    #[must_use]
    pub(crate) fn id(&self) -> String {
        let declared = if self.authorised { " authorised" } else { "" };
        SensorId::of(format!("{} forward{declared}", self.host.addr()).as_bytes()).hex()
    }
}

fn clients(sums: &Sums) -> Vec<Client> {
    let mut all: Vec<_> = sums.clients.iter().map(|(&addr, &(sessions, bytes))| (sessions, bytes, addr)).collect();
    all.sort_unstable_by(|a, b| (b.0, b.1).cmp(&(a.0, a.1)).then(a.2.cmp(&b.2)));
    all.truncate(LISTED);
    all.into_iter().map(|(sessions, bytes, addr)| Client { address: addr.to_string(), sessions, bytes }).collect()
}

fn targets(sums: &Sums) -> Vec<Target> {
    let mut all: Vec<_> = sums.targets.iter().map(|(&end, &(sessions, bytes))| (sessions, bytes, end)).collect();
    all.sort_unstable_by(|a, b| (b.0, b.1).cmp(&(a.0, a.1)).then(a.2.cmp(&b.2)));
    all.truncate(LISTED);
    all.into_iter()
        .map(|(sessions, bytes, end)| Target { address: end.addr.to_string(), port: end.port, sessions, bytes })
        .collect()
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
