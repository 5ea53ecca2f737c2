//! Who waits for a server to speak: push channels, web sockets, calls; and video, which asks for every segment.

use std::io;

use super::{Part, browsers};
use crate::daemons::stage::Stage;
use crate::daemons::task::{Job, Service};

pub(super) const SYNC: Part = Part { name: "sync", programs: &[], set: sync };
pub(super) const SOCKETS: Part = Part { name: "web-sockets", programs: &[], set: sockets };
pub(super) const MONITOR: Part = Part { name: "monitor", programs: &[], set: monitor };
pub(super) const CALL: Part = Part { name: "call", programs: &[], set: call };
pub(super) const VIDEO: Part = Part { name: "video", programs: &[], set: video };

/// A channel says that a file has changed, and the host fetches it elsewhere at once.
fn sync(stage: &mut Stage) -> io::Result<()> {
    let host = stage.host("sync")?;
    let (channel, store) = (stage.server(443, Service::Opaque), stage.server(80, Service::Web));
    let pushes = (stage.span / 900) as u32;
    stage.own_with(100, &host, channel, &[store], Job::Watch { pushes, down: 160, pause: 700, up: 60, parts: 1 });
    for _ in 0..12 {
        let at = stage.moment();
        let up = stage.rng.draw(&[3_000, 40_000, 200_000]) as u32;
        let uploads = stage.server(443, Service::Opaque);
        stage.own(at, &host, uploads, Job::Opaque { rounds: 1, up, down: 200, pause: 0 });
    }
    stage.innocent(&host, &["HARD: keeps files in step, by a push channel that says what to fetch"]);
    Ok(())
}

/// A page with a socket, whose messages make it fetch pictures from several servers.
fn sockets(stage: &mut Stage) -> io::Result<()> {
    let host = stage.host("web-sockets")?;
    for _ in 0..4 {
        let far = stage.server(443, Service::Opaque);
        let pictures: Vec<_> = (0..stage.rng.below(6)).map(|_| stage.server(80, Service::Web)).collect();
        let (pause, down) = (stage.rng.range(200, 1_500), stage.rng.range(80, 900) as u32);
        let pushes = (stage.span / (pause + 300)) as u32;
        stage.own_with(100, &host, far, &pictures, Job::Watch { pushes, down, pause, up: 30, parts: 1 });
    }
    let visits = stage.rng.range(10, 20);
    browsers::browse(stage, &host, visits);
    stage.innocent(&host, &["HARD: web application with sockets whose messages make it fetch", "web browsing"]);
    Ok(())
}

/// An agent that is told whom to look at, and says how it went.
fn monitor(stage: &mut Stage) -> io::Result<()> {
    let (host, master) = (stage.host("monitor")?, stage.server(443, Service::Opaque));
    let sites: Vec<_> = (0..40).map(|_| stage.server(80, Service::Web)).collect();
    let pushes = (stage.span / 600) as u32;
    stage.own_with(100, &host, master, &sites, Job::Watch { pushes, down: 140, pause: 350, up: 260, parts: 1 });
    browsers::browse(stage, &host, 8);
    stage.innocent(&host, &["HARD: monitoring agent that is told whom to fetch from, and reports", "web browsing"]);
    Ok(())
}

/// Pictures and sound both ways, over TCP as behind many firewalls.
fn call(stage: &mut Stage) -> io::Result<()> {
    let (host, far) = (stage.host("call")?, stage.server(443, Service::Opaque));
    let pushes = (stage.span / 60) as u32;
    stage.own(300, &host, far, Job::Watch { pushes, down: 1_600, pause: 40, up: 1_500, parts: 0 });
    let visits = stage.rng.range(8, 16);
    browsers::browse(stage, &host, visits);
    stage.innocent(&host, &["HARD: video call over TCP, as much up as down", "web browsing"]);
    Ok(())
}

/// Segments of a film, each asked for.
fn video(stage: &mut Stage) -> io::Result<()> {
    let host = stage.host("video")?;
    let far = stage.server(443, Service::Opaque);
    let rounds = (stage.span / 2_300) as u32;
    stage.own(300, &host, far, Job::Opaque { rounds, up: 420, down: 260_000, pause: 1_900 });
    let plain = stage.server(80, Service::Web);
    stage.own(900, &host, plain, Job::Web { pages: rounds, bytes: 120_000, pause: 1_900 });
    let visits = stage.rng.range(4, 10);
    browsers::browse(stage, &host, visits);
    stage.innocent(&host, &["video in segments", "web browsing"]);
    Ok(())
}
