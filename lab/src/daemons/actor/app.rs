//! Web applications that call another server for each request. Few of them pass on what they get there.

use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use super::client::{Line, connect};
use super::{Events, noise, opaque, seed_of, web};
use crate::daemons::names::name_of;
use crate::daemons::task::{App, Side};
use crate::rng::Rng;

/// How long an application waits for another server.
const PATIENCE: Duration = Duration::from_secs(12);

/// Asks an application for something; says how it went.
pub(super) fn ask(
    line: &mut Line,
    token: &str,
    to: SocketAddr,
    (sends, gets, about): (u32, u32, Option<SocketAddr>),
) -> io::Result<(String, u32)> {
    let verb = if sends > 0 { "POST" } else { "GET" };
    let about = about.map_or_else(String::new, |about| format!("?about=http://{about}/"));
    let mut request = format!(
        "{verb} /{token}/0/{gets}{about} HTTP/1.1\r\nHost: {}\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n\
         Content-Length: {sends}\r\nConnection: close\r\n\r\n",
        name_of(to.ip())
    )
    .into_bytes();
    request.extend_from_slice(&noise(seed_of(token), sends as usize));
    line.get_mut().write_all(&request)?;
    let head = web::head(line)?;
    web::body(line, &head, &mut io::sink())?;
    Ok((if head.status == 200 { "ok".to_owned() } else { format!("http-{}", head.status) }, 0))
}

/// Answers one request, and calls another server for it, before or after.
pub(super) fn serve(line: &mut Line, app: App, ends: (SocketAddr, SocketAddr), events: &Events) -> io::Result<()> {
    let head = web::head(line)?;
    let mut sent = vec![0; head.length.unwrap_or(0)];
    line.read_exact(&mut sent)?;
    let (path, about) = path(&head.first).ok_or_else(|| io::Error::other("no such page"))?;
    let (token, gets) = path;
    events.tell(Side::Server, token, ends, "", 0);
    let mut rng = Rng::new(seed_of(token), 0x0061_7070);
    // What it takes to read a request, and to look at its data base.
    thread::sleep(Duration::from_millis(rng.range(2, 30)));
    match app {
        App::Renders(api) => {
            let asked = (rng.range(1, 2) as u32, rng.range(180, 700) as u32, rng.range(300, 30_000) as u32, 0);
            opaque::talk(&mut call(api)?, token, asked)?;
            thread::sleep(Duration::from_millis(rng.range(1, 40)));
            answer(line, token, gets)
        }
        App::Lists(api) => {
            let rows = gets as u64;
            let (up, down) = (rng.range(200, 400) as u32, (rows * rng.range(150, 210) + rng.range(60, 200)) as u32);
            opaque::talk(&mut call(api)?, token, (1, up, down, 0))?;
            answer(line, token, (2_400 + rows * rng.range(240, 330)) as usize)
        }
        App::Passes(store) => {
            opaque::talk(&mut call(store)?, token, (1, sent.len() as u32, 200, 0))?;
            answer(line, token, 40)
        }
        App::Tells(chat) => {
            // A title, a name and a link, of a hook of whatever size.
            let told = (1, rng.range(260, 620) as u32, 120, 0);
            opaque::talk(&mut call(chat)?, token, told)?;
            answer(line, token, 2)
        }
        App::Previews | App::Rewrites | App::HandsOn => {
            let about = about.ok_or_else(|| io::Error::other("about nothing"))?;
            let page = fetch(about, token, rng.range(900, 90_000))?;
            thread::sleep(Duration::from_millis(rng.range(5, 60)));
            match app {
                App::HandsOn => send(line, &page),
                // Less than what was there, and a frame about it.
                App::Rewrites => answer(line, token, page.len() * rng.range(70, 95) as usize / 100 + 2_500),
                _ => answer(line, token, rng.range(700, 9_000) as usize),
            }
        }
        App::Stores(store) => {
            answer(line, token, 40)?;
            line.get_mut().shutdown(std::net::Shutdown::Write)?;
            thread::sleep(Duration::from_millis(rng.range(100, 3_000)));
            opaque::talk(&mut call(store)?, token, (1, sent.len() as u32, 200, 0)).map(drop)
        }
    }
}

fn call(to: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    connect(None, to, PATIENCE).map(BufReader::new).map_err(|(_, why)| why)
}

/// A page of another server.
fn fetch(of: SocketAddr, token: &str, bytes: u64) -> io::Result<Vec<u8>> {
    let mut line = call(of)?;
    let request = format!("GET /{token}/0/{bytes} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", name_of(of.ip()));
    line.get_mut().write_all(request.as_bytes())?;
    let (head, mut page) = (web::head(&mut line)?, Vec::new());
    web::body(&mut line, &head, &mut page)?;
    Ok(page)
}

fn answer(line: &mut Line, token: &str, bytes: usize) -> io::Result<()> {
    send(line, &noise(seed_of(token), bytes))
}

fn send(line: &mut Line, page: &[u8]) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nServer: app\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        page.len()
    );
    line.get_mut().write_all(&[head.as_bytes(), page].concat())
}

/// `GET /TOKEN/0/BYTES?about=http://ADDRESS/ HTTP/1.1`.
fn path(first: &str) -> Option<((&str, usize), Option<SocketAddr>)> {
    let (path, query) = first.split(' ').nth(1).map(|path| path.split_once('?').unwrap_or((path, "")))?;
    let mut parts = path.split('/').skip(1);
    let (token, bytes) = (parts.next()?, parts.nth(1)?.parse().ok()?);
    let about = query.strip_prefix("about=http://").and_then(|about| about.trim_end_matches('/').parse().ok());
    Some(((token, bytes), about))
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn a_request_says_what_about() {
        let about = "198.18.0.1:80".parse().unwrap();
        assert_eq!(path("GET /tk1/0/800?about=http://198.18.0.1:80/ HTTP/1.1"), Some((("tk1", 800), Some(about))));
        assert_eq!(path("POST /tk1/0/2 HTTP/1.1"), Some((("tk1", 2), None)));
        assert_eq!(path("GET / HTTP/1.1"), None);
    }
}
