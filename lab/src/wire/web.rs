//! The web: HTTP in clear, and TLS as far as it can be read.

use super::payload::Payload;
use super::plan::Side::{Orig, Resp};
use super::talk::Line;
use crate::rng::Rng;

/// A GET of `len` bytes of something, in the form that goes to an origin server, or to a proxy (`proxy`).
pub(crate) fn get(rng: &mut Rng, host: &str, len: u64, proxy: bool) -> Vec<Line> {
    let path = format!("/{:x}/{:x}.jpg", rng.below(1 << 20), rng.next());
    let target = if proxy { format!("http://{host}{path}") } else { path };
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101\r\n\
         Accept: */*\r\nAccept-Language: en\r\nConnection: keep-alive\r\n\r\n"
    );
    let head = format!(
        "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: image/jpeg\r\nContent-Length: {len}\r\nConnection: keep-alive\r\n\r\n"
    );
    vec![
        Line { from: Orig, think: 300, payload: Payload::text(request) },
        Line { from: Resp, think: rng.draw(&THINK), payload: Payload::text(head) },
        Line { from: Resp, think: 30, payload: Payload::opaque(rng.next(), len) },
    ]
}

/// What a server needs for an answer.
const THINK: [u64; 6] = [200, 900, 4_000, 15_000, 60_000, 300_000];

/// A page of text.
pub(crate) fn page(rng: &mut Rng, host: &str, text: &str) -> Vec<Line> {
    let request = format!("GET /mail/{:x} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\n\r\n", rng.next());
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{text}", text.len());
    vec![
        Line { from: Orig, think: 300, payload: Payload::text(request) },
        Line { from: Resp, think: rng.draw(&THINK), payload: Payload::text(answer) },
    ]
}

/// A request that is refused with one short answer.
pub(crate) fn refused(request: &str, status: &str) -> Vec<Line> {
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    vec![
        Line { from: Orig, think: 300, payload: Payload::text(request) },
        Line { from: Resp, think: 400, payload: Payload::text(answer) },
    ]
}

/// TLS 1.3 with a name in clear, then as many exchanges as there are `(up, down)`.
pub(crate) fn tls(rng: &mut Rng, host: &str, exchanges: &[(u64, u64)]) -> Vec<Line> {
    let mut lines = vec![
        Line { from: Orig, think: 200, payload: Payload::text(client_hello(rng, host)) },
        Line { from: Resp, think: rng.draw(&[200, 500, 1_000, 4_000]), payload: server_flight(rng) },
        Line { from: Orig, think: 300, payload: Payload::records(rng.next(), 80) },
    ];
    for &(up, down) in exchanges {
        lines.push(Line { from: Orig, think: 200, payload: Payload::records(rng.next(), up) });
        lines.push(Line { from: Resp, think: rng.draw(&THINK), payload: Payload::records(rng.next(), down) });
    }
    lines
}

/// RFC 8446, 4.1.2: the extensions that name the server, the protocols above and the versions.
pub(crate) fn client_hello(rng: &mut Rng, host: &str) -> Vec<u8> {
    let name = host.as_bytes();
    let mut extensions = Vec::new();
    extension(&mut extensions, 0, &sized(2, &[&[0][..], &sized(2, name)].concat()));
    extension(&mut extensions, 16, &sized(2, &[sized(1, b"h2"), sized(1, b"http/1.1")].concat()));
    extension(&mut extensions, 43, &[4, 3, 4, 3, 3]);
    extension(&mut extensions, 10, &[0, 4, 0, 29, 0, 23]);
    extension(&mut extensions, 51, &sized(2, &[&[0, 29][..], &sized(2, &noise(rng, 32))].concat()));
    let suites = [0x13, 0x01, 0x13, 0x02, 0x13, 0x03, 0xc0, 0x2b, 0xc0, 0x2f];
    let body =
        [&[3, 3][..], &noise(rng, 32), &sized(1, &noise(rng, 32)), &sized(2, &suites), &[1, 0], &sized(2, &extensions)];
    handshake(1, &body.concat())
}

/// ServerHello, and the rest of the flight encrypted.
fn server_flight(rng: &mut Rng) -> Payload {
    let mut extensions = Vec::new();
    extension(&mut extensions, 43, &[3, 4]);
    extension(&mut extensions, 51, &[&[0, 29][..], &sized(2, &noise(rng, 32))].concat());
    let body =
        [&[3, 3][..], &noise(rng, 32), &sized(1, &noise(rng, 32)), &[0x13, 0x01, 0], &sized(2, &extensions)].concat();
    let mut bytes = handshake(2, &body);
    bytes.extend_from_slice(&[20, 3, 3, 0, 1, 1]);
    let len = rng.range(2200, 4200);
    Payload::records(rng.next(), len).copy(0, len as usize, &mut bytes);
    Payload::text(bytes)
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[22, 3, 1][..], &sized(2, &[&[kind][..], &sized(3, body)].concat())].concat()
}

fn extension(extensions: &mut Vec<u8>, kind: u16, body: &[u8]) {
    extensions.extend_from_slice(&kind.to_be_bytes());
    extensions.extend_from_slice(&sized(2, body));
}

/// `body` after its length in `octets` octets.
fn sized(octets: usize, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    [&length[4 - octets..], body].concat()
}

fn noise(rng: &mut Rng, len: usize) -> Vec<u8> {
    (0..len).map(|_| rng.next() as u8).collect()
}
