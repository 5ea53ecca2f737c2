//! What is done to packets so that a reader sees another dialogue than the hosts do: one that is read all the same.

mod flows;

use catspaw_engine::decode;
use catspaw_engine::{IpProto, Packet, Tcp, TcpFlags};
use catspaw_records::{Bytes, ConnState, Event, Nanos, Place};
use flows::wire::{CLIENT, SERVER, Wire, packet};

/// A mail that is delivered, by turns.
const DIALOGUE: [&str; 12] = [
    "220 mx.example.net ESMTP\r\n",
    "EHLO client.example.org\r\n",
    "250 mx.example.net\r\n",
    "MAIL FROM:<a@example.org>\r\n",
    "250 2.1.0 Ok\r\n",
    "RCPT TO:<b@example.net>\r\n",
    "250 2.1.5 Ok\r\n",
    "DATA\r\n",
    "354 End data with <CR><LF>.<CR><LF>\r\n",
    "Message-ID: <1@example.org>\r\n\r\nhello\r\n.\r\n",
    "250 2.0.0 Ok: queued\r\n",
    "QUIT\r\n",
];

/// How a turn's bytes are sent. Positions are those of the bytes in their stream.
type Manner = fn(&mut Talk, is_server: bool, at: u32, bytes: &[u8]);

/// A dialogue under way.
struct Talk {
    wire: Wire,
    isn: [u32; 2],
    sent: [u32; 2],
}

impl Talk {
    fn segment(&mut self, is_server: bool, at: u32, bytes: &[u8]) {
        let (own, other) = (usize::from(is_server), usize::from(!is_server));
        let seq = self.isn[own].wrapping_add(1 + at);
        let ack = self.isn[other].wrapping_add(1 + self.sent[other]);
        let ends = if is_server { (SERVER, CLIENT) } else { (CLIENT, SERVER) };
        self.wire.wait(1000);
        self.wire.tcp(ends, "PA", (seq, ack), bytes);
    }
}

/// What is said, with how the connection went, of the dialogue sent in a manner.
fn told(isn: [u32; 2], manner: Manner) -> (Vec<String>, Option<ConnState>, Option<(u64, u64)>) {
    let mut talk = Talk { wire: Wire::new(), isn, sent: [0; 2] };
    talk.wire.client("S", (isn[0], 0), b"");
    talk.wire.server("SA", (isn[1], isn[0].wrapping_add(1)), b"");
    talk.wire.client("A", (isn[0].wrapping_add(1), isn[1].wrapping_add(1)), b"");
    for (turn, text) in DIALOGUE.iter().enumerate() {
        let is_server = turn % 2 == 0;
        let own = usize::from(is_server);
        let at = talk.sent[own];
        manner(&mut talk, is_server, at, text.as_bytes());
        talk.sent[own] += text.len() as u32;
    }
    let [client, server] = [0, 1].map(|side| isn[side].wrapping_add(1 + talk.sent[side]));
    talk.wire.client("FA", (client, server), b"");
    talk.wire.server("FA", (server, client.wrapping_add(1)), b"");
    let wholes = talk.wire.finish();
    let [whole] = &wholes[..] else { panic!("{wholes:?}") };
    let said = talk.wire.told.records.iter().filter_map(|record| match record.event {
        Event::Content(content) => Some(format!("{:?}", content.said)),
        _ => None,
    });
    (said.collect(), whole.state, whole.bytes.and_then(Bytes::directed))
}

fn plain(talk: &mut Talk, is_server: bool, at: u32, bytes: &[u8]) {
    talk.segment(is_server, at, bytes);
}

fn tiny(talk: &mut Talk, is_server: bool, at: u32, bytes: &[u8]) {
    for (offset, byte) in (0..).zip(bytes) {
        talk.segment(is_server, at + offset, &[*byte]);
    }
}

fn backwards(talk: &mut Talk, is_server: bool, at: u32, bytes: &[u8]) {
    for (number, piece) in bytes.chunks(3).enumerate().collect::<Vec<_>>().into_iter().rev() {
        talk.segment(is_server, at + number as u32 * 3, piece);
    }
}

/// The second half, then all of it with another second half; and all again, other throughout.
fn overlapping(talk: &mut Talk, is_server: bool, at: u32, bytes: &[u8]) {
    let half = bytes.len() / 2;
    let other = vec![b'!'; bytes.len()];
    talk.segment(is_server, at + half as u32, &bytes[half..]);
    talk.segment(is_server, at, &[&bytes[..half], &other[half..]].concat());
    talk.segment(is_server, at, &other);
}

/// What never reaches the other host: packets with wrong checksums, far from where the stream is, and resets, SYNs and
/// acknowledgements that are.
fn among_strays(talk: &mut Talk, is_server: bool, at: u32, bytes: &[u8]) {
    let ends = if is_server { (SERVER, CLIENT) } else { (CLIENT, SERVER) };
    let seq = talk.isn[usize::from(is_server)].wrapping_add(1 + at);
    let ack = talk.isn[usize::from(!is_server)].wrapping_add(1 + talk.sent[usize::from(!is_server)]);
    let wrong = [b'!'; 9];
    let tcp = Tcp { seq, ack, flags: TcpFlags(TcpFlags::ACK), window: 9 };
    talk.wire.send(&Packet { tcp: Some(tcp), bad_checksum: true, ..packet(IpProto::TCP, ends.0, ends.1, &wrong) });
    talk.wire.send(&packet(IpProto::TCP, ends.0, ends.1, &wrong));
    talk.wire.tcp(ends, "A", (seq.wrapping_add(1 << 30), ack), &wrong);
    talk.wire.tcp(ends, "A", (seq.wrapping_sub(1 << 29), ack), &wrong);
    talk.wire.tcp(ends, "R", (seq.wrapping_add(1 << 24), ack), b"");
    talk.wire.tcp(ends, "S", (seq.wrapping_add(7), 0), b"");
    talk.wire.tcp(ends, "A", (seq, ack.wrapping_add(1 << 30)), b"");
    talk.segment(is_server, at, bytes);
}

