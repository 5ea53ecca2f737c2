//! Web applications: each request makes them call another server, so that their timing is a relay's.

use std::io;
use std::net::SocketAddr;

use super::{Part, Targets};
use crate::daemons::net::Host;
use crate::daemons::stage::{Relay, Stage};
use crate::daemons::task::{App, Job, Service, Way};
use crate::wire::Allowance;

pub(super) const APPLICATION: Part = Part { name: "application", programs: &[], set: application };
pub(super) const TABLES: Part = Part { name: "tables", programs: &[], set: tables };
pub(super) const READER: Part = Part { name: "reader", programs: &[], set: reader };
pub(super) const PICTURES: Part = Part { name: "pictures", programs: &[], set: pictures };
pub(super) const UPLOADS: Part = Part { name: "uploads", programs: &[], set: uploads };
pub(super) const HOOKS: Part = Part { name: "hooks", programs: &[], set: hooks };
pub(super) const PREVIEWS: Part = Part { name: "previews", programs: &[], set: previews };
pub(super) const INGEST: Part = Part { name: "ingest", programs: &[], set: ingest };

/// Pages out of what an API says.
fn application(stage: &mut Stage) -> io::Result<()> {
    let (host, api) = (stage.host("application")?, stage.server(443, Service::Opaque));
    let sizes = [600, 2_000, 5_000, 12_000, 60_000];
    asked(stage, &host, 8000, App::Renders(api), |stage| Job::Ask {
        sends: 0,
        gets: stage.rng.draw(&sizes) as u32,
        about: None,
    });
    stage.innocent(&host, &["HARD: web application that calls an outside API for each request"]);
    Ok(())
}

/// Tables of as many rows as an API has.
fn tables(stage: &mut Stage) -> io::Result<()> {
    let (host, api) = (stage.host("tables")?, stage.server(443, Service::Opaque));
    let rows = [1, 5, 20, 60, 300];
    asked(stage, &host, 8000, App::Lists(api), |stage| Job::Ask {
        sends: 0,
        gets: stage.rng.draw(&rows) as u32,
        about: None,
    });
    stage.innocent(&host, &["HARD: web application whose pages have as many rows as an outside API's answers"]);
    Ok(())
}

/// Files go to a store while they come in: who does not know that this is meant to be has to take it for a relay.
fn uploads(stage: &mut Stage) -> io::Result<()> {
    let (host, store) = (stage.host("uploads")?, stage.server(443, Service::Opaque));
    by_design(stage, &host, 8443, "upload-gateway", App::Passes(store), |stage| {
        let sends = stage.rng.draw(&[2_000, 20_000, 60_000, 150_000, 400_000]) as u32;
        Job::Ask { sends, gets: 40, about: None }
    });
    Ok(())
}

/// Pictures that visitors name, as they are: an open proxy, but for what it is for.
fn pictures(stage: &mut Stage) -> io::Result<()> {
    let host = stage.host("pictures")?;
    let pictures: Vec<SocketAddr> = (0..40).map(|_| stage.server(80, Service::Web)).collect();
    by_design(stage, &host, 8081, "image-proxy", App::HandsOn, |stage| {
        let about = Some(stage.rng.pick(&pictures));
        Job::Ask { sends: 0, gets: 0, about }
    });
    Ok(())
}

/// Relays as it is meant to, and nobody declared it.
fn by_design(
    stage: &mut Stage,
    host: &Host,
    port: u16,
    topology: &'static str,
    app: App,
    request: impl Fn(&mut Stage) -> Job,
) {
    stage.listen(host, port, Service::App(app));
    let allowance = Some(Allowance { by_design: true, ..Allowance::default() });
    let relay = stage.relay(Relay { allowance, ..Relay::at(host, port, topology, "the lab's own") });
    let visitors: Vec<_> = (0..25).map(|_| stage.client()).collect();
    let requests = stage.rng.range(80, 120);
    for _ in 0..requests {
        let (from, job) = (stage.rng.pick(&visitors), request(stage));
        stage.relayed(relay, from, Way::Direct, SocketAddr::new(host.v4.into(), port), job);
    }
}

/// Hooks of a forge, of which a chat is told.
fn hooks(stage: &mut Stage) -> io::Result<()> {
    let (host, chat) = (stage.host("hooks")?, stage.server(443, Service::Opaque));
    let sizes = [500, 3_000, 7_000, 12_000, 25_000];
    asked(stage, &host, 9000, App::Tells(chat), |stage| Job::Ask {
        sends: stage.rng.draw(&sizes) as u32,
        gets: 2,
        about: None,
    });
    stage.innocent(&host, &["HARD: web hook receiver that tells an outside chat of each hook"]);
    Ok(())
}

/// Whoever asks says which page is to be fetched.
fn previews(stage: &mut Stage) -> io::Result<()> {
    about(stage, "previews", App::Previews, "shows title and small picture of each")
}

/// The same, and most of it comes back.
fn reader(stage: &mut Stage) -> io::Result<()> {
    about(stage, "reader", App::Rewrites, "shows the text of each in a frame of its own")
}

fn about(stage: &mut Stage, name: &str, app: App, does: &str) -> io::Result<()> {
    let host = stage.host(name)?;
    let pages: Vec<SocketAddr> = (0..40).map(|_| stage.server(80, Service::Web)).collect();
    asked(stage, &host, 8080, app, |stage| Job::Ask { sends: 0, gets: 0, about: Some(stage.rng.pick(&pages)) });
    stage.innocent(&host, &[&format!("HARD: fetches the pages that visitors name, and {does}")]);
    Ok(())
}

/// Files go to a store, as they are, when they have come in.
fn ingest(stage: &mut Stage) -> io::Result<()> {
    let (host, store) = (stage.host("ingest")?, stage.server(443, Service::Opaque));
    let sizes = [2_000, 20_000, 60_000, 150_000, 400_000];
    asked(stage, &host, 8443, App::Stores(store), |stage| Job::Ask {
        sends: stage.rng.draw(&sizes) as u32,
        gets: 40,
        about: None,
    });
    stage.innocent(&host, &["HARD: takes files and uploads them to an outside store afterwards"]);
    Ok(())
}

/// Two or three requests a second, and what a host fetches for itself beside them.
fn asked(stage: &mut Stage, host: &Host, port: u16, app: App, request: impl Fn(&mut Stage) -> Job) {
    stage.listen(host, port, Service::App(app));
    let mut visitors: Vec<_> = (0..25).map(|_| stage.client()).collect();
    visitors.extend((0..4).map(|_| stage.client6()));
    let requests = stage.rng.range(110, 160);
    for _ in 0..requests {
        let (at, from, job) = (stage.moment(), stage.rng.pick(&visitors), request(stage));
        stage.visit(at, from, host, port, job);
    }
    let targets = Targets::new(stage, 6);
    for _ in 0..10 {
        let (at, (to, job)) = (stage.moment(), targets.opaque(stage));
        stage.own(at, host, to, job);
    }
}
