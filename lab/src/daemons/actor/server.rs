//! Servers: whom they let in.

use std::io::{self, BufReader, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use super::{Events, app, mail, names, news, opaque, plain, veil, web};
use crate::daemons::task::{Server, Service};

/// No client is waited for longer.
const PATIENCE: Duration = Duration::from_secs(120);
/// Threads wait for data most of the time.
const STACK: usize = 256 << 10;

/// Listens, in a thread of its own.
pub(super) fn listen(server: &Server, seed: u64, events: &Events) -> io::Result<()> {
    let (at, service) = (server.at, server.service);
    let named = |why: io::Error| io::Error::other(format!("{at}: {why}"));
    if service == Service::Names {
        names::serve(UdpSocket::bind(at).map_err(named)?)?;
    }
    let listener = TcpListener::bind(at).map_err(named)?;
    let events = events.clone();
    thread::Builder::new().stack_size(STACK).spawn(move || {
        for stream in listener.incoming().flatten() {
            let events = events.clone();
            let served = thread::Builder::new().stack_size(STACK).spawn(move || serve(stream, service, seed, &events));
            if let Err(why) = served {
                _ = writeln!(io::stderr(), "{at}: {why}");
            }
        }
    })?;
    Ok(())
}

fn serve(stream: TcpStream, service: Service, seed: u64, events: &Events) {
    let (Ok(peer), Ok(own)) = (stream.peer_addr(), stream.local_addr()) else { return };
    let ends = (plain(peer), plain(own));
    _ = stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_nodelay(true));
    let mut line = BufReader::new(stream);
    let outcome = match service {
        Service::Veiled(manner) => veil::serve(&mut line, manner),
        Service::Mail(manner) => mail::serve(&mut line, manner, ends, events),
        Service::Web => web::serve(&mut line, ends, events),
        Service::Opaque => opaque::serve(&mut line, seed, ends, events),
        Service::Names => names::serve_stream(&mut line),
        Service::App(app) => app::serve(&mut line, app, ends, events),
        Service::News => news::serve(&mut line, ends, events),
    };
    if outcome.is_err_and(|why| why.kind() == io::ErrorKind::ConnectionReset) {
        _ = SockRef::from(line.get_ref()).set_linger(Some(Duration::ZERO));
    }
}
