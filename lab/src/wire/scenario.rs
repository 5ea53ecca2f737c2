//! What is to be captured, who takes part, and what is true of them in the end.

use std::net::{IpAddr, SocketAddr};

use super::file::CaptureForm;
use super::forward::{Forward, Speech};
use super::innocent::{self, Habit, ROLES};
use super::mail::{self, Forwarder};
use super::net::{INSIDE_NETS, Net, Session, host};
use super::truth::{LegTruth, SessionTruth, WireBot, WireCounts, WireInnocent, WireRelay, WireTruth};
use super::tunnel::Tunnel;
use crate::rng::Rng;

/// 2026-11-23T07:00:00Z.
const BEGIN: u64 = 1_795_417_200_000_000;
const SECOND: u64 = 1_000_000;
/// Addresses that there is room for.
const MOST_HOSTS: u32 = 20_000;
/// Strangers that use one relay.
const CLIENTS: u64 = 15;

/// What a relay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireKind {
    /// SOCKS 4, 4a and 5.
    Socks,
    /// HTTP CONNECT.
    Connect,
    /// An HTTP proxy for GET.
    Web,
    /// A mail server on an odd port; `queues`: it sends on seconds later.
    Mail {
        /// Whether it queues.
        queues: bool,
    },
    /// It dials out to `198.18.0.0/16` and does what comes down the line.
    Backconnect,
}

/// A host that relays.
#[derive(Clone, Debug)]
pub struct WireRelaySpec {
    /// What it speaks.
    pub kind: WireKind,
    /// The port that it listens on (none where it dials out).
    pub port: u16,
    /// Sessions a minute.
    pub per_minute: u64,
    /// Whether it goes out by IPv6, while clients come by IPv4.
    pub out_v6: bool,
    /// Whether its sessions go on through the relay that is listed next.
    pub chained: bool,
    /// Whether it is meant to be one.
    pub authorised: bool,
}

impl WireRelaySpec {
    /// A relay on `port` that nobody has declared.
    #[must_use]
    pub fn new(kind: WireKind, port: u16, per_minute: u64) -> Self {
        Self { kind, port, per_minute, out_v6: false, chained: false, authorised: false }
    }
}

/// A capture to make. Equal scenarios make equal bytes.
#[derive(Clone, Debug)]
pub struct WireScenario {
    /// Its name.
    pub name: String,
    /// Where all chance comes from.
    pub seed: u64,
    /// How long new connections come.
    pub seconds: u64,
    /// Nothing new comes when the file has so many bytes.
    pub size: Option<u64>,
    /// No answer of a server is longer, but for what is long by nature (video, downloads).
    pub longest: u64,
    /// Innocent hosts, who take the roles in turn.
    pub hosts: u32,
    /// How busy the innocent are, in percent.
    pub pace: u64,
    /// The relays.
    pub relays: Vec<WireRelaySpec>,
    /// Hosts that send spam by themselves.
    pub bots: u32,
    /// Whether hosts are in VLANs, whose tags the sensor sees.
    pub vlans: bool,
    /// What the file looks like.
    pub form: CaptureForm,
}

impl WireScenario {
    /// The capture in `examples/`.
    #[must_use]
    pub fn example() -> Self {
        Self {
            name: "case-wire".to_owned(),
            seed: 2026,
            seconds: 120,
            size: None,
            longest: 1_500,
            hosts: 6,
            pace: 6,
            relays: vec![WireRelaySpec::new(WireKind::Socks, 1182, 14)],
            bots: 1,
            vlans: false,
            form: CaptureForm::Pcap,
        }
    }

    /// A campus for ten minutes: every kind of relay, two bots, `hosts` others.
    #[must_use]
    pub fn campus(seed: u64, hosts: u32) -> Self {
        let relay = WireRelaySpec::new;
        Self {
            name: "campus".to_owned(),
            seed,
            seconds: 600,
            size: None,
            longest: u64::MAX,
            hosts,
            pace: 100,
            relays: vec![
                relay(WireKind::Socks, 1182, 30),
                relay(WireKind::Connect, 8085, 20),
                relay(WireKind::Web, 3128, 10),
                relay(WireKind::Mail { queues: false }, 8025, 10),
                relay(WireKind::Mail { queues: true }, 2525, 10),
                relay(WireKind::Backconnect, 0, 25),
                WireRelaySpec { authorised: true, ..relay(WireKind::Mail { queues: false }, 25, 10) },
            ],
            bots: 2,
            vlans: false,
            form: CaptureForm::Pcap,
        }
    }

