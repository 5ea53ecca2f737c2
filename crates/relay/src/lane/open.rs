//! Connections that are open.

use std::hash::{Hash, Hasher};

use catspaw_records::{Closed, Endpoint, Nanos, Opened, Place, Proto, RecordId, Side, Whole};
use serde::{Deserialize, Serialize};

use super::held::Held;
use super::{Context, DNS, Lane, OPEN, Observation};
use crate::leg::{Direction, Leg};
use crate::opens::Named;
use crate::service::Key;
use crate::sink::{Brief, Connection, Said, Sink};

/// A connection by the witness's name of it; by protocol too, for some devices number each by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Name(pub(super) Proto, pub(super) RecordId);

/// A number is hashed as one.
impl Hash for Name {
    fn hash<H: Hasher>(&self, to: &mut H) {
        match self.1 {
            RecordId::Device(id) => to.write_u64(id),
            RecordId::Uid(uid) => uid.hash(to),
        }
    }
}

/// A connection whose opening was seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Open {
    pub(super) opened: Opened,
    pub(super) order: u64,
    pub(super) place: Place,
    pub(super) side: Side,
    pub(super) peer_inside: bool,
    pub(super) owner: bool,
    pub(super) late: bool,
}

impl Lane {
    pub(super) fn opened(
        &mut self,
        ctx: &mut Context<'_>,
        seen: Observation<'_>,
        opened: &Opened,
        sink: &mut impl Sink,
    ) {
        if self.open.get(&Name(opened.proto, opened.id)).is_some_and(|held| held.open().is_again(opened)) {
            return;
        }
        let open = Open {
            opened: *opened,
            order: self.order,
            place: seen.record.place,
            side: seen.side,
            peer_inside: seen.peer_inside,
            owner: seen.owner,
            late: seen.late,
        };
        if !self.given_up.is_empty() {
            self.given_up.remove(&Name(opened.proto, opened.id));
        }
        let (real, mapped) = match seen.side {
            Side::Orig => (&opened.orig, &opened.mapped_orig),
            Side::Resp => (&opened.resp, &opened.mapped_resp),
        };
        self.see_mapped(real, mapped);
        if let Some(before) = self.open.insert(Name(opened.proto, opened.id), Held::new(open)) {
            let before = before.open();
            // The device reused the number: the end of the earlier connection was not logged.
            self.forget_inbound(&before);
            self.give_up(ctx, &before, seen.key, sink);
        }
        match seen.side {
            Side::Resp if open.counts() => {
                let (_, leg) = open.leg();
                if let Some(service) = self.services.get_mut(&leg.own.port) {
                    service.legs.insert((leg.start.at, open.order), leg);
                }
            }
            Side::Orig if !open.late && !self.tunnels.is_idle() => match opened.proto {
                Proto::Tcp if !open.peer_inside => self.tunnels.opened(&open.leg().1, seen.key, ctx.config.settle),
                Proto::Udp if opened.resp.port == DNS => {
                    self.tunnels.looked_up(opened.start.at, seen.record.known.at);
                }
                _ => {}
            },
            _ => {}
        }
        if self.open.len() > OPEN {
            self.drop_oldest_open(ctx, seen.key, sink);
        }
    }

    fn drop_oldest_open(&mut self, ctx: &mut Context<'_>, key: Nanos, sink: &mut impl Sink) {
        let mut oldest: Vec<(u64, Name)> = self.open.iter().map(|held| (held.open().order, held.name())).collect();
        oldest.sort_unstable();
        for (_, id) in oldest.into_iter().take(OPEN / 8) {
            let Some(open) = self.open.take(&id, |_| true).map(|held| held.open()) else { continue };
            self.open_dropped += 1;
            self.forget_inbound(&open);
            self.give_up(ctx, &open, key, sink);
            if self.given_up.len() < OPEN {
                self.given_up.insert(id);
            }
        }
    }

    /// A connection whose end is not in the evidence: it counts, and is printed without an end.
    pub(super) fn give_up(&mut self, ctx: &mut Context<'_>, open: &Open, key: Nanos, sink: &mut impl Sink) {
        let (direction, leg) = open.leg();
        self.tunnels.forget(leg.id);
        if open.opened.proto == Proto::Tcp && !open.peer_inside {
            self.count(ctx, direction, &leg, sink);
        }
        if open.owner {
            let Opened { orig, resp, .. } = open.opened;
            sink.connection(Brief { ends: [orig.addr, resp.addr], proto: open.opened.proto, ended: None }, || {
                Connection {
                    key,
                    start: open.opened.start,
                    said: Said::Built(open.opened, None),
                    places: [Some(open.place), None],
                    late: open.late,
                }
            });
        }
    }

    /// Inbound legs that are open: at ports that have shown no payload yet they are kept nowhere else.
    pub(super) fn open_inbound(&self) -> impl Iterator<Item = (Key, Leg)> {
        self.open.iter().filter(|held| held.counts_inbound()).map(|held| {
            let open = held.open();
            let (_, leg) = open.leg();
            ((leg.start.at, open.order), leg)
        })
    }

    pub(super) fn forget_inbound(&mut self, open: &Open) {
        let (direction, leg) = open.leg();
        if direction == Direction::Inbound
            && open.counts()
            && let Some(service) = self.services.get_mut(&leg.own.port)
        {
            service.legs.remove(&(leg.start.at, open.order));
        }
    }
}

impl Open {
    /// Whether the teardown is that of this connection: numbers are reused.
    pub(super) fn is_of(&self, closed: &Closed) -> bool {
        let ends = (closed.first, closed.second);
        let own = (self.opened.orig, self.opened.resp);
        self.opened.proto == closed.proto && (ends == own || ends == (own.1, own.0))
    }

    /// Whether the record is of this connection, too.
    pub(super) fn is_whole(&self, whole: &Whole) -> bool {
        let opened = &self.opened;
        (opened.proto, opened.orig, opened.resp) == (whole.proto, whole.orig, whole.resp)
    }

    /// Whether its opening is told once more, as PAN-OS does whenever it recognises another application in a session.
    fn is_again(&self, opened: &Opened) -> bool {
        let first = &self.opened;
        (first.orig, first.resp, first.start) == (opened.orig, opened.resp, opened.start)
    }

    /// Whether it is evidence of a relay between outsiders.
    pub(super) fn counts(&self) -> bool {
        self.opened.proto == Proto::Tcp && !self.peer_inside && !self.late
    }

    pub(super) fn leg(&self) -> (Direction, Leg) {
        let (direction, own, peer): (_, Endpoint, Endpoint) = match self.side {
            Side::Orig => (Direction::Outbound, self.opened.orig, self.opened.resp),
            Side::Resp => (Direction::Inbound, self.opened.resp, self.opened.orig),
        };
        let leg = Leg {
            id: self.opened.id,
            peer,
            own,
            start: self.opened.start,
            opened: Some(self.order),
            end: None,
            smtp: direction == Direction::Outbound && peer.port == 25,
            mailed: None,
            inward: self.peer_inside,
            places: [Some(self.place), None],
        };
        (direction, leg)
    }
}
