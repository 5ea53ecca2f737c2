//! SOCKS proxies that are open to everybody.

use std::io;
use std::net::SocketAddr;

use super::Part;
use super::targets::used;
use crate::daemons::net::Host;
use crate::daemons::stage::{Relay, Stage};
use crate::daemons::task::Way;

pub(super) const DANTE: Part = Part { name: "socks-dante", programs: &[("danted", "dante-server")], set: dante };
pub(super) const MICROSOCKS: Part =
    Part { name: "socks-microsocks", programs: &[("microsocks", "microsocks")], set: microsocks };

fn dante(stage: &mut Stage) -> io::Result<()> {
    let (host, port) = (stage.host("dante")?, stage.rng.range(1080, 1200) as u16);
    let config = format!(
        "logoutput: stderr\ninternal: {} port = {port}\nexternal: eth0\nsocksmethod: none\nclientmethod: none\n\
         user.privileged: root\nuser.unprivileged: nobody\n\
         client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}\nsocks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}\n",
        host.v4
    );
    let config = stage.file(&host, "danted.conf", &config)?;
    stage.daemon(&host, &["danted", "-f", &config, "-p", "/dev/null"], Some(port))?;
    // Of 4a it knows nothing: it calls the address 0.0.0.1.
    spammed(stage, &host, port, "dante", &[Way::Socks4, Way::Socks5, Way::Socks5Name]);
    Ok(())
}

/// Speaks version 5 only.
fn microsocks(stage: &mut Stage) -> io::Result<()> {
    let (host, port) = (stage.host("microsocks")?, stage.rng.range(1080, 1200) as u16);
    stage.daemon(&host, &["microsocks", "-p", &port.to_string()], Some(port))?;
    spammed(stage, &host, port, "microsocks", &[Way::Socks5, Way::Socks5Name]);
    Ok(())
}

/// Spam and a little web, by a handful of clients.
fn spammed(stage: &mut Stage, host: &Host, port: u16, software: &'static str, ways: &[fn(SocketAddr) -> Way]) {
    let relay = stage.relay(Relay::at(host, port, "inbound-socks", software));
    let ways: Vec<Way> = ways.iter().map(|way| way(SocketAddr::new(host.v4.into(), port))).collect();
    used(stage, relay, (8, 700), &ways);
}
