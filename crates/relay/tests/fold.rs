//! The fold's own promises: its state can be put away and taken up again at any moment, it refuses what comes out of
//! order, and what came too late counts but is no evidence.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use catspaw_records::{
    ByteCount, ByteKind, Bytes, Closed, Days, Ending, Endpoint, Event, HostKey, Inside, Nanos, Opened, Place, Proto,
    Record, SensorId, Side, Stamp,
};
use catspaw_relay::{Config, Connection, Context, Lane, LegPair, Observation, OutOfOrder, STATE_VERSION, Sink};

const HOST: &str = "172.28.0.7";

#[derive(Debug, Default, PartialEq)]
struct Rows {
    connections: Vec<Connection>,
    pairs: Vec<LegPair>,
}

impl Sink for Rows {
    fn connection(&mut self, connection: Connection) {
        self.connections.push(connection);
    }

    fn pair(&mut self, pair: LegPair) {
        self.pairs.push(pair);
    }
}

fn end(addr: &str, port: u16) -> Endpoint {
    Endpoint { addr: addr.parse().unwrap(), port }
}

fn sensor() -> SensorId {
    SensorId::of(b"pix")
}

fn record(at: i64, event: Event) -> (Record, Side) {
    let known = Stamp { at: Nanos::from_secs(at), resolution: 1_000_000_000, sensor: sensor() };
    let side = match event {
        Event::Opened(opened) if opened.orig.addr.to_string() == HOST => Side::Orig,
        _ => Side::Resp,
    };
    (Record { known, place: Place { file: 0, line: 1 }, fingerprint: 0, event }, side)
}

/// A connection of the host with an outside party: its opening and its end.
fn connection(id: u64, orig: Endpoint, resp: Endpoint, from: i64, to: i64, bytes: u64) -> [(Record, Side); 2] {
    let outbound = orig.addr.to_string() == HOST;
    let (first, second) = if outbound { (resp, orig) } else { (orig, resp) };
    let inside = Inside { orig: Some(outbound), resp: Some(!outbound) };
    let opened = Opened { id, proto: Proto::Tcp, orig, resp, mapped_orig: None, mapped_resp: None, inside };
    let closed = Closed {
        id,
        proto: Proto::Tcp,
        first,
        second,
        inside: Inside { orig: Some(false), resp: Some(true) },
        duration: (to - from) * Nanos::SECOND,
        bytes: Some(Bytes { kind: ByteKind::PayloadRetransmitted, count: ByteCount::Total(bytes) }),
        ending: Ending::Fins,
    };
    [record(from, Event::Opened(opened)), record(to, Event::Closed(closed))]
}

/// Sessions of a SOCKS relay, one every 50 s: 25 bytes of handshake beyond what goes out.
fn sessions(count: u64) -> Vec<(Record, Side)> {
    let mut records = Vec::new();
    for n in 0..count {
        let at = 1_000_000 + 50 * n as i64;
        let size = 900 + (n * 7919) % 30_011;
        let client = end(&format!("198.51.100.{}", 1 + n % 9), 20_000 + n as u16);
        let target = end(&format!("203.0.113.{}", 1 + n % 40), 25);
        records.extend(connection(2 * n, client, end(HOST, 1182), at, at + 9, size + 25));
        records.extend(connection(2 * n + 1, end(HOST, 3000 + n as u16), target, at + 1, at + 9, size));
    }
    // In a log the openings and the ends stand in the order of their stamps.
    records.sort_by_key(|(record, _)| record.known.at);
    records
}

struct Fold {
    config: Config,
    days: Days,
    lane: Lane,
    rows: Rows,
}

impl Fold {
    fn new() -> Self {
        let days = Days::new(jiff::tz::TimeZone::UTC);
        Self { config: Config::default(), days, lane: Lane::default(), rows: Rows::default() }
    }

    fn take(&mut self, record: &Record, side: Side, late: bool) -> Result<(), OutOfOrder> {
        let host = HostKey::Address(HOST.parse().unwrap());
        let mut ctx = Context { config: &self.config, days: &mut self.days, host, sensor: sensor() };
        let seen = Observation { key: record.known.at, late, record, side, peer_inside: false, owner: true };
        self.lane.observe(&mut ctx, seen, &mut self.rows)
    }

    fn finish(mut self) -> (Lane, Rows) {
        let host = HostKey::Address(HOST.parse().unwrap());
        let mut ctx = Context { config: &self.config, days: &mut self.days, host, sensor: sensor() };
        self.lane.finish(&mut ctx, &mut self.rows);
        (self.lane, self.rows)
    }
}

fn fold(records: &[(Record, Side)], late: bool) -> (Lane, Rows) {
    let mut fold = Fold::new();
    for (record, side) in records {
        fold.take(record, *side, late).unwrap();
    }
    fold.finish()
}

#[test]
fn a_relay_is_convicted_and_every_session_is_paired() {
    let (lane, rows) = fold(&sessions(200), false);
    let tests = lane.services[&1182].tests[0].as_ref().unwrap();
    assert!(tests.conviction.unwrap().sessions <= 15, "{:?}", tests.conviction);
    assert_eq!(rows.pairs.len(), 200);
    assert!(rows.pairs.iter().all(|pair| pair.inbound.peer.port - 20_000 == pair.outbound.own.port - 3000));
    assert_eq!(rows.connections.len(), 400);
}

#[test]
fn the_state_can_be_put_away_and_taken_up_at_any_moment() {
    let records = sessions(200);
    let whole = fold(&records, false);
    let mut parts = Fold::new();
    for (number, (record, side)) in records.iter().enumerate() {
        parts.take(record, *side, false).unwrap();
        if number % 7 == 0 {
            let bytes = postcard::to_allocvec(&(STATE_VERSION, &parts.lane)).unwrap();
            let (version, lane): (u32, Lane) = postcard::from_bytes(&bytes).unwrap();
            assert_eq!(version, STATE_VERSION);
            parts.lane = lane;
        }
    }
    let parts = parts.finish();
    assert_eq!(whole.1, parts.1);
    assert_eq!(whole.0, parts.0);
}

#[test]
fn what_is_out_of_order_is_refused() {
    let records = sessions(3);
    let mut fold = Fold::new();
    fold.take(&records[5].0, records[5].1, false).unwrap();
    let refused = fold.take(&records[0].0, records[0].1, false).unwrap_err();
    assert_eq!((refused.key, refused.last), (records[0].0.known.at, records[5].0.known.at));
}

#[test]
fn what_came_too_late_counts_but_is_no_evidence() {
    let (lane, rows) = fold(&sessions(200), true);
    assert!(lane.services.is_empty() && rows.pairs.is_empty());
    assert_eq!(rows.connections.len(), 400);
    assert_eq!(lane.tally.outbound.values().map(|day| day.established).sum::<u64>(), 200);
    assert_eq!(lane.tally.inbound[&1182].values().map(|day| day.established).sum::<u64>(), 200);
}
