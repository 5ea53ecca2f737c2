//! HTTP/1: what a client asks for, and whether it asks a proxy.
//!
//! <https://www.rfc-editor.org/rfc/rfc9112>. Of answers only the one to CONNECT is read.

use std::str::FromStr;

use catspaw_records::{AppProto, Digest, Side, Utterance};

use super::socks::named;

/// A head that is longer is not read on.
const HEAD: usize = 16 << 10;
/// What a client may send behind CONNECT before it is answered.
const AHEAD: usize = 64 << 10;

/// What the client's next bytes are.
#[derive(Debug, PartialEq, Eq)]
enum Sending {
    Head,
    /// So many bytes of a body.
    Body(u64),
    /// The line that says how long the next chunk is.
    ChunkSize,
    /// So many bytes of a chunk and its end.
    Chunk(u64),
    /// The lines behind the last chunk.
    Trailer,
    /// CONNECT was asked and not answered.
    Connecting,
    /// What cannot be told.
    Lost,
}

/// What has become of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// More requests.
    On,
    /// CONNECT was granted: what follows is carried.
    Through,
}

/// The requests of one connection.
#[derive(Debug)]
pub(super) struct Http {
    sending: Sending,
    /// The client's head so far, or what it sent behind CONNECT.
    client: Vec<u8>,
    /// The answer to CONNECT so far.
    server: Vec<u8>,
    /// What the connection was said to be.
    protocol: AppProto,
}

/// A request's head, as far as it matters.
struct Head<'a> {
    method: &'a [u8],
    target: &'a [u8],
    host: Option<&'a [u8]>,
    length: u64,
    is_chunked: bool,
}

impl Http {
    pub(super) fn new(protocol: AppProto) -> Self {
        Self { sending: Sending::Head, client: Vec::new(), server: Vec::new(), protocol }
    }

    pub(super) fn protocol(&self) -> AppProto {
        self.protocol
    }

    /// Whether more of a direction is of use.
    pub(super) fn wants(&self, from: Side) -> bool {
        match from {
            Side::Orig => self.sending != Sending::Lost,
            // An answer may be asked for at any time.
            Side::Resp => self.protocol == AppProto::HttpConnect && self.sending != Sending::Lost,
        }
    }

    /// What either side sent that is carried already.
    pub(super) fn into_rest(self) -> [Vec<u8>; 2] {
        [self.client, self.server]
    }

    /// Bytes are missing: where the next request begins is not known any more.
    pub(super) fn gap(&mut self, from: Side, len: u64) {
        match (&mut self.sending, from) {
            (Sending::Body(left) | Sending::Chunk(left), Side::Orig) if *left >= len => {
                *left -= len;
                self.body_read();
            }
            (_, Side::Orig) | (Sending::Connecting, Side::Resp) => self.lose(),
            _ => {}
        }
    }

    pub(super) fn data(&mut self, from: Side, bytes: &[u8], say: &mut dyn FnMut(Utterance)) -> Next {
        match from {
            Side::Orig => {
                self.client_says(bytes, say);
                Next::On
            }
            Side::Resp => self.server_says(bytes, say),
        }
    }

