//! From a block of lines to records sorted by shard.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::fmt;

use catspaw_records::{Block, HashSeed, HostKey, LineSink, Nanos, Place, Reader, Record, SensorId, Unparsed};
use foldhash::HashMap;
use serde::{Deserialize, Serialize};

use super::clocks::{Clocks, Watched};
use super::reach::Reach;
use super::route::{Home, Misplaced, Way, route};
use super::row::{Other, Rest, Row};
use super::strangers::Strangers;
use super::witness::Witness;
use crate::packets::{Dropped, Flows, SENSOR};

/// Places that are shown of each kind of unparsed line.
pub(crate) const PLACES: usize = 3;

/// How a file's records are placed among those of other files in the same second: by what it holds, then its number.
pub(crate) type Rank = (Nanos, u64, u32);

/// What one file's block says of one sensor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SensorCount {
    /// Its name, as the evidence writes it.
    pub(crate) name: String,
    /// Records.
    pub(crate) records: u64,
    /// Lines that say nothing that is used.
    pub(crate) skipped: u64,
    /// Packets that another capture file holds, too.
    pub(crate) duplicates: u64,
    /// Packets that could not be put in order.
    pub(crate) late: u64,
    /// Records with an end of ours.
    pub(crate) inside: u64,
    /// Records that contradict what the owner says is ours.
    pub(crate) misplaced: Misplaced,
    /// The earliest and the latest moment of a record.
    pub(crate) span: Option<(Nanos, Nanos)>,
    /// How far its clock came in this block.
    pub(crate) reach: Reach,
}

/// Lines of one kind that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UnparsedCount {
    /// How many.
    pub(crate) count: u64,
    /// The first lines.
    pub(crate) lines: Vec<u64>,
    /// Where in the first of them it breaks, from 1; `None` where that is not a place in the line.
    pub(crate) column: Option<u64>,
    /// What stands there, and what should, where that is a value.
    pub(crate) value: Option<String>,
}

impl UnparsedCount {
    /// Counts one more, which may be broken at a place, and what stands there may be known.
    pub(super) fn add(&mut self, unparsed: &Unparsed, broken: Option<(u64, Option<fmt::Arguments<'_>>)>) {
        self.count += 1;
        if let Some((column, value)) = broken.filter(|_| self.lines.is_empty()) {
            (self.column, self.value) = (Some(column), value.map(|value| value.to_string()));
        }
        if self.lines.len() < PLACES {
            self.lines.push(unparsed.place.line);
        }
    }
}

/// Messages that did not come to a log, as who wrote it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lost {
    /// How often it says so.
    pub(crate) times: u64,
    /// How many, as far as it says that.
    pub(crate) messages: u64,
    /// The first line that says it.
    pub(crate) line: u64,
}

impl Lost {
    /// That messages did not come to the log at `path`; `None` where none says so. Who dropped them, the
    /// line says: a syslog server, the journal or the kernel.
    pub(crate) fn sentence(&self, path: &str) -> Option<String> {
        let Self { times, messages, line } = self;
        let many = if *messages == 0 { String::new() } else { format!(", {messages} of them by its count") };
        (*times > 0).then(|| {
            format!("{path} says (first in line {line}) that messages were dropped before they came to it{many}.")
        })
    }

    /// Takes what a line says.
    pub(crate) fn add(&mut self, place: Place, messages: u64) {
        self.add_all(&Self { times: 1, messages, line: place.line });
    }

    /// Takes what later lines say.
    pub(crate) fn add_all(&mut self, later: &Self) {
        if self.times == 0 {
            self.line = later.line;
        }
        self.times += later.times;
        self.messages = self.messages.saturating_add(later.messages);
    }
}

