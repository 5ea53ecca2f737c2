//! What is counted of each civil day: most hosts are seen on one or two, and most of their ports on one.

use serde::{Deserialize, Serialize};

/// Attempts of one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// Answered.
    pub established: u64,
    /// Not answered.
    pub unanswered: u64,
    /// SMTP connections opened.
    pub smtp: u64,
    /// Those of them that ended by FINs from both sides.
    pub smtp_completed: u64,
}

/// Counts by civil day, in order. A map would make room for eleven days at each of a thousand ports that a scan asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Daily(Vec<(i32, Day)>);

impl Daily {
    /// The counts of a day, made where there are none.
    pub fn of(&mut self, day: i32) -> &mut Day {
        let at = self.place(day).unwrap_or_else(|at| {
            if self.0.len() == self.0.capacity() {
                self.0.reserve_exact(1 + self.0.len() / 2);
            }
            self.0.insert(at, (day, Day::default()));
            at
        });
        &mut self.0[at].1
    }

    /// The counts of a day that has some.
    pub(crate) fn get_mut(&mut self, day: i32) -> Option<&mut Day> {
        self.place(day).ok().map(|at| &mut self.0[at].1)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those of all days, the first one first.
    pub fn values(&self) -> impl Iterator<Item = &Day> {
        self.0.iter().map(|(_, counts)| counts)
    }

    /// The days in order, and what each has.
    pub fn iter(&self) -> impl Iterator<Item = (i32, &Day)> {
        self.0.iter().map(|(day, counts)| (*day, counts))
    }

    /// Most of what comes is of the last day.
    fn place(&self, day: i32) -> Result<usize, usize> {
        match self.0.last() {
            Some((last, _)) if *last == day => Ok(self.0.len() - 1),
            _ => self.0.binary_search_by_key(&day, |(day, _)| *day),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_kept_in_order_whatever_order_they_come_in() {
        let mut daily = Daily::default();
        for day in [7, 7, -3, 9, 7, 8, -3] {
            daily.of(day).established += 1;
        }
        let counts: Vec<(i32, u64)> = daily.iter().map(|(day, counts)| (day, counts.established)).collect();
        assert_eq!(counts, [(-3, 2), (7, 3), (8, 1), (9, 1)]);
        assert_eq!(daily.get_mut(8).map(|counts| counts.established), Some(1));
        assert_eq!(daily.get_mut(6), None);
    }
}
