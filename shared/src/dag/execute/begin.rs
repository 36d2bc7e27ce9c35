//! The beginning of a step: whether its `if` lets it run, and for which items.

use std::sync::Arc;

use serde_json::Value;

use super::MAX_CONTEXT_BYTES;
use super::attempt::rendered;
use crate::dag::evaluate::{Context, Evaluators};
use crate::dag::limits::MAX_ITEMS;
use crate::dag::spec::Step;
use crate::dag::words::a;
use crate::steps::StepError;

/// What became of it.
#[derive(Debug)]
pub(super) enum Begun {
    /// It runs: once, or once for each item.
    Open(Option<Arc<Vec<Value>>>),
    /// Its `if` is false.
    Skipped,
    /// Nobody can tell: it has failed before its first attempt.
    Failed(StepError),
}

/// Whether there is nothing to ask.
pub(super) fn is_simple(step: &Step) -> bool {
    step.condition.is_none() && step.for_each.is_none()
}

/// Asks for its `if` and its items.
pub(super) async fn begin(evaluators: &Evaluators, step: &Step, context: &Context) -> Begun {
    match try_begin(evaluators, step, context).await {
        Ok(begun) => begun,
        Err(error) => Begun::Failed(error),
    }
}

async fn try_begin(evaluators: &Evaluators, step: &Step, context: &Context) -> Result<Begun, StepError> {
    if let Some(condition) = &step.condition {
        let condition = Value::from(condition.as_str());
        match rendered(evaluators, context, None, &condition, MAX_CONTEXT_BYTES).await? {
            Value::Bool(true) => {}
            Value::Bool(false) => return Ok(Begun::Skipped),
            other => {
                let message = format!("its \"if\" must give true or false, gives {}", a(&other));
                return Err(StepError { error: "condition_not_boolean".to_owned(), message });
            }
        }
    }
    let Some(for_each) = &step.for_each else { return Ok(Begun::Open(None)) };
    match rendered(evaluators, context, None, &for_each.items, MAX_CONTEXT_BYTES).await? {
        Value::Array(items) if items.len() > MAX_ITEMS => {
            let message = format!("its \"items\" may be at most {MAX_ITEMS}, are {}", items.len());
            Err(StepError { error: "too_many_items".to_owned(), message })
        }
        Value::Array(items) => Ok(Begun::Open(Some(Arc::new(items)))),
        other => {
            let message = format!("its \"items\" must give a list, gives {}", a(&other));
            Err(StepError { error: "items_not_a_list".to_owned(), message })
        }
    }
}