/// What a block made.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The file.
    pub(crate) file: u32,
    /// Its place among files of the same second.
    pub(crate) rank: Rank,
    /// The number of its first line.
    first_line: u64,
    /// The copies of its records: those of one shard together, in the order in which they are taken.
    rows: Vec<Row>,
    /// Where each shard's rows begin.
    shards: Vec<u32>,
    /// What [`Batch::ordered`] says of each shard.
    ordered: Vec<Option<Ordered>>,
    /// Records that no row holds, and whose they are.
    records: Vec<Record>,
    others: Vec<Other>,
    /// Whether that is the order in which they became known.
    pub(super) in_order: bool,
    /// Its sensors as its rows name them.
    pub(super) named: Vec<SensorId>,
    /// By sensor.
    pub(crate) sensors: BTreeMap<SensorId, SensorCount>,
    /// By kind and reason.
    pub(crate) unparsed: BTreeMap<(&'static str, &'static str), UnparsedCount>,
    /// What syslog servers say that they lost.
    pub(crate) lost: Lost,
    /// Where no end is ours.
    pub(crate) strangers: Strangers,
    /// How far each sensor had come in the file before this block; the coordinator knows it.
    pub(crate) before: BTreeMap<SensorId, Reach>,
    /// What the tables of flows left out, by why.
    pub(crate) dropped: Dropped,
    /// TCP connections in packets: those of which one side was heard alone, and the others.
    pub(crate) heard: (u64, u64),
}

impl Batch {
    /// What it holds in memory while its rows wait, in rows: a record that is not packed is some three more.
    pub(super) fn weight(&self) -> usize {
        self.rows.len() + 3 * self.records.len()
    }

    /// The rows of one shard, with the place of the first among all.
    pub(super) fn of_shard(&self, shard: usize) -> (u32, &[Row]) {
        let at = |shard: usize| self.shards.get(shard).copied().unwrap_or_default();
        let (from, to) = (at(shard), at(shard + 1));
        (from, self.rows(from, to))
    }

    /// Rows by their places among all.
    pub(super) fn rows(&self, from: u32, to: u32) -> &[Row] {
        self.rows.get(from as usize..to as usize).unwrap_or_default()
    }

    /// A shard's rows, if they are in order.
    pub(super) fn ordered(&self, shard: usize) -> Option<Ordered> {
        self.ordered.get(shard).copied().flatten()
    }

    /// What its rows are unpacked with.
    pub(super) fn rest(&self) -> Rest<'_> {
        let first = Place { file: self.file, line: self.first_line };
        Rest { first, records: &self.records, others: &self.others }
    }

    /// Takes the rows, those of one shard together.
    fn sort(&mut self, Scratch { rows, shards, order }: &mut Scratch) {
        let mut ends = vec![0_u32; HostKey::SHARDS + 1];
        for &shard in &*shards {
            ends[usize::from(shard) + 1] += 1;
        }
        for shard in 0..HostKey::SHARDS {
            ends[shard + 1] += ends[shard];
        }
        self.shards.clone_from(&ends);
        order.clear();
        order.resize(rows.len(), 0);
        for (number, &shard) in (0..).zip(&*shards) {
            let at = &mut ends[usize::from(shard)];
            order[*at as usize] = number;
            *at += 1;
        }
        self.rows = order.iter().map(|&number| rows[number as usize]).collect();
        rows.clear();
        shards.clear();
        self.ordered = (0..HostKey::SHARDS).map(|shard| Ordered::of(self.of_shard(shard).1)).collect();
    }
}

/// Rows that are all of one sensor and none of which was known before the one before it, nor the sensor's clock further. Kept beside
/// them, for who only puts them into their stream would wait for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ordered {
    /// The sensor's place.
    pub(super) sensor: u16,
    /// When the first and the last became known.
    pub(super) first: Nanos,
    pub(super) last: Nanos,
}

impl Ordered {
    fn of(rows: &[Row]) -> Option<Self> {
        let in_order = |a: &Row, b: &Row| a.sensor == b.sensor && a.known <= b.known;
        let are = rows.is_sorted_by(in_order) && rows.iter().all(|row| row.before() <= row.known);
        let (first, last) = (rows.first()?, rows.last()?);
        are.then_some(Self { sensor: first.sensor, first: first.known, last: last.known })
    }
}

/// What one thread needs to make a batch, and needs again for the next one.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Rows in the order in which they are taken, and the virtual shard of each.
    rows: Vec<Row>,
    shards: Vec<u8>,
    order: Vec<u32>,
}

