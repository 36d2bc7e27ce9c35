//! The journal of one claimed run, over HTTP.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use runplane::catalog::Connection;
use runplane::dag::execute::{Journal, JournalError, Stored};
use runplane::runs::SecretsReply;
use runplane::steps::{StepRecord, StepResults};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::api::{ANSWER, ClaimedRun, Trouble, fields, read};
use super::log::Log;
use crate::http::{Client, Request};

/// Rows on a page of what is stored: as many as the API gives.
const PAGE: u16 = 1000;
/// A body may have so many results.
const MOST_RESULTS: usize = 1000;
/// And 1 MiB; this much of it are results.
const MOST_BYTES: usize = 900 * 1024;

/// Stores what becomes of a run's steps, under the token of its claim.
#[derive(Debug)]
pub struct HttpJournal {
    client: Arc<Client>,
    run: ClaimedRun,
    log: Log,
}

impl From<Trouble> for JournalError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Conflict { detail, .. } => Self::Lost(detail),
            Trouble::Refused { detail } => Self::Refused(detail),
            Trouble::Away { why, .. } => Self::Unavailable(why),
        }
    }
}

impl HttpJournal {
    /// For a run that was claimed. What is stored is logged.
    pub fn new(client: Arc<Client>, run: ClaimedRun, log: Log) -> Self {
        Self { client, run, log }
    }

    fn path(&self, what: &str) -> String {
        format!("/api/runs/{}/{what}", self.run.id)
    }

    async fn send(&self, request: Request) -> Result<crate::http::Answer, JournalError> {
        let answer = self.client.once(&request.within(ANSWER)).await;
        answer.map_err(|miss| {
            let trouble = Trouble::from(miss);
            if let Trouble::Away { why, .. } = &trouble {
                // The executor asks again.
                self.log.run("unanswered", &self.run, &[], why);
            }
            trouble.into()
        })
    }

    /// A call whose answer says nothing more than that it was done.
    async fn tell(&self, request: Request) -> Result<(), JournalError> {
        self.send(request).await.map(drop)
    }

    /// Hands the run back, to be claimed again not before `until`.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn release(&self, until: Option<DateTime<Utc>>) -> Result<(), Trouble> {
        let mut body = fields(json!({ "lease_token": self.run.lease_token }));
        let until = until.map(|until| until.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        body.extend(until.map(|until| ("available_at".to_owned(), json!(until))));
        let request = Request::post(self.path("release")).body(body).within(ANSWER);
        self.client.once(&request).await.map(drop).map_err(Trouble::from)
    }
}

impl Journal for HttpJournal {
    async fn load(&self) -> Result<Stored, JournalError> {
        #[derive(Deserialize)]
        struct Page {
            items: Vec<StepRecord>,
            worked_ms: i64,
            next_cursor: Option<String>,
        }
        let mut stored = Stored::default();
        let mut cursor = None;
        loop {
            let request = Request::get(self.path("steps")).query("limit", Some(PAGE));
            let page: Page = read(self.send(request.query("cursor", cursor.as_ref())).await?)?;
            stored.records.extend(page.items);
            stored.worked_ms = stored.worked_ms.max(page.worked_ms);
            if page.next_cursor.is_none() {
                return Ok(stored);
            }
            if page.next_cursor == cursor {
                let sentence = "the list of steps does not end: its cursor leads to itself".to_owned();
                return Err(JournalError::Unavailable(sentence));
            }
            cursor = page.next_cursor;
        }
    }

    async fn secret_parameters(&self) -> Result<Map<String, Value>, JournalError> {
        let body = fields(json!({ "lease_token": self.run.lease_token }));
        let answer = self.send(Request::post(self.path("secrets")).body(body)).await?;
        Ok(read::<SecretsReply>(answer)?.parameters)
    }

