//! From a block of lines to records sorted by shard.

use std::collections::BTreeMap;

use catspaw_records::{Block, HashSeed, LineSink, Nanos, Reader, Record, SensorId, Unparsed};
use catspaw_relay::Network;

use super::reach::Reach;
use super::route::{Home, Route, route};
use crate::packets::{Dropped, Flows, SENSOR};

/// Places that are shown of each kind of unparsed line.
pub(crate) const PLACES: usize = 3;
/// Networks that are counted to find out which may be ours.
const NETWORKS: usize = 4096;

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
    /// Records with an end of ours.
    pub(crate) inside: u64,
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
}

/// What a block made.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The file.
    pub(crate) file: u32,
    /// Its place among files of the same second.
    pub(crate) rank: Rank,
    /// Its records, which stay here until they are folded.
    pub(crate) records: Vec<Record>,
    /// Whose they are, in the order in which they are taken.
    pub(crate) entries: Vec<Entry>,
    /// Whether that is the order in which they became known.
    pub(crate) in_order: bool,
    /// By sensor.
    pub(crate) sensors: BTreeMap<SensorId, SensorCount>,
    /// By kind and reason.
    pub(crate) unparsed: BTreeMap<(&'static str, &'static str), UnparsedCount>,
    /// Where no end is ours: how often each network was an end.
    pub(crate) strangers: BTreeMap<Network, u64>,
    /// How far each sensor had come in the file before this block; the coordinator knows it.
    pub(crate) before: BTreeMap<SensorId, Reach>,
    /// What the tables of flows left out, by why.
    pub(crate) dropped: Dropped,
    /// TCP connections in packets: those of which one side was heard alone, and the others.
    pub(crate) heard: (u64, u64),
}

/// One copy of a record in a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// What it is late against, by what stands before it in this block.
    pub(crate) before: Nanos,
    /// Which of the batch's records it is.
    pub(crate) record: u32,
    /// Virtual shard of the host.
    pub(crate) shard: u8,
    /// Which host's.
    pub(crate) route: Route,
}

impl Batch {
    /// The moment that a record of `sensor` is late against, by what stands before this block.
    #[must_use]
    pub(crate) fn latest_before(&self, sensor: SensorId, known: Nanos) -> Nanos {
        self.before.get(&sensor).map_or(Nanos::MIN, |reach| reach.before(known))
    }
}

/// Parses a block.
pub(crate) fn parse(mut reader: Reader, block: Block<'_>, seed: HashSeed, home: &Home) -> Batch {
    let mut collect = Collect::new(home, block.first.file);
    reader.read(block, seed, &mut collect);
    collect.batch
}

/// Sorts by shard what packets gave. Its records are not counted as the file's: that counts packets.
pub(crate) fn sort_flows(flows: Flows, file: u32, home: &Home) -> Batch {
    let mut collect = Collect::new(home, file);
    collect.batch.entries.reserve(flows.records.len());
    collect.batch.records = flows.records;
    collect.batch.in_order = true;
    let id = collect.sensor(SENSOR.as_bytes());
    for at in flows.order {
        collect.hear(at);
        collect.count(at, id);
    }
    if let Some(count) = collect.batch.sensors.get_mut(&id) {
        // Nothing that is known before this comes any more.
        if flows.reached != Nanos::MAX {
            count.reach.see(flows.reached);
        }
        (count.records, count.span) = (0, None);
    }
    collect.batch.dropped = flows.dropped;
    collect.batch
}

/// Counts a network, as long as there are not too many.
pub(crate) fn count_network(counts: &mut BTreeMap<Network, u64>, network: Network, count: u64) {
    if counts.len() < NETWORKS || counts.contains_key(&network) {
        *counts.entry(network).or_default() += count;
    }
}

struct Collect<'a> {
    home: &'a Home,
    batch: Batch,
    /// The sensor of the line before: logs repeat it.
    last: Option<(Vec<u8>, SensorId)>,
}

impl<'a> Collect<'a> {
    fn new(home: &'a Home, file: u32) -> Self {
        Self { home, batch: Batch { file, ..Batch::default() }, last: None }
    }

    fn sensor(&mut self, name: &[u8]) -> SensorId {
        if let Some((last, id)) = &self.last
            && last == name
        {
            return *id;
        }
        let id = SensorId::of(name);
        self.last = Some((name.to_vec(), id));
        self.batch.sensors.entry(id).or_insert_with(|| SensorCount {
            name: String::from_utf8_lossy(name).into_owned(),
            ..SensorCount::default()
        });
        id
    }

    /// Takes the record at `at` in the batch.
    fn count(&mut self, at: u32, sensor: SensorId) {
        let Batch { records, entries, sensors, .. } = &mut self.batch;
        let (Some(record), Some(count)) = (records.get(at as usize), sensors.get_mut(&sensor)) else { return };
        let known = record.known_at();
        let before = count.reach.before(known);
        count.reach.see(known);
        count.records += 1;
        count.span = Some(count.span.map_or((known, known), |(first, last)| (first.min(known), last.max(known))));
        let ours = route(record, self.home, |route| {
            entries.push(Entry { before, record: at, shard: route.host.shard() as u8, route });
        });
        if ours {
            count.inside += 1;
        } else {
            self.count_strangers(at);
        }
    }

    fn hear(&mut self, at: u32) {
        use catspaw_records::{ConnState, Event, Proto};
        let Some(Event::Whole(whole)) = self.batch.records.get(at as usize).map(|record| &record.event) else { return };
        let (one, both) = &mut self.batch.heard;
        match whole.state.filter(|_| whole.proto == Proto::Tcp) {
            Some(ConnState::Sh | ConnState::Shr | ConnState::Rstos0 | ConnState::Rstrh) => *one += 1,
            // An attempt that nobody answered is one wherever it is seen.
            None | Some(ConnState::S0 | ConnState::Oth) => {}
            Some(_) => *both += 1,
        }
    }

    fn count_strangers(&mut self, at: u32) {
        use catspaw_records::Event;
        let Some(record) = self.batch.records.get(at as usize) else { return };
        let ends = match &record.event {
            Event::Opened(o) => [o.orig.addr, o.resp.addr],
            Event::Closed(c) => [c.first.addr, c.second.addr],
            Event::Whole(w) => [w.orig.addr, w.resp.addr],
            Event::Denied(_) | Event::Translation(_) | Event::Content(_) | Event::Burst(_) => return,
        };
        for addr in ends {
            if let Some(network) = Network::around(addr, 24, 64) {
                count_network(&mut self.batch.strangers, network, 1);
            }
        }
    }
}

impl LineSink for Collect<'_> {
    fn record(&mut self, record: Record, sensor: &[u8]) {
        let id = self.sensor(sensor);
        let at = self.batch.records.len() as u32;
        self.batch.records.push(record);
        self.count(at, id);
    }

    fn skipped(&mut self, sensor: &[u8]) {
        let id = self.sensor(sensor);
        if let Some(count) = self.batch.sensors.get_mut(&id) {
            count.skipped += 1;
        }
    }

    fn unparsed(&mut self, unparsed: Unparsed) {
        let count = self.batch.unparsed.entry((unparsed.kind, unparsed.why)).or_default();
        count.count += 1;
        if count.lines.len() < PLACES {
            count.lines.push(unparsed.place.line);
        }
    }
}