/// Parses a block.
pub(super) fn parse(mut reader: Reader, block: Block<'_>, seed: HashSeed, home: &Home, scratch: &mut Scratch) -> Batch {
    let mut collect = Collect::new(home, block.first, scratch);
    reader.read(block, seed, &mut collect);
    collect.finish()
}

/// The same where the clocks of several sensors are compared or set right: also gives the openings with hashes `below`.
pub(super) fn parse_watched(
    mut reader: Reader,
    block: Block<'_>,
    seed: HashSeed,
    home: &Home,
    (clocks, below): (&Clocks, u64),
    scratch: &mut Scratch,
) -> (Batch, Vec<Witness>) {
    let mut collect = Collect::new(home, block.first, scratch);
    let mut watched = Watched { sink: &mut collect, clocks, below, witnesses: Vec::new() };
    reader.read(block, seed, &mut watched);
    let witnesses = watched.witnesses;
    (collect.finish(), witnesses)
}

/// Sorts by shard what packets gave. Its records are not counted as the file's: that counts packets.
pub(super) fn sort_flows(flows: Flows, file: u32, home: &Home, scratch: &mut Scratch) -> Batch {
    let mut collect = Collect::new(home, Place { file, line: 0 }, scratch);
    collect.batch.in_order = true;
    let named = collect.sensor(SensorId::of(SENSOR.as_bytes()), SENSOR.as_bytes()).unwrap_or_default();
    for at in flows.order {
        if let Some(record) = flows.records.get(at as usize) {
            collect.hear(record);
            collect.count(record, named, |_| at);
        }
    }
    collect.batch.records = flows.records;
    if let Some(count) = collect.counts.first_mut() {
        // Nothing that is known before this comes any more.
        if flows.reached != Nanos::MAX {
            count.reach.see(flows.reached);
        }
        (count.records, count.span) = (0, None);
    }
    collect.batch.dropped = flows.dropped;
    collect.finish()
}

struct Collect<'a> {
    home: &'a Home,
    scratch: &'a mut Scratch,
    batch: Batch,
    /// What is counted of each sensor, by its place.
    counts: Vec<SensorCount>,
    places: HashMap<SensorId, u16>,
    /// The sensor of the record before and its place: logs repeat it.
    last: Option<(SensorId, u16)>,
    /// Of each sensor, lines that say nothing that is used. They have no places, which are as few as there are records.
    skipped: HashMap<SensorId, (String, u64)>,
}

impl<'a> Collect<'a> {
    fn new(home: &'a Home, first: Place, scratch: &'a mut Scratch) -> Self {
        let batch = Batch { file: first.file, first_line: first.line, ..Batch::default() };
        Self {
            home,
            scratch,
            batch,
            counts: Vec::new(),
            places: HashMap::default(),
            last: None,
            skipped: HashMap::default(),
        }
    }

    fn finish(mut self) -> Batch {
        self.batch.sort(self.scratch);
        self.batch.sensors = self.batch.named.iter().copied().zip(self.counts).collect();
        for (id, (name, skipped)) in self.skipped {
            self.batch.sensors.entry(id).or_insert_with(|| SensorCount { name, ..SensorCount::default() }).skipped =
                skipped;
        }
        self.batch
    }

    /// The place of the sensor `id`, which is called `name`; `None` where the block has more than there are places.
    fn sensor(&mut self, id: SensorId, name: &[u8]) -> Option<u16> {
        if let Some((last, place)) = self.last
            && last == id
        {
            return Some(place);
        }
        let new = u16::try_from(self.counts.len()).ok();
        let place = match (self.places.entry(id), new) {
            (Entry::Occupied(known), _) => *known.get(),
            (Entry::Vacant(_), None) => return None,
            (Entry::Vacant(entry), Some(new)) => *entry.insert(new),
        };
        if Some(place) == new {
            self.batch.named.push(id);
            self.counts
                .push(SensorCount { name: String::from_utf8_lossy(name).into_owned(), ..SensorCount::default() });
        }
        self.last = Some((id, place));
        Some(place)
    }

