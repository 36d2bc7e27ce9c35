//! The migrations that are missing, one after the other, each in a transaction of its own.

use std::collections::HashMap;

use sqlx::PgConnection;
use sqlx::migrate::{Migrate as _, MigrateError, Migration, Migrator};

use super::{MigrateFailure, Progress, failure};
use crate::MIGRATOR;

/// sqlx's table of what was applied.
const TABLE: &str = "_sqlx_migrations";

/// A schema that has every migration of this version.
pub(super) struct Schema {
    pub newest: String,
    pub applied: Vec<String>,
}

/// The newest migration of this version: `20261127000002`. Templates name it, so that a deployment with a new one applies it.
pub fn newest() -> i64 {
    ups(&MIGRATOR).map(|migration| migration.version).max().unwrap_or_default()
}

/// Applies what is missing. What the database has and this version does not know stays: an older version was deployed again, whose functions work on
/// the newer schema. The caller holds the lock.
pub(super) async fn bring_up(conn: &mut PgConnection, progress: &Progress) -> Result<Schema, MigrateFailure> {
    let mut migrator = Migrator::with_migrations(MIGRATOR.iter().cloned().collect());
    migrator.set_ignore_missing(true);
    let unrecorded =
        "select to_regclass('_sqlx_migrations') is null and to_regclass('pipeline_runs') is not null";
    if sqlx::query_scalar(unrecorded).fetch_one(&mut *conn).await? {
        return Err(MigrateFailure::Unrecorded);
    }
    conn.ensure_migrations_table(TABLE).await.map_err(failure::of_schema)?;
    let there = conn.list_applied_migrations(TABLE).await.map_err(failure::of_schema)?;
    let there: HashMap<_, _> = there.into_iter().map(|one| (one.version, one.checksum)).collect();
    // All of them before the first is applied.
    let changed =
        |one: &&Migration| there.get(&one.version).is_some_and(|checksum| *checksum != one.checksum);
    if let Some(migration) = ups(&migrator).find(changed) {
        return Err(MigrateFailure::Changed(name(migration)));
    }
    let mut applied = Vec::new();
    for migration in ups(&migrator).filter(|one| !there.contains_key(&one.version)) {
        let migration = (migration.version, name(migration));
        progress.now(format!("applying migration {}", migration.1));
        migrator.run_to(migration.0, &mut *conn).await.map_err(|error| match error {
            MigrateError::ExecuteMigration(cause, _) | MigrateError::Execute(cause) => {
                MigrateFailure::Migration { migration: migration.1.clone(), cause }
            }
            other => MigrateFailure::Migrations(other.to_string()),
        })?;
        tracing::info!(migration = migration.1, "a migration was applied");
        applied.push(migration.1);
    }
    let newest = sqlx::query_scalar::<_, i64>("select max(m.version) from _sqlx_migrations m");
    let newest = newest.fetch_one(conn).await?.to_string();
    Ok(Schema { newest, applied })
}

/// Those that lead forward.
fn ups(migrator: &Migrator) -> impl Iterator<Item = &Migration> {
    migrator.iter().filter(|migration| !migration.migration_type.is_down_migration())
}

/// As its file is called, but for `.up.sql`.
fn name(migration: &Migration) -> String {
    format!("{}_{}", migration.version, migration.description.replace(' ', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is half done after a crash could not be told from what is done.
    #[test]
    fn every_migration_is_one_transaction() {
        for migration in MIGRATOR.iter() {
            assert!(!migration.no_tx, "{} is not in a transaction", name(migration));
            let text = migration.sql.as_str().to_lowercase();
            // With the semicolon: in functions `begin` has none, and `end` stands for another thing.
            let ends = |line: &str| ["commit;", "rollback;", "abort;", "begin;"].contains(&line.trim());
            assert_eq!(text.lines().find(|line| ends(line)), None, "{}", name(migration));
            let concurrently = text.lines().find(|line| line.contains(" concurrently"));
            assert_eq!(concurrently, None, "{} does what no transaction can", name(migration));
        }
    }

    #[test]
    fn a_migration_is_called_as_its_file() {
        let last = ups(&MIGRATOR).last().unwrap();
        assert_eq!(last.version, newest());
        let file = format!("{}/../migrations/{}.up.sql", env!("CARGO_MANIFEST_DIR"), name(last));
        assert!(std::path::Path::new(&file).is_file(), "{file}");
    }
}
