//! Records of which no end is ours, and which networks would explain them: whoever has named the wrong ones, or none, is to be told
//! which to try.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::LazyLock;

use catspaw_records::{Event, Record};
use catspaw_relay::Network;

use super::route::{PRIVATE, is_private};

/// Networks that are counted.
const NETWORKS: usize = 4096;
/// A network is proposed that has an end of so many in a hundred records, if there is one.
const MOST: u64 = 90;
/// Networks are proposed until they have an end of so many in a hundred records that say what is inside, but no more than some.
const NEARLY_ALL: u64 = 99;
const PROPOSED: usize = 8;
/// No organisation has a shorter prefix, of IPv4 and IPv6, or hardly any.
const WIDEST: (u8, u8) = (16, 32);

/// Records of connections without an end of ours.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strangers {
    /// How many.
    records: u64,
    /// How often each /24 and each /64 was an end.
    ends: BTreeMap<Network, u64>,
    /// How many have an end in each network that would be ours where nobody said what is: by an interface's name or a direction,
    /// or since it is private.
    inside: BTreeMap<Network, u64>,
}

/// What to try.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Proposal {
    pub(crate) networks: Vec<Network>,
    /// How many records have an end in them, and of how many.
    pub(crate) explained: (u64, u64),
}

/// The private range an address lies in; of a public one that a record marks as inside, its /24 or /64.
pub(crate) fn network_of(addr: IpAddr) -> Option<Network> {
    static RANGES: LazyLock<Vec<Network>> =
        LazyLock::new(|| PRIVATE.iter().filter_map(|net| Network::parse(net)).collect());
    let range = RANGES.iter().find(|net| net.contains(addr)).copied();
    range.or_else(|| Network::around(addr, 24, 64))
}

impl Strangers {
    /// Takes a record.
    pub(super) fn count(&mut self, record: &Record) {
        let (ends, inside) = match &record.event {
            Event::Opened(o) => ([o.orig.addr, o.resp.addr], o.inside),
            Event::Closed(c) => ([c.first.addr, c.second.addr], c.inside),
            Event::Whole(w) => ([w.orig.addr, w.resp.addr], w.inside),
            Event::Denied(_) | Event::Translation(_) | Event::Content(_) | Event::Burst(_) => return,
        };
        self.records += 1;
        let [first, second] = ends.map(|addr| Network::around(addr, 24, 64));
        for network in first.into_iter().chain(second.filter(|second| Some(*second) != first)) {
            add(&mut self.ends, network, 1);
        }
        let mut marked = ends.into_iter().zip([inside.orig, inside.resp]);
        let ours = marked.find(|&(addr, mark)| mark == Some(true) || is_private(addr));
        if let Some(network) = ours.and_then(|(addr, _)| network_of(addr)) {
            add(&mut self.inside, network, 1);
        }
    }

    /// Takes those of another part.
    pub(super) fn add_all(&mut self, other: &Self) {
        self.records += other.records;
        other.ends.iter().for_each(|(&network, &count)| add(&mut self.ends, network, count));
        other.inside.iter().for_each(|(&network, &count)| add(&mut self.inside, network, count));
    }

    /// The networks that are an end most often.
    pub(crate) fn busiest(&self) -> Vec<(Network, u64)> {
        sorted(&self.ends)
    }

    /// The private ranges among them that an owner may name, and how many records have an end there.
    pub(crate) fn private(&self) -> (Vec<Network>, u64) {
        // On a link, or within a machine, everybody has the same addresses.
        let is_local = |addr| match addr {
            IpAddr::V4(addr) => addr.is_link_local() || addr.is_loopback(),
            IpAddr::V6(addr) => addr.is_unicast_link_local() || addr.is_loopback(),
        };
        let may_be_named = |net: &Network| is_private(net.addr()) && !is_local(net.addr());
        let private: Vec<_> = sorted(&self.inside).into_iter().filter(|(net, _)| may_be_named(net)).collect();
        (private.iter().map(|(net, _)| *net).collect(), private.iter().map(|(_, count)| count).sum())
    }

