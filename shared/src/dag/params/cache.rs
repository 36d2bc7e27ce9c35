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

/// A tenant and a version of its own: what one tenant has asked for is unknown to another that names the same id.
type Place = (Uuid, Uuid);

#[derive(Debug, Default)]
struct Kept {
    versions: HashMap<Place, Entry>,
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
    /// Those of a version of the tenant's, if they are there.
    pub fn get(&self, tenant: Uuid, version: Uuid) -> Option<Arc<Params>> {
        let place = (tenant, version);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clock += 1;
        let now = kept.clock;
        let entry = kept.versions.get_mut(&place)?;
        entry.asked = now;
        Some(Arc::clone(&entry.params))
    }

    /// Keeps those of a version of the tenant's.
    pub fn insert(&self, tenant: Uuid, version: Uuid, params: Arc<Params>) {
        let place = (tenant, version);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(place);
        while kept.versions.len() >= MAX_VERSIONS
            || (kept.weight + params.weight() > MAX_WEIGHT && !kept.versions.is_empty())
        {
            let oldest = kept.versions.iter().min_by_key(|(_, entry)| entry.asked).map(|(place, _)| *place);
            oldest.into_iter().for_each(|place| kept.remove(place));
        }
        kept.clock += 1;
        let asked = kept.clock;
        kept.weight += params.weight();
        kept.versions.insert(place, Entry { params, asked });
    }
}

impl Kept {
    fn remove(&mut self, place: Place) {
        if let Some(entry) = self.versions.remove(&place) {
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
        versions[..MAX_VERSIONS]
            .iter()
            .for_each(|version| cache.insert(Uuid::nil(), *version, Arc::clone(&params)));
        assert!(cache.get(Uuid::nil(), versions[0]).is_some());
        cache.insert(Uuid::nil(), versions[MAX_VERSIONS], params);
        let there = versions.iter().filter(|version| cache.get(Uuid::nil(), **version).is_some()).count();
        assert_eq!(
            (
                there,
                cache.get(Uuid::nil(), versions[1]).is_some(),
                cache.get(Uuid::nil(), versions[0]).is_some()
            ),
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
        cache.insert(Uuid::nil(), first, Arc::clone(&heavy));
        cache.insert(Uuid::nil(), second, Arc::clone(&heavy));
        assert_eq!(
            (cache.get(Uuid::nil(), first).is_some(), cache.get(Uuid::nil(), second).is_some()),
            (false, true)
        );
        assert!(cache.get(Uuid::max(), second).is_none(), "another tenant knows nothing of it");
        // Again is not twice.
        cache.insert(Uuid::nil(), second, Arc::clone(&heavy));
        assert_eq!(cache.kept.lock().unwrap().weight, heavy.weight());
    }
}
