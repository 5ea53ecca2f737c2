//! What one line says, by a map.

use super::doubt::Figures;
use super::field::{Field, Meaning};
use super::map::{Map, NOTHING, SEVERAL, Says, Source};
use super::values::Values;
use super::{Columns, names};
use crate::end::{Address, End};
use crate::fields::{Bad, json, value};
use crate::reckon::{self, Sent};
use crate::syslog::timekeeper::Timekeeper;
use crate::{
    Beside, ByteCount, ByteKind, Bytes, ConnState, Denied, Ending, Event, HashSeed, Inside, Nanos, Opened, Place,
    Proto, Record, RecordId, SensorId, Stamp, Uid, Whole,
};

/// The longest text that a [`Uid`] holds as it is.
const SHORT: usize = 22;
/// A date and a time of day together are not longer.
const WHEN: usize = 64;

/// A line's values by their names' numbers. One is used for all lines of a block: it is too large to be made anew for each.
pub(super) struct Line<'a> {
    map: &'a Map,
    text: &'a [u8],
    values: Values<'a>,
    /// Which were there, and which of them were lists, in the line for which `singles` was made.
    resolved: Option<(u64, u64)>,
    /// The number of the one value that may say each field ([`Map::singles`]).
    singles: [u8; Field::COUNT],
}

/// When a connection was.
struct Times {
    start: Stamp,
    duration: Option<i64>,
    known: Stamp,
}

impl<'a> Line<'a> {
    pub(super) fn new(map: &'a Map) -> Self {
        Self { map, text: &[], values: Values::new(), resolved: None, singles: [NOTHING; Field::COUNT] }
    }

    /// Splits a line; of a delimited log by its columns.
    #[inline]
    pub(super) fn read(&mut self, columns: Option<&Columns>, text: &'a [u8]) -> Result<(), Bad> {
        self.text = text;
        let (there, lists) = self.values.read(self.map, columns, text)?;
        if self.resolved != Some((there, lists)) {
            (self.resolved, self.singles) = (Some((there, lists)), self.map.singles(there, lists));
        }
        Ok(())
    }

    /// Whether all columns are there by which a line of the log is known.
    pub(super) fn has_all(&self) -> bool {
        self.map.is_known_by(self.values.there())
    }

    /// Whether it ends in a value that is used, so that it would say something wrong if it were cut off there.
    pub(super) fn ends_in_use(&self) -> bool {
        self.values.end_in_use()
    }

    /// Whether it tells of a connection.
    pub(super) fn is_understood(&self, times: &mut Timekeeper) -> Result<(), Bad> {
        let mut record = Record::at(Place { file: 0, line: 0 });
        match self.record(HashSeed(0), times, &mut record)? {
            (true, _) => Ok(()),
            (false, _) => Err("left out".into()),
        }
    }

    /// Puts into `record` what it says; `false` where it tells of no connection. And whose it is.
    pub(super) fn record(
        &self,
        seed: HashSeed,
        times: &mut Timekeeper,
        record: &mut Record,
    ) -> Result<(bool, &'a [u8]), Bad> {
        let sensor = self.get(Field::Sensor).unwrap_or(self.map.name().as_bytes());
        let action = self.meaning(Field::Action);
        let is_left_out = self.map.except.iter().any(|one| self.says(std::slice::from_ref(one)));
        if !self.has_all() || !self.says(&self.map.only) || is_left_out || action == Some(Meaning::Ignored) {
            return Ok((false, sensor));
        }
        let tells = match action {
            // Where it has no name of its own its end could not be known to be the same connection's, and tells all of it.
            Some(Meaning::Opened) => self.get(Field::Uid).is_some(),
            Some(Meaning::Denied) => true,
            _ => self.is_whole(),
        };
        if !tells {
            return Ok((false, sensor));
        }
        let when = self.times(SensorId::of(sensor), times)?;
        record.known = when.known;
        match action {
            Some(Meaning::Denied) => record.event = Event::Denied(self.denied()?),
            Some(Meaning::Opened) => {
                record.known = when.start;
                record.event = Event::Opened(self.opened(when.start)?);
            }
            _ => self.whole(&when, &mut record.event)?,
        }
        record.fingerprint = seed.fingerprint(self.text);
        Ok((true, sensor))
    }

