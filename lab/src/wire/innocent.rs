//! What everybody else does, some of it easily taken for relaying.

use std::net::{IpAddr, SocketAddr};

use super::net::{Net, twin};
use super::payload::Payload;
use super::plan::{Close, Opening, Side, Transport};
use super::smtp;
use super::talk::{Line, Talk};
use super::web;
use crate::rng::Rng;

/// Something that a host does now and then.
pub(crate) type Habit = fn(&mut Net, &mut Rng, IpAddr, u64);

/// Roles: what it is called, what is done, seconds between two of it on average.
pub(crate) const ROLES: [(&str, Habit, u64); 21] = [
    ("web server, asked by scanners too", serve, 2),
    ("mail through its provider", super::mail::smarthost, 60),
    ("reads webmail that quotes RCPT TO", webmail, 40),
    ("retrieves mail that quotes RCPT TO (POP3)", pop3, 50),
    ("retrieves mail that quotes RCPT TO (IMAP)", imap, 60),
    ("reads news that quotes RCPT TO (NNTP)", nntp, 70),
    ("ssh beside its browsing", ssh, 90),
    ("VPN over UDP", vpn_udp, 120),
    ("VPN over TCP", vpn_tcp, 180),
    ("web socket whose messages make it fetch", push, 60),
    ("watches video", video, 90),
    ("uploads pictures", upload, 100),
    ("shares files", peers, 3),
    ("is scanned", scanned, 5),
    ("calls hosts that refuse or do not answer", in_vain, 8),
    ("web application that calls another server for each request", application, 3),
    ("video calls", call, 120),
    ("QUIC", quic, 6),
    ("downloads", download, 180),
    ("pings", ping, 20),
    ("browses by IPv6", browse_v6, 8),
];

/// Pages: names, a few servers each.
pub(crate) fn browse(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64) {
    let mut at = now;
    for _ in 0..rng.range(2, 6) {
        let number = rng.favourite(3000);
        at = page(net, rng, host, at, number) + rng.range(1_000, 40_000);
    }
}

fn browse_v6(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64) {
    browse(net, rng, twin(host), now);
}

/// One connection of a page; says when the next may open.
fn page(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64, number: u64) -> u64 {
    let name = format!("www{number}.site.example");
    let plain = rng.chance(60);
    let port = if plain { 80 } else { 443 };
    let end = SocketAddr::new(net.server(443, number, host.is_ipv6()), port);
    // Both kinds of address are asked for, and other names that the page holds.
    let mut ready = now;
    for _ in 0..rng.below(3) {
        ready = net.look_up(rng, now, host, &name, end.ip());
    }
    let mut talk = net.call(rng, ready, host, end);
    if plain {
        for _ in 0..rng.range(1, 4) {
            let len = net.size(rng, &SIZES);
            let lines = web::get(rng, &name, len, false);
            talk.hold(&lines);
        }
    } else {
        let exchanges: Vec<_> = (0..rng.range(1, 4)).map(|_| (rng.range(200, 1200), net.size(rng, &SIZES))).collect();
        talk.hold(&web::tls(rng, &name, &exchanges));
    }
    talk.wait(rng.draw(&[10_000, 500_000, 5_000_000, 30_000_000]));
    let close = if rng.chance(150) { Close::Reset(Side::Orig) } else { Close::Fins(Side::Orig) };
    talk.end(close);
    net.start(talk.plan);
    ready
}

/// What one request brings.
const SIZES: [u64; 9] = [120, 250, 500, 900, 1_500, 4_000, 9_000, 20_000, 120_000];

fn serve(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64) {
    let client = net.client(80, rng.below(5000));
    let port = if rng.chance(400) { 80 } else { 443 };
    let mut talk = net.call(rng, now, client, SocketAddr::new(host, port));
    if port == 80 {
        let lines = match rng.below(12) {
            0 => web::refused("GET http://judge.example/ip HTTP/1.1\r\nHost: judge.example\r\n\r\n", "404 Not Found"),
            1 => web::refused("CONNECT mx1.m7.example:25 HTTP/1.0\r\n\r\n", "405 Method Not Allowed"),
            _ => {
                let len = net.size(rng, &SIZES);
                web::get(rng, "www.campus.example", len, false)
            }
        };
        talk.hold(&lines);
    } else {
        let exchanges = [(rng.range(200, 900), net.size(rng, &SIZES))];
        talk.hold(&web::tls(rng, "www.campus.example", &exchanges));
    }
    talk.close(Side::Resp);
    net.start(talk.plan);
}

