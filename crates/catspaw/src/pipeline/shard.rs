//! The virtual shards of one worker: merge, duplicates, and one fold per host and sensor.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::io;
use std::net::IpAddr;

use catspaw_records::{Days, Event, HostKey, Nanos, Record, SensorId};
use catspaw_relay::{Attempt, Config, Context, Lane, Observation, Sink};
use foldhash::HashMap;

use super::fold::{Batches, Limits, Taking, Watermarks};
use super::ours::Ours;
use super::parse::{Batch, Ordered, Rank};
use super::restrict::{Filter, Look, Restriction};
use super::route::Route;
use super::row::{Row, Unpacked};
use super::rows::Rows;
use super::seen::Seen;
use super::stream::{Stream, next_due};

/// Hosts that one shard keeps; beyond, those go that were quiet longest and are not convicted.
const HOSTS: usize = 1024;
/// A host with a service counts for so many more.
const SERVING: usize = 7;

/// How often idle hosts are looked for, in nanoseconds of the evidence.
const HOUR: u64 = 3600 * Nanos::SECOND as u64;

/// What one virtual shard knows of its hosts at the end.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    /// Hosts of ours, in order.
    pub(crate) lanes: Vec<(HostKey, SensorId, Box<Lane>)>,
    /// Hosts that the cap dropped.
    pub(crate) hosts_dropped: u64,
    /// Per file and sensor: records that came later than the merge waits, and second copies.
    pub(crate) irregular: BTreeMap<(u32, SensorId), Irregular>,
    /// Addresses of ours that were seen (of what the cap kept).
    pub(crate) inside: BTreeSet<IpAddr>,
    /// Openings beyond what a restriction asks for whose ends it may have taken in.
    pub(crate) forgotten: u64,
    /// All addresses of ours, where they are wanted.
    pub(crate) ours: Ours,
    /// Addresses that a restriction asks for and as which the outside sees hosts of ours, with these.
    pub(crate) seen_as: BTreeSet<(IpAddr, IpAddr)>,
}

/// Records that are not taken as they come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Irregular {
    /// Later than the merge waits.
    pub(crate) late: u64,
    /// Second copies.
    pub(crate) duplicates: u64,
}

/// One virtual shard.
#[derive(Debug)]
pub(crate) struct Shard {
    config: std::sync::Arc<Config>,
    filter: Filter,
    ours: Ours,
    days: Days,
    /// Nanoseconds that the merge waits for a record that comes out of order.
    wait: i64,
    streams: BTreeMap<(SensorId, Rank), Stream>,
    /// Fingerprints of the records at the current moment of each sensor.
    seen: HashMap<SensorId, Seen>,
    lanes: HashMap<Sight, Held>,
    /// How many of them have a service.
    serving: usize,
    hosts_dropped: u64,
    irregular: BTreeMap<(u32, SensorId), Irregular>,
    /// How far the last sensor that was released has come, and where it was when idle hosts were looked for.
    reached: Nanos,
    rested: Nanos,
}

/// One sensor's sight of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sight(HostKey, SensorId);

/// An address is hashed as a number.
impl Hash for Sight {
    fn hash<H: Hasher>(&self, to: &mut H) {
        match self.0.addr() {
            IpAddr::V4(addr) => to.write_u64(u64::from(addr.to_bits()) ^ self.1.0),
            IpAddr::V6(addr) => to.write_u128(addr.to_bits() ^ u128::from(self.1.0)),
        }
    }
}

/// A host's fold, and whether the host is ours (connections between others are put together too).
#[derive(Debug, Default)]
struct Held {
    lane: Box<Lane>,
    ours: bool,
    /// Whether it is one of those that are asked for.
    asked_for: bool,
}

impl Shard {
    /// An empty shard.
    #[must_use]
    pub(crate) fn new(
        config: std::sync::Arc<Config>,
        restriction: std::sync::Arc<Restriction>,
        days: Days,
        (ours, wait): (bool, i64),
    ) -> Self {
        Self {
            config,
            filter: Filter::new(restriction),
            ours: Ours::new(ours),
            days,
            wait,
            streams: BTreeMap::new(),
            seen: HashMap::default(),
            lanes: HashMap::default(),
            serving: 0,
            hosts_dropped: 0,
            irregular: BTreeMap::new(),
            reached: Nanos::MIN,
            rested: Nanos::MIN,
        }
    }

