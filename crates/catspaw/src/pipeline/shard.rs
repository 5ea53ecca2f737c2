//! The virtual shards of one worker: merge, duplicates, and one fold per host and sensor.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::IpAddr;

use catspaw_records::{Days, Event, HostKey, Nanos, Record, SensorId};
use catspaw_relay::{Attempt, Config, Context, Lane, Observation, Sink};

use super::ours::Ours;
use foldhash::{HashMap, HashSet};

use super::parse::{Batch, Rank};
use super::restrict::{Filter, Look, Restriction};
use super::route::Routed;
use super::rows::Rows;

/// Hosts that one shard keeps; beyond, those go that were quiet longest and are not convicted.
const HOSTS: usize = 1024;
/// A host with a service counts for so many more.
const SERVING: usize = 7;

/// A record that is late by no more waits until the clock comes to where it was.
const WAITS: i64 = 24 * 3600 * Nanos::SECOND;
/// How often idle hosts are looked for, in nanoseconds of the evidence.
const HOUR: u64 = 3600 * Nanos::SECOND as u64;
/// Fingerprints that are kept of one moment.
const FINGERPRINTS: usize = 1 << 18;

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
}

/// Records that are not taken as they come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Irregular {
    /// Later than the merge waits.
    pub(crate) late: u64,
    /// Second copies.
    pub(crate) duplicates: u64,
}

/// A record that waits for its turn.
#[derive(Debug)]
struct Waiting {
    key: Nanos,
    late: bool,
    routed: Routed,
}

