//! A jump host: the client logs in and has its connection carried on (`ssh -W`, as `ssh -J` does).

use std::io::{self, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};

use super::client::Line;
use super::pipe::{carry, finish, pair, pump};

/// Speaks SSH on `stream`, and gives the connection to `to` that it carries.
///
/// `ssh` calls nobody but ourselves, so that it is known from which port its connection comes.
pub(super) fn enter(stream: &TcpStream, to: SocketAddr, key: &str) -> io::Result<Line> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let proxy = format!("ProxyCommand=socat - TCP:{}", listener.local_addr()?);
    let mut ssh = Command::new("ssh");
    ssh.args(["-F", "none", "-T", "-i", key, "-o", &proxy, "-W", &to.to_string()]);
    for option in ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "BatchMode=yes", "LogLevel=ERROR"] {
        ssh.args(["-o", option]);
    }
    let mut ssh = ssh.arg("root@jump").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (input, output) = (ssh.stdin.take(), ssh.stdout.take());
    let (Some(input), Some(output)) = (input, output) else { return Err(io::Error::other("ssh has no pipes")) };
    let (near, far) = pair()?;
    near.set_read_timeout(stream.read_timeout()?)?;
    let up = far.try_clone()?;
    carry(move || pump(up, input, || ()))?;
    carry(move || {
        pump(output, &far, || finish(&far));
        _ = ssh.wait();
    })?;
    let (inner, _) = listener.accept()?;
    let [(from, to), (back_from, back_to)] =
        [(inner.try_clone()?, stream.try_clone()?), (stream.try_clone()?, inner.try_clone()?)];
    carry(move || pump(from, &to, || finish(&to)))?;
    carry(move || pump(back_from, &back_to, || finish(&back_to)))?;
    Ok(BufReader::new(near))
}
