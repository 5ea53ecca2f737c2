//! HTTP, both sides (RFC 9112): what is asked for says how much of it there is.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use super::client::{Line, read_line};
use super::{Events, noise, seed_of};
use crate::daemons::names::name_of;
use crate::daemons::task::Side;

/// The first line and the headers that matter here.
pub(super) struct Head {
    /// Of an answer.
    pub(super) status: u16,
    pub(super) first: String,
    pub(super) length: Option<usize>,
    chunked: bool,
    close: bool,
}

pub(super) fn head(line: &mut Line) -> io::Result<Head> {
    let first = read_line(line)?;
    let status = first.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let mut head = Head { status, first, length: None, chunked: false, close: false };
    loop {
        let text = read_line(line)?.to_ascii_lowercase();
        match text.split_once(':').map(|(name, value)| (name, value.trim())) {
            None => return Ok(head),
            Some(("content-length", value)) => head.length = value.parse().ok(),
            Some(("transfer-encoding", "chunked")) => head.chunked = true,
            Some(("connection", "close")) => head.close = true,
            Some(_) => {}
        }
    }
}

/// Asks for pages; through a proxy by `base`.
pub(super) fn get(
    line: &mut Line,
    token: &str,
    (to, base): (SocketAddr, Option<&str>),
    (pages, bytes, pause): (u32, u32, u64),
) -> io::Result<(String, u32)> {
    for page in 0..pages {
        if page > 0 {
            thread::sleep(Duration::from_millis(pause));
        }
        let last = if page + 1 == pages { "Connection: close\r\n" } else { "" };
        let (base, host) = (base.unwrap_or_default(), name_of(to.ip()));
        let request = format!(
            "GET {base}/{token}/{page}/{bytes} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n\
             Accept: */*\r\n{last}\r\n"
        );
        line.get_mut().write_all(request.as_bytes())?;
        let head = head(line)?;
        body(line, &head, &mut io::sink())?;
        if head.status != 200 {
            return Ok((format!("http-{}", head.status), 0));
        }
        if head.close && page + 1 < pages {
            return Ok(("ok-partial".to_owned(), 0));
        }
    }
    Ok(("ok".to_owned(), 0))
}

pub(super) fn body(line: &mut Line, head: &Head, to: &mut impl Write) -> io::Result<()> {
    if let Some(length) = head.length {
        return io::copy(&mut line.take(length as u64), to).map(drop);
    }
    if !head.chunked {
        return io::copy(line, &mut io::sink()).map(drop);
    }
    loop {
        let length = u64::from_str_radix(read_line(line)?.split(';').next().unwrap_or_default(), 16);
        let length = length.map_err(|_| io::Error::other("no chunk"))?;
        io::copy(&mut line.take(length), to)?;
        read_line(line)?;
        if length == 0 {
            return Ok(());
        }
    }
}

/// Answers until the client is content, and tells of every token that it sees.
pub(super) fn serve(line: &mut Line, ends: (SocketAddr, SocketAddr), events: &Events) -> io::Result<()> {
    loop {
        let head = head(line)?;
        if let Some(length) = head.length {
            io::copy(&mut line.take(length as u64), &mut io::sink())?;
        }
        let mut path = head.first.split(' ').nth(1).unwrap_or_default().rsplit('/');
        let (bytes, page, token) = (path.next().and_then(|bytes| bytes.parse().ok()), path.next(), path.next());
        let (Some(bytes), Some(page), Some(token)) = (bytes, page, token) else {
            line.get_mut().write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        };
        events.tell(Side::Server, token, ends, "", 0);
        let close = if head.close { "Connection: close\r\n" } else { "" };
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\nServer: lab\r\nContent-Type: application/octet-stream\r\nCache-Control: no-store\r\n\
             Content-Length: {bytes}\r\n{close}\r\n"
        )
        .into_bytes();
        answer.extend_from_slice(&noise(seed_of(token) ^ seed_of(page), bytes));
        line.get_mut().write_all(&answer)?;
        if head.close {
            return Ok(());
        }
    }
}
