//! A runner of continuous integration: it asks all the time whether there is work, and then fetches a lot.

use std::io;

use super::{Part, Targets};
use crate::daemons::stage::Stage;
use crate::daemons::task::{Job, Service};

pub(super) const RUNNER: Part = Part { name: "ci-runner", programs: &[], set: runner };

fn runner(stage: &mut Stage) -> io::Result<()> {
    let (host, forge) = (stage.host("runner")?, stage.server(443, Service::Opaque));
    let pace = 700;
    for number in 0..stage.span / pace {
        stage.own(number * pace, &host, forge, Job::Opaque { rounds: 1, up: 410, down: 190, pause: 0 });
    }
    // One connection stays, for what the job says meanwhile.
    let pushes = (stage.span / 1_000) as u32;
    stage.own(200, &host, forge, Job::Watch { pushes, down: 90, pause: 900, up: 900, parts: 0 });
    let mirrors = Targets::new(stage, 25);
    for _ in 0..6 {
        let begin = stage.moment();
        for _ in 0..20 {
            let (at, (to, job)) = (begin + stage.rng.below(3_000), mirrors.web(stage));
            stage.own(at, &host, to, job);
        }
    }
    stage.innocent(&host, &["HARD: CI runner that polls, reports, and fetches from many mirrors"]);
    Ok(())
}
