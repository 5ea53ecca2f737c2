//! What is spoken on a connection: recognised by content on any port, and followed as far as it tells a relay, or tells it
//! apart.
//!
//! A [`Session`] is given both directions in order, in pieces of any size. What is said inside a SOCKS or CONNECT tunnel
//! is followed by a session of its own.

mod carried;
mod dns;
mod http;
mod letter;
mod recognise;
mod smtp;
mod socks;
mod tls;

use catspaw_records::{AppProto, Digest, Side, Utterance};

use carried::Carried;
use http::{Http, Next};
use recognise::{Guess, recognise};
use smtp::Smtp;
use socks::{Shake, Socks};

/// Bytes of each direction by which it is told what is spoken.
const HEAD: usize = 512;
/// A `ClientHello` that is longer is not read on.
const HELLO: usize = 16 << 10;
/// Datagrams of each direction by which it is told whether they are DNS.
const DATAGRAMS: u8 = 4;
/// Tunnels inside tunnels that are seen through.
const DEEPEST: u8 = 4;

/// What is spoken on one connection.
#[derive(Default)]
pub struct Session {
    protocol: Option<AppProto>,
    stage: Stage,
    carried: Carried,
    /// In how many tunnels this is.
    depth: u8,
}

/// How far it is known.
enum Stage {
    Unknown(Heads),
    Smtp(Box<Smtp>),
    Socks(Box<Socks>),
    Http(Box<Http>),
    /// TLS, until the client has said whom it wants.
    Hello(Vec<u8>),
    Dns(dns::TcpDns),
    /// Datagrams of each direction that were not DNS.
    Datagrams([u8; 2]),
    /// A proxy's client is connected with somebody.
    Tunnel(Box<Session>),
    /// There is no more to be known.
    Silent,
}

/// First bytes of both directions.
#[derive(Debug, Default)]
struct Heads {
    bytes: [Vec<u8>; 2],
    /// Whether bytes are missing behind them.
    cut: [bool; 2],
    /// Who did what when.
    turns: Vec<(Side, Turn)>,
}

/// What one side does until the other does something.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// It says so many bytes of its head.
    Bytes(usize),
    /// It says what is not known.
    Gap,
}