    /// The same with relays that are harder to see through: one that goes out by IPv6, and a chain of two.
    #[must_use]
    pub fn devious(seed: u64, hosts: u32) -> Self {
        let relay = WireRelaySpec::new;
        Self {
            name: "devious".to_owned(),
            relays: vec![
                WireRelaySpec { out_v6: true, ..relay(WireKind::Socks, 1080, 20) },
                WireRelaySpec { chained: true, ..relay(WireKind::Socks, 4145, 20) },
                relay(WireKind::Socks, 9050, 5),
            ],
            ..Self::campus(seed, hosts)
        }
    }

    /// The first microsecond.
    pub(super) fn begin(&self) -> u64 {
        BEGIN
    }

    /// When nothing new comes any more.
    pub(super) fn end(&self) -> u64 {
        BEGIN + self.seconds * SECOND
    }

    /// Who takes part: relays first, then bots, then the innocent.
    pub(super) fn cast(&self) -> Result<Cast<'_>, String> {
        let all = self.hosts + self.bots + self.relays.len() as u32;
        if self.hosts == 0 || all > MOST_HOSTS {
            return Err(format!("hosts: 1 to {MOST_HOSTS} in all, not {all}"));
        }
        if self.seconds == 0 || self.pace == 0 || self.relays.iter().any(|relay| relay.per_minute == 0) {
            return Err("nothing would happen: seconds, pace and sessions a minute are at least 1".to_owned());
        }
        let mut pairs = self.relays.iter().zip(self.relays.iter().skip(1).map(Some).chain([None]));
        if pairs.any(|(relay, next)| relay.chained && next.is_none_or(|next| next.kind != WireKind::Socks)) {
            return Err("a chain goes on through the next relay, which has to speak SOCKS".to_owned());
        }
        let mut cast = Cast { scenario: self, actors: Vec::new(), innocents: Vec::new() };
        (0..self.relays.len()).for_each(|number| cast.relay(number));
        for bot in 0..self.bots {
            let at = host(self.relays.len() as u32 + bot);
            cast.add(3 * SECOND, move |net, rng, now| mail::spam(net, rng, at, now));
        }
        for number in 0..self.hosts {
            cast.innocent(self.relays.len() as u32 + self.bots + number, number as usize);
        }
        Ok(cast)
    }
}

type Act<'a> = Box<dyn FnMut(&mut Net, &mut Rng, u64) + 'a>;

/// Somebody, or something that somebody does.
pub(super) struct Actor<'a> {
    pub(super) first: u64,
    /// Microseconds between two acts, on average; `None`: it acts once.
    gap: Option<u64>,
    rng: Rng,
    act: Act<'a>,
}

impl Actor<'_> {
    /// Acts; says when again.
    pub(super) fn act(&mut self, net: &mut Net, now: u64) -> Option<u64> {
        (self.act)(net, &mut self.rng, now);
        self.gap.map(|gap| now + 1 + self.rng.gap(gap))
    }
}

/// Everybody.
pub(super) struct Cast<'a> {
    scenario: &'a WireScenario,
    pub(super) actors: Vec<Actor<'a>>,
    innocents: Vec<WireInnocent>,
}

impl<'a> Cast<'a> {
    fn add(&mut self, gap: u64, act: impl FnMut(&mut Net, &mut Rng, u64) + 'a) {
        let mut rng = Rng::new(self.scenario.seed, 1 + self.actors.len() as u64);
        let first = BEGIN + rng.gap(gap).min(2 * gap);
        self.actors.push(Actor { first, gap: Some(gap), rng, act: Box::new(act) });
    }

    fn relay(&mut self, number: usize) {
        let spec = &self.scenario.relays[number];
        let (host, port, clients) = (host(number as u32), spec.port, CLIENTS);
        let gap = 60 * SECOND / spec.per_minute;
        match spec.kind {
            WireKind::Socks | WireKind::Connect | WireKind::Web => {
                let forward = self.forward(number);
                self.add(gap, move |net, rng, now| forward.session(net, rng, now));
            }
            WireKind::Mail { queues } => {
                let forwarder = Forwarder { host, port, clients, queues };
                self.add(gap, move |net, rng, now| forwarder.session(net, rng, now));
            }
            WireKind::Backconnect => {
                let life = (self.scenario.seconds * SECOND).saturating_sub(4 * SECOND);
                self.add(SECOND, move |net, rng, now| {
                    let to = SocketAddr::new(net.server(7777, u64::from(number as u32), false), 443);
                    Tunnel { host, to, life, gap }.dial(net, rng, now);
                });
                if let Some(actor) = self.actors.last_mut() {
                    actor.gap = None;
                }
            }
        }
    }

