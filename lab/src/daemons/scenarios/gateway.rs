//! A router of ours that translates for hosts behind it: browsers, a web server, somebody who works from outside.

use std::io;

use super::{Part, browsers};
use crate::daemons::stage::Stage;
use crate::daemons::task::{Job, Service};

pub(super) const GATEWAY: Part = Part { name: "nat-gateway", programs: &[("nft", "nftables")], set: gateway };

fn gateway(stage: &mut Stage) -> io::Result<()> {
    let host = stage.host("gateway")?;
    let behind: Vec<_> =
        (1..=3).map(|number| stage.behind(&host, &format!("behind{number}"), number)).collect::<io::Result<_>>()?;
    let (web, desktop) = (&behind[0], &behind[1]);
    let rules = format!(
        "table ip nat {{\n chain in {{ type nat hook prerouting priority dstnat;\n  iifname eth0 tcp dport 80 dnat to {}\n  \
         iifname eth0 tcp dport 3389 dnat to {}\n }}\n chain out {{ type nat hook postrouting priority srcnat;\n  \
         oifname eth0 masquerade\n }}\n}}\n",
        web.v4, desktop.v4
    );
    let rules = stage.file(&host, "nft.conf", &rules)?;
    stage.set_up(&host, &["nft", "-f", &rules])?;
    stage.listen(web, 80, Service::Web);
    stage.listen(desktop, 3389, Service::Opaque);
    let visitors: Vec<_> = (0..20).map(|_| stage.client()).collect();
    for _ in 0..120 {
        let (at, from) = (stage.moment(), stage.rng.pick(&visitors));
        let (pages, bytes) = (stage.rng.range(1, 3) as u32, stage.rng.draw(&[400, 5_000, 30_000, 120_000]) as u32);
        stage.visit(at, from, &host, 80, Job::Web { pages, bytes, pause: 150 });
    }
    let (from, pushes) = (stage.client(), (stage.span / 200) as u32);
    stage.visit(500, from, &host, 3389, Job::Watch { pushes, down: 2_000, pause: 150, up: 60, parts: 0 });
    for one in &behind {
        let visits = stage.rng.range(15, 30);
        browsers::browse(stage, one, visits);
    }
    stage.innocent(&host, &["HARD: translates for three hosts: web server, remote desktop, busy browsers"]);
    Ok(())
}
