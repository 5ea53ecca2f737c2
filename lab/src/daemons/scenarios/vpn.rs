//! A VPN's client: OpenVPN over TCP. WireGuard would be datagrams, of which nothing is tested.

use std::io;

use super::{Part, Targets, browsers};
use crate::daemons::stage::Stage;

pub(super) const VPN: Part = Part { name: "vpn", programs: &[("openvpn", "openvpn")], set: vpn };

/// Some servers are called through the VPN, others beside it.
fn vpn(stage: &mut Stage) -> io::Result<()> {
    let host = stage.host("vpn")?;
    let far = stage.abroad("vpn-server")?;
    let key = format!("{}/key", stage.folder(&far)?);
    stage.prepare(&format!("openvpn --genkey secret {key} && chmod 644 {key}"))?;
    let common = "dev-type tun\nport 1194\nverb 3\ncipher AES-256-CBC\nauth SHA256\nping 5\nping-exit 60\n";
    let end =
        |stage: &Stage, host, text: String| stage.file(host, "vpn.conf", &format!("{common}secret {key}\n{text}"));
    let server = format!("dev vpn\nproto tcp-server\nlocal {}\nifconfig 10.8.0.1 10.8.0.2\n", far.v4);
    let server = end(stage, &far, server)?;
    stage.daemon(&far, &["openvpn", "--config", &server], Some(1194))?;
    let targets = Targets::new(stage, 10);
    let routes: String =
        targets.tls().iter().map(|server| format!("route {} 255.255.255.255\n", server.ip())).collect();
    let client = format!("dev vpn\nproto tcp-client\nremote {}\nifconfig 10.8.0.2 10.8.0.1\n{routes}", far.v4);
    let client = end(stage, &host, client)?;
    stage.keep(0, &host, &["openvpn", "--config", &client], stage.span);
    let visits = stage.rng.range(40, 60);
    for _ in 0..visits {
        let (at, (to, job)) = (stage.moment().max(5_000), targets.opaque(stage));
        stage.own(at, &host, to, job);
    }
    let visits = stage.rng.range(15, 25);
    browsers::browse(stage, &host, visits);
    stage.innocent(&host, &["HARD: VPN client (over TCP), beside web browsing that does not go through it"]);
    Ok(())
}
