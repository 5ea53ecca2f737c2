//! What was said on both legs proves a relay, and nothing that an outsider can say alone does.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod host;

use catspaw_records::{
    AppProto, Content, Digest, Endpoint, Event, Inside, Proto, Record, RecordId, Side, Target, Transaction, Utterance,
};
use catspaw_relay::{Basis, Lane};
use host::{Fold, HOST, Rows, connection, end, fold, record};

/// Records, and the moment from which the next session may use them.
#[derive(Default)]
struct Scene {
    records: Vec<(Record, Side)>,
    next: u64,
}

/// One leg of a scene.
#[derive(Clone, Copy)]
struct Line {
    id: u64,
    orig: Endpoint,
    resp: Endpoint,
}

impl Scene {
    fn leg(&mut self, orig: Endpoint, resp: Endpoint, from: i64, to: i64, bytes: u64) -> Line {
        let id = self.next;
        self.next += 1;
        self.records.extend(connection(id, orig, resp, from, to, bytes));
        Line { id, orig, resp }
    }

    fn client(&mut self, n: u16, port: u16, from: i64, to: i64) -> Line {
        let client = end(&format!("198.51.100.{}", 1 + n % 50), 20_000 + n);
        self.leg(client, end(HOST, port), from, to, 700)
    }

    fn call(&mut self, n: u16, target: Endpoint, from: i64, to: i64) -> Line {
        self.leg(end(HOST, 3000 + n), target, from, to, 690 + u64::from(n) * 17 % 400)
    }

    fn say(&mut self, at: i64, line: Line, said: Utterance) {
        let outbound = line.orig.addr.to_string() == HOST;
        let inside = Inside { orig: Some(outbound), resp: Some(!outbound) };
        let (id, orig, resp) = (RecordId::Device(line.id), line.orig, line.resp);
        let content = Content { id, proto: Proto::Tcp, orig, resp, inside, said };
        let side = if outbound { Side::Orig } else { Side::Resp };
        self.records.push((record(at, Event::Content(content)).0, side));
    }

    /// Both directions of what a tunnel carries, beginning with what `text` says.
    fn carry(&mut self, at: i64, line: Line, text: &str) {
        for (from, way) in [(Side::Orig, "up"), (Side::Resp, "down")] {
            for len in [16, 256] {
                let digest = Digest::of(format!("{text} {way} {len}").as_bytes());
                self.say(at, line, Utterance::Carries { from, len, digest });
            }
        }
    }

    fn ask(&mut self, at: i64, line: Line, target: Endpoint, granted: bool) {
        let Endpoint { addr, port } = target;
        self.say(at, line, Utterance::Asks { protocol: AppProto::Socks5, target: Target::Addr(addr), port });
        self.say(at + 2, line, Utterance::Granted(granted));
    }

    fn play(mut self) -> (Lane, Rows) {
        self.records.sort_by_key(|(record, _)| record.known.at);
        fold(&self.records, false)
    }
}

fn target(n: u16) -> Endpoint {
    end(&format!("203.0.113.{}", 1 + n % 40), 25)
}

/// SOCKS sessions at the same time, so that only what is said tells them apart.
fn socks(scene: &mut Scene, sessions: u16, carried: impl Fn(u16) -> String) {
    for n in 0..sessions {
        let at = 1_000_000 + 20 * i64::from(n / 4);
        let inbound = scene.client(n, 1180, at, at + 12);
        scene.ask(at + 1, inbound, target(n), true);
        let outbound = scene.call(n, target(n), at + 2, at + 11);
        scene.carry(at + 5, inbound, &format!("session {n}"));
        scene.carry(at + 4, outbound, &carried(n));
    }
}

