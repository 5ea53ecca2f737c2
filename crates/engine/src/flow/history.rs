//! Zeek's `history`: what happened on a connection, a letter each, in the order in which it first did.
//!
//! <https://docs.zeek.org/en/master/scripts/base/protocols/conn/main.zeek.html>

use catspaw_records::{Side, Uid};

/// Letters that are written again at the tenth, hundredth, ... time.
const REPEATED: [u8; 4] = *b"CTWG";

/// A history.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct History {
    text: [u8; Self::LONGEST],
    len: u8,
    /// Letters of each side that were written, a bit each from `A` on.
    seen: [u32; 2],
    /// How often each of the repeated ones was.
    repeated: [[u32; REPEATED.len()]; 2],
}

impl History {
    /// As long as a [`Uid`] may be.
    const LONGEST: usize = 22;

    /// Something happened: an upper-case letter, told of the side that sent the packet.
    #[inline]
    pub(super) fn add(&mut self, letter: u8, from: Side) {
        let side = usize::from(from == Side::Resp);
        let bit = 1 << (letter & 0x1f);
        if self.seen[side] & bit == 0 {
            self.seen[side] |= bit;
            self.write(letter, from);
        }
    }

    /// The same of what is written again at powers of ten.
    pub(super) fn add_again(&mut self, letter: u8, from: Side) {
        let Some(at) = REPEATED.iter().position(|&known| known == letter) else { return self.add(letter, from) };
        let count = &mut self.repeated[usize::from(from == Side::Resp)][at];
        *count = count.saturating_add(1);
        if is_power_of_ten(*count) {
            self.write(letter, from);
        }
    }

    /// Whose connection it is was turned.
    pub(super) fn flip(&mut self) {
        self.push(b'^');
    }

    fn write(&mut self, letter: u8, from: Side) {
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