    /// Takes a record. Where it cannot be packed, `keep` says where it is kept.
    #[inline]
    fn count(&mut self, record: &Record, sensor: u16, mut keep: impl FnMut(&mut Vec<Record>) -> u32) {
        let Some(count) = self.counts.get_mut(usize::from(sensor)) else { return };
        let known = record.known_at();
        let before = count.reach.before(known);
        count.reach.see(known);
        count.records += 1;
        count.span = Some(count.span.map_or((known, known), |(first, last)| (first.min(known), last.max(known))));
        let (first, second) = route(record, self.home);
        count.misplaced.see(record, self.home);
        if first.is_ours() {
            count.inside += 1;
        } else {
            self.batch.strangers.count(record);
        }
        let mut kept = None;
        let mut keep = |records: &mut Vec<Record>| *kept.get_or_insert_with(|| keep(records));
        self.push((record, first), (sensor, before), &mut keep);
        if let Some(second) = second {
            self.push((record, second), (sensor, before), &mut keep);
        }
    }

    /// Takes the copy of a record that goes this way. Where it cannot be packed, `keep` says where it is kept.
    #[inline(always)]
    fn push(
        &mut self,
        (record, way): (&Record, Way),
        (sensor, before): (u16, Nanos),
        keep: impl FnOnce(&mut Vec<Record>) -> u32,
    ) {
        let Scratch { rows, shards, .. } = &mut *self.scratch;
        let Batch { first_line, records, others, .. } = &mut self.batch;
        let addr = way.addr(record);
        let other = self.home.other(addr);
        shards.push(other.map_or_else(|| HostKey::shard_of(addr), HostKey::shard) as u8);
        rows.push(Row::BLANK);
        let Some(row) = rows.last_mut() else { return };
        if other.is_some() || row.pack(record, way, *first_line, sensor, before).is_none() {
            let host = other.unwrap_or(HostKey::Address(*addr));
            others.push(Other::new(keep(records), host));
            *row = Row::refer(record, way, others.len() as u32 - 1, sensor, before);
        }
    }

    fn hear(&mut self, record: &Record) {
        use catspaw_records::{ConnState, Event, Proto};
        let Event::Whole(whole) = &record.event else { return };
        let (one, both) = &mut self.batch.heard;
        match whole.state.filter(|_| whole.proto == Proto::Tcp) {
            Some(ConnState::Sh | ConnState::Shr | ConnState::Rstos0 | ConnState::Rstrh) => *one += 1,
            // An attempt that nobody answered is one wherever it is seen.
            None | Some(ConnState::S0 | ConnState::Oth) => {}
            Some(_) => *both += 1,
        }
    }
}

impl LineSink for Collect<'_> {
    #[inline]
    fn record(&mut self, record: &Record, sensor: &[u8]) {
        let Some(sensor) = self.sensor(record.known.sensor, sensor) else {
            let why = "of more devices in so few lines than are told apart";
            return self.unparsed(Unparsed { place: record.place, kind: "device", why });
        };
        self.count(record, sensor, |records| {
            records.push(*record);
            records.len() as u32 - 1
        });
    }

    fn skipped(&mut self, sensor: &[u8]) {
        let name = || (String::from_utf8_lossy(sensor).into_owned(), 0);
        self.skipped.entry(SensorId::of(sensor)).or_insert_with(name).1 += 1;
    }

    fn unparsed(&mut self, unparsed: Unparsed) {
        self.count_unparsed(&unparsed, None);
    }

    fn lost(&mut self, place: Place, messages: u64) {
        self.batch.lost.add(place, messages);
    }

    fn broken(&mut self, unparsed: Unparsed, column: usize, value: Option<fmt::Arguments<'_>>) {
        self.count_unparsed(&unparsed, Some((column as u64, value)));
    }
}

impl Collect<'_> {
    fn count_unparsed(&mut self, unparsed: &Unparsed, broken: Option<(u64, Option<fmt::Arguments<'_>>)>) {
        self.batch.unparsed.entry((unparsed.kind, unparsed.why)).or_default().add(unparsed, broken);
    }
}