#[test]
fn two_sessions_that_were_asked_for_and_carried_on_prove_a_proxy() {
    let mut scene = Scene::default();
    socks(&mut scene, 8, |n| format!("session {n}"));
    let (lane, rows) = scene.play();
    let service = &lane.services[&1180];
    assert_eq!(service.proven(false).unwrap().sessions, 2);
    assert!(service.proofs[0].chosen && service.proven(true).is_none());
    assert_eq!(service.spoken[&AppProto::Socks5], 8);
    assert_eq!(rows.pairs.len(), 8);
    for pair in &rows.pairs {
        assert_eq!(pair.basis, Basis::Content);
        assert_eq!(pair.inbound.peer.port - 20_000, pair.outbound.own.port - 3000);
    }
}

#[test]
fn the_state_can_be_put_away_between_what_was_said() {
    let mut scene = Scene::default();
    socks(&mut scene, 8, |n| format!("session {n}"));
    scene.records.sort_by_key(|(record, _)| record.known.at);
    let mut parts = Fold::new();
    for (record, side) in &scene.records {
        parts.take(record, *side, false).unwrap();
        parts.lane = postcard::from_bytes(&postcard::to_allocvec(&parts.lane).unwrap()).unwrap();
    }
    assert_eq!(parts.finish(), fold(&scene.records, false));
}

#[test]
fn a_server_behind_that_says_yes_to_any_name_makes_no_proxy() {
    for (servers, proven) in
        [(&["203.0.113.80"][..], false), (&["203.0.113.80", "203.0.113.90"], false), (&APART, true)]
    {
        let mut scene = Scene::default();
        for n in 0..8 {
            let at = 1_000_000 + 20 * i64::from(n);
            let inbound = scene.client(n, 80, at, at + 12);
            let name = Target::Name(Digest::of_name(format!("www{n}.example").as_bytes()));
            scene.say(at + 1, inbound, Utterance::Asks { protocol: AppProto::HttpConnect, target: name, port: 80 });
            scene.say(at + 3, inbound, Utterance::Granted(true));
            let outbound = scene.call(n, end(servers[usize::from(n) % servers.len()], 80), at + 2, at + 11);
            scene.carry(at + 5, inbound, &format!("session {n}"));
            scene.carry(at + 4, outbound, &format!("session {n}"));
        }
        assert_eq!(scene.play().0.services[&80].proven(false).is_some(), proven, "{servers:?}");
    }
}

#[test]
fn one_session_accuses_nobody() {
    let mut scene = Scene::default();
    socks(&mut scene, 1, |n| format!("session {n}"));
    assert!(scene.play().0.services[&1180].proven(false).is_none());
}

#[test]
fn a_host_that_calls_for_itself_what_a_client_names_is_innocent() {
    let mut scene = Scene::default();
    socks(&mut scene, 8, |n| format!("its own {n}"));
    let (lane, rows) = scene.play();
    assert!(lane.services[&1180].proven(false).is_none());
    assert!(rows.pairs.iter().all(|pair| pair.basis != Basis::Content), "{:?}", rows.pairs);
}

#[test]
fn what_was_refused_proves_nothing_and_is_paired_by_its_target() {
    let mut scene = Scene::default();
    for n in 0..6 {
        let inbound = scene.client(n, 1180, 1_000_000, 1_000_020);
        scene.ask(1_000_001, inbound, target(n), false);
        scene.leg(end(HOST, 3000 + n), target(n), 1_000_002, 1_000_003, 0);
    }
    let (lane, rows) = scene.play();
    assert!(lane.services[&1180].proven(false).is_none() && lane.services[&1180].spoken.is_empty());
    assert_eq!(rows.pairs.len(), 6);
    for pair in &rows.pairs {
        assert_eq!((pair.basis, pair.clear), (Basis::Order, true));
        assert_eq!(pair.inbound.peer.port - 20_000, pair.outbound.own.port - 3000);
    }
}

fn request(n: u16, absolute: bool) -> Utterance {
    let host = Digest::of_name(format!("www{}.example", n % 4).as_bytes());
    let digest = Digest::of(format!("GET page {n}").as_bytes());
    Utterance::Fetches { absolute, digest, target: Target::Name(host), port: 80 }
}

/// Servers in networks of their own.
const APART: [&str; 4] = ["203.0.113.80", "192.0.2.80", "198.51.100.80", "198.18.0.80"];

