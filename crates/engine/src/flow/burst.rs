//! Runs of payload one way. A run ends when the other side answers, when it is large, or when nothing more of it comes
//! for a while, which a timer notices: it is told when that is known, not when somebody next says something.

use catspaw_records::{Asked, Nanos, Side};

/// A pause of so many nanoseconds ends a run.
pub(super) const PAUSE: i64 = 1_000_000;
/// So many bytes end it, too.
const LARGE: u32 = 16 << 10;
/// Runs that are told of what comes down every connection.
const FIRST: u32 = 32;
/// A connection that has lived so long, in nanoseconds, is told to its end.
const LONG_LIVED: i64 = 3 * Nanos::SECOND;

/// A run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) from: Side,
    pub(super) bytes: u32,
    pub(super) first: Nanos,
    pub(super) last: Nanos,
    /// What it answers, where that was no run that is told.
    pub(super) asked: Option<Asked>,
}

/// The runs of one connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bursts {
    open: Option<Run>,
    /// What was sent up since the last run down, and is not told by itself.
    asked: Option<Asked>,
    told: u32,
    /// Whether a timer will ask.
    pub(super) is_awaited: bool,
}

impl Bursts {
    /// Payload came, `age` nanoseconds after the connection began. Gives the runs that end with it.
    #[inline]
    pub(super) fn take(&mut self, from: Side, bytes: u32, at: Nanos, age: i64) -> [Option<Run>; 2] {
        let ended = self.open.take_if(|run| run.from != from);
        match &mut self.open {
            Some(run) => {
                run.bytes = run.bytes.saturating_add(bytes);
                run.last = at;
            }
            None if age >= LONG_LIVED || (from == Side::Resp && self.told < FIRST) => {
                self.told = self.told.saturating_add(1);
                let asked = self.asked.take_if(|_| from == Side::Resp);
                self.open = Some(Run { from, bytes, first: at, last: at, asked });
            }
            None if from == Side::Orig => {
                let asked = self.asked.get_or_insert(Asked { bytes: 0, first: at, last: at });
                asked.bytes = asked.bytes.saturating_add(bytes);
                asked.last = at;
            }
            None => self.asked = None,
        }
        [ended, self.open.take_if(|run| run.bytes >= LARGE)]
    }

    /// When the run that is open ends if nothing more of it comes; `None` where none is open.
    #[inline]
    pub(super) fn ends(&self) -> Option<Nanos> {
        self.open.as_ref().map(|run| run.last.plus(PAUSE))
    }

    /// Nothing more will come of the run that is open.
    pub(super) fn finish(&mut self) -> Option<Run> {
        self.open.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(from: Side, bytes: u32, first: i64, last: i64) -> Run {
        Run { from, bytes, first: Nanos(first), last: Nanos(last), asked: None }
    }

    #[test]
    fn an_answer_and_a_large_size_end_a_run() {
        let mut bursts = Bursts::default();
        assert_eq!(bursts.take(Side::Orig, 10, Nanos(1), LONG_LIVED), [None, None]);
        assert_eq!(bursts.take(Side::Orig, 20, Nanos(2), LONG_LIVED), [None, None]);
        assert_eq!(bursts.ends(), Some(Nanos(2 + PAUSE)));
        let large = run(Side::Resp, LARGE, 3, 3);
        assert_eq!(
            bursts.take(Side::Resp, LARGE, Nanos(3), LONG_LIVED),
            [Some(run(Side::Orig, 30, 1, 2)), Some(large)]
        );
        assert_eq!(bursts.ends(), None);
    }

    #[test]
    fn what_a_short_connection_asks_is_told_with_the_answer() {
        let mut bursts = Bursts::default();
        let answer = |bursts: &mut Bursts, at, age| {
            bursts.take(Side::Resp, 1, Nanos(at), age);
            bursts.finish().and_then(|run| run.asked)
        };
        bursts.take(Side::Orig, 10, Nanos(1), 0);
        bursts.take(Side::Orig, 20, Nanos(5), 0);
        assert_eq!(answer(&mut bursts, 9, 0), Some(Asked { bytes: 30, first: Nanos(1), last: Nanos(5) }));
        assert_eq!(answer(&mut bursts, 10, 0), None, "it was told");
        let [asked, _] =
            [bursts.take(Side::Orig, 7, Nanos(11), LONG_LIVED), bursts.take(Side::Resp, 1, Nanos(12), LONG_LIVED)][1];
        assert_eq!(asked.map(|run| (run.from, run.bytes)), Some((Side::Orig, 7)), "it is a run of its own");
        assert_eq!(bursts.finish().and_then(|run| run.asked), None);
    }

    #[test]
    fn what_is_short_is_told_by_its_first_runs() {
        let mut bursts = Bursts::default();
        let mut take =
            |n: u32, age| bursts.take(if n.is_multiple_of(2) { Side::Orig } else { Side::Resp }, 1, Nanos(0), age);
        let told = (0..100).filter(|&n| take(n, 0)[0].is_some()).count();
        assert_eq!(told, FIRST as usize);
        let told = (0..100).filter(|&n| take(n, LONG_LIVED)[0].is_some()).count();
        assert_eq!(told, 99);
    }
}
