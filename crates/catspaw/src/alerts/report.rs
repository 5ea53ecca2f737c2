//! Where alerts stand in the report.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;

use catspaw_records::Endpoint;
use catspaw_rules::Ruleset;

use super::Alerts;
use crate::pipeline::Home;
use crate::report::Report;
use crate::report::model::{HostAlert, RuleAlert};

/// Hosts and rules that are counted.
const COUNTED: usize = 100_000;

/// Alerts by host of ours and rule.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    by_host: BTreeMap<(IpAddr, u32), u64>,
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
                ours.into_iter().flatten().for_each(|host| counts.count((host, alert.rule)));
            }
            Ok(())
        })?;
        Ok(counts)
    }

    fn count(&mut self, name: (IpAddr, u32)) {
        if self.by_host.len() < COUNTED || self.by_host.contains_key(&name) {
            *self.by_host.entry(name).or_default() += 1;
        } else {
            self.dropped += 1;
        }
    }

    /// Those of a host, the most frequent first.
    fn of_host(&self, host: IpAddr, rules: &Ruleset) -> Vec<RuleAlert> {
        let own = self.by_host.range((host, 0)..=(host, u32::MAX));
        let told = |(&(_, rule), &count): (&(IpAddr, u32), &u64)| {
            let meta = &rules.rules().get(rule as usize)?.meta;
            Some(RuleAlert { sid: meta.sid, msg: meta.msg.clone(), count })
        };
        let mut alerts: Vec<_> = own.filter_map(told).collect();
        alerts.sort_by_key(|alert| (std::cmp::Reverse(alert.count), alert.sid));
        alerts
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
        alerts.map(move |RuleAlert { sid, msg, count }| HostAlert { host: host.to_string(), sid, msg, count })
    };
    report.alerts = hosts.into_iter().flat_map(at).collect();
}
