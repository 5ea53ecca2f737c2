//! Hosts whose owners read the web, all day.

use std::io;
use std::net::SocketAddr;

use super::{Part, Targets};
use crate::daemons::net::Host;
use crate::daemons::stage::Stage;
use crate::daemons::task::Service;

pub(super) const BROWSERS: Part = Part { name: "browsers", programs: &[], set: browsers };

/// Whom browsers call.
#[derive(Debug)]
struct Web {
    targets: Targets,
    six: Vec<SocketAddr>,
}

impl Web {
    fn new(stage: &mut Stage, many: usize) -> Self {
        Self { targets: Targets::new(stage, many), six: (0..6).map(|_| stage.server6(443, Service::Opaque)).collect() }
    }

    fn browse(&self, stage: &mut Stage, host: &Host, visits: u64) {
        for _ in 0..visits {
            // A page brings others with it, at the same time.
            let (at, parts) = (stage.moment(), stage.rng.range(1, 5));
            for _ in 0..parts {
                let (mut to, job) =
                    if stage.rng.chance(250) { self.targets.web(stage) } else { self.targets.opaque(stage) };
                if to.port() == 443 && stage.rng.chance(300) {
                    to = stage.rng.pick(&self.six);
                }
                let later = stage.rng.draw(&[0, 5, 60, 400]);
                stage.own(at + later, host, to, job);
            }
        }
    }
}

/// Has a host browse beside what else it does.
pub(super) fn browse(stage: &mut Stage, host: &Host, visits: u64) {
    Web::new(stage, 10).browse(stage, host, visits);
}

fn browsers(stage: &mut Stage) -> io::Result<()> {
    let web = Web::new(stage, 20);
    for number in 0..3 {
        let host = stage.host(&format!("browser{number}"))?;
        let visits = stage.rng.range(15, 30);
        web.browse(stage, &host, visits);
        stage.innocent(&host, &["web browsing, busy"]);
    }
    Ok(())
}
