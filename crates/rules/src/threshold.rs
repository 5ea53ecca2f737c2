//! `threshold` and `detection_filter` over all flows: which alerts of a rule are told.
//!
//! Alerts come in one order, whatever threads found them, so that what is told does not depend on these either.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::header::Flow;
use crate::rule::{Distinct, Filter, FilterKind, Track};

/// Whoever is counted at once, over all rules.
const COUNTED: usize = 65_536;
/// Ports that are told from one another, for each of them.
const PORTS: usize = 1024;
const SECOND: i64 = 1_000_000_000;

/// Who is counted, or has a bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    One(IpAddr),
    Both(IpAddr, IpAddr),
    Flow(u64),
    All,
}

#[derive(Clone, Debug)]
struct Count {
    /// When the first came, in nanoseconds.
    since: i64,
    seconds: u32,
    count: u32,
    /// Ports that were counted, where each is counted once.
    ports: Vec<u16>,
}

/// What was counted so far.
#[derive(Debug, Default)]
pub struct Thresholds {
    counts: HashMap<(u32, Who), Count, foldhash::fast::RandomState>,
    /// When room was last looked for, in nanoseconds: that takes a look at all of them.
    looked: Option<i64>,
    /// Alerts that were held back because too many are counted already.
    pub uncounted: u64,
}

impl Thresholds {
    /// Whether an alert of the rule with this number and filter is to be told. `at`: its moment in nanoseconds; `flow`: who
    /// sent the packet to whom; `id`: the flow's.
    pub fn admits(&mut self, (rule, filter): (u32, Filter), at: i64, flow: Flow, id: u64) -> bool {
        let key = (rule, who(filter.track, flow, id));
        if self.counts.len() >= COUNTED && !self.counts.contains_key(&key) {
            self.make_room(at);
            if self.counts.len() >= COUNTED {
                self.uncounted += 1;
                return false;
            }
        }
        let new = || Count { since: at, seconds: filter.seconds, count: 0, ports: Vec::new() };
        let count = self.counts.entry(key).or_insert_with(new);
        if count.is_over(at) {
            *count = new();
        }
        count.add(filter, flow)
    }

    /// Drops those that are over, once a second: windows are seconds long, and whoever fills the table goes on.
    fn make_room(&mut self, at: i64) {
        if self.looked.is_none_or(|looked| at.saturating_sub(looked) >= SECOND) {
            self.looked = Some(at);
            self.counts.retain(|_, count| !count.is_over(at));
        }
    }
}

impl Count {
    fn is_over(&self, at: i64) -> bool {
        at.saturating_sub(self.since) > i64::from(self.seconds) * SECOND
    }

    /// Counts one, and says whether it is told.
    fn add(&mut self, filter: Filter, flow: Flow) -> bool {
        let new = match filter.distinct {
            Some(Distinct::SrcPort) => self.is_new(flow.src_port),
            Some(Distinct::DstPort) => self.is_new(flow.dst_port),
            None => true,
        };
        self.count = self.count.saturating_add(u32::from(new));
        match filter.kind {
            FilterKind::Limit => self.count <= filter.count,
            FilterKind::Both => self.count == filter.count,
            FilterKind::After => self.count > filter.count,
            FilterKind::Threshold => {
                let told = self.count >= filter.count;
                if told {
                    self.count = 0;
                }
                told
            }
        }
    }

    fn is_new(&mut self, port: u16) -> bool {
        match self.ports.binary_search(&port) {
            Err(at) if self.ports.len() < PORTS => {
                self.ports.insert(at, port);
                true
            }
            _ => false,
        }
    }
}

/// Whom a packet of the flow called `id` counts for.
pub(crate) fn who(track: Track, flow: Flow, id: u64) -> Who {
    match track {
        Track::BySrc => Who::One(flow.src),
        Track::ByDst => Who::One(flow.dst),
        Track::ByBoth => Who::Both(flow.src.min(flow.dst), flow.src.max(flow.dst)),
        Track::ByRule => Who::All,
        Track::ByFlow => Who::Flow(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Class;

    /// The seconds, of one alert in each, at which one is told.
    fn told(kind: FilterKind, count: u32, seconds: u32, distinct: Option<Distinct>) -> Vec<i64> {
        let filter = Filter { kind, track: Track::BySrc, count, seconds, distinct };
        let mut thresholds = Thresholds::default();
        let flow = |port| Flow {
            class: Class::Tcp,
            src: IpAddr::from([192, 0, 2, 1]),
            src_port: port,
            dst: IpAddr::from([10, 0, 0, 1]),
            dst_port: 25,
        };
        // Two sources by turns, so that each has its own count.
        let other = Flow { src: IpAddr::from([192, 0, 2, 2]), ..flow(1) };
        let at = |second: i64| second * SECOND;
        (1..=12)
            .filter(|second| {
                thresholds.admits((0, filter), at(*second), other, 0);
                thresholds.admits((0, filter), at(*second), flow((*second / 3) as u16), 0)
            })
            .collect()
    }

    #[test]
    fn each_kind_tells_what_suricata_says() {
        assert_eq!(told(FilterKind::Limit, 2, 5, None), [1, 2, 7, 8]);
        assert_eq!(told(FilterKind::Threshold, 3, 60, None), [3, 6, 9, 12]);
        assert_eq!(told(FilterKind::Both, 3, 5, None), [3, 9]);
        assert_eq!(told(FilterKind::After, 4, 5, None), [5, 6, 11, 12]);
        assert_eq!(told(FilterKind::After, 2, 60, Some(Distinct::SrcPort)), [6, 7, 8, 9, 10, 11, 12]);
        assert_eq!(told(FilterKind::After, 2, 60, Some(Distinct::DstPort)), [0; 0]);
    }

    #[test]
    fn those_counted_are_bounded() {
        let filter = Filter { kind: FilterKind::Limit, track: Track::ByFlow, count: 1, seconds: 1, distinct: None };
        let mut thresholds = Thresholds::default();
        let end = IpAddr::from([10, 0, 0, 1]);
        let flow = Flow { class: Class::Tcp, src: end, src_port: 1, dst: end, dst_port: 2 };
        let many = COUNTED as u64 + 3;
        let told = (0..many).filter(|id| thresholds.admits((0, filter), 0, flow, *id)).count();
        assert_eq!((told, thresholds.uncounted), (COUNTED, 3));
        assert!(thresholds.admits((0, filter), 2 * SECOND, flow, many), "those that are over make room");
    }
}
