//! A host, its records as a firewall's log has them, and the fold over them.

use catspaw_records::{
    ByteCount, ByteKind, Bytes, Closed, Days, Ending, Endpoint, Event, HostKey, Inside, Nanos, Opened, Place, Proto,
    Record, RecordId, SensorId, Side, Stamp,
};
use catspaw_relay::{
    Attempt, Brief, Config, Connection, Context, EndedLeg, Lane, Leg, LegPair, Observation, OutOfOrder, Sink,
};

pub(crate) const HOST: &str = "172.28.0.7";

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Rows {
    pub(crate) connections: Vec<Connection>,
    pub(crate) pairs: Vec<LegPair>,
    pub(crate) sent: Vec<Leg>,
    pub(crate) attempts: Vec<Attempt>,
}

impl Sink for Rows {
    fn connection(&mut self, brief: Brief, connection: impl FnOnce() -> Connection) {
        let connection = connection();
        assert_eq!(brief.ended.map(|(ending, _)| ending), connection.ending());
        assert_eq!(brief.ended.is_some_and(|(_, sized)| sized), connection.bytes().is_some());
        self.connections.push(connection);
    }

    fn pair(&mut self, pair: LegPair) {
        self.pairs.push(pair);
    }

    fn sent(&mut self, _: HostKey, sensor: SensorId, leg: &EndedLeg) {
        self.sent.push(leg.leg(sensor));
    }

    fn attempt(&mut self, attempt: Attempt) {
        self.attempts.push(attempt);
    }
}

pub(crate) fn end(addr: &str, port: u16) -> Endpoint {
    Endpoint { addr: addr.parse().unwrap(), port }
}

pub(crate) fn sensor() -> SensorId {
    SensorId::of(b"pix")
}

pub(crate) fn stamp(at: i64) -> Stamp {
    Stamp { at: Nanos::from_secs(at), resolution: 1_000_000_000, sensor: sensor() }
}

pub(crate) fn record(at: i64, event: Event) -> (Record, Side) {
    let side = match event {
        Event::Opened(opened) if opened.orig.addr.to_string() == HOST => Side::Orig,
        _ => Side::Resp,
    };
    (Record { known: stamp(at), place: Place { file: 0, line: 1 }, fingerprint: 0, event }, side)
}

/// A connection of the host with an outside party: its opening and its end.
pub(crate) fn connection(
    id: u64,
    orig: Endpoint,
    resp: Endpoint,
    from: i64,
    to: i64,
    bytes: u64,
) -> [(Record, Side); 2] {
    let outbound = orig.addr.to_string() == HOST;
    let (first, second) = if outbound { (resp, orig) } else { (orig, resp) };
    let inside = Inside { orig: Some(outbound), resp: Some(!outbound) };
    let (id, start) = (RecordId::Device(id), stamp(from));
    let opened = Opened { id, proto: Proto::Tcp, start, orig, resp, mapped_orig: None, mapped_resp: None, inside };
    let closed = Closed {
        id,
        proto: Proto::Tcp,
        first,
        second,
        inside: Inside { orig: Some(false), resp: Some(true) },
        duration: (to - from) * Nanos::SECOND,
        ended: None,
        bytes: Some(Bytes { kind: ByteKind::PayloadRetransmitted, count: ByteCount::Total(bytes) }),
        ending: Ending::Fins,
    };
    [record(from, Event::Opened(opened)), record(to, Event::Closed(closed))]
}

pub(crate) struct Fold {
    pub(crate) config: Config,
    pub(crate) days: Days,
    pub(crate) lane: Lane,
    pub(crate) rows: Rows,
}

impl Fold {
    pub(crate) fn new() -> Self {
        let days = Days::new(jiff::tz::TimeZone::UTC);
        Self { config: Config::default(), days, lane: Lane::default(), rows: Rows::default() }
    }

    pub(crate) fn take(&mut self, record: &Record, side: Side, late: bool) -> Result<(), OutOfOrder> {
        self.observe(record, side, late, false)
    }

    pub(crate) fn observe(
        &mut self,
        record: &Record,
        side: Side,
        late: bool,
        peer_inside: bool,
    ) -> Result<(), OutOfOrder> {
        let host = HostKey::Address(HOST.parse().unwrap());
        let mut ctx = Context { config: &self.config, days: &mut self.days, host, sensor: sensor() };
        let seen = Observation { key: record.known.at, late, record, side, peer_inside, owner: true };
        self.lane.observe(&mut ctx, seen, &mut self.rows)
    }

    pub(crate) fn finish(mut self) -> (Lane, Rows) {
        let host = HostKey::Address(HOST.parse().unwrap());
        let mut ctx = Context { config: &self.config, days: &mut self.days, host, sensor: sensor() };
        self.lane.finish(&mut ctx, &mut self.rows);
        (self.lane, self.rows)
    }
}

pub(crate) fn fold(records: &[(Record, Side)], late: bool) -> (Lane, Rows) {
    let mut fold = Fold::new();
    for (record, side) in records {
        fold.take(record, *side, late).unwrap();
    }
    fold.finish()
}
