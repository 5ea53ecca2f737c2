//! The readers of captures and packets.

use catspaw_engine::capture::{Damaged, Frame, LONGEST, LinkType, Reader, sniff};
use catspaw_engine::decode::{self, Decoder};
use catspaw_engine::protocol::Session;
use catspaw_engine::{IpProto, Packet};
use catspaw_records::{Nanos, Place, Side, Utterance};

/// What a frame says, and its bytes.
type Said = (Nanos, u64, LinkType, u32, Vec<u8>);

/// The reader of capture files: how the content comes in changes nothing, frames lie in it one behind the other, and the
/// caller never has to keep more than a frame that is not whole.
pub fn capture(data: &[u8]) {
    let whole = read_capture(data, data.len());
    for step in [1, 7, data.len() / 2] {
        assert_eq!(whole, read_capture(data, step.max(1)), "{step} bytes at a time");
    }
    let (frames, damaged) = whole;
    assert!(frames.iter().map(|frame| frame.4.len() + 16).sum::<usize>() <= data.len());
    assert!(frames.iter().zip(1..).all(|(frame, number)| frame.1 == number && frame.3 as usize >= frame.4.len()));
    assert!(frames.iter().all(|frame| frame.0 >= Nanos(0)));
    assert!(damaged.is_none_or(|damaged| damaged.at <= data.len() as u64));
    assert!(frames.is_empty() || sniff(data));
}

fn read_capture(data: &[u8], step: usize) -> (Vec<Said>, Option<Damaged>) {
    let (mut reader, mut said) = (Reader::new(), Vec::new());
    let (mut from, mut to) = (0, 0);
    while to < data.len() {
        to = (to + step).min(data.len());
        let mut take = |f: Frame<'_>| said.push((f.at, f.number, f.link, f.wire_len, f.bytes.to_vec()));
        match reader.read(&data[from..to], &mut take) {
            Ok(used) => from += used,
            Err(damaged) => return (said, Some(damaged)),
        }
        assert!(to - from <= LONGEST + 32);
    }
    (said, reader.finish(&data[from..]))
}

/// Both stages of the decoder, on frames of one link type: what the first finds, the second reads, and no part of a packet
/// lies outside of it or is longer than on the wire.
///
/// The content is the link type, then frames: seconds since the one before, two bytes of length, and so many bytes.
pub fn packet(data: &[u8]) {
    const LINKS: [u32; 16] = [0, 1, 9, 12, 14, 50, 51, 101, 104, 108, 113, 228, 229, 276, 105, 1];
    let Some((&link, mut rest)) = data.split_first() else { return };
    let link = LinkType(LINKS[usize::from(link) % LINKS.len()]);
    let (mut decoder, mut at, mut number) = (Decoder::new(), Nanos(0), 0);
    while let [seconds, high, low, bytes @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*high, *low])).min(bytes.len());
        let (bytes, behind) = bytes.split_at(len);
        (rest, number) = (behind, number + 1);
        at = at.plus(i64::from(*seconds) * Nanos::SECOND);
        let frame = Frame { at, number, link, bytes, wire_len: len as u32 };
        let mut told = 0;
        let located = decoder.locate(&frame, &mut |_, count| told += count);
        let Some(located) = located else { continue };
        if let Some(offset) = located.offset_in(bytes) {
            assert_eq!(bytes[offset..offset + located.ip.len()], *located.ip);
        }
        let place = Place { file: 0, line: number };
        let packet = decode::packet(&located.ip, at, place, true).expect("a packet was found");
        check_packet(&packet, &located.ip);
    }
}

fn check_packet(packet: &Packet<'_>, ip: &[u8]) {
    let (header, transport, payload) = (packet.ip.len(), packet.transport.len(), packet.payload.len());
    assert!(header >= 20 && header + transport + payload <= ip.len());
    assert!(payload <= packet.payload_len as usize);
    assert!(header + transport + packet.payload_len as usize <= packet.ip_len as usize);
    assert_eq!(packet.src.is_ipv4(), packet.dst.is_ipv4());
    assert!(packet.tcp.is_none() || (packet.proto == IpProto::TCP && transport >= 20));
    let parts = [packet.ip, packet.transport, packet.payload].concat();
    assert_eq!(parts, ip[..parts.len()]);
}

/// What a connection says: the same however its bytes are cut into segments, and no more than the connection holds.
///
/// The content is a run of segments: a byte of which the lowest bit says who sent it and the next three, if all are set,
/// that it is missing; two bytes of length, and so many bytes.
pub fn session(data: &[u8]) {
    let whole = listen(data, usize::MAX);
    for size in [1, 13] {
        assert_eq!(whole, listen(data, size), "in pieces of {size} bytes");
    }
    assert!(whole.len() <= data.len() + 8);
    let mut session = Session::default();
    let mut said = 0;
    for (from, bytes, _) in segments(data) {
        session.datagram(from, bytes, &mut |_| said += 1);
    }
    session.end(&mut |_| said += 1);
    assert!(said <= data.len() + 8);
}

/// What is said, without the order in which it is.
fn listen(data: &[u8], size: usize) -> Vec<String> {
    let (mut session, mut said) = (Session::default(), Vec::new());
    let mut say = |utterance: Utterance| said.push(format!("{utterance:?}"));
    for (from, bytes, missing) in segments(data) {
        if missing {
            session.gap(from, bytes.len() as u64, &mut say);
            continue;
        }
        for piece in bytes.chunks(size.min(bytes.len().max(1))) {
            if session.wants(from) {
                session.data(from, piece, &mut say);
            }
        }
    }
    session.end(&mut say);
    said.sort_unstable();
    said
}

fn segments(mut data: &[u8]) -> impl Iterator<Item = (Side, &[u8], bool)> {
    std::iter::from_fn(move || {
        let [kind, high, low, rest @ ..] = data else { return None };
        let len = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (bytes, behind) = rest.split_at(len);
        data = behind;
        let from = if kind & 1 == 0 { Side::Orig } else { Side::Resp };
        Some((from, bytes, kind & 0b1110 == 0b1110))
    })
}
