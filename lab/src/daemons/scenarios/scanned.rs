//! A web server that is asked for every port there is, beside its visitors.

use std::io;

use super::{Part, Targets, browsers};
use crate::daemons::net::Host;
use crate::daemons::stage::Stage;
use crate::daemons::task::{Job, Service};

pub(super) const SCANNED: Part = Part { name: "scanned", programs: &[], set: scanned };

pub(super) const NMAP: Part = Part { name: "nmap", programs: &[("nmap", "nmap")], set: nmap };

/// By nmap, half open and with connections, while it is used.
fn nmap(stage: &mut Stage) -> io::Result<()> {
    let host = stage.host("nmap")?;
    for port in [80, 8080] {
        stage.listen(&host, port, Service::Web);
    }
    visited(stage, &host);
    let far = stage.abroad("scanner")?;
    let target = host.v4.to_string();
    // It scans from the address that its machine is configured with.
    stage.set_up(&far, &["ip", "addr", "add", &format!("{}/32", far.v4), "dev", "wan0"])?;
    for (at, kind) in [(1_000, "-sS"), (stage.span / 2, "-sT")] {
        let words = ["nmap", kind, "-n", "-Pn", "--max-retries", "1", "-p", "20-1400,8080", "--max-rate", "120"];
        stage.run(at, &far, &[&words[..], &[&target]].concat(), stage.span / 2 - 2_000);
    }
    browsers::browse(stage, &host, 12);
    stage.innocent(&host, &["HARD: web server, scanned by nmap", "web browsing"]);
    Ok(())
}

fn visited(stage: &mut Stage, host: &Host) {
    let mut visitors: Vec<_> = (0..10).map(|_| stage.client()).collect();
    visitors.extend((0..4).map(|_| stage.client6()));
    for _ in 0..60 {
        let (at, from) = (stage.moment(), stage.rng.pick(&visitors));
        let (pages, bytes) = (stage.rng.range(1, 4) as u32, stage.rng.draw(&[400, 5_000, 30_000, 120_000]) as u32);
        stage.visit(at, from, host, 80, Job::Web { pages, bytes, pause: 150 });
    }
}

fn scanned(stage: &mut Stage) -> io::Result<()> {
    let host = stage.host("scanned")?;
    stage.listen(&host, 80, Service::Web);
    visited(stage, &host);
    let scanner = stage.client();
    let first = stage.rng.range(1000, 1100) as u16;
    for port in first..first + 250 {
        let at = stage.moment();
        stage.visit(at, scanner, &host, port, Job::Knock);
    }
    let targets = Targets::new(stage, 6);
    for _ in 0..12 {
        let at = stage.moment();
        let (to, job) = targets.web(stage);
        stage.own(at, &host, to, job);
    }
    stage.innocent(&host, &["HARD: web server, port-scanned from outside", "fetches updates"]);
    Ok(())
}
