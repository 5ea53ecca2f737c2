//! Packets in a line each, for a report that shows what it stands on.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;

use catspaw_engine::decode::{self, Decoder};
use catspaw_engine::{IpProto, Packet, TcpFlags};
use catspaw_records::Nanos;

use super::captures::{Captures, Opened};
use crate::input::Source;
use crate::report::time;

/// Says of each packet, by its number in the file, what it is. A file that has gone leaves them without.
pub(crate) fn describe(source: &Source, packets: &mut BTreeMap<u64, Option<String>>) {
    let mut missing = packets.len();
    let Ok(blocks) = source.open() else { return };
    let captures = Captures::new(vec![Opened::new(source.clone(), 0, blocks)], 0);
    let mut decoder = Decoder::new();
    // That it was broken off is no error, and what is wrong with the file was told when it was judged.
    let _ = captures.for_each_frame(|framed| {
        if missing == 0 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let located = decoder.locate(&framed.frame, &mut |_, _| {});
        if let Some(said) = packets.get_mut(&framed.place.line) {
            missing -= 1;
            let (at, place) = (framed.frame.at, framed.place);
            *said = located
                .and_then(|located| decode::packet(&located.ip, at, place, false).map(|packet| line(&packet, at)));
        }
        Ok(())
    });
}

fn line(packet: &Packet<'_>, at: Nanos) -> String {
    let end = |addr, port| SocketAddr::new(addr, port).to_string();
    let (from, to) = (end(packet.src, packet.src_port), end(packet.dst, packet.dst_port));
    let what = match (packet.tcp, packet.proto) {
        (Some(tcp), _) => format!("TCP {}", flags(tcp.flags)),
        (None, IpProto::UDP) => "UDP".to_owned(),
        (None, IpProto::ICMP | IpProto::ICMPV6) => "ICMP".to_owned(),
        (None, proto) => format!("IP protocol {}", proto.0),
    };
    let payload = if packet.payload_len > 0 { format!(", {} bytes", packet.payload_len) } else { String::new() };
    format!("{} {from} > {to} {what}{payload}", time::rfc3339(at))
}

fn flags(flags: TcpFlags) -> String {
    const NAMES: [(u8, &str); 4] =
        [(TcpFlags::SYN, "SYN"), (TcpFlags::FIN, "FIN"), (TcpFlags::RST, "RST"), (TcpFlags::ACK, "ACK")];
    let set: Vec<&str> = NAMES.iter().filter(|(bit, _)| flags.has(*bit)).map(|&(_, name)| name).collect();
    set.join(" ")
}

#[cfg(test)]
mod tests {
    use catspaw_records::Place;

    use super::*;

    #[test]
    fn a_packet_is_a_line() {
        let mut ip = vec![0x45, 0, 0, 45, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 192, 0, 2, 9, 4, 1, 0, 25];
        ip.extend([0, 0, 0, 1, 0, 0, 0, 2, 0x50, TcpFlags::ACK | TcpFlags::FIN, 1, 0, 0, 0, 0, 0]);
        ip.extend(b"QUIT\n");
        let at = Nanos(1_795_417_498_000_000_000);
        let packet = decode::packet(&ip, at, Place { file: 0, line: 1 }, false).expect("a packet");
        assert_eq!(line(&packet, at), "2026-11-23T07:04:58Z 10.0.0.1:1025 > 192.0.2.9:25 TCP FIN ACK, 5 bytes");
    }
}