    /// Takes this shard's rows of a batch. Where nothing can precede a row any more it is folded at once, else it waits.
    ///
    /// # Errors
    /// Where a temporary file fails, or the merge is at fault.
    pub(super) fn take(
        &mut self,
        shard: usize,
        rows: &mut Rows,
        batches: &mut Batches,
        taking: &Taking,
    ) -> io::Result<()> {
        let Taking { batch, number, limits } = taking;
        let (mut next, own) = batch.of_shard(shard);
        if !batch.in_order
            && let Some(ordered) = batch.ordered(shard)
            && self.append(ordered, (next, next + own.len() as u32), taking)
        {
            return Ok(());
        }
        let mut done = 0;
        for own in own.chunk_by(|a, b| a.sensor == b.sensor) {
            let first = next;
            next += own.len() as u32;
            let sensor = own.first().map_or(0, |row| row.sensor as usize);
            let (Some(limits), Some(&sensor)) = (limits.get(sensor), batch.named.get(sensor)) else { continue };
            let at_once = match batch.in_order && self.streams.is_empty() {
                true => self.fold_at_once(sensor, own, (batch, limits), rows)?,
                false => 0,
            };
            done += at_once;
            let Some(own) = own.get(at_once..).filter(|own| !own.is_empty()) else { continue };
            let first = first + at_once as u32;
            let stream = self.streams.entry((sensor, batch.rank)).or_default();
            for (at, row) in (first..).zip(own) {
                stream.insert(limits.place(row, self.wait), (*number, at));
            }
        }
        if done > 0 {
            batches.done(*number, done);
        }
        Ok(())
    }

    /// Takes rows of a batch that are in order without looking at them, if they are in time and come after all that wait.
    fn append(&mut self, ordered: Ordered, (row, end): (u32, u32), Taking { batch, number, limits }: &Taking) -> bool {
        let place = usize::from(ordered.sensor);
        let (Some(limits), Some(&sensor)) = (limits.get(place), batch.named.get(place)) else { return false };
        let stream = self.streams.entry((sensor, batch.rank)).or_default();
        limits.are_in_time(ordered.first) && stream.append(*number, (row, end), ordered)
    }

    /// Folds the first of a batch's rows, as far as they are complete and none is late, and says how many those are.
    fn fold_at_once(
        &mut self,
        sensor: SensorId,
        own: &[Row],
        (batch, limits): (&Batch, &Limits),
        rows: &mut Rows,
    ) -> io::Result<usize> {
        let (mut at_once, mut unpacked) = (0, Unpacked::new());
        let mut seen = std::mem::take(self.seen.entry(sensor).or_default());
        for row in own {
            let (key, late) = limits.place(row, self.wait);
            if late || key >= limits.upto {
                break;
            }
            self.reached = limits.upto;
            at_once += 1;
            if let Some((record, route)) = row.unpack(sensor, batch.rest(), &mut unpacked) {
                self.fold(rows, &mut seen, (key, late), record, route)?;
            }
        }
        self.seen.insert(sensor, seen);
        Ok(at_once)
    }

    /// Has the hosts fetched from memory, most of which are observed now, after the records of all other shards.
    pub(super) fn fetch(&self) {
        self.lanes.values().for_each(|held| held.lane.fetch());
        self.lanes.values().for_each(|held| held.lane.fetch_rest());
    }

    /// Folds what no later record can precede: everything of a sensor before its watermark.
    ///
    /// # Errors
    /// Where a temporary file fails, or the merge is at fault.
    pub(super) fn release(
        &mut self,
        rows: &mut Rows,
        batches: &mut Batches,
        watermarks: &Watermarks,
    ) -> io::Result<()> {
        if !self.streams.is_empty() {
            let mut streams = std::mem::take(&mut self.streams);
            let mut all: Vec<(&(SensorId, Rank), &mut Stream)> = streams.iter_mut().collect();
            for of_sensor in all.chunk_by_mut(|(a, _), (b, _)| a.0 == b.0) {
                let Some(&mut (&(sensor, _), _)) = of_sensor.first_mut() else { continue };
                let mut streams: Vec<&mut Stream> = of_sensor.iter_mut().map(|(_, stream)| &mut **stream).collect();
                self.release_sensor(rows, batches, (sensor, watermarks.of(sensor)), &mut streams)?;
            }
            streams.retain(|_, stream| !stream.is_empty());
            self.streams = streams;
        }
        self.rest_idle(watermarks, rows);
        rows.check()
    }

    /// The same of one sensor, in the order of its streams' next records.
    fn release_sensor(
        &mut self,
        rows: &mut Rows,
        batches: &mut Batches,
        (sensor, upto): (SensorId, Nanos),
        streams: &mut [&mut Stream],
    ) -> io::Result<()> {
        self.reached = upto;
        streams.iter_mut().for_each(|stream| stream.settle(batches));
        let (mut unpacked, mut seen) = (Unpacked::new(), std::mem::take(self.seen.entry(sensor).or_default()));
        while let Some((due, before)) = next_due(streams, upto) {
            let Some(stream) = streams.get_mut(due) else { break };
            let Some(number) = stream.next_batch() else { break };
            let Some(batch) = batches.batch(number) else { break };
            stream.fetch_next(batches);
            let taken = stream.take_before(before, batch, |when, row| {
                match row.unpack(sensor, batch.rest(), &mut unpacked) {
                    Some((record, route)) => self.fold(rows, &mut seen, when, record, route),
                    None => Ok(()),
                }
            })?;
            batches.done(number, taken);
        }
        self.seen.insert(sensor, seen);
        Ok(())
    }

