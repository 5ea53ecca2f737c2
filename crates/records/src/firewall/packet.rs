//! What a line says that tells of one packet, and not of what became of it.

use super::Why;
use super::conntrack::tuple_id;
use super::session::{End, Session, parse_end};
use crate::{Denied, Event, Inside, Proto, RecordId, Stamp};

/// A packet that a rule has logged.
pub(super) struct Packet<'a> {
    pub(super) proto: Proto,
    pub(super) orig: End<'a>,
    pub(super) resp: End<'a>,
    /// Of TCP: whether it asks for a connection.
    pub(super) is_syn: bool,
    pub(super) is_refused: bool,
}

impl Packet<'_> {
    /// Puts a denial into `event`, or an opening whose end nobody knows. `false` of a packet that was let through and opens nothing.
    #[inline]
    pub(super) fn tell(&self, known: Stamp, event: &mut Event) -> Result<bool, Why> {
        let Self { proto, is_syn, is_refused, .. } = *self;
        let orig = parse_end(proto, self.orig).ok_or("a source that is no address and port")?;
        let resp = parse_end(proto, self.resp).ok_or("a destination that is no address and port")?;
        let is_tcp = proto == Proto::Tcp;
        if is_refused {
            let (orig, resp, attempt) = (orig.into(), resp.into(), !is_tcp || is_syn);
            *event = Event::Denied(Denied { proto, orig, resp, attempt, count: 1, over: 0 });
        } else if is_tcp && is_syn {
            let id = RecordId::Device(tuple_id(proto, orig, resp));
            Session { id, proto, orig, resp, mapped: [None; 2], inside: Inside::default() }.opened(known, event);
        }
        Ok(is_refused || (is_tcp && is_syn))
    }
}
