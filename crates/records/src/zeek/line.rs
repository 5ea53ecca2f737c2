//! One line of `conn.log`.

use super::SENSOR;
use super::header::{Header, Slot};
use crate::end::End;
use crate::fields::{each, value};
use crate::{
    Beside, ByteCount, ByteKind, Bytes, ConnState, Event, HashSeed, Inside, Nanos, Proto, Record, RecordId, SensorId,
    Stamp, Uid, Whole,
};

/// Zeek writes microseconds.
const RESOLUTION: u32 = 1_000;

/// The longest text that a [`Uid`] holds as it is.
const SHORT: usize = 22;

/// A line's columns by what they are; empty where there is no such column.
pub(super) type Fields<'a> = [&'a [u8]; Slot::COUNT];

/// Puts into `record` what a line says; or why it cannot be read.
pub(super) fn parse(header: &Header, line: &[u8], seed: HashSeed, record: &mut Record) -> Result<(), &'static str> {
    let fields = split(header, line)?;
    let columns = Columns { header: Some(header), fields: &fields };
    let start = value::seconds(columns.text(Slot::Ts)).ok_or("ts is not seconds since 1970")?;
    let duration = columns.optional(Slot::Duration, value::duration, "duration is not seconds")?.flatten();
    columns.record((start, duration), line, seed, record)
}

/// Sorts a line's columns into their slots. Their number must be that of the header: a line with fewer was cut off,
/// and which column is which is not known in one with more.
fn split<'a>(header: &Header, line: &'a [u8]) -> Result<Fields<'a>, &'static str> {
    let mut fields: Fields<'a> = [&[]; Slot::COUNT];
    let mut columns = header.columns().iter();
    let mut start = 0;
    let mut take = |end: usize| {
        let slot = columns.next()?;
        fields[*slot as usize] = &line[start..end];
        start = end + 1;
        Some(())
    };
    let all = each(header.separator(), line, &mut take).and_then(|()| take(line.len()));
    if all.is_none() {
        return Err("more fields than #fields names");
    }
    match columns.next() {
        None => Ok(fields),
        Some(_) => Err("fewer fields than #fields names: cut off?"),
    }
}

/// What a line says, by what it is.
pub(super) struct Columns<'h, 'f, 'a> {
    /// What says how nothing is written; JSON leaves it out.
    pub(super) header: Option<&'h Header>,
    pub(super) fields: &'f Fields<'a>,
}

