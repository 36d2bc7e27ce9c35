//! The database of the old service: one snapshot, read only, every value as text.
//!
//! Its columns differ from one installation to the next (older ones lack some, and have times without a zone), so that what
//! is asked of it is put together here, from names that stand in this program, and is not checked when this is compiled.
//! As text every value arrives, whatever the type of its column.

mod table;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _};
use uuid::Uuid;

pub(super) use table::{MAX_TEXT, Raw, Table};

/// The source, in a transaction that sees one moment of it.
pub(super) struct Source {
    conn: PgConnection,
    /// By table: the columns it has, with the names of their types.
    columns: HashMap<String, HashMap<String, String>>,
    tenants: Vec<Uuid>,
}

/// A batch ends with the rows that make it larger than this, in bytes.
const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;
/// So many rows are fetched at once: the more the smaller those before were.
const MIN_FETCH: u32 = 4;
const MAX_FETCH: u32 = 100;

impl Source {
    /// Connects and takes the snapshot. Only rows of `tenants` are read, of all if there are none.
    ///
    /// # Errors
    /// When it cannot be reached, or is no database of the old service.
    pub async fn open(url: &str, tenants: &[Uuid]) -> Result<Self> {
        let options: PgConnectOptions = url.parse().context("--from is no postgres:// URL")?;
        // Read only twice over: as the default of the session and in the transaction.
        // A long snapshot with pauses in it is what an import is; limits of the server are not meant for that.
        let options = options
            .application_name("runplane import")
            .options([
                ("default_transaction_read_only", "on"),
                ("DateStyle", "ISO"),
                ("statement_timeout", "0"),
                ("idle_in_transaction_session_timeout", "0"),
            ])
            // What is imported does not belong into a log.
            .disable_statement_logging();
        let mut conn = options.connect().await.context("cannot connect to --from")?;
        conn.execute("begin transaction isolation level repeatable read read only").await?;
        // So that a time without a zone is read as UTC.
        conn.execute("set local time zone 'UTC'").await?;
        let rows = sqlx::query_as::<_, (String, String, String)>(
            "select table_name::text, column_name::text, udt_name::text from information_schema.columns
             where table_schema = any (current_schemas(false))",
        )
        .fetch_all(&mut conn)
        .await?;
        let mut columns: HashMap<String, HashMap<String, String>> = HashMap::new();
        for (table, column, kind) in rows {
            columns.entry(table).or_default().insert(column, kind);
        }
        if columns.get("pipeline_runs").is_some_and(|runs| runs.contains_key("lease_token")) {
            bail!("--from is a database of Runplane itself: there is nothing to import from it");
        }
        Ok(Self { conn, columns, tenants: tenants.to_vec() })
    }

    /// Whether it has this table.
    pub fn has(&self, table: &str) -> bool {
        self.columns.contains_key(table)
    }

    /// Whether this table has this column.
    pub fn has_column(&self, table: &str, column: &str) -> bool {
        self.columns.get(table).is_some_and(|columns| columns.contains_key(column))
    }

    /// Begins to read a table; `filter` is a condition of SQL.
    ///
    /// # Errors
    /// When the table or a required column is missing.
    pub async fn read(&mut self, table: Table, filter: &str, order: &str) -> Result<Reading> {
        let Some(there) = self.columns.get(table.name) else {
            bail!("--from has no table {}: it is no database of the replaced service", table.name);
        };
        if let Some(missing) = table.required.iter().find(|column| !there.contains_key(**column)) {
            bail!("--from has no column {}.{missing}: it is no database of the replaced service", table.name);
        }
        let columns: Arc<[&str]> = table.required.iter().chain(table.optional).copied().collect();
        let selected: Vec<String> = columns
            .iter()
            .map(|column| match column {
                column if !there.contains_key(*column) => "null::text".to_owned(),
                column if table.times.contains(column) => format!("{column}::timestamptz::text"),
                column if table.long.contains(column) => format!("left({column}::text, {})", MAX_TEXT + 1),
                column => format!("{column}::text"),
            })
            .collect();
        let sql = format!(
            "declare rows_of_{name} no scroll cursor for select {} from {name} where {} and {filter} {order}",
            selected.join(", "),
            self.of_tenants(table.tenant),
            name = table.name,
        );
        self.conn
            .execute(sqlx::raw_sql(AssertSqlSafe(sql)))
            .await
            .with_context(|| format!("cannot read {}", table.name))?;
        Ok(Reading { table, columns, done: false, fetch: MIN_FETCH })
    }

    /// A condition of SQL: the rows of the tenants that are asked for.
    fn of_tenants(&self, column: &str) -> String {
        if self.tenants.is_empty() {
            return "true".to_owned();
        }
        let ids: Vec<String> = self.tenants.iter().map(|id| format!("'{id}'")).collect();
        format!("lower({column}::text) in ({})", ids.join(", "))
    }

