//! One flow, and the records that are made of it.

use catspaw_records::{
    AppProto, Beside, Burst, ByteCount, ByteKind, Bytes, ConnState, Content, Counters, Endpoint, Event, Inside, Nanos,
    Opened, Place, Proto, Record, RecordId, Side, Stamp, Uid, Utterance, Whole,
};

use super::burst::{Bursts, Run};
use super::history::History;
use super::key::{self, Key};
use super::tcp::{self, End, State};
use crate::detect::{About, Detector, Watch};
use crate::protocol::Session;
use crate::{IpProto, Output, Packet, Settings};

/// A flow that is followed.
pub(super) struct Flow {
    pub(super) key: Key,
    /// Tells it from another of the same ends.
    pub(super) number: u64,
    pub(super) proto: IpProto,
    name: Name,
    /// Whether the originator is the lower end of the key.
    pub(super) orig_is_low: bool,
    start: Nanos,
    /// The last packet that counts: of a TCP connection that both have closed none does any more.
    pub(super) last: Nanos,
    /// Its first packet.
    place: Place,
    pub(super) ends: [End; 2],
    pub(super) counts: [Count; 2],
    /// Payload that was sent, as it seems, and not captured.
    pub(super) missed: u64,
    pub(super) history: History,
    pub(super) session: Option<Box<Session>>,
    /// What rules need of it; `None` where none may match.
    pub(super) watch: Option<Box<Watch>>,
    pub(super) bursts: Bursts,
    /// Whether it goes from inside to outside, so that runs of payload are told.
    pub(super) dials_out: bool,
    pub(super) opened: bool,
    /// When it is over if nothing more comes, and the earliest moment at which a timer asks.
    pub(super) deadline: Nanos,
    pub(super) asked_at: Nanos,
    records: u64,
}

/// What one end has sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    pub(super) packets: u64,
    /// With their IP headers.
    ip_bytes: u64,
    /// What packets carried, retransmissions of TCP too.
    payload: u64,
}

/// What a connection is called in all its records.
#[derive(Clone, Copy)]
struct Name {
    id: u64,
    orig: Endpoint,
    resp: Endpoint,
    proto: Proto,
}

/// Where names are asked for.
const DNS: u16 = 53;
/// Whose an address is, is not the packets' to say.
const INSIDE: Inside = Inside { orig: None, resp: None };

