//! Connections from packets.
//!
//! This is the witness by which the product is judged, so it shares no code with the product's engine, and is as simple as a
//! capture of our own making allows: nothing is cut, nothing comes in fragments, and all fits in memory.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::frames::{ACK, FIN, Packet, Proto, RST, SYN};

/// After how long without a packet an exchange of datagrams is over, in microseconds.
const QUIET: u64 = 60_000_000;

/// One side of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct End {
    /// Payload, each byte once.
    pub(super) bytes: u64,
    /// Payload with what was sent again.
    pub(super) raw: u64,
    pub(super) packets: u64,
    pub(super) ip_bytes: u64,
    first: Option<u32>,
    pub(super) fin: bool,
    pub(super) rst: bool,
}

/// A connection, an exchange of datagrams, or one of ICMP messages.
#[derive(Clone, Debug)]
pub(super) struct Conn {
    pub(super) number: u32,
    pub(super) proto: Proto,
    pub(super) orig: SocketAddr,
    pub(super) resp: SocketAddr,
    /// First and last packet: microseconds since 1970.
    pub(super) start: u64,
    pub(super) last: u64,
    /// When both had sent FIN, or one RST.
    pub(super) closed: Option<u64>,
    pub(super) ends: [End; 2],
    /// SYNs of the originator, and whether they were answered.
    pub(super) syns: u32,
    pub(super) answered: bool,
    /// Zeek's, each letter once.
    pub(super) history: String,
}

impl Conn {
    /// Zeek's `conn_state`. What was over by FINs stays so, whatever comes after.
    pub(super) fn state(&self) -> &'static str {
        let [orig, resp] = &self.ends;
        if self.proto != Proto::Tcp {
            return if self.proto == Proto::Icmp {
                "OTH"
            } else if resp.packets == 0 {
                "S0"
            } else {
                "SF"
            };
        }
        if self.syns == 0 {
            return "OTH";
        }
        match (self.answered, orig.fin, resp.fin, orig.rst, resp.rst) {
            (false, .., true) => "REJ",
            (false, _, _, true, _) => "RSTOS0",
            (false, true, ..) => "SH",
            (false, ..) => "S0",
            (true, true, true, ..) => "SF",
            (true, _, _, true, _) => "RSTO",
            (true, .., true) => "RSTR",
            (true, true, ..) => "S2",
            (true, _, true, ..) => "S3",
            (true, ..) => "S1",
        }
    }

    pub(super) fn has_data(&self) -> bool {
        self.ends.iter().any(|end| end.bytes > 0)
    }

    fn new(number: u32, packet: &Packet, turned: bool) -> Self {
        let (orig, resp) = if turned { (packet.dst, packet.src) } else { (packet.src, packet.dst) };
        Self {
            number,
            proto: packet.proto,
            orig,
            resp,
            start: packet.at,
            last: packet.at,
            closed: None,
            ends: [End::default(); 2],
            syns: 0,
            answered: false,
            history: String::new(),
        }
    }

    fn add(&mut self, packet: &Packet) {
        let side = usize::from(packet.src != self.orig);
        self.last = packet.at;
        let end = &mut self.ends[side];
        end.packets += 1;
        end.ip_bytes += packet.length;
        end.raw += packet.payload;
        let letter = if packet.proto != Proto::Tcp {
            end.bytes += packet.payload;
            "D"
        } else {
            self.segment(packet, side)
        };
        let letter = if side == 0 { letter.to_owned() } else { letter.to_ascii_lowercase() };
        if !letter.is_empty() && !self.history.contains(&letter) {
            self.history.push_str(&letter);
        }
    }

    /// Counts a segment; gives its letter.
    fn segment(&mut self, packet: &Packet, side: usize) -> &'static str {
        let end = &mut self.ends[side];
        let syn = packet.has(SYN);
        // The first byte of payload has the number after SYN's.
        let base = *end.first.get_or_insert(packet.seq.wrapping_add(u32::from(syn)));
        if packet.payload > 0 {
            let reached = packet.seq.wrapping_sub(base).wrapping_add(u32::from(syn)) as u64 + packet.payload;
            // What lies before the first byte (a keep-alive's) is none.
            if reached < 1 << 31 {
                end.bytes = end.bytes.max(reached);
            }
        }
        end.fin |= packet.has(FIN);
        end.rst |= packet.has(RST);
        if syn && side == 0 {
            self.syns += 1;
        }
        self.answered |= syn && side == 1 && packet.has(ACK);
        let over = self.ends[0].fin && self.ends[1].fin || packet.has(RST);
        if over && self.closed.is_none() {
            self.closed = Some(packet.at);
        }
        match () {
            () if syn && side == 1 => "H",
            () if syn => "S",
            () if packet.has(RST) => "R",
            () if packet.has(FIN) => "F",
            () if packet.payload > 0 => "D",
            () => "A",
        }
    }

    /// Whether a packet between the same ends begins another.
    fn over_before(&self, packet: &Packet) -> bool {
        if packet.proto != Proto::Tcp {
            return packet.at - self.last > QUIET;
        }
        let opens = packet.has(SYN) && !packet.has(ACK);
        opens && self.ends[0].first != Some(packet.seq.wrapping_add(1))
    }
}

