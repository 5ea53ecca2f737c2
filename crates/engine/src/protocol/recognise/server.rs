//! What the first bytes of the side that was called are.

use catspaw_records::AppProto;
use memchr::memchr;

use super::super::dns;

/// What the server's first bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server<'a> {
    /// A reply of three digits (SMTP, FTP, NNTP).
    Reply(Reply<'a>),
    /// Any other line of text, without its end.
    Line(&'a [u8]),
    /// Bytes that are no text.
    Binary(&'a [u8]),
    /// The server said nothing, and nothing can come.
    Silent,
    /// More has to come before it can be told.
    Cut,
}

/// A reply of three digits, over one line or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reply<'a> {
    pub(super) code: u16,
    /// All its lines.
    pub(super) text: &'a [u8],
    /// What came after it.
    pub(super) rest: &'a [u8],
}

/// Tells what `bytes` are, the first of their direction, of which there may be `more`.
pub(super) fn server(bytes: &[u8], more: bool) -> Server<'_> {
    let Some(&first) = bytes.first() else { return if more { Server::Cut } else { Server::Silent } };
    if !(0x20..0x7f).contains(&first) {
        return Server::Binary(bytes);
    }
    let end = memchr(b'\n', bytes);
    let line = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
    if end.is_none() && more {
        return Server::Cut;
    }
    if code(line).is_none() {
        return Server::Line(line.strip_suffix(b"\r").unwrap_or(line));
    }
    match reply(bytes, more) {
        Some(reply) => Server::Reply(reply),
        None => Server::Cut,
    }
}

/// The reply that `bytes` begin with; none where its last line is not there yet, or where there is none.
pub(super) fn reply(bytes: &[u8], more: bool) -> Option<Reply<'_>> {
    let mut rest = bytes;
    let mut first = None;
    loop {
        let end = memchr(b'\n', rest);
        let line = rest.get(..end.unwrap_or(rest.len()))?;
        if end.is_none() && more {
            return None;
        }
        rest = rest.get(line.len() + usize::from(end.is_some())..)?;
        let said = code(line);
        let code = *first.get_or_insert(said?);
        // A line of a reply over several need not repeat the code, and the last does (RFC 959).
        let is_last = said == Some(code) && line.get(3) != Some(&b'-');
        if is_last || rest.is_empty() && !more {
            let text = bytes.get(..bytes.len() - rest.len())?;
            return Some(Reply { code, text, rest });
        }
    }
}

/// The code that a line begins with.
fn code(line: &[u8]) -> Option<u16> {
    let (digits, rest) = line.split_at_checked(3)?;
    let is_apart = matches!(rest.first(), None | Some(b' ' | b'-' | b'\r'));
    if !is_apart || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0')))
}

impl Reply<'_> {
    /// Which protocol it names itself, if it names one alone. The first word of a greeting is the host's name, which
    /// counts only where it could be none.
    pub(super) fn says(&self) -> Option<AppProto> {
        let mut smtp = has_enhanced_code(self.text);
        let (mut ftp, mut nntp) = (false, false);
        for line in self.text.split(|&byte| byte == b'\n') {
            let line = line.get(4..).unwrap_or_default();
            let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            let host = words.next().filter(|word| !word.contains(&b'.'));
            for word in host.into_iter().chain(words).flat_map(|word| word.split(|byte| !byte.is_ascii_alphanumeric()))
            {
                let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
                smtp |= is(b"ESMTP") || is(b"SMTP") || is(b"LMTP");
                ftp |= is(b"FTP") || is(b"FTPD") || is(b"vsFTPd") || is(b"ProFTPD");
                nntp |= is(b"NNTP") || is(b"NNRP") || is(b"InterNetNews") || is(b"INN");
            }
        }
        match (smtp, ftp, nntp) {
            (true, false, false) => Some(AppProto::Smtp),
            (false, true, false) => Some(AppProto::Ftp),
            (false, false, true) => Some(AppProto::Nntp),
            _ => None,
        }
    }
}

/// Whether the text begins with an enhanced status code (RFC 3463), which only mail servers give.
fn has_enhanced_code(text: &[u8]) -> bool {
    let Some((&class, rest)) = text.get(4..).and_then(<[u8]>::split_first) else { return false };
    let word = rest.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    let is_number = |part: &[u8]| (1..=3).contains(&part.len()) && part.iter().all(u8::is_ascii_digit);
    let mut parts = word.split(|&byte| byte == b'.');
    b"245".contains(&class)
        && text.first() == Some(&class)
        && parts.next().is_some_and(<[u8]>::is_empty)
        && parts.next().is_some_and(is_number)
        && parts.next().is_some_and(is_number)
        && parts.next().is_none()
}

/// Which protocol a server speaks whose client was not heard, by bytes that are no text; None while that may change.
pub(super) fn binary(bytes: &[u8]) -> Option<Option<AppProto>> {
    Some(match bytes {
        [0x16, rest @ ..] => {
            let &[major, minor, high, low, kind] = rest.get(..5)? else { return None };
            let is_hello = major == 3 && minor <= 4 && high <= 0x40 && (high > 0 || low > 3) && kind == 2;
            is_hello.then_some(AppProto::Tls)
        }
        [3, ..] => {
            let &[3, 0, high, low, li, 0xd0, _, _, _, _, _, kind] = bytes.get(..12)? else { return Some(None) };
            let is_answer = high == 0 && u16::from(low) == u16::from(li) + 5 && matches!(kind, 2 | 3);
            is_answer.then_some(AppProto::Rdp)
        }
        // The choice of a method, and a grant (RFC 1928).
        [5, ..] => {
            let &[_, 0, 5, code, 0, form] = bytes.get(..6)? else { return Some(None) };
            (code <= 8 && matches!(form, 1 | 3 | 4)).then_some(AppProto::Socks5)
        }
        &[high, low, ref rest @ ..] => {
            let len = usize::from(u16::from_be_bytes([high, low]));
            let message = rest.get(..len).unwrap_or(rest);
            dns::begins(message, len, dns::Kind::Response)?.then_some(AppProto::Dns)
        }
        _ => return None,
    })
}
