//! Protocols of lines: told by the first word of the client and the first line of the server.

use catspaw_records::AppProto;
use memchr::memrchr;

use super::Guess;
use super::server::{self, Reply};

/// What is a mail client's, and no other's that may be answered with three digits.
const SMTP: &str = "EHLO HELO LHLO MAIL RCPT DATA BDAT RSET VRFY EXPN ETRN TURN ATRN STARTTLS XCLIENT XFORWARD SAML";
/// Those of FTP.
const FTP: &str = "USER PASS ACCT FEAT SYST OPTS CLNT HOST PBSZ PROT ADAT PASV EPSV PORT EPRT TYPE CWD CDUP PWD XPWD \
     RETR STOR APPE NLST MLSD MLST SIZE MDTM SITE LIST";
/// Those of NNTP that neither of the others has.
const NNTP: &str = "CAPABILITIES GROUP LISTGROUP ARTICLE HEAD BODY NEXT POST IHAVE AUTHINFO NEWNEWS NEWGROUPS XOVER \
     OVER XHDR HDR TAKETHIS CHECK DATE";
const POP3: &str = "USER PASS APOP CAPA STLS AUTH STAT LIST UIDL RETR TOP DELE RSET NOOP LAST XTND LANG UTF8 HELP QUIT";
const IMAP: &str = "CAPABILITY LOGIN AUTHENTICATE STARTTLS ID NOOP LOGOUT SELECT EXAMINE LIST LSUB STATUS FETCH UID \
     SEARCH IDLE NAMESPACE ENABLE APPEND CLOSE EXPUNGE";
const IRC: &str = "NICK USER PASS CAP JOIN PING PONG SERVER PRIVMSG MODE WHO AUTHENTICATE PROTOCTL STARTTLS";
/// What a server of IRC says first, behind its name or without it.
const IRC_SAYS: &str = "NOTICE PING ERROR CAP MODE JOIN PRIVMSG AUTHENTICATE";

/// By what the client said, and three digits.
pub(super) fn replied(lines: &[u8], reply: &Reply<'_>) -> Option<AppProto> {
    let verb = word(lines, 0);
    if let Some(said) = reply.says() {
        return Some(said);
    }
    if !(100..600).contains(&reply.code) {
        return None;
    }
    let lists_news = matches!(reply.code, 200 | 201 | 215 | 400 | 480 | 502) && is_one("LIST STAT STARTTLS", verb);
    if is_one(NNTP, verb) || sets_news_mode(lines) || lists_news {
        return Some(AppProto::Nntp);
    }
    if is_smtp(lines) {
        return Some(AppProto::Smtp);
    }
    // 200 and 201 greet in other protocols, which have users, too.
    let has_users = matches!(reply.code, 200 | 201) && is_one("USER PASS", verb);
    if (is_one(FTP, verb) && !has_users) || (verb.eq_ignore_ascii_case(b"AUTH") && is_one("TLS SSL", word(lines, 1))) {
        return Some(AppProto::Ftp);
    }
    // Whatever was said to it, 554 and 521 (RFC 7504) greet nobody but mail clients.
    matches!(reply.code, 521 | 554).then_some(AppProto::Smtp)
}

/// By three digits alone, and the three after them.
pub(super) fn greeted(reply: &Reply<'_>, more: bool) -> Guess {
    if let Some(said) = reply.says() {
        return Guess::Known(said);
    }
    match reply.code {
        521 | 554 => Guess::Known(AppProto::Smtp),
        220 => match server::reply(reply.rest, more) {
            Some(second) => match second.code {
                250 => Guess::Known(AppProto::Smtp),
                211 | 215 | 230 | 234 | 331 | 530 => Guess::Known(AppProto::Ftp),
                _ => Guess::Never,
            },
            None if more => Guess::More,
            None => Guess::Never,
        },
        _ => Guess::Never,
    }
}

/// By what the client said, and another line.
pub(super) fn answered(lines: &[u8], line: &[u8]) -> Option<AppProto> {
    let verb = word(lines, 0);
    if let Some(text) = line.strip_prefix(b"+OK") {
        // Redis answers so, too, and with nothing more.
        let is_greeting = !text.trim_ascii().is_empty();
        return (is_one(POP3, verb) && (is_greeting || !is_one("AUTH QUIT", verb))).then_some(AppProto::Pop3);
    }
    if line.starts_with(b"-ERR") {
        return is_one("USER PASS APOP CAPA STLS UIDL RETR", verb).then_some(AppProto::Pop3);
    }
    let is_tagged = is_tagged(lines);
    if is_imap_greeting(line) || (is_tagged && (line.starts_with(b"* ") || is_completion(line, verb))) {
        return Some(AppProto::Imap);
    }
    if is_one(IRC, verb) && is_irc(line) {
        return Some(AppProto::Irc);
    }
    line.starts_with(b"SSH-").then_some(AppProto::Ssh)
}

