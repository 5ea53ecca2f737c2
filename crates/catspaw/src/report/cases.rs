//! All cases of a run: who is convicted of what, and which pair belongs where.

use std::collections::{BTreeMap, BTreeSet};

use catspaw_records::{Days, HostKey, SensorId};
use catspaw_relay::{
    Candidate, Config, DNS, Lane, Leg, LegPair, Network, SPAM_SHARE, Service as Tested, Stream, Topology, Tunnel,
};

use super::cut::{Asked, Clocks};
use super::incident::{Case, Dialled, Judged, is_mail_servers};
use super::mail;
use crate::pipeline::Lanes;

/// Where a pair belongs: host, sensor, topology, whether it is declared, port.
type Place = (HostKey, SensorId, Topology, bool, u16);
/// What the sensors saw of one host.
type Seen<'a, 'b> = &'b [(SensorId, &'a Lane)];

/// All cases of a run, and where a pair belongs.
#[derive(Debug, Default)]
pub(crate) struct Cases<'a> {
    /// The cases, by host.
    pub(crate) cases: Vec<Case<'a>>,
    by_place: BTreeMap<Place, (usize, usize)>,
    /// Hosts of which the owner has declared something.
    declares: Vec<Network>,
    /// From how many bytes on mail counts as delivered, where the owner says so.
    mail: Option<i64>,
}

impl<'a> Cases<'a> {
    /// Chooses, of every host, what it is convicted of. Declared hosts have a case even without.
    #[must_use]
    pub(crate) fn choose(shards: &'a [Lanes], config: &Config) -> Self {
        let declares = config.authorised.iter().map(|stanza| stanza.host).collect();
        let mut cases = Self { declares, mail: config.mail, ..Self::default() };
        for (host, lanes) in hosts(shards, config) {
            let declared = config.declares(host.addr());
            cases.choose_forward(host, false, &lanes, config);
            cases.choose_direct(host, false, &lanes, config);
            cases.choose_tunnel(host, false, &lanes, config);
            if declared {
                let before = cases.cases.len();
                cases.choose_forward(host, true, &lanes, config);
                cases.choose_direct(host, true, &lanes, config);
                cases.choose_tunnel(host, true, &lanes, config);
                if cases.cases.len() == before {
                    cases.add_unseen(host, &lanes, config);
                }
            }
        }
        cases
    }

    fn choose_forward(&mut self, host: HostKey, authorised: bool, lanes: Seen<'a, '_>, config: &Config) {
        let enough = enough(lanes, config);
        let convicted = |lane: &Lane| -> Vec<u16> {
            lane.services.values().filter(|s| is_convicted(s, authorised, enough)).map(|s| s.port).collect()
        };
        // Numbers of two sensors are not added: they may have seen the same connections.
        let best = lanes.iter().copied().max_by(|a, b| {
            let proven = |lane: &Lane| lane.services.values().any(|s| s.proven(authorised).is_some());
            let key = |lane: &Lane| (proven(lane), convicted(lane).len(), strongest(lane, authorised));
            let (x, y) = (key(a.1), key(b.1));
            (x.0, x.1).cmp(&(y.0, y.1)).then(x.2.total_cmp(&y.2)).then(b.0.cmp(&a.0))
        });
        let ports = best.map(|(_, lane)| convicted(lane)).unwrap_or_default();
        if !ports.is_empty() {
            self.add_case(host, Topology::Forward, authorised, lanes, best, ports);
            if let (Some((_, lane)), Some(case)) = (best, self.cases.last_mut()) {
                for judged in &mut case.services {
                    judged.exceeds_design = exceeds_design(lane, judged.port, authorised);
                }
            }
        }
    }

