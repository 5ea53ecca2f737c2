//! The captures a second time: for the packets of connections that were found interesting the first time.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;

use catspaw_engine::capture::Frame;
use catspaw_engine::decode::{self, Decoder};
use catspaw_engine::{IpProto, Packet};
use catspaw_records::{Endpoint, Nanos};
use catspaw_relay::{Connection, Leg};

use super::captures::{Captures, Framed, Opened};
use crate::args::Checksums;
use crate::input::Source;

/// Connections whose packets are wanted, each with what the caller knows it by.
#[derive(Debug, Default)]
pub(crate) struct Sought<T> {
    lives: HashMap<Ends, Vec<(Nanos, Nanos, T)>>,
}

/// Both ends, the lower first, and the protocol.
type Ends = (End, End, IpProto);
type End = (IpAddr, u16);

/// What a frame of the second reading is to the connections that are wanted.
#[derive(Debug)]
pub(crate) enum Met<'a, T> {
    /// It holds a packet of one of them, or the last piece of a datagram of one. The numbers are those of the frames that
    /// brought the datagram, where it came in pieces.
    Packet(&'a Packet<'a>, T, &'a [u64]),
    /// It holds a fragment, and nobody knows yet of what.
    Piece,
}

impl<T: Copy + PartialEq> Sought<T> {
    /// Wants the packets between two ends from one moment to another, both included. What was wanted before is not wanted
    /// twice.
    pub(crate) fn add(&mut self, proto: IpProto, (a, b): (Endpoint, Endpoint), (from, to): (Nanos, Nanos), what: T) {
        let lives = self.lives.entry(ends(proto, (a.addr, a.port), (b.addr, b.port))).or_default();
        if !lives.contains(&(from, to, what)) {
            lives.push((from, to, what));
        }
    }

    /// Whether nothing is wanted.
    pub(crate) fn is_empty(&self) -> bool {
        self.lives.is_empty()
    }

    fn of(&self, packet: &Packet<'_>) -> impl Iterator<Item = T> {
        let ends = ends(packet.proto, (packet.src, packet.src_port), (packet.dst, packet.dst_port));
        let (lives, at) = (self.lives.get(&ends).map_or(&[][..], Vec::as_slice), packet.at);
        lives.iter().filter(move |(from, to, _)| (*from..=*to).contains(&at)).map(|&(.., what)| what)
    }
}

fn ends(proto: IpProto, a: End, b: End) -> Ends {
    if a <= b { (a, b, proto) } else { (b, a, proto) }
}

/// From a leg's first packet to its last.
pub(crate) fn life(leg: &Leg) -> (Nanos, Nanos) {
    (leg.start.at, leg.end.map_or(Nanos::MAX, |end| last(end.at, end.known)))
}

/// The same of a connection.
pub(crate) fn life_of_row(row: &Connection) -> (Nanos, Nanos) {
    let end = row.start.at.plus(row.duration().unwrap_or_default());
    (row.start.at, last(end, row.key))
}

/// The last moment at which a packet may be of a connection: after its end those that come late, and before it became
/// known as over. With that moment another connection of the same ends may begin.
fn last(end: Nanos, known: Nanos) -> Nanos {
    end.max(known.plus(-1))
}

/// Reads captures again.
pub(crate) struct Replay {
    captures: Captures,
    verify: bool,
}

impl Replay {
    /// Of the files that were captures when they were read first, with their numbers.
    ///
    /// # Errors
    /// Where one cannot be opened any more.
    pub(crate) fn open(files: Vec<(u32, Source)>, wait: i64, checksums: Checksums) -> Result<Self, String> {
        let open = |(file, source): (u32, Source)| {
            let blocks = source.open().map_err(|problem| format!("the second reading failed: {problem}"))?;
            Ok(Opened::new(source, file, blocks))
        };
        let captures = Captures::new(files.into_iter().map(open).collect::<Result<_, String>>()?, wait);
        let verify = checksums.are_checked(|| captures.are_checksums_right());
        Ok(Self { captures, verify })
    }

    /// Gives the frames that `wanted` may want, with the number by which [`Met::Packet`] refers to them; one that is
    /// wanted for several connections as often. What the first reading left out (a wrong checksum, a second copy) is left
    /// out again.
    ///
    /// # Errors
    /// Where `give` fails.
    pub(crate) fn for_each<T: Copy + PartialEq>(
        self,
        wanted: &Sought<T>,
        mut give: impl FnMut(u64, &Framed<'_>, Met<'_, T>) -> io::Result<()>,
    ) -> io::Result<()> {
        let verify = self.verify;
        let mut decoder = Decoder::new();
        let mut number = 0;
        self.captures.for_each_frame(|framed| {
            number += 1;
            let frame = Frame { at: framed.taken, number, ..framed.frame };
            let Some(located) = decoder.locate(&frame, &mut |_, _| {}) else {
                return if decode::is_fragment(&frame) { give(number, &framed, Met::Piece) } else { Ok(()) };
            };
            let read = |verify| decode::packet(&located.ip, framed.taken, framed.place, verify);
            if read(false).is_none_or(|packet| wanted.of(&packet).next().is_none()) {
                return Ok(());
            }
            let Some(packet) = read(verify).filter(|packet| !packet.bad_checksum) else { return Ok(()) };
            let pieces = if located.offset_in(frame.bytes).is_some() { &[] } else { decoder.pieces() };
            wanted.of(&packet).try_for_each(|what| give(number, &framed, Met::Packet(&packet, what, pieces)))
        })
    }
}