/// By what the client said, of which there may be `more`, where the other direction was not captured.
pub(super) fn unanswered(lines: &[u8], more: bool) -> Guess {
    let verb = word(lines, 0);
    // Others have a word for data, and one to begin again.
    if is_smtp(lines) && !is_one("DATA RSET TURN STARTTLS", verb) {
        return Guess::Known(AppProto::Smtp);
    }
    if is_tagged(lines) {
        return Guess::Known(AppProto::Imap);
    }
    if is_one("CAPA APOP STLS", verb) {
        return Guess::Known(AppProto::Pop3);
    }
    if sets_news_mode(lines) || is_one("AUTHINFO TAKETHIS IHAVE", verb) {
        return Guess::Known(AppProto::Nntp);
    }
    if registers(lines) {
        return Guess::Known(AppProto::Irc);
    }
    // A nickname and a user come in two lines.
    if more && is_one(IRC, verb) { Guess::More } else { Guess::Never }
}

/// By a line of the server whose client was not heard.
pub(super) fn unasked(line: &[u8]) -> Option<AppProto> {
    if line.starts_with(b"SSH-") {
        Some(AppProto::Ssh)
    } else if line.starts_with(b"HTTP/1.") {
        Some(AppProto::Http)
    } else if line.strip_prefix(b"+OK ").is_some_and(|text| !text.trim_ascii().is_empty()) {
        Some(AppProto::Pop3)
    } else if is_imap_greeting(line) {
        Some(AppProto::Imap)
    } else if line.starts_with(b":") && is_irc(line) || line.starts_with(b"NOTICE AUTH :") {
        Some(AppProto::Irc)
    } else {
        None
    }
}

/// A word of the first line, counted from 0.
fn word(lines: &[u8], number: usize) -> &[u8] {
    let line = lines.split(|&byte| byte == b'\n').next().unwrap_or_default();
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).nth(number).unwrap_or_default()
}

fn is_one(names: &str, word: &[u8]) -> bool {
    names.split(' ').any(|name| name.as_bytes().eq_ignore_ascii_case(word))
}

/// Whether the first line is a mail client's.
fn is_smtp(lines: &[u8]) -> bool {
    let (verb, argument) = (word(lines, 0), word(lines, 1));
    let follows = |name: &[u8]| argument.get(..name.len()).is_some_and(|word| word.eq_ignore_ascii_case(name));
    let needs = |verb_needs: &[u8], name| !verb.eq_ignore_ascii_case(verb_needs) || follows(name);
    let auth = verb.eq_ignore_ascii_case(b"AUTH") && is_one("LOGIN PLAIN CRAM-MD5 NTLM", argument);
    auth || (is_one(SMTP, verb) && needs(b"MAIL", b"FROM") && needs(b"RCPT", b"TO"))
}

fn sets_news_mode(lines: &[u8]) -> bool {
    word(lines, 0).eq_ignore_ascii_case(b"MODE") && is_one("READER STREAM", word(lines, 1))
}

/// Whether the first line is a tag and a command of IMAP.
fn is_tagged(lines: &[u8]) -> bool {
    let tag = word(lines, 0);
    tag.len() <= 32
        && tag.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(byte))
        && tag.iter().any(u8::is_ascii_digit)
        && is_one(IMAP, word(lines, 1))
}

/// Whether a command with this tag is answered.
fn is_completion(line: &[u8], tag: &[u8]) -> bool {
    word(line, 0) == tag && is_one("OK NO BAD", word(line, 1))
}

fn is_imap_greeting(line: &[u8]) -> bool {
    line.starts_with(b"* ") && is_one("OK PREAUTH BYE", word(line, 1))
}

/// Whether a line is one that a server of IRC begins with.
fn is_irc(line: &[u8]) -> bool {
    let first = word(line, 0);
    let command = if first.starts_with(b":") { word(line, 1) } else { first };
    is_one(IRC_SAYS, command)
        || (first.starts_with(b":") && command.len() == 3 && command.iter().all(u8::is_ascii_digit))
}

/// Whether a client of IRC registers: a nickname, and a user of four words.
fn registers(lines: &[u8]) -> bool {
    // A line counts once its end is there.
    let whole = lines.get(..memrchr(b'\n', lines).unwrap_or(0)).unwrap_or_default();
    let mut commands = whole.split(|&byte| byte == b'\n').map(|line| (word(line, 0), word(line, 4)));
    let nick = commands.clone().any(|(verb, _)| verb.eq_ignore_ascii_case(b"NICK"));
    nick && commands.any(|(verb, last)| verb.eq_ignore_ascii_case(b"USER") && !last.is_empty())
}
