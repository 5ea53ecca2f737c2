//! Web proxies that are open to everybody: `CONNECT` to mail and TLS, and pages by their whole address.

use std::io;
use std::net::SocketAddr;

use super::targets::used;
use super::{Part, Targets};
use crate::daemons::net::Host;
use crate::daemons::stage::{Relay, Stage};
use crate::daemons::task::Way;

pub(super) const TINYPROXY: Part =
    Part { name: "connect-tinyproxy", programs: &[("tinyproxy", "tinyproxy")], set: tinyproxy };
pub(super) const SQUID: Part = Part { name: "connect-squid", programs: &[("squid", "squid")], set: squid };
pub(super) const WEB: Part = Part { name: "web-proxy", programs: &[("squid", "squid")], set: web };

fn tinyproxy(stage: &mut Stage) -> io::Result<()> {
    let (host, port) = (stage.host("tinyproxy")?, stage.rng.range(8000, 8900) as u16);
    let config = format!("Port {port}\nTimeout 60\nMaxClients 100\nLogLevel Warning\n");
    let config = stage.file(&host, "tinyproxy.conf", &config)?;
    stage.daemon(&host, &["tinyproxy", "-d", "-c", &config], Some(port))?;
    let relay = stage.relay(Relay::at(&host, port, "inbound-http-connect", "tinyproxy"));
    used(stage, relay, (8, 700), &[Way::Connect(SocketAddr::new(host.v4.into(), port))]);
    Ok(())
}

fn squid(stage: &mut Stage) -> io::Result<()> {
    let (host, port) = start_squid(stage, "squid")?;
    let relay = stage.relay(Relay::at(&host, port, "inbound-http-connect", "squid"));
    used(stage, relay, (8, 700), &[Way::Connect(SocketAddr::new(host.v4.into(), port))]);
    Ok(())
}

/// Asked for pages, many on one connection, that go to several servers; and for `CONNECT` to TLS.
fn web(stage: &mut Stage) -> io::Result<()> {
    let (host, port) = start_squid(stage, "squid-web")?;
    let relay = stage.relay(Relay::at(&host, port, "web-proxy", "squid"));
    let (targets, proxy) = (Targets::new(stage, 12), SocketAddr::new(host.v4.into(), port));
    let clients: Vec<_> = (0..8).map(|_| stage.client()).collect();
    let sessions = stage.rng.range(40, 60);
    for _ in 0..sessions {
        let from = stage.rng.pick(&clients);
        let (way, (to, job)) = if stage.rng.chance(500) {
            (Way::Absolute(proxy), targets.web(stage))
        } else {
            (Way::Connect(proxy), targets.opaque(stage))
        };
        stage.relayed(relay, from, way, to, job);
    }
    Ok(())
}

/// A proxy that serves everybody.
pub(super) fn start_squid(stage: &mut Stage, name: &str) -> io::Result<(Host, u16)> {
    let (host, port) = (stage.host(name)?, stage.rng.range(3128, 3900) as u16);
    let folder = stage.folder(&host)?;
    let config = format!(
        "http_port {port}\nhttp_access allow all\ncache deny all\npid_filename none\npinger_enable off\n\
         cache_log {folder}/cache.log\naccess_log none\ncoredump_dir {folder}\nshutdown_lifetime 1 seconds\n\
         cache_effective_user proxy\nvisible_hostname squid.example\nlogfile_rotate 0\n"
    );
    let config = stage.file(&host, "squid.conf", &config)?;
    stage.daemon(&host, &["squid", "-N", "-f", &config], Some(port))?;
    Ok((host, port))
}
