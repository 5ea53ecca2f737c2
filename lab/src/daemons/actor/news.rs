//! News, both sides (RFC 3977): articles that quote how mail was refused.

use std::io::{self, Write};
use std::net::SocketAddr;

use super::client::{Line, read_line};
use super::{Events, seed_of};
use crate::daemons::task::Side;

/// Reads articles; says how it went.
pub(super) fn read(line: &mut Line, token: &str, articles: u32) -> io::Result<(String, u32)> {
    read_line(line)?;
    line.get_mut().write_all(b"GROUP comp.mail.misc\r\n")?;
    read_line(line)?;
    for article in 0..articles {
        line.get_mut().write_all(format!("ARTICLE <{token}.{article}@news.example>\r\n").as_bytes())?;
        while read_line(line)? != "." {}
    }
    line.get_mut().write_all(b"QUIT\r\n")?;
    read_line(line)?;
    Ok(("ok".to_owned(), 0))
}

/// Sends what is asked for until the client is content, and tells of every token that it sees.
pub(super) fn serve(line: &mut Line, ends: (SocketAddr, SocketAddr), events: &Events) -> io::Result<()> {
    line.get_mut().write_all(b"200 news.example ready\r\n")?;
    loop {
        let text = read_line(line)?;
        let (verb, word) = text.split_once(' ').unwrap_or((&text, ""));
        match verb {
            "GROUP" => line.get_mut().write_all(b"211 400 1 400 comp.mail.misc\r\n")?,
            "ARTICLE" => {
                let token = word.trim_start_matches('<').split('.').next().unwrap_or_default();
                events.tell(Side::Server, token, ends, "", 0);
                line.get_mut().write_all(article(word).as_bytes())?;
            }
            "QUIT" => return line.get_mut().write_all(b"205 bye\r\n"),
            _ => line.get_mut().write_all(b"500 what\r\n")?,
        }
    }
}

/// As long as its name says.
fn article(id: &str) -> String {
    let mut text =
        format!("220 1 {id} article\r\nFrom: a@b.example\r\nSubject: my server refuses me\r\nMessage-ID: {id}\r\n\r\n");
    for number in 0..2 + seed_of(id) % 60 {
        text += &format!(
            "> MAIL FROM:<user{number}@b.example>\r\n> 250 ok\r\n> RCPT TO:<a{number}@d.example>\r\n> 550 no such user\r\n"
        );
    }
    text + "What do I do wrong?\r\n.\r\n"
}

#[cfg(test)]
mod tests {
    use super::article;

    #[test]
    fn an_article_quotes_mail_and_ends() {
        let text = article("<tk00.1@news.example>");
        assert!(text.contains("RCPT TO:<a0@d.example>") && text.ends_with("\r\n.\r\n"));
        assert_ne!(text.len(), article("<tk00.2@news.example>").len());
    }
}
