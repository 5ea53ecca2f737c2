//! From what the folds gave away to cases with their sums.

use std::collections::{HashMap, HashSet};
use std::io;

use catspaw_records::{Days, Endpoint, HostKey, Nanos, RecordId, SensorId};
use catspaw_relay::{Basis, Config, Leg, LegPair, SUBMISSION, Topology, Tunnel, find_tunnel};

use serde::{Deserialize, Serialize};

use super::cases::Cases;
use super::cut::{self, Clocks, Told};
use super::incident::{Case, Dialled};
use crate::pipeline::{Gathered, Lanes, Rows, Sent, Sorted, Sorter};

/// Outbound legs of one host that are looked at for a tunnel; of a host with more the latest are not.
const LEGS: usize = 1_000_000;

/// An outbound leg's name among those of one host and sensor.
type Name = (RecordId, Nanos);
/// One sensor's sight of a host.
type Sight = (HostKey, SensorId);

/// An outbound leg among those of its host, in the order of their opening.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct OfHost(Sent);

impl Sorted for OfHost {
    type Key = (Sight, Nanos, RecordId, Endpoint);

    fn key(&self) -> Self::Key {
        let Sent { host, sensor, leg } = &self.0;
        ((*host, *sensor), leg.start.at, leg.id, leg.peer)
    }
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Findings<'a> {
    /// The cases with their sums.
    pub(crate) cases: Cases<'a>,
    /// Their pairs, and those of services that carry DNS on.
    pub(crate) pairs: Sorter<LegPair>,
    /// Hosts and ports that carry DNS on to DNS.
    pub(crate) dns_forwarders: Vec<(HostKey, u16)>,
    /// Outbound legs that were not looked at for a tunnel.
    pub(crate) legs_dropped: u64,
    /// The timers of the devices.
    pub(crate) clocks: Clocks,
    /// What the attempts say that belongs to no case.
    pub(crate) told: Told,
}

impl<'a> Findings<'a> {
    /// Judges every host of `lanes`, whose rows are in `rows`.
    ///
    /// # Errors
    /// Where a temporary file fails.
    pub(crate) fn of(rows: &mut [Rows], lanes: &'a [Lanes], config: &Config, days: &mut Days) -> io::Result<Self> {
        let mut found = Self {
            cases: Cases::choose(lanes, config),
            pairs: Sorter::default(),
            dns_forwarders: Vec::new(),
            legs_dropped: 0,
            clocks: Clocks::learn(lanes),
            told: Told::default(),
        };
        let tunnels = found.tunnel_connections(rows)?;
        for rows in rows.iter_mut() {
            for pair in rows.pairs.rows()? {
                let mut pair = pair?;
                if found.cases.of(&pair).is_some() {
                    // A tunnel's totals are known after those of what it carries.
                    let tunnel = tunnels.get(&((pair.host, pair.sensor), (pair.inbound.id, pair.inbound.start.at)));
                    pair.inbound = tunnel.copied().unwrap_or(pair.inbound);
                    found.pairs.push(pair)?;
                }
            }
        }
        found.acquit_of_mail(rows)?;
        found.look_for_tunnels(rows, lanes, config)?;
        found.cases.tell_timers(&found.clocks);
        let Self { cases, pairs, .. } = &mut found;
        pairs.for_each(|pair| {
            cases.add(&pair, days);
            Ok(())
        })?;
        found.add_mail(rows, config, days)?;
        found.dns_forwarders = found.cases.take_dns();
        found.cases.tell_divided();
        Ok(found)
    }

