//! Who is compared with whom: the members of a group take turns within one round.

use crate::bench::case::{Case, Work};
use crate::bench::peers::Peer;

/// Who does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// pgbench with the verbs' statements.
    Raw,
    /// The verbs.
    Ours,
    /// Another queue, at one of the settings of its program in `xtask/peers/`, and how that is called in the table.
    Peer(Peer, &'static str, &'static str),
}

impl Who {
    /// For the table.
    pub fn title(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Ours => "ours",
            Self::Peer(_, _, title) => title,
        }
    }
}

/// One kind of load, and who is measured with it.
#[derive(Debug, Clone)]
pub struct Group {
    /// What raw and ours do.
    pub case: Case,
    /// All of them.
    pub members: Vec<Who>,
}

/// Runs of a statement in bulk.
const BULK: u32 = 100;

/// Peers are compared at settings that share the work out alike: as many workers at once, and as many runs a statement.
const PEERS: [(Work, u32, u32, Peer, &str, &str); 8] = [
    // One statement claims, one completes, for each run; eight loops at once.
    (Work::ClaimComplete, 1, 8, Peer::PgBoss, "loop_1", "pg-boss: fetch + complete, 8 loops"),
    // The same, 24 workers at once, which is what graphile-worker's own performance test has.
    (Work::ClaimComplete, 1, 24, Peer::Graphile, "default", "graphile-worker: default, 24 jobs at once"),
    (Work::ClaimComplete, 1, 24, Peer::PgBoss, "work_1", "pg-boss: work(), localConcurrency 24"),
    // Claimed many at a time, completed each by itself.
    (
        Work::ClaimCompleteEach,
        BULK,
        24,
        Peer::Graphile,
        "local_queue",
        "graphile-worker: localQueue 500, 24 jobs at once",
    ),
    // Claimed and completed many at a time.
    (Work::ClaimComplete, BULK, 8, Peer::PgBoss, "loop_100", "pg-boss: fetch + complete by 100, 8 loops"),
    (Work::ClaimComplete, BULK, 8, Peer::PgBoss, "work_100", "pg-boss: work() by 100, localConcurrency 8"),
    (
        Work::ClaimComplete,
        BULK,
        8,
        Peer::Graphile,
        "batched",
        "graphile-worker: localQueue 500, completeJobBatchDelay 0",
    ),
    (
        Work::ClaimComplete,
        BULK,
        24,
        Peer::Graphile,
        "batched",
        "graphile-worker: localQueue 500, completeJobBatchDelay 0",
    ),
];

/// The loads, in the order of the table.
const CASES: [(Work, u32, &[u32]); 5] = [
    (Work::ClaimComplete, 1, &[1, 8, 24, 32]),
    (Work::ClaimComplete, BULK, &[1, 8, 24]),
    (Work::ClaimCompleteEach, BULK, &[24]),
    (Work::Create, 1, &[1, 8, 32]),
    (Work::Create, BULK, &[1, 8]),
];

/// Every group, with or without the peers.
pub fn groups(peers: bool) -> Vec<Group> {
    let cases = CASES.iter().flat_map(|&(work, size, connections)| {
        connections.iter().map(move |&connections| Case { work, size, connections })
    });
    cases
        .map(|case| Group { case, members: members(case, peers) })
        .filter(|group| !group.members.is_empty())
        .collect()
}

fn members(case: Case, peers: bool) -> Vec<Who> {
    let mut members = Vec::new();
    // pgbench has no loop within a turn.
    members.extend((case.work != Work::ClaimCompleteEach).then_some(Who::Raw));
    members.push(Who::Ours);
    let of_case = PEERS.iter().filter(|(work, size, connections, ..)| {
        peers && case == Case { work: *work, size: *size, connections: *connections }
    });
    members.extend(of_case.map(|&(_, _, _, peer, setting, title)| Who::Peer(peer, setting, title)));
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_stands_beside_ours_in_one_group() {
        let groups = groups(true);
        for (work, size, connections, peer, setting, title) in PEERS {
            let case = Case { work, size, connections };
            let found: Vec<_> = groups.iter().filter(|group| group.case == case).collect();
            assert_eq!(found.len(), 1, "{title}");
            assert!(found[0].members.contains(&Who::Peer(peer, setting, title)));
            assert!(found[0].members.contains(&Who::Ours));
        }
    }

    #[test]
    fn without_peers_there_are_none() {
        assert!(
            groups(false).iter().flat_map(|group| &group.members).all(|who| !matches!(who, Who::Peer(..)))
        );
    }
}
