//! Every outbound leg: what a tunnel or a bot sent is looked at when everything is known.
//!
//! Most are written and never asked for again, so that each takes as little time and room as can be: those that
//! syslog tells of, of which there are most, are 64 bytes.

use std::io;

use catspaw_records::{HostKey, SensorId};
use catspaw_relay::{EndedLeg, Leg, PackedLeg};
use serde::{Deserialize, Serialize};

use super::spill::{Bytes, Spill};

/// An outbound leg that is complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sent {
    /// The host.
    pub(crate) host: HostKey,
    /// Whose records.
    pub(crate) sensor: SensorId,
    /// Host to target.
    pub(crate) leg: Leg,
}

/// Outbound legs of one worker's hosts.
#[derive(Debug, Default)]
pub(crate) struct SentLegs {
    packed: Bytes,
    /// The sensors as packed legs name them.
    sensors: Vec<SensorId>,
    /// The legs that cannot be packed.
    others: Spill<Sent>,
}

/// Sensors whose legs are written packed.
const SENSORS: usize = 256;

impl SentLegs {
    /// Takes a leg.
    ///
    /// # Errors
    /// Where the temporary file cannot be made or written.
    pub(crate) fn push(&mut self, host: HostKey, sensor: SensorId, leg: &EndedLeg) -> io::Result<()> {
        if let EndedLeg::Packed(packed) = leg
            && host == HostKey::Address(packed.own())
            && let Some(place) = self.sensor(sensor)
        {
            return self.packed.append(&[&packed.to_bytes(place)]);
        }
        self.others.push(&Sent { host, sensor, leg: leg.leg(sensor) })
    }

    /// Gives the legs of those that are asked for, each host's in the order in which they came but for how they are kept. May be done
    /// again.
    ///
    /// # Errors
    /// Where the temporary file cannot be read, or `give` fails.
    pub(crate) fn of(
        &mut self,
        is_asked: impl Fn(&HostKey, &SensorId) -> bool,
        mut give: impl FnMut(Sent) -> io::Result<()>,
    ) -> io::Result<()> {
        let sensors = &self.sensors;
        let mut take = |bytes: &[u8; 64]| {
            let (packed, place) = PackedLeg::of_bytes(bytes);
            let host = HostKey::Address(packed.own());
            let sensor = sensors.get(usize::from(place)).copied();
            match sensor.filter(|sensor| is_asked(&host, sensor)) {
                Some(sensor) => give(Sent { host, sensor, leg: packed.leg(sensor) }),
                None => Ok(()),
            }
        };
        self.packed.read(&mut take)?;
        for sent in self.others.rows()? {
            let sent = sent?;
            if is_asked(&sent.host, &sent.sensor) {
                give(sent)?;
            }
        }
        Ok(())
    }

    /// Lets go of the legs of all but those that may be asked for: few hosts of many.
    ///
    /// # Errors
    /// Where a temporary file fails.
    pub(super) fn keep(&mut self, may_be_asked: impl Fn(&HostKey, &SensorId) -> bool) -> io::Result<()> {
        let mut kept = Self { sensors: self.sensors.clone(), ..Self::default() };
        let (sensors, packed) = (&self.sensors, &mut kept.packed);
        self.packed.read(|bytes: &[u8; 64]| {
            let (leg, place) = PackedLeg::of_bytes(bytes);
            let sensor = sensors.get(usize::from(place));
            let is_kept = sensor.is_some_and(|sensor| may_be_asked(&HostKey::Address(leg.own()), sensor));
            if is_kept { packed.append(&[bytes]) } else { Ok(()) }
        })?;
        for sent in self.others.rows()? {
            let sent = sent?;
            if may_be_asked(&sent.host, &sent.sensor) {
                kept.others.push(&sent)?;
            }
        }
        *self = kept;
        Ok(())
    }

    fn sensor(&mut self, sensor: SensorId) -> Option<u8> {
        let known = self.sensors.iter().position(|&known| known == sensor);
        let at = known.or_else(|| {
            (self.sensors.len() < SENSORS).then(|| {
                self.sensors.push(sensor);
                self.sensors.len() - 1
            })
        });
        at.and_then(|at| u8::try_from(at).ok())
    }
}

#[cfg(test)]
mod tests {
    use catspaw_records::Nanos;

    use super::*;

    /// A leg of 10.0.0.`host`, with the number `id`.
    fn packed(host: u8, id: u8) -> PackedLeg {
        let mut bytes = [0; 64];
        bytes[0] = id;
        bytes[12..16].copy_from_slice(&[host, 0, 0, 10]);
        PackedLeg::of_bytes(&bytes).0
    }

    #[test]
    fn each_host_and_sensor_has_its_own_legs_packed_or_not() {
        let mut kept = SentLegs::default();
        let host = |n: u8| HostKey::Address([10, 0, 0, n].into());
        let mut expected = Vec::new();
        for n in 0..40 {
            let (at, sensor) = (n % 3, SensorId(u64::from(n % 2)));
            // Every fifth is one of a machine that is known by another address.
            let of = if n % 5 == 0 { host(99) } else { host(at) };
            let leg = match n % 4 {
                0 => EndedLeg::Whole(Box::new(((Nanos(0), 0), packed(at, n).leg(sensor)))),
                _ => EndedLeg::Packed(packed(at, n)),
            };
            kept.push(of, sensor, &leg).unwrap();
            expected.push(Sent { host: of, sensor, leg: leg.leg(sensor) });
        }
        let asked = [(host(0), 0), (host(1), 1), (host(99), 0)];
        let others = expected.iter().filter(|sent| !asked.contains(&(sent.host, sent.sensor.0))).count();
        kept.keep(|host, sensor| asked.contains(&(*host, sensor.0))).unwrap();
        let mut left = 0;
        let count = |_| {
            left += 1;
            Ok(())
        };
        kept.of(|_, _| true, count).unwrap();
        assert_eq!(left + others, expected.len(), "what may be asked for is kept, and nothing else");
        for (asked, sensor) in asked {
            let mut given = Vec::new();
            let is_asked = |host: &HostKey, of: &SensorId| *host == asked && *of == SensorId(sensor);
            let give = |sent: Sent| {
                given.push(sent);
                Ok(())
            };
            kept.of(is_asked, give).unwrap();
            given.sort_by_key(|sent| sent.leg.id);
            let wanted = |sent: &&Sent| is_asked(&sent.host, &sent.sensor);
            assert_eq!(given, expected.iter().filter(wanted).cloned().collect::<Vec<_>>());
            assert!(given.len() > 3);
        }
    }
}
