//! Connections that have ended, and the services that they show.

use catspaw_records::{Bytes, Closed, Ending, Nanos, Proto, SensorId, Side, Stamp, Whole};

use super::open::{Name, Open};
use super::{Context, Lane, Observation, PENDING, SERVICES};
use crate::attempts::Attempt;
use crate::backconnect::may_be_tunnel;
use crate::design::TAKES_MAIL;
use crate::leg::{Direction, End, Leg, Size};
use crate::mail::LETTER;
use crate::packed::EndedLeg;
use crate::service::{Key, Service};
use crate::sink::{Brief, Connection, Said, Sink};

impl Lane {
    pub(super) fn closed(
        &mut self,
        ctx: &mut Context<'_>,
        seen: Observation<'_>,
        closed: &Closed,
        sink: &mut impl Sink,
    ) {
        self.timers.see(closed.ending, closed.duration);
        let id = Name(closed.proto, closed.id);
        let Some(held) = self.open.take(&id, |held| held.is_of(closed)) else {
            if !self.given_up.remove(&id) {
                self.closed_alone(ctx, seen, closed, sink);
            }
            return;
        };
        let open = held.open();
        let turned = open.opened.orig == closed.second;
        let (ending, bytes) = match turned {
            true => (closed.ending.turned(), closed.bytes.map(Bytes::turned)),
            false => (closed.ending, closed.bytes),
        };
        let ended = closed.ended.unwrap_or(seen.record.known);
        let end = self.end(seen.key, ended.at, ending, bytes);
        let said = || Said::Built(open.opened, Some(if turned { closed.turned() } else { *closed }));
        self.ended_after_opening(ctx, seen, &open, (end, false), said, sink);
    }

    /// A connection whose opening was seen has ended; `smtp` where the witness recognised that in it.
    fn ended_after_opening(
        &mut self,
        ctx: &mut Context<'_>,
        seen: Observation<'_>,
        open: &Open,
        (end, smtp): (End, bool),
        said: impl FnOnce() -> Said,
        sink: &mut impl Sink,
    ) {
        let late = open.late || seen.late;
        let (direction, mut leg) = open.leg();
        leg.end = Some(end);
        leg.smtp |= smtp;
        leg.places[1] = Some(seen.record.place);
        if open.opened.proto == Proto::Tcp
            && let Some(contents) = self.contents.get_mut().filter(|contents| !contents.is_empty())
        {
            contents.ended(direction, (leg.start.at, open.order), end);
        }
        if direction == Direction::Outbound && leg.smtp {
            leg.mailed = self.contents.get().and_then(|contents| contents.mailed_by((leg.start.at, open.order)));
        }
        if open.owner {
            let ended = Some((end.ending, end.size.is_some()));
            sink.connection(Brief { ends: [leg.own.addr, leg.peer.addr], proto: open.opened.proto, ended }, || {
                Connection { key: seen.key, start: leg.start, said: said(), places: leg.places, late }
            });
        }
        if late {
            self.forget_inbound(open);
        }
        if open.opened.proto == Proto::Tcp {
            self.ended(ctx, (seen.key, late), direction, ((leg.start.at, open.order), &leg), sink);
        }
    }

    /// A teardown whose opening is not in the evidence. It began its duration before, and the port that repeats is
    /// the service.
    fn closed_alone(&mut self, ctx: &mut Context<'_>, seen: Observation<'_>, closed: &Closed, sink: &mut impl Sink) {
        let (own, peer) = match seen.side {
            Side::Orig => (closed.first, closed.second),
            Side::Resp => (closed.second, closed.first),
        };
        let direction = self.guess_direction(own.port, peer.port);
        let second_opened = (direction == Direction::Outbound) == (seen.side == Side::Resp);
        let closed = if second_opened { closed.turned() } else { *closed };
        let ended = closed.ended.unwrap_or(seen.record.known);
        // The duration is cut to whole seconds too, so that the start is known to two.
        let resolution = ended.resolution.saturating_mul(2);
        let start =
            Stamp { at: ended.at.plus(-closed.duration).plus(-i64::from(ended.resolution)), resolution, ..ended };
        let leg = Leg {
            id: closed.id,
            peer,
            own,
            start,
            opened: None,
            end: Some(self.end(seen.key, ended.at, closed.ending, closed.bytes)),
            smtp: direction == Direction::Outbound && peer.port == 25,
            mailed: None,
            inward: seen.peer_inside,
            places: [None, Some(seen.record.place)],
        };
        if seen.owner {
            let ended = Some((closed.ending, closed.bytes.is_some()));
            sink.connection(Brief { ends: [own.addr, peer.addr], proto: closed.proto, ended }, || Connection {
                key: seen.key,
                start,
                said: Said::TornDown(closed),
                places: [None, Some(seen.record.place)],
                late: seen.late,
            });
        }
        if closed.proto == Proto::Tcp {
            self.ended(ctx, (seen.key, seen.late), direction, ((start.at, self.order), &leg), sink);
        }
    }