    /// What it says of a whole connection, before anything is made of it; `None` where it tells of none.
    pub(super) fn figures(&self, times: &mut Timekeeper) -> Option<Figures> {
        let mut record = Record::at(Place { file: 0, line: 0 });
        let (true, _) = self.record(HashSeed(0), times, &mut record).ok()? else { return None };
        let Event::Whole(whole) = record.event else { return None };
        let moment = |field, times: &mut Timekeeper| self.moment(field, times).ok().flatten().map(|(at, _)| at);
        let span = self.get(Field::Duration).and_then(|text| self.map.unit.parse_span(text)).flatten();
        let number = |field| self.get(field).and_then(value::number);
        let mut bytes = [Field::OrigBytes, Field::RespBytes].map(number);
        if bytes == [None; 2] {
            bytes[0] = number(Field::Bytes);
        }
        Some(Figures {
            proto: whole.proto,
            ports: [whole.orig.port, whole.resp.port],
            addrs: [whole.orig.addr, whole.resp.addr],
            inside: [whole.inside.orig, whole.inside.resp],
            is_mapped: whole.mapped().map(|mapped| mapped.is_some()),
            begun: moment(Field::Ts, times),
            ended: moment(Field::End, times),
            lasted: span.map(|(span, _)| span),
            bytes,
            packets: [Field::OrigPkts, Field::RespPkts].map(number),
        })
    }

    /// Whether columns say what they must.
    fn says(&self, all: &[Says]) -> bool {
        let says = |(number, values): &Says| {
            let text = self.values.get(*number);
            let is_one = |text: &[u8]| values.iter().any(|value| value.eq_ignore_ascii_case(text));
            if self.values.is_list(*number) { json::elements(text).any(is_one) } else { is_one(text) }
        };
        all.iter().all(says)
    }

    fn is_whole(&self) -> bool {
        let says = |number: &u8| self.map.is_set(self.values.get(*number));
        self.map.whole.is_empty() || self.map.whole.iter().any(says)
    }

