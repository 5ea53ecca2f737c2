//! Legs in few bytes: most outbound ones are only ever kept until their time has passed.

use std::net::{IpAddr, Ipv4Addr};

use catspaw_records::{ByteKind, Ending, Endpoint, Nanos, Place, RecordId, SensorId, Stamp};
use serde::{Deserialize, Serialize};

use crate::leg::{End, Leg, Size};
use crate::service::Key;

const SECOND: i64 = Nanos::SECOND;
/// What a packed leg's flags say.
const SMTP: u64 = 1 << 52;
const ANSWERED: u64 = 1 << 53;
const INWARD: u64 = 1 << 54;
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

/// A complete leg, packed where that is possible.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum EndedLeg {
    /// One that syslog tells of.
    Packed(PackedLeg),
    /// Any other, with its place in the order of the fold.
    Whole(Box<(Key, Leg)>),
}

/// A leg that syslog tells of: with stamps to the second, between IPv4 addresses, with a total, both of its records in one file.
///
/// Its words: id; peer's and own address; peer's and own port, file, ending and flags, and 8 bits that are free; start and life in
/// seconds; places of opening and end in the order of the fold; bytes; lines of opening and end; seconds from the end until it was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedLeg([u64; 8]);

impl EndedLeg {
    /// A leg of what `sensor` saw, with its place in the order of the fold.
    pub(crate) fn new(key: Key, leg: &Leg, sensor: SensorId) -> Self {
        match PackedLeg::pack(key, leg, sensor) {
            Some(packed) => Self::Packed(packed),
            None => Self::Whole(Box::new((key, *leg))),
        }
    }

    /// The leg, of what `sensor` saw.
    #[must_use]
    pub fn leg(&self, sensor: SensorId) -> Leg {
        match self {
            Self::Packed(packed) => packed.leg(sensor),
            Self::Whole(whole) => whole.1,
        }
    }

    /// Its place in the order of the fold.
    pub(crate) fn key(&self) -> Key {
        match self {
            Self::Packed(packed) => packed.key(),
            Self::Whole(whole) => whole.0,
        }
    }

    /// When its end became known.
    pub(crate) fn known(&self) -> Option<Nanos> {
        match self {
            Self::Packed(packed) => Some(packed.known()),
            Self::Whole(whole) => whole.1.end.map(|end| end.known),
        }
    }

    /// [`Leg::smtp`].
    pub(crate) fn is_smtp(&self) -> bool {
        match self {
            Self::Packed(packed) => packed.0[2] & SMTP != 0,
            Self::Whole(whole) => whole.1.smtp,
        }
    }

    /// [`Leg::has_payload`].
    pub(crate) fn has_payload(&self) -> bool {
        match self {
            Self::Packed(packed) => packed.0[5] > 0,
            Self::Whole(whole) => whole.1.has_payload(),
        }
    }
}

impl PackedLeg {
    fn pack(key: Key, leg: &Leg, sensor: SensorId) -> Option<Self> {
        let &Leg { id: RecordId::Device(id), peer, own, start, opened: Some(opened), end: Some(end), .. } = leg else {
            return None;
        };
        let &Leg { smtp, mailed: None, inward, places: [Some(first), Some(last)], .. } = leg else { return None };
        let Size { up, down: 0, directed: false, kind: ByteKind::PayloadRetransmitted } = end.size? else {
            return None;
        };
        let (IpAddr::V4(peer_addr), IpAddr::V4(own_addr)) = (peer.addr, own.addr) else { return None };
        let plain = start.sensor == sensor && first.file == last.file && key == (start.at, opened);
        if !plain || i64::from(start.resolution) != SECOND {
            return None;
        }
        let [life, known] = [end.at.since(start.at), end.known.since(end.at)];
        if start.at.0 % SECOND != 0 || life % SECOND != 0 || known % SECOND != 0 {
            return None;
        }
        let ending = ENDINGS.iter().position(|&ending| ending == end.ending)? as u64;
        let flags = u64::from(smtp) * SMTP + u64::from(end.answered) * ANSWERED + u64::from(inward) * INWARD;
        let short = |n: u64| u32::try_from(n).ok();
        let seconds = |nanos: i64| u32::try_from(nanos / SECOND).ok();
        Some(Self([
            id,
            both(peer_addr.to_bits(), own_addr.to_bits()),
            u64::from(peer.port)
                | u64::from(own.port) << 16
                | u64::from(u16::try_from(first.file).ok()?) << 32
                | ending << 48
                | flags,
            both(seconds(start.at.0)?, seconds(life)?),
            both(short(opened)?, short(end.order)?),
            u64::try_from(up).ok()?,
            both(short(first.line)?, short(last.line)?),
            u64::from(seconds(known)?),
        ]))
    }

