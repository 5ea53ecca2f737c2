//! Hosts that dial out and relay what comes down: nobody calls them.

use std::io;
use std::net::SocketAddr;

use super::{Part, Targets, ssh};
use crate::daemons::net::Host;
use crate::daemons::stage::{Relay, RelayId, Stage};
use crate::daemons::task::{Job, Way};

pub(super) const DYNAMIC: Part = Part { name: "ssh-reverse-dynamic", programs: ssh::PROGRAMS, set: dynamic };
pub(super) const TO_SOCKS: Part = Part {
    name: "ssh-reverse-socks",
    programs: &[("/usr/sbin/sshd", "openssh-server"), ("ssh", "openssh-client"), ("microsocks", "microsocks")],
    set: to_socks,
};
pub(super) const OVER_TLS: Part = Part {
    name: "ssh-over-stunnel",
    programs: &[
        ("/usr/sbin/sshd", "openssh-server"),
        ("ssh", "openssh-client"),
        ("stunnel4", "stunnel4"),
        ("openssl", "openssl"),
    ],
    set: over_tls,
};

/// `ssh -R PORT`: the client is the SOCKS server.
fn dynamic(stage: &mut Stage) -> io::Result<()> {
    let (host, far) = (stage.host("reverse")?, stage.abroad("ssh-far")?);
    let at = SocketAddr::new(far.v4.into(), stage.rng.pick(&[22, 443, 2222]));
    let key = ssh::server(stage, &far, at)?;
    let door = SocketAddr::new(at.ip(), stage.rng.range(30_000, 60_000) as u16);
    dial(stage, &host, (&far, at), (&key, &door.to_string()), door);
    let relay = stage.relay(Relay::dialling(&host, at, "ssh -R, dynamic"));
    used(stage, relay, door);
    Ok(())
}

/// `ssh -R PORT:localhost:1080`, where microsocks listens.
fn to_socks(stage: &mut Stage) -> io::Result<()> {
    let (host, far) = (stage.host("reverse-socks")?, stage.abroad("ssh-socks-far")?);
    stage.daemon(&host, &["microsocks", "-i", "127.0.0.1", "-p", "1080"], Some(1080))?;
    let at = SocketAddr::new(far.v4.into(), 22);
    let key = ssh::server(stage, &far, at)?;
    let door = SocketAddr::new(at.ip(), stage.rng.range(30_000, 60_000) as u16);
    dial(stage, &host, (&far, at), (&key, &format!("{door}:127.0.0.1:1080")), door);
    let software = "ssh -R to microsocks";
    let relay = stage.relay(Relay::dialling(&host, at, software));
    used(stage, relay, door);
    Ok(())
}

/// The same over TLS, as the border sees it: one connection to 443 that carries many.
fn over_tls(stage: &mut Stage) -> io::Result<()> {
    let (host, far) = (stage.host("stunnel")?, stage.abroad("stunnel-far")?);
    let (folder, hidden) = (stage.folder(&far)?, SocketAddr::new([127, 0, 0, 1].into(), 2022));
    let key = ssh::server(stage, &far, hidden)?;
    let at = SocketAddr::new(far.v4.into(), 443);
    let pem = certificate(&folder)?;
    let config = format!("foreground = yes\npid =\n[ssh]\naccept = {at}\nconnect = {hidden}\ncert = {pem}\n");
    let config = stage.file(&far, "stunnel.conf", &config)?;
    stage.daemon(&far, &["stunnel4", &config], Some(443))?;
    let near = SocketAddr::new([127, 0, 0, 1].into(), 2222);
    let config = format!("foreground = yes\npid =\nclient = yes\n[ssh]\naccept = {near}\nconnect = {at}\n");
    let config = stage.file(&host, "stunnel.conf", &config)?;
    stage.daemon(&host, &["stunnel4", &config], Some(near.port()))?;
    let door = SocketAddr::new(at.ip(), stage.rng.range(30_000, 60_000) as u16);
    dial(stage, &host, (&far, near), (&key, &door.to_string()), door);
    let software = "ssh -R, dynamic, over stunnel";
    let relay = stage.relay(Relay::dialling(&host, at, software));
    used(stage, relay, door);
    Ok(())
}

fn certificate(folder: &str) -> io::Result<String> {
    let pem = format!("{folder}/tls.pem");
    let words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=far.example"];
    crate::daemons::process::run("openssl", &[&words[..], &["-keyout", &pem, "-out", &format!("{pem}.crt")]].concat())?;
    let both = std::fs::read_to_string(&pem)? + &std::fs::read_to_string(format!("{pem}.crt"))?;
    std::fs::write(&pem, both)?;
    Ok(pem)
}

/// Has `host` dial to `far`, where `door` is opened that leads back here.
pub(super) fn dial(
    stage: &mut Stage,
    host: &Host,
    (far, at): (&Host, SocketAddr),
    (key, back): (&str, &str),
    door: SocketAddr,
) {
    let (port, login) = (at.port().to_string(), format!("root@{}", at.ip()));
    let mut words = ssh::client(key, &port);
    words.extend(["-R", back, &login]);
    stage.later(host, &words, (far, door.port()));
}

/// What people buy such a way out for, and some of the host's own.
fn used(stage: &mut Stage, relay: RelayId, door: SocketAddr) {
    let targets = Targets::new(stage, 30);
    let clients: Vec<_> = (0..6).map(|_| stage.client()).collect();
    let sessions = stage.rng.range(70, 100);
    for number in 0..sessions {
        let way = if number % 3 == 0 { Way::Socks5Name(door) } else { Way::Socks5(door) };
        let (from, kind) = (stage.rng.pick(&clients), stage.rng.below(10));
        let (to, job): (SocketAddr, Job) = match kind {
            0..3 => targets.mail(stage),
            3..6 => targets.web(stage),
            _ => targets.opaque(stage),
        };
        stage.relayed(relay, from, way, to, job);
    }
}
