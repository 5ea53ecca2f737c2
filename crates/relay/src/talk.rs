//! What was said on one leg, and what two legs have in common.

use std::collections::BTreeSet;

use catspaw_records::{AppProto, Digest, Nanos, Side, Target, Utterance};
use serde::{Deserialize, Serialize};

use crate::leg::{Leg, Mailed};

/// Ports that the requests of one leg named.
const PORTS: usize = 16;
/// Domains that the mail of one leg was for.
const RECIPIENTS: usize = 64;
/// Mail transactions of one leg of which it is remembered when they were over.
const OVER: usize = 16;
/// What the moments of two events say against one's being the cause of the other, at most (natural logarithm).
pub(crate) const MOST: f64 = 8.0;
/// What is said where the moment is not known.
pub(crate) const MAYBE: f64 = -MOST / 2.0;
/// What is said of the beginning of a direction first ([`Utterance::Carries`]).
pub(crate) const SHORT: u16 = 16;

/// The beginnings of what one leg carried: by direction, of [`SHORT`] bytes and of more (or of all, where that is less).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Beginnings {
    pub(crate) ways: [[Option<(u16, Digest)>; 2]; 2],
    /// When the first of each direction was seen.
    pub(crate) seen: [Option<Nanos>; 2],
}

/// How many bytes two legs have in common from the beginning on, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Agreed {
    pub(crate) up: u16,
    pub(crate) down: u16,
}

/// Whom the client of a leg asked to be connected with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) protocol: AppProto,
    pub(crate) target: Target,
    pub(crate) port: u16,
    pub(crate) at: Nanos,
    pub(crate) granted: Option<bool>,
}

/// What was said on one leg.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Talk {
    pub(crate) leg: Leg,
    pub(crate) begun: Beginnings,
    /// When its protocol was.
    pub(crate) recognised: Option<Nanos>,
    pub(crate) asked: Option<Asked>,
    /// Whether a request was made, and the ports that requests in absolute form named.
    pub(crate) fetches: bool,
    pub(crate) ports: BTreeSet<u16>,
    /// The domains that mail was for.
    pub(crate) recipients: Vec<Target>,
    /// Whether a mail transaction was seen, and what the transactions add up to.
    pub(crate) mails: bool,
    pub(crate) mailed: Mailed,
    /// When the first of its mail transactions were over.
    over: Vec<Nanos>,
}

/// Whether an outbound leg may carry an inbound one on, by what was said on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// It cannot: the client asked for something else.
    Never,
    /// What was said leaves it open.
    Open,
    /// It goes to a mail server for somebody whom the client named.
    Addressed,
    /// It goes where the client asked to be connected with.
    Target,
    /// It carried what the client's leg carried.
    Carried,
}

/// The logarithm of a chance that falls with the time from a cause to its effect, from a millisecond on.
fn soon(cause: Nanos, effect: Nanos) -> f64 {
    let nanos = effect.since(cause);
    if nanos < 0 { -MOST } else { -(1.0 + nanos as f64 / 1e6).ln().min(MOST) }
}

impl Beginnings {
    pub(crate) fn take(&mut self, from: Side, len: u16, digest: Digest, at: Nanos) {
        self.ways[from.index()][usize::from(len != SHORT)] = Some((len, digest));
        self.seen[from.index()].get_or_insert(at);
    }

    /// What is said by how soon an outbound leg carried what this inbound one did, and the other way round: the logarithm of
    /// a chance that falls with the delay, from a millisecond on. Nothing is carried on before it has come.
    pub(crate) fn handed_over(&self, outbound: &Self) -> f64 {
        let way = |from: Option<Nanos>, to: Option<Nanos>| from.zip(to).map_or(0.0, |(from, to)| soon(from, to));
        way(self.seen[0], outbound.seen[0]) + way(outbound.seen[1], self.seen[1])
    }

    /// What both have in common; `None` where they begin differently.
    pub(crate) fn with(&self, other: &Self) -> Option<Agreed> {
        let way = |from: Side| {
            let mut most = 0;
            for (a, b) in self.ways[from.index()].iter().zip(&other.ways[from.index()]) {
                match (a, b) {
                    (Some((m, a)), Some((n, b))) if m == n && a == b => most = *m,
                    (Some((m, _)), Some((n, _))) if m == n => return None,
                    // One of them was cut short.
                    _ => {}
                }
            }
            Some(most)
        };
        Some(Agreed { up: way(Side::Orig)?, down: way(Side::Resp)? })
    }
}

