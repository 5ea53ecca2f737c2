//! Every outbound leg: what a tunnel or a bot sent is looked at when everything is known.
//!
//! Most are written and never asked for again, so that each takes as little time and room as can be: those that
//! syslog tells of, of which there are most, are 64 bytes.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use catspaw_records::{ByteKind, Ending, Endpoint, HostKey, Nanos, Place, RecordId, SensorId, Stamp};
use catspaw_relay::{End, Leg, Size};
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

const SECOND: i64 = Nanos::SECOND;
/// Bytes of a packed leg.
const PACKED: usize = 64;
/// Sensors whose legs are packed.
const SENSORS: usize = 256;
/// What a packed leg's flags say.
const SMTP: u8 = 1;
const ANSWERED: u8 = 2;
const ENDINGS: [Ending; 10] = [
    Ending::Fins,
    Ending::ResetByOrig,
    Ending::ResetByResp,
    Ending::Reset,
    Ending::NoAnswer,
    Ending::HalfClosed,
    Ending::Idle,
    Ending::ByDevice,
    Ending::Open,
    Ending::Unknown,
];

impl SentLegs {
    /// Takes a leg.
    ///
    /// # Errors
    /// Where the temporary file cannot be made or written.
    pub(crate) fn push(&mut self, host: HostKey, sensor: SensorId, leg: &Leg) -> io::Result<()> {
        match self.pack(host, sensor, leg) {
            Some(packed) => self.packed.append(&[&packed]),
            None => self.others.push(&Sent { host, sensor, leg: *leg }),
        }
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
        let mut take = |packed: &[u8; PACKED]| {
            let host = HostKey::Address(address(word(packed, 1) >> 32));
            let sensor = sensors.get(usize::from(packed[23])).copied();
            match sensor.filter(|sensor| is_asked(&host, sensor)) {
                Some(sensor) => give(Sent { host, sensor, leg: unpack(packed, sensor) }),
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

    /// The leg in few bytes, if it is one that syslog tells of: with stamps to the second, between IPv4 addresses, with a total, both
    /// of its records in one file.
    fn pack(&mut self, host: HostKey, sensor: SensorId, leg: &Leg) -> Option<[u8; PACKED]> {
        let &Leg { id: RecordId::Device(id), peer, own, start, opened: Some(opened), end: Some(end), .. } = leg else {
            return None;
        };
        let &Leg { smtp, mailed: None, inward: false, places: [Some(first), Some(last)], .. } = leg else {
            return None;
        };
        let Size { up, down: 0, directed: false, kind: ByteKind::PayloadRetransmitted } = end.size? else {
            return None;
        };
        let (IpAddr::V4(peer_addr), IpAddr::V4(own_addr)) = (peer.addr, own.addr) else { return None };
        let plain = host == HostKey::Address(own.addr) && start.sensor == sensor && first.file == last.file;
        if !plain || i64::from(start.resolution) != SECOND {
            return None;
        }
        let [life, known] = [end.at.since(start.at), end.known.since(end.at)];
        if start.at.0 % SECOND != 0 || life % SECOND != 0 || known % SECOND != 0 {
            return None;
        }
        let ending = ENDINGS.iter().position(|&ending| ending == end.ending)? as u8;
        let flags = u8::from(smtp) * SMTP + u8::from(end.answered) * ANSWERED;
        let short = |n: u64| u32::try_from(n).ok();
        let seconds = |nanos: i64| u32::try_from(nanos / SECOND).ok();
        let mut packed = [0; PACKED];
        for (at, word) in packed.as_chunks_mut::<8>().0.iter_mut().zip([
            id,
            both(peer_addr.to_bits(), own_addr.to_bits()),
            u64::from(peer.port)
                | u64::from(own.port) << 16
                | u64::from(u16::try_from(first.file).ok()?) << 32
                | u64::from(ending | flags << 4) << 48
                | u64::from(self.sensor(sensor)?) << 56,
            both(seconds(start.at.0)?, seconds(life)?),
            both(short(opened)?, short(end.order)?),
            u64::try_from(up).ok()?,
            both(short(first.line)?, short(last.line)?),
            u64::from(seconds(known)?),
        ]) {
            *at = word.to_le_bytes();
        }
        Some(packed)
    }
}

fn both(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

fn word(packed: &[u8; PACKED], at: usize) -> u64 {
    u64::from_le_bytes(packed.as_chunks::<8>().0[at])
}

fn address(bits: u64) -> IpAddr {
    Ipv4Addr::from_bits(bits as u32).into()
}

fn unpack(packed: &[u8; PACKED], sensor: SensorId) -> Leg {
    let halves = |at: usize| (word(packed, at) & 0xffff_ffff, word(packed, at) >> 32);
    let seconds = |seconds: u64| seconds as i64 * SECOND;
    let (peer, own) = halves(1);
    let ports = word(packed, 2);
    let (start, life) = halves(3);
    let (opened, order) = halves(4);
    let (first, last) = halves(6);
    let state = packed[22];
    let at = Nanos(seconds(start) + seconds(life));
    let size = Size { up: word(packed, 5) as i64, down: 0, directed: false, kind: ByteKind::PayloadRetransmitted };
    let ending = ENDINGS.get(usize::from(state & 15)).copied().unwrap_or(Ending::Unknown);
    let end = End {
        at,
        known: at.plus(seconds(word(packed, 7))),
        order,
        ending,
        answered: state >> 4 & ANSWERED != 0,
        size: Some(size),
    };
    let place = |line| Some(Place { file: u32::from(packed[20]) | u32::from(packed[21]) << 8, line });
    Leg {
        id: RecordId::Device(word(packed, 0)),
        peer: Endpoint { addr: address(peer), port: ports as u16 },
        own: Endpoint { addr: address(own), port: (ports >> 16) as u16 },
        start: Stamp { at: Nanos(seconds(start)), resolution: SECOND as u32, sensor },
        opened: Some(opened),
        end: Some(end),
        smtp: state >> 4 & SMTP != 0,
        mailed: None,
        inward: false,
        places: [place(first), place(last)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg(n: u64) -> Leg {
        let end = |addr: [u8; 4], port| Endpoint { addr: addr.into(), port };
        let seconds = |n: u64| Nanos::from_secs(n as i64);
        Leg {
            id: RecordId::Device(n << 40 | 7),
            peer: end([198, 51, 100, 200 + n as u8], 65_535 - n as u16),
            own: end([10, 0, 0, n as u8 % 3], 443 + n as u16),
            start: Stamp { at: seconds(1_046_793_900 + n), resolution: 1_000_000_000, sensor: SensorId(n % 2) },
            opened: Some(n + 3),
            end: Some(End {
                at: seconds(1_046_793_905 + 2 * n),
                known: seconds(1_046_793_906 + 2 * n),
                order: 9 * n + 4,
                ending: ENDINGS[n as usize % ENDINGS.len()],
                answered: n.is_multiple_of(3),
                size: Some(Size { up: 1 << (2 * n), down: 0, directed: false, kind: ByteKind::PayloadRetransmitted }),
            }),
            smtp: n % 4 == 1,
            mailed: None,
            inward: false,
            places: [Some(Place { file: 300, line: n }), Some(Place { file: 300, line: 77 * n })],
        }
    }

    #[test]
    fn what_comes_back_is_what_went_in_packed_or_not() {
        let mut legs: Vec<Leg> = (0..20).map(leg).collect();
        legs.extend([
            Leg { end: None, ..leg(3) },
            Leg { opened: None, ..leg(4) },
            Leg { places: [None, leg(5).places[1]], ..leg(5) },
            Leg { peer: Endpoint { addr: "2001:db8::7".parse().unwrap(), port: 1 }, ..leg(6) },
            Leg { start: Stamp { at: Nanos(7), ..leg(7).start }, ..leg(7) },
        ]);
        let host = |leg: &Leg| HostKey::Address(leg.own.addr);
        let mut kept = SentLegs::default();
        legs.iter().try_for_each(|leg| kept.push(host(leg), leg.start.sensor, leg)).unwrap();
        for (asked, sensor) in [(0, 0), (1, 1), (2, 0)] {
            let asked = HostKey::Address([10, 0, 0, asked].into());
            let wanted = |leg: &&Leg| host(leg) == asked && leg.start.sensor == SensorId(sensor);
            let mut given = Vec::new();
            let is_asked = |host: &HostKey, of: &SensorId| *host == asked && *of == SensorId(sensor);
            let give = |sent: Sent| {
                given.push(sent.leg);
                Ok(())
            };
            kept.of(is_asked, give).unwrap();
            assert_eq!(given, legs.iter().filter(wanted).copied().collect::<Vec<_>>());
        }
    }
}
