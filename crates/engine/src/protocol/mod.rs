//! What is spoken on a stream: recognised by content on any port.

use catspaw_records::{AppProto, Side, Utterance};

/// Bytes of each direction by which it is told what is spoken.
const HEAD: usize = 64;

/// What is spoken on one TCP connection, told by its first bytes.
#[derive(Debug, Default)]
pub struct Session {
    heads: [Vec<u8>; 2],
    protocol: Option<AppProto>,
    given_up: [bool; 2],
}

impl Session {
    /// What is spoken, once it is known.
    #[must_use]
    pub fn protocol(&self) -> Option<AppProto> {
        self.protocol
    }

    /// Whether more of this direction is of use.
    #[must_use]
    pub fn wants(&self, from: Side) -> bool {
        self.protocol.is_none() && !self.given_up[index(from)]
    }

    /// Takes payload in order.
    pub fn data(&mut self, from: Side, bytes: &[u8], say: &mut impl FnMut(Utterance)) {
        let head = &mut self.heads[index(from)];
        let room = HEAD - head.len().min(HEAD);
        head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.given_up[index(from)] = head.len() >= HEAD;
        let [orig, resp] = &self.heads;
        if let Some(protocol) = recognise(orig, resp) {
            self.protocol = Some(protocol);
            self.heads = Default::default();
            say(Utterance::Speaks(protocol));
        }
    }

    /// Bytes are missing: what follows says nothing of how it began.
    pub fn gap(&mut self, from: Side, _: u64, _: &mut impl FnMut(Utterance)) {
        self.given_up[index(from)] = true;
    }

    /// The connection is over.
    pub fn end(&mut self, _: &mut impl FnMut(Utterance)) {
        self.heads = Default::default();
    }
}

fn index(side: Side) -> usize {
    usize::from(side == Side::Resp)
}

/// By what the client, and the server, said first.
fn recognise(orig: &[u8], resp: &[u8]) -> Option<AppProto> {
    const METHODS: [&[u8]; 7] = [b"GET ", b"POST ", b"HEAD ", b"PUT ", b"OPTIONS ", b"DELETE ", b"PATCH "];
    let says = |words: &[u8]| orig.len() >= words.len() && orig[..words.len()].eq_ignore_ascii_case(words);
    if orig.starts_with(b"SSH-") || resp.starts_with(b"SSH-") {
        return Some(AppProto::Ssh);
    }
    if let [0x16, 3, _, _, _, 1, ..] = orig {
        return Some(AppProto::Tls);
    }
    if says(b"CONNECT ") {
        return Some(AppProto::HttpConnect);
    }
    if METHODS.iter().any(|method| says(method)) {
        let absolute = memchr::memmem::find(orig, b" http://").is_some();
        return Some(if absolute { AppProto::HttpProxy } else { AppProto::Http });
    }
    // The greeting is FTP's, too; what the client says first is not.
    if resp.starts_with(b"220") && (says(b"EHLO ") || says(b"HELO ")) {
        return Some(AppProto::Smtp);
    }
    if resp.starts_with(b"220") && says(b"USER ") {
        return Some(AppProto::Ftp);
    }
    match resp {
        [b'+', b'O', b'K', b' ', ..] => Some(AppProto::Pop3),
        [b'*', b' ', b'O', b'K', ..] => Some(AppProto::Imap),
        [5, 0 | 2, ..] if matches!(orig, [5, methods, rest @ ..] if rest.len() >= usize::from(*methods)) => {
            Some(AppProto::Socks5)
        }
        [0, 90..=93, ..] if orig.starts_with(&[4, 1]) => Some(AppProto::Socks4),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_words_tell_the_protocol() {
        let cases: [(&[u8], &[u8], Option<AppProto>); 10] = [
            (b"EHLO mx\r\n", b"220 mail ESMTP\r\n", Some(AppProto::Smtp)),
            (b"USER anna\r\n", b"220 ready\r\n", Some(AppProto::Ftp)),
            (b"GET / HTTP/1.1\r\n", b"", Some(AppProto::Http)),
            (b"GET http://example.net/ HTTP/1.1\r\n", b"", Some(AppProto::HttpProxy)),
            (b"CONNECT mx:25 HTTP/1.0\r\n", b"", Some(AppProto::HttpConnect)),
            (b"\x05\x01\x00", b"\x05\x00", Some(AppProto::Socks5)),
            (b"\x04\x01\x00\x19\xc0\x00\x02\x01\x00", b"\x00\x5a", Some(AppProto::Socks4)),
            (b"\x16\x03\x01\x02\x00\x01\x00", b"", Some(AppProto::Tls)),
            (b"", b"SSH-2.0-x\r\n", Some(AppProto::Ssh)),
            (b"EHLO mx\r\n", b"554 no\r\n", None),
        ];
        for (orig, resp, protocol) in cases {
            let mut session = Session::default();
            session.data(Side::Orig, orig, &mut |_| {});
            session.data(Side::Resp, resp, &mut |_| {});
            assert_eq!(session.protocol(), protocol, "{orig:?}");
        }
    }
}
