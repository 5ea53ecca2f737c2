//! A proxy for our own hosts alone, and a load balancer in front of servers of ours: half of what they do is inside.

use std::io;
use std::net::SocketAddr;

use super::{Part, Targets, connect};
use crate::daemons::stage::Stage;
use crate::daemons::task::{Job, Service, Way};

pub(super) const PROXY: Part = Part { name: "inside-proxy", programs: &[("squid", "squid")], set: proxy };
pub(super) const BALANCER: Part = Part { name: "balancer", programs: &[("haproxy", "haproxy")], set: balancer };

/// What goes to it stays on our switch.
fn proxy(stage: &mut Stage) -> io::Result<()> {
    let (host, port) = connect::start_squid(stage, "inside-proxy")?;
    let (at_proxy, targets) = (SocketAddr::new(host.v4.into(), port), Targets::new(stage, 20));
    for number in 0..3 {
        let user = stage.host(&format!("proxy-user{number}"))?;
        for _ in 0..40 {
            let at = stage.moment();
            let (way, (to, job)) = if stage.rng.chance(400) {
                (Way::Absolute(at_proxy), targets.web(stage))
            } else {
                (Way::Connect(at_proxy), targets.opaque(stage))
            };
            stage.own_by(at, &user, way, to, job);
        }
        stage.innocent(&user, &["browses through the inside proxy"]);
    }
    stage.innocent(&host, &["web proxy for inside hosts"]);
    Ok(())
}

/// haproxy, by turns to two web servers of ours; one of them updates itself from outside.
fn balancer(stage: &mut Stage) -> io::Result<()> {
    let host = stage.host("balancer")?;
    let servers = [stage.host("behind-balancer0")?, stage.host("behind-balancer1")?];
    let lines: String = (0..)
        .zip(&servers)
        .map(|(number, server): (u32, _)| format!(" server s{number} {}:8080 check inter 2s\n", server.v4))
        .collect();
    let config = format!(
        "defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n\
         frontend web\n bind {}:80\n default_backend servers\nbackend servers\n balance roundrobin\n{lines}",
        host.v4
    );
    let config = stage.file(&host, "haproxy.cfg", &config)?;
    for server in &servers {
        stage.listen(server, 8080, Service::Web);
    }
    stage.daemon(&host, &["haproxy", "-db", "-f", &config], Some(80))?;
    let visitors: Vec<_> = (0..20).map(|_| stage.client()).collect();
    for _ in 0..120 {
        let (at, from) = (stage.moment(), stage.rng.pick(&visitors));
        let (pages, bytes) = (stage.rng.range(1, 3) as u32, stage.rng.draw(&[400, 5_000, 30_000, 120_000]) as u32);
        stage.visit(at, from, &host, 80, Job::Web { pages, bytes, pause: 150 });
    }
    let updates = Targets::new(stage, 6);
    for one in [&host, &servers[0]] {
        for _ in 0..25 {
            let (at, (to, job)) = (stage.moment(), updates.web(stage));
            stage.own(at, one, to, job);
        }
    }
    stage.innocent(&host, &["HARD: load balancer to inside servers", "fetches updates"]);
    stage.innocent(&servers[0], &["web server behind the load balancer", "fetches updates"]);
    stage.innocent(&servers[1], &["web server behind the load balancer"]);
    Ok(())
}