    /// The connections of the tunnels that packets have shown.
    fn tunnel_connections(&self, rows: &mut [Rows]) -> io::Result<HashMap<(Sight, Name), Leg>> {
        let mut tunnels = HashMap::new();
        let cases = self.cases.cases.iter().filter(|case| matches!(case.tunnel, Some(Dialled::Packets(..))));
        let ends: HashSet<(HostKey, Endpoint)> =
            cases.filter_map(|case| Some((case.host, case.tunnel.as_ref()?.far()))).collect();
        if ends.is_empty() {
            return Ok(tunnels);
        }
        for rows in rows.iter_mut() {
            rows.sent.of(
                |host, _| ends.iter().any(|(of, _)| of == host),
                |sent| {
                    if ends.contains(&(sent.host, sent.leg.peer)) {
                        tunnels.insert(((sent.host, sent.sensor), (sent.leg.id, sent.leg.start.at)), sent.leg);
                    }
                    Ok(())
                },
            )?;
        }
        Ok(tunnels)
    }

    /// Where most of a host's mail came down a tunnel that packets have shown, it is no spam of the host's own.
    fn acquit_of_mail(&mut self, rows: &mut [Rows]) -> io::Result<()> {
        let undeclared = |case: &&Case<'_>| matches!(case.tunnel, Some(Dialled::Packets(..))) && !case.authorised;
        let mut mail: HashMap<Sight, (u64, u64)> = (self.cases.cases.iter().filter(undeclared))
            .filter_map(|case| Some(((case.host, case.lane?.0), (0, 0))))
            .collect();
        if mail.is_empty() {
            return Ok(());
        }
        self.pairs.for_each(|pair| {
            let carried = pair.topology == Topology::Backconnect && pair.outbound.smtp;
            if let Some((_, counted)) = mail.get_mut(&(pair.host, pair.sensor)).filter(|_| carried) {
                *counted += 1;
            }
            Ok(())
        })?;
        for rows in rows.iter_mut() {
            let mut sent: HashMap<Sight, u64> = HashMap::new();
            let is_asked = |host: &HostKey, sensor: &SensorId| mail.contains_key(&(*host, *sensor));
            rows.sent.of(is_asked, |leg| {
                *sent.entry((leg.host, leg.sensor)).or_default() += u64::from(leg.leg.smtp);
                Ok(())
            })?;
            for (sight, sent) in sent {
                mail.entry(sight).or_default().0 += sent;
            }
        }
        for ((host, _), (all, carried)) in mail {
            if 2 * carried > all {
                self.cases.acquit_of_mail(host);
            }
        }
        Ok(())
    }

    /// Tells the cases what was asked of their ports.
    ///
    /// # Errors
    /// Where a temporary file fails.
    pub(crate) fn read_attempts(
        &mut self,
        rows: &mut [Rows],
        lanes: &[Lanes],
        gathered: &Gathered,
        config: &Config,
        days: &mut Days,
    ) -> io::Result<()> {
        self.told = cut::read(rows, lanes, (&mut self.cases, &self.clocks), gathered, config, days)?;
        Ok(())
    }

    /// Hosts with a connection that may be a tunnel's: all their outbound legs are looked at, now that they are known, one host after
    /// the other.
    fn look_for_tunnels(&mut self, rows: &mut [Rows], lanes: &'a [Lanes], config: &Config) -> io::Result<()> {
        let may_tunnel = lanes.iter().flat_map(|shard| &shard.lanes).filter(|(.., lane)| lane.may_tunnel);
        let sights: HashSet<Sight> = may_tunnel.map(|&(host, sensor, _)| (host, sensor)).collect();
        if sights.is_empty() {
            return Ok(());
        }
        let mut sent = Sorter::default();
        for rows in rows.iter_mut() {
            rows.sent.of(|host, sensor| sights.contains(&(*host, *sensor)), |leg| sent.push(OfHost(leg)))?;
        }
        let explained = self.paired(|sight| sights.contains(sight))?;
        let mut current: Option<(Sight, Vec<Leg>)> = None;
        sent.for_each(|OfHost(Sent { host, sensor, leg })| {
            let sight = (host, sensor);
            if current.as_ref().is_some_and(|(of, _)| *of != sight)
                && let Some((of, legs)) = current.take()
            {
                self.look_for_tunnel(of, &legs, &explained, lanes, config)?;
            }
            let (_, legs) = current.get_or_insert_with(|| (sight, Vec::new()));
            if legs.len() < LEGS {
                legs.push(leg)
            } else {
                self.legs_dropped += 1
            }
            Ok(())
        })?;
        current.map_or(Ok(()), |(of, legs)| self.look_for_tunnel(of, &legs, &explained, lanes, config))
    }

