//! Turns: so many calls are under way at once, and no tenant has all of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

/// Calls of one process that are under way at once: an answer of 5 MB each lies in memory.
const AT_ONCE: usize = 16;
/// And of one tenant: its servers may take as long as its steps may, and others would wait for them.
const OF_A_TENANT: usize = 8;

/// The turns of one process.
#[derive(Debug)]
pub(super) struct Turns {
    all: Arc<Semaphore>,
    tenants: Mutex<HashMap<Uuid, Arc<Semaphore>>>,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    _all: Option<OwnedSemaphorePermit>,
    _own: Option<OwnedSemaphorePermit>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(AT_ONCE)), tenants: Mutex::default() }
    }
}

impl Turns {
    /// The tenant's next one. Its own turn comes first: who waits for that keeps nobody else waiting.
    pub(super) async fn take(&self, tenant: Uuid) -> Turn {
        let own = self.of(tenant).acquire_owned().await.ok();
        let all = Arc::clone(&self.all).acquire_owned().await.ok();
        Turn { _all: all, _own: own }
    }

    fn of(&self, tenant: Uuid) -> Arc<Semaphore> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever has a turn, or waits for one, holds its semaphore.
        tenants.retain(|id, turns| *id == tenant || Arc::strong_count(turns) > 1);
        Arc::clone(tenants.entry(tenant).or_insert_with(|| Arc::new(Semaphore::new(OF_A_TENANT))))
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures_util::poll;

    use super::*;

    #[tokio::test]
    async fn no_tenant_has_all_turns_and_all_have_no_more_than_there_are() {
        let turns = Turns::default();
        let [first, second, third] = [1, 2, 3].map(Uuid::from_u128);
        let mut held = Vec::new();
        for _ in 0..OF_A_TENANT {
            held.push(turns.take(first).await);
        }
        let mut ninth = Box::pin(turns.take(first));
        assert!(poll!(&mut ninth).is_pending());
        for _ in OF_A_TENANT..AT_ONCE {
            held.push(turns.take(second).await);
        }
        let mut other = Box::pin(turns.take(third));
        assert!(poll!(&mut other).is_pending(), "there are no more");
        held.pop();
        assert!(
            matches!(poll!(&mut other), Poll::Ready(_)),
            "it does not wait behind the first tenant's ninth"
        );
        drop(held);
        assert!(matches!(poll!(&mut ninth), Poll::Ready(_)));
    }

    #[tokio::test]
    async fn tenants_without_a_turn_are_forgotten() {
        let turns = Turns::default();
        for number in 0..100 {
            drop(turns.take(Uuid::from_u128(number)).await);
        }
        assert_eq!(turns.tenants.lock().unwrap().len(), 1);
    }
}
