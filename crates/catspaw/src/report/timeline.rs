//! Inbound and outbound attempts over an incident, side by side in time.

use catspaw_relay::Slots;

use super::incident::Case;

/// A part of the span that is shown before and after it, so that the eye sees the change.
const MARGIN: i64 = 8;

/// Attempts by time, in slots of one width that begin at a multiple of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timeline {
    /// At the services; empty where there is no service.
    pub(crate) inbound: Slots,
    /// The whole host's.
    pub(crate) outbound: Slots,
    /// The slots that are shown.
    pub(crate) from: i64,
    /// The one behind them.
    pub(crate) to: i64,
}

impl Timeline {
    /// Of a case whose records were seen.
    #[must_use]
    pub(super) fn of(case: &Case<'_>) -> Option<Self> {
        let (_, lane) = case.lane?;
        let ports = case.services.iter().filter_map(|service| lane.tally.inbound_slots.get(&service.port));
        let inbound = ports.cloned().reduce(|a, b| a.with(&b)).unwrap_or_default();
        Self::new(inbound, lane.tally.outbound_slots.clone())
    }

    /// Puts both on one axis: the span of what came in where something did, and a margin of what there is.
    #[must_use]
    pub(crate) fn new(mut inbound: Slots, mut outbound: Slots) -> Option<Self> {
        while inbound.width() < outbound.width() {
            inbound.widen();
        }
        while outbound.width() < inbound.width() {
            outbound.widen();
        }
        let (came, went) = (inbound.range(), outbound.range());
        if went.is_empty() {
            return None;
        }
        let (from, to) = if came.is_empty() {
            (went.start, went.end)
        } else {
            let margin = (came.end - came.start) / MARGIN + 1;
            let start = went.start.min(came.start).max(came.start - margin);
            (start, went.end.max(came.end).min(came.end + margin))
        };
        Some(Self { inbound, outbound, from, to })
    }

    /// Makes the slots so wide that there are at most `most` of them.
    #[must_use]
    pub(crate) fn within(mut self, most: usize) -> Self {
        while (self.to - self.from).max(1) > most.max(1) as i64 {
            let width = self.outbound.width();
            self.inbound.widen();
            self.outbound.widen();
            let factor = self.outbound.width() / width;
            self.from = self.from.div_euclid(factor);
            self.to = (self.to - 1).div_euclid(factor) + 1;
        }
        self
    }
}