impl Agreed {
    /// More than a protocol's usual first words.
    pub(crate) fn is_distinctive(self) -> bool {
        self.up.saturating_add(self.down) > 2 * SHORT
    }

    /// Whether the host has carried something back that it was sent. What went up the client may have known beforehand.
    pub(crate) fn came_back(self) -> bool {
        self.down >= SHORT && self.is_distinctive()
    }
}

impl Talk {
    pub(crate) fn of(leg: Leg) -> Self {
        Self {
            leg,
            begun: Beginnings::default(),
            recognised: None,
            asked: None,
            fetches: false,
            ports: BTreeSet::new(),
            recipients: Vec::new(),
            mails: false,
            mailed: Mailed::default(),
            over: Vec::new(),
        }
    }

    pub(crate) fn was_open_at(&self, at: Nanos) -> bool {
        self.leg.end.is_none_or(|end| at <= end.at)
    }

    /// What is said for an outbound leg's handing on of mail that this one brought by how soon after a transaction it was opened.
    /// It may be opened before only where a server hands on before it answers; what is encrypted leaves it open.
    pub(crate) fn mailed_before(&self, outbound: &Leg) -> f64 {
        let soonest = self.over.iter().map(|&over| soon(over, outbound.start.at)).max_by(f64::total_cmp);
        let unknown = self.mailed.hidden || self.over.len() >= OVER;
        soonest.unwrap_or(-MOST).max(if unknown { MAYBE } else { -MOST })
    }

    /// Takes what concerns the leg alone.
    pub(crate) fn take(&mut self, said: &Utterance, at: Nanos) {
        match *said {
            Utterance::Speaks(_) => self.recognised = Some(at),
            Utterance::Asks { protocol, target, port } if self.asked.is_none() => {
                // What was told with the protocol was said at some time before: it may have taken the answer, or the end,
                // to recognise it.
                let at = if self.recognised == Some(at) { self.leg.start.at } else { at };
                self.asked = Some(Asked { protocol, target, port, at, granted: None });
            }
            Utterance::Granted(granted) => {
                if let Some(asked) = &mut self.asked {
                    asked.granted.get_or_insert(granted);
                }
            }
            Utterance::Carries { from, len, digest } => self.begun.take(from, len, digest, at),
            Utterance::Fetches { absolute, port, .. } => {
                self.fetches = true;
                if absolute && self.ports.len() < PORTS {
                    self.ports.insert(port);
                }
            }
            Utterance::Recipient(to) => {
                if self.recipients.len() < RECIPIENTS && !self.recipients.contains(&to) {
                    self.recipients.push(to);
                }
            }
            Utterance::Mails(mail) => {
                self.mails = true;
                self.mailed.take(&mail);
                if self.over.len() < OVER {
                    self.over.push(at);
                }
            }
            Utterance::Encrypts { .. } => self.mailed.hidden = true,
            Utterance::Asks { .. } | Utterance::Resolves { .. } | Utterance::Exchanges { .. } => {}
        }
    }

    /// Whether the outbound leg goes on with what was asked on this one, and what both have in common.
    pub(crate) fn tunnel(&self, outbound: &Leg, talk: Option<&Self>, meets: Option<bool>) -> (Fit, Option<Agreed>) {
        let Some(asked) = self.asked else { return (Fit::Open, None) };
        let agreed = talk.map_or(Some(Agreed { up: 0, down: 0 }), |talk| self.begun.with(&talk.begun));
        let elsewhere = asked.port != outbound.peer.port || meets == Some(false);
        let Some(agreed) = agreed.filter(|_| !elsewhere && asked.at <= outbound.start.at) else {
            return (Fit::Never, None);
        };
        let fit = match meets {
            _ if agreed.is_distinctive() => Fit::Carried,
            Some(true) => Fit::Target,
            _ => Fit::Open,
        };
        (fit, Some(agreed))
    }
}
