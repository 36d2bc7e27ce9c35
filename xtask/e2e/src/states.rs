//! Runs put into each start state of the API's answer table, within the constraints of the schema.

use uuid::Uuid;

use crate::{Stack, Tenant};

/// Where a run stands, as the answer table of the API names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// RUNNING, its lease lives.
    Alive,
    /// RUNNING, its lease has expired and nobody has taken over.
    Expired,
    /// QUEUED again after the last attempt was completed as FAILED.
    QueuedAgain,
    /// QUEUED again after the last lease expired.
    Lost,
    /// SUCCEEDED by the last claim.
    Succeeded,
    /// FAILED by the last claim.
    Failed,
    /// FAILED by the sweep, since the last lease expired and no more may be lost.
    GivenUp,
    /// CANCELLED while the last claim held it.
    Cancelled,
}

impl State {
    /// The status of a run in this state.
    #[must_use]
    pub fn status(self) -> &'static str {
        match self {
            Self::Alive | Self::Expired => "RUNNING",
            Self::QueuedAgain | Self::Lost => "QUEUED",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed | Self::GivenUp => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// How the last attempt ended badly, as `run_attempts` names it.
    fn outcome(self) -> Option<&'static str> {
        match self {
            Self::QueuedAgain => Some("FAILED"),
            Self::Lost | Self::GivenUp => Some("LOST"),
            _ => None,
        }
    }
}

/// A run in a start state.
#[derive(Clone, Copy, Debug)]
pub struct Seeded {
    /// The run.
    pub id: Uuid,
    /// The token of its last claim, by the worker `last`.
    pub token: Uuid,
    /// The token of the claim before that, by the worker `first`; nobody's when there was only one claim.
    pub old_token: Uuid,
}

impl Stack {
    /// A run in this state that was claimed once, or, if `claimed_twice`, lost by one worker and claimed by another.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn run_in(&self, tenant: &Tenant, state: State, claimed_twice: bool) -> Seeded {
        let run = Seeded { id: Uuid::now_v7(), token: Uuid::new_v4(), old_token: Uuid::new_v4() };
        let claims = 1 + i32::from(claimed_twice);
        let lost = i32::from(claimed_twice) + i32::from(state == State::Lost);
        sqlx::query(INSERT_RUN)
            .bind(run.id)
            .bind(tenant.id)
            .bind(tenant.pipeline_id)
            .bind(tenant.version_id)
            .bind(state.status())
            .bind(state == State::Expired)
            .bind(state == State::QueuedAgain)
            .bind(lost)
            .bind(claims)
            // Who was given up did not end the run, so the token does not stay on it.
            .bind((state != State::GivenUp).then_some(run.token))
            .execute(&self.db)
            .await
            .expect("a run in a start state");
        if claimed_twice {
            self.ended_attempt(tenant, run.id, 1, "LOST", run.old_token).await;
        }
        if let Some(outcome) = state.outcome() {
            self.ended_attempt(tenant, run.id, claims, outcome, run.token).await;
        }
        run
    }

    /// The record of an attempt that ended badly.
    async fn ended_attempt(
        &self,
        tenant: &Tenant,
        run_id: Uuid,
        claim_number: i32,
        outcome: &str,
        token: Uuid,
    ) {
        sqlx::query(
            "insert into run_attempts (run_id, claim_number, tenant_id, attempt, outcome, lease_token, claimed_by,
                                       claimed_at, error_message)
             values ($1, $2, $3, 1, $4, $5, case when $2 = 1 then 'first' else 'last' end,
                     now() - interval '9 min', case when $4 = 'FAILED' then 'as stored' end)",
        )
        .bind(run_id)
        .bind(claim_number)
        .bind(tenant.id)
        .bind(outcome)
        .bind(token)
        .execute(&self.db)
        .await
        .expect("an attempt");
    }
}

/// $1 run, $2 tenant, $3 pipeline, $4 version, $5 status, $6 is its lease expired, $7 did an attempt fail,
/// $8 lost, $9 claims, $10 token of the last claim, if it is kept.
const INSERT_RUN: &str = "
    insert into pipeline_runs (
      id, tenant_id, pipeline_id, pipeline_version_id, status, dispatch, available_at, attempt, max_attempts, lost,
      claim_count, claimed_by, claimed_at, lease_token, lease_seconds, lease_expires_at, heartbeat_at, started_at,
      finished_at, error_message, root_run_id)
    select
      $1, $2, $3, $4, $5, 'pull',
      -- Backing off: nobody else may claim it meanwhile.
      now() + case when s.queued then interval '1 hour' else interval '0' end,
      case when $7 then 2 else 1 end, case when $7 then 3 else 1 end, $8, $9,
      case when s.claimed then 'last' end,
      case when s.claimed then now() - interval '9 min' end,
      case when s.claimed then $10::uuid end,
      case when s.claimed then 300 end,
      case when $5 = 'RUNNING' then now() + case when $6 then interval '-1 s' else interval '5 min' end end,
      case when s.claimed then now() - interval '8 min' end,
      now() - interval '9 min',
      case when $5 in ('SUCCEEDED', 'FAILED', 'CANCELLED') then now() - interval '1 min' end,
      case when $5 = 'FAILED' or $7 then 'as stored' end,
      $1
    from (select $5 = 'QUEUED' as queued, $5 <> 'QUEUED' as claimed) s";
