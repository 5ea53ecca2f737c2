//! A dialogue on a connection, as it goes: who speaks hears first what was said before.

use super::payload::Payload;
use super::plan::{Close, Plan, Side, Span};
use crate::rng::Rng;

/// One thing said in a dialogue.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) from: Side,
    /// Microseconds that it takes to think of it.
    pub(crate) think: u64,
    pub(crate) payload: Payload,
}

/// A connection in the making.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) plan: Plan,
    /// When what was said last passed the sensor.
    pub(crate) now: u64,
    last: Side,
    rng: Rng,
}

impl Talk {
    /// The handshake is done; the originator may speak.
    pub(crate) fn new(plan: Plan, rng: &mut Rng) -> Self {
        let now = plan.start + plan.turn_of(Side::Resp) + plan.turn_of(Side::Orig);
        let rng = Rng::new(rng.next(), 0);
        Self { plan, now, last: Side::Orig, rng }
    }

    /// `from` says something `think` after it has heard all else.
    pub(crate) fn say(&mut self, from: Side, think: u64, payload: Payload) -> Span {
        let turn = if self.last == from { 0 } else { self.plan.turn_of(from) };
        self.speak(self.now + turn + think, from, payload)
    }

    /// `from` says something that it is ready to say at `at`.
    pub(crate) fn say_at(&mut self, at: u64, from: Side, payload: Payload) -> Span {
        self.speak(at.max(self.now), from, payload)
    }

    /// `from` passes on what it heard on another connection, as it came. Says when it passed here.
    pub(crate) fn carry(&mut self, heard: Span, from: Side, payload: Payload) -> Span {
        let first = if heard.smooth { heard.begin } else { heard.end };
        let at = (first + self.plan.turn_of(from) + self.rng.range(20, 120)).max(self.now);
        let span = self.speak(at, from, payload);
        // The last byte cannot leave before it has come.
        let end = span.end.max(heard.end + self.plan.turn_of(from));
        self.now = self.now.max(end);
        Span { end, ..span }
    }

    /// Both sides say all of it.
    pub(crate) fn hold(&mut self, dialogue: &[Line]) {
        for line in dialogue {
            self.say(line.from, line.think, line.payload.clone());
        }
    }

    /// Closes it by FINs, `from` first.
    pub(crate) fn close(&mut self, from: Side) -> u64 {
        self.end(Close::Fins(from))
    }

    /// Ends it, as soon as that side has heard everything.
    pub(crate) fn end(&mut self, close: Close) -> u64 {
        let by = match close {
            Close::Fins(side) | Close::Reset(side) => side,
            Close::Silence => self.last,
        };
        let turn = if self.last == by { 0 } else { self.plan.turn_of(by) };
        self.plan.end(self.now + turn, close);
        self.plan.close.0
    }

    /// Nothing is said for a while.
    pub(crate) fn wait(&mut self, micros: u64) {
        self.now += micros;
    }

    /// When `side` has heard everything, and can act upon it elsewhere.
    pub(crate) fn heard_by(&self, side: Side) -> u64 {
        self.now + self.plan.turn_of(side)
    }

    fn speak(&mut self, at: u64, from: Side, payload: Payload) -> Span {
        let span = self.plan.say(at, from, payload, &mut self.rng);
        (self.now, self.last) = (span.end, from);
        span
    }
}

/// A dialogue that a client holds with a server through the relays between them: `legs` from the client's to the server's.
pub(crate) fn through(legs: &mut [Talk], dialogue: &[Line]) {
    for line in dialogue {
        match line.from {
            Side::Orig => pass(legs.iter_mut(), line),
            Side::Resp => pass(legs.iter_mut().rev(), line),
        }
    }
}

/// A line goes from leg to leg.
fn pass<'a>(mut legs: impl Iterator<Item = &'a mut Talk>, line: &Line) {
    let Some(first) = legs.next() else { return };
    let mut heard = first.say(line.from, line.think, line.payload.clone());
    for leg in legs {
        heard = leg.carry(heard, line.from, line.payload.clone());
    }
}
