//! The virtual shards of one worker: merge, duplicates, and one fold per host and sensor.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::io;

use catspaw_records::{Days, HostKey, Nanos, Record, SensorId};
use catspaw_relay::{Config, Connection, Context, Lane, LegPair, Observation, Sink};

use super::parse::Batch;
use super::route::Routed;
use super::spill::Spill;

/// Hosts that one shard keeps; beyond, those that were quiet longest and have no service go.
const HOSTS: usize = 4096;

/// How a file's records are placed among those of other files in the same second: by what it holds, then its number.
pub type Rank = (Nanos, u64, u32);

/// What one virtual shard has at the end.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Hosts with a service that was tested, in order.
    pub lanes: Vec<(HostKey, SensorId, Box<Lane>)>,
    /// Pairs, also of hosts that will not be judged relays.
    pub pairs: Spill<LegPair>,
    /// Connections, where they are wanted.
    pub connections: Spill<Connection>,
    /// Connections put together.
    pub connected: u64,
    /// Our hosts seen (of what the cap kept).
    pub hosts: u64,
    /// Hosts that the cap dropped.
    pub hosts_dropped: u64,
    /// Per file and sensor: records that came later than the merge waits, and second copies.
    pub irregular: BTreeMap<(u32, SensorId), Irregular>,
    /// What is ours, by network, where records or private ranges say so.
    pub inside: HashSet<std::net::IpAddr>,
}

/// Records that are not taken as they come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Irregular {
    /// Later than the merge waits.
    pub late: u64,
    /// Second copies.
    pub duplicates: u64,
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
pub struct Shard {
    config: std::sync::Arc<Config>,
    days: Days,
    wants_connections: bool,
    streams: BTreeMap<(SensorId, Rank), VecDeque<Waiting>>,
    /// Fingerprints of the records at the current moment of each sensor.
    seen: HashMap<SensorId, (Nanos, HashSet<(u64, bool)>)>,
    lanes: HashMap<(HostKey, SensorId), Box<Lane>>,
    rows: Rowsink,
    hosts_dropped: u64,
    irregular: BTreeMap<(u32, SensorId), Irregular>,
}

#[derive(Debug, Default)]
struct Rowsink {
    pairs: Spill<LegPair>,
    connections: Spill<Connection>,
    wants_connections: bool,
    connected: u64,
    error: Option<io::Error>,
}

impl Sink for Rowsink {
    fn connection(&mut self, connection: Connection) {
        self.connected += 1;
        if self.wants_connections {
            self.error = self.error.take().or(self.connections.push(connection).err());
        }
    }

    fn pair(&mut self, pair: LegPair) {
        self.error = self.error.take().or(self.pairs.push(pair).err());
    }
}

impl Shard {
    /// An empty shard.
    #[must_use]
    pub fn new(config: std::sync::Arc<Config>, days: Days, wants_connections: bool) -> Self {
        Self {
            config,
            days,
            wants_connections,
            streams: BTreeMap::new(),
            seen: HashMap::new(),
            lanes: HashMap::new(),
            rows: Rowsink { wants_connections, ..Rowsink::default() },
            hosts_dropped: 0,
            irregular: BTreeMap::new(),
        }
    }

    /// Takes a record into its stream, which is kept in order. Streams come nearly in order, so the place is near
    /// the end.
    pub fn push(&mut self, rank: Rank, key: Nanos, late: bool, routed: Routed) {
        let stream = self.streams.entry((routed.record.known.sensor, rank)).or_default();
        let at = stream.iter().rposition(|waiting| waiting.key <= key).map_or(0, |at| at + 1);
        stream.insert(at, Waiting { key, late, routed });
    }

