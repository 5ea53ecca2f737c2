//! Whether the networks that the owner named are his, by what has an end in them.

use std::collections::BTreeMap;

use catspaw_relay::Network;

use super::build::MANY_LATE;
use crate::pipeline::{Gathered, Home, Misplaced, Proposal};

/// Of fewer records nothing is said.
const LEAST: u64 = 20;
/// Private addresses that were not named are worth a word where they have one record to so many of ours.
const A_PART: u64 = 20;

/// What looks wrong with `--home-net`: of what is taken for ours and is not the report says nothing else.
pub(super) fn doubts(home: &Home, gathered: &Gathered) -> Vec<String> {
    if home.nets.is_empty() {
        return Vec::new();
    }
    let mut misplaced = Misplaced::default();
    gathered.sensors().for_each(|sensor| misplaced.add_all(&sensor.misplaced));
    let ours: u64 = gathered.sensors().map(|sensor| sensor.inside).sum();
    let all = [within(&misplaced, ours), outside(&misplaced, ours)];
    // Where most records look wrong, each network of them would, too.
    let each = if all.iter().all(Option::is_none) { strangers(&misplaced) } else { Vec::new() };
    hardly_ours(home, gathered)
        .or_else(|| left_out(gathered))
        .into_iter()
        .chain(all.into_iter().flatten())
        .chain(each)
        .collect()
}

/// Both ends of most records are in them.
fn within(Misplaced { both, .. }: &Misplaced, ours: u64) -> Option<String> {
    (2 * both > ours && ours >= LEAST).then(|| {
        format!(
            "In {both} of {ours} records that have an end in --home-net both ends are in it, and one at least is public: what two of our own \
             hosts say to one another proves nothing, and no relay is found in it. Are networks of others among those that it names?"
        )
    })
}

/// Networks of which the records themselves say that they are outside.
fn strangers(Misplaced { public, .. }: &Misplaced) -> Vec<String> {
    let are_outside = public.iter().filter(|(_, (ends, outside))| *ends >= LEAST && 10 * outside >= 9 * ends);
    let told = are_outside.map(|(net, (ends, outside))| {
        format!(
            "Of {ends} ends in {net}, which --home-net names, {outside} are outside by the records themselves (interfaces, local_orig), and \
             the other end is inside: who comes from there is taken for one of ours, and no relay for him is found. Is it yours?"
        )
    });
    told.collect()
}

/// Private addresses are not in them, and talk to public ones that are.
fn outside(Misplaced { private, .. }: &Misplaced, ours: u64) -> Option<String> {
    let count: u64 = private.values().sum();
    (2 * count > ours && ours >= LEAST).then(|| {
        let ranges: BTreeMap<_, _> = private.iter().map(|(range, count)| (std::cmp::Reverse(*count), *range)).collect();
        format!(
            "In {count} of {ours} records that have an end in --home-net that end is public, and the other one private and not in it: hosts \
             inside are taken for strangers. Is --home-net {} meant?",
            listed(&ranges.into_values().collect::<Vec<_>>())
        )
    })
}

/// Whether hardly anything has an end in the networks that were named, or less than in others that look like ours and that none of
/// them is a part of: a firewall's log has the addresses inside of NAT.
fn hardly_ours(home: &Home, gathered: &Gathered) -> Option<String> {
    let records: u64 = gathered.sensors().map(|sensor| sensor.records).sum();
    let ours: u64 = gathered.sensors().map(|sensor| sensor.inside).sum();
    let Proposal { networks, explained: (explained, of) } = gathered.strangers.proposal()?;
    let is_apart =
        |other: &Network| !home.nets.iter().any(|net| net.contains(other.addr()) || other.contains(net.addr()));
    let is_other = explained > ours && networks.iter().all(is_apart);
    (!home.nets.is_empty() && (ours.saturating_mul(MANY_LATE) < records || is_other)).then(|| {
        format!(
            "Only {ours} of {records} records have an end in --home-net. Behind NAT a host has its address inside, not the public \
             one: is {}, which has an end of {explained} of the {of} others that tell of a connection, yours?",
            listed(&networks)
        )
    })
}

/// Hosts with private addresses that were not named are hardly anybody else's.
fn left_out(gathered: &Gathered) -> Option<String> {
    let ours: u64 = gathered.sensors().map(|sensor| sensor.inside).sum();
    let (networks, count) = gathered.strangers.private();
    (count >= LEAST && count.saturating_mul(A_PART) >= ours).then(|| {
        format!(
            "{count} records have no end in --home-net, and a private one in {}: hosts there were not looked at, and no relay among them \
             is found. Name their networks, too, if they are yours.",
            listed(&networks)
        )
    })
}

/// As `--home-net` takes them.
pub(super) fn listed(networks: &[Network]) -> String {
    networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
