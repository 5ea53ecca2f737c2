//! What a tracker keeps stays within bounds, whatever is sent.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

use catspaw_records::{Event, Place, Record, RecordId, SensorId};

use super::*;
use crate::{Tcp, TcpFlags};

#[derive(Default)]
struct Told {
    wholes: HashSet<RecordId>,
    records: usize,
    given_up: u64,
    /// The most flows and timers that there were.
    flows: usize,
    timers: usize,
}

impl Output for Told {
    fn record(&mut self, record: Record) {
        self.records += 1;
        if let Event::Whole(whole) = record.event {
            assert!(self.wholes.insert(whole.id), "a flow is told once");
        }
    }

    fn dropped(&mut self, what: &'static str, count: u64) {
        assert_eq!(what, "flows that were given up to make room");
        self.given_up += count;
    }
}

impl Told {
    fn look(&mut self, tracker: &Tracker) {
        let (flows, timers) = tracker.table.sizes();
        self.flows = self.flows.max(flows);
        self.timers = self.timers.max(timers);
    }
}

fn tracker() -> Tracker {
    let is_inside = |addr: IpAddr| matches!(addr, IpAddr::V4(addr) if addr.is_private());
    Tracker::new(Arc::new(Settings { sensor: SensorId(1), resolution: 1000, is_inside: Arc::new(is_inside) }))
}

/// A segment from a host outside, the `n`th of them, to one inside, or back.
fn segment(at: i64, n: u32, is_answer: bool, tcp: Tcp, payload: &[u8]) -> Packet<'_> {
    let (outside, inside) = (IpAddr::V4(Ipv4Addr::from(0xc000_0000 + n)), IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)));
    let (src, dst, src_port, dst_port) =
        if is_answer { (inside, outside, 80, 5000) } else { (outside, inside, 5000, 80) };
    Packet {
        at: Nanos(at),
        place: Place { file: 0, line: 1 },
        src,
        dst,
        proto: IpProto::TCP,
        src_port,
        dst_port,
        tcp: Some(tcp),
        ip: &[0; 20],
        transport: &[0; 20],
        payload,
        payload_len: payload.len() as u32,
        ip_len: 40 + payload.len() as u32,
        bad_checksum: false,
    }
}

fn flags(bits: u8) -> Tcp {
    Tcp { seq: 100, ack: 0, flags: TcpFlags(bits), window: 9 }
}

#[test]
fn a_flood_of_attempts_stays_within_the_table() {
    const ATTEMPTS: u32 = 60_000;
    let (mut tracker, mut told) = (tracker(), Told::default());
    // One that is answered outlives them.
    tracker.packet(&segment(0, 0, false, flags(TcpFlags::SYN), b""), &mut told);
    let answer = Tcp { ack: 101, ..flags(TcpFlags::SYN | TcpFlags::ACK) };
    tracker.packet(&segment(0, 0, true, answer, b""), &mut told);
    for n in 1..=ATTEMPTS {
        tracker.packet(&segment(i64::from(n) * 1000, n, false, flags(TcpFlags::SYN), b""), &mut told);
        told.look(&tracker);
    }
    assert!(told.flows <= table::FLOWS && told.timers <= 4 * table::FLOWS, "{} and {}", told.flows, told.timers);
    assert!(tracker.table.slots() <= table::FLOWS);
    assert_eq!(told.given_up, told.wholes.len() as u64);
    tracker.packet(&segment(i64::from(ATTEMPTS) * 1000, 0, true, answer, b""), &mut told);
    assert_eq!(told.wholes.len() + tracker.table.sizes().0, ATTEMPTS as usize + 1, "nothing was begun anew");
    tracker.finish(&mut told);
    assert_eq!(told.wholes.len(), ATTEMPTS as usize + 1);
    assert_eq!(tracker.table.sizes().0, 0);
}

#[test]
fn ends_that_begin_again_and_again_leave_no_timers() {
    let (mut tracker, mut told) = (tracker(), Told::default());
    for n in 0..20_000_u32 {
        // Another attempt from the same port each time.
        let tcp = Tcp { seq: n * 1000, ..flags(TcpFlags::SYN) };
        tracker.packet(&segment(i64::from(n), 0, false, tcp, b""), &mut told);
        told.look(&tracker);
    }
    assert_eq!((told.flows, told.wholes.len()), (1, 19_999));
    assert!(told.timers <= 100, "{} timers", told.timers);
}

#[test]
fn an_endless_flow_keeps_a_few_timers_and_tells_as_often_as_it_turns() {
    let (mut tracker, mut told) = (tracker(), Told::default());
    tracker.packet(&segment(0, 0, false, flags(TcpFlags::SYN), b""), &mut told);
    let answer = Tcp { seq: 500, ack: 101, ..flags(TcpFlags::SYN | TcpFlags::ACK) };
    tracker.packet(&segment(0, 0, true, answer, b""), &mut told);
    let payload = [0xee; 1000];
    for n in 0..100_000_u32 {
        let tcp = Tcp { seq: 501 + n * 1000, ack: 101, ..flags(TcpFlags::ACK) };
        tracker.packet(&segment(i64::from(n) * 29_000, 0, true, tcp, &payload), &mut told);
        told.look(&tracker);
    }
    // For three seconds runs are told to a number, and that is all that there is.
    assert!(told.records <= 40, "{} records", told.records);
    assert!((told.flows, told.timers) <= (1, 3), "{} timers", told.timers);
    assert_eq!(tracker.store.held(), 0);
}

#[test]
fn timers_of_a_moment_go_by_age_and_in_order() {
    struct Order(Vec<Nanos>);
    impl Output for Order {
        fn record(&mut self, record: Record) {
            self.0.push(record.known.at);
        }
        fn dropped(&mut self, _: &'static str, _: u64) {}
    }
    let (mut tracker, mut order) = (tracker(), Order(Vec::new()));
    for n in 0..1000_u32 {
        let (seconds, at) = (i64::from(n % 7) * Nanos::SECOND, i64::from(n));
        tracker.packet(&segment(seconds + at, n, false, flags(TcpFlags::SYN), b""), &mut order);
        let tcp = Tcp { seq: 101, ..flags(TcpFlags::ACK) };
        tracker.packet(&segment(seconds + at, n, false, tcp, b"x"), &mut order);
    }
    tracker.advance(Nanos(100 * Nanos::SECOND), &mut order);
    assert!(order.0.len() >= 2000);
    assert!(order.0.is_sorted());
}