impl<'a> Columns<'_, '_, 'a> {
    /// The text as it stands, for columns that must be there.
    pub(super) fn text(&self, slot: Slot) -> &'a [u8] {
        self.fields[slot as usize]
    }

    /// The text, unless Zeek says that there is nothing.
    fn get(&self, slot: Slot) -> Option<&'a [u8]> {
        let text = self.text(slot);
        match self.header {
            Some(header) => header.value(text),
            None => (!text.is_empty()).then_some(text),
        }
    }

    /// A column that may say nothing, but nothing wrong.
    pub(super) fn optional<T>(
        &self,
        slot: Slot,
        parse: impl FnOnce(&[u8]) -> Option<T>,
        why: &'static str,
    ) -> Result<Option<T>, &'static str> {
        self.get(slot).map(|text| parse(text).ok_or(why)).transpose()
    }

    /// Puts into `record` a connection that began then and lasted so long: it is large, and handed up by value it would be copied
    /// at each step.
    #[inline]
    pub(super) fn record(
        &self,
        (start, duration): (i64, Option<i64>),
        line: &[u8],
        seed: HashSeed,
        record: &mut Record,
    ) -> Result<(), &'static str> {
        // The workers of a cluster share a clock, and a relay's two legs may be seen by two of them: one sensor.
        let start = Stamp { at: Nanos(start), resolution: RESOLUTION, sensor: SensorId::of(SENSOR) };
        let (proto, orig, resp, inside) = (self.proto()?, self.orig()?, self.resp()?, self.inside()?);
        let bytes = self.bytes()?;
        let state = self.optional(Slot::ConnState, ConnState::parse, "conn_state is none of Zeek's")?;
        let state = state.unwrap_or(ConnState::Oth);
        record.known = Stamp { at: start.at.plus(duration.unwrap_or(0)), ..start };
        record.fingerprint = seed.fingerprint(line);
        record.event = Event::Whole(Whole {
            id: RecordId::Uid(self.uid(line)),
            proto,
            orig: orig.into(),
            resp: resp.into(),
            inside,
            start,
            duration,
            bytes,
            ending: state.ending(),
            answered: Some(state.answered()),
            state: Some(state),
            service: self.get(Slot::Service).map(service),
            history: self.get(Slot::History).map(history),
            beside: Beside::Nothing,
        });
        Ok(())
    }

    fn orig(&self) -> Result<End, &'static str> {
        let addr = value::address(self.text(Slot::OrigH)).ok_or("id.orig_h is not an address")?;
        let port = value::port(self.text(Slot::OrigP)).ok_or("id.orig_p is not a port")?;
        Ok(End { addr, port })
    }

    fn resp(&self) -> Result<End, &'static str> {
        let addr = value::address(self.text(Slot::RespH)).ok_or("id.resp_h is not an address")?;
        let port = value::port(self.text(Slot::RespP)).ok_or("id.resp_p is not a port")?;
        Ok(End { addr, port })
    }

    fn proto(&self) -> Result<Proto, &'static str> {
        match self.get(Slot::Proto).ok_or("proto is not set")? {
            b"tcp" => Ok(Proto::Tcp),
            b"udp" => Ok(Proto::Udp),
            b"icmp" => Ok(Proto::Icmp),
            // `unknown_transport`, of which newer versions say the number.
            _ => {
                let byte = |text: &[u8]| u8::try_from(value::number(text)?).ok();
                let number = self.optional(Slot::IpProto, byte, "ip_proto is not a protocol number")?;
                Ok(Proto::Other(number.unwrap_or(0)))
            }
        }
    }

    fn inside(&self) -> Result<Inside, &'static str> {
        Ok(Inside {
            orig: self.optional(Slot::LocalOrig, boolean, "local_orig is not T or F")?,
            resp: self.optional(Slot::LocalResp, boolean, "local_resp is not T or F")?,
        })
    }

    /// Unknown where either direction is: half a count would pass for the whole.
    fn bytes(&self) -> Result<Option<Bytes>, &'static str> {
        let orig = self.optional(Slot::OrigBytes, value::number, "orig_bytes is not a number")?;
        let resp = self.optional(Slot::RespBytes, value::number, "resp_bytes is not a number")?;
        Ok(orig
            .zip(resp)
            .map(|(orig, resp)| Bytes { kind: ByteKind::Payload, count: ByteCount::Directed { orig, resp } }))
    }

    /// A log without uids gets names made of its lines, the same in every run.
    fn uid(&self, line: &[u8]) -> Uid {
        self.get(Slot::Uid).map_or_else(|| Uid::of_line(line), Uid::new)
    }
}

/// The services, cut after a whole name where there are too many to keep: the first ones still say something.
fn service(text: &[u8]) -> Uid {
    if text.len() <= SHORT {
        return Uid::new(text);
    }
    let kept = text[..=SHORT].iter().rposition(|byte| *byte == b',').unwrap_or(text.len());
    Uid::new(&text[..kept])
}

/// The beginning of the history: the handshake is there, and its hash would pass for flags.
fn history(text: &[u8]) -> Uid {
    Uid::new(&text[..text.len().min(SHORT)])
}

/// `T` or `F`.
fn boolean(text: &[u8]) -> Option<bool> {
    match text {
        b"T" => Some(true),
        b"F" => Some(false),
        _ => None,
    }
}
