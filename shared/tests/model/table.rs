//! The database of the model: what is in it, what may never be in it, and how time passes in it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use chrono::{DateTime, Utc};
use runplane::dag::ParamsCache;
use serde_json::Value;
use sqlx::postgres::PgConnectOptions;
use sqlx::types::Json;
use sqlx::{ConnectOptions, PgConnection, Row as _};
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::reference::{Facts, Micros};
use crate::world::World;

/// One connection, on which every case runs after the other.
pub struct Lab {
    runtime: Runtime,
    conn: RefCell<PgConnection>,
    pub world: World,
    pub cache: ParamsCache,
}

/// A run as the table has it.
#[derive(sqlx::FromRow)]
pub struct Row {
    #[sqlx(flatten)]
    pub facts: Facts,
    /// As [`crate::reference::T::ALL`] names them.
    pub times: Vec<Option<DateTime<Utc>>>,
    /// Each as claim number, attempt, outcome, token, claimed by, error code.
    pub ended: Value,
    /// Each as step, run attempt, status, output.
    pub steps: Value,
}

/// What Postgres says after a step.
pub struct Verdict {
    pub now: Micros,
    /// Invariants that do not hold.
    pub broken: Vec<String>,
    /// How many live leases each tenant and each pipeline has.
    pub leases: BTreeMap<Uuid, i32>,
}

impl Lab {
    /// Puts the world into an empty database.
    pub fn new(options: &PgConnectOptions) -> Rc<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // As the functions have it (db::Db), but for the time that a statement may take.
        let options = options.clone().options([("plan_cache_mode", "force_generic_plan"), ("jit", "off")]);
        let (conn, world) = runtime.block_on(async {
            let mut conn = options.connect().await.unwrap();
            let world = World::make(&mut conn).await;
            (conn, world)
        });
        Rc::new(Self { runtime, conn: RefCell::new(conn), world, cache: ParamsCache::default() })
    }

    /// A verb.
    pub fn call<T>(&self, verb: impl AsyncFnOnce(&mut PgConnection) -> T) -> T {
        let mut conn = self.conn.borrow_mut();
        self.runtime.block_on(verb(&mut conn))
    }

    /// No run, no limit, and the same random pauses every time, so that a case fails as it failed before. (To truncate seven
    /// tables takes longer than half a case.)
    pub fn clear(&self) {
        self.call(async |conn| {
            sqlx::raw_sql(
                "delete from pipeline_runs;
                 update tenants set max_running = null, paused = false;
                 update pipelines set max_running = null, paused = false;
                 select setseed(0);",
            )
            .execute(conn)
            .await
            .unwrap();
        });
    }

    /// Time passes: everything that was written lies so much further back.
    pub fn pass(&self, minutes: i64) {
        self.call(async |conn| {
            for statement in SHIFTS {
                sqlx::query(statement).bind(minutes as f64).execute(&mut *conn).await.unwrap();
            }
        });
    }

    /// A run that waits for another attempt waits half a minute longer.
    pub fn wait_longer(&self, id: Uuid) {
        self.call(async |conn| {
            let update = sqlx::query(
                "update pipeline_runs set available_at = available_at + interval '30 s', dispatch_due_at = dispatch_due_at + interval '30 s'
                 where id = $1",
            );
            update.bind(id).execute(conn).await.unwrap();
        });
    }

    pub fn rows(&self) -> Vec<Row> {
        self.call(async |conn| sqlx::query_as(ROWS).fetch_all(conn).await.unwrap())
    }

    pub fn verdict(&self) -> Verdict {
        let row = self.call(async |conn| sqlx::query(INVARIANTS).fetch_one(conn).await.unwrap());
        let leases: Json<BTreeMap<Uuid, i32>> = row.get("leases");
        Verdict {
            now: row.get::<DateTime<Utc>, _>("now").timestamp_micros(),
            broken: row.get("broken"),
            leases: leases.0,
        }
    }
}

const ROWS: &str = "
    select id, tenant_id, pipeline_id, pipeline_version_id, status, trigger_type, queue, priority, dispatch, dispatches, attempt,
      max_attempts, lost, max_lost, claim_count, claimed_by, lease_seconds, lease_token, output, error_code,
      case when error_code is distinct from 'lease_expired' and error_code is distinct from 'expired' then error_message end as error_message,
      retry_of_run_id, root_run_id, idempotency_key, concurrency_key,
      array[dispatch_due_at, redispatch_at, available_at, queued_at, claimed_at, lease_expires_at, heartbeat_at, started_at,
        finished_at, start_by, created_at, updated_at] as times,
      (select coalesce(jsonb_agg(jsonb_build_array(
          a.claim_number, a.attempt, a.outcome, a.lease_token, a.claimed_by, a.error_code) order by a.claim_number), '[]')
       from run_attempts a where a.run_id = r.id) as ended,
      (select coalesce(jsonb_agg(jsonb_build_array(s.step_id, s.run_attempt, s.status, s.output) order by s.step_id), '[]')
       from run_steps s where s.run_id = r.id) as steps
    from pipeline_runs r
    order by id";