    fn client_says(&mut self, mut bytes: &[u8], say: &mut dyn FnMut(Utterance)) {
        while !bytes.is_empty() {
            let used = match self.sending {
                Sending::Lost => return,
                Sending::Connecting => {
                    self.client.extend_from_slice(bytes);
                    if self.client.len() > AHEAD {
                        self.lose();
                    }
                    return;
                }
                Sending::Body(left) | Sending::Chunk(left) => {
                    let used = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    let left = left - used as u64;
                    self.sending = match self.sending {
                        Sending::Chunk(_) => Sending::Chunk(left),
                        _ => Sending::Body(left),
                    };
                    self.body_read();
                    used
                }
                Sending::Head | Sending::ChunkSize | Sending::Trailer => {
                    let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1);
                    self.line(&bytes[..end], say);
                    end
                }
            };
            bytes = &bytes[used..];
        }
    }

    fn body_read(&mut self) {
        match self.sending {
            Sending::Body(0) => self.sending = Sending::Head,
            Sending::Chunk(0) => self.sending = Sending::ChunkSize,
            _ => {}
        }
    }

    /// Takes a line, or a piece of one.
    fn line(&mut self, piece: &[u8], say: &mut dyn FnMut(Utterance)) {
        if self.client.len() + piece.len() > HEAD {
            return self.lose();
        }
        self.client.extend_from_slice(piece);
        if !piece.ends_with(b"\n") {
            return;
        }
        // Empty lines before a request are passed over.
        if self.sending == Sending::Head && matches!(self.client.as_slice(), b"\n" | b"\r\n") {
            self.client.clear();
            return;
        }
        let is_end = self.client.ends_with(b"\n\r\n") || self.client.ends_with(b"\n\n");
        match self.sending {
            Sending::Head if is_end => {
                let bytes = std::mem::take(&mut self.client);
                self.request(&bytes, say);
            }
            Sending::ChunkSize => {
                let line = std::mem::take(&mut self.client);
                let size = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
                match std::str::from_utf8(size)
                    .ok()
                    .and_then(|size| u64::from_str_radix(size, 16).ok())
                    .filter(|_| size.iter().all(u8::is_ascii_hexdigit))
                {
                    Some(0) => {
                        // As if the trailer began behind a line.
                        self.client.push(b'\n');
                        self.sending = Sending::Trailer;
                    }
                    // With the line end that follows.
                    Some(size) => self.sending = Sending::Chunk(size.saturating_add(2)),
                    None => self.lose(),
                }
            }
            Sending::Trailer if is_end => {
                self.client.clear();
                self.sending = Sending::Head;
            }
            _ => {}
        }
    }

    fn request(&mut self, bytes: &[u8], say: &mut dyn FnMut(Utterance)) {
        let Some(head) = Head::of(bytes) else { return self.lose() };
        self.sending = if head.is_chunked { Sending::ChunkSize } else { Sending::Body(head.length) };
        self.body_read();
        if head.method.eq_ignore_ascii_case(b"CONNECT") {
            let Some((target, port)) = host_port(head.target) else { return self.lose() };
            self.refine(AppProto::HttpConnect, say);
            say(Utterance::Asks { protocol: AppProto::HttpConnect, target: named(target), port });
            self.sending = Sending::Connecting;
            self.server.clear();
        } else if let Some((host, path)) = absolute(head.target) {
            if self.protocol == AppProto::Http {
                self.refine(AppProto::HttpProxy, say);
            }
            fetches(true, head.method, host, path, say);
        } else if let Some(host) = head.host {
            fetches(false, head.method, host, head.target, say);
        }
    }

    fn refine(&mut self, protocol: AppProto, say: &mut dyn FnMut(Utterance)) {
        if self.protocol != protocol {
            self.protocol = protocol;
            say(Utterance::Speaks(protocol));
        }
    }

    /// Takes the answer to CONNECT; one that refuses is not read to its end, for the next is asked for after that.
    fn server_says(&mut self, bytes: &[u8], say: &mut dyn FnMut(Utterance)) -> Next {
        if self.sending != Sending::Connecting {
            return Next::On;
        }
        self.server.extend_from_slice(bytes);
        loop {
            let Some(len) = head_len(self.server.get(..HEAD).unwrap_or(&self.server)) else {
                if self.server.len() > HEAD {
                    self.lose();
                }
                return Next::On;
            };
            let status = status(&self.server[..len]);
            if !status.is_some_and(|status| (100..200).contains(&status)) {
                let granted = status.is_some_and(|status| (200..300).contains(&status));
                say(Utterance::Granted(granted));
                self.server.drain(..len);
                if granted {
                    return Next::Through;
                }
                self.sending = Sending::Head;
                let (held, rest) = (std::mem::take(&mut self.client), std::mem::take(&mut self.server));
                self.client_says(&held, say);
                if self.sending != Sending::Connecting {
                    return Next::On;
                }
                // It was asked again before the answer came.
                self.server = rest;
            } else {
                self.server.drain(..len);
            }
        }
    }

    fn lose(&mut self) {
        self.sending = Sending::Lost;
        (self.client, self.server) = Default::default();
    }
}

impl<'a> Head<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let mut lines = bytes.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end);
        let mut words = lines.next()?.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
        let (method, target) = (words.next()?, words.next()?);
        words.next().filter(|version| version.starts_with(b"HTTP/1."))?;
        let mut head = Self { method, target, host: None, length: 0, is_chunked: false };
        for line in lines {
            let Some(colon) = memchr::memchr(b':', line) else { continue };
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            if name.eq_ignore_ascii_case(b"host") {
                head.host = Some(value);
            } else if name.eq_ignore_ascii_case(b"content-length") {
                head.length = number(value)?;
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                head.is_chunked = !value.eq_ignore_ascii_case(b"identity");
            }
        }
        Some(head)
    }
}

/// Length of a head, its empty line included.
fn head_len(bytes: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', bytes).find_map(|end| match &bytes[end + 1..] {
        [b'\n', ..] => Some(end + 2),
        [b'\r', b'\n', ..] => Some(end + 3),
        _ => None,
    })
}

fn status(head: &[u8]) -> Option<u16> {
    let rest = head.strip_prefix(b"HTTP/1.")?;
    let code = rest.split(|&byte| byte == b' ').filter(|word| !word.is_empty()).nth(1)?;
    number(code.trim_ascii())
}

/// A number of digits alone.
pub(super) fn number<T: FromStr>(digits: &[u8]) -> Option<T> {
    let text = std::str::from_utf8(digits).ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// `http://user@host:port/path`, as host and port, and path.
fn absolute(target: &[u8]) -> Option<(&[u8], &[u8])> {
    const SCHEME: &[u8] = b"http://";
    let (scheme, rest) = target.split_at_checked(SCHEME.len())?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return None;
    }
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = memchr::memrchr(b'@', authority).map_or(authority, |at| &authority[at + 1..]);
    Some((host, if path.is_empty() { b"/" } else { path }))
}

/// `host:port`.
fn host_port(authority: &[u8]) -> Option<(&[u8], u16)> {
    let colon = memchr::memrchr(b':', authority)?;
    let port = number(&authority[colon + 1..])?;
    (colon > 0).then_some((&authority[..colon], port))
}

fn fetches(absolute: bool, method: &[u8], authority: &[u8], path: &[u8], say: &mut dyn FnMut(Utterance)) {
    let (host, port) = host_port(authority).unwrap_or((authority, 80));
    let host = host.to_ascii_lowercase();
    let text = [method, b" ", &host, b":", port.to_string().as_bytes(), b" ", path].concat();
    say(Utterance::Fetches { absolute, digest: Digest::of(&text), target: named(&host), port });
}
