//! In which unit durations are, by what they would be in that of the map.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::map::Map;
use super::super::time::Unit;
use super::{Figures, LEAST, goes_out, is_clear, reversed};
use crate::{ByteKind, Nanos, Proto};

/// No network carries as many bytes in a second.
const BYTES_A_SECOND: u128 = 12_500_000_000;
/// Few connections last as long: firewalls forget those that are idle after an hour.
const LONG: i64 = 7200 * Nanos::SECOND;
/// Between two networks nothing is asked, answered and closed in less.
const SHORT: i64 = Nanos::SECOND / 1000;
/// Of fewer addresses, in fewer networks, it is not known how far they are, nor what they are asked for.
const OUTSIDE: usize = 12;
const NETWORKS: usize = 3;
/// What half of the connections with many servers, and what nine in ten, exceed.
const NEAR: [i64; 2] = [5 * SHORT, 50 * SHORT];
/// What nine in ten, what half of them, and what one in ten do not all exceed.
const SLOW: [i64; 3] = [20 * Nanos::SECOND, 240 * Nanos::SECOND, 1200 * Nanos::SECOND];
/// Ports at which what is asked is soon answered: mail, names and pages. Elsewhere there are those that wait for news all day.
const SOON: [u16; 4] = [25, 53, 80, 443];
/// As much is more than the headers of a connection that is refused, or scanned for.
const MORE_THAN_HEADERS: u64 = 400;

/// The unit of durations, and of bytes.
pub(super) fn unit(map: &Map, all: &[Figures]) -> Option<String> {
    let now = called(map);
    by_stamps(map, all, now)
        .or_else(|| half_are_long(all, now))
        .or_else(|| unit_of_ends(map, all, now))
        .or_else(|| too_fast(all, now))
        .or_else(|| half_are_short(map, all, now))
        .or_else(|| unlike_visits(map, all, now))
}

/// What a map calls its unit.
pub(super) fn called(map: &Map) -> &'static str {
    Unit::ALL.iter().find(|(own, _)| *own == map.unit).map_or("", |(_, name)| name)
}

/// Where the stamps say it, too.
fn by_stamps(map: &Map, all: &[Figures], now: &str) -> Option<String> {
    let spans = all.iter().filter_map(|one| Some((one.lasted?, one.ended?.since(one.begun?))));
    let spans: Vec<_> = spans.filter(|(lasted, span)| *lasted > 0 && *span >= 2 * Nanos::SECOND).collect();
    let by = |power: i32| {
        let is_off =
            |(lasted, span): &&(i64, i64)| ((*lasted as f64 / *span as f64).log10() - f64::from(power)).abs() < 0.5;
        spans.iter().filter(is_off).count()
    };
    let power = [3, 6, 9, -3, -6, -9].into_iter().find(|power| is_clear(by(*power), spans.len()))?;
    let right =
        Unit::ALL.iter().find(|(unit, _)| map.unit.nanos().ilog10() as i32 - power == unit.nanos().ilog10() as i32);
    let fits = right.map_or(String::new(), |(_, name)| format!("; unit = {name:?} would fit"));
    Some(format!("durations are some 10^{power} times what lies between ts and end: see unit (now {now:?}){fits}"))
}

/// How long that of the middle is, of those that last at all; and how many they are.
fn median(lasted: impl Iterator<Item = i64>) -> Option<(i64, usize)> {
    let mut lasted: Vec<i64> = lasted.filter(|lasted| *lasted > 0).collect();
    lasted.sort_unstable();
    lasted.get(lasted.len() / 2).filter(|_| lasted.len() >= LEAST).map(|median| (*median, lasted.len()))
}

fn half_are_long(all: &[Figures], now: &str) -> Option<String> {
    let (_, count) = median(all.iter().filter_map(|one| one.lasted)).filter(|(median, _)| *median > LONG)?;
    Some(format!("half of {count} connections last longer than two hours: see unit (now {now:?})"))
}

fn half_are_short(map: &Map, all: &[Figures], now: &str) -> Option<String> {
    let asked = all.iter().filter(|one| is_asked_and_answered(map, one));
    let (_, count) = median(asked.filter_map(|one| one.lasted)).filter(|(median, _)| *median < SHORT)?;
    Some(format!(
        "half of {count} connections between a private and a public address last less than a millisecond: see unit (now {now:?})"
    ))
}

fn too_fast(all: &[Figures], now: &str) -> Option<String> {
    let carried = all.iter().filter_map(|one| {
        let bytes: u64 = one.bytes.iter().flatten().fold(0, |sum, bytes| sum.saturating_add(*bytes));
        Some((u128::from(bytes), u128::try_from(one.lasted?).ok()?))
            .filter(|(bytes, lasted)| *bytes >= 1000 && *lasted > 0)
    });
    let carried: Vec<_> = carried.collect();
    let is_too_fast = |(bytes, lasted): &&(u128, u128)| bytes * Nanos::SECOND as u128 > BYTES_A_SECOND * lasted;
    let fast = carried.iter().filter(is_too_fast).count();
    is_clear(fast, carried.len()).then(|| {
        format!(
            "{fast} of {} connections carry more than 100 Gbit/s: see unit (now {now:?}), and the columns of bytes",
            carried.len()
        )
    })
}

