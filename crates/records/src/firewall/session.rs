//! What the dialects' sessions have in common.

use super::Why;
use crate::end::{self, Address};
use crate::fields::value;
use crate::reckon::{Sent, carried};
use crate::{
    Beside, Bytes, Denied, Ending, Endpoint, Event, Inside, Nanos, Opened, Proto, RecordId, Stamp, Translation,
    TranslationKind, Uid, Whole,
};

/// An address and a port, as they are written; empty where one is not.
pub(super) type End<'a> = [&'a [u8]; 2];

/// Who talked to whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    pub(super) id: RecordId,
    pub(super) proto: Proto,
    /// By its real address.
    pub(super) orig: end::End,
    /// By its real address.
    pub(super) resp: end::End,
    /// As the other side saw them, where that is said.
    pub(super) mapped: [Option<end::End>; 2],
    pub(super) inside: Inside,
}

/// How a session went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    pub(super) start: Stamp,
    pub(super) duration: Option<i64>,
    pub(super) bytes: Option<Bytes>,
    pub(super) ending: Ending,
    pub(super) answered: Option<bool>,
    pub(super) service: Option<Uid>,
}

impl Session {
    /// Puts into `event` that it was opened. (Handed up by value an event would be copied, and the copy would wait for its parts.)
    #[inline]
    pub(super) fn opened(self, start: Stamp, event: &mut Event) {
        let Self { id, proto, orig, resp, mapped, inside } = self;
        let [mapped_orig, mapped_resp] = mapped.map(|end| end.map(Into::into));
        let (orig, resp) = (orig.into(), resp.into());
        *event = Event::Opened(Opened { id, proto, start, orig, resp, mapped_orig, mapped_resp, inside });
    }

    /// The same of all of it.
    #[inline]
    pub(super) fn whole(self, course: Course, event: &mut Event) {
        let Self { id, proto, orig, resp, mapped, inside } = self;
        let Course { start, duration, bytes, ending, answered, service } = course;
        let beside = match mapped {
            [None, None] => Beside::Nothing,
            [orig, resp] => Beside::Mapped([orig.map(Into::into), resp.map(Into::into)]),
        };
        let (state, history) = (None, None);
        *event = Event::Whole(Whole {
            id,
            proto,
            orig: orig.into(),
            resp: resp.into(),
            inside,
            start,
            duration,
            bytes: carried(ending, bytes),
            ending,
            answered,
            state,
            service,
            history,
            beside,
        });
    }

    /// It was refused, as an attempt: what belongs to no session is not logged so.
    pub(super) fn denied(self, event: &mut Event) {
        let Self { proto, orig, resp, .. } = self;
        let (orig, resp) = (orig.into(), resp.into());
        *event = Event::Denied(Denied { proto, orig, resp, attempt: true, count: 1, over: 0 });
    }
}

/// The beginning of what ended at `ended` after so many whole seconds, and its duration: the seconds were cut, so that it
/// may have begun up to one before.
pub(super) fn reckon_start(ended: Stamp, seconds: u64) -> Option<(Stamp, i64)> {
    let duration = i64::try_from(seconds).ok()?.checked_mul(Nanos::SECOND)?;
    let at = ended.at.plus(-duration).plus(-Nanos::SECOND);
    let resolution = ended.resolution.saturating_add(Nanos::SECOND as u32);
    Some((Stamp { at, resolution, ..ended }, duration))
}

/// An end. A port that is missing is 0, of protocols that have none.
pub(super) fn parse_end(proto: Proto, [addr, port]: End<'_>) -> Option<end::End> {
    let has_ports = matches!(proto, Proto::Tcp | Proto::Udp);
    let port = if port.is_empty() && !has_ports { 0 } else { value::port(port)? };
    Some(end::End { addr: value::address(addr)?, port })
}

/// The same of one that is mostly `other`, which has been read.
#[inline]
pub(super) fn parse_another(proto: Proto, end: End<'_>, other: (End<'_>, end::End)) -> Option<end::End> {
    if end == other.0 { Some(other.1) } else { parse_end(proto, end) }
}

/// An end after translation; `None` where nothing was translated.
pub(super) fn parse_mapped(proto: Proto, end: End<'_>) -> Option<end::End> {
    parse_end(proto, end).filter(|end| !end.addr.is_unspecified())
}

/// A block of an address's ports that is one host's, as it is written there.
#[derive(Default)]
pub(super) struct PortBlock<'a> {
    pub(super) proto: Option<Proto>,
    pub(super) real: &'a [u8],
    pub(super) mapped: &'a [u8],
    pub(super) first: &'a [u8],
    pub(super) last: &'a [u8],
}

impl PortBlock<'_> {
    /// It was given, or is free again: `torn_down` as in [`Translation`].
    pub(super) fn translation(&self, torn_down: Option<Option<i64>>) -> Result<Event, Why> {
        let real = value::address(self.real).ok_or("an inside address that is none")?;
        let mapped = value::address(self.mapped).ok_or("an outside address that is none")?;
        let (first, last) = value::port(self.first).zip(value::port(self.last)).ok_or("ports that are no numbers")?;
        if first > last {
            return Err("a last port before the first");
        }
        if last == 0 {
            return Err("no ports");
        }
        Ok(Event::Translation(Translation {
            kind: TranslationKind::Block { proto: self.proto, last },
            real: Endpoint { addr: real.into(), port: 0 },
            mapped: Endpoint { addr: mapped.into(), port: first },
            torn_down,
        }))
    }
}

/// `Some(false)` where it is known that nobody took the connection: nothing came back, or whoever opened it never went on.
pub(super) fn answered(proto: Proto, addr: Address, orig: Sent, resp: Sent) -> Option<bool> {
    let gave_up = proto == Proto::Tcp && orig.is_one_of(addr);
    (resp.bytes == 0 || gave_up).then_some(false)
}

/// A protocol by its number.
pub(super) fn proto_of(number: u64) -> Proto {
    match number {
        1 | 58 => Proto::Icmp,
        6 => Proto::Tcp,
        17 => Proto::Udp,
        other => Proto::Other(u8::try_from(other).unwrap_or(0)),
    }
}

/// A protocol by its name or number.
pub(super) fn parse_proto(word: &[u8]) -> Option<Proto> {
    if let Some(number) = value::number(word) {
        return Some(proto_of(number));
    }
    let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
    Some(match word {
        b"" => return None,
        _ if is(b"tcp") => Proto::Tcp,
        _ if is(b"udp") => Proto::Udp,
        _ if is(b"icmp") || is(b"icmp6") || is(b"icmpv6") || is(b"ipv6-icmp") => Proto::Icmp,
        _ if is(b"gre") => Proto::Other(47),
        _ if is(b"esp") => Proto::Other(50),
        _ if is(b"ah") => Proto::Other(51),
        _ if is(b"sctp") => Proto::Other(132),
        _ => Proto::Other(0),
    })
}

/// An application's name as the report shows them: in small letters, and the beginning of one that is too long.
pub(super) fn name(text: &[u8]) -> Option<Uid> {
    let mut short = [0; 22];
    let len = text.len().min(short.len());
    for (to, from) in short.iter_mut().zip(text) {
        *to = if from.is_ascii_graphic() { from.to_ascii_lowercase() } else { b'_' };
    }
    (len > 0).then(|| Uid::new(&short[..len]))
}
