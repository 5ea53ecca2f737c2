//! `--extract HOST FILE`: the packets that a host's incident stands on, in a capture of their own.
//!
//! These are, of each incident (or declared relay) of the host that stands on packets:
//!
//! - *forward*: every TCP connection to the ports of its `services`, answered or not, and every outbound connection that
//!   carries one of them on, or was to (`relayed` and `refused`);
//! - *backconnect*: the tunnel's connections, and the calls that go through it;
//! - of both the host's own DNS lookups from the first to the last of these, by which names that clients asked for are known by
//!   address, and which stand between what comes down a tunnel and the call;
//! - and of each the SMTP connections that the host opened, which `smtp_completed` counts and spam is told by.
//!
//! What else the host did, and what others did, is not among them, so that `outbound_attempts` is smaller in a scan of
//! them.

mod choose;
mod spool;

use std::io;
use std::net::IpAddr;

pub(crate) use choose::Chosen;

use crate::args::Checksums;
use crate::output::Output;
use crate::packets::{Met, Replay};
use crate::pipeline::Gathered;
use spool::Spool;

/// Reads the captures among `gathered` once more and writes the packets that were chosen.
///
/// # Errors
/// Where a capture cannot be read any more, or the output not written.
pub(crate) fn write(
    chosen: &Chosen,
    gathered: &Gathered,
    (wait, checksums): (i64, Checksums),
    output: Output,
) -> Result<(), String> {
    let replay = Replay::open(gathered.captures(), wait, checksums)?;
    let spooled =
        spool(replay, chosen).map_err(|e| format!("a temporary file failed: {e} (TMPDIR says where they lie)"));
    let written = spooled?.write(output.file());
    written.map_err(|e| format!("{}: cannot be written: {e}", output.path().display()))?;
    output.keep()
}

/// Keeps what was chosen, and all fragments until it is known whose they are.
fn spool(replay: Replay, chosen: &Chosen) -> io::Result<Spool> {
    let mut spool = Spool::new()?;
    replay.for_each(&chosen.packets, |number, framed, met| match met {
        Met::Packet(_, (), pieces) => {
            spool.take_pieces(pieces);
            spool.push(number, &framed.frame, false)
        }
        Met::Piece => spool.push(number, &framed.frame, true),
    })?;
    Ok(spool)
}

/// Why the option's `host` has no packets that could be written.
pub(crate) fn why_nothing(host: IpAddr, chosen: &Chosen, gathered: &Gathered) -> Option<String> {
    let why = match chosen {
        Chosen { packets, .. } if !packets.is_empty() => return None,
        Chosen { cases: 0, .. } => "it has no incident, and no declared relay of it was seen",
        _ if gathered.captures().is_empty() => "there is no capture among the evidence",
        _ => "its incident stands on other evidence than packets",
    };
    Some(format!("--extract {host}: {why}; the file was not written"))
}
