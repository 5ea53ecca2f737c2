//! Cisco PIX and ASA syslog.

use crate::{Block, Clock, HashSeed, LineSink};

/// Reads PIX and ASA syslog.
#[derive(Clone, Debug)]
pub struct Reader {
    clock: Clock,
}

/// Whether the first bytes of a file look like PIX or ASA syslog.
#[must_use]
pub fn sniff(_head: &[u8]) -> bool {
    false
}

impl Reader {
    /// A reader whose stamps `clock` resolves.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock }
    }

    /// Parses a block into `sink`.
    pub fn read(&mut self, _block: Block<'_>, _seed: HashSeed, _sink: &mut impl LineSink) {
        let _ = &self.clock;
    }

    /// Moves over a block without parsing it.
    pub fn advance(&mut self, _block: &[u8]) {}
}
