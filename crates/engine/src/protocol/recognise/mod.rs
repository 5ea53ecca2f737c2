//! What is spoken on a connection, told by what was said first, on any port.
//!
//! Who opened the connection speaks first in some protocols (HTTP, TLS, SOCKS), and decides alone there, but for those
//! whose requests are a few bytes: they need the answer. Where the server speaks first, it takes both, as 220 is the
//! greeting of mail servers and of FTP. Nothing is decided by bytes that further ones could overrule, so the answer is
//! the same however the bytes were cut into segments.

mod client;
mod server;
#[cfg(test)]
mod tests;
mod words;

use catspaw_records::AppProto;

use client::Client;
use server::Server;

/// What is known of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guess {
    /// It is this one, whatever comes.
    Known(AppProto),
    /// More has to come before it can be told.
    More,
    /// None that is known here, whatever comes.
    Never,
}

impl From<Option<AppProto>> for Guess {
    fn from(protocol: Option<AppProto>) -> Self {
        protocol.map_or(Self::Never, Self::Known)
    }
}

/// Tells what is spoken, by the first bytes of either direction (512 are enough), and whether `more` of each can come.
pub(super) fn recognise(orig: &[u8], resp: &[u8], more: [bool; 2]) -> Guess {
    let client = match client::client(orig, more[0]) {
        Client::Speaks(protocol) => return Guess::Known(protocol),
        // A server that has said so much to a client that says nothing speaks first.
        Client::Cut if orig.is_empty() && !resp.is_empty() && !more[1] => {
            return match unasked(server::server(resp, false), false) {
                Guess::Known(protocol) if is_greeted(protocol) => Guess::Known(protocol),
                _ => Guess::More,
            };
        }
        Client::Cut => return Guess::More,
        client => client,
    };
    let server = match server::server(resp, more[1]) {
        Server::Cut => return Guess::More,
        server => server,
    };
    match (client, server) {
        (Client::Socks4 { named, alone }, server) => socks4(named, alone, server, more),
        (Client::Socks5 { methods, rest }, server) => socks5(methods, rest, server, more),
        (Client::X224, Server::Binary(answer)) => x224(answer, more[1]),
        (Client::X224, _) => Guess::Never,
        (Client::TlsRecord, Server::Silent) => Guess::Known(AppProto::Tls),
        (Client::TlsRecord, Server::Binary(answer)) => match answer.get(..5) {
            Some(header) => client::is_tls_record(header).then_some(AppProto::Tls).into(),
            None if more[1] => Guess::More,
            None => Guess::Never,
        },
        (Client::Text(lines), Server::Silent) => words::unanswered(lines, more[0]),
        (Client::Text(lines), Server::Reply(reply)) => words::replied(lines, &reply).into(),
        (Client::Text(lines), Server::Line(line)) => words::answered(lines, line).into(),
        (Client::Silent, server) => unasked(server, more[1]),
        // What the client says is nothing known, and the server says what it is.
        (Client::Unknown, Server::Reply(reply)) => reply.says().filter(|&said| said == AppProto::Smtp).into(),
        (Client::Unknown, Server::Line(line)) if line.starts_with(b"SSH-2.") => Guess::Known(AppProto::Ssh),
        _ => Guess::Never,
    }
}

/// Whether the server speaks first.
fn is_greeted(protocol: AppProto) -> bool {
    use AppProto::{Ftp, Imap, Irc, Nntp, Pop3, Smtp, Ssh};
    matches!(protocol, Smtp | Ftp | Nntp | Pop3 | Imap | Irc | Ssh)
}

/// By what a server says whose client is not heard.
fn unasked(server: Server<'_>, more: bool) -> Guess {
    match server {
        Server::Reply(reply) => words::greeted(&reply, more),
        Server::Line(line) => words::unasked(line).into(),
        Server::Binary(bytes) => match server::binary(bytes) {
            Some(protocol) => protocol.into(),
            None if more => Guess::More,
            None => Guess::Never,
        },
        Server::Silent | Server::Cut => Guess::Never,
    }
}

/// The answer is a NUL and one of four codes. Where there is none, a name makes the request long enough, or that
/// nothing else was said.
fn socks4(named: bool, alone: bool, server: Server<'_>, more: [bool; 2]) -> Guess {
    let known = Guess::Known(if named { AppProto::Socks4a } else { AppProto::Socks4 });
    match server {
        Server::Binary([0, 90..=93, ..]) => known,
        Server::Binary([0]) if more[1] => Guess::More,
        Server::Silent if named || (alone && !more[0]) => known,
        Server::Silent if alone => Guess::More,
        _ => Guess::Never,
    }
}

/// The answer is a method that was offered, or that none was liked. Where it was not captured, the client has to go on.
fn socks5(methods: &[u8], rest: &[u8], server: Server<'_>, more: [bool; 2]) -> Guess {
    match server {
        Server::Binary([5, method, ..]) if *method == 0xff || methods.contains(method) => {
            Guess::Known(AppProto::Socks5)
        }
        Server::Binary([5]) if more[1] => Guess::More,
        Server::Silent => match socks5_request(rest) {
            Some(is_request) => is_request.then_some(AppProto::Socks5).into(),
            None if more[0] => Guess::More,
            None => Guess::Never,
        },
        _ => Guess::Never,
    }
}

/// Whether `bytes` begin with a request of SOCKS 5, after a name and a password (RFC 1929) if need be; None where they
/// are too few to tell.
fn socks5_request(bytes: &[u8]) -> Option<bool> {
    let mut request = bytes;
    if let [1, user, rest @ ..] = bytes {
        let password = rest.get(usize::from(*user)..)?;
        let len = usize::from(*password.first()?);
        request = password.get(1 + len..)?;
    }
    let &[version, command, reserved, form] = request.get(..4)? else { return None };
    Some(version == 5 && matches!(command, 1..=3) && reserved == 0 && matches!(form, 1 | 3 | 4))
}

/// A connection confirmation of X.224.
fn x224(answer: &[u8], more: bool) -> Guess {
    match answer.get(..6) {
        Some([3, 0, 0, _, _, 0xd0]) => Guess::Known(AppProto::Rdp),
        None if more => Guess::More,
        _ => Guess::Never,
    }
}