    /// Mail that the host sends by itself. Where it relays, only what no inbound leg can explain counts.
    fn choose_direct(&mut self, host: HostKey, authorised: bool, lanes: Seen<'a, '_>, config: &Config) {
        let enough = enough(lanes, config);
        let relays = lanes.iter().any(|(_, lane)| {
            let convicted = |s: &Tested| is_convicted(s, false, enough) || is_convicted(s, true, enough);
            lane.services.values().any(|service| convicted(service))
        });
        let stream = |lane: &'a Lane| -> Option<&'a Stream> {
            let spam = lane.spam[usize::from(authorised)].as_deref()?;
            let stream = if relays { &spam.alone } else { &spam.all };
            let strong = stream.largest.is_some_and(|log| log + SPAM_SHARE.ln() >= enough);
            (stream.caught.is_some() && strong).then_some(stream)
        };
        let caught = lanes.iter().copied().filter_map(|(sensor, lane)| Some((sensor, lane, stream(lane)?)));
        // Packets say what was delivered, message by message.
        let best = caught.max_by(|a, b| {
            let reads = |lane: &Lane| lane.contents().is_some_and(|contents| contents.seen);
            let log = |stream: &Stream| stream.largest.unwrap_or(f64::NEG_INFINITY);
            reads(a.1).cmp(&reads(b.1)).then(log(a.2).total_cmp(&log(b.2))).then(b.0.cmp(&a.0))
        });
        if let Some((sensor, lane, stream)) = best {
            self.add_case(host, Topology::Direct, authorised, lanes, Some((sensor, lane)), vec![0]);
            if let Some(case) = self.cases.last_mut() {
                case.spam = Some(stream);
                case.is_beside_a_relay = relays;
                case.is_served_elsewhere =
                    lane.services.is_empty() && lanes.iter().any(|(_, lane)| !lane.services.is_empty());
            }
        }
    }

    /// A tunnel that the packets show. Of several the strongest counts.
    fn choose_tunnel(&mut self, host: HostKey, authorised: bool, lanes: Seen<'a, '_>, config: &Config) {
        let enough = enough(lanes, config);
        let found = lanes.iter().flat_map(|&(sensor, lane)| {
            let convicted = lane.tunnels.convicted(enough).into_iter();
            let declared = move |far| config.covers_tunnel(host.addr(), far) == authorised;
            convicted.filter(move |(far, _)| declared(*far)).map(move |(far, candidate)| (sensor, lane, far, candidate))
        });
        let strength = |candidate: &Candidate| candidate.largest.unwrap_or(f64::NEG_INFINITY);
        let best = found.max_by(|a, b| strength(a.3).total_cmp(&strength(b.3)).then((b.0, b.2).cmp(&(a.0, a.2))));
        let Some((sensor, lane, far, candidate)) = best else { return };
        self.add_case(host, Topology::Backconnect, authorised, lanes, Some((sensor, lane)), vec![far.port]);
        if let Some(case) = self.cases.last_mut() {
            case.tunnel = Some(Dialled::Packets(far, candidate));
        }
    }

    /// A declared host that was not seen to relay: its zeros are told under the topology that its stanza names.
    fn add_unseen(&mut self, host: HostKey, lanes: Seen<'a, '_>, config: &Config) {
        let named = config.authorised.iter().find(|stanza| stanza.host.contains(host.addr()));
        let topology = named.and_then(|stanza| stanza.topology);
        let busiest = lanes.iter().copied().max_by(|a, b| a.1.last_seen().cmp(&b.1.last_seen()).then(b.0.cmp(&a.0)));
        self.add_case(host, topology.unwrap_or(Topology::Forward), true, lanes, busiest, Vec::new());
        if let (None, Some(case)) = (topology, self.cases.last_mut()) {
            case.topology = None;
        }
    }