/// A server that asks another one for each request, and does not pass on what it gets.
fn application(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64) {
    let client = net.client(81, rng.below(800));
    let mut talk = net.call(rng, now, client, SocketAddr::new(host, 443));
    let exchanges = [(400, rng.range(800, 9_000))];
    let lines = web::tls(rng, "app.campus.example", &exchanges);
    talk.hold(&lines[..4]);
    let behind = SocketAddr::new(net.server(9200, 1, false), 443);
    let mut other = net.call(rng, talk.heard_by(Side::Resp) + 900, host, behind);
    let exchanges = [(rng.range(200, 500), rng.range(1_000, 30_000))];
    other.hold(&web::tls(rng, "api.example", &exchanges));
    talk.wait((other.heard_by(Side::Orig) + 4_000).saturating_sub(talk.now));
    talk.hold(&lines[4..]);
    other.close(Side::Orig);
    talk.close(Side::Resp);
    net.start(other.plan);
    net.start(talk.plan);
}

/// Text in which a dialogue of mail is quoted.
fn quoting(rng: &mut Rng, size: u64) -> String {
    let letter = smtp::letter(rng, size, 2);
    format!(
        "Subject: your server refuses me\r\n\r\n> MAIL FROM:<{}>\r\n> 250 ok\r\n> RCPT TO:<{}>\r\n> 550 no\r\n{}",
        letter.from, letter.to[0], letter.body
    )
}

fn webmail(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64) {
    let end = SocketAddr::new(net.server(8080, 1, false), 8080);
    let mut talk = net.call(rng, now, host, end);
    for _ in 0..rng.range(1, 5) {
        let text = quoting(rng, 3000);
        talk.hold(&web::page(rng, "webmail.example", &text));
        talk.wait(rng.range(500_000, 9_000_000));
    }
    talk.close(Side::Orig);
    net.start(talk.plan);
}

fn line(from: Side, think: u64, text: impl AsRef<[u8]>) -> Line {
    Line { from, think, payload: Payload::text(text) }
}

/// A dialogue of lines, in which the server begins and each answers the other.
fn lines(texts: &[&str]) -> Vec<Line> {
    let sides = [Side::Resp, Side::Orig].into_iter().cycle();
    texts.iter().zip(sides).map(|(text, from)| line(from, 900, text)).collect()
}

fn retrieval(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64, port: u16, texts: &[&str]) {
    let end = SocketAddr::new(net.server(u64::from(port), 1, false), port);
    let mut talk = net.call(rng, now, host, end);
    talk.hold(&lines(texts));
    talk.close(Side::Resp);
    net.start(talk.plan);
}

fn pop3(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64) {
    let message = format!("+OK\r\n{}\r\n.\r\n", quoting(rng, 2500));
    let texts = [
        "+OK POP3 ready\r\n",
        "USER u\r\n",
        "+OK\r\n",
        "PASS p\r\n",
        "+OK 1 message\r\n",
        "RETR 1\r\n",
        &message,
        "QUIT\r\n",
        "+OK bye\r\n",
    ];
    retrieval(net, rng, host, now, 110, &texts);
}

fn imap(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64) {
    let text = quoting(rng, 2500);
    let message = format!("* 1 FETCH (BODY[] {{{}}}\r\n{text})\r\na3 OK done\r\n", text.len());
    let texts = [
        "* OK IMAP4rev1 ready\r\n",
        "a1 LOGIN u p\r\n",
        "a1 OK\r\n",
        "a2 SELECT INBOX\r\n",
        "* 1 EXISTS\r\na2 OK\r\n",
        "a3 FETCH 1 BODY[]\r\n",
        &message,
        "a4 LOGOUT\r\n",
        "* BYE\r\na4 OK\r\n",
    ];
    retrieval(net, rng, host, now, 143, &texts);
}

fn nntp(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64) {
    let article = format!("220 1 <a@d.example> article\r\n{}\r\n.\r\n", quoting(rng, 2500));
    let texts = [
        "200 news.example ready\r\n",
        "GROUP comp.mail.misc\r\n",
        "211 1 1 1 comp.mail.misc\r\n",
        "ARTICLE 1\r\n",
        &article,
        "QUIT\r\n",
        "205 bye\r\n",
    ];
    retrieval(net, rng, host, now, 119, &texts);
}

