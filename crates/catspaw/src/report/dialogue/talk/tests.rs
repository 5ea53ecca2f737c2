use super::*;

const C: Side = Side::Orig;
const S: Side = Side::Resp;

/// What is shown of what was said, which does not depend on where segments end.
fn shown(said: &[(Side, &[u8])]) -> Vec<String> {
    let shown = [1, 7, usize::MAX].map(|longest| {
        let mut talk = Talk::default();
        for (at, (from, bytes)) in (0..).zip(said) {
            bytes.chunks(longest).for_each(|segment| talk.hear(Nanos(at), *from, Heard::Bytes(segment)));
        }
        let (said, left_out) = talk.finish();
        assert_eq!(left_out, 0);
        said.iter().map(text).collect::<Vec<String>>()
    });
    assert_eq!(shown[0], shown[2]);
    assert_eq!(shown[1], shown[2]);
    let [.., whole] = shown;
    whole
}

fn text(said: &Said) -> String {
    let mark = if said.from == C { '>' } else { '<' };
    match &said.words {
        Words::Line(line) => format!("{mark} {line}"),
        Words::Bytes(len, first) => format!("{mark} [{len}] {first:02x?}"),
        Words::Hidden(what, len) => format!("{mark} [{what}: {len}]"),
        Words::Missing(len) => format!("{mark} [missing: {len}]"),
    }
}

#[test]
fn letters_and_passwords_of_mail_are_not_shown() {
    let said = shown(&[
        (S, b"220 mx ESMTP\r\n"),
        (C, b"EHLO there\r\n"),
        (S, b"250-mx\r\n250 AUTH LOGIN\r\n"),
        (C, b"AUTH LOGIN\r\n"),
        (S, b"334 VXNlcm5hbWU6\r\n"),
        (C, b"YW5uYQ==\r\n"),
        (S, b"334 UGFzc3dvcmQ6\r\n"),
        (C, b"c2VjcmV0\r\n"),
        (S, b"235 fine\r\n"),
        (C, b"MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nRCPT TO:<c@y.example>\r\nDATA\r\n"),
        (S, b"250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n"),
        (C, b"Subject: secret\r\n\r\nQUIT smoking.\r\n..\r\n"),
        (C, b".\r\nQU"),
        (C, b"IT\r\n"),
        (S, b"250 taken\r\n221 bye\r\n"),
    ]);
    assert_eq!(
        said,
        [
            "< 220 mx ESMTP",
            "> EHLO there",
            "< 250-mx",
            "< 250 AUTH LOGIN",
            "> AUTH LOGIN",
            "< 334 VXNlcm5hbWU6",
            "> [name or password: 10]",
            "< 334 UGFzc3dvcmQ6",
            "> [name or password: 10]",
            "< 235 fine",
            "> MAIL FROM:<a@x.example>",
            "> RCPT TO:<b@y.example>",
            "> RCPT TO:<c@y.example>",
            "> DATA",
            "< 250 ok",
            "< 550 no",
            "< 250 ok",
            "< 354 go",
            "> [message: 41]",
            "> QUIT",
            "< 250 taken",
            "< 221 bye"
        ]
    );
}

#[test]
fn a_refused_message_is_followed_by_commands() {
    let refused = shown(&[(C, b"DATA\r\n"), (S, b"554 no\r\n"), (C, b"RSET\r\nMAIL FROM:<>\r\n")]);
    assert_eq!(refused, ["> DATA", "< 554 no", "> RSET", "> MAIL FROM:<>"]);
    // Who does not wait for the answer has sent a message all the same.
    let hasty = shown(&[(C, b"DATA\r\n"), (S, b"554 no\r\n"), (C, b"Subject: x\r\nRSET\r\n")]);
    assert_eq!(hasty, ["> DATA", "< 554 no", "> [message: 18]"]);
    let chunks = shown(&[(C, b"BDAT 12 LAST\r\nSubj: x\n\nyRSET\r\n")]);
    assert_eq!(chunks, ["> BDAT 12 LAST", "> [content: 12]", "> ET"]);
}

