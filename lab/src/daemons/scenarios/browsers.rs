//! Hosts whose owners read the web, all day.

use std::io;

use super::{Part, Targets};
use crate::daemons::stage::Stage;
use crate::daemons::task::Service;

pub(super) const BROWSERS: Part = Part { name: "browsers", programs: &[], set: browsers };

fn browsers(stage: &mut Stage) -> io::Result<()> {
    let targets = Targets::new(stage, 20);
    let six: Vec<_> = (0..6).map(|_| stage.server6(443, Service::Opaque)).collect();
    for number in 0..3 {
        let host = stage.host(&format!("browser{number}"))?;
        let visits = stage.rng.range(15, 30);
        for _ in 0..visits {
            // A page brings others with it, at the same time.
            let (at, parts) = (stage.moment(), stage.rng.range(1, 5));
            for _ in 0..parts {
                let (mut to, job) = if stage.rng.chance(250) { targets.web(stage) } else { targets.opaque(stage) };
                if to.port() == 443 && stage.rng.chance(300) {
                    to = stage.rng.pick(&six);
                }
                let later = stage.rng.draw(&[0, 5, 60, 400]);
                stage.own(at + later, &host, to, job);
            }
        }
        stage.innocent(&host, &["web browsing, busy"]);
    }
    Ok(())
}
