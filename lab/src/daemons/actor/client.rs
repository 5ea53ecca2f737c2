//! Clients: how they get to where they want to, and what they do there.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::{Events, app, jump, mail, names, news, opaque, veil, web};
use crate::daemons::names::name_of;
use crate::daemons::task::{BASIC, Call, Job, NAME_AND_PASSWORD, Side, Way};

/// A connection on which lines can be read.
pub(super) type Line = BufReader<TcpStream>;

/// Makes a call, and tells how it went.
pub(super) fn call(call: &Call, events: &Events) {
    let to = call.way.first(call.to);
    let stream = match connect(call.from, to, Duration::from_millis(call.patience)) {
        Ok(stream) => stream,
        Err((from, why)) => {
            let outcome = if why.kind() == io::ErrorKind::ConnectionRefused { "refused" } else { "unreachable" };
            events.tell(Side::Client, &call.token, (from, to), outcome, 0);
            return;
        }
    };
    let Ok(from) = stream.local_addr() else { return };
    let mut line = BufReader::new(stream);
    let (outcome, accepted) = match go(call, &mut line, events) {
        Ok((outcome, accepted)) => (outcome, accepted),
        Err(why) => (format!("broken: {why}"), 0),
    };
    events.tell(Side::Client, &call.token, (from, to), &outcome, accepted);
    if outcome.starts_with("broken") {
        // As a program does that is ended while it waits.
        _ = SockRef::from(line.get_ref()).set_linger(Some(Duration::ZERO));
    }
}

fn go(call: &Call, line: &mut Line, events: &Events) -> io::Result<(String, u32)> {
    match call.way {
        Way::Jump(_) => act((call, call.job), &mut jump::enter(line.get_ref(), call.to, &call.key)?, events),
        Way::Veiled(_, veil) => {
            veiled(call, veil::enter(line.get_ref().try_clone()?, call.to, veil, &call.token)?, events)
        }
        _ => match ask(call, line)? {
            Some(no) => Ok((no, 0)),
            None => act((call, call.job), line, events),
        },
    }
}

/// A part of the job on each stream; says how the first went that did not go well.
fn veiled(call: &Call, lines: Vec<Line>, events: &Events) -> io::Result<(String, u32)> {
    let job = call.job.part(lines.len() as u32);
    let outcomes: Vec<_> = thread::scope(|scope| {
        let parts: Vec<_> =
            lines.into_iter().map(|mut line| scope.spawn(move || act((call, job), &mut line, events))).collect();
        parts.into_iter().map(|part| part.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))).collect()
    });
    outcomes
        .into_iter()
        .reduce(|one, other| one.and_then(|one| other.map(|other| (one.0, one.1 + other.1))))
        .unwrap_or_else(|| Err(io::ErrorKind::InvalidInput.into()))
}

fn act((call, job): (&Call, Job), line: &mut Line, events: &Events) -> io::Result<(String, u32)> {
    match job {
        Job::Mail { messages, bytes, recipients } => {
            mail::send(line, (&call.token, &call.domains), (messages, bytes, recipients))
        }
        Job::Web { pages, bytes, pause } => {
            let base = matches!(call.way, Way::Absolute(_)).then(|| format!("http://{}", call.to));
            web::get(line, &call.token, (call.to, base.as_deref()), (pages, bytes, pause))
        }
        Job::Opaque { rounds, up, down, pause } => opaque::talk(line, &call.token, (rounds, up, down, pause)),
        Job::Ask { sends, gets, about } => app::ask(line, &call.token, call.to, (sends, gets, about)),
        Job::Watch { pushes, down, pause, up, parts } => {
            let fetch = |push: u32| (push * parts..(push + 1) * parts).for_each(|number| fetch(call, number, events));
            opaque::watch(line, &call.token, (pushes, down, pause), up, fetch)
        }
        Job::LookUp { names, pause } => names::look_up(&call.token, line, (names, pause)),
        Job::News { articles } => news::read(line, &call.token, articles),
        Job::Knock => Ok(("ok".to_owned(), 0)),
    }
}

/// Fetches something from one of the call's further servers.
fn fetch(watch: &Call, number: u32, events: &Events) {
    let Some(to) = watch.domains.get(number as usize % watch.domains.len().max(1)) else { return };
    let (to, bytes) = (SocketAddr::new(*to, 80), 400 + (number * 7919) % 60_000);
    let token = format!("{}-{number}", watch.token);
    let job = Job::Web { pages: 1, bytes, pause: 0 };
    call(&Call { way: Way::Direct, to, job, token, domains: Vec::new(), ..watch.clone() }, events);
}

