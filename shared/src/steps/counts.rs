//! Which rows still count: one rule for another claim, another attempt of the run, and a retry from what failed.

use super::StepStatus;

/// Whether the row of each step counts. `dependencies` are the steps that each one waits for, by their place in the list; `rows` the attempt of the
/// run that each row belongs to (0: kept by a retry) and where the step stands, `None` if there is no row; `attempt` is that of the run.
///
/// A row counts if it is of this attempt. One of an older attempt counts if the step SUCCEEDED or was SKIPPED, and every step it depends on counts
/// with a row that is not newer: otherwise it was made from what is not so any more. Steps in a cycle, which no approved spec has, never count
/// by rows of an older attempt.
///
/// # Panics
/// If a dependency is not a place in the list, or the lists differ in length.
pub fn counting(dependencies: &[Vec<usize>], rows: &[Option<(i32, StepStatus)>], attempt: i32) -> Vec<bool> {
    assert_eq!(dependencies.len(), rows.len(), "a row, or none, for each step");
    let mut counts: Vec<bool> =
        rows.iter().map(|row| row.is_some_and(|(of_attempt, _)| of_attempt == attempt)).collect();
    // Steps may stand in any order, so again until nothing more is found.
    loop {
        let mut found = false;
        for (step, row) in rows.iter().enumerate() {
            let Some((of_attempt, status)) = *row else { continue };
            let kept = !counts[step]
                && is_kept(status)
                && dependencies[step].iter().all(|&on| {
                    counts[on] && rows[on].is_some_and(|(of_dependency, _)| of_dependency <= of_attempt)
                });
            if kept {
                counts[step] = true;
                found = true;
            }
        }
        if !found {
            return counts;
        }
    }
}

/// Whether a row with this status may outlive its attempt of the run.
pub(super) fn is_kept(status: StepStatus) -> bool {
    matches!(status, StepStatus::Succeeded | StepStatus::Skipped)
}

#[cfg(test)]
mod tests {
    use super::StepStatus::{Failed, Pending, Running, Skipped, Succeeded};
    use super::*;

    /// a → b → c, and d for itself.
    fn chain(rows: [Option<(i32, StepStatus)>; 4], attempt: i32) -> [bool; 4] {
        counting(&[vec![], vec![0], vec![1], vec![]], &rows, attempt).try_into().unwrap()
    }

    #[test]
    fn within_an_attempt_everything_counts() {
        let rows = [Some((2, Succeeded)), Some((2, Failed)), Some((2, Skipped)), Some((2, Running))];
        assert_eq!(chain(rows, 2), [true; 4]);
        assert_eq!(chain([None, None, Some((2, Pending)), None], 2), [false, false, true, false]);
    }

    #[test]
    fn of_an_older_attempt_what_failed_and_what_is_behind_it_does_not_count() {
        let rows = [Some((1, Succeeded)), Some((1, Failed)), Some((1, Skipped)), Some((1, Running))];
        assert_eq!(chain(rows, 2), [true, false, false, false]);
        let rows = [Some((1, Failed)), Some((1, Succeeded)), Some((1, Succeeded)), Some((1, Skipped))];
        assert_eq!(chain(rows, 2), [false, false, false, true]);
        let rows = [None, Some((1, Succeeded)), Some((1, Succeeded)), None];
        assert_eq!(chain(rows, 2), [false; 4]);
    }

    #[test]
    fn what_was_made_from_an_older_result_than_there_is_now_does_not_count() {
        // b has run again: c was made from what it had led to before.
        let rows = [Some((1, Succeeded)), Some((2, Succeeded)), Some((1, Succeeded)), None];
        assert_eq!(chain(rows, 2), [true, true, false, false]);
        // And so it stays in the attempt after that.
        assert_eq!(chain(rows, 3), [true, true, false, false]);
        let rows = [Some((1, Succeeded)), Some((2, Succeeded)), Some((2, Succeeded)), None];
        assert_eq!(chain(rows, 3), [true, true, true, false]);
    }

    #[test]
    fn what_a_retry_has_kept_counts_until_something_before_it_runs_again() {
        let rows = [Some((0, Succeeded)), Some((0, Succeeded)), Some((0, Skipped)), Some((1, Failed))];
        assert_eq!(chain(rows, 1), [true; 4]);
        assert_eq!(chain(rows, 2), [true, true, true, false]);
        let rows = [Some((1, Succeeded)), Some((0, Succeeded)), Some((0, Skipped)), None];
        assert_eq!(chain(rows, 1), [true, false, false, false]);
    }

    #[test]
    fn the_order_of_the_list_does_not_matter_and_a_cycle_counts_nothing() {
        let row = Some((1, Succeeded));
        assert_eq!(counting(&[vec![1], vec![2], vec![]], &[row; 3], 2), [true; 3]);
        assert_eq!(counting(&[vec![1], vec![0], vec![]], &[row; 3], 2), [false, false, true]);
        assert_eq!(counting(&[], &[], 1), [true; 0]);
    }
}
