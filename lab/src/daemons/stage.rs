//! What a scenario is written with: hosts and what runs on them, outsiders, and who calls whom.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use super::net::{DARK, Host, NAME_SERVER, Net, READY};
use super::process::{Running, run};
use super::task::{Call, Job, MailManner, Program, Server, Service, Tasks, Way};
use crate::rng::{Rng, mix};
use crate::wire::Allowance;

/// Milliseconds that a client waits, unless it is told otherwise.
const PATIENCE: u64 = 12_000;
/// How many times as long whoever logs in waits.
const LOGIN: u64 = 3;
/// Milliseconds at the end in which nothing begins.
const REST: u64 = 4_000;
/// Moments of which one is taken for a session.
const TURNS: usize = 3;

/// A host that relays.
#[derive(Clone, Debug)]
pub(crate) struct Relay {
    pub(crate) host: Host,
    /// None where it dials out.
    pub(crate) ports: Vec<u16>,
    /// As in `truth.json`: `inbound-socks`, `inbound-http-connect`, `web-proxy`, `smtp-odd-port`, `backconnect`, or a new
    /// one for what is declared.
    pub(crate) topology: &'static str,
    pub(crate) software: &'static str,
    pub(crate) authorised: bool,
    pub(crate) allowance: Option<Allowance>,
    /// Where it dials out to.
    pub(crate) super_proxy: Option<SocketAddr>,
    /// It is one by its IPv6 address. A host that relays by both is two.
    pub(crate) six: bool,
}

impl Relay {
    /// One that nobody declared, and that outside clients call at `port`.
    pub(crate) fn at(host: &Host, port: u16, topology: &'static str, software: &'static str) -> Self {
        Self {
            host: host.clone(),
            ports: vec![port],
            topology,
            software,
            authorised: false,
            allowance: None,
            super_proxy: None,
            six: false,
        }
    }

    /// One that nobody calls: it dials out to `super_proxy`.
    pub(crate) fn dialling(host: &Host, super_proxy: SocketAddr, software: &'static str) -> Self {
        Self { ports: Vec::new(), super_proxy: Some(super_proxy), ..Self::at(host, 0, "backconnect", software) }
    }

    /// The address that a report should name.
    pub(crate) fn ip(&self) -> IpAddr {
        if self.six { self.host.v6.into() } else { self.host.v4.into() }
    }
}

/// A program that begins when everything is recorded, and ends before it is not.
#[derive(Clone, Debug)]
pub(super) struct Later {
    pub(super) host: Host,
    pub(super) words: Vec<String>,
    /// A namespace and a port at which somebody listens there as soon as the program does what it is to.
    pub(super) opens: (String, u16),
}

/// The number of a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RelayId(pub(crate) usize);

/// What one session is meant to be; what became of it stands in the events.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) component: &'static str,
    pub(crate) relay: Option<RelayId>,
    pub(crate) bot: Option<Ipv4Addr>,
    pub(crate) call: Call,
    /// Targets that nobody else calls: what the relay opens there is this session's, though no payload says so.
    pub(crate) soles: Vec<SocketAddr>,
}

/// Who is who, and what they are about to do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cast {
    pub(crate) relays: Vec<Relay>,
    pub(crate) bots: Vec<Host>,
    pub(crate) innocents: Vec<(Host, Vec<String>)>,
    /// Hosts of which the owner's table has both addresses.
    pub(crate) known: Vec<Host>,
    pub(crate) intents: Vec<Intent>,
}

