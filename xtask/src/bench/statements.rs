//! The verbs' own statements, with arguments in the order of their `$n`. **The one place that knows how `claim.sql`,
//! `complete.sql`, `create.sql` and `list.sql` are called, and which statements work in bulk**: whoever changes a
//! parameter there changes it here.

use anyhow::{Context, Result, bail};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::paths::Dirs;

/// SQL for null. In pgbench's scripts it becomes a variable that nobody sets.
pub const NULL: &str = "null";

/// A statement and what it is given, each argument an SQL expression without a type.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The statement, with `$n`.
    pub sql: String,
    /// For each `$n`.
    pub arguments: Vec<String>,
}

impl Statement {
    fn new(dirs: &Dirs, file: &str, arguments: &[&str]) -> Result<Self> {
        let path = dirs.root().join(file);
        let sql =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self { sql, arguments: arguments.iter().map(|&argument| argument.to_owned()).collect() })
    }

    /// The types that Postgres infers for the parameters. Fails when the statement does not fit the database, or when there
    /// are more or fewer arguments than parameters.
    pub async fn types(&self, connection: &mut PgConnection) -> Result<Vec<String>> {
        let prepare = format!("prepare typed as {}", self.sql);
        sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *connection).await?;
        let types = "select parameter_types::text[] from pg_prepared_statements where name = 'typed'";
        let types: Vec<String> = sqlx::query_scalar(types).fetch_one(&mut *connection).await?;
        sqlx::raw_sql("deallocate typed").execute(connection).await?;
        if types.len() != self.arguments.len() {
            let (wanted, given) = (types.len(), self.arguments.len());
            bail!("a statement has {wanted} parameters, the benchmark gives it {given}: {}", self.sql);
        }
        Ok(types)
    }
}

/// What an execution environment keeps between claims: SQL expressions. The runs of the benchmarks have one priority, so that one mark
/// stands for all ten.
#[derive(Debug, Clone)]
pub struct Memory {
    /// Tenant that had the last turn.
    last_tenant: String,
    /// Arrays: tenants with marks, `available_at` and id of each mark.
    marks: [String; 3],
}

impl Memory {
    /// Before its first claim.
    pub fn new() -> Self {
        let last_tenant = "'00000000-0000-0000-0000-000000000000'".to_owned();
        Self { last_tenant, marks: ["'{}'"; 3].map(str::to_owned) }
    }

    /// Of a pgbench script that claims runs of `tenant`: what its last claim has answered, in variables that begin with `prefix`
    /// and are an empty array, or an empty text for null, before the first one.
    pub fn of_script(tenant: &str, prefix: &str) -> Self {
        let ten = |column: &str, of: &str| {
            format!("array_fill((nullif(:{prefix}{column}, '')::{of}[])[1], array[10])")
        };
        let marks =
            [format!("array[{tenant}::uuid]"), ten("new_times", "timestamptz"), ten("new_runs", "uuid")];
        Self { marks, ..Self::new() }
    }

    /// After a claim without a tenant, read off the run that was claimed last (EXPLAIN answers no rows).
    pub async fn remember(&mut self, connection: &mut PgConnection) -> Result<()> {
        let last = "select quote_literal(tenant_id) from pipeline_runs where status = 'RUNNING' order by claimed_at desc limit 1";
        self.last_tenant =
            sqlx::query_scalar(last).fetch_one(connection).await.context("no run was claimed")?;
        Ok(())
    }
}

/// What a claim takes: up to `size` runs of `tenant`, or of any if that is [`NULL`].
pub fn claim(dirs: &Dirs, tenant: &str, memory: &Memory, size: u32) -> Result<Statement> {
    let size = format!("'{size}'");
    let [tenants, times, runs] = &memory.marks;
    #[rustfmt::skip]
    let arguments = [
        tenant, NULL, "'false'", "'worker-1'", "'300'", NULL, &size, "'32'", &memory.last_tenant, NULL, tenants, times, runs,
        "'true'", NULL, "'false'",
    ];
    Statement::new(dirs, "shared/sql/claim.sql", &arguments)
}

/// A success without output.
pub fn complete(dirs: &Dirs, tenant: &str, run: &str, token: &str) -> Result<Statement> {
    Statement::new(dirs, "shared/sql/complete.sql", &[tenant, run, token, NULL])
}

/// A run without parameters that waits for a claim.
pub fn create(dirs: &Dirs, id: &str, tenant: &str, version: &str) -> Result<Statement> {
    #[rustfmt::skip]
    let arguments = [
        id, tenant, version, "'manual'", "'{}'", NULL, "'5'", "'{}'", "'pull'", NULL, NULL, "'3'", NULL, NULL, NULL, NULL,
        NULL, NULL,
    ];
    Statement::new(dirs, "shared/sql/create.sql", &arguments)
}

/// A page of a tenant's runs, all of them, after a run (`created_at` and id, or null twice: from the newest).
pub fn list(dirs: &Dirs, tenant: &str, after: [&str; 2], rows: u32) -> Result<Statement> {
    let [created_at, id] = after;
    let rows = format!("'{rows}'");
    #[rustfmt::skip]
    let arguments = [tenant, NULL, NULL, NULL, NULL, NULL, NULL, NULL, created_at, id, &rows, "'0'"];
    Statement::new(dirs, "shared/sql/list.sql", &arguments)
}

/// The completions of `size` runs of a tenant at once: successes without output.
pub fn complete_all(dirs: &Dirs, tenant: &str, ids: &str, tokens: &str, size: u32) -> Result<Statement> {
    let each = |value: &str| format!("array_fill({value}, array[{size}])");
    let tenants = each(&format!("{tenant}::uuid"));
    let [no, yes, json, text] = ["false", "true", "null::jsonb", "null::text"].map(each);
    Statement::new(
        dirs,
        "shared/sql/complete_all.sql",
        &[&tenants, ids, tokens, &no, &yes, &json, &text, &text],
    )
}

/// `size` runs without parameters at once, all waiting for a claim.
pub fn create_all(dirs: &Dirs, tenant: &str, version: &str, size: u32) -> Result<Statement> {
    let each = |value: &str| format!("array_fill({value}, array[{size}])");
    let ids = format!("(select array_agg(uuidv7()) from generate_series(1, {size}))");
    let [tenants, versions] = [tenant, version].map(|id| each(&format!("{id}::uuid")));
    #[rustfmt::skip]
    let [trigger, object, text, priority, pull, time, number, max_lost, bytes, json, uuid] = [
        "'manual'::text", "'{}'::jsonb", "null::text", "5::smallint", "'pull'::text", "null::timestamptz", "null::integer",
        "3::integer", "null::bytea", "null::jsonb", "null::uuid",
    ].map(each);
    #[rustfmt::skip]
    let arguments = [
        &ids, &tenants, &versions, &trigger, &object, &text, &priority, &object, &pull, &time, &number, &max_lost, &text, &bytes,
        &time, &text, &json, &uuid, &time, &text,
    ];
    Statement::new(dirs, "shared/sql/create_all.sql", &arguments.map(String::as_str))
}