    fn guess_direction(&mut self, own: u16, peer: u16) -> Direction {
        for port in [own, peer] {
            if self.closed_ports.len() < PENDING || self.closed_ports.contains_key(&port) {
                let times = self.closed_ports.entry(port).or_default();
                *times = times.saturating_add(1);
            }
        }
        let times = |port: u16| self.closed_ports.get(&port).copied().unwrap_or(0);
        match (own < 1024, peer < 1024) {
            (true, false) => Direction::Inbound,
            (false, true) => Direction::Outbound,
            _ if self.serves_at(own) || times(own) > times(peer) => Direction::Inbound,
            _ => Direction::Outbound,
        }
    }

    /// Whether so much came in at a port that an end alone there is one more of it.
    fn serves_at(&self, port: u16) -> bool {
        const SESSIONS: u64 = 5;
        self.services.get(&port).is_some_and(|service| service.sessions >= SESSIONS)
    }

    pub(super) fn whole(&mut self, ctx: &mut Context<'_>, seen: Observation<'_>, whole: &Whole, sink: &mut impl Sink) {
        let end = self.end(seen.key, whole.ended(seen.record.known).at, whole.ending, whole.bytes);
        let end = End { answered: whole.answered.unwrap_or(end.answered), ..end };
        let smtp = whole.service.is_some_and(|service| service.as_str() == "smtp");
        let mapped = whole.mapped();
        self.see_mapped([&whole.orig, &whole.resp][seen.side.index()], &mapped[seen.side.index()]);
        let name = Name(whole.proto, whole.id);
        if let Some(held) = self.open.take(&name, |held| held.open().is_whole(whole)) {
            let open = held.open();
            let [orig, resp] = [open.opened.mapped_orig, open.opened.mapped_resp];
            let mapped = [orig.or(mapped[0]), resp.or(mapped[1])];
            return self.ended_after_opening(
                ctx,
                seen,
                &open,
                (end, smtp),
                || Said::Whole { whole: *whole, mapped },
                sink,
            );
        }
        if seen.owner {
            let ended = Some((whole.ending, whole.bytes.is_some()));
            sink.connection(Brief { ends: [whole.orig.addr, whole.resp.addr], proto: whole.proto, ended }, || {
                Connection {
                    key: seen.key,
                    start: whole.start,
                    said: Said::Whole { whole: *whole, mapped },
                    places: [Some(seen.record.place), None],
                    late: seen.late,
                }
            });
        }
        let (direction, own, peer) = match seen.side {
            Side::Orig => (Direction::Outbound, whole.orig, whole.resp),
            Side::Resp => (Direction::Inbound, whole.resp, whole.orig),
        };
        let leg = Leg {
            id: whole.id,
            peer,
            own,
            start: whole.start,
            opened: None,
            end: Some(end),
            smtp: peer.port == 25 || smtp,
            mailed: self.contents.get().filter(|contents| contents.seen).map(|_| Default::default()),
            inward: seen.peer_inside,
            places: [Some(seen.record.place), None],
        };
        if whole.proto == Proto::Tcp {
            self.ended(ctx, (seen.key, seen.late), direction, ((leg.start.at, self.order), &leg), sink);
        }
    }