    fn add_case(
        &mut self,
        host: HostKey,
        topology: Topology,
        authorised: bool,
        lanes: Seen<'a, '_>,
        lane: Option<(SensorId, &'a Lane)>,
        ports: Vec<u16>,
    ) {
        let number = self.cases.len();
        if let Some((sensor, _)) = lane {
            for (index, &port) in ports.iter().enumerate() {
                self.by_place.insert((host, sensor, topology, authorised, port), (number, index));
            }
        }
        self.cases.push(Case {
            host,
            topology: Some(topology),
            authorised,
            divided: false,
            declared: self.declares.iter().any(|net| net.contains(host.addr())),
            public: lanes.iter().flat_map(|(_, lane)| &lane.public).copied().collect(),
            lane,
            sensors: lanes.len(),
            is_served_elsewhere: false,
            hides_ports: false,
            is_beside_a_relay: false,
            services: ports.into_iter().map(Judged::at).collect(),
            delivered_from: mail::threshold(
                lane.map_or(&BTreeMap::new(), |(_, lane)| &lane.tally.smtp_sizes),
                self.mail,
            ),
            spam: None,
            tunnel: None,
            asked: Asked::default(),
        });
    }

    /// Takes a host that dialled out a tunnel. Where that `carries_mail`, most of the host's, and nobody has declared it, the
    /// mail is no spam of the host's own.
    pub(crate) fn add_tunnel(
        &mut self,
        (host, sensor): (HostKey, SensorId),
        lanes: &'a [Lanes],
        tunnel: Tunnel,
        (authorised, carries_mail): (bool, bool),
    ) {
        let seen: Vec<_> = lanes_of(lanes, host).collect();
        let lane = seen.iter().copied().find(|&(own, _)| own == sensor);
        let port = tunnel.far.port;
        self.add_case(host, Topology::Backconnect, authorised, &seen, lane, vec![port]);
        if let Some(case) = self.cases.last_mut() {
            case.tunnel = Some(Dialled::Totals(tunnel));
        }
        if carries_mail && !authorised {
            self.acquit_of_mail(host);
        }
        // A declared host that was seen to do something needs no line of zeros.
        self.retain(|case| !authorised || case.host != host || !case.services.is_empty());
    }

    /// Most of a host's mail came down a tunnel that nobody has declared: it is no spam of the host's own.
    pub(crate) fn acquit_of_mail(&mut self, host: HostKey) {
        self.retain(|case| case.host != host || case.spam.is_none() || case.authorised);
    }

    /// Whether one of the host's services is convicted, of what is declared or not.
    pub(crate) fn of_host(&self, host: HostKey) -> impl Iterator<Item = &Case<'a>> {
        self.cases.iter().filter(move |case| case.host == host)
    }

    /// Tells each case the timers of the device that saw it.
    pub(crate) fn tell_timers(&mut self, clocks: &Clocks) {
        for case in &mut self.cases {
            let timers = case.lane.map(|(sensor, _)| clocks.of(sensor)).unwrap_or_default();
            case.services.iter_mut().for_each(|service| service.sums.timers = timers);
        }
    }

    /// The case and service that a pair belongs to, if it belongs to any.
    #[must_use]
    pub(crate) fn of(&self, pair: &LegPair) -> Option<(usize, usize)> {
        let place = self.by_place.get(&(pair.host, pair.sensor, pair.topology, pair.authorised, pair.port)).copied()?;
        let case = self.cases.get(place.0)?;
        let far = case.tunnel.as_ref().map(Dialled::far);
        let service = case.lane.and_then(|(_, lane)| lane.services.get(&pair.port));
        // Beside mail that it stores, which is all that is known of it, whatever else it calls is its own.
        let is_its_own = || {
            pair.topology == Topology::Forward
                && !pair.outbound.smtp
                && service.is_some_and(|service| service.carries_only_mail(pair.authorised))
        };
        (far.is_none_or(|far| far == pair.inbound.peer) && !is_its_own()).then_some(place)
    }

    /// Adds a pair to the sums of the case it belongs to.
    pub(crate) fn add(&mut self, pair: &LegPair, days: &mut Days) {
        if let Some((case, service)) = self.of(pair) {
            let case = &mut self.cases[case];
            case.services[service].sums.add(pair, case.delivered_from.bytes, days);
        }
    }

    /// Adds an SMTP connection to the sums of the host that sends by itself.
    pub(crate) fn add_mail(&mut self, (host, sensor): (HostKey, SensorId), leg: &Leg, declared: bool, days: &mut Days) {
        if let Some(&(case, service)) = self.by_place.get(&(host, sensor, Topology::Direct, declared, 0)) {
            let case = &mut self.cases[case];
            case.services[service].sums.add_mail(leg, case.delivered_from.bytes, days);
        }
    }

