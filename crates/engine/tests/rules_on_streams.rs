//! Rules on streams, however these are cut into packets, fire where a matcher that sees all of the stream at once says so.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use catspaw_engine::flow::Tracker;
use catspaw_engine::{IpProto, Output, Packet, Settings, Tcp, TcpFlags};
use catspaw_records::{Alert, Nanos, Place, Record, SensorId, Side};
use catspaw_rules::{Builder, Ruleset, Variables};

/// xorshift64*: the same cases in every run.
struct Random(u64);

impl Random {
    /// A number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }

    fn text(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| b"abAB"[self.below(4)]).collect()
    }
}

/// A content as the test has it.
#[derive(Debug)]
struct Content {
    pattern: Vec<u8>,
    nocase: bool,
    /// Counted from the last match, else from the beginning.
    relative: bool,
    skip: usize,
    room: Option<usize>,
}

impl Content {
    /// `far`: parts of a match lie within what is kept of a stream, wherever that is cut.
    fn random(random: &mut Random, first: bool, far: bool) -> Self {
        let len = 2 + random.below(4);
        let pattern = random.text(len);
        let relative = !first && (far || random.below(3) > 0);
        let skip = if relative || !far && random.below(4) == 0 { random.below(5) } else { 0 };
        let is_bounded = if far { relative } else { random.below(2) == 0 };
        let room = is_bounded.then(|| len + random.below(if relative { 40 } else { 2000 }));
        Self { pattern, nocase: random.below(2) == 0, relative, skip, room }
    }

    fn written(&self) -> String {
        let (skip, room) = if self.relative { ("distance", "within") } else { ("offset", "depth") };
        let mut text = format!("content:\"{}\"; ", String::from_utf8_lossy(&self.pattern));
        text += if self.nocase { "nocase; " } else { "" };
        if self.skip > 0 || self.relative {
            text += &format!("{skip}:{}; ", self.skip);
        }
        text + &self.room.map(|bytes| format!("{room}:{bytes}; ")).unwrap_or_default()
    }

    fn stands_at(&self, stream: &[u8], at: usize) -> bool {
        let found = stream.get(at..at + self.pattern.len());
        found.is_some_and(
            |found| if self.nocase { found.eq_ignore_ascii_case(&self.pattern) } else { found == self.pattern },
        )
    }
}

/// Whether all of `contents` match, the last match before having ended at `cursor`.
fn matches(contents: &[Content], stream: &[u8], cursor: usize) -> bool {
    let Some((content, rest)) = contents.split_first() else { return true };
    let from = content.skip + if content.relative { cursor } else { 0 };
    let to = content.room.map_or(stream.len(), |room| (from + room).min(stream.len()));
    let last = (to + 1).saturating_sub(content.pattern.len());
    (from..last).any(|at| content.stands_at(stream, at) && matches(rest, stream, at + content.pattern.len()))
}

/// What fired: direction and rule.
#[derive(Default)]
struct Fired {
    rules: BTreeSet<(bool, u32)>,
    dropped: Vec<&'static str>,
}

impl Output for Fired {
    fn record(&mut self, _: Record) {}

    fn alert(&mut self, alert: Alert) {
        self.rules.insert((alert.from == Side::Orig, alert.rule));
    }

    fn dropped(&mut self, what: &'static str, _: u64) {
        self.dropped.push(what);
    }
}

/// A piece of one side's stream.
#[derive(Clone, Debug)]
struct Piece {
    by_client: bool,
    start: usize,
    bytes: Vec<u8>,
}

/// A stream in pieces: mostly in order, some swapped with the next, some sent twice.
fn pieces(random: &mut Random, by_client: bool, stream: &[u8]) -> Vec<Piece> {
    let (mut pieces, mut start) = (Vec::new(), 0);
    let longest = [3, 40, 1460][random.below(3)];
    while start < stream.len() {
        let len = (1 + random.below(longest)).min(stream.len() - start);
        pieces.push(Piece { by_client, start, bytes: stream[start..start + len].to_vec() });
        if random.below(10) == 0 {
            pieces.extend(pieces.last().cloned());
        }
        start += len;
    }
    for at in 1..pieces.len() {
        if random.below(5) == 0 {
            pieces.swap(at - 1, at);
        }
    }
    pieces
}