const SHIFTS: [&str; 3] = [
    "update pipeline_runs
     set dispatch_due_at = dispatch_due_at - make_interval(secs => $1 * 60), redispatch_at = redispatch_at - make_interval(secs => $1 * 60),
       available_at = available_at - make_interval(secs => $1 * 60), queued_at = queued_at - make_interval(secs => $1 * 60),
       claimed_at = claimed_at - make_interval(secs => $1 * 60), lease_expires_at = lease_expires_at - make_interval(secs => $1 * 60),
       heartbeat_at = heartbeat_at - make_interval(secs => $1 * 60), started_at = started_at - make_interval(secs => $1 * 60),
       finished_at = finished_at - make_interval(secs => $1 * 60), start_by = start_by - make_interval(secs => $1 * 60),
       created_at = created_at - make_interval(secs => $1 * 60), updated_at = updated_at - make_interval(secs => $1 * 60)",
    "update run_attempts
     set claimed_at = claimed_at - make_interval(secs => $1 * 60), ended_at = ended_at - make_interval(secs => $1 * 60)",
    "update run_steps
     set started_at = started_at - make_interval(secs => $1 * 60), finished_at = finished_at - make_interval(secs => $1 * 60),
       updated_at = updated_at - make_interval(secs => $1 * 60)",
];

/// What never holds whatever was done. That no lease is given beyond a limit is seen by who compares `leases` with those before.
const INVARIANTS: &str = "
    select clock_timestamp() as now,
      array_remove(array[
        case when exists (
          select from pipeline_runs r
          left join pipelines p on p.id = r.pipeline_id and p.tenant_id = r.tenant_id
          left join pipeline_versions v on v.id = r.pipeline_version_id and v.tenant_id = r.tenant_id and v.pipeline_id = p.id
          where v.id is null) then 'a run is another tenant''s than its pipeline and version' end,
        case when exists (
          select from pipeline_runs r
          join (select run_id as id, tenant_id from run_attempts
                union all select run_id, tenant_id from run_steps
                union all select run_id, tenant_id from run_logs
                union all select id, tenant_id from run_list) o on o.id = r.id
          where o.tenant_id <> r.tenant_id) then 'what belongs to a run is another tenant''s' end,
        case when exists (
          select from pipeline_runs r join pipeline_runs o on o.id = r.retry_of_run_id or o.id = r.root_run_id
          where o.tenant_id <> r.tenant_id) then 'a retry is another tenant''s than its run' end,
        case when exists (select from pipeline_runs where attempt > max_attempts) then 'attempt > max_attempts' end,
        case when exists (select from pipeline_runs where lost > max_lost) then 'lost > max_lost' end,
        case when exists (
          select from run_attempts a join pipeline_runs r on r.id = a.run_id
          group by r.id having count(*) filter (where a.outcome = 'FAILED') > r.max_attempts
            or count(*) filter (where a.outcome = 'LOST') > r.max_lost + 1) then 'more attempts ended badly than may be' end,
        case when exists (
          select from pipeline_runs where status = 'RUNNING' and concurrency_key is not null
          group by tenant_id, concurrency_key having count(*) > 1) then 'a concurrency key is RUNNING twice' end,
        case when exists (
          select from pipeline_runs where idempotency_key is not null
          group by tenant_id, idempotency_key having count(*) > 1) then 'an idempotency key has two runs' end,
        case when exists (
          select from (
            select lease_token from run_attempts
            -- A run that FAILED keeps the token of its last attempt.
            union all select lease_token from pipeline_runs where lease_token is not null and status <> 'FAILED') t
          group by lease_token having count(*) > 1) then 'a token has ended two attempts, or fences two' end,
        case when exists (
          select from pipeline_runs r
          where r.status = 'FAILED' and not exists (
            select from run_attempts a
            where a.run_id = r.id and a.claim_number = r.claim_count and (r.lease_token is null or a.lease_token = r.lease_token)))
          then 'a run FAILED, and its last attempt is not kept' end,
        case when (select count(*) from run_list) <> (select count(*) from pipeline_runs) then 'the list has other runs' end
      ], null) as broken,
      (select coalesce(jsonb_object_agg(o.id, o.leases), '{}')
       from (
         select unnest(array[tenant_id, pipeline_id]) as id, count(*) as leases
         from pipeline_runs where status = 'RUNNING' and lease_expires_at > now()
         group by 1) o) as leases";
