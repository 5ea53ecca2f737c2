//! What the first lines of a log show of a map that reads them and is wrong all the same: ends that are swapped, times and
//! numbers in another unit. Said only where nine of ten connections show it.

use std::collections::BTreeMap;

use super::field::Field;
use super::line::Line;
use super::map::Map;
use super::time::Unit;
use super::{Reader, is_about};
use crate::{Block, ByteKind, Nanos, Place, Proto};

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
const DAY: i64 = 86_400 * Nanos::SECOND;

/// What a line says of a connection, before anything is made of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    pub(super) proto: Proto,
    pub(super) ports: [u16; 2],
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
    let doubts = [ends(map, &all), times(map, &all), order(map, &all), unit(map, &all), packets(map, &all)];
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
    let name = |unit| Unit::ALL.iter().find(|(own, _)| *own == unit).map_or("", |(_, name)| name);
    let now = name(map.unit);
    // Where the stamps say it, too.
    let spans = all.iter().filter_map(|one| Some((one.lasted?, one.ended?.since(one.begun?))));
    let spans: Vec<_> = spans.filter(|(lasted, span)| *lasted > 0 && *span >= 2 * Nanos::SECOND).collect();
    let by = |power: i32| {
        let is_off =
            |(lasted, span): &&(i64, i64)| ((*lasted as f64 / *span as f64).log10() - f64::from(power)).abs() < 0.5;
        spans.iter().filter(is_off).count()
    };
    if let Some(power) = [3, 6, 9, -3, -6, -9].into_iter().find(|power| is_clear(by(*power), spans.len())) {
        let right =
            Unit::ALL.iter().find(|(unit, _)| map.unit.nanos().ilog10() as i32 - power == unit.nanos().ilog10() as i32);
        let fits = right.map_or(String::new(), |(_, name)| format!("; unit = {name:?} would fit"));
        return Some(format!(
            "durations are some 10^{power} times what lies between ts and end: see unit (now {now:?}){fits}"
        ));
    }
    let mut lasted: Vec<i64> = all.iter().filter_map(|one| one.lasted).filter(|lasted| *lasted > 0).collect();
    lasted.sort_unstable();
    if lasted.len() >= LEAST && lasted[lasted.len() / 2] > DAY {
        return Some(format!("half of {} connections last longer than a day: see unit (now {now:?})", lasted.len()));
    }
    let carried = all.iter().filter_map(|one| {
        let bytes: u64 = one.bytes.iter().flatten().fold(0, |sum, bytes| sum.saturating_add(*bytes));
        Some((u128::from(bytes), u128::try_from(one.lasted?).ok()?))
            .filter(|(bytes, lasted)| *bytes >= 1000 && *lasted > 0)
    });
    let carried: Vec<_> = carried.collect();
    let too_fast = |(bytes, lasted): &&(u128, u128)| bytes * Nanos::SECOND as u128 > BYTES_A_SECOND * lasted;
    let fast = carried.iter().filter(too_fast).count();
    is_clear(fast, carried.len()).then(|| {
        format!(
            "{fast} of {} connections carry more than 100 Gbit/s: see unit (now {now:?}), and the columns of bytes",
            carried.len()
        )
    })
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
