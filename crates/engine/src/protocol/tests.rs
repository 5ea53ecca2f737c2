use catspaw_records::{AppProto, Digest, Side, Target, Transaction, Utterance};

use super::Session;

const C: Side = Side::Orig;
const S: Side = Side::Resp;

type Dialogue<'a> = &'a [(Side, &'a [u8])];

/// What is said in a dialogue, whole and byte by byte.
fn said(dialogue: Dialogue<'_>) -> Vec<Utterance> {
    let whole = listen(dialogue, usize::MAX);
    for size in [1, 2, 3, 7, 64] {
        assert_eq!(sorted(&whole), sorted(&listen(dialogue, size)), "in pieces of {size}");
    }
    whole
}

fn listen(dialogue: Dialogue<'_>, size: usize) -> Vec<Utterance> {
    let mut session = Session::default();
    let mut said = Vec::new();
    for (from, bytes) in dialogue {
        for piece in bytes.chunks(size.min(bytes.len().max(1))) {
            session.data(*from, piece, &mut |utterance| said.push(utterance));
        }
    }
    session.end(&mut |utterance| said.push(utterance));
    said
}

fn sorted(said: &[Utterance]) -> Vec<String> {
    let mut said: Vec<String> = said.iter().map(|utterance| format!("{utterance:?}")).collect();
    said.sort();
    said
}

/// The mail transactions of a dialogue.
fn mails(dialogue: Dialogue<'_>) -> Vec<Transaction> {
    let said = said(dialogue);
    said.into_iter().filter_map(|said| if let Utterance::Mails(mail) = said { Some(mail) } else { None }).collect()
}

/// Without what is carried.
fn without_beginnings(dialogue: Dialogue<'_>) -> Vec<Utterance> {
    said(dialogue).into_iter().filter(|said| !matches!(said, Utterance::Carries { .. })).collect()
}

fn counts(mails: &[Transaction]) -> Vec<(u32, u32, bool)> {
    mails.iter().map(|mail| (mail.accepted, mail.refused, mail.delivered)).collect()
}

const ONE_BY_ONE: Dialogue<'_> = &[
    (S, b"220-mx.example ESMTP\r\n220 at your service\r\n"),
    (C, b"EHLO client.example\r\n"),
    (S, b"250-mx.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n"),
    (C, b"MAIL FROM:<Anna@Example.org> SIZE=100\r\n"),
    (S, b"250 ok\r\n"),
    (C, b"RCPT TO:<bert@example.net>\r\n"),
    (S, b"250 ok\r\n"),
    (C, b"RCPT TO:<nobody@example.net>\r\n"),
    (S, b"550 no such user\r\n"),
    (C, b"DATA\r\n"),
    (S, b"354 go ahead\r\n"),
    (C, b"Subject: x\r\nMessage-ID: <1@example.org>\r\n\r\nhello\r\n..dot\r\n\r\n.\r\n"),
    (S, b"250 queued\r\n"),
    (C, b"QUIT\r\n"),
    (S, b"221 bye\r\n"),
];

#[test]
fn a_mail_is_told_once_with_what_was_taken() {
    let mails = mails(ONE_BY_ONE);
    let [mail] = mails.as_slice() else { panic!("{mails:?}") };
    assert_eq!((mail.accepted, mail.refused, mail.delivered), (1, 1, true));
    assert_eq!(mail.sender, Some(Digest::of(b"anna@example.org")));
    assert_eq!(mail.recipients, Digest::of(b"bert@example.net").0 ^ Digest::of(b"nobody@example.net").0);
    assert_eq!(mail.message_id, Some(Digest::of(b"<1@example.org>")));
    assert_eq!(mail.body, Some(Digest::of(b"hello\n.dot\n")));
}

#[test]
fn a_copy_has_the_same_body_however_it_is_sent() {
    let pipelined: Dialogue<'_> = &[
        (S, b"220 mx ESMTP\r\n"),
        (C, b"EHLO relay\r\n"),
        (S, b"250-mx\r\n250-CHUNKING\r\n250 PIPELINING\r\n"),
        (C, b"MAIL FROM:<anna@example.org>\r\nRCPT TO:<nobody@example.net>\r\nRCPT TO:<bert@example.net>\r\nDATA\r\n"),
        (S, b"250 ok\r\n550 no\r\n250 ok\r\n354 go ahead\r\n"),
        (C, b"Received: from x\r\n\tby y; today\r\nSubject: x\r\nMessage-ID:\r\n <1@example.org>\r\n\r\nhello\r\n..dot\r\n.\r\nQUIT\r\n"),
        (S, b"250 queued\r\n221 bye\r\n"),
    ];
    let chunked: Dialogue<'_> = &[
        (S, b"220 mx ESMTP\r\n"),
        (C, b"EHLO relay\r\n"),
        (S, b"250 CHUNKING\r\n"),
        (C, b"MAIL FROM:<anna@example.org>\r\nRCPT TO:<nobody@example.net>\r\nRCPT TO:<bert@example.net>\r\nBDAT 43\r\nMessage-id: <1@example.org>\r\nSubject: x\r\n\r\nBDAT 15 LAST\r\nhello\r\n.dot\r\n\r\n"),
        (S, b"250 ok\r\n550 no\r\n250 ok\r\n250 got it\r\n250 queued\r\n"),
    ];
    let first = mails(ONE_BY_ONE);
    assert_eq!(mails(pipelined), first);
    assert_eq!(mails(chunked), first);
}

