//! The order within a batch.

use std::collections::HashMap;
use std::hash::Hash;

/// Where the items of a batch go, one after the other: no round has two items of one key, and items of one key keep their
/// order. So a statement over a round does what single calls would do in turn. An item without a key is in the first round.
/// A batch whose keys all differ, the common one, is one round.
pub(super) fn rounds<K: Eq + Hash>(keys: impl IntoIterator<Item = Option<K>>) -> Vec<Vec<usize>> {
    let mut seen: HashMap<K, usize> = HashMap::new();
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    for (position, key) in keys.into_iter().enumerate() {
        let round = key.map_or(0, |key| {
            let times = seen.entry(key).or_default();
            *times += 1;
            *times - 1
        });
        if rounds.len() <= round {
            rounds.resize_with(round + 1, Vec::new);
        }
        rounds[round].push(position);
    }
    rounds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_twice_waits_for_the_next_round() {
        let keys = [Some("a"), Some("b"), None, Some("a"), Some("a"), Some("b"), Some("c"), None];
        assert_eq!(rounds(keys), [vec![0, 1, 2, 6, 7], vec![3, 5], vec![4]]);
        assert_eq!(rounds(Vec::<Option<u8>>::new()), Vec::<Vec<usize>>::new());
    }
}
