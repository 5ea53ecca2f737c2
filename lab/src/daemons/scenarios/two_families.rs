//! A relay that is asked over IPv4 and calls over IPv6.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;

use super::Part;
use crate::daemons::stage::{Relay, Stage};
use crate::daemons::task::{Job, MailManner, Service, Way};
use crate::wire::Allowance;

pub(super) const KNOWN: Part =
    Part { name: "two-families-known", programs: &[("microsocks", "microsocks")], set: |stage| relay(stage, true) };
pub(super) const UNKNOWN: Part =
    Part { name: "two-families", programs: &[("microsocks", "microsocks")], set: |stage| relay(stage, false) };

/// The owner's table has both of its addresses, or there is none.
fn relay(stage: &mut Stage, known: bool) -> io::Result<()> {
    let (host, port) = (stage.host("two-families")?, stage.rng.range(1080, 1200) as u16);
    stage.daemon(&host, &["microsocks", "-p", &port.to_string()], Some(port))?;
    let mut unseen = vec![("pix", "the log has IPv4 only")];
    if known {
        stage.one_machine(&host);
    } else {
        unseen.extend(["capture", "asa", "conn"].map(|view| (view, "who calls is not known to be who is asked")));
    }
    let out_of_sight: BTreeMap<_, _> = unseen.iter().map(|(view, why)| ((*view).into(), (*why).into())).collect();
    let allowance = Some(Allowance { by_design: false, out_of_sight });
    let relay = stage.relay(Relay { allowance, ..Relay::at(&host, port, "inbound-socks", "microsocks") });
    let mail: Vec<_> = (0..12).map(|_| stage.server6(25, Service::Mail(MailManner::Accept))).collect();
    let web: Vec<_> = (0..12).map(|_| stage.server6(443, Service::Opaque)).collect();
    let clients: Vec<_> = (0..8).map(|_| stage.client()).collect();
    let proxy = SocketAddr::new(host.v4.into(), port);
    let sessions = stage.rng.range(45, 70);
    for _ in 0..sessions {
        let (from, way) = (stage.rng.pick(&clients), stage.rng.pick(&[Way::Socks5(proxy), Way::Socks5Name(proxy)]));
        let bytes = stage.rng.draw(&[600, 2_400, 9_000, 40_000]) as u32;
        let (to, job) = if stage.rng.chance(500) {
            (stage.rng.pick(&mail), Job::Mail { messages: 1, bytes, recipients: 2 })
        } else {
            (stage.rng.pick(&web), Job::Opaque { rounds: 3, up: 300, down: bytes, pause: 200 })
        };
        stage.relayed(relay, from, way, to, job);
    }
    Ok(())
}