    /// The next rows, at most `max`; none at the end.
    ///
    /// # Errors
    /// [`sqlx::Error`].
    pub async fn batch(&mut self, reading: &mut Reading, max: usize) -> Result<Vec<Raw>, sqlx::Error> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while !reading.done && batch.len() < max && bytes < MAX_BATCH_BYTES {
            let left = u32::try_from(max - batch.len()).unwrap_or(MAX_FETCH).min(reading.fetch);
            let bytes_before = bytes;
            let sql = format!("fetch {left} from rows_of_{}", reading.table.name);
            let rows = self.conn.fetch_all(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
            reading.done = rows.is_empty();
            for row in rows {
                let values =
                    (0..reading.columns.len()).map(|at| row.try_get(at)).collect::<Result<_, _>>()?;
                let raw = Raw::new(Arc::clone(&reading.columns), values);
                bytes += raw.bytes();
                batch.push(raw);
            }
            let are_large = bytes - bytes_before > MAX_BATCH_BYTES / 8;
            reading.fetch = if are_large { MIN_FETCH } else { MAX_FETCH.min(reading.fetch * 2) };
            if reading.done {
                let sql = format!("close rows_of_{}", reading.table.name);
                self.conn.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
            }
        }
        Ok(batch)
    }

    /// Ids that stand more than once in a table, in letters of different case; in lower case.
    ///
    /// # Errors
    /// [`sqlx::Error`].
    pub async fn ids_given_twice(&mut self, table: Table) -> Result<HashSet<String>, sqlx::Error> {
        let sql = format!("select lower(id::text) from {} group by 1 having count(*) > 1", table.name);
        let ids: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut self.conn).await?;
        Ok(ids.into_iter().collect())
    }

    /// Some columns of the rows with these ids, which may stand there in letters of another case. A column that is missing is null.
    ///
    /// # Errors
    /// [`sqlx::Error`].
    pub async fn look_up<const N: usize>(
        &mut self,
        table: &str,
        columns: [&str; N],
        ids: &[Uuid],
    ) -> Result<Vec<[Option<String>; N]>, sqlx::Error> {
        let there = self.columns.get(table);
        let selected = columns.map(|column| match there.is_some_and(|there| there.contains_key(column)) {
            true => format!("{column}::text"),
            false => "null::text".to_owned(),
        });
        // A cast of the column would keep Postgres from using the index.
        let kind = there.and_then(|there| there.get("id")).map_or("text", String::as_str);
        let sql =
            format!("select {} from {table} where id = any ($1::text[]::{kind}[])", selected.join(", "));
        let spellings: Vec<String> =
            ids.iter().flat_map(|id| [id.to_string(), id.to_string().to_uppercase()]).collect();
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(spellings).fetch_all(&mut self.conn).await?;
        rows.into_iter()
            .map(|row| {
                let mut values = [const { None }; N];
                for (at, value) in values.iter_mut().enumerate() {
                    *value = row.try_get(at)?;
                }
                Ok(values)
            })
            .collect()
    }

    /// How many rows of a table meet a condition of SQL, by a column of it or another expression.
    ///
    /// # Errors
    /// [`sqlx::Error`].
    pub async fn count_by(
        &mut self,
        table: &str,
        expression: &str,
        filter: &str,
    ) -> Result<Vec<(Option<String>, i64)>, sqlx::Error> {
        let tenants = self.of_tenants("tenant_id");
        let sql = format!(
            "select ({expression})::text, count(*) from {table} where {tenants} and {filter} group by 1 order by 1"
        );
        sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&mut self.conn).await
    }

    /// Who else is connected to this database, one phrase each.
    ///
    /// # Errors
    /// [`sqlx::Error`].
    pub async fn other_sessions(&mut self) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar(
            "select format('%s (pid %s%s)', coalesce(nullif(application_name, ''), 'a program without a name'), pid,
                           ', from ' || host(client_addr))
             from pg_stat_activity
             where datname = current_database() and pid <> pg_backend_pid() and usesysid is not null
               and coalesce(backend_type, 'client backend') = 'client backend'
             order by pid",
        )
        .fetch_all(&mut self.conn)
        .await
    }

    /// Ends the snapshot.
    ///
    /// # Errors
    /// [`sqlx::Error`].
    pub async fn close(mut self) -> Result<(), sqlx::Error> {
        self.conn.execute("rollback").await?;
        self.conn.close().await
    }
}

/// How far a table has been read.
pub(super) struct Reading {
    table: Table,
    columns: Arc<[&'static str]>,
    done: bool,
    fetch: u32,
}