#[test]
fn mailboxes_and_newsgroups_keep_their_messages() {
    let pop = shown(&[
        (S, b"+OK ready\r\n"),
        (C, b"USER anna\r\nPASS sec"),
        (S, b"+OK\r\n"),
        (C, b"ret\r\nLIST\r\nRETR 1\r\nRETR 2\r\n"),
        (S, b"+OK\r\n+OK 2\r\n1 120\r\n.\r\n+OK\r\nSubject: a\r\n.\r\n+OK\r\nSubject: b\r\n.\r\n"),
    ]);
    assert_eq!(pop[1..6], ["> USER [hidden]", "> PASS [hidden]", "< +OK", "> LIST", "> RETR 1"]);
    assert!(!pop.concat().contains("Subject"), "{pop:?}");
    let imap = shown(&[
        (C, b"a LOGIN {4}\r\n"),
        (S, b"+ go\r\n"),
        (C, b"anna {6}\r\n"),
        (S, b"* 1 FETCH (BODY[] {12}\r\nSubject: x\r\n)\r\n"),
    ]);
    assert_eq!(imap[0], "> a LOGIN [hidden]");
    assert_eq!(imap[2..4], ["> [content: 4]", ">  {6}"]);
    assert_eq!(imap[4..], ["< * 1 FETCH (BODY[] {12}", "< [content: 12]", "< )"]);
}

#[test]
fn a_password_is_hidden_whatever_comes_in_between() {
    for cut in 0.."PASS secret\r\n".len() {
        let (before, after) = b"PASS secret\r\n".split_at(cut);
        assert!(!shown(&[(C, before), (S, b"+OK\r\n"), (C, after)]).concat().contains("secret"), "behind {cut}");
    }
    let mut talk = Talk::default();
    talk.hear(Nanos(0), C, Heard::Bytes(b"GET / HTTP/1.1\r\nAuthori"));
    talk.hear(Nanos(1), C, Heard::Gap(3));
    talk.hear(Nanos(2), C, Heard::Bytes(b"on: secret\r\nHost: x\r\n"));
    let said: Vec<String> = talk.finish().0.iter().map(text).collect();
    assert_eq!(said[1..], ["> Authori", "> [missing: 3]", "> [rest of the line: 12]", "> Host: x"]);
}

#[test]
fn what_a_line_leads_to_does_not_depend_on_what_comes_in_between() {
    let mail = shown(&[(C, b"DA"), (S, b"250 ok\r\n"), (C, b"TA\r\n"), (S, b"354 go\r\n"), (C, b"Subject: x\r\n")]);
    assert_eq!(mail, ["> DATA", "< 250 ok", "< 354 go", "> [message: 12]"]);
    let cut_off = shown(&[(C, b"GET http://anna:sec"), (S, b"HTTP/1.1 408 Late\r\n")]);
    assert_eq!(cut_off, ["> GET http://[hidden]", "< HTTP/1.1 408 Late"]);
}

#[test]
fn of_a_handshake_that_is_none_nothing_is_shown() {
    let given_up =
        shown(&[(C, b"\x04\x01\x00\x19\x01\x02\x03\x04an"), (S, b"\x00\x5b"), (C, b"na\x00"), (S, b"+OK\r\n")]);
    assert_eq!(given_up, ["> SOCKS 4, CONNECT 1.2.3.4:25, user [hidden]"]);
    let early = shown(&[(C, b"\x05\x01\x02"), (S, b"OK\r\n"), (C, b"\x01\x04anna\x06secret")]);
    assert_eq!(early, ["> SOCKS 5", "< [content: 4]", "> [content: 13]"]);
    let refused = shown(&[(C, b"\x05\x01\x00\x05\x01\x00\x01\x01\x02\x03\x04\x00\x19"), (S, b"\x05\x00\x05\x04")]);
    assert_eq!(refused, ["> SOCKS 5", "< no password needed", "> CONNECT 1.2.3.4:25", "< refused (4)"]);
}

