//! The handshake of a SOCKS proxy in words (RFC 1928, RFC 1929; SOCKS 4 and 4a): who wants to be connected with whom.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use catspaw_records::Side;

/// No handshake is longer in one direction: three strings of 255 bytes.
const LONGEST: usize = 1024;

/// A handshake as far as it has come.
#[derive(Debug)]
pub(super) struct Handshake {
    /// What was not understood yet.
    heads: [Vec<u8>; 2],
    step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Greeting,
    Method,
    Password,
    Status,
    Request,
    Answer,
    Request4,
    Answer4,
    Over,
}

/// What the beginning of one direction is.
enum Read {
    /// Not all of the next message.
    Part,
    /// None of it.
    Other,
    /// A message of so many bytes, in words, and what follows it.
    Message(usize, String, Step),
}

impl Handshake {
    /// Whether a client that begins so may speak SOCKS.
    pub(super) fn sniff(head: &[u8]) -> Option<Self> {
        let step = match head {
            [5] | [5, 1..=16, ..] => Step::Greeting,
            [4] | [4, 1 | 2, ..] => Step::Request4,
            _ => return None,
        };
        Some(Self { heads: Default::default(), step })
    }

    /// Takes bytes, and tells what is understood now. False where it is no handshake after all.
    pub(super) fn take(&mut self, from: Side, bytes: &[u8], told: &mut Vec<(Side, String)>) -> bool {
        self.heads[from.index()].extend_from_slice(bytes);
        while let Some(speaker) = self.step.speaker() {
            let head = &mut self.heads[speaker.index()];
            match self.step.read(&head[..head.len().min(LONGEST)]) {
                Read::Part => return self.heads.iter().all(|head| head.len() <= LONGEST),
                Read::Other => return false,
                Read::Message(len, words, next) => {
                    head.drain(..len);
                    told.push((speaker, words));
                    self.step = next;
                }
            }
        }
        true
    }

    /// Whether nothing that was said is a handshake's.
    pub(super) fn never_was(&self) -> bool {
        matches!(self.step, Step::Greeting | Step::Request4) && Self::sniff(&self.heads[Side::Orig.index()]).is_none()
    }

    /// What the proxy has answered when no more comes: some send nothing behind a refusal.
    pub(super) fn unfinished(&self) -> Option<String> {
        match (self.step, self.heads[Side::Resp.index()].as_slice()) {
            (Step::Answer, &[5, answer, ..]) if answer > 0 => Some(granted(answer, 0)),
            _ => None,
        }
    }

    /// Whether the proxy has given its last answer.
    pub(super) fn is_over(&self) -> bool {
        self.step == Step::Over
    }

    /// What came of each side that is none of it.
    pub(super) fn into_rest(self) -> [Vec<u8>; 2] {
        self.heads
    }
}

impl Step {
    fn speaker(self) -> Option<Side> {
        match self {
            Self::Greeting | Self::Password | Self::Request | Self::Request4 => Some(Side::Orig),
            Self::Method | Self::Status | Self::Answer | Self::Answer4 => Some(Side::Resp),
            Self::Over => None,
        }
    }

    fn read(self, head: &[u8]) -> Read {
        let message = |len, words: &str, next| Read::Message(len, words.to_owned(), next);
        match (self, head) {
            (Self::Greeting, &[5, methods @ 1..=16, ..]) => match 2 + usize::from(methods) {
                len if head.len() >= len => message(len, "SOCKS 5", Self::Method),
                _ => Read::Part,
            },
            (Self::Method, [5, 0, ..]) => message(2, "no password needed", Self::Request),
            (Self::Method, [5, 2, ..]) => message(2, "name and password, please", Self::Password),
            (Self::Method, [5, 0xff, ..]) => message(2, "refused: none of the client's ways to log in", Self::Over),
            (Self::Password, [1, rest @ ..]) => match two_strings(rest) {
                Some(len) => message(1 + len, "name and password [hidden]", Self::Status),
                None => Read::Part,
            },
            (Self::Status, [_, 0, ..]) => message(2, "accepted", Self::Request),
            (Self::Status, [_, _, ..]) => message(2, "refused: name or password", Self::Over),
            (Self::Request, &[5, command, _, ref rest @ ..]) => match target(rest) {
                Some((target, len)) => Read::Message(3 + len, format!("{} {target}", verb(command)), Self::Answer),
                None => Read::Part,
            },
            (Self::Answer, &[5, answer, _, ref rest @ ..]) => match target(rest) {
                Some((_, len)) => Read::Message(3 + len, granted(answer, 0), Self::Over),
                None => Read::Part,
            },
            (Self::Request4, [4, 1 | 2, ..]) => request4(head),
            (Self::Answer4, &[0 | 4, answer, _, _, _, _, _, _, ..]) => {
                Read::Message(8, granted(answer, 90), Self::Over)
            }
            // What may become one of these.
            (Self::Answer4, [0 | 4, ..]) | (Self::Status, [_]) | (Self::Request4, [4]) | (_, []) => Read::Part,
            (Self::Greeting | Self::Method | Self::Request | Self::Answer, [5]) => Read::Part,
            (Self::Request | Self::Answer, [5, _]) => Read::Part,
            _ => Read::Other,
        }
    }
}

