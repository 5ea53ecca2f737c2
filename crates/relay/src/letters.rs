//! Mail that came in and mail that went out, found by what both have in common.

use catspaw_records::{Digest, Transaction};
use foldhash::HashMap;
use serde::{Deserialize, Serialize};

use crate::leg::Direction;
use crate::service::Key;

/// Transactions that share a part and are remembered: the latest.
const SHARING: usize = 32;
/// Parts that are remembered, of each direction.
const PARTS: usize = 1 << 17;

/// What two transactions may share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Part {
    MessageId(Digest),
    Body(Digest),
    Sender(Digest),
}

/// How two transactions are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Likeness {
    /// The same message.
    Message(Digest),
    /// The same sender, and the same recipients or no message by which to tell; or the same body under another `Message-ID`.
    Envelope,
}

type Shared = HashMap<Part, Vec<(Key, Transaction)>>;

/// The transactions of a host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Letters {
    inbound: Shared,
    outbound: Shared,
    /// Parts that were not remembered because there were too many.
    pub(crate) dropped: u64,
}

impl Letters {
    /// Takes a transaction.
    pub(crate) fn add(&mut self, direction: Direction, key: Key, mail: &Transaction) {
        let shared = match direction {
            Direction::Inbound => &mut self.inbound,
            Direction::Outbound => &mut self.outbound,
        };
        for part in parts(mail) {
            if shared.len() >= PARTS && !shared.contains_key(&part) {
                self.dropped += 1;
                continue;
            }
            let sharing = shared.entry(part).or_default();
            if sharing.len() >= SHARING {
                sharing.remove(0);
                self.dropped += 1;
            }
            sharing.push((key, *mail));
        }
    }

    /// The transactions of the other direction that are like this one, the likest and then the latest first.
    pub(crate) fn like(&self, direction: Direction, mail: &Transaction) -> Vec<(Key, Likeness)> {
        let shared = match direction {
            Direction::Inbound => &self.outbound,
            Direction::Outbound => &self.inbound,
        };
        let mut found: Vec<(u8, Key, Likeness)> = Vec::new();
        for (key, other) in parts(mail).filter_map(|part| shared.get(&part)).flatten() {
            let Some(likeness) = likeness(mail, other) else { continue };
            let same_to = u8::from(mail.recipients == other.recipients);
            let rank = same_to + if likeness == Likeness::Envelope { 0 } else { 2 };
            found.push((rank, *key, likeness));
        }
        found.sort_by_key(|&(rank, key, _)| std::cmp::Reverse((rank, key)));
        found.dedup_by_key(|&mut (_, key, _)| key);
        found.into_iter().map(|(_, key, likeness)| (key, likeness)).collect()
    }

    /// Forgets the transactions of legs that are not kept.
    pub(crate) fn keep(&mut self, kept: impl Fn(Direction, &Key) -> bool) {
        for (direction, shared) in [(Direction::Inbound, &mut self.inbound), (Direction::Outbound, &mut self.outbound)]
        {
            shared.retain(|_, sharing| {
                sharing.retain(|(key, _)| kept(direction, key));
                !sharing.is_empty()
            });
        }
    }
}

fn parts(mail: &Transaction) -> impl Iterator<Item = Part> {
    let parts = [mail.message_id.map(Part::MessageId), mail.body.map(Part::Body), mail.sender.map(Part::Sender)];
    parts.into_iter().flatten()
}

/// Whether two transactions are of one message. A server adds a `Message-ID` where there is none, and then the body tells;
/// where no message was sent, because nobody was to have it, the envelope does.
fn likeness(a: &Transaction, b: &Transaction) -> Option<Likeness> {
    let same_body = a.body.is_some() && a.body == b.body;
    match (a.message_id, b.message_id) {
        (Some(a), Some(b)) if a == b => return Some(Likeness::Message(a)),
        (Some(_), Some(_)) => return same_body.then_some(Likeness::Envelope),
        _ if same_body => return a.body.map(Likeness::Message),
        _ => {}
    }
    let unsent = a.body.is_none() || b.body.is_none();
    (unsent && a.sender.is_some() && a.sender == b.sender).then_some(Likeness::Envelope)
}
