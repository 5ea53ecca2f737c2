//! What the folds of one worker give away as they go.

use std::io;
use std::net::IpAddr;

use catspaw_records::{Ending, HostKey, Proto, SensorId};
use catspaw_relay::{Attempt, Brief, Connection, EndedLeg, LegPair, Sink};

use super::sent::SentLegs;
use super::spill::Spill;

/// Which connections are kept for whoever wants to see them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wanted {
    #[default]
    None,
    /// Those of two hosts, which may be the same.
    Of([IpAddr; 2]),
    All,
}

impl Wanted {
    fn has(self, ends: [IpAddr; 2]) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Of(hosts) => ends.iter().any(|end| hosts.contains(end)),
        }
    }
}

/// Rows of one worker's hosts, in no order that means anything.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// Pairs, also of hosts that will not be judged relays.
    pub(crate) pairs: Spill<LegPair>,
    /// Every outbound leg.
    pub(crate) sent: SentLegs,
    /// Inbound attempts, as far as a case may ask for them.
    pub(crate) attempts: Spill<Attempt>,
    /// Connections, where they are wanted.
    pub(crate) connections: Spill<Connection>,
    wanted: Wanted,
    /// How many connections there were.
    pub(crate) counted: Counted,
    error: Option<io::Error>,
}

/// Connections put together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    /// All.
    pub(crate) connected: u64,
    /// Those of which the evidence has more than the opening, be it that nobody answered.
    pub(crate) told: u64,
    /// Those of TCP that were answered and whose end was seen; others are not tested.
    pub(crate) ended: u64,
    /// Those of them whose end says nothing of their bytes.
    pub(crate) sizeless: u64,
    /// Those of TCP that ended by FINs, and those of which the evidence does not say how they ended.
    pub(crate) finished: u64,
    pub(crate) vague: u64,
}

impl std::iter::Sum for Counted {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self {
            connected: a.connected + b.connected,
            told: a.told + b.told,
            ended: a.ended + b.ended,
            sizeless: a.sizeless + b.sizeless,
            finished: a.finished + b.finished,
            vague: a.vague + b.vague,
        })
    }
}

impl Rows {
    /// None yet.
    #[must_use]
    pub(crate) fn new(wanted: Wanted) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// Whether a temporary file has failed since this was asked last.
    ///
    /// # Errors
    /// If so.
    pub(crate) fn check(&mut self) -> io::Result<()> {
        self.error.take().map_or(Ok(()), Err)
    }
}

impl Sink for Rows {
    fn connection(&mut self, brief: Brief, connection: impl FnOnce() -> Connection) {
        self.counted.connected += 1;
        self.counted.told += u64::from(brief.ended.is_some());
        if let (Some((ending, sized)), Proto::Tcp) = (brief.ended, brief.proto) {
            if brief.is_over() {
                self.counted.ended += 1;
                self.counted.sizeless += u64::from(!sized);
            }
            self.counted.finished += u64::from(ending == Ending::Fins);
            self.counted.vague += u64::from(ending == Ending::Unknown);
        }
        if self.wanted.has(brief.ends) {
            self.error = self.error.take().or(self.connections.push(&connection()).err());
        }
    }

    fn pair(&mut self, pair: LegPair) {
        self.error = self.error.take().or(self.pairs.push(&pair).err());
    }

    fn sent(&mut self, host: HostKey, sensor: SensorId, leg: &EndedLeg) {
        if let Err(error) = self.sent.push(host, sensor, leg) {
            self.error.get_or_insert(error);
        }
    }

    fn attempt(&mut self, attempt: Attempt) {
        self.error = self.error.take().or(self.attempts.push(&attempt).err());
    }
}