    /// Takes out the services that carry DNS on to DNS, and nothing else but by chance; and the cases that are left without any. Gives
    /// back the hosts and ports.
    pub(crate) fn take_dns(&mut self) -> Vec<(HostKey, u16)> {
        let mut forwarders = Vec::new();
        let is_dns = |port: u16| DNS.contains(&port);
        for case in self.cases.iter_mut().filter(|case| case.topology == Some(Topology::Forward)) {
            let (host, lane, authorised) = (case.host, case.lane, case.authorised);
            case.services.retain(|judged| {
                let service = lane.and_then(|(_, lane)| lane.services.get(&judged.port));
                let is_proven = service.is_some_and(|service| service.proven(authorised).is_some());
                let dns =
                    is_dns(judged.port) && !is_proven && !judged.exceeds_design && judged.sums.mostly_goes(is_dns);
                if dns {
                    forwarders.push((host, judged.port));
                }
                !dns
            });
        }
        self.retain(|case| case.authorised || !case.services.is_empty());
        forwarders
    }

    /// Tells each case whether it has the host and the topology of another.
    pub(crate) fn tell_divided(&mut self) {
        let side = |case: &Case<'_>, authorised: bool| (case.host, case.told_topology(), authorised);
        let sides: BTreeSet<_> = self.cases.iter().map(|case| side(case, case.authorised)).collect();
        for case in &mut self.cases {
            case.divided = sides.contains(&side(case, !case.authorised));
        }
    }

    fn retain(&mut self, keep: impl Fn(&Case<'_>) -> bool) {
        let left: Vec<bool> = self.cases.iter().map(keep).collect();
        let mut number = BTreeMap::new();
        for (old, _) in left.iter().enumerate().filter(|(_, left)| **left) {
            number.insert(old, number.len());
        }
        let mut left = left.into_iter();
        self.cases.retain(|_| left.next().unwrap_or(true));
        let cases = &self.cases;
        self.by_place.retain(|&(_, _, _, _, port), at| {
            let Some(&new) = number.get(&at.0) else { return false };
            let Some(index) = cases[new].services.iter().position(|s| s.port == port) else { return false };
            *at = (new, index);
            true
        });
    }
}

fn hosts<'a>(shards: &'a [Lanes], config: &Config) -> BTreeMap<HostKey, Vec<(SensorId, &'a Lane)>> {
    let mut hosts: BTreeMap<HostKey, Vec<(SensorId, &Lane)>> = BTreeMap::new();
    for (host, sensor, lane) in shards.iter().flat_map(|shard| &shard.lanes) {
        hosts.entry(*host).or_default().push((*sensor, lane));
    }
    for stanza in config.authorised.iter().filter(|stanza| stanza.host.is_single()) {
        hosts.entry(HostKey::Address(stanza.host.addr())).or_default();
    }
    hosts
}

/// What each sensor saw of a host.
fn lanes_of(shards: &[Lanes], host: HostKey) -> impl Iterator<Item = (SensorId, &Lane)> {
    let lanes = shards.iter().flat_map(|shard| &shard.lanes);
    lanes.filter(move |(own, _, _)| *own == host).map(|(_, sensor, lane)| (*sensor, &**lane))
}

/// The natural logarithm that a ratio must reach: each sensor is a trial of its own.
fn enough(lanes: Seen<'_, '_>, config: &Config) -> f64 {
    -config.alpha.ln() + (lanes.len().max(1) as f64).ln()
}

fn is_convicted(service: &Tested, authorised: bool, enough: f64) -> bool {
    let proven = service.proven(authorised).is_some();
    proven || service.weighed(authorised).any(|(tests, log)| tests.conviction.is_some() && log >= enough)
}

/// Whether a convicted service's evidence is enough without what its design explains.
fn exceeds_design(lane: &Lane, port: u16, authorised: bool) -> bool {
    let explains = DNS.contains(&port) || is_mail_servers(lane, port);
    lane.services.get(&port).is_some_and(|service| service.exceeds_design(authorised, explains))
}

/// Natural logarithm of the strongest service's ratio, as it is weighed.
pub(super) fn strongest(lane: &Lane, authorised: bool) -> f64 {
    lane.services.values().flat_map(|s| s.weighed(authorised).map(|(_, log)| log)).fold(f64::NEG_INFINITY, f64::max)
}
