//! The first run of a lineage, where the old service did not write it down.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use uuid::Uuid;

use super::row::Run;
use crate::import::fit::Fit;
use crate::import::source::Source;

/// A run on the way to the root: what it retries, and the root it names.
type Step = (Option<Uuid>, Option<Uuid>);

/// Finds the roots of runs that retry another one and name none: along `retry_of_run_id`, up to a run that names its root, retries
/// nothing, or is gone. Runs that retry each other in a circle are their own roots.
pub(super) async fn complete(source: &mut Source, fits: &mut [Fit<Run>]) -> Result<()> {
    let mut way: HashMap<Uuid, Step> = HashMap::new();
    let mut next: HashSet<Uuid> = rootless(fits).filter_map(|run| run.retry_of_run_id).collect();
    while !next.is_empty() {
        let asked: Vec<Uuid> = next.drain().collect();
        let rows = source.look_up("pipeline_runs", ["id", "retry_of_run_id", "root_run_id"], &asked).await?;
        way.extend(asked.into_iter().map(|gone| (gone, (None, None))));
        for [id, parent, root] in rows {
            let parse = |text: Option<String>| Uuid::try_parse(&text?).ok();
            let Some(id) = parse(id) else { continue };
            let step = (parse(parent), parse(root));
            way.insert(id, step);
            if let (Some(parent), None) = step
                && !way.contains_key(&parent)
            {
                next.insert(parent);
            }
        }
    }
    for fitted in fits.iter_mut().flatten() {
        let run = &mut fitted.row;
        if run.root_run_id == run.id
            && let Some(parent) = run.retry_of_run_id
        {
            match root(run.id, parent, &way) {
                Some(root) => run.root_run_id = root,
                None => fitted
                    .warnings
                    .push("it retries itself, through others: it is its own root here".to_owned()),
            }
        }
    }
    Ok(())
}

fn rootless(fits: &[Fit<Run>]) -> impl Iterator<Item = &Run> {
    fits.iter().flatten().map(|fitted| &fitted.row).filter(|run| run.root_run_id == run.id)
}

/// The root above `parent`; `None` in a circle.
fn root(start: Uuid, parent: Uuid, way: &HashMap<Uuid, Step>) -> Option<Uuid> {
    let mut seen = HashSet::from([start]);
    let mut at = parent;
    while seen.insert(at) {
        match way.get(&at) {
            Some((_, Some(root))) => return Some(*root),
            Some((Some(parent), None)) => at = *parent,
            Some((None, None)) | None => return Some(at),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_found_along_the_lineage_and_circles_have_none() {
        let [a, b, c, d] = [1, 2, 3, 4].map(Uuid::from_u128);
        let way = HashMap::from([(b, (Some(a), None)), (a, (None, None)), (c, (Some(b), Some(d)))]);
        assert_eq!(root(d, b, &way), Some(a));
        assert_eq!(root(a, c, &way), Some(d), "a run that names its root is believed");
        assert_eq!(root(b, a, &way), Some(a));
        let circle = HashMap::from([(a, (Some(b), None)), (b, (Some(a), None))]);
        assert_eq!(root(a, b, &circle), None);
        assert_eq!(root(c, a, &circle), None);
    }
}
