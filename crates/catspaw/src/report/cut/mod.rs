//! The cut: who kept trying after a host was shut off, and what their attempts kept open.
//!
//! What the folds gave away of inbound attempts is read once, for the ports of cases alone: denials get a host, retries
//! become one attempt, and each case learns what was refused of it and whether it is contained.

mod infer;
mod named;
mod tries;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io;
use std::net::IpAddr;

use catspaw_records::{Days, HostKey, Nanos, SensorId};
use catspaw_relay::{Attempt, Config, Daily, Lane, Learned, Outcome};

use self::infer::{Found, Watch};
use self::named::Named;
use self::tries::Tries;
use super::cases::Cases;
use super::incident::Case;
use super::model::{Containment, Timers};
use super::time;
use crate::pipeline::{Gathered, Lanes, Rows, Sorted, Sorter};

/// What was asked of one case's ports beyond the counts of its fold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// Attempts that the device refused, by day.
    pub(crate) denied: BTreeMap<i32, u64>,
    /// Whether it was cut off.
    pub(crate) containment: Option<Containment>,
}

/// What the attempts say beside that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Denials at a case's port whose address named no one host.
    pub(crate) unnamed: u64,
    /// Attempts whose retries could not be waited for.
    pub(crate) hurried: u64,
}

impl Told {
    /// What the report says of denials that count for nobody.
    #[must_use]
    pub(crate) fn limit(self) -> Option<String> {
        let (times, verb) = if self.unnamed == 1 { ("attempt", "names") } else { ("attempts", "name") };
        (self.unnamed > 0).then(|| {
            format!(
                "{} denied {times} at the ports of incidents {verb} an address that more than one host has had, and \
                 nobody at that time: counted for nobody.",
                self.unnamed,
            )
        })
    }
}

/// The timers of each device.
#[derive(Debug, Default)]
pub(crate) struct Clocks {
    learned: BTreeMap<SensorId, Learned>,
}

impl Clocks {
    /// Learns them from what every host's connections say.
    #[must_use]
    pub(crate) fn learn(shards: &[Lanes]) -> Self {
        let mut timers: BTreeMap<SensorId, catspaw_relay::Timers> = BTreeMap::new();
        for (_, sensor, lane) in shards.iter().flat_map(|shard| &shard.lanes) {
            timers.entry(*sensor).or_default().merge(&lane.timers);
        }
        Self { learned: timers.into_iter().map(|(sensor, timers)| (sensor, timers.learned())).collect() }
    }

    /// Those of one device.
    #[must_use]
    pub(crate) fn of(&self, sensor: SensorId) -> Learned {
        self.learned.get(&sensor).copied().unwrap_or_default()
    }

    /// As the report shows them: devices of which something was learned, by name.
    #[must_use]
    pub(crate) fn write(&self, gathered: &Gathered) -> Vec<Timers> {
        let names: BTreeMap<&str, SensorId> = gathered
            .files
            .values()
            .flat_map(|file| &file.sensors)
            .map(|(&sensor, count)| (count.name.as_str(), sensor))
            .collect();
        let seconds = |timer: Option<i64>| timer.map(|timer| (timer / Nanos::SECOND).unsigned_abs());
        let rows = names.into_iter().map(|(name, sensor)| (name, self.of(sensor)));
        rows.filter(|(_, learned)| *learned != Learned::default())
            .map(|(name, learned)| Timers {
                sensor: name.to_owned(),
                syn_timeout: seconds(learned.embryonic),
                half_closed: seconds(learned.half_closed),
                idle: seconds(learned.idle),
            })
            .collect()
    }
}

/// The latest record of each sensor.
fn ends(gathered: &Gathered) -> HashMap<SensorId, Nanos> {
    let mut ends: HashMap<SensorId, Nanos> = HashMap::new();
    for (&sensor, count) in gathered.files.values().flat_map(|file| &file.sensors) {
        if let Some((_, last)) = count.span {
            let end = ends.entry(sensor).or_insert(last);
            *end = last.max(*end);
        }
    }
    ends
}