#[test]
fn of_the_web_headers_are_shown() {
    let said = shown(&[
        (C, b"POST http://x.example/login?u=anna HTTP/1.1\r\nHost: x.example\r\nCookie: id=7\r\n\r\nuser=anna&"),
        (S, b"HTTP/1.1 100 Continue\r\n\r\n"),
        (C, b"password=secret\r\n"),
        (S, b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n<p>Anna\n</p>"),
        (S, b"GET / more\n"),
        (C, b"GET /next HTTP/1.1\r\n\r\n"),
    ]);
    assert_eq!(
        said,
        [
            "> POST http://x.example/login?[hidden] HTTP/1.1",
            "> Host: x.example",
            "> Cookie: [hidden]",
            "> [body: 27]",
            "< HTTP/1.1 100 Continue",
            "< HTTP/1.1 200 OK",
            "< Content-Length: 20",
            "< [body: 23]",
            "> GET /next HTTP/1.1"
        ]
    );
}

#[test]
fn what_is_carried_through_a_proxy_is_read_on() {
    let connect = shown(&[
        (C, b"CONNECT mx.example:25 HTTP/1.0\r\nProxy-Authorization: Basic eDp5\r\n\r\n"),
        (S, b"HTTP/1.0 200 Connected\r\n\r\n220 mx\r\n"),
        (C, b"HELO x\r\n"),
    ]);
    assert_eq!(connect[1..], ["> Proxy-Authorization: [hidden]", "< HTTP/1.0 200 Connected", "< 220 mx", "> HELO x"]);
    let socks = shown(&[
        (C, b"\x05\x01\x00"),
        (S, b"\x05\x00"),
        (C, b"\x05\x01\x00\x01\xc0\x00\x02\x19\x00\x19"),
        (S, b"\x05\x00\x00\x01\xc0\x00\x02\x01\x04\x01220 mx\r\n"),
        (C, b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"),
        (S, b"\x16\x03\x03\nGET / HTTP/1.0\n"),
        (C, b"\x17\x03\x03\x00\x01x"),
        (C, b"\x17\x03\x03\x00\x01y"),
    ]);
    assert_eq!(socks[2..5], ["> CONNECT 192.0.2.25:25", "< granted", "< 220 mx"]);
    assert_eq!(socks[5], "> [10] [16, 03, 01, 00, 05, 01, 00, 00, 01, 00]");
    assert_eq!(socks[6..], ["< [19] [16, 03, 03, 0a]", "> [12] [17, 03, 03, 00, 01, 78, 17, 03, 03, 00, 01, 79]"]);
}

#[test]
fn nothing_reaches_the_terminal_but_what_is_printable() {
    let said = shown(&[
        (C, b"hello \x1b[31m dear reader of \xe2\x80\xae this line\r\n"),
        (C, b"\x1b]0;PASS x\x07\x00\x01\x02\n"),
    ]);
    assert_eq!(said[0], "> hello \\x1b[31m dear reader of \\xe2\\x80\\xae this line");
    assert_eq!(said[1], "> [15] [1b]", "hex ends where text may begin");
    let long = [b"GET /?".as_slice(), &[b'x'; 5000], b" HTTP/1.1\r\nHost: x\r\n"].concat();
    assert_eq!(shown(&[(C, &long)]), ["> GET /?[hidden]", "> [rest of the line: 4017]", "> Host: x"]);
}

#[test]
fn what_is_kept_is_bounded_and_counted() {
    let mut talk = Talk::default();
    for at in 0..1000 {
        talk.hear(Nanos(at), S, Heard::Bytes(format!("line {at}\r\n").as_bytes()));
    }
    talk.hear(Nanos(1000), C, Heard::Gap(7));
    let (said, left_out) = talk.finish();
    assert_eq!((said.len(), left_out), (FIRST + LAST, 1001 - (FIRST + LAST) as u64));
    assert_eq!([&said[399], &said[438], &said[439]].map(text), ["< line 399", "< line 999", "> [missing: 7]"]);
}

#[test]
fn whatever_is_said_is_told_and_none_of_it_drives_the_terminal() {
    const WORDS: [&[u8]; 18] = [
        b"DATA\r\n",
        b".\r\n",
        b"\r\n",
        b"AUTH PLAIN ",
        b"BDAT 9\r\n",
        b"RETR 1\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"GET / HTTP/1.1\r\n",
        b"CONNECT a:1 HTTP/1.1\r\n",
        b"\x05\x01\x00",
        b"\x04\x01\x00\x19",
        b"\x16\x03\x01",
        b"a LOGIN {7}\r\n",
        b"334 \r\n",
        b"\x1b[2J",
        b"\xff\xfe\x00",
        b"+OK\r\n",
        b"550 no\r\n",
    ];
    let mut state = 7_u64;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for _ in 0..300 {
        let (mut talk, mut bytes) = (Talk::default(), 0);
        for at in 0..60 {
            let mut piece = WORDS[next(18) as usize].to_vec();
            piece.extend((0..next(3)).map(|n| (n * 83) as u8));
            bytes += piece.len() as u64;
            talk.hear(Nanos(at), if next(2) == 0 { C } else { S }, Heard::Bytes(&piece));
        }
        for said in talk.finish().0 {
            match said.words {
                Words::Line(line) => assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line:?}"),
                Words::Bytes(len, first) => assert!(first.len() as u64 <= len && len <= bytes),
                Words::Hidden(_, len) => assert!((1..=bytes).contains(&len)),
                Words::Missing(_) => unreachable!("nothing was"),
            }
        }
    }
}

#[test]
fn what_is_no_text_has_no_lines() {
    let mut bytes: Vec<u8> = (0..3000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    bytes.extend(b"\n.\nab\n\n\xff");
    let said = shown(&[(C, &bytes)]);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("> [3008] "), "{said:?}");
    // Text behind it is told.
    assert_eq!(shown(&[(C, b"\x01\x02\xff\nEHLO there\n")])[1], "> EHLO there");
}