/// Whether it is a connection of TCP to another network that carried something each way. A total does not tell: a scan that nobody answers
/// has one, too.
fn is_asked_and_answered(map: &Map, one: &Figures) -> bool {
    let least = if matches!(map.counted, ByteKind::IpLevel | ByteKind::Frame) { MORE_THAN_HEADERS } else { 1 };
    let carried = |bytes: Option<u64>| bytes.is_some_and(|bytes| bytes >= least);
    one.proto == Proto::Tcp
        && one.bytes.iter().all(|bytes| carried(*bytes))
        && (goes_out(one.addrs) || goes_out(reversed(one.addrs)))
}

/// How long what is asked of many servers in several networks takes, in a unit that is a thousand times too small or too large: half of
/// them are not as near as that, nor is one in ten idle for so long where there are no short ones.
fn unlike_visits(map: &Map, all: &[Figures], now: &str) -> Option<String> {
    let visits: Vec<_> = all.iter().filter(|one| is_asked_and_answered(map, one)).collect();
    let soon: Vec<_> = visits.iter().copied().filter(|one| SOON.contains(&one.ports[1])).collect();
    let near = |(count, servers, [_, half, most]): (usize, usize, [i64; 3])| {
        (half < NEAR[0] && most < NEAR[1]).then(|| {
            format!(
                "half of {count} connections with {servers} addresses outside last less than 5 milliseconds, and nine in ten less than 50"
            )
        })
    };
    let slow = |(count, servers, [tenth, half, most]): (usize, usize, [i64; 3])| {
        (tenth > SLOW[0] && half > SLOW[1] && most > SLOW[2]).then(|| {
            format!(
                "of {count} connections with {servers} addresses outside nine in ten last longer than 20 seconds, half longer than 4 \
                 minutes, and one in ten longer than 20"
            )
        })
    };
    let said = tenths(&visits).and_then(near).or_else(|| tenths(&soon).and_then(slow))?;
    Some(format!("{said}: see unit (now {now:?})"))
}

/// How many there are, with how many addresses outside, and how long one in ten, half and nine in ten of them last at most; `None` where that
/// is too few to tell.
fn tenths(visits: &[&Figures]) -> Option<(usize, usize, [i64; 3])> {
    let outside = visits.iter().map(|one| if goes_out(one.addrs) { one.addrs[1] } else { one.addrs[0] });
    let outside: BTreeSet<IpAddr> = outside.collect();
    let networks: BTreeSet<_> = outside.iter().map(|addr| network(*addr)).collect();
    let mut lasted: Vec<i64> = visits.iter().filter_map(|one| one.lasted).filter(|lasted| *lasted > 0).collect();
    if outside.len() < OUTSIDE || networks.len() < NETWORKS || lasted.len() < LEAST {
        return None;
    }
    lasted.sort_unstable();
    Some((lasted.len(), outside.len(), [1, 5, 9].map(|tenths| lasted[lasted.len() * tenths / 10])))
}

/// Roughly whose an address is.
fn network(addr: IpAddr) -> [u8; 4] {
    match addr {
        IpAddr::V4(addr) => [addr.octets()[0], addr.octets()[1], 0, 0],
        IpAddr::V6(addr) => addr.octets().first_chunk().copied().unwrap_or_default(),
    }
}

/// The unit by which a log without ends is in their order, where it is in order by nothing else: neither by its own unit nor
/// by beginnings.
fn unit_of_ends(map: &Map, all: &[Figures], now: &str) -> Option<String> {
    let moments: Vec<(i64, i64)> = all
        .iter()
        .filter(|one| one.ended.is_none())
        .filter_map(|one| Some((one.begun?.0, one.lasted? / map.unit.nanos())))
        .collect();
    let in_order = |unit: i64| {
        let ends: Vec<i64> =
            moments.iter().map(|(begun, number)| begun.saturating_add(number.saturating_mul(unit))).collect();
        // A stamp may be of a whole second.
        ends.windows(2).filter(|pair| pair[1].saturating_sub(pair[0]) >= -Nanos::SECOND).count()
    };
    let pairs = moments.len().saturating_sub(1);
    let is_mixed = |unit: i64| in_order(unit) * 4 < pairs * 3;
    if !is_mixed(0) || !is_mixed(map.unit.nanos()) {
        return None;
    }
    let (_, name) = Unit::ALL.into_iter().find(|(unit, _)| is_clear(in_order(unit.nanos()), pairs))?;
    Some(format!(
        "the lines are in no order by unit = {now:?}, and in that in which connections end by another: see unit; unit = {name:?} would fit"
    ))
}