#[test]
fn whatever_is_done_to_segments_the_same_is_said() {
    let expected = told([100, 500], plain);
    assert!(expected.0.iter().any(|said| said.contains("delivered: true")), "{expected:?}");
    assert_eq!(expected.1, Some(ConnState::Sf));
    let manners: [(&str, Manner); 5] = [
        ("plain", plain),
        ("tiny", tiny),
        ("backwards", backwards),
        ("overlapping", overlapping),
        ("among strays", among_strays),
    ];
    for (name, manner) in manners {
        for isn in [[100, 500], [u32::MAX - 9, u32::MAX], [u32::MAX / 2, 1 << 31]] {
            assert_eq!(told(isn, manner), expected, "{name} from {isn:?}");
        }
    }
}

#[test]
fn strays_are_counted() {
    let mut wire = Wire::new();
    wire.meet();
    wire.client("R", (101 + (1 << 24), 0), b"");
    wire.client("A", (101 + (1 << 30), 501), b"x");
    wire.send(&packet(IpProto::TCP, CLIENT, SERVER, b"x"));
    wire.send(&Packet { transport: &[0; 4], ..packet(IpProto::UDP, CLIENT, SERVER, b"") });
    let counts: Vec<u64> =
        ["resets that are not the sender's", "segments that are astray", "packets with a broken header"]
            .map(|what| wire.told.dropped.get(what).copied().unwrap_or_default())
            .to_vec();
    assert_eq!(counts, [1, 1, 2]);
    assert_eq!(wire.finish().len(), 1);
}

#[test]
fn a_hole_as_wide_as_a_stray_is_believed_when_the_stream_goes_on_behind_it() {
    let mut wire = Wire::new();
    wire.meet();
    let behind = 101 + (1 << 28);
    for n in 0..5_u32 {
        wire.client("A", (behind + n * 4, 501), b"abcd");
    }
    let bytes = wire.finish()[0].bytes.and_then(Bytes::directed);
    assert_eq!(bytes, Some(((1 << 28) + 20, 0)));
}

/// An IP packet from the client to the server that opens a connection with a byte, and its checksum if it is to be
/// right.
fn frame(checksum_is_right: bool) -> Vec<u8> {
    let mut ip = vec![0x45, 0, 0, 41, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 10, 0, 0, 1];
    let mut tcp = vec![0x9c, 0x40, 0x1b, 0x71, 0, 0, 0, 100, 0, 0, 0, 0, 0x50, 0x02, 0x10, 0, 0, 0, 0, 0, b'x'];
    let pseudo = [&ip[12..20], &[0, 6, 0, tcp.len() as u8], &tcp, &[0]].concat();
    let tcp_sum = sum(&pseudo) ^ u16::from(!checksum_is_right);
    tcp[16..18].copy_from_slice(&tcp_sum.to_be_bytes());
    let ip_sum = sum(&ip);
    ip[10..12].copy_from_slice(&ip_sum.to_be_bytes());
    ip.extend(tcp);
    ip
}

fn sum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[test]
fn a_wrong_checksum_counts_where_it_is_looked_at() {
    for (is_right, verify, flows) in [(true, true, 1), (true, false, 1), (false, true, 0), (false, false, 1)] {
        let bytes = frame(is_right);
        let mut wire = Wire::new();
        let place = Place { file: 0, line: 1 };
        let packet = decode::packet(&bytes, Nanos(0), place, verify).expect("a packet");
        wire.send(&packet);
        let wrong = wire.told.dropped.get("packets with a wrong checksum").copied().unwrap_or_default();
        assert_eq!((wire.finish().len(), wrong), (flows, 1 - flows as u64), "{is_right} {verify}");
    }
    // Zeek's history says it of a connection that is known.
    let mut wire = Wire::new();
    wire.meet();
    wire.send(&Packet { bad_checksum: true, ..packet(IpProto::TCP, SERVER, CLIENT, b"x") });
    assert_eq!(wire.finish()[0].history.expect("a history").as_str(), "ShAc");
}

#[test]
fn lengths_that_are_not_true_are_no_segments() {
    let good = frame(true);
    for (at, value) in [(32, 0x40), (32, 0xf0), (3, 30)] {
        let mut bytes = good.clone();
        bytes[at] = value;
        let place = Place { file: 0, line: 1 };
        let mut wire = Wire::new();
        wire.send(&decode::packet(&bytes, Nanos(0), place, false).expect("its IP header is true"));
        let broken = wire.told.dropped.get("packets with a broken header").copied();
        assert_eq!((wire.finish().len(), broken), (0, Some(1)), "{value} at {at}");
    }
}

#[test]
fn what_the_capture_cut_off_counts_and_is_missed() {
    let mut wire = Wire::new();
    wire.meet();
    let tcp = Tcp { seq: 101, ack: 501, flags: TcpFlags(TcpFlags::ACK), window: 9 };
    let cut =
        Packet { tcp: Some(tcp), payload_len: 1000, ip_len: 1040, ..packet(IpProto::TCP, CLIENT, SERVER, b"EHLO ") };
    wire.send(&cut);
    wire.server("A", (501, 1101), b"");
    let whole = wire.finish()[0];
    assert_eq!(whole.bytes.and_then(Bytes::directed), Some((1000, 0)));
    assert_eq!(whole.counters().expect("counters").missed_bytes, 995);
}
