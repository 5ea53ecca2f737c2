//! Whether columns count bytes at all.

use super::super::field::Field;
use super::super::map::Map;
use super::{Figures, is_clear, named};
use crate::ByteKind;

/// No packet has fewer bytes on the IP level.
const HEADER: u64 = 20;
/// What counts.
const COUNTS: [Field; 5] = [Field::OrigBytes, Field::RespBytes, Field::Bytes, Field::OrigPkts, Field::RespPkts];
/// By what is said of each end.
const ENDS: [[Field; 2]; 4] = [
    [Field::OrigH, Field::RespH],
    [Field::OrigP, Field::RespP],
    [Field::OrigBytes, Field::RespBytes],
    [Field::OrigPkts, Field::RespPkts],
];

/// One column that is said to count and to be something else, or to say the same of both ends.
pub(super) fn columns(map: &Map) -> Option<String> {
    let shares = |one: Field, other: Field| {
        let theirs = &map.source(other).names;
        map.source(one).names.iter().any(|name| theirs.contains(name))
    };
    let both = |one: Field, other: Field| {
        format!("one column is taken for two things: see {} and {}", named(map, one), named(map, other))
    };
    let others = || Field::ALL.into_iter().map(|(field, _)| field).filter(|field| !COUNTS.contains(field));
    let mut counts = COUNTS.into_iter().flat_map(|count| others().map(move |other| (count, other)));
    if let Some((count, other)) = counts.find(|(count, other)| shares(*count, *other)) {
        return Some(both(count, other));
    }
    let same = |[one, other]: &[Field; 2]| {
        let names = &map.source(*one).names;
        !names.is_empty() && *names == map.source(*other).names
    };
    ENDS.into_iter().find(same).map(|[one, other]| both(one, other))
}

/// Fewer bytes than as many packets have headers, where headers are counted.
pub(super) fn headers(map: &Map, all: &[Figures]) -> Option<String> {
    if !matches!(map.counted, ByteKind::IpLevel | ByteKind::Frame) {
        return None;
    }
    let sides = all.iter().flat_map(|one| one.bytes.into_iter().zip(one.packets));
    // Where packets are not counted, what is there was at least one.
    let packets = |(bytes, packets): (Option<u64>, Option<u64>)| Some((bytes?, packets.unwrap_or(bytes?.min(1))));
    let counted: Vec<_> = sides.filter_map(packets).filter(|(_, packets)| *packets > 0).collect();
    let few = counted.iter().filter(|(bytes, packets)| *bytes < packets.saturating_mul(HEADER)).count();
    is_clear(few, counted.len()).then(|| {
        format!(
            "in {few} of {} counts there are fewer bytes than the headers of so many packets have: see {}, the packets', and counted",
            counted.len(),
            named_bytes(map)
        )
    })
}

/// Those of bytes that a map names.
fn named_bytes(map: &Map) -> String {
    let fields = [Field::OrigBytes, Field::RespBytes, Field::Bytes];
    let there = fields.into_iter().filter(|field| !map.source(*field).names.is_empty());
    there.map(|field| named(map, field)).collect::<Vec<_>>().join(" and ")
}

/// The numbers of each column of bytes, by its place in [`Figures::bytes`], with their fields.
fn fields(map: &Map) -> [(usize, Field); 2] {
    let is_total = map.source(Field::OrigBytes).names.is_empty();
    [(0, if is_total { Field::Bytes } else { Field::OrigBytes }), (1, Field::RespBytes)]
}

/// What is the port of one end in nearly every line is no count.
pub(super) fn ports(map: &Map, all: &[Figures]) -> Option<String> {
    fields(map).into_iter().find_map(|(side, field)| {
        let said: Vec<_> = all.iter().filter_map(|one| Some((one.bytes[side]?, one.ports))).collect();
        [0, 1].into_iter().find_map(|end| {
            let same = said.iter().filter(|(bytes, ports)| *bytes == u64::from(ports[end])).count();
            let whose = ["originator", "responder"][end];
            is_clear(same, said.len()).then(|| {
                format!("in {same} of {} connections it is the {whose}'s port: see {}", said.len(), named(map, field))
            })
        })
    })
}

/// What counts up from line to line as time goes on is a number of lines, and none of bytes.
pub(super) fn ids(map: &Map, all: &[Figures]) -> Option<String> {
    fields(map).into_iter().find_map(|(side, field)| {
        let said: Vec<_> = all.iter().filter_map(|one| Some((one.bytes[side]?, one.ended.or(one.begun)?))).collect();
        let up = said.windows(2).filter(|pair| pair[1].0 > pair[0].0 && pair[1].1 >= pair[0].1).count();
        let pairs = said.len().saturating_sub(1);
        // An id does so without exception, but where it begins anew.
        (is_clear(up, pairs) && (pairs - up) * 50 <= pairs).then(|| {
            format!("it grows from line to line, {up} times of {pairs}, as an id does: see {}", named(map, field))
        })
    })
}