/// A proxy, or what looks like one: asked for four hosts in turn, over connections that it keeps to `servers`.
fn asked_in_absolute_form(servers: &[&str], resolved: bool) -> (Lane, Rows) {
    scanned_in_absolute_form(Scene::default(), servers, resolved)
}

fn scanned_in_absolute_form(mut scene: Scene, servers: &[&str], resolved: bool) -> (Lane, Rows) {
    let kept: Vec<_> =
        (0..).zip(servers).map(|(n, server)| scene.call(n, end(server, 80), 1_000_003, 1_000_099)).collect();
    for n in 0..6 {
        let at = 1_000_000 + 10 * i64::from(n);
        let server = usize::from(n) % 4 % servers.len();
        if let (true, Utterance::Fetches { target: Target::Name(name), .. }) = (resolved, request(n, true)) {
            let look_up = scene.call(50 + n, end("198.51.100.53", 53), at, at + 1);
            scene.say(at + 1, look_up, Utterance::Resolves { name, addr: end(servers[server], 80).addr });
        }
        let inbound = scene.client(n, 3128, at, at + 8);
        scene.say(at + 4, inbound, request(n, true));
        scene.say(at + 5, kept[server], request(n, false));
    }
    scene.play()
}

#[test]
fn a_web_proxy_is_proven_by_its_requests_and_its_kept_connection_serves_several() {
    for (servers, resolved) in [(&APART[..], false), (&["203.0.113.80"], true)] {
        let (lane, rows) = asked_in_absolute_form(servers, resolved);
        assert!(lane.services[&3128].proven(false).is_some());
        assert_eq!(rows.pairs.iter().filter(|pair| pair.basis == Basis::Content).count(), 6);
    }
}

#[test]
fn who_hands_every_request_on_to_the_same_servers_is_not_proven_a_proxy() {
    for servers in [&["203.0.113.80"][..], &["203.0.113.80", "203.0.113.81", "203.0.113.82"]] {
        assert!(asked_in_absolute_form(servers, false).0.services[&3128].proven(false).is_none());
    }
}

/// Visitors whose requests for its own pages a reverse proxy hands on, and the moment of the first.
fn visits(scene: &mut Scene, servers: &[&str], at: i64) {
    for (n, server) in (200..).zip(servers) {
        let inbound = scene.client(n, 3128, at, at + 8);
        scene.say(at + 1, inbound, request(n, false));
        let behind = scene.call(n, end(server, 80), at + 2, at + 7);
        scene.say(at + 3, behind, request(n, false));
    }
}

#[test]
fn a_reverse_proxy_that_is_scanned_is_a_web_server_wherever_its_servers_are() {
    for resolved in [false, true] {
        let mut scene = Scene::default();
        visits(&mut scene, &APART, 999_900);
        let (lane, _) = scanned_in_absolute_form(scene, &APART, resolved);
        assert!(lane.services[&3128].proven(false).is_none() && lane.services[&3128].serves_pages());
    }
}

#[test]
fn one_that_is_scanned_before_anybody_visits_it_is_only_presumed_a_proxy() {
    let mut scene = Scene::default();
    visits(&mut scene, &APART, 1_000_200);
    let (lane, _) = scanned_in_absolute_form(scene, &APART, false);
    let service = &lane.services[&3128];
    assert!(service.proven(false).is_some() && service.proofs[0].presumed && service.serves_pages());
    assert!(!asked_in_absolute_form(&APART, true).0.services[&3128].proofs[0].presumed);
    assert!(!asked_in_absolute_form(&APART, false).0.services[&3128].serves_pages());
}

#[test]
fn a_host_that_fetched_the_same_before_is_no_proxy() {
    let mut scene = Scene::default();
    for n in 0..4 {
        let at = 1_000_000 + 10 * i64::from(n);
        let before = scene.call(n, end("203.0.113.80", 80), at - 900, at - 890);
        scene.say(at - 899, before, request(n, false));
        let inbound = scene.client(n, 80, at, at + 8);
        scene.say(at + 1, inbound, request(n, true));
        let again = scene.call(100 + n, end("203.0.113.80", 80), at + 2, at + 7);
        scene.say(at + 3, again, request(n, false));
    }
    assert!(scene.play().0.services[&80].proven(false).is_none());
}

