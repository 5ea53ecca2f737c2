//! A host that sends spam by itself.

use std::io;

use super::{Part, Targets};
use crate::daemons::stage::Stage;

pub(super) const BOT: Part = Part { name: "bot", programs: &[], set: bot };

fn bot(stage: &mut Stage) -> io::Result<()> {
    let host = stage.host("bot")?;
    // A list has more servers on it than are reached in a minute.
    let targets = Targets::new(stage, 70);
    let messages = stage.rng.range(60, 90);
    for _ in 0..messages {
        let (to, job) = targets.mail(stage);
        stage.spam(&host, to, job);
    }
    stage.bot(&host);
    Ok(())
}
