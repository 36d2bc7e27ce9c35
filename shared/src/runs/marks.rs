//! What an execution environment remembers from claim to claim: where the queues begin, and whose turn it was.
//!
//! Nothing here is needed for a claim to be right. It makes claims cheap: in a queue whose first runs were claimed a moment ago, Postgres
//! finds their entries first, and as long as somebody holds an old snapshot it cannot take them away (docs/decisions/0016).

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Tenants whose marks are remembered for one kind of claim.
const MAX_TENANTS: usize = 16;
/// Kinds of claims (their queues, and whether only what is pushed) that are remembered.
const MAX_KINDS: usize = 8;
/// Workers that are remembered as noted.
const MAX_WORKERS: usize = 1000;
/// How many priorities there are.
const PRIORITIES: usize = 10;
/// A worker is noted as alive this often.
const NOTE_EVERY: Duration = Duration::from_secs(30);
/// The queue is searched from its beginning at least this often, and expired leases are looked at from the first one.
const WHOLE_AT_LEAST_EVERY: Duration = Duration::from_secs(60);
/// And not more often than this, as long as claims find something.
const WHOLE_AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// A whole search that takes longer than this costs too much to be made whenever nothing else is left to claim. (The first one of a
/// connection plans its statements as well.)
const WHOLE_IS_CHEAP: Duration = Duration::from_millis(100);
/// As long as claims find something, and always if it is not cheap, a whole search is followed by this many times its length without one: it
/// takes half a percent of an environment's time.
const WHOLE_SHARE: u32 = 200;
/// What a search that was given up counts as: about as long as a statement may take (`db::Db`).
const GIVEN_UP_AFTER: Duration = Duration::from_millis(2500);

/// The memory of one environment. Cheap to make; empty at first.
#[derive(Debug, Default)]
pub struct Marks(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    /// The most recently used last.
    kinds: VecDeque<(Kind, Searches)>,
    noted: HashMap<Worker, Instant>,
}

/// What a claim asks for, as far as marks are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub queues: Option<Vec<String>>,
    pub pushed_only: bool,
}

type Worker = (String, Option<Uuid>, Option<Vec<String>>);
/// Nothing waits before this run: its `available_at` and id.
type Mark = (DateTime<Utc>, Uuid);

#[derive(Debug, Default)]
struct Searches {
    last_turn: Uuid,
    began: Option<Uuid>,
    /// The most recently used last.
    tenants: VecDeque<(Uuid, [Option<Mark>; PRIORITIES])>,
    whole: Option<Whole>,
    leases: Option<Leases>,
}

/// Up to when the expired leases of a tenant, or of all, were looked at; and since when only those that expired later are.
#[derive(Clone, Copy, Debug)]
struct Leases {
    tenant: Option<Uuid>,
    seen: DateTime<Utc>,
    since: Instant,
}

/// The last search that began at the beginning.
#[derive(Clone, Copy, Debug)]
struct Whole {
    at: Instant,
    took: Duration,
}

/// What a claim is told: the arguments of `sql/claim.sql` that come from here.
#[derive(Debug)]
pub(super) struct Told {
    pub turn: Uuid,
    pub began: Option<Uuid>,
    pub tenants: Vec<Uuid>,
    /// Ten for each tenant; null: none.
    pub times: Vec<Option<DateTime<Utc>>>,
    pub runs: Vec<Option<Uuid>>,
    pub may_start_over: bool,
    pub leases_seen: Option<DateTime<Utc>>,
    pub note: bool,
    /// Whether the marks were left out for this once.
    whole: bool,
}

/// What a claim has learnt, from the last row of `sql/claim.sql`.
#[derive(Debug, Default)]
pub(super) struct Learnt {
    pub last_turn: Option<Uuid>,
    /// It has found nothing, and was broken off: the next one goes on where it was.
    pub broken_off: bool,
    pub started_over: bool,
    pub searched: Duration,
    pub emptied: Vec<Uuid>,
    /// Tenant, priority, mark.
    pub marks: Vec<(Uuid, i32, Mark)>,
    pub leases_seen: Option<DateTime<Utc>>,
}

impl Marks {
    /// What to tell a claim of this kind, of one tenant or of all.
    pub(super) fn tell(&self, kind: &Kind, tenant: Option<Uuid>, worker: &str) -> Told {
        let mut memory = self.lock();
        let note = memory.note(worker, tenant, &kind.queues);
        memory.searches(kind).tell(tenant, note)
    }

    /// Takes in what the claim has learnt.
    pub(super) fn learn(&self, kind: &Kind, tenant: Option<Uuid>, told: &Told, learnt: &Learnt) {
        self.lock().searches(kind).learn(tenant, told, learnt);
    }

