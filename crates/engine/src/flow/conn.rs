//! One flow, and the records that are made of it.

use catspaw_records::{
    AppProto, Burst, ByteCount, ByteKind, Bytes, ConnState, Content, Endpoint, Event, Inside, Nanos, Opened, Place,
    Record, RecordId, Side, Stamp, Uid, Utterance, Whole,
};

use super::burst::{Bursts, Run};
use super::history::History;
use super::key::{self, Key};
use super::tcp::{End, State, conn_state};
use crate::detect::{About, Watch};
use crate::protocol::Session;
use crate::{IpProto, Output, Packet, Settings};

/// A flow that is followed.
pub(super) struct Flow {
    pub(super) key: Key,
    /// Tells it from another of the same ends.
    pub(super) number: u64,
    pub(super) proto: IpProto,
    pub(super) name: Name,
    /// Whether the originator is the lower end of the key.
    pub(super) orig_is_low: bool,
    pub(super) start: Nanos,
    pub(super) last: Nanos,
    /// Its first packet.
    place: Place,
    pub(super) ends: [End; 2],
    /// Payload of datagrams.
    pub(super) datagrams: [u64; 2],
    pub(super) history: History,
    pub(super) session: Option<Box<Session>>,
    /// What rules need of it; `None` where none may match.
    pub(super) watch: Option<Box<Watch>>,
    pub(super) bursts: Bursts,
    /// Whether exactly one end is ours, so that runs of payload are told.
    pub(super) crosses: bool,
    pub(super) opened: bool,
    /// When it is over if nothing more comes, and the earliest moment at which a timer asks.
    pub(super) deadline: Nanos,
    pub(super) asked_at: Nanos,
    records: u64,
}

/// What a connection is called in all its records.
#[derive(Clone, Copy)]
pub(super) struct Name {
    pub(super) id: RecordId,
    pub(super) orig: Endpoint,
    pub(super) resp: Endpoint,
    pub(super) inside: Inside,
    pub(super) proto: catspaw_records::Proto,
}

impl Flow {
    /// One that begins with `packet`, whose sender is the originator unless it is `turned`.
    pub(super) fn new(
        key: Key,
        number: u64,
        from_low: bool,
        packet: &Packet<'_>,
        turned: bool,
        with: &Settings,
    ) -> Self {
        let sender = Endpoint { addr: packet.src, port: packet.src_port };
        let receiver = Endpoint { addr: packet.dst, port: packet.dst_port };
        let (orig, resp) = if turned { (receiver, sender) } else { (sender, receiver) };
        let inside = [orig, resp].map(|end| (with.is_inside)(end.addr));
        let name = Name {
            id: key::id(orig, resp, packet.proto, packet.at),
            orig,
            resp,
            // Whose an address is, is not the packets' to say.
            inside: Inside::default(),
            proto: key::proto(packet.proto),
        };
        let mut history = History::default();
        if turned {
            history.flip();
        }
        Self {
            key,
            number,
            proto: packet.proto,
            name,
            orig_is_low: from_low != turned,
            start: packet.at,
            last: packet.at,
            place: packet.place,
            ends: Default::default(),
            datagrams: [0; 2],
            history,
            session: None,
            watch: None,
            bursts: Bursts::default(),
            crosses: inside[0] != inside[1],
            opened: false,
            deadline: Nanos::MAX,
            asked_at: Nanos::MAX,
            records: 0,
        }
    }

    /// Nanoseconds since it began.
    pub(super) fn age(&self, now: Nanos) -> i64 {
        now.since(self.start)
    }

    /// Whether the responder has sent anything.
    pub(super) fn is_answered(&self) -> bool {
        self.ends[1].packets > 0
    }

    /// What it is to rules.
    pub(super) fn about(&self) -> About {
        let Name { id, orig, resp, proto, .. } = self.name;
        let both = || self.ends.iter().all(|end| end.packets > 0);
        let answered = if self.proto == IpProto::TCP { self.opened } else { both() };
        let protocol = self.session.as_ref().and_then(|session| session.protocol());
        About { id, proto, orig, resp, start: self.start, answered, protocol }
    }

    fn conn_state(&self) -> ConnState {
        if self.proto == IpProto::TCP {
            return conn_state(&self.ends[0], &self.ends[1]);
        }
        match (self.ends[0].packets > 0, self.is_answered()) {
            _ if self.proto != IpProto::UDP => ConnState::Oth,
            (true, true) => ConnState::Sf,
            (true, false) => ConnState::S0,
            (false, true) => ConnState::Shr,
            (false, false) => ConnState::Oth,
        }
    }