    /// An end at `at` that is known from now (`key`) on.
    fn end(&self, key: Nanos, at: Nanos, ending: Ending, bytes: Option<Bytes>) -> End {
        let size = bytes.map(Size::of);
        let empty = size.is_some_and(|size| size.total() == 0);
        let reset = matches!(ending, Ending::ResetByOrig | Ending::ResetByResp | Ending::Reset);
        let answered = ending != Ending::NoAnswer && !(reset && empty);
        End { at, known: key, order: self.order, ending, answered, size }
    }

    /// A TCP leg within the house: that mail comes in this way marks a mail server; what goes out this way may be carried
    /// on for somebody outside.
    fn ended_inside(&mut self, sensor: SensorId, late: bool, direction: Direction, (key, leg): (Key, &Leg)) {
        match direction {
            Direction::Inbound => {
                self.mail_inside += u64::from(TAKES_MAIL.contains(&leg.own.port) && leg.has_payload());
                self.letters_in += u64::from(is_letter(leg));
            }
            Direction::Outbound if !late && !self.services.is_empty() => {
                self.outbound.push(EndedLeg::new(key, leg, sensor));
            }
            Direction::Outbound => {}
        }
    }

    /// A TCP leg is complete.
    fn ended(
        &mut self,
        ctx: &mut Context<'_>,
        (now, late): (Nanos, bool),
        direction: Direction,
        (key, leg): (Key, &Leg),
        sink: &mut impl Sink,
    ) {
        if leg.inward {
            return self.ended_inside(ctx.sensor, late, direction, (key, leg));
        }
        self.count(ctx, direction, leg, sink);
        if late {
            return;
        }
        match direction {
            Direction::Inbound => self.inbound_ended(key, *leg),
            Direction::Outbound => {
                self.may_tunnel |= may_be_tunnel(leg);
                self.tunnels.ended(leg, now, ctx.config.settle);
                let leg = EndedLeg::new(key, leg, ctx.sensor);
                sink.sent(ctx.host, ctx.sensor, &leg);
                self.outbound.push(leg);
            }
        }
    }

    fn inbound_ended(&mut self, key: Key, leg: Leg) {
        let port = leg.own.port;
        if !leg.has_payload() {
            if let Some(service) = self.services.get_mut(&port) {
                service.legs.remove(&key);
            }
            return;
        }
        self.letters_in += u64::from(is_letter(&leg));
        if let Some(size) = leg.size() {
            self.inbound_sizes.add(size, 1.0);
        }
        let spoken = self.contents.get().and_then(|contents| contents.protocol(key));
        if let Some(service) = self.serve(port) {
            service.sessions += 1;
            leg.size().into_iter().for_each(|size| service.recent.keep(key, size));
            service.legs.insert(key, leg);
            if let Some(protocol) = spoken {
                *service.spoken.entry(protocol).or_default() += 1;
            }
        }
    }

    /// The service at a port that has shown payload; `None` where there are too many.
    pub(super) fn serve(&mut self, port: u16) -> Option<&mut Service> {
        if !self.services.contains_key(&port) {
            if self.services.len() >= SERVICES {
                self.services_dropped += 1;
                return None;
            }
            if self.services.is_empty() {
                // From here on at the hours, whenever that is.
                self.next_assignment = None;
                self.served_since = self.last;
            }
            self.ranks += 1;
            let legs = self.open_inbound().filter(|(_, leg)| leg.own.port == port).collect();
            self.services.insert(port, Box::new(Service::new(port, self.ranks, legs)));
        }
        self.services.get_mut(&port).map(Box::as_mut)
    }

    /// Counts a connection with the outside.
    pub(super) fn count(&mut self, ctx: &mut Context<'_>, direction: Direction, leg: &Leg, sink: &mut impl Sink) {
        self.tally.take(direction, leg, ctx.days.of(leg.start.at));
        if direction == Direction::Inbound {
            let attempt = Attempt::of(ctx.host, ctx.sensor, leg);
            if self.beats.gives(&attempt, ctx.config) {
                sink.attempt(attempt);
            }
        }
    }
}
/// Whether a leg at a port of mail is long enough for a letter.
fn is_letter(leg: &Leg) -> bool {
    TAKES_MAIL.contains(&leg.own.port) && leg.size().is_some_and(|size| size.total() >= LETTER)
}