impl Default for Stage {
    fn default() -> Self {
        Self::Unknown(Heads::default())
    }
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
        match &self.stage {
            Stage::Unknown(heads) => !heads.is_full(from),
            Stage::Smtp(_) | Stage::Socks(_) | Stage::Dns(_) => true,
            Stage::Http(http) => http.wants(from) || self.carried.wants(from),
            Stage::Hello(_) => from == Side::Orig || self.carried.wants(from),
            Stage::Datagrams(strange) => strange.iter().all(|&count| count < DATAGRAMS),
            Stage::Tunnel(inner) => inner.wants(from),
            Stage::Silent => self.carried.wants(from),
        }
    }

    /// Takes payload in order.
    pub fn data(&mut self, from: Side, bytes: &[u8], say: &mut dyn FnMut(Utterance)) {
        match &mut self.stage {
            Stage::Unknown(heads) => {
                let known = heads.bytes[from.index()].len();
                let guess = heads.take(from, bytes);
                self.settle(guess, Some((from, bytes.get(HEAD - known.min(HEAD)..).unwrap_or_default())), say);
            }
            _ => self.follow(from, bytes, say),
        }
    }

    /// Takes a datagram's payload.
    pub fn datagram(&mut self, from: Side, bytes: &[u8], say: &mut dyn FnMut(Utterance)) {
        if let Stage::Unknown(_) = self.stage {
            self.stage = Stage::Datagrams([0; 2]);
        }
        let Stage::Datagrams(strange) = &mut self.stage else { return };
        let mut found = Vec::new();
        if !dns::message(bytes, &mut |said| found.push(said)) {
            let count = &mut strange[from.index()];
            *count = count.saturating_add(1);
            return;
        }
        self.speaks(AppProto::Dns, say);
        found.into_iter().for_each(say);
    }

    /// Bytes are missing.
    pub fn gap(&mut self, from: Side, len: u64, say: &mut dyn FnMut(Utterance)) {
        if let Stage::Unknown(heads) = &mut self.stage {
            heads.cut_off(from);
            let guess = heads.guess();
            return self.settle(guess, None, say);
        }
        self.carried.end(from, say);
        match &mut self.stage {
            Stage::Smtp(smtp) => smtp.gap(from, say),
            Stage::Http(http) => http.gap(from, len),
            Stage::Tunnel(inner) => inner.gap(from, len, &mut within(say)),
            Stage::Socks(_) | Stage::Hello(_) | Stage::Dns(_) => self.stage = Stage::Silent,
            Stage::Unknown(_) | Stage::Datagrams(_) | Stage::Silent => {}
        }
    }

    /// The connection is over.
    pub fn end(&mut self, say: &mut dyn FnMut(Utterance)) {
        if let Stage::Unknown(heads) = &mut self.stage {
            heads.cut = [true; 2];
            let guess = heads.guess();
            self.settle(guess, None, say);
        }
        match &mut self.stage {
            Stage::Smtp(smtp) => smtp.end(say),
            Stage::Tunnel(inner) => inner.end(&mut within(say)),
            _ => {}
        }
        for from in [Side::Orig, Side::Resp] {
            self.carried.end(from, say);
        }
        self.stage = Stage::Silent;
    }

    /// Acts on what is told by the first bytes; `more` is what came behind them.
    fn settle(&mut self, guess: Guess, more: Option<(Side, &[u8])>, say: &mut dyn FnMut(Utterance)) {
        let stage = match guess {
            Guess::More => return,
            Guess::Never => Stage::Silent,
            Guess::Known(protocol) => {
                self.speaks(protocol, say);
                match protocol {
                    AppProto::Smtp => Stage::Smtp(Box::new(Smtp::new())),
                    AppProto::Socks4 | AppProto::Socks4a | AppProto::Socks5 => {
                        Stage::Socks(Box::new(Socks::new(protocol)))
                    }
                    AppProto::Http | AppProto::HttpProxy | AppProto::HttpConnect => {
                        Stage::Http(Box::new(Http::new(protocol)))
                    }
                    AppProto::Tls => Stage::Hello(Vec::new()),
                    AppProto::Dns => Stage::Dns(dns::TcpDns::default()),
                    AppProto::Ssh => {
                        say(Utterance::Encrypts { name: None });
                        Stage::Silent
                    }
                    _ => Stage::Silent,
                }
            }
        };
        let Stage::Unknown(heads) = std::mem::replace(&mut self.stage, stage) else { return };
        let mut rest = heads.bytes.each_ref().map(Vec::as_slice);
        for (from, turn) in heads.turns.iter().copied() {
            match turn {
                Turn::Bytes(len) => {
                    let (bytes, behind) = rest[from.index()].split_at(len);
                    rest[from.index()] = behind;
                    self.follow(from, bytes, say);
                }
                Turn::Gap => self.gap(from, 1, say),
            }
        }
        if let Some((from, rest)) = more.filter(|(from, _)| !heads.cut[from.index()]) {
            self.follow(from, rest, say);
        }
    }

    /// Takes payload of a connection of which it is known what is spoken, or that this will not be known.
    fn follow(&mut self, from: Side, bytes: &[u8], say: &mut dyn FnMut(Utterance)) {
        if let (Stage::Http(_), Side::Orig) = (&self.stage, from) {
            // Line by line, for what follows one of them may be carried.
            return bytes.split_inclusive(|&byte| byte == b'\n').for_each(|line| self.follow_on(from, line, say));
        }
        self.follow_on(from, bytes, say);
    }

    fn follow_on(&mut self, from: Side, bytes: &[u8], say: &mut dyn FnMut(Utterance)) {
        if bytes.is_empty() {
            return;
        }
        if !self.connects_on() {
            self.carried.data(from, bytes, say);
        }
        match &mut self.stage {
            Stage::Smtp(smtp) => {
                smtp.data(from, bytes, say);
                if smtp.is_over {
                    self.stage = Stage::Silent;
                }
            }
            Stage::Socks(socks) => {
                let shake = socks.data(from, bytes, say);
                self.protocol = Some(socks.version());
                match shake {
                    Shake::On => {}
                    Shake::Off => self.stage = Stage::Silent,
                    Shake::Through => self.pass_through(say),
                }
            }
            Stage::Http(http) => {
                let next = http.data(from, bytes, say);
                self.protocol = Some(http.protocol());
                if http.protocol().connects_on() {
                    self.carried = Carried::of_nothing();
                }
                if next == Next::Through {
                    self.pass_through(say);
                }
            }
            Stage::Hello(hello) if from == Side::Orig => {
                hello.extend_from_slice(bytes);
                let name = match tls::client_hello(hello) {
                    tls::Hello::More if hello.len() < HELLO => return,
                    tls::Hello::Server(name) => name.map(|name| Digest::of_name(&name)),
                    tls::Hello::More | tls::Hello::No => None,
                };
                say(Utterance::Encrypts { name });
                self.stage = Stage::Silent;
            }
            Stage::Dns(dns) => dns.data(from, bytes, say),
            Stage::Tunnel(inner) => inner.data(from, bytes, &mut within(say)),
            Stage::Unknown(_) | Stage::Hello(_) | Stage::Datagrams(_) | Stage::Silent => {}
        }
    }

    /// The client is connected with whom it asked for: what follows is carried.
    fn pass_through(&mut self, say: &mut dyn FnMut(Utterance)) {
        let rest = match std::mem::replace(&mut self.stage, Stage::Silent) {
            Stage::Socks(socks) => socks.into_rest(),
            Stage::Http(http) => http.into_rest(),
            _ => return,
        };
        if self.depth >= DEEPEST {
            return;
        }
        let mut inner = Box::new(Self { depth: self.depth + 1, ..Self::default() });
        for (from, bytes) in [Side::Orig, Side::Resp].into_iter().zip(rest) {
            if !bytes.is_empty() {
                inner.data(from, &bytes, &mut within(say));
            }
        }
        self.stage = Stage::Tunnel(inner);
    }

    /// Whether what is carried comes after a handshake.
    fn connects_on(&self) -> bool {
        self.protocol.is_some_and(AppProto::connects_on)
    }

    fn speaks(&mut self, protocol: AppProto, say: &mut dyn FnMut(Utterance)) {
        if self.protocol != Some(protocol) {
            self.protocol = Some(protocol);
            say(Utterance::Speaks(protocol));
        }
    }
}