fn mail(message: u16, recipients: u64, accepted: u32) -> Transaction {
    let sent = accepted > 0;
    let digest = |what: &str| Digest::of(format!("{what} {message}").as_bytes());
    Transaction {
        accepted,
        refused: u32::from(!sent),
        delivered: sent,
        sender: Some(digest("sender")),
        recipients,
        message_id: sent.then(|| digest("id")),
        body: sent.then(|| digest("body")),
    }
}

#[test]
fn mail_is_paired_by_its_message_and_by_its_envelope_where_none_was_sent() {
    let mut scene = Scene::default();
    for n in 0..6 {
        // All come in before the first goes out, and go out the other way round.
        let inbound = scene.client(n, 8025, 1_000_000, 1_000_010);
        scene.say(1_000_008, inbound, Utterance::Mails(mail(n, 3, 2)));
        let at = 1_000_060 - 4 * i64::from(n);
        let taken = scene.call(n, target(n), at, at + 3);
        scene.say(at + 2, taken, Utterance::Mails(mail(n, 1, 1)));
        let refused = scene.call(50 + n, target(7), at, at + 3);
        scene.say(at + 2, refused, Utterance::Mails(mail(n, 2, 0)));
    }
    let (lane, rows) = scene.play();
    assert!(lane.services[&8025].proven(false).is_some() && !lane.services[&8025].proofs[0].chosen);
    assert_eq!(lane.services[&8025].spoken[&AppProto::Smtp], 6);
    assert_eq!(rows.pairs.len(), 12);
    let own = |pair: &catspaw_relay::LegPair| (pair.outbound.own.port - 3000) % 50;
    assert!(rows.pairs.iter().all(|pair| pair.inbound.peer.port - 20_000 == own(pair)), "{:?}", rows.pairs);
    let mailed = rows.pairs.iter().filter_map(|pair| pair.outbound.mailed);
    assert_eq!(mailed.fold((0, 0), |sum, mail| (sum.0 + mail.messages, sum.1 + mail.recipients)), (6, 6));
}

/// Messages for one domain each come in; each is handed on to somebody, and again and again its domain's server sends the
/// host away before it can say what it brings. The names lead to the servers, at once or by a host of another name, where
/// they are `looked_up`.
fn sent_away(looked_up: bool) -> Rows {
    let mut scene = Scene::default();
    for n in 0..40 {
        let came = 1_000_000 + 5 * i64::from(n);
        let inbound = scene.client(n, 8025, came, came + 4);
        let [domain, host] = ["domain", "host"].map(|kind| Digest::of_name(format!("{kind}{n}.example").as_bytes()));
        scene.say(came + 2, inbound, Utterance::Recipient(Target::Name(domain)));
        scene.say(came + 3, inbound, Utterance::Mails(mail(n, 1, 1)));
        let taken = scene.call(n, target(n), came + 5, came + 8);
        scene.say(came + 7, taken, Utterance::Mails(mail(n, 1, 1)));
        let server = end(&format!("203.0.113.{}", 100 + n), 25);
        // All of them in the same seconds, the last that came first.
        let at = 1_000_210 - i64::from(n) % 7;
        if looked_up {
            let look_up = scene.call(1000 + n, end("198.51.100.53", 53), at - 3, at - 2);
            let mut name = domain;
            if n % 2 == 0 {
                scene.say(at - 2, look_up, Utterance::Exchanges { name, host });
                name = host;
            }
            scene.say(at - 2, look_up, Utterance::Resolves { name, addr: server.addr });
        }
        for again in [0, 20] {
            scene.leg(end(HOST, 4000 + n), server, at + again, at + again + 1, 27);
        }
    }
    scene.play().1
}

