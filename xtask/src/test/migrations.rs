//! Every migration goes up, comes down again, and goes up once more on what is left.

use anyhow::{Context as _, Result, ensure};
use sqlx::PgConnection;
use sqlx::migrate::Migrator;

use super::stack::Backend;
use crate::database;
use crate::paths::Dirs;

/// Migrates a new database up, down and up. Fails when a step fails, or when going down leaves something behind.
pub(super) async fn there_and_back(dirs: &Dirs, backend: &Backend) -> Result<()> {
    let url = backend.new_database("migrations").await?;
    let migrations =
        Migrator::new(dirs.root().join("migrations")).await.context("cannot read migrations/")?;
    let mut connection = database::connect(&url).await?;
    migrations.run(&mut connection).await.context("going up failed")?;
    migrations.undo(&mut connection, 0).await.context("going down failed")?;
    let left = relations(&mut connection).await?;
    ensure!(left.is_empty(), "going down left this behind: {}", left.join(", "));
    migrations.run(&mut connection).await.context("going up again failed")?;
    let there = relations(&mut connection).await?;
    ensure!(!there.is_empty(), "the migrations make nothing");
    Ok(())
}

/// Tables, views, sequences, types and functions in the schema, without those of the migrator.
async fn relations(connection: &mut PgConnection) -> Result<Vec<String>> {
    let names = "select relname::text from pg_class where relnamespace = 'public'::regnamespace
                   and relkind in ('r', 'p', 'v', 'm', 'S') and relname <> '_sqlx_migrations'
                 union all
                 select proname::text from pg_proc where pronamespace = 'public'::regnamespace
                 union all
                 select typname::text from pg_type where typnamespace = 'public'::regnamespace
                   and typtype in ('e', 'd')
                 order by 1";
    Ok(sqlx::query_scalar(names).fetch_all(connection).await?)
}
