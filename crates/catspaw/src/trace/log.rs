//! Which log an index is of, and whether that has changed since.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use catspaw_records::Nanos;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::pipeline::Lost;

/// As many bytes at the log's beginning, and before the place up to which it was read, must be what they were.
const PROBE: u64 = 64 << 10;

/// A log as it was read, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogState {
    /// Of the program that read it.
    pub(crate) program: String,
    /// Bytes on disk.
    pub(crate) size: u64,
    /// When it was written last, in nanoseconds.
    pub(crate) written: i64,
    /// Of its first bytes.
    pub(super) head: u64,
    /// Of its last bytes.
    pub(super) tail: u64,
    /// How stamps without a zone or a year were read.
    pub(crate) stamps: String,
    /// The first record's moment, as far as the beginning of the file tells.
    pub(crate) first: Nanos,
    /// The earliest and the latest moment of a record.
    pub(crate) span: Option<(Nanos, Nanos)>,
    pub(crate) lines: u64,
    pub(crate) records: u64,
    pub(crate) unparsed: u64,
    /// Messages that did not come to it.
    pub(crate) lost: Lost,
    /// What had to be let go before its end came.
    pub(crate) let_go: u64,
    /// Whether it can be read on where it ended: not packed, its last line whole, and its kind has no header.
    pub(crate) goes_on: bool,
}

/// What has become of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Same,
    /// More lines came.
    Grown,
    Another,
}

/// What a file is now: its size, when it was written, and its probes for a given size.
#[derive(Debug)]
pub(crate) struct Seen {
    file: File,
    pub(crate) size: u64,
    pub(crate) written: i64,
}

impl Seen {
    /// Looks at a regular file.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let written = metadata.modified()?;
        Ok(Self { file, size: metadata.len(), written: nanos(written) })
    }

    fn probe(&self, from: u64, to: u64) -> io::Result<u64> {
        let mut bytes = vec![0; (to - from) as usize];
        self.file.read_exact_at(&mut bytes, from)?;
        Ok(xxh3_64(&bytes))
    }

    /// The state of a log that was read up to `size`; the rest is for whoever read it.
    ///
    /// # Errors
    /// Where it cannot be read, or has become shorter.
    pub(crate) fn state(&self, size: u64) -> io::Result<LogState> {
        Ok(LogState {
            program: env!("CARGO_PKG_VERSION").to_owned(),
            size,
            written: self.written,
            head: self.probe(0, size.min(PROBE))?,
            tail: self.probe(size.saturating_sub(PROBE), size)?,
            ..LogState::default()
        })
    }

    /// What has become of the log that `known` tells of.
    pub(crate) fn change(&self, known: &LogState, stamps: &str, first: Nanos) -> Change {
        let read_alike = known.program == env!("CARGO_PKG_VERSION") && known.stamps == stamps && known.first == first;
        let unchanged = |state: LogState| (state.head, state.tail) == (known.head, known.tail);
        if !read_alike || self.size < known.size || !self.state(known.size).is_ok_and(unchanged) {
            Change::Another
        } else if self.size > known.size {
            if known.goes_on { Change::Grown } else { Change::Another }
        } else if self.written == known.written {
            Change::Same
        } else {
            Change::Another
        }
    }

    /// The last line before `size`, with its end; `None` where it is longer than a probe.
    pub(crate) fn last_line(&self, size: u64) -> Option<Vec<u8>> {
        let from = size.saturating_sub(PROBE);
        let mut bytes = vec![0; (size - from) as usize];
        self.file.read_exact_at(&mut bytes, from).ok()?;
        let body = bytes.strip_suffix(b"\n")?;
        let start = memchr::memrchr(b'\n', body).map(|newline| newline + 1).or((from == 0).then_some(0))?;
        Some(bytes.split_off(start))
    }
}

fn nanos(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
