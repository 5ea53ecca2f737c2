//! What the first lines of a log show of a map that reads them and is wrong all the same: ends that are swapped, times and
//! numbers in another unit. Said only where nine of ten connections show it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::field::Field;
use super::line::Line;
use super::map::Map;
use super::time::Unit;
use super::{Reader, is_about};
use crate::{Block, ByteKind, Nanos, Place, Proto, is_private};

/// Of fewer connections nothing is said.
const LEAST: usize = 20;
/// Ports that are answered at, and that nobody calls from.
const SERVICES: [u16; 13] = [22, 23, 25, 53, 80, 110, 143, 443, 445, 587, 993, 995, 8080];
/// No network carries as many bytes in a second.
const BYTES_A_SECOND: u128 = 12_500_000_000;
/// No packet has fewer bytes on the IP level.
const HEADER: u64 = 20;
/// 1990: no log of connections is older.
const OLDEST: Nanos = Nanos(631_152_000 * Nanos::SECOND);
/// Few connections last as long: firewalls forget those that are idle after an hour.
const LONG: i64 = 7200 * Nanos::SECOND;
/// Between two networks nothing is asked, answered and closed in less.
const SHORT: i64 = Nanos::SECOND / 1000;

/// What a line says of a connection, before anything is made of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    pub(super) proto: Proto,
    pub(super) ports: [u16; 2],
    pub(super) addrs: [IpAddr; 2],
    /// Whether each end is inside, as far as zones and directions say.
    pub(super) inside: [Option<bool>; 2],
    /// Whether each has another address on the other side.
    pub(super) is_mapped: [bool; 2],
    pub(super) begun: Option<Nanos>,
    pub(super) ended: Option<Nanos>,
    pub(super) lasted: Option<i64>,
    /// By direction, or one total.
    pub(super) bytes: [Option<u64>; 2],
    pub(super) packets: [Option<u64>; 2],
}

/// What `reader`'s map seems to have wrong, by the lines at the front of its log: a sentence for each.
#[must_use]
pub fn doubts(reader: &Reader, head: &[u8]) -> Vec<String> {
    let map = &*reader.map;
    let mut line = Line::new(map);
    let columns = reader.columns.as_deref();
    let whole = memchr::memrchr(b'\n', head).map_or(head, |end| &head[..=end]);
    let lines =
        Block { bytes: whole, first: Place { file: 0, line: 1 } }.lines().filter(|(_, text)| !is_about(columns, text));
    let all: Vec<Figures> = lines
        .filter_map(|(_, text)| {
            line.read(columns, text).ok()?;
            line.figures(&mut reader.times.clone())
        })
        .collect();
    let doubts = [
        ends(map, &all),
        sides(map, &all),
        translated(map, &all),
        times(map, &all),
        order(map, &all),
        unit(map, &all),
        packets(map, &all),
    ];
    doubts.into_iter().flatten().collect()
}

/// Whether that is nearly all of them, and enough.
fn is_clear(some: usize, all: usize) -> bool {
    all >= LEAST && some * 10 >= all * 9
}

/// The columns of a field, for a sentence.
fn named(map: &Map, field: Field) -> String {
    let names = map.source(field).names.iter().map(|number| super::lack::shown(map.names().name(*number)));
    format!("{} (now {:?})", field.name(), names.collect::<Vec<_>>().join(", "))
}

fn ends(map: &Map, all: &[Figures]) -> Option<String> {
    let of_ports = all.iter().filter(|one| matches!(one.proto, Proto::Tcp | Proto::Udp)).map(|one| one.ports);
    let from = |[from, to]: [u16; 2]| SERVICES.contains(&from) && to >= 1024 && !SERVICES.contains(&to);
    let (mut swapped, mut straight) = (BTreeMap::<u16, usize>::new(), 0);
    for ports in of_ports {
        if from(ports) {
            *swapped.entry(ports[0]).or_default() += 1;
        } else if from([ports[1], ports[0]]) {
            straight += 1;
        }
    }
    let count = swapped.values().sum::<usize>();
    let (port, _) = swapped.iter().max_by_key(|(_, count)| **count)?;
    is_clear(count, count + straight).then(|| {
        format!(
            "{count} of {} connections come from a port that is answered at, such as {port}, and go to one that is not: the ends look \
             swapped; see {} and {}, and those of orig_h and resp_h",
            count + straight,
            named(map, Field::OrigP),
            named(map, Field::RespP)
        )
    })
}

/// Whether the first of two ends is private and the other public.
fn goes_out([from, to]: [IpAddr; 2]) -> bool {
    is_private(from) && !is_private(to)
}

