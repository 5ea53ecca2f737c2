//! Sets of numbers as sorted ranges that do not touch: ports and addresses.

/// A number with a next and a previous one.
pub(crate) trait Number: Copy + Ord {
    const MIN: Self;
    const MAX: Self;
    fn next(self) -> Option<Self>;
    fn before(self) -> Option<Self>;
}

macro_rules! number {
    ($($type:ty),*) => {$(
        impl Number for $type {
            const MIN: Self = <$type>::MIN;
            const MAX: Self = <$type>::MAX;
            fn next(self) -> Option<Self> { self.checked_add(1) }
            fn before(self) -> Option<Self> { self.checked_sub(1) }
        }
    )*};
}
number!(u16, u32, u128);

/// A set of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ranges<T>(Vec<(T, T)>);

impl<T: Number> Ranges<T> {
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn all() -> Self {
        Self(vec![(T::MIN, T::MAX)])
    }

    /// From `low` to `high`, both in it.
    pub(crate) fn of(low: T, high: T) -> Self {
        Self(vec![(low, high)])
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn is_all(&self) -> bool {
        self.0 == [(T::MIN, T::MAX)]
    }

    pub(crate) fn has(&self, number: T) -> bool {
        let after = self.0.partition_point(|(low, _)| *low <= number);
        after > 0 && self.0[after - 1].1 >= number
    }

    /// The numbers at which membership changes: the first of each range and the one behind each.
    pub(crate) fn bounds(&self) -> impl Iterator<Item = T> + '_ {
        self.0.iter().flat_map(|(low, high)| [Some(*low), high.next()]).flatten()
    }

    pub(crate) fn union(self, other: Self) -> Self {
        let mut ranges = self.0;
        ranges.extend(other.0);
        ranges.sort_unstable();
        let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
        for (low, high) in ranges {
            match merged.last_mut() {
                Some(last) if last.1.next().is_none_or(|next| low <= next) => last.1 = last.1.max(high),
                _ => merged.push((low, high)),
            }
        }
        Self(merged)
    }

    pub(crate) fn complement(&self) -> Self {
        let mut gaps = Vec::with_capacity(self.0.len() + 1);
        let mut from = Some(T::MIN);
        for (low, high) in &self.0 {
            if let (Some(start), Some(end)) = (from, low.before())
                && start <= end
            {
                gaps.push((start, end));
            }
            from = high.next();
        }
        gaps.extend(from.map(|start| (start, T::MAX)));
        Self(gaps)
    }

    pub(crate) fn intersection(self, other: &Self) -> Self {
        self.complement().union(other.complement()).complement()
    }
}

#[cfg(test)]
mod tests {
    use super::Ranges;

    #[test]
    fn sets_are_those_of_logic() {
        let sets =
            [Ranges::none(), Ranges::all(), Ranges::of(25u16, 80), Ranges::of(0, 0).union(Ranges::of(9, u16::MAX))];
        for a in &sets {
            for b in &sets {
                let (union, both) = (a.clone().union(b.clone()), a.clone().intersection(b));
                for n in [0, 1, 8, 9, 24, 25, 80, 81, u16::MAX] {
                    assert_eq!(union.has(n), a.has(n) || b.has(n));
                    assert_eq!(both.has(n), a.has(n) && b.has(n));
                    assert_ne!(a.complement().has(n), a.has(n));
                }
            }
        }
    }
}
