//! The fewest of several causes that are still enough: delta debugging (Zeller and Hildebrandt, "Simplifying and
//! Isolating Failure-Inducing Input", 2002), the minimizing algorithm.

/// Leaves out as much as it can while `fails` still holds of what is left. `fails` holds of all of them. Each cause
/// that is left is needed, unless `fails` said no where it should not.
pub(super) fn fewest<T: Clone>(causes: Vec<T>, mut fails: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut left = causes;
    let mut parts = 2;
    while left.len() > 1 {
        let size = left.len().div_ceil(parts);
        let chunks: Vec<Vec<T>> = left.chunks(size).map(<[T]>::to_vec).collect();
        let without = |skipped: usize| -> Vec<T> {
            let others = chunks.iter().enumerate().filter(|(at, _)| *at != skipped);
            others.flat_map(|(_, chunk)| chunk.clone()).collect()
        };
        if let Some(chunk) = chunks.iter().find(|chunk| fails(chunk)) {
            (left, parts) = (chunk.clone(), 2);
        } else if let Some(rest) = (0..chunks.len()).map(without).find(|rest| !rest.is_empty() && fails(rest)) {
            (left, parts) = (rest, (parts - 1).max(2));
        } else if size == 1 {
            break;
        } else {
            parts = (2 * parts).min(left.len());
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::fewest;
    use proptest::prelude::*;

    proptest! {
        /// Whatever causes are needed together, exactly these are left, in their order.
        #[test]
        fn what_is_needed_is_left(all in 1usize..40, needed in proptest::collection::btree_set(0usize..40, 1..4)) {
            let needed: Vec<usize> = needed.into_iter().map(|n| n % all).collect::<std::collections::BTreeSet<_>>().into_iter().collect();
            let left = fewest((0..all).collect(), |some| needed.iter().all(|n| some.contains(n)));
            prop_assert_eq!(left, needed);
        }

        /// Where any one of several is enough, one is left.
        #[test]
        fn one_is_enough(all in 1usize..40, enough in proptest::collection::btree_set(0usize..40, 1..4)) {
            let enough: Vec<usize> = enough.into_iter().map(|n| n % all).collect();
            let left = fewest((0..all).collect(), |some| some.iter().any(|n| enough.contains(n)));
            prop_assert_eq!(left.len(), 1);
        }
    }
}
