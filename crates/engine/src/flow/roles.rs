//! Who opened a flow whose beginning was missed, told by its ports as Zeek does.

use std::net::{IpAddr, Ipv4Addr};

use crate::{IpProto, Packet, TcpFlags};

/// Ports at which servers are expected, of TCP: those of Zeek's analyzers (its `likely_server_ports`), and of POP3,
/// NNTP and DNS over TLS, which it does not have.
const TCP: &[u16] = &[
    21, 22, 25, 53, 79, 80, 81, 88, 110, 119, 135, 139, 143, 389, 443, 445, 465, 502, 514, 563, 585, 587, 614, 631,
    636, 853, 989, 990, 992, 993, 995, 1080, 1434, 1883, 2811, 3128, 3268, 3306, 3389, 5222, 5223, 5269, 5432, 6379,
    6666, 6667, 6668, 6669, 8000, 8080, 8888, 20000,
];
/// The same of UDP.
const UDP: &[u16] = &[
    53, 67, 88, 123, 137, 161, 162, 389, 443, 514, 1812, 2123, 2152, 3389, 3544, 4011, 4754, 4789, 5060, 5072, 5353,
    5355, 6081, 20000,
];

/// Whether the sender of a flow's first packet is the one who was called.
pub(super) fn is_turned(packet: &Packet<'_>) -> bool {
    match packet.tcp {
        Some(tcp) => {
            let (syn, ack) = (tcp.flags.has(TcpFlags::SYN), tcp.flags.has(TcpFlags::ACK));
            // What answers with a SYN may be a scan: where both may be servers it is left as it came.
            (!syn || ack) && by_ports(TCP, packet).unwrap_or(!syn && packet.src_port < packet.dst_port)
        }
        None if packet.proto == IpProto::UDP => {
            packet.dst != IpAddr::V4(Ipv4Addr::BROADCAST) && by_ports(UDP, packet).unwrap_or(false)
        }
        None => false,
    }
}

/// Whether the sender is the server; `None` where both may be.
fn by_ports(servers: &[u16], packet: &Packet<'_>) -> Option<bool> {
    let is_server = |port: u16| servers.binary_search(&port).is_ok();
    match (is_server(packet.src_port), is_server(packet.dst_port)) {
        (true, true) => None,
        (src, _) => Some(src),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_sorted() {
        for ports in [TCP, UDP] {
            assert!(ports.is_sorted_by(|a, b| a < b));
        }
    }
}
