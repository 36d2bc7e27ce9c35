//! Which stored results of steps still count.

use super::StepStatus;

/// Of each step, in the order of the spec, whether its stored result counts for the attempt `attempt` of the run: it is of that attempt; or it is older,
/// has succeeded or was skipped, and everything it depends on counts and is not newer than itself. `dependencies` are the places of the steps that each
/// depends on; `rows` the attempt of the run that each result is of, and its status. One rule for another claim, another attempt, and a retry from failed.
pub fn counting(dependencies: &[Vec<usize>], rows: &[Option<(i32, StepStatus)>], attempt: i32) -> Vec<bool> {
    let mut known: Vec<Option<bool>> = vec![None; rows.len()];
    (0..rows.len()).for_each(|step| {
        counts(step, dependencies, rows, attempt, &mut known);
    });
    known.into_iter().map(|counts| counts == Some(true)).collect()
}

/// As deep as the chain of steps is long: at most 200.
fn counts(
    step: usize,
    dependencies: &[Vec<usize>],
    rows: &[Option<(i32, StepStatus)>],
    attempt: i32,
    known: &mut [Option<bool>],
) -> bool {
    if let Some(counts) = known[step] {
        return counts;
    }
    // Should there be a cycle, nothing of it counts.
    known[step] = Some(false);
    let result = match rows[step] {
        None => false,
        Some((of, _)) if of == attempt => true,
        Some((of, StepStatus::Succeeded | StepStatus::Skipped)) => dependencies[step].iter().all(|&on| {
            counts(on, dependencies, rows, attempt, known) && rows[on].is_some_and(|(before, _)| before <= of)
        }),
        Some(_) => false,
    };
    known[step] = Some(result);
    result
}