    /// Once in an hour of the evidence, lets hosts that have been quiet let go of what they hold.
    fn rest_idle(&mut self, watermarks: &Watermarks, rows: &mut Rows) {
        if self.reached.0.abs_diff(self.rested.0) < HOUR {
            return;
        }
        self.rested = self.reached;
        for (&Sight(host, sensor), held) in &mut self.lanes {
            let mut ctx = Context { config: &self.config, days: &mut self.days, host, sensor };
            held.lane.rest(&mut ctx, watermarks.of(sensor), rows);
        }
    }

    fn fold(
        &mut self,
        rows: &mut Rows,
        seen: &mut Seen,
        when: (Nanos, bool),
        record: &Record,
        route: &mut Route,
    ) -> io::Result<()> {
        let (key, late) = when;
        let sensor = record.known.sensor;
        let irregular = (record.place.file, sensor);
        if !seen.is_new(key, record.fingerprint, route.owner) {
            self.irregular.entry(irregular).or_default().duplicates += u64::from(route.owner);
            return Ok(());
        }
        if late {
            self.irregular.entry(irregular).or_default().late += u64::from(route.owner);
        }
        self.ours.note(record, route);
        if self.filter.is_none() {
            return self.observe(rows, when, record, route, true);
        }
        let lane = self.lanes.get(&Sight(route.host, sensor)).map(|held| &*held.lane);
        match self.filter.look(record, route, lane) {
            Look::Away => Ok(()),
            look => self.observe(rows, when, record, route, look == Look::At),
        }
    }

    fn observe(
        &mut self,
        rows: &mut Rows,
        (key, late): (Nanos, bool),
        record: &Record,
        route: &Route,
        asked_for: bool,
    ) -> io::Result<()> {
        let sensor = record.known.sensor;
        let &Route { side, peer_inside, ours, owner, .. } = route;
        if let (false, Event::Denied(denied)) = (ours, &record.event) {
            // It names an address that may be one of ours behind NAT, and needs no fold of its own.
            if let Some(attempt) = Attempt::denied(denied, sensor, record.known.at) {
                rows.attempt(attempt);
            }
            return Ok(());
        }
        let sight = Sight(route.host.anew(), sensor);
        if self.lanes.len() + SERVING * self.serving >= HOSTS && !self.lanes.contains_key(&sight) {
            self.drop_quiet_hosts(rows);
        }
        // `entry` takes a copy of the key, which waits for its parts.
        let held = match self.lanes.get_mut(&sight) {
            Some(held) => held,
            None => self.lanes.entry(sight).or_default(),
        };
        held.ours |= ours;
        held.asked_for |= asked_for;
        let served = !held.lane.services.is_empty();
        let mut ctx = Context { config: &self.config, days: &mut self.days, host: route.host.anew(), sensor };
        let seen = Observation { key, late, record, side, peer_inside, owner };
        let observed = held.lane.observe(&mut ctx, seen, rows);
        self.serving += usize::from(!served && !held.lane.services.is_empty());
        observed.map_err(|e| {
            io::Error::other(format!("the merge gave {:?} after {:?} (please report this)", e.key, e.last))
        })
    }

    /// Makes room by an eighth: hosts that are not convicted, those that were quiet longest first.
    fn drop_quiet_hosts(&mut self, rows: &mut Rows) {
        let mut quiet: Vec<_> = self
            .lanes
            .iter()
            .filter(|(_, held)| !held.lane.is_convicted())
            .map(|(&host, held)| (held.lane.last_seen(), host))
            .collect();
        quiet.sort_unstable();
        for (_, host) in quiet.into_iter().take(self.lanes.len().div_ceil(8)) {
            let Some(Held { mut lane, ours, .. }) = self.lanes.remove(&host) else { continue };
            self.serving -= usize::from(!lane.services.is_empty());
            let mut ctx = Context { config: &self.config, days: &mut self.days, host: host.0, sensor: host.1 };
            lane.finish(&mut ctx, rows);
            self.hosts_dropped += u64::from(ours);
        }
    }

    /// The evidence ends.
    ///
    /// # Errors
    /// Where a temporary file fails.
    pub(super) fn finish(mut self, rows: &mut Rows, batches: &mut Batches) -> io::Result<Lanes> {
        self.release(rows, batches, &Watermarks::at_end())?;
        let mut held: Vec<_> = self.lanes.into_iter().collect();
        held.sort_unstable_by_key(|&(host, _)| host);
        let mut lanes = Lanes { hosts_dropped: self.hosts_dropped, irregular: self.irregular, ..Lanes::default() };
        for (Sight(host, sensor), Held { mut lane, ours, asked_for }) in held {
            let mut ctx = Context { config: &self.config, days: &mut self.days, host, sensor };
            lane.finish(&mut ctx, rows);
            if ours {
                lanes.inside.insert(host.addr());
            }
            if ours && asked_for {
                self.filter.strip(&mut lane);
                lanes.lanes.push((host, sensor, lane));
            }
        }
        lanes.forgotten = self.filter.forgotten;
        lanes.ours = self.ours;
        lanes.seen_as = self.filter.seen_as;
        rows.check()?;
        Ok(lanes)
    }
}
