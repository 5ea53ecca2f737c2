//! What rules say of packets: which alerts are told, where they stand in the report, and Suricata's form of them.
//!
//! An alert says that a rule fired. It convicts nobody and enters no test: it stands beside what the tests found.

mod eve;
mod report;
mod rules;

use std::io;

use catspaw_engine::rule_class;
use catspaw_records::{Alert, RecordId};
use catspaw_rules::{Flow, HostBits, Ruleset, Thresholds};

use crate::pipeline::{Restriction, Spill};

pub(crate) use eve::write;
pub(crate) use report::{Counts, attach};
pub(crate) use rules::{Asked, Loaded};

/// The alerts of a run, in the order in which they were found.
#[derive(Debug, Default)]
pub(crate) struct Alerts {
    thresholds: Thresholds,
    host_bits: HostBits,
    rows: Spill<Alert>,
    any: bool,
    failed: Option<io::Error>,
}

impl Alerts {
    /// Takes those of a block of packets: what the rules' thresholds let pass, of connections that are looked at.
    pub(crate) fn take(&mut self, alerts: Vec<Alert>, rules: &Ruleset, only: &Restriction) {
        for alert in &alerts {
            let Some(rule) = rules.rules().get(alert.rule as usize) else { continue };
            let admitted = self.host_bits.admit(rule, alert.at.0, flow(alert));
            if !admitted || !rule.tells() || !only.spans(alert.start) {
                continue;
            }
            let told = rule.filter.is_none_or(|filter| {
                let RecordId::Device(id) = alert.id else { return true };
                self.thresholds.admits((alert.rule, filter), alert.at.0, flow(alert), id)
            });
            if told {
                self.any = true;
                self.failed = self.failed.take().or(self.rows.push(alert).err());
            }
        }
    }

    /// Whether a rule said anything.
    pub(crate) fn is_any(&self) -> bool {
        self.any
    }

    /// Alerts that were held back because too many hosts and flows are counted already.
    pub(crate) fn uncounted(&self) -> u64 {
        self.thresholds.uncounted
    }

    /// Bits of hosts that were not set because too many are.
    pub(crate) fn unset(&self) -> u64 {
        self.host_bits.unset
    }

    /// Gives each in order. May be done again.
    ///
    /// # Errors
    /// Where a temporary file fails, or did before, or `give` does.
    pub(crate) fn for_each(&mut self, mut give: impl FnMut(Alert) -> io::Result<()>) -> io::Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.rows.rows()?.try_for_each(|alert| give(alert?))
    }
}

fn flow(alert: &Alert) -> Flow {
    let (src, dst) = alert.ends();
    Flow { class: rule_class(alert.proto), src: src.addr, src_port: src.port, dst: dst.addr, dst_port: dst.port }
}
