//! Compiled params of the versions that an execution environment has met.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use super::Params;

/// So many versions are kept.
const MAX_VERSIONS: usize = 256;
/// And about so much memory, in bytes, but always the last one.
const MAX_WEIGHT: usize = 32 * 1024 * 1024;

/// By the id of an APPROVED version, whose dag_spec does not change any more. Full, it forgets what was not asked for the longest.
#[derive(Debug, Default)]
pub struct ParamsCache {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    versions: HashMap<Uuid, Entry>,
    weight: usize,
    /// Counts the questions.
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    params: Arc<Params>,
    asked: u64,
}

impl ParamsCache {
    /// Those of a version, if they are there.
    pub fn get(&self, version: Uuid) -> Option<Arc<Params>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clock += 1;
        let now = kept.clock;
        let entry = kept.versions.get_mut(&version)?;
        entry.asked = now;
        Some(Arc::clone(&entry.params))
    }

    /// Keeps those of a version.
    pub fn insert(&self, version: Uuid, params: Arc<Params>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(version);
        while kept.versions.len() >= MAX_VERSIONS
            || (kept.weight + params.weight() > MAX_WEIGHT && !kept.versions.is_empty())
        {
            let oldest =
                kept.versions.iter().min_by_key(|(_, entry)| entry.asked).map(|(version, _)| *version);
            oldest.into_iter().for_each(|version| kept.remove(version));
        }
        kept.clock += 1;
        let asked = kept.clock;
        kept.weight += params.weight();
        kept.versions.insert(version, Entry { params, asked });
    }
}

impl Kept {
    fn remove(&mut self, version: Uuid) {
        if let Some(entry) = self.versions.remove(&version) {
            self.weight -= entry.params.weight();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_not_asked_for_the_longest_is_forgotten_first() {
        let cache = ParamsCache::default();
        let versions: Vec<_> = (0..=MAX_VERSIONS).map(|_| Uuid::now_v7()).collect();
        let params = Arc::new(Params::default());
        versions[..MAX_VERSIONS].iter().for_each(|version| cache.insert(*version, Arc::clone(&params)));
        assert!(cache.get(versions[0]).is_some());
        cache.insert(versions[MAX_VERSIONS], params);
        let there = versions.iter().filter(|version| cache.get(**version).is_some()).count();
        assert_eq!(
            (there, cache.get(versions[1]).is_some(), cache.get(versions[0]).is_some()),
            (MAX_VERSIONS, false, true)
        );
    }

    #[test]
    fn heavy_params_leave_room_for_fewer_and_the_last_is_always_kept() {
        let patterns: Vec<_> = (0..100).map(|number| json!({"pattern": format!("a{number}")})).collect();
        let heavy = Arc::new(Params::of(&json!({"params": {"allOf": patterns}})).unwrap());
        assert!(heavy.weight() * 2 > MAX_WEIGHT);
        let cache = ParamsCache::default();
        let [first, second] = [Uuid::now_v7(), Uuid::now_v7()];
        cache.insert(first, Arc::clone(&heavy));
        cache.insert(second, Arc::clone(&heavy));
        assert_eq!((cache.get(first).is_some(), cache.get(second).is_some()), (false, true));
        // Again is not twice.
        cache.insert(second, Arc::clone(&heavy));
        assert_eq!(cache.kept.lock().unwrap().weight, heavy.weight());
    }
}