/// Connects from `from`, if it says so; an error says from where it was tried.
pub(super) fn connect(
    from: Option<IpAddr>,
    to: SocketAddr,
    patience: Duration,
) -> Result<TcpStream, (SocketAddr, io::Error)> {
    let nowhere = SocketAddr::new(from.unwrap_or(if to.is_ipv4() { [0; 4].into() } else { [0; 16].into() }), 0);
    let socket =
        Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP)).map_err(|why| (nowhere, why))?;
    socket.bind(&nowhere.into()).map_err(|why| (nowhere, why))?;
    let own = socket.local_addr().ok().and_then(|own| own.as_socket()).unwrap_or(nowhere);
    socket.connect_timeout(&to.into(), patience).map_err(|why| (own, why))?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(patience)).map_err(|why| (own, why))?;
    stream.set_write_timeout(Some(patience)).map_err(|why| (own, why))?;
    stream.set_nodelay(true).map_err(|why| (own, why))?;
    Ok(stream)
}

/// Asks the proxy, if there is one; says how it refused, if it did.
fn ask(call: &Call, line: &mut Line) -> io::Result<Option<String>> {
    match call.way {
        Way::Direct | Way::Absolute(_) | Way::Fronted(_) | Way::Jump(_) | Way::Veiled(..) => Ok(None),
        Way::Socks4(_) => socks4(line, call.to, false),
        Way::Socks4a(_) => socks4(line, call.to, true),
        Way::Socks5(_) => socks5(line, call.to, false),
        Way::Socks5Name(_) => socks5(line, call.to, true),
        Way::Socks5Password(_) => password(line).and_then(|()| socks5_request(line, call.to, false)),
        Way::Connect(_) => http_connect(line, call.to, ""),
        Way::ConnectPassword(_) => http_connect(line, call.to, &format!("Proxy-Authorization: Basic {BASIC}\r\n")),
    }
}

fn socks4(line: &mut Line, to: SocketAddr, by_name: bool) -> io::Result<Option<String>> {
    let IpAddr::V4(address) = to.ip() else { return Err(io::Error::other("SOCKS4 knows no IPv6")) };
    let mut request = vec![4, 1];
    request.extend_from_slice(&to.port().to_be_bytes());
    request.extend_from_slice(&if by_name { [0, 0, 0, 1] } else { address.octets() });
    request.extend_from_slice(b"user\0");
    if by_name {
        request.extend_from_slice(name_of(to.ip()).as_bytes());
        request.push(0);
    }
    line.get_mut().write_all(&request)?;
    let mut answer = [0; 8];
    line.read_exact(&mut answer)?;
    Ok((answer[1] != 90).then(|| format!("socks-{}", answer[1])))
}

fn socks5(line: &mut Line, to: SocketAddr, by_name: bool) -> io::Result<Option<String>> {
    line.get_mut().write_all(&[5, 1, 0])?;
    line.read_exact(&mut [0; 2])?;
    socks5_request(line, to, by_name)
}

/// RFC 1929.
fn password(line: &mut Line) -> io::Result<()> {
    line.get_mut().write_all(&[5, 1, 2])?;
    line.read_exact(&mut [0; 2])?;
    let (name, word) = NAME_AND_PASSWORD;
    let mut login = vec![1, name.len() as u8];
    login.extend_from_slice(name.as_bytes());
    login.push(word.len() as u8);
    login.extend_from_slice(word.as_bytes());
    line.get_mut().write_all(&login)?;
    line.read_exact(&mut [0; 2])
}

fn socks5_request(line: &mut Line, to: SocketAddr, by_name: bool) -> io::Result<Option<String>> {
    let mut answer = [0; 4];
    let mut request = vec![5, 1, 0];
    match to.ip() {
        IpAddr::V4(v4) if !by_name => {
            request.push(1);
            request.extend_from_slice(&v4.octets());
        }
        IpAddr::V6(v6) if !by_name => {
            request.push(4);
            request.extend_from_slice(&v6.octets());
        }
        address => {
            let name = name_of(address);
            request.extend_from_slice(&[3, name.len() as u8]);
            request.extend_from_slice(name.as_bytes());
        }
    }
    request.extend_from_slice(&to.port().to_be_bytes());
    line.get_mut().write_all(&request)?;
    line.read_exact(&mut answer)?;
    let rest = match answer[3] {
        4 => 18,
        3 => {
            let mut length = [0];
            line.read_exact(&mut length)?;
            usize::from(length[0]) + 2
        }
        _ => 6,
    };
    line.read_exact(&mut vec![0; rest])?;
    Ok((answer[1] != 0).then(|| format!("socks-{}", answer[1])))
}

fn http_connect(line: &mut Line, to: SocketAddr, login: &str) -> io::Result<Option<String>> {
    let request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{login}User-Agent: Mozilla/5.0\r\n\r\n");
    line.get_mut().write_all(request.as_bytes())?;
    let status = web::head(line)?.status;
    Ok((status != 200).then(|| format!("http-{status}")))
}

/// The next line, without its end; an error where there is none.
pub(super) fn read_line(line: &mut Line) -> io::Result<String> {
    let mut text = String::new();
    if line.take(4096).read_line(&mut text)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(text.trim_end().to_owned())
}
