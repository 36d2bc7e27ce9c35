//! A Postgres of the test's own, with a database in which the good story is told, and forged.

use std::path::Path;

use sqlx::{Connection, PgConnection};
use xtask::chaos::{history, invariants, store};
use xtask::paths::Dirs;
use xtask::{database, postgres};

use crate::story;

/// What names runs, tokens and lines in a forgery: `run('plain')`, and `token('swept', 1)` of its first claim.
const NAMES: &str = "
    create function run(name text) returns uuid language sql stable
    return (select id from pipeline_runs where idempotency_key = name);
    create function token(name text, claim integer) returns uuid language sql stable
    return (select new_token from chaos.run_changes
            where run_id = run(name) and new_status = 'RUNNING' and new_claim_count = claim limit 1);
    create function claim(name text, taken_over boolean default false) returns void language sql
    begin atomic
      select count(*) from lease_runs(array[run(name)], taken_over, 'forger', 300, null, false);
    end;
    create function create_run(name text, like_run text) returns void language sql
    begin atomic
      insert into pipeline_runs (id, root_run_id, tenant_id, pipeline_id, pipeline_version_id, dispatch, max_attempts,
        idempotency_key, request_sha256, concurrency_key)
      select made.id, made.id, r.tenant_id, r.pipeline_id, r.pipeline_version_id, 'pull', r.max_attempts, name, sha256('x'),
        r.concurrency_key
      from pipeline_runs r, gen_random_uuid() made (id)
      where r.id = run(like_run);
    end;
    create function hand_back(name text) returns void language sql
    begin atomic
      update pipeline_runs set status = 'QUEUED', finished_at = null, lease_token = null, lease_expires_at = null, claim_id = null,
        claimed_by = null, claimed_at = null, lease_seconds = null, heartbeat_at = null
      where id = run(name);
    end;
    create function complete(name text) returns void language sql
    begin atomic
      update pipeline_runs set status = 'SUCCEEDED', finished_at = clock_timestamp(), lease_expires_at = null
      where id = run(name);
    end;";

/// A server whose database `runplane` has the story and its ledger.
pub struct Stage {
    pub server: postgres::Server,
}

impl Stage {
    /// `name` is the test's own.
    pub async fn start(name: &str) -> Self {
        let dirs = Dirs::new(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
        let options = postgres::Options {
            name: format!("test-chaos-invariants-{name}"),
            port: None,
            throw_away: true,
            folder: None,
            // It is killed and expected back with its rows, which does not take a disk that survives a power cut.
            settings: vec![("fsync".to_owned(), "off".to_owned())],
        };
        let server = postgres::Server::start(&dirs, options).await.unwrap();
        database::migrate(&dirs, &server.database_url).await.unwrap();
        let mut conn = database::connect(&server.database_url).await.unwrap();
        sqlx::raw_sql(story::SEED).execute(&mut conn).await.unwrap();
        history::install(&mut conn).await.unwrap();
        let entries = story::tell(&mut conn).await;
        store::load(&mut conn, &entries).await.unwrap();
        sqlx::raw_sql(NAMES).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
        Self { server }
    }

    /// A connection to the database with the story.
    pub async fn connect(&self) -> PgConnection {
        database::connect(&self.server.database_url).await.unwrap()
    }

    /// Does this to the story, judges it, and undoes it.
    pub async fn forge(&self, forgery: &'static str) -> Vec<invariants::Checked> {
        let mut conn = self.connect().await;
        let mut undone = conn.begin().await.unwrap();
        sqlx::raw_sql(forgery)
            .execute(&mut *undone)
            .await
            .unwrap_or_else(|error| panic!("{forgery}: {error}"));
        let checked = invariants::check(&mut undone).await.unwrap();
        undone.rollback().await.unwrap();
        checked
    }
}