fn dials_out(orig: Endpoint, resp: Endpoint, with: &Settings) -> bool {
    (with.is_inside)(orig.addr) && !(with.is_inside)(resp.addr)
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
        let [sender, receiver] = key::ends(packet);
        let (orig, resp) = if turned { (receiver, sender) } else { (sender, receiver) };
        let name =
            Name { id: key::id(orig, resp, packet.proto, packet.at), orig, resp, proto: key::proto(packet.proto) };
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
            counts: Default::default(),
            missed: 0,
            history,
            session: None,
            watch: None,
            bursts: Bursts::default(),
            dials_out: dials_out(orig, resp, with),
            opened: false,
            deadline: Nanos::MAX,
            asked_at: Nanos::MAX,
            records: 0,
        }
    }

    /// It is the nominal responder who opened it. Nothing was told of it yet.
    pub(super) fn turn(&mut self, with: &Settings) {
        let Name { orig, resp, .. } = self.name;
        let id = key::id(resp, orig, self.proto, self.start);
        self.name = Name { id, orig: resp, resp: orig, ..self.name };
        self.orig_is_low = !self.orig_is_low;
        self.dials_out = dials_out(resp, orig, with);
        self.bursts = Bursts::default();
        self.ends.swap(0, 1);
        self.counts.swap(0, 1);
        // What it read, it read the wrong way round.
        self.session = None;
        if let Some(watch) = &mut self.watch {
            watch.turn();
        }
    }

    /// What of the rules may match on it.
    pub(super) fn watched_by(&self, detector: &Detector) -> Option<Box<Watch>> {
        detector.watch(self.name.proto, self.name.orig, self.name.resp)
    }

    /// Whether nothing was told of it yet.
    pub(super) fn is_untold(&self) -> bool {
        self.records == 0
    }

    /// Counts a packet.
    #[inline]
    pub(super) fn count(&mut self, from: Side, packet: &Packet<'_>) {
        let count = &mut self.counts[from.index()];
        count.packets += 1;
        count.ip_bytes += u64::from(packet.ip_len);
        count.payload += u64::from(packet.payload_len);
    }

    /// Nanoseconds since it began.
    pub(super) fn age(&self, now: Nanos) -> i64 {
        now.since(self.start)
    }

    /// Whether it goes to the port at which names are asked for.
    pub(super) fn is_look_up(&self) -> bool {
        self.name.resp.port == DNS
    }

    /// Whether the responder has sent anything.
    pub(super) fn is_answered(&self) -> bool {
        self.counts[1].packets > 0
    }

    /// What it is to rules.
    pub(super) fn about(&self) -> About {
        let Name { id, orig, resp, proto, .. } = self.name;
        let both = || self.counts.iter().all(|count| count.packets > 0);
        let answered = if self.proto == IpProto::TCP { self.opened } else { both() };
        let protocol = self.session.as_ref().and_then(|session| session.protocol());
        let id = RecordId::Device(id);
        About { id, proto, orig, resp, start: self.start, answered, protocol }
    }

    fn conn_state(&self) -> ConnState {
        if self.proto == IpProto::TCP {
            return tcp::conn_state(&self.ends, &self.history);
        }
        match (self.counts[0].packets > 0, self.is_answered()) {
            _ if self.proto != IpProto::UDP => ConnState::Oth,
            (true, true) => ConnState::Sf,
            (true, false) => ConnState::S0,
            (false, true) => ConnState::Shr,
            (false, false) => ConnState::Oth,
        }
    }

    fn bytes(&self) -> Bytes {
        let [orig, resp] = match (self.proto, &self.ends) {
            (IpProto::TCP, [orig, resp]) => [orig.payload(resp), resp.payload(orig)],
            _ => self.counts.map(|count| count.payload),
        };
        Bytes { kind: ByteKind::Payload, count: ByteCount::Directed { orig, resp } }
    }

    fn record(&mut self, known: Nanos, with: &Settings, event: Event) -> Record {
        self.records += 1;
        // Each record is its own; a hash needs no more than to differ.
        let fingerprint = self.name.id ^ self.records.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Record { known: with.stamp(known), place: self.place, fingerprint, event }
    }

    /// Tells that it was answered.
    pub(super) fn open(&mut self, now: Nanos, with: &Settings, out: &mut impl Output) {
        if std::mem::replace(&mut self.opened, true) {
            return;
        }
        let Name { id, orig, resp, proto } = self.name;
        let (id, start) = (RecordId::Device(id), with.stamp(self.start));
        let opened = Opened { id, proto, start, orig, resp, mapped_orig: None, mapped_resp: None, inside: INSIDE };
        let record = self.record(now, with, Event::Opened(opened));
        out.record(record);
    }

    /// Tells what was said.
    pub(super) fn say(&mut self, said: Utterance, now: Nanos, with: &Settings, out: &mut impl Output) {
        if let Utterance::Speaks(protocol) = said
            && !protocol.connects_on()
        {
            // The connection's record says it, at its end.
            return;
        }
        let Name { id, orig, resp, proto } = self.name;
        let content = Content { id: RecordId::Device(id), proto, orig, resp, inside: INSIDE, said };
        let record = self.record(now, with, Event::Content(content));
        out.record(record);
    }

    /// Tells that payload went one way.
    pub(super) fn burst(&mut self, run: Run, now: Nanos, with: &Settings, out: &mut impl Output) {
        let Name { id, orig, resp, .. } = self.name;
        let Run { from, bytes, first, last, asked } = run;
        let burst = Burst { id: RecordId::Device(id), orig, resp, inside: INSIDE, from, bytes, first, last, asked };
        let record = self.record(now, with, Event::Burst(burst));
        out.record(record);
    }

    /// The flow is over: all of it in one record.
    pub(super) fn whole(&mut self, known: Nanos, with: &Settings) -> Record {
        let Name { id, orig, resp, proto } = self.name;
        let state = self.conn_state();
        let protocol = self.session.as_ref().and_then(|session| session.protocol());
        let [by_orig, by_resp] = self.counts;
        let whole = Whole {
            id: RecordId::Device(id),
            proto,
            orig,
            resp,
            inside: INSIDE,
            start: with.stamp(self.start),
            duration: Some(self.last.since(self.start)),
            bytes: Some(self.bytes()),
            ending: state.ending(),
            answered: Some(state.answered()),
            state: Some(state),
            service: protocol.map(AppProto::name).map(|name| Uid::new(name.as_bytes())),
            history: self.history.text(),
            beside: Beside::Counted(Counters {
                orig_pkts: by_orig.packets,
                orig_ip_bytes: by_orig.ip_bytes,
                resp_pkts: by_resp.packets,
                resp_ip_bytes: by_resp.ip_bytes,
                missed_bytes: self.missed,
            }),
        };
        self.record(known, with, Event::Whole(whole))
    }

    /// How long, in nanoseconds, it may be silent before it is over.
    #[inline]
    pub(super) fn patience(&self) -> i64 {
        const SECOND: i64 = Nanos::SECOND;
        if self.proto != IpProto::TCP {
            return 60 * SECOND;
        }
        let [orig, resp] = &self.ends;
        match (orig.state, resp.state) {
            // It has ended; packets may be on their way.
            (State::Reset, _) | (_, State::Reset) | (State::Closed, State::Closed | State::Inactive) => 5 * SECOND,
            (State::Inactive, State::Closed) => 5 * SECOND,
            (State::Closed, _) | (_, State::Closed) => 600 * SECOND,
            // Zeek gives up after 5 s, and tells an attempt that is tried again as several. The pauses between the
            // tries double up to 64 s.
            (State::SynSent | State::SynAckSent | State::Inactive, State::Inactive) => 65 * SECOND,
            (State::Inactive, _) | (_, State::Inactive) => 600 * SECOND,
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
