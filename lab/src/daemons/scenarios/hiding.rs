//! Relays that hide, in three strengths.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;

use super::{Part, Targets};
use crate::daemons::stage::{Relay, Stage};
use crate::daemons::task::{Service, Veil, Way};
use crate::wire::Allowance;

pub(super) const FAINT: Part = Part { name: "hiding-faint", programs: &[], set: faint };
pub(super) const FAIR: Part = Part { name: "hiding-fair", programs: &[], set: fair };
pub(super) const STRONG: Part = Part { name: "hiding-strong", programs: &[], set: strong };

fn faint(stage: &mut Stage) -> io::Result<()> {
    hide(stage, "faint", Veil { wait: 5_000, padding: 1, split: false }, None)
}

fn fair(stage: &mut Stage) -> io::Result<()> {
    hide(stage, "fair", Veil { wait: 5_000, padding: 10, split: false }, Some("padding of up to 10 %"))
}

fn strong(stage: &mut Stage) -> io::Result<()> {
    hide(stage, "strong", Veil { wait: 5_000, padding: 30, split: true }, Some("padding, and legs split in two"))
}

fn hide(stage: &mut Stage, name: &str, veil: Veil, unseen: Option<&str>) -> io::Result<()> {
    let (host, port) = (stage.host(&format!("hiding-{name}"))?, stage.rng.range(10_000, 60_000) as u16);
    stage.listen(&host, port, Service::Veiled(veil));
    let why = |view: &&str| {
        unseen.map(|unseen| ((*view).to_owned(), format!("{unseen}: what goes in is not what comes out")))
    };
    let out_of_sight: BTreeMap<_, _> = ["capture", "pix", "asa", "conn"].iter().filter_map(why).collect();
    let allowance = Some(Allowance { by_design: false, out_of_sight }).filter(|_| unseen.is_some());
    let software = "catspaw-lab, a relay that hides";
    let relay = stage.relay(Relay { allowance, ..Relay::at(&host, port, "hiding", software) });
    let targets = Targets::new(stage, 12);
    let clients: Vec<_> = (0..8).map(|_| stage.client()).collect();
    let way = Way::Veiled(SocketAddr::new(host.v4.into(), port), veil);
    let sessions = stage.rng.range(60, 80);
    for _ in 0..sessions {
        let from = stage.rng.pick(&clients);
        let (to, job) = match stage.rng.below(10) {
            0..3 => targets.mail(stage),
            3..6 => targets.web(stage),
            _ => targets.opaque(stage),
        };
        stage.relayed(relay, from, way, to, job);
    }
    Ok(())
}
