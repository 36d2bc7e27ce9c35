//! The invariants by name, with what each says.

use super::Invariant;

/// The query of `<name>.sql`, with the number of its facts, and of its violations, in each row, and the first 20 of these.
macro_rules! invariant {
    ($name:literal, $sentence:literal) => {
        Invariant {
            name: $name,
            sentence: $sentence,
            query: concat!(
                "with fact (run_id, what) as materialized (\n",
                include_str!(concat!($name, ".sql")),
                ")
                select n.facts, n.found, v.run_id, v.what
                from (select count(*) as facts, count(f.what) as found from fact f) n
                left join lateral (
                  select f.run_id, f.what from fact f where f.what is not null order by f.run_id, f.what limit 20) v on true"
            ),
        }
    };
}

pub(super) const ALL: &[Invariant] = &[
    invariant!("created_once", "Every create that was accepted is in the table once."),
    invariant!("all_terminal", "Every run has ended."),
    invariant!(
        "one_report_per_attempt",
        "Attempts of a run do not overlap, and of each attempt and token there is one report at most."
    ),
    invariant!("no_old_token", "No report under an old token was accepted."),
    invariant!(
        "attempts_bounded",
        "No run has more attempts than it may have, and each follows one that failed."
    ),
    invariant!(
        "lost_bounded",
        "No run has lost more leases than it may lose, and none was given up for that before."
    ),
    invariant!("limits", "No claim, and no lease that came to life again, exceeds a limit."),
    invariant!(
        "singletons",
        "Of the runs of a tenant with one concurrency_key at most one is RUNNING at a time."
    ),
    invariant!("steps_once", "No step that has SUCCEEDED runs again or changes in the same attempt."),
    invariant!(
        "tenants_apart",
        "No tenant was told of another's run, and what belongs to a run is of its tenant."
    ),
    invariant!(
        "legal_transitions",
        "Runs go along the arrows of the state machine alone, and none that has ended changes or is deleted."
    ),
    invariant!("facts_created", "A run that a client was told of is there."),
    invariant!("facts_claimed", "A claim that a worker was told of is in the history, and is its alone."),
    invariant!("facts_extended", "A lease that was told to go on was extended."),
    invariant!("facts_completed", "An outcome that was told to stand does."),
    invariant!("facts_released", "A run that was told to be handed back was."),
    invariant!("facts_cancelled", "A run that was told to be CANCELLED is."),
    invariant!("facts_step_stored", "A step's result that was told to be stored was."),
    invariant!("facts_refused", "Who was refused was refused for what was true."),
    invariant!("facts_seen", "A run was as it was seen, and an end that was seen stays."),
];
