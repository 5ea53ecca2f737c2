//! Mail, both sides (RFC 5321).

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};

use super::client::{Line, read_line};
use super::{Events, noise, seed_of};
use crate::daemons::names::name_of;
use crate::daemons::task::{MailManner, Side};

/// What a line of a message holds.
const WIDTH: usize = 72;

/// Sends messages; says how it went, and how many were taken.
pub(super) fn send(
    line: &mut Line,
    (token, domains): (&str, &[IpAddr]),
    (messages, bytes, recipients): (u32, u32, u32),
) -> io::Result<(String, u32)> {
    if let Some(no) = no(line, 220)? {
        return quit(line, format!("greeting-{no}"), 0);
    }
    say(line, &format!("EHLO {token}.lab.example"))?;
    if let Some(no) = no(line, 250)? {
        return quit(line, format!("rejected-{no}"), 0);
    }
    let mut accepted = 0;
    for message in 0..messages {
        say(line, &format!("MAIL FROM:<{token}-{message}@sender.example>"))?;
        if let Some(no) = no(line, 250)? {
            return quit(line, format!("rejected-{no}"), accepted);
        }
        let mut refused = None;
        let mut taken = 0;
        for recipient in 0..recipients {
            let domain = domains.get(recipient as usize % domains.len().max(1));
            let domain = domain.map_or_else(|| "lab.example".to_owned(), |server| name_of(*server));
            say(line, &format!("RCPT TO:<user{recipient}@{domain}>"))?;
            match no(line, 250)? {
                Some(no) => refused = Some(no),
                None => taken += 1,
            }
        }
        if let (0, Some(no)) = (taken, refused) {
            return quit(line, format!("rejected-{no}"), accepted);
        }
        say(line, "DATA")?;
        if let Some(no) = no(line, 354)? {
            return quit(line, format!("rejected-{no}"), accepted);
        }
        line.get_mut().write_all(text(token, message, bytes as usize).as_bytes())?;
        if let Some(no) = no(line, 250)? {
            return quit(line, format!("rejected-{no}"), accepted);
        }
        accepted += 1;
    }
    quit(line, "delivered".to_owned(), accepted)
}

/// Headers and a body that no other message has.
fn text(token: &str, number: u32, bytes: usize) -> String {
    let mut text = format!(
        "From: <{token}-{number}@sender.example>\r\nTo: <user0@lab.example>\r\nSubject: news\r\n\
         Message-ID: <{token}.{number}@sender.example>\r\nX-Token: {token}\r\n\r\n"
    );
    for (at, byte) in noise(seed_of(token) ^ u64::from(number), bytes).into_iter().enumerate() {
        if at > 0 && at % WIDTH == 0 {
            text.push_str("\r\n");
        }
        text.push(char::from(b'a' + byte % 26));
    }
    text.push_str("\r\n.\r\n");
    text
}

fn quit(line: &mut Line, outcome: String, accepted: u32) -> io::Result<(String, u32)> {
    // Who refused the greeting may have gone already.
    _ = say(line, "QUIT").and_then(|()| read_line(line));
    Ok((outcome, accepted))
}

fn say(line: &mut Line, words: &str) -> io::Result<()> {
    line.get_mut().write_all(format!("{words}\r\n").as_bytes())
}

/// Reads an answer to its last line; gives its code where that is another than `wanted`.
fn no(line: &mut Line, wanted: u16) -> io::Result<Option<u16>> {
    loop {
        let text = read_line(line)?;
        if text.as_bytes().get(3) != Some(&b'-') {
            let code = text.get(..3).and_then(|code| code.parse().ok()).unwrap_or(0);
            return Ok((code != wanted).then_some(code));
        }
    }
}

/// Takes mail in `manner`, and tells of every token that it sees.
pub(super) fn serve(
    line: &mut Line,
    manner: MailManner,
    ends: (SocketAddr, SocketAddr),
    events: &Events,
) -> io::Result<()> {
    match manner {
        MailManner::Silent => return line_of_nobody(line),
        MailManner::RefuseGreeting => return say(line, "554 no service here"),
        _ => say(line, "220 mx.lab.example ESMTP")?,
    }
    let mut token = String::new();
    // Who asks for everything at once may go on to DATA though every recipient was refused.
    let mut recipients = 0;
    loop {
        let text = read_line(line)?;
        let verb = text.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" | "HELO" => {
                // A client of the lab's says its token here; a mail server, its own name.
                if let Some(name) = text.split([' ', '.']).nth(1).filter(|name| name.starts_with("tk")) {
                    events.tell(Side::Server, name, ends, "", 0);
                }
                if manner == MailManner::Reset {
                    return Err(io::ErrorKind::ConnectionReset.into());
                }
                say(line, "250-mx.lab.example\r\n250-PIPELINING\r\n250 8BITMIME")?;
            }
            "MAIL" => {
                token = token_in(&text).unwrap_or_default();
                recipients = 0;
                events.tell(Side::Server, &token, ends, "", 0);
                say(line, "250 2.1.0 Ok")?;
            }
            "RCPT" => say(
                line,
                match manner {
                    MailManner::RefuseRecipients => "550 5.1.1 no such user",
                    MailManner::Defer => "450 4.2.0 try again later",
                    _ => {
                        recipients += 1;
                        "250 2.1.5 Ok"
                    }
                },
            )?,
            "DATA" if recipients == 0 => say(line, "554 5.5.1 no valid recipients")?,
            "DATA" => {
                say(line, "354 end with .")?;
                while read_line(line)? != "." {}
                say(line, "250 2.0.0 taken")?;
                events.tell(Side::Server, &token, ends, "accepted", 1);
            }
            "QUIT" => return say(line, "221 2.0.0 Bye"),
            _ => say(line, "250 Ok")?,
        }
    }
}

/// Waits until the client has had enough.
fn line_of_nobody(line: &mut Line) -> io::Result<()> {
    while read_line(line).is_ok() {}
    Ok(())
}

/// `MAIL FROM:<TOKEN-0@...>`.
fn token_in(text: &str) -> Option<String> {
    let (_, address) = text.split_once('<')?;
    address.split(['-', '@', '>']).next().map(str::to_owned)
}