/// One virtual shard.
#[derive(Debug)]
pub(crate) struct Shard {
    config: std::sync::Arc<Config>,
    filter: Filter,
    ours: Ours,
    days: Days,
    streams: BTreeMap<(SensorId, Rank), VecDeque<Waiting>>,
    /// Fingerprints of the records at the current moment of each sensor.
    seen: HashMap<SensorId, (Nanos, HashSet<(u64, bool)>)>,
    lanes: HashMap<(HostKey, SensorId), Held>,
    /// How many of them have a service.
    serving: usize,
    hosts_dropped: u64,
    irregular: BTreeMap<(u32, SensorId), Irregular>,
    /// How far the last sensor that was released has come, and where it was when idle hosts were looked for.
    reached: Nanos,
    rested: Nanos,
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
        ours: bool,
    ) -> Self {
        Self {
            config,
            filter: Filter::new(restriction),
            ours: Ours::new(ours),
            days,
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

    /// Takes a record into its stream, which is kept in order. Streams come nearly in order, so the place is near
    /// the end.
    pub(crate) fn push(&mut self, rank: Rank, key: Nanos, late: bool, routed: Routed) {
        let stream = self.streams.entry((routed.record.known.sensor, rank)).or_default();
        let waiting = Waiting { key, late, routed };
        if stream.back().is_none_or(|last| last.key <= key) {
            stream.push_back(waiting);
        } else {
            stream.insert(stream.partition_point(|before| before.key <= key), waiting);
        }
    }

    /// Folds what no later record can precede: everything of a sensor before its watermark.
    ///
    /// # Errors
    /// Where a temporary file fails, or the merge is at fault.
    pub(crate) fn release(&mut self, rows: &mut Rows, watermark: impl Fn(SensorId) -> Nanos) -> io::Result<()> {
        let mut sensors: Vec<SensorId> = self.streams.keys().map(|&(sensor, _)| sensor).collect();
        sensors.dedup();
        for sensor in sensors {
            let upto = watermark(sensor);
            self.reached = upto;
            while let Some(waiting) = self.next_of(sensor, upto) {
                self.fold(rows, sensor, waiting)?;
            }
        }
        self.streams.retain(|_, stream| !stream.is_empty());
        self.rest_idle(watermark, rows);
        rows.check()
    }

    /// Once in an hour of the evidence, lets hosts that have been quiet let go of what they hold.
    fn rest_idle(&mut self, watermark: impl Fn(SensorId) -> Nanos, rows: &mut Rows) {
        if self.reached.0.abs_diff(self.rested.0) < HOUR {
            return;
        }
        self.rested = self.reached;
        for (&(host, sensor), held) in &mut self.lanes {
            let mut ctx = Context { config: &self.config, days: &mut self.days, host, sensor };
            held.lane.rest(&mut ctx, watermark(sensor), rows);
        }
    }

    fn next_of(&mut self, sensor: SensorId, upto: Nanos) -> Option<Waiting> {
        let all = (sensor, (Nanos::MIN, 0, 0))..=(sensor, (Nanos::MAX, u64::MAX, u32::MAX));
        self.streams
            .range_mut(all)
            .filter_map(|(_, stream)| stream.front().map(|w| w.key).filter(|&key| key < upto).map(|key| (key, stream)))
            .min_by_key(|&(key, _)| key)
            .and_then(|(_, stream)| stream.pop_front())
    }

    fn fold(&mut self, rows: &mut Rows, sensor: SensorId, waiting: Waiting) -> io::Result<()> {
        let Waiting { key, late, mut routed } = waiting;
        let (at, seen) = self.seen.entry(sensor).or_default();
        if *at != key {
            *at = key;
            seen.clear();
        }
        let irregular = (routed.record.place.file, sensor);
        if seen.len() >= FINGERPRINTS {
            seen.clear();
        }
        if !seen.insert((routed.record.fingerprint, routed.owner)) {
            self.irregular.entry(irregular).or_default().duplicates += u64::from(routed.owner);
            return Ok(());
        }
        if late {
            self.irregular.entry(irregular).or_default().late += u64::from(routed.owner);
        }
        self.ours.note(&routed);
        let lane = self.lanes.get(&(routed.host, sensor)).map(|held| &*held.lane);
        match self.filter.look(sensor, &mut routed, lane) {
            Look::Away => Ok(()),
            look => self.observe(rows, sensor, (key, late), &routed, look == Look::At),
        }
    }

    fn observe(
        &mut self,
        rows: &mut Rows,
        sensor: SensorId,
        (key, late): (Nanos, bool),
        routed: &Routed,
        asked_for: bool,
    ) -> io::Result<()> {
        if let (false, Event::Denied(denied)) = (routed.ours, &routed.record.event) {
            // It names an address that may be one of ours behind NAT, and needs no fold of its own.
            if let Some(attempt) = Attempt::denied(denied, sensor, routed.record.known.at) {
                rows.attempt(attempt);
            }
            return Ok(());
        }
        if self.lanes.len() + SERVING * self.serving >= HOSTS && !self.lanes.contains_key(&(routed.host, sensor)) {
            self.drop_quiet_hosts(rows);
        }
        let held = self.lanes.entry((routed.host, sensor)).or_default();
        held.ours |= routed.ours;
        held.asked_for |= asked_for;
        let served = !held.lane.services.is_empty();
        let mut ctx = Context { config: &self.config, days: &mut self.days, host: routed.host, sensor };
        let record: &Record = &routed.record;
        let Routed { side, peer_inside, owner, .. } = *routed;
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
    pub(crate) fn finish(mut self, rows: &mut Rows) -> io::Result<Lanes> {
        self.release(rows, |_| Nanos::MAX)?;
        let mut held: Vec<_> = self.lanes.into_iter().collect();
        held.sort_unstable_by_key(|&(host, _)| host);
        let mut lanes = Lanes { hosts_dropped: self.hosts_dropped, irregular: self.irregular, ..Lanes::default() };
        for ((host, sensor), Held { mut lane, ours, asked_for }) in held {
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
        rows.check()?;
        Ok(lanes)
    }

    /// Takes what a batch brings to this shard.
    pub(crate) fn take(
        &mut self,
        batch: &Batch,
        records: &[(Nanos, Routed)],
        wait: i64,
        released: impl Fn(SensorId) -> Nanos,
    ) {
        for &(before, routed) in records {
            let sensor = routed.record.known.sensor;
            let known = routed.record.known_at();
            let latest = before.max(batch.latest_before(sensor, known));
            let released = released(sensor);
            let late = latest != Nanos::MIN && known < latest.plus(-wait) || known < released;
            let key = match late {
                false => known,
                // In the order of the file, as long as that ends soon; a clock that was set back by more does not
                // come to its latest stamp again, and what waits for it would fill the memory.
                true if latest.since(known) <= WAITS && latest >= released => latest,
                true => latest.plus(-wait).max(released).plus(-1),
            };
            self.push(batch.rank, key, late, routed);
        }
    }
}