#[test]
fn mail_of_which_a_server_did_not_hear_is_paired_by_whom_it_was_for() {
    let away = |pair: &&catspaw_relay::LegPair| pair.outbound.own.port >= 4000;
    let known = sent_away(true);
    assert_eq!(known.pairs.iter().filter(away).count(), 80);
    let own = |pair: &catspaw_relay::LegPair| pair.inbound.peer.port - 20_000 == pair.outbound.own.port % 1000;
    assert!(known.pairs.iter().all(own), "{:?}", known.pairs);
    // Nothing else tells, and then nothing is said.
    let unknown = sent_away(false);
    assert_eq!((unknown.pairs.len(), unknown.pairs.iter().filter(away).count()), (40, 0));
}

#[test]
fn a_server_that_turns_mail_away_at_once_is_paired_by_when_that_mail_was_taken() {
    let mut scene = Scene::default();
    for n in 0..8 {
        let at = 1_000_000 + 60 * i64::from(n);
        // Both clients are there all the time; the one that came first has its mail taken first in every other session.
        let clients = [2 * n, 2 * n + 1].map(|client| scene.client(client, 8025, at + i64::from(client % 2), at + 4));
        let turned_away = clients[usize::from(n % 2)];
        scene.say(at + 1, turned_away, Utterance::Mails(mail(100 + n, 1, 1)));
        scene.leg(end(HOST, 3000 + n), target(60 + n), at + 1, at + 1, 27);
        scene.say(at + 3, clients[usize::from(1 - n % 2)], Utterance::Mails(mail(n, 1, 1)));
        let taken = scene.call(500 + n, target(n), at + 4, at + 6);
        scene.say(at + 5, taken, Utterance::Mails(mail(n, 1, 1)));
    }
    let (_, rows) = scene.play();
    let turned_away: Vec<(u16, u16)> = rows
        .pairs
        .iter()
        .filter(|pair| pair.outbound.own.port < 3500)
        .map(|pair| (pair.outbound.own.port - 3000, pair.inbound.peer.port - 20_000))
        .collect();
    assert_eq!(turned_away, (0..8).map(|n| (n, 2 * n + n % 2)).collect::<Vec<_>>());
}

#[test]
fn mail_that_is_written_anew_is_paired_by_its_body_or_by_statistics() {
    for same_body in [false, true] {
        let mut scene = Scene::default();
        for n in 0..40 {
            let at = 1_000_000 + 20 * i64::from(n);
            let came = mail(n, 1, 1);
            let inbound = scene.leg(target(60 + n), end(HOST, 8025), at, at + 4, 700 + 31 * u64::from(n));
            scene.say(at + 3, inbound, Utterance::Mails(came));
            let anew = mail(100 + n, 1, 1);
            let body = if same_body { came.body } else { anew.body };
            let outbound = scene.leg(end(HOST, 3000 + n), target(n), at + 5, at + 9, 900 + 31 * u64::from(n));
            scene.say(at + 8, outbound, Utterance::Mails(Transaction { body, ..anew }));
        }
        let (lane, rows) = scene.play();
        let service = &lane.services[&8025];
        assert!(service.proven(false).is_none() && service.tried(false).any(|tests| tests.conviction.is_some()));
        assert!(rows.pairs.len() >= 36, "{} of 40", rows.pairs.len());
        assert!(rows.pairs.iter().all(|pair| (pair.basis == Basis::Content) == same_body), "{:?}", rows.pairs);
    }
}

#[test]
fn a_server_that_only_takes_mail_in_and_sends_its_own_is_innocent() {
    let mut scene = Scene::default();
    for n in 0..6 {
        let at = 1_000_000 + 20 * i64::from(n);
        let inbound = scene.client(n, 25, at, at + 9);
        scene.say(at + 8, inbound, Utterance::Mails(mail(n, 3, 2)));
        let own = scene.call(n, target(n), at + 10, at + 15);
        scene.say(at + 14, own, Utterance::Mails(mail(100 + n, 3, 2)));
    }
    let (lane, rows) = scene.play();
    assert!(lane.services[&25].proven(false).is_none());
    assert!(rows.pairs.is_empty(), "{:?}", rows.pairs);
}
