//! The frames themselves, in the same order: for whoever reads the captures a second time.

use std::io;

use catspaw_engine::capture::Frame;
use catspaw_records::{Nanos, Place};

use super::{Captures, Open};

/// A frame where it stood among all that were read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Framed<'a> {
    /// As it is in the file.
    pub(crate) frame: Frame<'a>,
    /// The file, and the frame's number in it.
    pub(crate) place: Place,
    /// The moment as of which it was taken: not before that of the frame before it.
    pub(crate) taken: Nanos,
}

impl Captures {
    /// Gives every frame but second copies, in the order and as of the moments of [`Captures::next`].
    ///
    /// # Errors
    /// Where `give` fails. What is wrong with the files was told when they were read first.
    pub(crate) fn for_each_frame(mut self, mut give: impl FnMut(Framed<'_>) -> io::Result<()>) -> io::Result<()> {
        loop {
            self.refill();
            self.open_due();
            match self.open.as_slice() {
                [] if self.pending.is_empty() => return Ok(()),
                [] => {}
                [_] if self.is_alone() => {
                    let Some(mut open) = self.open.pop() else { continue };
                    for at in open.next..open.frames.len() {
                        self.give(&open, at, &mut give)?;
                    }
                    open.next = open.frames.len();
                    self.open.push(open);
                }
                _ => self.give_merged(&mut give)?,
            }
        }
    }

    /// Gives the frames of several files in the order of time, until one file has none left.
    fn give_merged(&mut self, give: &mut impl FnMut(Framed<'_>) -> io::Result<()>) -> io::Result<()> {
        while let Some(mut open) = self.take_earliest() {
            let at = open.next;
            open.next += 1;
            if !self.is_copy(&mut open, at) {
                self.give(&open, at, give)?;
            }
            self.open.push(open);
        }
        Ok(())
    }

    fn give(&mut self, open: &Open, at: usize, give: &mut impl FnMut(Framed<'_>) -> io::Result<()>) -> io::Result<()> {
        let found = open.frames[at];
        let bytes = open.bytes(&found);
        let frame = Frame { at: found.at, number: found.number, link: found.link, bytes, wire_len: found.wire_len };
        let place = Place { file: open.read.file, line: found.number };
        give(Framed { frame, place, taken: self.on_clock(found.at) })
    }
}