    fn forward(&self, number: usize) -> Forward {
        let spec = &self.scenario.relays[number];
        let speech = match spec.kind {
            WireKind::Connect => Speech::Connect,
            WireKind::Web => Speech::Web,
            _ => Speech::Socks,
        };
        Forward {
            speech,
            host: host(number as u32),
            port: spec.port,
            clients: CLIENTS,
            out_v6: spec.out_v6,
            next: spec.chained.then(|| Box::new(self.forward(number + 1))),
        }
    }

    /// A host that browses, sets its clock, and has a role.
    fn innocent(&mut self, number: u32, role: usize) {
        let (host, (name, habit, seconds)) = (host(number), ROLES[role % ROLES.len()]);
        let often = |seconds: u64, pace: u64| seconds * SECOND * 100 / pace;
        let (pace, scene) = (self.scenario.pace, self.scenario.seconds);
        let mut add = |habit: Habit, gap: u64| self.add(gap, move |net, rng, now| habit(net, rng, host, now));
        add(innocent::browse, often(15, pace));
        add(innocent::clock, often(64, 100));
        // Nobody is there for nothing: whatever the pace, a role is seen some times.
        add(habit, often(seconds, pace).min(scene * SECOND / 4));
        self.innocents
            .push(WireInnocent { ip: host.to_string(), does: vec!["web browsing, DNS, NTP".into(), name.into()] });
    }

    /// What is true, now that all is over.
    pub(super) fn truth(&self, scenario: &WireScenario, net: &Net, expected: WireCounts, last: u64) -> WireTruth {
        let sessions: Vec<SessionTruth> = net.sessions.iter().map(|session| told(session, net)).collect();
        let relays = scenario.relays.iter().enumerate().map(|(number, spec)| {
            let tunnels = net.tunnels.iter().filter(|(at, _)| *at == host(number as u32));
            relay_truth(
                host(number as u32),
                spec,
                &sessions,
                tunnels.filter_map(|(_, leg)| net.legs.get(leg)).cloned().collect(),
            )
        });
        let first = scenario.relays.len() as u32;
        let bots = (first..first + scenario.bots).map(|bot| WireBot::of(&host(bot).to_string(), &sessions));
        WireTruth {
            scenario: scenario.name.clone(),
            seed: scenario.seed,
            start: scenario.begin() as f64 / 1e6,
            end: last as f64 / 1e6,
            inside_net: INSIDE_NETS.to_owned(),
            relays: relays.collect(),
            bots: bots.collect(),
            innocents: self.innocents.clone(),
            expected,
            sessions,
        }
    }
}

fn told(session: &Session, net: &Net) -> SessionTruth {
    let legs = |numbers: &[u32]| numbers.iter().filter_map(|number| net.legs.get(number).cloned()).collect();
    SessionTruth {
        component: session.component.to_owned(),
        relay: session.relay.map(|(host, _)| host.to_string()),
        bot: session.relay.is_none().then(|| session.by.to_string()),
        relay_port: session.relay.map(|(_, port)| port).filter(|port| *port > 0),
        client: session.by.to_string(),
        server: session.servers.iter().map(|end| end.ip().to_string()).collect(),
        server_port: session.servers.first().map_or(0, SocketAddr::port),
        proto: session.proto.to_owned(),
        outcome: session.outcome.to_owned(),
        delivered: session.delivered,
        token: None,
        in_legs: legs(&session.ins),
        out_legs: legs(&session.outs),
    }
}

fn relay_truth(host: IpAddr, spec: &WireRelaySpec, sessions: &[SessionTruth], tunnels: Vec<LegTruth>) -> WireRelay {
    let topology = match spec.kind {
        WireKind::Socks => "inbound-socks",
        WireKind::Connect => "inbound-http-connect",
        WireKind::Web => "web-proxy",
        WireKind::Mail { .. } => "smtp-odd-port",
        WireKind::Backconnect => "backconnect",
    };
    let ports = if spec.kind == WireKind::Backconnect { Vec::new() } else { vec![spec.port] };
    WireRelay { authorised: spec.authorised, ..WireRelay::of(&host.to_string(), ports, topology, sessions, tunnels) }
}
