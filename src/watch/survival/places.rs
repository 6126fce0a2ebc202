//! Where a cut hurts: inside what belongs together.

/// So many bytes a header of a fixed size has at most, as a rule.
const HEADER: usize = 4;

/// Where bytes that came in one piece are likely to be cut badly: how many come first, the likeliest place at the
/// front. Behind the first byte, between CR and LF, inside a UTF-8 character, before the last byte, inside a header.
pub(super) fn places(bytes: &[u8]) -> Vec<usize> {
    let pair = bytes.windows(2).position(|pair| pair == b"\r\n").map(|at| at + 1);
    let last_pair = bytes.windows(2).rposition(|pair| pair == b"\r\n").map(|at| at + 1);
    let inside = bytes.iter().position(|byte| is_continuation(*byte));
    let likely = [Some(1), pair, inside, bytes.len().checked_sub(1), last_pair].into_iter().flatten();
    let mut found = Vec::new();
    for place in likely.chain(2..=HEADER).chain([bytes.len() / 2]) {
        if (1..bytes.len()).contains(&place) && !found.contains(&place) {
            found.push(place);
        }
    }
    found
}

/// A byte inside a character (RFC 3629).
fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

#[cfg(test)]
mod tests {
    use super::places;
    use proptest::prelude::*;

    #[test]
    fn what_belongs_together_is_cut() {
        assert_eq!(places(b""), [] as [usize; 0]);
        assert_eq!(places(b"x"), [] as [usize; 0]);
        assert_eq!(places("ab你".as_bytes()), [1, 3, 4, 2]);
        assert_eq!(places(b"one\r\ntwo\r\n"), [1, 4, 9, 2, 3, 5]);
    }

    proptest! {
        /// Each leaves at least a byte on both sides, and none comes twice.
        #[test]
        fn each_is_a_cut(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let places = places(&bytes);
            prop_assert!(places.iter().all(|place| (1..bytes.len()).contains(place)));
            prop_assert_eq!(places.iter().collect::<std::collections::BTreeSet<_>>().len(), places.len());
            prop_assert_eq!(places.is_empty(), bytes.len() < 2);
        }
    }
}
