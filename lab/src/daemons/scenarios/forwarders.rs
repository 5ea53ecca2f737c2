//! Name servers that hand questions on to another one, over TCP.

use std::io;
use std::net::SocketAddr;

use super::{Part, browsers};
use crate::daemons::net::{Host, NAME_SERVER};
use crate::daemons::stage::Stage;
use crate::daemons::task::Job;

pub(super) const UNBOUND: Part =
    Part { name: "dns-unbound", programs: &[("/usr/sbin/unbound", "unbound")], set: unbound };
pub(super) const DNSMASQ: Part =
    Part { name: "dns-dnsmasq", programs: &[("/usr/sbin/dnsmasq", "dnsmasq-base")], set: dnsmasq };

fn unbound(stage: &mut Stage) -> io::Result<()> {
    let host = stage.host("unbound")?;
    let folder = stage.folder(&host)?;
    let config = format!(
        "server:\n directory: \"{folder}\"\n chroot: \"\"\n username: \"\"\n pidfile: \"\"\n use-syslog: no\n do-daemonize: no\n \
         interface: {}\n access-control: 0.0.0.0/0 allow\n tcp-upstream: yes\n module-config: \"iterator\"\n \
         num-threads: 1\nremote-control:\n control-enable: no\n\
         forward-zone:\n name: \".\"\n forward-addr: {NAME_SERVER}\n",
        host.v4
    );
    let config = stage.file(&host, "unbound.conf", &config)?;
    stage.daemon(&host, &["/usr/sbin/unbound", "-d", "-c", &config], Some(53))?;
    asked(stage, &host);
    Ok(())
}

/// Asked over TCP, it asks over TCP.
fn dnsmasq(stage: &mut Stage) -> io::Result<()> {
    let host = stage.host("dnsmasq")?;
    let (own, server) = (format!("--listen-address={}", host.v4), format!("--server={NAME_SERVER}"));
    let words = ["/usr/sbin/dnsmasq", "-k", "-C", "/dev/null", "-R", "-h", "-u", "root", "-x", "", "--bind-interfaces"];
    stage.daemon(&host, &[&words[..], &[&own, &server]].concat(), Some(53))?;
    asked(stage, &host);
    Ok(())
}

/// By everybody, over TCP.
fn asked(stage: &mut Stage, host: &Host) {
    let clients: Vec<_> = (0..20).map(|_| stage.client()).collect();
    let questions = stage.rng.range(90, 140);
    for _ in 0..questions {
        let (at, from, names) = (stage.moment(), stage.rng.pick(&clients), stage.rng.draw(&[1, 1, 1, 2, 5]) as u32);
        stage.visit(at, from, host, 53, Job::LookUp { names, pause: 80 });
    }
    let own = stage.rng.range(20, 30);
    for _ in 0..own {
        let at = stage.moment();
        stage.own(at, host, SocketAddr::new(NAME_SERVER.into(), 53), Job::LookUp { names: 2, pause: 20 });
    }
    browsers::browse(stage, host, 5);
    stage.innocent(host, &["HARD: name server that forwards over TCP, for outside clients, too"]);
}