/// Reads the attempts of `rows` and tells each case what was asked of it.
///
/// # Errors
/// Where a temporary file fails.
pub(crate) fn read(
    rows: &mut [Rows],
    shards: &[Lanes],
    (cases, clocks): (&mut Cases<'_>, &Clocks),
    gathered: &Gathered,
    config: &Config,
    days: &mut Days,
) -> io::Result<Told> {
    let mut told = Told::default();
    let sights = sights(&cases.cases, shards);
    let wanted = Wanted::of(&cases.cases, &sights);
    let mut sorted = Sorter::<Attempt>::default();
    if !wanted.by_host.is_empty() {
        let named = Named::of(shards, &wanted.addresses());
        for rows in rows {
            for attempt in rows.attempts.rows()? {
                match wanted.attributed(attempt?, &named) {
                    Attributed::To(attempt) => sorted.push(attempt)?,
                    Attributed::Nobody => told.unnamed += 1,
                    Attributed::NotAsked => {}
                }
            }
        }
    }
    let ends = ends(gathered);
    let watch = |sight: &Sight<'_>| watch(&cases.cases[sight.case], sight, config, clocks, &ends);
    let mut watches: Vec<Watch> = sights.iter().map(watch).collect();
    let mut tries: HashMap<(HostKey, SensorId), Tries> = HashMap::new();
    sorted.for_each(|attempt| {
        let host = (attempt.host, attempt.sensor);
        let tries = tries.entry(host).or_default();
        tries.push(&attempt, |one| wanted.tell(host, &one, (&mut watches, days)));
        Ok(())
    })?;
    for (host, mut tries) in tries {
        tries.finish(|one| wanted.tell(host, &one, (&mut watches, days)));
        told.hurried += tries.hurried;
    }
    let mut seen: Vec<(Sight<'_>, Watch)> = sights.into_iter().zip(watches).collect();
    for own in seen.chunk_by_mut(|a, b| a.0.case == b.0.case) {
        let Some(number) = own.first().map(|(sight, _)| sight.case) else { continue };
        cases.cases[number].asked = asked(own);
    }
    Ok(told)
}

/// What one sensor saw of the host of a case.
#[derive(Clone, Copy)]
struct Sight<'a> {
    case: usize,
    sensor: SensorId,
    lane: &'a Lane,
    /// Whether it is the one that the case stands on.
    is_chosen: bool,
}

/// What every sensor saw of each case's host, those of one case together: one that sees all that is asked of it may know nothing of
/// what a firewall refuses, nor of who had which address.
fn sights<'a>(cases: &[Case<'_>], shards: &'a [Lanes]) -> Vec<Sight<'a>> {
    let mut lanes: HashMap<HostKey, Vec<(SensorId, &Lane)>> = HashMap::new();
    for (host, sensor, lane) in shards.iter().flat_map(|shard| &shard.lanes) {
        lanes.entry(*host).or_default().push((*sensor, lane));
    }
    let mut sights = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let Some((chosen, _)) = case.lane else { continue };
        let seen = lanes.get(&case.host).into_iter().flatten();
        sights.extend(seen.map(|&(sensor, lane)| Sight { case: number, sensor, lane, is_chosen: sensor == chosen }));
    }
    sights
}

fn watch(
    case: &Case<'_>,
    Sight { sensor, lane, .. }: &Sight<'_>,
    config: &Config,
    clocks: &Clocks,
    ends: &HashMap<SensorId, Nanos>,
) -> Watch {
    let ports: BTreeSet<u16> = case.ports().collect();
    Watch::new(
        config.contained_at(case.host.addr()),
        ports.iter().filter_map(|&port| lane.beats.last_answered(port)).max(),
        established(lane, &ports),
        clocks.of(*sensor).embryonic,
        ends.get(sensor).copied().unwrap_or(Nanos::MIN),
    )
}