/// RFC 1929: a name and a password, each behind its length.
fn two_strings(bytes: &[u8]) -> Option<usize> {
    let name = usize::from(*bytes.first()?);
    let password = usize::from(*bytes.get(1 + name)?);
    let len = 2 + name + password;
    (bytes.len() >= len).then_some(len)
}

/// An address of SOCKS 5 with its port, and how long it is.
fn target(bytes: &[u8]) -> Option<(String, usize)> {
    let (&kind, rest) = bytes.split_first()?;
    let (host, len) = match kind {
        1 => (IpAddr::from(Ipv4Addr::from(*rest.first_chunk::<4>()?)).to_string(), 4),
        4 => (format!("[{}]", Ipv6Addr::from(*rest.first_chunk::<16>()?)), 16),
        _ => {
            let (&len, name) = rest.split_first()?;
            let name = name.get(..usize::from(len))?;
            (name.escape_ascii().to_string(), 1 + name.len())
        }
    };
    let port = u16::from_be_bytes(*rest.get(len..)?.first_chunk()?);
    Some((format!("{host}:{port}"), 1 + len + 2))
}

/// A request of SOCKS 4, or of 4a: there the address is none, and a name stands at the end.
fn request4(head: &[u8]) -> Read {
    let Some(&[_, command, a, b, c, d, e, f]) = head.first_chunk::<8>() else { return Read::Part };
    let rest = &head[8..];
    let Some(user) = rest.iter().position(|&byte| byte == 0) else { return Read::Part };
    let (mut len, mut host) = (8 + user + 1, Ipv4Addr::new(c, d, e, f).to_string());
    if let (0, 0, 0, 1..) = (c, d, e, f) {
        let name = &rest[user + 1..];
        let Some(end) = name.iter().position(|&byte| byte == 0) else { return Read::Part };
        len += end + 1;
        host = name[..end].escape_ascii().to_string();
    }
    let user = if user > 0 { ", user [hidden]" } else { "" };
    let port = u16::from_be_bytes([a, b]);
    Read::Message(len, format!("SOCKS 4, {} {host}:{port}{user}", verb(command)), Step::Answer4)
}

fn verb(command: u8) -> &'static str {
    match command {
        1 => "CONNECT",
        2 => "BIND",
        3 => "UDP ASSOCIATE",
        _ => "command unknown:",
    }
}

fn granted(answer: u8, granted: u8) -> String {
    if answer == granted { "granted".to_owned() } else { format!("refused ({answer})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes what each side says, a byte at a time, and gives the words and what is left.
    fn heard(said: &[(Side, &[u8])]) -> (Vec<String>, [Vec<u8>; 2], bool) {
        let mut handshake = Handshake::sniff(said[0].1).unwrap();
        let mut told = Vec::new();
        for (from, bytes) in said {
            for byte in bytes.chunks(1) {
                assert!(handshake.take(*from, byte, &mut told));
            }
        }
        let over = handshake.is_over();
        let words = told.into_iter().map(|(_, words)| words).collect();
        (words, handshake.into_rest(), over)
    }

    #[test]
    fn handshakes_are_told_in_words() {
        let (words, rest, over) = heard(&[
            (Side::Orig, b"\x05\x02\x00\x02"),
            (Side::Resp, b"\x05\x02"),
            (Side::Orig, b"\x01\x04anna\x06secret"),
            (Side::Resp, b"\x01\x00"),
            (Side::Orig, b"\x05\x01\x00\x03\x0amx.example\x00\x19EHLO"),
            (Side::Resp, b"\x05\x00\x00\x01\xc0\x00\x02\x01\x04\x01220 mx"),
        ]);
        assert_eq!(
            words,
            [
                "SOCKS 5",
                "name and password, please",
                "name and password [hidden]",
                "accepted",
                "CONNECT mx.example:25",
                "granted"
            ]
        );
        assert_eq!((rest, over), ([b"EHLO".to_vec(), b"220 mx".to_vec()], true));

        let (words, ..) = heard(&[
            (Side::Orig, b"\x04\x01\x00\x19\x00\x00\x00\x01anna\x00mx.example\x00"),
            (Side::Resp, b"\x00\x5b\x00\x00\x00\x00\x00\x00"),
        ]);
        assert_eq!(words, ["SOCKS 4, CONNECT mx.example:25, user [hidden]", "refused (91)"]);
    }

    #[test]
    fn what_is_no_handshake_is_given_up() {
        assert!(Handshake::sniff(b"EHLO x").is_none());
        let mut handshake = Handshake::sniff(&[5, 1, 0]).unwrap();
        assert!(handshake.take(Side::Orig, &[5, 1, 0], &mut Vec::new()));
        assert!(!handshake.take(Side::Resp, b"220 mx", &mut Vec::new()));
        let mut handshake = Handshake::sniff(&[4, 1, 0]).unwrap();
        assert!(!handshake.take(Side::Orig, &[4; 2000], &mut Vec::new()), "no end within what is kept");
    }
}
