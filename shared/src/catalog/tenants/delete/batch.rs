//! The statements of a batch, and their order.

use chrono::{DateTime, Utc};
use sqlx::Executor as _;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::{BatchSize, Deleted};

/// What is deleted, in this order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    Leases,
    Runs,
    Schedules,
    Versions,
    Rest,
    Tenant,
}

impl Stage {
    pub(super) fn next(self) -> Option<Self> {
        match self {
            Self::Leases => Some(Self::Runs),
            Self::Runs => Some(Self::Schedules),
            Self::Schedules => Some(Self::Versions),
            Self::Versions => Some(Self::Rest),
            Self::Rest => Some(Self::Tenant),
            Self::Tenant => None,
        }
    }
}

/// What came of one statement.
pub(super) enum Portion {
    /// So much is gone. There may be more of it.
    Deleted(Deleted),
    /// There is none of it, or somebody has locked it.
    NothingLeft,
    /// Something else refers to it.
    InUse,
}

impl Portion {
    fn of_rows(rows: i64) -> Self {
        if rows == 0 { Self::NothingLeft } else { Self::Deleted(Deleted { runs: 0, rows }) }
    }
}

/// A batch that has begun.
pub(super) struct Batch<'a> {
    pub(super) conn: &'a mut PgConnection,
    pub(super) tenant: Uuid,
    pub(super) size: BatchSize,
    /// The place in the list of runs where the walk over them goes on.
    pub(super) after: Option<(DateTime<Utc>, Uuid)>,
}

impl Batch<'_> {
    /// Deletes some of what is next.
    pub(super) async fn portion(&mut self, stage: Stage) -> Result<Portion, sqlx::Error> {
        let (tenant, things) = (self.tenant, self.size.things);
        match stage {
            Stage::Leases => self.leases().await,
            Stage::Runs => self.runs().await,
            Stage::Schedules => {
                let gone = sqlx::query_file!("sql/delete_tenant_schedules.sql", tenant, things);
                let gone = gone.execute(&mut *self.conn).await?.rows_affected();
                Ok(Portion::of_rows(gone as i64))
            }
            Stage::Versions => {
                let delete = async |conn: &mut PgConnection| {
                    sqlx::query_file_scalar!("sql/delete_tenant_versions.sql", tenant, things)
                        .fetch_one(conn)
                        .await
                };
                self.unless_in_use(delete).await
            }
            Stage::Rest => {
                let delete = async |conn: &mut PgConnection| {
                    sqlx::query_file_scalar!("sql/delete_tenant_rest.sql", tenant, things)
                        .fetch_one(conn)
                        .await
                };
                self.unless_in_use(delete).await
            }
            Stage::Tenant => {
                let delete = async |conn: &mut PgConnection| {
                    // Says that nothing is left rather than that there was something: it is the last row.
                    sqlx::query!("delete from tenants t where t.id = $1", tenant)
                        .execute(conn)
                        .await
                        .map(|_| 0)
                };
                self.unless_in_use(delete).await
            }
        }
    }

    async fn leases(&mut self) -> Result<Portion, sqlx::Error> {
        let ended = sqlx::query_file!("sql/delete_tenant_leases.sql", self.tenant, self.size.runs);
        let ended = ended.execute(&mut *self.conn).await?.rows_affected();
        Ok(if ended == 0 { Portion::NothingLeft } else { Portion::Deleted(Deleted::default()) })
    }

    async fn runs(&mut self) -> Result<Portion, sqlx::Error> {
        let (created_at, id) = self.after.unzip();
        let row = sqlx::query_file!(
            "sql/delete_tenant_runs.sql",
            self.tenant,
            self.size.runs,
            self.size.rows,
            created_at,
            id,
        )
        .fetch_one(&mut *self.conn)
        .await?;
        if row.walked == 0 {
            return Ok(Portion::NothingLeft);
        }
        if row.all {
            self.after = row.created_at.zip(row.id);
        }
        Ok(Portion::Deleted(Deleted { runs: row.runs, rows: row.rows }))
    }

    /// Deletes rows, and answers how many; none of them if something else refers to one.
    async fn unless_in_use(
        &mut self,
        delete: impl AsyncFnOnce(&mut PgConnection) -> Result<i64, sqlx::Error>,
    ) -> Result<Portion, sqlx::Error> {
        self.conn.execute(sqlx::raw_sql("savepoint portion")).await?;
        let (end, portion) = match delete(&mut *self.conn).await {
            Ok(rows) => ("release portion", Portion::of_rows(rows)),
            Err(sqlx::Error::Database(error)) if error.is_foreign_key_violation() => {
                ("rollback to portion", Portion::InUse)
            }
            Err(error) => return Err(error),
        };
        self.conn.execute(sqlx::raw_sql(end)).await?;
        Ok(portion)
    }

    /// For the next batch, and for the record.
    pub(super) async fn note(&mut self, deleted: Deleted) -> Result<(), sqlx::Error> {
        let (created_at, id) = self.after.unzip();
        sqlx::query!(
            "update tenant_deletions d
             set runs = d.runs + $2, rows = d.rows + $3, after_created_at = $4, after_id = $5
             where d.tenant_id = $1",
            self.tenant,
            deleted.runs,
            deleted.rows,
            created_at,
            id,
        )
        .execute(&mut *self.conn)
        .await?;
        Ok(())
    }
}
