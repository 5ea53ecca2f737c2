//! Zeek's `conn.log`, as TSV.

use crate::{Block, HashSeed, LineSink};

/// Reads `conn.log`.
#[derive(Clone, Debug)]
pub struct Reader {}

impl Reader {
    /// A reader, where the first bytes of a file are those of a Zeek conn log.
    #[must_use]
    pub fn sniff(_head: &[u8]) -> Option<Self> {
        None
    }

    /// Parses a block into `sink`.
    pub fn read(&mut self, _block: Block<'_>, _seed: HashSeed, _sink: &mut impl LineSink) {}

    /// Moves over a block without parsing it.
    pub fn advance(&mut self, _block: &[u8]) {}
}
