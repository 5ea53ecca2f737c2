//! Proxies that want a name and a password, which somebody sold.

use std::io;
use std::net::SocketAddr;

use super::Part;
use super::targets::used;
use crate::daemons::stage::{Relay, Stage};
use crate::daemons::task::{NAME_AND_PASSWORD, Way};

pub(super) const MICROSOCKS: Part =
    Part { name: "password-microsocks", programs: &[("microsocks", "microsocks")], set: microsocks };
pub(super) const SQUID: Part =
    Part { name: "password-squid", programs: &[("squid", "squid"), ("openssl", "openssl")], set: squid };

/// At a port that no proxy is known by.
fn microsocks(stage: &mut Stage) -> io::Result<()> {
    let (host, port) = (stage.host("socks-password")?, stage.rng.range(20_000, 60_000) as u16);
    let (name, word) = NAME_AND_PASSWORD;
    stage.daemon(&host, &["microsocks", "-p", &port.to_string(), "-u", name, "-P", word], Some(port))?;
    let relay = stage.relay(Relay::at(&host, port, "inbound-socks", "microsocks, with a password"));
    used(stage, relay, (6, 500), &[Way::Socks5Password(SocketAddr::new(host.v4.into(), port))]);
    Ok(())
}

fn squid(stage: &mut Stage) -> io::Result<()> {
    let (name, word) = NAME_AND_PASSWORD;
    let (host, port) = (stage.host("squid-password")?, stage.rng.range(20_000, 60_000) as u16);
    let folder = stage.folder(&host)?;
    let users = stage.file(&host, "users", &format!("{name}:{}\n", hash(word)?))?;
    let config = format!(
        "http_port {port}\nauth_param basic program /usr/lib/squid/basic_ncsa_auth {users}\nauth_param basic children 5\n\
         acl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all\ncache deny all\npid_filename none\n\
         pinger_enable off\ncache_log {folder}/cache.log\naccess_log none\ncoredump_dir {folder}\n\
         shutdown_lifetime 1 seconds\ncache_effective_user proxy\nvisible_hostname squid.example\nlogfile_rotate 0\n"
    );
    let config = stage.file(&host, "squid.conf", &config)?;
    stage.daemon(&host, &["squid", "-N", "-f", &config], Some(port))?;
    let relay = stage.relay(Relay::at(&host, port, "inbound-http-connect", "squid, with a password"));
    used(stage, relay, (6, 500), &[Way::ConnectPassword(SocketAddr::new(host.v4.into(), port))]);
    Ok(())
}

fn hash(word: &str) -> io::Result<String> {
    crate::daemons::process::run("openssl", &["passwd", "-apr1", word]).map(|hash| hash.trim().to_owned())
}
