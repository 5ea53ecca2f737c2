//! Mail (RFC 5321), as spam and as people send it.

use std::fmt::Write as _;

use super::payload::Payload;
use super::plan::Side::{self, Orig, Resp};
use super::talk::Line;
use crate::rng::Rng;

/// How a server takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Takes everything.
    Takes,
    /// Knows none of the recipients.
    RefusesRecipients,
    /// Puts the sender off.
    PutsOff,
    /// Wants nothing from this client at all.
    RefusesClient,
    /// Knows some of the recipients.
    TakesSome,
}

/// A connection's worth of mail.
#[derive(Debug)]
pub(crate) struct Mail {
    pub(crate) lines: Vec<Line>,
    /// Messages accepted.
    pub(crate) accepted: u32,
    pub(crate) outcome: &'static str,
}

/// One message.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) body: String,
}

const WORDS: [&str; 24] = [
    "offer", "account", "lowest", "price", "delivery", "meeting", "please", "find", "attached", "report", "week",
    "confirm", "order", "free", "shipping", "regards", "today", "only", "reply", "the", "and", "your", "for", "with",
];

/// A letter of some `size` bytes.
pub(crate) fn letter(rng: &mut Rng, size: u64, recipients: u64) -> Letter {
    let user = |rng: &mut Rng, domain: u64| format!("u{:x}@d{}.example", rng.below(1 << 24), rng.below(domain));
    let from = user(rng, 400);
    let domain = rng.below(4000);
    let to: Vec<String> = (0..recipients).map(|_| format!("r{:x}@m{domain}.example", rng.below(1 << 20))).collect();
    let mut body = format!(
        "From: <{from}>\r\nTo: <{}>\r\nSubject: {} {}\r\nMessage-ID: <{:016x}@d.example>\r\nMIME-Version: 1.0\r\n\r\n",
        to[0],
        rng.pick(&WORDS),
        rng.pick(&WORDS),
        rng.next()
    );
    while (body.len() as u64) < size {
        for _ in 0..rng.range(6, 11) {
            body += rng.pick(&WORDS);
            body.push(' ');
        }
        body += "\r\n";
    }
    Letter { from, to, body }
}

fn line(from: Side, think: u64, text: impl AsRef<[u8]>) -> Line {
    Line { from, think, payload: Payload::text(text) }
}

/// The dialogue in which `letters` are offered. Some clients send what they may at once (RFC 2920).
pub(crate) fn dialogue(rng: &mut Rng, letters: &[Letter], mood: Mood) -> Mail {
    let mut mail = Mail { lines: Vec::new(), accepted: 0, outcome: "delivered" };
    let lines = &mut mail.lines;
    let host = format!("mx{}.m{}.example", rng.below(9), rng.below(4000));
    let pause = |rng: &mut Rng| rng.draw(&[300, 1_500, 5_000, 30_000, 120_000]);
    if mood == Mood::RefusesClient {
        lines.push(line(Resp, pause(rng), format!("554 {host} no thanks\r\n")));
        lines.push(line(Orig, 400, "QUIT\r\n"));
        lines.push(line(Resp, 200, "221 bye\r\n"));
        return Mail { outcome: "greeting-refused", ..mail };
    }
    lines.push(line(Resp, pause(rng), format!("220 {host} ESMTP\r\n")));
    lines.push(line(Orig, 500, format!("EHLO c{:x}.example\r\n", rng.below(1 << 16))));
    lines.push(line(Resp, 300, format!("250-{host}\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250 8BITMIME\r\n")));
    let pipelined = rng.chance(400);
    for letter in letters {
        let said = pause(rng);
        mail.accepted += u32::from(offer(lines, letter, mood, pipelined, said));
    }
    lines.push(line(Orig, 400, "QUIT\r\n"));
    lines.push(line(Resp, 200, format!("221 2.0.0 {host} closing\r\n")));
    mail.outcome = match mood {
        Mood::RefusesRecipients => "rejected-550",
        Mood::PutsOff => "rejected-450",
        _ => "delivered",
    };
    mail
}

/// Says one transaction; whether it was accepted.
fn offer(lines: &mut Vec<Line>, letter: &Letter, mood: Mood, pipelined: bool, pause: u64) -> bool {
    let mut answers = vec!["250 2.1.0 Ok\r\n".to_owned()];
    let mut commands = vec![format!("MAIL FROM:<{}>\r\n", letter.from)];
    let mut taken = false;
    for (number, to) in letter.to.iter().enumerate() {
        commands.push(format!("RCPT TO:<{to}>\r\n"));
        let takes = mood == Mood::Takes || mood == Mood::TakesSome && number % 2 == 0;
        taken |= takes;
        answers.push(match mood {
            _ if takes => "250 2.1.5 Ok\r\n".to_owned(),
            Mood::PutsOff => "450 4.2.0 Greylisted, come again\r\n".to_owned(),
            _ => format!("550 5.1.1 <{to}>: no such user\r\n"),
        });
    }
    if pipelined {
        commands.push("DATA\r\n".to_owned());
        answers.push(if taken { "354 go on\r\n" } else { "503 5.5.1 no valid recipients\r\n" }.to_owned());
        lines.push(line(Orig, 300, commands.concat()));
        lines.push(line(Resp, pause, answers.concat()));
    } else {
        for (command, answer) in commands.iter().zip(&answers) {
            lines.push(line(Orig, 300, command));
            lines.push(line(Resp, 400, answer));
        }
        if taken {
            lines.push(line(Orig, 300, "DATA\r\n"));
            lines.push(line(Resp, pause, "354 go on\r\n"));
        }
    }
    if taken {
        lines.push(line(Orig, 600, format!("{}.\r\n", letter.body)));
        lines.push(line(Resp, pause, "250 2.0.0 Ok: queued\r\n"));
    } else if !pipelined {
        lines.push(line(Orig, 300, "RSET\r\n"));
        lines.push(line(Resp, 200, "250 2.0.0 Ok\r\n"));
    }
    taken
}

/// The same letter as a server passes it on: with its own line on top.
pub(crate) fn stamped(rng: &mut Rng, letter: &Letter) -> Letter {
    let mut body = format!("Received: from c{:x}.example by relay.example", rng.below(1 << 16));
    _ = write!(body, " with ESMTP id {:08X}\r\n{}", rng.below(1 << 32), letter.body);
    Letter { body, ..letter.clone() }
}
