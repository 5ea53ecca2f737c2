//! How the witnesses write it down.

mod cisco;
mod firewall;
mod text;
pub(crate) mod zeek;

use std::io::{self, Write};

pub use cisco::{Asa, Asa5424, Cisco, Pix};
pub use firewall::{Dialect, Firewall};
pub use zeek::ZeekConn;

use crate::engine::Sink;
use crate::flow::{Event, Pair};
use crate::truth::text as address;

/// How much is gathered before it is written.
const CHUNK: usize = 1 << 17;

/// Bytes on their way to a file: written in large pieces, so that no line costs a call.
struct Lines<W: Write> {
    buffer: Vec<u8>,
    to: W,
}

impl<W: Write> Lines<W> {
    fn new(to: W) -> Self {
        Self { buffer: Vec::with_capacity(CHUNK + 1024), to }
    }

    fn end(&mut self) -> io::Result<()> {
        self.buffer.push(b'\n');
        if self.buffer.len() >= CHUNK { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.flush()?;
        self.to.flush()
    }
}

/// `pairs.tsv`: the connection ids of both legs of every relayed session.
pub struct Pairs<W: Write> {
    lines: Lines<W>,
}

impl<W: Write> Pairs<W> {
    /// Writes to `to`.
    pub fn new(to: W) -> Self {
        let mut lines = Lines::new(to);
        lines.buffer.extend_from_slice(b"in_id\tout_id\tdelivered\thost\n");
        Self { lines }
    }
}

impl<W: Write> Sink for Pairs<W> {
    fn event(&mut self, _at: u64, _event: Event<'_>) -> io::Result<()> {
        Ok(())
    }

    fn pair(&mut self, pair: Pair) -> io::Result<()> {
        let Pair { in_id, out_id, delivered, host } = pair;
        write!(self.lines.buffer, "{in_id}\t{out_id}\t{}\t{}", u8::from(delivered), address(host))?;
        self.lines.end()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.lines.finish()
    }
}

/// Several witnesses of the same.
#[derive(Default)]
pub struct Tee<'a> {
    sinks: Vec<Box<dyn Sink + 'a>>,
}

impl<'a> Tee<'a> {
    /// One more.
    #[must_use]
    pub fn and(mut self, sink: impl Sink + 'a) -> Self {
        self.sinks.push(Box::new(sink));
        self
    }
}

impl Sink for Tee<'_> {
    fn event(&mut self, at: u64, event: Event<'_>) -> io::Result<()> {
        self.sinks.iter_mut().try_for_each(|sink| sink.event(at, event))
    }

    fn pair(&mut self, pair: Pair) -> io::Result<()> {
        self.sinks.iter_mut().try_for_each(|sink| sink.pair(pair))
    }

    fn finish(&mut self) -> io::Result<()> {
        self.sinks.iter_mut().try_for_each(|sink| sink.finish())
    }
}