fn ssh(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64) {
    let end = SocketAddr::new(net.server(22, rng.below(3), false), 22);
    let mut talk = net.call(rng, now, host, end);
    talk.hold(&[
        line(Side::Resp, 4_000, "SSH-2.0-OpenSSH_9.2p1\r\n"),
        line(Side::Orig, 300, "SSH-2.0-OpenSSH_9.7\r\n"),
    ]);
    for (from, len) in [(Side::Orig, 1500), (Side::Resp, 1100), (Side::Orig, 48), (Side::Resp, 700)] {
        talk.say(from, 700, Payload::opaque(rng.next(), len));
    }
    for _ in 0..rng.range(20, 90) {
        talk.wait(rng.draw(&[40_000, 150_000, 400_000, 3_000_000]));
        talk.say(Side::Orig, 100, Payload::opaque(rng.next(), 36));
        talk.say(Side::Resp, 300, Payload::opaque(rng.next(), rng.draw(&[36, 60, 120, 900, 4_000])));
    }
    talk.close(Side::Orig);
    net.start(talk.plan);
}

fn datagrams(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64, port: u16) -> Talk {
    let end = SocketAddr::new(net.server(u64::from(port), rng.below(9), false), port);
    let from = SocketAddr::new(host, net.port(host));
    let mut talk = Talk::new(net.plan(Transport::Udp, now, from, end), rng);
    talk.now = now;
    talk
}

fn vpn_udp(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64) {
    let mut talk = datagrams(net, rng, host, now, 51820);
    talk.say(Side::Orig, 0, Payload::opaque(rng.next(), 148));
    talk.say(Side::Resp, 300, Payload::opaque(rng.next(), 92));
    for _ in 0..rng.range(10, 60) {
        talk.say(Side::Orig, rng.draw(&[1_000, 50_000, 900_000]), Payload::opaque(rng.next(), 600));
        talk.say(Side::Resp, 2_000, Payload::opaque(rng.next(), rng.draw(&[120, 900, 6_000, 40_000])));
    }
    net.start(talk.plan);
}

fn vpn_tcp(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64) {
    let end = SocketAddr::new(net.server(1194, 1, false), 443);
    let mut talk = net.call(rng, now, host, end);
    talk.hold(&web::tls(rng, "vpn.example", &[]));
    for _ in 0..rng.range(20, 80) {
        talk.wait(rng.draw(&[10_000, 300_000, 2_000_000]));
        talk.say(Side::Orig, 100, Payload::records(rng.next(), rng.range(80, 900)));
        talk.say(Side::Resp, 2_000, Payload::records(rng.next(), rng.draw(&[100, 900, 6_000, 40_000])));
    }
    talk.close(Side::Orig);
    net.start(talk.plan);
}

/// A line that stays open, and tells of news that the host then goes and gets.
fn push(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64) {
    let end = SocketAddr::new(net.server(444, 1, false), 443);
    let mut talk = net.call(rng, now, host, end);
    talk.hold(&web::tls(rng, "push.example", &[(700, 300)]));
    for _ in 0..rng.range(3, 12) {
        talk.wait(rng.draw(&[500_000, 3_000_000, 9_000_000]));
        talk.say(Side::Resp, 0, Payload::records(rng.next(), rng.range(60, 300)));
        let (number, fetch) = (rng.below(6), talk.heard_by(Side::Orig) + rng.range(2_000, 30_000));
        page(net, rng, host, fetch, number);
        talk.say(Side::Orig, 500, Payload::records(rng.next(), 40));
    }
    talk.close(Side::Orig);
    net.start(talk.plan);
}

/// Pieces of a few seconds each, one after the other.
fn video(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64) {
    let end = SocketAddr::new(net.server(445, rng.below(4), false), 443);
    let mut talk = net.call(rng, now, host, end);
    talk.hold(&web::tls(rng, "cdn.video.example", &[]));
    for _ in 0..rng.range(4, 14) {
        talk.say(Side::Orig, 300, Payload::records(rng.next(), 500));
        talk.say(Side::Resp, 2_000, Payload::records(rng.next(), rng.range(80_000, 500_000)));
        talk.wait(rng.range(500_000, 4_000_000));
    }
    talk.close(Side::Orig);
    net.start(talk.plan);
}

fn transfer(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64, name: &str, (up, down): (u64, u64)) {
    let end = SocketAddr::new(net.server(446, rng.below(40), false), 443);
    let mut talk = net.call(rng, now, host, end);
    talk.hold(&web::tls(rng, name, &[(up, down)]));
    talk.close(Side::Orig);
    net.start(talk.plan);
}

fn upload(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64) {
    let up = rng.draw(&[50_000, 400_000, 1_500_000, 4_000_000]);
    transfer(net, rng, host, now, "photos.example", (up, 700));
}

