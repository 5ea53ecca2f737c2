//! Between a job that wants a connection and a program or a protocol of ours that carries it: connections of a machine
//! to itself, which nobody records.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread;

/// Threads wait for data most of the time.
const STACK: usize = 256 << 10;

/// Both ends of a connection.
pub(super) fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let near = TcpStream::connect(listener.local_addr()?)?;
    let (far, _) = listener.accept()?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    Ok((near, far))
}

/// A thread that does nothing but carry.
pub(super) fn carry(what: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().stack_size(STACK).spawn(what).map(drop)
}

/// Carries from one to the other until there is no more, and says so to the other.
pub(super) fn pump(mut from: impl Read, mut to: impl Write, close: impl FnOnce()) {
    // Not `io::copy`: it splices, and some kernels then keep what came for a pipe until it is full.
    let mut buffer = [0; 16 << 10];
    // Who is gone takes no more, and whoever sends notices.
    while let Ok(length @ 1..) = from.read(&mut buffer)
        && to.write_all(&buffer[..length]).and_then(|()| to.flush()).is_ok()
    {}
    close();
}

/// Says that nothing more will be sent.
pub(super) fn finish(stream: &TcpStream) {
    _ = stream.shutdown(Shutdown::Write);
}
