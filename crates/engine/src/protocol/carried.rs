//! The beginning of what a connection carries, digested, so that another can be told to carry the same.

use catspaw_records::{Digest, Side, Utterance};

/// First so many bytes of a direction are digested,
const SHORT: usize = 16;
/// and then so many.
const LONG: usize = 256;

/// The beginnings of both directions.
#[derive(Debug, Default)]
pub(super) struct Carried {
    ways: [Way; 2],
}

#[derive(Debug, Default)]
struct Way {
    bytes: Vec<u8>,
    is_over: bool,
}

impl Carried {
    /// Of a connection whose own beginning is of no use.
    pub(super) fn of_nothing() -> Self {
        let way = || Way { bytes: Vec::new(), is_over: true };
        Self { ways: [way(), way()] }
    }

    /// Whether more of a direction is of use.
    pub(super) fn wants(&self, from: Side) -> bool {
        !self.ways[from.index()].is_over
    }

    /// Takes bytes in order.
    pub(super) fn data(&mut self, from: Side, bytes: &[u8], say: &mut dyn FnMut(Utterance)) {
        let way = &mut self.ways[from.index()];
        if way.is_over {
            return;
        }
        let before = way.bytes.len();
        way.bytes.extend_from_slice(&bytes[..bytes.len().min(LONG - before)]);
        for len in [SHORT, LONG] {
            if before < len
                && let Some(beginning) = way.bytes.get(..len)
            {
                say(carries(from, beginning));
            }
        }
        if way.bytes.len() >= LONG {
            *way = Way { bytes: Vec::new(), is_over: true };
        }
    }

    /// No more of a direction will come, or it is not known what.
    pub(super) fn end(&mut self, from: Side, say: &mut dyn FnMut(Utterance)) {
        let way = std::mem::replace(&mut self.ways[from.index()], Way { bytes: Vec::new(), is_over: true });
        if !way.is_over && !way.bytes.is_empty() && way.bytes.len() != SHORT {
            say(carries(from, &way.bytes));
        }
    }
}

fn carries(from: Side, beginning: &[u8]) -> Utterance {
    Utterance::Carries { from, len: beginning.len() as u16, digest: Digest::of(beginning) }
}
