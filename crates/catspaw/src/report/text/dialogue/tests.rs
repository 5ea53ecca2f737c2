use super::super::Style;
use super::*;

const OPENED: Nanos = Nanos(1_046_793_600_000_000_000);
const MILLI: i64 = 1_000_000;

fn said(from: char, millis: i64, words: Words) -> Said {
    let from = if from == '>' { Side::Orig } else { Side::Resp };
    Said { at: OPENED.plus(millis * MILLI), from, words }
}

fn line_of(from: char, millis: i64, line: &str) -> Said {
    said(from, millis, Words::Line(line.to_owned()))
}

/// A session that is handed on, each thing a millisecond after it came.
fn relayed() -> Dialogue {
    let opening = [
        line_of('>', 20, "SOCKS 5"),
        line_of('<', 21, "no password needed"),
        line_of('>', 40, "CONNECT mail.a-long-name.example:25"),
        line_of('<', 61, "granted"),
    ];
    let carried = [
        line_of('<', 60, "220 mail.a-long-name.example ESMTP ready, and in no mood for other people's letters today"),
        line_of('>', 80, "EHLO there"),
        line_of('<', 90, "250 mail.a-long-name.example"),
        line_of('>', 100, "MAIL FROM:<anna@x.example>"),
    ];
    let recipients = (0..12).flat_map(|n| {
        [line_of('>', 110 + n * 10, &format!("RCPT TO:<b{n}@y.example>")), line_of('<', 112 + n * 10, "250 ok")]
    });
    let end = [
        line_of('>', 300, "DATA"),
        line_of('<', 310, "354 go"),
        said('>', 330, Words::Hidden("message", 1545)),
        line_of('<', 9_950, "250 taken"),
        said('>', 10_000, Words::Bytes(37, vec![0, 0xff, 7])),
        said('<', 123_456, Words::Missing(1460)),
    ];
    let right: Vec<Said> = carried.into_iter().chain(recipients).chain(end).collect();
    let echo = |said: &Said| {
        let by = if said.from == Side::Orig { -MILLI } else { MILLI };
        Said { at: said.at.plus(by), ..said.clone() }
    };
    let left = opening.into_iter().chain(right.iter().map(echo)).collect();
    let legs = Legs::Relayed { client: "203.0.113.9:5000".to_owned(), port: 1182, lag: 45 * MILLI };
    Dialogue { legs, target: "198.51.100.25:25".to_owned(), opened: OPENED, said: [(left, 0), (right, 3)] }
}

fn text(dialogues: Vec<Dialogue>, width: usize, verbose: bool) -> String {
    let explained = Explained { dialogues, ..Explained::default() };
    let style = Style { width, colour: false, verbose, unicode: false, redacted: false };
    let mut out = Vec::new();
    write(&mut Page::new(&mut out, style), &explained).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn two_legs_side_by_side() {
    let narrow = text(vec![relayed()], 80, false);
    assert!(narrow.lines().all(|line| line.len() <= 80));
    insta::assert_snapshot!("narrow", narrow);
    let wide = text(vec![relayed()], 200, false);
    assert!(wide.lines().all(|line| line.len() <= 200));
    insta::assert_snapshot!("wide", wide);
}

#[test]
fn everything_is_shown_to_who_asks() {
    let all = text(vec![relayed()], 200, true);
    assert_eq!(all.matches("RCPT TO").count(), 24);
    assert!(all.contains("... 3 lines left out here ...") && !text(vec![relayed()], 200, false).contains("<b9@"));
}

#[test]
fn a_tunnel_and_a_call_and_mail_of_its_own() {
    let call = vec![line_of('>', 5, "GET / HTTP/1.1"), line_of('<', 50, "HTTP/1.1 200 OK")];
    let turned = vec![line_of('<', 4, "GET / HTTP/1.1"), line_of('>', 51, "HTTP/1.1 200 OK")];
    let tunnelled = Dialogue {
        legs: Legs::Tunnelled { tunnel: "198.51.100.9:443".to_owned() },
        target: "192.0.2.80:80".to_owned(),
        opened: OPENED,
        said: [(turned, 0), (call, 0)],
    };
    let mail = vec![line_of('<', 9, "220 mx"), line_of('>', 12, &"x".repeat(100))];
    let own = Dialogue {
        legs: Legs::Own,
        target: "192.0.2.25:25".to_owned(),
        opened: OPENED,
        said: [Default::default(), (mail, 0)],
    };
    insta::assert_snapshot!("tunnel_and_mail", text(vec![tunnelled, own], 80, false));
}

#[test]
fn nothing_that_was_said_can_drive_the_terminal() {
    // The readers escape it before; this is the last door.
    let hostile = line_of('>', 1, "\x1b[2J\u{202e}moc");
    let dialogue = Dialogue {
        legs: Legs::Own,
        target: "192.0.2.25:25".to_owned(),
        opened: OPENED,
        said: [Default::default(), (vec![hostile], 0)],
    };
    let shown = text(vec![dialogue], 80, false);
    assert!(shown.is_ascii() && !shown.contains('\x1b') && shown.contains("\\x1b[2J\\u{202e}moc"), "{shown}");
}
