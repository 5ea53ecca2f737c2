//! Two relays inside, one behind the other: outsiders ask the first, and the second calls.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;

use super::{Part, Targets};
use crate::daemons::stage::{Relay, Stage};
use crate::daemons::task::{Job, Way};
use crate::wire::Allowance;

pub(super) const CHAIN: Part =
    Part { name: "chain", programs: &[("tinyproxy", "tinyproxy"), ("microsocks", "microsocks")], set: chain };

fn chain(stage: &mut Stage) -> io::Result<()> {
    stage.mirror()?;
    let (first, second) = (stage.host("chain-first")?, stage.host("chain-second")?);
    let (port, behind) = (stage.rng.range(8000, 8900) as u16, stage.rng.range(1080, 1200) as u16);
    stage.daemon(&second, &["microsocks", "-p", &behind.to_string()], Some(behind))?;
    let config =
        format!("Port {port}\nTimeout 60\nMaxClients 100\nLogLevel Warning\nUpstream socks5 {}:{behind}\n", second.v4);
    let config = stage.file(&first, "tinyproxy.conf", &config)?;
    stage.daemon(&first, &["tinyproxy", "-d", "-c", &config], Some(port))?;
    let unseen = |why: &str| {
        let views = ["capture", "pix", "asa", "conn"];
        let out_of_sight: BTreeMap<_, _> = views.iter().map(|view| ((*view).to_owned(), why.to_owned())).collect();
        Some(Allowance { by_design: false, out_of_sight })
    };
    let software = "tinyproxy that asks a SOCKS server inside";
    let one = Relay {
        allowance: unseen("what it calls is inside"),
        ..Relay::at(&first, port, "inbound-http-connect", software)
    };
    let other =
        Relay { allowance: unseen("who asks is inside"), ..Relay::at(&second, behind, "inbound-socks", "microsocks") };
    let relays = [stage.relay(one), stage.relay(other)];
    let targets = Targets::new(stage, 12);
    let clients: Vec<_> = (0..8).map(|_| stage.client()).collect();
    let sessions = stage.rng.range(45, 70);
    for _ in 0..sessions {
        let from = stage.rng.pick(&clients);
        let bytes = stage.rng.draw(&[600, 2_400, 9_000, 40_000]) as u32;
        let (to, job) = if stage.rng.chance(500) {
            (targets.mail_server(stage), Job::Mail { messages: 1, bytes, recipients: 2 })
        } else {
            targets.opaque(stage)
        };
        stage.chained(relays, from, Way::Connect(SocketAddr::new(first.v4.into(), port)), to, job);
    }
    Ok(())
}
