//! Where alerts stand in the report.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;

use catspaw_records::{Alert, AppProto, Endpoint, Nanos, Proto};
use catspaw_rules::Ruleset;

use super::Alerts;
use crate::pipeline::Home;
use crate::report::Report;
use crate::report::model::{AlertService, HostAlert, RuleAlert};
use crate::report::time::rfc3339;

/// Hosts and rules that are counted.
const COUNTED: usize = 100_000;
/// Services of one host and rule that are told apart; what fires elsewhere is in the sum alone.
const SERVICES: usize = 64;
/// Those of them that the report names.
const NAMED: usize = 10;

/// How often a rule fired at a host, when and where.
#[derive(Debug)]
struct Fired {
    count: u64,
    first: Nanos,
    last: Nanos,
    services: BTreeMap<Service, u64>,
}

/// The responder's port, and what is spoken there.
type Service = (Proto, u16, Option<AppProto>);

/// Alerts by host of ours and rule.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    by_host: BTreeMap<(IpAddr, u32), Fired>,
    /// All of them, those too that are at no host of ours.
    pub(crate) all: u64,
    /// Those whose host and rule are not counted.
    pub(crate) dropped: u64,
}

impl Counts {
    /// Counts the alerts whose ends `shows` lets be seen.
    ///
    /// # Errors
    /// Where a temporary file fails.
    pub(crate) fn of(
        alerts: &mut Alerts,
        home: &Home,
        shows: impl Fn((Endpoint, Endpoint)) -> bool,
    ) -> io::Result<Self> {
        let mut counts = Self::default();
        alerts.for_each(|alert| {
            if shows((alert.orig, alert.resp)) {
                counts.all += 1;
                let mut ours =
                    [alert.orig.addr, alert.resp.addr].map(|addr| Some(addr).filter(|_| home.is_inside(addr, None)));
                if ours[0] == ours[1] {
                    ours[1] = None;
                }
                ours.into_iter().flatten().for_each(|host| counts.count(host, &alert));
            }
            Ok(())
        })?;
        Ok(counts)
    }

    fn count(&mut self, host: IpAddr, alert: &Alert) {
        let name = (host, alert.rule);
        if self.by_host.len() >= COUNTED && !self.by_host.contains_key(&name) {
            self.dropped += 1;
            return;
        }
        let new = || Fired { count: 0, first: alert.at, last: alert.at, services: BTreeMap::new() };
        self.by_host.entry(name).or_insert_with(new).take(alert);
    }

    /// Those of a host, the most frequent first.
    fn of_host(&self, host: IpAddr, rules: &Ruleset) -> Vec<RuleAlert> {
        let own = self.by_host.range((host, 0)..=(host, u32::MAX));
        let told = |(&(_, rule), fired): (&(IpAddr, u32), &Fired)| {
            let meta = &rules.rules().get(rule as usize)?.meta;
            Some(RuleAlert {
                sid: meta.sid,
                msg: meta.msg.clone(),
                count: fired.count,
                first: rfc3339(fired.first),
                last: rfc3339(fired.last),
                services: fired.named(),
            })
        };
        let mut alerts: Vec<_> = own.filter_map(told).collect();
        alerts.sort_by_key(|alert| (std::cmp::Reverse(alert.count), alert.sid));
        alerts
    }
}

impl Fired {
    fn take(&mut self, alert: &Alert) {
        self.count += 1;
        self.first = self.first.min(alert.at);
        self.last = self.last.max(alert.at);
        let service = (alert.proto, alert.resp.port, alert.protocol);
        if self.services.len() < SERVICES || self.services.contains_key(&service) {
            *self.services.entry(service).or_default() += 1;
        }
    }

    /// The services at which it fired most.
    fn named(&self) -> Vec<AlertService> {
        let mut services: Vec<_> = self.services.iter().collect();
        services.sort_by_key(|&(service, count)| (std::cmp::Reverse(count), service));
        let named = services.into_iter().take(NAMED);
        named
            .map(|(&(proto, port, protocol), &count)| AlertService {
                proto: transport(proto),
                port,
                protocol: protocol.map(AppProto::name),
                count,
            })
            .collect()
    }
}

fn transport(proto: Proto) -> &'static str {
    match proto {
        Proto::Tcp => "tcp",
        Proto::Udp => "udp",
        Proto::Icmp => "icmp",
        Proto::Other(_) => "ip",
    }
}

/// Puts alerts where their hosts are: in their incidents, or at the top level.
pub(crate) fn attach(report: &mut Report, counts: &Counts, rules: &Ruleset) {
    let mut told = BTreeSet::new();
    for incident in report.incidents.iter_mut().chain(&mut report.authorised) {
        let Ok(host) = incident.host.parse() else { continue };
        incident.alerts = counts.of_host(host, rules);
        told.insert(host);
    }
    let mut hosts: Vec<IpAddr> = counts.by_host.keys().map(|&(host, _)| host).collect();
    hosts.dedup();
    hosts.retain(|host| !told.contains(host));
    let at = |host: IpAddr| {
        let alerts = counts.of_host(host, rules).into_iter();
        alerts.map(move |alert| HostAlert { host: host.to_string(), alert })
    };
    report.alerts = hosts.into_iter().flat_map(at).collect();
}
