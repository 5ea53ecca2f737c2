//! The connections of a host that are open, by name.

use std::hash::Hash;

use foldhash::HashMap;
use serde::{Deserialize, Serialize};

/// So many are looked through one by one: most hosts have fewer, and many have one, for which a table would make room for four.
const FEW: usize = 8;

/// Values by key: a list as long as there are few, then a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "K: Serialize + serde::de::DeserializeOwned + Eq + Hash, V: Serialize + serde::de::DeserializeOwned")]
pub(crate) enum Opens<K: Eq + Hash, V> {
    Few(Vec<(K, V)>),
    Many(HashMap<K, V>),
}

impl<K: Eq + Hash, V> Default for Opens<K, V> {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl<K: Copy + Eq + Hash, V> Opens<K, V> {
    #[inline]
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        match self {
            Self::Few(few) => few.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            Self::Many(many) => many.get(key),
        }
    }

    /// Puts a value in, and gives the one that had its key.
    #[inline]
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self {
            Self::Few(few) => {
                if let Some((_, held)) = few.iter_mut().find(|(name, _)| *name == key) {
                    return Some(std::mem::replace(held, value));
                }
                if few.len() < FEW {
                    if few.len() == few.capacity() {
                        few.reserve_exact(few.len().max(1));
                    }
                    few.push((key, value));
                    return None;
                }
                let mut many: HashMap<K, V> = few.drain(..).collect();
                many.insert(key, value);
                *self = Self::Many(many);
                None
            }
            Self::Many(many) => many.insert(key, value),
        }
    }

    /// Takes a value out, if `is_meant` agrees.
    #[inline]
    pub(crate) fn remove_if(&mut self, key: &K, is_meant: impl FnOnce(&V) -> bool) -> Option<V> {
        match self {
            Self::Few(few) => {
                let at = few.iter().position(|(name, _)| name == key)?;
                is_meant(&few[at].1).then(|| few.swap_remove(at).1)
            }
            Self::Many(many) => {
                many.get(key).filter(|value| is_meant(value))?;
                many.remove(key)
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Few(few) => few.len(),
            Self::Many(many) => many.len(),
        }
    }

    /// All of them, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let (few, many) = match self {
            Self::Few(few) => (Some(few), None),
            Self::Many(many) => (None, Some(many)),
        };
        few.into_iter().flatten().map(|(key, value)| (key, value)).chain(many.into_iter().flatten())
    }

    /// All values, in no order.
    pub(crate) fn into_values(self) -> Vec<V> {
        match self {
            Self::Few(few) => few.into_iter().map(|(_, value)| value).collect(),
            Self::Many(many) => many.into_values().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_are_kept_alike() {
        for count in [1, FEW, FEW + 1, 100] {
            let mut opens = Opens::default();
            for n in 0..count {
                assert_eq!(opens.insert(n, n), None);
            }
            assert_eq!((opens.insert(0, 7), opens.len()), (Some(0), count));
            assert_eq!((opens.get(&0), opens.get(&count)), (Some(&7), None));
            let mut all: Vec<usize> = opens.iter().map(|(_, &value)| value).collect();
            all.sort_unstable();
            assert_eq!(all.len(), count);
            assert_eq!(opens.remove_if(&0, |&value| value == 0), None);
            assert_eq!((opens.remove_if(&0, |&value| value == 7), opens.len()), (Some(7), count - 1));
            assert_eq!(opens.get(&0), None);
            assert_eq!(opens.into_values().len(), count - 1);
        }
    }
}