    /// The leg, of what `sensor` saw.
    #[must_use]
    pub fn leg(&self, sensor: SensorId) -> Leg {
        let (peer, own) = halves(self.0[1]);
        let state = self.0[2];
        let (start, _) = halves(self.0[3]);
        let (opened, order) = halves(self.0[4]);
        let (first, last) = halves(self.0[6]);
        let size = Size { up: self.0[5] as i64, down: 0, directed: false, kind: ByteKind::PayloadRetransmitted };
        let ending = ENDINGS.get((state >> 48 & 15) as usize).copied().unwrap_or(Ending::Unknown);
        let (at, known) = (self.ended(), self.known());
        let end = End { at, known, order: order.into(), ending, answered: state & ANSWERED != 0, size: Some(size) };
        let place = |line: u32| Some(Place { file: (state >> 32) as u32 & 0xffff, line: line.into() });
        Leg {
            id: RecordId::Device(self.0[0]),
            peer: Endpoint { addr: Ipv4Addr::from_bits(peer).into(), port: state as u16 },
            own: Endpoint { addr: Ipv4Addr::from_bits(own).into(), port: (state >> 16) as u16 },
            start: Stamp { at: from_seconds(start), resolution: SECOND as u32, sensor },
            opened: Some(opened.into()),
            end: Some(end),
            smtp: state & SMTP != 0,
            mailed: None,
            inward: state & INWARD != 0,
            places: [place(first), place(last)],
        }
    }

    /// The host's own address.
    #[must_use]
    pub fn own(&self) -> IpAddr {
        Ipv4Addr::from_bits(halves(self.0[1]).1).into()
    }

    fn key(&self) -> Key {
        (from_seconds(halves(self.0[3]).0), halves(self.0[4]).0.into())
    }

    fn ended(&self) -> Nanos {
        let (start, life) = halves(self.0[3]);
        from_seconds(start).plus(i64::from(life) * SECOND)
    }

    fn known(&self) -> Nanos {
        self.ended().plus(i64::from(self.0[7] as u32) * SECOND)
    }

    /// As it is written, with eight bits of the writer's own.
    #[must_use]
    pub fn to_bytes(&self, own: u8) -> [u8; 64] {
        let mut bytes = [0; 64];
        for (at, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(self.0) {
            *at = word.to_le_bytes();
        }
        bytes[23] = own;
        bytes
    }

    /// What [`PackedLeg::to_bytes`] made, and the writer's own bits.
    #[must_use]
    pub fn of_bytes(bytes: &[u8; 64]) -> (Self, u8) {
        let mut words = [0; 8];
        for (word, at) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*at);
        }
        words[2] &= u64::MAX >> 8;
        (Self(words), bytes[23])
    }
}

#[inline]
pub(crate) fn both(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

#[inline]
pub(crate) fn halves(word: u64) -> (u32, u32) {
    (word as u32, (word >> 32) as u32)
}

#[inline]
pub(crate) fn from_seconds(seconds: u32) -> Nanos {
    Nanos(i64::from(seconds) * SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENSOR: SensorId = SensorId(7);

    fn leg(n: u64) -> Leg {
        let end = |addr: [u8; 4], port| Endpoint { addr: addr.into(), port };
        let seconds = |n: u64| Nanos::from_secs(n as i64);
        Leg {
            id: RecordId::Device(n << 40 | 7),
            peer: end([198, 51, 100, 200 + n as u8], 65_535 - n as u16),
            own: end([10, 0, 0, n as u8 % 3], 443 + n as u16),
            start: Stamp { at: seconds(1_046_793_900 + n), resolution: 1_000_000_000, sensor: SENSOR },
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
            inward: n % 5 == 2,
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
            Leg { start: Stamp { sensor: SensorId(8), ..leg(8).start }, ..leg(8) },
        ]);
        for (number, leg) in legs.into_iter().enumerate() {
            let key = (leg.start.at, leg.opened.unwrap_or(77));
            let ended = EndedLeg::new(key, &leg, SENSOR);
            assert_eq!(matches!(ended, EndedLeg::Packed(_)), number < 20, "{number}");
            assert_eq!((ended.key(), ended.leg(SENSOR)), (key, leg));
            assert_eq!(ended.known(), leg.end.map(|end| end.known));
            assert_eq!((ended.is_smtp(), ended.has_payload()), (leg.smtp, leg.has_payload()));
            if let EndedLeg::Packed(packed) = ended {
                assert_eq!(packed.own(), leg.own.addr);
                assert_eq!(PackedLeg::of_bytes(&packed.to_bytes(201)), (packed, 201));
            }
        }
        let odd = EndedLeg::new((Nanos(1), 3), &leg(0), SENSOR);
        assert_eq!(odd.key(), (Nanos(1), 3), "a place that is not its own is kept");
    }
}