    /// Takes in that Postgres gave the claim up: what it was about to look at must not stop every claim after it.
    pub(super) fn took_too_long(&self, kind: &Kind, tenant: Option<Uuid>) {
        let mut memory = self.lock();
        let searches = memory.searches(kind);
        searches.whole = Some(Whole { at: Instant::now(), took: GIVEN_UP_AFTER });
        if tenant.is_none() {
            searches.began = None;
            // Anywhere else in the circle.
            searches.last_turn = Uuid::new_v4();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn searches(&mut self, kind: &Kind) -> &mut Searches {
        let known = self.kinds.iter().position(|(known, _)| known == kind);
        let entry = known.and_then(|index| self.kinds.remove(index));
        if self.kinds.len() == MAX_KINDS {
            self.kinds.pop_front();
        }
        self.kinds.push_back(entry.unwrap_or_else(|| (kind.clone(), Searches::default())));
        let last = self.kinds.len() - 1;
        &mut self.kinds[last].1
    }

    /// Whether this worker has to be noted now.
    fn note(&mut self, worker: &str, tenant: Option<Uuid>, queues: &Option<Vec<String>>) -> bool {
        let worker = (worker.to_owned(), tenant, queues.clone());
        if self.noted.get(&worker).is_some_and(|at| at.elapsed() < NOTE_EVERY) {
            return false;
        }
        if self.noted.len() >= MAX_WORKERS {
            self.noted.clear();
        }
        self.noted.insert(worker, Instant::now());
        true
    }
}

impl Searches {
    fn tell(&self, tenant: Option<Uuid>, note: bool) -> Told {
        let last = self.whole.map(|whole| (whole.at.elapsed(), whole.took, whole.took * WHOLE_SHARE));
        let whole = last
            .is_none_or(|(idle, _, pause)| idle >= pause.clamp(WHOLE_AT_MOST_EVERY, WHOLE_AT_LEAST_EVERY));
        let may_start_over = last.is_none_or(|(idle, took, pause)| {
            took <= WHOLE_IS_CHEAP || idle >= pause.min(WHOLE_AT_LEAST_EVERY)
        });
        let mut told = Told {
            turn: self.last_turn,
            began: self.began.filter(|_| tenant.is_none()),
            tenants: Vec::new(),
            times: Vec::new(),
            runs: Vec::new(),
            may_start_over,
            leases_seen: self
                .leases
                .filter(|leases| leases.tenant == tenant && leases.since.elapsed() < WHOLE_AT_LEAST_EVERY)
                .map(|leases| leases.seen),
            note,
            whole,
        };
        if !whole {
            for (id, marks) in self.tenants.iter().filter(|(id, _)| tenant.is_none_or(|tenant| tenant == *id))
            {
                told.tenants.push(*id);
                told.times.extend(marks.iter().map(|mark| mark.map(|mark| mark.0)));
                told.runs.extend(marks.iter().map(|mark| mark.map(|mark| mark.1)));
            }
        }
        told
    }

    fn learn(&mut self, tenant: Option<Uuid>, told: &Told, learnt: &Learnt) {
        if told.whole || learnt.started_over {
            self.whole = Some(Whole { at: Instant::now(), took: learnt.searched });
        }
        if told.whole {
            // Those of tenants that were not looked at have to be made anew as well.
            self.tenants.clear();
        }
        // Whoever asks for one tenant does not move everybody's turn.
        if tenant.is_none() {
            self.began = learnt.broken_off.then(|| told.began.unwrap_or(told.turn));
            self.last_turn = learnt.last_turn.unwrap_or(told.turn);
        }
        self.tenants.retain(|(id, _)| !learnt.emptied.contains(id));
        for (id, priority, mark) in &learnt.marks {
            let known = self.tenants.iter().position(|(known, _)| known == id);
            let mut entry =
                known.and_then(|index| self.tenants.remove(index)).unwrap_or((*id, [None; PRIORITIES]));
            if let Some(place) = usize::try_from(*priority).ok().and_then(|index| entry.1.get_mut(index)) {
                *place = Some(*mark);
            }
            if self.tenants.len() == MAX_TENANTS {
                self.tenants.pop_front();
            }
            self.tenants.push_back(entry);
        }
        if let Some(seen) = learnt.leases_seen {
            // However often it is extended, it counts from its first part.
            let since = self.leases.filter(|_| told.leases_seen.is_some()).map(|leases| leases.since);
            self.leases = Some(Leases { tenant, seen, since: since.unwrap_or_else(Instant::now) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind() -> Kind {
        Kind { queues: None, pushed_only: false }
    }

    fn learnt(tenant: Uuid) -> Learnt {
        Learnt {
            last_turn: Some(tenant),
            marks: vec![(tenant, 5, (Utc::now(), tenant))],
            ..Learnt::default()
        }
    }

    #[test]
    fn a_search_that_was_given_up_moves_the_turn_and_is_not_made_again_at_once() {
        let (marks, tenant) = (Marks::default(), Uuid::now_v7());
        let told = marks.tell(&kind(), None, "w");
        assert!(told.whole && told.may_start_over);
        marks.learn(&kind(), None, &told, &learnt(tenant));
        let told = marks.tell(&kind(), None, "w");
        assert_eq!((told.turn, told.tenants.as_slice(), told.may_start_over), (tenant, &[tenant][..], true));

        marks.took_too_long(&kind(), None);
        let told = marks.tell(&kind(), None, "w");
        assert_ne!(told.turn, tenant);
        assert!(!told.whole && !told.may_start_over, "the search that took too long is made again at once");
        // The marks that there are stay.
        assert_eq!(told.tenants, [tenant]);
    }

    #[test]
    fn who_asks_for_one_tenant_moves_nobodys_turn() {
        let (marks, tenant) = (Marks::default(), Uuid::now_v7());
        let told = marks.tell(&kind(), Some(tenant), "w");
        marks.learn(&kind(), Some(tenant), &told, &learnt(tenant));
        marks.took_too_long(&kind(), Some(tenant));
        assert_eq!(marks.tell(&kind(), None, "w").turn, Uuid::nil());
    }

    #[test]
    fn a_worker_is_noted_once_in_a_while_for_each_tenant_that_it_asks_for() {
        let (marks, tenant) = (Marks::default(), Uuid::now_v7());
        let notes =
            [None, None, Some(tenant), Some(tenant)].map(|tenant| marks.tell(&kind(), tenant, "w").note);
        assert_eq!(notes, [true, false, true, false]);
        assert!(marks.tell(&kind(), None, "another").note);
    }
}