    /// What a field is, where a column or the map says it.
    #[inline]
    fn get(&self, field: Field) -> Option<&'a [u8]> {
        self.find(field, |_| true)
    }

    /// The first text for a field that `fits`.
    #[inline]
    fn find(&self, field: Field, fits: impl Fn(&[u8]) -> bool) -> Option<&'a [u8]> {
        let single = self.singles[field as usize];
        if single == SEVERAL {
            return self.find_among(self.map.source(field), fits);
        }
        Some(self.values.get(single)).filter(|text| self.map.is_set(text) && fits(text))
    }

    #[inline(never)]
    fn find_among(&self, source: &'a Source, fits: impl Fn(&[u8]) -> bool) -> Option<&'a [u8]> {
        let single = source.names.iter().filter(|number| !self.values.is_list(**number));
        let mut texts = single.map(|number| self.values.get(*number));
        let found = texts.find(|text| self.map.is_set(text) && fits(text));
        found.or(source.constant.as_deref())
    }

    /// What the words of a field mean: the weightiest, and of these the first.
    #[inline]
    fn meaning(&self, field: Field) -> Option<Meaning> {
        if !self.map.has_words(field) {
            return None;
        }
        let single = self.singles[field as usize];
        if single != SEVERAL && !self.map.has_empty_word(field) {
            return self.map.meaning(field, self.values.get(single));
        }
        self.meaning_of_several(field)
    }

    #[inline(never)]
    fn meaning_of_several(&self, field: Field) -> Option<Meaning> {
        let source = self.map.source(field);
        let mut found: Option<Meaning> = None;
        let mut hear = |word: &[u8]| {
            if let Some(meaning) = self.map.meaning(field, word)
                && found.is_none_or(|found| found.weight() < meaning.weight())
            {
                found = Some(meaning);
            }
        };
        for number in &source.names {
            let text = self.values.get(*number);
            if self.values.is_list(*number) { json::elements(text).for_each(&mut hear) } else { hear(text) }
        }
        found.or_else(|| source.constant.as_deref().and_then(|word| self.map.meaning(field, word)))
    }

    /// A field that may say nothing, but nothing wrong.
    #[inline]
    fn optional<T>(
        &self,
        field: Field,
        parse: impl FnOnce(&[u8]) -> Option<T>,
        why: &'static str,
    ) -> Result<Option<T>, Bad> {
        self.get(field).map(|text| parse(text).ok_or_else(|| self.bad(text, why))).transpose()
    }

    /// A value that is wrong.
    fn bad(&self, value: &[u8], why: &'static str) -> Bad {
        Bad::of(self.text, value, why)
    }

    fn times(&self, sensor: SensorId, times: &mut Timekeeper) -> Result<Times, Bad> {
        let stamp = |(at, resolution)| Stamp { at, resolution, sensor };
        let mut begun = self.moment(Field::Ts, times)?.map(stamp);
        let mut ended = self.moment(Field::End, times)?.map(stamp);
        if begun.is_some() && !self.map.ts_is_end.is_empty() && self.says(&self.map.ts_is_end) {
            (begun, ended) = (None, begun);
        }
        let span = |text: &[u8]| self.map.unit.parse_span(text);
        let lasted = self.optional(Field::Duration, span, "duration is no span of time")?.flatten();
        Ok(match (begun, ended, lasted) {
            // A finer span says more than coarse stamps.
            (Some(start), Some(end), Some((lasted, digit))) if digit <= start.resolution => {
                Times { start, duration: Some(lasted), known: if end.at < start.at { start } else { end } }
            }
            (Some(start), Some(end), _) => {
                let duration = end.at.since(start.at);
                let known = if duration < 0 { start } else { end };
                Times { start, duration: (duration >= 0).then_some(duration), known }
            }
            (Some(start), None, Some((lasted, digit))) => {
                let known =
                    Stamp { at: start.at.plus(lasted), resolution: start.resolution.saturating_add(digit), sensor };
                Times { start, duration: Some(lasted), known }
            }
            (Some(start), None, None) => Times { start, duration: None, known: start },
            (None, Some(end), Some((lasted, digit))) => {
                // Of a span that was cut to whole seconds the rest lies before.
                let cut = if i64::from(digit) >= Nanos::SECOND { i64::from(digit) } else { 0 };
                let at = end.at.plus(lasted.saturating_neg()).plus(-cut);
                let start = Stamp { at, resolution: end.resolution.saturating_add(digit), sensor };
                Times { start, duration: Some(lasted), known: end }
            }
            (None, Some(end), None) => Times { start: end, duration: None, known: end },
            (None, None, _) => return Err("neither ts nor end is set".into()),
        })
    }

    fn moment(&self, field: Field, times: &mut Timekeeper) -> Result<Option<(Nanos, u32)>, Bad> {
        if let Some(header) = self.map.header()
            && self.map.source(field).names.first() == Some(&header)
        {
            return self.header_moment(times).map(Some);
        }
        let Some(text) = self.get(field) else { return Ok(None) };
        // Where no column has the beginning, the day is that of the end.
        let dated = if self.map.source(Field::Ts).names.is_empty() { Field::End } else { Field::Ts };
        let Some(date) = self.get(Field::Date).filter(|_| field == dated) else {
            return self.map.times.parse(text, times).map(Some).map_err(|why| self.bad(text, why));
        };
        let mut when = [b' '; WHEN];
        let len = date.len() + 1 + text.len();
        let (Some(first), true) = (when.get_mut(..date.len()), len <= WHEN) else {
            return Err(self.bad(text, "date and ts are no time"));
        };
        first.copy_from_slice(date);
        when[date.len() + 1..len].copy_from_slice(text);
        // Both are wrong together: the day is shown, behind which the time stands.
        self.map.times.parse(&when[..len], times).map(Some).map_err(|why| self.bad(date, why))
    }

    /// The moment that syslog's header says. Each line stands for itself: a stamp without a year is of the year that it would be of as
    /// the first.
    #[cold]
    fn header_moment(&self, times: &Timekeeper) -> Result<(Nanos, u32), Bad> {
        let written = self.values.written().ok_or("no stamp in the header")?;
        let at = times.clone().resolve(SensorId(0), &written).ok_or("a stamp in the header that is no date")?;
        Ok((at, written.resolution))
    }

    fn proto(&self) -> Result<Proto, Bad> {
        const NAMES: [(&[u8], Proto); 5] = [
            (b"tcp", Proto::Tcp),
            (b"udp", Proto::Udp),
            (b"icmp", Proto::Icmp),
            (b"icmp6", Proto::Icmp),
            (b"ipv6-icmp", Proto::Icmp),
        ];
        let text = self.get(Field::Proto).ok_or("proto is not set")?;
        match text {
            b"tcp" => return Ok(Proto::Tcp),
            b"udp" => return Ok(Proto::Udp),
            _ => {}
        }
        // `tcp/https`, `TCP(6)`: what stands behind is the service's, or the same once more.
        let end = text.iter().position(|byte| matches!(byte, b'/' | b'(' | b' '));
        let name = &text[..end.unwrap_or(text.len())];
        if let Some((_, proto)) = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            return Ok(*proto);
        }
        if !text.first().is_some_and(u8::is_ascii_digit) {
            return Ok(Proto::Other(0));
        }
        let number = value::number(text).and_then(|number| u8::try_from(number).ok());
        Ok(match number.ok_or_else(|| self.bad(text, "proto is no protocol"))? {
            6 => Proto::Tcp,
            17 => Proto::Udp,
            1 | 58 => Proto::Icmp,
            other => Proto::Other(other),
        })
    }

    /// Both of an end that stands in one column.
    #[cold]
    #[inline(never)]
    fn whole_end(&self, proto: Proto, field: Field, unset: &'static str, wrong: &'static str) -> Result<End, Bad> {
        let text = self.get(field).ok_or(unset)?;
        match (value::end(text), proto) {
            (Some((addr, Some(port))), _) => Ok(End { addr, port }),
            (Some((addr, None)), Proto::Icmp | Proto::Other(_)) => Ok(End { addr, port: 0 }),
            _ => Err(self.bad(text, wrong)),
        }
    }

    /// An end: what is said where its address or its port is not set, where one of them is none, and where both stand in one column
    /// and are none.
    #[inline(always)]
    fn end(
        &self,
        proto: Proto,
        (addr, port): (Field, Field),
        unset: [&'static str; 2],
        wrong: [&'static str; 3],
    ) -> Result<End, Bad> {
        if self.is_one(addr, port) {
            return self.whole_end(proto, addr, unset[0], wrong[2]);
        }
        let port = self.port(proto, port, unset[1], wrong[1])?;
        let addr = self.address(addr, wrong[0])?.ok_or(unset[0])?;
        Ok(End { addr, port })
    }

    fn orig(&self, proto: Proto) -> Result<End, Bad> {
        let unset = ["orig_h is not set", "orig_p is not set"];
        let wrong = ["orig_h is not an address", "orig_p is not a port", "orig_h and orig_p are no address and port"];
        self.end(proto, (Field::OrigH, Field::OrigP), unset, wrong)
    }

    fn resp(&self, proto: Proto) -> Result<End, Bad> {
        let unset = ["resp_h is not set", "resp_p is not set"];
        let wrong = ["resp_h is not an address", "resp_p is not a port", "resp_h and resp_p are no address and port"];
        self.end(proto, (Field::RespH, Field::RespP), unset, wrong)
    }

    fn port(&self, proto: Proto, field: Field, unset: &'static str, wrong: &'static str) -> Result<u16, Bad> {
        // Logs write 0 for a port that was not translated.
        let text = self.find(field, |text| text != b"0").or_else(|| self.get(field));
        match (text, proto) {
            (Some(text), _) => value::port(text).ok_or_else(|| self.bad(text, wrong)),
            (None, Proto::Tcp | Proto::Udp) => Err(unset.into()),
            (None, _) => Ok(0),
        }
    }

    /// An address; logs write that of nobody for one that was not translated.
    fn address(&self, field: Field, wrong: &'static str) -> Result<Option<Address>, Bad> {
        let text = self.find(field, |text| !matches!(text, b"0.0.0.0" | b"::"));
        text.map(|text| value::address(text).ok_or_else(|| self.bad(text, wrong))).transpose()
    }

    /// An end as the other side saw it; its port is the real one where the log does not say.
    #[inline]
    fn mapped(&self, (addr, port): (Field, Field), real: End, wrong: &'static str) -> Result<Option<End>, Bad> {
        if self.singles[addr as usize] == NOTHING {
            return Ok(None);
        }
        if self.is_one(addr, port) {
            let text = self.get(addr);
            let end = text.map(|text| value::end(text).ok_or_else(|| self.bad(text, wrong))).transpose()?;
            let end = end.filter(|(addr, _)| !addr.is_unspecified());
            return Ok(end.map(|(addr, port)| End { addr, port: port.filter(|port| *port != 0).unwrap_or(real.port) }));
        }
        let Some(addr) = self.address(addr, wrong)? else { return Ok(None) };
        let port = self.find(port, |text| text != b"0").map_or(Some(real.port), value::port).ok_or(wrong)?;
        Ok(Some(End { addr, port }))
    }

    /// Whether one column alone, the same, may say both.
    fn is_one(&self, field: Field, other: Field) -> bool {
        let single = self.singles[field as usize];
        usize::from(single) < names::MOST && single == self.singles[other as usize]
    }

    fn mapped_ends(&self, orig: End, resp: End) -> Result<[Option<End>; 2], Bad> {
        let orig_fields = (Field::MappedOrigH, Field::MappedOrigP);
        let resp_fields = (Field::MappedRespH, Field::MappedRespP);
        Ok([
            self.mapped(orig_fields, orig, "mapped_orig is no address and port")?,
            // Where nothing was translated one column says both.
            if self.is_one(Field::MappedRespH, Field::RespH) && self.is_one(Field::MappedRespP, Field::RespP) {
                Some(resp)
            } else {
                self.mapped(resp_fields, resp, "mapped_resp is no address and port")?
            },
        ])
    }

    fn inside(&self) -> Inside {
        let way = match self.meaning(Field::Direction) {
            Some(Meaning::Direction(inside)) => inside,
            _ => Inside::default(),
        };
        let zone = |field| match self.meaning(field) {
            Some(Meaning::Zone(is_inside)) => Some(is_inside),
            _ => None,
        };
        Inside { orig: zone(Field::OrigZone).or(way.orig), resp: zone(Field::RespZone).or(way.resp) }
    }

    fn id(&self) -> RecordId {
        RecordId::Uid(self.get(Field::Uid).map_or_else(|| Uid::of_line(self.text), Uid::new))
    }

    fn denied(&self) -> Result<Denied, Bad> {
        let proto = self.proto()?;
        let (orig, resp) = (self.orig(proto)?, self.resp(proto)?);
        let [_, asked] = self.mapped_ends(orig, resp)?;
        Ok(Denied { proto, orig: orig.into(), resp: asked.unwrap_or(resp).into(), attempt: true, count: 1, over: 0 })
    }

    fn opened(&self, start: Stamp) -> Result<Opened, Bad> {
        let proto = self.proto()?;
        let (orig, resp) = (self.orig(proto)?, self.resp(proto)?);
        let [mapped_orig, mapped_resp] = self.mapped_ends(orig, resp)?.map(|end| end.map(Into::into));
        let (orig, resp) = (orig.into(), resp.into());
        Ok(Opened { id: self.id(), proto, start, orig, resp, mapped_orig, mapped_resp, inside: self.inside() })
    }

    #[inline]
    fn whole(&self, when: &Times, event: &mut Event) -> Result<(), Bad> {
        let proto = self.proto()?;
        let (orig, resp) = (self.orig(proto)?, self.resp(proto)?);
        let state = self.optional(Field::ConnState, ConnState::parse, "conn_state is none of Zeek's")?;
        let ending = match self.meaning(Field::Ending) {
            Some(Meaning::Ended(ending)) => ending,
            _ => state.map_or(Ending::Unknown, ConnState::ending),
        };
        let mapped = self.mapped_ends(orig, resp)?;
        let bytes = reckon::carried(ending, self.bytes(proto, resp)?);
        *event = Event::Whole(Whole {
            id: self.id(),
            proto,
            orig: orig.into(),
            resp: resp.into(),
            inside: self.inside(),
            start: when.start,
            duration: when.duration,
            bytes,
            ending,
            answered: state.map(ConnState::answered),
            state,
            service: self.get(Field::Service).map(service),
            history: None,
            beside: match mapped {
                [None, None] => Beside::Nothing,
                [orig, resp] => Beside::Mapped([orig.map(Into::into), resp.map(Into::into)]),
            },
        });
        Ok(())
    }

    /// Unknown where a direction is and no column has the total: half a count would pass for the whole.
    fn bytes(&self, proto: Proto, resp: End) -> Result<Option<Bytes>, Bad> {
        let from_orig = self.optional(Field::OrigBytes, value::number, "orig_bytes is not a number")?;
        let from_resp = self.optional(Field::RespBytes, value::number, "resp_bytes is not a number")?;
        let kind = self.map.counted;
        let Some((from_orig, from_resp)) = from_orig.zip(from_resp) else {
            let total = self.optional(Field::Bytes, value::number, "bytes is not a number")?;
            return Ok(total.map(|total| Bytes { kind, count: ByteCount::Total(total) }));
        };
        let link = match kind {
            ByteKind::IpLevel => None,
            ByteKind::Frame => Some(reckon::ethernet(b"")),
            _ => {
                return Ok(Some(Bytes { kind, count: ByteCount::Directed { orig: from_orig, resp: from_resp } }));
            }
        };
        let packets = |field, why| self.optional(field, value::number, why);
        let orig = Sent { bytes: from_orig, packets: packets(Field::OrigPkts, "orig_pkts is not a number")?, link };
        let resp_sent =
            Sent { bytes: from_resp, packets: packets(Field::RespPkts, "resp_pkts is not a number")?, link };
        Ok(Some(reckon::payload(proto, resp.addr, orig, resp_sent)))
    }
}

/// The application's name in small letters, cut where it is too long.
fn service(text: &[u8]) -> Uid {
    let mut small = [0; SHORT];
    let len = text.len().min(SHORT);
    small[..len].copy_from_slice(&text[..len]);
    small[..len].make_ascii_lowercase();
    Uid::new(&small[..len])
}
