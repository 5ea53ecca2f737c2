//! Which of a map's names a key is, asked for every key of every line.

/// As many names a map may have.
pub(super) const MOST: usize = 64;

/// No name of the map's.
pub(super) const NONE: u8 = u8::MAX;

/// The names, each with a number, in a table of hashes.
#[derive(Clone, Debug)]
pub(super) struct Names {
    all: Vec<Box<[u8]>>,
    /// The numbers by their names' hashes; those with one hash follow one another.
    table: Box<[u8; 256]>,
}

impl Names {
    pub(super) fn new() -> Self {
        Self { all: Vec::new(), table: Box::new([NONE; 256]) }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The name of a number that is one.
    pub(super) fn name(&self, number: u8) -> &[u8] {
        self.all.get(usize::from(number)).map_or(&[], |name| name)
    }

    /// The number of `name`, which is added where it is new; `None` where there are too many.
    pub(super) fn add(&mut self, name: &[u8]) -> Option<u8> {
        let known = self.number(name);
        if known != NONE || self.all.len() == MOST {
            return (known != NONE).then_some(known);
        }
        let number = self.all.len() as u8;
        let mut slot = hash(name);
        // A quarter is taken at most.
        while self.table[usize::from(slot)] != NONE {
            slot = slot.wrapping_add(1);
        }
        self.table[usize::from(slot)] = number;
        self.all.push(name.into());
        Some(number)
    }

    /// The number of `name`; [`NONE`] where it is no name of the map's.
    #[inline]
    pub(super) fn number(&self, name: &[u8]) -> u8 {
        let mut slot = hash(name);
        loop {
            let number = self.table[usize::from(slot)];
            if self.all.get(usize::from(number)).is_none_or(|own| **own == *name) {
                return number;
            }
            slot = slot.wrapping_add(1);
        }
    }
}

/// Names of one log differ in their length, or where they begin or end.
#[inline]
fn hash(name: &[u8]) -> u8 {
    let at = |index: usize| name.get(index).copied().unwrap_or(0);
    let (first, middle, last) = (at(0), at(name.len() / 2), at(name.len().wrapping_sub(1)));
    (name.len() as u8).wrapping_mul(31) ^ first.wrapping_mul(7) ^ middle.wrapping_mul(59) ^ last.wrapping_mul(131)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_and_no_other() {
        let mut names = Names::new();
        let all: Vec<String> = (0..MOST).map(|number| format!("name.{number}")).collect();
        for (number, name) in all.iter().enumerate() {
            assert_eq!(names.add(name.as_bytes()), Some(number as u8));
        }
        assert_eq!(names.add(b"name.7"), Some(7));
        assert_eq!(names.add(b"another"), None, "too many");
        for (number, name) in all.iter().enumerate() {
            assert_eq!(names.number(name.as_bytes()), number as u8);
        }
        assert_eq!((names.number(b"name"), names.number(b"")), (NONE, NONE));
    }
}
