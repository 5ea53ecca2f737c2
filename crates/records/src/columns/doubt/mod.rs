//! What the first lines of a log show of a map that reads them and is wrong all the same: ends that are swapped, times and
//! numbers in another unit. Said only where nine of ten connections show it.

mod counts;
mod spans;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

use super::field::Field;
use super::line::Line;
use super::map::Map;
use super::{Reader, is_about};
use crate::{Block, Nanos, Place, Proto, is_private};

/// Of fewer connections nothing is said.
const LEAST: usize = 20;
/// Ports that are answered at, and that nobody calls from.
const SERVICES: [u16; 13] = [22, 23, 25, 53, 80, 110, 143, 443, 445, 587, 993, 995, 8080];
/// DNS.
const DOMAIN: u16 = 53;
/// As many private hosts are no name servers.
const RESOLVERS: usize = 10;
/// 1990: no log of connections is older.
const OLDEST: Nanos = Nanos(631_152_000 * Nanos::SECOND);
/// A clock, or its zone, may be off by as much.
const DAY: i64 = 86_400 * Nanos::SECOND;

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

/// What `reader`'s map seems to have wrong, by the lines at the front of its log, which were written before `now`: a sentence
/// for each.
#[must_use]
pub fn doubts(reader: &Reader, head: &[u8], now: Nanos) -> Vec<String> {
    let map = &*reader.map;
    let mut line = Line::new(map);
    let columns = reader.columns.as_deref();
    let whole = memchr::memrchr(b'\n', head).map_or(head, |end| &head[..=end]);
    let lines = Block::new(whole, Place { file: 0, line: 1 }).lines().filter(|(_, text)| !is_about(columns, text));
    let all: Vec<Figures> = lines
        .filter_map(|(_, text)| {
            line.read(columns, text).ok()?;
            line.figures(&mut reader.times.clone())
        })
        .collect();
    let doubts = [
        ends(map, &all),
        ways(&all),
        sides(map, &all),
        translated(map, &all),
        resolvers(map, &all),
        times(map, &all, now),
        order(map, &all),
        spans::unit(map, &all),
        counts::columns(map).or_else(|| counts::ports(map, &all)),
        counts::headers(map, &all),
        protocols(map, &all),
        counts::ids(map, &all),
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

/// What has ports is of a protocol that has a name.
fn protocols(map: &Map, all: &[Figures]) -> Option<String> {
    let unknown = all.iter().filter(|one| one.proto == Proto::Other(0) && one.ports.iter().all(|port| *port > 0));
    let count = unknown.count();
    is_clear(count, all.len()).then(|| {
        format!(
            "{count} of {} connections have ports, and a protocol of no name that is known (tcp, udp and icmp are, and numbers): see {}",
            all.len(),
            named(map, Field::Proto)
        )
    })
}

/// Flows of one direction each, as NetFlow has them: an answer looks like a connection the other way round. Half is enough, for
/// what was not answered has none.
fn ways(all: &[Figures]) -> Option<String> {
    let told: Vec<_> = all.iter().filter(|one| matches!(one.proto, Proto::Tcp | Proto::Udp)).map(five_tuple).collect();
    let known: HashSet<_> = told.iter().filter(|(_, [from, to])| from != to).copied().collect();
    let count = told.iter().filter(|(proto, ends)| known.contains(&(*proto, reversed(*ends)))).count();
    (told.len() >= LEAST && 2 * count >= told.len()).then(|| {
        format!(
            "{count} of {} connections are told once more the other way round: these are flows of one direction each, whose answers are \
             taken for connections; have both put together first, as nfdump -B does",
            told.len()
        )
    })
}

fn five_tuple(one: &Figures) -> (Proto, [(IpAddr, u16); 2]) {
    (one.proto, [(one.addrs[0], one.ports[0]), (one.addrs[1], one.ports[1])])
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

/// A network's hosts ask a few name servers. Where public addresses ask many private hosts instead, and all are answered, it is the
/// other way round; a private one that asks many may watch over a network's own servers.
fn resolvers(map: &Map, all: &[Figures]) -> Option<String> {
    let is_one = |one: &&Figures| {
        one.ports[1] == DOMAIN && one.ports[0] != DOMAIN && !is_private(one.addrs[0]) && is_private(one.addrs[1])
    };
    let asked: Vec<_> = all.iter().filter(is_one).filter(|one| is_answered(one)).map(|one| one.addrs).collect();
    let from: BTreeSet<_> = asked.iter().map(|[from, _]| from).collect();
    let to: BTreeSet<_> = asked.iter().map(|[_, to]| to).collect();
    (asked.len() >= LEAST && to.len() >= RESOLVERS && to.len() >= from.len() * 5).then(|| {
        let few = if from.len() == 1 { "one alone asks".to_owned() } else { format!("{} hosts ask", from.len()) };
        format!(
            "{} private hosts answer at port 53, and {few}: the addresses look swapped, and the ports not; see {} and {}",
            to.len(),
            named(map, Field::OrigH),
            named(map, Field::RespH)
        )
    })
}

/// Whether something was carried each way, as far as directions are known.
fn is_answered(one: &Figures) -> bool {
    match one.bytes {
        [Some(from), Some(to)] => from.min(to) > 0,
        [total, _] => total.is_some_and(|total| total > 0),
    }
}

/// A connection begins after 1990, and does not end after today.
fn times(map: &Map, all: &[Figures], now: Nanos) -> Option<String> {
    let moments = || all.iter().filter_map(|one| one.begun.or(one.ended));
    let begun = |one: &Figures| one.begun.or_else(|| Some(one.ended?.plus(one.lasted?.saturating_neg())));
    let ended = |one: &Figures| one.ended.or_else(|| Some(one.begun?.plus(one.lasted?)));
    let old = |moment: &Nanos| *moment < OLDEST;
    let ahead = |moment: &Nanos| *moment > now.plus(DAY);
    let [time, unit] = [format!("time (now {})", map.times), format!("unit (now {:?})", spans::called(map))];
    let looks: [(usize, usize, String); 4] = [
        (moments().filter(old).count(), moments().count(), format!("its times lie before 1990: see {time}")),
        (moments().filter(ahead).count(), moments().count(), format!("its times lie ahead of today: see {time}")),
        (
            all.iter().filter_map(begun).filter(old).count(),
            all.len(),
            format!("by their durations its connections begin before 1990: see {unit}"),
        ),
        (
            all.iter().filter_map(ended).filter(ahead).count(),
            all.len(),
            format!("by their durations its connections end after today: see {unit}"),
        ),
    ];
    looks.into_iter().find(|(some, all, _)| is_clear(*some, *all)).map(|(.., said)| said)
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
