//! Rules on packets.

use std::path::PathBuf;

use super::File;
use crate::alerts::Asked;
use crate::args::{FailOn, RulesArgs};

/// What is to be done with rules and their alerts.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) asked: Asked,
    /// Where alerts are written.
    pub(crate) alerts: Option<PathBuf>,
    /// What makes the exit status 1.
    pub(crate) fail_on: FailOn,
}

impl Rules {
    /// Variables of the command line come after those of the configuration, and so over them.
    pub(super) fn new(args: RulesArgs, file: &File) -> Result<Self, String> {
        let files = if args.rules.is_empty() { file.rules.clone().unwrap_or_default() } else { args.rules };
        let alerts = args.alerts.or_else(|| file.alerts.clone());
        let fail_on = args.fail_on.or(file.fail_on).unwrap_or(FailOn::Incidents);
        let idle = [
            (args.strict_rules, "--strict-rules"),
            (!args.var.is_empty(), "--var"),
            (fail_on == FailOn::Alerts, "--fail-on alerts"),
            (alerts.is_some(), "--alerts"),
        ];
        if let Some((_, option)) = idle.iter().find(|(is_given, _)| *is_given && files.is_empty()) {
            return Err(format!("{option} without --rules: there are no rules that could fire"));
        }
        let variables = file.var.iter().flatten().cloned().chain(args.var).collect();
        let strict = args.strict_rules || file.strict_rules.unwrap_or(false);
        Ok(Self { asked: Asked { files, variables, strict }, alerts, fail_on })
    }
}