fn download(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64) {
    let down = rng.draw(&[300_000, 1_000_000, 3_000_000, 12_000_000]);
    transfer(net, rng, host, now, "mirror.example", (400, down));
}

/// Pieces of files from and to many, by both sides' wish.
fn peers(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64) {
    let peer = net.client(6881, rng.below(400));
    let port = 6881 + rng.below(9) as u16;
    let mut talk = if rng.chance(500) {
        net.call(rng, now, host, SocketAddr::new(peer, port))
    } else {
        net.call(rng, now, peer, SocketAddr::new(host, 51413))
    };
    let hello = |rng: &mut Rng| {
        let mut bytes = b"\x13BitTorrent protocol\0\0\0\0\0\x10\0\x05".to_vec();
        bytes.extend((0..5).flat_map(|_| rng.next().to_be_bytes()));
        Payload::text(bytes)
    };
    talk.say(Side::Orig, 300, hello(rng));
    talk.say(Side::Resp, 300, hello(rng));
    for _ in 0..rng.range(0, 6) {
        let (asks, gives) = if rng.chance(500) { (Side::Orig, Side::Resp) } else { (Side::Resp, Side::Orig) };
        talk.say(asks, 5_000, Payload::opaque(rng.next(), 17));
        talk.say(gives, 9_000, Payload::opaque(rng.next(), 16_397));
    }
    talk.close(Side::Orig);
    net.start(talk.plan);
}

/// Somebody outside tries a run of ports.
fn scanned(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64) {
    let scanner = net.client(666, rng.below(20));
    let first = rng.pick(&[1180_u16, 1080, 3128, 8080, 20]);
    for step in 0..rng.range(3, 12) as u16 {
        let opening = if rng.chance(700) { Opening::Refused } else { Opening::Unanswered { again: 0 } };
        let at = now + u64::from(step) * 3_000;
        let (plan, _) = net.call_in_vain(at, scanner, SocketAddr::new(host, first + step), opening);
        net.start(plan);
    }
}

fn in_vain(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64) {
    let end = SocketAddr::new(net.server(404, rng.below(50), false), rng.pick(&[443, 80, 5222]));
    let opening = if rng.chance(500) { Opening::Refused } else { Opening::Unanswered { again: 2 } };
    let (plan, _) = net.call_in_vain(now, host, end, opening);
    net.start(plan);
}

fn call(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64) {
    let mut talk = datagrams(net, rng, host, now, 3478);
    for _ in 0..rng.range(200, 900) {
        talk.say(Side::Orig, 8_000, Payload::opaque(rng.next(), rng.range(150, 1100)));
        talk.say_at(talk.now + 6_000, Side::Resp, Payload::opaque(rng.next(), rng.range(150, 1100)));
    }
    net.start(talk.plan);
}

fn quic(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64) {
    let mut talk = datagrams(net, rng, host, now, 443);
    talk.say(Side::Orig, 0, Payload::opaque(rng.next(), 1200));
    talk.say(Side::Resp, 700, Payload::opaque(rng.next(), 3600));
    for _ in 0..rng.range(1, 4) {
        talk.say(Side::Orig, 700, Payload::opaque(rng.next(), rng.range(60, 700)));
        let len = net.size(rng, &SIZES);
        talk.say(Side::Resp, 3_000, Payload::opaque(rng.next(), len));
    }
    net.start(talk.plan);
}

fn ping(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64) {
    let from = SocketAddr::new(host, net.port(host));
    let to = SocketAddr::new(net.server(7, rng.below(5), false), 0);
    let mut talk = Talk::new(net.plan(Transport::Icmp, now, from, to), rng);
    talk.now = now;
    for _ in 0..rng.range(1, 5) {
        let payload = Payload::opaque(rng.next(), 56);
        talk.say(Side::Orig, 1_000_000, payload.clone());
        talk.say(Side::Resp, 0, payload);
    }
    net.start(talk.plan);
}

/// Every host's clock.
pub(crate) fn clock(net: &mut Net, rng: &mut Rng, host: IpAddr, now: u64) {
    let mut talk = datagrams(net, rng, host, now, 123);
    let packet = |mode: u8, rng: &mut Rng| {
        let mut bytes = vec![0x20 | mode, 2, 6, 0xec];
        bytes.extend((0..11).flat_map(|_| (rng.next() as u32).to_be_bytes()));
        Payload::text(bytes)
    };
    talk.say(Side::Orig, 0, packet(3, rng));
    talk.say(Side::Resp, 50, packet(4, rng));
    net.start(talk.plan);
}