#[cfg(test)]
mod tests {
    use catspaw_records::{Denied, Endpoint, Event, Proto, Stamp};

    use super::super::row::Unpacked;
    use super::*;

    #[test]
    fn sensors_that_say_nothing_take_no_places_of_those_that_do() {
        let (home, mut scratch) = (Home::default(), Scratch::default());
        let mut collect = Collect::new(&home, Place { file: 0, line: 1 }, &mut scratch);
        (0..70_000_u32).for_each(|n| collect.skipped(&n.to_le_bytes()));
        let last = collect.sensor(SensorId::of(b"last"), b"last");
        collect.skipped(b"last");
        assert_eq!(last, Some(0));
        let batch = collect.finish();
        let counts = &batch.sensors[&SensorId::of(b"last")];
        assert_eq!((batch.sensors.len(), counts.skipped, counts.name.as_str()), (70_001, 1, "last"));
    }

    #[test]
    fn devices_for_which_there_is_no_place_are_counted() {
        let end = Endpoint { addr: [10, 0, 0, 1].into(), port: 25 };
        let event = Event::Denied(Denied { proto: Proto::Tcp, orig: end, resp: end, attempt: true, count: 1, over: 0 });
        let (home, mut scratch) = (Home::default(), Scratch::default());
        let mut collect = Collect::new(&home, Place { file: 0, line: 1 }, &mut scratch);
        for n in (0..=u32::from(u16::MAX) + 2).chain([7]) {
            let (name, place) = (n.to_le_bytes(), Place { file: 0, line: u64::from(n) + 1 });
            let known = Stamp { at: Nanos(5), resolution: 1, sensor: SensorId::of(&name) };
            collect.record(&Record { known, place, fingerprint: n.into(), event }, &name);
        }
        let batch = collect.finish();
        let unparsed: Vec<_> = batch.unparsed.iter().map(|(&(kind, _), count)| (kind, count.count)).collect();
        assert_eq!((batch.sensors.len(), unparsed), (1 << 16, vec![("device", 2)]));
        assert_eq!(batch.sensors[&SensorId::of(&7_u32.to_le_bytes())].records, 2);
    }

    #[test]
    fn a_record_of_two_hosts_that_is_not_packed_is_kept_once() {
        let end = |last| Endpoint { addr: [10, 0, 0, last].into(), port: 25 };
        let (orig, resp) = (end(1), end(2));
        let event = Event::Denied(Denied { proto: Proto::Tcp, orig, resp, attempt: true, count: 1, over: 0 });
        let known = Stamp { at: Nanos(5), resolution: 1, sensor: SensorId::of(b"a") };
        let record = Record { known, place: Place { file: 0, line: 1 }, fingerprint: 3, event };
        let machines = [(resp.addr, [10, 0, 0, 9].into())].into_iter().collect();
        let known_by_another = Home { machines: std::sync::Arc::new(machines), ..Home::default() };
        for (home, hosts) in [(Home::default(), [1, 2]), (known_by_another, [1, 9])] {
            let mut scratch = Scratch::default();
            let mut collect = Collect::new(&home, record.place, &mut scratch);
            (0..2).for_each(|_| collect.record(&record, b"a"));
            let batch = collect.finish();
            assert_eq!((batch.rows.len(), batch.records.len(), batch.others.len()), (4, 2, 4));
            assert_eq!(batch.sensors.values().map(|counts| counts.records).sum::<u64>(), 2);
            let mut unpacked = Unpacked::new();
            for host in hosts {
                let own = HostKey::Address([10, 0, 0, host].into());
                let rows = batch.of_shard(own.shard()).1;
                let of_host = rows.iter().filter(|row| {
                    let (again, route) = row.unpack(known.sensor, batch.rest(), &mut unpacked).expect("kept");
                    assert_eq!(*again, record);
                    route.host == own
                });
                assert_eq!(of_host.count(), 2, "{host}");
            }
        }
    }
}