/// All connections, in the order of their first packets.
pub(super) fn track(packets: &[Packet]) -> Vec<Conn> {
    let mut conns: Vec<Conn> = Vec::new();
    let mut open: HashMap<(Proto, SocketAddr, SocketAddr), usize> = HashMap::new();
    for packet in packets {
        let key = |from, to| if from < to { (packet.proto, from, to) } else { (packet.proto, to, from) };
        let place = open.entry(key(packet.src, packet.dst)).or_insert(usize::MAX);
        if conns.get(*place).is_none_or(|conn| conn.over_before(packet)) {
            *place = conns.len();
            // Whose beginning was missed: who answers a SYN did not open.
            let turned = packet.has(SYN) && packet.has(ACK);
            conns.push(Conn::new(conns.len() as u32, packet, turned));
        }
        conns[*place].add(packet);
    }
    conns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(at: u64, up: bool, seq: u32, flags: u8, payload: u64) -> Packet {
        let ends: [SocketAddr; 2] = ["198.18.0.1:4000".parse().unwrap(), "172.28.220.9:25".parse().unwrap()];
        let (src, dst) = if up { (ends[0], ends[1]) } else { (ends[1], ends[0]) };
        Packet { at, proto: Proto::Tcp, src, dst, seq, flags, payload, length: payload + 40 }
    }

    #[test]
    fn bytes_count_once_and_retransmissions_beside_them() {
        let mut seen = vec![packet(1, true, 99, SYN, 0), packet(2, false, 999, SYN | ACK, 0)];
        // Numbers go round; the first segment is lost before us and comes late.
        seen[0].seq = u32::MAX - 5;
        let base = u32::MAX - 4;
        seen.push(packet(3, true, base.wrapping_add(10), ACK, 10));
        seen.push(packet(4, true, base, ACK, 10));
        seen.push(packet(5, true, base.wrapping_add(10), ACK, 10));
        seen.push(packet(6, true, base.wrapping_add(20), FIN | ACK, 0));
        seen.push(packet(7, false, 1000, FIN | ACK, 0));
        let conns = track(&seen);
        let conn = &conns[0];
        assert_eq!((conns.len(), conn.ends[0].bytes, conn.ends[0].raw), (1, 20, 30));
        assert_eq!((conn.state(), &*conn.history, conn.closed), ("SF", "ShDFf", Some(7)));
    }

    #[test]
    fn the_same_ends_again_are_another_connection() {
        let again = packet(3, true, 5000, SYN, 0);
        let seen = [packet(1, true, 99, SYN, 0), packet(2, false, 0, RST | ACK, 0), again.clone(), again];
        let conns = track(&seen);
        let states: Vec<_> = conns.iter().map(|conn| (conn.state(), conn.syns)).collect();
        assert_eq!(states, [("REJ", 1), ("S0", 2)]);
    }
}
