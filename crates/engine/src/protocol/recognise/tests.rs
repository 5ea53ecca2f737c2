use catspaw_records::AppProto::{self, *};

use super::{Guess, recognise};

/// What a client and a server said first, and what that is.
type Case = (&'static [u8], &'static [u8], Option<AppProto>);

const BOTH: &[Case] = &[
    (b"EHLO mx\r\nMAIL FROM:<a@b>\r\n", b"220 mail ESMTP\r\n250-mail\r\n", Some(Smtp)),
    (b"HELO mx\r\n", b"220-mail\r\n220 *****02**0*\r\n", Some(Smtp)),
    (b"EHLO mx\r\n", b"554 no\r\n", Some(Smtp)),
    (b"QUIT\r\n", b"554 no\r\n", Some(Smtp)),
    (b"EHLO mx\r\n", b"421 4.7.0 try later\r\n", Some(Smtp)),
    (b"EHLO mx\r\n", b"421 busy\r\n", Some(Smtp)),
    (b"USER anna\r\n", b"421 busy\r\n", Some(Ftp)),
    (b"QUIT\r\n", b"421 busy\r\n", None),
    (b"\x06\x02\x03\x04\x05", b"220 mail ESMTP\r\n", Some(Smtp)),
    (b"\x06\x02\x03\x04\x05", b"220 ready\r\n", None),
    (b"RCPT TO:<a@b>\r\n", b"250 2.1.5 Ok\r\n", Some(Smtp)),
    (b"USER anna\r\n", b"220 ready\r\n331 who\r\n", Some(Ftp)),
    (b"AUTH TLS\r\n", b"220 ready\r\n", Some(Ftp)),
    (b"AUTH LOGIN\r\n", b"220 ready\r\n", Some(Smtp)),
    (b"QUIT\r\n", b"220 (vsFTPd 3.0.3)\r\n", Some(Ftp)),
    (b"QUIT\r\n", b"220 ftp.smtp.example.net\r\n", None),
    (b"MODE READER\r\n", b"200 posting allowed\r\n", Some(Nntp)),
    (b"LIST\r\n", b"201 read only\r\n", Some(Nntp)),
    (b"STARTTLS\r\n", b"200 ready\r\n", Some(Nntp)),
    (b"user anna\r\n", b"200 poppassd\r\n", None),
    (b"TYPE I\r\n", b"200 binary\r\n", Some(Ftp)),
    (b"hello\r\n", b"200 ok\r\n", None),
    (b"USER anna\r\n", b"+OK ready\r\n", Some(Pop3)),
    (b"AUTH secret\r\n", b"+OK\r\n", None),
    (b"CAPA\r\n", b"-ERR no\r\n", Some(Pop3)),
    (b"SET a b\r\n", b"+OK\r\n", None),
    (b"a1 LOGIN anna x\r\n", b"* OK IMAP4rev1\r\n", Some(Imap)),
    (b"a1 LOGIN anna x\r\n", b"* PREAUTH hello\r\n", Some(Imap)),
    (b"a1 SELECT INBOX\r\n", b"a1 OK done\r\n", Some(Imap)),
    (b"NICK anna\r\nUSER a b c :d\r\n", b":irc.example.net NOTICE AUTH :*** hi\r\n", Some(Irc)),
    (b"CAP LS 302\r\n", b":irc.example.net 001 anna :hi\r\n", Some(Irc)),
    (b"PRIVMSG #a :hi\r\n", b":anna!a@b PRIVMSG #a :ho\r\n", Some(Irc)),
    (b"USER anna\r\n", b"hello\r\n", None),
    (b"stats\r\n", b"STAT pid 1\r\n", None),
    (b"RFB 003.008\n", b"RFB 003.008\n", None),
    (b"a@b\r\n", b"Login: a\r\n", None),
    (b"GET / HTTP/1.1\r\nHost: a\r\n", b"HTTP/1.1 200 OK\r\n", Some(Http)),
    (b"\r\nGET / HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n", Some(Http)),
    (b"GET /index.html\r\n", b"<html>", Some(Http)),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\0\0\x12\x04", Some(Http)),
    (b"VERSION-CONTROL /a HTTP/1.1\r\n", b"", Some(Http)),
    (b"GET http://example.net/ HTTP/1.1\r\n", b"", Some(HttpProxy)),
    (b"REPORT ftp://example.net/ HTTP/1.1\r\n", b"", Some(HttpProxy)),
    (b"CONNECT mx:25 HTTP/1.0\r\n\r\nEHLO", b"HTTP/1.0 200 ok\r\n", Some(HttpConnect)),
    (b"CONNECT / HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n", Some(Http)),
    (b"OPTIONS rtsp://a/b RTSP/1.0\r\n", b"RTSP/1.0 200 OK\r\n", None),
    (b"REGISTER sip:a SIP/2.0\r\n", b"SIP/2.0 200 OK\r\n", None),
    (b"GET a\r\n", b"what\r\n", None),
    (b"\x05\x01\x00\x05\x01\x00\x01", b"\x05\x00\x05\x00", Some(Socks5)),
    (b"\x05\x02\x00\x02", b"\x05\xff", Some(Socks5)),
    (b"\x05\x01\x00", b"\x05\x02", None),
    (b"\x05\x00\x0b\x03\x10\0\0\0", b"\x05\x00\x0c\x03", None),
    (b"\x05\x01\x00", b"HTTP/1.1 400 no\r\n", None),
    (b"\x04\x01\x00\x19\xc0\x00\x02\x01anna\x00", b"\x00\x5a\0\0\0\0\0\0", Some(Socks4)),
    (b"\x04\x01\x00\x19\x00\x00\x00\x01\x00mx.example\x00", b"\x00\x5b\0\0\0\0\0\0", Some(Socks4a)),
    (b"\x04\x01\x00\x00\xc0\x00\x02\x01\x00", b"\x00\x5a", None),
    (b"\x04\x01\x00\x19\xc0\x00\x02\x01\x00", b"\x04\x01", None),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x16\x03\x03\0\x50\x02", Some(Tls)),
    (b"\x16\x03\x01\x02\x00\x02\x00\x01\xfc\x03\x03", b"", None),
    (b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10", b"\x16\x03\x01", Some(Tls)),
    (b"\x80\x2e\x01\x03\x01\x00\x16\x00\x00\x00\x10", b"\x16\x03\x01", None),
    (b"\x17\x03\x03\x00\x20abc", b"\x17\x03\x03\x00\x20abc", Some(Tls)),
    (b"\x17\x03\x03\x00\x20abc", b"\x17\x04\x03\x00\x20abc", None),
    (b"\x17\x03\x03\xff\x20abc", b"\x17\x03\x03\x00\x20abc", None),
    (b"SSH-2.0-a\r\n", b"SSH-2.0-b\r\n", Some(Ssh)),
    (b"hello\r\n", b"SSH-2.0-b\r\n", Some(Ssh)),
    (b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0", b"\x03\0\0\x13\x0e\xd0", Some(Rdp)),
    (b"\x03\0\0\x1c\x17\xe0\0\0\0\0\0Cookie: mstshash=a", b"", Some(Rdp)),
    (b"\x03\0\0\x0b\x06\xe0\0\0\0\0\0", b"\x03\0\0\x0b\x06\xd0", Some(Rdp)),
    (b"\x03\0\0\x16\x11\xe0\0\0\0\x01\0\xc1\x02\x01\0\xc2\x02\x01\x02\xc0\x01\x0a", b"\x03\0\0\x16\x11\xd0", None),
    (b"\0\x20\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x02mx\x07example\x03net\0\0\x01\0\x01", b"", Some(Dns)),
    (b"\0\x20\x12\x34\x01\0\0\x01\0\x01\0\0\0\0\x02mx\x07example\x03net\0\0\x01\0\x01", b"", None),
    (b"\0\0\0\x20ckau\0\0\0\x01", b"\0\0\0\x21", None),
];

/// Where only one direction was captured.
const HALVES: &[Case] = &[
    (b"", b"220 mail ESMTP Postfix\r\n", Some(Smtp)),
    (b"", b"220 mail\r\n250 hi\r\n", Some(Smtp)),
    (b"", b"220 mail\r\n331 who\r\n", Some(Ftp)),
    (b"", b"220 mail\r\n", None),
    (b"", b"521 no\r\n", Some(Smtp)),
    (b"", b"HTTP/1.1 200 OK\r\n", Some(Http)),
    (b"", b"SSH-2.0-b\r\n", Some(Ssh)),
    (b"", b"+OK ready\r\n", Some(Pop3)),
    (b"", b"+OK\r\n", None),
    (b"", b"* OK ready\r\n", Some(Imap)),
    (b"", b":irc.example.net NOTICE * :hi\r\n", Some(Irc)),
    (b"", b"\x05\x00\x05\x00\x00\x01", Some(Socks5)),
    (b"", b"\x16\x03\x03\x00\x50\x02", Some(Tls)),
    (b"", b"hello\r\n", None),
    (b"EHLO mx\r\n", b"", Some(Smtp)),
    (b"a1 LOGIN anna x\r\n", b"", Some(Imap)),
    (b"NICK anna\r\nUSER a b c :d\r\n", b"", Some(Irc)),
    (b"USER anna\r\nPASS x\r\n", b"", None),
    (b"\x17\x03\x03\x00\x20abc", b"", Some(Tls)),
    (b"\x05\x01\x00\x05\x01\x00\x03", b"", Some(Socks5)),
    (b"\x05\x01\x02\x01\x01a\x01b\x05\x01\x00\x03", b"", Some(Socks5)),
    (b"\x05\x01\x00\x06\x01\x00\x03", b"", None),
    (b"\x04\x01\x00\x19\x00\x00\x00\x01\x00mx.example\x00", b"", Some(Socks4a)),
    (b"\x04\x01\x00\x19\xc0\x00\x02\x01\x00", b"", Some(Socks4)),
    (b"\x04\x01\x00\x19\xc0\x00\x02\x01\x00\x00", b"", None),
];

#[test]
fn first_words_tell_the_protocol() {
    for &(orig, resp, protocol) in BOTH.iter().chain(HALVES) {
        assert_eq!(
            recognise(orig, resp, [false; 2]),
            protocol.into(),
            "{} {}",
            orig.escape_ascii(),
            resp.escape_ascii()
        );
    }
}

/// Whatever has come of either direction, and whether or not it ended there, the answer is that of the whole, or none
/// yet.
#[test]
fn no_answer_is_overruled() {
    for &(orig, resp, protocol) in BOTH.iter().chain(HALVES) {
        for (a, b) in (0..=orig.len()).flat_map(|a| (0..=resp.len()).map(move |b| (a, b))) {
            for ended in [[false, false], [true, false], [false, true]] {
                // A direction that has ended has all come.
                if (ended[0] && a < orig.len()) || (ended[1] && b < resp.len()) {
                    continue;
                }
                let guess = recognise(&orig[..a], &resp[..b], ended.map(|ended| !ended));
                let place = (orig.escape_ascii().to_string(), resp.escape_ascii().to_string(), a, b, ended);
                assert!(guess == Guess::More || guess == protocol.into(), "{guess:?} {place:?}");
            }
        }
    }
}

/// What both have said is enough, and nobody waits for the end of a connection that speaks on.
#[test]
fn it_is_known_while_the_connection_lives() {
    for &(orig, resp, protocol) in BOTH.iter().filter(|case| case.2.is_some()) {
        assert_eq!(
            recognise(orig, resp, [true; 2]),
            protocol.into(),
            "{} {}",
            orig.escape_ascii(),
            resp.escape_ascii()
        );
    }
}

#[test]
fn a_line_that_is_longer_than_the_head_is_told_by_its_beginning() {
    let line = |start: &str| format!("{start}{}", "x".repeat(600)).into_bytes()[..512].to_vec();
    for (start, protocol) in
        [("GET /", Some(Http)), ("POST http://example.net/", Some(HttpProxy)), ("GETS /", None), ("EHLO ", Some(Smtp))]
    {
        assert_eq!(recognise(&line(start), b"220 a\r\n", [false, true]), protocol.into(), "{start}");
    }
}

#[test]
fn a_server_that_talks_on_is_not_waited_with() {
    let banner = format!("220-mail ESMTP\r\n{}", "220-and more\r\n".repeat(40)).into_bytes()[..512].to_vec();
    assert_eq!(recognise(b"", &banner, [true, false]), Guess::Known(Smtp));
    let weak = format!("220-hello\r\n{}", "220-and more\r\n".repeat(40)).into_bytes()[..512].to_vec();
    assert_eq!(recognise(b"", &weak, [true, false]), Guess::More);
    assert_eq!(recognise(b"USER anna\r\n", &weak, [true, false]), Guess::Known(Ftp));
}

/// Numbers that look random, the same in every run (xorshift64*).
fn random(state: &mut u64) -> u8 {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8
}

/// What is encrypted from its first byte looks like this; begun as a protocol begins, it is still none.
#[test]
fn random_bytes_are_no_protocol() {
    let mut state = 7;
    for round in 0..200_000u32 {
        let mut bytes = || -> Vec<u8> { (0..40).map(|_| random(&mut state)).collect() };
        let (mut orig, resp) = (bytes(), bytes());
        // Every value in turn, for those that need more than their first byte.
        orig[0] = round as u8;
        assert_eq!(
            recognise(&orig, &resp, [false; 2]),
            Guess::Never,
            "{} {}",
            orig.escape_ascii(),
            resp.escape_ascii()
        );
    }
}

/// Nor where the server answers another client than its own.
#[test]
fn no_answer_is_overruled_among_strangers() {
    let cases = || BOTH.iter().chain(HALVES);
    for (orig, resp) in cases().flat_map(|one| cases().map(move |other| (one.0, other.1))) {
        let whole = recognise(orig, resp, [true; 2]);
        for (a, b) in (0..=orig.len()).flat_map(|a| (0..=resp.len()).map(move |b| (a, b))) {
            let guess = recognise(&orig[..a], &resp[..b], [true; 2]);
            let place = || format!("{} {} {a} {b}", orig.escape_ascii(), resp.escape_ascii());
            assert!(guess == Guess::More || guess == whole, "{guess:?} {whole:?} {}", place());
        }
    }
}
