//! `artifact`: stores something that is worth showing.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::UNAVAILABLE;
use crate::dag::execute::attempt::{Failure, Tools};
use crate::dag::execute::{Journal, JournalError};
use crate::dag::spec::Step;
use crate::dag::words::a;

const INVALID_ARTIFACT: &str = "invalid_artifact";

/// Stores it, and gives its id. Of the same step and item there is one in each attempt of the run, however often it is stored.
pub(super) async fn store<J: Journal>(
    tools: &Tools<J>,
    step: &Step,
    item: Option<usize>,
    with: Map<String, Value>,
) -> Result<Value, Failure> {
    // It is there to be shown.
    let with = tools.mask.value(Value::Object(with));
    let Some(artifact_type) = with.get("artifact_type").and_then(Value::as_str) else {
        return Err(Failure::new(INVALID_ARTIFACT, "\"artifact_type\" must be a text"));
    };
    let payload = with.get("payload").unwrap_or(&Value::Null);
    let Value::Object(fields) = payload else {
        return Err(Failure::new(
            INVALID_ARTIFACT,
            format!("\"payload\" must be an object, is {}", a(payload)),
        ));
    };
    let id = id(tools.run.id, tools.run.attempt, &step.id, item);
    let source = format!("step {}", step.id);
    match tools.journal.artifact(id, artifact_type, fields, &source).await {
        Ok(()) => Ok(json!({ "id": id })),
        Err(error @ (JournalError::Unavailable(_) | JournalError::Lost(_))) => {
            Err(Failure::passing(UNAVAILABLE, error.to_string()))
        }
        Err(JournalError::Refused(detail)) => Err(Failure::new(INVALID_ARTIFACT, detail)),
    }
}

/// Made of what it is the artifact of, so that an answer that was lost leads to no second one.
fn id(run: Uuid, attempt: i32, step: &str, item: Option<usize>) -> Uuid {
    let mut digest = Sha256::new();
    digest.update(format!("{run}/{attempt}/{step}/{item:?}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_runs_attempts_steps_and_items_apart_and_stays_the_same() {
        let one = |attempt, step, item| id(Uuid::nil(), attempt, step, item);
        let ids = [
            one(1, "a", None),
            one(2, "a", None),
            one(1, "b", None),
            one(1, "a", Some(0)),
            one(1, "a", Some(1)),
        ];
        assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), ids.len());
        assert_eq!(ids[3], one(1, "a", Some(0)));
        assert_eq!(ids[0].get_version_num(), 8);
    }
}