    /// Which networks to name.
    pub(crate) fn proposal(&self) -> Option<Proposal> {
        let inside = sorted(&self.inside);
        let all: u64 = inside.iter().map(|(_, count)| count).sum();
        let (mut networks, mut explained) = (Vec::new(), 0);
        for (network, count) in inside.into_iter().take(PROPOSED) {
            if explained * 100 >= all * NEARLY_ALL {
                break;
            }
            networks.push(network);
            explained += count;
        }
        // What is seldom an end is not the network that is asked for.
        if networks.is_empty() || 2 * explained < self.records {
            let (network, count) = self.likeliest()?;
            (networks, explained) = (vec![network], count.min(self.records));
        }
        Some(Proposal { networks, explained: (explained, self.records) })
    }

    /// Of networks that have nearly all ends, the smallest: the other ends are scattered. Else the busiest.
    fn likeliest(&self) -> Option<(Network, u64)> {
        let bits = (WIDEST.0..=24).rev().zip((WIDEST.1..=64).rev().step_by(4));
        let mut wider = bits.filter_map(|(v4, v6)| {
            let mut ends = BTreeMap::new();
            for (network, count) in &self.ends {
                *ends.entry(Network::around(network.addr(), v4, v6)?).or_default() += count;
            }
            sorted(&ends).into_iter().next()
        });
        wider.find(|(_, count)| count * 100 >= self.records * MOST).or_else(|| self.busiest().into_iter().next())
    }
}

/// Counts a network, as long as there are not too many.
fn add(counts: &mut BTreeMap<Network, u64>, network: Network, count: u64) {
    if counts.len() < NETWORKS || counts.contains_key(&network) {
        *counts.entry(network).or_default() += count;
    }
}

/// The busiest first.
fn sorted(counts: &BTreeMap<Network, u64>) -> Vec<(Network, u64)> {
    let mut sorted: Vec<_> = counts.iter().map(|(&network, &count)| (network, count)).collect();
    sorted.sort_unstable_by_key(|&(network, count)| Reverse((count, network)));
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::parse(text).unwrap()
    }

    fn strangers(records: u64, ends: &[(&str, u64)], inside: &[(&str, u64)]) -> Strangers {
        let counts = |of: &[(&str, u64)]| of.iter().map(|&(net, count)| (network(net), count)).collect();
        Strangers { records, ends: counts(ends), inside: counts(inside) }
    }

    #[track_caller]
    fn assert_proposed(strangers: &Strangers, networks: &[&str], explained: u64) {
        let networks = networks.iter().map(|net| network(net)).collect();
        assert_eq!(strangers.proposal(), Some(Proposal { networks, explained: (explained, strangers.records) }));
    }

    #[test]
    fn what_records_mark_as_inside_comes_before_what_is_busiest() {
        let ends = [("172.28.1.0/24", 700), ("172.28.2.0/24", 290), ("198.51.100.0/24", 900)];
        assert_proposed(&strangers(1000, &ends, &[("172.16.0.0/12", 990)]), &["172.16.0.0/12"], 990);
        let both = [("172.16.0.0/12", 600), ("10.0.0.0/8", 390), ("127.0.0.0/8", 1)];
        assert_proposed(&strangers(1000, &ends, &both), &["172.16.0.0/12", "10.0.0.0/8"], 990);
    }

    #[test]
    fn a_network_that_has_nearly_all_ends_is_as_small_as_it_can_be() {
        let far = [("198.18.1.0/24", 400), ("198.51.100.0/24", 300), ("192.0.2.0/24", 300)];
        let near = |ends: &[(&'static str, u64)]| strangers(1000, &[ends, &far].concat(), &[]);
        assert_proposed(&near(&[("203.0.113.0/24", 950)]), &["203.0.113.0/24"], 950);
        assert_proposed(&near(&[("203.0.112.0/24", 500), ("203.0.113.0/24", 480)]), &["203.0.112.0/23"], 980);
        let scattered: Vec<(String, u64)> = (0..10).map(|n| (format!("203.{}.0.0/24", n * 9), 100)).collect();
        let scattered: Vec<(&str, u64)> = scattered.iter().map(|(net, count)| (net.as_str(), *count)).collect();
        assert_proposed(&strangers(1000, &[&scattered[..], &far].concat(), &[]), &["198.18.1.0/24"], 400);
        assert_eq!(Strangers::default().proposal(), None);
        let rarely = strangers(1000, &[("203.0.113.0/24", 995), ("192.168.7.0/24", 5)], &[("192.168.0.0/16", 5)]);
        assert_proposed(&rarely, &["203.0.113.0/24"], 995);
    }
}