    fn look_for_tunnel(
        &mut self,
        sight: Sight,
        legs: &[Leg],
        explained: &HashSet<(Sight, Name)>,
        lanes: &'a [Lanes],
        config: &Config,
    ) -> io::Result<()> {
        let is_explained = |leg: &Leg| explained.contains(&(sight, (leg.id, leg.start.at)));
        match find_tunnel(legs, is_explained) {
            Some(tunnel) => self.take_tunnel(sight, legs, tunnel, lanes, config),
            None => Ok(()),
        }
    }

    /// Outbound legs of some hosts by which something is carried on, as far as is known by now.
    fn paired(&mut self, is_asked: impl Fn(&Sight) -> bool) -> io::Result<HashSet<(Sight, Name)>> {
        let mut paired = HashSet::new();
        self.pairs.for_each(|pair| {
            let sight = (pair.host, pair.sensor);
            if is_asked(&sight) {
                paired.insert((sight, (pair.outbound.id, pair.outbound.start.at)));
            }
            Ok(())
        })?;
        Ok(paired)
    }

    fn take_tunnel(
        &mut self,
        (host, sensor): Sight,
        legs: &[Leg],
        tunnel: Tunnel,
        lanes: &'a [Lanes],
        config: &Config,
    ) -> io::Result<()> {
        if self.cases.of_host(host).any(|case| case.tunnel.is_some()) {
            // Another sensor saw it too: numbers of two sensors are not added.
            return Ok(());
        }
        let authorised = config.covers_tunnel(host.addr(), tunnel.far);
        for &(leg, connection) in &tunnel.carried {
            let (inbound, outbound) = (legs[connection], legs[leg]);
            self.pairs.push(LegPair {
                host,
                sensor,
                topology: Topology::Backconnect,
                port: tunnel.far.port,
                authorised,
                key: outbound.end.map_or(outbound.start.at, |end| end.known),
                basis: if outbound.has_payload() { Basis::Bytes } else { Basis::Order },
                clear: true,
                inbound,
                outbound,
            })?;
        }
        let mail = legs.iter().filter(|leg| leg.smtp).count();
        let carried = tunnel.carried.iter().filter(|&&(leg, _)| legs[leg].smtp).count();
        self.cases.add_tunnel((host, sensor), lanes, tunnel, (authorised, 2 * carried > mail));
        Ok(())
    }

    fn add_mail(&mut self, rows: &mut [Rows], config: &Config, days: &mut Days) -> io::Result<()> {
        let direct: HashSet<HostKey> = self.cases.cases.iter().filter(|c| c.spam.is_some()).map(|c| c.host).collect();
        if direct.is_empty() {
            return Ok(());
        }
        // What a relay of the host carries is counted there.
        let carried = self.paired(|(host, _)| direct.contains(host))?;
        let mut mail = Sorter::default();
        for rows in rows.iter_mut() {
            rows.sent.of(
                |host, _| direct.contains(host),
                |sent| {
                    let name = ((sent.host, sent.sensor), (sent.leg.id, sent.leg.start.at));
                    let is_own = sent.leg.smtp && !SUBMISSION.contains(&sent.leg.peer.port);
                    if is_own && !carried.contains(&name) { mail.push(sent) } else { Ok(()) }
                },
            )?;
        }
        mail.for_each(|sent| {
            let declared = config.covers_mail(sent.leg.own.addr, sent.leg.peer.addr);
            self.cases.add_mail((sent.host, sent.sensor), &sent.leg, declared, days);
            Ok(())
        })
    }
}