/// What was asked of a case: the denials that are counted are those of the sensor that the case stands on, for numbers of two are not
/// added; of a cut that one tells which knows most of what was refused. Nobody was cut off whom another sensor saw answer later.
fn asked(own: &mut [(Sight<'_>, Watch)]) -> Asked {
    let chosen = own.iter_mut().find(|(sight, _)| sight.is_chosen);
    let denied = chosen.map(|(_, watch)| std::mem::take(&mut watch.denied)).unwrap_or_default();
    let answered = own.iter().filter_map(|(_, watch)| watch.last_answered()).max();
    let found = own.iter().filter_map(|(sight, watch)| Some((sight, watch.found()?)));
    let stands = found.filter(|(_, found)| found.declared || answered.is_none_or(|answered| answered <= found.at));
    let best = stands.max_by_key(|(sight, found)| (found.denials, sight.is_chosen, sight.sensor));
    Asked { denied, containment: best.map(|(sight, found)| written(sight.lane, &found)) }
}

fn established(lane: &Lane, ports: &BTreeSet<u16>) -> u64 {
    let days = ports.iter().filter_map(|port| lane.tally.inbound.get(port)).flat_map(Daily::values);
    days.map(|day| day.established).sum()
}

fn written(lane: &Lane, found: &Found) -> Containment {
    let slot = lane.translations.standing_at(found.at);
    // An address that is configured stays whether anybody asks for it or not.
    let slot = slot.filter(|slot| !slot.fixed);
    Containment {
        at: time::rfc3339(found.at),
        source: if found.declared { "declared" } else { "inferred" },
        attempts_after: found.attempts,
        clients_after: found.clients,
        last_attempt: found.last.map(time::rfc3339),
        answered_after: found.answered,
        denials_after: found.denials,
        translation_held_until: slot.and_then(|slot| slot.until).map(time::rfc3339),
        translation_duration: slot
            .and_then(|slot| slot.duration)
            .map(|duration| (duration / Nanos::SECOND).unsigned_abs()),
        translation_address: slot.map(|slot| slot.mapped.to_string()),
    }
}

/// Which attempts the cases ask for.
struct Wanted {
    /// By port, with the place among the sights.
    by_host: HashMap<(HostKey, SensorId), Vec<(u16, usize)>>,
    /// What the hosts were called outside.
    by_address: HashMap<(SensorId, IpAddr), BTreeSet<u16>>,
}

enum Attributed {
    To(Attempt),
    Nobody,
    NotAsked,
}

impl Wanted {
    fn of(cases: &[Case<'_>], sights: &[Sight<'_>]) -> Self {
        let mut wanted = Self { by_host: HashMap::new(), by_address: HashMap::new() };
        for (number, sight) in sights.iter().enumerate() {
            let (case, &Sight { sensor, lane, .. }) = (&cases[sight.case], sight);
            for port in case.ports() {
                wanted.by_host.entry((case.host, sensor)).or_default().push((port, number));
                for addr in lane.public.iter().copied().chain([case.host.addr()]) {
                    wanted.by_address.entry((sensor, addr)).or_default().insert(port);
                }
            }
        }
        wanted
    }

    fn addresses(&self) -> HashSet<(SensorId, IpAddr)> {
        self.by_address.keys().copied().collect()
    }

    fn asks(&self, host: (HostKey, SensorId), port: u16) -> bool {
        self.by_host.get(&host).is_some_and(|ports| ports.iter().any(|&(own, _)| own == port))
    }

    fn attributed(&self, attempt: Attempt, named: &Named) -> Attributed {
        if attempt.outcome != Outcome::Denied {
            let asked = self.asks((attempt.host, attempt.sensor), attempt.port);
            return if asked { Attributed::To(attempt) } else { Attributed::NotAsked };
        }
        let address = (attempt.sensor, attempt.host.addr());
        if !self.by_address.get(&address).is_some_and(|ports| ports.contains(&attempt.port)) {
            return Attributed::NotAsked;
        }
        match named.host(address, attempt.start) {
            Some(host) if self.asks((host, attempt.sensor), attempt.port) => {
                Attributed::To(Attempt { host, ..attempt })
            }
            Some(_) => Attributed::NotAsked,
            None => Attributed::Nobody,
        }
    }

    fn tell(&self, host: (HostKey, SensorId), one: &tries::Try, (watches, days): (&mut [Watch], &mut Days)) {
        let asking = self.by_host.get(&host).into_iter().flatten().filter(|&&(port, _)| port == one.port);
        for &(_, sight) in asking {
            watches[sight].take(one, days);
        }
    }
}

impl Sorted for Attempt {
    type Key = (HostKey, SensorId, Nanos, u16, catspaw_records::Endpoint, Outcome);

    fn key(&self) -> Self::Key {
        (self.host, self.sensor, self.start, self.port, self.peer, self.outcome)
    }
}