/// Both sides' pieces, each side's in its order.
fn interleaved(random: &mut Random, [client, server]: [Vec<Piece>; 2]) -> Vec<Piece> {
    let (mut client, mut server) = (client.into_iter().peekable(), server.into_iter().peekable());
    let mut all = Vec::new();
    while client.peek().is_some() || server.peek().is_some() {
        let (first, second) =
            if random.below(2) == 0 { (&mut client, &mut server) } else { (&mut server, &mut client) };
        all.extend(first.next().or_else(|| second.next()));
    }
    all
}

fn tracked(rules: Arc<Ruleset>, pieces: &[Piece]) -> Fired {
    let settings = Settings { sensor: SensorId::of(b"test"), resolution: 1, is_inside: Arc::new(|_| false) };
    let mut tracker = Tracker::new(Arc::new(settings)).with_rules(rules);
    let (mut fired, mut number) = (Fired::default(), 0);
    let mut send = |by_client: bool, flags: u8, start: usize, payload: &[u8]| {
        number += 1;
        let (client, server) =
            ((IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 4000), (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 5000));
        let (src, dst) = if by_client { (client, server) } else { (server, client) };
        let seq = if flags & TcpFlags::SYN != 0 { 100 } else { 101 + start as u32 };
        // Who acknowledges more than came says that the rest was lost.
        let tcp = Tcp { seq, ack: 101, flags: TcpFlags(flags), window: 1000 };
        let packet = Packet {
            at: Nanos(number),
            place: Place { file: 0, line: number as u64 },
            src: src.0,
            dst: dst.0,
            proto: IpProto::TCP,
            src_port: src.1,
            dst_port: dst.1,
            tcp: Some(tcp),
            ip: &[],
            transport: &[],
            payload,
            payload_len: payload.len() as u32,
            ip_len: 40 + payload.len() as u32,
            bad_checksum: false,
        };
        tracker.packet(&packet, &mut fired);
    };
    send(true, TcpFlags::SYN, 0, &[]);
    send(false, TcpFlags::SYN | TcpFlags::ACK, 0, &[]);
    send(true, TcpFlags::ACK, 0, &[]);
    for piece in pieces {
        send(piece.by_client, TcpFlags::ACK, piece.start, &piece.bytes);
    }
    tracker.finish(&mut fired);
    fired
}

#[test]
fn segments_change_nothing() {
    let mut random = Random(2003);
    let (mut fired_at_all, mut silent) = (0, 0);
    for case in 0..500 {
        let far = random.below(4) == 0;
        let longest = if far { 6000 } else { 1000 };
        let rules: Vec<Vec<Content>> = (0..1 + random.below(12))
            .map(|_| (0..1 + random.below(3)).map(|n| Content::random(&mut random, n == 0, far)).collect())
            .collect();
        let mut builder = Builder::new(Variables::default());
        let mut text = String::new();
        for (sid, contents) in rules.iter().enumerate() {
            let contents: String = contents.iter().map(Content::written).collect();
            text += &format!("alert tcp-stream any any -> any any ({contents}sid:{};)\n", sid + 1);
        }
        let loaded = builder.add(text.as_bytes());
        assert_eq!(loaded.refused, 0, "{text}{:?}", loaded.diagnostics);
        let ruleset = Arc::new(builder.build().expect("small patterns"));
        let streams = [(); 2].map(|()| {
            let len = random.below(longest);
            random.text(len)
        });
        let cut = [pieces(&mut random, true, &streams[0]), pieces(&mut random, false, &streams[1])];
        let pieces = interleaved(&mut random, cut);
        let fired = tracked(Arc::clone(&ruleset), &pieces);
        assert_eq!(fired.dropped, [""; 0], "{case}");
        for (by_client, stream) in [(true, &streams[0]), (false, &streams[1])] {
            for (number, rule) in ruleset.rules().iter().enumerate() {
                let contents = &rules[rule.meta.sid as usize - 1];
                let expected = matches(contents, stream, 0);
                let got = fired.rules.contains(&(by_client, number as u32));
                assert_eq!(
                    got,
                    expected,
                    "case {case}, by client: {by_client}\n{contents:?}\n{text}\n{}",
                    String::from_utf8_lossy(stream)
                );
                fired_at_all += u32::from(got);
                silent += u32::from(!got);
            }
        }
    }
    // Else it would say nothing.
    assert!(fired_at_all > 1000 && silent > 1000, "{fired_at_all} {silent}");
}
