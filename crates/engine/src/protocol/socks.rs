//! SOCKS: whom the client asks to be connected with, and what the proxy answers.
//!
//! Version 4 and 4a: <https://www.openssh.com/txt/socks4.protocol>, <https://www.openssh.com/txt/socks4a.protocol>.
//! Version 5: <https://www.rfc-editor.org/rfc/rfc1928>, with passwords: <https://www.rfc-editor.org/rfc/rfc1929>.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use catspaw_records::{AppProto, Digest, Side, Target, Utterance};

/// What a side may send of a handshake,
const HELD: usize = 2048;
/// and what a client that does not wait for the answer may send of what is carried.
const AHEAD: usize = 64 << 10;
/// CONNECT; what else may be asked for carries nothing on this connection.
const CONNECT: u8 = 1;

/// Where a handshake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Version 5: the methods that the client offers.
    Methods,
    /// The method that the server chose.
    Method,
    /// The client's name and password.
    Password,
    /// Whether they were right.
    Admitted,
    /// What the client asks for.
    Request,
    /// The answer.
    Answer,
}

/// What a handshake has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shake {
    /// More is needed.
    On,
    /// The client is connected: what follows is carried.
    Through,
    /// It is not.
    Off,
}

/// A handshake.
#[derive(Debug)]
pub(super) struct Socks {
    step: Step,
    /// Bytes that were not read yet, of each direction.
    held: [Vec<u8>; 2],
    version: AppProto,
}

/// What is read of the front of some bytes: `None` where more are needed.
type Read<T> = Option<(T, usize)>;

impl Socks {
    pub(super) fn new(version: AppProto) -> Self {
        let step = if version == AppProto::Socks5 { Step::Methods } else { Step::Request };
        Self { step, held: Default::default(), version }
    }

    /// What either side sent that is not of the handshake.
    pub(super) fn into_rest(self) -> [Vec<u8>; 2] {
        self.held
    }

    pub(super) fn data(&mut self, from: Side, bytes: &[u8], say: &mut dyn FnMut(Utterance)) -> Shake {
        self.held[from.index()].extend_from_slice(bytes);
        loop {
            match self.step_on(say) {
                Some(Shake::On) => {}
                Some(end) => return end,
                None => break,
            }
        }
        let most = if self.step == Step::Answer { AHEAD } else { HELD };
        if self.held[from.index()].len() > most { Shake::Off } else { Shake::On }
    }

    /// Reads what comes next, if it is there.
    fn step_on(&mut self, say: &mut dyn FnMut(Utterance)) -> Option<Shake> {
        let [client, server] = &self.held;
        let four = self.version != AppProto::Socks5;
        match self.step {
            Step::Methods => {
                let methods = usize::from(*client.get(1)?);
                client.get(2..2 + methods)?;
                self.read(Side::Orig, 2 + methods, Step::Method)
            }
            Step::Method => {
                let next = match server.get(..2)? {
                    [5, 0] => Step::Request,
                    [5, 2] => Step::Password,
                    // Other ways in are encrypted, or there is none.
                    _ => return Some(Shake::Off),
                };
                self.read(Side::Resp, 2, next)
            }
            Step::Password => {
                let name = usize::from(*client.get(1)?);
                let password = usize::from(*client.get(2 + name)?);
                client.get(..3 + name + password)?;
                self.read(Side::Orig, 3 + name + password, Step::Admitted)
            }
            Step::Admitted => match server.get(..2)? {
                [_, 0] => self.read(Side::Resp, 2, Step::Request),
                _ => Some(Shake::Off),
            },
            Step::Request => {
                let command = *client.get(1)?;
                let ((target, port), len) = if four { four_request(client)? } else { five_address(client)? };
                if command != CONNECT {
                    return Some(Shake::Off);
                }
                let Some(target) = target else { return Some(Shake::Off) };
                let protocol = match target {
                    Target::Name(_) if four => AppProto::Socks4a,
                    _ => self.version,
                };
                if protocol != self.version {
                    say(Utterance::Speaks(protocol));
                }
                say(Utterance::Asks { protocol, target, port });
                self.version = protocol;
                self.read(Side::Orig, len, Step::Answer)
            }
            Step::Answer => {
                let granted = *server.get(1)? == if four { 90 } else { 0 };
                // What follows a refusal is of no use, and some send only its first bytes.
                let len = match () {
                    () if !granted => None,
                    () if four => Some(server.get(..8)?.len()),
                    () => match five_address(server)? {
                        ((Some(_), _), len) => Some(len),
                        ((None, _), _) => None,
                    },
                };
                say(Utterance::Granted(granted));
                let Some(len) = len else { return Some(Shake::Off) };
                self.read(Side::Resp, len, Step::Answer);
                Some(Shake::Through)
            }
        }
    }

    fn read(&mut self, from: Side, len: usize, next: Step) -> Option<Shake> {
        self.held[from.index()].drain(..len);
        self.step = next;
        Some(Shake::On)
    }

    /// As it stands now: version 4 turns out to be 4a.
    pub(super) fn version(&self) -> AppProto {
        self.version
    }
}

/// `VER CMD PORT IP USER 00 [NAME 00]`.
fn four_request(bytes: &[u8]) -> Read<(Option<Target>, u16)> {
    let &[_, _, high, low, a, b, c, d] = bytes.first_chunk()?;
    let user = memchr::memchr(0, &bytes[8..])?;
    let port = u16::from_be_bytes([high, low]);
    if [a, b, c] != [0; 3] || d == 0 {
        return Some(((Some(Target::Addr(Ipv4Addr::new(a, b, c, d).into())), port), 9 + user));
    }
    let name = &bytes[9 + user..];
    let end = memchr::memchr(0, name)?;
    Some(((Some(named(&name[..end])), port), 10 + user + end))
}

/// `VER CMD 00 ATYP ADDR PORT`; no target where the type of address is unknown.
fn five_address(bytes: &[u8]) -> Read<(Option<Target>, u16)> {
    let rest = bytes.get(4..)?;
    let (target, len) = match bytes[3] {
        1 => (Target::Addr(IpAddr::from(*rest.first_chunk::<4>()?)), 4),
        4 => (Target::Addr(canonical(Ipv6Addr::from(*rest.first_chunk::<16>()?))), 16),
        3 => {
            let len = usize::from(*rest.first()?);
            (named(rest.get(1..1 + len)?), 1 + len)
        }
        _ => return Some(((None, 0), bytes.len())),
    };
    let port = u16::from_be_bytes(*rest.get(len..)?.first_chunk()?);
    Some(((Some(target), port), 6 + len))
}

fn canonical(addr: Ipv6Addr) -> IpAddr {
    IpAddr::V6(addr).to_canonical()
}

/// A host as a client writes it: an address in text, or a name.
pub(super) fn named(name: &[u8]) -> Target {
    let text = name.strip_prefix(b"[").and_then(|name| name.strip_suffix(b"]")).unwrap_or(name);
    let addr = std::str::from_utf8(text).ok().and_then(|text| text.parse::<IpAddr>().ok());
    addr.map_or_else(|| Target::Name(Digest::of_name(name)), |addr| Target::Addr(addr.to_canonical()))
}