/// Where a scenario is set.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) rng: Rng,
    /// Milliseconds in which calls begin.
    pub(crate) span: u64,
    /// Milliseconds that the part's clients wait.
    pub(crate) patience: u64,
    pub(super) net: Net,
    pub(super) work: PathBuf,
    pub(super) cast: Cast,
    pub(super) daemons: Vec<Running>,
    pub(super) later: Vec<Later>,
    /// What the lab's own programs do, by namespace.
    pub(super) tasks: BTreeMap<String, Tasks>,
    component: &'static str,
    seed: u64,
    addresses: BTreeSet<IpAddr>,
    /// Targets that one session alone may have, until it has.
    soles: BTreeSet<SocketAddr>,
    /// When the sessions of each relay begin.
    turns: BTreeMap<usize, Vec<u64>>,
}

impl Stage {
    pub(super) fn new(net: Net, work: PathBuf, seed: u64, seconds: u64) -> Self {
        let names = Server { at: SocketAddr::new(NAME_SERVER.into(), 53), service: Service::Names };
        let world = Tasks { servers: vec![names], seed, ..Tasks::default() };
        Self {
            rng: Rng::new(seed, 0x0064_6165),
            span: seconds * 1000,
            patience: PATIENCE,
            tasks: BTreeMap::from([(net.world(), world)]),
            net,
            work,
            cast: Cast::default(),
            daemons: Vec::new(),
            later: Vec::new(),
            component: "",
            seed,
            addresses: BTreeSet::from([NAME_SERVER.into()]),
            soles: BTreeSet::new(),
            turns: BTreeMap::new(),
        }
    }

    /// What follows belongs to this part.
    pub(super) fn part(&mut self, name: &'static str) {
        self.component = name;
        self.patience = PATIENCE;
        // A part does the same, whatever stands before it.
        self.rng = Rng::new(self.seed, name.bytes().fold(0, |sum, byte| mix(sum ^ u64::from(byte))));
    }

    /// One more host of ours.
    pub(crate) fn host(&mut self, name: &str) -> io::Result<Host> {
        let last = self.fresh(|rng| IpAddr::from([172, 28, 220, rng.range(2, 250) as u8]));
        let IpAddr::V4(v4) = last else { return Err(io::Error::other("no such address")) };
        self.net.host(name, v4.octets()[3])
    }

    /// A machine outside, for programs of the scenario's own.
    pub(crate) fn abroad(&mut self, name: &str) -> io::Result<Host> {
        let (v4, v6) = (self.far(), self.far6());
        let (IpAddr::V4(v4), IpAddr::V6(v6)) = (v4, v6) else { return Err(io::Error::other("no such address")) };
        Ok(Host { name: name.to_owned(), space: self.net.world(), v4, v6 })
    }

    /// Writes a file for a program of `host`, and gives its path.
    pub(crate) fn file(&self, host: &Host, name: &str, text: &str) -> io::Result<String> {
        let folder = self.folder(host)?;
        let path = PathBuf::from(folder).join(name);
        fs::write(&path, text)?;
        Ok(path.to_string_lossy().into_owned())
    }

