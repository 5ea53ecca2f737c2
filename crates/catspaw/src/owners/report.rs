//! Owners in the report of a scan.

use std::collections::BTreeMap;
use std::net::IpAddr;

use catspaw_records::{Nanos, PROGRAMS, SensorId};
use jiff::tz::TimeZone;

use super::{LeaseFile, Owners};
use crate::moment;
use crate::pipeline::{FileRead, SensorCount, UnparsedCount};
use crate::report::{Dropped, Incident, Report};

/// What files of leases are called in the column of devices.
const SENSOR: &str = "dhcp";

impl LeaseFile {
    /// As any other file of the evidence.
    fn into_file(self) -> FileRead {
        let count = SensorCount {
            name: SENSOR.to_owned(),
            records: self.records,
            skipped: if self.mixed { 0 } else { self.skipped },
            span: self.span,
            ..SensorCount::default()
        };
        let unparsed = self.unparsed.into_iter().map(|(why, (count, lines))| {
            let kind: &'static str = self.format;
            ((kind, why), UnparsedCount { count, lines, ..Default::default() })
        });
        let mut file = FileRead {
            sensors: BTreeMap::from([(SensorId::of(SENSOR.as_bytes()), count)]),
            unparsed: unparsed.collect(),
            ..FileRead::new(self.source, self.format)
        };
        if !self.mixed {
            file.finish(&self.summary);
        }
        file
    }
}

/// Puts files of leases behind those that were scanned. What is a lease in one that is a log, too, was another program's line to the
/// log's reader, and is counted once.
pub(crate) fn list(leases: Vec<LeaseFile>, files: &mut BTreeMap<u32, FileRead>) {
    for lease in leases.iter().filter(|file| file.mixed) {
        let lines = lease.records + lease.unparsed.values().map(|(count, _)| count).sum::<u64>();
        let log = files.values_mut().find(|file| file.source.name() == lease.source.name());
        if let Some(programs) = log.and_then(|log| log.sensors.get_mut(&SensorId::of(PROGRAMS))) {
            programs.skipped = programs.skipped.saturating_sub(lines);
        }
    }
    let next = files.last_key_value().map_or(0, |(&last, _)| last + 1);
    files.extend((next..).zip(leases.into_iter().map(LeaseFile::into_file)));
}

impl Owners {
    /// Says of every incident who is behind its host.
    pub(crate) fn name(&self, report: &mut Report) {
        if self.leases.dropped > 0 {
            report.dropped.push(Dropped { table: "leases", count: self.leases.dropped });
        }
        for incident in report.incidents.iter_mut().chain(&mut report.authorised) {
            self.name_incident(incident);
        }
    }

    /// By the time at which it was last seen: whoever has the address now is to be found.
    fn name_incident(&self, incident: &mut Incident) {
        let Ok(host) = incident.host.parse::<IpAddr>() else { return };
        let at = |text: &Option<String>| text.as_ref().and_then(|text| moment::parse(text, &TimeZone::UTC).ok());
        let (first, last) = (at(&incident.first_seen), at(&incident.last_seen));
        incident.owner = self.of(host, last.or(first).unwrap_or(Nanos::MAX.plus(-1)));
        let before = first.and_then(|first| self.of(host, first));
        if let (Some(before), Some(owner)) = (before, &incident.owner)
            && before.mac != owner.mac
        {
            // Without names: the report may be redacted.
            incident.why.push(
                "The address changed hands meanwhile: when it was first seen it was another machine's; `trace` says whose."
                    .to_owned(),
            );
        }
    }
}