fn reversed<T: Copy>([from, to]: [T; 2]) -> [T; 2] {
    [to, from]
}

/// Zones and directions against addresses: of two ends of which one is private that one is inside.
fn sides(map: &Map, all: &[Figures]) -> Option<String> {
    let marked: Vec<_> = all.iter().filter(|one| one.inside != [None; 2]).collect();
    let against = |one: &&&Figures| {
        let is_inside = match one.addrs {
            addrs if goes_out(addrs) => [true, false],
            addrs if goes_out(reversed(addrs)) => [false, true],
            _ => return false,
        };
        let mut sides = one.inside.into_iter().zip(is_inside);
        sides.all(|(said, is)| said != Some(is))
    };
    let count = marked.iter().filter(against).count();
    is_clear(count, marked.len()).then(|| {
        format!(
            "in {count} of {} connections the end that is inside by its zone or direction has a public address, and the other one a private \
             one: see the words of {}, and {} and {}",
            marked.len(),
            [Field::OrigZone, Field::RespZone, Field::Direction].map(Field::name).join(", "),
            named(map, Field::OrigH),
            named(map, Field::RespH)
        )
    })
}

/// Nobody reaches a private address from a public one but by its translation.
fn translated(map: &Map, all: &[Figures]) -> Option<String> {
    let mapped: Vec<_> = all.iter().filter(|one| one.is_mapped != [false; 2]).collect();
    let public = |one: &&&Figures| {
        one.is_mapped == [true, false] && goes_out(reversed(one.addrs))
            || one.is_mapped == [false, true] && goes_out(one.addrs)
    };
    let count = mapped.iter().filter(public).count();
    is_clear(count, mapped.len()).then(|| {
        format!(
            "in {count} of {} connections that are translated it is the end with a public address that is, and not the one with a private \
             one: see {} and {}, and those of mapped_orig_h and mapped_resp_h",
            mapped.len(),
            named(map, Field::OrigH),
            named(map, Field::RespH)
        )
    })
}

fn times(map: &Map, all: &[Figures]) -> Option<String> {
    let moments = || all.iter().filter_map(|one| one.begun.or(one.ended));
    let old = moments().filter(|at| *at < OLDEST).count();
    is_clear(old, moments().count()).then(|| format!("its times lie before 1990: see time (now {})", map.times))
}

fn order(map: &Map, all: &[Figures]) -> Option<String> {
    let both: Vec<i64> =
        all.iter().filter_map(|one| Some(one.ended?.since(one.begun?))).filter(|span| *span != 0).collect();
    let before = both.iter().filter(|span| **span < 0).count();
    is_clear(before, both.len()).then(|| {
        format!(
            "{before} of {} connections end before they begin: see {} and {}",
            both.len(),
            named(map, Field::Ts),
            named(map, Field::End)
        )
    })
}

/// The unit of durations, and of bytes.
fn unit(map: &Map, all: &[Figures]) -> Option<String> {
    let now = Unit::ALL.iter().find(|(own, _)| *own == map.unit).map_or("", |(_, name)| name);
    by_stamps(map, all, now)
        .or_else(|| half_are_long(all, now))
        .or_else(|| unit_of_ends(map, all, now))
        .or_else(|| too_fast(all, now))
        .or_else(|| half_are_short(all, now))
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

fn half_are_short(all: &[Figures], now: &str) -> Option<String> {
    let asked = all.iter().filter(|one| is_asked_and_answered(one));
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

/// Whether it is a connection of TCP to another network that carried something each way.
fn is_asked_and_answered(one: &Figures) -> bool {
    let carried = match one.bytes {
        [Some(from), Some(to)] => from.min(to) > 0,
        [total, _] => total.is_some_and(|total| total > 0),
    };
    one.proto == Proto::Tcp && carried && (goes_out(one.addrs) || goes_out(reversed(one.addrs)))
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

fn packets(map: &Map, all: &[Figures]) -> Option<String> {
    if !matches!(map.counted, ByteKind::IpLevel | ByteKind::Frame) {
        return None;
    }
    let sides = all.iter().flat_map(|one| one.bytes.into_iter().zip(one.packets));
    let counted: Vec<_> =
        sides.filter_map(|(bytes, packets)| Some((bytes?, packets?))).filter(|(_, packets)| *packets > 0).collect();
    let few = counted.iter().filter(|(bytes, packets)| *bytes < packets.saturating_mul(HEADER)).count();
    is_clear(few, counted.len()).then(|| {
        format!(
            "in {few} of {} counts there are fewer bytes than the headers of so many packets have: see {} and {}, the packets', and counted",
            counted.len(),
            named(map, Field::OrigBytes),
            named(map, Field::RespBytes)
        )
    })
}