    async fn store(&self, results: &StepResults) -> Result<(), JournalError> {
        // A body that is too large goes in parts. The executor sends all of it again if one of them fails, and storing twice is storing once.
        for part in parts(&results.steps)? {
            let mut body =
                fields(json!({ "lease_token": self.run.lease_token, "worked_ms": results.worked_ms }));
            let (steps, values): (Vec<_>, Vec<_>) = part.into_iter().unzip();
            body.insert("steps".to_owned(), Value::Array(values));
            self.tell(Request::put(self.path("steps")).body(body)).await?;
            steps.into_iter().for_each(|step| self.log.step(&self.run, step));
        }
        Ok(())
    }

    async fn hand_back(&self, until: Option<DateTime<Utc>>) -> Result<(), JournalError> {
        self.release(until).await.map_err(JournalError::from)
    }

    async fn connection(&self, name: &str) -> Result<Option<Connection>, JournalError> {
        #[derive(Deserialize)]
        struct Page {
            items: Vec<Connection>,
        }
        let request = Request::get("/api/connections".to_owned())
            .query("tenant_id", Some(self.run.tenant_id))
            .query("name", Some(name));
        let page: Page = read(self.send(request).await?)?;
        Ok(page.items.into_iter().next())
    }

    async fn artifact(
        &self,
        id: Uuid,
        artifact_type: &str,
        payload: &Map<String, Value>,
        source: &str,
    ) -> Result<(), JournalError> {
        let body =
            fields(json!({ "id": id, "artifact_type": artifact_type, "payload": payload, "source": source }));
        self.tell(Request::post(self.path("artifacts")).body(body)).await
    }
}

type Part<'a> = Vec<(&'a StepRecord, Value)>;

/// The records as JSON, in their order, as many together as fit into a body.
fn parts(steps: &[StepRecord]) -> Result<Vec<Part<'_>>, JournalError> {
    let (mut parts, mut bytes) = (vec![Part::new()], 0);
    for step in steps {
        let mut value =
            serde_json::to_value(step).map_err(|error| JournalError::Refused(error.to_string()))?;
        // The API knows which attempt of the run it is.
        if let Some(fields) = value.as_object_mut() {
            fields.remove("run_attempt");
        }
        let size = value.to_string().len() + 1;
        match parts.last_mut() {
            Some(last) if last.is_empty() || (bytes + size <= MOST_BYTES && last.len() < MOST_RESULTS) => {
                bytes += size;
                last.push((step, value));
            }
            _ => {
                bytes = size;
                parts.push(vec![(step, value)]);
            }
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use runplane::steps::StepStatus;

    use super::*;

    fn step(bytes: usize) -> StepRecord {
        StepRecord {
            step_id: "load".into(),
            item: None,
            status: StepStatus::Succeeded,
            reason: None,
            attempts: 1,
            output: Some(json!("x".repeat(bytes))),
            output_ref: None,
            output_bytes: None,
            error: None,
            started_at: None,
            finished_at: None,
            resume_at: None,
            run_attempt: 3,
        }
    }

    #[test]
    fn results_that_do_not_fit_into_one_body_go_in_several() {
        let sizes = |steps: &[StepRecord]| parts(steps).unwrap().iter().map(Vec::len).collect::<Vec<_>>();
        let large = step(256 * 1024);
        assert_eq!(sizes(&[large.clone(), large.clone(), large.clone()]), [3]);
        assert_eq!(sizes(&vec![large.clone(); 7]), [3, 3, 1]);
        assert_eq!(
            sizes(&[step(2 * 1024 * 1024), large]),
            [1, 1],
            "one that never fits is refused, not split"
        );
        assert_eq!(sizes(&vec![step(10); 1001]), [1000, 1]);
        // What is stored although nothing has changed: how long was worked.
        assert_eq!(sizes(&[]), [0]);
    }

    #[test]
    fn a_result_is_sent_as_it_is_but_for_the_attempt_of_the_run() {
        let steps = [step(1)];
        let parts = parts(&steps).unwrap();
        assert_eq!(parts[0][0].1["output"], "x");
        assert_eq!(parts[0][0].1.get("run_attempt"), None);
    }
}