    /// Folds what no later record can precede: everything of a sensor before its watermark.
    ///
    /// # Errors
    /// Where a temporary file fails, or the merge is at fault.
    pub fn release(&mut self, watermark: impl Fn(SensorId) -> Nanos) -> io::Result<()> {
        let mut sensors: Vec<SensorId> = self.streams.keys().map(|&(sensor, _)| sensor).collect();
        sensors.dedup();
        for sensor in sensors {
            let upto = watermark(sensor);
            while let Some(waiting) = self.next_of(sensor, upto) {
                self.fold(sensor, waiting)?;
            }
        }
        self.streams.retain(|_, stream| !stream.is_empty());
        match self.rows.error.take() {
            Some(error) => Err(error),
            None => Ok(()),
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

    fn fold(&mut self, sensor: SensorId, waiting: Waiting) -> io::Result<()> {
        let Waiting { key, late, routed } = waiting;
        let (at, seen) = self.seen.entry(sensor).or_default();
        if *at != key {
            *at = key;
            seen.clear();
        }
        let irregular = (routed.record.place.file, sensor);
        if !seen.insert((routed.record.fingerprint, routed.owner)) {
            self.irregular.entry(irregular).or_default().duplicates += u64::from(routed.owner);
            return Ok(());
        }
        if late {
            self.irregular.entry(irregular).or_default().late += u64::from(routed.owner);
        }
        self.observe(sensor, key, late, &routed)
    }

    fn observe(&mut self, sensor: SensorId, key: Nanos, late: bool, routed: &Routed) -> io::Result<()> {
        if self.lanes.len() >= HOSTS && !self.lanes.contains_key(&(routed.host, sensor)) {
            self.drop_quiet_hosts();
        }
        let lane = self.lanes.entry((routed.host, sensor)).or_default();
        let mut ctx = Context { config: &self.config, days: &mut self.days, host: routed.host, sensor };
        let record: &Record = &routed.record;
        let Routed { side, peer_inside, owner, .. } = *routed;
        lane.observe(&mut ctx, Observation { key, late, record, side, peer_inside, owner }, &mut self.rows)
            .map_err(|e| io::Error::other(format!("the merge gave {:?} after {:?} (please report this)", e.key, e.last)))
    }

    /// Makes room by an eighth: hosts without a service, those that were quiet longest first.
    fn drop_quiet_hosts(&mut self) {
        let mut quiet: Vec<_> = self
            .lanes
            .iter()
            .filter(|(_, lane)| lane.services.is_empty())
            .map(|(&host, lane)| (lane.last_seen(), host))
            .collect();
        quiet.sort_unstable();
        for (_, host) in quiet.into_iter().take(HOSTS / 8) {
            let Some(mut lane) = self.lanes.remove(&host) else { continue };
            let mut ctx = Context { config: &self.config, days: &mut self.days, host: host.0, sensor: host.1 };
            lane.finish(&mut ctx, &mut self.rows);
            self.hosts_dropped += 1;
        }
    }

    /// The evidence ends.
    ///
    /// # Errors
    /// Where a temporary file fails.
    pub fn finish(mut self) -> io::Result<Outcome> {
        self.release(|_| Nanos::MAX)?;
        let mut lanes: Vec<_> = self.lanes.into_iter().collect();
        lanes.sort_unstable_by_key(|&(host, _)| host);
        let mut outcome = Outcome { hosts_dropped: self.hosts_dropped, irregular: self.irregular, ..Outcome::default() };
        for ((host, sensor), mut lane) in lanes {
            let mut ctx = Context { config: &self.config, days: &mut self.days, host, sensor };
            lane.finish(&mut ctx, &mut self.rows);
            outcome.hosts += 1;
            outcome.inside.insert(host.addr());
            outcome.lanes.push((host, sensor, lane));
        }
        outcome.pairs = self.rows.pairs;
        outcome.connections = self.rows.connections;
        outcome.connected = self.rows.connected;
        match self.rows.error {
            Some(error) => Err(error),
            None => Ok(outcome),
        }
    }

    /// Takes what a batch brings to this shard.
    pub fn take(&mut self, batch: &Batch, records: &[(Nanos, Routed)], wait: i64) {
        for &(before, routed) in records {
            let sensor = routed.record.known.sensor;
            let latest = before.max(batch.latest_before(sensor));
            let known = routed.record.known_at();
            let late = latest != Nanos::MIN && known < latest.plus(-wait);
            self.push(batch.rank, if late { latest } else { known }, late, routed);
        }
    }
}
