//! Records that look like TLS 1.2 to who looks at their heads: a hello on both sides, then data in sizes of the client's choice.
//!
//! The token is the session id of the ClientHello, in clear on every leg that carries the stream.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use super::client::Line;
use super::{Events, noise, seed_of};
use crate::daemons::task::Side;
use crate::rng::Rng;

const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;
/// Of a record (RFC 8446, 5.1).
const LONGEST: usize = 16_384;
/// In what a client says first: the server is to send by itself.
const PUSH: u32 = 1 << 31;
/// Of a session id.
const ID: usize = 32;
/// Where the session id begins: after the record's and the message's head, the version, the random and its own length.
const ID_AT: usize = 4 + 2 + 32 + 1;

/// Says hello, and sends and is answered; says how it went.
pub(super) fn talk(
    line: &mut Line,
    token: &str,
    (rounds, up, down, pause): (u32, u32, u32, u64),
) -> io::Result<(String, u32)> {
    line.get_mut().write_all(&record(HANDSHAKE, &client_hello(token)))?;
    expect(line)?;
    for round in 0..rounds {
        if round > 0 {
            thread::sleep(Duration::from_millis(pause));
        }
        // How much is to come back stands in the first four bytes.
        let mut data = down.to_be_bytes().to_vec();
        data.extend_from_slice(&noise(seed_of(token) ^ u64::from(round), (up as usize).max(32)));
        line.get_mut().write_all(&records(&data))?;
        let mut left = down as usize;
        while left > 0 {
            left = left.saturating_sub(expect(line)?.1.len());
        }
    }
    Ok(("ok".to_owned(), 0))
}

/// Says hello, and what is to come; then takes what the server sends by itself, hands the number of each to `fetch`, and
/// says about `up` bytes to it.
pub(super) fn watch(
    line: &mut Line,
    token: &str,
    (pushes, down, pause): (u32, u32, u64),
    up: u32,
    fetch: impl Fn(u32),
) -> io::Result<(String, u32)> {
    line.get_mut().write_all(&record(HANDSHAKE, &client_hello(token)))?;
    expect(line)?;
    let mut wish: Vec<u8> = [PUSH | pushes, down, pause as u32].into_iter().flat_map(u32::to_be_bytes).collect();
    wish.extend_from_slice(&noise(seed_of(token), 180));
    line.get_mut().write_all(&records(&wish))?;
    let mut rng = Rng::new(seed_of(token), 0x7761);
    for number in 0..pushes {
        let mut left = None;
        while left != Some(0) {
            let data = expect(line)?.1;
            // The first record says how much comes.
            let all = data.first_chunk().map_or(0, |all| u32::from_be_bytes(*all) as usize);
            left = Some(left.unwrap_or(all).saturating_sub(data.len()));
        }
        fetch(number);
        if up > 0 {
            line.get_mut().write_all(&records(&noise(rng.next(), about(&mut rng, up))))?;
        }
    }
    Ok(("ok".to_owned(), 0))
}

/// Sends by itself what the client wished for.
fn push(line: &mut Line, pushes: u32, wish: &[u8], seed: u64) -> io::Result<()> {
    let word = |at: usize| wish.get(at..at + 4)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
    let (Some(down), Some(pause)) = (word(4), word(8)) else { return Err(io::Error::other("no wish")) };
    let mut rng = Rng::new(seed, 0x7075);
    // A client whose words nobody reads would fall silent.
    let mut said = line.get_ref().try_clone()?;
    let reads = thread::Builder::new().spawn(move || io::copy(&mut said, &mut io::sink()))?;
    for _ in 0..pushes {
        let (wait, bytes) = (about(&mut rng, pause.max(1)), about(&mut rng, down).max(4));
        thread::sleep(Duration::from_millis(wait as u64));
        let mut data = (bytes as u32).to_be_bytes().to_vec();
        data.extend_from_slice(&noise(rng.next(), bytes - 4));
        line.get_mut().write_all(&data.chunks(LONGEST).flat_map(|part| record(DATA, part)).collect::<Vec<_>>())?;
    }
    // The client closes: who still speaks when the other side does is reset.
    reads.join().map_err(|_| io::Error::other("a reader panicked"))?.map(drop)
}

/// A quarter of it to twice as much, seldom five times.
fn about(rng: &mut Rng, middle: u32) -> usize {
    let middle = u64::from(middle);
    (rng.range(middle / 4, middle * 7 / 4) * rng.draw(&[1, 1, 1, 1, 1, 1, 1, 1, 1, 5])).max(1) as usize
}

/// Answers until the client is gone, and tells of the token.
pub(super) fn serve(line: &mut Line, seed: u64, ends: (SocketAddr, SocketAddr), events: &Events) -> io::Result<()> {
    let (_, hello) = expect(line)?;
    let id = hello.get(ID_AT..ID_AT + ID).ok_or_else(|| io::Error::other("no hello"))?;
    let token = String::from_utf8_lossy(id).trim_end_matches('.').to_owned();
    events.tell(Side::Server, &token, ends, "", 0);
    let mut rng = seed ^ seed_of(&token);
    // A server has one certificate, whoever asks.
    line.get_mut().write_all(&record(HANDSHAKE, &server_hello(seed ^ seed_of(&ends.1.to_string()))))?;
    loop {
        let (_, data) = match expect(line) {
            Err(why) if why.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            other => other?,
        };
        // What is longer than a record goes on in others, which want no answer of their own.
        let full = data.len() == LONGEST;
        let down = data.first_chunk().map_or(0, |down| u32::from_be_bytes(*down));
        if down & PUSH != 0 {
            return push(line, down & !PUSH, &data, rng);
        }
        if full {
            while expect(line)?.1.len() == LONGEST {}
        }
        rng = crate::rng::mix(rng);
        line.get_mut().write_all(&records(&noise(rng, down as usize)))?;
    }
}

fn expect(line: &mut Line) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    line.read_exact(&mut head)?;
    let mut body = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
    line.read_exact(&mut body)?;
    Ok((head[0], body))
}

fn records(data: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = data.chunks(LONGEST).flat_map(|part| record(DATA, part)).collect();
    if !data.is_empty() && data.len().is_multiple_of(LONGEST) {
        // Says that nothing follows.
        bytes.extend_from_slice(&record(DATA, &[]));
    }
    bytes
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut record = vec![kind, 3, 3];
    record.extend_from_slice(&(body.len() as u16).to_be_bytes());
    record.extend_from_slice(body);
    record
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
    message.extend_from_slice(body);
    message
}

fn client_hello(token: &str) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend_from_slice(&noise(seed_of(token), 32));
    body.push(ID as u8);
    body.extend_from_slice(format!("{token:.<ID$}").as_bytes());
    // Two cipher suites, no compression, no extensions.
    body.extend_from_slice(&[0, 4, 0xc0, 0x2f, 0xc0, 0x30, 1, 0]);
    message(1, &body)
}

fn server_hello(seed: u64) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend_from_slice(&noise(seed, 32));
    body.extend_from_slice(&[0, 0xc0, 0x2f, 0]);
    let mut messages = message(2, &body);
    // A certificate of some length.
    messages.extend_from_slice(&message(11, &noise(seed, 1200 + (seed % 2400) as usize)));
    messages
}

#[cfg(test)]
mod tests {
    use super::{ID, ID_AT, client_hello};

    #[test]
    fn the_token_is_where_it_is_read() {
        assert_eq!(client_hello("tk00c0ffee")[ID_AT..ID_AT + ID], *b"tk00c0ffee......................");
    }
}
