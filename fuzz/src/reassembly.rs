//! Flows and their streams.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use catspaw_engine::flow::Tracker;
use catspaw_engine::{IpProto, Output, Packet, Settings, Tcp, TcpFlags};
use catspaw_records::{Bytes, Event, Nanos, Place, Record, SensorId};

/// What a tracker gave: in order, each flow once, counts that add up.
#[derive(Default)]
struct Told {
    records: Vec<Record>,
    dropped: u64,
}

impl Output for Told {
    fn record(&mut self, record: Record) {
        assert!(self.records.last().is_none_or(|last| last.known.at <= record.known.at));
        self.records.push(record);
    }

    fn dropped(&mut self, _: &'static str, count: u64) {
        self.dropped += count;
    }
}

/// Two hosts who talk, one of them inside.
struct Wire {
    tracker: Tracker,
    told: Told,
    at: Nanos,
    sent: u64,
}

impl Wire {
    fn new() -> Self {
        let is_inside = |addr: IpAddr| addr == IpAddr::V4(Ipv4Addr::LOCALHOST);
        let settings = Settings { sensor: SensorId(1), resolution: 1, is_inside: Arc::new(is_inside) };
        Self { tracker: Tracker::new(Arc::new(settings)), told: Told::default(), at: Nanos(0), sent: 0 }
    }

    fn send(&mut self, is_answer: bool, tcp: Tcp, payload: &[u8], missing: u32) {
        let (client, server) = (IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V4(Ipv4Addr::LOCALHOST));
        let (src, dst, src_port, dst_port) =
            if is_answer { (server, client, 25, 4000) } else { (client, server, 4000, 25) };
        self.sent += 1;
        let payload_len = payload.len() as u32 + missing;
        let packet = Packet {
            at: self.at,
            place: Place { file: 0, line: self.sent },
            src,
            dst,
            proto: IpProto::TCP,
            src_port,
            dst_port,
            tcp: Some(tcp),
            ip: &[0; 20],
            transport: &[0; 20],
            payload,
            payload_len,
            ip_len: 40 + payload_len,
            bad_checksum: false,
        };
        self.tracker.packet(&packet, &mut self.told);
    }

    fn finish(mut self) -> Told {
        self.tracker.finish(&mut self.told);
        let (mut names, mut packets) = (Vec::new(), 0);
        for record in &self.told.records {
            let Event::Whole(whole) = &record.event else { continue };
            let counters = whole.counters().expect("packets are counted");
            let carried = whole.bytes.and_then(Bytes::directed).expect("bytes by direction");
            // Where there was a FIN a byte is taken for it, wherever it was.
            assert!(counters.missed_bytes <= carried.0 + carried.1 + 2, "{whole:?}");
            assert!(whole.duration.is_some_and(|duration| duration >= 0));
            packets += counters.orig_pkts + counters.resp_pkts;
            names.push(whole.id);
        }
        assert_eq!(packets, self.sent, "each packet is of one flow");
        names.sort_unstable();
        names.dedup();
        self.told
    }
}

/// Pieces and bytes that a stream holds without giving anything up.
const PIECES: u8 = 120;
const STREAM: usize = 8 << 10;

/// Whatever is sent, what is told is in order and adds up; and a stream that comes in pieces, in any order and more
/// than once, says what it says in one.
///
/// The content is a byte, the number of pieces, and for each piece four: the offset, the length, and flags of a segment
/// that does as it likes; then the stream.
pub fn reassembly(data: &[u8]) {
    let Some((&pieces, rest)) = data.split_first() else { return };
    let (pieces, stream) = rest.split_at(rest.len().min(usize::from(pieces.min(PIECES)) * 4));
    let (pieces, _) = pieces.as_chunks::<4>();
    let stream = &stream[..stream.len().min(STREAM)];
    for isn in [99, u32::MAX - 20] {
        let whole = said(isn, stream, &[]);
        assert_eq!(said(isn, stream, pieces), whole, "from {isn}");
    }
    let mut wire = Wire::new();
    for piece in pieces {
        stray(&mut wire, piece, stream);
    }
    wire.finish();
}

/// What a client says who sends pieces of a stream, and at last all of it.
fn said(isn: u32, stream: &[u8], pieces: &[[u8; 4]]) -> Vec<String> {
    let mut wire = Wire::new();
    let segment = |seq: u32, flags| Tcp { seq: isn.wrapping_add(seq), ack: 501, flags: TcpFlags(flags), window: 9 };
    wire.send(false, segment(0, TcpFlags::SYN), &[], 0);
    let answer = Tcp { seq: 500, ack: isn.wrapping_add(1), flags: TcpFlags(TcpFlags::SYN | TcpFlags::ACK), window: 9 };
    wire.send(true, answer, &[], 0);
    for &[high, low, len, _] in pieces {
        let from = usize::from(u16::from_be_bytes([high, low])) % stream.len().max(1);
        let to = stream.len().min(from + usize::from(len));
        wire.send(false, segment(1 + from as u32, TcpFlags::ACK), &stream[from..to], 0);
    }
    wire.send(false, segment(1, TcpFlags::ACK), stream, 0);
    let told = wire.finish();
    let said = told.records.iter().filter_map(|record| match record.event {
        Event::Content(content) => Some(format!("{:?}", content.said)),
        _ => None,
    });
    let mut said: Vec<_> = said.collect();
    said.sort_unstable();
    said
}

/// A segment that may be anything.
fn stray(wire: &mut Wire, &[high, low, len, kind]: &[u8; 4], stream: &[u8]) {
    let numbers = [u32::from(high) << 24, u32::from(high) << 4, u32::from(low), u32::from(low) << 22];
    let seq = 1000_u32.wrapping_add(numbers[usize::from(kind >> 6)]);
    let ack = 1000_u32.wrapping_add(numbers[usize::from(len >> 6)]);
    let flags = TcpFlags((kind & 0x07) | (kind & 0x08) << 1);
    let payload = &stream[..stream.len().min(usize::from(len & 0x3f))];
    let tcp = Tcp { seq, ack, flags, window: u16::from(low & 3) };
    wire.at = wire.at.plus([0, 400_000, Nanos::SECOND, 40 * Nanos::SECOND][usize::from(low >> 6)]);
    wire.send(kind & 0x10 != 0, tcp, payload, u32::from(kind & 0x20));
}