    /// A folder that programs of `host` may write to, as whatever user they run.
    pub(crate) fn folder(&self, host: &Host) -> io::Result<String> {
        use std::os::unix::fs::PermissionsExt;

        let folder = self.work.join(&host.name);
        fs::create_dir_all(&folder)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o1777))?;
        Ok(folder.to_string_lossy().into_owned())
    }

    /// Runs a script to its end that needs no network.
    pub(crate) fn prepare(&self, script: &str) -> io::Result<()> {
        run("sh", &["-ec", script]).map(drop)
    }

    /// Runs a program on `host` to its end, before anything else happens there.
    pub(crate) fn set_up(&self, host: &Host, words: &[&str]) -> io::Result<()> {
        run("ip", &[&["netns", "exec", &host.space], words].concat()).map(drop)
    }

    /// Runs a program on `host`, in the foreground, and waits until it listens on TCP `port`, if it is to.
    pub(crate) fn daemon(&mut self, host: &Host, words: &[&str], port: Option<u16>) -> io::Result<()> {
        self.start(&host.space, &host.name, words, port)
    }

    /// A host behind another of ours, which forwards and translates for it.
    pub(crate) fn behind(&mut self, gateway: &Host, name: &str, number: u8) -> io::Result<Host> {
        self.net.behind(gateway, name, number)
    }

    /// Has `host` run a program once, for `patience` milliseconds at most. It must not fail.
    pub(crate) fn run(&mut self, at: u64, host: &Host, words: &[&str], patience: u64) {
        self.program(host, at, words, (patience, false));
    }

    /// The same of a program that goes on until it is told to end.
    pub(crate) fn keep(&mut self, at: u64, host: &Host, words: &[&str], patience: u64) {
        self.program(host, at, words, (patience, true));
    }

    fn program(&mut self, host: &Host, at: u64, words: &[&str], (patience, goes_on): (u64, bool)) {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        self.tasks_of(&host.space).programs.push(Program { at, words, patience, goes_on });
    }

    fn start(&mut self, space: &str, name: &str, words: &[&str], port: Option<u16>) -> io::Result<()> {
        let program = words.first().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
        let log = self.work.join(format!("{name}-{program}-{}.log", self.daemons.len()));
        let mut running = Running::start(space, program, words, &log, false)?;
        if let Some(port) = port {
            running.listens(port, READY)?;
        }
        self.daemons.push(running);
        Ok(())
    }

    /// Runs a program on `host` while everything is recorded, so that a tunnel's beginning and end are seen. Nobody calls
    /// before somebody listens on TCP `port` of the host `at`.
    pub(crate) fn later(&mut self, host: &Host, words: &[&str], (at, port): (&Host, u16)) {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        self.later.push(Later { host: host.clone(), words, opens: (at.space.clone(), port) });
    }

    /// One of the lab's own servers on `host`.
    pub(crate) fn listen(&mut self, host: &Host, port: u16, service: Service) {
        for address in [IpAddr::from(host.v4), host.v6.into()] {
            self.tasks_of(&host.space).servers.push(Server { at: SocketAddr::new(address, port), service });
        }
    }

    /// An outside address that nobody has yet, for a client.
    pub(crate) fn client(&mut self) -> IpAddr {
        self.fresh(|rng| Ipv4Addr::from(0xc613_0000 | rng.range(1, 0xfffe) as u32).into())
    }

    /// The same of IPv6.
    pub(crate) fn client6(&mut self) -> IpAddr {
        self.fresh(|rng| Ipv6Addr::new(0x2001, 0xdb8, 0xc, 0, 0, 0, 0, rng.range(1, 0xfffe) as u16).into())
    }

    /// A new outside server.
    pub(crate) fn server(&mut self, port: u16, service: Service) -> SocketAddr {
        let address = self.far();
        self.serve(SocketAddr::new(address, port), service)
    }

    /// The same of IPv6.
    pub(crate) fn server6(&mut self, port: u16, service: Service) -> SocketAddr {
        let address = self.far6();
        self.serve(SocketAddr::new(address, port), service)
    }

    /// A mail server that refuses all, says nothing, or resets: one session alone may call it.
    pub(crate) fn refuser(&mut self, manner: MailManner) -> SocketAddr {
        let at = self.server(25, Service::Mail(manner));
        self.soles.insert(at);
        at
    }

    /// A port that is closed (answered with a reset), for one session alone.
    pub(crate) fn closed(&mut self, port: u16) -> SocketAddr {
        let at = SocketAddr::new(self.far(), port);
        self.soles.insert(at);
        at
    }

    /// An address at which nobody answers, for one session alone.
    pub(crate) fn dark(&mut self, port: u16) -> SocketAddr {
        let [a, b, c] = DARK;
        let at = SocketAddr::new(self.fresh(|rng| IpAddr::from([a, b, c, rng.range(1, 254) as u8])), port);
        self.soles.insert(at);
        at
    }

    /// An outside address that nobody has, for a program that the scenario starts in the world itself.
    pub(crate) fn far(&mut self) -> IpAddr {
        self.fresh(|rng| IpAddr::from([198, 18, rng.range(1, 254) as u8, rng.range(1, 254) as u8]))
    }

    /// The same of IPv6.
    fn far6(&mut self) -> IpAddr {
        self.fresh(|rng| Ipv6Addr::new(0x2001, 0xdb8, 0x5, 0, 0, 0, 0, rng.range(1, 0xfffe) as u16).into())
    }

    /// A moment to begin something at, in milliseconds.
    pub(crate) fn moment(&mut self) -> u64 {
        self.rng.below(self.span - REST.min(self.span / 2))
    }

    /// A moment for one more session of a relay: of some, the one that is farthest from its others. What is asked of how soon a
    /// relay is found is asked of such as do not get many sessions at once.
    fn turn(&mut self, relay: RelayId) -> u64 {
        let drawn = [(); TURNS].map(|()| self.moment());
        let taken = self.turns.entry(relay.0).or_default();
        let apart = |at: &u64| taken.iter().map(|other| other.abs_diff(*at)).min();
        let turn = drawn.into_iter().max_by_key(apart).unwrap_or_default();
        taken.push(turn);
        turn
    }

    /// Declares a relay.
    pub(crate) fn relay(&mut self, relay: Relay) -> RelayId {
        self.cast.relays.push(relay);
        RelayId(self.cast.relays.len() - 1)
    }

    /// Declares an innocent host, and what it does. What looks most like a relay begins with `HARD: `.
    pub(crate) fn innocent(&mut self, host: &Host, does: &[&str]) {
        self.cast.innocents.push((host.clone(), does.iter().map(|does| (*does).to_owned()).collect()));
    }

    /// The owner's table has both addresses of this host.
    pub(crate) fn one_machine(&mut self, host: &Host) {
        self.cast.known.push(host.clone());
    }

    /// Declares a host that sends spam by itself.
    pub(crate) fn bot(&mut self, host: &Host) {
        self.cast.bots.push(host.clone());
    }

    /// An outside client does something through a relay.
    pub(crate) fn relayed(&mut self, relay: RelayId, from: IpAddr, way: Way, to: SocketAddr, job: Job) {
        let (at, world) = (self.turn(relay), self.net.world());
        let call = self.call(at, Some(from), way, to, job);
        self.intend(&world, Some(relay), None, call);
    }

    /// An outside client logs in at a relay's `port` with a key, and goes on.
    pub(crate) fn jumped(&mut self, relay: (RelayId, SocketAddr), from: IpAddr, key: &str, to: SocketAddr, job: Job) {
        let (at, world) = (self.turn(relay.0), self.net.world());
        let call = self.call(at, Some(from), Way::Jump(relay.1), to, job);
        // On a busy machine a login takes seconds, and who gave up before it was over has shown nobody a token.
        let patience = LOGIN * call.patience;
        self.intend(&world, Some(relay.0), None, Call { key: key.to_owned(), patience, ..call });
    }

    /// An outside client does something through the first of two relays, which asks the second.
    pub(crate) fn chained(&mut self, relays: [RelayId; 2], from: IpAddr, way: Way, to: SocketAddr, job: Job) {
        let (at, world) = (self.turn(relays[0]), self.net.world());
        let call = self.call(at, Some(from), way, to, job);
        self.intend(&world, Some(relays[0]), None, call.clone());
        let component = self.component;
        self.cast.intents.push(Intent { component, relay: Some(relays[1]), bot: None, call, soles: Vec::new() });
    }

    /// What hosts of ours say to one another is recorded too, as by a switch that mirrors its ports.
    pub(crate) fn mirror(&self) -> io::Result<()> {
        self.net.mirror()
    }

    /// An outside client hands mail to a relay at `port`, that is for others.
    pub(crate) fn handed(&mut self, (relay, port): (RelayId, u16), from: IpAddr, to: &[SocketAddr], job: Job) {
        let (at, world) = (self.turn(relay), self.net.world());
        let server = SocketAddr::new(self.cast.relays[relay.0].ip(), port);
        let call = self.call(at, Some(from), Way::Direct, server, job);
        let call = Call { domains: to.iter().map(SocketAddr::ip).collect(), ..call };
        self.intend(&world, Some(relay), None, call);
    }

    /// A bot does something.
    pub(crate) fn spam(&mut self, host: &Host, to: SocketAddr, job: Job) {
        let at = self.moment();
        let call = self.call(at, None, Way::Direct, to, job);
        self.intend(&host.space, None, Some(host.v4), call);
    }

    /// A host of ours does something for itself.
    pub(crate) fn own(&mut self, at: u64, host: &Host, to: SocketAddr, job: Job) {
        let call = self.call(at, None, Way::Direct, to, job);
        self.tasks_of(&host.space).calls.push(call);
    }

    /// A host of ours does something through a proxy.
    pub(crate) fn own_by(&mut self, at: u64, host: &Host, way: Way, to: SocketAddr, job: Job) {
        let call = self.call(at, None, way, to, job);
        self.tasks_of(&host.space).calls.push(call);
    }

    /// A host of ours does something for itself that `others` have to do with, too.
    pub(crate) fn own_with(&mut self, at: u64, host: &Host, to: SocketAddr, others: &[SocketAddr], job: Job) {
        let call = self.call(at, None, Way::Direct, to, job);
        let call = Call { domains: others.iter().map(SocketAddr::ip).collect(), ..call };
        self.tasks_of(&host.space).calls.push(call);
    }

    /// A host of ours hands mail that is for others to its mail server.
    pub(crate) fn own_mail(&mut self, at: u64, host: &Host, server: &Host, to: SocketAddr, job: Job) {
        self.own_with(at, host, SocketAddr::new(server.v4.into(), 25), &[to], job);
    }

    /// An outside client calls a host of ours.
    pub(crate) fn visit(&mut self, at: u64, from: IpAddr, host: &Host, port: u16, job: Job) {
        let to = if from.is_ipv4() { IpAddr::from(host.v4) } else { host.v6.into() };
        let (call, world) = (self.call(at, Some(from), Way::Direct, SocketAddr::new(to, port), job), self.net.world());
        self.tasks_of(&world).calls.push(call);
    }

    fn call(&mut self, at: u64, from: Option<IpAddr>, way: Way, to: SocketAddr, job: Job) -> Call {
        let token = format!("tk{:010x}", self.rng.next() >> 24);
        Call { at, from, way, to, job, domains: Vec::new(), token, patience: self.patience, key: String::new() }
    }

    fn intend(&mut self, space: &str, relay: Option<RelayId>, bot: Option<Ipv4Addr>, call: Call) {
        let handed_on = call.domains.iter().map(|server| SocketAddr::new(*server, 25));
        let targets = std::iter::once(call.to).chain(handed_on);
        let soles = targets.filter(|target| self.soles.remove(target)).collect();
        self.tasks_of(space).calls.push(call.clone());
        self.cast.intents.push(Intent { component: self.component, relay, bot, call, soles });
    }

    fn serve(&mut self, at: SocketAddr, service: Service) -> SocketAddr {
        let world = self.net.world();
        self.tasks_of(&world).servers.push(Server { at, service });
        at
    }

    fn tasks_of(&mut self, space: &str) -> &mut Tasks {
        let seed = self.seed;
        self.tasks.entry(space.to_owned()).or_insert_with(|| Tasks { seed, ..Tasks::default() })
    }

    /// An address that nobody has yet.
    fn fresh(&mut self, draw: impl Fn(&mut Rng) -> IpAddr) -> IpAddr {
        loop {
            let address = draw(&mut self.rng);
            if self.addresses.insert(address) {
                return address;
            }
        }
    }
}
