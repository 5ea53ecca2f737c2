//! Batches on their way to the workers.

use crossbeam_channel::Sender;

use super::fold::{Message, ROUND};

/// What waits for a worker weighs half as much as it folds in one go, so that all others go on meanwhile: in units of so many
/// rows ([`Batch::weight`](super::parse::Batch::weight)).
const UNIT: usize = 4096;
pub(super) const UNITS: usize = ROUND / UNIT / 2;

/// Batches on their way to one worker.
pub(super) struct Queue {
    pub(super) batches: Sender<Message>,
    /// Holds a token for each unit that waits.
    pub(super) waiting: Sender<()>,
}

impl Queue {
    /// Sends a batch as soon as there is room for it; `false` where the worker is gone.
    fn send(&self, message: Message) -> bool {
        (0..units(&message)).all(|_| self.waiting.send(()).is_ok()) && self.batches.send(message).is_ok()
    }
}

/// Sends batches to every worker; `false` where one is gone, which has failed: its error is found when it is joined.
pub(super) fn send_all(messages: Vec<Message>, workers: &[Queue]) -> bool {
    messages.into_iter().all(|message| workers.iter().all(|worker| worker.send(message.clone())))
}

pub(super) fn units((batch, _): &Message) -> usize {
    batch.weight().div_ceil(UNIT).clamp(1, UNITS)
}
