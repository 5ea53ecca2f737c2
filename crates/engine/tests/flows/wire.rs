//! Packets made by hand, one dialogue at a time.

use std::net::{IpAddr, Ipv4Addr};

use catspaw_engine::flow::Tracker;
use catspaw_engine::{IpProto, Packet, Tcp, TcpFlags};
use catspaw_records::{Nanos, Place, Whole};

use super::{Told, settings};

/// A client outside and a server inside.
pub(crate) const CLIENT: (IpAddr, u16) = (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 40_000);
pub(crate) const SERVER: (IpAddr, u16) = (IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 7_025);

/// The bytes that a header stands for where nobody reads it.
const HEADER: [u8; 20] = [0; 20];

/// Follows what is sent.
pub(crate) struct Wire {
    pub(crate) tracker: Tracker,
    pub(crate) told: Told,
    pub(crate) now: Nanos,
    number: u64,
}

impl Wire {
    pub(crate) fn new() -> Self {
        Self { tracker: Tracker::new(settings()), told: Told::default(), now: Nanos(0), number: 0 }
    }

    /// Lets some nanoseconds pass.
    pub(crate) fn wait(&mut self, nanos: i64) {
        self.now = self.now.plus(nanos);
    }

    /// Sends a packet as it is, but for when and where.
    pub(crate) fn send(&mut self, packet: &Packet<'_>) {
        self.number += 1;
        let place = Place { file: 0, line: self.number };
        self.tracker.packet(&Packet { at: self.now, place, ..*packet }, &mut self.told);
    }

    /// Sends a segment from one end to another: its flags as letters, its numbers, what it carries.
    pub(crate) fn tcp(
        &mut self,
        (from, to): ((IpAddr, u16), (IpAddr, u16)),
        flags: &str,
        (seq, ack): (u32, u32),
        payload: &[u8],
    ) {
        let flags = TcpFlags(flags.chars().map(bit).sum());
        let tcp = Tcp { seq, ack, flags, window: 1000 };
        let packet = Packet { tcp: Some(tcp), ..packet(IpProto::TCP, from, to, payload) };
        self.send(&packet);
    }

    pub(crate) fn client(&mut self, flags: &str, numbers: (u32, u32), payload: &[u8]) {
        self.tcp((CLIENT, SERVER), flags, numbers, payload);
    }

    pub(crate) fn server(&mut self, flags: &str, numbers: (u32, u32), payload: &[u8]) {
        self.tcp((SERVER, CLIENT), flags, numbers, payload);
    }

    /// A handshake: the client's bytes begin at 101, the server's at 501.
    pub(crate) fn meet(&mut self) {
        self.client("S", (100, 0), b"");
        self.server("SA", (500, 101), b"");
        self.client("A", (101, 501), b"");
    }

    /// Nothing more comes.
    pub(crate) fn finish(&mut self) -> Vec<Whole> {
        self.tracker.finish(&mut self.told);
        self.told.wholes().copied().collect()
    }
}

fn bit(letter: char) -> u8 {
    match letter {
        'F' => TcpFlags::FIN,
        'S' => TcpFlags::SYN,
        'R' => TcpFlags::RST,
        'P' => TcpFlags::PSH,
        'A' => TcpFlags::ACK,
        other => panic!("{other} is no flag"),
    }
}

/// A packet from one end to another.
pub(crate) fn packet(proto: IpProto, from: (IpAddr, u16), to: (IpAddr, u16), payload: &[u8]) -> Packet<'_> {
    let transport = if proto == IpProto::TCP { &HEADER[..] } else { &HEADER[..8] };
    Packet {
        at: Nanos(0),
        place: Place { file: 0, line: 0 },
        src: from.0,
        dst: to.0,
        proto,
        src_port: from.1,
        dst_port: to.1,
        tcp: None,
        ip: &HEADER,
        transport,
        payload,
        payload_len: payload.len() as u32,
        ip_len: (HEADER.len() + transport.len() + payload.len()) as u32,
        bad_checksum: false,
    }
}
