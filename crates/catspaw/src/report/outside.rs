//! Addresses that the owner names, and that are none of his hosts': those as which the outside sees one, behind NAT.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use catspaw_records::HostKey;
use catspaw_relay::{Config, Network};

use crate::pipeline::{Home, Lanes};

/// Hosts that a sentence names.
const NAMED: usize = 4;

/// What was seen of the network's addresses.
pub(super) struct Seen<'a> {
    pub(super) lanes: &'a [Lanes],
    pub(super) home: &'a Home,
}

impl Seen<'_> {
    /// Whether one of ours is in a network, as far as it is known what is ours.
    pub(super) fn is_ours(&self, net: &Network) -> bool {
        let named = self.home.nets.iter().any(|own| net.contains(own.addr()));
        named
            || self.home.is_inside(net.addr(), None)
            || self.lanes.iter().flat_map(|lanes| &lanes.inside).any(|addr| net.contains(*addr))
    }

    /// The hosts that the outside sees as an address in a network.
    fn behind(&self, net: &Network) -> BTreeSet<IpAddr> {
        let asked_for = self.lanes.iter().flat_map(|lanes| &lanes.seen_as);
        let asked_for = asked_for.filter(|(mapped, _)| net.contains(*mapped)).map(|(_, host)| *host);
        let hosts = self.lanes.iter().flat_map(|lanes| &lanes.lanes);
        let seen = hosts.filter(|(_, _, lane)| lane.public.iter().any(|addr| net.contains(*addr)));
        asked_for.chain(seen.map(|(host, ..)| host.addr())).collect()
    }

    /// Addresses that several hosts were seen as.
    pub(super) fn shared(&self) -> BTreeSet<IpAddr> {
        let mut behind: HashMap<IpAddr, HostKey> = HashMap::new();
        let lanes = self.lanes.iter().flat_map(|lanes| &lanes.lanes);
        let seen = lanes.flat_map(|(host, _, lane)| lane.public.iter().map(|addr| (*addr, *host)));
        seen.filter(|&(addr, host)| *behind.entry(addr).or_insert(host) != host).map(|(addr, _)| addr).collect()
    }

    /// What to say of a host that was asked for and is none of ours.
    pub(super) fn not_ours(&self, net: &Network) -> String {
        let host = shown(net);
        let behind = self.behind(net);
        let (is, takes) = match net.is_single() {
            true => ("is not one of the network's own addresses", "a host's address"),
            false => ("has none of the network's own addresses", "addresses of hosts as they are"),
        };
        let who = if behind.is_empty() {
            let of = if net.is_single() { host.clone() } else { "ADDRESS".to_owned() };
            format!(
                "Which host was seen as {} at a time says catspaw trace {of} --at TIME EVIDENCE; --host with that one's address looks at it.",
                if net.is_single() { &*host } else { "one of them" }
            )
        } else {
            let (were, them) = match behind.len() {
                1 => ("was", "that one".to_owned()),
                count if count <= NAMED => ("were", "them".to_owned()),
                _ => ("were", format!("the first {NAMED} of them")),
            };
            let named = first(&behind).join(",");
            format!("Seen outside as {host} {were} {}: --host {named} looks at {them}.", some(&behind))
        };
        format!("{host} {is} in this evidence: --host takes {takes} inside of NAT. {who}")
    }

    /// Stanzas that name an address as which the outside sees a host: they match nothing.
    pub(super) fn declared(&self, config: &Config) -> Vec<String> {
        let hosts = config.authorised.iter().map(|stanza| stanza.host).filter(|host| !self.is_ours(host));
        let hosts: BTreeSet<Network> = hosts.collect();
        let say = |net: &Network| {
            let behind = self.behind(net);
            (!behind.is_empty()).then(|| {
                format!(
                    "[[authorised]] host = \"{}\" matches nothing: it is an address outside, of {}. The host's own address, inside of NAT, \
                     is what declares it.",
                    shown(net),
                    some(&behind)
                )
            })
        };
        hosts.iter().filter_map(say).collect()
    }
}

/// A network of one address is that.
pub(super) fn shown(net: &Network) -> String {
    if net.is_single() { net.addr().to_string() } else { net.to_string() }
}

fn some(hosts: &BTreeSet<IpAddr>) -> String {
    let (named, more) = (first(hosts).join(", "), hosts.len().saturating_sub(NAMED));
    if more == 0 { named } else { format!("{named} and {more} more") }
}

fn first(hosts: &BTreeSet<IpAddr>) -> Vec<String> {
    hosts.iter().take(NAMED).map(ToString::to_string).collect()
}