/// Whom [`ONE_BY_ONE`] is for.
fn recipient() -> Utterance {
    Utterance::Recipient(Target::Name(Digest::of_name(b"example.net")))
}

#[test]
fn a_transaction_without_a_message_is_told_too() {
    let greeting: [(Side, &[u8]); 3] = [(S, b"220 mx ESMTP\r\n"), (C, b"HELO x\r\n"), (S, b"250 mx\r\n")];
    let with = |rest: &[(Side, &'static [u8])]| {
        let dialogue = [&greeting[..], rest].concat();
        counts(&mails(&dialogue))
    };
    assert_eq!(with(&[(C, b"MAIL FROM:<>\r\n"), (S, b"550 no\r\n"), (C, b"QUIT\r\n")]), [(0, 0, false)]);
    assert_eq!(
        with(&[(C, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"), (S, b"250 ok\r\n451 later\r\n"), (C, b"RSET\r\n")]),
        [(0, 1, false)]
    );
    // Refused after the dot; the next on the same connection is taken.
    let twice: [(Side, &[u8]); 6] = [
        (C, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"),
        (S, b"250 ok\r\n250 ok\r\n354 go\r\n"),
        (C, b"one\r\n.\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\n"),
        (S, b"554 spam\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
        (C, b"two\r\n.\r\n"),
        (S, b"250 ok\r\n"),
    ];
    assert_eq!(with(&twice), [(1, 0, false), (2, 0, true)]);
    // DATA is refused, and what follows are commands again.
    let refused: [(Side, &[u8]); 5] = [
        (C, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"),
        (S, b"250 ok\r\n550 no\r\n503 nobody\r\n"),
        (C, b"RSET\r\nMAIL FROM:<a@b>\r\n"),
        (S, b"250 ok\r\n250 ok\r\n"),
        (C, b"QUIT\r\n"),
    ];
    assert_eq!(with(&refused), [(0, 1, false), (0, 0, false)]);
    // Broken off in the message.
    let broken: [(Side, &[u8]); 3] = [
        (C, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"),
        (S, b"250 ok\r\n250 ok\r\n354 go\r\n"),
        (C, b"Subject: x\r\n\r\nhal"),
    ];
    assert_eq!(with(&broken), [(1, 0, false)]);
}

#[test]
fn whom_mail_is_for_is_said_where_the_server_takes_it() {
    let dialogue: Dialogue<'_> = &[
        (S, b"220 mx ESMTP\r\n"),
        (C, b"HELO x\r\n"),
        (S, b"250 mx\r\n"),
        (C, b"MAIL FROM:<a@from.example>\r\nRCPT TO:<b@MX.example>\r\nRCPT TO:<c@[192.0.2.1]>\r\n"),
        (C, b"RCPT TO:<@hop.example:d@[IPv6:2001:db8::1]>\r\nRCPT TO:<e@no.example>\r\nRCPT TO:<postmaster>\r\n"),
        (S, b"250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n"),
    ];
    let taken = said(dialogue).into_iter().filter_map(|said| match said {
        Utterance::Recipient(to) => Some(to),
        _ => None,
    });
    let [v4, v6] = ["192.0.2.1", "2001:db8::1"].map(|addr| Target::Addr(addr.parse().unwrap()));
    let name = Target::Name(Digest::of_name(b"mx.example"));
    assert_eq!(taken.collect::<Vec<_>>(), [name, v4, v6]);
}

#[test]
fn a_dot_ends_a_message_only_on_its_own_line() {
    let with = |text: &[u8], answer: &[u8]| {
        let dialogue: [(Side, &[u8]); 6] = [
            (S, b"220 mx ESMTP\r\n"),
            (C, b"HELO x\r\n"),
            (S, b"250 mx\r\n"),
            (C, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"),
            (S, b"250 ok\r\n250 ok\r\n354 go\r\n"),
            (C, text),
        ];
        let dialogue = [&dialogue[..], &[(S, answer), (C, b"QUIT\r\n")]].concat();
        mails(&dialogue)
    };
    let ended = |text| with(text, b"250 ok\r\n").first().is_some_and(|mail| mail.delivered);
    assert!(ended(b"x\r\n.\r\n") && ended(b".\r\n"));
    // Bare line ends: the server's answer tells that it took the dot for the end.
    assert!(ended(b"x\n.\n") && ended(b"x\r\n.\n"));
    assert!(!ended(b"x\r\n.y\r\n") && !ended(b"x.\r\n") && !ended(b"x\r\n..\r\n"));
    let smuggled = with(b"a: b\r\n\r\nx\n.\nMAIL FROM:<evil@x>\r\n.\r\n", b"250 ok\r\n");
    assert_eq!(smuggled.len(), 1);
    assert_eq!(smuggled[0].body, Some(Digest::of(b"x\n\nMAIL FROM:<evil@x>\n")));
}

#[test]
fn after_starttls_nothing_is_seen() {
    let dialogue: Dialogue<'_> = &[
        (S, b"220 mx ESMTP\r\n"),
        (C, b"EHLO x\r\n"),
        (S, b"250 STARTTLS\r\n"),
        (C, b"STARTTLS\r\n"),
        (S, b"220 go ahead\r\n"),
        (C, b"MAIL FROM:<a@b>\r\n"),
        (S, b"250 ok\r\n"),
    ];
    assert_eq!(without_beginnings(dialogue), [Utterance::Speaks(AppProto::Smtp), Utterance::Encrypts { name: None }]);
}

#[test]
fn passwords_are_no_commands() {
    let dialogue: Dialogue<'_> = &[
        (S, b"220 mx ESMTP\r\n"),
        (C, b"EHLO x\r\n"),
        (S, b"250 AUTH LOGIN\r\n"),
        (C, b"AUTH LOGIN\r\n"),
        (S, b"334 VXNlcm5hbWU6\r\n"),
        (C, b"DATA\r\n"),
        (S, b"334 UGFzc3dvcmQ6\r\n"),
        (C, b"RSET\r\n"),
        (S, b"235 ok\r\n"),
        (C, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"),
        (S, b"250 ok\r\n250 ok\r\n"),
    ];
    assert_eq!(counts(&mails(dialogue)), [(1, 0, false)]);
}

#[test]
fn lmtp_answers_for_every_recipient() {
    let dialogue: Dialogue<'_> = &[
        (S, b"220 mx LMTP\r\n"),
        (C, b"LHLO x\r\n"),
        (S, b"250 mx\r\n"),
        (C, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\n"),
        (S, b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n"),
        (C, b"x: y\r\n\r\nz\r\n.\r\nMAIL FROM:<a@b>\r\n"),
        (S, b"452 full\r\n250 ok\r\n250 ok\r\n"),
    ];
    assert_eq!(counts(&mails(dialogue)), [(2, 0, true), (0, 0, false)]);
}

#[test]
fn a_missing_part_costs_the_digest_alone() {
    let mut session = Session::default();
    let mut said = Vec::new();
    let mut say = |utterance| said.push(utterance);
    let (begun, message) = ONE_BY_ONE.split_at(11);
    for (from, bytes) in begun {
        session.data(*from, bytes, &mut say);
    }
    session.data(C, b"Message-ID: <1@example.org>\r\n\r\nhel", &mut say);
    session.gap(C, 100, &mut say);
    session.data(C, b"\r\nend\r\n.\r\n", &mut say);
    for (from, bytes) in &message[1..] {
        session.data(*from, bytes, &mut say);
    }
    session.end(&mut say);
    let mails: Vec<_> = said.iter().filter(|said| matches!(said, Utterance::Mails(_))).collect();
    let expected = Transaction { body: None, ..self::mails(ONE_BY_ONE)[0] };
    assert_eq!(mails, [&Utterance::Mails(expected)]);
}

fn asks(protocol: AppProto, target: Target, port: u16) -> Utterance {
    Utterance::Asks { protocol, target, port }
}

#[test]
fn socks_is_seen_through() {
    use AppProto::{Socks4, Socks4a, Socks5};
    let addr = Target::Addr([192, 0, 2, 1].into());
    let name = Target::Name(Digest::of_name(b"mx.example"));
    type Handshake<'a> = [&'a [u8]; 4];
    let cases: [(Handshake<'_>, Vec<Utterance>); 3] = [
        (
            [b"", b"", b"\x04\x01\x00\x19\xc0\x00\x02\x01me\0", b"\0\x5a\0\0\0\0\0\0"],
            vec![Utterance::Speaks(Socks4), asks(Socks4, addr, 25)],
        ),
        (
            [b"", b"", b"\x04\x01\x00\x19\0\0\0\x01\0mx.example\0", b"\0\x5a\0\0\0\0\0\0"],
            vec![Utterance::Speaks(Socks4a), asks(Socks4a, name, 25)],
        ),
        (
            [b"\x05\x02\0\x02", b"\x05\x02", b"\x01\x01a\x01b", b"\x01\0"],
            vec![Utterance::Speaks(Socks5), asks(Socks5, name, 25)],
        ),
    ];
    for ([hello, method, request, answer], mut expected) in cases {
        let mut dialogue = vec![(C, hello), (S, method), (C, request), (S, answer)];
        if hello.starts_with(b"\x05") {
            dialogue.push((C, b"\x05\x01\0\x03\x0amx.example\0\x19"));
            dialogue.push((S, b"\x05\0\0\x01\0\0\0\0\0\0"));
        }
        dialogue.retain(|(_, bytes)| !bytes.is_empty());
        dialogue.extend(ONE_BY_ONE);
        expected.push(Utterance::Granted(true));
        expected.extend([recipient(), Utterance::Mails(mails(ONE_BY_ONE)[0])]);
        let said = without_beginnings(&dialogue);
        assert_eq!(said[said.len() - expected.len()..], expected);
        let carried = |said: Vec<Utterance>| -> Vec<Utterance> {
            said.into_iter().filter(|said| matches!(said, Utterance::Carries { .. })).collect()
        };
        assert_eq!(carried(self::said(&dialogue)), carried(self::said(ONE_BY_ONE)), "what is carried is the same");
    }
}

#[test]
fn a_refused_tunnel_carries_nothing() {
    let dialogue: Dialogue<'_> = &[
        (C, b"\x05\x01\0"),
        (S, b"\x05\0"),
        (C, b"\x05\x01\0\x01\xc0\0\x02\x01\0\x19"),
        (S, b"\x05\x05\0\x01\0\0\0\0\0\0"),
    ];
    assert_eq!(
        said(dialogue),
        [
            Utterance::Speaks(AppProto::Socks5),
            asks(AppProto::Socks5, Target::Addr([192, 0, 2, 1].into()), 25),
            Utterance::Granted(false),
        ]
    );
}

#[test]
fn connect_is_seen_through_after_a_password() {
    let mut dialogue: Vec<(Side, &[u8])> = vec![
        (C, b"CONNECT mx.example:25 HTTP/1.1\r\nHost: mx.example:25\r\n\r\n"),
        (S, b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 5\r\n\r\nplea"),
        (S, b"s"),
        (C, b"CONNECT mx.example:25 HTTP/1.1\r\nProxy-Authorization: Basic x\r\n\r\n"),
        (S, b"HTTP/1.0 200 Connection established\r\nX: y\r\n\r\n"),
    ];
    dialogue.extend(ONE_BY_ONE);
    let ask = asks(AppProto::HttpConnect, Target::Name(Digest::of_name(b"mx.example")), 25);
    assert_eq!(
        without_beginnings(&dialogue),
        [
            Utterance::Speaks(AppProto::HttpConnect),
            ask,
            Utterance::Granted(false),
            ask,
            Utterance::Granted(true),
            recipient(),
            Utterance::Mails(mails(ONE_BY_ONE)[0]),
        ]
    );
}

#[test]
fn requests_are_the_same_in_either_form() {
    let absolute: Dialogue<'_> = &[
        (C, b"POST http://u@WWW.example:8080/a?b HTTP/1.1\r\nHost: other\r\nContent-Length: 7\r\n\r\nGET / x"),
        (S, b"HTTP/1.1 200 OK\r\n\r\n"),
        (C, b"PUT http://www.example HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\nGET http://www.example/z HTTP/1.0\r\n\r\n"),
    ];
    let origin: Dialogue<'_> = &[
        (C, b"POST /a?b HTTP/1.1\r\nHost: www.example:8080\r\nContent-Length: 7\r\n\r\nGET / x"),
        (C, b"PUT / HTTP/1.1\r\nhost: www.example\r\nContent-Length: 3\r\n\r\nabc"),
        (C, b"GET /z HTTP/1.1\r\nHost: WWW.EXAMPLE\r\n\r\n"),
    ];
    let digests = |dialogue| -> Vec<(bool, Digest, u16)> {
        let fetched = said(dialogue).into_iter().filter_map(|said| match said {
            Utterance::Fetches { absolute, digest, port, .. } => Some((absolute, digest, port)),
            _ => None,
        });
        fetched.collect()
    };
    let (one, two) = (digests(absolute), digests(origin));
    assert!(one.iter().all(|fetch| fetch.0) && two.iter().all(|fetch| !fetch.0));
    assert_eq!(one.iter().map(|f| (f.1, f.2)).collect::<Vec<_>>(), two.iter().map(|f| (f.1, f.2)).collect::<Vec<_>>());
    assert_eq!(one.iter().map(|f| f.2).collect::<Vec<_>>(), [8080, 80, 80]);
}

#[test]
fn beginnings_are_told_at_16_and_256_and_at_the_end() {
    let long = [b'x'; 300];
    let lens = |dialogue: Dialogue<'_>| -> Vec<(Side, u16)> {
        let carried = said(dialogue).into_iter().filter_map(|said| match said {
            Utterance::Carries { from, len, .. } => Some((from, len)),
            _ => None,
        });
        carried.collect()
    };
    assert_eq!(lens(&[(C, &long), (S, &long[..20])]), [(C, 16), (C, 256), (S, 16), (S, 20)]);
    assert_eq!(lens(&[(C, &long[..16]), (S, &long[..3])]), [(C, 16), (S, 3)]);
}

#[test]
fn many_data_in_one_packet_do_not_lead_deeper_and_deeper() {
    let many = b"DATA\r\n.\r\n".repeat(7200);
    let listened: Dialogue<'_> = &[(S, b"220 mx ESMTP\r\n"), (C, b"EHLO c\r\n"), (C, &many)];
    assert_eq!(without_beginnings(listened), [Utterance::Speaks(AppProto::Smtp)]);
}
