//! Incidents that have one cause: the same clients use several of our hosts, their tunnels end at the same place, or the
//! same proxy answers at the same unusual port.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use super::cases::Cases;
use super::incident::Case;
use super::model::{Campaign, Shared, Tunnel};
use super::software;

/// As many clients two hosts have in common at least.
const CLIENTS: usize = 3;
/// And this part of the clients of the host that has fewer.
const PART: f64 = 0.1;
/// Ports that anybody's proxy or server has: they tie nobody together.
const USUAL: [u16; 12] = [22, 25, 80, 443, 465, 587, 1080, 3128, 8000, 8080, 8443, 8888];

/// One incident's marks.
struct Mark<'a> {
    id: String,
    clients: BTreeSet<IpAddr>,
    ports: BTreeSet<u16>,
    tunnel: Option<Tunnel>,
    software: Option<String>,
    case: &'a Case<'a>,
}

/// Groups the incidents that have one cause.
#[must_use]
pub(crate) fn find(cases: &Cases<'_>) -> Vec<Campaign> {
    let marks: Vec<Mark<'_>> =
        cases.cases.iter().filter(|case| !case.authorised && !case.services.is_empty()).map(Mark::of).collect();
    let mut group: Vec<usize> = (0..marks.len()).collect();
    for (a, b) in linked(&marks) {
        let (low, high) = (group[a].min(group[b]), group[a].max(group[b]));
        group.iter_mut().filter(|number| **number == high).for_each(|number| *number = low);
    }
    let mut groups: BTreeMap<usize, Vec<&Mark<'_>>> = BTreeMap::new();
    for (mark, &number) in marks.iter().zip(&group) {
        groups.entry(number).or_default().push(mark);
    }
    groups.into_values().filter(|members| members.len() > 1).map(|members| campaign(&members)).collect()
}

/// Pairs of incidents that something ties together.
fn linked(marks: &[Mark<'_>]) -> Vec<(usize, usize)> {
    let mut by_client: HashMap<IpAddr, Vec<usize>> = HashMap::new();
    for (number, mark) in marks.iter().enumerate() {
        for &client in &mark.clients {
            by_client.entry(client).or_default().push(number);
        }
    }
    let mut common: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for users in by_client.values() {
        // One client of very many hosts is counted with its neighbours only, which ties them all the same.
        for pair in users.windows(2) {
            *common.entry((pair[0], pair[1])).or_default() += 1;
        }
    }
    let enough = |&(a, b): &(usize, usize), n: usize| {
        let fewer = marks[a].clients.len().min(marks[b].clients.len());
        n >= CLIENTS && n as f64 >= PART * fewer as f64
    };
    let mut links: Vec<_> = common.into_iter().filter(|(pair, n)| enough(pair, *n)).map(|(pair, _)| pair).collect();
    let keys: Vec<_> = marks.iter().map(Mark::keys).collect();
    let mut last: HashMap<&Key, usize> = HashMap::new();
    for (number, own) in keys.iter().enumerate() {
        for key in own {
            links.extend(last.insert(key, number).map(|before| (before, number)));
        }
    }
    links
}

/// Something that two incidents of one cause have alike.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    /// The far end of a tunnel.
    Tunnel(String, u16),
    /// An unusual port, and what answers there.
    Port(u16, String),
}

impl<'a> Mark<'a> {
    fn of(case: &'a Case<'a>) -> Self {
        Self {
            id: case.id(),
            clients: case.services.iter().flat_map(|service| service.sums.clients.keys().copied()).collect(),
            ports: case.ports().collect(),
            tunnel: case.tunnel.as_ref().map(|tunnel| Tunnel::of(tunnel.far())),
            software: if case.has_service() { software::guess(case) } else { None },
            case,
        }
    }

    fn keys(&self) -> Vec<Key> {
        let tunnel = self.tunnel.iter().map(|tunnel| Key::Tunnel(tunnel.address.clone(), tunnel.port));
        let unusual = self.ports.iter().filter(|port| !USUAL.contains(port));
        let ports = self.software.iter().flat_map(|s| unusual.clone().map(|&port| Key::Port(port, s.clone())));
        tunnel.chain(ports).collect()
    }
}

fn campaign(members: &[&Mark<'_>]) -> Campaign {
    let mut users: HashMap<IpAddr, usize> = HashMap::new();
    members.iter().flat_map(|mark| &mark.clients).for_each(|&client| *users.entry(client).or_default() += 1);
    let shared = Shared {
        clients: users.values().filter(|&&hosts| hosts > 1).count() as u64,
        ports: members.iter().map(|mark| mark.ports.clone()).reduce(|a, b| &a & &b).into_iter().flatten().collect(),
        tunnel: alike(members, |mark| mark.tunnel.clone()),
        software: alike(members, |mark| mark.software.clone()),
    };
    Campaign { incidents: members.iter().map(|mark| mark.id.clone()).collect(), why: why(members, &shared), shared }
}

/// What all members have, if it is one and the same.
fn alike<T: PartialEq + Clone>(members: &[&Mark<'_>], of: impl Fn(&Mark<'_>) -> Option<T>) -> Option<T> {
    let first = of(members.first()?)?;
    members.iter().all(|mark| of(mark).as_ref() == Some(&first)).then_some(first)
}

fn why(members: &[&Mark<'_>], shared: &Shared) -> Vec<String> {
    let hosts: Vec<String> = members.iter().map(|mark| mark.case.host.addr().to_string()).collect();
    let mut why = vec![format!("{} seem to have one cause.", hosts.join(", "))];
    if shared.clients > 0 {
        why.push(format!("{} outside addresses used more than one of them.", shared.clients));
    }
    if !shared.ports.is_empty() {
        let ports: Vec<String> = shared.ports.iter().map(ToString::to_string).collect();
        why.push(format!("All of them relay through port {}.", ports.join(", ")));
    }
    if let Some(tunnel) = &shared.tunnel {
        why.push(format!("All of them hold a tunnel to {} port {}.", tunnel.address, tunnel.port));
    }
    if let Some(software) = &shared.software {
        why.push(format!("A guess: all of them add the bytes of {software}."));
    }
    why
}
