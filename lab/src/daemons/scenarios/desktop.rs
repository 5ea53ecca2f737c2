//! Remote desktops: those that a host of ours shows to an outside viewer, and one that it looks at.
//!
//! The lab's own programs, with the sizes and times of somebody who works there; `vnc.rs` has real screens that nobody
//! touches.

use std::io;

use super::{Part, browsers};
use crate::daemons::net::Host;
use crate::daemons::stage::Stage;
use crate::daemons::task::{Job, Service};

pub(super) const DESKTOP_IN: Part = Part { name: "desktop-in", programs: &[], set: shown };
pub(super) const DESKTOP_DIALLED: Part = Part { name: "desktop-dialled", programs: &[], set: dialled };
pub(super) const DESKTOP_OUT: Part = Part { name: "desktop-out", programs: &[], set: looked_at };

/// Who works on it from outside browses there: what is fetched changes the screen.
fn shown(stage: &mut Stage) -> io::Result<()> {
    let (host, port) = (stage.host("desktop-in")?, 3389);
    stage.listen(&host, port, Service::Opaque);
    for _ in 0..2 {
        let (from, screen) = (stage.client(), screen(stage));
        stage.visit(200, from, &host, port, screen);
    }
    browse(stage, &host);
    stage.innocent(&host, &["HARD: remote desktop used from outside, to browse", "web browsing"]);
    Ok(())
}

fn looked_at(stage: &mut Stage) -> io::Result<()> {
    let host = stage.host("desktop-out")?;
    let (far, screen) = (stage.server(3389, Service::Opaque), screen(stage));
    stage.own(200, &host, far, screen);
    browse(stage, &host);
    stage.innocent(&host, &["HARD: works on an outside remote desktop", "web browsing"]);
    Ok(())
}

/// Somebody outside works on it, by way of a broker that it dialled out to: what is clicked comes down, what is fetched
/// because of it shows on the screen, and the screen goes up.
fn dialled(stage: &mut Stage) -> io::Result<()> {
    let (host, broker) = (stage.host("desktop-dialled")?, stage.server(443, Service::Opaque));
    let sites: Vec<_> = (0..40).map(|_| stage.server(80, Service::Web)).collect();
    let clicks = (stage.span / 1_500) as u32;
    let work = Job::Watch { pushes: clicks, down: 90, pause: 800, up: 22_000, parts: 2 };
    stage.own_with(100, &host, broker, &sites, work);
    stage.innocent(&host, &["HARD: remote desktop that dialled out to a broker, on which somebody browses"]);
    Ok(())
}

/// Parts of a screen, and what a mouse and a keyboard say.
fn screen(stage: &mut Stage) -> Job {
    let (down, up, pause) = (stage.rng.range(900, 4_000) as u32, stage.rng.range(40, 90) as u32, 110);
    Job::Watch { pushes: (stage.span / 150) as u32, down, pause, up, parts: 0 }
}

/// As a busy browser.
fn browse(stage: &mut Stage, host: &Host) {
    let visits = stage.rng.range(15, 25);
    browsers::browse(stage, host, visits);
}