    fn bytes(&self) -> Option<Bytes> {
        let [orig, resp] = match self.proto {
            IpProto::TCP => [self.ends[0].stream.payload(), self.ends[1].stream.payload()],
            _ => self.datagrams,
        };
        // Of a connection whose beginning was missed nobody knows how much it carried.
        let partial = self.proto == IpProto::TCP && self.ends.iter().any(|end| end.began_without_syn);
        (!partial).then_some(Bytes { kind: ByteKind::Payload, count: ByteCount::Directed { orig, resp } })
    }

    fn record(&mut self, known: Nanos, with: &Settings, event: Event) -> Record {
        self.records += 1;
        let RecordId::Device(id) = self.name.id else { unreachable!("flows are named by number") };
        // Each record is its own; a hash needs no more than to differ.
        let fingerprint = id ^ self.records.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Record { known: with.stamp(known), place: self.place, fingerprint, event }
    }

    /// Tells that it was answered.
    pub(super) fn open(&mut self, now: Nanos, with: &Settings, out: &mut impl Output) {
        if std::mem::replace(&mut self.opened, true) {
            return;
        }
        let Name { id, orig, resp, inside, proto } = self.name;
        let start = with.stamp(self.start);
        let opened = Opened { id, proto, start, orig, resp, mapped_orig: None, mapped_resp: None, inside };
        let record = self.record(now, with, Event::Opened(opened));
        out.record(record);
    }

    /// Tells what was said.
    pub(super) fn say(&mut self, said: Utterance, now: Nanos, with: &Settings, out: &mut impl Output) {
        let Name { id, orig, resp, inside, proto } = self.name;
        let record = self.record(now, with, Event::Content(Content { id, proto, orig, resp, inside, said }));
        out.record(record);
    }

    /// Tells that payload went one way.
    pub(super) fn burst(&mut self, run: Run, now: Nanos, with: &Settings, out: &mut impl Output) {
        let Name { id, orig, resp, inside, .. } = self.name;
        let Run { from, bytes, first, last } = run;
        let record = self.record(now, with, Event::Burst(Burst { id, orig, resp, inside, from, bytes, first, last }));
        out.record(record);
    }

    /// The flow is over: all of it in one record.
    pub(super) fn whole(&mut self, known: Nanos, with: &Settings) -> Record {
        let Name { id, orig, resp, inside, proto } = self.name;
        let state = self.conn_state();
        let protocol = self.session.as_ref().and_then(|session| session.protocol());
        let whole = Whole {
            id,
            proto,
            orig,
            resp,
            inside,
            start: with.stamp(self.start),
            duration: Some(self.last.since(self.start)),
            bytes: self.bytes(),
            ending: state.ending(),
            answered: Some(state.answered()),
            state: Some(state),
            service: protocol.map(AppProto::name).map(|name| Uid::new(name.as_bytes())),
            history: self.history.text(),
        };
        self.record(known, with, Event::Whole(whole))
    }

    /// How long, in nanoseconds, it may be silent before it is over.
    pub(super) fn patience(&self) -> i64 {
        const SECOND: i64 = Nanos::SECOND;
        if self.proto != IpProto::TCP {
            return 60 * SECOND;
        }
        let [orig, resp] = [self.ends[0].state, self.ends[1].state];
        match (orig, resp) {
            // Packets that were on their way.
            (State::Reset, _) | (_, State::Reset) => SECOND,
            (State::Closed, State::Closed) => 5 * SECOND,
            (State::Closed, _) | (_, State::Closed) => 600 * SECOND,
            // Zeek gives up after 5 s, and tells an attempt that is tried again as several. The pauses between the
            // tries double up to 64 s.
            (State::SynSent | State::Inactive, _) | (_, State::Inactive) => 65 * SECOND,
            // A session that pauses is still one, as a firewall would have it.
            _ => 3600 * SECOND,
        }
    }
}

impl Settings {
    fn stamp(&self, at: Nanos) -> Stamp {
        Stamp { at, resolution: self.resolution, sensor: self.sensor }
    }
}

/// Index of a side.
pub(super) fn index(side: Side) -> usize {
    usize::from(side == Side::Resp)
}