/// What is said inside a tunnel as the connection that holds it tells it: that keeps its protocol, and whom it goes to.
fn within(say: &mut dyn FnMut(Utterance)) -> impl FnMut(Utterance) + '_ {
    |said| {
        if !matches!(said, Utterance::Speaks(_) | Utterance::Asks { .. } | Utterance::Granted(_)) {
            say(said);
        }
    }
}

impl Heads {
    fn is_full(&self, from: Side) -> bool {
        self.cut[from.index()] || self.bytes[from.index()].len() >= HEAD
    }

    fn take(&mut self, from: Side, bytes: &[u8]) -> Guess {
        let head = &mut self.bytes[from.index()];
        let room = HEAD - head.len().min(HEAD);
        let kept = bytes.get(..room).unwrap_or(bytes);
        head.extend_from_slice(kept);
        match self.turns.last_mut() {
            Some((side, Turn::Bytes(len))) if *side == from => *len += kept.len(),
            _ => self.turns.push((from, Turn::Bytes(kept.len()))),
        }
        let guess = self.guess();
        if guess == Guess::More && self.is_full(from) {
            // What comes behind a full head is not kept.
            self.cut_off(from);
        }
        guess
    }

    fn cut_off(&mut self, from: Side) {
        if !std::mem::replace(&mut self.cut[from.index()], true) {
            self.turns.push((from, Turn::Gap));
        }
    }

    fn guess(&self) -> Guess {
        let [orig, resp] = &self.bytes;
        recognise(orig, resp, [!self.is_full(Side::Orig), !self.is_full(Side::Resp)])
    }
}

#[cfg(test)]
mod tests;
