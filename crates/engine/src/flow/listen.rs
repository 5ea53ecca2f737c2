//! What both sides of one connection said, for whoever wants to read it: the same streams as those that are judged.

use catspaw_records::{Nanos, Side};

use super::segment::{Placed, ends, put_together};
use super::stream::{Part, Store};
use super::tcp::{self, End, Segment};
use crate::{Packet, TcpFlags};

/// A part of what one side said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// Payload in order.
    Bytes(&'a [u8]),
    /// So many bytes of payload that were not captured.
    Gap(u64),
}

/// Puts the payload of one TCP connection together.
#[derive(Debug, Default)]
pub struct Listener {
    ends: [End; 2],
    store: Store,
}

impl Listener {
    /// Takes a packet that `from` has sent on this connection; those of others are the caller's to leave out. What is in
    /// order now, and what the other side acknowledges though it was not captured, `give` gets with the moment.
    pub fn packet(&mut self, from: Side, packet: &Packet<'_>, give: &mut impl FnMut(Nanos, Side, Heard<'_>)) {
        let Some(tcp) = packet.tcp else { return };
        let segment = Segment { tcp, len: packet.payload_len, from };
        let (own, peer) = ends(&mut self.ends, from);
        own.learn(&segment);
        let at = own.position_of(tcp.seq);
        if !own.may_send(&segment, at) {
            return;
        }
        let acked = segment.has(TcpFlags::ACK).then(|| peer.acknowledged(&segment)).flatten();
        own.advance(&segment, at);
        tcp::follow(own, peer, &segment);
        let placed = Placed { at, acked, bytes: packet.payload, is_wanted: true };
        put_together(&mut self.ends, &segment, &placed, &mut self.store, &mut |from, part| {
            give(packet.at, from, heard(part));
        });
    }

    /// No more will come: what still waits for bytes that are missing is given, as of `at`.
    pub fn finish(&mut self, at: Nanos, give: &mut impl FnMut(Nanos, Side, Heard<'_>)) {
        for from in [Side::Orig, Side::Resp] {
            let (end, _) = ends(&mut self.ends, from);
            let sent = end.sent();
            end.stream.finish(sent, &mut self.store, &mut |part| give(at, from, heard(&part)));
        }
    }
}

fn heard<'a>(part: &Part<'a>) -> Heard<'a> {
    match *part {
        Part::Bytes(bytes) => Heard::Bytes(bytes),
        Part::Gap(len) => Heard::Gap(len),
    }
}

#[cfg(test)]
mod tests {
    use catspaw_records::Place;

    use super::*;
    use crate::decode;

    /// A TCP packet without checksums.
    fn packet(seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x45, 0];
        bytes.extend((40 + payload.len() as u16).to_be_bytes());
        bytes.extend([0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 192, 0, 2, 9, 4, 1, 0, 25]);
        bytes.extend([seq.to_be_bytes(), ack.to_be_bytes()].concat());
        bytes.extend([0x50, flags, 1, 0, 0, 0, 0, 0]);
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn both_sides_are_heard_in_order_and_once() {
        let (syn, ack) = (TcpFlags::SYN, TcpFlags::ACK);
        let packets = [
            (Side::Orig, packet(100, 0, syn, b"")),
            (Side::Resp, packet(900, 101, syn | ack, b"")),
            (Side::Resp, packet(901, 101, ack, b"220 mx")),
            (Side::Resp, packet(901, 101, ack, b"220 mx")),
            (Side::Orig, packet(106, 907, ack, b"DATA")),
            (Side::Orig, packet(101, 907, ack, b"RSET\n")),
            (Side::Orig, packet(113, 907, ack, b"QUIT")),
            // It has what was not captured.
            (Side::Resp, packet(907, 117, ack, b"354")),
        ];
        let (mut listener, mut said) = (Listener::default(), Vec::new());
        let mut give = |at: Nanos, from, heard: Heard<'_>| match heard {
            Heard::Bytes(bytes) => said.push((at.0, from, String::from_utf8_lossy(bytes).into_owned())),
            Heard::Gap(len) => said.push((at.0, from, format!("{len} missing"))),
        };
        for (at, (from, bytes)) in (0..).zip(&packets) {
            let packet = decode::packet(bytes, Nanos(at), Place { file: 0, line: 1 }, false).unwrap();
            listener.packet(*from, &packet, &mut give);
        }
        listener.finish(Nanos(9), &mut give);
        let expected = [
            (2, Side::Resp, "220 mx"),
            (5, Side::Orig, "RSET\n"),
            (5, Side::Orig, "DATA"),
            (7, Side::Orig, "3 missing"),
            (7, Side::Orig, "QUIT"),
            (7, Side::Resp, "354"),
        ];
        assert_eq!(said, expected.map(|(at, from, text)| (at, from, text.to_owned())));
    }
}
