//! The connections of a host that are open, by name.

use std::hash::Hash;

use foldhash::HashMap;
use prefetch_index::prefetch_index;
use serde::{Deserialize, Serialize};

/// So many are looked through one by one: most hosts have fewer, and many have one, for which a table would make room for four.
const FEW: usize = 8;

/// What knows its own name.
pub(crate) trait Named<K> {
    fn name(&self) -> K;

    fn is_called(&self, name: &K) -> bool;
}

/// Values by name: a list as long as there are few, then a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "K: Serialize + serde::de::DeserializeOwned + Eq + Hash, V: Serialize + serde::de::DeserializeOwned")]
pub(crate) enum Opens<K: Eq + Hash, V> {
    Few(Vec<V>),
    Many(HashMap<K, V>),
}

impl<K: Eq + Hash, V> Default for Opens<K, V> {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl<K: Copy + Eq + Hash, V: Named<K>> Opens<K, V> {
    #[inline]
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        match self {
            Self::Few(few) => few.iter().find(|value| value.is_called(key)),
            Self::Many(many) => many.get(key),
        }
    }

    /// Puts a value in, and gives the one that had its key.
    #[inline]
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self {
            Self::Few(few) => {
                if let Some(held) = few.iter_mut().find(|held| held.is_called(&key)) {
                    return Some(std::mem::replace(held, value));
                }
                if few.len() < FEW {
                    if few.len() == few.capacity() {
                        few.reserve_exact(few.len().max(1));
                    }
                    few.push(value);
                    return None;
                }
                let mut many: HashMap<K, V> = few.drain(..).map(|held| (held.name(), held)).collect();
                many.insert(key, value);
                *self = Self::Many(many);
                None
            }
            Self::Many(many) => many.insert(key, value),
        }
    }

    /// Takes a value out, if it is the one that is meant.
    #[inline]
    pub(crate) fn take(&mut self, key: &K, is_meant: impl FnOnce(&V) -> bool) -> Option<V> {
        match self {
            Self::Few(few) => {
                let at = few.iter().position(|value| value.is_called(key))?;
                is_meant(&few[at]).then(|| few.swap_remove(at))
            }
            Self::Many(many) => {
                if is_meant(many.get(key)?) {
                    many.remove(key)
                } else {
                    None
                }
            }
        }
    }

    /// Has the first of few fetched from memory.
    pub(crate) fn fetch(&self) {
        if let Self::Few(few) = self {
            prefetch_index(few, 0);
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Few(few) => few.len(),
            Self::Many(many) => many.len(),
        }
    }

    /// All of them, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &V> {
        let (few, many) = match self {
            Self::Few(few) => (Some(few), None),
            Self::Many(many) => (None, Some(many)),
        };
        few.into_iter().flatten().chain(many.into_iter().flat_map(|many| many.values()))
    }

    /// All values, in no order.
    pub(crate) fn into_values(self) -> Vec<V> {
        match self {
            Self::Few(few) => few,
            Self::Many(many) => many.into_values().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Named<u32> for (u32, u32) {
        fn name(&self) -> u32 {
            self.0
        }

        fn is_called(&self, name: &u32) -> bool {
            self.0 == *name
        }
    }

    #[test]
    fn few_and_many_are_kept_alike() {
        for count in [1, FEW as u32, FEW as u32 + 1, 100] {
            let mut opens = Opens::default();
            for n in 0..count {
                assert_eq!(opens.insert(n, (n, n)), None);
            }
            assert_eq!((opens.insert(0, (0, 7)), opens.len()), (Some((0, 0)), count as usize));
            assert_eq!((opens.get(&0), opens.get(&count)), (Some(&(0, 7)), None));
            let mut all: Vec<u32> = opens.iter().map(|&(_, value)| value).collect();
            all.sort_unstable();
            assert_eq!(all.len(), count as usize);
            assert_eq!(opens.take(&0, |&(_, value)| value == 0), None);
            let taken = opens.take(&0, |&(_, value)| value == 7);
            assert_eq!((taken, opens.len()), (Some((0, 7)), count as usize - 1));
            assert_eq!(opens.get(&0), None);
            assert_eq!(opens.into_values().len(), count as usize - 1);
        }
    }
}
