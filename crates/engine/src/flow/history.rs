//! Zeek's `history`: what happened on a connection, a letter each, in the order in which it did.
//!
//! <https://docs.zeek.org/en/master/scripts/base/protocols/conn/main.zeek.html>

use catspaw_records::{Side, Uid};

/// Letters that are written again at the tenth, hundredth, ... time.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Scaled {
    /// A wrong checksum.
    Checksum = b'C',
    /// Bytes that were not captured.
    Gap = b'G',
    /// Payload that had been sent before.
    Retransmission = b'T',
    /// A window of nothing.
    ZeroWindow = b'W',
}

/// A history.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct History {
    text: [u8; Self::LONGEST],
    len: u8,
    /// Letters of each side that were written, a bit each from `A` on.
    seen: [u32; 2],
    /// How often each of the scaled ones was.
    scaled: [[u32; 4]; 2],
}

impl History {
    /// As long as a [`Uid`] may be.
    const LONGEST: usize = 22;

    /// Something happened: an upper-case letter, told of the side that sent the packet. Whether it was the first of its
    /// kind.
    #[inline]
    pub(super) fn add(&mut self, letter: u8, from: Side) -> bool {
        let side = from.index();
        // Of a SYN with and without an ACK a side sends one kind.
        let kind = if letter == b'H' { b'S' } else { letter };
        let bit = 1 << (kind & 0x1f);
        let is_new = self.seen[side] & bit == 0;
        if is_new {
            self.seen[side] |= bit;
            self.write(letter, from);
        }
        is_new
    }

    /// The same of what is written again at powers of ten.
    #[cold]
    pub(super) fn scale(&mut self, what: Scaled, from: Side) {
        let at = match what {
            Scaled::Checksum => 0,
            Scaled::Gap => 1,
            Scaled::Retransmission => 2,
            Scaled::ZeroWindow => 3,
        };
        let count = &mut self.scaled[from.index()][at];
        *count = count.saturating_add(1);
        if is_power_of_ten(*count) {
            self.write(what as u8, from);
        }
    }

    /// The originator is another than it seemed when the first packet came.
    pub(super) fn flip(&mut self) {
        self.push(b'^');
    }

    /// The sides are told the other way round from here on.
    pub(super) fn turn(&mut self) {
        self.seen.swap(0, 1);
        self.scaled.swap(0, 1);
        self.flip();
    }

    /// Whether all that happened is that the nominal originator sent a SYN ACK.
    #[inline]
    pub(super) fn is_answer_alone(&self) -> bool {
        self.len == 1 && self.text[0] == b'H'
    }

    /// What is told once it is known that the first packet was an answer: as if the question had been seen.
    pub(super) fn begin_with_answer(&mut self) {
        let seen = self.seen[0];
        *self = Self { seen: [0, seen], ..Self::default() };
        self.push(b'^');
        self.push(b'h');
    }

    /// Whether it began with a SYN of the originator, who reset it without having said or heard anything else.
    pub(super) fn is_syn_and_reset(&self) -> bool {
        let text = &self.text[..usize::from(self.len)];
        let text = text.strip_prefix(b"^").unwrap_or(text);
        let Some(rest) = text.strip_prefix(b"S") else { return false };
        rest.split(|&letter| letter == b'R')
            .next()
            .is_some_and(|before| before.len() < rest.len() && !before.iter().any(|letter| b"HAFGIQ".contains(letter)))
    }

    pub(super) fn write(&mut self, letter: u8, from: Side) {
        self.push(if from == Side::Resp { letter.to_ascii_lowercase() } else { letter });
    }

    fn push(&mut self, letter: u8) {
        if let Some(place) = self.text.get_mut(usize::from(self.len)) {
            *place = letter;
            self.len += 1;
        }
    }

    /// The text; `None` where there is none.
    pub(super) fn text(&self) -> Option<Uid> {
        let text = &self.text[..usize::from(self.len)];
        (!text.is_empty()).then(|| Uid::new(text))
    }
}

fn is_power_of_ten(mut count: u32) -> bool {
    while count >= 10 && count.is_multiple_of(10) {
        count /= 10;
    }
    count == 1
}
