use std::net::Ipv4Addr;

use super::*;
use crate::daemons::frames::{ACK, FIN, Packet, SYN};
use crate::daemons::net::Host;
use crate::daemons::stage::RelayId;
use crate::daemons::task::{Call, Job, Way};
use crate::daemons::track::track;

const RELAY: &str = "172.28.220.9";

fn end(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A whole connection of a second, with ten bytes from its originator.
fn connection(at: u64, from: &str, to: &str) -> Vec<Packet> {
    let packet = |at, up: bool, seq, flags, payload| {
        let (src, dst) = if up { (end(from), end(to)) } else { (end(to), end(from)) };
        Packet { at, proto: Proto::Tcp, src, dst, seq, flags, payload, length: payload + 40 }
    };
    vec![
        packet(at, true, 0, SYN, 0),
        packet(at + 1, false, 0, SYN | ACK, 0),
        packet(at + 2, true, 1, ACK, 10),
        packet(at + 999_999, true, 11, FIN | ACK, 0),
        packet(at + 1_000_000, false, 1, FIN | ACK, 0),
    ]
}

fn event(side: Side, at: u64, token: &str, src: &str, dst: &str, accepted: u32) -> Event {
    Event { side, at, token: token.to_owned(), src: end(src), dst: end(dst), outcome: "delivered".to_owned(), accepted }
}

fn intent(token: &str, to: &str, sole: bool) -> Intent {
    let job = Job::Mail { messages: 1, bytes: 10, recipients: 1 };
    let way = Way::Socks5(SocketAddr::new(RELAY.parse().unwrap(), 1080));
    let token = token.to_owned();
    let call = Call {
        at: 0,
        from: None,
        way,
        to: end(to),
        job,
        domains: Vec::new(),
        token,
        patience: 1000,
        key: String::new(),
    };
    let soles = if sole { vec![end(to)] } else { Vec::new() };
    Intent { component: "test", relay: Some(RelayId(0)), bot: None, call, soles }
}

fn cast(intents: Vec<Intent>) -> Cast {
    let v4: Ipv4Addr = RELAY.parse().unwrap();
    let host = Host { name: "relay".to_owned(), space: String::new(), v4, v6: v4.to_ipv6_mapped() };
    let relay = Relay::at(&host, 1080, "inbound-socks", "test");
    Cast { relays: vec![relay], intents, ..Cast::default() }
}

/// Two sessions at once, whose outbound legs begin in the other order; the second's target says nothing.
fn scene() -> (Vec<Conn>, Vec<Event>) {
    let (in_a, in_b) = ("198.19.0.1:4001", "198.19.0.1:4002");
    let service = "172.28.220.9:1080";
    let (out_a, out_b) = ("172.28.220.9:5001", "172.28.220.9:5002");
    let (mail, silent) = ("198.18.0.1:25", "198.18.0.2:25");
    let mut packets = connection(1_000_000, in_a, service);
    packets.extend(connection(1_100_000, in_b, service));
    packets.extend(connection(1_200_000, out_b, silent));
    packets.extend(connection(1_300_000, out_a, mail));
    packets.sort_by_key(|packet| packet.at);
    let events = vec![
        event(Side::Client, 2_000_000, "tka", in_a, service, 1),
        event(Side::Client, 2_100_000, "tkb", in_b, service, 0),
        event(Side::Server, 1_400_000, "tka", out_a, mail, 0),
        event(Side::Server, 1_500_000, "tka", out_a, mail, 1),
    ];
    (track(&packets), events)
}

fn made(cast: &Cast, conns: &[Conn], events: &[Event]) -> io::Result<WireTruth> {
    let to = std::env::temp_dir().join(format!("catspaw-lab-truth-{}-{}", std::process::id(), cast.intents.len()));
    fs::create_dir_all(&to)?;
    let truth = truth(&Named { scenario: "test", seed: 1 }, cast, conns, events, &to);
    fs::remove_dir_all(&to)?;
    truth
}

#[test]
fn legs_belong_together_by_token_or_by_a_target_of_their_own() {
    let (conns, events) = scene();
    let cast = cast(vec![intent("tka", "198.18.0.1:25", false), intent("tkb", "198.18.0.2:25", true)]);
    let truth = made(&cast, &conns, &events).unwrap();
    let legs: Vec<_> =
        truth.sessions.iter().map(|session| (session.in_legs[0].conn, session.out_legs[0].conn)).collect();
    assert_eq!(legs, [(0, 3), (1, 2)]);
    assert_eq!((truth.sessions[0].delivered, truth.sessions[1].delivered), (1, 0));
    assert_eq!((truth.relays[0].out_legs_with_data, truth.relays[0].smtp_messages_delivered), (2, 1));
}

#[test]
fn what_a_relay_does_without_a_token_fails_the_run() {
    let (conns, events) = scene();
    let why = made(&cast(vec![intent("tka", "198.18.0.1:25", false)]), &conns, &events).unwrap_err().to_string();
    assert_eq!(why, "1 connections of relays have no token, such as 172.28.220.9:5002 to 198.18.0.2:25 (SF)");
}

#[test]
fn a_connection_whose_end_was_lost_may_be_spoken_of_later() {
    let spoken_of = |lost: usize| {
        let (client, service) = ("198.19.0.1:4001", "172.28.220.9:1080");
        let mut packets = connection(1_000_000, client, service);
        packets.truncate(packets.len() - lost);
        let told = [event(Side::Client, 14_000_000, "tka", client, service, 0)];
        let cast = cast(vec![intent("tka", "198.18.0.1:25", false); 1 + lost]);
        made(&cast, &track(&packets), &told).unwrap().sessions[0].in_legs.len()
    };
    assert_eq!([spoken_of(0), spoken_of(2)], [0, 1]);
}

#[test]
fn a_port_that_is_used_again_soon_is_told_apart() {
    let (service, out, mail) = ("172.28.220.9:1080", "172.28.220.9:5001", "198.18.0.1:25");
    let (mut packets, mut told) = (Vec::new(), Vec::new());
    for (number, token, from) in [(1, "tka", "198.19.0.1:4001"), (2, "tkb", "198.19.0.1:4002")] {
        let at = 1_500_000 * number;
        let both = [connection(at, from, service), connection(at + 100_000, out, mail)].concat();
        packets.extend(both.into_iter().map(|packet| Packet { seq: packet.seq + 70_000 * number as u32, ..packet }));
        told.push(event(Side::Client, at + 900_000, token, from, service, 1));
        told.push(event(Side::Server, at + 300_000, token, out, mail, 1));
    }
    packets.sort_by_key(|packet| packet.at);
    let truth = made(&cast(vec![intent("tka", mail, false), intent("tkb", mail, false)]), &track(&packets), &told);
    let out = |session: &SessionTruth| session.out_legs.iter().map(|leg| leg.conn).collect::<Vec<_>>();
    assert_eq!(truth.unwrap().sessions.iter().map(out).collect::<Vec<_>>(), [[1], [3]]);
}
